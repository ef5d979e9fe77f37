//! Cones of cells, made once for many footprints.

use super::{CellTree, Cone};

/// The most cones that are kept; others are made again for every footprint. Some ten megabytes.
const MAX_CONES: usize = 1 << 17;

/// Levels of which all cells are kept when every shard is wanted.
const LEVELS: u8 = 6;

/// Cones of the cells of the coarsest levels.
#[derive(Debug, Default)]
pub(super) struct Cones(Vec<Level>);

#[derive(Debug)]
struct Level {
    /// Numbers of the cells, ascending; `None` for all cells of the level.
    numbers: Option<Vec<u64>>,
    cones: Vec<Cone>,
}

impl Cones {
    /// The cones of cells no finer than shards: of those that hold one of the shards in the ascending list, or of all.
    pub(super) fn new<T: CellTree>(tree: &T, shard_level: u8, among: Option<&[u64]>) -> Self {
        let mut levels = Vec::new();
        let mut total = 0;
        for level in 0..=shard_level {
            let numbers: Option<Vec<u64>> = among.map(|shards| {
                let mut numbers: Vec<u64> =
                    shards.iter().map(|shard| shard >> (2 * (shard_level - level))).collect();
                numbers.dedup();
                numbers
            });
            let cones: Vec<Cone> = match &numbers {
                Some(numbers) => {
                    total += numbers.len();
                    if total > MAX_CONES {
                        break;
                    }
                    numbers.iter().map(|number| tree.cone(level, *number)).collect()
                }
                None if level < LEVELS => {
                    (0..tree.roots() << (2 * level)).map(|number| tree.cone(level, number)).collect()
                }
                None => break,
            };
            levels.push(Level { numbers, cones });
        }
        Self(levels)
    }

    /// The cone of a cell, if it is kept.
    pub(super) fn get(&self, level: u8, number: u64) -> Option<Cone> {
        let Level { numbers, cones } = self.0.get(usize::from(level))?;
        let at = match numbers {
            Some(numbers) => numbers.binary_search(&number).ok()?,
            None => usize::try_from(number).ok()?,
        };
        cones.get(at).copied()
    }
}
