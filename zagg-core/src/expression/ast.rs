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
    Log,
    Log2,
    Log10,
    Exp,
    Sin,
    Cos,
    Tan,
    Radians,
    Degrees,
    Abs,
    Floor,
    Ceil,
    Sign,
    IsFinite,
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
#[derive(Debug, Clone)]
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
    /// The average with these weights.
    Average(Box<Node>),
    Range,
    Any,
    All,
}

/// What a node does.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Literal(Literal),
    /// The column of that number in [`super::Expression::columns`].
    Column(usize),
    Unary(UnaryOp, Box<Node>),
    Binary(BinaryOp, Box<[Node; 2]>),
    Map(Map, Box<Node>),
    Map2(Map2, Box<[Node; 2]>),
    /// Condition, value where it holds, value elsewhere.
    Where(Box<[Node; 3]>),
    /// Rounded half to even at this decimal place.
    Round(Box<Node>, i32),
    Cast(DType, Box<Node>),
    Reduce(Reduction, Box<Node>),
}

impl Kind {
    fn children(&self) -> Vec<&Node> {
        match self {
            Self::Literal(_) | Self::Column(_) => Vec::new(),
            Self::Unary(_, x) | Self::Map(_, x) | Self::Round(x, _) | Self::Cast(_, x) => vec![x],
            Self::Reduce(Reduction::Average(weights), x) => vec![x, weights],
            Self::Reduce(_, x) => vec![x],
            Self::Binary(_, pair) | Self::Map2(_, pair) => pair.iter().collect(),
            Self::Where(three) => three.iter().collect(),
        }
    }
}

/// A node of the tree.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// What it does.
    pub(super) kind: Kind,
    /// How many values it gives.
    pub(super) level: Level,
    /// Nodes on the longest way down, with this one.
    pub(super) depth: usize,
}

impl Node {
    /// A node around its children, whose level and depth follow from theirs.
    pub(super) fn new(kind: Kind) -> Self {
        let children = kind.children();
        let level = match kind {
            Kind::Column(_) => Level::Row,
            Kind::Reduce(..) => Level::Group,
            _ => children.iter().map(|c| c.level).max().unwrap_or(Level::One),
        };
        let depth = 1 + children.iter().map(|c| c.depth).max().unwrap_or(0);
        Self { kind, level, depth }
    }

    /// Whether a reduction stands anywhere in it.
    pub(super) fn has_reduction(&self) -> bool {
        matches!(self.kind, Kind::Reduce(..)) || self.kind.children().into_iter().any(Self::has_reduction)
    }

    /// The literal, if it is one.
    pub(super) fn literal(&self) -> Option<Literal> {
        match self.kind {
            Kind::Literal(literal) => Some(literal),
            _ => None,
        }
    }
}
