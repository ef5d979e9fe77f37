//! Making the template, once.
//!
//! The order of writing makes a creation that was cut off recognisable. The claim beside the store comes first: it
//! holds the template's hash and the names of all nodes that may lie inside. Then come groups, arrays and contents,
//! and the root last. A place without a root but with a claim of ours is an unfinished creation and done over; a place
//! with neither that is not empty is somebody else's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use serde_json::{Map, Value, json};
use zagg_core::store::{ArraySpec, Created, StoreState, StoreTemplate};
use zagg_core::{Context, Error, Result};

use super::{CLAIM, MAX_METADATA, NODE, Root, ZarrStore, node_paths, parse_groups};
use crate::codec::BlockCodec;
use crate::layout::Layout;
use crate::objects::Objects;
use crate::{json, names, values};

/// Blocks of an array that are written together with the template.
const MAX_BATCH: usize = 64;

/// A template, checked and ready to be written.
struct Plan<'a> {
    hash: &'a str,
    root: Map<String, Value>,
    /// Metadata of every node and, for arrays, how to write blocks.
    nodes: BTreeMap<String, (Vec<u8>, Option<Array<'a>>)>,
    groups: BTreeMap<String, Vec<String>>,
}

struct Array<'a> {
    codec: Arc<BlockCodec>,
    spec: &'a ArraySpec,
}

/// How the metadata of a node that is there compare with those that are asked for. Attributes only describe: those that
/// come from granules lack while none can be read.
enum Described {
    /// The same array or group, and the new attributes say all that the old ones do.
    Better,
    /// The same array or group, and the old attributes say more.
    No,
    /// Another array or group.
    Other,
}

fn described(found: &[u8], wanted: &[u8]) -> Described {
    let parse = |bytes: &[u8]| serde_json::from_slice::<Map<String, Value>>(bytes).ok();
    let (Some(mut found), Some(mut wanted)) = (parse(found), parse(wanted)) else { return Described::Other };
    let attributes = |node: &mut Map<String, Value>| match node.shift_remove("attributes") {
        Some(Value::Object(attributes)) => attributes,
        _ => Map::new(),
    };
    let (old, new) = (attributes(&mut found), attributes(&mut wanted));
    match found == wanted {
        false => Described::Other,
        true if old.keys().all(|key| new.contains_key(key)) => Described::Better,
        true => Described::No,
    }
}

impl<'a> Plan<'a> {
    fn new(template: &'a StoreTemplate) -> Result<Self> {
        let mut nodes = BTreeMap::new();
        let mut groups = BTreeMap::new();
        for group in &template.groups {
            names::check_node("group", &group.name)?;
            nodes.insert(group.name.clone(), (json::to_bytes(&group_json(&group.attributes))?, None));
            let mut arrays = Vec::new();
            for spec in &group.arrays {
                let codec = Arc::new(BlockCodec::new(Layout::from_spec(spec)?)?);
                let bytes = json::to_bytes(&codec.layout().to_json())?;
                let path = format!("{}/{}", group.name, spec.name);
                if spec.content.is_some() && spec.ragged.is_some() {
                    return Err(Error::input(format!("array {path}: lists are not known beforehand")));
                }
                if nodes.insert(path.clone(), (bytes, Some(Array { codec, spec }))).is_some() {
                    return Err(Error::input(format!("array {path} is there twice")));
                }
                arrays.push(spec.name.clone());
            }
            arrays.sort_unstable();
            if groups.insert(group.name.clone(), arrays).is_some() {
                return Err(Error::input(format!("group {} is there twice", group.name)));
            }
        }
        let mut attributes = template.attributes.clone();
        let ours = attributes.entry("zagg").or_insert_with(|| json!({}));
        let Value::Object(ours) = ours else {
            return Err(Error::input("the root attribute 'zagg' must be an object"));
        };
        ours.insert("state".to_owned(), json!(StoreState::Open.name()));
        ours.insert("template".to_owned(), json!(template.hash));
        ours.insert("groups".to_owned(), json!(groups));
        let Value::Object(root) = group_json(&attributes) else {
            return Err(Error::input("the root is no object"));
        };
        Ok(Self { hash: &template.hash, root, nodes, groups })
    }
}

/// What a place is to a new template.
enum Place {
    /// It holds a store of the same template.
    Same(Box<Root>),
    /// It may be written, after these nodes of ours are taken away.
    Free(BTreeMap<String, Vec<String>>),
}

/// The claim on a place.
struct Claim {
    hash: String,
    /// Nodes that may be there, of this template and of one it replaces.
    owned: BTreeMap<String, Vec<String>>,
}

impl Claim {
    fn to_bytes(&self) -> Result<Vec<u8>> {
        json::to_bytes(&json!({"template": self.hash, "owned": self.owned}))
    }

    fn parse(bytes: &[u8], name: &str) -> Result<Self> {
        let object = json::parse_object(bytes, name)?;
        let hash = object.get("template").and_then(Value::as_str).map(str::to_owned);
        let owned = object.get("owned").and_then(parse_groups);
        match (hash, owned) {
            (Some(hash), Some(owned)) => Ok(Self { hash, owned }),
            _ => Err(Error::corrupt(format!(
                "{name} is damaged; remove it if no store is worth keeping there"
            ))),
        }
    }
}

impl ZarrStore {
    pub(super) fn create_from(&self, template: &StoreTemplate, overwrite: bool) -> Result<Created> {
        let plan = Plan::new(template)?;
        let created = match self.place(&plan, overwrite)? {
            Place::Same(root) => {
                self.keep(*root, &plan)?;
                Created::Existing
            }
            Place::Free(owned) => self.make(&plan, owned)?,
        };
        let mut codecs = self.codecs.write().unwrap_or_else(PoisonError::into_inner);
        *codecs = plan
            .nodes
            .into_iter()
            .filter_map(|(path, (_, array))| array.map(|array| (path, array.codec)))
            .collect();
        Ok(created)
    }

    pub(super) fn check_for(&self, template: &StoreTemplate, overwrite: bool) -> Result<()> {
        self.place(&Plan::new(template)?, overwrite).map(|_| ())
    }

    /// What is there, and whether it may be kept or replaced.
    fn place(&self, plan: &Plan<'_>, overwrite: bool) -> Result<Place> {
        let claim = self.claim()?;
        let mut owned = plan.groups.clone();
        match self.root()? {
            Some(root) if root.template == plan.hash && !overwrite => return Ok(Place::Same(Box::new(root))),
            Some(root) if !overwrite => return Err(self.other_template(Some(&root))),
            Some(root) => {
                merge(&mut owned, &root.groups);
                merge(&mut owned, &claim.map(|claim| claim.owned).unwrap_or_default());
            }
            None => {
                let empty = self.store.is_empty()?;
                match claim {
                    None if !empty => {
                        return Err(Error::input(format!(
                            "{} is not empty and holds no store of zagg; it is left alone, use another --store",
                            self.location
                        )));
                    }
                    Some(claim) if !empty && claim.hash != plan.hash && !overwrite => {
                        return Err(self.other_template(None));
                    }
                    Some(claim) => merge(&mut owned, &claim.owned),
                    None => self.check_beside()?,
                }
            }
        }
        Ok(Place::Free(owned))
    }

    /// Whether the place beside a store that was never made is free: what lies there is deleted with the records.
    fn check_beside(&self) -> Result<()> {
        match self.beside.list("")?.into_iter().find(|name| !names::is_reserved(name)) {
            None => Ok(()),
            Some(name) => Err(Error::input(format!(
                "{} is in the way: zagg keeps its records there and did not write it; remove it, or use another --store",
                self.beside.full_name(&name)
            ))),
        }
    }

    fn other_template(&self, root: Option<&Root>) -> Error {
        if root.is_some_and(Root::is_rechunked) {
            return Error::input(format!(
                "store {} is a rechunked copy of another store, into which no run writes; use another --store, or \
                 --overwrite to delete it",
                self.location
            ));
        }
        Error::input(format!(
            "store {} was made by another pipeline, grid or shard map; use --overwrite or another --store",
            self.location
        ))
    }

    fn claim(&self) -> Result<Option<Claim>> {
        let bytes = self.beside.get(CLAIM, MAX_METADATA)?;
        bytes.map(|bytes| Claim::parse(&bytes, &self.beside.full_name(CLAIM))).transpose()
    }

    /// Opens a finished store of the same template again, before blocks change.
    fn keep(&self, mut root: Root, plan: &Plan<'_>) -> Result<()> {
        let names: Vec<String> = plan.nodes.keys().map(|path| format!("{path}/{NODE}")).collect();
        let found = self.store.get_all(&names, MAX_METADATA)?;
        let mut writes = Vec::new();
        for ((path, (bytes, array)), (name, found)) in plan.nodes.iter().zip(names.iter().zip(found)) {
            match found {
                Some(found) if &found == bytes => {}
                Some(found) => match described(&found, bytes) {
                    Described::Better => writes.push((path, bytes, None)),
                    Described::No => {}
                    Described::Other => {
                        return Err(Error::input(format!(
                            "{} is not as this pipeline makes it; use --overwrite or another --store",
                            self.store.full_name(name)
                        )));
                    }
                },
                None => writes.push((path, bytes, array.as_ref())),
            }
        }
        // Only a store that is taken changes.
        if root.state != StoreState::Open || root.document.contains_key("consolidated_metadata") {
            root.set_state(StoreState::Open, Map::new());
            self.store.put_durable(NODE, &json::to_bytes(&Value::Object(root.document))?)?;
        }
        writes.into_iter().try_for_each(|(path, bytes, array)| self.write_node(path, bytes, array))
    }

    /// Makes the store, after taking away what is left of one of ours.
    fn make(&self, plan: &Plan<'_>, owned: BTreeMap<String, Vec<String>>) -> Result<Created> {
        let claim = Claim { hash: plan.hash.to_owned(), owned }.to_bytes()?;
        if !self.beside.put_if_absent(CLAIM, &claim)? {
            self.beside.put_durable(CLAIM, &claim)?;
        }
        self.store.delete(NODE)?;
        self.delete_owned(&claim)?;
        for (path, (_, array)) in &plan.nodes {
            self.write_content(path, array.as_ref())?;
        }
        let nodes =
            plan.nodes.iter().map(|(path, (bytes, _))| (format!("{path}/{NODE}"), Some(bytes.clone())));
        self.store.change_all(nodes.collect())?;
        let clean = Claim { hash: plan.hash.to_owned(), owned: plan.groups.clone() }.to_bytes()?;
        if clean != claim {
            self.beside.put_durable(CLAIM, &clean)?;
        }
        // Who finds a root relies on all that it names.
        self.store.settle()?;
        if self.store.put_if_absent(NODE, &json::to_bytes(&Value::Object(plan.root.clone()))?)? {
            return Ok(Created::New);
        }
        match self.root()? {
            Some(root) if root.template == plan.hash => Ok(Created::Existing),
            _ => Err(Error::input(format!("store {}: another run has just made it", self.location))),
        }
    }

    /// Deletes every object of ours: metadata and blocks of the claimed nodes, and all records. Files that others put
    /// between them stay.
    fn delete_owned(&self, claim: &[u8]) -> Result<()> {
        let claim = Claim::parse(claim, CLAIM)?;
        for path in node_paths(&claim.owned).into_iter().rev() {
            let mut ours = vec![format!("{path}/{NODE}")];
            if path.contains('/') {
                let found = self.store.list(&format!("{path}/c"))?.into_iter();
                ours.extend(found.filter(|name| is_block_name(name.strip_prefix(&path).unwrap_or_default())));
            }
            delete_all(&*self.store, &ours)?;
        }
        // Records speak of shards of a store that is gone.
        let mut records = self.beside.list("")?;
        records.retain(|name| !names::is_reserved(name));
        delete_all(&*self.beside, &records)
    }

    /// Names of objects inside the store that zagg did not write, ascending, at most `most` of them. They are never touched,
    /// and readers may stumble over them.
    ///
    /// # Errors
    /// When there is no store of zagg, or listing fails.
    pub fn foreign_objects(&self, most: usize) -> Result<Vec<String>> {
        let owned: BTreeSet<String> = self.existing_root()?.nodes().into_iter().collect();
        let is_ours = |name: &str| {
            if let Some(path) = name.strip_suffix("/zarr.json") {
                return owned.contains(path);
            }
            let end = name.match_indices('/').nth(1).map_or(name.len(), |(at, _)| at);
            let (array, block) = name.split_at(end);
            name == NODE || (owned.contains(array) && is_block_name(block))
        };
        let mut names = self.store.list("")?;
        names.retain(|name| !is_ours(name));
        names.truncate(most);
        Ok(names)
    }

    /// Writes a node, its content before its metadata.
    fn write_node(&self, path: &str, bytes: &[u8], array: Option<&Array<'_>>) -> Result<()> {
        self.write_content(path, array)?;
        self.store.put_durable(&format!("{path}/{NODE}"), bytes)
    }

    /// Writes what is known of an array beforehand, if anything is.
    fn write_content(&self, path: &str, array: Option<&Array<'_>>) -> Result<()> {
        let Some(Array { codec, spec: ArraySpec { content: Some(content), .. } }) = array else {
            return Ok(());
        };
        let layout = codec.layout();
        let mut changes = Vec::new();
        let blocks = layout.blocks();
        let total: u64 = blocks.iter().product();
        for number in 0..total {
            let mut rest = number;
            let mut block = vec![0; blocks.len()];
            for (index, count) in block.iter_mut().zip(&blocks).rev() {
                *index = rest % count;
                rest /= count;
            }
            let inside = layout.inside(&block);
            let start: Vec<u64> = block.iter().zip(&layout.block_shape).map(|(i, size)| i * size).collect();
            let zeros = vec![0; blocks.len()];
            let mut part = values::repeat(&layout.fill, inside.iter().product::<u64>() as usize);
            values::copy_values(content, (&layout.shape, &start), &mut part, (&inside, &zeros), &inside)?;
            let encoded = codec.encode(&block, &part).context(|| format!("array {path}"))?;
            changes.push((format!("{path}/{}", Layout::chunk_key(&block)), encoded));
            if changes.len() >= MAX_BATCH {
                self.store.change_all(std::mem::take(&mut changes))?;
            }
        }
        self.store.change_all(changes)
    }
}

/// Takes objects away, and the folders that are empty then.
fn delete_all(objects: &dyn Objects, names: &[String]) -> Result<()> {
    objects.change_all(names.iter().map(|name| (name.clone(), None)).collect())?;
    names.iter().for_each(|name| objects.prune(name));
    Ok(())
}

fn merge(into: &mut BTreeMap<String, Vec<String>>, from: &BTreeMap<String, Vec<String>>) {
    for (group, arrays) in from {
        let all = into.entry(group.clone()).or_default();
        all.extend(arrays.iter().cloned());
        all.sort_unstable();
        all.dedup();
    }
}

fn group_json(attributes: &Map<String, Value>) -> Value {
    json!({"zarr_format": 3, "node_type": "group", "attributes": attributes})
}

/// Whether a name below an array, from its `/`, is one of a block: `/c` or `/c/` with numbers.
fn is_block_name(name: &str) -> bool {
    let Some(indices) = name.strip_prefix("/c") else { return false };
    indices.is_empty()
        || indices.strip_prefix('/').is_some_and(|indices| {
            indices.split('/').all(|index| !index.is_empty() && index.bytes().all(|b| b.is_ascii_digit()))
        })
}
