//! Every dataset and attribute of real files, compared with what h5py read (`make_manifest.py`).
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::single_range_in_vec_init)] // The whole file is tests.

mod common;
#[path = "common/manifest.rs"]
mod manifest;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use manifest::Expected;
use zagg_core::range_reader::MemoryReader;
use zagg_core::{ErrorKind, Rows};
use zagg_hdf5::{Dataset, Hdf5File, Hdf5Reader, ReadOptions, RowRequest};

/// What came of the datasets of one folder.
#[derive(Debug, Default)]
struct Tally {
    equal: usize,
    /// Equal, but for fields that are refused.
    partly: usize,
    large: usize,
    attributes: usize,
    refused: BTreeMap<String, usize>,
    wrong: Vec<String>,
}

impl Tally {
    /// Counts what is refused by name; any other error is wrong.
    fn refuse(&mut self, error: &zagg_core::Error) {
        if error.kind() == ErrorKind::Unsupported {
            *self.refused.entry(reason(error.message())).or_default() += 1;
        } else {
            self.wrong.push(format!("{:?}: {error}", error.kind()));
        }
    }

    fn refusals(&self) -> usize {
        self.refused.values().sum()
    }
}

/// The reason without what differs from dataset to dataset.
fn reason(message: &str) -> String {
    let last = message.rsplit(": ").next().unwrap_or_default();
    last.chars().filter(|c| !c.is_ascii_digit()).collect()
}

fn compare_dataset(file: &Hdf5File, name: &str, dataset: &Dataset, expected: &Expected, tally: &mut Tally) {
    let path = dataset.path();
    match dataset.attributes() {
        Ok(attributes) if manifest::attributes_digest(attributes) == expected.attributes => {
            tally.attributes += attributes.len();
        }
        Ok(attributes) => tally.wrong.push(format!("{name}: {path}: attributes differ: {attributes:?}")),
        Err(error) => tally.wrong.push(error.to_string()),
    }
    if expected.shape == "null" {
        tally.equal += usize::from(dataset.rows() == 0);
        return;
    }
    let shape = dataset.shape().iter().map(u64::to_string).collect::<Vec<_>>().join(",");
    if shape != expected.shape {
        tally.wrong.push(format!("{name}: {path}: shape {shape} instead of {}", expected.shape));
    }
    if expected.kind == "large" {
        let last = Rows::from_ranges([dataset.rows() - 1..dataset.rows()]);
        let values = file.read_rows(&[RowRequest::new(dataset, &last)]).pop().unwrap().unwrap();
        assert_eq!(values.len() as u64, dataset.row_len());
        tally.large += 1;
        return;
    }
    let canonical = match manifest::canonical(file, dataset) {
        Ok(canonical) => canonical,
        Err(error) => return tally.refuse(&error),
    };
    let found = manifest::digest(&canonical.bytes);
    if expected.kind == "unreadable" {
        *tally.refused.entry("(h5py has no reference)".into()).or_default() += 1;
    } else if found != expected.values || !manifest::same_kind(&canonical.kind, &expected.kind) {
        tally.wrong.push(format!("{name}: {path}: {} {found} instead of {expected:?}", canonical.kind));
    } else if canonical.refused.is_empty() {
        tally.equal += 1;
    } else {
        tally.partly += 1;
    }
}

fn compare(folder: &Path, name: &str, file: &manifest::File, tally: &mut Tally) {
    let bytes = std::fs::read(folder.join(name)).unwrap();
    let open = match Hdf5File::open(Arc::new(MemoryReader::new(name, bytes)), &ReadOptions::default()) {
        Ok(open) => open,
        Err(error) => return tally.wrong.push(error.to_string()),
    };
    if file.unopened.is_some() {
        // h5py has no reference, but what is there must read without a fault.
        for path in manifest::walk(&open) {
            let dataset = open.dataset(&path).unwrap();
            manifest::canonical(&open, &dataset).unwrap();
            *tally.refused.entry("(h5py has no reference)".into()).or_default() += 1;
        }
        return;
    }
    let listed = manifest::walk(&open);
    let paths: Vec<&str> = file.datasets.keys().map(String::as_str).collect();
    if listed != paths {
        tally.wrong.push(format!("{name}: listed {} datasets, h5py {}", listed.len(), paths.len()));
    }
    for (dataset, (path, expected)) in Hdf5Reader::datasets(&open, &paths).into_iter().zip(&file.datasets) {
        match dataset {
            Ok(Some(dataset)) => compare_dataset(&open, name, &dataset, expected, tally),
            Ok(None) => tally.wrong.push(format!("{name}: {path}: not found")),
            Err(error) => tally.refuse(&error),
        }
    }
}

/// Compares all files of a manifest; the tallies by folder, and whether all files are there.
fn compare_all(folder: &Path, text: &str) -> (BTreeMap<String, Tally>, bool) {
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let mut whole = true;
    for (name, file) in manifest::parse(text) {
        if !folder.join(&name).exists() {
            println!("skipped: {name} is not there");
            whole = false;
            continue;
        }
        let group = name.rsplit_once('/').map_or("", |(folder, _)| folder);
        compare(folder, &name, &file, tallies.entry(group.to_owned()).or_default());
    }
    for (group, tally) in &tallies {
        let all = tally.equal + tally.partly + tally.large + tally.refusals() + tally.wrong.len();
        println!(
            "{group}: of {all} datasets {} equal, {} but for some fields, {} too large to compare, {} refused, {} WRONG; {} attributes equal",
            tally.equal,
            tally.partly,
            tally.large,
            tally.refusals(),
            tally.wrong.len(),
            tally.attributes
        );
        for (reason, count) in &tally.refused {
            println!("    {count} × {reason}");
        }
        for wrong in &tally.wrong {
            println!("WRONG {wrong}");
        }
    }
    (tallies, whole)
}

/// Folder, fewest equal datasets, fewest that are equal but for some fields.
type Least = (&'static str, usize, usize);

fn check(folder: &Path, text: &str, least: &[Least]) {
    let (tallies, whole) = compare_all(folder, text);
    let wrong: usize = tallies.values().map(|tally| tally.wrong.len()).sum();
    assert_eq!(wrong, 0, "datasets differ from what h5py reads");
    for (group, equal, partly) in least.iter().filter(|_| whole) {
        let tally = &tallies[*group];
        assert!(tally.equal >= *equal, "{group}: {} equal, {equal} before", tally.equal);
        assert!(tally.partly >= *partly, "{group}: {} partly equal, {partly} before", tally.partly);
    }
    assert_eq!(tallies.len(), least.len(), "every folder has a least count");
}

#[test]
fn every_dataset_of_the_atl06_granules_is_as_h5py_reads_it() {
    let Some(folder) = common::data_folder() else { return };
    check(&folder, include_str!("manifest_atl06.tsv"), &[("atl06", 4566, 0)]);
}

#[test]
fn every_dataset_of_other_files_is_as_h5py_reads_it_or_refused_by_name() {
    let Some(folder) = common::data_folder() else { return };
    let least = [
        ("atl03", 185, 0),
        ("atl08", 517, 0),
        ("gedi", 698, 0),
        ("hdf5_features/jhdf", 2388, 13),
        ("hdf5_features/pyfive", 56, 0),
        ("hdf5_features/pyfive-ncas", 2, 0),
        ("other", 101, 0),
        ("reference/atl11_geoindex", 732, 0),
        ("reference/glaciersat2_reduced", 228, 0),
        ("track", 13, 0),
    ];
    check(&folder, include_str!("manifest_others.tsv"), &least);
}

/// Filters and types that no real file at hand uses (`make_fixtures.py`).
#[test]
fn every_dataset_made_for_a_filter_or_type_is_as_h5py_reads_it_or_refused_by_name() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    check(&folder, include_str!("manifest_fixtures.tsv"), &[("fixtures", 126, 0)]);
}
