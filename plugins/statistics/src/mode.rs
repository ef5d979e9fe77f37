//! The most frequent value.

use zagg_core::Result;
use zagg_core::reduce::Nan;
use zagg_core::statistic::{Groups, Input, Output, OutputSpec, Statistic, StatisticRequest};

use crate::extremes::same_type;
use crate::keys;
use crate::request::{column, only, source};

/// `mode` and `nanmode`.
///
/// - Definition: the value that occurs most often; of several, the smallest (scipy's `mode`). One row: the value. Both
///   zeros are one value. NaN: NaN, or left out; NaN where nothing is left.
/// - No partial form: it needs the counts of all values. Arrival order: not needed.
struct Mode {
    spec: OutputSpec,
    inputs: Vec<Input>,
    nan: Nan,
}

pub(crate) fn mode(request: &StatisticRequest, nan: Nan) -> Result<Box<dyn Statistic>> {
    only(request, &[])?;
    Ok(Box::new(Mode { inputs: vec![source(request)?], spec: same_type(request)?, nan }))
}

/// The smallest of the most frequent keys, which are sorted and at least one.
fn most_frequent(sorted: &[u64]) -> Option<u64> {
    let mut best = (0, None);
    for run in sorted.chunk_by(|a, b| a == b) {
        if run.len() > best.0 {
            best = (run.len(), run.first().copied());
        }
    }
    best.1
}

impl Statistic for Mode {
    fn output(&self) -> OutputSpec {
        self.spec.clone()
    }

    fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    fn reduce(&self, groups: &Groups<'_>) -> Result<Output> {
        let x = column(groups, 0)?;
        let mut keys = keys::of(x, keys::NAN);
        let is_float = x.dtype().is_float();
        let modes: Vec<u64> = groups
            .ranges()
            .map(|range| {
                let group = &mut keys[range];
                group.sort_unstable();
                let numbers =
                    if is_float { group.partition_point(|key| *key < keys::NAN) } else { group.len() };
                if numbers < group.len() && self.nan == Nan::Propagate {
                    return keys::NAN;
                }
                most_frequent(&group[..numbers]).unwrap_or(keys::NAN)
            })
            .collect();
        keys::values(&modes, x.dtype()).map(Output::dense)
    }
}
