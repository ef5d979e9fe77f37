//! Reductions over the rows of a cell: the statistics that every zagg has.
//!
//! | name | for one cell | `params` | state for merging |
//! |---|---|---|---|
//! | `len` | number of rows, missing values included | | number |
//! | `count` | number of rows whose source is not missing | | number |
//! | `sum`, `nansum` | sum | | sum |
//! | `mean`, `nanmean` | mean | | sum, number |
//! | `average` | `Σ w·x / Σ w`; without weights the mean | `weights`: a column or an expression | `Σ w·x`, `Σ w` |
//! | `var`, `nanvar`, `std`, `nanstd` | variance with `n - ddof` in the denominator, and its root | `ddof`: whole number, 0 unless given | number, mean, squares |
//! | `min`, `nanmin`, `max`, `nanmax` | extremes | | the extreme |
//! | `median`, `nanmedian` | quantile 0.5 | | |
//! | `quantile`, `nanquantile` | linear interpolation between sorted values (type 7) | `q`: number from 0 to 1, or a list of them | |
//! | `range` (`ptp`) | greatest minus least | | |
//! | `first`, `last` | value of the first or last row in arrival order | | |
//!
//! Rows whose source (or weight) is missing are left out before; only `len` counts them. NaN that is not missing makes the
//! result NaN, except under the names with `nan`, which leave it out and give NaN (`nansum`: 0) where nothing is left.
//! Numbers are accumulated in f64.
//!
//! Counts are int64. `min`, `max`, `range`, `first` and `last` keep the type of the source; where that is unknown before
//! a granule is opened they announce float64, and the values come in the type the column turns out to have. All else is
//! float64.

mod counts;
mod extremes;
mod partial;
mod quantiles;
mod request;
mod sums;
mod variance;

use zagg_core::reduce::Nan::{Propagate, Skip};
use zagg_core::registry::{Entry, Make, MakeStatistic};

const fn entry(name: &'static str, description: &'static str, make: MakeStatistic) -> Entry {
    Entry { name, aliases: &[], description, make: Make::Statistic(make) }
}

zagg_core::export_plugin! {
    entry("len", "number of rows", counts::len),
    entry("count", "number of rows whose source is not missing", counts::count),
    entry("sum", "sum", |r| sums::sum(r, Propagate)),
    entry("nansum", "sum without NaN", |r| sums::sum(r, Skip)),
    entry("mean", "mean", |r| sums::mean(r, Propagate)),
    entry("nanmean", "mean without NaN", |r| sums::mean(r, Skip)),
    entry("average", "weighted average (params.weights: column or expression)", sums::average),
    entry("var", "variance (params.ddof)", |r| variance::variance(r, Propagate, false)),
    entry("nanvar", "variance without NaN (params.ddof)", |r| variance::variance(r, Skip, false)),
    entry("std", "standard deviation (params.ddof)", |r| variance::variance(r, Propagate, true)),
    entry("nanstd", "standard deviation without NaN (params.ddof)", |r| variance::variance(r, Skip, true)),
    entry("min", "least value", |r| extremes::extreme(r, false, Propagate)),
    entry("nanmin", "least value without NaN", |r| extremes::extreme(r, false, Skip)),
    entry("max", "greatest value", |r| extremes::extreme(r, true, Propagate)),
    entry("nanmax", "greatest value without NaN", |r| extremes::extreme(r, true, Skip)),
    Entry {
        name: "range",
        aliases: &["ptp"],
        description: "greatest minus least value",
        make: Make::Statistic(extremes::range),
    },
    entry("first", "first value in arrival order", |r| extremes::place(r, false)),
    entry("last", "last value in arrival order", |r| extremes::place(r, true)),
    entry("median", "median", |r| quantiles::median(r, Propagate)),
    entry("nanmedian", "median without NaN", |r| quantiles::median(r, Skip)),
    entry("quantile", "quantile by linear interpolation (params.q: number or list)", |r| {
        quantiles::quantile(r, Propagate)
    }),
    entry("nanquantile", "quantile without NaN (params.q: number or list)", |r| quantiles::quantile(r, Skip)),
}
