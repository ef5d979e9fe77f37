//! From a located granule to its index, and back.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::boxed::Boxed;
use super::runs::Runs;
use super::{Located, Part, Watched};
use crate::error::{Error, Result};
use crate::granules::in_part;
use crate::grid::Grid;
use crate::index::{GranuleIndex, PartIndex, StoredError};
use crate::range_reader::RangeReader;
use crate::rows::Rows;
use crate::source::{ObjectIdentity, OpenGranule, PartInfo, PartState};

impl Located {
    /// The granule of an index, opened from it: no positions are read, and rows are candidates.
    ///
    /// # Errors
    /// When the index speaks of other parts than the granule has.
    pub(crate) fn known(
        granule: Box<dyn OpenGranule>,
        index: &GranuleIndex,
        object: Arc<Watched>,
    ) -> Result<Self> {
        let location = object.location();
        let infos = granule.parts();
        if infos.len() != index.parts.len() {
            return Err(Error::corrupt(format!(
                "it has {} parts, the granule {}",
                index.parts.len(),
                infos.len()
            )));
        }
        let mut parts = Vec::with_capacity(infos.len());
        for (info, (name, part)) in infos.iter().zip(&index.parts) {
            parts.push(match (&info.state, part) {
                _ if info.name != *name => {
                    return Err(Error::corrupt(format!("it has a part {name}, the granule {}", info.name)));
                }
                (PartState::Absent, PartIndex::Unlocated) => Part::Absent,
                (PartState::Broken(error), PartIndex::Unlocated) => Part::Hole(error.clone()),
                (PartState::Present { .. }, PartIndex::Hole(error)) => Part::Hole(error.error(location)),
                (PartState::Present { rows }, PartIndex::Located { rows: known, bad, exact, shards })
                    if rows == known =>
                {
                    Part::Candidates { shards: shards.clone(), exact: *exact, bad: *bad }
                }
                _ => {
                    return Err(Error::corrupt(format!("it speaks of another part {}", info.name)));
                }
            });
        }
        Ok(Self { granule, parts, object: Some(object), known: true })
    }

    /// The index of the granule with this id. `None` when there is nothing to keep: the source keeps no indexes, or the
    /// object cannot be told from another version.
    ///
    /// # Errors
    /// When something could not be read that may be readable the next time; also where that seems a fault of the granule,
    /// as what was not fetched often does.
    pub(crate) fn index(&self, id: &str, grid: &dyn Grid) -> Result<Option<GranuleIndex>> {
        let Some(object) = &self.object else { return Ok(None) };
        if object.etag().is_none() {
            return Ok(None);
        }
        let source = crate::caught(|| self.granule.index());
        if let Some(fault) = object.fault() {
            return Err(fault);
        }
        let Some(source) = source? else { return Ok(None) };
        let infos = self.granule.parts();
        let parts = infos.iter().zip(&self.parts);
        let part = |(number, (info, part)): (usize, (&PartInfo, &Part))| {
            // What was not asked for yet is located now.
            let everywhere = |boxed: &Boxed| boxed.everywhere(number, &*self.granule, grid);
            Ok((info.name.clone(), part_index(info, part, object.location(), everywhere)?))
        };
        let parts = parts.enumerate().map(part).collect::<Result<_>>()?;
        let object = ObjectIdentity::of(&**object);
        Ok(Some(GranuleIndex { granule: id.to_string(), object, parts, source }))
    }
}

/// Rows by shard, and how many have no position.
type Everywhere = (BTreeMap<u64, Rows>, u64);

/// What an index keeps of one part of a granule that was read at `location`.
fn part_index(
    info: &PartInfo,
    part: &Part,
    location: &str,
    everywhere: impl FnOnce(&Boxed) -> Result<Everywhere>,
) -> Result<PartIndex> {
    let PartState::Present { rows } = info.state else { return Ok(PartIndex::Unlocated) };
    let hole = |error: &Error| match StoredError::new(error, location) {
        Some(error) => Ok(PartIndex::Hole(error)),
        None => Err(in_part(error.clone(), &info.name)),
    };
    match part {
        Part::Absent => Ok(PartIndex::Unlocated),
        Part::Hole(error) => hole(error),
        Part::Candidates { shards, exact, bad } => {
            Ok(PartIndex::Located { rows, bad: *bad, exact: *exact, shards: shards.clone() })
        }
        Part::Exact(runs) => Ok(located(rows, runs)),
        // Within a run, whose other tasks want no other shards.
        Part::Banded(banded) => banded.fault().map_or_else(|| Ok(located(rows, &banded.runs)), hole),
        Part::Boxed(boxed) => match everywhere(boxed) {
            Ok((shards, bad)) => Ok(PartIndex::Located { rows, bad, exact: true, shards }),
            Err(error) => hole(&error),
        },
    }
}

/// The rows of every shard of a part that is located.
fn located(rows: u64, runs: &Runs) -> PartIndex {
    // Touching runs of a shard become one range.
    let rows_of = |shard| Rows::from_ranges(runs.in_shard(shard).map(|(_, rows)| rows));
    let shards = runs.shards().map(|shard| (shard, rows_of(shard))).collect();
    PartIndex::Located { rows, bad: runs.bad, exact: true, shards }
}
