//! The command line as it is typed.

pub(crate) mod catalog;
pub(crate) mod plugins;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use zagg_core::granule::Driver;

/// Aggregate point observations onto discrete global grids, into a Zarr store.
#[derive(Debug, Parser)]
#[command(name = "zagg", version, max_term_width = 100, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// Take the plugins of this shared library too, or of every one in this folder; may be repeated. Also those that the
    /// variable ZAGG_PLUGIN_PATH names, with : between them. They run with all your rights
    #[arg(long, value_name = "PATH", global = true)]
    pub(crate) plugin_path: Vec<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make granules, a shard map and a store to look at, without data or login
    Demo(DemoArgs),
    /// Build a shard map: which granules each shard needs
    Catalog(Box<catalog::CatalogArgs>),
    /// Aggregate the granules of a shard map into a store
    Run(RunArgs),
    /// Keep what runs need to know of the granules of a shard map, so that they fetch little else than rows
    Index(IndexArgs),
    /// Make the coarser levels of a store from what its shards left, and set its state; copy it in other chunks
    Finalize(FinalizeArgs),
    /// Check a store: metadata, ids, levels, blocks and records
    Validate(ValidateArgs),
    /// Describe a store, a granule (.h5), a shard map (.json) or a pipeline (.yaml)
    Inspect(InspectArgs),
    /// List the pipelines that ship with zagg, or print one
    Config(ConfigArgs),
    /// List the plugins of this program, describe one, or check a shared library
    Plugins(plugins::PluginsArgs),
}

/// Text for people or JSON for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    #[default]
    Text,
    Json,
}

/// Which pipeline: a preset, files laid over it, or files alone.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PipelineArgs {
    /// Take the default pipeline of this plugin
    #[arg(long, value_name = "NAME")]
    pub(crate) plugin: Option<String>,
    /// Take this pipeline; beside --plugin or after another --config it is laid over what came before
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DriverArg {
    S3,
    Https,
    File,
}

impl From<DriverArg> for Driver {
    fn from(driver: DriverArg) -> Self {
        match driver {
            DriverArg::S3 => Self::S3,
            DriverArg::Https => Self::Https,
            DriverArg::File => Self::File,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) pipeline: PipelineArgs,
    /// Shard map to run, made by `zagg catalog`; default: `catalog` of the pipeline
    #[arg(long, value_name = "FILE")]
    pub(crate) catalog: Option<PathBuf>,
    /// Store to write, a path or s3://bucket/folder; default: `output.store` of the pipeline
    #[arg(long, value_name = "PATH")]
    pub(crate) store: Option<String>,
    /// Keys for buckets of your own, as JSON with accessKeyId and secretAccessKey; default: what the environment has for AWS
    #[arg(long, value_name = "FILE")]
    pub(crate) output_creds: Option<PathBuf>,
    /// Which address of a granule is read; a local copy stands in for one that is missing
    #[arg(long, value_enum)]
    pub(crate) driver: Option<DriverArg>,
    /// Run only this shard, by its label such as -5112323; may be repeated
    #[arg(long, value_name = "LABEL", allow_hyphen_values = true)]
    pub(crate) shard: Vec<String>,
    /// Run at most N shards, the first of the map
    #[arg(long, value_name = "N")]
    pub(crate) max_cells: Option<usize>,
    /// Shards at once, and threads that compute; default: one per core
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) workers: Option<u16>,
    /// Memory for reading granules, such as 512MiB: chunks that are kept and what is in flight. The rows of the shards in work
    /// come on top. Default: `data_source.memory` of the pipeline, else the reader's own limits
    #[arg(long, value_name = "SIZE", value_parser = zagg_core::config::parse_bytes)]
    pub(crate) memory: Option<u64>,
    /// Check pipeline, map, store and that granules are there, and say what would be done, without reading or writing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Delete what an earlier run left in the store first; files that zagg did not write are never touched
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Start no further shard after one has failed
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// Form of the summary on standard output
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct IndexArgs {
    #[command(flatten)]
    pub(crate) pipeline: PipelineArgs,
    /// Shard map whose granules are indexed; default: `catalog` of the pipeline
    #[arg(long, value_name = "FILE")]
    pub(crate) catalog: Option<PathBuf>,
    /// Folder or s3://bucket/prefix to keep indexes in; default: `data_source.index.store` of the pipeline
    #[arg(long, value_name = "URL")]
    pub(crate) index: Option<String>,
    /// Which address of a granule is read; a local copy stands in for one that is missing
    #[arg(long, value_enum)]
    pub(crate) driver: Option<DriverArg>,
    /// Granules at once; default: 16
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) workers: Option<u16>,
    /// Write every index anew, also those that are valid
    #[arg(long)]
    pub(crate) rebuild: bool,
    /// Keys for buckets of your own, as JSON with accessKeyId and secretAccessKey; default: what the environment has for AWS
    #[arg(long, value_name = "FILE")]
    pub(crate) output_creds: Option<PathBuf>,
    /// Form of the summary on standard output
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct FinalizeArgs {
    /// Store to finalize: a path or s3://bucket/folder
    #[arg(value_name = "STORE")]
    pub(crate) store: String,
    /// Copy the store in chunks of so many cells, such as 1048576, 512x512, or 1048576/65536 for objects with inner chunks
    #[arg(long, value_name = "CELLS", requires = "to")]
    pub(crate) rechunk: Option<zagg_zarr::Rechunk>,
    /// Where the copy goes; the store itself is only read
    #[arg(long, value_name = "DEST", requires = "rechunk")]
    pub(crate) to: Option<String>,
    /// Delete what an earlier copy left at DEST first
    #[arg(long, requires = "rechunk")]
    pub(crate) overwrite: bool,
    /// Keys for buckets of your own, as JSON with accessKeyId and secretAccessKey; default: what the environment has for AWS
    #[arg(long, value_name = "FILE")]
    pub(crate) output_creds: Option<PathBuf>,
    /// Form of the summary on standard output
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// Store to check: a path or s3://bucket/folder; nothing is written
    #[arg(value_name = "STORE")]
    pub(crate) store: String,
    /// Keys for buckets of your own, as JSON with accessKeyId and secretAccessKey; default: what the environment has for AWS
    #[arg(long, value_name = "FILE")]
    pub(crate) output_creds: Option<PathBuf>,
    /// Form of the findings on standard output
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// What to describe; a granule may also be at s3://bucket/key or https://host/path, a store at s3://bucket/folder
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,
    /// For a store in a bucket: keys, as JSON with accessKeyId and secretAccessKey; default: what the environment has for AWS
    #[arg(long, value_name = "FILE")]
    pub(crate) output_creds: Option<PathBuf>,
    /// For a granule: the pipeline that says where its rows are; default: the presets of this program in turn
    #[command(flatten)]
    pub(crate) pipeline: PipelineArgs,
    /// Form of the description
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Folder to write
    #[arg(long, value_name = "FOLDER", default_value = "zagg-demo")]
    pub(crate) output: PathBuf,
    /// Form of the summary on standard output
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// List the pipelines that ship with zagg
    List,
    /// Print one of them
    Show {
        /// Its name
        name: String,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_definitions_are_consistent() {
        super::Arguments::command().debug_assert();
    }
}
