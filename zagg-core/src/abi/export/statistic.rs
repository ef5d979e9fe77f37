//! A statistic behind its twin.

use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::RSlice;

use super::super::facts::StatisticFacts;
use super::super::traits::{self, AbiStatistic, AbiStatistic_TO};
use super::super::types::{AbiOutput, AbiSlice, AbiStates, Answer, Packed};
use super::super::wire::encode;
use super::guard::{Held, guard};
use crate::column::Values;
use crate::error::{Error, Result};
use crate::registry::Plugin;
use crate::statistic::{Groups, MergeableStatistic, States, Statistic};

struct StatisticTwin {
    plugin: &'static Plugin,
    statistic: Held<dyn Statistic>,
}

pub(super) fn export(plugin: &'static Plugin, statistic: Box<dyn Statistic>) -> traits::Statistic {
    AbiStatistic_TO::from_value(StatisticTwin { plugin, statistic: Held::new(statistic) }, TD_Opaque)
}

/// Runs something over groups. Their columns are copied, because native ones own their memory.
fn over<T>(
    offsets: &[u32],
    columns: &[AbiSlice<'_>],
    work: impl FnOnce(&Groups<'_>) -> Result<T>,
) -> Result<T> {
    let columns: Vec<Values> = columns.iter().map(|column| Values::from(*column)).collect();
    let columns: Vec<&Values> = columns.iter().collect();
    work(&Groups { offsets, columns: &columns })
}

fn states(values: &[f64], offsets: &[u32]) -> States {
    States { values: values.to_vec(), offsets: offsets.to_vec() }
}

impl StatisticTwin {
    fn mergeable(&self) -> Result<&dyn MergeableStatistic> {
        self.statistic.get()?.mergeable().ok_or_else(|| Error::plugin("its states do not merge"))
    }
}

impl AbiStatistic for StatisticTwin {
    fn describe(&self) -> Answer<Packed> {
        // Each under its own name, so that a panic in it can be found.
        macro_rules! ask {
            ($method:ident) => {
                match guard(self.plugin, concat!("Statistic::", stringify!($method)), || {
                    Ok(self.statistic.get()?.$method().to_owned())
                })
                .into_result()
                {
                    Ok(answer) => answer,
                    Err(fault) => return Err(fault).into(),
                }
            };
        }
        let output = ask!(output);
        let inputs = ask!(inputs);
        let skips_missing = ask!(skips_missing);
        let needs_arrival_order = ask!(needs_arrival_order);
        let unit_power = ask!(unit_power);
        guard(self.plugin, "Statistic::mergeable or its form", || {
            let form = self.statistic.get()?.mergeable().map(|mergeable| mergeable.form().to_owned());
            let facts =
                StatisticFacts { output, inputs, skips_missing, needs_arrival_order, unit_power, form };
            Ok(encode(&facts).into())
        })
    }

    fn reduce(&self, offsets: RSlice<'_, u32>, columns: RSlice<'_, AbiSlice<'_>>) -> Answer<AbiOutput> {
        guard(self.plugin, "Statistic::reduce", || {
            let statistic = self.statistic.get()?;
            over(&offsets, &columns, |groups| statistic.reduce(groups)).map(AbiOutput::from)
        })
    }

    fn partial(&self, offsets: RSlice<'_, u32>, columns: RSlice<'_, AbiSlice<'_>>) -> Answer<AbiStates> {
        guard(self.plugin, "MergeableStatistic::partial", || {
            let mergeable = self.mergeable()?;
            over(&offsets, &columns, |groups| mergeable.partial(groups)).map(AbiStates::from)
        })
    }

    fn merge(
        &self,
        values: RSlice<'_, f64>,
        offsets: RSlice<'_, u32>,
        runs: RSlice<'_, u32>,
    ) -> Answer<AbiStates> {
        guard(self.plugin, "MergeableStatistic::merge", || {
            self.mergeable()?.merge(&states(&values, &offsets), &runs).map(AbiStates::from)
        })
    }

    fn finish(&self, values: RSlice<'_, f64>, offsets: RSlice<'_, u32>) -> Answer<AbiOutput> {
        guard(self.plugin, "MergeableStatistic::finish", || {
            self.mergeable()?.finish(&states(&values, &offsets)).map(AbiOutput::from)
        })
    }
}
