//! Ids of cells beside a compact array, as runs of consecutive ones: what tells where a cell is when no plan does.

use zagg_core::{Error, Result, Values};
use zagg_zarr::ZarrStore;

/// Most runs: the shards of the largest store, and room for areas of interest. Bounds memory.
const MAX_RUNS: usize = 1 << 24;

/// Runs of consecutive ids, ascending.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Runs(Vec<Run>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    /// First id.
    first: u64,
    /// Ids.
    length: u64,
    /// Place of the first id.
    place: u64,
}

impl Runs {
    /// Reads the ids of an array of ascending numbers.
    ///
    /// # Errors
    /// When they cannot be read, are no ids or do not ascend.
    pub(crate) fn read(store: &ZarrStore, group: &str, array: &str, length: u64, block: u64) -> Result<Self> {
        let blocks: Vec<Vec<u64>> = (0..length.div_ceil(block.max(1))).map(|number| vec![number]).collect();
        let mut runs = Self::default();
        store.read_blocks(group, array, &blocks, |at, values| {
            let Values::UInt64(ids) = values else {
                return Err(Error::unsupported(format!("array {group}/{array} holds no ids of cells")));
            };
            let start = at.first().copied().unwrap_or(0).saturating_mul(block);
            ids.iter().zip(start..).try_for_each(|(&id, place)| {
                runs.push(id, place).map_err(|error| error.context(format!("array {group}/{array}")))
            })
        })?;
        Ok(runs)
    }

    fn push(&mut self, id: u64, place: u64) -> Result<()> {
        // A cell that no task has written yet.
        if id == u64::MAX {
            return Ok(());
        }
        let runs = self.0.len();
        match self.0.last_mut() {
            Some(run) if run.first + run.length == id && run.place + run.length == place => run.length += 1,
            Some(run) if run.first + run.length > id => {
                return Err(Error::corrupt(format!(
                    "the id {id} comes after {}",
                    run.first + run.length - 1
                )));
            }
            _ if runs >= MAX_RUNS => {
                return Err(Error::unsupported("its ids are too many apart from each other"));
            }
            _ => self.0.push(Run { first: id, length: 1, place }),
        }
        Ok(())
    }

    /// Where the cell with this id is.
    pub(crate) fn place(&self, id: u64) -> Option<u64> {
        let at = self.0.partition_point(|run| run.first <= id).checked_sub(1)?;
        let run = self.0[at];
        (id - run.first < run.length).then_some(run.place + (id - run.first))
    }

    /// The numbers that all ids have when their last `bits` are cut off, ascending, each once.
    pub(crate) fn prefixes(&self, bits: u32) -> Vec<u64> {
        let mut prefixes: Vec<u64> = Vec::new();
        for run in &self.0 {
            let (first, last) = (run.first >> bits, (run.first + (run.length - 1)) >> bits);
            let from = prefixes.last().map_or(first, |&before| first.max(before + 1));
            prefixes.extend(from..=last);
        }
        prefixes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_again() {
        let ids = [4u64, 5, 6, 7, 32, 33, 100];
        let mut runs = Runs::default();
        for (place, id) in ids.iter().enumerate() {
            runs.push(*id, place as u64).unwrap();
        }
        assert_eq!(runs.0.len(), 3);
        for id in 0..200 {
            assert_eq!(runs.place(id), ids.iter().position(|one| *one == id).map(|at| at as u64), "{id}");
        }
        assert_eq!(runs.prefixes(2), [1, 8, 25]);
        assert_eq!(runs.prefixes(5), [0, 1, 3]);
        assert_eq!(runs.prefixes(8), [0]);
        assert!(runs.push(100, 7).is_err());
        assert!(runs.push(7, 7).is_err());
        runs.push(u64::MAX, 7).unwrap();
        assert_eq!(Runs::default().place(0), None);
    }
}
