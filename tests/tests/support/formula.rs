//! A source whose rows follow from their numbers, so that there can be any number of them and nothing is stored.

use std::sync::Arc;

use serde_json::{Map, Value};
use zagg_core::footprint::Footprint;
use zagg_core::granule::{CatalogEntry, Granule};
use zagg_core::range_reader::RangeReader;
use zagg_core::registry::{Entry, Make};
use zagg_core::shard_map::{BuildOptions, ShardMap};
use zagg_core::source::{
    Bounds, ColumnSpec, LATITUDE, LONGITUDE, OpenGranule, PartInfo, PartState, PointBatch, PointSource,
    Positions, ReadRequest, SourceOptions,
};
use zagg_core::{Column, DType, Error, Result, Values};

use super::{Job, Memory, grid_of, pipeline};

zagg_core::export_plugin! {
    Entry {
        name: "test-formula",
        aliases: &[],
        description: "rows by formula",
        make: Make::Source(make),
    },
}

/// Middle of the rows.
const MIDDLE: [f64; 2] = [11.0, 20.0];

/// Rows of a block that has a box.
const BLOCK: u64 = 1000;

/// What there is, and what of it cannot be read.
#[derive(Debug, Clone)]
pub(crate) struct Formula {
    pub(crate) granules: u64,
    pub(crate) parts: u64,
    /// Rows of every part.
    pub(crate) rows: u64,
    /// Edge of the square in which they lie, in degrees.
    pub(crate) width: f64,
    /// One row of so many lies in one cell with the others like it; 0 for none.
    pub(crate) dense: u64,
    /// Whether boxes of blocks are given instead of positions.
    pub(crate) boxes: bool,
    /// Granule, part and row that cannot be read, and how.
    pub(crate) fault: Option<(u64, u64, u64, Fault)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Its part fails.
    Part,
    /// The read panics, which makes the whole granule a hole.
    Granule,
    /// Its part is of another type from it on.
    Type,
}

impl Default for Formula {
    fn default() -> Self {
        Self { granules: 1, parts: 1, rows: 1000, width: 1.0, dense: 0, boxes: false, fault: None }
    }
}

impl Formula {
    /// The job over these rows; `layer` says grid and variables. Every shard that rows may lie in lists every granule.
    pub(crate) fn job(&self, layer: &str) -> Job {
        let Self { parts, rows, width, dense, boxes, fault, .. } = self;
        let fault = match fault {
            Some((granule, part, row, how)) => format!("[{granule}, {part}, {row}, {}]", *how as u8),
            None => "null".into(),
        };
        let text = format!(
            "data_source: {{reader: test-formula, driver: file, options: {{parts: {parts}, rows: {rows}, width: {width}, \
             dense: {dense}, boxes: {boxes}, fault: {fault}}}}}\noutput: {{grid: {{type: healpix, parent_order: 2, child_order: 8}}}}\n"
        );
        let pipeline = pipeline(&[&text, layer]);
        let grid = grid_of(&pipeline);
        let edges = [-0.5, -0.25, 0.0, 0.25, 0.5];
        let places = edges.iter().flat_map(|x| edges.iter().map(move |y| (x, y)));
        let (lon, lat): (Vec<f64>, Vec<f64>) =
            places.map(|(x, y)| (MIDDLE[0] + x * width, MIDDLE[1] + y * width)).unzip();
        let mut cells = vec![0; lon.len()];
        grid.locate(&lon, &lat, &mut cells);
        let mut shards = vec![0; cells.len()];
        grid.shards_of(&cells, &mut shards);
        shards.sort_unstable();
        shards.dedup();
        let entries: Vec<CatalogEntry> = (0..self.granules)
            .map(|number| CatalogEntry {
                granule: Granule { id: id(number), file: Some(id(number)), ..Granule::default() },
                footprint: Footprint::Shards(shards.clone()),
            })
            .collect();
        let map = ShardMap::build(&*grid, &entries, Map::new(), &BuildOptions::default()).unwrap();
        let opener = Memory((0..self.granules).map(|number| (id(number), vec![0].into())).collect());
        let options = zagg_core::run::RunOptions { io_threads: 4, workers: 2, ..Default::default() };
        Job { pipeline, map, opener: Arc::new(opener), options }
    }
}

/// Granules come in the order of their ids.
fn id(number: u64) -> String {
    format!("g{number:07}")
}

fn make(section: &SourceOptions) -> Result<Box<dyn PointSource>> {
    let options = &section["options"];
    let number = |key: &str| options[key].as_u64().ok_or_else(|| Error::input(format!("options.{key}")));
    let fault = options["fault"].as_array().map(|fault| {
        let number = |at: usize| fault[at].as_u64().unwrap();
        (number(0), number(1), number(2), [Fault::Part, Fault::Granule, Fault::Type][number(3) as usize])
    });
    let formula = Formula {
        granules: 0,
        parts: number("parts")?,
        rows: number("rows")?,
        width: options["width"].as_f64().ok_or_else(|| Error::input("options.width"))?,
        dense: number("dense")?,
        boxes: options["boxes"] == true,
        fault,
    };
    let columns = [("h", DType::Float32), ("w", DType::Float64), ("n", DType::Int64), ("q", DType::Int8)];
    let column = |(name, dtype): (&str, _)| {
        // Only some types are known beforehand, as with real sources.
        let dtype = (name != "q").then_some(dtype).filter(|_| name != "h");
        ColumnSpec { name: name.into(), dtype, ..ColumnSpec::default() }
    };
    Ok(Box::new(Source { formula, columns: columns.map(column).to_vec() }))
}

struct Source {
    formula: Formula,
    columns: Vec<ColumnSpec>,
}

impl PointSource for Source {
    fn columns(&self) -> &[ColumnSpec] {
        &self.columns
    }

    fn open(&self, granule: &Granule, _reader: Arc<dyn RangeReader>) -> Result<Box<dyn OpenGranule>> {
        let number = granule.id[1..].parse().map_err(|_| Error::input("an id"))?;
        let part = |part| PartInfo {
            name: format!("p{part}"),
            state: PartState::Present { rows: self.formula.rows },
        };
        let infos = (0..self.formula.parts).map(part).collect();
        Ok(Box::new(OpenFormula { formula: self.formula.clone(), granule: number, infos }))
    }
}

struct OpenFormula {
    formula: Formula,
    granule: u64,
    infos: Vec<PartInfo>,
}

/// A number made from others, as good as any (splitmix64).
fn mixed(x: u64) -> u64 {
    let x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

fn share(x: u64) -> f64 {
    (mixed(x) >> 11) as f64 / (1_u64 << 53) as f64
}

impl OpenFormula {
    fn number(&self, part: u64, row: u64) -> u64 {
        (self.granule << 40) ^ (part << 34) ^ row
    }

    fn position(&self, part: u64, row: u64, axis: usize) -> f64 {
        let number = self.number(part, row);
        if self.formula.dense > 0 && row.is_multiple_of(self.formula.dense) {
            return MIDDLE[axis];
        }
        MIDDLE[axis] + (share(number ^ ((axis as u64 + 1) << 60)) - 0.5) * self.formula.width
    }

    fn column(&self, request: &ReadRequest, name: &str) -> Column {
        let part = request.part as u64;
        let rows = || request.rows.iter();
        let seeded = |seed: u64| rows().map(move |row| mixed(self.number(part, row) ^ (seed << 57)));
        let float = |x: u64| (x >> 11) as f64 / (1_u64 << 53) as f64;
        match name {
            LONGITUDE => {
                Column::complete(Values::Float64(rows().map(|row| self.position(part, row, 0)).collect()))
            }
            LATITUDE => {
                Column::complete(Values::Float64(rows().map(|row| self.position(part, row, 1)).collect()))
            }
            "h" => Column::complete(Values::Float32(
                seeded(7)
                    .map(|x| if x % 997 == 0 { f32::NAN } else { (float(x) * 900.0) as f32 - 300.0 })
                    .collect(),
            )),
            "w" => Column {
                values: Values::Float64(seeded(11).map(|x| 0.5 + float(x)).collect()),
                missing: Some(seeded(13).map(|x| x % 23 == 0).collect()),
            },
            "n" => Column::complete(Values::Int64(seeded(17).map(|x| (x % 1000) as i64 - 500).collect())),
            "q" => Column::complete(Values::Int8(seeded(19).map(|x| i8::from(x % 16 == 0)).collect())),
            other => panic!("no column {other}"),
        }
    }

    fn fault(&self, request: &ReadRequest) -> Option<Fault> {
        let (granule, part, row, fault) = self.formula.fault?;
        let reached = match fault {
            Fault::Type => request.rows.end() > row,
            _ => request.rows.ranges().iter().any(|range| range.contains(&row)),
        };
        (granule == self.granule && part == request.part as u64 && reached).then_some(fault)
    }
}

impl OpenGranule for OpenFormula {
    fn parts(&self) -> &[PartInfo] {
        &self.infos
    }

    fn column_attributes(&self, _column: &str) -> Map<String, Value> {
        Map::new()
    }

    fn positions(&self, parts: &[usize]) -> Vec<Result<Positions>> {
        let rows = self.formula.rows;
        let positions = |&part: &usize| {
            if self.formula.boxes {
                let half = self.formula.width / 2.0;
                let [lon, lat] = MIDDLE;
                let bounds =
                    Bounds { west: lon - half, south: lat - half, east: lon + half, north: lat + half };
                let blocks: Vec<_> =
                    (0..rows.div_ceil(BLOCK)).map(|b| b * BLOCK..rows.min((b + 1) * BLOCK)).collect();
                return Ok(Positions::Boxes { boxes: vec![Some(bounds); blocks.len()], rows: blocks });
            }
            let axis = |axis| (0..rows).map(|row| self.position(part as u64, row, axis)).collect();
            Ok(Positions::Exact { lon: axis(0), lat: axis(1) })
        };
        parts.iter().map(positions).collect()
    }

    fn read(&self, requests: &[ReadRequest]) -> Vec<Result<PointBatch>> {
        // Positions of boxes are read by the core itself.
        let of_rows =
            |request: &&ReadRequest| request.columns.iter().any(|name| name != LONGITUDE && name != LATITUDE);
        let faults: Vec<_> = requests.iter().filter(of_rows).map(|request| self.fault(request)).collect();
        assert!(!faults.contains(&Some(Fault::Granule)), "injected in read");
        let batch = |request: &ReadRequest| {
            let fault = if of_rows(&request) { self.fault(request) } else { None };
            if fault == Some(Fault::Part) {
                return Err(Error::corrupt("injected in read"));
            }
            let mut columns: Vec<Column> =
                request.columns.iter().map(|name| self.column(request, name)).collect();
            if fault == Some(Fault::Type) {
                columns[0].values = Values::Float64(columns[0].values.to_f64());
            }
            Ok(PointBatch { columns })
        };
        requests.iter().map(batch).collect()
    }
}
