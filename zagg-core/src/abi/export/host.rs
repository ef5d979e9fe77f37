//! What the program lends a plugin, in the native traits.

use std::ops::Range;
use std::sync::Arc;

use abi_stable::std_types::ROption;
use bytes::Bytes;

use super::super::facts::ReaderFacts;
use super::super::traits::{Buffer, Context, Reader};
use super::super::types::{AbiRange, result};
use super::super::wire::{decode, encode};
use crate::catalog::{ExactFootprint, SearchContext};
use crate::error::{Error, Result};
use crate::granule::Granule;
use crate::range_reader::RangeReader;

/// Bytes of the program: nothing is copied.
struct Lent(Buffer);

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        self.0.bytes().as_slice()
    }
}

/// A reader of the program.
struct HostReader {
    reader: Reader,
    facts: ReaderFacts,
}

pub(super) fn reader(reader: Reader) -> Result<Arc<dyn RangeReader>> {
    let facts = decode(&result(reader.describe())?)?;
    Ok(Arc::new(HostReader { reader, facts }))
}

impl RangeReader for HostReader {
    fn size(&self) -> u64 {
        self.facts.size
    }

    fn etag(&self) -> Option<&str> {
        self.facts.etag.as_deref()
    }

    fn location(&self) -> &str {
        &self.facts.location
    }

    fn read_ranges(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let asked: Vec<AbiRange> = ranges.iter().map(AbiRange::from).collect();
        let buffers = result(self.reader.read_ranges(asked.as_slice().into()))?;
        if buffers.len() != ranges.len() {
            return Err(Error::io(format!(
                "{}: {} answers to {} reads",
                self.facts.location,
                buffers.len(),
                ranges.len()
            )));
        }
        Ok(buffers.into_iter().map(|buffer| Bytes::from_owner(Lent(buffer))).collect())
    }
}

/// The search of the program that a catalog serves.
pub(super) struct HostContext<'a>(pub(super) Context<'a>);

#[deny(clippy::missing_trait_methods)]
impl SearchContext for HostContext<'_> {
    fn exact_footprint(&self, granule: &Granule) -> Result<ExactFootprint> {
        decode(&result(self.0.exact_footprint(encode(granule).as_slice().into()))?)
    }

    fn list(&self, url: &str) -> Result<Vec<(String, u64)>> {
        decode(&result(self.0.list(url.into()))?)
    }

    // Nothing comes of these two, and that the program failed in them is for the program to say.
    fn progress(&self, done: u64, total: Option<u64>, what: &str) {
        let _ = self.0.progress(done, ROption::from(total), what.into());
    }

    fn warn(&self, message: &str) {
        let _ = self.0.warn(message.into());
    }
}
