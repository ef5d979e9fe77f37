//! A source of made-up rows, which can be told to break its contract.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use bytes::Bytes;
use serde_json::{Map, Value};
use zagg_core::config::Pipeline;
use zagg_core::granule::Granule;
use zagg_core::range_reader::RangeReader;
use zagg_core::registry::{Entry, Make};
use zagg_core::rows::Rows;
use zagg_core::source::{
    ColumnSpec, LATITUDE, LONGITUDE, OpenGranule, PartInfo, PartState, PointBatch, PointSource, Positions,
    ReadRequest, SourceOptions,
};
use zagg_core::{Column, DType, Error, Result, Values};

use super::{Job, Memory, pipeline};

zagg_core::export_plugin! {
    Entry {
        name: "test-points",
        aliases: &[],
        description: "made-up rows",
        make: Make::Source(make),
    },
}

/// Data sets by the name that a pipeline gives.
static DATA: LazyLock<Mutex<HashMap<String, Arc<Data>>>> = LazyLock::new(Mutex::default);
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Positions of parents with the rows they stand for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parents {
    pub(crate) lon: Vec<f64>,
    pub(crate) lat: Vec<f64>,
    pub(crate) rows: Vec<Range<u64>>,
}

/// One part: positions, the value and the flag of every row.
#[derive(Debug, Clone, Default)]
pub(crate) struct Part {
    pub(crate) lon: Vec<f64>,
    pub(crate) lat: Vec<f64>,
    pub(crate) h: Vec<f64>,
    pub(crate) q: Vec<i8>,
    /// Given instead of exact positions.
    pub(crate) parents: Option<Parents>,
}

/// A way to break the contract, or to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    PanicInOpen,
    PanicInParts,
    PanicInPositions,
    PanicInRead,
    PanicInAttributes,
    ErrorInOpen,
    ErrorInPositions,
    ErrorInRead,
    NoPositions,
    ShortPositions,
    NoBatches,
    FewColumns,
    ShortColumns,
    ShortFlags,
    EndlessPart,
    ParentsOutside,
    ParentsBackwards,
    OtherType,
}

/// Rows of granules, by id.
#[derive(Debug, Clone, Default)]
pub(crate) struct Data {
    pub(crate) granules: BTreeMap<String, Vec<Part>>,
    /// The granule that is at fault, and how.
    pub(crate) fault: Option<(String, Fault)>,
}

impl Data {
    /// The granules of some parts, named `g0`, `g1`, ….
    pub(crate) fn new(granules: Vec<Vec<Part>>) -> Self {
        let name = |(number, parts)| (format!("g{number}"), parts);
        Self { granules: granules.into_iter().enumerate().map(name).collect(), fault: None }
    }

    /// The pipeline over these rows: number and sum of `h` per cell, of rows with flag 0. `more` is laid over it.
    pub(crate) fn pipeline(&self, more: &str) -> Pipeline {
        let name = format!("data{}", NEXT.fetch_add(1, Ordering::Relaxed));
        DATA.lock().unwrap().insert(name.clone(), Arc::new(self.clone()));
        self.pipeline_named(&name, more)
    }

    fn pipeline_named(&self, name: &str, more: &str) -> Pipeline {
        let text = format!(
            "data_source: {{reader: test-points, driver: file, options: {{name: {name}}}, \
             quality_filter: {{dataset: q, value: 0}}}}\n\
             aggregation: {{variables: {{count: {{function: len, dtype: int32, fill_value: 0}}, \
             h_sum: {{function: sum, source: h, dtype: float64}}}}}}\n\
             output: {{grid: {{type: healpix, parent_order: 2, child_order: 5}}}}\n"
        );
        pipeline(&[&text, if more.is_empty() { "output: {}" } else { more }])
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        self.granules.keys().cloned().collect()
    }

    pub(crate) fn opener(&self) -> Memory {
        Memory(self.granules.keys().map(|id| (id.clone(), Bytes::new())).collect())
    }

    /// The job over these rows, mapped as if nothing were at fault.
    pub(crate) fn job(&self, more: &str) -> Job {
        let sound = Self { fault: None, ..self.clone() };
        Job {
            pipeline: self.pipeline(more),
            ..Job::new(sound.pipeline(more), &self.ids(), Arc::new(self.opener()))
        }
    }

    /// The same job with these rows in place of those it has; its pipeline stays the same.
    pub(crate) fn mend(&self, job: &Job) {
        let name = job.pipeline.data_source.options["options"]["name"].as_str().unwrap().to_string();
        DATA.lock().unwrap().insert(name, Arc::new(self.clone()));
    }
}

fn make(section: &SourceOptions) -> Result<Box<dyn PointSource>> {
    let name = section.get("options").and_then(|options| options["name"].as_str()).unwrap_or_default();
    let data = DATA.lock().unwrap().get(name).cloned();
    let data = data.ok_or_else(|| Error::input(format!("options.name: there is no data set {name:?}")))?;
    let columns = ["h", "q"].map(|name| ColumnSpec { name: name.into(), ..ColumnSpec::default() }).to_vec();
    Ok(Box::new(Points { data, columns }))
}

struct Points {
    data: Arc<Data>,
    columns: Vec<ColumnSpec>,
}

impl PointSource for Points {
    fn columns(&self) -> &[ColumnSpec] {
        &self.columns
    }

    fn open(&self, granule: &Granule, _reader: Arc<dyn RangeReader>) -> Result<Box<dyn OpenGranule>> {
        let fault = self.data.fault.as_ref().filter(|(id, _)| *id == granule.id).map(|(_, fault)| *fault);
        match fault {
            Some(Fault::PanicInOpen) => panic!("injected in open"),
            Some(Fault::ErrorInOpen) => return Err(Error::io("injected in open")),
            _ => {}
        }
        let parts = self.data.granules[&granule.id].clone();
        let rows = |part: &Part| match fault {
            Some(Fault::EndlessPart) => u64::MAX,
            _ => part.lon.len() as u64,
        };
        let infos = parts
            .iter()
            .enumerate()
            .map(|(at, part)| PartInfo {
                name: format!("p{at}"),
                state: PartState::Present { rows: rows(part) },
            })
            .collect();
        Ok(Box::new(OpenPoints { id: granule.id.clone(), parts, infos, fault }))
    }
}

struct OpenPoints {
    id: String,
    parts: Vec<Part>,
    infos: Vec<PartInfo>,
    fault: Option<Fault>,
}

impl OpenPoints {
    fn column(&self, part: &Part, number: usize, rows: &Rows, name: &str) -> Column {
        let mut at: Vec<u32> = rows.iter().map(|row| row as u32).collect();
        if self.fault == Some(Fault::ShortColumns) {
            at.pop();
        }
        let mut column = Column::complete(match name {
            LONGITUDE => Values::Float64(part.lon.clone()),
            LATITUDE => Values::Float64(part.lat.clone()),
            "h" => Values::Float64(part.h.clone()),
            "q" => Values::Int8(part.q.clone()),
            other => panic!("no column {other}"),
        })
        .gather(&at);
        // The first part is as it should be: parts of one granule differ then.
        if name == "h" && self.fault == Some(Fault::OtherType) && number > 0 {
            column.values = column.values.cast(DType::Float32).unwrap();
        }
        if self.fault == Some(Fault::ShortFlags) {
            column.missing = Some(vec![false; column.len() - 1]);
        }
        column
    }
}

impl OpenGranule for OpenPoints {
    fn parts(&self) -> &[PartInfo] {
        assert!(self.fault != Some(Fault::PanicInParts), "injected in parts");
        &self.infos
    }

    fn column_attributes(&self, column: &str) -> Map<String, Value> {
        assert!(self.fault != Some(Fault::PanicInAttributes), "injected in attributes");
        Map::from_iter([("long_name".to_string(), format!("{column} of {}", self.id).into())])
    }

    fn positions(&self, parts: &[usize]) -> Vec<Result<Positions>> {
        match self.fault {
            Some(Fault::PanicInPositions) => panic!("injected in positions"),
            Some(Fault::NoPositions) => return Vec::new(),
            _ => {}
        }
        let positions = |&number: &usize| {
            let Part { lon, lat, parents, .. } = &self.parts[number];
            let (mut lon, lat) = (lon.clone(), lat.clone());
            let rows = lon.len() as u64;
            let two = |rows: [Range<u64>; 2]| {
                Ok(Positions::Coarse {
                    lon: vec![0.0; 2],
                    lat: vec![0.0; 2],
                    rows: rows.to_vec(),
                    reach: 0.0,
                    pad: 1,
                })
            };
            match (self.fault, parents) {
                (Some(Fault::ErrorInPositions), _) => Err(Error::io("injected in positions")),
                (Some(Fault::ParentsOutside), _) => two([0..rows, rows..u64::MAX]),
                (Some(Fault::ParentsBackwards), _) => two([1..rows, 0..1]),
                (Some(Fault::ShortPositions), _) => {
                    lon.pop();
                    Ok(Positions::Exact { lon, lat })
                }
                (_, Some(Parents { lon, lat, rows })) => Ok(Positions::Coarse {
                    lon: lon.clone(),
                    lat: lat.clone(),
                    rows: rows.clone(),
                    reach: 0.0,
                    pad: 1,
                }),
                _ => Ok(Positions::Exact { lon, lat }),
            }
        };
        parts.iter().map(positions).collect()
    }

    fn read(&self, requests: &[ReadRequest]) -> Vec<Result<PointBatch>> {
        match self.fault {
            Some(Fault::PanicInRead) => panic!("injected in read"),
            Some(Fault::NoBatches) => return Vec::new(),
            _ => {}
        }
        let batch = |request: &ReadRequest| {
            if self.fault == Some(Fault::ErrorInRead) {
                return Err(Error::io("injected in read"));
            }
            let part = &self.parts[request.part];
            let column = |name: &String| self.column(part, request.part, &request.rows, name);
            let mut columns: Vec<Column> = request.columns.iter().map(column).collect();
            if self.fault == Some(Fault::FewColumns) {
                columns.pop();
            }
            Ok(PointBatch { columns })
        };
        requests.iter().map(batch).collect()
    }
}
