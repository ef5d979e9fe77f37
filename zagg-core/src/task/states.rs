//! States of whole shards, for the levels whose cells hold shards.
//!
//! They are made block by block of rows in arrival order and merged at the end, whether or not all rows are in memory: so the
//! numbers are the same.

use crate::column::Column;
use crate::cores;
use crate::error::Result;
use crate::product::Product;
use crate::program::{CompiledVariable, SortedRows};
use crate::records::VariableStates;
use crate::statistic::States;

/// For every block of rows, the state of each variable whose states merge.
#[derive(Debug, Default)]
pub(super) struct BlockStates(Vec<Vec<VariableStates>>);

impl BlockStates {
    pub(super) fn push(&mut self, block: Vec<VariableStates>) {
        self.0.push(block);
    }

    pub(super) fn joined(all: Vec<Self>) -> Self {
        Self(all.into_iter().flat_map(|states| states.0).collect())
    }

    /// The states of all blocks together.
    ///
    /// # Errors
    /// When a variable does not merge its own states.
    pub(super) fn merged(self, product: &Product) -> Result<Vec<VariableStates>> {
        let mut blocks = self.0;
        if blocks.len() < 2 {
            return match blocks.pop() {
                Some(block) => Ok(block),
                None => states_of(product, 0, &[]),
            };
        }
        let mergeable = product.program.variables().iter().filter_map(|v| Some((v, v.form()?)));
        let merged = mergeable.enumerate().map(|(at, (variable, form))| {
            let mut states = States::default();
            blocks
                .iter()
                .filter_map(|block| block.get(at)?.state.as_ref())
                .for_each(|state| states.push(state));
            let merged = crate::caught(|| match states.len() {
                0 => Ok(None),
                1 => Ok(Some(states.state(0).to_vec())),
                n => Ok(Some(variable.merge(&states, &[0, n as u32])?.state(0).to_vec())),
            });
            let state = merged.map_err(|error| of_variable(error, variable))?;
            Ok(VariableStates { name: variable.name.clone(), form, state })
        });
        merged.collect()
    }
}

/// Names the variable in an error.
pub(super) fn of_variable(error: crate::Error, variable: &CompiledVariable) -> crate::Error {
    error.context(format!("variable {}", variable.name))
}

/// The states of some rows, all of one group, of every variable whose states merge.
///
/// # Errors
/// When a statistic cannot take the rows.
pub(super) fn states_of(product: &Product, rows: usize, columns: &[Column]) -> Result<Vec<VariableStates>> {
    let offsets = if rows == 0 { vec![0] } else { vec![0, rows as u32] };
    let inputs = if rows == 0 { Vec::new() } else { product.program.inputs(rows, columns)? };
    let names = product.program.columns_of_variables();
    let sorted = SortedRows { offsets: &offsets, names, columns, inputs: &inputs };
    let state = |variable: &CompiledVariable| {
        let Some(form) = variable.form() else { return Ok(None) };
        let partial = || match rows {
            0 => Ok(None),
            _ => {
                let states = variable.partial(&sorted)?.answers;
                Ok((!states.is_empty()).then(|| states.state(0).to_vec()))
            }
        };
        let state = crate::caught(partial).map_err(|error| of_variable(error, variable));
        Ok(Some(VariableStates { name: variable.name.clone(), form, state: state? }))
    };
    let all: Vec<Option<VariableStates>> = cores::each(product.program.variables(), state)?;
    Ok(all.into_iter().flatten().collect())
}
