//! The section `aggregation`.

use serde_json::{Map, Value, json};

use super::super::aggregation::{COUNTS, MAX_ITEMS};
use super::{SchemaParts, choice, names, originals, text};
use crate::column::DType;

/// Names of arrays: no `.` and no `__` in front.
const NAME: &str = "^([A-Za-z0-9-][A-Za-z0-9_.-]*|_([A-Za-z0-9.-][A-Za-z0-9_.-]*)?)$";

pub(super) fn schema(parts: &SchemaParts) -> Value {
    let unused = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {"dtype": {}, "fill_value": {}},
    });
    let mut schema = json!({
        "description": "What is computed for each cell.",
        "type": "object",
        "required": ["variables"],
        "additionalProperties": false,
        "properties": {
            "variables": {
                "description": "The arrays of the store, by name.",
                "type": "object",
                "minProperties": 1,
                "propertyNames": {"pattern": NAME, "maxLength": 128},
                "additionalProperties": variable(parts),
            },
            "coordinates": {
                "description": "Of the Python zagg; without effect, the grid brings its coordinates.",
                "type": ["object", "null"],
                "additionalProperties": false,
                "properties": {"cell_ids": unused, "morton": unused},
            },
        },
    });
    originals(&mut schema, &["handoff", "streaming"], &["chunk_precompute"]);
    schema
}

fn variable(parts: &SchemaParts) -> Value {
    let dtypes: Vec<&str> = DType::ALL.iter().map(|dtype| dtype.name()).collect();
    let sizes = json!({"type": "integer", "minimum": 1, "maximum": MAX_ITEMS});
    let shape = |description: &str| {
        json!({"description": description, "anyOf": [
            sizes,
            {"type": "array", "maxItems": 4, "items": sizes},
            {"type": "null"},
        ]})
    };
    let mut schema = json!({
        "description": "An array: exactly one of function and expression.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "function": names("A statistic.", &parts.functions),
            "expression": text("An expression with reductions."),
            "source": text("The column that the function is applied to, or a row-wise expression; h_li where there is one."),
            "params": {"description": "Parameters of the function.", "type": ["object", "null"]},
            "dtype": choice("Type of the array; float32 where nothing is said.", &dtypes),
            "fill_value": {
                "description": "Value of empty cells: NaN for floats and 0 for counts where nothing is said.",
                "anyOf": [{"type": "number"}, {"enum": ["NaN", "nan", "Infinity", "-Infinity", null]}],
            },
            "kind": choice(
                "vector for a statistic that gives an array, ragged for one that gives any number of items; scalar where nothing is said.",
                &["scalar", "vector", "ragged"],
            ),
            "trailing_shape": shape("Shape of a vector: a size or a list of sizes; must be what the statistic gives."),
            "inner_shape": shape("Shape of one item of a ragged variable."),
            "attrs": {
                "description": "Attributes of the array, over those that the source column brings.",
                "type": ["object", "null"],
            },
        },
        "allOf": constraints(),
    });
    originals(&mut schema, &[], &["resolution", "location", "temporal", "weights", "overview_delta"]);
    schema
}

/// What must stand together in a variable.
fn constraints() -> Value {
    let given = |key: &str| json!({"required": [key], "properties": {key: {"not": {"type": "null"}}}});
    let only_with = |key: &str, kind: &str| {
        json!({
            "if": given(key),
            "then": {"required": ["kind"], "properties": {"kind": {"const": kind}}},
        })
    };
    let mut all = vec![
        json!({"oneOf": [given("function"), given("expression")]}),
        json!({
            "if": given("expression"),
            "then": {"properties": {"params": {"maxProperties": 0}, "kind": {"enum": ["scalar", null]}}},
        }),
        only_with("trailing_shape", "vector"),
        only_with("inner_shape", "ragged"),
    ];
    let counts = COUNTS.iter().flat_map(|name| ["", "np.", "numpy."].map(|from| format!("{from}{name}")));
    let counts: Vec<String> = counts.collect();
    let integers = DType::ALL.iter().filter(|dtype| !dtype.is_float());
    let integer_names: Vec<&str> = integers.clone().map(|dtype| dtype.name()).collect();
    all.push(json!({
        "if": {
            "required": ["dtype"],
            "properties": {"dtype": {"enum": integer_names}},
            "not": {"required": ["function"], "properties": {"function": {"enum": counts}}},
        },
        "then": given("fill_value"),
    }));
    for &dtype in integers {
        let mut fill = Map::from_iter([
            ("type".to_string(), json!(["number", "null"])),
            ("multipleOf".into(), 1.into()),
        ]);
        let (least, greatest) = range(dtype);
        fill.insert("minimum".into(), least);
        fill.insert("maximum".into(), greatest);
        all.push(json!({
            "if": {"required": ["dtype"], "properties": {"dtype": {"const": dtype.name()}}},
            "then": {"properties": {"fill_value": fill}},
        }));
    }
    Value::Array(all)
}

/// The least and the greatest number of a type without fractions.
fn range(dtype: DType) -> (Value, Value) {
    let bits = 8 * dtype.size() as u32;
    match dtype {
        DType::Bool => (0.into(), 1.into()),
        DType::UInt8 | DType::UInt16 | DType::UInt32 | DType::UInt64 => {
            (0.into(), (u64::MAX >> (64 - bits)).into())
        }
        _ => ((i64::MIN >> (64 - bits)).into(), (i64::MAX >> (64 - bits)).into()),
    }
}
