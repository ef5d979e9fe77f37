use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, Value};

use super::*;
use crate::column::{DType, Values};
use crate::error::Error;
use crate::range_reader::MemoryReader;
use crate::source::{ColumnSpec, Positions};

/// Rows of longitude, latitude and height as 64-bit floats behind their number.
struct Plain {
    columns: Vec<ColumnSpec>,
    fault: &'static str,
}

struct Opened {
    reader: Arc<dyn RangeReader>,
    infos: Vec<PartInfo>,
    fault: &'static str,
    calls: AtomicU64,
}

impl PointSource for Plain {
    fn columns(&self) -> &[ColumnSpec] {
        &self.columns
    }

    fn open(&self, _granule: &Granule, reader: Arc<dyn RangeReader>) -> Result<Box<dyn OpenGranule>> {
        let head = fetch(&*reader, 0..8)?;
        let rows = u64::from_le_bytes(head.try_into().map_err(|_| Error::corrupt("no head"))?);
        if rows.checked_mul(24).and_then(|bytes| bytes.checked_add(8)) != Some(reader.size()) {
            return Err(Error::corrupt("another length"));
        }
        let infos = vec![PartInfo { name: String::new(), state: PartState::Present { rows } }];
        Ok(Box::new(Opened { reader, infos, fault: self.fault, calls: AtomicU64::new(0) }))
    }
}

fn fetch(reader: &dyn RangeReader, range: std::ops::Range<u64>) -> Result<Vec<u8>> {
    let wanted = (range.end - range.start) as usize;
    let bytes = reader.read_ranges(&[range])?.pop().map(|bytes| bytes.to_vec()).unwrap_or_default();
    if bytes.len() == wanted { Ok(bytes) } else { Err(Error::io("a short answer")) }
}

impl Opened {
    fn read_one(&self, request: &ReadRequest) -> Result<PointBatch> {
        let PartState::Present { rows } = self.infos[request.part.min(self.infos.len() - 1)].state else {
            return Err(Error::plugin("absent"));
        };
        if request.part > 0 || request.rows.end() > rows {
            return Err(Error::plugin("not there"));
        }
        let column = |name: &String| {
            let at = ["longitude", "latitude", "h"].iter().position(|known| known == name);
            assert!(at.is_some() || self.fault != "panic");
            let at = match at {
                None if self.fault == "unknown" => 2,
                at => at.ok_or_else(|| Error::plugin("unknown"))? as u64,
            };
            let mut values = Vec::new();
            for row in request.rows.iter() {
                let range = 8 + row * 24 + at * 8..16 + row * 24 + at * 8;
                let bytes = match fetch(&*self.reader, range) {
                    Err(_) if self.fault == "short" => vec![0; 8],
                    bytes => bytes?,
                };
                values.push(f64::from_le_bytes(bytes.try_into().map_err(|_| Error::corrupt("short"))?));
            }
            match self.fault {
                "again" => {
                    values.iter_mut().for_each(|x| *x += self.calls.fetch_add(1, Ordering::Relaxed) as f64);
                }
                "lengths" => _ = values.pop(),
                _ => {}
            }
            Ok(Column::complete(match self.fault {
                "type" => Values::Float64(values).cast(DType::Float32)?,
                _ => Values::Float64(values),
            }))
        };
        let mut names = request.columns.clone();
        if self.fault == "order" {
            names.sort_unstable();
        }
        Ok(PointBatch { columns: names.iter().map(column).collect::<Result<_>>()? })
    }
}

impl OpenGranule for Opened {
    fn parts(&self) -> &[PartInfo] {
        &self.infos
    }

    fn column_attributes(&self, _column: &str) -> Map<String, Value> {
        Map::new()
    }

    fn positions(&self, parts: &[usize]) -> Vec<Result<Positions>> {
        let PartState::Present { rows } = self.infos[0].state else { return Vec::new() };
        let columns = vec![LONGITUDE.to_string(), LATITUDE.to_string()];
        let request = ReadRequest { part: 0, rows: Rows::all(rows), columns };
        let positions = |_: &usize| {
            let mut columns = self.read_one(&request)?.columns.into_iter().map(Column::into_f64);
            let (mut lon, lat) = (columns.next().unwrap_or_default(), columns.next().unwrap_or_default());
            if self.fault == "positions" {
                lon.reverse();
            }
            Ok(Positions::Exact { lon, lat })
        };
        parts.iter().map(positions).collect()
    }

    fn read(&self, requests: &[ReadRequest]) -> Vec<Result<PointBatch>> {
        requests.iter().map(|request| self.read_one(request)).collect()
    }
}

fn findings(fault: &'static str) -> Result<(), Vec<String>> {
    let columns = vec![ColumnSpec { name: "h".into(), dtype: Some(DType::Float64), ..ColumnSpec::default() }];
    let rows = 60_u64;
    let mut bytes = rows.to_le_bytes().to_vec();
    for row in 0..rows {
        for x in [row as f64, 1.0 - row as f64, 100.0 + row as f64] {
            bytes.extend(x.to_le_bytes());
        }
    }
    let reader: Arc<dyn RangeReader> = Arc::new(MemoryReader::new("plain", bytes));
    source(&Plain { columns, fault }, &Granule::default(), &reader)
}

#[test]
fn a_sound_source_passes_and_every_fault_is_found() {
    assert_eq!(findings("none"), Ok(()));
    for (fault, finding) in [
        ("order", "order asked for"),
        ("lengths", "other lengths"),
        ("again", "the second time"),
        ("type", "another type than was announced"),
        ("unknown", "a column that is not there can be read"),
        ("panic", "panicked"),
        ("positions", "positions are others than the coordinates"),
        ("short", "with short answers has other values"),
    ] {
        let findings = findings(fault).unwrap_err();
        assert!(findings.iter().any(|f| f.contains(finding)), "{fault}: {findings:#?}");
    }
}
