//! Where the shards of a run are worked on.

use clap::{Args, ValueEnum};

/// Who works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ExecutorArg {
    /// This machine
    #[default]
    Local,
    /// A function on AWS Lambda
    Lambda,
}

/// How the function is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ModeArg {
    /// Wait for calls as far as the limit of open files reaches, queue the events of further workers
    #[default]
    Auto,
    /// Wait for every call
    Sync,
    /// Queue every event, and look for responses in the bucket
    Async,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Lambda")]
pub(crate) struct LambdaArgs {
    /// Where shards are worked on
    #[arg(long, value_enum, default_value_t, help_heading = "Options")]
    pub(crate) executor: ExecutorArg,
    /// Function to call, by its name or ARN; several that are alike, with commas between, start that much faster
    #[arg(long, value_name = "NAME", value_delimiter = ',', required_if_eq("executor", "lambda"))]
    pub(crate) function: Vec<String>,
    /// Region of the function; default: AWS_REGION
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// Call the function there, for emulators; default: AWS_ENDPOINT_URL_LAMBDA, else AWS itself
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,
    /// How the function is called
    #[arg(long, value_enum, default_value_t)]
    pub(crate) mode: ModeArg,
    /// Most workers at once
    #[arg(long, value_name = "N", default_value_t = 1_700, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) max_workers: u32,
    /// Shards of one call, for maps of many small ones
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) shards_per_call: u32,
    /// Ask before a run that is expected to cost more than this many dollars
    #[arg(long, value_name = "DOLLARS", default_value_t = 10.0, allow_negative_numbers = true, value_parser = dollars)]
    pub(crate) max_cost: f64,
    /// Run without asking, whatever it is expected to cost
    #[arg(long)]
    pub(crate) yes: bool,
    /// Expect so many seconds of function time for each granule of a shard, known from an earlier run
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) seconds_per_granule: Option<f64>,
    /// Object with credentials for granules, s3://bucket/key, that somebody else keeps; default: one that is made of your
    /// Earthdata login, renewed, and deleted at the end
    #[arg(long, value_name = "URL")]
    pub(crate) source_credentials: Option<String>,
}

fn dollars(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|dollars: &f64| *dollars >= 0.0)
        .ok_or_else(|| "give dollars such as 2.50".into())
}

fn seconds(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|seconds| (0.0..=900.0).contains(seconds))
        .ok_or_else(|| "give seconds such as 0.8, at most 900".into())
}
