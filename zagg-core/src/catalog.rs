//! Catalogs: from a question to granules.

use std::fmt;

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::footprint::Footprint;
use crate::granule::{CatalogEntry, Granule};

/// What granules are wanted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    /// Product, such as `ATL06`.
    pub short_name: Option<String>,
    /// Release of the product, such as `007`.
    pub version: Option<String>,
    /// Archive, such as `NSIDC_CPRD`.
    pub provider: Option<String>,
    /// Start of the time wanted, in seconds as [`crate::time`] counts them (UTC since 1970).
    pub start: Option<f64>,
    /// End of the time wanted, excluded.
    pub end: Option<f64>,
    /// Orbit cycle of the mission: only granules whose name says this cycle.
    pub cycle: Option<u32>,
    /// Area that the granules must touch: it covers every shard of interest, not just the user's area.
    pub area: Option<Footprint>,
    /// Files, folders, patterns or prefixes in buckets, for catalogs of files.
    pub files: Vec<String>,
    /// Settings of the catalog itself, such as `endpoint`.
    pub options: Map<String, Value>,
}

/// Where the rows of a granule are.
#[derive(Debug, Clone, PartialEq)]
pub struct ExactFootprint {
    /// The shards of the run's grid that hold a row.
    pub footprint: Footprint,
    /// Parts whose positions cannot be read, with the reason: the footprint lacks them.
    pub holes: Vec<String>,
}

/// What a catalog may ask of the program while it searches.
pub trait SearchContext: Send + Sync {
    /// Where the rows of a granule really are; opens the granule through the source.
    ///
    /// # Errors
    /// When the granule cannot be opened.
    fn exact_footprint(&self, granule: &Granule) -> Result<ExactFootprint>;

    /// Hrefs and lengths in bytes of the objects under `s3://bucket/prefix`, ascending, reached as granules are.
    ///
    /// # Errors
    /// When they cannot be listed, or this program lists nothing.
    fn list(&self, url: &str) -> Result<Vec<(String, u64)>> {
        Err(Error::unsupported(format!("{url}: this program lists no buckets; give files or folders")))
    }

    /// Tells the user how far the search is.
    fn progress(&self, done: u64, total: Option<u64>, what: &str);

    /// Tells the user something that does not stop the search.
    fn warn(&self, message: &str);
}

impl fmt::Debug for dyn SearchContext + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SearchContext")
    }
}

/// Granules found, with what identifies the search.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Granules {
    /// In the catalog's order, which is the arrival order of every shard.
    pub entries: Vec<CatalogEntry>,
    /// Goes into the shard map's `metadata`.
    pub metadata: Map<String, Value>,
    /// What could not be catalogued, one line each: the answer is incomplete unless this is empty.
    pub incomplete: Vec<String>,
}

/// A list of granules with footprints.
pub trait Catalog: Send + Sync {
    /// The granules of a query.
    ///
    /// # Errors
    /// When the question makes no sense to this catalog, or no answer could be had at all.
    fn search(&self, query: &Query, context: &dyn SearchContext) -> Result<Granules>;
}

impl fmt::Debug for dyn Catalog + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Catalog")
    }
}
