//! The commands that the README and the quick start promise: its first two, so that what CI runs and what users read are one
//! thing, and all others that need no account.

mod blocks;

use std::path::{Path, PathBuf};

use crate::Result;
use crate::process::{cargo, command, root, run, target};
use crate::python::environment;
use crate::steps::Outcome;

use blocks::Block;

/// The texts whose commands are run, in this order and in one folder.
const TEXTS: [&str; 2] = ["README.md", "docs/src/quickstart.md"];

/// What marks a command that needs an account, or an archive's answer. It stands behind the command, for the reader to see.
const ACCOUNT: [&str; 3] = ["needs an Earthdata login", "needs an AWS account", "needs the network"];

/// Commands that other steps run, by how they begin, or that are not for this purpose, and why.
const ELSEWHERE: [(&str, &str); 4] = [
    ("cargo run --release -- demo", "the step demo runs it"),
    ("cargo test", "the step test runs it"),
    ("cargo xtask", "it is this program"),
    ("pip install .", "the step wheel does it"),
];

/// The demo and the test command, as words.
pub(crate) struct Commands {
    pub(crate) demo: Vec<String>,
    pub(crate) test: Vec<String>,
}

/// The two commands at the top of the README.
pub(crate) fn commands() -> Result<Commands> {
    parse(&text("README.md")?)
}

/// Runs all commands of [`TEXTS`] but those that need an account, as a newcomer would, in an empty folder.
pub(crate) fn check() -> Result<Outcome> {
    let folder = target().join("newcomer");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let place = Place::new(&folder)?;
    // `cargo run` and `target/release/zagg` of the texts are this program.
    run(&mut cargo(&["build", "--release", "--locked", "--bin", "zagg"]))?;
    place.run("target/release/zagg demo")?;
    // Granules of one's own.
    link(Path::new("zagg-demo/granules"), &folder.join("granules"))?;
    let (mut ran, mut skipped) = (0, 0);
    for name in TEXTS {
        for block in blocks::read(&text(name)?) {
            match block {
                Block::Command { line, comment } => match why_not(&line, &comment) {
                    Some(why) => {
                        println!("{name}: not run, {why}: {line}");
                        skipped += 1;
                    }
                    None => {
                        println!("{name}: $ {line}");
                        place.run(&line).map_err(|error| format!("{name}: {error}"))?;
                        ran += 1;
                    }
                },
                Block::File { name: file, text } => {
                    std::fs::write(folder.join(&file), text).map_err(|error| format!("{file}: {error}"))?;
                }
                Block::Python(code) => {
                    println!("{name}: python: {}", code.lines().next().unwrap_or_default());
                    place.python(&code).map_err(|error| format!("{name}: {error}"))?;
                    ran += 1;
                }
            }
        }
    }
    println!("{ran} commands and scripts ran, {skipped} did not");
    if ran < 10 {
        Err("hardly any command was found in README and quick start".to_owned())
    } else {
        Ok(Outcome::Passed)
    }
}

fn why_not(line: &str, comment: &str) -> Option<String> {
    if let Some(mark) = ACCOUNT.iter().find(|mark| comment.contains(**mark)) {
        return Some((*mark).to_owned());
    }
    ELSEWHERE.iter().find(|(start, _)| line.starts_with(start)).map(|(_, why)| (*why).to_owned())
}

/// Where the commands run, and which programs they find.
struct Place {
    folder: PathBuf,
    path: std::ffi::OsString,
    python: PathBuf,
}

impl Place {
    fn new(folder: &Path) -> Result<Self> {
        let python = environment("notebooks-venv", "notebooks/requirements.txt")?;
        link(&target(), &folder.join("target"))?;
        let programs = [target().join("installed/bin"), python.with_file_name("")];
        let found = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(programs.into_iter().chain(std::env::split_paths(&found)));
        Ok(Self { folder: folder.to_owned(), path: path.map_err(|error| error.to_string())?, python })
    }

    /// A line of a shell. Those of cargo are for the root of the repository.
    fn run(&self, line: &str) -> Result<()> {
        let mut bash = command("bash");
        bash.args(["-euo", "pipefail", "-c", line]).env("PATH", &self.path);
        bash.env("CARGO_INSTALL_ROOT", target().join("installed"))
            .env_remove("ZAGG_PLUGIN_PATH")
            .env("PIP_QUIET", "1");
        if !line.starts_with("cargo ") {
            bash.current_dir(&self.folder);
        }
        succeed(bash, line)
    }

    fn python(&self, code: &str) -> Result<()> {
        let mut python = command(&self.python);
        python.args(["-c", code]).current_dir(&self.folder).env("PATH", &self.path);
        succeed(python, code.lines().next().unwrap_or_default())
    }
}

fn succeed(mut command: std::process::Command, line: &str) -> Result<()> {
    let status = command.status().map_err(|error| format!("{line}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{line}: {status}")) }
}

#[cfg(unix)]
fn link(to: &Path, at: &Path) -> Result<()> {
    std::os::unix::fs::symlink(to, at).map_err(|error| format!("{}: {error}", at.display()))
}

#[cfg(not(unix))]
fn link(_: &Path, at: &Path) -> Result<()> {
    Err(format!("{}: links are made on Unix only", at.display()))
}

fn text(name: &str) -> Result<String> {
    std::fs::read_to_string(root().join(name)).map_err(|error| format!("{name}: {error}"))
}

fn parse(text: &str) -> Result<Commands> {
    let mut lines = blocks::read(text).into_iter().filter_map(|block| match block {
        Block::Command { line, .. } => Some(line),
        _ => None,
    });
    let mut next = |word: &str| {
        let line =
            lines.next().ok_or("README.md: its code blocks must start with the demo and the test command")?;
        let words: Vec<String> = line.split_whitespace().map(String::from).collect();
        // They are run without a shell, so nothing that a shell would expand may be in them.
        if words.first().is_none_or(|first| first != "cargo") || !words.iter().any(|have| have == word) {
            return Err(format!(
                "README.md: {line:?} stands where a cargo command with {word:?} is expected"
            ));
        }
        if let Some(odd) =
            words.iter().find(|word| word.contains(['"', '\'', '$', '|', '>', '<', ';', '&', '*']))
        {
            return Err(format!("README.md: {odd:?} needs a shell: write a plain command"));
        }
        Ok(words)
    };
    Ok(Commands { demo: next("demo")?, test: next("test")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_two_commands_are_found() {
        let text = "# zagg\n\n```sh\n# try it\ncargo run --release -- demo   # the job\n```\n\n```sh\n$ cargo test --workspace\n```\n";
        let commands = parse(text).unwrap();
        assert_eq!(commands.demo, ["cargo", "run", "--release", "--", "demo"]);
        assert_eq!(commands.test, ["cargo", "test", "--workspace"]);
    }

    #[test]
    fn other_commands_are_refused() {
        for text in [
            "nothing",
            "```sh\ncargo run -- demo\n```",
            "```sh\ncargo test\ncargo run -- demo\n```",
            "```sh\ncargo run -- demo > x\ncargo test\n```",
            "```sh\nrm demo\ncargo test\n```",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn only_marked_commands_and_those_of_other_steps_are_not_run() {
        assert!(why_not("zagg run x", "needs an Earthdata login").is_some());
        assert!(why_not("cargo xtask check", "").is_some());
        assert!(why_not("zagg run x", "the main job").is_none());
    }
}
