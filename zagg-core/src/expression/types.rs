//! The types of results: what every operation makes of the types of its operands, and what a whole tree can give.

use super::ast::{BinaryOp, Map, Map2, Node, Op, Reduction, UnaryOp};
use super::lexer::Fault;
use super::literal::Literal;
use super::promote::{self, Operand, common};
use crate::column::DType;

/// How an operation is reckoned on operands of certain types.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Resolved {
    /// The operation, after what another one does better: conditions are added by `|` and multiplied by `&`.
    pub(super) op: Op,
    /// The type that operands are brought to; `None` for integers that are compared by their values, whatever
    /// their types.
    pub(super) work: Option<DType>,
    /// The type of the result.
    pub(super) result: DType,
}

/// How an operation other than a literal or a column is reckoned.
///
/// Fails when it cannot take operands of these types.
pub(super) fn resolve(op: Op, operands: &[Operand]) -> Result<Resolved, String> {
    let own = operands.first().map_or(DType::Float64, |operand| operand.dtype());
    let both = || match operands {
        [.., a, b] => common(*a, *b),
        _ => Ok(own),
    };
    let plain = |dtype| Ok(Resolved { op, work: Some(dtype), result: dtype });
    match op {
        // A literal or a column has its type from elsewhere.
        Op::Literal(_) | Op::Column(_) => plain(own),
        Op::Unary(UnaryOp::Negate) if own == DType::Bool => {
            Err("a condition has no sign; negate it with ~".to_string())
        }
        Op::Unary(UnaryOp::Invert) if own.is_float() => {
            Err(format!("~ needs a condition or integers, not {own}"))
        }
        Op::Unary(_) => plain(own),
        Op::Binary(BinaryOp::Compare(_)) => {
            let whole = operands.iter().all(|operand| !operand.dtype().is_float());
            let ordered_as_kept = |dtype: &DType| dtype.is_float() != whole && *dtype != DType::UInt64;
            let work = both().ok().filter(ordered_as_kept);
            Ok(Resolved { op, work, result: DType::Bool })
        }
        Op::Binary(BinaryOp::And | BinaryOp::Or) => match both()? {
            float if float.is_float() => Err(format!(
                "& and | need conditions or integers, not {float}; put comparisons in parentheses"
            )),
            dtype => plain(dtype),
        },
        Op::Binary(BinaryOp::Divide) => match both()? {
            DType::Float32 => plain(DType::Float32),
            _ => plain(DType::Float64),
        },
        Op::Binary(arithmetic) => match (both()?, arithmetic) {
            (DType::Bool, BinaryOp::Subtract) => {
                Err("conditions have no difference; compare them with !=".to_string())
            }
            (DType::Bool, BinaryOp::Add) => resolve(Op::Binary(BinaryOp::Or), operands),
            (DType::Bool, BinaryOp::Multiply) => resolve(Op::Binary(BinaryOp::And), operands),
            (DType::Bool, _) => plain(DType::Int8),
            (dtype, _) => plain(dtype),
        },
        Op::Map(Map::IsFinite | Map::IsInf | Map::IsNan) => {
            let work = if own == DType::Float32 { own } else { DType::Float64 };
            Ok(Resolved { op, work: Some(work), result: DType::Bool })
        }
        Op::Map(Map::Square) if own == DType::Bool => plain(DType::Int8),
        Op::Map(Map::Abs | Map::Floor | Map::Ceil | Map::Trunc | Map::Sign | Map::Square) => plain(own),
        Op::Map(_) => plain(promote::float(own)),
        Op::Map2(extreme @ (Map2::Minimum | Map2::Maximum)) => match (both()?, extreme) {
            (DType::Bool, Map2::Minimum) => resolve(Op::Binary(BinaryOp::And), operands),
            (DType::Bool, _) => resolve(Op::Binary(BinaryOp::Or), operands),
            (dtype, _) => plain(dtype),
        },
        Op::Map2(_) => plain(promote::float(both()?)),
        Op::Where => plain(both()?),
        Op::Round(decimals) if decimals < 0 && !own.is_float() => {
            Err(format!("values of type {own} are rounded to no power of ten; use float64(...)"))
        }
        Op::Round(_) => plain(own),
        Op::Cast(dtype) => match operands {
            [Operand::Weak(Literal::Int(x))] if dtype != DType::Bool && !promote::fits(*x, dtype) => {
                Err(format!("the number {x} does not fit the type {dtype}"))
            }
            _ => plain(dtype),
        },
        Op::Reduce(Reduction::Range) if own == DType::Bool => {
            Err("conditions have no range; use any(...) or all(...)".to_string())
        }
        Op::Reduce(reduction) => Ok(Resolved { op, work: Some(own), result: reduced(reduction, own) }),
    }
}

/// The type of a reduction over values of that type.
fn reduced(reduction: Reduction, dtype: DType) -> DType {
    match reduction {
        Reduction::Len => DType::Int64,
        Reduction::Sum(_) => match dtype {
            DType::Float32 | DType::Float64 => DType::Float64,
            DType::UInt8 | DType::UInt16 | DType::UInt32 | DType::UInt64 => DType::UInt64,
            _ => DType::Int64,
        },
        Reduction::Min(_) | Reduction::Max(_) | Reduction::Range => dtype,
        Reduction::Mean(_) | Reduction::Quantile { .. } | Reduction::Variance { .. } | Reduction::Average => {
            DType::Float64
        }
        Reduction::Any | Reduction::All => DType::Bool,
    }
}

/// A set of types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Types(u16);

impl Types {
    const NONE: Self = Self(0);

    /// The type that is known, or all there are.
    pub(super) fn of(known: Option<DType>) -> Self {
        let any = Self(DType::ALL.iter().fold(0, |all, dtype| all | Self::bit(*dtype)));
        known.map_or(any, |dtype| Self(Self::bit(dtype)))
    }

    fn bit(dtype: DType) -> u16 {
        DType::ALL.iter().position(|known| *known == dtype).map_or(0, |at| 1 << at)
    }

    pub(super) fn contains(self, dtype: DType) -> bool {
        self.0 & Self::bit(dtype) != 0
    }

    fn iter(self) -> impl Iterator<Item = DType> {
        DType::ALL.into_iter().filter(move |dtype| self.contains(*dtype))
    }

    /// The type, when there is only one.
    pub(super) fn single(self) -> Option<DType> {
        let mut all = self.iter();
        all.next().filter(|_| all.next().is_none())
    }
}

/// The types that a node can give when its columns have one of the given types each.
///
/// Fails where an operation can take none of the types that it may meet.
pub(super) fn possible(node: &Node, columns: &[Types]) -> Result<Types, Fault> {
    match node.op {
        Op::Literal(literal) => return Ok(Types::of(Some(Operand::Weak(literal).dtype()))),
        Op::Column(index) => return Ok(columns.get(index).copied().unwrap_or(Types::of(None))),
        _ => {}
    }
    let mut choices: Vec<Vec<Operand>> = Vec::with_capacity(node.children.len());
    for child in &node.children {
        let types = possible(child, columns)?;
        choices.push(match child.literal() {
            Some(literal) => vec![Operand::Weak(literal)],
            None => types.iter().map(Operand::Strong).collect(),
        });
    }
    let mut results = Types::NONE;
    let mut refusal = None;
    let mut operands = Vec::with_capacity(choices.len());
    // Every combination, as a number whose digits are the choices.
    for combination in 0..choices.iter().map(Vec::len).product() {
        let mut rest: usize = combination;
        operands.clear();
        for choice in &choices {
            operands.push(choice[rest % choice.len()]);
            rest /= choice.len();
        }
        match resolve(node.op, &operands) {
            Ok(resolved) => results.0 |= Types::bit(resolved.result),
            Err(message) => refusal = refusal.or(Some(message)),
        }
    }
    match refusal {
        Some(message) if results == Types::NONE => Err(Fault::new(node.at, message)),
        _ => Ok(results),
    }
}
