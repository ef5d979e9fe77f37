//! Arguments of `zagg plan`, `zagg worker` and `zagg finalize`.

use std::path::PathBuf;

use clap::Args;

use super::{DriverArg, Format, PipelineArgs};

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) pipeline: PipelineArgs,
    /// Shard map to plan, made by `zagg catalog`; default: `catalog` of the pipeline
    #[arg(long, value_name = "FILE")]
    pub(crate) catalog: Option<PathBuf>,
    /// Store that the workers write, a path or s3://bucket/folder; default: `output.store` of the pipeline
    #[arg(long, value_name = "PATH")]
    pub(crate) store: Option<String>,
    /// Where the plan goes, a folder or s3://bucket/prefix that every worker can read; default: STORE.zagg/work
    #[arg(long, value_name = "URI")]
    pub(crate) output: Option<String>,
    /// Keys for buckets of your own, as JSON with accessKeyId and secretAccessKey; default: what the environment has for AWS
    #[arg(long, value_name = "FILE")]
    pub(crate) output_creds: Option<PathBuf>,
    /// Which address of a granule workers read; a local copy stands in for one that is missing
    #[arg(long, value_enum)]
    pub(crate) driver: Option<DriverArg>,
    /// Plan only this shard, by its label such as -5112323; may be repeated
    #[arg(long, value_name = "LABEL", allow_hyphen_values = true)]
    pub(crate) shard: Vec<String>,
    /// Plan at most N shards, the first of the map
    #[arg(long, value_name = "N")]
    pub(crate) max_cells: Option<usize>,
    /// Delete what an earlier run left in the store first; files that zagg did not write are never touched
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Form of the summary on standard output
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct WorkerArgs {
    /// The plan, as `zagg plan` printed it: a folder or s3://bucket/prefix
    #[arg(long, value_name = "URI")]
    pub(crate) plan: String,
    /// Number of the task, from 0, or with --of that of the worker; default: what SLURM, AWS Batch or Kubernetes says
    #[arg(long, value_name = "N")]
    pub(crate) index: Option<u64>,
    /// There are M workers, which share the plan: worker N runs the tasks N, N+M, N+2M and so on
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) of: Option<u64>,
    /// Keys for buckets of your own, as JSON with accessKeyId and secretAccessKey; default: what the environment has for AWS
    #[arg(long, value_name = "FILE")]
    pub(crate) output_creds: Option<PathBuf>,
    /// Where credentials for granules are lent, a file or s3://bucket/key with JSON; default: the login of the environment
    #[arg(long, value_name = "URL")]
    pub(crate) credentials: Option<String>,
    /// Which address of a granule is read, instead of the one that was planned
    #[arg(long, value_enum)]
    pub(crate) driver: Option<DriverArg>,
    /// Tasks at once, and threads that compute; default: one per core
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) workers: Option<u16>,
    /// Memory that this worker may take, such as 2GiB; default: half of what the machine lets it have
    #[arg(long, value_name = "SIZE", value_parser = zagg_core::config::parse_bytes)]
    pub(crate) memory: Option<u64>,
    /// Folder on a disk to put rows aside in when a shard has more than memory holds; default: TMPDIR, else /var/tmp
    #[arg(long, value_name = "DIR")]
    pub(crate) scratch: Option<PathBuf>,
    /// Make shards again that are done from inputs that have not changed
    #[arg(long)]
    pub(crate) redo: bool,
    /// Take the same ids for the same granules when it is looked what is done, without asking where they lie
    #[arg(long)]
    pub(crate) trust_ids: bool,
    /// Write shards from what could be read, and count them as done, though something could not be read
    #[arg(long)]
    pub(crate) allow_incomplete: bool,
    /// Try a task again this many times when it ended with something that is likely to pass
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(..=100))]
    pub(crate) max_retries: u32,
    /// Start no further task after one has failed
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// Say where the time went: reading, decoding, sorting, statistics, writing. The report of all workers always has it
    #[arg(long)]
    pub(crate) profile: bool,
    /// Form of the summary on standard output
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct FinalizeArgs {
    /// Store to finalize: a path or s3://bucket/folder
    #[arg(value_name = "STORE", required_unless_present = "plan", conflicts_with = "plan")]
    pub(crate) store: Option<String>,
    /// Finalize the store of this plan, when its workers have ended; a complete store is taken back from them
    #[arg(long, value_name = "URI")]
    pub(crate) plan: Option<String>,
    /// Take the store back from the workers of the plan though it is not complete; only when none of them is left
    #[arg(long, requires = "plan")]
    pub(crate) release: bool,
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
