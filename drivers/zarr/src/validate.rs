//! Whether a store is sound: `zagg validate`.
//!
//! What can be checked depends on what there is. The store alone gives its metadata, the conventions they declare, its
//! objects, whether every block decodes and whether ids of cells ascend. The plan beside it gives the ids of cells and the agreement of levels and
//! variables, the records of shards whether each block is the one that was written. Stores may be damaged or made up:
//! nothing is believed, memory is bounded, and every fault is a finding, not an error.

mod blocks;
mod conventions;
mod expected;
mod findings;
mod ids;
mod levels;
mod nodes;
mod numbers;
mod objects;
mod schema;
mod shards;
mod variables;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use zagg_core::grid::CoordinateExtent;
use zagg_core::levels::Writer;
use zagg_core::product::{PLAN, Product};
use zagg_core::registry::Registry;
use zagg_core::store::{Store, StoreState};
use zagg_core::{Error, ErrorKind, Result, records};

pub use findings::{Check, Finding};

use blocks::{Reader, side_by_side};
use conventions::Conventions;
use findings::Findings;
use ids::Ids;
use nodes::Nodes;
use numbers::{Gathered, Number};
use objects::Blocks;
use shards::{OfShard, Shards, fill, passing, whole_coordinate};
use variables::Variables;

use crate::json;
use crate::store::{CLAIM, MAX_METADATA, NODE, ZarrStore};

/// Most bytes of decoded blocks in work at once, as far as one block is smaller.
const MEMORY: u64 = 512 << 20;

/// Key of the root's attribute `zagg` that a copy in other chunks has.
const RECHUNKED: &str = "rechunked";

/// Blocks read side by side: in object storage most of the time is waiting.
const THREADS: u64 = 16;

/// What a validation came to.
#[derive(Debug, Clone, Default)]
pub struct Validation {
    /// State that the root has, where it can be read.
    pub state: Option<StoreState>,
    /// What is wrong; the first thousand.
    pub findings: Vec<Finding>,
    /// How much is wrong.
    pub total: u64,
    /// What could not be checked and why, one line each.
    pub unchecked: Vec<String>,
    /// Groups that were checked.
    pub groups: u64,
    /// Arrays that were checked.
    pub arrays: u64,
    /// Objects in the store.
    pub objects: u64,
    /// Blocks that were decoded.
    pub blocks: u64,
    /// Shards that were checked.
    pub shards: u64,
}

impl Validation {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.total == 0
    }
}

impl ZarrStore {
    /// Checks everything that can be checked of the store. Writes nothing.
    ///
    /// # Errors
    /// When there is no store of zagg at all, or a failure is likely to pass.
    pub fn validate(&self, registry: &Registry) -> Result<Validation> {
        let mut findings = Findings::default();
        let mut validation = Validation::default();
        if let Some(nodes) = nodes::read(self, &mut findings)? {
            check(self, &nodes, registry, &mut validation, &mut findings)?;
        }
        validation.findings = findings.kept;
        validation.total = findings.total;
        Ok(validation)
    }
}

fn check(
    store: &ZarrStore,
    nodes: &Nodes,
    registry: &Registry,
    validation: &mut Validation,
    findings: &mut Findings,
) -> Result<()> {
    validation.state = nodes.state;
    validation.groups = nodes.groups.len() as u64;
    validation.arrays = nodes.arrays().count() as u64;
    let conventions = Conventions::new()?;
    conventions.attributes(NODE, &nodes.attributes, findings);
    for group in &nodes.groups {
        conventions.attributes(&group.name, &group.attributes, findings);
        for array in &group.arrays {
            conventions.attributes(&array.path, &array.attributes, findings);
        }
        conventions.group(group, findings);
    }
    conventions.multiscales(&nodes.attributes, &nodes.groups, findings);
    let (stored, objects) = objects::list(store, nodes, findings)?;
    validation.objects = objects;
    let beside = claim(store, nodes, validation, findings)?;
    let product = match beside {
        true => plan(store, nodes, registry, validation, findings)?,
        false => None,
    };
    if nodes.state == Some(StoreState::Open) {
        findings.add(Check::State, NODE, "the state is open: a run is writing, or was cut off");
    }
    match product {
        None => other_blocks(store, nodes, &stored, None, validation, findings),
        Some(product) => against_plan(store, nodes, &stored, &product, validation, findings),
    }
}

/// Whether anything lies beside the store; the claim on the place has to fit the root.
fn claim(
    store: &ZarrStore,
    nodes: &Nodes,
    validation: &mut Validation,
    findings: &mut Findings,
) -> Result<bool> {
    let place = format!("beside the store: {CLAIM}");
    let claim = match store.beside.get(CLAIM, MAX_METADATA) {
        Ok(Some(bytes)) => json::parse_object(&bytes, "it"),
        Ok(None) if store.list_records("")?.is_empty() => {
            validation.unchecked.push(
                "there are no plan and no records beside the store: cells and levels are not checked".into(),
            );
            return Ok(false);
        }
        Ok(None) => Err(Error::not_found("is missing")),
        Err(error) => Err(error),
    };
    match claim {
        Ok(claim) => {
            if claim.get("template") != nodes.ours.get("template") {
                findings.add(Check::State, &place, "speaks of another store than the root does");
            } else if claim.get("owned") != nodes.ours.get("groups") {
                findings.add(Check::State, &place, "names other groups or arrays than the root does");
            }
        }
        Err(error) => {
            passing(&error)?;
            findings.add(Check::State, &place, error.message());
        }
    }
    Ok(true)
}

/// The product of the plan beside the store.
fn plan(
    store: &ZarrStore,
    nodes: &Nodes,
    registry: &Registry,
    validation: &mut Validation,
    findings: &mut Findings,
) -> Result<Option<Product>> {
    let bytes = store.read_record(PLAN);
    if matches!(bytes, Ok(None)) && nodes.ours.contains_key(RECHUNKED) {
        validation
            .unchecked
            .push("a copy in other chunks has no plan: cells and levels are not checked".into());
        return Ok(None);
    }
    let product = bytes
        .and_then(|bytes| bytes.ok_or_else(|| Error::not_found("is missing")))
        .and_then(|bytes| Product::from_plan(&bytes, registry));
    match product {
        Ok(product) => Ok(Some(product)),
        Err(error) => {
            passing(&error)?;
            // A plugin that this program lacks is no fault of the store.
            if error.kind() == ErrorKind::Unsupported {
                validation.unchecked.push(format!("{error}: cells and levels are not checked"));
            } else {
                findings.add(Check::State, &format!("beside the store: {PLAN}"), error.message());
            }
            Ok(None)
        }
    }
}

/// Everything that the plan says of the store.
fn against_plan(
    store: &ZarrStore,
    nodes: &Nodes,
    stored: &Blocks,
    product: &Product,
    validation: &mut Validation,
    findings: &mut Findings,
) -> Result<()> {
    expected::template(product, nodes, findings)?;
    let all = records::shards_of_store(product, store)?;
    let shards = Shards {
        store,
        product,
        nodes,
        reader: Reader::new(store, stored),
        variables: Variables::of(product),
        identity: product.identity(),
    };
    validation.shards = all.len() as u64;
    let largest = nodes.arrays().map(|array| array.codec.max_encoded()).max().unwrap_or(1);
    let threads = (MEMORY / (4 * largest).max(1)).clamp(1, THREADS) as usize;
    let results = side_by_side(all.len(), threads, |at| shards.check(all[at]))?;
    let mut done = true;
    let mut whole: Vec<(u64, BTreeMap<usize, Gathered>)> = Vec::new();
    for (&shard, of) in all.iter().zip(results) {
        let OfShard { findings: of_shard, blocks, done: is_done, whole: of_whole, .. } = of;
        findings.append(of_shard);
        validation.blocks += blocks;
        done &= is_done;
        whole.push((shard, of_whole));
    }
    merged_levels(&shards, &whole, findings)?;
    fixed_coordinates(store, &shards, findings)?;
    // Blocks of tasks have been read with their shards; the others are read for themselves.
    let positions: HashMap<Vec<u64>, ()> = all.iter().map(|&shard| (product.position(shard), ())).collect();
    let tasks: BTreeMap<&str, usize> = product
        .levels
        .iter()
        .flat_map(|level| {
            let dimensions = level.layout.dimensions.len();
            shards.task_arrays(level).into_iter().map(move |array| (array.path.as_str(), dimensions))
        })
        .collect();
    for (path, &dimensions) in &tasks {
        for block in stored.get(*path).into_iter().flatten() {
            if !positions.contains_key(&block[..dimensions.min(block.len())]) {
                let name = format!("{path}/{}", crate::layout::Layout::chunk_key(block));
                findings.add(Check::Objects, &name, "is the block of a shard that has no record");
            }
        }
    }
    let is_read = |path: &str, block: &[u64]| {
        tasks
            .get(path)
            .is_some_and(|&n| block.get(..n).is_some_and(|position| positions.contains_key(position)))
    };
    other_blocks(store, nodes, stored, Some(&is_read), validation, findings)?;
    if nodes.state == Some(StoreState::Open) {
        return Ok(());
    }
    let state = expected::finalized(store, nodes, &shards.reader, product, findings)?;
    if let (Some(expected), Some(found)) = (state, nodes.state)
        && expected != found
    {
        let why = if done { "every shard is done; run zagg finalize" } else { "not every shard is done" };
        findings.add(Check::State, NODE, format!("the state is {}, but {why}", found.name()));
    }
    Ok(())
}

/// Whether a block of an array has been read with its shard.
type IsRead<'a> = &'a (dyn Fn(&str, &[u64]) -> bool + Sync);

/// Decodes the stored blocks that have not been read yet. Without a plan, by which some are, ids of cells must ascend at least.
fn other_blocks(
    store: &ZarrStore,
    nodes: &Nodes,
    stored: &Blocks,
    is_read: Option<IsRead<'_>>,
    validation: &mut Validation,
    findings: &mut Findings,
) -> Result<()> {
    let reader = Reader::new(store, stored);
    let ascending: Vec<&str> = match is_read {
        None => nodes.groups.iter().filter_map(ids::path_of).collect(),
        Some(_) => Vec::new(),
    };
    for array in nodes.arrays() {
        let blocks: Vec<&Vec<u64>> = stored
            .get(&array.path)
            .into_iter()
            .flatten()
            .filter(|block| is_read.is_none_or(|is_read| !is_read(&array.path, block)))
            .collect();
        let threads = (MEMORY / (4 * array.codec.max_encoded()).max(1)).clamp(1, THREADS) as usize;
        let ascends = ascending.contains(&array.path.as_str());
        // Shards that failed have no ids where their tasks write them.
        let unwritten = (nodes.state != Some(StoreState::Complete)).then(|| fill(array));
        let decoded = side_by_side(blocks.len(), threads, |at| match reader.block(array, blocks[at]) {
            Ok((_, cells)) if ascends => Ok(Ok(Ids::of(&cells, unwritten))),
            Ok(_) => Ok(Ok(Ids::default())),
            Err(error) => passing(&error).map(|()| Err(error)),
        })?;
        validation.blocks += blocks.len() as u64;
        let mut sound = Vec::new();
        for (block, decoded) in blocks.iter().zip(decoded) {
            match decoded {
                Ok(ids) => sound.extend(block.first().map(|&number| (number, ids))),
                Err(error) => findings.add(Check::Blocks, &Reader::name(array, block), error.message()),
            }
        }
        if ascends {
            Ids::report(array, sound.into_iter(), findings);
        }
    }
    Ok(())
}

/// The levels coarser than the shards: their cells hold whole shards.
fn merged_levels(
    shards: &Shards<'_>,
    whole: &[(u64, BTreeMap<usize, Gathered>)],
    findings: &mut Findings,
) -> Result<()> {
    let product = shards.product;
    let ids: Vec<u64> = whole.iter().map(|(shard, _)| *shard).collect();
    for level in product.levels.iter().filter(|level| level.writer == Writer::Merge) {
        let parents = product.parents_of_shards(&ids, level.level);
        for (number, variable) in shards.variables.all.iter().enumerate() {
            let (Some(rule), Some(array)) = (variable.rule, shards.nodes.array(&level.group, &variable.name))
            else {
                continue;
            };
            if array.layout.shape.len() != 1 {
                continue;
            }
            let fill = fill(array);
            let mut cells: BTreeMap<u64, Gathered> = BTreeMap::new();
            for (parent, (_, of)) in parents.iter().zip(whole) {
                let cell = cells.entry(*parent).or_default();
                if let Some(of) = of.get(&number) {
                    cell.merge(rule, *of, fill);
                }
            }
            for (cell, expected) in cells {
                let Some(place) = product.merged_place(level, cell) else { continue };
                let Ok(Some(value)) = shards.reader.region(array, &[place], &[1]) else { continue };
                let value = Number::at(&value, 0).unwrap_or(fill);
                if !expected.agrees(rule, value, fill) {
                    let text = expected.text(fill);
                    let message = format!("cell {cell} has {value}, where its shards give {text}");
                    findings.add(Check::Levels, &array.path, message);
                }
            }
        }
    }
    Ok(())
}

/// Coordinates that belong to no shard: those along dimensions, scalars, and those of cells that hold whole shards.
fn fixed_coordinates(store: &ZarrStore, shards: &Shards<'_>, findings: &mut Findings) -> Result<()> {
    let product = shards.product;
    for level in &product.levels {
        for coordinate in product.grid.coordinates(level.level) {
            let Some(array) = shards.nodes.array(&level.group, &coordinate.name) else { continue };
            let expected = match (coordinate.extent, level.writer) {
                (CoordinateExtent::Cells, Writer::Merge) if product.is_compact() => product
                    .grid
                    .cell_coordinate(&coordinate.name, level.level, product.merged_cells(level))?,
                (CoordinateExtent::Cells, _) => continue,
                _ => product.grid.whole_coordinate(&coordinate.name, level.level)?,
            };
            match store.read_array(&level.group, &coordinate.name) {
                Ok(found) => whole_coordinate(array, &expected, &found, findings),
                // Found where blocks are read for their own sake.
                Err(error) => passing(&error)?,
            }
        }
    }
    Ok(())
}

/// A JSON value of a finding.
impl From<&Finding> for Value {
    fn from(finding: &Finding) -> Self {
        serde_json::json!({
            "check": finding.check.name(),
            "place": finding.place,
            "message": finding.message,
        })
    }
}
