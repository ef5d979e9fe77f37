//! Statistics: from the rows of every cell to one value per cell.
//!
//! A statistic sees all cells of a shard at once: columns sorted by cell, with the offsets of the groups. It never sees a
//! missing value or an empty group: rows with a missing input are left out before (unless it counts rows), and an empty
//! cell takes the array's fill value.

use std::fmt;

use serde_json::{Map, Value};

use crate::column::{DType, Values};
use crate::error::Result;

/// Shape of one cell's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputShape {
    /// One number.
    Scalar,
    /// An array of this shape.
    Fixed(Vec<u64>),
    /// Any number of items of this shape.
    Ragged(Vec<u64>),
}

/// What a statistic gives for one cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputSpec {
    /// Element type of the result, before the cast to the type the pipeline asks for.
    pub dtype: DType,
    /// Shape of one cell's value.
    pub shape: OutputShape,
}

/// Sorted groups of rows: what [`Statistic::reduce`] works on.
#[derive(Debug, Clone, Copy)]
pub struct Groups<'a> {
    /// `n + 1` ascending row numbers; group `i` is the rows `offsets[i]..offsets[i + 1]`, never empty.
    pub offsets: &'a [u32],
    /// The statistic's input columns in the order of [`Statistic::inputs`], one value per row. Rows of one group stand in
    /// arrival order: granule, part, row.
    pub columns: &'a [&'a Values],
}

impl Groups<'_> {
    /// Number of groups.
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows of every group, in order.
    pub fn ranges(&self) -> impl ExactSizeIterator<Item = std::ops::Range<usize>> + '_ {
        self.offsets.windows(2).map(|w| w[0] as usize..w[1] as usize)
    }
}

/// One value per group.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// The values of all groups, one after the other.
    pub values: Values,
    /// For [`OutputShape::Ragged`]: `n + 1` offsets, counted in items. `None` otherwise.
    pub offsets: Option<Vec<u64>>,
}

impl Output {
    /// Values of fixed shape.
    pub fn dense(values: Values) -> Self {
        Self { values, offsets: None }
    }
}

/// A column that a statistic reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Name of the column, or text of an expression over columns (`1.0 / s_li**2`).
    pub expression: String,
}

/// How a variable of the pipeline asks for a statistic.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StatisticRequest {
    /// Name of the variable, for messages.
    pub variable: String,
    /// Name of the statistic.
    pub function: String,
    /// Column it is applied to.
    pub source: Option<String>,
    /// Type of that column, where the source knows it before a granule is opened.
    pub source_dtype: Option<DType>,
    /// `params` as the pipeline has them.
    pub params: Map<String, Value>,
    /// `trailing_shape` or `inner_shape` of the variable, if given.
    pub shape: Option<Vec<u64>>,
}

/// A reduction over the rows of a cell.
pub trait Statistic: Send + Sync {
    /// What it gives for one cell, whatever the rows.
    fn output(&self) -> OutputSpec;

    /// The columns it reads, in the order [`Groups::columns`] will have.
    fn inputs(&self) -> &[Input];

    /// Whether rows with a missing input are left out before (they are, unless the statistic counts rows).
    fn skips_missing(&self) -> bool {
        true
    }

    /// Whether the result depends on the order of the rows within a cell beyond rounding.
    fn needs_arrival_order(&self) -> bool {
        false
    }

    /// The power of the source's units that the result has: 1 for a mean, 2 for a variance, 0 for a count; `None` when
    /// that says nothing about the units.
    fn unit_power(&self) -> Option<i32> {
        Some(1)
    }

    /// One value per group.
    ///
    /// # Errors
    /// When a column has a type that the statistic cannot take.
    fn reduce(&self, groups: &Groups<'_>) -> Result<Output>;

    /// The partial form, for statistics whose states merge exactly enough to serve coarser levels.
    fn mergeable(&self) -> Option<&dyn MergeableStatistic> {
        None
    }
}

impl fmt::Debug for dyn Statistic + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Statistic({:?})", self.output())
    }
}

/// A statistic with a partial state: `finish(merge(partial(a), partial(b)))` equals the statistic over `a` and `b`
/// within a documented bound.
pub trait MergeableStatistic: Send + Sync {
    /// Names of the state columns; each holds one f64 per group.
    fn state(&self) -> &[&'static str];

    /// The state of every group: one column per name of [`Self::state`].
    ///
    /// # Errors
    /// When a column has a type that the statistic cannot take.
    fn partial(&self, groups: &Groups<'_>) -> Result<Vec<Vec<f64>>>;

    /// Folds runs of states into one: group `i` of the result is the states `offsets[i]..offsets[i + 1]`, in order.
    ///
    /// # Errors
    /// When the states are not of the form that [`Self::partial`] gives.
    fn merge(&self, states: &[Vec<f64>], offsets: &[u32]) -> Result<Vec<Vec<f64>>>;

    /// The values that the states stand for.
    ///
    /// # Errors
    /// When the states are not of the form that [`Self::partial`] gives.
    fn finish(&self, states: &[Vec<f64>]) -> Result<Values>;
}
