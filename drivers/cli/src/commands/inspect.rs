//! `zagg inspect`: what a store, a granule, a shard map or a pipeline holds.

mod contents;
mod granule;
mod paths;
mod reads;
mod shard_map;
mod store;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::json;
use zagg_access::StoreChain;
use zagg_core::config::{Computation, Layer, Layers, Pipeline, StoreAccess};
use zagg_core::{Error, ErrorKind, Result};
use zagg_zarr::ZarrStore;

use crate::args::{Format, InspectArgs};
use crate::failure::Failure;
use crate::{builtin, output, pipeline};

/// Endings of HDF5 and NetCDF-4 files.
const HDF5_ENDINGS: [&str; 4] = ["h5", "he5", "hdf5", "nc"];

pub(crate) fn run(args: &InspectArgs) -> Result<u8, Failure> {
    let path = &args.path;
    if let Some(store) = in_bucket(args)? {
        store::describe(&store, path, args.format)?;
        return Ok(0);
    }
    let is_seen_by = args.pipeline.plugin.is_some() || !args.pipeline.config.is_empty();
    match kind(path, is_seen_by)? {
        Kind::Store => {
            outside_of_stores(path)?;
            store::describe(&ZarrStore::open_path(path)?, path, args.format)?;
        }
        Kind::Granule => granule::describe(path, &args.pipeline, args.format)?,
        Kind::ShardMap => {
            let map = zagg_catalog_files::read_shard_map(path)?;
            shard_map::describe(&map, path, &builtin::registry()?, args.format)?;
        }
        Kind::Pipeline => describe_pipeline(path, args.format)?,
    }
    Ok(0)
}

/// Refuses a group inside a store, which the user may have taken for the store.
pub(super) fn outside_of_stores(path: &Path) -> Result<()> {
    match path.parent().filter(|root| root.join("zarr.json").is_file() && path.join("zarr.json").is_file()) {
        Some(root) => {
            let (path, root) = (path.display(), root.display());
            Err(Error::input(format!("{path} is a group inside a store; give its root, {root}")))
        }
        None => Ok(()),
    }
}

/// The store at `s3://bucket/folder`; none where there is none, so that it may be a granule.
fn in_bucket(args: &InspectArgs) -> Result<Option<ZarrStore>, Failure> {
    let Some(url) = args.path.to_str().filter(|path| path.starts_with("s3://")) else { return Ok(None) };
    if HDF5_ENDINGS.contains(&ending(&args.path).as_str()) {
        return Ok(None);
    }
    let access = match args.pipeline.plugin.is_some() || !args.pipeline.config.is_empty() {
        true => pipeline::pipeline(&args.pipeline, &builtin::registry()?)?.output.access,
        false => StoreAccess::default(),
    };
    let chain = StoreChain::new(&access, args.output_creds.as_deref())?;
    for warning in chain.warnings() {
        output::warning(&warning);
    }
    let store = ZarrStore::open_with(url, &chain)?;
    match store.inspect() {
        // What says to be a store is one, or is missing as one.
        Err(error) if error.kind() == ErrorKind::NotFound && ending(&args.path) != "zarr" => Ok(None),
        _ => Ok(Some(store)),
    }
}

fn ending(path: &Path) -> String {
    path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase()
}

enum Kind {
    Store,
    Granule,
    ShardMap,
    Pipeline,
}

/// A folder is a store; a file is told by its ending, or else by how it begins. What is elsewhere is a granule, and so is any
/// other file for which a pipeline is given.
fn kind(path: &Path, has_pipeline: bool) -> Result<Kind> {
    if path.to_str().is_some_and(|path| path.contains("://")) {
        return Ok(Kind::Granule);
    }
    if path.is_dir() {
        return Ok(Kind::Store);
    }
    let failed = |error: std::io::Error| Error::from_io(&error, path.display());
    let mut start = [0u8; 64];
    let n = File::open(path).map_err(failed)?.read(&mut start).map_err(failed)?;
    let ending = ending(path);
    if start.starts_with(b"\x89HDF\r\n\x1a\n") || HDF5_ENDINGS.contains(&ending.as_str()) {
        return Ok(Kind::Granule);
    }
    // Shard maps are compressed or Parquet where they are large.
    let is_packed = [&b"PAR1"[..], b"\x28\xb5\x2f\xfd"].iter().any(|magic| start.starts_with(magic));
    let first = start[..n].iter().find(|byte| !byte.is_ascii_whitespace());
    let is_text = ["json", "yaml", "yml"].contains(&ending.as_str());
    if has_pipeline && !is_text {
        return Ok(Kind::Granule);
    }
    // A text has no zero bytes, and its first letters are whole or the last of them is cut.
    let is_binary = start[..n].contains(&0)
        || std::str::from_utf8(&start[..n]).is_err_and(|error| error.error_len().is_some());
    if is_binary && !is_packed && ending != "json" {
        return Err(Error::input(format!(
            "{}: not a text file, and neither HDF5 nor a shard map; a granule of another format needs --plugin or --config",
            path.display()
        )));
    }
    Ok(if is_packed || ending == "json" || first == Some(&b'{') { Kind::ShardMap } else { Kind::Pipeline })
}

fn describe_pipeline(path: &Path, format: Format) -> Result<(), Failure> {
    let mut layers = Layers::default();
    layers.push(Layer::parse(&path.display().to_string(), &pipeline::read_text(path)?)?);
    let pipeline = Pipeline::parse(&layers)?;
    for note in &pipeline.notes {
        output::warning(note);
    }
    if format == Format::Json {
        return output::json(&json!({"pipeline": pipeline.canonical(), "hash": pipeline.hash()}));
    }
    let mut table = output::table(&["variable", "type", "computed as"]);
    for variable in &pipeline.aggregation.variables {
        let how = match &variable.computation {
            Computation::Expression(text) => text.clone(),
            Computation::Function { name, source, params } => {
                let params = params.iter().map(|(key, value)| format!(", {key}={value}")).collect::<String>();
                format!("{name}({}{params})", source.as_deref().unwrap_or_default())
            }
        };
        table.add_row([variable.name.as_str(), variable.dtype.name(), &how]);
    }
    let filters = pipeline.data_source.filters.len();
    output::data(&format!(
        "reader {}, {filters} filter{}, grid {}, layout {}\n\n{table}",
        pipeline.data_source.reader,
        if filters == 1 { "" } else { "s" },
        serde_json::Value::Object(pipeline.output.grid.clone()),
        pipeline.output.layout.name()
    ))
}
