//! From a located granule to its index, and back.

use std::sync::Arc;

use super::{Located, Part, Watched};
use crate::error::{Error, Result};
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
    pub(crate) fn index(&self, id: &str) -> Result<Option<GranuleIndex>> {
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
        let part =
            |(info, part)| Ok((PartInfo::clone(info).name, part_index(info, part, object.location())?));
        let parts = parts.map(part).collect::<Result<_>>()?;
        let object = ObjectIdentity::of(&**object);
        Ok(Some(GranuleIndex { granule: id.to_string(), object, parts, source }))
    }
}

/// What an index keeps of one part of a granule that was read at `location`.
fn part_index(info: &PartInfo, part: &Part, location: &str) -> Result<PartIndex> {
    let PartState::Present { rows } = info.state else { return Ok(PartIndex::Unlocated) };
    Ok(match part {
        Part::Absent => PartIndex::Unlocated,
        Part::Hole(error) => match StoredError::new(error, location) {
            Some(error) => PartIndex::Hole(error),
            None => return Err(error.clone().context(format_args!("part {}", info.name))),
        },
        Part::Candidates { shards, exact, bad } => {
            PartIndex::Located { rows, bad: *bad, exact: *exact, shards: shards.clone() }
        }
        Part::Exact { runs, shards, bad } => {
            // Touching runs of a shard become one range.
            let rows_of = |numbers: &[u32]| {
                Rows::from_ranges(numbers.iter().map(|&number| runs[number as usize].rows.clone()))
            };
            let shards = shards.iter().map(|(&shard, numbers)| (shard, rows_of(numbers))).collect();
            PartIndex::Located { rows, bad: *bad, exact: true, shards }
        }
    })
}
