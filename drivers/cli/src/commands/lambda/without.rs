//! A program that was built without Lambda.

use std::sync::Arc;

use zagg_core::Error;
use zagg_core::executor::Observer;
use zagg_core::report::RunSummary;
use zagg_core::run::Run;

use super::Extra;
use crate::args::RunArgs;
use crate::failure::Failure;

/// There is none.
#[derive(Debug)]
pub(crate) enum Session {}

impl Session {
    pub(crate) fn new(_: &RunArgs, _: &str) -> Result<Self, Failure> {
        Err(Error::input(
            "this zagg was built without Lambda; take a released program, or build one with `cargo install --path drivers/cli \
             --features lambda` in a checkout",
        )
        .into())
    }

    pub(crate) fn estimate(&self, _: &Run) -> Result<Extra, Failure> {
        match *self {}
    }

    pub(crate) fn before(&self, _: &Run) -> Result<(), Failure> {
        match *self {}
    }

    pub(crate) fn execute(&self, _: &Arc<Run>, _: &dyn Observer) -> zagg_core::Result<RunSummary> {
        match *self {}
    }

    pub(crate) fn bill(&self) -> Option<Extra> {
        match *self {}
    }
}
