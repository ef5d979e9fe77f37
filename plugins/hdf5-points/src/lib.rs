//! Point source for any HDF5 or NetCDF-4 point product described in YAML.
//!
//! ```yaml
//! data_source:
//!   reader: hdf5-points
//!   groups: [gt1l, gt1r]
//!   coordinates:
//!     latitude: "/{group}/land_ice_segments/latitude"
//!     longitude: "/{group}/land_ice_segments/longitude"
//!   variables:
//!     h_li: "/{group}/land_ice_segments/h_li"
//!   quality_filter:
//!     dataset: "/{group}/land_ice_segments/atl06_quality_summary"
//!     value: 0
//! ```
//!
//! Each group is a part; `{group}` in a path stands for its name. A product without groups leaves `groups` out and has one
//! part; a pattern such as `BEAM*` finds those that the granule has. A value is missing where it equals the `_FillValue` or
//! `missing_value` attribute, or a fill value that the writer set; the datasets of filters and coordinates are masked by
//! attribute only, because their writers often set a fill value that is also a legal one. Values with the attributes
//! `scale_factor` and `add_offset` are unpacked. `path#name` picks the field `name` of a dataset of records, `{path, column}`
//! one value of each row.
//!
//! Products with several rates name them as `levels` with links to the rows: rows can then be looked for by the positions of
//! a coarser level (`read_plan`), and values of a coarser level are spread to the rows. `time` tells how the product counts
//! time and gives the column `time` in UTC.
//!
//! With the feature `native` the same section also serves under the name `hdf5-native`: the C library reads the files, which
//! must be local.

mod granule;
mod index;
mod links;
mod missing;
#[cfg(feature = "native")]
mod native;
mod options;
mod packing;

use std::sync::Arc;

use serde_json::Value;
use zagg_core::granule::Granule;
use zagg_core::range_reader::RangeReader;
use zagg_core::registry::{Entry, Make};
use zagg_core::source::{ColumnSpec, OpenGranule, PointSource, SourceOptions};
use zagg_core::{DType, Result};
use zagg_hdf5::{ChunkCache, Hdf5File, Hdf5Reader, ReadOptions};

use granule::Hdf5Granule;
use options::Options;

/// Bytes of decoded chunks kept for neighbouring shards. A chunk of 10,000 rows is cut by two or three of them.
const CHUNK_CACHE_BYTES: u64 = 12 << 20;

/// Bytes of metadata of a local file that are read beyond what is wanted: they stay in memory as long as the granule is open, and
/// another read costs microseconds.
const LOCAL_READ_AHEAD: u64 = 64 << 10;

/// Among how many granules the memory is divided when the program does not say.
const GRANULES_IN_FLIGHT: u64 = 16;

zagg_core::export_plugin! {
    Entry {
        name: "hdf5-points",
        aliases: &["h5coro"],
        description: "points of any HDF5 or NetCDF-4 product, by the paths of their datasets",
        make: Make::Source(|options| Ok(Box::new(Hdf5Points::new(options)?))),
    },
}

/// The JSON Schema of what the source takes of the section `data_source`: `properties` and `required`. Of a source that has
/// `groups` and `coordinates` of its own, nothing but `variables` is required.
pub fn schema(has_defaults: bool) -> Value {
    options::schema::schema(has_defaults)
}

/// What reads the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// Our own, by byte ranges.
    Ranges,
    /// The C library.
    #[cfg(feature = "native")]
    Native,
}

/// The source: which datasets make a part.
#[derive(Debug)]
pub struct Hdf5Points {
    reader: Reader,
    options: Arc<Options>,
    columns: Vec<ColumnSpec>,
    read_options: ReadOptions,
    /// For files of this machine, unless `read_ahead` is given.
    local_read_options: ReadOptions,
}

impl Hdf5Points {
    /// The source of a section `data_source`.
    ///
    /// # Errors
    /// Names the key that is missing or wrong.
    pub fn new(section: &SourceOptions) -> Result<Self> {
        Self::with(Reader::Ranges, section)
    }

    fn with(reader: Reader, section: &SourceOptions) -> Result<Self> {
        let options = Options::read(section)?;
        let columns = options
            .columns
            .iter()
            .map(|column| ColumnSpec {
                name: column.name.clone(),
                dtype: column.is_time.then_some(DType::Float64),
                ..ColumnSpec::default()
            })
            .collect();
        let number = |key: &str| section.get(key).and_then(Value::as_u64);
        let mut read_options = match number("memory") {
            Some(bytes) => ReadOptions::with_shared_memory(
                bytes,
                number("granules_in_flight").unwrap_or(GRANULES_IN_FLIGHT),
            ),
            None => ReadOptions {
                chunk_cache: Some(Arc::new(ChunkCache::new(CHUNK_CACHE_BYTES))),
                ..ReadOptions::default()
            },
        };
        let mut local_read_options =
            ReadOptions { read_ahead: LOCAL_READ_AHEAD.min(read_options.read_ahead), ..read_options.clone() };
        if let Some(bytes) = number("read_ahead") {
            read_options.read_ahead = bytes.min(read_options.max_metadata_bytes / 2);
            local_read_options.read_ahead = read_options.read_ahead;
        }
        Ok(Self { reader, options: Arc::new(options), columns, read_options, local_read_options })
    }
}

impl PointSource for Hdf5Points {
    fn columns(&self) -> &[ColumnSpec] {
        &self.columns
    }

    fn open(&self, _granule: &Granule, reader: Arc<dyn RangeReader>) -> Result<Box<dyn OpenGranule>> {
        let file: Box<dyn Hdf5Reader> = match self.reader {
            Reader::Ranges => {
                let is_local = !reader.location().contains("://");
                let options = if is_local { &self.local_read_options } else { &self.read_options };
                Box::new(Hdf5File::open(reader, options)?)
            }
            #[cfg(feature = "native")]
            Reader::Native => Box::new(zagg_hdf5_native::NativeFile::open(reader.location())?),
        };
        Ok(Box::new(Hdf5Granule::open(file, Arc::clone(&self.options))?))
    }

    fn index_key(&self) -> Option<String> {
        // An index tells where chunks are stored, which the C library finds by itself.
        (self.reader == Reader::Ranges).then(|| index::key(&self.options))
    }

    fn open_indexed(
        &self,
        _granule: &Granule,
        reader: Arc<dyn RangeReader>,
        index: &Value,
    ) -> Result<Box<dyn OpenGranule>> {
        let options = Arc::clone(&self.options);
        Ok(Box::new(Hdf5Granule::indexed(reader, &self.read_options, options, index)?))
    }
}
