//! Everything in the registry.

use zagg_core::registry::{Kind, Registered, Registry};

use super::super::plugins::describe::details;
use super::{Table, code, codes, heading};

pub(super) fn page(registry: &Registry) -> String {
    let mut text = heading(
        "Sources, catalogs, grids, statistics, presets",
        "`zagg plugins list` and `zagg plugins describe NAME` print the same",
    );
    let of = |kind: Kind| {
        let mut all: Vec<&Registered> = registry.entries().filter(|r| r.entry.make.kind() == kind).collect();
        all.sort_by_key(|r| r.entry.name);
        all
    };
    for (kind, title, place) in [
        (Kind::Source, "Sources", "`data_source.reader`"),
        (Kind::Catalog, "Catalogs", "`catalog.source` and `zagg catalog --source`"),
        (Kind::Grid, "Grids", "`output.grid.type`"),
        (Kind::Preset, "Presets", "`--plugin`; `zagg config show NAME` prints one"),
    ] {
        let mut table = Table::new(&["name", "also", "what it is", "crate"]);
        for r in of(kind) {
            table.row([
                code(r.entry.name),
                codes(r.entry.aliases),
                r.entry.description.to_owned(),
                code(r.plugin),
            ]);
        }
        text.push_str(&format!("## {title}\n\nNamed in {place}.\n\n{}\n", table.text));
    }
    text.push_str(
        "## Statistics\n\nNamed as the `function` of a variable. What they compute is told in [Statistics](statistics.md).\n\n",
    );
    let mut table = Table::new(&["name", "also", "what it is", "gives", "order of rows", "coarser levels"]);
    for r in of(Kind::Statistic) {
        let details = details(registry, r);
        let of = |key: &str| details[key].as_str().map(String::from).unwrap_or_default();
        table.row([
            code(r.entry.name),
            codes(r.entry.aliases),
            r.entry.description.to_owned(),
            of("gives"),
            of("order of rows"),
            of("coarser levels"),
        ]);
    }
    text.push_str(&table.text);
    text
}
