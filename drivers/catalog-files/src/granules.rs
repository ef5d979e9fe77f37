//! Files of granules that a search has found.
//!
//! They are written as stac-geoparquet 1.0 (one row per STAC item, <https://github.com/stac-utils/stac-geoparquet>), which
//! the Python zagg and general readers understand:
//!
//! | column | of a granule |
//! |---|---|
//! | `id` | id |
//! | `assets.data`, `assets.data_s3`, `assets.data_file` | the hrefs of the web server, of the bucket and of a local copy, with role `data` and `file:size` |
//! | `start_datetime`, `end_datetime`, `datetime` | its times, the last one the first again |
//! | `geometry`, `bbox` | the footprint in well-known binary, with edges along great circles |
//! | `zagg:record` | JSON with what the columns beside it cannot say exactly; else null |
//! | `collection`, `type`, `stac_version`, `stac_extensions`, `links` | as STAC wants them |
//!
//! The metadata of the search are in the entry `zagg:catalog_meta` of the file's metadata, as the Python zagg has it; what
//! the search could not find is listed there under `incomplete`.
//!
//! Granules come back as they were, to the last bit: whatever does not follow from the columns stands in `zagg:record`.
//! A box bounded by parallels is no polygon with great circles, for one: the geometry beside it has vertices a degree apart
//! and is for others. Unions inside of unions come back as one union.
//!
//! Read are files of others as well, and STAC item collections in JSON. Of the assets with role `data` the one of each
//! scheme counts, then the one called as above, then the one whose file is called as the item; where several are left, as
//! in images with a file per band, the granule has no href.

mod assets;
mod exact;
mod geometry;
mod items;
mod read;
mod row;
mod wkb;
mod write;

use std::path::Path;

use serde_json::Value;
use zagg_core::catalog::Granules;
use zagg_core::footprint::Footprint;
use zagg_core::grid::Grid;
use zagg_core::{Error, Result};

use crate::columns::Table;
use crate::form::{Form, open};
use crate::{atomic, in_one_line};

/// Entry of the file's metadata, as the Python zagg calls it.
const META: &str = "zagg:catalog_meta";
/// The entry of the search's metadata that says which grid exact shards belong to.
const SIGNATURE: &str = "grid_signature";
/// The entry of the search's metadata that lists what was not found.
const INCOMPLETE: &str = "incomplete";

/// Reads granules, from stac-geoparquet or from a STAC item collection in JSON. Items without a geometry, which cannot be
/// placed, are listed under [`Granules::incomplete`].
///
/// # Errors
/// When there is no such file, it holds no granules, or it is damaged.
pub fn read_granules(path: &Path) -> Result<Granules> {
    let opened = open(path, "a list of granules")?;
    let found = match opened.form {
        Form::Json => items::read(&opened.name, opened.file),
        Form::JsonZstd => Err(Error::input(format!(
            "{}: compressed; granules are read from .parquet files and from STAC item collections in JSON",
            opened.name
        ))),
        Form::Parquet => {
            Table::open(&opened.name, opened.file.into_inner()).and_then(|mut table| read::read(&mut table))
        }
    };
    found.map_err(in_one_line)
}

/// Writes granules as stac-geoparquet. Granules with exact shards must have been [tied to their grid](tie_to_grid).
///
/// # Errors
/// When the file cannot be written, its name does not end in `.parquet`, a footprint has places that are not on Earth, or
/// exact shards are tied to no grid.
pub fn write_granules(path: &Path, granules: &Granules) -> Result<()> {
    let name = path.display().to_string();
    if Form::of_name(path)? != Form::Parquet {
        return Err(Error::input(format!("{name}: granules are written as stac-geoparquet; use .parquet")));
    }
    if has_shards(granules) && !granules.metadata.get(SIGNATURE).is_some_and(Value::is_object) {
        return Err(Error::input(format!(
            "{name}: granules have exact shards, which mean nothing without the grid; write the shard map instead"
        )));
    }
    atomic::write(path, |to| write::write(&name, granules, to))
}

/// Notes which grid the exact shards of granules belong to, if there are any.
pub fn tie_to_grid(granules: &mut Granules, grid: &dyn Grid) {
    if has_shards(granules) {
        granules.metadata.insert(SIGNATURE.into(), Value::Object(grid.signature()));
    }
}

/// Checks that exact shards of granules, if there are any, belong to this grid.
///
/// # Errors
/// When they belong to another or to none.
pub fn check_grid(granules: &Granules, grid: &dyn Grid) -> Result<()> {
    let ours = Value::Object(grid.signature());
    match granules.metadata.get(SIGNATURE) {
        _ if !has_shards(granules) => Ok(()),
        Some(theirs) if *theirs == ours => Ok(()),
        theirs => Err(Error::input(format!(
            "the granules were placed in the shards of another grid: {}, and the pipeline has {ours}; search again with this pipeline",
            theirs.unwrap_or(&Value::Null)
        ))),
    }
}

/// Whether a granule is known by its shards.
fn has_shards(granules: &Granules) -> bool {
    let is_shards = |part: &&Footprint| matches!(part, Footprint::Shards(_));
    granules.entries.iter().any(|entry| entry.footprint.parts().iter().any(is_shards))
}

#[cfg(test)]
mod tests;
