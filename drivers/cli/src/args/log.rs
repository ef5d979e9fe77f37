//! Options that say what is told while a command works.

use clap::{Args, ValueEnum};

/// What is told on standard error while a command works, beside warnings and errors.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct LogArgs {
    /// Tell on standard error what the program does: error, warn, info, debug or trace, also by part, such as
    /// info,zagg_hdf5=trace. Default: the variable ZAGG_LOG, else nothing
    #[arg(long, value_name = "LEVEL", global = true, help_heading = "Logging")]
    pub(crate) log_level: Option<String>,
    /// Form of what is told on standard error; json puts every line, also warnings and errors, into an object of its own
    #[arg(long, value_enum, global = true, help_heading = "Logging")]
    pub(crate) log_format: Option<LogFormat>,
}

/// Lines for people or for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}
