//! The store: template, blocks, records, state.

mod create;
mod read;
mod rechunk;
mod replay;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use serde_json::{Map, Value, json};
use zagg_core::store::{BlockPlace, BlockWrite, Created, Found, Store, StoreState, StoreTemplate, Written};
use zagg_core::{Context, Error, Result, Values};

pub use self::read::{ArraySummary, GroupSummary, Summary};
pub use self::rechunk::{Rechunk, Rechunked};

use crate::codec::BlockCodec;
use crate::layout::Layout;
use crate::location::Location;
use crate::objects::Objects;
use crate::objects::local::LocalObjects;
use crate::objects::memory::MemoryObjects;
use crate::{json, location, lock, names};

/// Beside the store: which template it is being made from, and which nodes are ours.
pub(crate) const CLAIM: &str = "template.json";

/// Beside the store: the folder of files that are not finished.
pub(crate) const SCRATCH: &str = "tmp";

/// Metadata of a node.
pub(crate) const NODE: &str = "zarr.json";

/// Most bytes of one metadata document.
pub(crate) const MAX_METADATA: u64 = 64 << 20;

/// Most bytes of one record.
const MAX_RECORD: u64 = 4 << 30;

/// Most bytes of any object inside the store.
const MAX_OBJECT: u64 = crate::layout::MAX_BLOCK_BYTES + (64 << 20);

/// Most encoded bytes that wait to be written at once.
const MAX_WAITING: usize = 256 << 20;

/// A Zarr v3 store in a local folder, in a bucket or in memory.
///
/// Inside it lies nothing but what Zarr readers want; the lock, the claim on the place and all records lie beside it,
/// under `<store>.zagg/`. All methods may be called from many threads, and from many processes on one store.
pub struct ZarrStore {
    pub(crate) location: String,
    pub(crate) store: Arc<dyn Objects>,
    pub(crate) beside: Arc<dyn Objects>,
    /// Codecs of the arrays used so far, by path.
    codecs: RwLock<BTreeMap<String, Arc<BlockCodec>>>,
    /// The content of our lock while we hold it.
    held: Mutex<Option<Vec<u8>>>,
}

impl ZarrStore {
    /// The store at a path or `file://` URL, whether or not there is one yet. Touches nothing.
    ///
    /// # Errors
    /// When the text is no place for a store, or one in a bucket: see `open_with`.
    pub fn open(url_or_path: &str) -> Result<Self> {
        let Location::Local(path) = location::parse(url_or_path)? else {
            return Err(Error::unsupported(format!(
                "store {url_or_path}: only local stores are opened here, without credentials"
            )));
        };
        let beside = location::beside(&path);
        let scratch = beside.join(SCRATCH);
        Ok(Self::new(
            url_or_path.to_owned(),
            Arc::new(LocalObjects::new(path, scratch.clone())),
            Arc::new(LocalObjects::new(beside, scratch)),
        ))
    }

    /// The store at a path, a `file://` URL or `s3://bucket/folder`, whether or not there is one yet. Touches nothing. A bucket
    /// is reached with the chain's credentials; what belongs to the store but lies beside it is under
    /// `s3://bucket/folder.zagg/`.
    ///
    /// # Errors
    /// When the text is no place for a store.
    #[cfg(feature = "buckets")]
    pub fn open_with(url_or_path: &str, chain: &zagg_access::StoreChain) -> Result<Self> {
        use crate::objects::bucket::BucketObjects;
        if location::parse(url_or_path)? != Location::Bucket {
            return Self::open(url_or_path);
        }
        let folder = chain.bucket_folder(url_or_path)?;
        if folder.is_whole_bucket() {
            return Err(Error::input(format!(
                "store {url_or_path}: a store needs a folder of its own; give s3://bucket/folder"
            )));
        }
        let beside = folder.beside(".zagg")?;
        let location = folder.location().to_owned();
        Ok(Self::new(location, Arc::new(BucketObjects::new(folder)), Arc::new(BucketObjects::new(beside))))
    }

    /// The store at a local path.
    ///
    /// # Errors
    /// As [`Self::open`], and when the path is not UTF-8.
    pub fn open_path(path: &Path) -> Result<Self> {
        let text = path.to_str().ok_or_else(|| {
            Error::input(format!("store {}: the path is not valid Unicode", path.display()))
        })?;
        Self::open(text)
    }

    /// An empty store in memory.
    pub fn memory() -> Self {
        Self::new(
            "memory".to_owned(),
            Arc::new(MemoryObjects::new("memory")),
            Arc::new(MemoryObjects::new("memory.zagg")),
        )
    }

    /// Who is writing to the store, for people; `None` when nobody is, or only a run that has ended without saying so.
    ///
    /// # Errors
    /// When looking fails.
    pub fn writer(&self) -> Result<Option<String>> {
        lock::holder(&*self.beside)
    }

    /// An empty store in memory under another name.
    #[cfg(test)]
    pub(crate) fn new_elsewhere(name: &str) -> Self {
        let beside = format!("{name}.zagg");
        Self::new(name.to_owned(), Arc::new(MemoryObjects::new(name)), Arc::new(MemoryObjects::new(&beside)))
    }

    /// Another handle on the same place, as another process would have: it shares nothing but what is stored.
    #[must_use]
    pub fn reopen(&self) -> Self {
        Self::new(self.location.clone(), self.store.clone(), self.beside.clone())
    }

    pub(crate) fn new(location: String, store: Arc<dyn Objects>, beside: Arc<dyn Objects>) -> Self {
        Self { location, store, beside, codecs: RwLock::default(), held: Mutex::default() }
    }

    /// The codec of an array, from its metadata the first time.
    fn codec(&self, group: &str, array: &str) -> Result<Arc<BlockCodec>> {
        let path = format!("{group}/{array}");
        if let Some(codec) = self.codecs.read().unwrap_or_else(PoisonError::into_inner).get(&path) {
            return Ok(codec.clone());
        }
        let codec = Arc::new(BlockCodec::new(self.layout(group, array)?)?);
        self.codecs.write().unwrap_or_else(PoisonError::into_inner).insert(path, codec.clone());
        Ok(codec)
    }

    fn layout(&self, group: &str, array: &str) -> Result<Layout> {
        names::check_node("group", group)?;
        names::check_node("array", array)?;
        let name = format!("{group}/{array}/{NODE}");
        let Some(document) = self.metadata(&name)? else {
            return Err(Error::not_found(format!(
                "store {}: there is no array {group}/{array}",
                self.location
            )));
        };
        Layout::from_json(&document, &self.store.full_name(&name))
    }

    fn metadata(&self, name: &str) -> Result<Option<Map<String, Value>>> {
        let bytes = self.store.get(name, MAX_METADATA)?;
        bytes.map(|bytes| json::parse_object(&bytes, &self.store.full_name(name))).transpose()
    }

    /// The root of a store of ours, `None` when there is no root at all.
    fn root(&self) -> Result<Option<Root>> {
        self.metadata(NODE)?.map(|document| Root::parse(document, &self.location)).transpose()
    }

    fn existing_root(&self) -> Result<Root> {
        self.root()?.ok_or_else(|| Error::not_found(format!("there is no zagg store at {}", self.location)))
    }

    /// Name and bytes of the object of a block; no bytes where it is fill throughout.
    fn encoded(&self, one: &BlockWrite<'_>) -> Result<(String, Option<Vec<u8>>)> {
        let codec = self.codec(one.group, one.array)?;
        let path = format!("{}/{}", one.group, one.array);
        let bytes = match one.offsets {
            None => codec.encode(one.block, one.values),
            Some(offsets) => codec.encode_ragged(one.block, offsets, one.values),
        };
        let bytes = bytes.context(|| format!("array {path}"))?;
        Ok((format!("{path}/{}", Layout::chunk_key(one.block)), bytes))
    }

    /// Writes encoded blocks side by side. One that is fill has its object taken away: an earlier attempt may have found
    /// values there, and a rerun leaves what a first run would.
    fn change_all(&self, changes: Vec<(String, Option<Vec<u8>>)>) -> Result<Written> {
        let mut written = Written::default();
        for (name, bytes) in &changes {
            written += bytes.as_ref().map(|bytes| Written::object(name, bytes)).unwrap_or_default();
        }
        self.store.change_all(changes)?;
        Ok(written)
    }
}

impl Store for ZarrStore {
    fn location(&self) -> &str {
        &self.location
    }

    fn acquire(&self) -> Result<()> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_none() {
            // A place that cannot hold a store gets no folder beside it.
            self.store.is_empty()?;
            let acquired = lock::acquire(&*self.beside, &self.location);
            if acquired.is_err() {
                self.beside.vanish();
            }
            *held = Some(acquired?);
            self.beside.sweep();
        }
        Ok(())
    }

    fn release(&self) -> Result<()> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mine) = held.take() {
            self.beside.sweep();
            lock::release(&*self.beside, &mine)?;
            self.beside.vanish();
        }
        Ok(())
    }

    fn check(&self, template: &StoreTemplate, overwrite: bool) -> Result<()> {
        self.check_for(template, overwrite)
    }

    fn create(&self, template: &StoreTemplate, overwrite: bool) -> Result<Created> {
        self.create_from(template, overwrite)
    }

    fn found(&self) -> Result<Option<Found>> {
        Ok(self.root()?.map(|root| Found { template: root.template, state: root.state }))
    }

    fn write_block(&self, group: &str, array: &str, block: &[u64], values: &Values) -> Result<Written> {
        self.write_blocks(&[BlockWrite { group, array, block, offsets: None, values }])
    }

    fn write_ragged_block(
        &self,
        group: &str,
        array: &str,
        block: &[u64],
        offsets: &[u64],
        values: &Values,
    ) -> Result<Written> {
        self.write_blocks(&[BlockWrite { group, array, block, offsets: Some(offsets), values }])
    }

    fn write_blocks(&self, blocks: &[BlockWrite<'_>]) -> Result<Written> {
        let mut written = Written::default();
        let (mut waiting, mut names, mut bytes) = (Vec::new(), BTreeSet::new(), 0);
        for one in blocks {
            let encoded = self.encoded(one)?;
            // Of two that are the same block the later one must win.
            if bytes > MAX_WAITING || !names.insert(encoded.0.clone()) {
                written += self.change_all(std::mem::take(&mut waiting))?;
                names = BTreeSet::from([encoded.0.clone()]);
                bytes = 0;
            }
            bytes += encoded.1.as_ref().map_or(0, Vec::len);
            waiting.push(encoded);
        }
        written += self.change_all(waiting)?;
        Ok(written)
    }

    fn stored(&self, blocks: &[BlockPlace]) -> Result<Option<Written>> {
        if self.store.is_shared() {
            return Ok(None);
        }
        let name = |place: &BlockPlace| {
            format!("{}/{}/{}", place.group, place.array, Layout::chunk_key(&place.block))
        };
        let mut written = Written::default();
        for name in blocks.iter().map(name) {
            let bytes = self.store.get(&name, MAX_OBJECT)?;
            written += bytes.map(|bytes| Written::object(&name, &bytes)).unwrap_or_default();
        }
        Ok(Some(written))
    }

    fn write_record(&self, name: &str, bytes: Vec<u8>) -> Result<Written> {
        names::check_record(name)?;
        self.beside.put(name, &bytes)?;
        Ok(Written { objects: 1, bytes: bytes.len() as u64, ..Written::default() })
    }

    fn read_record(&self, name: &str) -> Result<Option<Vec<u8>>> {
        names::check_record(name)?;
        self.beside.get(name, MAX_RECORD)
    }

    fn list_records(&self, prefix: &str) -> Result<Vec<String>> {
        let mut names = self.beside.list(prefix)?;
        names.retain(|name| !names::is_reserved(name));
        Ok(names)
    }

    fn settle(&self) -> Result<()> {
        self.store.settle()
    }

    fn finalize(&self, state: StoreState) -> Result<()> {
        let mut root = self.existing_root()?;
        let mut children = Map::new();
        if state != StoreState::Open {
            let paths = root.nodes();
            let names: Vec<String> = paths.iter().map(|path| format!("{path}/{NODE}")).collect();
            let documents = self.store.get_all(&names, MAX_METADATA)?;
            for (path, (name, document)) in paths.into_iter().zip(names.iter().zip(documents)) {
                let name = self.store.full_name(name);
                let bytes = document
                    .ok_or_else(|| Error::not_found(format!("{name} is gone; rerun with --overwrite")))?;
                children.insert(path, Value::Object(json::parse_object(&bytes, &name)?));
            }
        }
        root.set_state(state, children);
        if state != StoreState::Open {
            // What a finished store says of itself must hold after a power cut, too.
            self.store.settle()?;
        }
        self.store.put_durable(NODE, &json::to_bytes(&Value::Object(root.document))?)
    }
}

impl Drop for ZarrStore {
    fn drop(&mut self) {
        // Nobody is left to tell; a lock that stays is taken over once this process is gone.
        let _ = self.release();
    }
}

impl std::fmt::Debug for ZarrStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ZarrStore").field("location", &self.location).finish_non_exhaustive()
    }
}

/// The root's `zarr.json`. Its attribute `zagg` holds the state, the template's hash and the names of all nodes.
struct Root {
    document: Map<String, Value>,
    state: StoreState,
    template: String,
    groups: BTreeMap<String, Vec<String>>,
}

impl Root {
    fn parse(document: Map<String, Value>, location: &str) -> Result<Self> {
        let foreign = || {
            Error::input(format!(
                "{location} is a Zarr store that zagg did not make; it is left alone, use another --store"
            ))
        };
        let ours =
            document.get("attributes").and_then(|attributes| attributes.get("zagg")).ok_or_else(foreign)?;
        let state = ours.get("state").and_then(|state| serde_json::from_value(state.clone()).ok());
        let template = ours["template"].as_str().map(str::to_owned);
        let (Some(state), Some(template)) = (state, template) else { return Err(foreign()) };
        let groups = parse_groups(&ours["groups"])
            .ok_or_else(|| Error::corrupt(format!("store {location}: its root does not name its arrays")))?;
        Ok(Self { state, template, groups, document })
    }

    /// Paths of all groups and arrays, ascending.
    fn nodes(&self) -> Vec<String> {
        node_paths(&self.groups)
    }

    /// Whether it says to be a copy of another store in other chunks.
    fn is_rechunked(&self) -> bool {
        self.document
            .get("attributes")
            .and_then(|attributes| attributes["zagg"].get(rechunk::ATTRIBUTE))
            .is_some_and(|value| !value.is_null())
    }

    fn set_state(&mut self, state: StoreState, children: Map<String, Value>) {
        self.state = state;
        if let Some(Value::Object(ours)) =
            self.document.get_mut("attributes").and_then(|all| all.get_mut("zagg"))
        {
            ours.insert("state".to_owned(), json!(state.name()));
        }
        self.document.remove("consolidated_metadata");
        if !children.is_empty() {
            let mut consolidated = Map::new();
            consolidated.insert("kind".to_owned(), json!("inline"));
            consolidated.insert("must_understand".to_owned(), json!(false));
            consolidated.insert("metadata".to_owned(), Value::Object(children));
            self.document.insert("consolidated_metadata".to_owned(), Value::Object(consolidated));
        }
    }
}

/// Names of arrays by group, refused when one could lead outside the store.
fn parse_groups(value: &Value) -> Option<BTreeMap<String, Vec<String>>> {
    let mut groups = BTreeMap::new();
    for (group, arrays) in value.as_object()? {
        names::check_node("group", group).ok()?;
        let mut list = Vec::new();
        for array in arrays.as_array()? {
            let array = array.as_str()?;
            names::check_node("array", array).ok()?;
            list.push(array.to_owned());
        }
        groups.insert(group.clone(), list);
    }
    Some(groups)
}

fn node_paths(groups: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let mut paths: Vec<String> = groups
        .iter()
        .flat_map(|(group, arrays)| {
            arrays.iter().map(move |array| format!("{group}/{array}")).chain(std::iter::once(group.clone()))
        })
        .collect();
    paths.sort_unstable();
    paths
}

#[cfg(test)]
mod tests;
