//! The command line as it is typed.

pub(crate) mod catalog;
pub(crate) mod lambda;
mod log;
pub(crate) mod plugins;
pub(crate) mod render;
mod run;
mod status;
pub(crate) mod texts;
pub(crate) mod worker;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use zagg_core::granule::Driver;

pub(crate) use log::{LogArgs, LogFormat};
pub(crate) use run::RunArgs;
pub(crate) use status::StatusArgs;

/// Aggregate point observations onto discrete global grids, into a Zarr store.
#[derive(Debug, Parser)]
#[command(name = "zagg", version, max_term_width = 100, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// Take the plugins of this shared library too, or of every one in this folder; may be repeated. Also those that the
    /// variable ZAGG_PLUGIN_PATH names, with : between them. They run with all your rights
    #[arg(long, value_name = "PATH", global = true)]
    pub(crate) plugin_path: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) log: LogArgs,
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
    Run(Box<RunArgs>),
    /// Say which shards of a store are done, and what is wrong with the others
    Status(StatusArgs),
    /// Keep what runs need to know of the granules of a shard map, so that they fetch little else than rows
    Index(IndexArgs),
    /// Make a store's template, and a plan of tasks that workers on any cluster take
    Plan(worker::PlanArgs),
    /// Run tasks of a plan: one, or the share of one worker among several
    Worker(worker::WorkerArgs),
    /// Make the coarser levels of a store from what its shards left, and set its state; copy it in other chunks
    Finalize(worker::FinalizeArgs),
    /// Check a store: metadata, ids, levels, blocks and records
    Validate(ValidateArgs),
    /// Draw a variable of a store as a map, or write its values on a plane as a GeoTIFF
    Render(Box<render::RenderArgs>),
    /// Describe a store, a granule (.h5), a shard map (.json) or a pipeline (.yaml)
    Inspect(InspectArgs),
    /// List the pipelines that ship with zagg, print one, or print the schema of pipelines
    Config(ConfigArgs),
    /// List the plugins of this program, describe one, or check a shared library
    Plugins(plugins::PluginsArgs),
    /// Print what a shell needs to complete command lines
    Completions(texts::CompletionsArgs),
    /// Print the manual page, or write those of all commands
    #[command(hide = true)]
    Man(texts::ManArgs),
    /// Print a page of the book that is made from the program
    #[command(hide = true)]
    Reference(texts::ReferenceArgs),
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
    /// Print the JSON Schema of pipelines, for editors
    Schema {
        /// Of a file that is laid over a preset: nothing is required
        #[arg(long)]
        layer: bool,
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
