//! Histograms.

use serde_json::Value;
use zagg_core::statistic::{
    Groups, Input, MergeableStatistic, Output, OutputSpec, States, Statistic, StatisticRequest,
};
use zagg_core::{DType, Error, Result, Values};

use crate::partial;
use crate::request::{floats, not_a_number, only, refuse, source, vector, whole};

/// Form of the states: the number of rows in every bin.
const FORM: &str = "histogram/1";

/// Most bins of one cell.
const MOST_BINS: u32 = 1 << 16;

/// Most numbers of all cells of a shard together: 8 GiB of them.
const MOST_NUMBERS: usize = 1 << 30;

/// `histogram`.
///
/// - Definition: the number of rows in every bin (numpy's `histogram`). A bin holds its lower edge, the last one its upper
///   edge too; values are compared with the edges in f64. Values outside and NaN are in no bin. One row: a 1, or zeros.
/// - Partial form: the numbers. Merge rule: addition, exact below 2^53. Arrival order: not needed.
struct Histogram {
    spec: OutputSpec,
    inputs: Vec<Input>,
    /// Strictly ascending, two or more.
    edges: Vec<f64>,
}

pub(crate) fn histogram(request: &StatisticRequest) -> Result<Box<dyn Statistic>> {
    only(request, &["bins", "range"])?;
    let inputs = vec![source(request)?];
    let edges = edges(request)?;
    let spec = vector(request, DType::Int64, vec![edges.len() as u64 - 1])?;
    Ok(Box::new(Histogram { spec, inputs, edges }))
}

fn edges(request: &StatisticRequest) -> Result<Vec<f64>> {
    let range = request.params.get("range");
    let numbers = |value: &Value| -> Option<Vec<f64>> {
        let list = value.as_array()?.iter().map(|x| x.as_f64().filter(|x| x.is_finite()));
        list.collect::<Option<Vec<f64>>>().filter(|list| list.len() > 1 && list.is_sorted_by(|a, b| a < b))
    };
    let bins = match (request.params.get("bins"), range) {
        (None, _) => {
            let what = "histogram needs params.bins: a list of edges, or a number of bins with params.range";
            return Err(refuse(request, what));
        }
        (Some(Value::Array(list)), None) => {
            let edges = request.params.get("bins").and_then(numbers);
            let fits = edges.filter(|edges| edges.len() <= MOST_BINS as usize + 1);
            return fits.ok_or_else(|| {
                let what = format!(
                    "params.bins must be 2 to {} edges, each greater than the one before; {} are given",
                    MOST_BINS + 1,
                    list.len()
                );
                refuse(request, what)
            });
        }
        (Some(Value::Array(_)), Some(_)) => {
            let what = "params.range belongs to a number of bins; params.bins lists the edges already";
            return Err(refuse(request, what));
        }
        (Some(_), None) => {
            let what = "a number of bins needs params.range, the two outer edges";
            return Err(refuse(request, what));
        }
        (Some(_), Some(range)) => {
            let bins = whole(request, "bins", 1, MOST_BINS)?.unwrap_or(1);
            let outer = numbers(range).filter(|outer| outer.len() == 2);
            let wanted = "two numbers, the lesser one first";
            (bins, outer.ok_or_else(|| not_a_number(request, "range", wanted, range))?)
        }
    };
    let (bins, outer) = bins;
    let (low, high) = (outer[0], outer[1]);
    let step = (high - low) / f64::from(bins);
    let mut edges: Vec<f64> = (0..bins).map(|i| f64::from(i) * step + low).chain([high]).collect();
    edges.dedup();
    if edges.len() != bins as usize + 1 || !edges.is_sorted_by(|a, b| a < b) {
        let what = format!("{bins} bins from {low} to {high} are narrower than float64 can tell apart");
        return Err(refuse(request, what));
    }
    Ok(edges)
}

impl Histogram {
    fn bins(&self) -> usize {
        self.edges.len() - 1
    }

    /// The numbers of all groups, one group after the other.
    fn counts<T: Copy + Default>(&self, groups: &Groups<'_>, add: impl Fn(&mut T)) -> Result<Vec<T>> {
        let x = floats(groups, 0)?;
        let all = groups.len().checked_mul(self.bins()).filter(|all| *all <= MOST_NUMBERS).ok_or_else(|| {
            Error::input(format!(
                "{} bins for each of {} cells are too many at once; take fewer bins or a finer parent_order",
                self.bins(),
                groups.len()
            ))
        })?;
        let mut counts = vec![T::default(); all];
        let last = self.edges[self.bins()];
        for (range, counts) in groups.ranges().zip(counts.chunks_exact_mut(self.bins())) {
            for &x in &x[range] {
                let above = self.edges.partition_point(|edge| *edge <= x);
                let bin = if x == last { above.checked_sub(2) } else { above.checked_sub(1) };
                // Values above the last edge and NaN have no place.
                if let Some(count) = bin.filter(|_| x <= last).and_then(|bin| counts.get_mut(bin)) {
                    add(count);
                }
            }
        }
        Ok(counts)
    }

    fn check(&self, states: &States) -> Result<()> {
        partial::check(FORM, states)?;
        let bins = self.bins();
        match (0..states.len()).map(|i| states.state(i)).find(|state| state.len() != bins) {
            Some(state) => {
                Err(partial::damaged(FORM, &format!("it has {} bins instead of {bins}", state.len())))
            }
            None => Ok(()),
        }
    }
}

impl Statistic for Histogram {
    fn output(&self) -> OutputSpec {
        self.spec.clone()
    }

    fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    fn unit_power(&self) -> Option<i32> {
        Some(0)
    }

    fn reduce(&self, groups: &Groups<'_>) -> Result<Output> {
        self.counts(groups, |n: &mut i64| *n += 1).map(Values::Int64).map(Output::dense)
    }

    fn mergeable(&self) -> Option<&dyn MergeableStatistic> {
        Some(self)
    }
}

impl MergeableStatistic for Histogram {
    fn form(&self) -> &str {
        FORM
    }

    fn partial(&self, groups: &Groups<'_>) -> Result<States> {
        Ok(States::fixed(self.bins() as u32, self.counts(groups, |n: &mut f64| *n += 1.0)?))
    }

    fn merge(&self, states: &States, offsets: &[u32]) -> Result<States> {
        self.check(states)?;
        partial::check_runs(FORM, states.len(), offsets)?;
        let mut merged = States { values: Vec::new(), offsets: vec![0] };
        for run in offsets.windows(2) {
            let mut counts = vec![0.0; self.bins()];
            for state in run[0]..run[1] {
                for (sum, n) in counts.iter_mut().zip(states.state(state as usize)) {
                    *sum += n;
                }
            }
            merged.push(&counts);
        }
        Ok(merged)
    }

    fn finish(&self, states: &States) -> Result<Output> {
        self.check(states)?;
        let mut counts = Vec::with_capacity(states.values.len());
        for state in 0..states.len() {
            for &n in states.state(state) {
                counts.push(partial::count(FORM, n)? as i64);
            }
        }
        Ok(Output::dense(Values::Int64(counts)))
    }
}
