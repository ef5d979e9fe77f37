//! `zagg catalog` as it is typed.
//!
//! What contradicts itself is found by the command, not here: its messages are one line.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Format, PipelineArgs};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct CatalogArgs {
    #[command(subcommand)]
    pub(crate) command: Option<CatalogCommand>,
    #[command(flatten)]
    pub(crate) build: BuildArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CatalogCommand {
    /// Make one shard map of several for the same grid
    Merge(MergeArgs),
    /// Make a smaller shard map: some shards, granules or dates of one
    Filter(Box<FilterArgs>),
    /// Count what a shard map holds
    Stats(StatsArgs),
}

/// Makes a shard map.
#[derive(Debug, Default, Args)]
pub(crate) struct BuildArgs {
    #[command(flatten)]
    pub(crate) pipeline: PipelineArgs,
    /// Where granules are looked for: cmr-stac, cmr, local-files or the catalog of a plugin; default: `catalog.source` of the
    /// pipeline, else cmr-stac
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<String>,
    /// Product, such as ATL06; default: `catalog.short_name` of the pipeline
    #[arg(long, value_name = "NAME")]
    pub(crate) short_name: Option<String>,
    /// Release of the product, such as 007; default: `catalog.version` of the pipeline
    #[arg(long, value_name = "RELEASE")]
    pub(crate) version: Option<String>,
    /// Archive, such as NSIDC_CPRD; default: `catalog.provider` of the pipeline
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<String>,
    /// Address of the catalog, when it stands elsewhere than usual; default: `catalog.endpoint` of the pipeline
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    #[command(flatten)]
    pub(crate) time: TimeArgs,
    #[command(flatten)]
    pub(crate) area: AreaArgs,
    /// Ask for granules this much further around the shards, for footprints that are drawn too small
    #[arg(long, value_name = "KM", allow_hyphen_values = true)]
    pub(crate) buffer: Option<f64>,
    /// Widen every footprint by this much before it is laid on shards
    #[arg(long, value_name = "KM", allow_hyphen_values = true)]
    pub(crate) footprint_buffer: Option<f64>,
    /// Leave out rows in cells outside the area of interest in every run of the map
    #[arg(long)]
    pub(crate) clip: bool,
    /// Catalogue these files: a pattern such as 'data/*.h5', a folder, a file or s3://bucket/prefix; positions are read
    /// from the data. With --source of a plugin, what that plugin takes for files
    #[arg(long, value_name = "PATTERN", num_args = 1..)]
    pub(crate) from_files: Vec<String>,
    /// Take the granules that an earlier --catalog-out wrote, without asking anybody
    #[arg(long, value_name = "FILE")]
    pub(crate) from_catalog: Option<PathBuf>,
    /// Shard map to write: .json, .json.zst or .parquet; default: shardmap_PRODUCT_START_END.json
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Write the granules found as well, with their footprints, as stac-geoparquet
    #[arg(long, value_name = "FILE")]
    pub(crate) catalog_out: Option<PathBuf>,
    /// Write the map even when some granules could not be had, without them; the exit code stays 3
    #[arg(long)]
    pub(crate) allow_incomplete: bool,
    /// Form of the summary on standard output
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// When granules were observed.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct TimeArgs {
    /// Orbit cycle of ICESat-2: the granules whose names say it
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub(crate) cycle: Option<String>,
    /// First day of the observations, such as 2024-01-06
    #[arg(long, value_name = "DATE")]
    pub(crate) start_date: Option<String>,
    /// Last day of the observations, which belongs to them
    #[arg(long, value_name = "DATE")]
    pub(crate) end_date: Option<String>,
}

/// Where granules observed.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct AreaArgs {
    /// Area of interest: a GeoJSON file with polygons, lines or points
    #[arg(long, value_name = "FILE")]
    pub(crate) polygon: Option<PathBuf>,
    /// Area of interest in degrees: west,south,east,north; a box whose west is east of its east crosses the antimeridian
    #[arg(long, value_name = "W,S,E,N", allow_hyphen_values = true)]
    pub(crate) bbox: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct MergeArgs {
    /// Shard maps of one grid
    #[arg(value_name = "MAP", num_args = 2.., required = true)]
    pub(crate) maps: Vec<PathBuf>,
    /// Shard map to write
    #[arg(long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Form of the summary on standard output
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct FilterArgs {
    /// Shard map to take from
    #[arg(value_name = "MAP")]
    pub(crate) map: PathBuf,
    /// Shard map to write
    #[arg(long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// For --polygon, --bbox and --shard: the pipeline whose grid the map is for
    #[command(flatten)]
    pub(crate) pipeline: PipelineArgs,
    #[command(flatten)]
    pub(crate) time: TimeArgs,
    #[command(flatten)]
    pub(crate) area: AreaArgs,
    /// Keep this shard, by its label such as -5112323; may be repeated
    #[arg(long, value_name = "LABEL", allow_hyphen_values = true)]
    pub(crate) shard: Vec<String>,
    /// Keep this granule, by its id or a pattern with * such as 'ATL06_2024*'; may be repeated
    #[arg(long, value_name = "ID")]
    pub(crate) granule: Vec<String>,
    /// Form of the summary on standard output
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct StatsArgs {
    /// Shard map to count
    #[arg(value_name = "MAP")]
    pub(crate) map: PathBuf,
    /// Form of the summary on standard output
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}
