//! A source of a library, and its granules.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::super::traits;
use super::super::types::{AbiPositions, AbiRequest, Answer, batch_in, result};
use super::super::wire::{decode, encode};
use super::caller::{Caller, must, one_line};
use super::host;
use crate::error::Result;
use crate::granule::Granule;
use crate::range_reader::RangeReader;
use crate::source::{
    ColumnSpec, Latitudes, OpenGranule, PartInfo, PartState, PointBatch, PointSource, Positions, ReadRequest,
};

struct LoadedSource {
    caller: Caller,
    source: traits::Source,
    columns: Arc<[ColumnSpec]>,
}

pub(super) fn import(caller: Caller, source: traits::Source) -> Result<Box<dyn PointSource>> {
    const METHOD: &str = "PointSource::columns";
    let columns: Vec<ColumnSpec> = decode(&caller.call(METHOD, || source.columns())?)?;
    let mut names = BTreeSet::new();
    for column in &columns {
        let name = &column.name;
        caller.check(!name.is_empty() && names.insert(name), METHOD, || {
            format!("gives the name {name:?}, which is empty or there twice")
        })?;
    }
    Ok(Box::new(LoadedSource { caller, source, columns: columns.into() }))
}

impl LoadedSource {
    fn granule(&self, granule: traits::Granule) -> Result<Box<dyn OpenGranule>> {
        const METHOD: &str = "OpenGranule::parts";
        let parts: Vec<PartInfo> = decode(&self.caller.call(METHOD, || granule.parts())?)?;
        let mut names = BTreeSet::new();
        for part in &parts {
            let name = &part.name;
            self.caller.check(names.insert(name), METHOD, || format!("gives the part {name:?} twice"))?;
        }
        Ok(Box::new(LoadedGranule {
            caller: self.caller,
            granule,
            parts,
            columns: Arc::clone(&self.columns),
        }))
    }
}

#[deny(clippy::missing_trait_methods)]
impl PointSource for LoadedSource {
    fn columns(&self) -> &[ColumnSpec] {
        &self.columns
    }

    fn open(&self, granule: &Granule, reader: Arc<dyn RangeReader>) -> Result<Box<dyn OpenGranule>> {
        let granule = encode(granule);
        let opened = self.caller.call("PointSource::open", || {
            self.source.open(granule.as_slice().into(), host::reader(reader))
        })?;
        self.granule(opened)
    }

    fn index_key(&self) -> Option<String> {
        let key = must(self.caller.call("PointSource::index_key", || self.source.index_key()));
        key.into_option().map(Into::into)
    }

    fn open_indexed(
        &self,
        granule: &Granule,
        reader: Arc<dyn RangeReader>,
        index: &Value,
    ) -> Result<Box<dyn OpenGranule>> {
        let (granule, index) = (encode(granule), encode(index));
        let opened = self.caller.call("PointSource::open_indexed", || {
            let reader = host::reader(reader);
            self.source.open_indexed(granule.as_slice().into(), reader, index.as_slice().into())
        })?;
        self.granule(opened)
    }
}

struct LoadedGranule {
    caller: Caller,
    granule: traits::Granule,
    parts: Vec<PartInfo>,
    /// Those of the source.
    columns: Arc<[ColumnSpec]>,
}

/// One answer for each of `n` questions, or the fault for each.
fn each<A, B>(
    caller: Caller,
    method: &str,
    n: usize,
    answers: Result<Vec<Answer<A>>>,
    mut check: impl FnMut(usize, A) -> Result<B>,
) -> Vec<Result<B>> {
    let answers = answers.and_then(|answers| {
        let given = answers.len();
        caller.check(given == n, method, || format!("gives {given} answers to {n} questions"))?;
        Ok(answers)
    });
    match answers {
        Err(error) => (0..n).map(|_| Err(error.clone())).collect(),
        Ok(answers) => answers
            .into_iter()
            .enumerate()
            .map(|(at, answer)| result(answer).map_err(one_line).and_then(|answer| check(at, answer)))
            .collect(),
    }
}

impl LoadedGranule {
    fn rows(&self, part: usize) -> Option<u64> {
        match self.parts.get(part)?.state {
            PartState::Present { rows } => Some(rows),
            _ => None,
        }
    }

    fn check_positions(&self, part: usize, positions: AbiPositions) -> Result<Positions> {
        const METHOD: &str = "OpenGranule::positions";
        let positions = Positions::from(positions);
        let (lon, lat, expected) = match &positions {
            Positions::Exact { lon, lat } => (lon.len(), lat.len(), self.rows(part)),
            Positions::Coarse { lon, lat, rows, .. } => (lon.len(), lat.len(), Some(rows.len() as u64)),
            Positions::Boxes { boxes, rows } => (boxes.len(), boxes.len(), Some(rows.len() as u64)),
        };
        let sound = lon == lat && expected.is_none_or(|expected| expected == lon as u64);
        self.caller.check(sound, METHOD, || {
            let expected = expected.unwrap_or_default();
            format!("gives {lon} longitudes and {lat} latitudes for {expected} rows")
        })?;
        Ok(positions)
    }

    fn check_batch(&self, request: &ReadRequest, batch: PointBatch) -> Result<PointBatch> {
        const METHOD: &str = "OpenGranule::read";
        let (given, asked) = (batch.columns.len(), request.columns.len());
        self.caller.check(given == asked, METHOD, || format!("gives {given} columns instead of {asked}"))?;
        let rows = request.rows.len();
        for (column, name) in batch.columns.iter().zip(&request.columns) {
            let values = column.len() as u64;
            let flags = column.missing.as_ref().map_or(rows, |flags| flags.len() as u64);
            self.caller.check(values == rows && flags == rows, METHOD, || {
                format!("gives {values} values and {flags} flags of {name} for {rows} rows")
            })?;
            let announced = self.columns.iter().find(|spec| spec.name == *name).and_then(|spec| spec.dtype);
            let dtype = column.values.dtype();
            self.caller.check(announced.is_none_or(|announced| announced == dtype), METHOD, || {
                let announced = announced.map_or("", |dtype| dtype.name());
                format!("gives {name} as {dtype}, but it was announced as {announced}")
            })?;
        }
        Ok(batch)
    }
}

#[deny(clippy::missing_trait_methods)]
impl OpenGranule for LoadedGranule {
    fn parts(&self) -> &[PartInfo] {
        &self.parts
    }

    fn column_attributes(&self, column: &str) -> Map<String, Value> {
        let call = || self.granule.column_attributes(column.into());
        must(self.caller.call("OpenGranule::column_attributes", call).and_then(|packed| decode(&packed)))
    }

    fn positions(&self, parts: &[usize]) -> Vec<Result<Positions>> {
        const METHOD: &str = "OpenGranule::positions";
        let numbers: Vec<u64> = parts.iter().map(|&part| part as u64).collect();
        let answers = self.caller.call(METHOD, || self.granule.positions(numbers.as_slice().into()));
        each(self.caller, METHOD, parts.len(), answers.map(Into::into), |at, positions| {
            self.check_positions(parts[at], positions)
        })
    }

    /// Only saves reading, and does not cross: longitudes are read with the latitudes.
    fn latitudes(&self, _part: usize) -> Option<Result<Latitudes>> {
        None
    }

    fn read(&self, requests: &[ReadRequest]) -> Vec<Result<PointBatch>> {
        const METHOD: &str = "OpenGranule::read";
        let twins: Vec<AbiRequest> = requests.iter().map(AbiRequest::from).collect();
        let answers = self.caller.call(METHOD, || self.granule.read(twins.as_slice().into()));
        each(self.caller, METHOD, requests.len(), answers.map(Into::into), |at, columns| {
            self.check_batch(&requests[at], batch_in(columns))
        })
    }

    fn index(&self) -> Result<Option<Value>> {
        decode(&self.caller.call("OpenGranule::index", || self.granule.index())?)
    }
}
