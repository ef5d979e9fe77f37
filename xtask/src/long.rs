//! The steps of `cargo xtask long`.

use std::path::PathBuf;

use crate::Result;
use crate::process::{cargo, command, root, run, target};
use crate::python::environment;
use crate::steps::{Outcome, Step};

pub(crate) const STEPS: [Step; 9] = [
    Step { name: "fuzz", about: "a million damaged HDF5 files", run: fuzz },
    Step { name: "bench", about: "the benchmarks of all crates", run: bench },
    Step {
        name: "readers",
        about: "our reader beside h5coro, h5py and hidefix behind a latency",
        run: readers,
    },
    Step { name: "granules", about: "round trips on look-alikes of whole granules", run: granules },
    Step {
        name: "peers",
        about: "whole runs beside the Python zagg, and h5py with polars, as tables",
        run: peers,
    },
    Step { name: "dense", about: "500 million rows in one shard within 2 GiB of memory", run: dense },
    Step { name: "kills", about: "200 runs that are killed at any moment and gone on with", run: kills },
    Step {
        name: "lambda",
        about: "size and start of the function on AWS Lambda as it is deployed, and what dispatching takes",
        run: crate::lambda::measure,
    },
    Step {
        name: "reproducible",
        about: "two builds of that function in different folders have the same bytes",
        run: crate::lambda::reproducible::check,
    },
];

/// A million damaged files.
fn fuzz() -> Result<Outcome> {
    crate::fuzz::run_cases(Some(1_000_000), None)?;
    Ok(Outcome::Passed)
}

/// A shard with half a milliard rows.
fn dense() -> Result<Outcome> {
    let test = ["test", "--release", "--locked", "--package", "zagg-tests", "--test", "main", "--"];
    let name = "memory::measured::half_a_milliard_rows_of_one_shard_stay_within_2_gib";
    run(cargo(&test).args(["--exact", name, "--ignored", "--nocapture"]))?;
    Ok(Outcome::Passed)
}

fn bench() -> Result<Outcome> {
    // The library that is compared with the same plugins linked in.
    run(&mut cargo(&["build", "--release", "--workspace", "--locked", "--example", "sound"]))?;
    // Only targets made for it: unit tests are no benchmarks.
    run(&mut cargo(&["bench", "--workspace", "--locked", "--benches"]))?;
    Ok(Outcome::Passed)
}

fn readers() -> Result<Outcome> {
    let programs = ["--bin", "range-server", "--example", "read_granule"];
    run(cargo(&["build", "--release", "--locked", "--package", "zagg-tests"]).args(programs))?;
    let python = environment("readers-venv", "tests/interop/readers-requirements.txt")?;
    let programs = target().join("release");
    let mut script = command(python);
    script.args(["tests/interop/readers.py", "--server"]).arg(programs.join("range-server"));
    script.arg("--read-granule").arg(programs.join("examples/read_granule"));
    run(script.arg("--make-granules").arg(make_granules()?))?;
    Ok(Outcome::Passed)
}

/// Look-alikes of whole granules by h5py, from a real one, where that is at hand.
fn granules() -> Result<Outcome> {
    const REAL: &str = "atl06/ATL06_20230816161508_08782002_006_02.h5";
    let data =
        std::env::var_os("ZAGG_TEST_DATA").map_or_else(|| root().join("../shared/data"), PathBuf::from);
    let real = data.join(REAL);
    if !real.is_file() {
        return Ok(Outcome::Skipped(format!("{} is not there; set ZAGG_TEST_DATA", real.display())));
    }
    let python = environment("interop-venv", "tests/interop/requirements.txt")?;
    let folder = target().join("large-granules");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for kind in ["classic", "paged", "latest"] {
        let mut script = command(&python);
        script.arg("drivers/hdf5/tests/make_large_granule.py").arg(&real);
        run(script.arg(folder.join(format!("{kind}.h5"))).arg(kind))?;
    }
    let test = ["test", "--locked", "--package", "zagg-hdf5", "--test", "round_trips", "--", "--nocapture"];
    run(cargo(&test).env("ZAGG_LARGE_GRANULES", &folder))?;
    Ok(Outcome::Passed)
}

/// The program that makes granules up, built.
fn make_granules() -> Result<PathBuf> {
    let example = ["build", "--release", "--locked", "--package", "zagg-atl06", "--features", "synthetic"];
    run(cargo(&example).args(["--example", "make_granules"]))?;
    Ok(target().join("release/examples/make_granules"))
}

fn peers() -> Result<Outcome> {
    run(&mut cargo(&["build", "--release", "--locked", "--bin", "zagg"]))?;
    let make_granules = make_granules()?;
    let python = environment("peers-venv", "tests/interop/peers-requirements.txt")?;
    let programs = target().join("release");
    let mut script = command(python);
    script.args(["tests/interop/peers.py", "--zagg"]).arg(programs.join("zagg"));
    script.arg("--make-granules").arg(make_granules).args(["--write", "docs/src/measured/peers.md"]);
    run(&mut script)?;
    crate::book::speed()?;
    Ok(Outcome::Passed)
}

/// Runs that are killed, and gone on with.
fn kills() -> Result<Outcome> {
    let test = [
        "test",
        "--locked",
        "--package",
        "zagg",
        "--test",
        "cli",
        "--",
        "--nocapture",
        "killed_at_any_moment",
    ];
    run(cargo(&test).env("ZAGG_KILLS", "200"))?;
    Ok(Outcome::Passed)
}
