//! From the text of fields to columns.

use std::str::FromStr;

use zagg_core::{Column, DType, Error, Result, Values};

use crate::options::{ColumnRef, NullValue};

/// A column that grows.
#[derive(Debug)]
pub(super) struct Sink {
    /// For messages.
    name: ColumnRef,
    values: Values,
    missing: Option<Vec<bool>>,
}

impl Sink {
    pub(super) fn new(name: &ColumnRef, dtype: DType) -> Self {
        Self { name: name.clone(), values: Values::empty(dtype), missing: None }
    }

    /// Memory for one row, its flag among it.
    pub(super) fn row_bytes(&self) -> u64 {
        self.values.dtype().size() as u64 + 1
    }

    /// Takes a field. An empty one is a missing value, and so is one of `null_values`.
    pub(super) fn push(&mut self, field: &[u8], null_values: &[NullValue]) -> Result<()> {
        let field = field.trim_ascii();
        let missing = field.is_empty() || null_values.iter().any(|null| null.is(field));
        match (&mut self.missing, missing) {
            (Some(flags), missing) => flags.push(missing),
            (flags @ None, true) => {
                let mut before = vec![false; self.values.len()];
                before.push(true);
                *flags = Some(before);
            }
            (None, false) => {}
        }
        let Self { name, values, .. } = self;
        macro_rules! arms {
            ($($variant:ident),*; $none:expr) => {
                match values {
                    $(Values::$variant(values) => values.push(if missing { $none } else { number(field, DType::$variant, name)? }),)*
                    Values::Bool(values) => values.push(!missing && truth(field, name)?),
                    Values::Float32(values) => values.push(if missing { f32::NAN } else { number(field, DType::Float32, name)? }),
                    Values::Float64(values) => values.push(if missing { f64::NAN } else { number(field, DType::Float64, name)? }),
                }
            };
        }
        arms!(Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64; 0);
        Ok(())
    }

    pub(super) fn column(self) -> Column {
        Column { values: self.values, missing: self.missing }
    }
}

fn number<T: FromStr>(field: &[u8], dtype: DType, name: &ColumnRef) -> Result<T> {
    let text = std::str::from_utf8(field).ok();
    text.and_then(|text| text.parse().ok()).ok_or_else(|| bad(field, dtype, name))
}

fn truth(field: &[u8], name: &ColumnRef) -> Result<bool> {
    match field.to_ascii_lowercase().as_slice() {
        b"true" | b"1" => Ok(true),
        b"false" | b"0" => Ok(false),
        _ => Err(bad(field, DType::Bool, name)),
    }
}

fn bad(field: &[u8], dtype: DType, name: &ColumnRef) -> Error {
    let text: String = String::from_utf8_lossy(field).chars().take(40).collect();
    let kind = match dtype {
        DType::Bool => "neither true nor false",
        dtype if dtype.is_float() => "not a number",
        _ => "not a whole number of the type",
    };
    let dtype = if dtype.is_float() || dtype == DType::Bool { String::new() } else { format!(" {dtype}") };
    Error::corrupt(format!(
        "column {name}: {text:?} is {kind}{dtype}; name texts that stand for missing values in options.null_values"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(dtype: DType, fields: &[&str]) -> Result<Column> {
        let mut sink = Sink::new(&ColumnRef::Name("x".into()), dtype);
        for field in fields {
            sink.push(field.as_bytes(), &["NA", "-9999"].map(NullValue::new))?;
        }
        Ok(sink.column())
    }

    #[test]
    fn fields_become_numbers_or_missing_values() {
        let floats = column(DType::Float64, &["1.5", " -2e3 ", "inf"]).unwrap();
        assert_eq!(floats, Column::complete(Values::Float64(vec![1.5, -2000.0, f64::INFINITY])));
        let some = column(DType::UInt64, &["18446744073709551615", "", "NA", "7"]).unwrap();
        assert_eq!(some.values, Values::UInt64(vec![u64::MAX, 0, 0, 7]));
        assert_eq!(some.missing, Some(vec![false, true, true, false]));
        // A number stands for every spelling of it.
        let some = column(DType::Float32, &["-9999.0", "-9999", "-9.999E3", "-9999.5"]).unwrap();
        assert_eq!(some.missing, Some(vec![true, true, true, false]));
        assert_eq!(column(DType::Bool, &["TRUE", "0"]).unwrap().values, Values::Bool(vec![true, false]));
    }

    #[test]
    fn other_text_is_refused_with_the_column() {
        for (dtype, field, what) in [
            (DType::Float64, "12,5", "\"12,5\" is not a number;"),
            (DType::Int8, "128", "\"128\" is not a whole number of the type int8"),
            (DType::Int32, "1.0", "is not a whole number of the type int32"),
            (DType::Bool, "maybe", "is neither true nor false"),
        ] {
            let error = column(dtype, &[field]).unwrap_err();
            assert!(error.message().starts_with("column x: ") && error.message().contains(what), "{error}");
        }
    }
}
