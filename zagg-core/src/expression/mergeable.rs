//! Expressions of mergeable reductions: states of groups from which the value over all their rows follows.
//!
//! The state of a group is the states of the expression's reductions one after the other, in the order in which they
//! stand in the text. Every number is an f64:
//!
//! | reduction | numbers |
//! |---|---|
//! | `len` | number of rows |
//! | `sum`, `nansum` | type, value |
//! | `min`, `max`, `nanmin`, `nanmax` | type, value |
//! | `ptp` | type, greatest value, least value |
//! | `mean`, `nanmean` | sum, number of values |
//! | `var`, `std`, `nanvar`, `nanstd` | number of values, mean, sum of squared differences from it |
//! | `average` | sum of the products, sum of the weights |
//! | `any`, `all` | 1 or 0 |
//!
//! A type is its place in [`DType::ALL`]. A value is two numbers: a float and 0, or an integer `n` as `floor(n / 2^48)`
//! and `n mod 2^48`, so that 64-bit integers and their sums stay exact.

use super::Expression;
use super::ast::{Level, Node, Op, Reduction};
use super::bind::{Leaves, Slot, bind};
use super::evaluate::{self, Frame};
use super::lexer::Fault;
use crate::column::{DType, Values};
use crate::error::{Error, Result};
use crate::hash::sha256_hex;
use crate::statistic::States;
use state::{finish, merge, numbers, partial};

mod state;

/// Version of the form of states that this module describes.
const VERSION: u32 = 1;

/// An expression whose value over several groups follows from their states.
///
/// `finish(merge(partial(a), partial(b)))` is the expression over the rows of `a` and `b`: exactly for `len`, `min`,
/// `max`, `ptp`, `any`, `all` and sums of integers; sums, means and averages of floats differ by at most `n·2^-52` of the
/// sum of the absolute values of the `n` terms, and variances as those of merged moments.
#[derive(Debug, Clone)]
pub struct MergeableExpression {
    expression: Expression,
    /// The reductions in the order in which they stand.
    reductions: Vec<Reduction>,
    form: String,
}

/// Collects the reductions above the rows; `false` when one of them does not merge or refers to a group's value.
fn reductions(node: &Node, out: &mut Vec<Reduction>) -> bool {
    match node.op {
        Op::Reduce(Reduction::Quantile { .. }) => false,
        Op::Reduce(reduction) => {
            out.push(reduction);
            !node.children.iter().any(Node::has_reduction)
        }
        _ => node.children.iter().all(|child| reductions(child, out)),
    }
}

impl MergeableExpression {
    pub(super) fn of(expression: &Expression) -> Option<Self> {
        let mut all = Vec::new();
        if expression.root.level != Level::Group || !reductions(&expression.root, &mut all) {
            return None;
        }
        let hash = sha256_hex(expression.text.as_bytes());
        let form = format!("expression-{}/{VERSION}", hash.get(..16).unwrap_or(&hash));
        Some(Self { expression: expression.clone(), reductions: all, form })
    }

    /// The text of the expression.
    pub fn text(&self) -> &str {
        self.expression.text()
    }

    /// Name and version of the form of the states: it names the text of the expression.
    pub fn form(&self) -> &str {
        &self.form
    }

    /// The state of every group. `offsets` and `column` are those of [`Expression::evaluate_groups`].
    ///
    /// # Errors
    /// As [`Expression::evaluate_groups`].
    pub fn partial<'a>(
        &self,
        offsets: &[u32],
        column: &dyn Fn(&str) -> Option<&'a Values>,
    ) -> Result<States> {
        let columns = self.expression.lookup(column)?;
        let rows = self.expression.checked_rows(&columns, offsets)?;
        let plan = self.expression.plan(Level::Group, &columns)?;
        let width = self.width();
        check_size(width, rows.groups())?;
        let mut values = Vec::with_capacity(width * rows.groups());
        for chunk in rows.chunks() {
            let frame = Frame { rows: chunk, slots: Vec::new() };
            let start = values.len();
            values.resize(start + width * chunk.groups(), 0.0);
            let mut place = 0;
            for (slot, reduction) in plan.slots.iter().zip(&self.reductions) {
                let Slot::Reduced { operands, at, .. } = slot else { continue };
                let operands = frame.operands(operands).map_err(|fault| self.expression.error(&fault))?;
                let of_reduction = partial(*reduction, &operands)
                    .map_err(|error| self.expression.error(&Fault::of(*at, &error)))?;
                let step = numbers(*reduction);
                let states = values.get_mut(start..).unwrap_or_default().chunks_exact_mut(width);
                for (state, numbers) in states.zip(of_reduction.chunks_exact(step)) {
                    if let Some(part) = state.get_mut(place..place + step) {
                        part.copy_from_slice(numbers);
                    }
                }
                place += step;
            }
        }
        Ok(States::fixed(width as u32, values))
    }

    /// Folds runs of states into one each: state `i` of the result is the states `offsets[i]..offsets[i + 1]`, in order.
    ///
    /// # Errors
    /// When the states are not of this form, or the offsets do not fit them.
    pub fn merge(&self, states: &States, offsets: &[u32]) -> Result<States> {
        let ordered = offsets.windows(2).all(|w| w[0] < w[1]);
        if !ordered || offsets.last().is_some_and(|&last| last as usize > states.len()) {
            return Err(Error::plugin("the runs of states to merge do not fit the states"));
        }
        let width = self.width();
        check_size(width, offsets.len().saturating_sub(1))?;
        let mut values = Vec::with_capacity(width * offsets.len().saturating_sub(1));
        for run in offsets.windows(2) {
            let mut state = self.state(states, run[0] as usize)?.to_vec();
            for next in run[0] + 1..run[1] {
                let mut next = self.state(states, next as usize)?;
                let mut rest = state.as_mut_slice();
                for reduction in &self.reductions {
                    let (into, after) = rest.split_at_mut(numbers(*reduction));
                    let (from, behind) = next.split_at(numbers(*reduction));
                    merge(*reduction, into, from)?;
                    (rest, next) = (after, behind);
                }
            }
            values.extend_from_slice(&state);
        }
        Ok(States::fixed(width as u32, values))
    }

    /// The values that the states stand for, one each, as [`Expression::evaluate_groups`] gives them. Types that differ
    /// between the states are promoted.
    ///
    /// # Errors
    /// When the states are not of this form, or a sum of integers exceeds 64 bits.
    pub fn finish(&self, states: &States) -> Result<Values> {
        let mut slots = Vec::with_capacity(self.reductions.len());
        let mut place = 0;
        for reduction in &self.reductions {
            let step = numbers(*reduction);
            let mut column = Vec::with_capacity(step * states.len());
            for i in 0..states.len() {
                column.extend_from_slice(self.state(states, i)?.get(place..place + step).unwrap_or_default());
            }
            slots.push(finish(*reduction, &column)?);
            place += step;
        }
        let types: Vec<DType> = slots.iter().map(Values::dtype).collect();
        let error = |fault: Fault| self.expression.error(&fault);
        let plan = bind(&self.expression.root, Level::Group, Leaves::Reductions(&types)).map_err(error)?;
        evaluate::finish(&plan, slots, states.len()).map_err(error)
    }

    /// Numbers of one state.
    fn width(&self) -> usize {
        self.reductions.iter().map(|reduction| numbers(*reduction)).sum()
    }

    fn state<'s>(&self, states: &'s States, i: usize) -> Result<&'s [f64]> {
        let state = states.state(i);
        if state.len() == self.width() {
            return Ok(state);
        }
        Err(Error::corrupt(format!(
            "a state of the form {} has {} numbers instead of {}",
            self.form,
            state.len(),
            self.width()
        )))
    }
}

/// States are addressed with 32 bits.
fn check_size(width: usize, groups: usize) -> Result<()> {
    match width.checked_mul(groups).is_some_and(|numbers| u32::try_from(numbers).is_ok()) {
        true => Ok(()),
        false => {
            Err(Error::unsupported(format!("{groups} states of {width} numbers are too many for one task")))
        }
    }
}
