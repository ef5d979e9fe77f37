//! The row part of a program: which columns are read, which rows are kept, and columns derived from others.

use std::borrow::Cow;

use crate::column::{Column, DType, Values};
use crate::config::{ColumnFilter, DataSource, Filter};
use crate::error::{Context, Error, Result};
use crate::expression::Expression;
use crate::source::PointSource;
use crate::suggest::did_you_mean;

/// From the columns that a source gives to those that variables use: filters, then derived columns.
///
/// A row with a missing value in a filter's column or condition is dropped; a derived column misses a value where one of
/// its inputs does.
#[derive(Debug)]
pub struct RowProgram {
    /// Names of the columns that the source is asked for, each once.
    read: Vec<String>,
    column_filters: Vec<(ColumnFilter, usize)>,
    /// Derived columns that something needs, inputs before those made from them.
    derived: Vec<Derived>,
    conditions: Vec<Expression>,
    /// Names of the columns that variables use, each once.
    kept: Vec<String>,
}

/// A column that is reckoned row by row.
#[derive(Debug, Clone)]
struct Derived {
    name: String,
    expression: Expression,
    /// Its type, where those of its inputs are known before a granule is opened.
    dtype: Option<DType>,
}

impl RowProgram {
    /// The program for the filters of a pipeline and the columns that its variables use.
    ///
    /// # Errors
    /// When a filter compares a column that the source does not give, or its expression is no condition over rows.
    pub(super) fn new(data_source: &DataSource, columns: Columns<'_>) -> Result<Self> {
        let mut conditions = Vec::new();
        let mut compared = Vec::new();
        for filter in &data_source.filters {
            match filter {
                Filter::Column(filter) => compared.push(filter.clone()),
                Filter::Expression(text) => {
                    conditions.push(columns.condition(text).context(|| "data_source.filters")?);
                }
            }
        }
        let mut needed: Vec<&str> = columns.used.iter().map(String::as_str).collect();
        needed.extend(conditions.iter().flat_map(Expression::columns).map(String::as_str));
        let mut derived: Vec<Derived> = Vec::new();
        for candidate in columns.derived.iter().rev() {
            if needed.contains(&candidate.name.as_str()) {
                needed.extend(candidate.expression.columns().iter().map(String::as_str));
                derived.push(candidate.clone());
            }
        }
        derived.reverse();
        let mut read: Vec<String> = Vec::new();
        for name in needed {
            let made = derived.iter().any(|derived| derived.name == name);
            if !made && !read.iter().any(|read| read == name) {
                read.push(name.to_string());
            }
        }
        let mut column_filters = Vec::new();
        for filter in compared {
            let name = filter.column_name();
            if !columns.source.columns().iter().any(|column| column.name == name) {
                return Err(Error::input(format!("data_source.filters: the source gives no column {name}")));
            }
            let at = read.iter().position(|read| *read == name).unwrap_or_else(|| {
                read.push(name);
                read.len() - 1
            });
            column_filters.push((filter, at));
        }
        Ok(Self { read, column_filters, derived, conditions, kept: columns.used })
    }

    /// Names of the columns that the source is asked for.
    pub fn columns(&self) -> &[String] {
        &self.read
    }

    /// Names of the columns that [`Self::select`] gives.
    pub fn kept(&self) -> &[String] {
        &self.kept
    }

    /// Applies the filters and derives columns. `columns` are those of [`Self::columns`]; `keep` has one flag per row,
    /// and rows whose flag is cleared are not looked at. Clears the flags of all rows to drop, and gives the columns of
    /// [`Self::kept`] for the rows left.
    ///
    /// # Errors
    /// When an expression cannot take the columns' types or a filter's gives no condition.
    pub fn select(&self, keep: &mut [bool], columns: Vec<Column>) -> Result<Vec<Column>> {
        for (filter, column) in &self.column_filters {
            filter.apply(&columns[*column], keep);
        }
        // Columns that only such filters need are done with.
        let named = self.read.iter().map(String::as_str).zip(columns).filter(|(name, _)| self.needs(name));
        let mut table = Table { columns: named.collect() };
        table.retain(keep);
        let rows = keep.iter().filter(|keep| **keep).count();
        for derived in &self.derived {
            let column = derive(derived, rows, &table)?;
            table.columns.push((&derived.name, column));
        }
        if !self.conditions.is_empty() {
            let mut passed = vec![true; rows];
            for condition in &self.conditions {
                table.test(condition, &mut passed).context(|| "data_source.filters")?;
            }
            let mut flags = passed.iter();
            for keep in keep.iter_mut().filter(|keep| **keep) {
                *keep = flags.next().copied().unwrap_or(false);
            }
            table.columns.retain(|(name, _)| self.kept.iter().any(|kept| kept == name));
            table.retain(&passed);
        }
        self.kept.iter().map(|name| table.take(name)).collect()
    }

    /// Whether a column is used after the filters that compare columns.
    fn needs(&self, name: &str) -> bool {
        let expressions = self.derived.iter().map(|d| &d.expression).chain(&self.conditions);
        self.kept.iter().chain(expressions.flat_map(Expression::columns)).any(|needed| needed == name)
    }
}

/// Columns of equal length by name.
struct Table<'a> {
    columns: Vec<(&'a str, Column)>,
}

impl Table<'_> {
    fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|(known, _)| *known == name).map(|(_, column)| column)
    }

    fn values(&self, name: &str) -> Option<&Values> {
        self.column(name).map(|column| &column.values)
    }

    fn take(&mut self, name: &str) -> Result<Column> {
        let at = self.columns.iter().position(|(known, _)| *known == name);
        at.map(|at| self.columns.swap_remove(at).1)
            .ok_or_else(|| Error::plugin(format!("the column {name} was not given")))
    }

    /// Drops the rows whose flag is cleared.
    fn retain(&mut self, keep: &[bool]) {
        if keep.contains(&false) {
            for (_, column) in &mut self.columns {
                *column = column.filter(keep);
            }
        }
    }

    /// Where one of the columns of an expression misses a value.
    fn missing(&self, expression: &Expression) -> Option<Cow<'_, [bool]>> {
        let mut all: Option<Cow<'_, [bool]>> = None;
        let columns = expression.columns().iter().filter_map(|name| self.column(name)?.missing.as_deref());
        for flags in columns {
            match &mut all {
                None => all = Some(Cow::Borrowed(flags)),
                Some(all) => all.to_mut().iter_mut().zip(flags).for_each(|(all, flag)| *all |= flag),
            }
        }
        all
    }

    /// Clears the flags of the rows where a condition does not hold.
    fn test(&self, condition: &Expression, passed: &mut [bool]) -> Result<()> {
        let holds = condition.evaluate_rows(passed.len(), &|name| self.values(name))?;
        let Values::Bool(holds) = holds else { return Err(condition.no_condition(Some(holds.dtype()))) };
        passed.iter_mut().zip(holds).for_each(|(passed, holds)| *passed &= holds);
        if let Some(missing) = self.missing(condition) {
            passed.iter_mut().zip(missing.iter()).for_each(|(passed, missing)| *passed &= !missing);
        }
        Ok(())
    }
}

fn derive(derived: &Derived, rows: usize, table: &Table<'_>) -> Result<Column> {
    let values = derived
        .expression
        .evaluate_rows(rows, &|name| table.values(name))
        .context(|| format!("data_source.derived.{}", derived.name))?;
    Ok(Column { values, missing: table.missing(&derived.expression).map(Cow::into_owned) })
}

/// The columns there are, and those that are used so far, while a program is compiled.
pub(super) struct Columns<'a> {
    source: &'a dyn PointSource,
    /// Names of columns that serve filters alone: no variable is meant to use them.
    flags: Vec<String>,
    derived: Vec<Derived>,
    used: Vec<String>,
}

impl<'a> Columns<'a> {
    /// Compiles the derived columns.
    ///
    /// # Errors
    /// Names the derived column and what is wrong with it.
    pub(super) fn new(data_source: &DataSource, source: &'a dyn PointSource) -> Result<Self> {
        let variable = |name: &str| {
            data_source.options.get("variables").is_some_and(|variables| variables.get(name).is_some())
        };
        let flags = data_source
            .filters
            .iter()
            .filter_map(|filter| match filter {
                Filter::Column(filter) => Some(filter.column_name()).filter(|name| !variable(name)),
                Filter::Expression(_) => None,
            })
            .collect();
        let mut columns = Self { source, flags, derived: Vec::new(), used: Vec::new() };
        for (at, (name, text)) in data_source.derived.iter().enumerate() {
            let later = data_source.derived.iter().skip(at).map(|(name, _)| name.as_str());
            let derived =
                columns.derive(name, text, later).context(|| format!("data_source.derived.{name}"))?;
            columns.derived.push(derived);
        }
        Ok(columns)
    }

    fn derive<'n>(
        &self,
        name: &str,
        text: &str,
        mut later: impl Iterator<Item = &'n str>,
    ) -> Result<Derived> {
        if self.source.columns().iter().any(|column| column.name == name) {
            return Err(Error::input("there is a column of this name already; choose another name"));
        }
        let expression = Expression::parse(text)?;
        if let Some(early) = later.find(|later| expression.columns().iter().any(|c| c == later)) {
            let reason = if early == name { "itself" } else { "a column that is derived after it" };
            return Err(Error::input(format!(
                "refers to {reason}, {early}; a derived column takes variables and derived columns before it"
            )));
        }
        self.check(&expression)?;
        expression.check_per_row()?;
        let dtype = expression.check_types(&|name| self.dtype(name).flatten())?;
        Ok(Derived { name: name.to_string(), expression, dtype })
    }

    /// The type of a column, where it is known before a granule is opened; `None` when there is no such column.
    #[allow(clippy::option_option)] // A column without a known type is not an absent one.
    pub(super) fn dtype(&self, name: &str) -> Option<Option<DType>> {
        match self.derived.iter().find(|derived| derived.name == name) {
            Some(derived) => Some(derived.dtype),
            None => {
                self.source.columns().iter().find(|column| column.name == name).map(|column| column.dtype)
            }
        }
    }

    /// Checks that an expression refers to known columns.
    ///
    /// # Errors
    /// Names the first unknown column, with a suggestion.
    pub(super) fn check(&self, expression: &Expression) -> Result<()> {
        expression.check_columns(self.names())
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        let read = self.source.columns().iter().map(|column| &column.name);
        let derived = self.derived.iter().map(|derived| &derived.name);
        read.filter(|name| !self.flags.contains(name)).chain(derived).map(String::as_str)
    }

    /// The place of a column among those that variables use, which it now is one of.
    ///
    /// # Errors
    /// When there is no such column.
    pub(super) fn index(&mut self, name: &str) -> Result<usize> {
        if let Some(at) = self.used.iter().position(|used| used == name) {
            return Ok(at);
        }
        if self.dtype(name).is_none() {
            let names: Vec<&str> = self.names().collect();
            return Err(Error::input(format!(
                "there is no column {name:?}{}; there are: {}",
                did_you_mean(name, names.iter().copied()),
                names.join(", ")
            )));
        }
        self.used.push(name.to_string());
        Ok(self.used.len() - 1)
    }

    /// A filter's expression.
    fn condition(&self, text: &str) -> Result<Expression> {
        let condition = Expression::parse(text)?;
        self.check(&condition)?;
        condition.check_per_row()?;
        condition.check_condition(&|name| self.dtype(name).flatten())?;
        Ok(condition)
    }
}
