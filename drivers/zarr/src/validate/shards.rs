//! One shard after the other: its record, its blocks and its coordinates.

use std::collections::BTreeMap;

use serde_json::Value;
use zagg_core::grid::CoordinateExtent;
use zagg_core::levels::{Level, Writer};
use zagg_core::product::{AOI_MASK, Product};
use zagg_core::records::{self, LevelRecord, ShardState};
use zagg_core::store::{Store, Written};
use zagg_core::{Error, ErrorKind, Result, Values};

use super::blocks::{Cells, Reader};
use super::findings::{Check, Findings};
use super::levels::{Coarser, Counts};
use super::nodes::{Array, Nodes};
use super::numbers::{Gathered, Number};
use super::variables::Variables;
use crate::store::ZarrStore;

/// What the blocks of shards are checked against.
pub(super) struct Shards<'a> {
    pub(super) store: &'a ZarrStore,
    pub(super) product: &'a Product,
    pub(super) nodes: &'a Nodes,
    pub(super) reader: Reader<'a>,
    pub(super) variables: Variables,
    pub(super) identity: String,
}

/// What came of one shard.
#[derive(Debug, Default)]
pub(super) struct OfShard {
    pub(super) findings: Findings,
    pub(super) written: Written,
    /// Blocks that were decoded.
    pub(super) blocks: u64,
    pub(super) done: bool,
    /// Whether it is written from what the plan lists now.
    current: bool,
    /// What the cells of the shard have together, for each variable with a rule, by its number.
    pub(super) whole: BTreeMap<usize, Gathered>,
}

/// A shard and where it lies.
pub(super) struct Shard<'a> {
    pub(super) id: u64,
    pub(super) label: String,
    /// Position along each dimension, counted in shards.
    pub(super) position: Vec<u64>,
    /// The levels coarser than the leaf that the shard has cells of.
    pub(super) coarser: Vec<Coarser<'a>>,
}

/// Cells that are wrong in one way: how many, and the first.
#[derive(Default)]
pub(super) struct Wrong {
    cells: u64,
    first: Option<(usize, String)>,
}

impl Wrong {
    pub(super) fn add(&mut self, place: usize, text: impl FnOnce() -> String) {
        self.cells += 1;
        self.first.get_or_insert_with(|| (place, text()));
    }

    pub(super) fn report(
        self,
        check: Check,
        array: &Array,
        label: &str,
        what: &str,
        findings: &mut Findings,
    ) {
        if let Some((place, text)) = self.first {
            let n = self.cells;
            let message = format!("shard {label}: {n} cells {what}; the first at place {place}: {text}");
            findings.add(check, &array.path, message);
        }
    }
}

impl Shards<'_> {
    /// Arrays whose blocks the tasks of shards write, at one level.
    pub(super) fn task_arrays(&self, level: &Level) -> Vec<&Array> {
        if level.writer != Writer::Tasks {
            return Vec::new();
        }
        let variables = self.variables.all.iter().map(|variable| variable.name.clone());
        variables
            .chain(self.product.coordinates_with_level(level))
            .chain(self.product.has_mask(level).then(|| AOI_MASK.to_string()))
            .filter_map(|name| self.nodes.array(&level.group, &name))
            .filter(|array| array.layout.block_shape.starts_with(&level.block_shape))
            .collect()
    }

    /// Everything about one shard.
    ///
    /// # Errors
    /// When a failure is likely to pass, or the grid breaks its contract.
    pub(super) fn check(&self, shard: u64) -> Result<OfShard> {
        let mut of = OfShard::default();
        let shard = Shard {
            id: shard,
            label: self.product.grid.shard_label(shard),
            position: self.product.position(shard),
            coarser: self.coarser(shard)?,
        };
        let record = self.record(&shard, &mut of)?;
        let counts = self.counts(&shard, &mut of)?;
        for number in (0..self.variables.all.len()).filter(|number| !self.variables.counts.contains(number)) {
            self.variable(number, &shard, &counts, &mut of)?;
        }
        for level in &self.product.levels {
            self.coordinates(level, &shard, &mut of)?;
            self.mask(level, &shard, &mut of)?;
        }
        if let Some(record) = record {
            self.against_record(&record, &shard.label, &counts, &mut of);
        }
        Ok(of)
    }

    /// The record of a shard that is written, as far as it can be read.
    fn record(&self, shard: &Shard<'_>, of: &mut OfShard) -> Result<Option<Value>> {
        let label = shard.label.as_str();
        let state = records::shard_state(self.product, self.store, shard.id);
        of.done = state == ShardState::Done;
        of.current = matches!(state, ShardState::Done | ShardState::Incomplete(_));
        if !of.done {
            of.findings.add(Check::Shards, &format!("shard {label}"), state.reason());
        }
        if !state.is_written() {
            return Ok(None);
        }
        if self.product.levels.iter().any(|level| level.writer != Writer::Tasks) {
            let name = format!("levels/{label}.bin");
            let record = self
                .store
                .read_record(&name)
                .and_then(|bytes| bytes.ok_or_else(|| Error::not_found("is gone; run its shard again")))
                .and_then(|bytes| LevelRecord::decode(&bytes, label, &self.identity));
            if let Err(error) = record {
                passing(&error)?;
                of.findings.add(
                    Check::Shards,
                    &format!("shard {label}"),
                    format!("the record {name} {error}"),
                );
            }
        }
        let bytes = self.store.read_record(&format!("shards/{label}.json"))?.unwrap_or_default();
        Ok(serde_json::from_slice(&bytes).ok())
    }

    /// The block of a shard in an array whose blocks belong to one shard each; counts it into the digest.
    pub(super) fn own(
        &self,
        array: &Array,
        level: &Level,
        position: &[u64],
        of: &mut OfShard,
    ) -> Result<Option<Cells>> {
        if level.writer != Writer::Tasks || !array.layout.block_shape.starts_with(&level.block_shape) {
            return Ok(None);
        }
        let mut block = position.to_vec();
        block.resize(array.layout.shape.len(), 0);
        match self.reader.block(array, &block) {
            Ok((written, cells)) => {
                of.blocks += written.objects;
                of.written += written;
                Ok(Some(cells))
            }
            Err(error) => {
                passing(&error)?;
                of.findings.add(Check::Blocks, &Reader::name(array, &block), error.message());
                Ok(None)
            }
        }
    }

    /// What a shard has of an array whose blocks several shards share.
    pub(super) fn shared(&self, array: &Array, level: &Level, position: &[u64]) -> Result<Option<Values>> {
        if array.layout.shape.len() != level.layout.shard_shape.len() {
            return Ok(None);
        }
        let origin: Vec<u64> = position
            .iter()
            .zip(&level.layout.shard_shape)
            .map(|(at, size)| at.saturating_mul(*size))
            .collect();
        match self.reader.region(array, &origin, &level.layout.shard_shape) {
            // That the array is cut otherwise than the plan says is found with its metadata.
            Err(error) if error.kind() == ErrorKind::Corrupt => Ok(None),
            other => other,
        }
    }

    /// Whether the coordinates of a shard's cells are those of its cells.
    fn coordinates(&self, level: &Level, shard: &Shard<'_>, of: &mut OfShard) -> Result<()> {
        if level.writer == Writer::Merge {
            return Ok(());
        }
        let with_level = self.product.coordinates_with_level(level);
        let coordinates = self.product.grid.coordinates(level.level);
        for coordinate in coordinates.iter().filter(|c| c.extent == CoordinateExtent::Cells) {
            let Some(array) = self.nodes.array(&level.group, &coordinate.name) else { continue };
            let own = level.writer == Writer::Tasks && with_level.contains(&coordinate.name);
            let found = match own {
                true => match self.own(array, level, &shard.position, of)? {
                    Some(Cells::Dense(values)) => Some(values),
                    _ => None,
                },
                false => self.shared(array, level, &shard.position)?,
            };
            let Some(found) = found else { continue };
            let cells = self.product.grid.cells_of_shard(shard.id, level.level);
            let expected = self.product.grid.cell_coordinate(&coordinate.name, level.level, &cells)?;
            differing(&expected, &found).report(
                Check::Coordinates,
                array,
                &shard.label,
                "are not those of the shard",
                &mut of.findings,
            );
        }
        Ok(())
    }

    /// Whether the mask of a shard is that of the plan.
    fn mask(&self, level: &Level, shard: &Shard<'_>, of: &mut OfShard) -> Result<()> {
        if !self.product.has_mask(level) {
            return Ok(());
        }
        let Some(array) = self.nodes.array(&level.group, AOI_MASK) else { return Ok(()) };
        let Some(Cells::Dense(found)) = self.own(array, level, &shard.position, of)? else { return Ok(()) };
        // Of a shard of an earlier map, or one made from other granules or another area, the plan says nothing.
        let expected = self.product.mask_of(level, shard.id).filter(|_| of.current);
        if let Some(expected) = expected {
            let what = "do not say whether they lie in the area of interest";
            differing(&expected, &found).report(Check::Blocks, array, &shard.label, what, &mut of.findings);
        }
        Ok(())
    }

    /// What the record says of the blocks that are there.
    fn against_record(
        &self,
        record: &Value,
        label: &str,
        counts: &BTreeMap<String, Counts>,
        of: &mut OfShard,
    ) {
        let place = format!("shard {label}");
        let mut fault = |message: String| of.findings.add(Check::Shards, &place, message);
        if let Some(digest) = record["digest"].as_str()
            && digest != format!("{:016x}", of.written.digest)
        {
            fault(format!(
                "its {} objects are not the ones that its task wrote: one is missing, changed or moved",
                of.written.objects
            ));
        }
        let leaf = self.product.levels.first().and_then(|leaf| counts.get(&leaf.group));
        for (at, counts) in leaf.into_iter().flatten().enumerate() {
            let number = self.variables.counts[at];
            let name = &self.variables.all[number].name;
            let (Some(values), Some(array)) =
                (counts, self.product.levels.first().and_then(|leaf| self.nodes.array(&leaf.group, name)))
            else {
                continue;
            };
            let fill = fill(array);
            let (mut cells, mut rows) = (0u64, 0f64);
            for number in (0..values.len()).filter_map(|i| Number::at(values, i)).filter(|n| !n.is(fill)) {
                cells += 1;
                rows += match number {
                    Number::Integer(n) => n as f64,
                    Number::Float(x) => x,
                };
            }
            let said = (record["cells"].as_u64().unwrap_or(0), record["rows_kept"].as_u64().unwrap_or(0));
            // A count of one column leaves out rows that miss it; a count of all rows is exact.
            let exact = self.variables.rows == Some(at);
            let close = |found: f64, said: f64| {
                found <= said * (1.0 + 1e-6) && (!exact || found >= said * (1.0 - 1e-6))
            };
            if !close(cells as f64, said.0 as f64) || !close(rows, said.1 as f64) {
                fault(format!(
                    "{name} counts {rows} rows in {cells} cells, but the record says {} rows in {} cells",
                    said.1, said.0
                ));
            }
        }
    }
}

/// Fails with an error that is likely to pass: it says nothing about the store.
pub(super) fn passing(error: &Error) -> Result<()> {
    match error.kind() {
        ErrorKind::Temporary => Err(error.clone()),
        _ => Ok(()),
    }
}

pub(super) fn fill(array: &Array) -> Number {
    Number::at(&array.layout.fill, 0).unwrap_or(Number::Integer(0))
}

/// Where two lists of values differ, bit by bit.
fn differing(expected: &Values, found: &Values) -> Wrong {
    let mut wrong = Wrong::default();
    if expected.dtype() != found.dtype() || expected.len() != found.len() {
        wrong.add(0, || {
            format!("{} {} where {} {} belong", found.len(), found.dtype(), expected.len(), expected.dtype())
        });
        return wrong;
    }
    let size = expected.dtype().size();
    let (a, b) = (expected.to_le_bytes(), found.to_le_bytes());
    if a == b {
        return wrong;
    }
    for (place, (a, b)) in a.chunks_exact(size).zip(b.chunks_exact(size)).enumerate() {
        if a != b {
            let text =
                |values: &Values| Number::at(values, place).map_or_else(String::new, |n| n.to_string());
            wrong.add(place, || format!("{} instead of {}", text(found), text(expected)));
        }
    }
    wrong
}

/// Compares the values of a whole coordinate.
pub(super) fn whole_coordinate(array: &Array, expected: &Values, found: &Values, findings: &mut Findings) {
    let wrong = differing(expected, found);
    if let Some((place, text)) = wrong.first {
        let message =
            format!("{} values are not those of the grid; the first at place {place}: {text}", wrong.cells);
        findings.add(Check::Coordinates, &array.path, message);
    }
}
