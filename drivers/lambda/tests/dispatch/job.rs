//! A job that can be run: made-up granules on disk, and their shards.

use std::path::Path;
use std::sync::Arc;

use serde_json::Map;
use zagg_access::Access;
use zagg_atl06::synthetic::{Direction, GranuleSpec, write_granule};
use zagg_core::config::{Layer, Layers, Pipeline};
use zagg_core::footprint::Footprint;
use zagg_core::granule::{CatalogEntry, Driver, Granule};
use zagg_core::granules::Located;
use zagg_core::registry::Registry;
use zagg_core::run::{Run, RunOptions};
use zagg_core::shard_map::{BuildOptions, ShardMap};
use zagg_core::source::OpenObject;
use zagg_zarr::ZarrStore;

pub(crate) struct Job {
    #[cfg_attr(
        not(feature = "aws"),
        expect(dead_code, reason = "keeps the granules until the job is dropped")
    )]
    folder: tempfile::TempDir,
    pub(crate) registry: Registry,
    pipeline: Pipeline,
    map: ShardMap,
}

impl Job {
    /// Tracks at so many longitudes, each of some shards.
    pub(crate) fn new(tracks: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let registry = zagg_function::registry(None).unwrap();
        let mut layers = Layers::default();
        layers.push(Layer::parse("preset", registry.preset("atl06").unwrap()).unwrap());
        let pipeline = Pipeline::parse(&layers).unwrap();
        let map = shard_map(folder.path(), &pipeline, &registry, tracks);
        Self { folder, registry, pipeline, map }
    }

    pub(crate) fn shards(&self) -> usize {
        self.map.shards.len()
    }

    #[cfg(feature = "aws")]
    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// The run into a store, which is made ready and locked.
    pub(crate) fn run(&self, store: ZarrStore) -> Arc<Run> {
        let (opener, store) = (Arc::new(Access::default()), Arc::new(store));
        let (pipeline, options) = (self.pipeline.clone(), RunOptions::default());
        let run = Arc::new(Run::new(pipeline, &self.map, &self.registry, opener, store, &options).unwrap());
        run.prepare(false).unwrap();
        run
    }
}

fn shard_map(folder: &Path, pipeline: &Pipeline, registry: &Registry, tracks: u32) -> ShardMap {
    let grid = registry.grid(&pipeline.output.grid_type, &pipeline.output.grid).unwrap();
    let source = &pipeline.data_source;
    let source = registry.source(&source.reader, &source.options).unwrap();
    let entries: Vec<CatalogEntry> = (0..tracks)
        .map(|number| {
            let name = format!("ATL06_20240103031520_{:04}2211_006_01.h5", 200 + number);
            let spec = GranuleSpec { segments_per_beam: 300, ..GranuleSpec::new(&name) };
            let longitude = 59.0 + 1.5 * f64::from(number);
            let spec = spec.through(-80.0, longitude, Direction::Descending).unwrap();
            let path = folder.join(&name);
            std::fs::write(&path, write_granule(&spec).unwrap()).unwrap();
            let granule =
                Granule { id: name, file: Some(path.to_str().unwrap().to_string()), ..Granule::default() };
            let reader = Access::default().open(granule.href(Driver::File).unwrap()).unwrap();
            let located = Located::new(source.open(&granule, reader).unwrap(), &*grid).unwrap();
            CatalogEntry { granule, footprint: Footprint::Shards(located.shards(&*grid)) }
        })
        .collect();
    ShardMap::build(&*grid, &entries, Map::new(), &BuildOptions::default()).unwrap()
}
