//! The Python wheel that carries the program: built, installed where nothing else is, tried.

use std::path::{Path, PathBuf};

use crate::Result;
use crate::process::{command, output, root, run, target};
use crate::python::environment;
use crate::steps::Outcome;

/// How a PNG file begins.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Builds the wheel, and makes a picture with the program that it installs.
pub(crate) fn check() -> Result<Outcome> {
    let python = environment("wheel-tools-venv", "packaging/requirements.txt")?;
    let wheel = build(&python)?;
    let size = std::fs::metadata(&wheel).map_err(|error| error.to_string())?.len();
    println!("{}: {:.1} MB", wheel.display(), size as f64 / 1e6);
    let folder = target().join("wheel-tried");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let clean = folder.join("venv");
    run(command(&python).args(["-m", "venv"]).arg(&clean))?;
    let install =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"];
    run(command(clean.join("bin/python")).args(install).arg(&wheel))?;
    try_out(&clean.join("bin/zagg"), &folder)?;
    Ok(Outcome::Passed)
}

/// Builds the wheel out of the release build that the demo has made, and answers where it is.
fn build(python: &Path) -> Result<PathBuf> {
    let folder = target().join("wheels");
    let _ = std::fs::remove_dir_all(&folder);
    let mut maturin = command(python.with_file_name("maturin"));
    // What runs on other machines is the business of the release; here it must run on this one.
    maturin.args(["build", "--release", "--locked", "--compatibility", "linux", "--out"]).arg(&folder);
    run(&mut maturin)?;
    let wheels = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut wheels = wheels
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "whl"));
    match (wheels.next(), wheels.next()) {
        (Some(wheel), None) => Ok(wheel),
        _ => Err(format!("{}: there should be one wheel", folder.display())),
    }
}

/// Does what a newcomer does.
fn try_out(zagg: &Path, folder: &Path) -> Result<()> {
    let program = || {
        let mut program = command(zagg);
        program.current_dir(folder).env_remove("ZAGG_PLUGIN_PATH");
        program
    };
    let version = output(program().arg("--version"))?;
    let version = String::from_utf8_lossy(&version);
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).map_err(|error| error.to_string())?;
    if !version
        .trim()
        .strip_prefix("zagg ")
        .is_some_and(|have| manifest.contains(&format!("\nversion = \"{have}\"")))
    {
        return Err(format!("the wheel's program calls itself {:?}", version.trim()));
    }
    run(program().arg("demo"))?;
    run(program().args(["render", "zagg-demo/out.zarr", "--variable", "h_mean", "-o", "map.png"]))?;
    let map = std::fs::read(folder.join("map.png")).map_err(|error| format!("map.png: {error}"))?;
    if !map.starts_with(PNG) || map.len() < 5_000 {
        return Err("zagg render has not written a picture".to_owned());
    }
    completions(
        &program().arg("completions").arg("bash").output().map_err(|error| error.to_string())?.stdout,
    )?;
    run(program().args(["man", "--output", "man"]))?;
    let page = std::fs::read_to_string(folder.join("man/zagg-run.1"))
        .map_err(|error| format!("zagg-run.1: {error}"))?;
    if page.contains(".TH zagg-run 1") && page.contains("shard map") {
        Ok(())
    } else {
        Err("zagg-run.1 is no manual page".to_owned())
    }
}

/// Asks bash what it would complete.
fn completions(script: &[u8]) -> Result<()> {
    let script = String::from_utf8_lossy(script);
    let ask = "COMP_WORDS=(zagg ru) COMP_CWORD=1; _zagg zagg ru zagg; echo \"${COMPREPLY[@]}\"";
    let mut bash = command("bash");
    let answer = output(bash.args(["--norc", "-c"]).arg(format!("{script}\n{ask}")))?;
    match String::from_utf8_lossy(&answer).trim() {
        "run" => Ok(()),
        other => Err(format!("bash completes `zagg ru` to {other:?}")),
    }
}
