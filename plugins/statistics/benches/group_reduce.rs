//! The nine statistics of the ATL06 pipeline over a million sorted rows, in sparse and in dense cells; then each
//! statistic alone. `peers.py` beside this file does the nine with numpy, polars and duckdb over the same groups.
//!
//! The item of the throughput is a row; a statistic sees every row once, so "nine" counts each row once too.

#![allow(clippy::unwrap_used)] // A failed unwrap is a failed benchmark.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use serde_json::{Value, json};
use zagg_core::Values;
use zagg_core::expression::Expression;
use zagg_core::registry::Registry;
use zagg_core::statistic::{Groups, Statistic, StatisticRequest, VariableKind};
use zagg_core::task::sort_by_offset;
use zagg_statistics as _;

const ROWS: u32 = 1_000_000;
const CELLS: [&str; 2] = ["sparse", "dense"];

fn main() {
    divan::main();
}

/// Sorted rows: about 1.6 or 400 to a cell.
struct Rows {
    h_li: Values,
    s_li: Values,
    offsets: Vec<u32>,
}

fn rows(cells: &str) -> Rows {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as u32
    };
    let h_li = (0..ROWS).map(|_| 1500.0 + (next() % 100_000) as f32 / 1000.0).collect();
    let s_li = (0..ROWS).map(|_| 0.01 + (next() % 1000) as f32 / 2500.0).collect();
    let mut offsets = vec![0];
    let mut end = 0;
    while end < ROWS {
        end += match (cells, next() % 10) {
            ("dense", n) => 391 + 2 * n,
            (_, 0..=5) => 1,
            (_, 6..=8) => 2,
            _ => 4,
        };
        offsets.push(end.min(ROWS));
    }
    Rows { h_li: Values::Float32(h_li), s_li: Values::Float32(s_li), offsets }
}

/// A variable of the pipeline: a statistic with its inputs as expressions, or an expression alone.
enum Variable {
    Statistic(Box<dyn Statistic>, Vec<Expression>),
    Expression(Expression),
}

impl Variable {
    fn run(&self, rows: &Rows) -> usize {
        let column = |name: &str| Some(if name == "h_li" { &rows.h_li } else { &rows.s_li });
        match self {
            Self::Expression(expression) => expression.evaluate_groups(&rows.offsets, &column).unwrap().len(),
            Self::Statistic(statistic, inputs) => {
                let derived: Vec<Option<Values>> = inputs
                    .iter()
                    .map(|e| {
                        (e.text() != e.columns()[0]).then(|| e.evaluate_rows(ROWS as usize, &column).unwrap())
                    })
                    .collect();
                let columns: Vec<&Values> = inputs
                    .iter()
                    .zip(&derived)
                    .map(|(e, values)| values.as_ref().unwrap_or_else(|| column(&e.columns()[0]).unwrap()))
                    .collect();
                let groups = Groups { offsets: &rows.offsets, columns: &columns };
                statistic.reduce(&groups).unwrap().values.len()
            }
        }
    }
}

fn statistic(function: &str, params: &Value) -> Variable {
    let many = function == "histogram" || params.get("q").is_some_and(Value::is_array);
    let kind = match function {
        "tdigest" => VariableKind::Ragged,
        _ if many => VariableKind::Vector,
        _ => VariableKind::Scalar,
    };
    let statistic = Registry::linked()
        .unwrap()
        .statistic(&StatisticRequest {
            function: function.into(),
            source: Some("h_li".into()),
            params: params.as_object().unwrap().clone(),
            kind,
            ..StatisticRequest::default()
        })
        .unwrap();
    let inputs = statistic.inputs().iter().map(|i| Expression::parse(&i.expression).unwrap()).collect();
    Variable::Statistic(statistic, inputs)
}

fn variables() -> Vec<(&'static str, Variable)> {
    vec![
        ("count", statistic("len", &json!({}))),
        ("h_min", statistic("min", &json!({}))),
        ("h_max", statistic("max", &json!({}))),
        ("h_mean", statistic("average", &json!({"weights": "1.0 / s_li**2"}))),
        ("h_sigma", Variable::Expression(Expression::parse("1.0 / np.sqrt(np.sum(1.0 / s_li**2))").unwrap())),
        ("h_variance", statistic("var", &json!({}))),
        ("h_q25", statistic("quantile", &json!({"q": 0.25}))),
        ("h_q50", statistic("quantile", &json!({"q": 0.5}))),
        ("h_q75", statistic("quantile", &json!({"q": 0.75}))),
    ]
}

#[divan::bench(args = CELLS)]
fn nine(bencher: Bencher<'_, '_>, cells: &str) {
    let (rows, variables) = (rows(cells), variables());
    bencher
        .counter(ItemsCount::new(ROWS))
        .bench_local(|| variables.iter().map(|(_, variable)| black_box(variable.run(&rows))).sum::<usize>());
}

/// What comes before: sorting the rows of a shard by cell and bringing two columns into that order.
#[divan::bench(args = CELLS)]
fn group(bencher: Bencher<'_, '_>, cells: &str) {
    let rows = rows(cells);
    let places = if cells == "dense" { 4096 } else { 1 << 20 };
    // A track crosses cells one after the other; two tracks in turn are the rows of a shard.
    let order: Vec<u32> = (0..ROWS).map(|row| (row * 7 + (row & 1) * (places / 3)) / 13 % places).collect();
    bencher.counter(ItemsCount::new(ROWS)).bench_local(|| {
        let sorted = sort_by_offset(&order, places as usize);
        black_box((rows.h_li.gather(&sorted.permutation), rows.s_li.gather(&sorted.permutation)))
    });
}

#[divan::bench(args = ["count", "h_min", "h_mean", "h_sigma", "h_variance", "h_q25", "h_q50"], consts = [0, 1])]
fn one<const CELL: usize>(bencher: Bencher<'_, '_>, name: &str) {
    let rows = rows(CELLS[CELL]);
    let variables = variables();
    let (_, variable) = variables.iter().find(|(n, _)| *n == name).unwrap();
    bencher.counter(ItemsCount::new(ROWS)).bench_local(|| black_box(variable.run(&rows)));
}

/// The three quartiles as one variable of three values: what variables that shared a selection would cost.
#[divan::bench(args = CELLS)]
fn quartiles_together(bencher: Bencher<'_, '_>, cells: &str) {
    let (rows, variable) = (rows(cells), statistic("quantile", &json!({"q": [0.25, 0.5, 0.75]})));
    bencher.counter(ItemsCount::new(ROWS)).bench_local(|| black_box(variable.run(&rows)));
}

#[divan::bench(
    args = ["sum", "skew", "kurtosis", "mode", "mad", "range", "first", "argmax", "histogram", "tdigest", "circular_mean",
        "weighted_quantile"],
    consts = [0, 1],
)]
fn other<const CELL: usize>(bencher: Bencher<'_, '_>, name: &str) {
    let rows = rows(CELLS[CELL]);
    let params = match name {
        "argmax" => json!({"by": "s_li"}),
        "histogram" => json!({"bins": 20, "range": [1500, 1600]}),
        "tdigest" => json!({"delta": 64}),
        "weighted_quantile" => json!({"q": 0.5, "weights": "s_li"}),
        _ => json!({}),
    };
    let variable = statistic(name, &params);
    bencher.counter(ItemsCount::new(ROWS)).bench_local(|| black_box(variable.run(&rows)));
}
