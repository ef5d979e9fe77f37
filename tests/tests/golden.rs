//! Real granules against values of the original program.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use zagg_access::Access;
use zagg_core::catalog::Query;
use zagg_core::run::RunOptions;
use zagg_core::shard_map::{BuildOptions, ShardMap};
use zagg_core::store::StoreState;

use crate::support::{
    Job, LAYOUTS, Search, Table, close, layout, pipeline, preset, registry, table, test_data,
};

/// Cells with rows in the reference.
const CELLS: usize = 1232;

/// The reference: names of the columns, and their values by cell.
fn reference(path: &Path) -> (Vec<String>, BTreeMap<u64, Vec<f64>>) {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let names = lines.next().unwrap().split(',').skip(1).map(str::to_string).collect();
    let cells = lines
        .map(|line| {
            let mut fields = line.split(',');
            let id = fields.next().unwrap().parse().unwrap();
            (id, fields.map(|field| field.parse().unwrap()).collect())
        })
        .collect();
    (names, cells)
}

fn compare(got: &Table, names: &[String], want: &BTreeMap<u64, Vec<f64>>, what: &str) {
    let ids = |cells: &BTreeMap<u64, Vec<f64>>| cells.keys().copied().collect::<Vec<u64>>();
    assert_eq!(ids(&got.cells), ids(want), "{what}: cells");
    let columns: Vec<usize> = names.iter().map(|name| got.column(name)).collect();
    assert_eq!(got.names.len(), names.len(), "{what}: {:?}", got.names);
    for (id, want) in want {
        for ((name, &column), &want) in names.iter().zip(&columns).zip(want) {
            let got = got.cells[id][column];
            let same = if name == "count" { got == want } else { close(got, want, 1e-6, 1e-6) };
            assert!(same, "{what}: cell {id}: {name} is {got}, not {want}");
        }
    }
}

#[test]
fn real_granules_give_the_values_of_the_original() {
    let Some(data) = test_data() else { return };
    let csv = data.join("../golden/atl06_healpix_6_12_wgs84.csv");
    if !csv.is_file() {
        say!("skipped: no reference at {}", csv.display());
        return;
    }
    let (names, want) = reference(&csv);
    assert_eq!(want.len(), CELLS);
    let config = |name: &str| std::fs::read_to_string(data.join("zagg_configs").join(name)).unwrap();
    let (old, new) = (config("atl06_0.10.yaml"), config("atl06_0.61.yaml"));
    let search = Search::new(&pipeline(&[preset()]), Arc::new(Access::default()));
    let files = vec![data.join("atl06/*.h5").to_str().unwrap().to_string()];
    let found = registry()
        .catalog("local-files")
        .unwrap()
        .search(&Query { files, ..Query::default() }, &search)
        .unwrap();
    assert_eq!(found.incomplete, [""; 0]);
    let map =
        ShardMap::build(&*search.grid, &found.entries, found.metadata, &BuildOptions::default()).unwrap();
    // The file's form must carry everything that a run needs.
    let map = ShardMap::parse("map", &map.to_json().unwrap()).unwrap();
    for (name, text) in [("0.10", old.as_str()), ("0.61", new.as_str()), ("preset", preset())] {
        for chosen in LAYOUTS {
            let what = format!("{name}, {chosen}");
            let job = Job {
                pipeline: pipeline(&[text, &layout(chosen)]),
                map: map.clone(),
                opener: Arc::new(Access::default()),
                options: RunOptions { workers: 2, ..RunOptions::default() },
            };
            let (summary, store) = job.run_in_memory();
            assert_eq!((summary.state, summary.exit_code()), (StoreState::Complete, 0), "{what}");
            assert_eq!(store.inspect().unwrap().state, StoreState::Complete);
            assert_eq!(summary.cells, CELLS as u64);
            assert_eq!(summary.strays.rows_unassigned, 0);
            let got = table(&store);
            assert_eq!(got.total("count"), summary.rows_kept as f64);
            compare(&got, &names, &want, &what);
        }
    }
}
