//! The section `data_source`.

use serde_json::{Value, json};

use super::{SchemaParts, choice, flag, names, originals, text};

pub(super) fn schema(parts: &SchemaParts) -> Value {
    let mut schema = json!({
        "description": "Where rows come from.",
        "type": "object",
        "minProperties": 1,
        "additionalProperties": false,
        "properties": {
            "reader": names("The source; hdf5-points where nothing is said.", &parts.readers),
            "driver": choice("Which address of a granule is read; s3 where nothing is said.", &["s3", "https", "file"]),
            "groups": {"description": "Names of the parts of a granule, or a pattern of them; checked by the reader."},
            "coordinates": {"description": "Where latitude and longitude stand; checked by the reader."},
            "variables": {"description": "The columns, and where each comes from; checked by the reader."},
            "quality_filter": {"description": "Keeps the rows where a dataset equals a value; without effect beside filters."},
            "filters": {
                "description": "A row must pass all of them.",
                "type": ["array", "null"],
                "items": {"anyOf": [column_filter(), expression_filter()]},
            },
            "derived": {
                "description": "Columns made of others: row-wise expressions by name, each over variables and those before it.",
                "type": ["object", "null"],
                "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$", "not": {"enum": ["latitude", "longitude"]}},
                "additionalProperties": {"type": "string"},
            },
            "levels": {"description": "Levels of a product with several rates; checked by the reader."},
            "base_level": {"description": "The level whose rows are aggregated; checked by the reader."},
            "read_plan": {"description": "By which level rows are looked for; checked by the reader."},
            "time": {"description": "How the product counts time; checked by the reader."},
            "time_range": {
                "description": "Keeps rows from the first date on, up to but without the second; null for no limit.",
                "type": ["array", "null"],
                "items": {"type": ["string", "null"]},
                "minItems": 2,
                "maxItems": 2,
            },
            "options": {"description": "What a reader takes beyond these keys; checked by the reader."},
            "memory": bytes("Most memory for reading granules, such as 512MiB; the values read come on top."),
            "read_ahead": bytes("Bytes of a granule that may be fetched beyond what is wanted, to save round trips."),
            "access": {
                "description": "How granules in buckets are reached. It changes nothing that is computed.",
                "type": ["object", "null"],
                "additionalProperties": false,
                "properties": {
                    "credentials": text("Who signs: by_bucket, anonymous, ambient, or the name of an archive; by_bucket where nothing is said."),
                    "region": text("Region of the buckets."),
                    "endpoint_url": text("Another server that speaks S3's protocol."),
                    "path_style": flag("Whether the bucket stands in the path instead of the host name."),
                },
            },
            "credentials_provider": text("The original's place for access.credentials."),
            "index": index(),
        },
        "allOf": [{
            "if": {"properties": {"filters": {"type": "null"}}},
            "then": {"properties": {"quality_filter": {"anyOf": [
                {"type": "null"},
                {
                    "type": "object",
                    "required": ["dataset", "value"],
                    "additionalProperties": false,
                    "properties": {
                        "dataset": {"description": "Path of a dataset.", "type": "string", "minLength": 1},
                        "value": {"description": "The value to keep.", "type": "number"},
                    },
                },
            ]}}},
        }],
    });
    originals(
        &mut schema,
        &["read_workers", "shard_workers", "granule_workers"],
        &["collections", "static_data", "bands", "assets"],
    );
    if let Some(Value::Array(all)) = schema.get_mut("allOf") {
        for source in &parts.sources {
            let mut names: Vec<Value> = source.names.iter().map(|&name| name.into()).collect();
            if source.names.contains(&"hdf5-points") {
                names.push(Value::Null);
                all.push(json!({"if": {"properties": {"reader": {"enum": names}}}, "then": source.schema}));
            } else {
                all.push(json!({
                    "if": {"properties": {"reader": {"enum": names}}, "required": ["reader"]},
                    "then": source.schema,
                }));
            }
        }
    }
    schema
}

fn column_filter() -> Value {
    json!({
        "description": "Compares a dataset with numbers.",
        "type": "object",
        "required": ["dataset", "op"],
        "additionalProperties": false,
        "properties": {
            "dataset": {"description": "Path of a dataset.", "type": "string", "minLength": 1},
            "op": {
                "description": "The comparison: in and not_in with values, the others with value.",
                "enum": ["eq", "ne", "ge", "le", "lt", "gt", "in", "not_in"],
            },
            "value": {"description": "A number.", "type": "number"},
            "values": {"description": "Numbers.", "type": "array", "minItems": 1, "items": {"type": "number"}},
            "column": {
                "description": "Column of a dataset with two dimensions, from 0.",
                "type": ["integer", "null"],
                "minimum": 0,
            },
            "level": {
                "description": "The level that the dataset belongs to; the base level where nothing is said.",
                "type": ["string", "null"],
                "minLength": 1,
            },
            "keep": {"description": "Keep rows that pass (true, the default) or those that fail.", "type": "boolean"},
        },
        "allOf": [{
            "if": {"properties": {"op": {"enum": ["in", "not_in"]}}},
            "then": {"required": ["values"], "properties": {"value": false}},
            "else": {"required": ["value"], "properties": {"values": false}},
        }],
    })
}

fn expression_filter() -> Value {
    json!({
        "description": "A condition over variables and derived columns.",
        "type": "object",
        "required": ["expression"],
        "additionalProperties": false,
        "properties": {"expression": {"description": "The condition.", "type": "string"}},
    })
}

fn bytes(description: &str) -> Value {
    json!({
        "description": description,
        "type": ["integer", "string", "null"],
        "minimum": 0,
        "pattern": "^\\s*[0-9]{1,16}\\s*([kKmMgGtT][iI]?[bB]|[bB])?\\s*$",
    })
}

fn index() -> Value {
    json!({
        "description": "Where granule indexes are kept. They change how much is read, never what is computed.",
        "type": ["object", "null"],
        "additionalProperties": false,
        "properties": {
            "store": text("A folder or s3://bucket/prefix."),
            "on_miss": choice(
                "What happens with a granule that has no valid index: build reads it and writes its index, read reads it, error makes it a hole. fallback is the original's word for read.",
                &["build", "read", "fallback", "error"],
            ),
            "backend": choice("Of the Python zagg.", &["sidecar", "inline", "hierarchical"]),
            "write_back": flag("Of the Python zagg: on_miss build."),
        },
        "allOf": [{
            "if": {"type": "object", "anyOf": [
                {"properties": {"backend": {"enum": ["sidecar", null]}}},
                {
                    "required": ["backend", "write_back"],
                    "properties": {"backend": {"const": "inline"}, "write_back": {"const": true}},
                },
            ]},
            "then": {"required": ["store"], "properties": {"store": {"type": "string", "minLength": 1}}},
        }],
    })
}
