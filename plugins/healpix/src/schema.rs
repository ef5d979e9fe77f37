//! The JSON Schema of the settings under `output.grid`.

use serde_json::{Value, json};

use crate::options::MAX_ORDER;

/// The settings of the grid.
pub fn schema() -> Value {
    let order = |description: &str, types: Value| json!({"description": description, "type": types, "minimum": 0, "maximum": MAX_ORDER});
    json!({
        "required": ["parent_order", "child_order"],
        "properties": {
            "parent_order": order("Order of the shards.", json!("integer")),
            "child_order": order("Order of the cells, parent_order to parent_order + 12.", json!("integer")),
            "chunk_inner": order(
                "Order of the storage chunks, parent_order to child_order; parent_order where nothing is said.",
                json!(["integer", "null"]),
            ),
            "ellipsoid": {
                "description": "Surface that latitudes refer to; WGS84 where nothing is said. With sphere they are taken as they are.",
                "enum": ["WGS84", "sphere", null],
            },
            "morton": {
                "description": "Whether the packed morton word of every cell is a coordinate, too.",
                "type": ["boolean", "null"],
            },
            "indexing_scheme": {"description": "Nothing but nested.", "enum": ["nested", null]},
            "sharded": {"description": "Accepted without effect: a shard with several chunks is one object.", "type": ["boolean", "null"]},
            "shard_order": order("Of the Python zagg; the parent_order and nothing else.", json!(["integer", "null"])),
            "emit_cell_ids": {"description": "Of the Python zagg; false and nothing else.", "enum": [false, null]},
            "cell_ids_encoding": {"description": "Of the Python zagg; nested and nothing else.", "enum": ["nested", null]},
        },
    })
}
