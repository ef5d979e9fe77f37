//! The side of the program: libraries, and native things made of their twins.

mod caller;
mod catalog;
mod elf;
mod entry;
mod find;
mod grid;
mod host;
mod library;
mod source;
mod statistic;

use std::path::PathBuf;

use crate::error::Result;
use crate::registry::Plugin;

pub use caller::observe;

/// A plugin of a shared library.
#[derive(Debug, Clone, Copy)]
pub struct Loaded {
    /// The plugin; its entries are those of any other.
    pub plugin: Plugin,
    /// The path of the library, without links.
    pub path: &'static str,
}

/// Loads the libraries at some paths, and of a folder every library in it, sorted by name. Each is loaded once in the life of
/// the process.
///
/// # Errors
/// As [`Registry::load`](crate::registry::Registry::load), but for names that are there twice.
pub fn load(paths: &[PathBuf]) -> Result<Vec<Loaded>> {
    find::libraries(paths)?.iter().map(|path| library::open(path)).collect()
}
