//! A catalog of the files that it is given.

use std::path::Path;

use serde_json::{Map, json};
use zagg_core::catalog::{Catalog, Granules, Query, SearchContext};
use zagg_core::footprint::Footprint;
use zagg_core::granule::{CatalogEntry, Granule};
use zagg_core::{Error, Result};

use crate::Fault;

/// The catalog.
#[derive(Debug)]
pub struct Files {
    fault: Fault,
}

impl Files {
    /// A catalog with a fault.
    pub fn new(name: &'static str) -> Self {
        let mut options = Map::new();
        if name == "panic" {
            options.insert("panic".into(), json!("search"));
        }
        Self { fault: Fault::of(name, &options) }
    }
}

impl Catalog for Files {
    fn search(&self, query: &Query, context: &dyn SearchContext) -> Result<Granules> {
        self.fault.enter("search");
        if query.start > query.end {
            return Err(Error::input("it ends before it starts"));
        }
        let mut found = Granules::default();
        for prefix in query.files.iter().filter(|file| file.starts_with("s3://")) {
            for (href, size) in context.list(prefix)? {
                let granule =
                    Granule { id: href.clone(), s3: Some(href), size: Some(size), ..Granule::default() };
                found.entries.push(CatalogEntry { granule, footprint: Footprint::Points(vec![[0.0, 0.0]]) });
            }
        }
        let files = query.files.iter().filter(|file| !file.starts_with("s3://"));
        for (number, file) in files.enumerate() {
            let id = Path::new(file).file_name().unwrap_or_default().to_string_lossy().into_owned();
            let path = std::path::absolute(file).map_err(|error| Error::from_io(&error, file))?;
            let mut granule = Granule { id, file: Some(path.display().to_string()), ..Granule::default() };
            match context.exact_footprint(&granule) {
                Ok(exact) => {
                    if self.fault.is("id") {
                        granule.id.clear();
                    }
                    let footprint = match self.fault.is("place") {
                        true => Footprint::Points(vec![[0.0, f64::NAN]]),
                        false => exact.footprint,
                    };
                    found.entries.push(CatalogEntry { granule, footprint });
                }
                Err(error) => {
                    context.warn(&format!("left out: {error}"));
                    found.incomplete.push(format!("{file}: {error}"));
                }
            }
            context.progress(number as u64 + 1, Some(query.files.len() as u64), "files");
        }
        found.metadata.insert("catalog".into(), json!("test-files"));
        Ok(found)
    }
}
