//! Evaluates a bound tree: a few groups at a time, and their rows in blocks, so that the memory of intermediates does
//! not grow with the number of rows.

use std::borrow::Cow;
use std::ops::Range;

use super::ast::Reduction;
use super::bind::{Bound, Plan, Slot, Step};
use super::block::{Block, copied};
use super::elementwise;
use super::lexer::Fault;
use crate::column::{DType, Values};
use crate::error::{Error, Result};
use crate::reduce::{self, Nan};

/// Rows, or groups, that are reckoned at once: their values stay in the first-level cache.
const BLOCK: usize = 2048;
/// Rows whose groups are reduced at once. A larger group is reduced alone.
const CHUNK: usize = 1 << 14;

/// What a plan is evaluated over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<'a> {
    /// The columns by number.
    pub(super) columns: &'a [&'a Values],
    /// `n + 1` strictly ascending row numbers; group `i` is the rows `offsets[i]..offsets[i + 1]`.
    pub(super) offsets: &'a [u32],
}

/// What the values of a node belong to.
#[derive(Debug, Clone)]
enum Span {
    Rows(Range<usize>),
    /// Groups, counted from the first of [`Frame::rows`].
    Groups(Range<usize>),
}

/// One value for each of `rows` rows.
pub(super) fn rows(plan: &Plan, columns: &[&Values], rows: usize) -> Result<Values, Fault> {
    let frame = Frame { rows: Rows { columns, offsets: &[] }, slots: Vec::new() };
    let mut out = Values::with_capacity(plan.root.dtype, rows);
    frame.store(&plan.root, Span::Rows(0..rows), &mut out)?;
    Ok(out)
}

/// One value per group.
pub(super) fn groups(plan: &Plan, rows: Rows<'_>) -> Result<Values, Fault> {
    let mut out = Values::with_capacity(plan.root.dtype, rows.offsets.len().saturating_sub(1));
    for rows in rows.chunks() {
        let frame = Frame::reduced(plan, rows)?;
        frame.store(&plan.root, Span::Groups(0..rows.groups()), &mut out)?;
    }
    Ok(out)
}

/// One value per group, from values that have been reduced already: one column per slot of the plan.
pub(super) fn finish(plan: &Plan, slots: Vec<Values>, groups: usize) -> Result<Values, Fault> {
    let frame = Frame { rows: Rows { columns: &[], offsets: &[] }, slots };
    let mut out = Values::with_capacity(plan.root.dtype, groups);
    frame.store(&plan.root, Span::Groups(0..groups), &mut out)?;
    Ok(out)
}

impl<'a> Rows<'a> {
    /// Number of groups.
    pub(super) fn groups(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// The groups in runs of at most [`CHUNK`] rows, or of one group.
    pub(super) fn chunks(self) -> impl Iterator<Item = Rows<'a>> {
        let mut rest = self.offsets;
        std::iter::from_fn(move || {
            let first = *rest.first().filter(|_| rest.len() > 1)? as usize;
            let within = rest.partition_point(|&end| end as usize <= first + CHUNK);
            let (chunk, _) = rest.split_at(within.max(2));
            rest = rest.get(chunk.len() - 1..).unwrap_or_default();
            Some(Rows { offsets: chunk, ..self })
        })
    }
}

/// Some groups, their rows, and what has been reckoned per group.
pub(super) struct Frame<'a> {
    pub(super) rows: Rows<'a>,
    pub(super) slots: Vec<Values>,
}

impl<'a> Frame<'a> {
    /// The frame of some groups with every slot of the plan.
    fn reduced(plan: &Plan, rows: Rows<'a>) -> Result<Self, Fault> {
        let mut frame = Self { rows, slots: Vec::with_capacity(plan.slots.len()) };
        for slot in &plan.slots {
            let values = match slot {
                Slot::Reduced { reduction, operands, at, .. } => {
                    frame.reduce(*reduction, operands).map_err(|fault| Fault { column: *at, ..fault })?
                }
                Slot::Finished(bound) => {
                    let mut values = Values::with_capacity(bound.dtype, rows.groups());
                    frame.store(bound, Span::Groups(0..rows.groups()), &mut values)?;
                    values
                }
            };
            frame.slots.push(values);
        }
        Ok(frame)
    }

    /// Values of operands that have one per row, and the offsets of the groups in them.
    pub(super) fn operands(&self, operands: &[Bound]) -> Result<Operands<'a>, Fault> {
        let offsets = self.rows.offsets;
        // A column of floats is reduced where it is. Of others reductions make copies, which must not be of all rows.
        let in_place = |column: &&'a Values| column.dtype().is_float() || column.len() <= CHUNK;
        let columns: Option<Vec<Cow<'a, Values>>> = operands
            .iter()
            .map(|operand| match operand.step {
                Step::Column(index) => {
                    self.rows.columns.get(index).copied().filter(in_place).map(Cow::Borrowed)
                }
                _ => None,
            })
            .collect();
        if let Some(values) = columns {
            return Ok(Operands { values, offsets: Cow::Borrowed(offsets) });
        }
        let start = offsets.first().copied().unwrap_or(0);
        let rows = start as usize..offsets.last().copied().unwrap_or(0) as usize;
        let values = operands.iter().map(|operand| match operand.step {
            Step::Column(index) => match self.rows.columns.get(index) {
                Some(column) => Ok(Cow::Owned(copied(column, rows.clone()))),
                None => Err(Fault::new(operand.at, "there is no such column here")),
            },
            _ => self.all(operand, rows.clone()).map(Cow::Owned),
        });
        Ok(Operands {
            values: values.collect::<Result<_, _>>()?,
            offsets: offsets.iter().map(|offset| offset - start).collect(),
        })
    }

    fn reduce(&self, reduction: Reduction, operands: &[Bound]) -> Result<Values, Fault> {
        if let Reduction::Len = reduction {
            let counts = reduce::counts(self.rows.offsets).map_err(|error| Fault::of(1, &error))?;
            return Ok(Values::Int64(counts));
        }
        let operands = self.operands(operands)?;
        operands.reduce(reduction).map_err(|error| Fault::of(1, &error))
    }

    /// The values of a node for some rows.
    fn all(&self, bound: &Bound, rows: Range<usize>) -> Result<Values, Fault> {
        let mut values = Values::with_capacity(bound.dtype, rows.len());
        self.store(bound, Span::Rows(rows), &mut values)?;
        Ok(values)
    }

    /// Puts the values of a node behind those of its type, block by block.
    fn store(&self, bound: &Bound, span: Span, out: &mut Values) -> Result<(), Fault> {
        let (whole, rows) = match span {
            Span::Rows(range) => (range, true),
            Span::Groups(range) => (range, false),
        };
        for start in whole.clone().step_by(BLOCK) {
            let range = start..whole.end.min(start + BLOCK);
            let n = range.len();
            let span = if rows { Span::Rows(range) } else { Span::Groups(range) };
            self.block(bound, &span)?.store(n, out);
        }
        Ok(())
    }

    /// The values of a node for a block.
    fn block(&self, bound: &Bound, span: &Span) -> Result<Block<'_>, Fault> {
        let fault = |message| Fault::new(bound.at, message);
        let mut children = Vec::with_capacity(bound.children.len());
        for child in &bound.children {
            children.push((self.block(child, span)?, child.dtype));
        }
        match bound.step {
            Step::Constant(constant) => Ok(Block::constant(constant)),
            Step::Column(index) => match (self.rows.columns.get(index), span) {
                (Some(values), Span::Rows(range)) => Ok(Block::load(values, range.clone())),
                _ => Err(fault("there is no such column here".to_string())),
            },
            Step::Slot(index) => {
                let values =
                    self.slots.get(index).ok_or_else(|| fault("a value per group is missing".to_string()))?;
                match span {
                    Span::Groups(range) => Ok(Block::load(values, range.clone())),
                    Span::Rows(range) => Ok(self.spread(values, range)),
                }
            }
            Step::Convert => match children.pop() {
                Some((block, from)) => Ok(block.convert(from, bound.dtype)),
                None => Err(fault("an operand is missing".to_string())),
            },
            Step::Exact(comparison, a_big, b_big) => match (children.pop(), children.pop()) {
                (Some((b, _)), Some((a, _))) => {
                    elementwise::compare_exactly(comparison, (a, a_big), (b, b_big)).map_err(fault)
                }
                _ => Err(fault("an operand is missing".to_string())),
            },
            Step::Reckon(op) => {
                let dtype = children.last().map_or(bound.dtype, |(_, dtype)| *dtype);
                let operands = children.into_iter().map(|(block, _)| block).collect();
                elementwise::reckon(op, dtype, operands).map_err(fault)
            }
        }
    }

    /// The value of its group for every row of a range.
    fn spread<'v>(&self, values: &'v Values, rows: &Range<usize>) -> Block<'v> {
        let offsets = self.rows.offsets;
        let first = offsets.partition_point(|&start| start as usize <= rows.start).saturating_sub(1);
        let mut ends = Vec::new();
        for &end in offsets.iter().skip(first + 1) {
            ends.push((end as usize).min(rows.end).saturating_sub(rows.start));
            if end as usize >= rows.end {
                break;
            }
        }
        Block::load(values, first..first + ends.len()).spread(&ends)
    }
}

/// What a reduction is applied to.
pub(super) struct Operands<'a> {
    pub(super) values: Vec<Cow<'a, Values>>,
    /// `n + 1` positions in the values.
    pub(super) offsets: Cow<'a, [u32]>,
}

impl Operands<'_> {
    fn reduce(&self, reduction: Reduction) -> Result<Values> {
        let offsets: &[u32] = &self.offsets;
        let x = self.first()?;
        Ok(match reduction {
            Reduction::Len => Values::Int64(reduce::counts(offsets)?),
            Reduction::Sum(nan) => reduce::sum(x, offsets, nan)?,
            Reduction::Min(nan) => reduce::min(x, offsets, nan)?,
            Reduction::Max(nan) => reduce::max(x, offsets, nan)?,
            Reduction::Mean(nan) => Values::Float64(reduce::mean(x, offsets, nan)?),
            Reduction::Quantile { q, nan } => Values::Float64(reduce::quantiles(x, offsets, &[q], nan)?),
            Reduction::Variance { ddof, nan, root } => {
                let mut variance = reduce::variance(x, offsets, ddof, nan)?;
                if root {
                    variance.iter_mut().for_each(|x| *x = x.sqrt());
                }
                Values::Float64(variance)
            }
            Reduction::Average => Values::Float64(reduce::average(x, self.weights()?, offsets)?),
            Reduction::Range => reduce::range(x, offsets)?,
            Reduction::Any => reduce::max(&truth(x), offsets, Nan::Propagate)?,
            Reduction::All => reduce::min(&truth(x), offsets, Nan::Propagate)?,
        })
    }

    /// The values that are reduced.
    pub(super) fn first(&self) -> Result<&Values> {
        self.values.first().map(AsRef::as_ref).ok_or_else(|| Error::plugin("a reduction has no operand"))
    }

    /// The weights of an average.
    pub(super) fn weights(&self) -> Result<&Values> {
        self.values.get(1).map(AsRef::as_ref).ok_or_else(|| Error::plugin("an average has no weights"))
    }
}

/// Whether the values are true: a number is unless it is zero.
pub(super) fn truth(x: &Values) -> Cow<'_, Values> {
    if let Values::Bool(_) = x {
        return Cow::Borrowed(x);
    }
    let mut out = Values::with_capacity(DType::Bool, x.len());
    for start in (0..x.len()).step_by(BLOCK) {
        let range = start..x.len().min(start + BLOCK);
        let n = range.len();
        Block::load(x, range).convert(x.dtype(), DType::Bool).store(n, &mut out);
    }
    Cow::Owned(out)
}
