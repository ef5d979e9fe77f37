//! The state of one reduction: made, merged, and turned into values.

use crate::column::{DType, Values};
use crate::error::{Error, Result};
use crate::expression::ast::Reduction;
use crate::expression::block::integers;
use crate::expression::evaluate::{Operands, truth};
use crate::expression::promote::{Operand, common};
use crate::reduce::{self, Moments, Nan};

/// The lower part of an integer has so many bits.
const LOW_BITS: u32 = 48;
/// Both parts of an integer are below this, where every integer is a float.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Numbers of a reduction's state.
pub(super) fn numbers(reduction: Reduction) -> usize {
    match reduction {
        Reduction::Len | Reduction::Any | Reduction::All => 1,
        Reduction::Mean(_) | Reduction::Average => 2,
        Reduction::Sum(_) | Reduction::Min(_) | Reduction::Max(_) | Reduction::Variance { .. } => 3,
        Reduction::Range => 5,
        // It has none: its value over two sets does not follow from its values over each.
        Reduction::Quantile { .. } => 0,
    }
}

/// A value of any type.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Value {
    Integer(i128),
    Float(f64),
}

impl Value {
    fn write(self) -> Result<[f64; 2]> {
        match self {
            Self::Float(x) => Ok([x, 0.0]),
            Self::Integer(x) => {
                let high = (x >> LOW_BITS) as f64;
                let low = (x & ((1 << LOW_BITS) - 1)) as f64;
                if high.abs() < EXACT {
                    Ok([high, low])
                } else {
                    Err(Error::unsupported("a sum of integers exceeds 100 bits"))
                }
            }
        }
    }

    fn read(dtype: DType, [high, low]: [f64; 2]) -> Result<Self> {
        if dtype.is_float() {
            return Ok(Self::Float(high));
        }
        let whole = |x: f64| x.fract() == 0.0 && x.abs() < EXACT;
        if whole(high) && whole(low) {
            Ok(Self::Integer(((high as i128) << LOW_BITS) + low as i128))
        } else {
            Err(Error::corrupt("a state of integers holds something else"))
        }
    }

    fn to_f64(self) -> f64 {
        match self {
            Self::Integer(x) => x as f64,
            Self::Float(x) => x,
        }
    }
}

fn code(dtype: DType) -> f64 {
    DType::ALL.iter().position(|known| *known == dtype).unwrap_or_default() as f64
}

fn dtype(code: f64) -> Result<DType> {
    // A float that is no place becomes the nearest one, which the comparison then shows.
    DType::ALL
        .get(code as usize)
        .copied()
        .filter(|_| code.fract() == 0.0 && code >= 0.0)
        .ok_or_else(|| Error::corrupt("a state names a type that does not exist"))
}

/// Every value, in a form that keeps 64-bit integers exact.
fn values_of(values: &Values) -> Vec<Value> {
    match values {
        Values::Float32(_) | Values::Float64(_) => values.to_f64().into_iter().map(Value::Float).collect(),
        Values::UInt64(v) => v.iter().map(|&x| Value::Integer(x.into())).collect(),
        other => integers(other, 0..other.len()).iter().map(|&x| Value::Integer(x.into())).collect(),
    }
}

/// The numbers of the states of all groups, one state after the other.
pub(super) fn partial(reduction: Reduction, operands: &Operands<'_>) -> Result<Vec<f64>> {
    let offsets: &[u32] = &operands.offsets;
    let x = operands.first()?;
    let pairs = |pairs: Vec<(f64, f64)>| pairs.into_iter().flat_map(|(a, b)| [a, b]).collect();
    Ok(match reduction {
        Reduction::Len => counts(offsets)?,
        Reduction::Sum(nan) => typed(sums(x, offsets, nan)?)?,
        Reduction::Min(nan) => extremes(&reduce::min(x, offsets, nan)?)?,
        Reduction::Max(nan) => extremes(&reduce::max(x, offsets, nan)?)?,
        Reduction::Range => {
            let greatest = reduce::max(x, offsets, Nan::Propagate)?;
            let least = reduce::min(x, offsets, Nan::Propagate)?;
            let mut out = Vec::new();
            for (greatest, least) in values_of(&greatest).into_iter().zip(values_of(&least)) {
                out.push(code(x.dtype()));
                out.extend(greatest.write()?);
                out.extend(least.write()?);
            }
            out
        }
        Reduction::Mean(nan) => {
            let sums = reduce::sum_f64(x, offsets, nan)?;
            let counts = match nan {
                Nan::Propagate => counts(offsets)?,
                Nan::Skip => reduce::non_nan_counts(x, offsets)?.into_iter().map(|n| n as f64).collect(),
            };
            pairs(sums.into_iter().zip(counts).collect())
        }
        Reduction::Variance { nan, .. } => reduce::moments(x, offsets, nan)?
            .into_iter()
            .flat_map(|moments| [moments.count, moments.mean, moments.squares])
            .collect(),
        Reduction::Average => pairs(reduce::sum_products(x, operands.weights()?, offsets)?),
        Reduction::Any => reduce::max(&truth(x), offsets, Nan::Propagate)?.to_f64(),
        Reduction::All => reduce::min(&truth(x), offsets, Nan::Propagate)?.to_f64(),
        Reduction::Quantile { .. } => return Err(does_not_merge()),
    })
}

fn does_not_merge() -> Error {
    Error::plugin("a quantile has no state that merges")
}

fn counts(offsets: &[u32]) -> Result<Vec<f64>> {
    Ok(reduce::counts(offsets)?.into_iter().map(|n| n as f64).collect())
}

fn extremes(values: &Values) -> Result<Vec<f64>> {
    typed(values_of(values).into_iter().map(|value| (values.dtype(), value)).collect())
}

fn typed(values: Vec<(DType, Value)>) -> Result<Vec<f64>> {
    let mut out = Vec::with_capacity(3 * values.len());
    for (dtype, value) in values {
        out.push(code(dtype));
        out.extend(value.write()?);
    }
    Ok(out)
}

/// The sum of every group; that of integers may exceed 64 bits here and come back with other groups.
fn sums(x: &Values, offsets: &[u32], nan: Nan) -> Result<Vec<(DType, Value)>> {
    let dtype = match x.dtype() {
        DType::Float32 | DType::Float64 => {
            let sums = reduce::sum_f64(x, offsets, nan)?;
            return Ok(sums.into_iter().map(|sum| (DType::Float64, Value::Float(sum))).collect());
        }
        DType::UInt8 | DType::UInt16 | DType::UInt32 | DType::UInt64 => DType::UInt64,
        _ => DType::Int64,
    };
    let sums = reduce::integer_sums(x, offsets)?.unwrap_or_default();
    Ok(sums.into_iter().map(|sum| (dtype, Value::Integer(sum))).collect())
}

/// Folds a state into another one.
pub(super) fn merge(reduction: Reduction, into: &mut [f64], from: &[f64]) -> Result<()> {
    let greater = |a: f64, b: f64| b > a;
    let less = |a: f64, b: f64| b < a;
    match (reduction, into, from) {
        (Reduction::Len, [n], [more]) => *n += more,
        (Reduction::Any, [x], [y]) => *x = x.max(*y),
        (Reduction::All, [x], [y]) => *x = x.min(*y),
        (Reduction::Mean(_) | Reduction::Average, [a, b], [c, d]) => {
            *a += c;
            *b += d;
        }
        (Reduction::Variance { .. }, [count, mean, squares], [n, m, s]) => {
            let merged = Moments { count: *count, mean: *mean, squares: *squares }.merge(&Moments {
                count: *n,
                mean: *m,
                squares: *s,
            });
            (*count, *mean, *squares) = (merged.count, merged.mean, merged.squares);
        }
        (Reduction::Sum(_), [kind, a, b], [other, c, d]) => {
            let dtype = promoted(*kind, *other)?;
            let sum = match (
                Value::read(self::dtype(*kind)?, [*a, *b])?,
                Value::read(self::dtype(*other)?, [*c, *d])?,
            ) {
                // Both are below 2^102.
                (Value::Integer(x), Value::Integer(y)) if !dtype.is_float() => Value::Integer(x + y),
                (x, y) => Value::Float(x.to_f64() + y.to_f64()),
            };
            *kind = code(dtype);
            [*a, *b] = sum.write()?;
        }
        (Reduction::Min(nan), [kind, a, b], [other, c, d]) => {
            extreme(nan, less, (kind, a, b), (*other, *c, *d))?;
        }
        (Reduction::Max(nan), [kind, a, b], [other, c, d]) => {
            extreme(nan, greater, (kind, a, b), (*other, *c, *d))?;
        }
        (Reduction::Range, [kind, a, b, c, d], [other, e, f, g, h]) => {
            let mut second = *kind;
            extreme(Nan::Propagate, greater, (kind, a, b), (*other, *e, *f))?;
            extreme(Nan::Propagate, less, (&mut second, c, d), (*other, *g, *h))?;
        }
        _ => return Err(does_not_merge()),
    }
    Ok(())
}

fn promoted(a: f64, b: f64) -> Result<DType> {
    common(Operand::Strong(dtype(a)?), Operand::Strong(dtype(b)?)).map_err(Error::corrupt)
}

/// Keeps the value that is further out, in the type that holds both.
fn extreme(
    nan: Nan,
    better: impl Fn(f64, f64) -> bool,
    (kind, a, b): (&mut f64, &mut f64, &mut f64),
    (other, c, d): (f64, f64, f64),
) -> Result<()> {
    let together = promoted(*kind, other)?;
    let (mine, theirs) = (Value::read(dtype(*kind)?, [*a, *b])?, Value::read(dtype(other)?, [c, d])?);
    let kept = match (mine, theirs) {
        (Value::Integer(x), Value::Integer(y)) => {
            // Their order is that of the floats or, between neighbours that round to one, of the difference.
            let difference = (y - x) as f64;
            Value::Integer(if better(0.0, difference) { y } else { x })
        }
        (mine, theirs) => {
            let (x, y) = (mine.to_f64(), theirs.to_f64());
            let replaced = match nan {
                Nan::Propagate => !x.is_nan() && (y.is_nan() || better(x, y)),
                Nan::Skip => !y.is_nan() && (x.is_nan() || better(x, y)),
            };
            Value::Float(if replaced { y } else { x })
        }
    };
    let kept = if together.is_float() { Value::Float(kept.to_f64()) } else { kept };
    *kind = code(together);
    [*a, *b] = kept.write()?;
    Ok(())
}

/// The values that states stand for.
pub(super) fn finish(reduction: Reduction, states: &[f64]) -> Result<Values> {
    let each = states.chunks_exact(numbers(reduction).max(1));
    Ok(match reduction {
        Reduction::Len => Values::Int64(each.map(|state| whole(state[0])).collect::<Result<_>>()?),
        Reduction::Any | Reduction::All => Values::Bool(each.map(|state| state[0] != 0.0).collect()),
        Reduction::Mean(_) => Values::Float64(each.map(|state| state[0] / state[1]).collect()),
        Reduction::Average => Values::Float64(
            each.map(|state| if state[1] == 0.0 { f64::NAN } else { state[0] / state[1] }).collect(),
        ),
        Reduction::Variance { ddof, root, .. } => Values::Float64(
            each.map(|state| {
                let moments = Moments { count: state[0], mean: state[1], squares: state[2] };
                let variance = moments.variance(ddof);
                if root { variance.sqrt() } else { variance }
            })
            .collect(),
        ),
        Reduction::Sum(_) | Reduction::Min(_) | Reduction::Max(_) => {
            let (dtype, values) = read(each, 1)?;
            to_values(dtype, values).ok_or_else(|| match reduction {
                Reduction::Sum(_) => {
                    Error::input("a sum of integers exceeds 64 bits; sum float64(...) instead")
                }
                _ => Error::corrupt(format!("a state of {dtype} holds a value beyond that type")),
            })?
        }
        Reduction::Range => {
            let (dtype, greatest) = read(each.clone(), 1)?;
            let (_, least) = read(each, 3)?;
            let ranges = greatest.into_iter().zip(least).map(|(greatest, least)| match (greatest, least) {
                (Value::Integer(a), Value::Integer(b)) => Value::Integer(a - b),
                (a, b) if dtype == DType::Float32 => {
                    Value::Float(f64::from(a.to_f64() as f32 - b.to_f64() as f32))
                }
                (a, b) => Value::Float(a.to_f64() - b.to_f64()),
            });
            to_values(dtype, ranges.collect()).ok_or_else(|| {
                Error::input(format!("a range of {dtype} values does not fit {dtype}; convert them first"))
            })?
        }
        Reduction::Quantile { .. } => return Err(does_not_merge()),
    })
}

fn whole(x: f64) -> Result<i64> {
    let fits = x.fract() == 0.0 && x.abs() < EXACT;
    fits.then_some(x as i64).ok_or_else(|| Error::corrupt("a state counts no whole number of rows"))
}

/// The values that stand at a place of the states, and the type that holds them all.
fn read<'a>(states: impl Iterator<Item = &'a [f64]>, at: usize) -> Result<(DType, Vec<Value>)> {
    let mut together: Option<f64> = None;
    let mut values = Vec::new();
    for state in states {
        together = Some(match together {
            None => state[0],
            Some(before) => code(promoted(before, state[0])?),
        });
        values.push(Value::read(dtype(state[0])?, [state[at], state[at + 1]])?);
    }
    let together = together.map_or(Ok(DType::Float64), dtype)?;
    Ok((together, values))
}

/// The values in that type; `None` when it cannot hold one of them.
fn to_values(dtype: DType, values: Vec<Value>) -> Option<Values> {
    macro_rules! integers {
        ($($variant:ident: $t:ty),*) => {
            match dtype {
                $(DType::$variant => values
                    .into_iter()
                    .map(|value| match value {
                        Value::Integer(x) => <$t>::try_from(x).ok(),
                        Value::Float(_) => None,
                    })
                    .collect::<Option<Vec<$t>>>()
                    .map(Values::$variant),)*
                DType::Bool => values
                    .into_iter()
                    .map(|value| match value {
                        Value::Integer(x @ (0 | 1)) => Some(x == 1),
                        _ => None,
                    })
                    .collect::<Option<Vec<bool>>>()
                    .map(Values::Bool),
                DType::Float32 => Some(Values::Float32(values.into_iter().map(|x| x.to_f64() as f32).collect())),
                DType::Float64 => Some(Values::Float64(values.into_iter().map(Value::to_f64).collect())),
            }
        };
    }
    integers!(Int8: i8, Int16: i16, Int32: i32, Int64: i64, UInt8: u8, UInt16: u16, UInt32: u32, UInt64: u64)
}
