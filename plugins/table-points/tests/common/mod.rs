//! What the tests of this crate share.
#![allow(dead_code)]

use std::sync::Arc;

use serde_json::Value;
use zagg_core::granule::Granule;
use zagg_core::range_reader::{MemoryReader, RangeReader};
use zagg_core::source::{OpenGranule, PartState, PointSource, ReadRequest};
use zagg_core::{Column, Result, Rows};
use zagg_table_points::TablePoints;

/// The source of a section.
pub(crate) fn source(section: &Value) -> TablePoints {
    TablePoints::new(section.as_object().unwrap()).unwrap()
}

/// An object in memory.
pub(crate) fn memory(name: &str, bytes: impl Into<bytes::Bytes>) -> Arc<dyn RangeReader> {
    Arc::new(MemoryReader::new(name, bytes))
}

/// A file that another writer made.
pub(crate) fn reference(name: &str) -> Arc<dyn RangeReader> {
    let path = format!("{}/tests/reference/{name}", env!("CARGO_MANIFEST_DIR"));
    memory(name, std::fs::read(path).unwrap())
}

pub(crate) fn open(source: &TablePoints, reader: &Arc<dyn RangeReader>) -> Result<Box<dyn OpenGranule>> {
    source.open(&Granule::default(), Arc::clone(reader))
}

pub(crate) fn rows(granule: &dyn OpenGranule) -> u64 {
    match &granule.parts()[0].state {
        PartState::Present { rows } => *rows,
        other => panic!("{other:?}"),
    }
}

/// Some columns of some rows.
pub(crate) fn read(granule: &dyn OpenGranule, rows: Rows, columns: &[&str]) -> Result<Vec<Column>> {
    let columns = columns.iter().map(ToString::to_string).collect();
    let mut answers = granule.read(&[ReadRequest { part: 0, rows, columns }]);
    assert_eq!(answers.len(), 1);
    answers.remove(0).map(|batch| batch.columns)
}

/// One column of every row.
pub(crate) fn column(granule: &dyn OpenGranule, name: &str) -> Result<Column> {
    read(granule, Rows::all(rows(granule)), &[name]).map(|mut columns| columns.remove(0))
}
