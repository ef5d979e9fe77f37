//! Point source for tables: points as rows of Parquet and CSV files.
//!
//! ```yaml
//! data_source:
//!   reader: table-points
//!   coordinates: {latitude: lat, longitude: lon}
//!   variables:
//!     h: height
//!     s: {column: sigma, dtype: float32, units: m}
//!   quality_filter: {dataset: quality, value: 0}
//!   options: {delimiter: ";"}
//! ```
//!
//! A file has one part. The datasets of filters are names of columns. In Parquet files the statistics of row groups tell
//! which of them a shard may need; no byte of the others is read. In GeoParquet files `coordinates: {geometry: NAME}` takes
//! the points of a column. A CSV file is read whole.

mod csv;
mod options;
mod parquet;
mod schema;

use std::sync::Arc;

use serde_json::{Map, Value};
use zagg_core::Result;
use zagg_core::granule::Granule;
use zagg_core::range_reader::RangeReader;
use zagg_core::registry::{Entry, Make};
use zagg_core::source::{ColumnSpec, OpenGranule, PointSource, SourceOptions};

use crate::csv::{Budget, CsvGranule};
use crate::parquet::ParquetGranule;
pub use options::{ColumnOptions, ColumnRef, Coordinates, CsvOptions, Format, Options};
pub use schema::schema;

zagg_core::export_plugin! {
    Entry {
        name: "table-points",
        aliases: &[],
        description: "points in tables: Parquet and CSV files, by the names of their columns",
        make: Make::Source(|options| Ok(Box::new(TablePoints::new(options)?))),
    },
}

/// The source.
#[derive(Debug)]
pub struct TablePoints {
    options: Arc<Options>,
    columns: Vec<ColumnSpec>,
    kept: Arc<Budget>,
}

impl TablePoints {
    /// The source of a section `data_source`.
    ///
    /// # Errors
    /// Names the key that is missing or wrong.
    pub fn new(section: &SourceOptions) -> Result<Self> {
        let options = Options::read(section)?;
        let columns = options
            .columns
            .iter()
            .map(|column| ColumnSpec {
                name: column.name.clone(),
                dtype: column.dtype,
                attributes: column.attributes.clone(),
            })
            .collect();
        let kept = Arc::new(Budget::new(options.memory));
        Ok(Self { options: Arc::new(options), columns, kept })
    }
}

impl PointSource for TablePoints {
    fn columns(&self) -> &[ColumnSpec] {
        &self.columns
    }

    fn open(&self, _granule: &Granule, reader: Arc<dyn RangeReader>) -> Result<Box<dyn OpenGranule>> {
        let options = Arc::clone(&self.options);
        Ok(match options.format_of(reader.location())? {
            Format::Parquet => Box::new(ParquetGranule::open(reader, options)?),
            Format::Csv => Box::new(CsvGranule::open(reader, options, &self.kept)?),
        })
    }
}

/// What the pipeline says of a column; the files say nothing.
pub(crate) fn attributes_of(options: &Options, column: &str) -> Map<String, Value> {
    let column = options.columns.iter().find(|known| known.name == column);
    column.map(|column| column.attributes.clone()).unwrap_or_default()
}
