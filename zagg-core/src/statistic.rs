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

    /// The values of the groups with the given numbers, in that order. `items` are the numbers of one group's value, or of
    /// one item of it. Groups that are not there are left out.
    #[must_use]
    pub(crate) fn gather(&self, groups: &[u32], items: usize) -> Self {
        let bounds = |group: u32| {
            let group = group as usize;
            match &self.offsets {
                None => Some((group * items, (group + 1) * items)),
                Some(offsets) => {
                    Some((*offsets.get(group)? as usize * items, *offsets.get(group + 1)? as usize * items))
                }
            }
        };
        let mut offsets = vec![0];
        let mut numbers: Vec<u32> = Vec::new();
        for (start, end) in groups.iter().filter_map(|&group| bounds(group)) {
            numbers.extend(start as u32..end as u32);
            offsets.push(numbers.len() as u64 / items.max(1) as u64);
        }
        let values = self.values.gather(&numbers);
        Self { values, offsets: self.offsets.as_ref().map(|_| offsets) }
    }
}

/// States of groups: any count of numbers for each.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct States {
    /// The numbers of all states, one state after the other.
    pub values: Vec<f64>,
    /// `n + 1` ascending positions; state `i` is `values[offsets[i]..offsets[i + 1]]`.
    pub offsets: Vec<u32>,
}

impl States {
    /// States of `width` numbers each.
    pub fn fixed(width: u32, values: Vec<f64>) -> Self {
        let n = (values.len() as u32).checked_div(width).unwrap_or_default();
        Self { values, offsets: (0..=n).map(|i| i * width).collect() }
    }

    /// Number of states.
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The numbers of one state; none when there is no such state.
    pub fn state(&self, i: usize) -> &[f64] {
        match (self.offsets.get(i), self.offsets.get(i + 1)) {
            (Some(&start), Some(&end)) => self.values.get(start as usize..end as usize).unwrap_or_default(),
            _ => &[],
        }
    }

    /// Puts another state behind these.
    pub fn push(&mut self, state: &[f64]) {
        if self.offsets.is_empty() {
            self.offsets.push(0);
        }
        self.values.extend_from_slice(state);
        self.offsets.push(self.values.len() as u32);
    }
}

/// A column that a statistic reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Name of the column, or text of an expression over columns (`1.0 / s_li**2`).
    pub expression: String,
}

/// What a cell of a variable holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum VariableKind {
    /// One number.
    #[default]
    Scalar,
    /// An array of fixed shape.
    Vector,
    /// Any number of items.
    Ragged,
}

impl VariableKind {
    /// The name used in pipelines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Vector => "vector",
            Self::Ragged => "ragged",
        }
    }

    /// The kind of values of this shape.
    pub fn of(shape: &OutputShape) -> Self {
        match shape {
            OutputShape::Scalar => Self::Scalar,
            OutputShape::Fixed(_) => Self::Vector,
            OutputShape::Ragged(_) => Self::Ragged,
        }
    }
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
    /// What a cell of the variable is to hold.
    pub kind: VariableKind,
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
///
/// States are kept in shard records: they may come from another version of the statistic, or be damaged.
pub trait MergeableStatistic: Send + Sync {
    /// Name and version of the form of the states, such as `moments/1`. States of another form are never merged.
    fn form(&self) -> &str;

    /// The state of every group.
    ///
    /// # Errors
    /// When a column has a type that the statistic cannot take.
    fn partial(&self, groups: &Groups<'_>) -> Result<States>;

    /// Folds runs of states into one: state `i` of the result is the states `offsets[i]..offsets[i + 1]`, in order.
    ///
    /// # Errors
    /// When the states are not of the form that [`Self::partial`] gives, or the offsets do not fit them.
    fn merge(&self, states: &States, offsets: &[u32]) -> Result<States>;

    /// The values that the states stand for, as [`Statistic::reduce`] gives them.
    ///
    /// # Errors
    /// When the states are not of the form that [`Self::partial`] gives.
    fn finish(&self, states: &States) -> Result<Output>;
}
