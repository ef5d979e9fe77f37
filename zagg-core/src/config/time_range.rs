//! `data_source.time_range`: keeps rows by the column `time`.

use serde_json::Value;

use super::filter::{ColumnFilter, FilterTest, FilterValue};
use crate::source::TIME;
use crate::time::parse_date;

/// The filters of a time range: from the first date on, up to but without the second; `null` stands for no limit.
pub(super) fn read(value: &Value) -> Result<Vec<ColumnFilter>, String> {
    let wrong = "must be a list of two dates, [start, end]; null for no limit";
    let Some([start, end]) = value.as_array().map(Vec::as_slice) else { return Err(wrong.into()) };
    let date = |value: &Value| match value {
        Value::Null => Ok(None),
        Value::String(text) => parse_date(text).map(Some).map_err(|error| error.to_string()),
        _ => Err(wrong.to_string()),
    };
    let (start, end) = (date(start)?, date(end)?);
    if let (Some(start), Some(end)) = (start, end)
        && start >= end
    {
        return Err("ends before it starts; the end does not belong to it".into());
    }
    let filter = |test| ColumnFilter { dataset: TIME.into(), column: None, level: None, test, keep: true };
    let start = start.map(|start| filter(FilterTest::Ge(FilterValue::Float(start))));
    let end = end.map(|end| filter(FilterTest::Lt(FilterValue::Float(end))));
    Ok(start.into_iter().chain(end).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_range_is_two_filters_of_time() {
        let filters = read(&json!(["2018-01-01", null])).unwrap();
        assert_eq!(filters.len(), 1);
        assert_eq!(filters[0].test, FilterTest::Ge(FilterValue::Float(1_514_764_800.0)));
        assert_eq!(read(&json!(["2018-01-01", "2018-01-02T12:00"])).unwrap().len(), 2);
        assert_eq!(read(&json!([null, null])), Ok(Vec::new()));
        for (value, part) in [
            (json!("2018-01-01"), "two dates"),
            (json!(["2018-01-01"]), "two dates"),
            (json!(["2018-01-01", 3]), "two dates"),
            (json!(["2018-01-01", "tomorrow"]), "is no date"),
            (json!(["2018-01-02", "2018-01-02"]), "ends before it starts"),
        ] {
            let error = read(&value).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
