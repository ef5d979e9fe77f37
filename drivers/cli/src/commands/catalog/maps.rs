//! What is done to shard maps that exist: they are merged, cut down and counted.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use zagg_catalog_files::{Filter, Filtered, Spread, Stats};
use zagg_core::shard_map::ShardMap;
use zagg_core::{Error, Result};

use super::area;
use super::question::check_folder;
use super::summary;
use super::time::{Time, Verdict};
use crate::args::Format;
use crate::args::catalog::{FilterArgs, MergeArgs, StatsArgs};
use crate::failure::Failure;
use crate::output::{self, grouped};
use crate::{builtin, pipeline};

/// Several maps as one.
pub(super) fn merge(args: &MergeArgs) -> Result<u8, Failure> {
    check_folder(&args.output)?;
    zagg_catalog_files::check_output(&args.output)?;
    let maps =
        args.maps.iter().map(|path| zagg_catalog_files::read_shard_map(path)).collect::<Result<Vec<_>>>()?;
    let map = zagg_catalog_files::merge(maps)?;
    for line in map.version_warnings() {
        output::warning(&line);
    }
    zagg_catalog_files::write_shard_map(&args.output, &map)?;
    summary::print(&map, &args.output, args.format)?;
    Ok(0)
}

/// A part of a map.
pub(super) fn filter(args: &FilterArgs) -> Result<u8, Failure> {
    check_folder(&args.output)?;
    zagg_catalog_files::check_output(&args.output)?;
    let time = Time::of(&args.time)?;
    let area = area::of(&args.area)?;
    if !time.is_given() && area.is_none() && args.shard.is_empty() && args.granule.is_empty() {
        return Err(Failure::usage(
            "nothing to keep; give --polygon, --bbox, --shard, --granule, --cycle, --start-date or --end-date",
        ));
    }
    let map = zagg_catalog_files::read_shard_map(&args.map)?;
    let mut wanted = Filter::default();
    if area.is_some() || !args.shard.is_empty() {
        let registry = builtin::registry()?;
        let pipeline = pipeline::pipeline(&args.pipeline, &registry)?;
        let grid = registry
            .grid(&pipeline.output.grid_type, &pipeline.output.grid)
            .map_err(|error| pipeline.locate(error))?;
        map.check_grid(&*grid).map_err(|error| error.context(args.map.display()))?;
        if let Some(area) = &area {
            wanted.keep_area(&*grid, area)?;
        }
        if !args.shard.is_empty() {
            wanted.keep_labels(&*grid, args.shard.iter().map(String::as_str))?;
        }
    } else if args.pipeline.plugin.is_some() || !args.pipeline.config.is_empty() {
        return Err(Failure::usage("a pipeline is for --polygon, --bbox and --shard; leave it out"));
    }
    if time.is_given() || !args.granule.is_empty() {
        wanted.granules = Some(granules(&map, &time, &args.granule)?);
    }
    let left = zagg_catalog_files::filter(&map, &wanted)?;
    if left.map.shards.is_empty() {
        return Err(Error::input(format!(
            "{}: no shard of it is left; nothing is written",
            args.map.display()
        ))
        .into());
    }
    zagg_catalog_files::write_shard_map(&args.output, &left.map)?;
    summary::print_with(&left.map, &args.output, args.format, &dropped(&left))?;
    Ok(0)
}

/// Ids of the granules of a map that observed then and match one of the patterns, if there are any.
fn granules(map: &ShardMap, time: &Time, patterns: &[String]) -> Result<BTreeSet<String>> {
    let ids = || map.granules.iter().map(|granule| granule.id.as_str());
    if let Some(pattern) = patterns.iter().find(|pattern| !ids().any(|id| matches(pattern, id))) {
        return Err(Error::input(format!("no granule of the map is called {pattern}")));
    }
    let is_named = |id: &str| patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern, id));
    let wanted = map.granules.iter().filter(|granule| {
        is_named(&granule.id) && (!time.is_given() || time.verdict(granule) == Verdict::Wanted)
    });
    Ok(wanted.map(|granule| granule.id.clone()).collect())
}

/// Whether a name is the pattern, in which `*` stands for any text.
fn matches(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(rest) = pieces.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    let mut rest = rest;
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// What a filter left out.
fn dropped(left: &Filtered) -> [(&'static str, usize); 4] {
    [
        ("shards_dropped", left.shards_dropped),
        ("shards_emptied", left.shards_emptied),
        ("granules_dropped", left.granules_dropped),
        ("pairs_dropped", left.pairs_dropped),
    ]
}

/// What a map holds.
pub(super) fn stats(args: &StatsArgs) -> Result<u8, Failure> {
    let map = zagg_catalog_files::read_shard_map(&args.map)?;
    let stats = zagg_catalog_files::stats(&map);
    for line in &stats.duplicates {
        output::warning(line);
    }
    if args.format == Format::Json {
        let mut all = serde_json::to_value(&stats)
            .map_err(|error| Error::input(format!("{}: {error}", args.map.display())))?;
        if let Value::Object(all) = &mut all {
            all.insert("shard_map".into(), json!(args.map));
            all.insert("grid_signature".into(), Value::Object(map.grid_signature));
            all.insert("metadata".into(), Value::Object(map.metadata));
        }
        output::json(&all)?;
        return Ok(0);
    }
    let mut table = output::table(&[]);
    table.add_row(["shard map", &args.map.display().to_string()]);
    for (name, value) in rows(&stats) {
        table.add_row([name, &value]);
    }
    table.add_row(["grid", &Value::Object(map.grid_signature).to_string()]);
    output::data(&table.to_string())?;
    Ok(0)
}

fn rows(stats: &Stats) -> Vec<(&'static str, String)> {
    let number = |n: usize| grouped(n as u64);
    let spread = |spread: &Option<Spread>| spread.map(|spread| summary::spread(&spread)).unwrap_or_default();
    let mut rows = vec![
        ("granules", number(stats.granules)),
        ("shards", number(stats.shards)),
        ("pairs", number(stats.pairs)),
        ("granules per shard", spread(&stats.granules_per_shard)),
        ("shards per granule", spread(&stats.shards_per_granule)),
    ];
    if let Some(key) = stats.largest_shard {
        rows.push(("key of the largest shard", key.to_string()));
    }
    if stats.unlisted > 0 {
        rows.push(("granules in no shard", number(stats.unlisted)));
    }
    for (version, count) in &stats.versions {
        rows.push(("of", format!("{version}: {}", number(*count))));
    }
    if let Some((first, last)) = &stats.time {
        rows.push(("observed", format!("{first} to {last}")));
    }
    if stats.sized > 0 {
        let known = if stats.sized < stats.granules {
            format!(", of the {} whose size is known", number(stats.sized))
        } else {
            String::new()
        };
        rows.push(("size of the granules", format!("{}{known}", output::bytes(stats.bytes))));
    }
    for (count, what) in [
        (stats.addresses.s3, "at s3://"),
        (stats.addresses.https, "at https://"),
        (stats.addresses.file, "on this machine"),
        (stats.addresses.none, "nowhere"),
    ] {
        if count > 0 {
            rows.push(("granules that are", format!("{}, {what}", number(count))));
        }
    }
    if stats.has_area {
        rows.push(("area of interest", "per cell".into()));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, name, is_match) in [
            ("a.h5", "a.h5", true),
            ("a.h5", "a.h5x", false),
            ("a*", "a.h5", true),
            ("*", "", true),
            ("*.h5", "a.h5", true),
            ("ATL06_2024*_006_*.h5", "ATL06_20240103031520_02612211_006_01.h5", true),
            ("ATL06_2023*", "ATL06_20240103031520_02612211_006_01.h5", false),
            ("a*a", "a", false),
            ("a*b*c", "abbc", true),
            ("a*b*c", "acb", false),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, name), is_match, "{pattern} {name}");
        }
    }
}
