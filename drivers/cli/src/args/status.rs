//! `zagg status` as it is typed.

use std::path::PathBuf;

use clap::Args;

use super::Format;

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Store to look at: a path or s3://bucket/folder; nothing is written
    #[arg(value_name = "STORE")]
    pub(crate) store: String,
    /// Keys for buckets of your own, as JSON with accessKeyId and secretAccessKey; default: what the environment has for AWS
    #[arg(long, value_name = "FILE")]
    pub(crate) output_creds: Option<PathBuf>,
    /// Form of the answer on standard output
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}
