//! Plugin crates made from the template, and the examples that were: tested, built as shared libraries, run.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::process::{cargo, command, output, root, run, target};
use crate::python::environment;
use crate::steps::Outcome;
use crate::versions;

/// The newest release that the oldest Rust of this workspace builds.
const CARGO_GENERATE: &str = "0.23.9";

/// Kinds of plugins; each becomes a crate of its own.
const KINDS: [&str; 5] = ["source", "catalog", "grid", "statistic", "preset"];

/// Crates under `examples`.
const EXAMPLES: [&str; 2] = ["gedi-l2a", "cryosat-2"];

/// Generates a crate of each kind and one of all, tests and builds them and the examples, and runs zagg through all of them.
pub(crate) fn check() -> Result<Outcome> {
    let generate = match cargo_generate() {
        Ok(generate) => generate,
        // It needs OpenSSL's headers and the network, which are not this repository's to bring.
        Err(error) => return Ok(Outcome::Skipped(format!("cargo-generate could not be built: {error}"))),
    };
    let folder = target().join("template");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for kind in KINDS {
        let made = make(&generate, &folder, &format!("made-{kind}"), kind)?;
        test(&made)?;
        run(&mut build(&made))?;
        if kind == "statistic" {
            versions::build(&made, &folder, build)?;
        }
    }
    let all = make(&generate, &folder, "made-whole", &KINDS.join(","))?;
    test(&all)?;
    run(&mut cargo_in(&all, &["fmt", "--check"]))?;
    run(&mut cargo_in(&all, &["clippy", "--all-targets", "--", "-D", "warnings"]))?;
    for example in EXAMPLES {
        let example = root().join("examples").join(example);
        lock(&example)?;
        test(&example)?;
        run(&mut cargo_in(&example, &["fmt", "--check"]))?;
        run(&mut cargo_in(&example, &["clippy", "--all-targets", "--", "-D", "warnings"]))?;
        run(&mut build(&example))?;
    }
    run(cargo_in(&folder.join("made-preset"), &["run", "--example", "make_granules"])
        .arg(folder.join("granules")))?;
    run(&mut cargo(&["build", "--locked", "--bin", "zagg", "--features", "s2"]))?;
    let python = environment("interop-venv", "tests/interop/requirements.txt")?;
    let mut script = command(python);
    script.arg("tests/interop/plugins.py").arg("--zagg").arg(target().join("debug/zagg"));
    script.arg("--libraries").arg(built().join("debug")).arg("--granules").arg(folder.join("granules"));
    script.arg("--pictures").arg(folder.join("pictures"));
    run(&mut script)?;
    Ok(Outcome::Passed)
}

/// Where the crates are built: one folder for all, so that dependencies are built once.
fn built() -> PathBuf {
    target().join("plugins")
}

fn cargo_in(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = cargo(arguments);
    command.current_dir(folder).env("CARGO_TARGET_DIR", built());
    command
}

fn test(folder: &Path) -> Result<()> {
    run(&mut cargo_in(folder, &["test", "--quiet"]))
}

fn build(folder: &Path) -> Command {
    cargo_in(folder, &["build", "--lib", "--features", "library"])
}

/// The versions that the workspace has: the same that zagg is built with.
fn lock(folder: &Path) -> Result<()> {
    let to = folder.join("Cargo.lock");
    std::fs::copy(root().join("Cargo.lock"), &to).map_err(|error| format!("{}: {error}", to.display()))?;
    Ok(())
}

/// Runs the template.
fn make(generate: &Path, folder: &Path, name: &str, kinds: &str) -> Result<PathBuf> {
    let mut command = command(generate);
    command.args(["generate", "--silent", "--vcs", "none", "--name", name, "--path"]);
    command.arg(root().join("templates/plugin")).arg("--destination").arg(folder);
    command.arg("--define").arg(format!("product={}", name.replace('-', "_")));
    command.arg("--define").arg(format!("kinds={kinds}")).args(["--define", "zagg=path"]);
    run(command.arg("--define").arg(format!("zagg_path={}", root().display())))?;
    let made = folder.join(name);
    lock(&made)?;
    Ok(made)
}

/// The program `cargo-generate`: one that is installed, or one built for this purpose alone.
fn cargo_generate() -> Result<PathBuf> {
    let installed = PathBuf::from("cargo-generate");
    if output(command(&installed).arg("--version")).is_ok() {
        return Ok(installed);
    }
    let tools = target().join("tools");
    let ours = tools.join("bin/cargo-generate");
    let have = output(command(&ours).arg("--version"));
    if have.is_ok_and(|have| String::from_utf8_lossy(&have).contains(CARGO_GENERATE)) {
        return Ok(ours);
    }
    println!("building cargo-generate {CARGO_GENERATE}");
    let mut install = cargo(&["install", "cargo-generate", "--locked", "--no-default-features", "--force"]);
    install.args(["--version", CARGO_GENERATE, "--root"]).arg(&tools);
    // It runs for a second: building it fast is worth more.
    install.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0").env("CARGO_PROFILE_RELEASE_LTO", "false");
    install.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16").env("CARGO_TARGET_DIR", tools.join("build"));
    run(&mut install)?;
    let _ = std::fs::remove_dir_all(tools.join("build"));
    Ok(ours)
}
