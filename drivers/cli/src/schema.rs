//! The JSON Schema of pipelines for this program: what the core and the plugins linked into it accept.

use serde_json::Value;
use zagg_core::Result;
use zagg_core::config::schema::{self, PluginSchema, SchemaParts};
use zagg_core::registry::{Kind, Registry};

/// The schema of a whole pipeline, or of one that is laid over another.
pub(crate) fn document(registry: &Registry, layer: bool) -> Value {
    let parts = parts(registry);
    if layer { schema::layer(&parts) } else { schema::pipeline(&parts) }
}

/// What pipelines can name. Of plugins in shared libraries the names are known, not the settings.
pub(crate) fn parts(registry: &Registry) -> SchemaParts {
    let names = |kind: Kind| -> Vec<String> {
        let entries = registry.entries().filter(|r| r.entry.make.kind() == kind);
        entries
            .flat_map(|r| [r.entry.name].into_iter().chain(r.entry.aliases.iter().copied()))
            .map(String::from)
            .collect()
    };
    SchemaParts {
        sources: sources(),
        grids: grids(),
        readers: names(Kind::Source),
        functions: names(Kind::Statistic),
        catalogs: names(Kind::Catalog),
    }
}

fn sources() -> Vec<PluginSchema> {
    vec![
        PluginSchema { names: vec!["hdf5-points", "h5coro"], schema: zagg_hdf5_points::schema(false) },
        PluginSchema { names: vec!["atl06"], schema: zagg_hdf5_points::schema(true) },
        #[cfg(feature = "table-points")]
        PluginSchema { names: vec!["table-points"], schema: zagg_table_points::schema() },
    ]
}

fn grids() -> Vec<PluginSchema> {
    vec![
        PluginSchema { names: vec!["healpix"], schema: zagg_healpix::schema() },
        PluginSchema { names: vec!["rectilinear"], schema: zagg_rectilinear::schema() },
        #[cfg(feature = "s2")]
        PluginSchema { names: vec!["s2"], schema: zagg_s2::schema() },
    ]
}

/// The schema as a text, for `zagg config schema`.
pub(crate) fn text(layer: bool) -> Result<String> {
    Ok(format!("{:#}", document(&crate::builtin::registry()?, layer)))
}

#[cfg(test)]
mod tests;
