//! The presets on real granules, against values that h5py and numpy compute: `goldens/make_goldens.py`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use zagg_access::Access;
use zagg_core::catalog::Query;
use zagg_core::report::RunSummary;
use zagg_core::run::RunOptions;
use zagg_core::shard_map::{BuildOptions, ShardMap};
use zagg_core::store::StoreState;
use zagg_core::{Values, config::Pipeline};
use zagg_hdf5_write::{Dataset, Group, Values as Column, write_file};
use zagg_zarr::ZarrStore;

use crate::support::{Job, Memory, Search, close, pipeline, registry, table, test_data};

/// By cell: one value per name.
type Cells = BTreeMap<u64, BTreeMap<String, f64>>;

/// A file of reference values.
struct Golden {
    granules: Vec<String>,
    rows_read: u64,
    rows_kept: u64,
    cells: Cells,
    names: Vec<String>,
}

impl Golden {
    fn read(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("goldens/{name}.csv"));
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let said = |key: &str| -> Vec<String> {
            let key = format!("# {key} ");
            text.lines().filter_map(|line| line.strip_prefix(&key)).map(str::to_owned).collect()
        };
        let number = |key: &str| said(key)[0].parse().unwrap();
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let names: Vec<String> = lines.next().unwrap().split(',').skip(1).map(str::to_owned).collect();
        let cells = lines
            .map(|line| {
                let (cell, fields) = line.split_once(',').unwrap();
                let values = fields.split(',').map(|field| field.parse().unwrap());
                (cell.parse().unwrap(), names.iter().cloned().zip(values).collect())
            })
            .collect();
        let golden = Self {
            granules: said("granule"),
            rows_read: number("rows_read"),
            rows_kept: number("rows_kept"),
            cells,
            names,
        };
        assert_eq!(golden.cells.len() as u64, number("cells"), "{name}");
        golden
    }
}

fn preset(name: &str) -> &'static str {
    registry().preset(name).unwrap()
}

/// What a user does in two commands: a shard map of local files, and the run.
fn run(pipeline: Pipeline, files: Vec<String>) -> (RunSummary, ZarrStore) {
    let search = Search::new(&pipeline, Arc::new(Access::default()));
    let query = Query { files, ..Query::default() };
    let found = registry().catalog("local-files").unwrap().search(&query, &search).unwrap();
    assert_eq!(found.incomplete, [""; 0]);
    let map =
        ShardMap::build(&*search.grid, &found.entries, found.metadata, &BuildOptions::default()).unwrap();
    let map = ShardMap::parse("map", &map.to_json().unwrap()).unwrap();
    let options = RunOptions { workers: 2, ..RunOptions::default() };
    Job { pipeline, map, opener: Arc::new(Access::default()), options }.run_in_memory()
}

/// Cells with rows: by id, or by row and column as one number.
fn cells(store: &ZarrStore, names: &[String]) -> Cells {
    let summary = store.inspect().unwrap();
    let [group] = &summary.groups[..] else { panic!("groups: {:?}", summary.groups) };
    let read = |name: &str| store.read_array(&group.name, name).unwrap();
    let ids = match group.arrays.iter().any(|array| array.name == "cell_ids").then(|| read("cell_ids")) {
        Some(Values::UInt64(ids)) => Some(ids),
        None => None,
        Some(other) => panic!("cell_ids are {}", other.dtype()),
    };
    let counts = read("count").to_f64();
    let full: Vec<usize> = (0..counts.len()).filter(|&at| counts[at] > 0.0).collect();
    let id = |at: usize| ids.as_ref().map_or(at as u64, |ids| ids[at]);
    let mut cells: Cells = full.iter().map(|&at| (id(at), BTreeMap::new())).collect();
    for name in names {
        let values = read(name).to_f64();
        for &at in &full {
            cells.get_mut(&id(at)).unwrap().insert(name.clone(), values[at]);
        }
    }
    cells
}

fn compare(name: &str, layers: &[&str], golden: &str) {
    let Some(data) = test_data() else { return };
    let golden = Golden::read(golden);
    let files: Vec<_> = golden.granules.iter().map(|path| data.join(path)).collect();
    if let Some(absent) = files.iter().find(|path| !path.is_file()) {
        say!("skipped: preset {name}: no granule {}", absent.display());
        return;
    }
    let files = files.iter().map(|path| path.to_str().unwrap().to_owned()).collect();
    let pipeline = pipeline(&[&[preset(name)], layers].concat());
    let mut written: Vec<&str> = pipeline.aggregation.variables.iter().map(|v| v.name.as_str()).collect();
    written.sort_unstable();
    let mut wanted: Vec<&str> = golden.names.iter().map(String::as_str).collect();
    wanted.sort_unstable();
    assert_eq!(written, wanted, "every array has its reference");
    let (summary, store) = run(pipeline, files);
    assert_eq!((summary.state, summary.exit_code()), (StoreState::Complete, 0), "{name}");
    assert_eq!(summary.rows_read, golden.rows_read, "{name}: rows read");
    assert_eq!(summary.rows_kept, golden.rows_kept, "{name}: rows kept");
    assert_eq!(summary.cells, golden.cells.len() as u64, "{name}: cells");
    assert_eq!((summary.strays.rows_unassigned, summary.strays.rows_bad_position), (0, 0), "{name}");
    let got = cells(&store, &golden.names);
    assert_eq!(got.keys().collect::<Vec<_>>(), golden.cells.keys().collect::<Vec<_>>(), "{name}: cells");
    for (cell, want) in &golden.cells {
        for (variable, &want) in want {
            let got = got[cell][variable];
            let same = if variable.ends_with("count") { got == want } else { close(got, want, 1e-6, 1e-6) };
            assert!(same, "{name}: cell {cell}: {variable} is {got}, not {want}");
        }
    }
    say!("preset {name}: {} cells of {} rows agree", got.len(), summary.rows_kept);
}

#[test]
fn atl03_gives_the_values_of_h5py_and_numpy() {
    compare("atl03", &[], "atl03");
}

#[test]
fn atl06_gives_the_values_of_h5py_and_numpy() {
    compare("atl06", &[], "atl06");
}

#[test]
fn atl06_polar_gives_the_values_of_h5py_and_numpy() {
    compare("atl06_polar", &[], "atl06_polar");
}

#[test]
fn atl08_gives_the_values_of_h5py_and_numpy() {
    compare("atl08", &[], "atl08");
}

#[test]
fn cryosat2_gives_the_values_of_h5py_and_numpy() {
    compare("cryosat2", &[], "cryosat2");
    let minute = r#"data_source: {time_range: ["2019-10-05T15:14:00Z", "2019-10-05T15:15:00Z"]}"#;
    compare("cryosat2", &[minute], "cryosat2_minute");
}

#[test]
fn gedi_l2a_gives_the_values_of_h5py_and_numpy() {
    compare("gedi_l2a", &[], "gedi_l2a");
}

/// The sample has the fill value in every footprint: nothing is kept, and without filters every footprint is.
#[test]
fn gedi_l4a_gives_the_values_of_h5py_and_numpy() {
    compare("gedi_l4a", &[], "gedi_l4a");
    compare("gedi_l4a", &["data_source: {filters: []}"], "gedi_l4a_all");
}

/// One beam with the flags of the whole product, which the sample lacks.
fn biomass(beam: &str, flagged: bool) -> Group {
    let rows = 40;
    let along = |start: f64| (0..rows).map(|row| start + f64::from(row) * 1e-6).collect();
    let agbd: Vec<f32> = (0..rows).map(|row| if row % 10 == 9 { -9999.0 } else { row as f32 }).collect();
    let every = |n: i32, yes: i8, no: i8| (0..rows).map(|row| if row % n == 0 { yes } else { no }).collect();
    let mut group = Group::new()
        .dataset("lat_lowestmode", Dataset::new(Column::F64(along(3.0))))
        .dataset("lon_lowestmode", Dataset::new(Column::F64(along(10.0))))
        .dataset("agbd", Dataset::new(Column::F32(agbd)));
    if flagged {
        group = group
            .dataset("agbd_se", Dataset::new(Column::F32(vec![3.0; rows as usize])))
            .dataset("l4_quality_flag", Dataset::new(Column::I8(every(4, 0, 1))))
            .dataset("degrade_flag", Dataset::new(Column::I8(every(3, 71, 0))));
    }
    Group::new().group(beam, group)
}

/// The made-up beam through the preset: rows kept, and the values of its only cell.
fn biomass_of(beam: &str, flagged: bool) -> (u64, BTreeMap<String, f64>) {
    let name = format!("GEDI04_A_{beam}.h5");
    let bytes = Bytes::from(write_file(&biomass(beam, flagged)).unwrap());
    let opener = Memory([(name.clone(), bytes)].into_iter().collect());
    let job = Job::new(pipeline(&[preset("gedi_l4a")]), &[name], Arc::new(opener));
    let (summary, store) = job.run_in_memory();
    assert_eq!((summary.state, summary.exit_code()), (StoreState::Complete, 0));
    assert_eq!((summary.rows_read, summary.cells), (40, 1));
    let table = table(&store);
    let values = table.cells.values().next().unwrap();
    (summary.rows_kept, table.names.iter().cloned().zip(values.iter().copied()).collect())
}

#[test]
fn flags_of_the_whole_product_are_heeded_and_subsets_without_them_still_serve() {
    let kept = |row: &i32| row % 10 != 9 && row % 4 != 0 && row % 3 != 0;
    let rows: Vec<i32> = (0..40).filter(kept).collect();
    let mean = |rows: &[i32]| rows.iter().map(|&row| f64::from(row)).sum::<f64>() / rows.len() as f64;
    let (number, values) = biomass_of("BEAM0101", true);
    assert_eq!((number, values["count"]), (rows.len() as u64, rows.len() as f64));
    assert!(close(values["agbd_mean"], mean(&rows), 1e-6, 0.0), "{values:?}");
    assert_eq!(values["agbd_max"], 38.0);
    assert_eq!(values["agbd_se_rms"], 3.0);

    let rows: Vec<i32> = (0..40).filter(|row| row % 10 != 9).collect();
    let (number, values) = biomass_of("BEAM1011", false);
    assert_eq!((number, values["count"]), (36, 36.0));
    assert!(close(values["agbd_mean"], mean(&rows), 1e-6, 0.0), "{values:?}");
    assert!(values["agbd_se_rms"].is_nan(), "{values:?}");
}

/// The original's configurations with one number per cell; `golden.rs` and `rectilinear.rs` compare values of some.
#[test]
fn scalar_configs_of_the_original_run_on_files_of_their_product() {
    let Some(data) = test_data() else { return };
    for (config, product) in [
        ("atl03.yaml", "atl03"),
        ("atl06_0.10.yaml", "atl06"),
        ("atl06_0.61.yaml", "atl06"),
        ("atl06_nullable.yaml", "atl06"),
        ("atl06_polar.yaml", "atl06_polar"),
    ] {
        let golden = Golden::read(product);
        let files: Vec<_> = golden.granules.iter().map(|path| data.join(path)).collect();
        let config = data.join("zagg_configs").join(config);
        if let Some(absent) = files.iter().chain([&config]).find(|path| !path.is_file()) {
            say!("skipped: there is no {}", absent.display());
            continue;
        }
        let text = std::fs::read_to_string(&config).unwrap();
        let files = files.iter().map(|path| path.to_str().unwrap().to_owned()).collect();
        let (summary, _) = run(pipeline(&[&text]), files);
        let what = config.display();
        assert_eq!((summary.state, summary.exit_code()), (StoreState::Complete, 0), "{what}");
        assert_eq!(summary.rows_read, golden.rows_read, "{what}");
        // The first has no transmitter echo to drop in these files, the nullable one has no filter.
        let all = text.contains("signal_conf_ph") || !text.contains("quality_summary");
        assert_eq!(summary.rows_kept, if all { golden.rows_read } else { golden.rows_kept }, "{what}");
        assert!(summary.cells > 0, "{what}");
    }
}
