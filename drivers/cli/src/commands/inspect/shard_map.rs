//! Describing a shard map: how many granules its shards have, where they are, and what of the granules is known.

use std::path::Path;

use serde_json::{Map, Value, json};
use zagg_catalog_files::{Stats, stats};
use zagg_core::grid::Grid;
use zagg_core::registry::Registry;
use zagg_core::shard_map::ShardMap;

use crate::args::Format;
use crate::commands::catalog;
use crate::failure::Failure;
use crate::output::{self, bytes, grouped};

/// Most classes of the histogram.
const CLASSES: usize = 12;

/// Longest bar of the histogram.
const BAR: usize = 40;

/// Shards with so many granules, both ends among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Class {
    from: usize,
    to: usize,
    shards: usize,
}

pub(super) fn describe(
    map: &ShardMap,
    path: &Path,
    registry: &Registry,
    format: Format,
) -> Result<(), Failure> {
    let stats = stats(map);
    let classes = classes(map);
    let grid = grid(&map.grid_signature, registry);
    let shards: Option<Vec<u64>> = grid
        .as_ref()
        .and_then(|grid| map.shards.iter().map(|shard| grid.shard_from_key(shard.key).ok()).collect());
    let extent = grid
        .as_ref()
        .zip(shards.as_ref())
        .and_then(|(grid, shards)| zagg_render::extent_of_shards(&**grid, shards).ok());
    let largest = stats.largest_shard.map(|key| {
        let label = grid.as_ref().and_then(|grid| Some(grid.shard_label(grid.shard_from_key(key).ok()?)));
        label.unwrap_or_else(|| key.to_string())
    });
    if format == Format::Json {
        let mut all = catalog::described(map, path);
        let histogram: Vec<Value> = classes
            .iter()
            .map(|class| json!({"from": class.from, "to": class.to, "shards": class.shards}))
            .collect();
        all.insert("histogram".into(), histogram.into());
        all.insert("extent".into(), json!(extent));
        all.insert("largest_shard".into(), json!(largest));
        all.insert("time".into(), json!(stats.time));
        all.insert("bytes".into(), if stats.sized > 0 { stats.bytes.into() } else { Value::Null });
        all.insert("addresses".into(), json!(stats.addresses));
        all.insert("versions".into(), json!(stats.versions));
        return output::json(&Value::Object(all));
    }
    let mut table = output::table(&[]);
    for (name, value) in catalog::rows(map, path) {
        table.add_row([name, &value]);
    }
    for (name, value) in more(&stats, extent, largest) {
        table.add_row([name, &value]);
    }
    let mut bars = output::table(&["granules", "shards", ""]);
    let most = classes.iter().map(|class| class.shards).max().unwrap_or(1).max(1);
    for class in &classes {
        let count = if class.from == class.to {
            grouped(class.from as u64)
        } else {
            format!("{} to {}", grouped(class.from as u64), grouped(class.to as u64))
        };
        // A class that is not empty has a bar.
        bars.add_row([count, grouped(class.shards as u64), "#".repeat((class.shards * BAR).div_ceil(most))]);
    }
    output::data(&format!("{table}\n\n{bars}"))
}

/// Rows of the table beside those of a new map.
fn more(stats: &Stats, extent: Option<[f64; 4]>, largest: Option<String>) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    if let Some([west, south, east, north]) = extent {
        rows.push(("extent", format!("longitude {west:.2} to {east:.2}, latitude {south:.2} to {north:.2}")));
    }
    if let Some(label) = largest {
        rows.push(("most granules", format!("shard {label}")));
    }
    if let Some((first, last)) = &stats.time {
        rows.push(("time", format!("{first} to {last}")));
    }
    if stats.sized > 0 {
        rows.push(("size", format!("{} in {} granules", bytes(stats.bytes), grouped(stats.sized as u64))));
    }
    let addresses = stats.addresses;
    let told: Vec<String> = [
        (addresses.s3, "s3"),
        (addresses.https, "https"),
        (addresses.file, "file"),
        (addresses.none, "nowhere"),
    ]
    .iter()
    .filter(|(n, _)| *n > 0)
    .map(|(n, what)| format!("{} {what}", grouped(*n as u64)))
    .collect();
    rows.push(("read from", told.join(", ")));
    if !stats.versions.is_empty() {
        let versions: Vec<String> =
            stats.versions.iter().map(|(name, n)| format!("{} {name}", grouped(*n as u64))).collect();
        rows.push(("products", versions.join(", ")));
    }
    if !stats.duplicates.is_empty() {
        rows.push(("two versions", format!("{} granules", grouped(stats.duplicates.len() as u64))));
    }
    if stats.has_area {
        rows.push(("area of interest", "cells of each shard are listed".into()));
    }
    rows
}

/// How many shards have how many granules.
fn classes(map: &ShardMap) -> Vec<Class> {
    let counts = || map.shards.iter().map(|shard| shard.granules.len());
    let (Some(least), Some(most)) = (counts().min(), counts().max()) else { return Vec::new() };
    let width = (most - least + 1).div_ceil(CLASSES);
    let mut classes: Vec<Class> = (least..=most)
        .step_by(width)
        .map(|from| Class { from, to: (from + width - 1).min(most), shards: 0 })
        .collect();
    for count in counts() {
        if let Some(class) = classes.get_mut((count - least) / width) {
            class.shards += 1;
        }
    }
    classes
}

/// The grid of a signature; none where this program cannot tell.
fn grid(signature: &Map<String, Value>, registry: &Registry) -> Option<Box<dyn Grid>> {
    let kind = signature.get("type")?.as_str()?;
    let mut options = signature.clone();
    // How cells are stored is no setting of the grid.
    options.shift_remove("layout");
    if let (Some(affine), Some(shape)) = (options.shift_remove("affine"), options.shift_remove("shape")) {
        let number = |at: usize| affine.get(at).and_then(Value::as_f64);
        let (rx, left, ry, top) = (number(0)?, number(2)?, number(4)?, number(5)?);
        let (rows, columns) = (shape.get(0)?.as_f64()?, shape.get(1)?.as_f64()?);
        options.insert("resolution".into(), json!([rx, -ry]));
        options.insert("bounds".into(), json!([left, top + ry * rows, left + rx * columns, top]));
    }
    let grid = zagg_core::caught(|| registry.grid(kind, &options)).ok()?;
    (grid.signature() == *signature).then_some(grid)
}

#[cfg(test)]
mod tests {
    use zagg_core::shard_map::ShardEntry;

    use super::*;

    fn map(counts: &[usize]) -> ShardMap {
        let entry = |(key, n): (usize, &usize)| ShardEntry { key: key as u64, granules: vec![0; *n] };
        ShardMap { shards: counts.iter().enumerate().map(entry).collect(), ..ShardMap::default() }
    }

    #[test]
    fn every_shard_is_in_one_class() {
        assert!(classes(&map(&[])).is_empty());
        assert_eq!(classes(&map(&[3, 3])), [Class { from: 3, to: 3, shards: 2 }]);
        for most in [1, 11, 12, 13, 100] {
            let counts: Vec<usize> = (1..=most).collect();
            let classes = classes(&map(&counts));
            assert!(
                classes.len() <= CLASSES && classes.iter().map(|class| class.shards).sum::<usize>() == most
            );
            assert!(classes.windows(2).all(|pair| pair[0].to + 1 == pair[1].from));
        }
    }

    #[test]
    fn grids_are_made_again_from_their_signatures() {
        let registry = crate::builtin::registry().unwrap();
        for (kind, options) in [
            ("healpix", json!({"type": "healpix", "parent_order": 6, "child_order": 12})),
            (
                "healpix",
                json!({"type": "healpix", "parent_order": 6, "child_order": 12, "ellipsoid": "sphere"}),
            ),
            (
                "rectilinear",
                json!({"type": "rectilinear", "crs": "EPSG:3031", "resolution": 5000, "bounds": [-3200000, -3200000, 3200000, 3200000]}),
            ),
        ] {
            let made = registry.grid(kind, options.as_object().unwrap()).unwrap();
            assert!(grid(&made.signature(), &registry).is_some(), "{options}");
        }
        assert!(grid(&Map::new(), &registry).is_none());
    }
}
