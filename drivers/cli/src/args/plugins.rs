//! `zagg plugins` as it is typed.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Format;

#[derive(Debug, Args)]
pub(crate) struct PluginsArgs {
    #[command(subcommand)]
    pub(crate) command: Option<PluginsCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PluginsCommand {
    /// List kind, name, version and origin of everything this program can use
    List {
        /// Form of the list
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Say all that is known of a source, catalog, grid, statistic or preset
    Describe {
        /// Its name
        name: String,
        /// Form of the description
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Check a shared library in processes of its own: refusals, panics, wrong answers, crashes and endless loops
    Check(CheckArgs),
    /// One step of a check, for the process that does it
    #[command(hide = true)]
    Probe(ProbeArgs),
}

/// With what a library is checked.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SampleArgs {
    /// A pipeline that uses the plugin: its options are what the plugin is tried with, beside those of its own presets
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Vec<PathBuf>,
    /// A sound granule for the sources and catalogs of the library, or for the source that is named alone; may be repeated
    #[arg(long, value_name = "[SOURCE=]FILE")]
    pub(crate) granule: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The library (.so)
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) samples: SampleArgs,
    /// Seconds after which a process that does not end is stopped; one process for each thing that the library offers
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86400))]
    pub(crate) timeout: u64,
    /// Form of the findings
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct ProbeArgs {
    /// The library
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) samples: SampleArgs,
    /// Number of the entry that is checked; without it the entries are listed
    #[arg(long)]
    pub(crate) entry: Option<usize>,
    /// File for what was found
    #[arg(long)]
    pub(crate) report: PathBuf,
    /// File for the name of the method at hand
    #[arg(long)]
    pub(crate) trace: PathBuf,
}
