//! A plugin with planted faults, each under a name of its own.

use serde_json::json;
use zagg_core::Result;
use zagg_core::grid::Grid;
use zagg_core::registry::{Entry, Make, Registry};
use zagg_core::source::{PointSource, SourceOptions};
use zagg_core::statistic::{Statistic, StatisticRequest};
use zagg_healpix as _;
use zagg_test_plugins::Fault;
use zagg_test_plugins::catalog::Files;
use zagg_test_plugins::grid::Altered;
use zagg_test_plugins::points::Points;
use zagg_test_plugins::statistic::Sum;

const fn entry(name: &'static str, description: &'static str, make: Make) -> Entry {
    Entry { name, aliases: &[], description, make }
}

zagg_core::export_plugin! {
    entry("panicking-source", "panics when it opens a granule", Make::Source(|_| source("", "open"))),
    entry("short-source", "gives fewer values than rows", Make::Source(|_| source("length", ""))),
    entry("mistyped-source", "gives another type than announced", Make::Source(|_| source("type", ""))),
    entry("panicking-grid", "panics when it locates positions", Make::Grid(|_| grid("", "locate"))),
    entry("nameless-grid", "gives NaN as ids", Make::Grid(|_| grid("ids", ""))),
    entry("stray-grid", "gives shards that are none", Make::Grid(|_| grid("shards", ""))),
    entry("short-sum", "gives fewer values than groups", Make::Statistic(|r| sum("length", r))),
    entry("mistyped-sum", "gives another type than announced", Make::Statistic(|r| sum("type", r))),
    entry("forgetful-sum", "merges states wrongly", Make::Statistic(|r| sum("merge", r))),
    entry("aborting-sum", "aborts the process", Make::Statistic(|r| sum("abort", r))),
    entry("endless-sum", "never ends", Make::Statistic(|r| sum("endless", r))),
    entry("nameless-files", "gives granules without an id", Make::Catalog(|| Ok(Box::new(Files::new("id"))))),
    entry("lost-files", "gives places that are none", Make::Catalog(|| Ok(Box::new(Files::new("place"))))),
    entry("panicking-files", "panics when it searches", Make::Catalog(|| Ok(Box::new(Files::new("panic"))))),
    entry("broken-preset", "is no pipeline", Make::Preset("data_source: {reader: no-such-reader}\nagregation: {}\n")),
}

fn source(fault: &'static str, panics: &str) -> Result<Box<dyn PointSource>> {
    let mut options = SourceOptions::new();
    options.insert("panic".into(), json!(panics));
    Ok(Box::new(Points::new(Fault::of(fault, &options))))
}

fn grid(fault: &'static str, panics: &str) -> Result<Box<dyn Grid>> {
    let options = json!({"type": "healpix", "parent_order": 3, "child_order": 7, "panic": panics});
    let mut options = options.as_object().cloned().unwrap_or_default();
    let fault = Fault::of(fault, &options);
    options.remove("panic");
    Ok(Box::new(Altered::new(Registry::linked()?.grid("healpix", &options)?, fault)))
}

fn sum(fault: &'static str, request: &StatisticRequest) -> Result<Box<dyn Statistic>> {
    Ok(Box::new(Sum::new(fault, request)?))
}
