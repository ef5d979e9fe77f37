//! What the plan and the records of shards make of the store, held against what is there.

use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};
use zagg_core::product::Product;
use zagg_core::store::{BlockWrite, Created, Found, Store, StoreState, StoreTemplate, Written};
use zagg_core::{Error, Result, Values, finalize, run};

use super::blocks::{Reader, decode};
use super::findings::{Check, Findings};
use super::nodes::Nodes;
use super::shards::passing;
use crate::layout::Layout;
use crate::store::{NODE, ZarrStore};

/// Attributes that come from granules, which are not at hand here.
const DESCRIPTIVE: [&str; 2] = ["units", "long_name"];

/// Whether the metadata are those that the plan makes.
pub(super) fn template(product: &Product, nodes: &Nodes, findings: &mut Findings) -> Result<()> {
    let template = run::template_of(product, &|_| Map::new());
    let mut fault = |place: &str, message: String| findings.add(Check::State, place, message);
    if nodes.ours.get("template").and_then(Value::as_str) != Some(&template.hash) {
        fault(
            NODE,
            "zagg/template is not what the plan gives: the store was made from another plan".to_owned(),
        );
    }
    for (key, expected) in &template.attributes {
        let (Value::Object(expected), "zagg") = (expected, key.as_str()) else {
            if nodes.attributes.get(key) != Some(expected) {
                fault(NODE, format!("the attribute '{key}' is not what the plan gives"));
            }
            continue;
        };
        // The version is that of the program that made the store.
        for (key, expected) in expected.iter().filter(|(key, _)| *key != "version") {
            if nodes.ours.get(key) != Some(expected) {
                fault(NODE, format!("zagg/{key} is not what the plan gives"));
            }
        }
    }
    for group in &template.groups {
        let Some(named) = nodes.named.get(&group.name) else {
            fault(&group.name, "is a group of the plan that the store does not have".to_owned());
            continue;
        };
        if let Some(found) = nodes.groups.iter().find(|found| found.name == group.name)
            && found.attributes != group.attributes
        {
            fault(&group.name, "its attributes are not those that the plan gives".to_owned());
        }
        for spec in &group.arrays {
            let path = format!("{}/{}", group.name, spec.name);
            if !named.contains(&spec.name) {
                fault(&path, "is an array of the plan that the store does not have".to_owned());
            }
            let Some(array) = nodes.array(&group.name, &spec.name) else { continue };
            let mut expected = Layout::from_spec(spec)?;
            let differing: Vec<&String> = expected
                .attributes
                .iter()
                .filter(|(key, value)| {
                    array.layout.attributes.get(*key) != Some(value) && !DESCRIPTIVE.contains(&key.as_str())
                })
                .map(|(key, _)| key)
                .chain(array.layout.attributes.keys().filter(|key| {
                    !expected.attributes.contains_key(*key) && !DESCRIPTIVE.contains(&key.as_str())
                }))
                .collect();
            if !differing.is_empty() {
                fault(&path, format!("its attributes {differing:?} are not those that the plan gives"));
            }
            expected.attributes.clone_from(&array.layout.attributes);
            if expected.to_json() != array.layout.to_json() {
                fault(&path, "its type, shape or coding is not what the plan gives".to_owned());
            }
        }
        for name in named.iter().filter(|name| !group.arrays.iter().any(|spec| spec.name == **name)) {
            fault(&format!("{}/{name}", group.name), "is no array of the plan".to_owned());
        }
    }
    for name in nodes.named.keys().filter(|name| !template.groups.iter().any(|group| group.name == **name)) {
        fault(name, "is no group of the plan".to_owned());
    }
    Ok(())
}

/// Runs finalize without writing: every block that shards share has to be there as it would be written now. Gives the state
/// that the records of the shards give; `None` when they do not give any.
///
/// # Errors
/// When a failure is likely to pass.
pub(super) fn finalized(
    store: &ZarrStore,
    nodes: &Nodes,
    reader: &Reader<'_>,
    product: &Product,
    findings: &mut Findings,
) -> Result<Option<StoreState>> {
    let compared = Compared { store, nodes, reader, findings: Mutex::default() };
    let summary = zagg_core::caught(|| finalize::finalize(product, &compared));
    findings.append(compared.findings.into_inner().unwrap_or_else(PoisonError::into_inner));
    match summary {
        Ok(summary) => Ok(Some(summary.state)),
        Err(error) => {
            passing(&error)?;
            findings.add(Check::Levels, NODE, format!("zagg finalize fails: {error}"));
            Ok(None)
        }
    }
}

/// A store that compares what it is given with what is there.
struct Compared<'a> {
    store: &'a ZarrStore,
    nodes: &'a Nodes,
    reader: &'a Reader<'a>,
    findings: Mutex<Findings>,
}

impl Compared<'_> {
    fn compare(&self, one: &BlockWrite<'_>) -> Result<()> {
        // An array that is not there has been missed already.
        let Some(array) = self.nodes.array(one.group, one.array) else { return Ok(()) };
        let expected = match one.offsets {
            None => array.codec.encode(one.block, one.values),
            Some(offsets) => array.codec.encode_ragged(one.block, offsets, one.values),
        };
        // One that is laid out otherwise has been found with its metadata.
        let Ok(expected) = expected else { return Ok(()) };
        let found = match self.reader.object(array, one.block) {
            Ok(found) => found,
            Err(error) => return passing(&error),
        };
        if found == expected {
            return Ok(());
        }
        // Another version of the compressor may have written other bytes for the same values.
        let expected = decode(array, one.block, expected.as_deref())?;
        let same = match decode(array, one.block, found.as_deref()) {
            Ok(found) => found.bits() == expected.bits(),
            // Found where blocks are read for their own sake.
            Err(_) => true,
        };
        if !same {
            let message = "does not hold what the records of its shards give; run zagg finalize";
            self.findings.lock().unwrap_or_else(PoisonError::into_inner).add(
                Check::Levels,
                &Reader::name(array, one.block),
                message,
            );
        }
        Ok(())
    }
}

impl Store for Compared<'_> {
    fn location(&self) -> &str {
        self.store.location()
    }

    fn acquire(&self) -> Result<()> {
        Ok(())
    }

    fn release(&self) -> Result<()> {
        Ok(())
    }

    fn check(&self, _: &StoreTemplate, _: bool) -> Result<()> {
        Err(Error::unsupported("nothing is made here"))
    }

    fn create(&self, _: &StoreTemplate, _: bool) -> Result<Created> {
        Err(Error::unsupported("nothing is made here"))
    }

    fn found(&self) -> Result<Option<Found>> {
        self.store.found()
    }

    fn write_block(&self, group: &str, array: &str, block: &[u64], values: &Values) -> Result<Written> {
        self.compare(&BlockWrite { group, array, block, offsets: None, values })?;
        Ok(Written::default())
    }

    fn write_ragged_block(
        &self,
        group: &str,
        array: &str,
        block: &[u64],
        offsets: &[u64],
        values: &Values,
    ) -> Result<Written> {
        self.compare(&BlockWrite { group, array, block, offsets: Some(offsets), values })?;
        Ok(Written::default())
    }

    fn write_record(&self, _: &str, _: Vec<u8>) -> Result<Written> {
        Ok(Written::default())
    }

    fn read_record(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.store.read_record(name)
    }

    fn list_records(&self, prefix: &str) -> Result<Vec<String>> {
        self.store.list_records(prefix)
    }

    fn finalize(&self, _: StoreState) -> Result<()> {
        Ok(())
    }
}
