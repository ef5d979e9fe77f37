//! The steps of `cargo xtask check`.

use std::path::Path;

use crate::process::{cargo, command, output, root, run, target};
use crate::python::environment;
use crate::steps::{Outcome, Step};
use crate::{Result, book, lambda, native, notebooks, readme, sources, template, wheel};

/// Cheap steps first; those that need what others build, last.
pub(crate) const STEPS: [Step; 16] = [
    Step { name: "fmt", about: "the code is formatted", run: fmt },
    Step { name: "lengths", about: "no source file is over 900 lines", run: sources::lengths },
    Step {
        name: "leaks",
        about: "no file names a folder of the machine it was written on",
        run: sources::leaks,
    },
    Step {
        name: "licences",
        about: "dependencies keep the rules of deny.toml (needs cargo-deny)",
        run: licences,
    },
    Step { name: "clippy", about: "no warning from the compiler and clippy", run: clippy },
    Step { name: "test", about: "the README's test command", run: test },
    Step {
        name: "native",
        about: "the HDF5 reader of the C library agrees with ours (needs libhdf5)",
        run: native::check,
    },
    Step { name: "docs", about: "the documentation builds without warnings", run: docs },
    Step { name: "demo", about: "the README's demo command", run: demo },
    Step {
        name: "interop",
        about: "Python's readers agree with what zagg writes; a bucket serves",
        run: interop,
    },
    Step { name: "wheel", about: "pip installs the program, which makes a picture", run: wheel::check },
    Step {
        name: "commands",
        about: "the commands of README and quick start that need no account",
        run: readme::check,
    },
    Step { name: "notebooks", about: "the notebooks run from top to bottom", run: notebooks::check },
    Step {
        name: "book",
        about: "the book builds, its links lead somewhere, its references are up to date",
        run: book::check,
    },
    Step {
        name: "lambda",
        about: "the function on AWS Lambda makes the store of a local run; its deployment is sound",
        run: lambda::check,
    },
    Step {
        name: "template",
        about: "plugins made from the template, and the examples, serve as shared libraries",
        run: template::check,
    },
];

/// Features without system libraries that are off by default, and are checked beside the default ones.
const FEATURES: &str = "zagg-atl06/synthetic,zagg/lambda,zagg/s2,zagg-function/runtime";

fn fmt() -> Result<Outcome> {
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    Ok(Outcome::Passed)
}

fn licences() -> Result<Outcome> {
    if output(&mut cargo(&["deny", "--version"])).is_err() {
        return Ok(Outcome::Skipped("cargo-deny is not installed".to_owned()));
    }
    // Advisories need a database from the network; they are not part of a reproducible check.
    run(&mut cargo(&["deny", "--workspace", "check", "bans", "licenses", "sources"]))?;
    Ok(Outcome::Passed)
}

fn clippy() -> Result<Outcome> {
    let arguments = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--features",
        FEATURES,
        "--",
        "-D",
        "warnings",
    ];
    run(&mut cargo(&arguments))?;
    Ok(Outcome::Passed)
}

fn test() -> Result<Outcome> {
    let command = readme::commands()?.test;
    run(&mut cargo(&words(&command[1..])))?;
    Ok(Outcome::Passed)
}

fn docs() -> Result<Outcome> {
    run(cargo(&["doc", "--workspace", "--no-deps", "--locked"]).env("RUSTDOCFLAGS", "-D warnings"))?;
    Ok(Outcome::Passed)
}

/// Runs the demo where the README says, in the root, and looks at what it left there. A folder that somebody made there
/// before is put back afterwards.
fn demo() -> Result<Outcome> {
    let (folder, aside) = (root().join("zagg-demo"), root().join("zagg-demo.aside"));
    let kept = folder.exists();
    if kept {
        rename(&folder, &aside)?;
    }
    let answer = readme::commands()
        .and_then(|commands| run(&mut cargo(&words(&commands.demo[1..]))))
        .and_then(|()| check_demo(&folder));
    remove(&folder)?;
    if kept {
        rename(&aside, &folder)?;
    }
    answer.map(|()| Outcome::Passed)
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    std::fs::rename(from, to).map_err(|error| format!("{}: {error}", from.display()))
}

fn check_demo(folder: &Path) -> Result<()> {
    for name in ["granules", "map.json", "out.zarr/zarr.json"] {
        if !folder.join(name).exists() {
            return Err(format!("the demo did not write zagg-demo/{name}"));
        }
    }
    let granules = std::fs::read_dir(folder.join("granules")).map_err(|error| error.to_string())?;
    let granules = granules.flatten().filter(|entry| entry.path().extension().is_some_and(|end| end == "h5"));
    if granules.count() < 2 {
        return Err("the demo wrote fewer than two granules".to_owned());
    }
    Ok(())
}

fn interop() -> Result<Outcome> {
    run(&mut cargo(&["build", "--release", "--locked", "--bin", "zagg"]))?;
    run(&mut cargo(&["build", "--release", "--locked", "--package", "zagg-healpix", "--example", "ids"]))?;
    let python = environment("interop-venv", "tests/interop/requirements.txt")?;
    let old_xdggs = environment("xdggs-0.6-venv", "tests/interop/xdggs-0.6-requirements.txt")?;
    let original = environment("peers-venv", "tests/interop/peers-requirements.txt")?;
    let zagg = target().join("release/zagg");
    let mut readers = command(python);
    readers.args(["tests/interop/run.py", "--zagg"]).arg(&zagg).arg("--old-xdggs").arg(old_xdggs);
    readers.arg("--python-zagg").arg(original);
    run(readers.arg("--ids").arg(target().join("release/examples/ids")))?;
    let python = environment("s3-venv", "tests/interop/s3-requirements.txt")?;
    run(command(python).args(["tests/interop/s3.py", "--zagg"]).arg(&zagg))?;
    Ok(Outcome::Passed)
}

pub(crate) fn words(command: &[String]) -> Vec<&str> {
    command.iter().map(String::as_str).collect()
}

fn remove(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("{}: {error}", folder.display()))
        }
        _ => Ok(()),
    }
}
