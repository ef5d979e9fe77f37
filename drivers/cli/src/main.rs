//! The `zagg` program: aggregates point observations onto discrete global grids.

mod allocator;
mod args;
mod builtin;
mod commands;
mod failure;
mod logging;
mod output;
mod pipeline;
mod profile;
mod progress;
mod schema;
mod signals;
mod summary;

use std::io::ErrorKind;
use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command};
use failure::Failure;

fn main() -> ExitCode {
    allocator::set_up();
    signals::ignore_file_size();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are answers, not errors: clap prints each where it belongs.
            let code = if error.use_stderr() { failure::USAGE } else { 0 };
            return match error.print() {
                Err(error) if error.kind() != ErrorKind::BrokenPipe => ExitCode::from(failure::USER),
                _ => ExitCode::from(code),
            };
        }
    };
    // A panic anywhere is a bug, and still one line and an exit code.
    let answer = zagg_core::caught(|| Ok(run(arguments))).unwrap_or_else(|error| Err(error.into()));
    match answer {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            output::error(&failure.message);
            ExitCode::from(failure.code)
        }
    }
}

fn run(arguments: Arguments) -> Result<u8, Failure> {
    logging::start(&arguments.log)?;
    builtin::look_in(arguments.plugin_path);
    match arguments.command {
        Command::Run(args) => commands::run::run(&args),
        Command::Status(args) => commands::status::run(&args),
        Command::Catalog(args) => commands::catalog::run(&args),
        Command::Index(args) => commands::index::run(&args),
        Command::Plan(args) => commands::plan::run(&args),
        Command::Worker(args) => commands::worker::run(&args),
        Command::Finalize(args) => commands::finalize::run(&args),
        Command::Validate(args) => commands::validate::run(&args),
        Command::Render(args) => commands::render::run(&args),
        Command::Inspect(args) => commands::inspect::run(&args),
        Command::Demo(args) => commands::demo::run(&args),
        Command::Config(args) => commands::config::run(&args),
        Command::Plugins(args) => commands::plugins::run(&args),
        Command::Completions(args) => commands::completions::run(&args),
        Command::Man(args) => commands::man::run(&args),
        Command::Reference(args) => commands::reference::run(&args),
    }
}
