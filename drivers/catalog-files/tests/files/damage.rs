//! Damaged files: an error in one line that names the file, or something sound; never a panic that escapes, and no more
//! memory than the file accounts for.

use std::path::Path;

use serde_json::json;
use zagg_catalog_files::{read_granules, read_shard_map, write_granules, write_shard_map};
use zagg_core::catalog::Granules;
use zagg_core::footprint::Footprint;
use zagg_core::granule::CatalogEntry;
use zagg_core::shard_map::{ShardEntry, ShardMap};
use zagg_core::{ErrorKind, Result};

use crate::shard_maps::granule;
use crate::{Random, data};

/// Damages a file in many ways; how often it could be read all the same.
fn damage<T>(path: &Path, rounds: usize, read: impl Fn(&Path) -> Result<T>) -> usize {
    let sound = std::fs::read(path).unwrap();
    let target = path.with_extension("damaged");
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut survived = 0;
    for round in 0..rounds {
        let mut bytes = sound.clone();
        match round % 4 {
            0 => bytes.truncate(random.below(sound.len())),
            // Sizes stand at the end of Parquet files.
            1 => {
                let from = sound.len().saturating_sub(3000);
                let at = from + random.below(sound.len() - from);
                bytes[at] ^= 1 << random.below(8);
            }
            2 => {
                let at = random.below(sound.len());
                bytes[at] = [0, 0xff, 0x7f, 0x80][random.below(4)];
            }
            _ => {
                let at = random.below(sound.len());
                let end = (at + 1 + random.below(16)).min(sound.len());
                (at..end).for_each(|at| bytes[at] = random.below(256) as u8);
            }
        }
        if bytes == sound {
            continue;
        }
        std::fs::write(&target, &bytes).unwrap();
        match read(&target) {
            Ok(_) => survived += 1,
            Err(error) => {
                let text = error.to_string();
                assert!(text.contains("damaged: ") && !text.contains('\n'), "{text}");
                assert!(error.kind() != ErrorKind::Plugin, "{text}");
            }
        }
    }
    survived
}

fn map() -> ShardMap {
    let shards =
        (0..60u32).map(|at| ShardEntry { key: u64::from(at) << 50, granules: (at / 3..at).collect() });
    let area = |at: u64| [at, at + 1, at + 9].into_iter().collect();
    ShardMap {
        metadata: json!({"source": "test"}).as_object().unwrap().clone(),
        grid_signature: json!({"type": "t"}).as_object().unwrap().clone(),
        granules: (0..60).map(granule).collect(),
        shards: shards.collect(),
        aoi_mask: Some((0..60).map(area).collect()),
    }
}

#[test]
fn damaged_maps_are_refused_or_sound() {
    let folder = tempfile::tempdir().unwrap();
    let sound = map();
    for (name, most) in [("m.json", 1200), ("m.json.zst", 20), ("m.parquet", 1200)] {
        let path = folder.path().join(name);
        write_shard_map(&path, &sound).unwrap();
        let survived = damage(&path, 2000, |path| {
            let map = read_shard_map(path)?;
            // Its checksum leaves damage only where it changes nothing, as in the size of the window.
            assert!(name != "m.json.zst" || map.to_json() == sound.to_json());
            assert!(map.shards.iter().all(|s| s.granules.iter().all(|&g| (g as usize) < map.granules.len())));
            Ok(map)
        });
        assert!(survived <= most, "{name}: {survived} of 2000 damaged files were read");
    }
}

#[test]
fn damaged_granules_are_refused_or_sound() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("g.parquet");
    let entry = |at: u32| CatalogEntry {
        granule: granule(at),
        footprint: match at % 3 {
            0 => Footprint::Lines(vec![vec![[f64::from(at), 1.0], [2.0, 3.0]]]),
            1 => Footprint::Box { west: 170.0, south: -5.0, east: -170.0, north: 5.0 },
            _ => Footprint::Points(vec![[f64::from(at), 2.0]]),
        },
    };
    write_granules(&path, &Granules { entries: (0..60).map(entry).collect(), ..Granules::default() })
        .unwrap();
    damage(&path, 2000, read_granules);
    if let Some(data) = data() {
        for name in ["zagg_cat_serc_ATL03_007.parquet", "zagg_cat_s2_neon_2025.parquet"] {
            std::fs::copy(data.join(name), folder.path().join(name)).unwrap();
            let path = folder.path().join(name);
            let mut rights = path.metadata().unwrap().permissions();
            #[allow(clippy::permissions_set_readonly_false, reason = "a copy in a temporary folder")]
            rights.set_readonly(false);
            std::fs::set_permissions(&path, rights).unwrap();
            damage(&path, 400, read_granules);
        }
    }
}

#[test]
fn files_that_are_something_else_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (maps, granules) = (folder.path().join("m.parquet"), folder.path().join("g.parquet"));
    write_shard_map(&maps, &map()).unwrap();
    write_granules(&granules, &Granules::default()).unwrap();
    let error = read_shard_map(&granules).unwrap_err().to_string();
    assert!(error.ends_with("g.parquet: a Parquet file, but not a shard map"), "{error}");
    let error = read_granules(&maps).unwrap_err().to_string();
    assert!(error.ends_with("m.parquet: there is no column id"), "{error}");
    let json = folder.path().join("m.json");
    write_shard_map(&json, &map()).unwrap();
    assert!(read_granules(&json).unwrap_err().to_string().contains("m.json: no STAC items"));
    assert_eq!(read_granules(&granules).unwrap(), Granules::default());
}

#[test]
fn a_bomb_takes_no_room() {
    // A gigabyte of spaces in a few thousand bytes, and a window that no reader would hold.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.json.zst");
    let mut bomb = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    std::io::copy(&mut std::io::Read::take(std::io::repeat(b' '), 1 << 30), &mut bomb).unwrap();
    std::fs::write(&path, bomb.finish().unwrap()).unwrap();
    assert!(path.metadata().unwrap().len() < 200_000);
    let error = read_shard_map(&path).unwrap_err().to_string();
    assert!(error.contains("the file ends too early"), "{error}");
    let mut wide = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    wide.window_log(30).unwrap();
    std::io::copy(&mut std::io::Read::take(std::io::repeat(b' '), 1 << 20), &mut wide).unwrap();
    std::fs::write(&path, wide.finish().unwrap()).unwrap();
    let error = read_shard_map(&path).unwrap_err().to_string();
    assert!(error.contains("the compressed text is damaged"), "{error}");
}
