//! Every row that has a position and passes the filter is in the store exactly once, or counted as left out.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use proptest::prelude::*;
use zagg_core::grid::{Grid, NO_CELL};
use zagg_core::report::RunSummary;
use zagg_core::shard_map::ShardMap;
use zagg_core::store::StoreState;

use crate::support::points::{Data, Parents, Part};
use crate::support::{Job, LAYOUTS, grid_of, layout, table};

/// Number and sum of the rows of each cell.
type Sums = BTreeMap<u64, (f64, f64)>;

/// Positions at the ends of what there is, and beyond.
fn odd_position() -> impl Strategy<Value = (f64, f64)> {
    let lon = prop::sample::select(vec![
        0.0,
        -0.0,
        180.0,
        -180.0,
        360.0,
        -360.0,
        540.0,
        179.999_999_999,
        1e15,
        f64::MAX,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ]);
    let lat = prop::sample::select(vec![
        0.0,
        -0.0,
        90.0,
        -90.0,
        90.000_000_1,
        -91.0,
        41.810_314,
        f64::MIN_POSITIVE,
        f64::NAN,
        f64::INFINITY,
    ]);
    prop_oneof![(lon.clone(), lat.clone()), (lon, -90.0..90.0), (-180.0..180.0, lat)]
}

fn position() -> impl Strategy<Value = (f64, f64)> {
    prop_oneof![4 => (-180.0..180.0, -90.0..90.0), 1 => odd_position()]
}

/// Rows anywhere, or along a track.
fn exact_part() -> impl Strategy<Value = Part> {
    let scattered = prop::collection::vec(position(), 0..40);
    let track =
        (position(), (-0.9..0.9, -0.9..0.9), 1..200_usize).prop_map(|((lon, lat), (east, north), n)| {
            (0..n).map(|at| (lon + east * at as f64, lat + north * at as f64)).collect()
        });
    (prop_oneof![scattered, track], any::<u64>()).prop_map(|(positions, seed): (Vec<(f64, f64)>, u64)| {
        let (lon, lat): (Vec<f64>, Vec<f64>) = positions.into_iter().unzip();
        with_values(Part { lon, lat, ..Part::default() }, seed)
    })
}

/// Whole numbers as values, so that sums are exact, and a fifth of the rows flagged.
fn with_values(part: Part, seed: u64) -> Part {
    let number = |at: usize| (seed.wrapping_add(at as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33) % 1000;
    let rows = part.lon.len();
    Part {
        h: (0..rows).map(|at| number(at) as f64 - 500.0).collect(),
        q: (0..rows).map(|at| i8::from(number(at) % 5 == 0)).collect(),
        ..part
    }
}

fn granules<P: Strategy<Value = Part>>(part: fn() -> P) -> impl Strategy<Value = Vec<Vec<Part>>> {
    prop::collection::vec(prop::collection::vec(part(), 0..3), 1..4)
}

/// What there is: sums of rows that pass, rows before the filter by (granule, shard), and rows without a position.
fn truth(data: &Data, grid: &dyn Grid) -> (Sums, HashMap<(String, u64), u64>, u64) {
    let (mut sums, mut rows, mut bad) = (Sums::new(), HashMap::new(), 0);
    for (id, parts) in &data.granules {
        for part in parts {
            let mut cells = vec![0; part.lon.len()];
            let mut shards = cells.clone();
            grid.locate(&part.lon, &part.lat, &mut cells);
            grid.shards_of(&cells, &mut shards);
            for (row, (&cell, &shard)) in cells.iter().zip(&shards).enumerate() {
                assert_eq!(cell != NO_CELL, part.lon[row].is_finite() && part.lat[row].abs() <= 90.0);
                if cell == NO_CELL {
                    bad += 1;
                    continue;
                }
                *rows.entry((id.clone(), shard)).or_default() += 1;
                if part.q[row] == 0 {
                    let sum = sums.entry(cell).or_default();
                    *sum = (sum.0 + 1.0, sum.1 + part.h[row]);
                }
            }
        }
    }
    (sums, rows, bad)
}

fn run(job: &Job) -> (RunSummary, Sums) {
    let (summary, store) = job.run_in_memory();
    assert_eq!((summary.state, summary.holes.len()), (StoreState::Complete, 0), "{summary:?}");
    let got = table(&store);
    let (count, sum) = (got.column("count"), got.column("h_sum"));
    let sums: Sums = got.cells.iter().map(|(&id, values)| (id, (values[count], values[sum]))).collect();
    (summary, sums)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rows_with_exact_positions_are_kept_once(parts in granules(exact_part), full in any::<bool>()) {
        let data = Data::new(parts);
        let job = data.job(&layout(LAYOUTS[usize::from(full)]));
        let grid = grid_of(&job.pipeline);
        let (want, rows, bad) = truth(&data, &*grid);
        if job.map.shards.is_empty() {
            prop_assert_eq!(rows.len(), 0);
            return Ok(());
        }
        let (summary, got) = run(&job);
        prop_assert_eq!(&got, &want);
        prop_assert_eq!(summary.rows_kept as f64, want.values().map(|v| v.0).sum::<f64>());
        prop_assert_eq!(summary.rows_read, rows.values().sum::<u64>());
        prop_assert_eq!(summary.cells, want.len() as u64);
        prop_assert_eq!(summary.strays.rows_unassigned, 0);
        // A granule without any row in a shard is never opened.
        let unopened: u64 = data.granules.iter()
            .filter(|(id, _)| !rows.keys().any(|(granule, _)| granule == *id))
            .flat_map(|(_, parts)| parts.iter().map(|part| part.lon.len() as u64))
            .sum();
        prop_assert_eq!(summary.strays.rows_bad_position + unopened, bad);
    }

    #[test]
    fn rows_that_a_map_forgets_are_counted(parts in granules(exact_part), drops in any::<u64>()) {
        let data = Data::new(parts);
        let mut job = data.job("");
        let grid = grid_of(&job.pipeline);
        let (_, rows, bad) = truth(&data, &*grid);
        let mut pair = 0;
        for shard in &mut job.map.shards {
            shard.granules.retain(|_| {
                pair += 1;
                drops >> (pair % 64) & 1 == 0
            });
        }
        prop_assume!(!job.map.shards.is_empty());
        let lists = listed(&job.map, &*grid);
        let (summary, _) = run(&job);
        let opened = |id: &String| lists.values().any(|ids| ids.contains(id));
        let of = |keep: &dyn Fn(&String, u64) -> bool| -> u64 {
            rows.iter().filter(|((id, shard), _)| keep(id, *shard)).map(|(_, n)| n).sum()
        };
        prop_assert_eq!(summary.rows_read, of(&|id, shard| lists[&shard].contains(id)));
        prop_assert_eq!(
            summary.strays.rows_unassigned,
            of(&|id, shard| opened(id) && !lists[&shard].contains(id) && !lists[&shard].is_empty())
        );
        prop_assert!(summary.strays.rows_bad_position <= bad);
    }

    #[test]
    fn rows_with_coarse_positions_are_kept_once(
        parts in prop::collection::vec(coarse_part(), 1..3), full in any::<bool>()
    ) {
        let data = Data::new(parts.into_iter().map(|part| vec![part]).collect());
        let job = data.job(&layout(LAYOUTS[usize::from(full)]));
        let grid = grid_of(&job.pipeline);
        let (want, rows, _) = truth(&data, &*grid);
        if job.map.shards.is_empty() {
            prop_assert!(want.is_empty());
            return Ok(());
        }
        let (summary, got) = run(&job);
        prop_assert_eq!(&got, &want);
        prop_assert_eq!(summary.rows_kept as f64, want.values().map(|v| v.0).sum::<f64>());
        prop_assert_eq!(summary.rows_read, rows.values().sum::<u64>());
    }
}

/// Ids of the granules that each shard lists.
fn listed(map: &ShardMap, grid: &dyn Grid) -> HashMap<u64, Vec<String>> {
    map.shards
        .iter()
        .map(|entry| {
            let ids = entry.granules.iter().map(|&g| map.granules[g as usize].id.clone()).collect();
            (grid.shard_from_key(entry.key).unwrap(), ids)
        })
        .collect()
}

/// Parents of any size, empty ones and ones without a position among them. Every row lies in the shard of its own
/// parent or of the nearest one before or after that has rows and a position, as the contract of coarse positions has it.
fn coarse_part() -> impl Strategy<Value = Part> {
    let size =
        prop_oneof![2 => Just(0..1_u64), 3 => Just(1..4), 1 => Just(30..60)].prop_flat_map(|sizes| sizes);
    let parents = prop::collection::vec((position(), size), 0..12);
    (parents, any::<u64>()).prop_map(|(parents, seed)| {
        let grid = grid_of(&Data::default().pipeline(""));
        let mut coarse = Parents::default();
        let mut end = 0;
        for ((lon, lat), rows) in parents {
            coarse.lon.push(lon);
            coarse.lat.push(lat);
            coarse.rows.push(end..end + rows);
            end += rows;
        }
        let mut cells = vec![0; coarse.lon.len()];
        let mut shards = cells.clone();
        grid.locate(&coarse.lon, &coarse.lat, &mut cells);
        grid.shards_of(&cells, &mut shards);
        // Homes of the parents that count as neighbours.
        let with_rows: Vec<usize> = (0..shards.len()).filter(|&at| !coarse.rows[at].is_empty()).collect();
        let mut part = Part::default();
        let mut random = seed;
        let mut below = |n: usize| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) as usize % n
        };
        for &at in &with_rows {
            let is_home = |&&other: &&usize| shards[other] != NO_CELL;
            let before = with_rows.iter().rev().filter(|&&other| other < at).find(is_home);
            let after = with_rows.iter().filter(|&&other| other > at).find(is_home);
            let own = Some(&at).filter(|at| shards[**at] != NO_CELL);
            let homes: Vec<u64> = [before, own, after].into_iter().flatten().map(|&at| shards[at]).collect();
            for _ in coarse.rows[at].clone() {
                let nowhere = homes.is_empty() || below(12) == 0;
                let (mut lon, mut lat) = ([f64::NAN], [95.0]);
                if !nowhere {
                    let inside = grid.cells_of_shard(homes[below(homes.len())], grid.leaf_level());
                    grid.centres(grid.leaf_level(), &[inside[below(inside.len())]], &mut lon, &mut lat);
                }
                part.lon.push(lon[0]);
                part.lat.push(lat[0]);
            }
        }
        with_values(Part { parents: Some(coarse), ..part }, seed)
    })
}

#[test]
fn rows_whose_parents_all_lack_a_position_are_counted() {
    let parents = Parents { lon: vec![f64::NAN; 2], lat: vec![0.0; 2], rows: vec![0..3, 3..5] };
    let lost = Part { lon: vec![1.0; 5], lat: vec![1.0; 5], parents: Some(parents), ..Part::default() };
    let there = Part { lon: vec![1.0; 2], lat: vec![1.0; 2], ..Part::default() };
    let data = Data::new(vec![vec![with_values(lost, 1), with_values(there, 2)]]);
    let (summary, _) = run(&data.job(""));
    assert_eq!((summary.rows_read, summary.strays.rows_bad_position), (2, 5));
}

#[test]
fn a_pipeline_that_only_counts_counts_every_part() {
    let part = |seed: u64| {
        let track: (Vec<f64>, Vec<f64>) =
            (0..100).map(|at| (f64::from(at) / 3.0, f64::from(at) / 9.0)).unzip();
        with_values(Part { lon: track.0, lat: track.1, ..Part::default() }, seed)
    };
    let data = Data::new(vec![vec![part(1), part(2)], vec![part(3)], vec![part(4), part(5)]]);
    let job = data.job("");
    let mut counting = job.clone();
    counting.pipeline.aggregation.variables.retain(|variable| variable.name == "count");
    let (summary, store) = counting.run_in_memory();
    let (want, store_of_all) = job.run_in_memory();
    assert_eq!((summary.rows_kept, summary.cells), (want.rows_kept, want.cells));
    assert_eq!(table(&store).values("count"), table(&store_of_all).values("count"));
    assert_eq!(table(&store).total("count"), want.rows_kept as f64);
}

#[test]
fn only_the_shards_asked_for_are_run_and_the_rest_stays_as_it_is() {
    // The granules describe their columns differently, and no shard lists both.
    let part = |start: i32| {
        let at = start..start + 150;
        let track: (Vec<f64>, Vec<f64>) = at.map(|at| (f64::from(at), f64::from(at) / 10.0)).unzip();
        with_values(Part { lon: track.0, lat: track.1, ..Part::default() }, 3)
    };
    let data = Data::new(vec![vec![part(0)], vec![part(180)]]);
    let whole = data.job("");
    let (_, want) = run(&whole);
    let mut some = whole.clone();
    some.options.max_cells = Some(2);
    let store = zagg_zarr::ZarrStore::memory();
    let first = some.run(Arc::new(store.reopen())).unwrap();
    assert_eq!((first.shards, first.state), (2, StoreState::Incomplete));
    let mut got = 0;
    let grid = grid_of(&whole.pipeline);
    for entry in &whole.map.shards {
        let mut one = whole.clone();
        one.options.shards = vec![grid.shard_label(grid.shard_from_key(entry.key).unwrap())];
        got += 1;
        let summary = one.run(Arc::new(store.reopen())).unwrap();
        let last = got == whole.map.shards.len();
        assert_eq!(summary.state == StoreState::Complete, last, "after {got} shards");
    }
    let cells = table(&store);
    let (count, sum) = (cells.column("count"), cells.column("h_sum"));
    let got: Sums = cells.cells.iter().map(|(&id, v)| (id, (v[count], v[sum]))).collect();
    assert_eq!(got, want);
}
