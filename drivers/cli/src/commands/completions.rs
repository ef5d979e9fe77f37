//! `zagg completions`: what a shell needs to complete command lines.

use clap::CommandFactory;

use crate::args::Arguments;
use crate::args::texts::CompletionsArgs;
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(args: &CompletionsArgs) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "zagg", &mut script);
    output::data(String::from_utf8_lossy(&script).trim_end())?;
    Ok(0)
}
