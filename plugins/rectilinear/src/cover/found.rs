//! The shards of a cover while it is made.

use std::collections::BTreeSet;

use zagg_core::{Error, Result};

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

/// The shards found so far: a bit for each of the grid's, or a set when they are very many.
pub(super) enum Found {
    Bits(Vec<u64>, usize),
    Set(BTreeSet<u64>),
}

impl Found {
    /// None yet of so many.
    pub(super) fn of(count: u64) -> Self {
        if count <= MAX_BITS {
            Self::Bits(vec![0; count.div_ceil(64) as usize], 0)
        } else {
            Self::Set(BTreeSet::new())
        }
    }

    /// Whether a shard of the grid is among them.
    pub(super) fn contains(&self, shard: u64) -> bool {
        match self {
            Self::Bits(bits, _) => bits[(shard / 64) as usize] >> (shard % 64) & 1 == 1,
            Self::Set(set) => set.contains(&shard),
        }
    }

    /// Adds a shard of the grid.
    pub(super) fn insert(&mut self, shard: u64) -> Result<()> {
        let count = match self {
            Self::Bits(bits, count) => {
                let (word, bit) = (&mut bits[(shard / 64) as usize], 1 << (shard % 64));
                *count += usize::from(*word & bit == 0);
                *word |= bit;
                *count
            }
            Self::Set(set) => {
                set.insert(shard);
                set.len()
            }
        };
        if count > MAX_SHARDS { Err(too_many()) } else { Ok(()) }
    }

    /// All of them.
    pub(super) fn ascending(self) -> Vec<u64> {
        match self {
            Self::Bits(bits, _) => {
                let set = |(i, word): (u64, u64)| {
                    (0..64).filter(move |b| word >> b & 1 == 1).map(move |b| 64 * i + b)
                };
                (0..).zip(bits).flat_map(set).collect()
            }
            Self::Set(set) => set.into_iter().collect(),
        }
    }
}
