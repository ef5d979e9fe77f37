//! Values of single rows: the first and last, and those where another column is least or greatest.

use zagg_core::reduce::{self, Nan};
use zagg_core::statistic::{
    Groups, Input, MergeableStatistic, Output, OutputSpec, States, Statistic, StatisticRequest,
};
use zagg_core::{DType, Error, Result, Values};

use crate::extremes::same_type;
use crate::request::{column, needed_rowwise, only, source};
use crate::{keys, pair, partial};

/// The values at one row per group; NaN where there is no such row.
fn pick(values: &Values, rows: &[Option<u32>]) -> Result<Values> {
    if let Some(rows) = rows.iter().copied().collect::<Option<Vec<u32>>>() {
        return Ok(values.gather(&rows));
    }
    let floats = values.to_f64();
    let picked = rows.iter().map(|row| row.map_or(f64::NAN, |row| floats[row as usize])).collect();
    let dtype = if values.dtype() == DType::Float32 { DType::Float32 } else { DType::Float64 };
    Values::Float64(picked).cast(dtype)
}

/// `first`, `last` and their variants without NaN.
///
/// - Definition: the value of the first or last row in arrival order whose source is not missing, NaN or not; or of the
///   first or last one that is not NaN, and NaN where there is none. One row: the value.
/// - No partial form: states know nothing of arrival. Arrival order: needed.
struct Place {
    spec: OutputSpec,
    inputs: Vec<Input>,
    last: bool,
    nan: Nan,
}

pub(crate) fn place(request: &StatisticRequest, last: bool, nan: Nan) -> Result<Box<dyn Statistic>> {
    only(request, &[])?;
    Ok(Box::new(Place { inputs: vec![source(request)?], spec: same_type(request)?, last, nan }))
}

impl Statistic for Place {
    fn output(&self) -> OutputSpec {
        self.spec.clone()
    }

    fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    fn needs_arrival_order(&self) -> bool {
        true
    }

    fn reduce(&self, groups: &Groups<'_>) -> Result<Output> {
        let x = column(groups, 0)?;
        if self.nan == Nan::Propagate || !x.dtype().is_float() {
            let kernel = if self.last { reduce::last } else { reduce::first };
            return kernel(x, groups.offsets).map(Output::dense);
        }
        let floats = x.to_f64();
        let rows: Vec<Option<u32>> = groups
            .ranges()
            .map(|range| {
                let row = if self.last {
                    range.rev().find(|&row| !floats[row].is_nan())
                } else {
                    range.into_iter().find(|&row| !floats[row].is_nan())
                };
                row.map(|row| row as u32)
            })
            .collect();
        pick(x, &rows).map(Output::dense)
    }
}

/// `argmin`, `argmax` and their variants without NaN.
///
/// - Definition: the value of the source in the row where `params.by` is least or greatest; of equal ones the first in
///   arrival order. One row: its value. NaN in `by` counts as least and as greatest, so that the first row with NaN is
///   taken, as in numpy; or such rows are left out, and the value is NaN where none is left. NaN in the source is a
///   value like any.
/// - Partial form: the extreme of `by` and the value of the source, each as two floats. Merge rule: the state with the
///   lesser or greater `by`; of equal ones the first, which is the one of the lower cell, whatever arrived first. Exact.
///   Arrival order: needed, for ties.
struct Arg {
    spec: OutputSpec,
    inputs: Vec<Input>,
    greatest: bool,
    nan: Nan,
}

pub(crate) fn arg(request: &StatisticRequest, greatest: bool, nan: Nan) -> Result<Box<dyn Statistic>> {
    only(request, &["by"])?;
    let inputs = vec![source(request)?, needed_rowwise(request, "by")?];
    Ok(Box::new(Arg { spec: same_type(request)?, inputs, greatest, nan }))
}

impl Arg {
    /// The row of every group that is taken.
    fn rows(&self, groups: &Groups<'_>) -> Result<Vec<Option<u32>>> {
        let by = column(groups, 1)?;
        // NaN beats everything, or is found out afterwards by a key that nothing else has.
        let first = if self.greatest { keys::NAN } else { 0 };
        let last = if self.greatest { 0 } else { keys::NAN };
        let nan = if self.nan == Nan::Propagate { first } else { last };
        let keys = keys::of(by, nan);
        let of_group = |range: std::ops::Range<usize>| {
            let mut best = range.start;
            for row in range {
                let better = if self.greatest { keys[row] > keys[best] } else { keys[row] < keys[best] };
                if better {
                    best = row;
                }
            }
            let none = self.nan == Nan::Skip && by.dtype().is_float() && keys[best] == nan;
            (!none).then_some(best as u32)
        };
        Ok(groups.ranges().map(of_group).collect())
    }
}

impl Statistic for Arg {
    fn output(&self) -> OutputSpec {
        self.spec.clone()
    }

    fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    fn needs_arrival_order(&self) -> bool {
        true
    }

    fn reduce(&self, groups: &Groups<'_>) -> Result<Output> {
        pick(column(groups, 0)?, &self.rows(groups)?).map(Output::dense)
    }

    fn mergeable(&self) -> Option<&dyn MergeableStatistic> {
        Some(self)
    }
}

impl MergeableStatistic for Arg {
    fn form(&self) -> &str {
        match (self.greatest, self.nan) {
            (false, Nan::Propagate) => "argmin/1",
            (false, Nan::Skip) => "nanargmin/1",
            (true, Nan::Propagate) => "argmax/1",
            (true, Nan::Skip) => "nanargmax/1",
        }
    }

    fn partial(&self, groups: &Groups<'_>) -> Result<States> {
        let rows = self.rows(groups)?;
        let by = pair::split(&pick(column(groups, 1)?, &rows)?);
        let values = pair::split(&pick(column(groups, 0)?, &rows)?);
        if by.len() != values.len() {
            return Err(Error::plugin("the columns of a statistic differ in length"));
        }
        Ok(States::fixed(4, by.into_iter().zip(values).flat_map(|(b, v)| [b[0], b[1], v[0], v[1]]).collect()))
    }

    fn merge(&self, states: &States, offsets: &[u32]) -> Result<States> {
        partial::fold(self.form(), states, offsets, |a: [f64; 4], b| {
            let second = match (a[0].is_nan(), b[0].is_nan()) {
                (false, false) => {
                    let order = pair::compare([b[0], b[1]], [a[0], a[1]]);
                    if self.greatest { order.is_gt() } else { order.is_lt() }
                }
                (false, true) => self.nan == Nan::Propagate,
                (true, false) => self.nan == Nan::Skip,
                (true, true) => false,
            };
            if second { b } else { a }
        })
    }

    fn finish(&self, states: &States) -> Result<Output> {
        let rows = partial::rows::<4>(self.form(), states)?;
        let values: Vec<pair::Pair> = rows.iter().map(|s| [s[2], s[3]]).collect();
        let without = self.nan == Nan::Skip && values.iter().any(|v| v[0].is_nan());
        let dtype = match self.spec.dtype {
            DType::Float32 => DType::Float32,
            _ if without => DType::Float64,
            dtype => dtype,
        };
        pair::join(self.form(), &values, dtype).map(Output::dense)
    }
}
