//! A source of a small format: the text `ZAGGPTS1`, the number of rows (u64), then longitudes and latitudes (f64) and heights
//! (f32) of all rows, little-endian, one column behind the other.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use zagg_core::granule::Granule;
use zagg_core::range_reader::RangeReader;
use zagg_core::source::{
    ColumnSpec, LATITUDE, LONGITUDE, OpenGranule, PartInfo, PartState, PointBatch, PointSource, Positions,
    ReadRequest, SourceOptions,
};
use zagg_core::{Column, DType, Error, Result, Values};

use crate::Fault;

const MAGIC: &[u8] = b"ZAGGPTS1";
const HEADER: u64 = 16;
/// Bytes of a row over all columns.
const ROW: u64 = 8 + 8 + 4;

/// The bytes of a granule.
pub fn write(rows: &[(f64, f64, f32)]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend((rows.len() as u64).to_le_bytes());
    bytes.extend(rows.iter().flat_map(|row| row.0.to_le_bytes()));
    bytes.extend(rows.iter().flat_map(|row| row.1.to_le_bytes()));
    bytes.extend(rows.iter().flat_map(|row| row.2.to_le_bytes()));
    bytes
}

/// The source.
#[derive(Debug)]
pub struct Points {
    columns: Vec<ColumnSpec>,
    fault: Fault,
}

impl Points {
    /// A source with a fault.
    pub fn new(fault: Fault) -> Self {
        fault.enter("make");
        let mut attributes = Map::new();
        attributes.insert("units".into(), json!("m"));
        let dtype = if fault.is("type") { DType::Int16 } else { DType::Float32 };
        let height = ColumnSpec { name: "height".into(), dtype: Some(dtype), attributes };
        Self { columns: vec![height], fault }
    }

    /// A sound source, unless its options say which method panics.
    pub fn of(options: &SourceOptions) -> Self {
        Self::new(Fault::none(options))
    }
}

impl PointSource for Points {
    fn columns(&self) -> &[ColumnSpec] {
        self.fault.enter("columns");
        &self.columns
    }

    fn open(&self, granule: &Granule, reader: Arc<dyn RangeReader>) -> Result<Box<dyn OpenGranule>> {
        self.fault.enter("open");
        let no_granule = || Error::corrupt(format!("{}: no granule of points", granule.id));
        if reader.size() < HEADER {
            return Err(no_granule());
        }
        let header = reader.read_ranges(&[0..8, 8..HEADER])?;
        let rows = <[u8; 8]>::try_from(&header[1][..]).map(u64::from_le_bytes).map_err(|_| no_granule())?;
        let size = rows.checked_mul(ROW).and_then(|size| size.checked_add(HEADER));
        if &header[0][..] != MAGIC || size != Some(reader.size()) {
            return Err(no_granule());
        }
        let parts = vec![PartInfo { name: "all".into(), state: PartState::Present { rows } }];
        Ok(Box::new(OpenPoints { reader, rows, parts, fault: self.fault.clone() }))
    }

    fn index_key(&self) -> Option<String> {
        self.fault.enter("index_key");
        None
    }

    fn open_indexed(
        &self,
        _granule: &Granule,
        _reader: Arc<dyn RangeReader>,
        _index: &Value,
    ) -> Result<Box<dyn OpenGranule>> {
        self.fault.enter("open_indexed");
        Err(Error::unsupported("the source keeps no indexes"))
    }
}

impl Drop for Points {
    fn drop(&mut self) {
        self.fault.enter("drop");
    }
}

struct OpenPoints {
    reader: Arc<dyn RangeReader>,
    rows: u64,
    parts: Vec<PartInfo>,
    fault: Fault,
}

impl OpenPoints {
    /// The values of one column for some rows.
    fn column(&self, name: &str, rows: &[std::ops::Range<u64>]) -> Result<Values> {
        let (start, size, dtype) = match name {
            LONGITUDE => (HEADER, 8, DType::Float64),
            LATITUDE => (HEADER + 8 * self.rows, 8, DType::Float64),
            "height" => (HEADER + 16 * self.rows, 4, DType::Float32),
            _ => return Err(Error::not_found(format!("there is no column {name:?}"))),
        };
        let ranges: Vec<_> = rows.iter().map(|r| start + size * r.start..start + size * r.end).collect();
        let bytes = self.reader.read_ranges(&ranges)?.concat();
        Values::from_le_bytes(dtype, &bytes).ok_or_else(|| Error::io("a short answer"))
    }

    fn batch(&self, request: &ReadRequest) -> Result<PointBatch> {
        if request.part != 0 || request.rows.end() > self.rows {
            return Err(Error::input("there are no such rows"));
        }
        let mut columns = Vec::new();
        for name in &request.columns {
            let mut values = self.column(name, request.rows.ranges())?;
            if self.fault.is("length") && values.len() > 1 {
                values = values.gather(&[0]);
            }
            columns.push(Column::complete(values));
        }
        Ok(PointBatch { columns })
    }
}

impl OpenGranule for OpenPoints {
    fn parts(&self) -> &[PartInfo] {
        self.fault.enter("parts");
        &self.parts
    }

    fn column_attributes(&self, column: &str) -> Map<String, Value> {
        self.fault.enter("column_attributes");
        let mut attributes = Map::new();
        if column == "height" {
            attributes.insert("long_name".into(), json!("height"));
        }
        attributes
    }

    fn positions(&self, parts: &[usize]) -> Vec<Result<Positions>> {
        self.fault.enter("positions");
        let all = [0..self.rows];
        let of = |part: &usize| match part {
            0 => Ok(Positions::Exact {
                lon: self.column(LONGITUDE, &all)?.to_f64(),
                lat: self.column(LATITUDE, &all)?.to_f64(),
            }),
            _ => Err(Error::input("there is no such part")),
        };
        parts.iter().map(of).collect()
    }

    fn read(&self, requests: &[ReadRequest]) -> Vec<Result<PointBatch>> {
        self.fault.enter("read");
        requests.iter().map(|request| self.batch(request)).collect()
    }

    fn index(&self) -> Result<Option<Value>> {
        self.fault.enter("index");
        Ok(None)
    }
}
