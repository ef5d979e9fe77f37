//! A statistic: the sum.

use std::time::Duration;

use zagg_core::statistic::{
    Groups, Input, MergeableStatistic, Output, OutputShape, OutputSpec, States, Statistic, StatisticRequest,
    VariableKind,
};
use zagg_core::{DType, Error, Result, Values};

use crate::Fault;

/// The statistic.
#[derive(Debug)]
pub struct Sum {
    inputs: Vec<Input>,
    fault: Fault,
}

impl Sum {
    /// The sum of the source of a request, with a fault.
    ///
    /// # Errors
    /// When the request names no source, or wants anything but one number.
    pub fn new(name: &'static str, request: &StatisticRequest) -> Result<Self> {
        let fault = Fault::of(name, &request.params);
        fault.enter("make");
        if request.kind != VariableKind::Scalar {
            return Err(Error::input("a sum is one number"));
        }
        let source = request.source.clone().ok_or_else(|| Error::input("a sum needs a source"))?;
        Ok(Self { inputs: vec![Input { expression: source }], fault })
    }

    fn sums(groups: &Groups<'_>) -> Vec<f64> {
        let values = groups.columns[0].to_f64();
        groups.ranges().map(|range| values[range].iter().sum()).collect()
    }
}

impl Statistic for Sum {
    fn output(&self) -> OutputSpec {
        self.fault.enter("output");
        OutputSpec { dtype: DType::Float64, shape: OutputShape::Scalar }
    }

    fn inputs(&self) -> &[Input] {
        self.fault.enter("inputs");
        &self.inputs
    }

    fn skips_missing(&self) -> bool {
        self.fault.enter("skips_missing");
        true
    }

    fn needs_arrival_order(&self) -> bool {
        self.fault.enter("needs_arrival_order");
        false
    }

    fn unit_power(&self) -> Option<i32> {
        self.fault.enter("unit_power");
        Some(1)
    }

    fn reduce(&self, groups: &Groups<'_>) -> Result<Output> {
        self.fault.enter("reduce");
        let mut sums = Self::sums(groups);
        if self.fault.is("abort") {
            std::process::abort();
        }
        if self.fault.is("endless") {
            loop {
                std::thread::sleep(Duration::from_secs(1));
            }
        }
        if self.fault.is("length") {
            sums.pop();
        }
        if self.fault.is("type") {
            return Ok(Output::dense(Values::Float32(sums.into_iter().map(|sum| sum as f32).collect())));
        }
        Ok(Output::dense(Values::Float64(sums)))
    }

    fn mergeable(&self) -> Option<&dyn MergeableStatistic> {
        self.fault.enter("mergeable");
        Some(self)
    }
}

impl MergeableStatistic for Sum {
    fn form(&self) -> &str {
        self.fault.enter("form");
        "test-sum/1"
    }

    fn partial(&self, groups: &Groups<'_>) -> Result<States> {
        self.fault.enter("partial");
        Ok(States::fixed(1, Self::sums(groups)))
    }

    fn merge(&self, states: &States, offsets: &[u32]) -> Result<States> {
        self.fault.enter("merge");
        zagg_core::reduce::check(states.len(), offsets)?;
        let sums = self.sums_of(states)?;
        let add = |run: &[f64]| if self.fault.is("merge") { run[0] } else { run.iter().sum() };
        let runs = offsets.windows(2).map(|w| add(&sums[w[0] as usize..w[1] as usize]));
        Ok(States::fixed(1, runs.collect()))
    }

    fn finish(&self, states: &States) -> Result<Output> {
        self.fault.enter("finish");
        Ok(Output::dense(Values::Float64(self.sums_of(states)?)))
    }
}

impl Sum {
    fn sums_of(&self, states: &States) -> Result<Vec<f64>> {
        let damaged = || Error::corrupt("the states are no sums");
        let ascending = states.offsets.first().is_none_or(|first| *first == 0);
        if !ascending || states.offsets.len() != states.values.len() + 1 && !states.values.is_empty() {
            return Err(damaged());
        }
        (0..states.len())
            .map(|i| match states.state(i) {
                [sum] => Ok(*sum),
                _ => Err(damaged()),
            })
            .collect()
    }
}

impl Drop for Sum {
    fn drop(&mut self) {
        self.fault.enter("drop");
    }
}
