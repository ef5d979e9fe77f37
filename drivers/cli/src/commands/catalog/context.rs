//! What a catalog may ask of the program while it searches.

use zagg_access::Access;
use zagg_core::catalog::{ExactFootprint, SearchContext};
use zagg_core::config::Pipeline;
use zagg_core::footprint::Footprint;
use zagg_core::granule::{Driver, Granule};
use zagg_core::granules::Located;
use zagg_core::grid::Grid;
use zagg_core::registry::Registry;
use zagg_core::source::{OpenObject, PointSource};
use zagg_core::{Error, Result};

use crate::progress::Progress;

/// Opens granules for catalogs that need their positions, and tells how far they are.
#[derive(Debug)]
pub(super) struct Context<'a> {
    grid: &'a dyn Grid,
    source: Box<dyn PointSource>,
    access: Access,
    progress: Progress,
}

impl<'a> Context<'a> {
    pub(super) fn new(pipeline: &Pipeline, registry: &Registry, grid: &'a dyn Grid) -> Result<Self> {
        Ok(Self {
            grid,
            source: registry
                .source(&pipeline.data_source.reader, &pipeline.data_source.options)
                .map_err(|error| pipeline.locate(error.context("data_source")))?,
            access: Access::new(&pipeline.data_source.access)?,
            progress: Progress::new("granules", 0),
        })
    }

    /// Clears what tells of progress.
    pub(super) fn finish(&self) {
        self.progress.finish();
    }
}

/// What is wrong with a part. The only part of some granules has no name.
fn in_part((part, error): (&str, &Error)) -> String {
    if part.is_empty() { error.to_string() } else { format!("part {part}: {error}") }
}

impl SearchContext for Context<'_> {
    fn exact_footprint(&self, granule: &Granule) -> Result<ExactFootprint> {
        let driver = match granule {
            Granule { file: None, s3: Some(_), .. } => Driver::S3,
            Granule { file: None, https: Some(_), .. } => Driver::Https,
            _ => Driver::File,
        };
        let reader = self.access.open(granule.href(driver)?)?;
        let opened = zagg_core::caught(|| self.source.open(granule, reader))?;
        let located = Located::new(opened, self.grid)?;
        Ok(ExactFootprint {
            footprint: Footprint::Shards(located.shards(self.grid)),
            holes: located.holes().map(in_part).collect(),
        })
    }

    fn list(&self, url: &str) -> Result<Vec<(String, u64)>> {
        self.access.list(url)
    }

    fn progress(&self, done: u64, total: Option<u64>, what: &str) {
        self.progress.step(done, total, what);
    }

    fn warn(&self, message: &str) {
        self.progress.say(&format!("zagg: warning: {message}"));
    }
}
