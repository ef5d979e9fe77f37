//! The granules of a question.

use std::path::Path;

use zagg_core::Error;
use zagg_core::catalog::Granules;
use zagg_core::config::Pipeline;
use zagg_core::footprint::Footprint;
use zagg_core::granule::CatalogEntry;
use zagg_core::grid::Grid;
use zagg_core::registry::Registry;
use zagg_core::shard_map::query_area;

use super::context::Context;
use super::question::{FILES, Origin, Question};
use super::time::Verdict;
use crate::failure::Failure;

/// Entry of the metadata of granules with exact shards: their grid, which a map has elsewhere.
const SIGNATURE: &str = "grid_signature";

/// What was found, and what of it was not wanted.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) granules: Granules,
    /// How many there were before any was left out.
    pub(super) total: usize,
    pub(super) other_cycles: usize,
    pub(super) other_days: usize,
}

/// Asks, and leaves out what is not wanted.
pub(super) fn find(
    question: &Question,
    pipeline: &Pipeline,
    registry: &Registry,
    grid: &dyn Grid,
) -> Result<Found, Failure> {
    let granules = match &question.origin {
        Origin::Saved(path) => saved(path, question, grid)?,
        Origin::Plugin(name) => {
            let catalog = registry.catalog(name)?;
            // Files are known to the row: there is no need to look around the area.
            let area = match &question.area {
                Some(area) if name != FILES => Some(query_area(grid, area, question.buffer_km)?),
                other => other.clone(),
            };
            let query = question.query(area)?;
            let context = Context::new(pipeline, registry, grid)?;
            let found = zagg_core::caught(|| catalog.search(&query, &context));
            context.finish();
            found?
        }
    };
    let mut found = Found { total: granules.entries.len(), granules, ..Found::default() };
    question.describe(&mut found.granules.metadata);
    if question.time.is_given() {
        found.granules.entries.retain(|entry| match question.time.verdict(&entry.granule) {
            Verdict::Wanted => true,
            Verdict::OtherCycle => {
                found.other_cycles += 1;
                false
            }
            Verdict::OtherDays => {
                found.other_days += 1;
                false
            }
        });
    }
    if found.granules.entries.is_empty() && found.granules.incomplete.is_empty() {
        return Err(nothing(question, &found).into());
    }
    Ok(found)
}

/// The granules of an earlier search.
fn saved(path: &Path, question: &Question, grid: &dyn Grid) -> Result<Granules, Failure> {
    let mut granules = zagg_catalog_files::read_granules(path)?;
    zagg_catalog_files::check_grid(&granules, grid).map_err(|error| error.context(path.display()))?;
    // Only of shards that are known to the row is it clear where they end.
    let is_exact = |entry: &CatalogEntry| matches!(entry.footprint, Footprint::Shards(_));
    if !granules.entries.iter().all(is_exact) {
        question.needs_area()?;
    }
    granules.metadata.shift_remove(SIGNATURE);
    Ok(granules)
}

/// Why there is no granule.
fn nothing(question: &Question, found: &Found) -> Error {
    let time = question.time.text().unwrap_or_default();
    Error::input(match (found.total, &question.origin) {
        (0, Origin::Saved(path)) => {
            format!("{}: there are no granules in it; nothing is written", path.display())
        }
        (0, _) => format!("there are no {}; nothing is written", question.text()),
        (total, _) => format!("none of the {total} granules found is of {time}; nothing is written"),
    })
}
