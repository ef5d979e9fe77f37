//! Whether the levels of a shard and its variables agree with each other.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use zagg_core::levels::{Level, Writer};
use zagg_core::{Error, Result, Values};

use super::blocks::Cells;
use super::findings::Check;
use super::nodes::Array;
use super::numbers::{Gathered, Number, Rule};
use super::shards::{OfShard, Shard, Shards, Wrong, fill};
use crate::values;

/// What is wrong with cells that a count says are empty.
const HOLD: &str = "hold something though no row counts there";

/// A level coarser than the leaf that a shard has cells of, with the place of the parent of each leaf cell.
pub(super) struct Coarser<'a> {
    pub(super) level: &'a Level,
    pub(super) parents: Vec<u32>,
}

/// Counts of the cells of a shard at one level, in the order of the counts of the pipeline.
pub(super) type Counts = Vec<Option<Values>>;

impl Shards<'_> {
    /// The levels coarser than the leaf that a shard has cells of.
    ///
    /// # Errors
    /// When the grid breaks its contract.
    pub(super) fn coarser(&self, shard: u64) -> Result<Vec<Coarser<'_>>> {
        let grid = &self.product.grid;
        let mut levels = self.product.levels.iter();
        let Some(leaf) = levels.next() else { return Ok(Vec::new()) };
        if self.product.levels.len() == 1 {
            return Ok(Vec::new());
        }
        let cells = grid.cells_of_shard(shard, leaf.level);
        let mut above = vec![0; cells.len()];
        levels
            .filter(|level| level.writer != Writer::Merge)
            .map(|level| {
                grid.parents(&cells, level.level, &mut above);
                let mut parents = vec![0; cells.len()];
                grid.offsets_in_shard(shard, level.level, &above, &mut parents);
                let inside = level.layout.cells_per_shard();
                match parents.iter().all(|&place| u64::from(place) < inside) {
                    true => Ok(Coarser { level, parents }),
                    false => Err(Error::plugin("the grid put a cell outside of its shard")),
                }
            })
            .collect()
    }

    /// The counts of the shard at the leaf and at every coarser level, by group; checked against each other.
    pub(super) fn counts(&self, shard: &Shard<'_>, of: &mut OfShard) -> Result<BTreeMap<String, Counts>> {
        let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
        for &number in &self.variables.counts {
            let found = self.variable(number, shard, &BTreeMap::new(), of)?;
            let levels = self.product.levels.iter().filter(|level| level.writer != Writer::Merge);
            for (level, values) in levels.zip(found) {
                counts.entry(level.group.clone()).or_default().push(values);
            }
        }
        // Now that all are there: what is empty by one count has none by another.
        for (at, &number) in self.variables.counts.iter().enumerate() {
            for level in self.product.levels.iter().filter(|level| level.writer != Writer::Merge) {
                let (Some(array), Some(all)) = (
                    self.nodes.array(&level.group, &self.variables.all[number].name),
                    counts.get(&level.group),
                ) else {
                    continue;
                };
                if let Some(Some(values)) = all.get(at) {
                    let cells = Cells::Dense(values.clone());
                    let wrong = Self::emptied(array, level, &cells, &self.emptying(number, Some(all)));
                    wrong.report(Check::Cells, array, &shard.label, HOLD, &mut of.findings);
                }
            }
        }
        Ok(counts)
    }

    /// One variable at the leaf and at every coarser level that the shard has cells of. Gives the values of each level where
    /// they are numbers that could be read.
    pub(super) fn variable(
        &self,
        number: usize,
        shard: &Shard<'_>,
        counts: &BTreeMap<String, Counts>,
        of: &mut OfShard,
    ) -> Result<Vec<Option<Values>>> {
        let Shard { label, position, coarser, .. } = shard;
        let variable = &self.variables.all[number];
        let Some(leaf) = self.product.levels.first() else { return Ok(Vec::new()) };
        let mut found = vec![None; coarser.len() + 1];
        let leaf_array = self.nodes.array(&leaf.group, &variable.name);
        let leaf_cells = match leaf_array {
            Some(array) => self.own(array, leaf, position, of)?,
            None => None,
        };
        if let (Some(array), Some(cells)) = (leaf_array, &leaf_cells) {
            let wrong = Self::emptied(array, leaf, cells, &self.emptying(number, counts.get(&leaf.group)));
            wrong.report(Check::Cells, array, label, HOLD, &mut of.findings);
        }
        let rule = variable.rule.filter(|_| {
            leaf_array.is_some_and(|array| array.layout.shape.len() == leaf.layout.dimensions.len())
        });
        let leaf_values = match (leaf_array, leaf_cells, rule) {
            (Some(array), Some(Cells::Dense(values)), Some(rule)) => Some((array, values, rule)),
            _ => None,
        };
        let empty = self.emptying(number, counts.get(&leaf.group));
        if let Some((array, values, rule)) = &leaf_values {
            let places = vec![0; values.len()];
            let whole = Self::gather((*rule, fill(array)), values, &empty, &places, 1);
            of.whole.extend(whole.first().map(|whole| (number, *whole)));
        }
        for (at, Coarser { level, parents }) in coarser.iter().enumerate() {
            let Some(array) = self.nodes.array(&level.group, &variable.name) else { continue };
            let cells = match level.writer {
                Writer::Tasks => self.own(array, level, position, of)?,
                _ => self.shared(array, level, position)?.map(Cells::Dense),
            };
            let Some(cells) = cells else { continue };
            let wrong = Self::emptied(array, level, &cells, &self.emptying(number, counts.get(&level.group)));
            wrong.report(Check::Cells, array, label, HOLD, &mut of.findings);
            let (Some((leaf_array, values, rule)), Cells::Dense(coarse)) = (&leaf_values, cells) else {
                continue;
            };
            let n = level.layout.cells_per_shard() as usize;
            if coarse.len() == n && values.len() == parents.len() {
                let expected = Self::gather((*rule, fill(leaf_array)), values, &empty, parents, n);
                let mut wrong = Wrong::default();
                let fill = fill(array);
                for (place, expected) in expected.iter().enumerate() {
                    let value = Number::at(&coarse, place).unwrap_or(fill);
                    if !expected.agrees(*rule, value, fill) {
                        wrong.add(place, || {
                            format!("{value}, where {} gives {}", leaf.group, expected.text(fill))
                        });
                    }
                }
                wrong.report(
                    Check::Levels,
                    array,
                    label,
                    "do not follow from those below them",
                    &mut of.findings,
                );
            }
            found[at + 1] = Some(coarse);
        }
        if let Some((_, values, _)) = leaf_values {
            found[0] = Some(values);
        }
        Ok(found)
    }

    /// What the cells of every parent have. `parents` are places among `n`.
    fn gather(
        (rule, fill): (Rule, Number),
        values: &Values,
        empty: &[(&Values, Number)],
        parents: &[u32],
        n: usize,
    ) -> Vec<Gathered> {
        let mut gathered = vec![Gathered::default(); n];
        for (place, &parent) in parents.iter().enumerate() {
            if let (Some(value), Some(gathered)) =
                (Number::at(values, place), gathered.get_mut(parent as usize))
            {
                gathered.add(rule, value, fill, is_empty(empty, place));
            }
        }
        gathered
    }

    /// The counts that leave a variable empty where they are empty themselves, each with its fill value.
    fn emptying<'c>(&self, number: usize, counts: Option<&'c Counts>) -> Vec<(&'c Values, Number)> {
        let by = &self.variables.all[number].emptied_by;
        let known = |&at: &usize| {
            let count = self.variables.all.get(*self.variables.counts.get(at)?)?;
            let array = self.nodes.array(&self.product.levels.first()?.group, &count.name)?;
            let values = counts?.get(at)?.as_ref()?;
            // A fill value that a count of rows can have says nothing.
            Some((values, fill(array))).filter(|(_, fill)| match fill {
                Number::Integer(n) => *n <= 0,
                Number::Float(x) => x.partial_cmp(&0.0) != Some(Ordering::Greater),
            })
        };
        by.iter().filter_map(known).collect()
    }

    /// Finds cells that hold something where a count says that there is nothing.
    fn emptied(array: &Array, level: &Level, cells: &Cells, empty: &[(&Values, Number)]) -> Wrong {
        let mut wrong = Wrong::default();
        let n = level.layout.cells_per_shard() as usize;
        if empty.is_empty() || n == 0 {
            return wrong;
        }
        match cells {
            Cells::Dense(values) => {
                let fill = array.layout.fill.to_le_bytes();
                let bytes = values.to_le_bytes();
                if bytes.len() % n != 0 || bytes.is_empty() {
                    return wrong;
                }
                for (place, cell) in bytes.chunks_exact(bytes.len() / n).enumerate() {
                    if is_empty(empty, place) && !values::is_fill(cell, &fill) {
                        wrong.add(place, || {
                            Number::at(values, place * (values.len() / n))
                                .map_or_else(String::new, |x| x.to_string())
                        });
                    }
                }
            }
            Cells::Ragged { offsets, .. } => {
                for (place, ends) in offsets.windows(2).enumerate() {
                    if is_empty(empty, place) && ends[0] != ends[1] {
                        wrong.add(place, || format!("{} items", ends[1] - ends[0]));
                    }
                }
            }
        }
        wrong
    }
}

/// Whether one of the counts of a cell is empty.
fn is_empty(counts: &[(&Values, Number)], place: usize) -> bool {
    counts.iter().any(|(values, fill)| Number::at(values, place).is_some_and(|n| n.is(*fill)))
}
