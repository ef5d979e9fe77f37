//! Levels of a grid whose cells are not numbered by their places: S2, in both layouts, above the shards too.

use std::collections::BTreeMap;

use zagg_core::Values;
use zagg_core::store::StoreState;
use zagg_s2 as _;
use zagg_zarr::ZarrStore;

use crate::support::{Job, LAYOUTS, crossing, layout, pipeline, preset};

const GRID: &str = "output: {grid: {type: s2, parent_level: 7, child_level: 13, levels: [13, 10, 7, 5, 2]}}";

/// Rows of the cells of a level that have any, by id.
fn counts(store: &ZarrStore, level: u32) -> BTreeMap<u64, u64> {
    let group = level.to_string();
    let compact = store.read_array(&group, "cell_ids").ok();
    let summary = store.inspect().unwrap();
    let arrays = &summary.groups.iter().find(|found| found.name == group).unwrap().arrays;
    let size = arrays.iter().find(|array| array.name == "count").unwrap().block_shape[0];
    let mut counts = BTreeMap::new();
    for block in store.stored_blocks(&group, "count").unwrap() {
        let values = store.read_block(&group, "count", &block).unwrap().to_f64();
        // The last block may reach past the end of the array.
        let start = block[0] * size;
        for (place, count) in (start..).zip(values).filter(|(_, count)| *count > 0.0) {
            let id = match &compact {
                Some(Values::UInt64(ids)) => ids[place as usize],
                Some(other) => panic!("cell_ids are {}", other.dtype()),
                // The rank of the cell, then the bit that marks the level.
                None => (2 * place + 1) << (60 - 2 * level),
            };
            counts.insert(id, count as u64);
        }
    }
    counts
}

#[test]
fn cells_of_every_level_hold_the_rows_of_their_parts() {
    let mut stores = Vec::new();
    for chosen in LAYOUTS {
        let job = Job::atl06(pipeline(&[preset(), GRID, &layout(chosen)]), &crossing(4000));
        let (summary, store) = job.run_in_memory();
        assert_eq!(summary.state, StoreState::Complete);
        let leaf = counts(&store, 13);
        assert_eq!(leaf.values().sum::<u64>(), summary.rows_kept);
        for level in [10, 7, 5, 2] {
            let mut wanted: BTreeMap<u64, u64> = BTreeMap::new();
            for (id, count) in &leaf {
                let below = 61 - 2 * level;
                *wanted.entry(((id >> below) << below) | (1 << (below - 1))).or_default() += count;
            }
            assert_eq!(counts(&store, level), wanted, "{chosen}, level {level}");
        }
        stores.push(leaf);
    }
    assert_eq!(stores[0], stores[1]);
}
