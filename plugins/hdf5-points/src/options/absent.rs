//! `if_absent`: what a column holds in parts that do not have its dataset.

use serde_json::Value;
use zagg_core::{Error, Result};

/// What stands in the place of a dataset that is absent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum IfAbsent {
    /// Every value is missing.
    Missing,
    /// Every value is this number.
    Value(f64),
}

/// Takes the key out of what a pipeline says of a variable.
///
/// # Errors
/// When it is neither a number nor `missing`.
pub(super) fn take(place: &str, value: &Value) -> Result<(Value, Option<IfAbsent>)> {
    let mut rest = value.clone();
    let taken = rest.as_object_mut().and_then(|map| map.remove("if_absent"));
    let if_absent = match taken {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if text == "missing" => Some(IfAbsent::Missing),
        Some(other) => Some(IfAbsent::Value(other.as_f64().ok_or_else(|| {
            Error::input(format!("{place}.if_absent: must be a number or missing, not {other}"))
        })?)),
    };
    Ok((rest, if_absent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_key_is_a_number_or_missing_and_nothing_else_changes() {
        let plain = json!("/{group}/q");
        assert_eq!(take("variables.q", &plain).unwrap(), (plain, None));
        let with = |value: Value| take("variables.q", &json!({"path": "/{group}/q", "if_absent": value}));
        let rest = json!({"path": "/{group}/q"});
        assert_eq!(with(json!(1)).unwrap(), (rest.clone(), Some(IfAbsent::Value(1.0))));
        assert_eq!(with(json!(-0.5)).unwrap(), (rest.clone(), Some(IfAbsent::Value(-0.5))));
        assert_eq!(with(json!("missing")).unwrap(), (rest.clone(), Some(IfAbsent::Missing)));
        assert_eq!(with(Value::Null).unwrap(), (rest, None));
        assert_eq!(
            with(json!("nan")).unwrap_err().to_string(),
            "variables.q.if_absent: must be a number or missing, not \"nan\""
        );
    }
}
