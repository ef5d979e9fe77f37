//! The book: built, its links followed, its pages that the program writes compared with what it writes now.

mod links;
mod messages;
mod speed;

use std::path::PathBuf;

use crate::Result;
use crate::process::{cargo, command, output, root, run, target};
use crate::python::environment;
use crate::steps::Outcome;

/// Files under `docs/src` that the program writes, and with which arguments.
const WRITTEN: [(&str, &[&str]); 5] = [
    ("reference-cli.md", &["reference", "cli"]),
    ("reference-pipeline.md", &["reference", "pipeline"]),
    ("reference-plugins.md", &["reference", "plugins"]),
    ("pipeline.schema.json", &["config", "schema"]),
    ("pipeline-layer.schema.json", &["config", "schema", "--layer"]),
];

/// The README, as it is seen from the pages.
const README: &str = "../../README.md";

/// Builds the book and checks what can be checked of it.
pub(crate) fn check() -> Result<Outcome> {
    let old: Vec<&str> =
        written()?.into_iter().filter(|page| !page.is_current()).map(|page| page.name).collect();
    if !old.is_empty() {
        return Err(format!(
            "docs/src: {} out of date; write anew with cargo xtask reference",
            old.join(", ")
        ));
    }
    messages::check()?;
    let book = build()?;
    links::check(&book)?;
    Ok(Outcome::Passed)
}

/// Writes the pages that the program makes.
pub(crate) fn reference() -> Result<()> {
    written()?.iter().try_for_each(Page::write)
}

/// Writes what the README says of speed, from what was measured last.
pub(crate) fn speed() -> Result<()> {
    Page { name: README, text: speed::readme()?.into_bytes() }.write()
}

/// A page that the program makes.
struct Page {
    name: &'static str,
    text: Vec<u8>,
}

impl Page {
    fn path(&self) -> PathBuf {
        root().join("docs/src").join(self.name)
    }

    fn write(&self) -> Result<()> {
        if !self.is_current() {
            std::fs::write(self.path(), &self.text).map_err(|error| format!("{}: {error}", self.name))?;
            println!("wrote docs/src/{}", self.name);
        }
        Ok(())
    }

    fn is_current(&self) -> bool {
        std::fs::read(self.path()).is_ok_and(|have| have == self.text)
    }
}

fn written() -> Result<Vec<Page>> {
    run(&mut cargo(&["build", "--locked", "--bin", "zagg"]))?;
    let zagg = target().join("debug/zagg");
    let page = |&(name, arguments): &(&'static str, &[&str])| {
        let mut program = command(&zagg);
        // Plugins of whoever runs this are no part of the book.
        program.args(arguments).env_remove("ZAGG_PLUGIN_PATH");
        Ok(Page { name, text: output(&mut program)? })
    };
    let mut pages = WRITTEN.iter().map(page).collect::<Result<Vec<_>>>()?;
    pages.push(Page { name: README, text: speed::readme()?.into_bytes() });
    Ok(pages)
}

/// Builds the book and answers where it is.
fn build() -> Result<PathBuf> {
    let book = target().join("book");
    let _ = std::fs::remove_dir_all(&book);
    let mut build = command(mdbook()?);
    // Fragments of pages that include others are resolved by mdBook itself; a warning is a fault.
    build.args(["build", "docs", "--dest-dir"]).arg(&book);
    let said = build.output().map_err(|error| format!("mdbook: {error}"))?;
    let said = format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    print!("{said}");
    if said.contains("ERROR") || said.contains("WARN") || !book.join("index.html").is_file() {
        return Err("mdbook: the book has faults, see above".to_owned());
    }
    Ok(book)
}

/// The program `mdbook`: one that is installed, or the one of the Python package.
fn mdbook() -> Result<PathBuf> {
    let installed = PathBuf::from("mdbook");
    if output(command(&installed).arg("--version")).is_ok_and(|have| have.starts_with(b"mdbook v0.5")) {
        return Ok(installed);
    }
    let python = environment("book-venv", "docs/requirements.txt")?;
    Ok(python.with_file_name("mdbook"))
}
