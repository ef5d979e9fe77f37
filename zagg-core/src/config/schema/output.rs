//! The section `output`.

use serde_json::{Value, json};

use super::super::output::MAX_LEVELS;
use super::{SchemaParts, choice, flag, originals, text};

const LAYOUTS: [&str; 3] = ["compact", "full_sphere", "fullsphere"];

pub(super) fn schema(parts: &SchemaParts) -> Value {
    let mut schema = json!({
        "description": "Where results go.",
        "type": "object",
        "required": ["grid"],
        "additionalProperties": false,
        "properties": {
            "store": text("The store, a path or s3://bucket/folder; --store overrides it."),
            "layout": choice("How shards lie in the store; compact where nothing is said.", &LAYOUTS),
            "compression": choice("Compression of the variables' arrays; zstd where nothing is said.", &["zstd", "blosc", "none"]),
            "aoi_mask": flag("Whether the store says of every cell if it lies in the area of interest of the shard map."),
            "clip": flag("Whether rows in cells outside that area are dropped."),
            "format": choice("Nothing but zarr.", &["zarr"]),
            "region": text("Region of a bucket of your own; what the bucket says where nothing is said."),
            "endpoint_url": text("Another server that speaks S3's protocol, for a bucket of your own."),
            "grid": grid(parts),
        },
        "allOf": [{
            "if": {"properties": {"layout": {"type": "null"}}},
            "then": {"properties": {"grid": {"properties": {"layout": choice("Layout.", &LAYOUTS)}}}},
        }],
    });
    originals(
        &mut schema,
        &["consolidate_metadata", "store_layout", "product_name", "coverage_moc", "sweep", "touch"],
        &["pyramid", "windowing", "time_encoding", "time_source"],
    );
    schema
}

fn grid(parts: &SchemaParts) -> Value {
    let names: Vec<&str> = parts.grids.iter().flat_map(|grid| grid.names.iter().copied()).collect();
    let common = json!({
        "type": {
            "description": "The grid.",
            "anyOf": [{"enum": names}, {"type": "string"}],
        },
        "layout": text("Where the original has output.layout; taken when that is absent."),
        "levels": {
            "description": "The levels that the store has; the cells of the statistics alone where nothing is said.",
            "type": ["array", "null"],
            "minItems": 1,
            "maxItems": MAX_LEVELS,
            "uniqueItems": true,
            "items": {"type": "integer", "minimum": 0},
        },
    });
    let all: Vec<Value> = parts
        .grids
        .iter()
        .map(|grid| {
            let mut schema = grid.schema.clone();
            if let (Some(own), Some(common)) =
                (schema.get_mut("properties").and_then(Value::as_object_mut), common.as_object())
            {
                // The grid's own words on levels win over the general ones.
                for (key, value) in common {
                    own.entry(key.clone()).or_insert_with(|| value.clone());
                }
            }
            if let Value::Object(map) = &mut schema {
                map.insert("additionalProperties".into(), false.into());
            }
            json!({
                "if": {"properties": {"type": {"enum": grid.names}}, "required": ["type"]},
                "then": schema,
            })
        })
        .collect();
    json!({
        "description": "The grid and its settings.",
        "type": "object",
        "required": ["type"],
        "properties": common,
        "allOf": all,
    })
}
