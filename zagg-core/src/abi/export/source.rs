//! A source and its granules behind their twins.

use std::sync::Arc;

use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{ROption, RSlice, RStr, RString, RVec};

use super::super::traits::{self, AbiGranule, AbiGranule_TO, AbiSource, AbiSource_TO};
use super::super::types::{AbiColumn, AbiPositions, AbiRequest, Answer, Packed, answer, batch_out};
use super::super::wire::{decode, encode};
use super::guard::{Held, guard};
use super::host;
use crate::error::Result;
use crate::granule::Granule;
use crate::range_reader::RangeReader;
use crate::registry::Plugin;
use crate::source::{OpenGranule, PointSource, ReadRequest};

struct SourceTwin {
    plugin: &'static Plugin,
    source: Held<dyn PointSource>,
}

pub(super) fn export(plugin: &'static Plugin, source: Box<dyn PointSource>) -> traits::Source {
    AbiSource_TO::from_value(SourceTwin { plugin, source: Held::new(source) }, TD_Opaque)
}

impl SourceTwin {
    fn opened(
        &self,
        method: &str,
        granule: &[u8],
        reader: traits::Reader,
        open: impl FnOnce(&dyn PointSource, &Granule, Arc<dyn RangeReader>) -> Result<Box<dyn OpenGranule>>,
    ) -> Answer<traits::Granule> {
        guard(self.plugin, method, || {
            let granule = open(self.source.get()?, &decode(granule)?, host::reader(reader)?)?;
            let twin = GranuleTwin { plugin: self.plugin, granule: Held::new(granule) };
            Ok(AbiGranule_TO::from_value(twin, TD_Opaque))
        })
    }
}

impl AbiSource for SourceTwin {
    fn columns(&self) -> Answer<Packed> {
        guard(self.plugin, "PointSource::columns", || {
            Ok(encode(&self.source.get()?.columns().to_vec()).into())
        })
    }

    fn open(&self, granule: RSlice<'_, u8>, reader: traits::Reader) -> Answer<traits::Granule> {
        self.opened("PointSource::open", &granule, reader, |source, granule, reader| {
            source.open(granule, reader)
        })
    }

    fn index_key(&self) -> Answer<ROption<RString>> {
        guard(self.plugin, "PointSource::index_key", || {
            Ok(self.source.get()?.index_key().map(RString::from).into())
        })
    }

    fn open_indexed(
        &self,
        granule: RSlice<'_, u8>,
        reader: traits::Reader,
        index: RSlice<'_, u8>,
    ) -> Answer<traits::Granule> {
        self.opened("PointSource::open_indexed", &granule, reader, |source, granule, reader| {
            source.open_indexed(granule, reader, &decode(&index)?)
        })
    }
}

struct GranuleTwin {
    plugin: &'static Plugin,
    granule: Held<dyn OpenGranule>,
}

impl AbiGranule for GranuleTwin {
    fn parts(&self) -> Answer<Packed> {
        guard(self.plugin, "OpenGranule::parts", || Ok(encode(&self.granule.get()?.parts().to_vec()).into()))
    }

    fn column_attributes(&self, column: RStr<'_>) -> Answer<Packed> {
        guard(self.plugin, "OpenGranule::column_attributes", || {
            Ok(encode(&self.granule.get()?.column_attributes(column.as_str())).into())
        })
    }

    fn positions(&self, parts: RSlice<'_, u64>) -> Answer<RVec<Answer<AbiPositions>>> {
        guard(self.plugin, "OpenGranule::positions", || {
            let parts: Vec<usize> =
                parts.iter().map(|&part| usize::try_from(part).unwrap_or(usize::MAX)).collect();
            let positions = self.granule.get()?.positions(&parts);
            Ok(positions.into_iter().map(|one| answer(one.map(AbiPositions::from))).collect())
        })
    }

    fn read(&self, requests: RSlice<'_, AbiRequest>) -> Answer<RVec<Answer<RVec<AbiColumn>>>> {
        guard(self.plugin, "OpenGranule::read", || {
            let requests: Vec<ReadRequest> = requests.iter().map(ReadRequest::from).collect();
            let batches = self.granule.get()?.read(&requests);
            Ok(batches.into_iter().map(|batch| answer(batch.map(batch_out))).collect())
        })
    }

    fn index(&self) -> Answer<Packed> {
        guard(self.plugin, "OpenGranule::index", || Ok(encode(&self.granule.get()?.index()?).into()))
    }
}
