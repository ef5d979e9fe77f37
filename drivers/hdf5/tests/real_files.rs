//! Every dataset and attribute of real files, compared with what h5py read (`make_manifest.py`).
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::single_range_in_vec_init)] // The whole file is tests.

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use zagg_core::range_reader::MemoryReader;
use zagg_core::{ErrorKind, Rows};
use zagg_hdf5::{Attribute, AttributeValue, Dataset, EntryKind, Hdf5File, ReadOptions, RowRequest};

struct Expected {
    dtype: String,
    shape: String,
    values: String,
    attributes: String,
}

/// File → path → what h5py read.
fn manifest(text: &str) -> BTreeMap<String, BTreeMap<String, Expected>> {
    let mut files = BTreeMap::new();
    let mut datasets: &mut BTreeMap<String, Expected> = &mut BTreeMap::new();
    let mut before = String::new();
    for line in text.lines() {
        if let Some(file) = line.strip_prefix("> ") {
            datasets = files.entry(file.to_owned()).or_default();
            before.clear();
            continue;
        }
        let fields: Vec<&str> = line.split('\t').collect();
        let [path, dtype, shape, values, attributes] = fields[..] else { panic!("{line}") };
        let (shared, rest) = path.split_once(':').unwrap();
        let shared: usize = shared.parse().unwrap();
        before = before.chars().take(shared).chain(rest.chars()).collect();
        let [dtype, shape, values, attributes] = [dtype, shape, values, attributes].map(str::to_owned);
        datasets.insert(before.clone(), Expected { dtype, shape, values, attributes });
    }
    files
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).map(|b| format!("{b:02x}")).collect()
}

fn attributes_digest(attributes: &[Attribute]) -> String {
    let mut all = Vec::new();
    for attribute in attributes {
        all.extend(attribute.name.as_bytes());
        all.push(0);
        match &attribute.value {
            AttributeValue::Numbers { values, .. } => all.extend(values.to_le_bytes()),
            AttributeValue::Strings(strings) => all.extend(strings.join("\0").as_bytes()),
            _ => all.push(b'?'),
        }
        all.push(b'\n');
    }
    digest(&all)
}

/// Paths of all datasets, found by listing groups level by level.
fn walk(file: &Hdf5File) -> Vec<String> {
    let mut found = Vec::new();
    let mut groups = vec![String::new()];
    for _ in 0..20 {
        let mut next = Vec::new();
        for (group, entries) in groups.iter().zip(file.list(&groups)) {
            let entries = entries.unwrap_or_else(|e| panic!("{e}"));
            for entry in entries.unwrap() {
                let path = if group.is_empty() { entry.name } else { format!("{group}/{}", entry.name) };
                match entry.kind {
                    EntryKind::Dataset => found.push(path),
                    EntryKind::Group => next.push(path),
                    _ => {}
                }
            }
        }
        groups = next;
    }
    found
}

#[derive(Debug, Default)]
struct Tally {
    equal: usize,
    strings: usize,
    large: usize,
    absent: usize,
    attributes: usize,
    refused: BTreeMap<String, usize>,
    wrong: Vec<String>,
}

impl Tally {
    /// Counts what is refused by name; any other error is wrong.
    fn refuse(&mut self, error: &zagg_core::Error) {
        if error.kind() == ErrorKind::Unsupported {
            let reason = error.message().rsplit(": ").next().unwrap_or_default().to_owned();
            *self.refused.entry(reason).or_default() += 1;
        } else {
            self.wrong.push(error.to_string());
        }
    }
}

fn values_digest(file: &Hdf5File, dataset: &Dataset, expected: &Expected) -> zagg_core::Result<String> {
    let rows = Rows::all(dataset.rows());
    if expected.dtype == "string" {
        return Ok(digest(file.read_strings(dataset, &rows)?.join("\0").as_bytes()));
    }
    let values = file.read_rows(&[RowRequest::new(dataset, &rows)]).pop().unwrap()?;
    let same = values.dtype().name() == expected.dtype
        || (&*expected.dtype, values.dtype().name()) == ("bool", "int8");
    Ok(if same { digest(&values.to_le_bytes()) } else { format!("dtype {}", values.dtype()) })
}

fn compare(folder: &Path, name: &str, expected: &BTreeMap<String, Expected>, tally: &mut Tally) {
    let bytes = std::fs::read(folder.join(name)).unwrap();
    let file = match Hdf5File::open(Arc::new(MemoryReader::new(name, bytes)), &ReadOptions::default()) {
        Ok(file) => file,
        Err(error) => return tally.wrong.push(error.to_string()),
    };
    let mut listed = walk(&file);
    listed.sort();
    let paths: Vec<&String> = expected.keys().collect();
    if listed.iter().collect::<Vec<_>>() != paths {
        tally.wrong.push(format!("{name}: listed {} datasets, h5py {}", listed.len(), paths.len()));
    }
    for (dataset, (path, expected)) in file.datasets(&paths).into_iter().zip(expected) {
        let dataset = match dataset {
            Ok(Some(dataset)) => dataset,
            Ok(None) => {
                tally.wrong.push(format!("{name}: {path}: not found"));
                continue;
            }
            Err(error) => {
                tally.refuse(&error);
                continue;
            }
        };
        match dataset.attributes() {
            Ok(attributes) if attributes_digest(attributes) == expected.attributes => {
                tally.attributes += attributes.len();
            }
            Ok(attributes) => tally.wrong.push(format!("{name}: {path}: attributes differ: {attributes:?}")),
            Err(error) => tally.wrong.push(error.to_string()),
        }
        let shape = dataset.shape().iter().map(u64::to_string).collect::<Vec<_>>().join(",");
        if shape != expected.shape && expected.shape != "null" {
            tally.wrong.push(format!("{name}: {path}: shape {shape} instead of {}", expected.shape));
        }
        if expected.dtype == "large" {
            let last = Rows::from_ranges([dataset.rows() - 1..dataset.rows()]);
            let values = file.read_rows(&[RowRequest::new(&dataset, &last)]).pop().unwrap().unwrap();
            assert_eq!(values.len() as u64, dataset.row_len());
            tally.large += 1;
            continue;
        }
        match values_digest(&file, &dataset, expected) {
            Ok(found) if found == expected.values && expected.dtype == "string" => tally.strings += 1,
            Ok(found) if found == expected.values => tally.equal += 1,
            Ok(_) if expected.dtype == "unreadable" || expected.dtype == "-" => {
                *tally.refused.entry("(h5py has no reference)".into()).or_default() += 1;
            }
            Ok(found) => tally.wrong.push(format!("{name}: {path}: {found} instead of {}", expected.values)),
            Err(error) => tally.refuse(&error),
        }
    }
}

fn compare_all(text: &str) -> Option<Tally> {
    let folder = common::data_folder()?;
    let mut tally = Tally::default();
    for (name, expected) in manifest(text) {
        if !folder.join(&name).exists() {
            println!("skipped: {name} is not there");
            tally.absent += 1;
            continue;
        }
        compare(&folder, &name, &expected, &mut tally);
    }
    println!(
        "{} numeric datasets, {} of strings and {} attributes equal, {} too large; refused: {:#?}",
        tally.equal, tally.strings, tally.attributes, tally.large, tally.refused
    );
    for wrong in &tally.wrong {
        println!("WRONG {wrong}");
    }
    Some(tally)
}

#[test]
fn every_dataset_of_the_atl06_granules_is_as_h5py_reads_it() {
    let Some(tally) = compare_all(include_str!("manifest_atl06.tsv")) else { return };
    assert!(tally.wrong.is_empty(), "{} differ", tally.wrong.len());
    assert_eq!((tally.equal, tally.strings, tally.refused.len()), (4510, 56, 0));
}

#[test]
fn datasets_of_other_files_are_as_h5py_reads_them_or_refused_by_name() {
    let Some(tally) = compare_all(include_str!("manifest_others.tsv")) else { return };
    assert!(tally.wrong.is_empty(), "{} differ", tally.wrong.len());
    if tally.absent == 0 {
        assert_eq!((tally.equal, tally.strings, tally.large), (4781, 21, 1));
    }
}
