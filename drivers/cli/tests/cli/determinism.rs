//! The same bytes whatever the number of workers and the order of the shards.

use crate::bench::Bench;

#[test]
fn workers_do_not_show_in_the_store() {
    for layout in ["compact", "full_sphere"] {
        let bench = Bench::with_map();
        bench.write("layout.yaml", format!("output:\n  layout: {layout}\n"));
        let with = |store: &str, workers: &str| {
            let arguments = ["run", "--plugin", "atl06", "--config", "layout.yaml", "--catalog", "map.json"];
            bench.zagg(&[&arguments[..], &["--store", store, "--workers", workers]].concat()).exits(0);
            bench.tree(store)
        };
        let one = with("one.zarr", "1");
        assert!(one.keys().filter(|name| name.starts_with("12/h_q50/c/")).count() > 3, "{:?}", one.keys());
        assert_eq!(one, with("eight.zarr", "8"), "{layout}");
    }
}

#[test]
fn shards_one_by_one_from_the_last_give_the_same_store_in_the_end() {
    let bench = Bench::with_map();
    bench.run_into("whole.zarr", &[]).exits(0);
    let shards = bench.shards();
    assert!(shards.len() > 3);
    for (number, shard) in shards.iter().rev().enumerate() {
        let last = number + 1 == shards.len();
        let summary = bench.summary(0, &["--shard", shard]);
        let state = if last { "complete" } else { "incomplete" };
        assert_eq!(summary["state"], state, "after {} of {}", number + 1, shards.len());
        assert_eq!(bench.state(), state);
        assert_eq!((&summary["shards"], &summary["shards_done"]), (&1.into(), &1.into()));
    }
    assert_eq!(bench.tree("out.zarr"), bench.tree("whole.zarr"));
}

#[test]
fn the_order_of_the_granules_in_a_shard_is_the_order_of_the_map() {
    // The first value in arrival order follows the map, and nothing else does.
    let bench = Bench::with_map();
    bench.write(
        "first.yaml",
        "aggregation:\n  variables:\n    h_first: {function: first, source: h_li, dtype: float32}\n",
    );
    let run = |store: &str| {
        bench.run_into(store, &["--config", "first.yaml"]).exits(0);
        bench.tree(store)
    };
    let forwards = run("forwards.zarr");
    bench.edit_map(|map| {
        for list in map["granules"].as_array_mut().unwrap() {
            list.as_array_mut().unwrap().reverse();
        }
    });
    let backwards = run("backwards.zarr");
    let changed: Vec<&str> = forwards
        .iter()
        .filter(|(name, bytes)| backwards[*name] != **bytes)
        .map(|(name, _)| name.as_str())
        .collect();
    assert!(changed.iter().any(|name| name.starts_with("12/h_first/c/")), "{changed:?}");
    for exact in ["count", "h_min", "h_max", "h_q25", "h_q50", "h_q75", "cell_ids"] {
        assert!(!changed.iter().any(|name| name.starts_with(&format!("12/{exact}/"))), "{changed:?}");
    }
}
