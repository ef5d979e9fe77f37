//! JSON with one spelling: keys sorted, two spaces, a newline at the end.

use serde_json::{Map, Value};
use zagg_core::{Error, Result};

/// The bytes of a document.
pub(crate) fn to_bytes(value: &Value) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(&sorted(value))
        .map_err(|error| Error::input(format!("attributes cannot be written as JSON: {error}")))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The object of a document; `name` is for messages.
pub(crate) fn parse_object(bytes: &[u8], name: &str) -> Result<Map<String, Value>> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Error::corrupt(format!("{name} is not a JSON object"))),
        Err(error) => Err(Error::corrupt(format!("{name} is not JSON: {error}"))),
    }
}

/// Other crates may make serde_json keep the order of insertion, so the order is made here.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut entries: Vec<_> = object.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            Value::Object(entries.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect())
        }
        Value::Array(values) => Value::Array(values.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_whatever_the_order_of_insertion() {
        let a = serde_json::json!({"b": [{"y": 1, "x": 2.5}], "a": null});
        let b = serde_json::json!({"a": null, "b": [{"x": 2.5, "y": 1}]});
        let bytes = to_bytes(&a).unwrap();
        assert_eq!(bytes, to_bytes(&b).unwrap());
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            "{\n  \"a\": null,\n  \"b\": [\n    {\n      \"x\": 2.5,\n      \"y\": 1\n    }\n  ]\n}\n"
        );
    }
}
