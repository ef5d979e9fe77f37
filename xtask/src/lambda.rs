//! The function on AWS Lambda and its deployment, against what stands in for AWS on this machine.

pub(crate) mod reproducible;
mod start;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Result;
use crate::process::{cargo, command, root, run, target};
use crate::python::{environment, environment_without_needs};
use crate::steps::Outcome;

const FOLDER: &str = "deployment/aws";
/// Bytes that the zip may have.
const LIMIT: u64 = 10_000_000;
/// How long the function may take until it has accepted its first task.
const START: Duration = Duration::from_millis(100);

/// Scripts and template are sound, and `zagg run --executor lambda` on the real function makes the store of the local executor.
pub(crate) fn check() -> Result<Outcome> {
    let python = environment("lambda-venv", "deployment/aws/tests/requirements.txt")?;
    lint(&python)?;
    run(command(&python).arg("deployment/aws/tests/scripts.py"))?;
    // One build for all three, so that what they share is built once.
    let mut build = cargo(&["build", "--locked", "--package", "zagg", "--package", "zagg-function"]);
    build.args([
        "--package",
        "zagg-test-plugins",
        "--bin",
        "zagg",
        "--bin",
        "bootstrap",
        "--example",
        "sound",
    ]);
    run(build.args(["--features", "zagg/lambda,zagg-function/runtime"]))?;
    // The dispatcher with the real SDK, over sockets.
    run(&mut cargo(&["test", "--locked", "--package", "zagg-lambda", "--features", "aws", "--test", "*"]))?;
    let built = target().join("debug");
    let emulator = environment_without_needs("cargo-lambda-venv", "deployment/aws/tests/cargo-lambda.txt")?;
    let mut script = command(&python);
    script.arg("tests/interop/aws_lambda.py").arg("--zagg").arg(built.join("zagg"));
    script.arg("--bootstrap").arg(built.join("bootstrap"));
    script.arg("--plugin").arg(built.join("examples").join(library("sound")));
    script.arg("--cargo-lambda").arg(emulator.with_file_name("cargo-lambda"));
    run(&mut script)?;
    println!("of the function without optimization:");
    start::measure(&built.join("bootstrap"), 3)?;
    match release() {
        Some(binary) => check_size(&binary).map(|()| Outcome::Passed),
        None => {
            println!("the size of the zip is not checked: there is no release build of the function here");
            Ok(Outcome::Passed)
        }
    }
}

/// Builds the zip that users deploy, and measures it: its size, and the time from start to the first event and the first task.
pub(crate) fn measure() -> Result<Outcome> {
    if std::env::consts::OS != "linux" {
        return Ok(Outcome::Skipped("the function is built on Linux".to_owned()));
    }
    let zip = target().join("zagg-function.zip");
    let mut build = command(root().join(FOLDER).join("build_function.sh"));
    build.env("ARCH", architecture()).env("OUTPUT", &zip).env("CARGO_TARGET_DIR", target());
    run(&mut build)?;
    let binary = release().ok_or("build_function.sh left no binary")?;
    reproducible::names_no_folder(&binary, &[])?;
    let size = std::fs::metadata(&zip).map_err(|error| format!("{}: {error}", zip.display()))?.len();
    println!("zip: {size} bytes");
    let (median, _) = start::measure(&binary, 20)?.accepted;
    if size > LIMIT {
        return Err(format!("the zip has {size} bytes, more than {LIMIT}"));
    }
    if median > START {
        return Err(format!(
            "the function accepts its first task after {median:?}, and should within {START:?}"
        ));
    }
    // What dispatching takes: processor time, memory and clock with 1,700 workers and with 10,000 queued events.
    let mut load = cargo(&["test", "--release", "--locked", "--package", "zagg-lambda", "--features", "aws"]);
    load.args(["--test", "dispatch", "--", "load::", "--ignored", "--nocapture", "--test-threads=1"]);
    run(&mut load)?;
    Ok(Outcome::Passed)
}

fn lint(python: &Path) -> Result<()> {
    let mut scripts: Vec<PathBuf> = Vec::new();
    // Those of other schedulers as well.
    for folder in [FOLDER, "deployment/slurm", "deployment/batch"] {
        let entries = std::fs::read_dir(root().join(folder)).map_err(|error| format!("{folder}: {error}"))?;
        let paths = entries.flatten().map(|entry| entry.path());
        scripts
            .extend(paths.filter(|path| path.extension().is_some_and(|end| end == "sh" || end == "sbatch")));
    }
    scripts.sort();
    let tool = |name: &str| command(python.with_file_name(name));
    run(tool("shellcheck").args(["--external-sources", "--source-path=SCRIPTDIR"]).args(scripts))?;
    run(tool("cfn-lint").arg(root().join(FOLDER).join("template.yaml")))
}

/// The processor of this machine, as AWS calls it.
fn architecture() -> &'static str {
    if std::env::consts::ARCH == "aarch64" { "arm64" } else { "x86_64" }
}

/// The function as users deploy it, where somebody has built it.
fn release() -> Option<PathBuf> {
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let binary = target().join(triple).join("release/bootstrap");
    binary.is_file().then_some(binary)
}

fn check_size(binary: &Path) -> Result<()> {
    let zip = target().join("zagg-function.zip");
    let mut pack = command(root().join(FOLDER).join("build_function.sh"));
    // Fails when the zip is too large.
    run(pack.env("ARCH", architecture()).env("OUTPUT", &zip).env("BOOTSTRAP", binary))
}

/// The file name of a shared library.
fn library(name: &str) -> String {
    format!("{}{name}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX)
}
