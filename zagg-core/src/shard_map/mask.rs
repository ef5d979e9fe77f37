//! The area of interest in a shard map: which cells of its shards lie inside.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{AreaCodes, ShardMap};
use crate::cells::CellRanges;
use crate::error::{Context, Error, Result};
use crate::footprint::Footprint;
use crate::grid::Grid;

/// The entry of a map's metadata that says it has a mask, as the original writes it.
const MASK: &str = "aoi_mask";

/// The entry of a map's metadata that makes runs drop rows outside the area.
const CLIP: &str = "clip";

/// The cells of each shard of a map that lie in an area of polygons and boxes, for [`ShardMap::aoi_mask`].
///
/// # Errors
/// Names what is wrong with the area: lines or places, or a polygon that is none; or a key of the map that is not the grid's.
pub fn mask(grid: &dyn Grid, map: &ShardMap, area: &Footprint) -> Result<Vec<AreaCodes>> {
    map.check_grid(grid)?;
    let shards = map
        .shards
        .iter()
        .map(|entry| grid.shard_from_key(entry.key))
        .collect::<Result<Vec<u64>>>()
        .context(|| "the shard map")?;
    let cells = crate::caught(|| grid.cells_in_area(&shards, area)).context(|| "the area of interest")?;
    if cells.len() != shards.len() {
        return Err(Error::plugin(format!(
            "the grid gave the cells of {} shards instead of {}",
            cells.len(),
            shards.len()
        )));
    }
    crate::caught(|| {
        Ok(shards.iter().zip(&cells).map(|(&shard, cells)| grid.area_codes(shard, cells)).collect())
    })
}

impl ShardMap {
    /// Gives the map the cells of an area of interest: for pipelines with `output.aoi_mask`, and with `clip` for every run of
    /// the map, which then drops rows outside.
    ///
    /// Shards none of whose cells lie in the area have nothing to give to a clipped run and leave the map, as do granules that
    /// no other shard needs; the totals of the metadata follow.
    ///
    /// # Errors
    /// As [`mask`]; and with `clip` when no cell of any shard lies in the area.
    pub fn set_area(&mut self, grid: &dyn Grid, area: &Footprint, clip: bool) -> Result<()> {
        let mut masks = mask(grid, self, area)?;
        self.metadata.insert(MASK.into(), Value::Bool(true));
        if clip {
            let mut wanted = masks.iter().map(|codes| !codes.is_empty());
            self.shards.retain(|_| wanted.next().unwrap_or(true));
            masks.retain(|codes| !codes.is_empty());
            if masks.is_empty() {
                return Err(Error::input(
                    "the area of interest has no cell of the grid that a granule touches; nothing would be left",
                ));
            }
            self.metadata.insert(CLIP.into(), Value::Bool(true));
            self.drop_unused_granules();
            let totals = [
                ("total_shards", self.shards.len()),
                ("total_pairs", self.pairs()),
                ("granules_assigned", self.granules.len()),
            ];
            for (key, total) in totals {
                if let Some(old) = self.metadata.get_mut(key) {
                    *old = total.into();
                }
            }
        } else {
            self.metadata.shift_remove(CLIP);
        }
        self.aoi_mask = Some(masks);
        Ok(())
    }

    /// Forgets granules that no shard lists.
    fn drop_unused_granules(&mut self) {
        let mut used = vec![false; self.granules.len()];
        for number in self.shards.iter().flat_map(|shard| &shard.granules) {
            if let Some(used) = used.get_mut(*number as usize) {
                *used = true;
            }
        }
        let mut numbers = Vec::with_capacity(used.len());
        let mut next = 0;
        for used in &used {
            numbers.push(next);
            next += u32::from(*used);
        }
        for number in self.shards.iter_mut().flat_map(|shard| &mut shard.granules) {
            *number = numbers.get(*number as usize).copied().unwrap_or(*number);
        }
        let mut used = used.into_iter();
        self.granules.retain(|_| used.next().unwrap_or(true));
    }

    /// Whether the map was made to drop rows outside its area of interest.
    pub fn clips(&self) -> bool {
        self.aoi_mask.is_some() && self.metadata.get(CLIP) == Some(&Value::Bool(true))
    }

    /// The cells of each shard in the area of interest, by the grid's number of the shard.
    ///
    /// # Errors
    /// When the map has no mask, or one that does not fit its shards or the grid.
    pub(crate) fn area_cells(&self, grid: &dyn Grid) -> Result<BTreeMap<u64, CellRanges>> {
        let Some(masks) = &self.aoi_mask else {
            return Err(Error::input(
                "output.aoi_mask or output.clip is on, but the shard map does not say which cells lie in the area of \
                 interest; build the map again with this pipeline",
            ));
        };
        if masks.len() != self.shards.len() {
            return Err(Error::input(format!(
                "the shard map has {} shards but {} lists in aoi_mask; build the map again",
                self.shards.len(),
                masks.len()
            )));
        }
        let mut areas = BTreeMap::new();
        for (entry, codes) in self.shards.iter().zip(masks) {
            let shard = grid.shard_from_key(entry.key).context(|| "the shard map")?;
            let cells = crate::caught(|| grid.cells_of_codes(shard, codes))
                .context(|| format!("the shard map: aoi_mask of shard {}", entry.key))?;
            areas.insert(shard, cells);
        }
        Ok(areas)
    }
}
