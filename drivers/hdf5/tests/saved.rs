//! Datasets read by what was saved of them: the same values and the same errors, without looking for anything.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // The whole file is tests.

mod common;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::recording;
use proptest::prelude::*;
use serde_json::Value;
use zagg_core::range_reader::MemoryReader;
use zagg_core::{Result, Rows, Values};
use zagg_hdf5::{ChunkCache, Dataset, EntryKind, Hdf5File, ReadOptions, RowRequest, SavedDataset, SavedFile};

/// Largest dataset that is compared, in values.
const MAX_VALUES: u64 = 1 << 20;

fn open(bytes: &[u8]) -> Option<Hdf5File> {
    let reader = Arc::new(MemoryReader::new("file", bytes.to_vec()));
    Hdf5File::open(reader, &ReadOptions::default()).ok()
}

/// Every dataset of a file that can be found.
fn datasets(file: &Hdf5File) -> Vec<Dataset> {
    let mut groups = VecDeque::from([String::new()]);
    let mut paths = Vec::new();
    while let Some(group) = groups.pop_front() {
        let Some(Ok(Some(entries))) = file.list(&[&group]).pop() else { continue };
        for entry in entries {
            let path = format!("{group}/{}", entry.name);
            match entry.kind {
                EntryKind::Group if path.matches('/').count() < 8 => groups.push_back(path),
                EntryKind::Dataset => paths.push(path),
                _ => {}
            }
        }
    }
    file.datasets(&paths).into_iter().filter_map(|found| found.ok()?).collect()
}

fn rows_of(file: &Hdf5File, dataset: &Dataset, rows: &Rows) -> Result<Values> {
    file.read_rows(&[RowRequest::new(dataset, rows)]).pop().unwrap()
}

/// Values by their bits, errors by what they say.
fn plain(values: Result<Values>) -> Result<(zagg_core::DType, Vec<u8>), String> {
    values.map(|values| (values.dtype(), values.to_le_bytes())).map_err(|error| error.to_string())
}

/// Through text and back, as an index on disk.
fn through_text<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

fn compare(name: &str, bytes: Vec<u8>) -> (usize, usize) {
    let Some(file) = open(&bytes) else { return (0, 0) };
    let found = datasets(&file);
    let small = |dataset: &&Dataset| dataset.shape().iter().product::<u64>() <= MAX_VALUES;
    let found: Vec<&Dataset> = found.iter().filter(small).collect();
    let saved = file.save(&found, &["_FillValue", "units"]).unwrap();
    let head: SavedFile = through_text(&file.saved());
    let recorder = recording("file", bytes);
    let known =
        Hdf5File::from_saved(Arc::clone(&recorder) as Arc<_>, &ReadOptions::default(), &head).unwrap();
    let (mut equal, mut refused) = (0, 0);
    for (dataset, saved) in found.into_iter().zip(&saved) {
        let saved: SavedDataset = through_text(saved);
        let path = dataset.path();
        let again = saved.dataset(path, "file").unwrap();
        assert_eq!(again.shape(), dataset.shape(), "{name}: {path}");
        assert_eq!(again.datatype(), dataset.datatype(), "{name}: {path}");
        assert_eq!(again.filters(), dataset.filters(), "{name}: {path}");
        assert_eq!(again.fill(), dataset.fill(), "{name}: {path}");
        for attribute in ["_FillValue", "units"] {
            let (again, before) = (again.attribute(attribute), dataset.attribute(attribute));
            assert_eq!(format!("{again:?}"), format!("{before:?}"), "{name}: {path}: {attribute}");
        }
        let n = dataset.rows();
        for rows in [Rows::all(n), Rows::from_ranges([n / 3..n / 2, n / 2 + n / 5..n])] {
            let want = plain(rows_of(&file, dataset, &rows));
            let before = recorder.recorded().calls.len();
            assert_eq!(plain(rows_of(&known, &again, &rows)), want, "{name}: {path} {rows:?}");
            let calls = recorder.recorded().calls.len() - before;
            assert!(calls <= 1 || want.is_err(), "{name}: {path}: {calls} calls");
            equal += usize::from(want.is_ok());
            refused += usize::from(want.is_err());
        }
    }
    (equal, refused)
}

fn hdf5_files(folder: &Path, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            hdf5_files(&path, paths);
        } else if path
            .extension()
            .is_some_and(|e| ["h5", "hdf5", "nc", "nc4"].iter().any(|known| e == *known))
        {
            paths.push(path);
        }
    }
}

#[test]
fn real_files_read_the_same_by_what_was_saved() {
    let Some(data) = common::data_folder() else { return };
    let (mut equal, mut refused, mut files) = (0, 0, 0);
    for folder in ["atl06", "atl03", "atl08", "gedi", "other", "hdf5_features"] {
        let mut paths = Vec::new();
        hdf5_files(&data.join(folder), &mut paths);
        paths.sort();
        // Of the products, whose files are alike, two are enough.
        let most = if folder == "hdf5_features" { usize::MAX } else { 2 };
        for path in paths.iter().take(most) {
            let (same, not) = compare(&path.display().to_string(), std::fs::read(path).unwrap());
            (equal, refused, files) = (equal + same, refused + not, files + 1);
        }
    }
    println!("{files} files: {equal} reads equal, {refused} refused alike");
    assert!(files > 50 && equal > 4000 && refused * 4 < equal, "{files} {equal} {refused}");
}

/// A small file with every kind of storage that the writer knows.
fn small_file() -> Vec<u8> {
    let mut builder = hdf5_pure::FileBuilder::new();
    let values: Vec<f64> = (0..1000).map(|i| f64::from(i) * 0.25).collect();
    builder.create_dataset("plain").with_f64_data(&values[..40]);
    builder.create_dataset("chunked").with_f64_data(&values).with_chunks(&[96]).with_deflate(4);
    builder
        .create_dataset("wide")
        .with_f64_data(&values)
        .with_shape(&[50, 20])
        .with_chunks(&[16, 7])
        .with_shuffle();
    builder.finish().unwrap()
}

#[test]
fn made_up_files_read_the_same_by_what_was_saved() {
    let (equal, refused) = compare("made up", small_file());
    assert_eq!((equal, refused), (6, 0));
}

#[test]
fn what_is_saved_says_nothing_of_where_the_file_was() {
    let bytes = small_file();
    let save = |location: &str| {
        let reader = Arc::new(MemoryReader::new(location, bytes.clone()));
        let file = Hdf5File::open(reader, &ReadOptions::default()).unwrap();
        let found = datasets(&file);
        let found: Vec<&Dataset> = found.iter().collect();
        serde_json::to_string(&(file.saved(), file.save(&found, &[]).unwrap())).unwrap()
    };
    assert_eq!(save("/a/file.h5"), save("s3://bucket/file.h5"));
}

#[test]
fn what_was_decoded_by_a_wrong_description_serves_nobody_else() {
    let options =
        ReadOptions { chunk_cache: Some(Arc::new(ChunkCache::new(1 << 20))), ..ReadOptions::default() };
    let reader = Arc::new(MemoryReader::new("file", small_file()));
    let file = Hdf5File::open(reader, &options).unwrap();
    for (path, forge) in [
        ("wide", &(|saved: &mut Value| saved["filters"] = serde_json::json!([])) as &dyn Fn(&mut Value)),
        ("wide", &|saved| {
            let table = &mut saved["storage"]["chunked"]["index"]["table"];
            let chunks = table["sizes"].as_array().unwrap().len();
            table["masks"] = vec![1; chunks].into();
        }),
    ] {
        let dataset = file.datasets(&[path]).pop().unwrap().unwrap().unwrap();
        let rows = Rows::all(dataset.rows());
        let saved = file.save(&[&dataset], &[]).unwrap().pop().unwrap();
        let mut saved = serde_json::to_value(saved).unwrap();
        forge(&mut saved);
        let forged: SavedDataset = serde_json::from_value(saved).unwrap();
        let wrong = rows_of(&file, &forged.dataset(path, "file").unwrap(), &rows).unwrap();
        let right = rows_of(&file, &dataset, &rows).unwrap();
        assert!(wrong != right, "{path}");
        let alone = open(&small_file()).unwrap();
        assert!(right == rows_of(&alone, &dataset, &rows).unwrap(), "{path}");
    }
}

/// Puts `new` in the place of the value number `at`, counted through the whole tree.
fn replace(value: &mut Value, at: &mut usize, new: &Value) -> bool {
    if *at == 0 {
        *value = new.clone();
        return true;
    }
    *at -= 1;
    match value {
        Value::Array(items) => items.iter_mut().any(|item| replace(item, at, new)),
        Value::Object(map) => map.values_mut().any(|item| replace(item, at, new)),
        _ => false,
    }
}

fn json() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<u64>().prop_map(Value::from),
        (0u64..3000).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(Value::Null),
        Just(Value::from(u64::MAX)),
        Just(serde_json::json!([])),
        Just(serde_json::json!([0, u64::MAX, 1])),
        "[0-9a-f]{0,48}".prop_map(Value::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever stands in it: an error, or a dataset that can be read or not, within bounds.
    #[test]
    fn made_up_descriptions_never_panic(changes in prop::collection::vec((0usize..120, json()), 1..4)) {
        static FILE: std::sync::LazyLock<(Vec<u8>, Value, Vec<Value>)> = std::sync::LazyLock::new(|| {
            let bytes = small_file();
            let file = open(&bytes).unwrap();
            let found = datasets(&file);
            let found: Vec<&Dataset> = found.iter().collect();
            let saved = file.save(&found, &[]).unwrap();
            let saved = saved.iter().map(|saved| serde_json::to_value(saved).unwrap()).collect();
            let head = serde_json::to_value(file.saved()).unwrap();
            (bytes, head, saved)
        });
        let (bytes, head, saved) = &*FILE;
        let options = ReadOptions { max_chunk_bytes: 1 << 20, ..ReadOptions::default() };
        for saved in saved {
            let mut whole = serde_json::json!([head, saved]);
            for (at, new) in &changes {
                replace(&mut whole, &mut (at + 1), new);
            }
            let Ok((head, saved)) = serde_json::from_value::<(SavedFile, SavedDataset)>(whole) else { continue };
            let reader = Arc::new(MemoryReader::new("file", bytes.clone()));
            let Ok(file) = Hdf5File::from_saved(reader, &options, &head) else { continue };
            let Ok(dataset) = saved.dataset("x", "file") else { continue };
            let n = dataset.rows();
            for rows in [Rows::from_ranges([0..n.min(100_000)]), Rows::from_ranges([n / 2..(n / 2 + 3).min(n)])] {
                let _ = file.read_rows(&[RowRequest::new(&dataset, &rows)]);
            }
        }
    }
}
