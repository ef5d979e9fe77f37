//! `zagg reference`: pages of the book that are made from the program itself, so that they cannot be out of date.

mod cli;
mod pipeline;
mod plugins;

use crate::args::texts::{ReferenceArgs, ReferencePage};
use crate::failure::Failure;
use crate::{builtin, output};

pub(crate) fn run(args: &ReferenceArgs) -> Result<u8, Failure> {
    let page = match args.page {
        ReferencePage::Cli => cli::page(),
        ReferencePage::Pipeline => pipeline::page(&builtin::registry()?),
        ReferencePage::Plugins => plugins::page(&builtin::registry()?),
    };
    output::data(page.trim_end())?;
    Ok(0)
}

/// A table of Markdown.
struct Table {
    text: String,
}

impl Table {
    fn new(header: &[&str]) -> Self {
        let mut table = Self { text: String::new() };
        table.row(header.iter().copied());
        table.text.push_str(&"|---".repeat(header.len()));
        table.text.push_str("|\n");
        table
    }

    fn row<T: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = T>) {
        for cell in cells {
            let cell = cell.as_ref().replace('\n', " ").replace('|', "\\|");
            self.text.push_str(&format!("| {} ", cell.trim()));
        }
        self.text.push_str("|\n");
    }
}

/// A word as code.
fn code(word: &str) -> String {
    format!("`{word}`")
}

/// Words as code, with commas between.
fn codes<T: AsRef<str>>(words: impl IntoIterator<Item = T>) -> String {
    words.into_iter().map(|word| code(word.as_ref())).collect::<Vec<_>>().join(", ")
}

/// What stands above a page.
fn heading(title: &str, command: &str) -> String {
    format!(
        "# {title}\n\nThis page is made by the program; `cargo xtask reference` writes it anew, and {command}.\n\n"
    )
}
