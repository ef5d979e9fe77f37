//! Catalog of granules in a local folder, with positions taken from the data.
//!
//! Patterns (`data/*.h5`), folders and single files are taken; within a folder every `.h5`, `.he5`, `.hdf5` and `.nc` file
//! is. The granules of several patterns are sorted by name, so that the same files give the same map however they were
//! named.

mod find;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use serde_json::Map;
use zagg_core::catalog::{Catalog, ExactFootprint, Granules, Query, SearchContext};
use zagg_core::granule::{CatalogEntry, Granule};
use zagg_core::registry::{Entry, Make};
use zagg_core::{Error, Result};

pub use find::find_files;

zagg_core::export_plugin! {
    Entry {
        name: "local-files",
        aliases: &[],
        description: "granules in a folder, or files that match a pattern; positions are read from the data",
        make: Make::Catalog(|| Ok(Box::new(LocalFiles))),
    },
}

/// The catalog.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalFiles;

impl Catalog for LocalFiles {
    fn search(&self, query: &Query, context: &dyn SearchContext) -> Result<Granules> {
        if query.files.is_empty() {
            return Err(Error::input("no files to catalogue; give --from-files 'FOLDER/*.h5'"));
        }
        let files = find_files(&query.files)?;
        let granules = files.iter().map(|path| granule(path)).collect::<Result<Vec<_>>>()?;
        let names: Vec<&str> = granules.iter().map(|granule| granule.id.as_str()).collect();
        if let Some(at) = (1..names.len()).find(|&at| names[at - 1] == names[at]) {
            return Err(Error::input(format!(
                "two files have the name {}: {} and {}; names identify granules and must be unique",
                names[at],
                files[at - 1].display(),
                files[at].display()
            )));
        }
        let (total, done) = (granules.len() as u64, AtomicU64::new(0));
        let found: Vec<(Granule, Result<ExactFootprint>)> = granules
            .into_par_iter()
            .map(|granule| {
                let exact = context.exact_footprint(&granule);
                context.progress(done.fetch_add(1, Ordering::Relaxed) + 1, Some(total), &granule.id);
                (granule, exact)
            })
            .collect();
        let mut granules = Granules { metadata: Map::new(), ..Granules::default() };
        for (granule, exact) in found {
            match exact {
                Ok(ExactFootprint { footprint, holes }) => {
                    let named = holes.into_iter().map(|hole| format!("granule {}: {hole}", granule.id));
                    granules.incomplete.extend(named);
                    granules.entries.push(CatalogEntry { granule, footprint });
                }
                Err(error) => granules.incomplete.push(format!("granule {}: {error}", granule.id)),
            }
        }
        granules.metadata.insert("source".into(), "local-files".into());
        Ok(granules)
    }
}

fn granule(path: &Path) -> Result<Granule> {
    let text = |path: &Path| {
        path.to_str().map(str::to_string).ok_or_else(|| {
            Error::input(format!("{}: the path is not valid unicode; rename it", path.display()))
        })
    };
    let absolute = std::path::absolute(path).map_err(|error| Error::from_io(&error, path.display()))?;
    let name = absolute.file_name().map(Path::new).unwrap_or(path);
    let size = std::fs::metadata(path).map_err(|error| Error::from_io(&error, path.display()))?.len();
    Ok(Granule { id: text(name)?, file: Some(text(&absolute)?), size: Some(size), ..Granule::default() })
}
