//! The metadata of a store: the root, its groups and arrays, and the consolidated copy of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use zagg_core::store::StoreState;
use zagg_core::{Error, ErrorKind, Result};

use super::findings::{Check, Findings};
use super::schema::Schema;
use crate::codec::BlockCodec;
use crate::layout::Layout;
use crate::store::{CLAIM, MAX_METADATA, NODE, ZarrStore};
use crate::{json, names};

/// Most groups and arrays of a store: each costs a request, and a store may name any number of them.
const MAX_NODES: usize = 100_000;

/// Everything that the metadata say.
#[derive(Default)]
pub(super) struct Nodes {
    pub(super) state: Option<StoreState>,
    /// Attributes of the root.
    pub(super) attributes: Map<String, Value>,
    /// The root's attribute `zagg`.
    pub(super) ours: Map<String, Value>,
    /// Names of the arrays of each group, as the root has them.
    pub(super) named: BTreeMap<String, Vec<String>>,
    /// The groups that are there and sound.
    pub(super) groups: Vec<Group>,
}

/// A group with the arrays of it that are there and sound.
pub(super) struct Group {
    pub(super) name: String,
    pub(super) attributes: Map<String, Value>,
    pub(super) arrays: Vec<Array>,
}

/// An array.
pub(super) struct Array {
    pub(super) name: String,
    /// Group and name.
    pub(super) path: String,
    pub(super) attributes: Map<String, Value>,
    pub(super) layout: Layout,
    pub(super) codec: Arc<BlockCodec>,
}

impl Nodes {
    pub(super) fn array(&self, group: &str, array: &str) -> Option<&Array> {
        self.groups.iter().find(|g| g.name == group)?.arrays.iter().find(|a| a.name == array)
    }

    pub(super) fn arrays(&self) -> impl Iterator<Item = &Array> {
        self.groups.iter().flat_map(|group| &group.arrays)
    }
}

/// Reads all metadata and checks each document on its own and against the consolidated copy. `None` when there is no telling
/// what the store consists of.
///
/// # Errors
/// When there is no store of zagg, or a failure is likely to pass.
pub(super) fn read(store: &ZarrStore, findings: &mut Findings) -> Result<Option<Nodes>> {
    let Some(root) = root(store, findings)? else { return Ok(None) };
    let schemas = [
        Schema::parse(include_str!("../../schemas/zarr-group.json"))?,
        Schema::parse(include_str!("../../schemas/zarr-array.json"))?,
    ];
    let whole = Value::Object(root.clone());
    let mut sound = is_sound(&schemas[0], &whole, NODE, findings);
    let attributes = root.get("attributes").and_then(Value::as_object).cloned().unwrap_or_default();
    let ours = Schema::parse(include_str!("../../schemas/zagg.json"))?;
    sound &= is_sound(&ours, &Value::Object(attributes.clone()), NODE, findings);
    if !sound {
        return Ok(None);
    }
    let ours = attributes.get("zagg").and_then(Value::as_object).cloned().unwrap_or_default();
    let Some(named) = named(&ours) else {
        findings.add(Check::Metadata, NODE, "the attribute zagg names groups or arrays that cannot be any");
        return Ok(None);
    };
    let state = ours.get("state").and_then(|state| serde_json::from_value(state.clone()).ok());
    let mut nodes = Nodes { state, attributes, ours, named, groups: Vec::new() };
    let mut documents = Map::new();
    for (group, arrays) in &nodes.named {
        let Some(attributes) = node(store, group, &schemas[0], &mut documents, findings)? else { continue };
        let mut found = Group { name: group.clone(), attributes, arrays: Vec::new() };
        for array in arrays {
            let path = format!("{group}/{array}");
            let Some(attributes) = node(store, &path, &schemas[1], &mut documents, findings)? else {
                continue;
            };
            match layout(&documents[&path], &path) {
                Ok((layout, codec)) => found.arrays.push(Array {
                    name: array.clone(),
                    path,
                    attributes,
                    layout,
                    codec: Arc::new(codec),
                }),
                Err(error) => findings.add(Check::Metadata, &path, error.message()),
            }
        }
        nodes.groups.push(found);
    }
    consolidated(&root, &nodes, &documents, findings);
    Ok(Some(nodes))
}

/// The document of the root, when it is one of a store of zagg. The claim beside a store that has lost it tells that from a
/// place that never held one.
fn root(store: &ZarrStore, findings: &mut Findings) -> Result<Option<Map<String, Value>>> {
    let claimed = || store.beside.get(CLAIM, MAX_METADATA).is_ok_and(|claim| claim.is_some());
    let lost = |findings: &mut Findings, error: Error| match claimed() {
        true => {
            findings.add(Check::Metadata, NODE, error.message());
            Ok(None)
        }
        false => Err(error),
    };
    let bytes = match store.store.get(NODE, MAX_METADATA) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => {
            let location = &store.location;
            return lost(findings, Error::not_found(format!("there is no zagg store at {location}")));
        }
        Err(error) if error.kind() == ErrorKind::Corrupt => return lost(findings, error),
        Err(error) => return Err(error),
    };
    let document = match json::parse_object(&bytes, &store.store.full_name(NODE)) {
        Ok(document) => document,
        Err(error) => return lost(findings, error),
    };
    if document.get("attributes").and_then(|attributes| attributes.get("zagg")).is_none() {
        return lost(
            findings,
            Error::input(format!("{} is a Zarr store that zagg did not make", store.location)),
        );
    }
    is_canonical(&document, &bytes, NODE, findings)?;
    Ok(Some(document))
}

/// The document of a group or an array into `documents`; gives its attributes.
fn node(
    store: &ZarrStore,
    path: &str,
    schema: &Schema,
    documents: &mut Map<String, Value>,
    findings: &mut Findings,
) -> Result<Option<Map<String, Value>>> {
    let name = format!("{path}/{NODE}");
    let bytes = match store.store.get(&name, MAX_METADATA) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => {
            findings.add(Check::Metadata, &name, "is missing");
            return Ok(None);
        }
        Err(error) if error.kind() == ErrorKind::Temporary => return Err(error),
        Err(error) => {
            findings.add(Check::Metadata, &name, error.message());
            return Ok(None);
        }
    };
    let document = match json::parse_object(&bytes, "it") {
        Ok(document) => document,
        Err(error) => {
            findings.add(Check::Metadata, &name, error.message());
            return Ok(None);
        }
    };
    is_canonical(&document, &bytes, &name, findings)?;
    let attributes = document.get("attributes").and_then(Value::as_object).cloned().unwrap_or_default();
    let document = Value::Object(document);
    let sound = is_sound(schema, &document, &name, findings);
    documents.insert(path.to_owned(), document);
    Ok(sound.then_some(attributes))
}

fn layout(document: &Value, path: &str) -> Result<(Layout, BlockCodec)> {
    let Value::Object(document) = document else { return Err(Error::corrupt("it is no object")) };
    let layout = Layout::from_json(document, path)?;
    let codec = BlockCodec::new(Layout::from_json(document, path)?)?;
    Ok((layout, codec))
}

fn is_sound(schema: &Schema, document: &Value, name: &str, findings: &mut Findings) -> bool {
    let faults = schema.faults(document);
    for fault in &faults {
        let place = fault.place.strip_prefix('/').unwrap_or("the document");
        findings.add(Check::Metadata, name, format!("{place} {}", fault.message));
    }
    faults.is_empty()
}

/// A document of zagg has one spelling; another one is damage, or another hand.
fn is_canonical(
    document: &Map<String, Value>,
    bytes: &[u8],
    name: &str,
    findings: &mut Findings,
) -> Result<()> {
    if json::to_bytes(&Value::Object(document.clone()))? != bytes {
        findings.add(
            Check::Metadata,
            name,
            "is not spelled as zagg writes it: it was changed after it was written",
        );
    }
    Ok(())
}

/// Groups and arrays that the root names, when all of the names can be theirs.
fn named(ours: &Map<String, Value>) -> Option<BTreeMap<String, Vec<String>>> {
    let mut named = BTreeMap::new();
    let mut count = 0;
    for (group, arrays) in ours.get("groups")?.as_object()? {
        names::check_node("group", group).ok()?;
        let mut list = Vec::new();
        for array in arrays.as_array()? {
            let array = array.as_str()?;
            names::check_node("array", array).ok()?;
            list.push(array.to_owned());
        }
        count += 1 + list.len();
        named.insert(group.clone(), list);
    }
    (count <= MAX_NODES).then_some(named)
}

fn consolidated(
    root: &Map<String, Value>,
    nodes: &Nodes,
    documents: &Map<String, Value>,
    findings: &mut Findings,
) {
    let mut fault = |message: String| findings.add(Check::Metadata, NODE, message);
    let Some(copy) = root.get("consolidated_metadata").and_then(|all| all["metadata"].as_object()) else {
        if nodes.state.is_some_and(|state| state != StoreState::Open) {
            fault("has no consolidated metadata".to_owned());
        }
        return;
    };
    if nodes.state == Some(StoreState::Open) {
        fault("has consolidated metadata though the store is open".to_owned());
    }
    for (path, document) in documents {
        match copy.get(path) {
            None => fault(format!("the consolidated metadata lack {path}")),
            Some(found) if found != document => {
                fault(format!("the consolidated metadata of {path} are not those of its own {NODE}"));
            }
            Some(_) => {}
        }
    }
    let is_named = |path: &str| match path.split_once('/') {
        None => nodes.named.contains_key(path),
        Some((group, array)) => {
            nodes.named.get(group).is_some_and(|arrays| arrays.iter().any(|name| name == array))
        }
    };
    for path in copy.keys().filter(|path| !is_named(path)) {
        fault(format!("the consolidated metadata have {path}, which the store does not"));
    }
}
