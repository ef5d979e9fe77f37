//! The mask as an array of stores, and the area as a border that rows are dropped beyond.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use zagg_core::cells::CellRanges;
use zagg_core::finalize::finalize;
use zagg_core::footprint::{Footprint, Polygon};
use zagg_core::grid::{Grid, NO_CELL};
use zagg_core::product::{AOI_MASK, PLAN, Product};
use zagg_core::records::{ShardState, shard_state};
use zagg_core::report::RunSummary;
use zagg_core::shard_map::{ShardEntry, ShardMap};
use zagg_core::store::{Store, StoreState};
use zagg_core::{DType, Values};
use zagg_local::LocalExecutor;
use zagg_zarr::{Check, ZarrStore};

use super::{antarctica, area, inside, masked, ring};
use crate::support::points::{Data, Part};
use crate::support::{Job, LAYOUTS, assert_same_tree, grid_of, registry};

/// Rows around the south pole, some without a value that passes the filter.
fn rows() -> Data {
    let number = |at: u64| (at.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as f64 / f64::from(u32::MAX);
    let part = |seed: u64| {
        let mut part = Part::default();
        for at in 0..4000 {
            let at = (seed << 20) + 3 * at;
            part.lon.push(360.0 * number(at) - 180.0);
            part.lat.push(-90.0 + 35.0 * number(at + 1));
            part.h.push((1000.0 * number(at + 2)).floor());
            part.q.push(i8::from(at.is_multiple_of(7)));
        }
        part
    };
    Data::new(vec![vec![part(1), part(2)], vec![part(3)], vec![part(4), part(5)]])
}

/// The job of the rows, with the mask of an area in its map.
fn job(data: &Data, output: &str, polygon: &Polygon) -> Job {
    let mut job = data.job(&format!("output: {{{output}}}"));
    job.map.set_area(&*grid_of(&job.pipeline), &area(polygon), false).unwrap();
    job
}

fn complete(job: &Job) -> (RunSummary, ZarrStore) {
    let (summary, store) = job.run_in_memory();
    assert_eq!((summary.state, summary.holes.len()), (StoreState::Complete, 0), "{summary:?}");
    (summary, store)
}

/// Every array of a store but the mask, as bytes, so that NaN equals NaN.
fn arrays(store: &ZarrStore) -> BTreeMap<String, Vec<u8>> {
    let summary = store.inspect().unwrap();
    let names = summary.groups.iter().flat_map(|g| g.arrays.iter().map(move |a| (&g.name, &a.name)));
    names
        .filter(|(_, name)| *name != AOI_MASK)
        .map(|(group, name)| {
            (format!("{group}/{name}"), store.read_array(group, name).unwrap().to_le_bytes())
        })
        .collect()
}

fn mask_of(store: &ZarrStore, group: &str) -> Vec<bool> {
    match store.read_array(group, AOI_MASK).unwrap() {
        Values::Bool(flags) => flags,
        other => panic!("the mask is {}", other.dtype()),
    }
}

const LEVELS: &str = "grid: {type: healpix, parent_order: 2, child_order: 8, levels: [8, 7, 4, 2, 1, 0]}";

#[test]
fn a_store_has_the_mask_of_its_map_and_is_otherwise_the_same() {
    let (data, polygon) = (rows(), antarctica());
    for layout in LAYOUTS {
        let output = format!("layout: {layout}, {LEVELS}");
        let mut job = job(&data, &format!("aoi_mask: true, {output}"), &polygon);
        let grid = grid_of(&job.pipeline);
        // A shard that no granule touches has a mask, too.
        let taken: BTreeSet<u64> = job.map.shards.iter().map(|entry| entry.key).collect();
        let free = (0..192).map(|shard| grid.shard_key(shard)).find(|key| !taken.contains(key)).unwrap();
        job.map.shards.push(ShardEntry { key: free, granules: Vec::new() });
        job.map.shards.sort_by_key(|entry| entry.key);
        let globe = Footprint::Box { west: -180.0, south: -90.0, east: 180.0, north: 90.0 };
        job.map.set_area(&*grid, &globe, false).unwrap();
        let mut everywhere = job.map.aoi_mask.clone().unwrap();
        job.map.set_area(&*grid, &area(&polygon), false).unwrap();
        let at = job.map.shards.iter().position(|entry| entry.key == free).unwrap();
        // It lies far from the area; its mask says what the map says.
        job.map.aoi_mask.as_mut().unwrap()[at] = everywhere.swap_remove(at);
        let (summary, store) = complete(&job);
        assert_eq!(summary.rows_outside_area, None);
        let shards: Vec<(u64, CellRanges)> = job
            .map
            .shards
            .iter()
            .zip(job.map.aoi_mask.as_ref().unwrap())
            .map(|(entry, codes)| {
                let shard = grid.shard_from_key(entry.key).unwrap();
                (shard, grid.cells_of_codes(shard, codes).unwrap())
            })
            .collect();
        let want: BTreeSet<u64> = shards
            .iter()
            .flat_map(|(shard, cells)| {
                let all = grid.cells_of_shard(*shard, 8);
                cells
                    .ranges()
                    .iter()
                    .flat_map(move |r| all[r.start as usize..r.end as usize].to_vec())
                    .collect::<Vec<_>>()
            })
            .collect();
        let flags = mask_of(&store, "8");
        let ids: Vec<u64> = match layout {
            "compact" => match store.read_array("8", "cell_ids").unwrap() {
                Values::UInt64(ids) => ids,
                other => panic!("{}", other.dtype()),
            },
            _ => (0..flags.len() as u64).collect(),
        };
        let got: BTreeSet<u64> =
            ids.iter().zip(&flags).filter(|(_, flag)| **flag).map(|(id, _)| *id).collect();
        assert_eq!(got, want);
        assert!(want.len() > 4096 + 1000 && want.len() < ids.len());
        // The leaf level alone has it.
        let summary = store.inspect().unwrap();
        for group in &summary.groups {
            let array = group.arrays.iter().find(|array| array.name == AOI_MASK);
            assert_eq!(array.is_some(), group.name == "8", "{}", group.name);
            if let Some(array) = array {
                assert_eq!((array.dtype, array.fill.clone()), (DType::Bool, Values::Bool(vec![false])));
            }
        }
        assert!(
            store.validate(&registry()).unwrap().is_sound(),
            "{:?}",
            store.validate(&registry()).unwrap().findings
        );
        // Nothing else depends on it.
        let mut plain = data.job(&format!("output: {{{output}}}"));
        plain.map = ShardMap { aoi_mask: None, ..job.map.clone() };
        let (_, plain) = complete(&plain);
        assert!(arrays(&store) == arrays(&plain), "{layout}");
    }
}

#[test]
fn a_pipeline_that_does_not_ask_leaves_no_trace_of_the_mask() {
    let data = rows();
    let with = job(&data, "layout: compact", &antarctica());
    let without = Job { map: ShardMap { aoi_mask: None, ..with.map.clone() }, ..with.clone() };
    let executor = LocalExecutor::default();
    let ((_, with), (_, without)) = (with.run_on_disk(&executor), without.run_on_disk(&executor));
    assert_same_tree(&with, &without, "a map with a mask");
}

/// The rows whose cells lie in some set.
fn rows_within(data: &Data, grid: &dyn Grid, shards: &BTreeMap<u64, CellRanges>) -> Data {
    let mut data = data.clone();
    for part in data.granules.values_mut().flatten() {
        let mut cells = vec![NO_CELL; part.lon.len()];
        grid.locate(&part.lon, &part.lat, &mut cells);
        let mut homes = cells.clone();
        grid.shards_of(&cells, &mut homes);
        let keep = |row: usize| {
            let mut place = [0];
            let Some(area) = shards.get(&homes[row]) else { return false };
            grid.offsets_in_shard(homes[row], grid.leaf_level(), &cells[row..=row], &mut place);
            area.contains(place[0])
        };
        let rows: Vec<usize> = (0..part.lon.len()).filter(|row| keep(*row)).collect();
        *part = Part {
            lon: rows.iter().map(|row| part.lon[*row]).collect(),
            lat: rows.iter().map(|row| part.lat[*row]).collect(),
            h: rows.iter().map(|row| part.h[*row]).collect(),
            q: rows.iter().map(|row| part.q[*row]).collect(),
            parents: None,
        };
    }
    data
}

#[test]
fn a_clipped_store_is_the_store_of_the_rows_inside_at_every_level() {
    let (data, polygon) = (rows(), antarctica());
    let plane = "grid: {type: rectilinear, crs: EPSG:3031, resolution: 50000, chunk_shape: [64, 64], \
                 bounds: [-6400000, -6400000, 6400000, 6400000], levels: [1, 2, 16]}";
    for output in
        [format!("layout: compact, {LEVELS}"), format!("layout: full_sphere, {LEVELS}"), plane.into()]
    {
        let clipped = job(&data, &format!("clip: true, aoi_mask: true, {output}"), &polygon);
        let whole = job(&data, &output, &polygon);
        let grid = grid_of(&clipped.pipeline);
        let areas: BTreeMap<u64, CellRanges> =
            masked(&*grid, &mut clipped.map.clone(), &area(&polygon)).into_iter().collect();
        let (of_clipped, store) = complete(&clipped);
        let (of_whole, unclipped) = complete(&whole);
        // Every row is kept or counted.
        let outside = of_clipped.rows_outside_area.unwrap();
        assert!(outside > 1000 && of_clipped.rows_kept > 1000, "{outside}, {}", of_clipped.rows_kept);
        assert_eq!(of_clipped.rows_kept + outside, of_whole.rows_kept);
        assert_eq!(of_clipped.rows_read, of_whole.rows_read);
        // The rows inside alone, under the same map, give the same store.
        let within = rows_within(&data, &*grid, &areas);
        let mut direct = within.job(&format!("output: {{{output}}}"));
        direct.map = ShardMap { aoi_mask: None, ..clipped.map.clone() };
        let (of_direct, direct) = complete(&direct);
        assert_eq!((of_direct.rows_kept, of_direct.cells), (of_clipped.rows_kept, of_clipped.cells));
        assert!(arrays(&store) == arrays(&direct), "{output}");
        // And at the leaf level it is the whole store, masked.
        let leaf = grid.group_name(grid.leaf_level());
        let mask = mask_of(&store, &leaf);
        for name in ["count", "h_sum"] {
            let read = |store: &ZarrStore| store.read_array(&leaf, name).unwrap().to_f64();
            let (got, want) = (read(&store), read(&unclipped));
            let empty = if name == "count" { 0.0 } else { f64::NAN };
            for (place, inside) in mask.iter().enumerate() {
                let want = if *inside { want[place] } else { empty };
                assert!(
                    got[place].to_bits() == want.to_bits(),
                    "{leaf}/{name} {place}: {} {want}",
                    got[place]
                );
            }
        }
        let found = store.validate(&registry()).unwrap();
        assert!(found.is_sound(), "{:?}", found.findings);
    }
}

#[test]
fn clipped_stores_are_the_same_bytes_whoever_makes_them() {
    let output = format!("clip: true, aoi_mask: true, {LEVELS}");
    let mut job = job(&rows(), &output, &antarctica());
    let (_, first) = job.run_on_disk(&LocalExecutor::default());
    job.options.workers = 1;
    job.options.io_threads = 1;
    job.map = ShardMap::parse("map", &job.map.to_json().unwrap()).unwrap();
    let (_, second) = job.run_on_disk(&LocalExecutor::default());
    assert_same_tree(&second, &first, "one worker");
}

#[test]
fn a_map_made_to_clip_clips_every_run_and_keeps_only_shards_with_cells_inside() {
    let data = rows();
    let small = Polygon { exterior: ring(120.0, -75.0, 6.0, 12), holes: Vec::new() };
    let mut job = data.job("");
    let grid = grid_of(&job.pipeline);
    let before = job.map.clone();
    job.map.set_area(&*grid, &area(&small), true).unwrap();
    assert!(job.map.clips() && job.map.shards.len() < before.shards.len());
    assert_eq!(job.map.metadata["total_shards"], job.map.shards.len());
    assert!(job.map.aoi_mask.as_ref().unwrap().iter().all(|codes| !codes.is_empty()));
    let ids = |map: &ShardMap| -> BTreeMap<u64, Vec<String>> {
        let of = |entry: &ShardEntry| {
            entry.granules.iter().map(|g| map.granules[*g as usize].id.clone()).collect()
        };
        map.shards.iter().map(|entry| (entry.key, of(entry))).collect()
    };
    let (all, kept) = (ids(&before), ids(&job.map));
    assert!(kept.iter().all(|(key, list)| all[key] == *list));
    let (summary, store) = complete(&job);
    assert!(summary.rows_outside_area.unwrap() > 0);
    // The store knows: a run of the same map without the mark makes another one.
    let mut other = job.clone();
    other.map.metadata.shift_remove("clip");
    let error = other.run(Arc::new(store.reopen())).unwrap_err();
    assert!(error.message().contains("another"), "{error}");
    // Unasked for, there is no array.
    assert!(store.read_array("5", AOI_MASK).is_err());
    // Every row inside is there once.
    let areas: BTreeMap<u64, CellRanges> =
        masked(&*grid, &mut job.map.clone(), &area(&small)).into_iter().collect();
    let within = rows_within(&data, &*grid, &areas);
    let passing: usize =
        within.granules.values().flatten().map(|p| p.q.iter().filter(|q| **q == 0).count()).sum();
    assert_eq!(summary.rows_kept, passing as u64);
}

#[test]
fn plans_bring_the_area_along() {
    let job = job(&rows(), &format!("clip: true, aoi_mask: true, {LEVELS}"), &antarctica());
    let (_, store) = complete(&job);
    let plan = store.read_record(PLAN).unwrap().unwrap();
    let product = Product::from_plan(&plan, &registry()).unwrap();
    let run = job.assemble(Arc::new(ZarrStore::memory())).unwrap();
    assert_eq!(product.identity(), run.product.identity());
    for shard in &run.product.shards {
        assert_eq!(product.area_of(*shard), run.product.area_of(*shard));
        assert!(product.area_of(*shard).is_some());
    }
    assert_eq!(product.plan(), run.product.plan());
    // Shards count as done for the plan, as they do for the run.
    let before = arrays(&store);
    assert_eq!(finalize(&product, &store).unwrap().state, StoreState::Complete);
    assert!(arrays(&store) == before);
    let damaged = |from: &str, to: &str| {
        let text = String::from_utf8(plan.clone()).unwrap();
        let at = text.find("\"areas\"").unwrap();
        let changed = format!("{}{}", &text[..at], text[at..].replacen(from, to, 1));
        assert_ne!(changed, text);
        Product::from_plan(changed.as_bytes(), &registry()).unwrap_err().to_string()
    };
    assert!(damaged("\"areas\"", "\"other\"").contains("areas"));
    assert!(damaged("-", "+").contains("areas") || damaged("-", "+").contains("label"));
    assert!(damaged(": \"", ": \"9999999").contains("area"));
}

#[test]
fn a_shard_of_another_area_is_outdated() {
    let data = rows();
    let first = job(&data, "clip: true, layout: full_sphere", &antarctica());
    let (_, store) = complete(&first);
    let smaller = Polygon { exterior: ring(70.0, -86.0, 15.0, 40), holes: Vec::new() };
    let second = Job { map: job(&data, "", &smaller).map, ..first };
    let run = second.assemble(Arc::new(store.reopen())).unwrap();
    // Those of its shards that have the same cells in both areas stay done.
    let states: Vec<bool> = run
        .product
        .shards
        .iter()
        .map(|shard| shard_state(&run.product, &store, *shard))
        .map(|state| state == ShardState::Done)
        .collect();
    assert!(states.contains(&false) && states.contains(&true), "{states:?}");
    assert_eq!(second.run(Arc::new(store.reopen())).unwrap().state, StoreState::Complete);
    let (_, alone) = complete(&second);
    assert!(arrays(&store) == arrays(&alone));
}

#[test]
fn what_is_missing_or_taken_is_said_before_anything_runs() {
    let data = rows();
    let fails = |job: &Job| job.assemble(Arc::new(ZarrStore::memory())).unwrap_err().message().to_string();
    for key in ["aoi_mask", "clip"] {
        assert!(
            fails(&data.job(&format!("output: {{{key}: true}}")))
                .contains("build the map again with this pipeline")
        );
    }
    let wanted = job(&data, "aoi_mask: true", &antarctica());
    let mut short = wanted.clone();
    short.map.aoi_mask.as_mut().unwrap().pop();
    assert!(fails(&short).contains("lists in aoi_mask"));
    let mut wrong = wanted.clone();
    let lists = wrong.map.aoi_mask.as_mut().unwrap();
    let full = lists.iter().position(|codes| !codes.is_empty()).unwrap();
    let empty = lists.iter().position(|codes| codes.is_empty()).unwrap_or((full + 1) % lists.len());
    lists[empty] = lists[full].clone();
    assert!(fails(&wrong).contains("outside the shard"), "{}", fails(&wrong));
    let name = "aggregation: {variables: {aoi_mask: {function: len, dtype: int32, fill_value: 0}}}\noutput: {aoi_mask: true}";
    let mut taken = data.job(name);
    taken.map = wanted.map;
    assert!(fails(&taken).contains("give the variable another name"), "{}", fails(&taken));
}

#[test]
fn validation_finds_a_mask_that_was_changed() {
    let job = job(&rows(), &format!("aoi_mask: true, {LEVELS}"), &antarctica());
    let (_, store) = complete(&job);
    let blocks = store.stored_blocks("8", AOI_MASK).unwrap();
    let Values::Bool(mut flags) = store.read_block("8", AOI_MASK, &blocks[0]).unwrap() else { panic!() };
    let at = flags.iter().position(|flag| *flag).unwrap();
    flags[at] = false;
    store.write_block("8", AOI_MASK, &blocks[0], &Values::Bool(flags)).unwrap();
    let found = store.validate(&registry()).unwrap().findings;
    assert!(found.iter().any(|f| f.check == Check::Blocks && f.to_string().contains(AOI_MASK)), "{found:?}");
}

/// Rows anywhere, as many as a small test needs.
fn scattered() -> impl Strategy<Value = Vec<(f64, f64, bool)>> {
    prop::collection::vec((-180.0..180.0, -90.0..90.0, any::<bool>()), 1..150)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rows_are_kept_or_counted(
        rows in scattered(), (lon, lat, radius) in (-180.0..180.0, -90.0..90.0, 5.0..80.0), full in any::<bool>()
    ) {
        let part = Part {
            lon: rows.iter().map(|row| row.0).collect(),
            lat: rows.iter().map(|row| row.1).collect(),
            h: rows.iter().map(|_| 1.0).collect(),
            q: rows.iter().map(|row| i8::from(row.2)).collect(),
            parents: None,
        };
        let data = Data::new(vec![vec![part]]);
        let polygon = Polygon { exterior: ring(lon, lat, radius, 9), holes: Vec::new() };
        let job = job(&data, &format!("clip: true, layout: {}", LAYOUTS[usize::from(full)]), &polygon);
        let (summary, _) = complete(&job);
        let passing = rows.iter().filter(|row| !row.2).count() as u64;
        prop_assert_eq!(summary.rows_kept + summary.rows_outside_area.unwrap(), passing);
        // Rows inside the polygon are kept; those outside may lie in a cell that touches it.
        let inner = rows.iter().filter(|row| !row.2 && inside(&polygon, [row.0, row.1])).count() as u64;
        prop_assert!(summary.rows_kept >= inner);
        prop_assert_eq!(summary.rows_read, rows.len() as u64);
    }
}
