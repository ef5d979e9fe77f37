//! Packed values, as the CF conventions (section 8.1) have them: what is meant is `stored * scale_factor + add_offset`.

use zagg_core::{DType, Error, Result, Values};
use zagg_hdf5::{AttributeValue, Dataset};

/// Attributes that tell how values are packed.
pub(crate) const ATTRIBUTES: [&str; 2] = ["scale_factor", "add_offset"];

/// How the values of a dataset are packed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Packing {
    scale: f64,
    offset: f64,
    dtype: DType,
}

/// How the values of a dataset are packed; `None` when they are not.
///
/// They become float32 when both attributes are (as far as they are there) and the stored type has at most 16 bits or is
/// float32, so that nothing is lost; else float64.
pub(crate) fn packing(dataset: &Dataset) -> Result<Option<Packing>> {
    let [scale, offset] = ATTRIBUTES.map(|name| number(dataset, name));
    let (scale, offset) = (scale?, offset?);
    let Some(stored) = dataset.dtype().filter(|_| scale.or(offset).is_some()) else { return Ok(None) };
    let is_single = [scale, offset].iter().flatten().all(|(_, dtype)| *dtype == DType::Float32);
    let is_narrow = stored.size() <= 2 || stored == DType::Float32;
    let dtype = if is_single && is_narrow { DType::Float32 } else { DType::Float64 };
    let value = |number: Option<(f64, DType)>, default| number.map_or(default, |(value, _)| value);
    Ok(Some(Packing { scale: value(scale, 1.0), offset: value(offset, 0.0), dtype }))
}

fn number(dataset: &Dataset, name: &str) -> Result<Option<(f64, DType)>> {
    let wrong =
        |what: &str| Error::corrupt(format!("the attribute {name} of dataset {} is {what}", dataset.path()));
    match dataset.attribute(name)? {
        None => Ok(None),
        Some(AttributeValue::Numbers { values, .. }) => match values.to_f64()[..] {
            [value] if value.is_finite() && (value != 0.0 || name != ATTRIBUTES[0]) => {
                Ok(Some((value, values.dtype())))
            }
            [value] => Err(wrong(&format!("{value}"))),
            _ => Err(wrong("not one number")),
        },
        Some(_) => Err(wrong("no number")),
    }
}

impl Packing {
    /// The values that are meant: computed in float64 and rounded once.
    pub(crate) fn unpack(self, values: &Values) -> Values {
        let meant = values.to_f64().into_iter().map(|value| value * self.scale + self.offset);
        match self.dtype {
            DType::Float32 => Values::Float32(meant.map(|value| value as f32).collect()),
            _ => Values::Float64(meant.collect()),
        }
    }
}
