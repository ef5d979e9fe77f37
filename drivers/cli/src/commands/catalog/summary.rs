//! What a shard map holds, for people and for programs.

use std::path::Path;

use serde_json::{Map, Value, json};
use zagg_catalog_files::{Spread, Stats, stats};
use zagg_core::shard_map::ShardMap;

use super::find::Found;
use crate::args::Format;
use crate::failure::Failure;
use crate::output::{self, grouped};

/// How a map came about.
#[derive(Debug)]
pub(super) struct Made<'a> {
    pub(super) found: &'a Found,
    pub(super) time: Option<String>,
    pub(super) catalog_out: Option<&'a Path>,
}

/// Prints what a shard map holds.
pub(crate) fn print(map: &ShardMap, path: &Path, format: Format) -> Result<(), Failure> {
    print_with(map, path, format, &[])
}

/// Prints what a shard map holds, and more counts. Those that are 0 are of interest to programs only.
pub(super) fn print_with(
    map: &ShardMap,
    path: &Path,
    format: Format,
    counts: &[(&str, usize)],
) -> Result<(), Failure> {
    if format == Format::Json {
        let mut all = described(map, path);
        all.extend(counts.iter().map(|(name, count)| ((*name).to_string(), (*count).into())));
        return output::json(&Value::Object(all));
    }
    let mut table = output::table(&[]);
    for (name, value) in rows(map, path) {
        table.add_row([name, &value]);
    }
    for (name, count) in counts.iter().filter(|(_, count)| *count > 0) {
        table.add_row([&name.replace('_', " "), &grouped(*count as u64)]);
    }
    output::data(&table.to_string())
}

/// Prints what a new shard map holds, and what was found for it.
pub(super) fn print_made(
    map: &ShardMap,
    path: &Path,
    made: &Made<'_>,
    format: Format,
) -> Result<(), Failure> {
    let found = made.found;
    let without = found.granules.entries.len().saturating_sub(listed(&stats(map)));
    if format == Format::Json {
        let mut all = described(map, path);
        all.insert("granules_found".into(), found.total.into());
        all.insert("granules_of_other_cycles".into(), found.other_cycles.into());
        all.insert("granules_of_other_days".into(), found.other_days.into());
        all.insert("granules_without_shard".into(), without.into());
        all.insert("catalog_out".into(), json!(made.catalog_out));
        all.insert("incomplete".into(), json!(found.granules.incomplete));
        return output::json(&Value::Object(all));
    }
    let mut table = output::table(&[]);
    table.add_row(["granules found", &grouped(found.total as u64)]);
    let time = made.time.as_deref().unwrap_or_default();
    for (count, what) in [
        (found.other_cycles + found.other_days, format!("not of {time}")),
        (without, "in no shard of the map".to_string()),
    ] {
        if count > 0 {
            table.add_row(["left out", &format!("{}, {what}", grouped(count as u64))]);
        }
    }
    if let Some(path) = made.catalog_out {
        table.add_row(["granules written to", &path.display().to_string()]);
    }
    for (name, value) in rows(map, path) {
        table.add_row([name, &value]);
    }
    output::data(&table.to_string())
}

/// Least, middle and most, for people.
pub(super) fn spread(spread: &Spread) -> String {
    format!("{} to {}, median {}", grouped(spread.min as u64), grouped(spread.max as u64), spread.median)
}

/// How many granules stand in some shard.
fn listed(stats: &Stats) -> usize {
    stats.granules.saturating_sub(stats.unlisted)
}

/// What a shard map holds, for programs.
pub(crate) fn described(map: &ShardMap, path: &Path) -> Map<String, Value> {
    let stats = stats(map);
    let spread = stats.granules_per_shard.unwrap_or(Spread { min: 0, median: 0.0, max: 0 });
    // A whole number is written as one.
    let median =
        if spread.median.fract() == 0.0 { json!(spread.median as u64) } else { json!(spread.median) };
    let spread = json!({"min": spread.min, "median": median, "max": spread.max});
    Map::from_iter([
        ("shard_map".to_string(), json!(path)),
        ("granules".to_string(), listed(&stats).into()),
        ("shards".to_string(), stats.shards.into()),
        ("pairs".to_string(), stats.pairs.into()),
        ("granules_per_shard".to_string(), spread),
        ("grid_signature".to_string(), Value::Object(map.grid_signature.clone())),
        ("metadata".to_string(), Value::Object(map.metadata.clone())),
    ])
}

/// What a shard map holds, as names and texts.
pub(crate) fn rows(map: &ShardMap, path: &Path) -> Vec<(&'static str, String)> {
    let stats = stats(map);
    vec![
        ("shard map", path.display().to_string()),
        ("granules", grouped(listed(&stats) as u64)),
        ("shards", grouped(stats.shards as u64)),
        ("pairs", grouped(stats.pairs as u64)),
        ("granules per shard", stats.granules_per_shard.as_ref().map(spread).unwrap_or_default()),
        ("grid", Value::Object(map.grid_signature.clone()).to_string()),
    ]
}
