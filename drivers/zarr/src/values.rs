//! Values on their way into blocks and back.

use zagg_core::{DType, Error, Result, Values};

/// Gives every NaN the same bits. Which one arithmetic yields differs between processors, and a store must not.
pub(crate) fn make_nan_canonical(values: &mut Values) {
    match values {
        Values::Float32(v) => {
            v.iter_mut().filter(|x| x.is_nan()).for_each(|x| *x = f32::from_bits(0x7fc0_0000));
        }
        Values::Float64(v) => {
            v.iter_mut().filter(|x| x.is_nan()).for_each(|x| *x = f64::from_bits(0x7ff8_0000_0000_0000));
        }
        _ => {}
    }
}

/// `count` times the one value of `fill`.
pub(crate) fn repeat(fill: &Values, count: usize) -> Values {
    macro_rules! arms {
        ($($variant:ident),*) => {
            match fill {
                $(Values::$variant(v) => Values::$variant(match v[..] {
                    [one] => vec![one; count],
                    _ => v.iter().copied().cycle().take(count).collect(),
                }),)*
            }
        };
    }
    arms!(Bool, Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64, Float32, Float64)
}

/// Whether the bytes are nothing but repetitions of those of the fill value.
pub(crate) fn is_fill(bytes: &[u8], fill: &[u8]) -> bool {
    // Equal to itself moved by one element, in one comparison.
    bytes.is_empty() || (bytes.starts_with(fill) && bytes[fill.len()..] == bytes[..bytes.len() - fill.len()])
}

/// Values from little-endian bytes.
pub(crate) fn from_le_bytes(dtype: DType, bytes: &[u8]) -> Result<Values> {
    if !bytes.len().is_multiple_of(dtype.size()) {
        return Err(Error::corrupt(format!("{} bytes are no whole number of {dtype} values", bytes.len())));
    }
    macro_rules! number {
        ($variant:ident, $t:ty) => {
            Values::$variant(bytes.as_chunks().0.iter().map(|b| <$t>::from_le_bytes(*b)).collect())
        };
    }
    Ok(match dtype {
        DType::Bool => Values::Bool(
            bytes
                .iter()
                .map(|byte| match byte {
                    0 => Ok(false),
                    1 => Ok(true),
                    other => Err(Error::corrupt(format!("{other} is no bool"))),
                })
                .collect::<Result<_>>()?,
        ),
        DType::Int8 => number!(Int8, i8),
        DType::Int16 => number!(Int16, i16),
        DType::Int32 => number!(Int32, i32),
        DType::Int64 => number!(Int64, i64),
        DType::UInt8 => number!(UInt8, u8),
        DType::UInt16 => number!(UInt16, u16),
        DType::UInt32 => number!(UInt32, u32),
        DType::UInt64 => number!(UInt64, u64),
        DType::Float32 => number!(Float32, f32),
        DType::Float64 => number!(Float64, f64),
    })
}

/// Copies a box of elements between two row-major arrays of the same number of dimensions.
pub(crate) fn copy_box<T: Copy>(
    from: &[T],
    (from_shape, from_origin): (&[u64], &[u64]),
    to: &mut [T],
    (to_shape, to_origin): (&[u64], &[u64]),
    extent: &[u64],
) -> Result<()> {
    let outside = || Error::corrupt("a block does not lie within its array");
    let Some((&row, outer)) = extent.split_last() else {
        if let (Some(x), Some(y)) = (from.first(), to.first_mut()) {
            *y = *x;
        }
        return Ok(());
    };
    let rows: u64 = outer.iter().product();
    let start = |shape: &[u64], origin: &[u64], index: &[u64]| {
        let position = origin.iter().zip(index.iter().chain(std::iter::once(&0))).map(|(o, i)| o + i);
        shape.iter().zip(position).fold(0, |flat, (extent, position)| flat * extent + position) as usize
    };
    let mut index = vec![0; outer.len()];
    for _ in 0..rows {
        let (a, b) = (start(from_shape, from_origin, &index), start(to_shape, to_origin, &index));
        let source = from.get(a..a + row as usize).ok_or_else(outside)?;
        to.get_mut(b..b + row as usize).ok_or_else(outside)?.copy_from_slice(source);
        for (i, extent) in index.iter_mut().zip(outer).rev() {
            *i += 1;
            if *i < *extent {
                break;
            }
            *i = 0;
        }
    }
    Ok(())
}

/// [`copy_box`] for values of one type.
pub(crate) fn copy_values(
    from: &Values,
    from_box: (&[u64], &[u64]),
    to: &mut Values,
    to_box: (&[u64], &[u64]),
    extent: &[u64],
) -> Result<()> {
    macro_rules! arms {
        ($($variant:ident),*) => {
            match (from, to) {
                $((Values::$variant(a), Values::$variant(b)) => copy_box(a, from_box, b, to_box, extent),)*
                (a, b) => Err(Error::corrupt(format!("{} values where {} belong", a.dtype(), b.dtype()))),
            }
        };
    }
    arms!(Bool, Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64, Float32, Float64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_cut_out_and_put_back() {
        let from: Vec<u32> = (0..12).collect();
        let mut to = vec![0; 4];
        copy_box(&from, (&[3, 4], &[1, 2]), &mut to, (&[2, 2], &[0, 0]), &[2, 2]).unwrap();
        assert_eq!(to, [6, 7, 10, 11]);
        let mut back = vec![99; 12];
        copy_box(&to, (&[2, 2], &[0, 0]), &mut back, (&[3, 4], &[1, 2]), &[2, 2]).unwrap();
        assert_eq!(back, [99, 99, 99, 99, 99, 99, 6, 7, 99, 99, 10, 11]);
        assert!(copy_box(&from, (&[3, 4], &[2, 2]), &mut to, (&[2, 2], &[0, 0]), &[2, 2]).is_err());
    }

    #[test]
    fn every_nan_becomes_the_same() {
        let mut values = Values::Float64(vec![f64::from_bits(0xfff8_0000_0000_0001), 1.0, f64::NAN]);
        make_nan_canonical(&mut values);
        let nan = 0x7ff8_0000_0000_0000u64.to_le_bytes();
        assert_eq!(values.to_le_bytes(), [nan, 1.0f64.to_le_bytes(), nan].concat());
        assert!(is_fill(&[nan, nan].concat(), &nan));
        assert!(!is_fill(&values.to_le_bytes(), &nan));
    }

    #[test]
    fn bools_are_zero_or_one() {
        assert_eq!(from_le_bytes(DType::Bool, &[0, 1]).unwrap(), Values::Bool(vec![false, true]));
        assert!(from_le_bytes(DType::Bool, &[2]).is_err());
        assert!(from_le_bytes(DType::Int16, &[2]).is_err());
    }
}
