//! Which values of a column are missing.

use zagg_core::Values;
use zagg_hdf5::{AttributeValue, Dataset};

/// Attributes whose value stands for "missing".
const ATTRIBUTES: [&str; 2] = ["_FillValue", "missing_value"];

/// The values that mark a missing one, in the dataset's own type.
pub(crate) fn markers(dataset: &Dataset, by_attribute_only: bool) -> zagg_core::Result<Vec<Values>> {
    let mut markers = Vec::new();
    for name in ATTRIBUTES {
        if let Some(AttributeValue::Numbers { values, .. }) = dataset.attribute(name)? {
            markers.push(values.clone());
        }
    }
    if !by_attribute_only {
        markers.extend(dataset.fill_number());
    }
    let Some(dtype) = dataset.dtype() else { return Ok(Vec::new()) };
    // A marker that the type cannot hold marks nothing.
    let mut markers: Vec<Values> = markers.into_iter().filter_map(|marker| marker.cast(dtype).ok()).collect();
    markers.dedup();
    Ok(markers)
}

/// One flag per value, or `None` when no value is missing.
pub(crate) fn flags(values: &Values, markers: &[Values]) -> Option<Vec<bool>> {
    let mut flags: Option<Vec<bool>> = None;
    for marker in markers {
        macro_rules! arms {
            ($same:expr; $($variant:ident),*) => {
                match (values, marker) {
                    $((Values::$variant(values), Values::$variant(marks)) => {
                        for mark in marks {
                            let same = $same;
                            if values.iter().any(|value| same(value, mark)) {
                                let flags = flags.get_or_insert_with(|| vec![false; values.len()]);
                                for (flag, value) in flags.iter_mut().zip(values) {
                                    *flag |= same(value, mark);
                                }
                            }
                        }
                    })*
                    _ => {}
                }
            };
        }
        // A NaN marker marks NaN, which equals nothing, not even itself.
        #[allow(clippy::eq_op)]
        {
            arms!(|a, b| a == b || (a != a && b != b);
                Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64, Float32, Float64);
        }
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_equal_to_a_marker_are_missing_and_nan_marks_nan() {
        let values = Values::Float32(vec![1.0, f32::MAX, f32::NAN]);
        assert_eq!(flags(&values, &[Values::Float32(vec![f32::MAX])]), Some(vec![false, true, false]));
        assert_eq!(flags(&values, &[Values::Float32(vec![f32::NAN])]), Some(vec![false, false, true]));
        assert_eq!(flags(&values, &[Values::Float32(vec![7.0])]), None);
    }
}
