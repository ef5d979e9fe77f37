//! The steps of `cargo xtask long`.

use crate::Result;
use crate::process::{cargo, command, run, target};
use crate::python::environment;
use crate::steps::{Outcome, Step};

pub(crate) const STEPS: [Step; 3] = [
    Step { name: "fuzz", about: "a minute of damage to each of several HDF5 files", run: fuzz },
    Step { name: "bench", about: "the benchmarks of all crates", run: bench },
    Step { name: "peers", about: "whole runs beside the Python zagg, as a table of ratios", run: peers },
];

/// Seconds for each file that is damaged in ever new ways.
const FUZZ_SECONDS: &str = "60";

/// The tests with damaged files, for longer than in a check.
fn fuzz() -> Result<Outcome> {
    let arguments =
        ["test", "--release", "--locked", "--package", "zagg-hdf5", "--test", "hostile", "--", "--nocapture"];
    run(cargo(&arguments).env("ZAGG_FUZZ_SECONDS", FUZZ_SECONDS))?;
    Ok(Outcome::Passed)
}

fn bench() -> Result<Outcome> {
    // Only targets made for it: unit tests are no benchmarks.
    run(&mut cargo(&["bench", "--workspace", "--locked", "--benches"]))?;
    Ok(Outcome::Passed)
}

fn peers() -> Result<Outcome> {
    run(&mut cargo(&["build", "--release", "--locked", "--bin", "zagg"]))?;
    let example = ["build", "--release", "--locked", "--package", "zagg-atl06", "--features", "synthetic"];
    run(cargo(&example).args(["--example", "make_granules"]))?;
    let python = environment("peers-venv", "tests/interop/peers-requirements.txt")?;
    let programs = target().join("release");
    let mut script = command(python);
    script.args(["tests/interop/peers.py", "--zagg"]).arg(programs.join("zagg"));
    run(script.arg("--make-granules").arg(programs.join("examples/make_granules")))?;
    Ok(Outcome::Passed)
}
