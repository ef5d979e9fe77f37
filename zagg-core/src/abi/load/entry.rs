//! What a library has under one name.

use std::fmt;

use super::super::root::LibraryRef;
use super::super::wire::encode;
use super::caller::Caller;
use super::{catalog, grid, source, statistic};
use crate::catalog::Catalog;
use crate::error::Result;
use crate::grid::{Grid, GridOptions};
use crate::registry::{Foreign, Kind};
use crate::source::{PointSource, SourceOptions};
use crate::statistic::{Statistic, StatisticRequest};

/// An entry of a library by its number.
#[derive(Clone, Copy)]
pub(super) struct LibraryEntry {
    pub(super) library: LibraryRef,
    pub(super) number: u32,
    pub(super) kind: Kind,
    /// Name and version of the plugin, and its path.
    pub(super) speaker: &'static str,
}

impl fmt::Debug for LibraryEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} of {}", self.kind, self.number, self.speaker)
    }
}

impl Foreign for LibraryEntry {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn source(&self, options: &SourceOptions) -> Result<Box<dyn PointSource>> {
        let caller = Caller(self.speaker);
        let options = encode(options);
        let made = caller
            .call("making the source", || self.library.source()(self.number, options.as_slice().into()))?;
        source::import(caller, made)
    }

    fn catalog(&self) -> Result<Box<dyn Catalog>> {
        let caller = Caller(self.speaker);
        let made = caller.call("making the catalog", || self.library.catalog()(self.number))?;
        Ok(catalog::import(caller, made))
    }

    fn grid(&self, options: &GridOptions) -> Result<Box<dyn Grid>> {
        let caller = Caller(self.speaker);
        let options = encode(options);
        let made =
            caller.call("making the grid", || self.library.grid()(self.number, options.as_slice().into()))?;
        grid::import(caller, made)
    }

    fn statistic(&self, request: &StatisticRequest) -> Result<Box<dyn Statistic>> {
        let caller = Caller(self.speaker);
        let request = encode(request);
        let made = caller.call("making the statistic", || {
            self.library.statistic()(self.number, request.as_slice().into())
        })?;
        statistic::import(caller, made)
    }
}
