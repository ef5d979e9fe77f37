//! `zagg plugins describe`: all that is known of what has a name.

use serde_json::{Map, Value, json};
use zagg_core::registry::{Kind, Make, Registered, Registry};
use zagg_core::statistic::OutputShape;
use zagg_core::{Error, Result};

use super::samples::{Samples, plain_requests};
use crate::args::Format;
use crate::failure::Failure;
use crate::{builtin, output};

pub(super) fn run(name: &str, format: Format) -> Result<u8, Failure> {
    let registry = builtin::registry()?;
    let called = |r: &&Registered| r.entry.name == name || r.entry.aliases.contains(&name);
    let found: Vec<&Registered> = registry.entries().filter(called).collect();
    if found.is_empty() {
        let names: Vec<&str> = registry.entries().map(|r| r.entry.name).collect();
        let meant = zagg_core::suggest::did_you_mean(name, names);
        return Err(Error::input(format!(
            "there is nothing called {name:?}{meant}; zagg plugins lists what there is"
        ))
        .into());
    }
    if format == Format::Json {
        let all = found.iter().map(|r| {
            let mut document = super::document(r);
            if let (Value::Object(document), Value::Object(more)) = (&mut document, details(&registry, r)) {
                document.extend(more);
            }
            document
        });
        output::json(&all.collect())?;
        return Ok(0);
    }
    let texts: Vec<String> = found.iter().map(|r| text(&registry, r)).collect();
    output::data(&texts.join("\n\n"))?;
    Ok(0)
}

fn text(registry: &Registry, r: &Registered) -> String {
    let mut table = output::table(&[]);
    table.add_row(["kind", &r.entry.make.kind().to_string()]);
    table.add_row(["name", r.entry.name]);
    if !r.entry.aliases.is_empty() {
        table.add_row(["also", &r.entry.aliases.join(", ")]);
    }
    table.add_row(["plugin", &format!("{} {}", r.plugin, r.version)]);
    table.add_row(["origin", &r.origin.to_string()]);
    table.add_row(["description", r.entry.description]);
    let mut tail = String::new();
    for (key, value) in details(registry, r).as_object().into_iter().flatten() {
        match (key.as_str(), value) {
            ("preset", Value::String(text)) => tail = format!("\n\n{}", text.trim_end()),
            ("columns", Value::Array(columns)) => {
                let name = |column: &Value| column["name"].as_str().unwrap_or_default().to_owned();
                table.add_row(["columns", &columns.iter().map(name).collect::<Vec<_>>().join(", ")]);
            }
            (key, Value::String(text)) => _ = table.add_row([key, text]),
            (key, value) => _ = table.add_row([key, &value.to_string()]),
        }
    }
    format!("{table}{tail}")
}

/// What depends on the kind. A plugin that fails here is described without it.
pub(in super::super) fn details(registry: &Registry, r: &Registered) -> Value {
    zagg_core::caught(|| match r.entry.make.kind() {
        Kind::Preset => Ok(preset(r)),
        Kind::Source => source(registry, r),
        Kind::Statistic => Ok(statistic(registry, r)),
        Kind::Catalog | Kind::Grid => Ok(json!({})),
    })
    .unwrap_or_else(|error| json!({"problem": error.message()}))
}

fn preset(r: &Registered) -> Value {
    match r.entry.make {
        Make::Preset(text) => json!({"preset": text}),
        _ => json!({}),
    }
}

/// The columns with the options of the first preset that uses it, or without any options.
fn source(registry: &Registry, r: &Registered) -> Result<Value> {
    let samples = Samples::new(registry, r, &[])?;
    let none = Map::new();
    let options = samples.options(r).into_iter().chain([("no options", &none)]);
    let made = options.into_iter().find_map(|(of, options)| {
        let source = registry.source(r.entry.name, options).ok()?;
        Some((of.to_owned(), source))
    });
    let Some((of, source)) = made else {
        return Ok(json!({"columns of": "those that its options name"}));
    };
    let column = |spec: &zagg_core::source::ColumnSpec| json!({"name": spec.name, "dtype": spec.dtype, "attributes": spec.attributes});
    if source.columns().is_empty() {
        return Ok(json!({"columns of": "those that its options name"}));
    }
    Ok(json!({"columns of": of, "columns": source.columns().iter().map(column).collect::<Vec<_>>()}))
}

fn statistic(registry: &Registry, r: &Registered) -> Value {
    let made = plain_requests(r.entry.name).into_iter().find_map(|request| registry.statistic(&request).ok());
    let Some(statistic) = made else {
        return json!({"gives": "depends on its parameters"});
    };
    let output = statistic.output();
    let shape = match output.shape {
        OutputShape::Scalar => "one number".to_owned(),
        OutputShape::Fixed(shape) => format!("an array of {shape:?}"),
        OutputShape::Ragged(shape) => format!("any number of items of {shape:?}"),
    };
    let form = statistic.mergeable().map(|mergeable| mergeable.form().to_owned());
    json!({
        "gives": format!("{}, {shape}", output.dtype),
        "order of rows": if statistic.needs_arrival_order() { "matters" } else { "does not matter" },
        "coarser levels": form.map_or_else(|| "from rows".to_owned(), |form| format!("merged from states {form}")),
    })
}
