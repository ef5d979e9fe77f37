//! `zagg catalog`: from granules to a shard map.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use zagg_access::Access;
use zagg_core::catalog::{ExactFootprint, Query, SearchContext};
use zagg_core::config::Pipeline;
use zagg_core::footprint::Footprint;
use zagg_core::granule::{Driver, Granule};
use zagg_core::granules::Located;
use zagg_core::grid::Grid;
use zagg_core::registry::Registry;
use zagg_core::shard_map::{BuildOptions, ShardMap};
use zagg_core::source::{OpenObject, PointSource};
use zagg_core::{Error, Result};

use crate::args::{CatalogArgs, Format};
use crate::failure::{Failure, INCOMPLETE};
use crate::output::{self, grouped};
use crate::progress::Progress;
use crate::{builtin, pipeline};

pub(crate) fn run(args: &CatalogArgs) -> Result<u8, Failure> {
    let registry = builtin::registry()?;
    let pipeline = pipeline::pipeline(&args.pipeline, &registry)?;
    let (map, incomplete) = build(&pipeline, &registry, &args.from_files)?;
    for line in &incomplete {
        output::warning(line);
    }
    if !incomplete.is_empty() && !args.allow_incomplete {
        return Err(Failure {
            code: INCOMPLETE,
            message: format!(
                "{} not written: {} could not be read; mend or remove what is named above, or give --allow-incomplete",
                args.output.display(),
                if incomplete.len() == 1 { "1 thing".into() } else { format!("{} things", incomplete.len()) }
            ),
        });
    }
    if map.shards.is_empty() {
        return Err(Error::input("no granule has a row in any shard; nothing is written").into());
    }
    pipeline::write_text(&args.output, &map.to_json()?)?;
    print(&map, &args.output, args.format)?;
    Ok(if incomplete.is_empty() { 0 } else { INCOMPLETE })
}

/// The shard map of local files, and what could not be read.
pub(crate) fn build(
    pipeline: &Pipeline,
    registry: &Registry,
    files: &[String],
) -> Result<(ShardMap, Vec<String>)> {
    let context = Search {
        grid: registry
            .grid(&pipeline.output.grid_type, &pipeline.output.grid)
            .map_err(|error| pipeline.locate(error))?,
        source: registry
            .source(&pipeline.data_source.reader, &pipeline.data_source.options)
            .map_err(|error| pipeline.locate(error.context("data_source")))?,
        opener: Arc::new(Access::new(&pipeline.data_source.access)?),
        progress: Progress::new("granules", 0),
    };
    let query = Query { files: files.to_vec(), ..Query::default() };
    let found = registry.catalog("local-files")?.search(&query, &context);
    context.progress.finish();
    let found = found?;
    let map = ShardMap::build(&*context.grid, &found.entries, found.metadata, &BuildOptions::default())?;
    Ok((map, found.incomplete))
}

/// Prints what a shard map holds.
pub(crate) fn print(map: &ShardMap, path: &Path, format: Format) -> Result<(), Failure> {
    let mut sizes: Vec<usize> = map.shards.iter().map(|shard| shard.granules.len()).collect();
    sizes.sort_unstable();
    let (least, most) = (sizes.first().copied().unwrap_or(0), sizes.last().copied().unwrap_or(0));
    let median = sizes.get(sizes.len() / 2).copied().unwrap_or(0);
    if format == Format::Json {
        return output::json(&json!({
            "shard_map": path,
            "granules": map.granules.len(),
            "shards": map.shards.len(),
            "pairs": map.pairs(),
            "granules_per_shard": {"min": least, "median": median, "max": most},
            "grid_signature": map.grid_signature,
            "metadata": map.metadata,
        }));
    }
    let mut table = output::table(&[]);
    table.add_row(["shard map", &path.display().to_string()]);
    table.add_row(["granules", &grouped(map.granules.len() as u64)]);
    table.add_row(["shards", &grouped(map.shards.len() as u64)]);
    table.add_row(["pairs", &grouped(map.pairs() as u64)]);
    table.add_row(["granules per shard", &format!("{least} to {most}, median {median}")]);
    table.add_row(["grid", &serde_json::Value::Object(map.grid_signature.clone()).to_string()]);
    output::data(&table.to_string())
}

/// Opens granules for catalogs that need their positions.
#[derive(Debug)]
struct Search {
    grid: Box<dyn Grid>,
    source: Box<dyn PointSource>,
    opener: Arc<dyn OpenObject>,
    progress: Progress,
}

impl SearchContext for Search {
    fn exact_footprint(&self, granule: &Granule) -> Result<ExactFootprint> {
        let reader = self.opener.open(granule.href(Driver::File)?)?;
        let opened = zagg_core::caught(|| self.source.open(granule, reader))?;
        let located = Located::new(opened, &*self.grid)?;
        Ok(ExactFootprint {
            footprint: Footprint::Shards(located.shards(&*self.grid)),
            holes: located.holes().map(|(part, error)| format!("part {part}: {error}")).collect(),
        })
    }

    fn progress(&self, done: u64, total: Option<u64>, _what: &str) {
        self.progress.at(done, total.unwrap_or(done));
    }

    fn warn(&self, message: &str) {
        self.progress.say(&format!("zagg: warning: {message}"));
    }
}
