//! The JSON Schema of the settings under `output.grid`.

use serde_json::{Value, json};

use crate::options::MAX_LEVEL;

/// The settings of the grid.
pub fn schema() -> Value {
    let level = |description: &str, types: Value| json!({"description": description, "type": types, "minimum": 0, "maximum": MAX_LEVEL});
    json!({
        "required": ["parent_level", "child_level"],
        "properties": {
            "parent_level": level("Level of the shards.", json!("integer")),
            "child_level": level("Level of the cells, parent_level to parent_level + 12.", json!("integer")),
            "chunk_inner": level(
                "Level of the storage chunks, parent_level to child_level; parent_level where nothing is said.",
                json!(["integer", "null"]),
            ),
        },
    })
}
