//! Point sources: where the rows of a granule are, and their columns.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::column::{Column, DType};
use crate::error::{Error, Result};
use crate::granule::Granule;
use crate::range_reader::RangeReader;
use crate::rows::Rows;

/// Name under which a source gives the longitude of rows, in degrees.
pub const LONGITUDE: &str = "longitude";
/// Name under which a source gives the latitude of rows, in degrees.
pub const LATITUDE: &str = "latitude";
/// Name under which a source gives the time of rows: seconds since 1970-01-01T00:00:00 UTC, see [`crate::time`].
pub const TIME: &str = "time";

/// The section `data_source` of a pipeline as JSON: what a source is made from.
pub type SourceOptions = Map<String, Value>;

/// A column that a source can give.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ColumnSpec {
    /// The name that the pipeline uses. A filter's dataset is a column under its own path.
    pub name: String,
    /// Element type, where it is known before a granule is opened.
    pub dtype: Option<DType>,
    /// Attributes for arrays made from it: `units`, `long_name`, `standard_name`.
    pub attributes: Map<String, Value>,
}

/// State of one part of an opened granule.
#[derive(Debug, Clone, PartialEq)]
pub enum PartState {
    /// It has this many rows.
    Present {
        /// Number of rows.
        rows: u64,
    },
    /// The granule does not have it, which real granules are free to do.
    Absent,
    /// It is there but cannot serve: a hole.
    Broken(Error),
}

/// One part of an opened granule.
#[derive(Debug, Clone, PartialEq)]
pub struct PartInfo {
    /// Name of the part (ATL06: `gt1l`).
    pub name: String,
    /// Whether it can be read.
    pub state: PartState,
}

/// Positions of a part.
#[derive(Debug, Clone, PartialEq)]
pub enum Positions {
    /// One position per row, in degrees.
    Exact {
        /// Longitude of every row.
        lon: Vec<f64>,
        /// Latitude of every row.
        lat: Vec<f64>,
    },
    /// One box per block of rows, from statistics that a file keeps of them. Blocks whose box touches a shard that is
    /// asked for are located exactly then: the source is asked for the coordinates of their rows, once per opened granule.
    ///
    /// Every row of a block that has a position lies in the block's box; a row that is read and does not makes the part a
    /// hole, because others like it may have been passed over. No box means that no row of the block has a position.
    ///
    /// Rows without a position, and rows in shards of the map that do not list the granule, are counted in the blocks
    /// without a box, in those whose box touches a shard of the run that lists the granule, and by the first shard that lists
    /// it in those whose box touches only other shards of the map, which are read for this alone. Of blocks that touch no shard
    /// of the map nothing is read or counted: their rows are none of the map's.
    Boxes {
        /// The box of every block.
        boxes: Vec<Option<Bounds>>,
        /// Rows of every block, ascending from 0 and without gaps; empty ranges allowed.
        rows: Vec<std::ops::Range<u64>>,
    },
    /// One position per parent, each with the rows it stands for. Rows are located again by their own coordinates.
    ///
    /// A row is looked for in every shard within `reach` of its parent's position, and in the shards of that position and
    /// of the `pad` positions before and after it, where parents without rows and those whose position is none are passed
    /// over. A row anywhere else is not kept: it is counted when a shard reads it, and the user is warned. A source whose
    /// rows may stray without a bound gives exact positions.
    Coarse {
        /// Longitude of every parent.
        lon: Vec<f64>,
        /// Latitude of every parent.
        lat: Vec<f64>,
        /// Rows of every parent, ascending from 0 and without gaps; empty ranges allowed.
        rows: Vec<std::ops::Range<u64>>,
        /// How far a row may lie from its parent's position, in metres; small beside a shard.
        reach: f64,
        /// Positions before and after its parent's in whose shards a row is looked for too.
        pad: usize,
    },
}

/// A box bounded by meridians and parallels that holds rows; degrees, its edges among it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// Western edge: the box extends from here going east, so `west > east` crosses the antimeridian.
    pub west: f64,
    /// Southern edge, not south of -90.
    pub south: f64,
    /// Eastern edge; 360 or more from the western one for a box all round.
    pub east: f64,
    /// Northern edge, not north of 90.
    pub north: f64,
}

/// Latitudes of a part whose longitudes are read apart from them.
#[derive(Debug, Clone, PartialEq)]
pub struct Latitudes {
    /// Latitude of every row, in degrees.
    pub lat: Vec<f64>,
    /// Rows whose longitudes are stored together, so that it saves nothing to read fewer of them: ascending from 0 and without gaps.
    pub blocks: Vec<std::ops::Range<u64>>,
}

/// A read of some rows of one part.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadRequest {
    /// Index of the part.
    pub part: usize,
    /// The rows; one behind the last row of the part is an error.
    pub rows: Rows,
    /// Names of the columns, of [`PointSource::columns`] or [`LONGITUDE`], [`LATITUDE`].
    pub columns: Vec<String>,
}

/// Rows of one part: one column per requested name, all of one length.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PointBatch {
    /// The columns in the order asked.
    pub columns: Vec<Column>,
}

/// Rows of granules of one product.
pub trait PointSource: Send + Sync {
    /// The columns it can give, in the order of the pipeline.
    fn columns(&self) -> &[ColumnSpec];

    /// Opens a granule: finds its parts and what is needed to read them. No rows are read yet.
    ///
    /// # Errors
    /// When the object is not a granule of this kind or cannot be read: the whole granule is a hole then.
    fn open(&self, granule: &Granule, reader: Arc<dyn RangeReader>) -> Result<Box<dyn OpenGranule>>;

    /// Everything that what [`OpenGranule::index`] gives depends on beside the granule: name and version of the form, and
    /// what of the granule goes into it. Sources with the same key understand each other's indexes. `None` when the source
    /// keeps no indexes.
    fn index_key(&self) -> Option<String> {
        None
    }

    /// Opens a granule from what [`OpenGranule::index`] gave, without reading anything. The index may be damaged or
    /// made up: it is checked as the granule itself is.
    ///
    /// # Errors
    /// When the index does not fit together; the granule is opened without it then.
    fn open_indexed(
        &self,
        _granule: &Granule,
        _reader: Arc<dyn RangeReader>,
        _index: &Value,
    ) -> Result<Box<dyn OpenGranule>> {
        Err(Error::unsupported("the source keeps no indexes"))
    }
}

impl fmt::Debug for dyn PointSource + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.columns().iter().map(|c| &c.name)).finish()
    }
}

/// An opened granule.
pub trait OpenGranule: Send + Sync {
    /// Its parts, in the order of the pipeline.
    fn parts(&self) -> &[PartInfo];

    /// What the granule says of a column: `units`, `long_name`, `standard_name`. Empty when it says nothing.
    fn column_attributes(&self, column: &str) -> Map<String, Value>;

    /// Positions of several parts, fetched side by side; one answer per index.
    fn positions(&self, parts: &[usize]) -> Vec<Result<Positions>>;

    /// The latitude of every row of a part, from sources that store longitudes apart: a run over a few shards reads the
    /// longitudes, with [`Self::read`], only of blocks with a row whose latitude may be that of one of its shards. They are the
    /// same as in [`Positions::Exact`]. `None` where that saves nothing, or positions are no exact ones.
    fn latitudes(&self, _part: usize) -> Option<Result<Latitudes>> {
        None
    }

    /// Rows of several parts, fetched side by side; one answer per request.
    fn read(&self, requests: &[ReadRequest]) -> Vec<Result<PointBatch>>;

    /// What must be kept so that the granule can be opened again, and all its columns read, without looking for anything:
    /// for [`PointSource::open_indexed`]. It is the same whenever and from wherever the granule is read. May read what is
    /// still missing. `None` when the source keeps no indexes.
    ///
    /// # Errors
    /// When something cannot be read that may be readable the next time.
    fn index(&self) -> Result<Option<Value>> {
        Ok(None)
    }
}

impl fmt::Debug for dyn OpenGranule + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.parts()).finish()
    }
}

/// What tells one version of an object from another.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct ObjectIdentity {
    /// Length in bytes.
    pub size: u64,
    /// The ETag, or for a local file its size and time of change. Two identities without one are never the same.
    pub etag: Option<String>,
}

impl ObjectIdentity {
    /// The identity of an open object.
    pub fn of(reader: &dyn RangeReader) -> Self {
        Self { size: reader.size(), etag: reader.etag().map(str::to_string) }
    }

    /// Whether both are certainly the same version.
    pub fn matches(&self, other: &Self) -> bool {
        self.size == other.size && self.etag.is_some() && self.etag == other.etag
    }
}

/// Opens the bytes of a granule by href. Drivers provide it; the task and catalogs use it.
pub trait OpenObject: Send + Sync {
    /// Whether it can open hrefs of this form at all; asked before a run, for every granule.
    ///
    /// # Errors
    /// When the scheme is not supported; says what to do.
    fn check(&self, _href: &str) -> Result<()> {
        Ok(())
    }

    /// A reader of the object.
    ///
    /// # Errors
    /// When the scheme is not supported or the object cannot be reached.
    fn open(&self, href: &str) -> Result<Arc<dyn RangeReader>>;

    /// A reader of an object that was seen before: an implementation over a network sends no request now, and every later
    /// answer is checked against the identity.
    ///
    /// # Errors
    /// As [`open`](Self::open); [`ErrorKind::Changed`](crate::ErrorKind::Changed), now or at the first read, when the
    /// object is another one.
    fn open_known(&self, href: &str, identity: &ObjectIdentity) -> Result<Arc<dyn RangeReader>> {
        let reader = self.open(href)?;
        if identity.matches(&ObjectIdentity::of(&*reader)) {
            Ok(reader)
        } else {
            Err(Error::changed(format!("{href}: is not the object that was indexed")))
        }
    }
}

impl fmt::Debug for dyn OpenObject + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpenObject")
    }
}
