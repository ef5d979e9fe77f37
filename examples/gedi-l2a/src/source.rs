//! The source: which beams a granule has, and what its datasets are called.
//!
//! Granules are HDF5 files, so [`Hdf5Points`] reads them by byte ranges; this source knows the product. In a pipeline,
//! `beams` chooses among the eight lasers' tracks, and `variables` may name what the product has instead of its path:
//!
//! ```yaml
//! data_source:
//!   reader: gedi-l2a
//!   beams: full          # or coverage, or all, which is the default
//!   variables: {canopy: rh98, ground: elevation}
//! ```

use std::sync::Arc;

use serde_json::{Map, Value, json};
use zagg_core::granule::Granule;
use zagg_core::range_reader::RangeReader;
use zagg_core::source::{ColumnSpec, OpenGranule, PointSource, SourceOptions};
use zagg_core::{Error, Result};
use zagg_hdf5_points::Hdf5Points;

/// Beams of the laser whose light is divided in two: half the power each (GEDI L2A user guide, "coverage" beams).
pub const COVERAGE_BEAMS: [&str; 4] = ["BEAM0000", "BEAM0001", "BEAM0010", "BEAM0011"];
/// Beams of the two lasers at full power.
pub const FULL_POWER_BEAMS: [&str; 4] = ["BEAM0101", "BEAM0110", "BEAM1000", "BEAM1011"];

/// Names of single datasets, and what stands for them in subsets that lack them: without flags every footprint passes.
const DATASETS: [(&str, &str, Option<IfAbsent>); 5] = [
    ("elevation", "elev_lowestmode", Some(IfAbsent::Missing)),
    ("elevation_highest", "elev_highestreturn", Some(IfAbsent::Missing)),
    ("quality", "quality_flag", Some(IfAbsent::Value(1))),
    ("degrade", "degrade_flag", Some(IfAbsent::Value(0))),
    ("sensitivity", "sensitivity", None),
];

/// What a column holds where its dataset is absent.
#[derive(Clone, Copy)]
enum IfAbsent {
    Missing,
    Value(i32),
}

/// The source `gedi-l2a`.
#[derive(Debug)]
pub struct Source {
    points: Hdf5Points,
}

impl Source {
    /// The source of a section `data_source`.
    ///
    /// # Errors
    /// Names the key that is missing or wrong.
    pub fn new(section: &SourceOptions) -> Result<Self> {
        let mut section = section.clone();
        let beams = beams(section.remove("beams").as_ref())?;
        let given =
            |section: &Map<String, Value>, key: &str| section.get(key).is_some_and(|value| !value.is_null());
        if !given(&section, "groups") {
            section.insert("groups".into(), beams);
        }
        if !given(&section, "coordinates") {
            let coordinates = json!({
                "latitude": "/{group}/lat_lowestmode",
                "longitude": "/{group}/lon_lowestmode",
            });
            section.insert("coordinates".into(), coordinates);
        }
        if let Some(Value::Object(variables)) = section.get_mut("variables") {
            for (column, value) in variables {
                if let Some(name) = value.as_str().filter(|name| !name.contains('/')) {
                    *value = dataset(name).map_err(|error| error.context(format!("variables.{column}")))?;
                }
            }
        }
        Ok(Self { points: Hdf5Points::new(&section)? })
    }
}

/// The beams that `beams` stands for.
fn beams(chosen: Option<&Value>) -> Result<Value> {
    match chosen.map_or(Some("all"), |value| if value.is_null() { Some("all") } else { value.as_str() }) {
        Some("all") => Ok(json!([COVERAGE_BEAMS, FULL_POWER_BEAMS].concat())),
        Some("coverage") => Ok(json!(COVERAGE_BEAMS)),
        Some("full") => Ok(json!(FULL_POWER_BEAMS)),
        _ => Err(Error::input("beams must be all, full or coverage")),
    }
}

/// Where the data of a name is.
fn dataset(name: &str) -> Result<Value> {
    if let Some(percent) = name.strip_prefix("rh").and_then(|digits| digits.parse::<u8>().ok()) {
        // Column p of rh is the height above the ground below which p percent of the waveform's energy is.
        if percent <= 100 && name == format!("rh{percent}") {
            return Ok(json!({"path": "/{group}/rh", "column": percent}));
        }
    }
    let Some((_, path, absent)) = DATASETS.iter().find(|(known, _, _)| *known == name) else {
        let known: Vec<&str> = DATASETS.iter().map(|(known, _, _)| *known).collect();
        return Err(Error::input(format!(
            "{name:?} is no name of this product; there are rh0 to rh100, {}, and paths such as /{{group}}/rx_energy",
            known.join(", ")
        )));
    };
    let mut dataset = json!({"path": format!("/{{group}}/{path}")});
    match absent {
        Some(IfAbsent::Missing) => dataset["if_absent"] = "missing".into(),
        Some(IfAbsent::Value(value)) => dataset["if_absent"] = (*value).into(),
        None => {}
    }
    Ok(dataset)
}

impl PointSource for Source {
    fn columns(&self) -> &[ColumnSpec] {
        self.points.columns()
    }

    fn open(&self, granule: &Granule, reader: Arc<dyn RangeReader>) -> Result<Box<dyn OpenGranule>> {
        self.points.open(granule, reader)
    }

    fn index_key(&self) -> Option<String> {
        self.points.index_key()
    }

    fn open_indexed(
        &self,
        granule: &Granule,
        reader: Arc<dyn RangeReader>,
        index: &Value,
    ) -> Result<Box<dyn OpenGranule>> {
        self.points.open_indexed(granule, reader, index)
    }
}
