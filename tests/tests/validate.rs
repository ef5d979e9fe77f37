//! Validation: sound stores of every kind have no finding, and no damage to one goes unseen.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use tempfile::TempDir;
use zagg_core::store::{Store, StoreState};
use zagg_core::{Values, hash};
use zagg_zarr::{Check, Validation, ZarrStore};

use crate::support::{Job, Tree, crossing, pipeline, preset, registry, tree};

/// Variables of every kind beside those of the preset.
const KINDS: &str = "
aggregation:
  variables:
    rows: {function: len, dtype: int32}
    h_lowest: {function: nanmin, source: h_li, dtype: float64, fill_value: -9999}
    h_three: {function: quantile, source: h_li, params: {q: [0.1, 0.5, 0.9]}, kind: vector, trailing_shape: 3}
    h_dist: {function: tdigest, source: h_li, params: {delta: 16}, kind: ragged, inner_shape: 2}
    h_odd: {expression: \"max(h_li) - min(h_li)\", dtype: float32}
";

const LEVELS: &str =
    "output: {grid: {type: healpix, parent_order: 6, child_order: 12, levels: [12, 11, 9, 6, 4, 0]}}";

const SPHERE: &str = "output: {layout: full_sphere, grid: {type: healpix, parent_order: 6, child_order: 9, morton: true, \
                      levels: [9, 8, 7, 6, 3]}}";

const PLANE: &str = "output: {grid: {type: rectilinear, crs: EPSG:3031, resolution: 5000, bounds: [-3200000, -3200000, \
                     3200000, 3200000], chunk_shape: [16, 16], levels: [1, 2, 8]}}";

const ONE_LEVEL: &str = "output: {grid: {type: healpix, parent_order: 6, child_order: 10, morton: true}}";

/// A finished store in a folder, with everything beside it.
struct Finished {
    folder: TempDir,
    files: Tree,
}

impl Finished {
    fn of(output: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = ZarrStore::open_path(&folder.path().join("out.zarr")).unwrap();
        let summary =
            Job::atl06(pipeline(&[preset(), KINDS, output]), &crossing(600)).run(Arc::new(store)).unwrap();
        assert_eq!(summary.state, StoreState::Complete);
        assert!(summary.shards >= 2, "{} shards", summary.shards);
        let files = tree(folder.path());
        Self { folder, files }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn store(&self) -> ZarrStore {
        ZarrStore::open_path(&self.path("out.zarr")).unwrap()
    }

    fn validate(&self) -> Validation {
        self.store().validate(&registry()).unwrap()
    }

    /// Names of the files that the verdict hangs on. The report is for people alone.
    fn names(&self) -> Vec<String> {
        let names = self.files.keys().map(|name| name.to_str().unwrap().to_owned());
        names.filter(|name| !name.ends_with("report.json")).collect()
    }

    /// Whether a changed block that no digest covers still has all its values: a bit that means nothing to the decompressor,
    /// or a place outside of the array.
    fn is_harmless(&self, name: &str, sound: &[u8]) -> bool {
        let parts: Vec<&str> = name.split('/').collect();
        let ["out.zarr", group, array, "c", block @ ..] = &parts[..] else { return false };
        let block: Vec<u64> = block.iter().map(|index| index.parse().unwrap()).collect();
        let read = || {
            let store = self.store();
            let dense = store.read_block(group, array, &block).map(|values| (Vec::new(), values));
            let (offsets, values) = dense.or_else(|_| store.read_ragged_block(group, array, &block)).ok()?;
            Some((offsets, values.to_le_bytes()))
        };
        let changed = read();
        fs::write(self.path(name), sound).unwrap();
        changed.is_some() && changed == read()
    }

    /// Puts one file back.
    fn mend(&self, name: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &self.files[&PathBuf::from(name)]).unwrap();
    }
}

#[track_caller]
fn assert_sound(found: &Validation) {
    assert!(found.is_sound(), "{:#?}", found.findings);
    assert_eq!(found.unchecked, [""; 0]);
}

#[test]
fn sound_stores_of_every_kind_have_no_finding() {
    for (output, groups) in [(LEVELS, 6), (SPHERE, 5), (PLANE, 3), (ONE_LEVEL, 1)] {
        let finished = Finished::of(output);
        let found = finished.validate();
        assert_sound(&found);
        assert_eq!((found.groups, found.state), (groups, Some(StoreState::Complete)));
        let blocks =
            finished.names().iter().filter(|name| name.contains("/c/") || name.ends_with("/c")).count();
        assert_eq!(found.blocks, blocks as u64, "every stored block is decoded, once");
        assert!(found.shards >= 2 && found.objects > found.blocks, "{found:?}");
        // Nothing was written.
        assert!(tree(finished.folder.path()) == finished.files);
    }
}

#[test]
fn no_damage_to_any_object_goes_unseen() {
    let (mut cases, mut harmless) = (0, 0);
    for (turn, output) in [LEVELS, SPHERE, PLANE].into_iter().enumerate() {
        let finished = Finished::of(output);
        // Every twelfth object, others in each store.
        for (number, name) in
            finished.names().iter().enumerate().filter(|(number, _)| number % 12 == 4 * turn)
        {
            let path = finished.path(name);
            let bytes = &finished.files[&PathBuf::from(name)];
            let expect = |what: &str| {
                // An error would say that there never was a store.
                let found = finished.validate();
                assert!(!found.is_sound(), "{name} {what}: nothing found");
            };
            fs::remove_file(&path).unwrap();
            expect("deleted");
            fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
            expect("truncated to a half");
            // Documents beside the store are for people too: numbers that nothing follows from, and a last newline.
            let exact = name.starts_with("out.zarr/") || name.ends_with(".bin");
            if exact {
                fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
                expect("truncated by a byte");
            }
            // One byte here and there: the places wander from object to object.
            for step in 0..if exact { 4 } else { 0 } {
                let at = (number * 7919 + step * bytes.len() / 4 + step * 31) % bytes.len();
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << (number % 8);
                fs::write(&path, &flipped).unwrap();
                if is_version(name, bytes, at) {
                    continue;
                }
                if finished.validate().is_sound() {
                    assert!(finished.is_harmless(name, bytes), "{name} flipped at {at}: nothing found");
                    harmless += 1;
                }
                cases += 1;
            }
            fs::write(&path, bytes).unwrap();
            // Under another name.
            let moved = format!("{name}7");
            fs::rename(&path, finished.path(&moved)).unwrap();
            expect("renamed");
            fs::rename(finished.path(&moved), &path).unwrap();
            cases += 3;
        }
        assert_sound(&finished.validate());
    }
    assert!(cases > 150 && harmless * 20 < cases, "{cases} cases, {harmless} without harm");
}

/// Whether a byte of the root belongs to the version of the program, which nothing can be held against.
fn is_version(name: &str, bytes: &[u8], at: usize) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let key = "\"version\": \"";
    name == "out.zarr/zarr.json"
        && text.find(key).is_some_and(|start| (start + key.len()..start + key.len() + 8).contains(&at))
}

#[test]
fn blocks_that_change_places_are_found() {
    let finished = Finished::of(LEVELS);
    for (one, other) in [
        ("out.zarr/12/h_mean/c/0", "out.zarr/12/h_mean/c/1"),
        ("out.zarr/12/h_min/c/0", "out.zarr/12/h_max/c/0"),
        ("out.zarr/6/h_min/c/0", "out.zarr/6/h_max/c/0"),
        ("out.zarr/0/h_min/c/0", "out.zarr/0/h_max/c/0"),
        ("out.zarr/12/h_min/zarr.json", "out.zarr/12/h_max/zarr.json"),
    ] {
        let files = [one, other].map(|name| finished.files[&PathBuf::from(name)].clone());
        fs::write(finished.path(one), &files[1]).unwrap();
        fs::write(finished.path(other), &files[0]).unwrap();
        assert!(!finished.validate().is_sound(), "{one} {other}");
        finished.mend(one);
        finished.mend(other);
    }
    // Records of two shards.
    let records: Vec<String> =
        finished.names().into_iter().filter(|name| name.starts_with("out.zarr.zagg/shards/")).collect();
    fs::copy(finished.path(&records[0]), finished.path(&records[1])).unwrap();
    assert!(!finished.validate().is_sound());
}

/// Changes the values of a block through the store itself, so that nothing but the values is wrong, and lets the record of
/// the shard agree with the objects.
fn rewrite(finished: &Finished, array: &str, change: impl Fn(&mut Values)) -> Validation {
    let store = finished.store();
    let (group, name) = array.split_once('/').unwrap();
    let mut values = store.read_block(group, name, &[0]).unwrap();
    change(&mut values);
    store.write_block(group, name, &[0], &values).unwrap();
    for file in finished.names().iter().filter(|name| name.starts_with("out.zarr.zagg/shards/")) {
        let mut record: Value = serde_json::from_slice(&fs::read(finished.path(file)).unwrap()).unwrap();
        assert!(record.as_object_mut().unwrap().shift_remove("digest").is_some());
        fs::write(finished.path(file), record.to_string()).unwrap();
    }
    let found = finished.validate();
    for name in finished.names() {
        finished.mend(&name);
    }
    found
}

/// Changes the first number of a block for which `wanted` holds.
fn first(values: &mut Values, wanted: impl Fn(f64) -> bool, change: impl Fn(f64) -> f64) {
    let dtype = values.dtype();
    let mut all = values.to_f64();
    let at = all.iter().position(|x| wanted(*x)).unwrap();
    all[at] = change(all[at]);
    *values = Values::Float64(all).cast(dtype).unwrap();
}

#[test]
fn values_that_contradict_each_other_are_found_without_checksums() {
    let finished = Finished::of(LEVELS);
    let has = |found: &Validation, check: Check, place: &str| {
        found.findings.iter().any(|finding| finding.check == check && finding.place == place)
    };
    // A row more in a leaf cell: every coarser level disagrees, up to the whole globe, and so does the record.
    let found = rewrite(&finished, "12/rows", |values| first(values, |x| x > 0.0, |x| x + 1.0));
    for place in ["11/rows", "9/rows", "6/rows", "4/rows", "0/rows"] {
        assert!(has(&found, Check::Levels, place), "{place}: {:#?}", found.findings);
    }
    assert!(found.findings.iter().any(|f| f.check == Check::Shards && f.message.contains("rows in")));
    // A cell too many at a coarser level, and one too few.
    let found = rewrite(&finished, "9/rows", |values| first(values, |x| x == 0.0, |_| 1.0));
    assert!(has(&found, Check::Levels, "9/rows"), "{:#?}", found.findings);
    let found = rewrite(&finished, "9/rows", |values| first(values, |x| x > 0.0, |_| 0.0));
    assert!(
        has(&found, Check::Levels, "9/rows") && has(&found, Check::Cells, "9/h_mean"),
        "{:#?}",
        found.findings
    );
    // Extremes.
    let found = rewrite(&finished, "12/h_min", |values| first(values, f64::is_finite, |x| x - 5000.0));
    assert!(
        has(&found, Check::Levels, "11/h_min") && has(&found, Check::Levels, "0/h_min"),
        "{:#?}",
        found.findings
    );
    let found = rewrite(&finished, "0/h_lowest", |values| first(values, |x| x > -9000.0, |x| x + 1.0));
    assert!(has(&found, Check::Levels, "0/h_lowest"), "{:#?}", found.findings);
    // A mean where there is no row.
    let found = rewrite(&finished, "12/h_mean", |values| first(values, f64::is_nan, |_| 1.0));
    assert!(has(&found, Check::Cells, "12/h_mean"), "{:#?}", found.findings);
    // Ids.
    let found = rewrite(&finished, "12/cell_ids", |values| first(values, |_| true, |x| x + 1.0));
    assert!(has(&found, Check::Coordinates, "12/cell_ids"), "{:#?}", found.findings);
    let found = rewrite(&finished, "0/cell_ids", |values| first(values, |_| true, |x| x + 1.0));
    assert!(has(&found, Check::Coordinates, "0/cell_ids"), "{:#?}", found.findings);
    assert_sound(&finished.validate());
}

#[test]
fn a_plan_that_says_something_else_is_found() {
    let finished = Finished::of(ONE_LEVEL);
    let plan = "out.zarr.zagg/plan.json";
    let edit = |change: &dyn Fn(&mut Value)| {
        let mut document: Value = serde_json::from_slice(&finished.files[&PathBuf::from(plan)]).unwrap();
        change(&mut document);
        fs::write(finished.path(plan), document.to_string()).unwrap();
        finished.validate()
    };
    let drop_shard = |plan: &mut Value| {
        let shards = plan["shards"].as_object_mut().unwrap();
        let label = shards.keys().next().unwrap().clone();
        shards.shift_remove(&label);
    };
    for (change, message) in [
        (&drop_shard as &dyn Fn(&mut Value), "another plan"),
        (&|plan| plan["granules"][0] = "other.h5".into(), "other granules"),
        (&|plan| plan["pipeline_hash"] = hash::sha256_hex(b"").into(), "hash"),
        (&|plan| plan["pipeline"]["output"]["grid"]["child_order"] = 11.into(), "plan.json"),
        (&|plan| plan["version"] = 99.into(), "version 99"),
        (&|plan| *plan = Value::Null, "plan.json"),
    ] {
        let found = edit(change);
        let said = found.findings.iter().map(ToString::to_string).chain(found.unchecked.clone());
        assert!(said.into_iter().any(|line| line.contains(message)), "{message}: {found:#?}");
    }
}

#[test]
fn a_store_that_was_given_away_is_checked_as_far_as_it_goes() {
    let finished = Finished::of(LEVELS);
    fs::remove_dir_all(finished.path("out.zarr.zagg")).unwrap();
    let found = finished.validate();
    assert!(found.is_sound(), "{:#?}", found.findings);
    assert_eq!((found.unchecked.len(), found.shards), (1, 0));
    assert!(found.blocks > 0);
}

#[test]
fn shards_that_are_not_done_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = || ZarrStore::open_path(&folder.path().join("out.zarr")).unwrap();
    let mut job = Job::atl06(pipeline(&[preset(), LEVELS]), &crossing(600));
    job.options.max_cells = Some(1);
    let summary = job.run(Arc::new(store())).unwrap();
    assert_eq!(summary.state, StoreState::Incomplete);
    let found = store().validate(&registry()).unwrap();
    assert_eq!(found.total, found.shards - 1, "{:#?}", found.findings);
    assert!(
        found.findings.iter().all(|f| f.check == Check::Shards && f.message == "not run"),
        "{:#?}",
        found.findings
    );
    // Whoever calls it complete is contradicted.
    store().finalize(StoreState::Complete).unwrap();
    let found = store().validate(&registry()).unwrap();
    assert!(
        found
            .findings
            .iter()
            .any(|f| f.to_string() == "zarr.json: the state is complete, but not every shard is done"),
        "{:#?}",
        found.findings
    );
    store().finalize(StoreState::Open).unwrap();
    let found = store().validate(&registry()).unwrap();
    assert!(found.findings.iter().any(|f| f.check == Check::State), "{:#?}", found.findings);
}
