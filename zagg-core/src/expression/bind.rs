//! From the tree to what is evaluated: types are fixed, conversions stand where they are needed, and what has one value
//! per group is reckoned apart from what has one per row.

use super::ast::{BinaryOp, Comparison, Level, Node, Op, Reduction};
use super::block::range;
use super::lexer::Fault;
use super::literal::Literal;
use super::promote::Operand;
use super::types::{Resolved, resolve};
use crate::column::DType;

/// What a bound node does with its children.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Step {
    Constant(Constant),
    /// The column of that number.
    Column(usize),
    /// The value per group of that number.
    Slot(usize),
    /// The child's values in another type.
    Convert,
    /// Integers of two types compared by their values; whether the first and the second are uint64.
    Exact(Comparison, bool, bool),
    /// An operation on children of one type.
    Reckon(Op),
}

/// A constant of the class in which its type is reckoned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Constant {
    Integer(i64),
    Single(f32),
    Double(f64),
}

impl Constant {
    fn of(literal: Literal, dtype: DType) -> Self {
        match (dtype, literal.integer()) {
            (DType::Float32, Some(x)) => Self::Single(x as f32),
            (DType::Float32, None) => Self::Single(literal.to_f64() as f32),
            (DType::Float64, _) => Self::Double(literal.to_f64()),
            (DType::Bool, _) => Self::Integer(i64::from(literal.to_f64() != 0.0)),
            // A uint64 is kept by its bits.
            (_, Some(x)) => Self::Integer(x as i64),
            (DType::UInt64, None) => Self::Integer(literal.to_f64() as u64 as i64),
            (_, None) => {
                let (low, high) = range(dtype);
                Self::Integer((literal.to_f64() as i64).clamp(low, high))
            }
        }
    }
}

/// A node whose type is known.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    pub(super) step: Step,
    pub(super) dtype: DType,
    pub(super) children: Vec<Bound>,
    /// Where it stands in the text.
    pub(super) at: usize,
}

/// Something that is reckoned once per group.
#[derive(Debug, Clone)]
pub(super) enum Slot {
    /// A reduction of rows.
    Reduced { reduction: Reduction, operands: Vec<Bound>, at: usize },
    /// An expression over slots before this one, whose values meet rows.
    Finished(Bound),
}

/// A tree ready for evaluation.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// What is reckoned once per group, in this order.
    pub(super) slots: Vec<Slot>,
    pub(super) root: Bound,
}

/// Where the types of leaves come from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Leaves<'a> {
    /// Types of the columns by number.
    Columns(&'a [DType]),
    /// Types of the reductions, in the order in which they stand: their operands are not needed.
    Reductions(&'a [DType]),
}

/// Binds a tree whose root has one value for each of `level`.
pub(super) fn bind(root: &Node, level: Level, leaves: Leaves<'_>) -> Result<Plan, Fault> {
    let mut binder = Binder { leaves, slots: Vec::new() };
    let bound = match root.literal() {
        Some(literal) => constant(literal, Operand::Weak(literal).dtype(), root.at),
        None => binder.bind(root, level)?,
    };
    Ok(Plan { slots: binder.slots, root: bound })
}

struct Binder<'a> {
    leaves: Leaves<'a>,
    slots: Vec<Slot>,
}

fn constant(literal: Literal, dtype: DType, at: usize) -> Bound {
    Bound { step: Step::Constant(Constant::of(literal, dtype)), dtype, children: Vec::new(), at }
}

impl Binder<'_> {
    /// Binds a node that is no literal, among values of `level`.
    fn bind(&mut self, node: &Node, level: Level) -> Result<Bound, Fault> {
        let leaf = |step, dtype| Bound { step, dtype, children: Vec::new(), at: node.at };
        match node.op {
            Op::Column(index) => {
                let dtype = match self.leaves {
                    Leaves::Columns(types) => types.get(index).copied(),
                    Leaves::Reductions(_) => None,
                };
                let dtype = dtype.ok_or_else(|| Fault::new(node.at, "there is no such column"))?;
                return Ok(leaf(Step::Column(index), dtype));
            }
            Op::Reduce(reduction) => {
                let dtype = self.reduction(node, reduction)?;
                return Ok(leaf(Step::Slot(self.slots.len() - 1), dtype));
            }
            _ if level == Level::Row && node.level == Level::Group => {
                let bound = self.bind(node, Level::Group)?;
                let dtype = bound.dtype;
                self.slots.push(Slot::Finished(bound));
                return Ok(leaf(Step::Slot(self.slots.len() - 1), dtype));
            }
            _ => {}
        }
        let bound = self.children(node, level)?;
        let operands: Vec<Operand> = bound
            .iter()
            .zip(&node.children)
            .map(|(bound, child)| match child.literal() {
                Some(literal) => Operand::Weak(literal),
                None => Operand::Strong(bound.dtype),
            })
            .collect();
        let Resolved { op, work, result } =
            resolve(node.op, &operands).map_err(|message| Fault::new(node.at, message))?;
        let children: Vec<Bound> = bound
            .into_iter()
            .zip(&node.children)
            .enumerate()
            .map(|(at, (bound, child))| {
                let condition = op == Op::Where && at == 0;
                match if condition { Some(DType::Bool) } else { work } {
                    Some(dtype) => converted(bound, child, dtype),
                    None => bound,
                }
            })
            .collect();
        let step = match (op, work, children.as_slice()) {
            (Op::Cast(_), _, [_]) => return children.into_iter().next().ok_or_else(|| missing(node)),
            (Op::Binary(BinaryOp::Compare(comparison)), None, [a, b]) => {
                Step::Exact(comparison, a.dtype == DType::UInt64, b.dtype == DType::UInt64)
            }
            _ => Step::Reckon(op),
        };
        Ok(Bound { step, dtype: result, children, at: node.at })
    }

    /// The children; a literal has the type that it has alone.
    fn children(&mut self, node: &Node, level: Level) -> Result<Vec<Bound>, Fault> {
        node.children
            .iter()
            .map(|child| match child.literal() {
                Some(literal) => Ok(constant(literal, Operand::Weak(literal).dtype(), child.at)),
                None => self.bind(child, level),
            })
            .collect()
    }

    /// Makes a slot for a reduction and gives its type.
    fn reduction(&mut self, node: &Node, reduction: Reduction) -> Result<DType, Fault> {
        let (operands, dtype) = match self.leaves {
            Leaves::Columns(_) => {
                let operands = self.children(node, Level::Row)?;
                let types: Vec<Operand> = operands.iter().map(|x| Operand::Strong(x.dtype)).collect();
                let resolved = resolve(node.op, &types).map_err(|message| Fault::new(node.at, message))?;
                (operands, resolved.result)
            }
            Leaves::Reductions(types) => {
                (Vec::new(), types.get(self.slots.len()).copied().ok_or_else(|| missing(node))?)
            }
        };
        self.slots.push(Slot::Reduced { reduction, operands, at: node.at });
        Ok(dtype)
    }
}

fn missing(node: &Node) -> Fault {
    Fault::new(node.at, "an operand is missing")
}

fn converted(bound: Bound, node: &Node, dtype: DType) -> Bound {
    match node.literal() {
        Some(literal) => constant(literal, dtype, bound.at),
        None if bound.dtype == dtype => bound,
        None => Bound { step: Step::Convert, dtype, at: bound.at, children: vec![bound] },
    }
}
