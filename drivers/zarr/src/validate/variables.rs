//! What the plan says of the variables: which of them constrain each other.

use zagg_core::config::Computation;
use zagg_core::product::Product;

use super::numbers::Rule;

/// Statistics that leave out rows whose source is missing, so that a cell without any other row is empty.
const SKIPPING: [&str; 22] = [
    "average",
    "count",
    "first",
    "last",
    "max",
    "mean",
    "median",
    "min",
    "nanmax",
    "nanmean",
    "nanmedian",
    "nanmin",
    "nanquantile",
    "nanstd",
    "nansum",
    "nanvar",
    "ptp",
    "quantile",
    "range",
    "std",
    "sum",
    "var",
];

/// Counts that are looked at; a pipeline has one or two.
const MAX_COUNTS: usize = 4;

/// One variable of the pipeline.
#[derive(Debug, Clone)]
pub(super) struct Variable {
    pub(super) name: String,
    /// How values of coarser levels follow from finer ones, where they do by themselves.
    pub(super) rule: Option<Rule>,
    /// Numbers of the counts that, where they are 0, leave this variable empty.
    pub(super) emptied_by: Vec<usize>,
}

/// The variables of a pipeline.
#[derive(Debug, Default)]
pub(super) struct Variables {
    pub(super) all: Vec<Variable>,
    /// Which of them count, as positions in `all`.
    pub(super) counts: Vec<usize>,
    /// The variable with the number of rows of each cell, as a position in `counts`.
    pub(super) rows: Option<usize>,
}

impl Variables {
    pub(super) fn of(product: &Product) -> Self {
        let known = &product.pipeline.aggregation.variables;
        // Name and source of the function, and whether it has no parameters.
        let function = |at: usize| match &known[at].computation {
            Computation::Function { name, source, params } => {
                Some((name.as_str(), source, params.is_empty()))
            }
            Computation::Expression(_) => None,
        };
        let name = |at: usize| function(at).map_or("", |(name, ..)| name);
        let plain = |at: usize| function(at).filter(|(.., plain)| *plain).map_or("", |(name, ..)| name);
        let mut counts: Vec<usize> =
            (0..known.len()).filter(|&at| matches!(plain(at), "len" | "count")).collect();
        counts.truncate(MAX_COUNTS);
        let emptied_by = |at: usize| {
            let by = |count: usize| match name(count) {
                // Without rows nothing has a value.
                "len" => true,
                _ => {
                    let source = |at: usize| function(at).map(|(_, source, _)| source);
                    SKIPPING.contains(&name(at)) && source(at) == source(count)
                }
            };
            (0..counts.len()).filter(|&number| counts[number] != at && by(counts[number])).collect()
        };
        let all = (0..known.len())
            .map(|at| Variable {
                name: known[at].name.clone(),
                rule: match plain(at) {
                    "len" | "count" => Some(Rule::Sum),
                    "min" | "nanmin" => Some(Rule::Least),
                    "max" | "nanmax" => Some(Rule::Greatest),
                    _ => None,
                },
                emptied_by: emptied_by(at),
            })
            .collect();
        let rows = counts.iter().position(|&at| name(at) == "len");
        Self { all, counts, rows }
    }
}
