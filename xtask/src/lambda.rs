//! The function on AWS Lambda and its deployment, against what stands in for AWS on this machine.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::Result;
use crate::process::{cargo, command, root, run, target};
use crate::python::{environment, environment_without_needs};
use crate::steps::Outcome;

const FOLDER: &str = "deployment/aws";
/// Bytes that the zip may have.
const LIMIT: u64 = 10_000_000;
/// How long the function may take to its first event.
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
    match release() {
        Some(binary) => check_size(&binary).map(|()| Outcome::Passed),
        None => {
            println!("the size of the zip is not checked: there is no release build of the function here");
            Ok(Outcome::Passed)
        }
    }
}

/// Builds the zip that users deploy, and measures it: its size, and the time from start to first event.
pub(crate) fn measure() -> Result<Outcome> {
    if std::env::consts::OS != "linux" {
        return Ok(Outcome::Skipped("the function is built on Linux".to_owned()));
    }
    let zip = target().join("zagg-function.zip");
    let mut build = command(root().join(FOLDER).join("build_function.sh"));
    let architecture = if std::env::consts::ARCH == "aarch64" { "arm64" } else { "x86_64" };
    build.env("ARCH", architecture).env("OUTPUT", &zip).env("CARGO_TARGET_DIR", target());
    run(&mut build)?;
    let binary = release().ok_or("build_function.sh left no binary")?;
    let size = std::fs::metadata(&zip).map_err(|error| format!("{}: {error}", zip.display()))?.len();
    println!("zip: {size} bytes");
    let starts = cold_starts(&binary, 20)?;
    let (median, slowest) = (starts[starts.len() / 2], starts[starts.len() - 1]);
    println!("start to first event: median {median:?}, slowest of {} {slowest:?}", starts.len());
    if size > LIMIT {
        return Err(format!("the zip has {size} bytes, more than {LIMIT}"));
    }
    if median > START {
        return Err(format!("the function starts in {median:?}, and should in {START:?}"));
    }
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

/// The function as users deploy it, where somebody has built it.
fn release() -> Option<PathBuf> {
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let binary = target().join(triple).join("release/bootstrap");
    binary.is_file().then_some(binary)
}

fn check_size(binary: &Path) -> Result<()> {
    let zip = target().join("zagg-function.zip");
    let architecture = if std::env::consts::ARCH == "aarch64" { "arm64" } else { "x86_64" };
    let mut pack = command(root().join(FOLDER).join("build_function.sh"));
    // Fails when the zip is too large.
    run(pack.env("ARCH", architecture).env("OUTPUT", &zip).env("BOOTSTRAP", binary))
}

/// Times from the start of the process until it asks for its first event, ascending.
fn cold_starts(binary: &Path, times: usize) -> Result<Vec<Duration>> {
    let mut found = (0..times).map(|_| cold_start(binary)).collect::<Result<Vec<_>>>()?;
    found.sort_unstable();
    Ok(found)
}

fn cold_start(binary: &Path) -> Result<Duration> {
    let failed = |error: std::io::Error| format!("{}: {error}", binary.display());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?.to_string();
    let mut program = command(binary);
    program.env("AWS_LAMBDA_RUNTIME_API", address).env("AWS_LAMBDA_FUNCTION_NAME", "process-shard");
    program.env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "2048").env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST");
    let start = Instant::now();
    let mut process = program.spawn().map_err(failed)?;
    // It asks for nothing else first, so that the first connection is the one.
    let asked = wait(&listener, &mut process).map(|()| start.elapsed());
    let _ = process.kill();
    let _ = process.wait();
    asked
}

fn wait(listener: &std::net::TcpListener, process: &mut std::process::Child) -> Result<()> {
    listener.set_nonblocking(true).map_err(|error| error.to_string())?;
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(20) {
        if listener.accept().is_ok() {
            return Ok(());
        }
        if let Ok(Some(status)) = process.try_wait() {
            return Err(format!("the function ended before it asked for an event: {status}"));
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    Err("the function did not ask for an event within 20 s".to_owned())
}

/// The file name of a shared library.
fn library(name: &str) -> String {
    format!("{}{name}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX)
}
