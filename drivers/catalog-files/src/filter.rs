//! Parts of shard maps.

use std::collections::BTreeSet;

use zagg_core::footprint::Footprint;
use zagg_core::granule::Granule;
use zagg_core::grid::Grid;
use zagg_core::shard_map::{ShardEntry, ShardMap};
use zagg_core::{Error, Result, cycle};

use crate::merge::count;
use crate::times;

/// What to keep of a map. Every condition that is given must hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// Keys of shards.
    pub shards: Option<BTreeSet<u64>>,
    /// Ids of granules.
    pub granules: Option<BTreeSet<String>>,
    /// Granules that observed at or after this moment, in seconds as [`zagg_core::time`] counts them.
    pub start: Option<f64>,
    /// Granules that observed before this moment.
    pub end: Option<f64>,
    /// Granules whose name says this cycle.
    pub cycle: Option<u32>,
}

/// A part of a map, and what was left out.
#[derive(Debug, Clone, PartialEq)]
pub struct Filtered {
    /// Shards that are wanted and have a granule that is wanted.
    pub map: ShardMap,
    /// Shards that are not wanted.
    pub shards_dropped: usize,
    /// Shards that are wanted and of which no granule is left.
    pub shards_emptied: usize,
    /// Granules that no shard lists any more.
    pub granules_dropped: usize,
    /// Pairs of a shard and a granule that are no longer there.
    pub pairs_dropped: usize,
    /// Granules that are kept although nobody knows when they observed: a time is wanted, and they have none.
    pub without_time: usize,
}

impl Filter {
    /// Keeps only these shards of a grid, by their labels, of those that are kept now.
    ///
    /// # Errors
    /// When a label is not that of a shard.
    pub fn keep_labels<'a>(
        &mut self,
        grid: &dyn Grid,
        labels: impl IntoIterator<Item = &'a str>,
    ) -> Result<()> {
        let keys = labels
            .into_iter()
            .map(|label| grid.shard_from_label(label).map(|shard| grid.shard_key(shard)))
            .collect::<Result<_>>()?;
        self.keep_shards(keys);
        Ok(())
    }

    /// Keeps only the shards of a grid that an area touches, of those that are kept now.
    ///
    /// # Errors
    /// When the grid cannot cover the area.
    pub fn keep_area(&mut self, grid: &dyn Grid, area: &Footprint) -> Result<()> {
        let cover = zagg_core::caught(|| grid.cover(area))?;
        self.keep_shards(cover.into_iter().map(|shard| grid.shard_key(shard)).collect());
        Ok(())
    }

    /// Keeps only the shards with these keys, of those that are kept now.
    fn keep_shards(&mut self, keys: BTreeSet<u64>) {
        match &mut self.shards {
            Some(have) => have.retain(|key| keys.contains(key)),
            none => *none = Some(keys),
        }
    }

    /// Whether a granule is wanted, and whether that is for want of a time.
    fn keeps(&self, granule: &Granule) -> (bool, bool) {
        let named = self.granules.as_ref().is_none_or(|ids| ids.contains(&granule.id));
        let in_cycle = self.cycle.is_none_or(|wanted| cycle::of_name(&granule.id) == Some(wanted));
        if !named || !in_cycle || (self.start.is_none() && self.end.is_none()) {
            return (named && in_cycle, false);
        }
        let time = |text: &Option<String>| text.as_deref().and_then(times::seconds);
        let (first, last) = (time(&granule.time_start), time(&granule.time_end));
        let (first, last) = (first.or(last), last.or(first));
        let begins = first.zip(self.end).is_none_or(|(first, end)| first < end);
        let ends = last.zip(self.start).is_none_or(|(last, start)| last >= start);
        (begins && ends, first.is_none())
    }
}

/// The part of a map that a filter keeps. Shards without granules are dropped; granules keep their order.
///
/// # Errors
/// When the filter names a granule or a shard that the map does not have, or the map contradicts itself.
pub fn filter(map: &ShardMap, filter: &Filter) -> Result<Filtered> {
    if let Some(ids) = &filter.granules {
        let have: BTreeSet<&str> = map.granules.iter().map(|granule| granule.id.as_str()).collect();
        if let Some(absent) = ids.iter().find(|id| !have.contains(id.as_str())) {
            return Err(Error::input(format!("the map has no granule {absent}")));
        }
    }
    let verdicts: Vec<(bool, bool)> = map.granules.iter().map(|granule| filter.keeps(granule)).collect();
    let mut left = Filtered {
        map: ShardMap {
            metadata: map.metadata.clone(),
            grid_signature: map.grid_signature.clone(),
            ..ShardMap::default()
        },
        shards_dropped: 0,
        shards_emptied: 0,
        granules_dropped: 0,
        pairs_dropped: 0,
        without_time: 0,
    };
    let mut areas = map.aoi_mask.as_ref().map(|_| Vec::new());
    // The granules' numbers in the new map, where they are in the order of the old one.
    let mut used = vec![false; map.granules.len()];
    let mut shards = Vec::new();
    for (at, shard) in map.shards.iter().enumerate() {
        if filter.shards.as_ref().is_some_and(|keys| !keys.contains(&shard.key)) {
            left.shards_dropped += 1;
            left.pairs_dropped += shard.granules.len();
            continue;
        }
        let mut kept = Vec::new();
        for &granule in &shard.granules {
            let (keep, _) = *verdicts.get(granule as usize).ok_or_else(|| {
                Error::input(format!("shard {} lists a granule that is not there", shard.key))
            })?;
            if keep {
                used[granule as usize] = true;
                kept.push(granule);
            }
        }
        left.pairs_dropped += shard.granules.len() - kept.len();
        if kept.is_empty() {
            left.shards_emptied += 1;
            continue;
        }
        shards.push(ShardEntry { key: shard.key, granules: kept });
        if let (Some(areas), Some(all)) = (&mut areas, &map.aoi_mask) {
            areas.extend(all.get(at).cloned());
        }
    }
    let mut numbers = vec![0; map.granules.len()];
    for (at, granule) in map.granules.iter().enumerate().filter(|(at, _)| used[*at]) {
        // No more than there were.
        numbers[at] = left.map.granules.len() as u32;
        left.map.granules.push(granule.clone());
        left.without_time += usize::from(verdicts[at].1);
    }
    shards.iter_mut().flat_map(|shard| &mut shard.granules).for_each(|g| *g = numbers[*g as usize]);
    left.granules_dropped = map.granules.len() - left.map.granules.len();
    left.map.shards = shards;
    left.map.aoi_mask = areas;
    // A map that is kept whole is only given another form, and says what it said.
    if left.shards_dropped + left.shards_emptied + left.granules_dropped + left.pairs_dropped > 0 {
        count(&mut left.map);
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "ATL06_20240106000000_01262201_006_01.h5";
    const B: &str = "ATL06_20240106000000_01262301_006_01.h5";

    fn map() -> ShardMap {
        let text = format!(
            r#"{{"metadata": {{"total_pairs": 5, "granules_assigned": 3}}, "grid_signature": {{}}, "shard_keys": [3, 5, 9],
            "granules": [[{{"id": "x"}}, {{"id": "{A}", "time_start": "2024-01-06T00:00:00Z", "time_end": "2024-01-06T00:10:00Z"}}],
            [{{"id": "{B}", "time_start": "2024-02-06T00:00:00+00:00"}}, {{"id": "x"}}], [{{"id": "{B}", "time_start": "2024-02-06T00:00:00+00:00"}}]],
            "aoi_mask": [[1], [2], [3, 4]]}}"#
        );
        ShardMap::parse("m", &text).unwrap()
    }

    fn names(map: &ShardMap) -> Vec<(u64, Vec<&str>)> {
        let of = |s: &ShardEntry| s.granules.iter().map(|&g| map.granules[g as usize].id.as_str()).collect();
        map.shards.iter().map(|s| (s.key, of(s))).collect()
    }

    #[test]
    fn each_condition_keeps_its_part_and_what_is_dropped_is_counted() {
        let map = map();
        assert_eq!(filter(&map, &Filter::default()).unwrap().map, map);
        let by_key =
            filter(&map, &Filter { shards: Some(BTreeSet::from([5, 7])), ..Filter::default() }).unwrap();
        assert_eq!(names(&by_key.map), [(5, vec![B, "x"])]);
        assert_eq!((by_key.shards_dropped, by_key.pairs_dropped, by_key.granules_dropped), (2, 3, 1));
        assert_eq!(by_key.map.aoi_mask.unwrap()[0].runs(), [(2, 2)]);
        assert_eq!(by_key.map.metadata["total_pairs"], 2);
        assert_eq!(by_key.map.metadata["granules_assigned"], 2);
        let by_cycle = filter(&map, &Filter { cycle: Some(22), ..Filter::default() }).unwrap();
        assert_eq!(names(&by_cycle.map), [(3, vec![A])]);
        assert_eq!((by_cycle.shards_dropped, by_cycle.shards_emptied), (0, 2));
        let ids = Some(BTreeSet::from(["x".to_owned()]));
        let by_id = filter(&map, &Filter { granules: ids, ..Filter::default() }).unwrap();
        assert_eq!(names(&by_id.map), [(3, vec!["x"]), (5, vec!["x"])]);
        let absent = Filter { granules: Some(BTreeSet::from(["y".to_owned()])), ..Filter::default() };
        assert_eq!(filter(&map, &absent).unwrap_err().message(), "the map has no granule y");
    }

    #[test]
    fn granules_overlap_the_time_or_have_none() {
        let between = |start: Option<&str>, end: Option<&str>| {
            let time = |text: Option<&str>| text.map(|text| times::seconds(text).unwrap());
            let wanted = Filter { start: time(start), end: time(end), ..Filter::default() };
            let left = filter(&map(), &wanted).unwrap();
            assert_eq!(left.without_time, 1);
            left.map.granules.iter().map(|g| g.id.clone()).collect::<Vec<_>>()
        };
        assert_eq!(between(Some("2024-01-06T00:05:00Z"), Some("2024-01-06T00:06:00Z")), ["x", A]);
        assert_eq!(between(Some("2024-01-06T00:10:01Z"), None), ["x", B]);
        assert_eq!(between(None, Some("2024-01-06T00:00:00Z")), ["x"]);
        assert_eq!(between(Some("2024-02-06"), Some("2024-02-07")), ["x", B]);
    }
}
