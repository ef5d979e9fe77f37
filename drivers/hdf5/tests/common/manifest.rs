//! Manifests of what h5py reads, and the same form of what a reader of ours reads; `make_manifest.py` describes both.
#![allow(dead_code)] // The tests of the other reader need only a part.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use zagg_core::{ErrorKind, Result, Rows};
use zagg_hdf5::{Attribute, AttributeValue, Class, Dataset, EntryKind, Hdf5Reader, RowRequest};

/// What h5py read of a dataset.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) kind: String,
    pub(crate) shape: String,
    pub(crate) values: String,
    pub(crate) attributes: String,
}

/// What h5py read of a file.
#[derive(Debug, Default)]
pub(crate) struct File {
    /// Why it could not be opened.
    pub(crate) unopened: Option<String>,
    pub(crate) datasets: BTreeMap<String, Expected>,
}

/// File → path → what h5py read.
pub(crate) fn parse(text: &str) -> BTreeMap<String, File> {
    let mut files = BTreeMap::new();
    let mut file: &mut File = &mut File::default();
    let mut before = String::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("> ") {
            let (name, reason) = name.split_once(" ! ").map_or((name, None), |(name, why)| (name, Some(why)));
            file = files.entry(name.to_owned()).or_default();
            file.unopened = reason.map(str::to_owned);
            before.clear();
            continue;
        }
        let fields: Vec<&str> = line.split('\t').collect();
        let [path, kind, shape, values, attributes] = fields[..] else { panic!("{line}") };
        let (shared, rest) = path.split_once(':').unwrap();
        let shared: usize = shared.parse().unwrap();
        before = before.chars().take(shared).chain(rest.chars()).collect();
        let [kind, shape, values, attributes] = [kind, shape, values, attributes].map(str::to_owned);
        file.datasets.insert(before.clone(), Expected { kind, shape, values, attributes });
    }
    files
}

pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).map(|b| format!("{b:02x}")).collect()
}

pub(crate) fn attributes_digest(attributes: &[Attribute]) -> String {
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

/// Paths of all datasets in order, found by listing groups level by level.
pub(crate) fn walk(file: &dyn Hdf5Reader) -> Vec<String> {
    let mut found = Vec::new();
    let mut groups = vec![String::new()];
    for _ in 0..20 {
        let mut next = Vec::new();
        let paths: Vec<&str> = groups.iter().map(String::as_str).collect();
        for (group, entries) in groups.iter().zip(file.list(&paths)) {
            for entry in entries.unwrap().unwrap() {
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
    found.sort();
    found
}

/// The canonical form of the values of a dataset.
#[derive(Debug)]
pub(crate) struct Canonical {
    pub(crate) kind: String,
    pub(crate) bytes: Vec<u8>,
    /// Why fields have no canonical form.
    pub(crate) refused: Vec<String>,
}

/// Reads a dataset whole; records field by field.
pub(crate) fn canonical(file: &dyn Hdf5Reader, dataset: &Dataset) -> Result<Canonical> {
    let rows = Rows::all(dataset.rows());
    let whole = |kind: &str, bytes| Canonical { kind: kind.to_owned(), bytes, refused: Vec::new() };
    match &dataset.datatype().class {
        Class::String { .. } => {
            Ok(whole("string", file.read_strings(dataset, &rows)?.join("\0").into_bytes()))
        }
        Class::Compound { fields } => {
            let mut record = whole("compound", Vec::new());
            for field in fields {
                record.bytes.extend(field.name.as_bytes());
                record.bytes.push(0);
                let path = format!("{}#{}", dataset.path(), field.name);
                let found = file.datasets(&[&path]).pop().unwrap();
                match found.and_then(|found| canonical(file, &found.unwrap())) {
                    Ok(field) => {
                        record.bytes.extend(field.bytes);
                        record.refused.extend(field.refused);
                    }
                    Err(error) if error.kind() == ErrorKind::Unsupported => {
                        record.bytes.push(b'?');
                        record.refused.push(error.to_string());
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok(record)
        }
        _ => {
            let values = file.read_rows(&[RowRequest::new(dataset, &rows)]).pop().unwrap()?;
            Ok(whole(values.dtype().name(), values.to_le_bytes()))
        }
    }
}

/// Whether types are the same; flags are read as the numbers that they are.
pub(crate) fn same_kind(found: &str, expected: &str) -> bool {
    found == expected || (found, expected) == ("int8", "bool")
}
