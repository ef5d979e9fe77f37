//! The level record of a shard: values of the levels that shards share blocks of, and partial states.
//!
//! Layout: 8 bytes `zagglev1`, the length of the header as a little-endian u64, the header as JSON, the numbers it announces
//! in little-endian order one after the other, and the SHA-256 of everything before. Records may be damaged or made up:
//! nothing in them is trusted before the digest fits, nor beyond bounds after.

use serde::{Deserialize, Serialize};

use crate::column::{DType, Values};
use crate::error::{Error, Result};
use crate::statistic::Output;

const MAGIC: &[u8; 8] = b"zagglev1";
/// Bytes of a digest.
const DIGEST: usize = 32;

/// What finalize makes the coarser levels of one shard from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LevelRecord {
    /// Values of the levels that shards share blocks of.
    pub levels: Vec<LevelValues>,
    /// States of the whole shard, for levels coarser than it.
    pub states: Vec<VariableStates>,
}

/// Values of one level.
#[derive(Debug, Clone, PartialEq)]
pub struct LevelValues {
    /// Name of the level's group.
    pub group: String,
    /// Values of every variable.
    pub variables: Vec<VariableValues>,
}

/// Values of one variable.
#[derive(Debug, Clone, PartialEq)]
pub struct VariableValues {
    /// Name of the variable.
    pub name: String,
    /// Places in the shard's block of the cells that have a value, ascending.
    pub places: Vec<u32>,
    /// The value of each.
    pub output: Output,
}

/// State of one variable over the whole shard.
#[derive(Debug, Clone, PartialEq)]
pub struct VariableStates {
    /// Name of the variable.
    pub name: String,
    /// Name and version of the form of the state.
    pub form: String,
    /// The state; none when the shard has no row for it.
    pub state: Option<Vec<f64>>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    shard: String,
    store: String,
    levels: Vec<LevelHeader>,
    states: Vec<StatesHeader>,
}

#[derive(Serialize, Deserialize)]
struct LevelHeader {
    group: String,
    variables: Vec<VariableHeader>,
}

#[derive(Serialize, Deserialize)]
struct VariableHeader {
    name: String,
    dtype: String,
    cells: u64,
    numbers: u64,
    ragged: bool,
}

#[derive(Serialize, Deserialize)]
struct StatesHeader {
    name: String,
    form: String,
    numbers: Option<u64>,
}

impl LevelRecord {
    /// The bytes of the record of a shard of a store.
    ///
    /// # Errors
    /// When the header cannot be written as JSON.
    pub fn encode(&self, shard: &str, store: &str) -> Result<Vec<u8>> {
        let header = Header {
            shard: shard.into(),
            store: store.into(),
            levels: self.levels.iter().map(LevelHeader::of).collect(),
            states: self
                .states
                .iter()
                .map(|s| StatesHeader {
                    name: s.name.clone(),
                    form: s.form.clone(),
                    numbers: s.state.as_ref().map(|state| state.len() as u64),
                })
                .collect(),
        };
        let header =
            serde_json::to_vec(&header).map_err(|error| Error::io(format!("a level record: {error}")))?;
        let mut bytes = MAGIC.to_vec();
        bytes.extend((header.len() as u64).to_le_bytes());
        bytes.extend(header);
        for variable in self.levels.iter().flat_map(|level| &level.variables) {
            bytes.extend(variable.places.iter().flat_map(|place| place.to_le_bytes()));
            if let Some(offsets) = &variable.output.offsets {
                bytes.extend(offsets.iter().flat_map(|offset| offset.to_le_bytes()));
            }
            bytes.extend(variable.output.values.to_le_bytes());
        }
        for state in self.states.iter().filter_map(|s| s.state.as_ref()) {
            bytes.extend(state.iter().flat_map(|x| x.to_le_bytes()));
        }
        let digest = crate::hash::sha256(&bytes);
        bytes.extend(digest);
        Ok(bytes)
    }

    /// The record of a shard of a store from its bytes.
    ///
    /// # Errors
    /// When the bytes are damaged, of another version, or those of another shard or store.
    pub fn decode(bytes: &[u8], shard: &str, store: &str) -> Result<Self> {
        let damaged = || Error::corrupt("is damaged; run its shard again");
        let end = bytes.len().checked_sub(DIGEST).ok_or_else(damaged)?;
        let (content, digest) = bytes.split_at(end);
        if !content.starts_with(MAGIC) {
            return Err(Error::unsupported("is of another version of zagg; run its shard again"));
        }
        if crate::hash::sha256(content) != digest {
            return Err(damaged());
        }
        let mut rest = Bytes(&content[MAGIC.len()..]);
        let length = u64::from_le_bytes(rest.array().ok_or_else(damaged)?);
        let header = rest.take(length).ok_or_else(damaged)?;
        let header: Header = serde_json::from_slice(header).map_err(|_| damaged())?;
        if header.shard != shard || header.store != store {
            return Err(Error::corrupt("belongs to another shard or store; run its shard again"));
        }
        let mut record = Self::default();
        for level in header.levels {
            let variables = level.variables.into_iter().map(|v| rest.variable(v)).collect::<Option<Vec<_>>>();
            record.levels.push(LevelValues { group: level.group, variables: variables.ok_or_else(damaged)? });
        }
        for StatesHeader { name, form, numbers } in header.states {
            let state = match numbers {
                None => None,
                Some(n) => Some(rest.numbers(n, f64::from_le_bytes).ok_or_else(damaged)?),
            };
            record.states.push(VariableStates { name, form, state });
        }
        if rest.0.is_empty() { Ok(record) } else { Err(damaged()) }
    }
}

impl LevelHeader {
    fn of(level: &LevelValues) -> Self {
        let variables = level
            .variables
            .iter()
            .map(|v| VariableHeader {
                name: v.name.clone(),
                dtype: v.output.values.dtype().name().into(),
                cells: v.places.len() as u64,
                numbers: v.output.values.len() as u64,
                ragged: v.output.offsets.is_some(),
            })
            .collect();
        Self { group: level.group.clone(), variables }
    }
}

/// The bytes that are left.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, n: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(n).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N as u64)?.try_into().ok()
    }

    fn numbers<T, const N: usize>(&mut self, n: u64, of: impl Fn([u8; N]) -> T) -> Option<Vec<T>> {
        let bytes = self.take(n.checked_mul(N as u64)?)?;
        Some(bytes.chunks_exact(N).filter_map(|x| x.try_into().ok()).map(of).collect())
    }

    fn variable(&mut self, header: VariableHeader) -> Option<VariableValues> {
        let dtype = DType::parse(&header.dtype)?;
        let places = self.numbers(header.cells, u32::from_le_bytes)?;
        let offsets = match header.ragged {
            true => Some(self.numbers(header.cells.checked_add(1)?, u64::from_le_bytes)?),
            false => None,
        };
        let bytes = self.take(header.numbers.checked_mul(dtype.size() as u64)?)?;
        let output = Output { values: Values::from_le_bytes(dtype, bytes)?, offsets };
        Some(VariableValues { name: header.name, places, output })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> LevelRecord {
        let dense = |values| Output::dense(values);
        LevelRecord {
            levels: vec![LevelValues {
                group: "8".into(),
                variables: vec![
                    VariableValues {
                        name: "count".into(),
                        places: vec![0, 7],
                        output: dense(Values::Int32(vec![3, -4])),
                    },
                    VariableValues {
                        name: "digest".into(),
                        places: vec![7],
                        output: Output {
                            values: Values::Float32(vec![1.0, 2.0, f32::NAN, 4.0]),
                            offsets: Some(vec![0, 2]),
                        },
                    },
                ],
            }],
            states: vec![
                VariableStates { name: "count".into(), form: "count/1".into(), state: Some(vec![7.0]) },
                VariableStates { name: "other".into(), form: "count/1".into(), state: None },
            ],
        }
    }

    #[test]
    fn records_come_back_and_no_damage_goes_unseen() {
        let bytes = record().encode("-51", "store").unwrap();
        let back = LevelRecord::decode(&bytes, "-51", "store").unwrap();
        assert_eq!(format!("{back:?}"), format!("{:?}", record()));
        assert!(LevelRecord::decode(&bytes, "-52", "store").is_err());
        assert!(LevelRecord::decode(&bytes, "-51", "other").is_err());
        for at in 0..bytes.len() {
            assert!(LevelRecord::decode(&bytes[..at], "-51", "store").is_err());
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x11;
            assert!(LevelRecord::decode(&damaged, "-51", "store").is_err());
        }
    }

    #[test]
    fn lengths_that_lie_are_refused_though_the_digest_fits() {
        let bytes = record().encode("-51", "store").unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        for (old, new) in [("\"cells\":2", "\"cells\":9"), ("\"numbers\":4", "\"numbers\":8")] {
            assert!(text.contains(old));
            let at = bytes.windows(old.len()).position(|w| w == old.as_bytes()).unwrap();
            let mut lie = bytes[..bytes.len() - DIGEST].to_vec();
            lie[at..at + old.len()].copy_from_slice(new.as_bytes());
            lie.extend(crate::hash::sha256(&lie));
            assert!(LevelRecord::decode(&lie, "-51", "store").is_err(), "{old}");
        }
    }
}
