//! Sums.

use zagg_core::reduce::{self, Nan};
use zagg_core::statistic::{
    Groups, Input, MergeableStatistic, Output, OutputSpec, States, Statistic, StatisticRequest,
};
use zagg_core::{DType, Result};

use crate::request::{column, only, scalar, source};
use crate::{pair, partial};

/// Form of the states: the sum as a float and what is left of it.
const FORM: &str = "sum/1";

/// `sum` and `nansum`.
///
/// - Definition: `Σ x`. Integers are added exactly and give int64 or uint64, as in numpy, but a sum beyond 64 bits is
///   refused; floats are added in f64 and give float64. One row: the value. NaN: NaN, or left out; 0 where nothing is left.
/// - Partial form: the sum as two floats. Merge rule: addition of double length. Exact for integers; over floats the sums
///   of the parts differ from the sum of the whole by at most `n·2^-53·Σ|x|`. Arrival order: not needed.
struct Sum {
    spec: OutputSpec,
    inputs: Vec<Input>,
    nan: Nan,
}

pub(crate) fn sum(request: &StatisticRequest, nan: Nan) -> Result<Box<dyn Statistic>> {
    only(request, &[])?;
    let dtype = match request.source_dtype {
        None | Some(DType::Float32 | DType::Float64) => DType::Float64,
        Some(DType::UInt8 | DType::UInt16 | DType::UInt32 | DType::UInt64) => DType::UInt64,
        Some(_) => DType::Int64,
    };
    Ok(Box::new(Sum { spec: scalar(request, dtype)?, inputs: vec![source(request)?], nan }))
}

impl Statistic for Sum {
    fn output(&self) -> OutputSpec {
        self.spec.clone()
    }

    fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    fn reduce(&self, groups: &Groups<'_>) -> Result<Output> {
        reduce::sum(column(groups, 0)?, groups.offsets, self.nan).map(Output::dense)
    }

    fn mergeable(&self) -> Option<&dyn MergeableStatistic> {
        Some(self)
    }
}

impl MergeableStatistic for Sum {
    fn form(&self) -> &str {
        FORM
    }

    fn partial(&self, groups: &Groups<'_>) -> Result<States> {
        let x = column(groups, 0)?;
        let sums = match reduce::integer_sums(x, groups.offsets)? {
            Some(sums) => sums.into_iter().flat_map(pair::of_integer).collect(),
            None => {
                let sums = reduce::sum_f64(x, groups.offsets, self.nan)?;
                sums.into_iter().flat_map(|sum| [sum, 0.0]).collect()
            }
        };
        Ok(States::fixed(2, sums))
    }

    fn merge(&self, states: &States, offsets: &[u32]) -> Result<States> {
        partial::fold(FORM, states, offsets, pair::add)
    }

    fn finish(&self, states: &States) -> Result<Output> {
        let sums: Vec<[f64; 2]> = partial::rows(FORM, states)?.into_iter().copied().collect();
        pair::join(FORM, &sums, self.spec.dtype).map(Output::dense)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zagg_core::Values;

    #[test]
    fn sums_of_large_integers_merge_without_rounding() {
        let sum = sum(
            &StatisticRequest {
                source: Some("x".into()),
                source_dtype: Some(DType::Int64),
                ..StatisticRequest::default()
            },
            Nan::Propagate,
        )
        .unwrap();
        let x = Values::Int64(vec![i64::MAX, -1, -i64::MAX, (1 << 60) + 1, 7]);
        let mergeable = sum.mergeable().unwrap();
        let states = mergeable.partial(&Groups { offsets: &[0, 2, 3, 5], columns: &[&x] }).unwrap();
        let merged = mergeable.merge(&states, &[0, 3]).unwrap();
        assert_eq!(mergeable.finish(&merged).unwrap().values, Values::Int64(vec![(1 << 60) + 7]));
        let beyond = mergeable.merge(&States::fixed(2, vec![1e19, 0.0]), &[0, 1]).unwrap();
        assert!(mergeable.finish(&beyond).is_err());
    }
}
