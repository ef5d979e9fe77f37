//! `zagg plugins`: what this program can use.

use serde_json::{Value, json};

use crate::args::{Format, PluginsArgs, PluginsCommand};
use crate::failure::Failure;
use crate::{builtin, output};

pub(crate) fn run(args: &PluginsArgs) -> Result<u8, Failure> {
    let PluginsCommand::List { format } = args.command;
    let registry = builtin::registry()?;
    if format == Format::Json {
        let entries: Vec<Value> = registry
            .entries()
            .map(|r| {
                json!({
                    "kind": r.entry.make.kind(),
                    "name": r.entry.name,
                    "aliases": r.entry.aliases,
                    "description": r.entry.description,
                    "plugin": r.plugin,
                    "version": r.version,
                })
            })
            .collect();
        output::json(&Value::Array(entries))?;
        return Ok(0);
    }
    let mut table = output::table(&["kind", "name", "plugin", "version", "description"]);
    for r in registry.entries() {
        let kind = r.entry.make.kind().to_string();
        table.add_row([kind.as_str(), r.entry.name, r.plugin, r.version, r.entry.description]);
    }
    output::data(&table.to_string())?;
    Ok(0)
}
