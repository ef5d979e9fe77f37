//! From catalogued granules to a shard map.

use std::collections::HashSet;

use rayon::prelude::*;
use serde_json::{Map, Value};

use super::{ShardEntry, ShardMap};
use crate::error::{Error, Result};
use crate::footprint::Footprint;
use crate::granule::{CatalogEntry, Granule};
use crate::grid::{Cover, CoverOptions, Grid, ShardSet, prepared_cover, radians_of_km};
use crate::sphere::{Rectangle, may_meet};

/// Granules that one thread looks at before it asks for more.
const BLOCK: usize = 512;

/// What a map is made for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BuildOptions {
    /// Area of interest: only shards that it touches are in the map. `None`: every shard that a granule touches.
    pub area: Option<Footprint>,
    /// Kilometres by which every footprint is widened, for footprints that are coarser than their rows; footprints of exact
    /// shards are not.
    pub footprint_buffer_km: f64,
}

/// A shard's key, and a granule's number.
type Pair = (u64, u32);

impl ShardMap {
    /// The map of catalogued granules on a grid: every shard that a footprint may touch lists the granule.
    ///
    /// Granules that no shard lists are not in the map; its metadata count them in `total_granules`, and those that are in
    /// `granules_assigned`. The answer is the same for any number of threads.
    ///
    /// # Errors
    /// When an id stands twice, the grid cannot cover the area or a footprint, or the buffer is negative or no number.
    pub fn build(
        grid: &dyn Grid,
        entries: &[CatalogEntry],
        metadata: Map<String, Value>,
        options: &BuildOptions,
    ) -> Result<Self> {
        check_ids(entries)?;
        let widened = radians_of_km(options.footprint_buffer_km)?;
        let among = match &options.area {
            Some(area) => Some(
                crate::caught(|| ShardSet::of_area(grid, area))
                    .map_err(|error| error.context("the area of interest"))?,
            ),
            None => None,
        };
        let boxes: Option<Vec<Rectangle>> = among.as_ref().map(rectangles).transpose()?;
        let options = CoverOptions { among: among.as_ref(), widened };
        let cover = crate::caught(|| prepared_cover(grid, &options))?;
        let search = Search { grid, cover: &*cover, widened, boxes: boxes.as_deref() };

        let mut pairs = pairs(&search, entries)?;
        pairs.par_sort_unstable();
        let (granules, shards) = grouped(entries, &pairs);

        let mut map = Self { metadata, grid_signature: grid.signature(), granules, shards, aoi_mask: None };
        let counts = [
            ("total_granules", entries.len()),
            ("total_shards", map.shards.len()),
            ("total_pairs", map.pairs()),
            ("granules_assigned", map.granules.len()),
        ];
        map.metadata.extend(counts.map(|(name, count)| (name.to_owned(), count.into())));
        Ok(map)
    }
}

fn check_ids(entries: &[CatalogEntry]) -> Result<()> {
    if u32::try_from(entries.len()).is_err() {
        return Err(Error::unsupported("more than 2^32 granules"));
    }
    let mut seen = HashSet::with_capacity(entries.len());
    match entries.iter().find(|entry| !seen.insert(entry.granule.id.as_str())) {
        None => Ok(()),
        Some(entry) => Err(Error::input(format!(
            "two granules have the id {}; ids are file names and must be unique",
            entry.granule.id
        ))),
    }
}

fn rectangles(set: &ShardSet) -> Result<Vec<Rectangle>> {
    set.boxes().iter().map(|b| Rectangle::new(b.west, b.south, b.east, b.north)).collect()
}

/// What the shards of a footprint are found with.
struct Search<'a> {
    grid: &'a dyn Grid,
    cover: &'a dyn Cover,
    widened: f64,
    /// Boxes that hold all shards that are looked for.
    boxes: Option<&'a [Rectangle]>,
}

impl Search<'_> {
    /// The pairs of some granules, of which the first has the number `first`.
    fn pairs(&self, entries: &[CatalogEntry], first: usize) -> Result<Vec<Pair>> {
        let mut pairs = Vec::new();
        for (at, entry) in (first as u32..).zip(entries) {
            if self.boxes.is_some_and(|boxes| !may_meet(&entry.footprint, self.widened, boxes)) {
                continue;
            }
            let shards = crate::caught(|| self.cover.cover(&entry.footprint))
                .map_err(|error| error.context(format!("granule {}", entry.granule.id)))?;
            pairs.extend(shards.into_iter().map(|shard| (self.grid.shard_key(shard), at)));
        }
        Ok(pairs)
    }
}

fn pairs(search: &Search<'_>, entries: &[CatalogEntry]) -> Result<Vec<Pair>> {
    let blocks: Vec<Result<Vec<Pair>>> = entries
        .par_chunks(BLOCK)
        .enumerate()
        .map(|(number, block)| search.pairs(block, number * BLOCK))
        .collect();
    // One after another, so that of several errors always the first is told.
    let mut pairs = Vec::new();
    for block in blocks {
        pairs.append(&mut block?);
    }
    Ok(pairs)
}

/// The granules that stand in a pair, and the shards with their numbers among those. Pairs are sorted.
fn grouped(entries: &[CatalogEntry], pairs: &[Pair]) -> (Vec<Granule>, Vec<ShardEntry>) {
    let mut numbers = vec![u32::MAX; entries.len()];
    pairs.iter().for_each(|(_, at)| numbers[*at as usize] = 0);
    let mut granules = Vec::new();
    for (number, entry) in numbers.iter_mut().zip(entries).filter(|(number, _)| **number == 0) {
        *number = granules.len() as u32;
        granules.push(entry.granule.clone());
    }
    let shards = pairs
        .chunk_by(|a, b| a.0 == b.0)
        .map(|shard| ShardEntry {
            key: shard[0].0,
            granules: shard.iter().map(|(_, at)| numbers[*at as usize]).collect(),
        })
        .collect();
    (granules, shards)
}
