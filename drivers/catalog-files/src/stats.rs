//! What a shard map holds, in numbers.

use std::collections::BTreeMap;

use serde::Serialize;
use zagg_core::cycle;
use zagg_core::shard_map::ShardMap;

use crate::times;

/// The smallest, the middle and the largest of some counts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The smallest.
    pub min: usize,
    /// Half of the counts are at most this; between two the mean of them.
    pub median: f64,
    /// The largest.
    pub max: usize,
}

impl Spread {
    /// Of counts in any order; `None` of none.
    fn of(mut counts: Vec<usize>) -> Option<Self> {
        counts.sort_unstable();
        let (&min, &max) = counts.first().zip(counts.last())?;
        let middle = counts.len() / 2;
        let median = match counts.len() % 2 {
            0 => (counts[middle - 1] + counts[middle]) as f64 / 2.0,
            _ => counts[middle] as f64,
        };
        Some(Self { min, median, max })
    }
}

/// How many granules can be read from where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Addresses {
    /// From the archive's bucket.
    pub s3: usize,
    /// From the archive's web server.
    pub https: usize,
    /// From a local copy.
    pub file: usize,
    /// From nowhere.
    pub none: usize,
}

/// What a shard map holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stats {
    /// Shards.
    pub shards: usize,
    /// Pairs of a shard and a granule.
    pub pairs: usize,
    /// Granules.
    pub granules: usize,
    /// Granules that no shard lists.
    pub unlisted: usize,
    /// Granules of a shard; none without shards.
    pub granules_per_shard: Option<Spread>,
    /// Shards of a granule; none without granules.
    pub shards_per_granule: Option<Spread>,
    /// Key of the shard with the most granules; the first of several.
    pub largest_shard: Option<u64>,
    /// One line for each granule that is there in two versions.
    pub duplicates: Vec<String>,
    /// How many granules there are of each product and release that their names tell, such as `ATL06 006`.
    pub versions: BTreeMap<String, usize>,
    /// Granules whose length is known.
    pub sized: usize,
    /// Bytes of these together; saturating.
    pub bytes: u64,
    /// Where granules can be read from.
    pub addresses: Addresses,
    /// The first and the last time of all granules, as ISO 8601 text.
    pub time: Option<(String, String)>,
    /// Whether the map says which cells lie in the area of interest.
    pub has_area: bool,
}

/// What a shard map holds.
pub fn stats(map: &ShardMap) -> Stats {
    let mut listed = vec![0; map.granules.len()];
    for &granule in map.shards.iter().flat_map(|shard| &shard.granules) {
        if let Some(count) = listed.get_mut(granule as usize) {
            *count += 1;
        }
    }
    let mut largest: Option<(usize, u64)> = None;
    for shard in &map.shards {
        if largest.is_none_or(|(most, _)| shard.granules.len() > most) {
            largest = Some((shard.granules.len(), shard.key));
        }
    }
    let mut versions = BTreeMap::new();
    let mut addresses = Addresses::default();
    for granule in &map.granules {
        if let Some(name) = cycle::parse(&granule.id) {
            let release = name.release.map(|release| format!(" {release}")).unwrap_or_default();
            *versions.entry(format!("{}{release}", name.product)).or_default() += 1;
        }
        addresses.s3 += usize::from(granule.s3.is_some());
        addresses.https += usize::from(granule.https.is_some());
        addresses.file += usize::from(granule.file.is_some());
        addresses.none +=
            usize::from(granule.s3.is_none() && granule.https.is_none() && granule.file.is_none());
    }
    let times = map.granules.iter().flat_map(|g| [&g.time_start, &g.time_end]).flatten();
    let (mut first, mut last): (Option<i64>, Option<i64>) = (None, None);
    for time in times.filter_map(|text| times::micros(text)) {
        first = Some(first.map_or(time, |first| first.min(time)));
        last = last.max(Some(time));
    }
    let text = |time: Option<i64>| time.and_then(times::text);
    Stats {
        shards: map.shards.len(),
        pairs: map.pairs(),
        granules: map.granules.len(),
        unlisted: listed.iter().filter(|&&count| count == 0).count(),
        granules_per_shard: Spread::of(map.shards.iter().map(|shard| shard.granules.len()).collect()),
        shards_per_granule: Spread::of(listed),
        largest_shard: largest.map(|(_, key)| key),
        duplicates: map.version_warnings(),
        versions,
        sized: map.granules.iter().filter(|granule| granule.size.is_some()).count(),
        bytes: map.granules.iter().filter_map(|granule| granule.size).fold(0, u64::saturating_add),
        addresses,
        time: text(first).zip(text(last)),
        has_area: map.aoi_mask.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_summed_up() {
        let (a, b) = ("ATL06_20240106000000_01262201_006_01.h5", "ATL06_20240106000000_01262201_007_01.h5");
        let text = format!(
            r#"{{"grid_signature": {{}}, "shard_keys": [3, 5, 9, 11], "granules": [
            [{{"id": "{a}", "s3": "s3://a", "size": 7, "time_start": "2024-01-06T01:00:00+01:00"}}],
            [{{"id": "{a}", "s3": "s3://a", "size": 7, "time_start": "2024-01-06T01:00:00+01:00"}}, {{"id": "x"}}],
            [{{"id": "{b}", "https": "https://b", "file": "/b", "time_end": "2024-01-07"}}, {{"id": "x"}}],
            []]}}"#
        );
        let mut map = ShardMap::parse("m", &text).unwrap();
        map.granules.push(zagg_core::granule::Granule { id: "y".into(), ..Default::default() });
        let found = stats(&map);
        assert_eq!((found.shards, found.pairs, found.granules, found.unlisted), (4, 5, 4, 1));
        assert_eq!(found.granules_per_shard, Some(Spread { min: 0, median: 1.5, max: 2 }));
        assert_eq!(found.shards_per_granule, Some(Spread { min: 0, median: 1.5, max: 2 }));
        assert_eq!(found.largest_shard, Some(5));
        assert_eq!(found.duplicates.len(), 1);
        assert_eq!(found.versions, BTreeMap::from([("ATL06 006".into(), 1), ("ATL06 007".into(), 1)]));
        assert_eq!((found.sized, found.bytes), (1, 7));
        assert_eq!(found.addresses, Addresses { s3: 1, https: 1, file: 1, none: 2 });
        assert_eq!(found.time, Some(("2024-01-06T00:00:00.000Z".into(), "2024-01-07T00:00:00.000Z".into())));
        let nothing = stats(&ShardMap::default());
        assert_eq!((nothing.granules_per_shard, nothing.largest_shard, nothing.time), (None, None, None));
        assert_eq!(Spread::of(vec![5, 1, 3]), Some(Spread { min: 1, median: 3.0, max: 5 }));
    }
}
