//! A shard map is made and written.

use zagg_core::config::Pipeline;
use zagg_core::grid::Grid;
use zagg_core::registry::Registry;
use zagg_core::shard_map::{BuildOptions, ShardMap};
use zagg_core::{Error, Result};

use super::find::{Found, find};
use super::question::{FILES, Origin, Question, check_folder};
use super::summary::{self, Made};
use crate::args::catalog::BuildArgs;
use crate::failure::{Failure, INCOMPLETE};
use crate::{builtin, output, pipeline};

pub(super) fn run(args: &BuildArgs) -> Result<u8, Failure> {
    let registry = builtin::registry()?;
    let pipeline = pipeline::pipeline(&args.pipeline, &registry)?;
    let question = Question::of(args, &pipeline)?;
    for path in args.output.iter().chain(&args.catalog_out) {
        check_folder(path)?;
    }
    if let Some(path) = &args.output {
        zagg_catalog_files::check_output(path)?;
    }
    if let Some(path) =
        args.catalog_out.as_ref().filter(|path| path.extension().is_none_or(|e| e != "parquet"))
    {
        return Err(Failure::usage(format!(
            "--catalog-out {}: granules are written as stac-geoparquet; name it .parquet",
            path.display()
        )));
    }
    if args.output.is_some() && (args.output == args.catalog_out || args.output == args.from_catalog) {
        return Err(Failure::usage("the map and the granules are two files; give --output another name"));
    }
    let needs_area = args.clip || pipeline.output.needs_area();
    if needs_area && question.area.is_none() {
        let who =
            if args.clip { "--clip wants" } else { "output.aoi_mask and output.clip of the pipeline want" };
        return Err(Failure::usage(format!("{who} an area of interest; give --polygon or --bbox")));
    }
    let grid = grid(&pipeline, &registry)?;
    let mut found = find(&question, &pipeline, &registry, &*grid)?;
    let path = args.output.clone().unwrap_or_else(|| question.default_output(&found.granules.metadata));
    for line in &found.granules.incomplete {
        output::warning(line);
    }
    let is_complete = found.granules.incomplete.is_empty();
    if !is_complete && !args.allow_incomplete {
        return Err(Failure {
            code: INCOMPLETE,
            message: refusal(&path.display().to_string(), found.granules.incomplete.len(), &question),
        });
    }
    let mut map = build(&*grid, &question, &found)?;
    if map.shards.is_empty() {
        return Err(Error::input(if question.origin == Origin::Plugin(FILES.into()) {
            "no granule has a row in any shard; nothing is written".to_string()
        } else {
            format!("none of {} touches a shard of the area; nothing is written", granules(&found))
        })
        .into());
    }
    if let Some(area) = question.area.as_ref().filter(|_| needs_area) {
        map.set_area(&*grid, area, args.clip)?;
    }
    if let Some(path) = &args.catalog_out {
        zagg_catalog_files::tie_to_grid(&mut found.granules, &*grid);
        zagg_catalog_files::write_granules(path, &found.granules)?;
    }
    zagg_catalog_files::write_shard_map(&path, &map)?;
    let made = Made { found: &found, time: question.time.text(), catalog_out: args.catalog_out.as_deref() };
    summary::print_made(&map, &path, &made, args.format)?;
    Ok(if is_complete { 0 } else { INCOMPLETE })
}

/// The shard map of local files, and what could not be read.
pub(crate) fn of_files(
    pipeline: &Pipeline,
    registry: &Registry,
    files: &[String],
) -> Result<(ShardMap, Vec<String>), Failure> {
    let args = BuildArgs { from_files: files.to_vec(), ..BuildArgs::default() };
    let question = Question::of(&args, pipeline)?;
    let grid = grid(pipeline, registry)?;
    let found = find(&question, pipeline, registry, &*grid)?;
    let map = build(&*grid, &question, &found)?;
    Ok((map, found.granules.incomplete))
}

fn grid(pipeline: &Pipeline, registry: &Registry) -> Result<Box<dyn Grid>> {
    let grid = registry.grid(&pipeline.output.grid_type, &pipeline.output.grid);
    grid.map_err(|error| pipeline.locate(error))
}

fn build(grid: &dyn Grid, question: &Question, found: &Found) -> Result<ShardMap> {
    let options =
        BuildOptions { area: question.area.clone(), footprint_buffer_km: question.footprint_buffer_km };
    ShardMap::build(grid, &found.granules.entries, found.granules.metadata.clone(), &options)
}

fn granules(found: &Found) -> String {
    match found.granules.entries.len() {
        1 => "the 1 granule found".into(),
        many => format!("the {many} granules found"),
    }
}

/// Why an incomplete map is not written.
fn refusal(path: &str, count: usize, question: &Question) -> String {
    let things = if count == 1 { "1 thing".into() } else { format!("{count} things") };
    match &question.origin {
        Origin::Plugin(name) if name == FILES => format!(
            "{path} not written: {things} could not be read; mend or remove what is named above, or give \
             --allow-incomplete"
        ),
        Origin::Plugin(_) => format!(
            "{path} not written: the answer lacks {things}, named above; ask again, or give --allow-incomplete"
        ),
        Origin::Saved(_) => format!(
            "{path} not written: the file lacks {things}, named above; search again, or give --allow-incomplete"
        ),
    }
}
