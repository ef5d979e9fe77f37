//! What the program lends a plugin. Panics of the program in it become errors that the plugin sees.

use std::sync::Arc;

use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{ROption, RSlice, RStr, RVec};
use bytes::Bytes;

use super::super::facts::ReaderFacts;
use super::super::traits::{AbiBuffer, AbiBuffer_TO, AbiContext, AbiReader, AbiReader_TO, Buffer, Reader};
use super::super::types::{AbiRange, Answer, Packed, answer, ranges_in};
use super::super::wire::{decode, encode};
use crate::catalog::SearchContext;
use crate::caught;
use crate::range_reader::{RangeReader, check_ranges};

struct Lent(Bytes);

impl AbiBuffer for Lent {
    fn bytes(&self) -> RSlice<'_, u8> {
        self.0.as_ref().into()
    }
}

struct HostReader(Arc<dyn RangeReader>);

pub(super) fn reader(reader: Arc<dyn RangeReader>) -> Reader {
    AbiReader_TO::from_value(HostReader(reader), TD_Opaque)
}

impl AbiReader for HostReader {
    fn describe(&self) -> Answer<Packed> {
        answer(caught(|| {
            let facts = ReaderFacts {
                size: self.0.size(),
                etag: self.0.etag().map(str::to_owned),
                location: self.0.location().to_owned(),
            };
            Ok(encode(&facts).into())
        }))
    }

    fn read_ranges(&self, ranges: RSlice<'_, AbiRange>) -> Answer<RVec<Buffer>> {
        answer(caught(|| {
            let ranges = ranges_in(&ranges);
            check_ranges(self.0.location(), self.0.size(), &ranges)?;
            let bytes = self.0.read_ranges(&ranges)?;
            Ok(bytes.into_iter().map(|bytes| AbiBuffer_TO::from_value(Lent(bytes), TD_Opaque)).collect())
        }))
    }
}

pub(super) struct HostContext<'a>(pub(super) &'a dyn SearchContext);

impl AbiContext for HostContext<'_> {
    fn exact_footprint(&self, granule: RSlice<'_, u8>) -> Answer<Packed> {
        answer(caught(|| Ok(encode(&self.0.exact_footprint(&decode(&granule)?)?).into())))
    }

    fn list(&self, url: RStr<'_>) -> Answer<Packed> {
        answer(caught(|| Ok(encode(&self.0.list(url.as_str())?).into())))
    }

    fn progress(&self, done: u64, total: ROption<u64>, what: RStr<'_>) -> Answer<()> {
        answer(caught(|| {
            self.0.progress(done, total.into_option(), what.as_str());
            Ok(())
        }))
    }

    fn warn(&self, message: RStr<'_>) -> Answer<()> {
        answer(caught(|| {
            self.0.warn(message.as_str());
            Ok(())
        }))
    }
}
