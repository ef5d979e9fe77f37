//! A catalog of a library.

use std::collections::BTreeSet;

use abi_stable::sabi_trait::TD_Opaque;

use super::super::traits::{self, AbiContext_TO};
use super::super::wire::{decode, encode};
use super::caller::Caller;
use super::host::HostContext;
use crate::catalog::{Catalog, Granules, Query, SearchContext};
use crate::error::Result;
use crate::footprint::{Footprint, LonLat};

const SEARCH: &str = "Catalog::search";

struct LoadedCatalog {
    caller: Caller,
    catalog: traits::Catalog,
}

pub(super) fn import(caller: Caller, catalog: traits::Catalog) -> Box<dyn Catalog> {
    Box::new(LoadedCatalog { caller, catalog })
}

#[deny(clippy::missing_trait_methods)]
impl Catalog for LoadedCatalog {
    fn search(&self, query: &Query, context: &dyn SearchContext) -> Result<Granules> {
        let query = encode(query);
        let host = HostContext(context);
        let found = self.caller.call(SEARCH, || {
            self.catalog.search(query.as_slice().into(), AbiContext_TO::from_ptr(&host, TD_Opaque))
        })?;
        let found: Granules = decode(&found)?;
        let mut ids = BTreeSet::new();
        for entry in &found.entries {
            let id = &entry.granule.id;
            let named = !id.is_empty() && !id.contains(char::is_control);
            self.caller.check(named, SEARCH, || format!("gives a granule the id {id:?}"))?;
            self.caller.check(ids.insert(id), SEARCH, || format!("gives the granule {id} twice"))?;
            let fault = fault(&entry.footprint);
            self.caller.check(fault.is_none(), SEARCH, || {
                let what = fault.as_deref().unwrap_or_default();
                format!("gives the granule {id} a footprint with {what}")
            })?;
        }
        Ok(found)
    }
}

/// What is wrong with the places of a footprint.
fn fault(footprint: &Footprint) -> Option<String> {
    let bad = |place: &&LonLat| !(place[0].is_finite() && place[1].abs() <= 90.0);
    let found = match footprint {
        Footprint::Points(points) => points.iter().find(bad).copied(),
        Footprint::Lines(lines) => lines.iter().flatten().find(bad).copied(),
        Footprint::Polygons(polygons) => {
            let rings = polygons.iter().flat_map(|p| std::iter::once(&p.exterior).chain(&p.holes));
            rings.flatten().find(bad).copied()
        }
        Footprint::Box { west, south, east, north } => {
            [[*west, *south], [*east, *north]].iter().find(bad).copied()
        }
        Footprint::Shards(_) => None,
        Footprint::Union(footprints) => return footprints.iter().find_map(fault),
    };
    found.map(|[lon, lat]| format!("({lon}, {lat}), which is no position"))
}
