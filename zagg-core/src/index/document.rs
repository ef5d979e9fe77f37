//! The bytes of an index: gzip of two lines of JSON, the second of which the first vouches for.
//!
//! The format is documented for users in `docs/src/index-format.md`.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::ops::Range;

use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{IndexKey, MAX_BYTES, MAX_STORED_BYTES, StoredError};
use crate::error::{Error, Result};
use crate::grid::Grid;
use crate::hash::sha256_hex;
use crate::rows::Rows;
use crate::source::ObjectIdentity;

const FORMAT: &str = "zagg granule index";

/// Raised whenever a reader of the old form would misunderstand the new one.
const VERSION: u64 = 1;

/// What was learnt of one granule.
#[derive(Debug, Clone, PartialEq)]
pub struct GranuleIndex {
    /// Id of the granule.
    pub granule: String,
    /// The object it was learnt from.
    pub object: ObjectIdentity,
    /// Names of its parts and where their rows are, in the order of the source.
    pub parts: Vec<(String, PartIndex)>,
    /// What the source keeps, in a form of its own.
    pub source: Value,
}

/// Where the rows of one part are.
#[derive(Debug, Clone, PartialEq)]
pub enum PartIndex {
    /// The source says all there is to say: the part is absent or broken.
    Unlocated,
    /// Its positions cannot be read.
    Hole(StoredError),
    /// It was located.
    Located {
        /// Number of rows.
        rows: u64,
        /// Rows whose position is none.
        bad: u64,
        /// Whether every row was located by its own position. Otherwise rows may stand in several shards.
        exact: bool,
        /// Rows that lie in a shard, or that may.
        shards: BTreeMap<u64, Rows>,
    },
}

#[derive(Serialize, Deserialize)]
struct Head {
    format: String,
    version: u64,
    sha256: String,
}

#[derive(Serialize, Deserialize)]
struct Body {
    granule: String,
    object: ObjectIdentity,
    source_key: String,
    grid: Map<String, Value>,
    parts: Vec<StoredPart>,
    source: Value,
}

#[derive(Serialize, Deserialize)]
struct StoredPart {
    name: String,
    state: StoredState,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredState {
    Unlocated,
    Hole(StoredError),
    Located {
        rows: u64,
        bad_positions: u64,
        exact: bool,
        /// By the shard's label: rows left out, rows taken, and again.
        shards: BTreeMap<String, Vec<u64>>,
    },
}

impl GranuleIndex {
    /// The bytes of the index, the same for equal indexes.
    ///
    /// # Errors
    /// When it is longer than an index may be.
    pub fn encode(&self, key: &IndexKey, grid: &dyn Grid) -> Result<Bytes> {
        let body = Body {
            granule: self.granule.clone(),
            object: self.object.clone(),
            source_key: key.source().to_string(),
            grid: key.grid().as_object().cloned().unwrap_or_default(),
            parts: self
                .parts
                .iter()
                .map(|(name, part)| StoredPart { name: name.clone(), state: StoredState::new(part, grid) })
                .collect(),
            source: self.source.clone(),
        };
        let body = to_json(&body)?;
        let head = Head { format: FORMAT.into(), version: VERSION, sha256: sha256_hex(body.as_bytes()) };
        let text = format!("{}\n{body}\n", to_json(&head)?);
        let failed = |error: std::io::Error| Error::from_io(&error, "compressing an index");
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text.as_bytes()).map_err(failed)?;
        let bytes = encoder.finish().map_err(failed)?;
        if text.len() as u64 > MAX_BYTES || bytes.len() as u64 > MAX_STORED_BYTES {
            return Err(Error::unsupported(format!(
                "its index has {} bytes, of which an index may have {MAX_BYTES}",
                text.len()
            )));
        }
        Ok(bytes.into())
    }

    /// Reads the index of a granule, and checks everything that can be checked without the granule.
    ///
    /// # Errors
    /// When it is not the index of this granule for this key, or is broken in any way.
    pub fn decode(bytes: &[u8], granule: &str, key: &IndexKey, grid: &dyn Grid) -> Result<Self> {
        let text = unpack(bytes)?;
        let (head, body) = text.split_once('\n').ok_or_else(|| Error::corrupt("it is cut short"))?;
        let body = body.strip_suffix('\n').unwrap_or(body);
        let head: Head =
            serde_json::from_str(head).map_err(|_| Error::corrupt("it is not a granule index of zagg"))?;
        if head.format != FORMAT {
            return Err(Error::corrupt("it is not a granule index of zagg"));
        }
        if head.version != VERSION {
            return Err(Error::unsupported(format!(
                "it has version {}; this zagg reads version {VERSION}",
                head.version
            )));
        }
        if sha256_hex(body.as_bytes()) != head.sha256 {
            return Err(Error::corrupt("its checksum does not match"));
        }
        let body: Body = serde_json::from_str(body)
            .map_err(|error| Error::corrupt(format!("it is not a granule index of zagg: {error}")))?;
        if body.granule != granule {
            return Err(Error::corrupt(format!("it is the index of granule {}", body.granule)));
        }
        if body.source_key != key.source() {
            return Err(Error::changed("it was made for other datasets or by another reader"));
        }
        if !key.has_grid(body.grid) {
            return Err(Error::changed("it was made for another grid"));
        }
        let part = |part: StoredPart| Ok((part.name, part.state.part(grid)?));
        let parts = body.parts.into_iter().map(part).collect::<Result<_>>()?;
        Ok(Self { granule: body.granule, object: body.object, parts, source: body.source })
    }
}

fn to_json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::io(format!("an index as JSON: {error}")))
}

/// Unpacks an index, never more than an index may have.
fn unpack(bytes: &[u8]) -> Result<String> {
    let too_long = || Error::unsupported(format!("it is longer than {MAX_BYTES} bytes"));
    if bytes.len() as u64 > MAX_STORED_BYTES {
        return Err(too_long());
    }
    let mut text = String::new();
    GzDecoder::new(bytes)
        .take(MAX_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|error| Error::corrupt(format!("it cannot be unpacked: {error}")))?;
    if text.len() as u64 > MAX_BYTES { Err(too_long()) } else { Ok(text) }
}

impl StoredState {
    fn new(part: &PartIndex, grid: &dyn Grid) -> Self {
        match part {
            PartIndex::Unlocated => Self::Unlocated,
            PartIndex::Hole(error) => Self::Hole(error.clone()),
            PartIndex::Located { rows, bad, exact, shards } => {
                let shards =
                    shards.iter().map(|(&shard, rows)| (grid.shard_label(shard), pairs(rows))).collect();
                Self::Located { rows: *rows, bad_positions: *bad, exact: *exact, shards }
            }
        }
    }

    fn part(self, grid: &dyn Grid) -> Result<PartIndex> {
        Ok(match self {
            Self::Unlocated => PartIndex::Unlocated,
            Self::Hole(error) => PartIndex::Hole(error),
            Self::Located { rows, bad_positions, exact, shards } => {
                let mut ranges = BTreeMap::new();
                let mut placed = bad_positions;
                for (label, pairs) in shards {
                    let shard = grid.shard_from_label(&label)?;
                    let inside = from_pairs(&pairs).filter(|inside| inside.end() <= rows);
                    let inside = inside.ok_or_else(|| {
                        Error::corrupt(format!("its rows of shard {label} are not rows of the part"))
                    })?;
                    placed = placed.saturating_add(inside.len());
                    ranges.insert(shard, inside);
                }
                if exact && placed > rows {
                    return Err(Error::corrupt(format!("it places {placed} rows of {rows}")));
                }
                PartIndex::Located { rows, bad: bad_positions, exact, shards: ranges }
            }
        })
    }
}

/// Rows as numbers: how many are left out, how many follow, and again.
fn pairs(rows: &Rows) -> Vec<u64> {
    let mut end = 0;
    let mut pairs = Vec::with_capacity(2 * rows.ranges().len());
    for range in rows.ranges() {
        pairs.extend([range.start - end, range.end - range.start]);
        end = range.end;
    }
    pairs
}

/// The rows of such numbers; `None` when they run out of numbers or are not written as [`pairs`] writes them.
fn from_pairs(pairs: &[u64]) -> Option<Rows> {
    let (pairs, []) = pairs.as_chunks::<2>() else { return None };
    let mut ranges: Vec<Range<u64>> = Vec::with_capacity(pairs.len());
    let mut end = 0u64;
    for [gap, len] in pairs {
        let start = end.checked_add(*gap)?;
        end = start.checked_add(*len)?;
        if *len == 0 || (*gap == 0 && !ranges.is_empty()) {
            return None;
        }
        ranges.push(start..end);
    }
    Some(Rows::from_ranges(ranges))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_survive_as_pairs(ranges in prop::collection::vec((0u64..1 << 40, 0u64..99), 0..20)) {
            let rows = Rows::from_ranges(ranges.into_iter().map(|(start, len)| start..start + len));
            prop_assert_eq!(from_pairs(&pairs(&rows)), Some(rows));
        }
    }

    #[test]
    fn pairs_that_are_no_rows_are_refused() {
        for pairs in [vec![3], vec![3, 0], vec![0, 4, 0, 2], vec![u64::MAX, 1], vec![2, u64::MAX]] {
            assert_eq!(from_pairs(&pairs), None, "{pairs:?}");
        }
        assert_eq!(from_pairs(&[]), Some(Rows::default()));
    }

    #[test]
    fn what_unfolds_without_end_is_refused() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        for _ in 0..=(MAX_BYTES >> 20) {
            encoder.write_all(&vec![b' '; 1 << 20]).unwrap();
        }
        let bytes = encoder.finish().unwrap();
        assert!((bytes.len() as u64) < MAX_STORED_BYTES);
        assert_eq!(unpack(&bytes).unwrap_err().message(), "it is longer than 8388608 bytes");
    }
}
