//! One variable of a pipeline: compiled once, computed for the sorted rows of every shard.

use serde_json::{Map, Value};

use super::rows::Columns;
use crate::column::{Column, DType, Values};
use crate::config::{Computation, Variable};
use crate::error::{Error, Result};
use crate::expression::{Expression, MergeableExpression};
use crate::registry::Registry;
use crate::statistic::{
    Groups, MergeableStatistic, Output, OutputShape, States, Statistic, StatisticRequest, VariableKind,
};

/// The column that a function without a source is applied to, as in the original.
const DEFAULT_SOURCE: &str = "h_li";

/// One output array.
#[derive(Debug)]
pub struct CompiledVariable {
    /// Name of the array.
    pub name: String,
    /// Element type of the array.
    pub dtype: DType,
    /// Shape of one cell's value.
    pub shape: OutputShape,
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
    /// Columns that the computation reads.
    reads: Vec<usize>,
}

#[derive(Debug)]
enum Compiled {
    Statistic { statistic: Box<dyn Statistic>, inputs: Vec<InputColumn> },
    Expression { expression: Expression, mergeable: Option<MergeableExpression> },
}

/// Where a statistic's input comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InputColumn {
    Column(usize),
    Derived(usize),
}

/// The rows of a shard, sorted by group.
#[derive(Debug, Clone, Copy)]
pub struct SortedRows<'a> {
    /// `n + 1` ascending row numbers; group `i` is the rows `offsets[i]..offsets[i + 1]`, never empty.
    pub offsets: &'a [u32],
    /// Names of the columns.
    pub names: &'a [String],
    /// The columns, one value per row.
    pub columns: &'a [Column],
    /// Row-wise inputs of statistics that are no columns, one value per row.
    pub inputs: &'a [Values],
}

impl<'a> SortedRows<'a> {
    fn values(&self, name: &str) -> Option<&'a Values> {
        let at = self.names.iter().position(|n| n == name)?;
        self.columns.get(at).map(|column| &column.values)
    }
}

/// One answer per group that has a row without missing values.
#[derive(Debug)]
pub struct PerGroup<T> {
    /// Numbers of those groups, ascending; `None` when it is all of them.
    pub groups: Option<Vec<u32>>,
    /// Their answers, in that order.
    pub answers: T,
}

impl CompiledVariable {
    /// Resolves the names of one variable. Row-wise inputs that are no columns go into `inputs`, each once.
    pub(super) fn compile(
        variable: &Variable,
        columns: &mut Columns<'_>,
        inputs: &mut Vec<Expression>,
        registry: &Registry,
    ) -> Result<Self> {
        let mut refers = Vec::new();
        let mut counts_missing = false;
        let (computation, shape, describes, function) = match &variable.computation {
            Computation::Expression(text) => {
                let expression = Expression::parse(text)?;
                columns.check(&expression)?;
                expression.check_per_group()?;
                expression.check_types(&|name| columns.dtype(name).flatten())?;
                for name in expression.columns() {
                    refers.push(columns.index(name)?);
                }
                let mergeable = expression.mergeable();
                (Compiled::Expression { expression, mergeable }, OutputShape::Scalar, None, None)
            }
            Computation::Function { name, source, params } => {
                let has_default = columns.dtype(DEFAULT_SOURCE).is_some();
                let source = source.clone().or_else(|| has_default.then(|| DEFAULT_SOURCE.to_string()));
                let statistic = registry.statistic(&StatisticRequest {
                    variable: variable.name.clone(),
                    function: name.clone(),
                    source: source.clone(),
                    source_dtype: source.as_ref().and_then(|source| columns.dtype(source).flatten()),
                    params: params.clone(),
                    kind: variable.kind,
                    shape: variable.shape.clone(),
                })?;
                let shape = checked_shape(variable, name, &*statistic)?;
                let mut used = Vec::new();
                for input in statistic.inputs() {
                    used.push(input_column(&input.expression, columns, &mut refers, inputs)?);
                }
                counts_missing = !statistic.skips_missing();
                let describes = source.map(|source| (source, statistic.unit_power()));
                (Compiled::Statistic { statistic, inputs: used }, shape, describes, Some(name.clone()))
            }
        };
        refers.sort_unstable();
        refers.dedup();
        let reads = refers.clone();
        if counts_missing {
            refers.clear();
        }
        Ok(Self {
            name: variable.name.clone(),
            dtype: variable.dtype,
            shape,
            fill: variable.fill.to_values(variable.dtype)?,
            attrs: variable.attrs.clone(),
            describes,
            function,
            computation,
            refers,
            reads,
        })
    }

    /// Numbers of one cell, or of one item of it for a ragged variable.
    pub fn items(&self) -> usize {
        match &self.shape {
            OutputShape::Scalar => 1,
            OutputShape::Fixed(shape) | OutputShape::Ragged(shape) => shape.iter().product::<u64>() as usize,
        }
    }

    /// Numbers of the columns that it reads, ascending.
    pub(crate) fn reads(&self) -> &[usize] {
        &self.reads
    }

    /// Numbers of the row-wise inputs that it reads.
    pub(crate) fn derived(&self) -> impl Iterator<Item = usize> + '_ {
        let inputs = match &self.computation {
            Compiled::Statistic { inputs, .. } => &inputs[..],
            Compiled::Expression { .. } => &[],
        };
        inputs.iter().filter_map(|input| match *input {
            InputColumn::Derived(at) => Some(at),
            InputColumn::Column(_) => None,
        })
    }

    /// Position of a block of the array: that of the cells, and the one block along each dimension of a cell's value.
    pub(crate) fn position(&self, cells: &[u64]) -> Vec<u64> {
        let mut position = cells.to_vec();
        if let OutputShape::Fixed(shape) = &self.shape {
            position.extend(shape.iter().map(|_| 0));
        }
        position
    }

    /// The value of every group, in the element type of the array.
    ///
    /// # Errors
    /// When the computation cannot take the columns' types, or a result does not fit the array's type.
    pub fn reduce(&self, rows: &SortedRows<'_>) -> Result<PerGroup<Output>> {
        self.of_complete_rows(rows, |rows| {
            let output = match &self.computation {
                Compiled::Statistic { statistic, inputs } => {
                    statistic.reduce(&Groups { offsets: rows.offsets, columns: &columns_of(inputs, rows) })?
                }
                Compiled::Expression { expression, .. } => {
                    Output::dense(expression.evaluate_groups(rows.offsets, &|name| rows.values(name))?)
                }
            };
            self.checked(output, rows.offsets.len().saturating_sub(1))
        })
    }

    /// Name and version of the form of this variable's states, when states of it merge.
    pub fn form(&self) -> Option<String> {
        match &self.computation {
            Compiled::Statistic { statistic, .. } => statistic.mergeable().map(|m| m.form().to_string()),
            Compiled::Expression { mergeable, .. } => mergeable.as_ref().map(|m| m.form().to_string()),
        }
    }

    /// The state of every group, for a variable whose states merge.
    ///
    /// # Errors
    /// As [`Self::reduce`]; and when states of this variable do not merge.
    pub fn partial(&self, rows: &SortedRows<'_>) -> Result<PerGroup<States>> {
        self.of_complete_rows(rows, |rows| {
            let states = match &self.computation {
                Compiled::Statistic { statistic, inputs } => mergeable(&**statistic)?
                    .partial(&Groups { offsets: rows.offsets, columns: &columns_of(inputs, rows) })?,
                Compiled::Expression { mergeable, .. } => {
                    let mergeable = mergeable.as_ref().ok_or_else(does_not_merge)?;
                    mergeable.partial(rows.offsets, &|name| rows.values(name))?
                }
            };
            sound(states, rows.offsets.len().saturating_sub(1))
        })
    }

    /// Folds runs of states into one each: state `i` of the result is the states `offsets[i]..offsets[i + 1]`, in that order.
    ///
    /// # Errors
    /// When the states are not of this variable's form.
    pub fn merge(&self, states: &States, offsets: &[u32]) -> Result<States> {
        let merged = match &self.computation {
            Compiled::Statistic { statistic, .. } => mergeable(&**statistic)?.merge(states, offsets)?,
            Compiled::Expression { mergeable, .. } => {
                mergeable.as_ref().ok_or_else(does_not_merge)?.merge(states, offsets)?
            }
        };
        sound(merged, offsets.len().saturating_sub(1))
    }

    /// Folds runs of states as [`Self::merge`] does and gives the values that they stand for.
    ///
    /// # Errors
    /// When the states are not of this variable's form, or a result does not fit the array's type.
    pub fn finish(&self, states: &States, offsets: &[u32]) -> Result<Output> {
        let merged = self.merge(states, offsets)?;
        let output = match &self.computation {
            Compiled::Statistic { statistic, .. } => mergeable(&**statistic)?.finish(&merged)?,
            Compiled::Expression { mergeable, .. } => {
                Output::dense(mergeable.as_ref().ok_or_else(does_not_merge)?.finish(&merged)?)
            }
        };
        self.checked(output, merged.len())
    }

    /// Applies a computation to the rows without missing values.
    fn of_complete_rows<T>(
        &self,
        rows: &SortedRows<'_>,
        compute: impl FnOnce(&SortedRows<'_>) -> Result<T>,
    ) -> Result<PerGroup<T>> {
        let missing = self.refers.iter().filter_map(|&at| rows.columns.get(at)?.missing.as_deref());
        let Some(complete) = complete_rows(rows.offsets, missing) else {
            return Ok(PerGroup { groups: None, answers: compute(rows)? });
        };
        let some: Vec<Column> = rows
            .columns
            .iter()
            .enumerate()
            .map(|(at, column)| match self.refers.contains(&at) {
                true => column.filter(&complete.keep),
                false => Column::complete(Values::empty(DType::Bool)),
            })
            .collect();
        let inputs: Vec<Values> = rows.inputs.iter().map(|values| values.filter(&complete.keep)).collect();
        let rows = SortedRows { offsets: &complete.offsets, columns: &some, inputs: &inputs, ..*rows };
        Ok(PerGroup { answers: compute(&rows)?, groups: Some(complete.groups) })
    }

    /// The output of a computation, checked to be of the announced shape, in the element type of the array.
    fn checked(&self, output: Output, groups: usize) -> Result<Output> {
        let Output { values, offsets } = output;
        let fits = match (&self.shape, &offsets) {
            (OutputShape::Scalar | OutputShape::Fixed(_), None) => {
                groups.checked_mul(self.items()) == Some(values.len())
            }
            (OutputShape::Ragged(_), Some(offsets)) => {
                offsets.len() == groups + 1
                    && offsets.first() == Some(&0)
                    && offsets.is_sorted()
                    && offsets.last().and_then(|&n| usize::try_from(n).ok()?.checked_mul(self.items()))
                        == Some(values.len())
            }
            _ => false,
        };
        if !fits {
            return Err(Error::plugin(format!(
                "{} values came back for {groups} cells, which is not the announced shape",
                values.len()
            )));
        }
        let values = values.cast(self.dtype).map_err(|error| {
            Error::input(format!("{error}; give the variable a float dtype or a wider integer"))
        })?;
        Ok(Output { values, offsets })
    }
}

/// Where an input of a statistic comes from: a column, or an expression over columns.
fn input_column(
    text: &str,
    columns: &mut Columns<'_>,
    refers: &mut Vec<usize>,
    inputs: &mut Vec<Expression>,
) -> Result<InputColumn> {
    if columns.dtype(text).is_some() {
        let at = columns.index(text)?;
        refers.push(at);
        return Ok(InputColumn::Column(at));
    }
    let expression = Expression::parse(text)?;
    columns.check(&expression)?;
    if !expression.is_rowwise() {
        return Err(Error::input(format!(
            "the parameter {text:?} gives one value per cell; it must give one per row"
        )));
    }
    expression.check_types(&|name| columns.dtype(name).flatten())?;
    for name in expression.columns() {
        refers.push(columns.index(name)?);
    }
    let at = inputs.iter().position(|e| e.text() == expression.text()).unwrap_or_else(|| {
        inputs.push(expression);
        inputs.len() - 1
    });
    Ok(InputColumn::Derived(at))
}

fn columns_of<'a>(inputs: &[InputColumn], rows: &SortedRows<'a>) -> Vec<&'a Values> {
    inputs
        .iter()
        .map(|input| match *input {
            InputColumn::Column(at) => &rows.columns[at].values,
            InputColumn::Derived(at) => &rows.inputs[at],
        })
        .collect()
}

/// The shape that a statistic gives, checked against what the pipeline says.
fn checked_shape(variable: &Variable, name: &str, statistic: &dyn Statistic) -> Result<OutputShape> {
    let shape = statistic.output().shape;
    let kind = VariableKind::of(&shape);
    if kind != variable.kind {
        let (is, asked) = (kind.name(), variable.kind.name());
        return Err(Error::input(format!(
            "{name} gives {is} values here, not {asked} ones; write kind: {is}"
        )));
    }
    if let (OutputShape::Fixed(is) | OutputShape::Ragged(is), Some(asked)) = (&shape, &variable.shape)
        && is != asked
    {
        return Err(Error::input(format!("{name} gives values of shape {is:?} here, not {asked:?}")));
    }
    Ok(shape)
}

fn mergeable(statistic: &dyn Statistic) -> Result<&dyn MergeableStatistic> {
    statistic.mergeable().ok_or_else(does_not_merge)
}

fn does_not_merge() -> Error {
    Error::plugin("states of this variable do not merge")
}

/// States of as many groups as there are.
fn sound(states: States, groups: usize) -> Result<States> {
    let fits = states.offsets.is_sorted()
        && states.offsets.last().is_none_or(|&last| last as usize == states.values.len());
    if fits && states.len() == groups {
        Ok(states)
    } else {
        Err(Error::plugin(format!("{} states came back for {groups} groups", states.len())))
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
