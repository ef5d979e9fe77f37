//! The project's chores: `cargo xtask check` is what continuous integration runs.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that talks to its user")]

mod book;
mod check;
mod fuzz;
mod lambda;
mod long;
mod native;
mod notebooks;
mod process;
mod python;
mod readme;
mod sources;
mod steps;
mod template;
mod versions;
mod wheel;

use std::process::ExitCode;

const HELP: &str = "\
The chores of the zagg repository.

usage: cargo xtask <COMMAND>

commands:
  check [--only STEP,STEP] [--skip STEP,STEP]
                  everything that continuous integration checks, with the time of each step
  long  [--only STEP,STEP] [--skip STEP,STEP]
                  what takes too long for that: fuzzing, benchmarks, comparison with the Python zagg
  fuzz  [--cases N] [--seconds S]
                  damaged HDF5 files, a million of them unless told otherwise
  reference       write the pages of the book that the program makes
  help            this text
";

/// What a chore answers: an error is one line for people.
type Result<T, E = String> = std::result::Result<T, E>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let answer = match arguments.first().map(String::as_str) {
        Some("check") => steps::run(&check::STEPS, &arguments[1..]),
        Some("long") => steps::run(&long::STEPS, &arguments[1..]),
        Some("reference") => book::reference(),
        Some("fuzz") => fuzz::command(&arguments[1..]),
        Some("help" | "--help" | "-h") => {
            print!("{HELP}{}{}", steps::list("check", &check::STEPS), steps::list("long", &long::STEPS));
            Ok(())
        }
        Some(other) => Err(format!("there is no command {other:?}: see cargo xtask help")),
        None => Err("no command given: see cargo xtask help".to_owned()),
    };
    match answer {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
