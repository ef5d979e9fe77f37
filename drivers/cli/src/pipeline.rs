//! From `--plugin` and `--config` to a checked pipeline.

use std::path::Path;

use zagg_core::config::{Layer, Layers, Pipeline};
use zagg_core::registry::Registry;
use zagg_core::shard_map::ShardMap;
use zagg_core::{Error, Result};

use crate::args::PipelineArgs;

/// Largest text file that is read whole: a pipeline or a shard map.
const MAX_TEXT_BYTES: u64 = 4 << 30;

/// The layers that the arguments name, lowest first.
pub(crate) fn layers(args: &PipelineArgs, registry: &Registry) -> Result<Layers> {
    let mut layers = Layers::default();
    if let Some(name) = &args.plugin {
        layers.push(Layer::parse(&format!("preset {name}"), registry.preset(name)?)?);
    }
    for path in &args.config {
        layers.push(Layer::parse(&path.display().to_string(), &read_text(path)?)?);
    }
    Ok(layers)
}

/// The pipeline that the arguments name.
pub(crate) fn pipeline(args: &PipelineArgs, registry: &Registry) -> Result<Pipeline> {
    Pipeline::parse(&layers(args, registry)?)
}

/// The shard map of the command line, else the one that the pipeline names.
pub(crate) fn shard_map(given: Option<&Path>, pipeline: &Pipeline) -> Result<ShardMap> {
    let named = given.or(pipeline.catalog.shard_map.as_deref().map(Path::new));
    let path = named
        .ok_or_else(|| Error::input("no shard map; give --catalog FILE, or catalog: in the pipeline"))?;
    zagg_catalog_files::read_shard_map(path)
}

/// A text file, whole.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    let failed = |error: std::io::Error| Error::from_io(&error, path.display());
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > MAX_TEXT_BYTES {
        return Err(Error::input(format!("{}: too large to be a pipeline or a shard map", path.display())));
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    String::from_utf8(bytes).map_err(|_| Error::input(format!("{}: not a text file", path.display())))
}

/// [`write_bytes`] of a text.
pub(crate) fn write_text(path: &Path, text: &str) -> Result<()> {
    write_bytes(path, text.as_bytes())
}

/// Writes a file so that a reader sees either the old content or all of the new one. A link is followed; what is no
/// regular file, such as a pipe, is written to as it is.
pub(crate) fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |error: std::io::Error| Error::from_io(&error, path.display());
    let target = match std::fs::canonicalize(path) {
        Ok(target) if target.is_file() => target,
        Ok(special) => return std::fs::write(special, bytes).map_err(failed),
        Err(_) => path.to_path_buf(),
    };
    let name =
        target.file_name().ok_or_else(|| Error::input(format!("{}: not a file name", path.display())))?;
    let mut partial = name.to_owned();
    partial.push(format!(".{}.partial", std::process::id()));
    let partial = target.with_file_name(partial);
    let written = std::fs::write(&partial, bytes).and_then(|()| std::fs::rename(&partial, &target));
    if written.is_err() {
        // The error of writing is what the user needs to see.
        let _ = std::fs::remove_file(&partial);
    }
    written.map_err(failed)
}
