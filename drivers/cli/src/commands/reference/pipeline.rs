//! The keys of pipelines, from their JSON Schema.

use serde_json::{Map, Value};
use zagg_core::config::schema::PluginSchema;
use zagg_core::registry::Registry;

use super::{Table, code, codes, heading};
use crate::schema;

pub(super) fn page(registry: &Registry) -> String {
    let document = schema::document(registry, false);
    let mut text = heading(
        "Keys of a pipeline",
        "`zagg config schema` prints the JSON Schema behind it, which editors understand",
    );
    text.push_str(
        "What they mean together is told in [The pipeline](pipeline.md). A key with the value `null` counts as absent.\n",
    );
    for section in ["data_source", "aggregation", "output", "catalog"] {
        let of_section = &document["properties"][section];
        text.push_str(&format!("\n## `{section}`\n\n{}\n\n", described(of_section)));
        text.push_str(&table(of_section));
    }
    let parts = schema::parts(registry);
    for source in &parts.sources {
        text.push_str(&plugin(source, "data_source", "reader"));
    }
    for grid in &parts.grids {
        text.push_str(&plugin(grid, "output.grid", "type"));
    }
    text
}

fn plugin(plugin: &PluginSchema, section: &str, key: &str) -> String {
    let names = plugin.names.iter().map(|name| format!("`{key}: {name}`")).collect::<Vec<_>>().join(", ");
    format!("\n## `{section}` with {names}\n\n{}", table(&plugin.schema))
}

fn described(schema: &Value) -> &str {
    schema["description"].as_str().unwrap_or_default()
}

/// All keys below a schema, those inside mappings under the names of what they are inside of.
fn table(schema: &Value) -> String {
    let mut table = Table::new(&["key", "takes", "meaning"]);
    let (mut ignored, mut refused) = (Vec::new(), Vec::new());
    rows(&mut table, "", schema, &mut ignored, &mut refused);
    let mut text = table.text;
    for (keys, what) in [(ignored, "Accepted with a note, without effect"), (refused, "Refused")] {
        if !keys.is_empty() {
            text.push_str(&format!("\n{what}: {}.\n", codes(keys)));
        }
    }
    text
}

fn rows(
    table: &mut Table,
    above: &str,
    schema: &Value,
    ignored: &mut Vec<String>,
    refused: &mut Vec<String>,
) {
    let required =
        |key: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|name| name == key));
    for (key, value) in schema["properties"].as_object().into_iter().flatten() {
        let name = format!("{above}{key}");
        let description = described(value);
        if description.starts_with("Of the Python zagg; has no meaning") {
            ignored.push(name);
            continue;
        }
        if description.starts_with("Of the Python zagg; not supported") {
            refused.push(name);
            continue;
        }
        let needed = if required(key) { ", required" } else { "" };
        table.row([code(&name), format!("{}{needed}", takes(value)), description.to_owned()]);
        below(table, &name, value, ignored, refused);
    }
}

/// What stands inside a value: in a mapping, in each of its members, in the items of a list, in alternatives.
fn below(table: &mut Table, name: &str, value: &Value, ignored: &mut Vec<String>, refused: &mut Vec<String>) {
    if value["properties"]
        .as_object()
        .is_some_and(|properties| properties.values().any(|p| p.get("description").is_some()))
    {
        rows(table, &format!("{name}."), value, ignored, refused);
    }
    for (inside, place) in [(&value["additionalProperties"], ".NAME"), (&value["items"], "[]")] {
        if inside.is_object() {
            if inside.get("description").is_some() {
                table.row([code(&format!("{name}{place}")), takes(inside), described(inside).to_owned()]);
            }
            below(table, &format!("{name}{place}"), inside, ignored, refused);
        }
    }
    for alternative in value["anyOf"].as_array().into_iter().flatten() {
        below(table, name, alternative, ignored, refused);
    }
}

/// What a value may be, for people.
fn takes(schema: &Value) -> String {
    let mut all: Vec<String> = Vec::new();
    alternatives(schema, &mut all);
    let mut seen = Vec::new();
    all.retain(|what| {
        !seen.contains(what) && {
            seen.push(what.clone());
            true
        }
    });
    if all.is_empty() { "anything".to_owned() } else { all.join(", ") }
}

fn alternatives(schema: &Value, all: &mut Vec<String>) {
    if let Some(words) = schema["enum"].as_array() {
        // Long lists of names are in the reference of plugins.
        if words.len() <= 12 {
            all.extend(words.iter().filter(|word| !word.is_null()).map(|word| match word {
                Value::String(word) => code(word),
                other => code(&other.to_string()),
            }));
        }
    }
    let one;
    let types: &[Value] = match &schema["type"] {
        Value::Array(types) => types,
        Value::String(_) => {
            one = [schema["type"].clone()];
            &one
        }
        _ => &[],
    };
    for kind in types.iter().filter_map(Value::as_str).filter(|kind| *kind != "null") {
        all.push(named(kind, schema));
    }
    for alternative in schema["anyOf"].as_array().into_iter().flatten() {
        alternatives(alternative, all);
    }
}

fn named(kind: &str, schema: &Value) -> String {
    let bound = |key: &str| schema[key].as_number().map(ToString::to_string);
    match kind {
        "integer" | "number" => {
            let what = if kind == "integer" { "whole number" } else { "number" };
            match (bound("minimum"), bound("maximum")) {
                (Some(least), Some(greatest)) => format!("{what} from {least} to {greatest}"),
                (Some(least), None) => format!("{what} from {least}"),
                _ => what.to_owned(),
            }
        }
        "string" => "text".to_owned(),
        "boolean" => "`true`, `false`".to_owned(),
        "array" => match schema["items"].as_object() {
            Some(items) if items.contains_key("type") => format!("list of {}", plural(items)),
            _ => "list".to_owned(),
        },
        _ => "mapping".to_owned(),
    }
}

fn plural(items: &Map<String, Value>) -> String {
    match items["type"].as_str() {
        Some("integer") => "whole numbers".to_owned(),
        Some("number") => "numbers".to_owned(),
        Some("object") => "mappings".to_owned(),
        _ => "texts".to_owned(),
    }
}
