//! `cargo xtask fuzz`: damaged HDF5 files in any number.

use crate::Result;
use crate::process::{cargo, run};

/// Cases of a run that is told nothing.
const CASES: u64 = 1_000_000;

/// Damages files as the arguments say: `--cases N`, `--seconds S`; whichever comes first ends the run.
pub(crate) fn command(arguments: &[String]) -> Result<()> {
    let (mut cases, mut seconds) = (None, None);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let to = match argument.as_str() {
            "--cases" => &mut cases,
            "--seconds" => &mut seconds,
            other => return Err(format!("there is no option {other:?}: use --cases N and --seconds S")),
        };
        let value = arguments.next().ok_or_else(|| format!("{argument} needs a number"))?;
        *to = Some(value.parse::<u64>().map_err(|_| format!("{argument} needs a number, not {value:?}"))?);
    }
    if cases.is_none() && seconds.is_none() {
        cases = Some(CASES);
    }
    run_cases(cases, seconds)
}

/// Runs cases until so many are done or so much time is over.
pub(crate) fn run_cases(cases: Option<u64>, seconds: Option<u64>) -> Result<()> {
    let test = ["test", "--release", "--locked", "--package", "zagg-hdf5", "--test", "hostile"];
    let mut program = cargo(&test);
    program.args(["--", "--nocapture", "damaged_files"]);
    for (name, value) in [("ZAGG_FUZZ_CASES", cases), ("ZAGG_FUZZ_SECONDS", seconds)] {
        program.env_remove(name);
        if let Some(value) = value {
            program.env(name, value.to_string());
        }
    }
    run(&mut program)
}
