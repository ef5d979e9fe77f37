//! The compiled form: a tree whose nodes know how many values they give.

use super::literal::Literal;
use crate::column::DType;
use crate::reduce::Nan;

/// How many values a node gives. The order is that of broadcasting: the result of an operation has the highest level of
/// its operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// One value for everything.
    One,
    /// One per group.
    Group,
    /// One per row.
    Row,
}

/// An operator with one operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UnaryOp {
    Negate,
    Invert,
}

/// An operator with two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BinaryOp {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Modulo,
    Power,
    And,
    Or,
    Compare(Comparison),
}

/// An order between two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
}

/// A function applied to every value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Map {
    Sqrt,
    Cbrt,
    Log,
    Log2,
    Log10,
    Log1p,
    Exp,
    Expm1,
    Sin,
    Cos,
    Tan,
    Arcsin,
    Arccos,
    Arctan,
    Radians,
    Degrees,
    Abs,
    Floor,
    Ceil,
    Trunc,
    Sign,
    Square,
    IsFinite,
    IsInf,
    IsNan,
}

/// A function applied to two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Map2 {
    Minimum,
    Maximum,
    Arctan2,
    Hypot,
}

/// A function from the rows of a group to one value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Reduction {
    Len,
    Sum(Nan),
    Min(Nan),
    Max(Nan),
    Mean(Nan),
    Quantile {
        q: f64,
        nan: Nan,
    },
    /// The variance, or its square root.
    Variance {
        ddof: u32,
        nan: Nan,
        root: bool,
    },
    /// The average of the first operand with the second as weights.
    Average,
    Range,
    Any,
    All,
}

/// What a node does with its children.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Op {
    Literal(Literal),
    /// The column of that number in [`super::Expression::columns`].
    Column(usize),
    Unary(UnaryOp),
    Binary(BinaryOp),
    Map(Map),
    Map2(Map2),
    /// Condition, value where it holds, value elsewhere.
    Where,
    /// Rounded half to even at this decimal place.
    Round(i32),
    Cast(DType),
    Reduce(Reduction),
}

/// A node of the tree.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// What it does.
    pub(super) op: Op,
    /// What it does that with.
    pub(super) children: Vec<Node>,
    /// Where it stands in the text: the number of the character, counted from 1.
    pub(super) at: usize,
    /// How many values it gives.
    pub(super) level: Level,
    /// Nodes on the longest way down, with this one.
    pub(super) depth: usize,
}

impl Node {
    /// A node around its children, whose level and depth follow from theirs.
    pub(super) fn new(op: Op, children: Vec<Self>, at: usize) -> Self {
        let level = match op {
            Op::Column(_) => Level::Row,
            Op::Reduce(_) => Level::Group,
            _ => children.iter().map(|c| c.level).max().unwrap_or(Level::One),
        };
        let depth = 1 + children.iter().map(|c| c.depth).max().unwrap_or(0);
        Self { op, children, at, level, depth }
    }

    /// Whether a reduction stands anywhere in it.
    pub(super) fn has_reduction(&self) -> bool {
        matches!(self.op, Op::Reduce(_)) || self.children.iter().any(Self::has_reduction)
    }

    /// The literal, if it is one.
    pub(super) fn literal(&self) -> Option<Literal> {
        match self.op {
            Op::Literal(literal) => Some(literal),
            _ => None,
        }
    }
}
