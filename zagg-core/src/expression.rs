//! Expressions over columns: the language of weights and of expression variables, and the core's only one.
//!
//! ```
//! use zagg_core::{Values, expression::Expression};
//!
//! let sigma = Expression::parse("1.0 / np.sqrt(np.sum(1.0 / s_li**2))")?;
//! assert_eq!(sigma.columns(), ["s_li"]);
//! let s_li = Values::Float32(vec![0.5, 0.5, 0.5, 0.5, 0.25]);
//! let cells = sigma.evaluate_groups(&[0, 4, 5], &|name| (name == "s_li").then_some(&s_li))?;
//! assert_eq!(cells, Values::Float64(vec![0.25, 0.25]));
//! # Ok::<(), zagg_core::Error>(())
//! ```
//!
//! # Syntax
//! Python's, as numpy is written in it. From loose to tight: comparisons, `|`, `&`, `+ -`, `* / // %`, the signs `- + ~`,
//! `**`. Comparisons do not chain, and conditions that are joined need parentheses: `(a > 0) & (b < 1)`. A name is a
//! column; a name before a parenthesis is a function, with or without `np.` or `numpy.`. `np.pi`, `np.e`, `np.inf`,
//! `np.nan`, `True` and `False` are constants. Nothing else can be reached: no attribute, no index, no code.
//!
//! - **For every value**: `abs arccos arcsin arctan cbrt ceil cos deg2rad degrees exp expm1 floor isfinite isinf isnan log
//!   log10 log1p log2 logical_not rad2deg radians sign sin sqrt square tan trunc`, `round(x, decimals=0)` (half to even),
//!   `arctan2(y, x)`, `hypot(a, b)`, `minimum(a, b)`, `maximum(a, b)`, `power(a, b)`, `logical_and(a, b)`,
//!   `logical_or(a, b)`, `clip(x, low, high)`, `where(condition, a, b)`, and every type by its name (`float32(x)`), with
//!   `float` for float64 and `int` for int64.
//! - **For every group**: `all any average count_nonzero len max mean median min ptp quantile std sum var`, and `nan` before `max mean
//!   median min quantile std sum var` to leave NaN out. `quantile(x, q=0.5)`, `average(x, weights=w)`, `var(x, ddof=1)`.
//!
//! A group's value meets the rows of its group: `sum((x - mean(x))**2)`.
//!
//! # Types
//! numpy 2's promotion. A number in the text takes the type of the column it meets, so `1.0 / s_li**2` over a float32
//! column is float32 arithmetic. Division gives floats. Integers wrap on overflow and give 0 when divided (`//`, `%`)
//! by zero; integers of different types compare exactly. Conversions to integers drop the fraction, take the nearest
//! end of the range for what lies beyond, and 0 for NaN. Functions such as `sqrt` of 8-bit integers give float32 (zagg
//! has no float16). Operations between two numbers in the text are Python's.
//!
//! Reductions are accumulated in f64 and give float64, but: `min`, `max` and `ptp` keep the type, sums of integers stay
//! exact (int64, uint64) or are refused, `len` is int64. See [`reduce`].
//!
//! # Limits
//! 4096 bytes of text, 1024 operations, 64 levels of nesting. Rows are reckoned in blocks, a few groups at a time: the memory
//! of intermediates depends neither on the text nor on the number of rows.

mod arithmetic;
mod ast;
mod bind;
mod block;
mod elementwise;
mod evaluate;
mod function;
mod lexer;
mod literal;
mod mergeable;
mod parser;
mod promote;
#[cfg(test)]
mod tests;
mod types;

pub use mergeable::MergeableExpression;

use std::sync::Arc;

use crate::column::{DType, Values};
use crate::error::{Context, Error, Result};
use crate::reduce;
use crate::suggest::did_you_mean;
use ast::{Level, Node};
use bind::{Leaves, Plan, bind};
use evaluate::Rows;
use lexer::Fault;
use types::{Types, possible};

/// A compiled expression over columns.
#[derive(Debug, Clone)]
pub struct Expression {
    text: String,
    columns: Vec<String>,
    /// Where each column stands first.
    places: Vec<usize>,
    root: Arc<Node>,
    rowwise: bool,
}

impl Expression {
    /// Compiles a text.
    ///
    /// # Errors
    /// Says what is wrong at which character of the text.
    pub fn parse(text: &str) -> Result<Self> {
        let parsed = parser::parse(text).map_err(|fault| located(text, &fault))?;
        let rowwise = !parsed.root.has_reduction();
        let (columns, places) = parsed.columns.into_iter().unzip();
        Ok(Self { text: text.to_string(), columns, places, root: Arc::new(parsed.root), rowwise })
    }

    /// The text as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The columns it refers to, in the order of first appearance.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Checks that every column is one of the known ones.
    ///
    /// # Errors
    /// Names the first unknown column, with a suggestion.
    pub fn check_columns<'a>(&self, known: impl IntoIterator<Item = &'a str>) -> Result<()> {
        let known: Vec<&str> = known.into_iter().collect();
        match self.columns.iter().zip(&self.places).find(|(name, _)| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some((name, &place)) => Err(Error::input(format!(
                "{}: there is no column {name:?}{}; there are: {}",
                quoted(&self.text),
                did_you_mean(name, known.iter().copied()),
                known.join(", ")
            ))
            .at(&self.text, place)),
        }
    }

    /// Whether it holds no reduction, so that it has a value for every row.
    pub fn is_rowwise(&self) -> bool {
        self.rowwise
    }

    /// Checks that it gives one value per row.
    ///
    /// # Errors
    /// When it holds a reduction.
    pub fn check_per_row(&self) -> Result<()> {
        fn reduction(node: &Node) -> Option<&Node> {
            let here = matches!(node.op, ast::Op::Reduce(_)).then_some(node);
            here.or_else(|| node.children.iter().find_map(reduction))
        }
        match reduction(&self.root) {
            None => Ok(()),
            Some(node) => Err(Error::input(format!(
                "{} holds a reduction, but one value per row is needed",
                quoted(&self.text)
            ))
            .at(&self.text, node.at)),
        }
    }

    /// Checks that it gives one value per group.
    ///
    /// # Errors
    /// When it gives one value per row.
    pub fn check_per_group(&self) -> Result<()> {
        if self.root.level != Level::Row {
            return Ok(());
        }
        Err(Error::input(format!(
            "{} gives one value per row; use a reduction such as mean(...)",
            quoted(&self.text)
        ))
        .at(&self.text, self.root.at))
    }

    /// Checks that its operations can take the columns' types, as far as these are known: `column` gives the type of a
    /// column, or `None`. Gives the type of the result when that is certain.
    ///
    /// # Errors
    /// Where an operation can take none of the types that it may meet.
    pub fn check_types(&self, column: &dyn Fn(&str) -> Option<DType>) -> Result<Option<DType>> {
        self.possible(column).map(Types::single)
    }

    /// Checks that it can be a condition: as [`Self::check_types`], and its result may be bool.
    ///
    /// # Errors
    /// As [`Self::check_types`]; and when the result is certainly no condition.
    pub fn check_condition(&self, column: &dyn Fn(&str) -> Option<DType>) -> Result<()> {
        let types = self.possible(column)?;
        match types.contains(DType::Bool) {
            true => Ok(()),
            false => Err(self.no_condition(types.single())),
        }
    }

    fn possible(&self, column: &dyn Fn(&str) -> Option<DType>) -> Result<Types> {
        let columns: Vec<Types> = self.columns.iter().map(|name| Types::of(column(name))).collect();
        possible(&self.root, &columns).map_err(|fault| self.error(&fault))
    }

    /// The error that a result of that type is no condition.
    pub(crate) fn no_condition(&self, dtype: Option<DType>) -> Error {
        let what = dtype.map_or_else(|| "a number".to_string(), |dtype| format!("a {dtype}"));
        let message = format!("gives {what}, but a condition is needed, such as a > 0");
        self.error(&Fault::new(self.root.at, message))
    }

    /// One value per row. `column` gives the columns by name, each with `rows` values.
    ///
    /// # Errors
    /// When it holds a reduction, a column is not there, or a column's type does not suit an operation.
    pub fn evaluate_rows<'a>(
        &self,
        rows: usize,
        column: &dyn Fn(&str) -> Option<&'a Values>,
    ) -> Result<Values> {
        self.check_per_row()?;
        let columns = self.lookup(column)?;
        self.check_lengths(&columns, rows)?;
        let plan = self.plan(Level::Row, &columns)?;
        let values = evaluate::rows(&plan, &columns, rows).map_err(|fault| self.error(&fault))?;
        self.complete(values, rows)
    }

    /// One value per group. `offsets` are `n + 1` strictly ascending row numbers; group `i` is the rows
    /// `offsets[i]..offsets[i + 1]`. `column` gives the columns by name, sorted by group and equal in length.
    ///
    /// # Errors
    /// When it gives one value per row, a column is not there, a column's type does not suit an operation, or a sum of
    /// integers exceeds 64 bits.
    pub fn evaluate_groups<'a>(
        &self,
        offsets: &[u32],
        column: &dyn Fn(&str) -> Option<&'a Values>,
    ) -> Result<Values> {
        self.check_per_group()?;
        let columns = self.lookup(column)?;
        let rows = self.checked_rows(&columns, offsets)?;
        let plan = self.plan(Level::Group, &columns)?;
        let values = evaluate::groups(&plan, rows).map_err(|fault| self.error(&fault))?;
        self.complete(values, rows.groups())
    }

    /// The partial form, when the value over several groups follows from states of each: every reduction merges (all but
    /// `median` and `quantile`), and nothing that has a value per row refers to a value per group.
    pub fn mergeable(&self) -> Option<MergeableExpression> {
        MergeableExpression::of(self)
    }

    /// The columns by number.
    fn lookup<'a>(&self, column: &dyn Fn(&str) -> Option<&'a Values>) -> Result<Vec<&'a Values>> {
        let columns = self.columns.iter().zip(&self.places).map(|(name, &place)| {
            column(name).ok_or_else(|| {
                self.error(&Fault::new(place, format!("there is no column {name:?} to evaluate over")))
            })
        });
        columns.collect()
    }

    fn check_lengths(&self, columns: &[&Values], rows: usize) -> Result<()> {
        match self.columns.iter().zip(columns).find(|(_, column)| column.len() != rows) {
            None => Ok(()),
            Some((name, column)) => Err(Error::plugin(format!(
                "{}: the column {name} has {} values for {rows} rows",
                quoted(&self.text),
                column.len()
            ))),
        }
    }

    /// Columns and offsets that fit together.
    fn checked_rows<'a>(&self, columns: &'a [&'a Values], offsets: &'a [u32]) -> Result<Rows<'a>> {
        let none = || offsets.last().map_or(0, |&last| last as usize);
        let rows = columns.first().map_or_else(none, |column| column.len());
        self.check_lengths(columns, rows)?;
        reduce::check(rows, offsets).context(|| quoted(&self.text))?;
        Ok(Rows { columns, offsets })
    }

    fn plan(&self, level: Level, columns: &[&Values]) -> Result<Plan> {
        let types: Vec<DType> = columns.iter().map(|column| column.dtype()).collect();
        bind(&self.root, level, Leaves::Columns(&types)).map_err(|fault| self.error(&fault))
    }

    fn complete(&self, values: Values, expected: usize) -> Result<Values> {
        if values.len() == expected {
            return Ok(values);
        }
        Err(Error::plugin(format!(
            "{} gave {} values instead of {expected}",
            quoted(&self.text),
            values.len()
        )))
    }

    fn error(&self, fault: &Fault) -> Error {
        located(&self.text, fault)
    }
}

/// The error for a fault in a text: one line that names the character, and the text with a caret beside it.
fn located(text: &str, fault: &Fault) -> Error {
    Error::new(fault.kind, format!("{}: {} at column {}", quoted(text), fault.message, fault.column))
        .at(text, fault.column)
}

/// The text for messages, which have one line.
fn quoted(text: &str) -> String {
    const LONGEST: usize = 200;
    match text.char_indices().nth(LONGEST) {
        None => format!("expression {text:?}"),
        Some((end, _)) => format!("expression {:?}…", &text[..end]),
    }
}
