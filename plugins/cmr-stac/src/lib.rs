//! Catalogs of NASA's granules: CMR-STAC, and the Common Metadata Repository (CMR) itself.
//!
//! `cmr-stac` asks CMR-STAC first and `cmr` asks CMR; each goes over to the other one when the first fails, and says so. An
//! answer that cannot be had whole is told to be incomplete; it is never just smaller.
//!
//! The query needs `short_name` and `version`; the provider is `NSIDC_CPRD` unless another one is named. The only option is
//! `endpoint`, the address of a server that speaks like `https://cmr.earthdata.nasa.gov`.

mod area;
mod direct;
mod found;
mod geometry;
mod holes;
mod question;
mod search;
mod stac;
mod walk;

use zagg_access::PageLimits;
use zagg_core::Result;
use zagg_core::catalog::{Catalog, Granules, Query, SearchContext};
use zagg_core::registry::{Entry, Make};

use search::{Way, search};

zagg_core::export_plugin! {
    Entry {
        name: "cmr-stac",
        aliases: &[],
        description: "granules of NASA's archives, asked for at CMR-STAC, and at CMR when that fails",
        make: Make::Catalog(|| Ok(Box::new(Cmr::stac()))),
    },
    Entry {
        name: "cmr",
        aliases: &[],
        description: "granules of NASA's archives, asked for at CMR, and at CMR-STAC when that fails",
        make: Make::Catalog(|| Ok(Box::new(Cmr::direct()))),
    },
}

/// The catalog.
#[derive(Debug, Clone, Copy)]
pub struct Cmr {
    first: Way,
    limits: PageLimits,
}

impl Cmr {
    /// CMR-STAC first.
    pub fn stac() -> Self {
        Self { first: Way::Stac, limits: PageLimits::default() }
    }

    /// CMR itself first.
    pub fn direct() -> Self {
        Self { first: Way::Direct, limits: PageLimits::default() }
    }

    /// The same with another patience.
    #[must_use]
    pub fn with_limits(mut self, limits: PageLimits) -> Self {
        self.limits = limits;
        self
    }
}

impl Catalog for Cmr {
    fn search(&self, query: &Query, context: &dyn SearchContext) -> Result<Granules> {
        search(self.first, self.limits, query, context)
    }
}
