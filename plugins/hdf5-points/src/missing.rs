//! Which values of a column are missing.

use zagg_core::{DType, Values};
use zagg_hdf5::{AttributeValue, Dataset};

/// Attributes whose value stands for "missing".
pub(crate) const ATTRIBUTES: [&str; 2] = ["_FillValue", "missing_value"];

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
    let mut markers: Vec<Values> = markers
        .iter()
        .flat_map(|marker| (0..marker.len() as u32).filter_map(|at| held(&marker.gather(&[at]), dtype)))
        .collect();
    markers.dedup();
    Ok(markers)
}

/// One marker in the type of the dataset. One that the type cannot hold marks nothing: the greatest float64 must not mark
/// the infinities of a float32.
fn held(marker: &Values, dtype: DType) -> Option<Values> {
    let cast = marker.clone().cast(dtype).ok()?;
    let finite = |values: &Values| values.to_f64().iter().all(|x| x.is_finite());
    (finite(&cast) || !finite(marker)).then_some(cast)
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
    fn markers_beyond_the_type_mark_nothing() {
        assert_eq!(held(&Values::Float64(vec![f64::MAX]), DType::Float32), None);
        assert_eq!(held(&Values::Int64(vec![300]), DType::Int8), None);
        assert_eq!(held(&Values::Int64(vec![-1]), DType::Int8), Some(Values::Int8(vec![-1])));
        let infinite = Values::Float32(vec![f32::INFINITY]);
        assert_eq!(held(&Values::Float64(vec![f64::INFINITY]), DType::Float32), Some(infinite));
    }

    #[test]
    fn values_equal_to_a_marker_are_missing_and_nan_marks_nan() {
        let values = Values::Float32(vec![1.0, f32::MAX, f32::NAN]);
        assert_eq!(flags(&values, &[Values::Float32(vec![f32::MAX])]), Some(vec![false, true, false]));
        assert_eq!(flags(&values, &[Values::Float32(vec![f32::NAN])]), Some(vec![false, false, true]));
        assert_eq!(flags(&values, &[Values::Float32(vec![7.0])]), None);
    }
}
