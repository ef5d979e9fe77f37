//! `zagg run` as it is typed.

use std::path::PathBuf;

use clap::Args;

use super::lambda::LambdaArgs;
use super::{DriverArg, Format, PipelineArgs};

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
    /// Memory that the run may take, such as 2GiB, 128MiB at least; default: half of what the machine lets it have
    #[arg(long, value_name = "SIZE", value_parser = zagg_core::config::parse_bytes)]
    pub(crate) memory: Option<u64>,
    /// Folder on a disk to put rows aside in when a shard has more than memory holds; default: TMPDIR, else /var/tmp
    #[arg(long, value_name = "DIR")]
    pub(crate) scratch: Option<PathBuf>,
    /// Check pipeline, map, store and that granules are there, and say what would be done, without reading or writing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Delete what an earlier run left in the store first; files that zagg did not write are never touched
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Go on with what an earlier run has begun: shards that are done, from granules that have not changed, are not run again
    #[arg(long, conflicts_with = "overwrite")]
    pub(crate) resume: bool,
    /// With --resume: take granules of the same ids for the same granules, without asking where they lie
    #[arg(long, requires = "resume")]
    pub(crate) trust_ids: bool,
    /// Start no further shard after one has failed
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// Run a shard up to N times more when it failed for a reason that is likely to pass, after 1, 2, 4 … s
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) max_retries: u32,
    /// Be content with incomplete shards: exit with 0 though granules could not be read. They are named all the same, and the
    /// store says that it is incomplete
    #[arg(long)]
    pub(crate) allow_incomplete: bool,
    /// Say where the time went: reading, decoding, sorting, statistics, writing. The report of a run always has it
    #[arg(long)]
    pub(crate) profile: bool,
    #[command(flatten)]
    pub(crate) lambda: LambdaArgs,
    /// Form of the summary on standard output
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}
