//! What every catalog must do.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::catalog::{Catalog, ExactFootprint, Granules, Query, SearchContext};
use crate::caught::panic_message;
use crate::error::{Error, Result};
use crate::footprint::{Footprint, LonLat};
use crate::granule::{CatalogEntry, Granule};

/// Findings that are kept of one query.
const MAX_OF_QUERY: usize = 8;

/// Checks a catalog against the contract of [`Catalog`], with some queries that it should be able to answer.
///
/// Each query is asked twice, with a program that knows where every granule is, and once with one that can open none; then
/// with times that make no sense. Answers must have the form of granules, the same ones each time. A panic is caught and
/// reported as a finding. What cannot be seen from outside, whether all granules were found, is left to the catalog's own
/// tests.
///
/// # Errors
/// Everything found, one sentence each.
pub fn catalog(catalog: &dyn Catalog, queries: &[Query]) -> Result<(), Vec<String>> {
    let mut findings = Vec::new();
    for query in queries {
        let mut of_query = Vec::new();
        let checked = catch_unwind(AssertUnwindSafe(|| check(catalog, query, &mut of_query)));
        if let Err(panic) = checked {
            of_query.insert(0, format!("search: it panicked: {}", panic_message(&*panic)));
        }
        of_query.truncate(MAX_OF_QUERY);
        findings.extend(of_query);
    }
    findings.dedup();
    if findings.is_empty() { Ok(()) } else { Err(findings) }
}

fn check(catalog: &dyn Catalog, query: &Query, findings: &mut Vec<String>) {
    match catalog.search(query, &Knowing) {
        Ok(found) => {
            well_formed(&found, findings);
            match catalog.search(query, &Knowing) {
                Ok(again) if again == found => {}
                Ok(_) => findings.push("search: the same query has another answer the second time".into()),
                Err(error) => findings.push(format!("search: the second time it fails: {error}")),
            }
        }
        Err(error) => findings.push(format!("search: a query that it should answer fails: {error}")),
    }
    // Granules that cannot be opened are left out and told of, or known without opening them.
    if let Ok(found) = catalog.search(query, &Unknowing) {
        well_formed(&found, findings);
    }
    let backwards = Query { start: Some(2e9), end: Some(1e9), ..query.clone() };
    let no_times = Query { start: Some(f64::NAN), end: Some(f64::INFINITY), ..query.clone() };
    for (query, what) in [(backwards, "ends before it starts"), (no_times, "has no real times")] {
        if let Ok(found) = catalog.search(&query, &Knowing) {
            well_formed(&found, findings);
            // A catalog of files need not look at times at all; one that does finds nothing here.
            let unchanged = catalog.search(&Query { start: None, end: None, ..query }, &Knowing);
            if !found.entries.is_empty() && unchanged.is_ok_and(|all| all.entries != found.entries) {
                findings.push(format!("search: a query that {what} finds granules"));
            }
        }
    }
}

/// Ids that tell granules apart, places that are places, addresses that can be opened.
fn well_formed(found: &Granules, findings: &mut Vec<String>) {
    let mut ids = BTreeSet::new();
    for CatalogEntry { granule, footprint } in &found.entries {
        let id = &granule.id;
        let mut check = |holds: bool, what: &str| {
            if !holds {
                findings.push(format!("search: the granule {id:?} {what}"));
            }
        };
        check(!id.is_empty() && !id.contains(['/', '\\', '\n']), "has an id that is no file name");
        check(ids.insert(id), "is there twice");
        let hrefs = [&granule.s3, &granule.https, &granule.file];
        check(hrefs.iter().any(|href| href.is_some()), "has no address");
        check(
            granule.s3.as_ref().is_none_or(|href| href.starts_with("s3://")),
            "has an s3 address that is none",
        );
        let is_web = |href: &String| href.starts_with("https://") || href.starts_with("http://");
        check(granule.https.as_ref().is_none_or(is_web), "has an https address that is none");
        let is_file = |path: &String| Path::new(path).is_absolute();
        check(granule.file.as_ref().is_none_or(is_file), "has a path that is not absolute");
        check(
            places(footprint).iter().all(|[lon, lat]| lon.is_finite() && lat.abs() <= 90.0),
            "has a footprint with a place that is none",
        );
        check(!is_empty(footprint), "has an empty footprint");
    }
    for line in &found.incomplete {
        if line.is_empty() || line.contains('\n') {
            findings.push(format!("search: what could not be catalogued must be told in one line: {line:?}"));
        }
    }
}

/// The places that a footprint is made of.
fn places(footprint: &Footprint) -> Vec<LonLat> {
    match footprint {
        Footprint::Polygons(polygons) => {
            let rings = polygons.iter().flat_map(|p| std::iter::once(&p.exterior).chain(&p.holes));
            rings.flatten().copied().collect()
        }
        Footprint::Lines(lines) => lines.iter().flatten().copied().collect(),
        Footprint::Points(points) => points.clone(),
        Footprint::Box { west, south, east, north } => vec![[*west, *south], [*east, *north]],
        Footprint::Shards(_) => Vec::new(),
        Footprint::Union(footprints) => footprints.iter().flat_map(places).collect(),
    }
}

fn is_empty(footprint: &Footprint) -> bool {
    match footprint {
        Footprint::Shards(shards) => shards.is_empty(),
        other => places(other).is_empty(),
    }
}

/// A program that finds every granule in one shard.
struct Knowing;

impl SearchContext for Knowing {
    fn exact_footprint(&self, _granule: &Granule) -> Result<ExactFootprint> {
        Ok(ExactFootprint { footprint: Footprint::Shards(vec![7]), holes: Vec::new() })
    }

    fn progress(&self, _done: u64, _total: Option<u64>, _what: &str) {}

    fn warn(&self, _message: &str) {}
}

/// A program that cannot open any granule.
struct Unknowing;

impl SearchContext for Unknowing {
    fn exact_footprint(&self, granule: &Granule) -> Result<ExactFootprint> {
        Err(Error::io(format!("{}: it cannot be read", granule.id)))
    }

    fn progress(&self, _done: u64, _total: Option<u64>, _what: &str) {}

    fn warn(&self, _message: &str) {}
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Two granules, with a fault.
    struct Faulty {
        fault: &'static str,
        calls: AtomicU32,
    }

    impl Catalog for Faulty {
        fn search(&self, query: &Query, context: &dyn SearchContext) -> Result<Granules> {
            let call = self.calls.fetch_add(1, Ordering::Relaxed);
            assert!(self.fault != "panic", "on purpose");
            if self.fault == "fails" || (query.start > query.end && self.fault != "times") {
                return Err(Error::input("no"));
            }
            let mut granules = Granules::default();
            for name in ["a.h5", "b.h5"] {
                let mut granule =
                    Granule { id: name.into(), file: Some(format!("/data/{name}")), ..Granule::default() };
                let mut footprint = context.exact_footprint(&granule)?.footprint;
                match self.fault {
                    "id" => granule.id.clear(),
                    "twice" => granule.id = "c.h5".into(),
                    "address" => granule.file = None,
                    "relative" => granule.file = Some("b.h5".into()),
                    "place" => footprint = Footprint::Points(vec![[f64::NAN, 0.0]]),
                    "empty" => footprint = Footprint::Points(Vec::new()),
                    "random" => granule.size = Some(call.into()),
                    _ => {}
                }
                granules.entries.push(CatalogEntry { granule, footprint });
            }
            if self.fault == "times" && query.start.is_some() {
                granules.entries.pop();
            }
            Ok(granules)
        }
    }

    #[test]
    fn a_sound_catalog_passes_and_every_fault_is_found() {
        let check = |fault| catalog(&Faulty { fault, calls: AtomicU32::new(0) }, &[Query::default()]);
        assert_eq!(check("none"), Ok(()));
        for (fault, finding) in [
            ("panic", "panicked: on purpose"),
            ("fails", "should answer fails: no"),
            ("id", "no file name"),
            ("twice", "\"c.h5\" is there twice"),
            ("address", "has no address"),
            ("relative", "not absolute"),
            ("place", "a place that is none"),
            ("empty", "an empty footprint"),
            ("random", "another answer the second time"),
            ("times", "ends before it starts finds granules"),
        ] {
            let findings = check(fault).unwrap_err();
            assert!(findings.iter().any(|f| f.contains(finding)), "{fault}: {findings:?}");
        }
    }
}
