//! `zagg demo`: the main job on made-up granules.

use std::path::Path;
use std::sync::Arc;

use zagg_access::Access;
use zagg_atl06::synthetic;
use zagg_core::config::{Layer, Layers, Pipeline};
use zagg_core::run::{Run, RunOptions};
use zagg_core::store::Store;
use zagg_core::{Error, Result};
use zagg_local::LocalExecutor;
use zagg_zarr::ZarrStore;

use super::{catalog, render};
use crate::args::{DemoArgs, Format};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::{builtin, output, pipeline, summary};

pub(crate) fn run(args: &DemoArgs) -> Result<u8, Failure> {
    let folder = &args.output;
    let granules = folder.join("granules");
    write_granules(&granules)?;

    let registry = builtin::registry()?;
    let mut layers = Layers::default();
    layers.push(Layer::parse("preset atl06", registry.preset("atl06")?)?);
    let pipeline = Pipeline::parse(&layers)?;

    let map_path = folder.join("map.json");
    let pattern = utf8(&granules)?.to_string();
    let (map, incomplete) = catalog::of_files(&pipeline, &registry, &[pattern])?;
    if let Some(line) = incomplete.first() {
        return Err(Error::corrupt(line.clone()).into());
    }
    pipeline::write_text(&map_path, &map.to_json()?)?;

    let store_path = folder.join("out.zarr");
    let store: Arc<dyn Store> = Arc::new(ZarrStore::open(utf8(&store_path)?)?);
    let run = Arc::new(Run::new(
        pipeline,
        &map,
        &registry,
        Arc::new(Access::default()),
        store,
        &RunOptions::default(),
    )?);
    run.prepare(true)?;
    let progress = Progress::new("shards", run.tasks.len() as u64);
    let outcome = run.execute(&LocalExecutor::default(), &progress);
    progress.finish();
    let outcome = outcome.map_err(|error| Failure::of_run(&error))?;
    let picture = folder.join("h_mean.png");
    render::draw(&ZarrStore::open_path(&store_path)?, "h_mean", 1000, &picture)?;
    let picture = utf8(&picture)?;
    let (store, map_path, folder) = (utf8(&store_path)?, utf8(&map_path)?, utf8(folder)?);
    if args.format == Format::Text {
        output::data(&format!(
            "{} made-up ATL06 granules in {}, mapped in {map_path}, aggregated onto HEALPix order 12:\n",
            map.granules.len(),
            granules.display()
        ))?;
    }
    summary::print(&outcome, store, args.format)?;
    if args.format == Format::Text {
        output::data(&format!(
            "\nThe same by hand:\n  \
             zagg catalog --plugin atl06 --from-files '{folder}/granules' --output {map_path}\n  \
             zagg run --plugin atl06 --catalog {map_path} --store {store} --overwrite\n\
             Look at it:\n  \
             zagg inspect {store}\n  \
             zagg render {store} --variable h_mean --size 1000 --output {picture}\n\
             Open it in Python (pip install zarr xarray xdggs):\n  \
             import xarray as xr, xdggs\n  \
             ds = xr.open_zarr(\"{store}\", group=\"12\").pipe(xdggs.decode)\n\n\
             A picture of it is in {picture}"
        ))?;
    }
    Ok(outcome.exit_code())
}

fn write_granules(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| Error::from_io(&error, folder.display()))?;
    let specs = synthetic::demo_granules();
    let progress = Progress::new("granules made", specs.len() as u64);
    for (done, spec) in specs.iter().enumerate() {
        let path = folder.join(&spec.name);
        let bytes = synthetic::write_granule(spec)?;
        std::fs::write(&path, bytes).map_err(|error| Error::from_io(&error, path.display()))?;
        progress.at(done as u64 + 1, specs.len() as u64);
    }
    progress.finish();
    Ok(())
}

fn utf8(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| Error::input(format!("{}: the path is not valid unicode", path.display())))
}
