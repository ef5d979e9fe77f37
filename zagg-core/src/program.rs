//! The program of a pipeline: filters and variables, resolved to columns and compiled once.

mod rows;
mod variable;

pub use rows::RowProgram;
pub use variable::{CompiledVariable, PerGroup, SortedRows};

use crate::column::{Column, DType, Values};
use crate::config::{Aggregation, DataSource};
use crate::error::{Context, Result};
use crate::expression::Expression;
use crate::registry::Registry;
use crate::source::PointSource;
use rows::Columns;

/// Filters and variables over the columns of a source.
#[derive(Debug)]
pub struct Program {
    rows: RowProgram,
    variables: Vec<CompiledVariable>,
    /// Row-wise expressions that statistics take as inputs, each once.
    inputs: Vec<Expression>,
}

impl Program {
    /// Resolves names and compiles expressions.
    ///
    /// # Errors
    /// Names the variable and what is wrong with it.
    pub fn compile(
        data_source: &DataSource,
        aggregation: &Aggregation,
        source: &dyn PointSource,
        registry: &Registry,
    ) -> Result<Self> {
        let mut columns = Columns::new(data_source, source)?;
        let mut inputs = Vec::new();
        let variables = aggregation
            .variables
            .iter()
            .map(|variable| {
                CompiledVariable::compile(variable, &mut columns, &mut inputs, registry)
                    .context(|| format!("aggregation.variables.{}", variable.name))
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self { rows: RowProgram::new(data_source, columns)?, variables, inputs })
    }

    /// Names of the columns to read from the source.
    pub fn columns(&self) -> &[String] {
        self.rows.columns()
    }

    /// The output arrays.
    pub fn variables(&self) -> &[CompiledVariable] {
        &self.variables
    }

    /// From the columns that are read to those that variables use.
    pub fn rows(&self) -> &RowProgram {
        &self.rows
    }

    /// Row-wise inputs that several variables may share, computed once for the rows of a shard in any order. `columns` are
    /// those that the filters have left.
    ///
    /// # Errors
    /// When an expression cannot be evaluated on these types.
    pub fn inputs(&self, rows: usize, columns: &[Column]) -> Result<Vec<Values>> {
        self.some_inputs(rows, columns, &Vec::from_iter(0..self.inputs.len()))
    }

    /// As [`Self::inputs`], for the inputs with these numbers alone: the others come without rows, and so may columns that none
    /// of these needs.
    ///
    /// # Errors
    /// When an expression cannot be evaluated on these types.
    pub(crate) fn some_inputs(
        &self,
        rows: usize,
        columns: &[Column],
        wanted: &[usize],
    ) -> Result<Vec<Values>> {
        let names = self.columns_of_variables();
        let values = |name: &str| {
            let at = names.iter().position(|n| n == name)?;
            columns.get(at).map(|column| &column.values)
        };
        let input = |(number, expression): (usize, &Expression)| match wanted.contains(&number) {
            true => expression.evaluate_rows(rows, &values),
            false => Ok(Values::empty(DType::Bool)),
        };
        self.inputs.iter().enumerate().map(input).collect()
    }

    /// How many inputs [`Self::inputs`] gives.
    pub(crate) fn inputs_len(&self) -> usize {
        self.inputs.len()
    }

    /// Names of the columns that variables use, in the order of the columns that the filters leave.
    pub fn columns_of_variables(&self) -> &[String] {
        self.rows.kept()
    }
}
