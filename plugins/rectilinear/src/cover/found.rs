//! The shards of a cover while it is made.

use std::collections::BTreeSet;

use zagg_core::{Error, Result};

use super::wanted::Wanted;

/// The most shards a cover may have; a finer cover of a large area would exhaust memory before anyone could use it.
pub(super) const MAX_SHARDS: usize = 1 << 21;

/// Shards up to which there is a bit for each: 4 MiB.
const MAX_BITS: u64 = 1 << 25;

/// What is wrong with a footprint of so many shards.
pub(super) fn too_many() -> Error {
    Error::input(format!(
        "the footprint covers more than {MAX_SHARDS} shards; use a smaller area or a larger output.grid.chunk_shape"
    ))
}

/// The shards found so far.
pub(super) struct Found<'a> {
    /// Those that are looked for, if not all. Kept are places in their list then.
    wanted: Option<&'a Wanted<'a>>,
    kept: Kept,
}

/// Numbers: a bit for each, or a set when they are very many.
enum Kept {
    Bits(Vec<u64>, usize),
    Set(BTreeSet<u64>),
}

impl<'a> Found<'a> {
    /// None yet of a grid with so many.
    pub(super) fn of(count: u64, wanted: Option<&'a Wanted<'a>>) -> Self {
        let count = wanted.map_or(count, |wanted| wanted.shards().len() as u64);
        let kept = if count <= MAX_BITS {
            Kept::Bits(vec![0; count.div_ceil(64) as usize], 0)
        } else {
            Kept::Set(BTreeSet::new())
        };
        Self { wanted, kept }
    }

    /// What stands for a shard, if it is looked for.
    fn number(&self, shard: u64) -> Option<u64> {
        self.wanted.map_or(Some(shard), |wanted| wanted.place(shard))
    }

    /// Whether nothing is to be found any more of a shard of the grid.
    pub(super) fn contains(&self, shard: u64) -> bool {
        self.number(shard).is_none_or(|number| match &self.kept {
            Kept::Bits(bits, _) => bits[(number / 64) as usize] >> (number % 64) & 1 == 1,
            Kept::Set(set) => set.contains(&number),
        })
    }

    /// Adds a shard of the grid, if it is looked for.
    pub(super) fn insert(&mut self, shard: u64) -> Result<()> {
        let Some(number) = self.number(shard) else { return Ok(()) };
        let count = match &mut self.kept {
            Kept::Bits(bits, count) => {
                let (word, bit) = (&mut bits[(number / 64) as usize], 1 << (number % 64));
                *count += usize::from(*word & bit == 0);
                *word |= bit;
                *count
            }
            Kept::Set(set) => {
                set.insert(number);
                set.len()
            }
        };
        if count > MAX_SHARDS { Err(too_many()) } else { Ok(()) }
    }

    /// All of them.
    pub(super) fn ascending(self) -> Vec<u64> {
        let numbers: Vec<u64> = match self.kept {
            Kept::Bits(bits, _) => {
                let set = |(i, word): (u64, u64)| {
                    (0..64).filter(move |b| word >> b & 1 == 1).map(move |b| 64 * i + b)
                };
                (0..).zip(bits).flat_map(set).collect()
            }
            Kept::Set(set) => set.into_iter().collect(),
        };
        match self.wanted {
            Some(wanted) => {
                numbers.into_iter().filter_map(|n| wanted.shards().get(n as usize).copied()).collect()
            }
            None => numbers,
        }
    }
}
