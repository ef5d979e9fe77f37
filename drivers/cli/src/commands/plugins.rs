//! `zagg plugins`: what this program can use, and whether a shared library is sound.

mod check;
pub(super) mod describe;
mod probe;
mod samples;

use serde_json::{Value, json};
use zagg_core::registry::Registered;

use crate::args::Format;
use crate::args::plugins::{PluginsArgs, PluginsCommand};
use crate::failure::Failure;
use crate::{builtin, output};

pub(crate) fn run(args: &PluginsArgs) -> Result<u8, Failure> {
    match &args.command {
        None => list(Format::default()),
        Some(PluginsCommand::List { format }) => list(*format),
        Some(PluginsCommand::Describe { name, format }) => describe::run(name, *format),
        Some(PluginsCommand::Check(args)) => check::run(args),
        Some(PluginsCommand::Probe(args)) => probe::run(args),
    }
}

fn list(format: Format) -> Result<u8, Failure> {
    let registry = builtin::registry()?;
    if format == Format::Json {
        output::json(&registry.entries().map(document).collect())?;
        return Ok(0);
    }
    let mut table = output::table(&["kind", "name", "plugin", "version", "origin", "description"]);
    for r in registry.entries() {
        let (kind, origin) = (r.entry.make.kind().to_string(), r.origin.to_string());
        table.add_row([kind.as_str(), r.entry.name, r.plugin, r.version, &origin, r.entry.description]);
    }
    output::data(&table.to_string())?;
    Ok(0)
}

fn document(r: &Registered) -> Value {
    json!({
        "kind": r.entry.make.kind(),
        "name": r.entry.name,
        "aliases": r.entry.aliases,
        "description": r.entry.description,
        "plugin": r.plugin,
        "version": r.version,
        "origin": r.origin.to_string(),
    })
}
