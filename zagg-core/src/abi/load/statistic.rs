//! A statistic of a library.

use super::super::facts::StatisticFacts;
use super::super::traits;
use super::super::types::AbiSlice;
use super::super::wire::decode;
use super::caller::Caller;
use crate::error::Result;
use crate::statistic::{
    Groups, Input, MergeableStatistic, Output, OutputShape, OutputSpec, States, Statistic,
};

struct LoadedStatistic {
    caller: Caller,
    statistic: traits::Statistic,
    facts: StatisticFacts,
    /// Numbers of a value, or of one item of it.
    items: usize,
}

pub(super) fn import(caller: Caller, statistic: traits::Statistic) -> Result<Box<dyn Statistic>> {
    let facts: StatisticFacts = decode(&caller.call("Statistic::output", || statistic.describe())?)?;
    let shape = match &facts.output.shape {
        OutputShape::Scalar => &[][..],
        OutputShape::Fixed(shape) | OutputShape::Ragged(shape) => shape,
    };
    let items = shape.iter().try_fold(1_u64, |all, &size| all.checked_mul(size));
    let items =
        items.filter(|items| (1..=1 << 32).contains(items)).and_then(|items| usize::try_from(items).ok());
    let items = items.ok_or_else(|| {
        caller.fault("Statistic::output", format_args!("announces values of the shape {shape:?}"))
    })?;
    Ok(Box::new(LoadedStatistic { caller, statistic, facts, items }))
}

impl LoadedStatistic {
    /// Checks values for a number of groups against what was announced.
    fn check_output(&self, method: &str, groups: usize, output: Output) -> Result<Output> {
        let dtype = output.values.dtype();
        let announced = self.facts.output.dtype;
        self.caller
            .check(dtype == announced, method, || format!("gives {dtype}, but {announced} was announced"))?;
        let given = output.values.len();
        let expected = match (&self.facts.output.shape, &output.offsets) {
            (OutputShape::Ragged(_), Some(offsets)) => {
                let ascending = offsets.first() == Some(&0) && offsets.is_sorted();
                self.caller.check(ascending && offsets.len() == groups + 1, method, || {
                    format!(
                        "gives {} offsets for {groups} groups, or they do not ascend from 0",
                        offsets.len()
                    )
                })?;
                offsets.last().and_then(|&last| usize::try_from(last).ok()?.checked_mul(self.items))
            }
            (OutputShape::Scalar | OutputShape::Fixed(_), None) => groups.checked_mul(self.items),
            (shape, offsets) => {
                let with = if offsets.is_some() { "with" } else { "without" };
                return Err(self
                    .caller
                    .fault(method, format_args!("gives values {with} offsets for {shape:?}")));
            }
        };
        self.caller.check(Some(given) == expected, method, || {
            let expected = expected.unwrap_or_default();
            format!("gives {given} values for {groups} groups instead of {expected}")
        })?;
        Ok(output)
    }

    fn check_states(&self, method: &str, count: usize, states: States) -> Result<States> {
        let offsets = &states.offsets;
        // No states may have no offsets at all.
        let sound = (count == 0 && offsets.is_empty() && states.values.is_empty())
            || (offsets.len() == count + 1
                && offsets.first() == Some(&0)
                && offsets.is_sorted()
                && offsets.last().is_some_and(|&last| last as usize == states.values.len()));
        self.caller.check(sound, method, || {
            format!(
                "gives {} numbers and {} offsets for {count} states, which do not fit",
                states.values.len(),
                offsets.len()
            )
        })?;
        Ok(states)
    }
}

/// The columns of groups, where they are.
fn slices<'a>(groups: &Groups<'a>) -> Vec<AbiSlice<'a>> {
    groups.columns.iter().map(|column| AbiSlice::from(*column)).collect()
}

#[deny(clippy::missing_trait_methods)]
impl Statistic for LoadedStatistic {
    fn output(&self) -> OutputSpec {
        self.facts.output.clone()
    }

    fn inputs(&self) -> &[Input] {
        &self.facts.inputs
    }

    fn skips_missing(&self) -> bool {
        self.facts.skips_missing
    }

    fn needs_arrival_order(&self) -> bool {
        self.facts.needs_arrival_order
    }

    fn unit_power(&self) -> Option<i32> {
        self.facts.unit_power
    }

    fn reduce(&self, groups: &Groups<'_>) -> Result<Output> {
        const METHOD: &str = "Statistic::reduce";
        let columns = slices(groups);
        let output = self
            .caller
            .call(METHOD, || self.statistic.reduce(groups.offsets.into(), columns.as_slice().into()))?;
        self.check_output(METHOD, groups.len(), output.into())
    }

    fn mergeable(&self) -> Option<&dyn MergeableStatistic> {
        self.facts.form.is_some().then_some(self)
    }
}

#[deny(clippy::missing_trait_methods)]
impl MergeableStatistic for LoadedStatistic {
    fn form(&self) -> &str {
        self.facts.form.as_deref().unwrap_or_default()
    }

    fn partial(&self, groups: &Groups<'_>) -> Result<States> {
        const METHOD: &str = "MergeableStatistic::partial";
        let columns = slices(groups);
        let states = self
            .caller
            .call(METHOD, || self.statistic.partial(groups.offsets.into(), columns.as_slice().into()))?;
        self.check_states(METHOD, groups.len(), states.into())
    }

    fn merge(&self, states: &States, offsets: &[u32]) -> Result<States> {
        const METHOD: &str = "MergeableStatistic::merge";
        let merged = self.caller.call(METHOD, || {
            let (values, bounds) = (states.values.as_slice(), states.offsets.as_slice());
            self.statistic.merge(values.into(), bounds.into(), offsets.into())
        })?;
        self.check_states(METHOD, offsets.len().saturating_sub(1), merged.into())
    }

    fn finish(&self, states: &States) -> Result<Output> {
        const METHOD: &str = "MergeableStatistic::finish";
        let output = self.caller.call(METHOD, || {
            self.statistic.finish(states.values.as_slice().into(), states.offsets.as_slice().into())
        })?;
        self.check_output(METHOD, states.len(), output.into())
    }
}
