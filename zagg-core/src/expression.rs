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
//! - **For every value**: `abs ceil cos deg2rad degrees exp floor isfinite isnan log log10 log2 rad2deg radians sign sin
//!   sqrt tan`, `round(x, decimals=0)` (half to even), `arctan2(y, x)`, `hypot(a, b)`, `minimum(a, b)`, `maximum(a, b)`,
//!   `power(a, b)`, `clip(x, low, high)`, `where(condition, a, b)`, and every type by its name (`float32(x)`), with
//!   `float` for float64 and `int` for int64.
//! - **For every group**: `all any average len max mean median min ptp quantile std sum var`, and `nan` before `max mean
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
//! 4096 bytes of text, 1024 operations, 64 levels of nesting.

mod arithmetic;
mod ast;
mod elementwise;
mod evaluate;
mod function;
mod lexer;
mod literal;
mod operand;
mod parser;
mod promote;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;

use crate::column::Values;
use crate::error::{Context, Error, Result};
use crate::reduce;
use crate::suggest::did_you_mean;
use ast::{Level, Node};
use evaluate::Environment;
use operand::Shape;

/// A compiled expression over columns.
#[derive(Debug, Clone)]
pub struct Expression {
    text: String,
    columns: Vec<String>,
    root: Arc<Node>,
    rowwise: bool,
}

impl Expression {
    /// Compiles a text.
    ///
    /// # Errors
    /// Says what is wrong at which character of the text.
    pub fn parse(text: &str) -> Result<Self> {
        let (root, columns) = parser::parse(text).map_err(|fault| {
            Error::input(format!("{}: {} at column {}", quoted(text), fault.message, fault.column))
        })?;
        let rowwise = !root.has_reduction();
        Ok(Self { text: text.to_string(), columns, root: Arc::new(root), rowwise })
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
        match self.columns.iter().find(|c| !known.contains(&c.as_str())) {
            None => Ok(()),
            Some(name) => Err(Error::input(format!(
                "{}: there is no column {name:?}{}; there are: {}",
                quoted(&self.text),
                did_you_mean(name, known.iter().copied()),
                known.join(", ")
            ))),
        }
    }

    /// Whether it holds no reduction, so that it has a value for every row.
    pub fn is_rowwise(&self) -> bool {
        self.rowwise
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
        )))
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
        if !self.rowwise {
            return Err(Error::input(format!(
                "{} holds a reduction, but one value per row is needed",
                quoted(&self.text)
            )));
        }
        self.evaluate(Shape { rows, offsets: &[] }, Level::Row, column)
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
        let first = self.columns.first().and_then(|name| column(name));
        let rows = first.map_or_else(|| offsets.last().map_or(0, |&last| last as usize), Values::len);
        reduce::check(rows, offsets).context(|| quoted(&self.text))?;
        self.evaluate(Shape { rows, offsets }, Level::Group, column)
    }

    fn evaluate<'a>(
        &self,
        shape: Shape<'_>,
        level: Level,
        column: &dyn Fn(&str) -> Option<&'a Values>,
    ) -> Result<Values> {
        Environment { shape, names: &self.columns, column }
            .values(&self.root, level)
            .map(Cow::into_owned)
            .context(|| quoted(&self.text))
    }
}

/// The text for messages, which have one line.
fn quoted(text: &str) -> String {
    const LONGEST: usize = 200;
    match text.char_indices().nth(LONGEST) {
        None => format!("expression {text:?}"),
        Some((end, _)) => format!("expression {:?}…", &text[..end]),
    }
}
