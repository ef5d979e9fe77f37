//! A granule as the columns of its row have it.

use zagg_core::granule::Granule;

use super::assets::{Asset, KEYS, ROLE, choose};
use crate::times;

/// Start and end of an item: what it says, or its one moment when it says neither, as STAC has it.
pub(super) fn times(start: Option<i64>, end: Option<i64>, moment: Option<i64>) -> (Option<i64>, Option<i64>) {
    if start.is_none() && end.is_none() { (moment, moment) } else { (start, end) }
}

/// What the columns say about a granule.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) assets: Vec<Asset>,
    /// Microseconds since 1970, UTC.
    pub(super) start: Option<i64>,
    /// Microseconds since 1970, UTC.
    pub(super) end: Option<i64>,
}

impl Row {
    /// The row of a granule.
    pub(super) fn of(granule: &Granule) -> Self {
        let hrefs = [&granule.https, &granule.s3, &granule.file];
        let assets = KEYS.into_iter().zip(hrefs).filter_map(|(key, href)| {
            Some(Asset {
                key: key.into(),
                href: href.clone()?,
                roles: vec![ROLE.into()],
                size: granule.size.filter(|&size| i64::try_from(size).is_ok()),
            })
        });
        let time = |text: &Option<String>| text.as_deref().and_then(times::micros);
        Self {
            id: granule.id.clone(),
            assets: assets.collect(),
            start: time(&granule.time_start),
            end: time(&granule.time_end),
        }
    }

    /// The granule of a row.
    pub(super) fn granule(self) -> Granule {
        let chosen = choose(&self.id, &self.assets);
        let href = |place: usize| chosen[place].map(|asset| asset.href.clone());
        let local = |href: String| href.strip_prefix("file://").map(str::to_owned).unwrap_or(href);
        let (https, s3, file) = (href(0), href(1), href(2).map(local));
        let size = chosen.into_iter().flatten().find_map(|asset| asset.size);
        let time = |micros: Option<i64>| micros.and_then(times::text);
        Granule { s3, https, file, size, time_start: time(self.start), time_end: time(self.end), id: self.id }
    }
}
