//! The program of a pipeline: filters and variables, resolved to columns and compiled once.

use serde_json::{Map, Value};

use crate::column::{Column, DType, Values};
use crate::config::{Aggregation, Computation, DataSource, Filter, Variable};
use crate::error::{Context, Error, Result};
use crate::expression::Expression;
use crate::registry::Registry;
use crate::source::PointSource;
use crate::statistic::{Groups, OutputShape, Statistic, StatisticRequest};
use crate::suggest::did_you_mean;

/// The column that a function without a source is applied to, as in the original.
const DEFAULT_SOURCE: &str = "h_li";

/// Filters and variables over the columns of a source.
#[derive(Debug)]
pub struct Program {
    /// Names of the columns that are read, each once.
    columns: Vec<String>,
    /// How many of [`Self::columns`] variables use; the others serve filters only and are dropped after them.
    kept: usize,
    filters: Vec<(Filter, usize)>,
    variables: Vec<CompiledVariable>,
    /// Row-wise expressions that statistics take as inputs, each once.
    derived: Vec<Expression>,
}

/// One output array.
#[derive(Debug)]
pub struct CompiledVariable {
    /// Name of the array.
    pub name: String,
    /// Element type of the array.
    pub dtype: DType,
    /// One value: that of an empty cell.
    pub fill: Values,
    /// Attributes that the pipeline sets.
    pub attrs: Map<String, Value>,
    /// Column whose attributes the array inherits, and the power of its units.
    pub describes: Option<(String, Option<i32>)>,
    /// Name of the function, for the inherited description.
    pub function: Option<String>,
    computation: Compiled,
    /// Columns whose missing rows are left out.
    refers: Vec<usize>,
}

#[derive(Debug)]
enum Compiled {
    Statistic { statistic: Box<dyn Statistic>, inputs: Vec<InputColumn> },
    Expression(Expression),
}

/// Where a statistic's input comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InputColumn {
    Column(usize),
    Derived(usize),
}

/// Gathers column names while a program is compiled.
struct Columns<'a> {
    source: &'a dyn PointSource,
    names: Vec<String>,
}

impl Columns<'_> {
    fn index(&mut self, name: &str) -> Result<usize> {
        if let Some(at) = self.names.iter().position(|n| n == name) {
            return Ok(at);
        }
        let known: Vec<&str> = self.source.columns().iter().map(|c| c.name.as_str()).collect();
        if !known.contains(&name) {
            return Err(Error::input(format!(
                "there is no column {name:?}{}; data_source.variables has: {}",
                did_you_mean(name, known.iter().copied()),
                known.join(", ")
            )));
        }
        self.names.push(name.to_string());
        Ok(self.names.len() - 1)
    }
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
        let mut columns = Columns { source, names: Vec::new() };
        let mut derived = Vec::new();
        let variables = aggregation
            .variables
            .iter()
            .map(|variable| {
                compile_variable(variable, &mut columns, &mut derived, registry)
                    .context(|| format!("aggregation.variables.{}", variable.name))
            })
            .collect::<Result<Vec<_>>>()?;
        let kept = columns.names.len();
        let filters = data_source
            .filters
            .iter()
            .map(|filter| Ok((filter.clone(), columns.index(&filter.dataset)?)))
            .collect::<Result<Vec<_>>>()?;
        Ok(Self { columns: columns.names, kept, filters, variables, derived })
    }

    /// Names of the columns to read: those that variables use, then those that only filters need.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The output arrays.
    pub fn variables(&self) -> &[CompiledVariable] {
        &self.variables
    }

    /// Which rows pass every filter. `columns` are those of [`Self::columns`].
    pub fn keep(&self, rows: usize, columns: &[Column]) -> Vec<bool> {
        let mut keep = vec![true; rows];
        for (filter, column) in &self.filters {
            filter.apply(&columns[*column], &mut keep);
        }
        keep
    }

    /// Drops the columns that only filters need.
    pub fn drop_filter_columns(&self, columns: &mut Vec<Column>) {
        columns.truncate(self.kept);
    }

    /// Row-wise inputs that several variables may share, computed once per shard. `columns` are sorted by cell.
    ///
    /// # Errors
    /// When an expression cannot be evaluated on these types.
    pub fn derive(&self, rows: usize, columns: &[Column]) -> Result<Vec<Values>> {
        self.derived
            .iter()
            .map(|expression| expression.evaluate_rows(rows, &|name| self.values(columns, name)))
            .collect()
    }

    fn values<'a>(&self, columns: &'a [Column], name: &str) -> Option<&'a Values> {
        self.columns.iter().position(|n| n == name).and_then(|at| columns.get(at)).map(|c| &c.values)
    }

    /// The values of one variable: one per group that has a row without missing values, with the numbers of those groups.
    ///
    /// # Errors
    /// When the computation cannot take the columns' types, or a result does not fit the array's type.
    pub fn reduce(
        &self,
        variable: &CompiledVariable,
        offsets: &[u32],
        columns: &[Column],
        derived: &[Values],
    ) -> Result<(Option<Vec<u32>>, Values)> {
        match complete_rows(offsets, variable.refers.iter().filter_map(|&at| columns[at].missing.as_deref()))
        {
            None => Ok((None, self.reduce_complete(variable, offsets, columns, derived)?)),
            Some(complete) => {
                let some: Vec<Column> = columns
                    .iter()
                    .enumerate()
                    .map(|(at, column)| {
                        let used = variable.refers.contains(&at);
                        if used {
                            column.filter(&complete.keep)
                        } else {
                            Column::complete(Values::empty(DType::Bool))
                        }
                    })
                    .collect();
                let derived: Vec<Values> =
                    derived.iter().map(|values| values.filter(&complete.keep)).collect();
                let values = self.reduce_complete(variable, &complete.offsets, &some, &derived)?;
                Ok((Some(complete.groups), values))
            }
        }
    }

    fn reduce_complete(
        &self,
        variable: &CompiledVariable,
        offsets: &[u32],
        columns: &[Column],
        derived: &[Values],
    ) -> Result<Values> {
        let groups = offsets.len().saturating_sub(1);
        let values = match &variable.computation {
            Compiled::Statistic { statistic, inputs } => {
                let inputs: Vec<&Values> = inputs
                    .iter()
                    .map(|input| match *input {
                        InputColumn::Column(at) => &columns[at].values,
                        InputColumn::Derived(at) => &derived[at],
                    })
                    .collect();
                statistic.reduce(&Groups { offsets, columns: &inputs })?.values
            }
            Compiled::Expression(expression) => {
                expression.evaluate_groups(offsets, &|name| self.values(columns, name))?
            }
        };
        if values.len() != groups {
            return Err(Error::plugin(format!("{} values came back for {groups} cells", values.len())));
        }
        values.cast(variable.dtype).map_err(|error| {
            Error::input(format!("{error}; give the variable a float dtype or a wider integer"))
        })
    }
}

/// Groups without the rows that have a missing value.
struct Complete {
    keep: Vec<bool>,
    offsets: Vec<u32>,
    /// Numbers of the groups that have a row left.
    groups: Vec<u32>,
}

/// `None` when no row is missing, which is the common case.
fn complete_rows<'a>(offsets: &[u32], missing: impl Iterator<Item = &'a [bool]>) -> Option<Complete> {
    let mut keep: Option<Vec<bool>> = None;
    for flags in missing.filter(|flags| flags.contains(&true)) {
        let keep = keep.get_or_insert_with(|| vec![true; flags.len()]);
        for (keep, missing) in keep.iter_mut().zip(flags) {
            *keep &= !missing;
        }
    }
    let keep = keep?;
    let mut complete = Complete { keep, offsets: vec![0], groups: Vec::new() };
    let mut end = 0u32;
    for (group, range) in offsets.windows(2).enumerate() {
        let left = complete.keep[range[0] as usize..range[1] as usize].iter().filter(|k| **k).count();
        if left > 0 {
            end += left as u32;
            complete.offsets.push(end);
            complete.groups.push(group as u32);
        }
    }
    Some(complete)
}

fn compile_variable(
    variable: &Variable,
    columns: &mut Columns<'_>,
    derived: &mut Vec<Expression>,
    registry: &Registry,
) -> Result<CompiledVariable> {
    let mut refers = Vec::new();
    let (computation, describes, function) = match &variable.computation {
        Computation::Expression(text) => {
            let expression = Expression::parse(text)?;
            check(&expression, columns)?;
            expression.check_per_group()?;
            for name in expression.columns() {
                refers.push(columns.index(name)?);
            }
            (Compiled::Expression(expression), None, None)
        }
        Computation::Function { name, source, params } => {
            let has_default = columns.source.columns().iter().any(|c| c.name == DEFAULT_SOURCE);
            let source = source.clone().or_else(|| has_default.then(|| DEFAULT_SOURCE.to_string()));
            let source_dtype =
                source.as_ref().and_then(|s| columns.source.columns().iter().find(|c| c.name == *s)?.dtype);
            let statistic = registry.statistic(&StatisticRequest {
                variable: variable.name.clone(),
                function: name.clone(),
                source: source.clone(),
                source_dtype,
                params: params.clone(),
                shape: None,
            })?;
            if statistic.output().shape != OutputShape::Scalar {
                return Err(Error::input(format!(
                    "{name} gives several values per cell here, which this version of zagg does not store; ask for one"
                )));
            }
            let mut inputs = Vec::new();
            for input in statistic.inputs() {
                let known = columns.source.columns().iter().any(|c| c.name == input.expression);
                if known {
                    let at = columns.index(&input.expression)?;
                    refers.push(at);
                    inputs.push(InputColumn::Column(at));
                    continue;
                }
                let expression = Expression::parse(&input.expression)?;
                check(&expression, columns)?;
                if !expression.is_rowwise() {
                    return Err(Error::input(format!(
                        "the parameter {:?} gives one value per cell; it must give one per row",
                        input.expression
                    )));
                }
                for name in expression.columns() {
                    refers.push(columns.index(name)?);
                }
                let at = derived.iter().position(|e| e.text() == expression.text()).unwrap_or_else(|| {
                    derived.push(expression);
                    derived.len() - 1
                });
                inputs.push(InputColumn::Derived(at));
            }
            if !statistic.skips_missing() {
                refers.clear();
            }
            let describes = source.map(|source| (source, statistic.unit_power()));
            (Compiled::Statistic { statistic, inputs }, describes, Some(name.clone()))
        }
    };
    refers.sort_unstable();
    refers.dedup();
    Ok(CompiledVariable {
        name: variable.name.clone(),
        dtype: variable.dtype,
        fill: variable.fill.to_values(variable.dtype)?,
        attrs: variable.attrs.clone(),
        describes,
        function,
        computation,
        refers,
    })
}

fn check(expression: &Expression, columns: &Columns<'_>) -> Result<()> {
    expression.check_columns(columns.source.columns().iter().map(|c| c.name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_lose_missing_rows_and_vanish_when_none_is_left() {
        let missing = [true, false, true, true, false];
        let complete = complete_rows(&[0, 2, 4, 5], [&missing[..]].into_iter()).unwrap();
        assert_eq!((complete.offsets, complete.groups), (vec![0, 1, 2], vec![0, 2]));
        assert!(complete_rows(&[0, 5], [&[false; 5][..]].into_iter()).is_none());
    }
}
