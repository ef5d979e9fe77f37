//! The steps of `cargo xtask long`.

use crate::Result;
use crate::process::{cargo, command, output, root, run, target};
use crate::python::environment;
use crate::steps::{Outcome, Step};

pub(crate) const STEPS: [Step; 3] = [
    Step {
        name: "fuzz",
        about: "each fuzz target for a minute (needs cargo-fuzz and a nightly compiler)",
        run: fuzz,
    },
    Step { name: "bench", about: "the benchmarks of all crates", run: bench },
    Step { name: "peers", about: "whole runs beside the Python zagg, as a table of ratios", run: peers },
];

/// Seconds for each fuzz target.
const FUZZ_SECONDS: &str = "-max_total_time=60";

/// Runs the targets of every crate that has a folder `fuzz`.
fn fuzz() -> Result<Outcome> {
    let manifests = output(command("git").args(["ls-files", "*/fuzz/Cargo.toml"]))?;
    let manifests = String::from_utf8_lossy(&manifests).into_owned();
    if manifests.is_empty() {
        return Ok(Outcome::Skipped("no crate has fuzz targets".to_owned()));
    }
    if output(&mut cargo(&["fuzz", "--version"])).is_err() {
        return Ok(Outcome::Skipped("cargo-fuzz is not installed".to_owned()));
    }
    for manifest in manifests.lines() {
        let folder = root().join(manifest.trim_end_matches("/fuzz/Cargo.toml"));
        let targets = output(cargo_nightly(&["fuzz", "list"]).current_dir(&folder))?;
        for target in String::from_utf8_lossy(&targets).lines() {
            run(cargo_nightly(&["fuzz", "run", target, "--", FUZZ_SECONDS]).current_dir(&folder))?;
        }
    }
    Ok(Outcome::Passed)
}

/// Through rustup's cargo: the one that runs this program is bound to its own toolchain.
fn cargo_nightly(arguments: &[&str]) -> std::process::Command {
    let mut cargo = command("cargo");
    cargo.env_remove("RUSTUP_TOOLCHAIN").arg("+nightly").args(arguments);
    cargo
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
