//! Reductions over the rows of a cell: the statistics that every zagg has.
//!
//! Each module documents its statistics: definition, partial form, merge rule, what one row, none and NaN give, and
//! whether the order of arrival matters. `docs/src/statistics.md` is the table of all of them.
//!
//! Rows whose source (or weight, or `by`) is missing are left out before; only `len` counts them. NaN that is not missing
//! makes the result NaN, except under the names with `nan`, which leave it out.
//!
//! States of the mergeable ones are numbers in f64. They come from records: a state that no statistic gives is an error,
//! never a panic.

mod circular;
mod counts;
mod digest;
mod extremes;
mod histogram;
mod keys;
mod mad;
mod means;
mod mode;
mod pair;
mod partial;
mod places;
mod quantiles;
mod request;
mod shape;
mod sums;
mod variance;

use zagg_core::reduce::Nan::{Propagate, Skip};
use zagg_core::registry::{Entry, Make, MakeStatistic};

const fn entry(name: &'static str, description: &'static str, make: MakeStatistic) -> Entry {
    also(name, &[], description, make)
}

const fn also(
    name: &'static str,
    aliases: &'static [&'static str],
    description: &'static str,
    make: MakeStatistic,
) -> Entry {
    Entry { name, aliases, description, make: Make::Statistic(make) }
}

zagg_core::export_plugin! {
    entry("len", "number of rows", counts::len),
    entry("count", "number of rows whose source is not missing", |r| counts::count(r, false)),
    entry("nancount", "number of rows whose source is neither missing nor NaN", |r| counts::count(r, true)),
    entry("sum", "sum", |r| sums::sum(r, Propagate)),
    entry("nansum", "sum without NaN", |r| sums::sum(r, Skip)),
    entry("mean", "mean", |r| means::mean(r, Propagate)),
    entry("nanmean", "mean without NaN", |r| means::mean(r, Skip)),
    entry("average", "weighted average (params.weights: column or expression)", |r| means::average(r, Propagate)),
    entry("nanaverage", "weighted average without NaN (params.weights)", |r| means::average(r, Skip)),
    entry("var", "variance (params.ddof)", |r| variance::variance(r, Propagate, false)),
    entry("nanvar", "variance without NaN (params.ddof)", |r| variance::variance(r, Skip, false)),
    entry("std", "standard deviation (params.ddof)", |r| variance::variance(r, Propagate, true)),
    entry("nanstd", "standard deviation without NaN (params.ddof)", |r| variance::variance(r, Skip, true)),
    entry("skew", "skewness", |r| shape::shape(r, Propagate, false)),
    entry("nanskew", "skewness without NaN", |r| shape::shape(r, Skip, false)),
    entry("kurtosis", "excess kurtosis", |r| shape::shape(r, Propagate, true)),
    entry("nankurtosis", "excess kurtosis without NaN", |r| shape::shape(r, Skip, true)),
    entry("min", "least value", |r| extremes::extreme(r, false, Propagate)),
    entry("nanmin", "least value without NaN", |r| extremes::extreme(r, false, Skip)),
    entry("max", "greatest value", |r| extremes::extreme(r, true, Propagate)),
    entry("nanmax", "greatest value without NaN", |r| extremes::extreme(r, true, Skip)),
    also("range", &["ptp"], "greatest minus least value", |r| extremes::range(r, Propagate)),
    entry("nanrange", "greatest minus least value without NaN", |r| extremes::range(r, Skip)),
    entry("first", "first value in arrival order", |r| places::place(r, false, Propagate)),
    entry("nanfirst", "first value in arrival order that is not NaN", |r| places::place(r, false, Skip)),
    entry("last", "last value in arrival order", |r| places::place(r, true, Propagate)),
    entry("nanlast", "last value in arrival order that is not NaN", |r| places::place(r, true, Skip)),
    entry("argmin", "value where another column is least (params.by)", |r| places::arg(r, false, Propagate)),
    entry("nanargmin", "value where another column is least, without NaN (params.by)", |r| places::arg(r, false, Skip)),
    entry("argmax", "value where another column is greatest (params.by)", |r| places::arg(r, true, Propagate)),
    entry("nanargmax", "value where another column is greatest, without NaN (params.by)", |r| places::arg(r, true, Skip)),
    entry("mode", "most frequent value, the smallest of several", |r| mode::mode(r, Propagate)),
    entry("nanmode", "most frequent value without NaN", |r| mode::mode(r, Skip)),
    entry("mad", "median absolute deviation from the median", |r| mad::mad(r, Propagate)),
    entry("nanmad", "median absolute deviation without NaN", |r| mad::mad(r, Skip)),
    entry("median", "median", |r| quantiles::median(r, Propagate)),
    entry("nanmedian", "median without NaN", |r| quantiles::median(r, Skip)),
    entry("quantile", "quantile by linear interpolation (params.q: number or list)", |r| {
        quantiles::quantile(r, Propagate)
    }),
    entry("nanquantile", "quantile without NaN (params.q: number or list)", |r| quantiles::quantile(r, Skip)),
    entry("weighted_quantile", "weighted quantile (params.q: number or list; params.weights)", |r| {
        quantiles::weighted_quantile(r, Propagate)
    }),
    entry("nanweighted_quantile", "weighted quantile without NaN (params.q, params.weights)", |r| {
        quantiles::weighted_quantile(r, Skip)
    }),
    entry("circular_mean", "mean of angles (params.unit: degrees or radians; or period; low)", |r| {
        circular::circular_mean(r, Propagate)
    }),
    entry("nancircular_mean", "mean of angles without NaN (params.unit, period, low)", |r| {
        circular::circular_mean(r, Skip)
    }),
    entry("histogram", "numbers of rows in bins (params.bins: edges, or a number with params.range)", histogram::histogram),
    also("tdigest", &["zagg.stats.tdigest.build_tdigest"], "t-digest: centroids of mean and weight (params.delta)", digest::tdigest),
}
