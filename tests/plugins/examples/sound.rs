//! A sound plugin with one thing of each kind, and with things of zagg's own under other names, which are then both linked into a
//! program and in a library.

use serde_json::{Map, json};
use zagg_atl06::Atl06;
use zagg_core::Result;
use zagg_core::grid::{Grid, GridOptions};
use zagg_core::registry::{Entry, Make, Registry};
use zagg_core::statistic::{Statistic, StatisticRequest};
use zagg_healpix as _;
use zagg_local_files as _;
use zagg_statistics as _;
use zagg_test_plugins::Fault;
use zagg_test_plugins::catalog::Files;
use zagg_test_plugins::grid::Altered;
use zagg_test_plugins::points::Points;
use zagg_test_plugins::statistic::Sum;

zagg_core::export_plugin! {
    Entry {
        name: "test-points",
        aliases: &["test-pts"],
        description: "positions and heights in a format of our own",
        make: Make::Source(|options| Ok(Box::new(Points::of(options)))),
    },
    Entry {
        name: "test-sum",
        aliases: &[],
        description: "sum",
        make: Make::Statistic(|request| Ok(Box::new(Sum::new("", request)?))),
    },
    Entry {
        name: "test-grid",
        aliases: &[],
        description: "HEALPix in which a method may panic",
        make: Make::Grid(|options| Ok(Box::new(Altered::new(healpix(options)?, Fault::none(options))))),
    },
    Entry {
        name: "test-files",
        aliases: &[],
        description: "the files that are named",
        make: Make::Catalog(|| Ok(Box::new(Files::new("")))),
    },
    Entry {
        name: "test-points",
        aliases: &[],
        description: "sums of heights",
        make: Make::Preset(include_str!("sound.yaml")),
    },
    Entry {
        name: "shared-atl06",
        aliases: &[],
        description: "the source atl06",
        make: Make::Source(|options| Ok(Box::new(Atl06::new(options)?))),
    },
    Entry {
        name: "shared-healpix",
        aliases: &[],
        description: "the grid healpix",
        make: Make::Grid(healpix),
    },
    Entry {
        name: "shared-mean",
        aliases: &[],
        description: "the statistic mean",
        make: Make::Statistic(|request| statistic("mean", request)),
    },
    Entry {
        name: "shared-median",
        aliases: &[],
        description: "the statistic median",
        make: Make::Statistic(|request| statistic("median", request)),
    },
    Entry {
        name: "shared-tdigest",
        aliases: &[],
        description: "the statistic tdigest",
        make: Make::Statistic(|request| statistic("tdigest", request)),
    },
    Entry {
        name: "shared-files",
        aliases: &[],
        description: "the catalog local-files",
        make: Make::Catalog(|| Registry::linked()?.catalog("local-files")),
    },
}

/// HEALPix as it is linked into this library.
fn healpix(options: &GridOptions) -> Result<Box<dyn Grid>> {
    let mut all: Map<_, _> = options.clone();
    all.remove("panic");
    for (key, value) in [("parent_order", json!(3)), ("child_order", json!(7))] {
        all.entry(key).or_insert(value);
    }
    all.insert("type".into(), json!("healpix"));
    Registry::linked()?.grid("healpix", &all)
}

/// A statistic as it is linked into this library.
fn statistic(function: &str, request: &StatisticRequest) -> Result<Box<dyn Statistic>> {
    Registry::linked()?.statistic(&StatisticRequest { function: function.into(), ..request.clone() })
}
