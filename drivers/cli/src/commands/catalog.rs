//! `zagg catalog`: from a question, from files or from granules found earlier to a shard map; and what is done to shard maps.

mod area;
mod context;
mod find;
mod make;
mod maps;
mod question;
mod summary;
mod time;

use crate::args::catalog::{CatalogArgs, CatalogCommand};
use crate::failure::Failure;

pub(crate) use make::of_files;
pub(crate) use summary::{described, rows};

pub(crate) fn run(args: &CatalogArgs) -> Result<u8, Failure> {
    match &args.command {
        None => make::run(&args.build),
        Some(CatalogCommand::Merge(args)) => maps::merge(args),
        Some(CatalogCommand::Filter(args)) => maps::filter(args),
        Some(CatalogCommand::Stats(args)) => maps::stats(args),
    }
}
