//! The JSON Schema of what the source takes of the section `data_source`.

use serde_json::{Value, json};
use zagg_core::DType;

/// The keys of the section that are the source's own.
pub fn schema() -> Value {
    let name = json!({"type": "string", "minLength": 1});
    let column = json!({"anyOf": [name, {"type": "integer", "minimum": 0}]});
    let dtypes: Vec<Value> =
        DType::ALL.iter().map(|dtype| dtype.name().into()).chain([Value::Null]).collect();
    let character = |description: &str| json!({"description": description, "type": ["string", "null"], "pattern": "^[\\x00-\\x09\\x0b\\x0c\\x0e-\\x7f]$"});
    let text = |description: &str| json!({"description": description, "type": ["string", "null"]});
    let flag = |description: &str| json!({"description": description, "type": ["boolean", "null"]});
    let described = |description: &str| json!({"description": description, "anyOf": [name, {"type": "integer", "minimum": 0}]});
    json!({
        "required": ["coordinates", "variables"],
        "properties": {
            "groups": {"description": "A table has none.", "type": "null"},
            "coordinates": {
                "description": "Columns of the coordinates in degrees, or a column of points.",
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "latitude": described("Column of the latitudes: its name, or its number from 0."),
                    "longitude": described("Column of the longitudes: its name, or its number from 0."),
                    "geometry": {"description": "Column of points in well-known binary.", "type": "string", "minLength": 1},
                },
                "allOf": [{"oneOf": [
                    {"required": ["geometry"], "maxProperties": 1},
                    {"required": ["latitude", "longitude"]},
                ]}],
            },
            "variables": {
                "description": "The column of the file for each column, by name.",
                "type": "object",
                "minProperties": 1,
                "propertyNames": {"not": {"enum": ["latitude", "longitude"]}},
                "additionalProperties": {
                    "description": "Name or number of a column of the file, or a mapping.",
                    "anyOf": [
                        name,
                        {"type": "integer", "minimum": 0},
                        {
                            "type": "object",
                            "required": ["column"],
                            "additionalProperties": false,
                            "properties": {
                                "column": column,
                                "dtype": {"description": "Type of its values.", "enum": dtypes},
                                "units": text("Attribute for arrays made of it."),
                                "long_name": text("Attribute for arrays made of it."),
                                "standard_name": text("Attribute for arrays made of it."),
                            },
                        },
                    ],
                },
            },
            "options": {
                "description": "How the files are written.",
                "type": ["object", "null"],
                "additionalProperties": false,
                "properties": {
                    "format": {"description": "Kind of file; by its ending where nothing is said.", "enum": ["parquet", "csv"]},
                    "delimiter": character("Between fields of text; a tab in .tsv files, else a comma, where nothing is said."),
                    "quote": character("Around fields that hold delimiters or line ends."),
                    "comment": character("Lines that begin with it are passed over."),
                    "header": flag("Whether the first row has the names of the columns; true where nothing is said."),
                    "null_values": {
                        "description": "Fields that stand for a missing value, beside empty ones.",
                        "type": ["array", "null"],
                        "items": {"type": ["string", "number"]},
                    },
                    "statistics": flag("Whether statistics of row groups are believed; true where nothing is said."),
                },
            },
        },
    })
}
