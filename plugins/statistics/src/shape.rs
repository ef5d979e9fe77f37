//! The shape of a distribution: skewness and kurtosis.

use zagg_core::reduce::{Nan, sum_of};
use zagg_core::statistic::{
    Groups, Input, MergeableStatistic, Output, OutputSpec, States, Statistic, StatisticRequest,
};
use zagg_core::{DType, Result, Values};

use crate::partial;
use crate::request::{floats, only, scalar, source};

/// Form of the states: number, mean, and the sums of squares, cubes and fourth powers of differences from the mean.
const FORM: &str = "moments-4/1";

/// Squares per value up to which all values count as the same, relative to the mean: scipy's rule.
const SAME: f64 = 1e-15;

/// `skew`, `kurtosis` and their variants without NaN.
///
/// - Definition: with central moments `m_k = Σ (x - mean)^k / n`, skewness is `m3 / m2^1.5` and kurtosis `m4 / m2² - 3`
///   (scipy's `skew` and `kurtosis` with `bias=True, fisher=True`). NaN where all values are the same, so for one row too:
///   `m2 <= (10^-15·mean)²`. NaN: NaN, or left out. An infinity: NaN.
/// - Partial form: number, mean, and the three sums. Merge rule: Pébay's (Sandia report SAND2008-6212), with relative
///   error of a few 2^-53 of the greatest term per merge. Arrival order: not needed.
struct Shape {
    spec: OutputSpec,
    inputs: Vec<Input>,
    nan: Nan,
    fourth: bool,
}

pub(crate) fn shape(request: &StatisticRequest, nan: Nan, fourth: bool) -> Result<Box<dyn Statistic>> {
    only(request, &[])?;
    let inputs = vec![source(request)?];
    Ok(Box::new(Shape { spec: scalar(request, DType::Float64)?, inputs, nan, fourth }))
}

/// Number, mean, and the sums of the second, third and fourth power of the differences from it.
type Sums = [f64; 5];

fn sums(x: &[f64]) -> Sums {
    let n = x.len();
    if n == 0 {
        return [0.0, f64::NAN, 0.0, 0.0, 0.0];
    }
    let mean = sum_of(n, |i| x[i]) / n as f64;
    let power = |k: i32| {
        sum_of(n, |i| {
            let d = x[i] - mean;
            match k {
                2 => d * d,
                3 => d * d * d,
                _ => (d * d) * (d * d),
            }
        })
    };
    [n as f64, mean, power(2), power(3), power(4)]
}

/// The sums of both sets of values together.
fn merge(a: Sums, b: Sums) -> Sums {
    let ([na, ma, a2, a3, a4], [nb, mb, b2, b3, b4]) = (a, b);
    if na == 0.0 {
        return b;
    }
    if nb == 0.0 {
        return a;
    }
    let n = na + nb;
    let (fa, fb) = (na / n, nb / n);
    let d = mb - ma;
    let second = a2 + b2 + d * d * (na * fb);
    let third = a3 + b3 + d * d * d * (na * fb * (fa - fb)) + 3.0 * d * (fa * b2 - fb * a2);
    let fourth = a4
        + b4
        + d * d * d * d * (na * fb * (fa * fa - fa * fb + fb * fb))
        + 6.0 * d * d * (fa * fa * b2 + fb * fb * a2)
        + 4.0 * d * (fa * b3 - fb * a3);
    [n, ma + d * fb, second, third, fourth]
}

impl Shape {
    fn sums(&self, groups: &Groups<'_>) -> Result<Vec<Sums>> {
        let x = floats(groups, 0)?;
        let mut rest = Vec::new();
        let of_group = |range: std::ops::Range<usize>| {
            let x = &x[range];
            if self.nan == Nan::Propagate || !x.iter().any(|x| x.is_nan()) {
                return sums(x);
            }
            rest.clear();
            rest.extend(x.iter().filter(|x| !x.is_nan()));
            sums(&rest)
        };
        Ok(groups.ranges().map(of_group).collect())
    }

    fn value(&self, [n, mean, second, third, fourth]: Sums) -> f64 {
        let m2 = second / n;
        // False where m2 is NaN: then the quotients are NaN by themselves.
        if m2 <= (SAME * mean) * (SAME * mean) {
            return f64::NAN;
        }
        if self.fourth { fourth / n / (m2 * m2) - 3.0 } else { third / n / (m2 * m2.sqrt()) }
    }
}

impl Statistic for Shape {
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
        let values = self.sums(groups)?.into_iter().map(|sums| self.value(sums)).collect();
        Ok(Output::dense(Values::Float64(values)))
    }

    fn mergeable(&self) -> Option<&dyn MergeableStatistic> {
        Some(self)
    }
}

impl MergeableStatistic for Shape {
    fn form(&self) -> &str {
        FORM
    }

    fn partial(&self, groups: &Groups<'_>) -> Result<States> {
        Ok(States::fixed(5, self.sums(groups)?.into_iter().flatten().collect()))
    }

    fn merge(&self, states: &States, offsets: &[u32]) -> Result<States> {
        partial::fold(FORM, states, offsets, merge)
    }

    fn finish(&self, states: &States) -> Result<Output> {
        let values = partial::finish(FORM, states, |&state| {
            partial::count(FORM, state[0])?;
            partial::not_negative(FORM, state[2])?;
            partial::not_negative(FORM, state[4])?;
            Ok(self.value(state))
        })?;
        Ok(Output::dense(Values::Float64(values)))
    }
}
