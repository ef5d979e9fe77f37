//! The JSON Schema of the settings under `output.grid`.

use serde_json::{Value, json};

/// The settings of the grid.
pub fn schema() -> Value {
    let size = json!({"type": "number", "exclusiveMinimum": 0});
    let sides = |description: &str| {
        json!({
            "description": description,
            "type": ["array", "null"],
            "minItems": 2,
            "maxItems": 2,
            "items": {"type": "integer", "minimum": 1},
        })
    };
    json!({
        "required": ["crs", "resolution", "bounds"],
        "properties": {
            "crs": {
                "description": "Coordinate reference system: an EPSG code such as EPSG:3031, or a PROJ string.",
                "type": "string",
            },
            "resolution": {
                "description": "Size of a cell in units of the CRS: one number, or [x, y].",
                "anyOf": [size, {"type": "array", "minItems": 2, "maxItems": 2, "items": size}],
            },
            "bounds": {
                "description": "[xmin, ymin, xmax, ymax] in units of the CRS.",
                "type": "array",
                "minItems": 4,
                "maxItems": 4,
                "items": {"type": "number"},
            },
            "chunk_shape": sides("Rows and columns of one shard, at most 2^24 cells; [256, 256] where nothing is said."),
            "chunk_inner": sides("Rows and columns of one storage chunk; divides chunk_shape, which it is where nothing is said."),
            "sharded": {"description": "Accepted without effect: a shard with several chunks is one object.", "type": ["boolean", "null"]},
        },
    })
}
