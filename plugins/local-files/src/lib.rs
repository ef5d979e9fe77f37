//! Catalog of granules in local folders and in buckets, with positions taken from the data.
//!
//! Patterns (`data/*.h5`), folders, single files and prefixes in buckets (`s3://bucket/2024`, also with wildcards) are taken;
//! within a folder or prefix every `.h5`, `.he5`, `.hdf5` and `.nc` file is, also in folders below it. The granules of
//! several patterns are sorted by name, so that the same files give the same map however they were named.

mod find;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use serde_json::Map;
use zagg_core::catalog::{Catalog, ExactFootprint, Granules, Query, SearchContext};
use zagg_core::granule::{CatalogEntry, Granule};
use zagg_core::registry::{Entry, Make};
use zagg_core::{Error, Result};

use find::find_objects;

pub use find::find_files;

zagg_core::export_plugin! {
    Entry {
        name: "local-files",
        aliases: &[],
        description: "granules in a folder or bucket, or that match a pattern; positions are read from the data",
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
        if let Some(other) =
            query.files.iter().find(|file| file.contains("://") && !file.starts_with("s3://"))
        {
            return Err(Error::unsupported(format!(
                "{other}: servers cannot be listed; give files, folders, patterns or s3://bucket/prefix"
            )));
        }
        let (objects, files): (Vec<&String>, Vec<&String>) =
            query.files.iter().partition(|file| file.starts_with("s3://"));
        let files = find_files(&files.into_iter().cloned().collect::<Vec<_>>())?;
        let mut granules = files.iter().map(|path| granule(path)).collect::<Result<Vec<_>>>()?;
        granules.extend(find_objects(&objects, context)?);
        // Stable: a file comes before an object of its name.
        granules.sort_by(|a, b| a.id.cmp(&b.id));
        if let Some(pair) = granules.windows(2).find(|pair| pair[0].id == pair[1].id) {
            let place =
                |granule: &Granule| granule.file.clone().or_else(|| granule.s3.clone()).unwrap_or_default();
            return Err(Error::input(format!(
                "two files have the name {}: {} and {}; names identify granules and must be unique",
                pair[0].id,
                place(&pair[0]),
                place(&pair[1])
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
