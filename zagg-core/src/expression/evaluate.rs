//! Walks the tree: element-wise parts over whole columns, reductions over all groups at once, the rest over one value
//! per group.

use std::borrow::Cow;

use super::ast::{Kind, Level, Node, Reduction};
use super::elementwise;
use super::operand::{Operand, Shape};
use crate::column::{DType, Values};
use crate::error::{Error, Result};
use crate::reduce::{self, Nan};

/// What an expression is evaluated over.
pub(super) struct Environment<'e, 'a> {
    pub(super) shape: Shape<'e>,
    /// Names of the columns that [`Kind::Column`] counts.
    pub(super) names: &'e [String],
    pub(super) column: &'e dyn Fn(&str) -> Option<&'a Values>,
}

impl<'a> Environment<'_, 'a> {
    /// The node's values, one for each of `level`, which is not below the node's own.
    pub(super) fn values(&self, node: &Node, level: Level) -> Result<Cow<'a, Values>> {
        Ok(match self.evaluate(node)? {
            Operand::Values(own, values) if own == level => values,
            other => {
                let dtype = other.dtype();
                macro_rules! arms {
                    ($($variant:ident: $t:ty),*) => {
                        match dtype {
                            $(DType::$variant => Values::$variant(other.all::<$t>(level, &self.shape).into_owned()),)*
                        }
                    };
                }
                Cow::Owned(arms!(
                    Bool: bool, Int8: i8, Int16: i16, Int32: i32, Int64: i64, UInt8: u8, UInt16: u16, UInt32: u32,
                    UInt64: u64, Float32: f32, Float64: f64
                ))
            }
        })
    }

    fn evaluate(&self, node: &Node) -> Result<Operand<'a>> {
        let shape = &self.shape;
        match &node.kind {
            Kind::Literal(literal) => return Ok(Operand::Literal(*literal)),
            Kind::Column(index) => return self.column(*index),
            Kind::Reduce(reduction, x) => {
                return Ok(Operand::Values(Level::Group, Cow::Owned(self.reduce(reduction, x)?)));
            }
            Kind::Unary(op, x) => elementwise::unary(*op, self.evaluate(x)?, shape),
            Kind::Binary(op, pair) => {
                elementwise::binary(*op, self.evaluate(&pair[0])?, self.evaluate(&pair[1])?, shape)
            }
            Kind::Map(map, x) => elementwise::map(*map, self.evaluate(x)?, shape),
            Kind::Map2(map, pair) => {
                elementwise::map2(*map, self.evaluate(&pair[0])?, self.evaluate(&pair[1])?, shape)
            }
            Kind::Where(three) => {
                let [condition, a, b] = three.as_ref();
                elementwise::choose(self.evaluate(condition)?, self.evaluate(a)?, self.evaluate(b)?, shape)
            }
            Kind::Round(x, decimals) => elementwise::round(self.evaluate(x)?, *decimals, shape),
            Kind::Cast(dtype, x) => elementwise::convert(*dtype, self.evaluate(x)?, shape),
        }
        .map_err(Error::input)
    }

    fn column(&self, index: usize) -> Result<Operand<'a>> {
        let name = self.names.get(index).map_or("", String::as_str);
        let values = (self.column)(name)
            .ok_or_else(|| Error::input(format!("there is no column {name:?} to evaluate over")))?;
        if values.len() != self.shape.rows {
            return Err(Error::plugin(format!(
                "the column {name} has {} values for {} rows",
                values.len(),
                self.shape.rows
            )));
        }
        Ok(Operand::Values(Level::Row, Cow::Borrowed(values)))
    }

    fn reduce(&self, reduction: &Reduction, x: &Node) -> Result<Values> {
        let offsets = self.shape.offsets;
        if let Reduction::Len = reduction {
            return reduce::counts(offsets).map(Values::Int64);
        }
        let x = self.values(x, Level::Row)?;
        let x = x.as_ref();
        Ok(match reduction {
            Reduction::Len => Values::empty(DType::Int64),
            Reduction::Sum(nan) => reduce::sum(x, offsets, *nan)?,
            Reduction::Min(nan) => reduce::min(x, offsets, *nan)?,
            Reduction::Max(nan) => reduce::max(x, offsets, *nan)?,
            Reduction::Mean(nan) => Values::Float64(reduce::mean(x, offsets, *nan)?),
            Reduction::Quantile { q, nan } => Values::Float64(reduce::quantiles(x, offsets, &[*q], *nan)?),
            Reduction::Variance { ddof, nan, root } => {
                let mut variance = reduce::variance(x, offsets, *ddof, *nan)?;
                if *root {
                    variance.iter_mut().for_each(|x| *x = x.sqrt());
                }
                Values::Float64(variance)
            }
            Reduction::Average(weights) => {
                let weights = self.values(weights, Level::Row)?;
                Values::Float64(reduce::average(x, &weights, offsets)?)
            }
            Reduction::Range => reduce::range(x, offsets)?,
            Reduction::Any => reduce::max(&truth(x), offsets, Nan::Propagate)?,
            Reduction::All => reduce::min(&truth(x), offsets, Nan::Propagate)?,
        })
    }
}

/// Whether the values are true: a number is unless it is zero.
fn truth(x: &Values) -> Cow<'_, Values> {
    reduce::cast(Cow::Borrowed(x), DType::Bool)
}
