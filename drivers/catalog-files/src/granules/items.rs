//! Granules from STAC items in JSON.

use std::collections::BTreeMap;
use std::io::Read;

use serde::Deserialize;
use serde_json::Value;
use zagg_core::catalog::Granules;
use zagg_core::footprint::geojson;
use zagg_core::granule::CatalogEntry;
use zagg_core::{Error, Result};

use super::assets::Asset;
use super::geometry::is_empty;
use super::read::without_geometry;
use super::row::{self, Row};
use crate::times;

/// Largest file, in bytes: it is read whole.
const MAX_TEXT: u64 = 1 << 30;

/// A page of a search, a file of items, or one item.
#[derive(Deserialize)]
struct Document {
    #[serde(rename = "type")]
    kind: String,
    features: Option<Vec<Item>>,
}

#[derive(Deserialize)]
struct Item {
    id: String,
    geometry: Option<Value>,
    #[serde(default)]
    properties: Properties,
    #[serde(default)]
    assets: BTreeMap<String, ItemAsset>,
}

#[derive(Default, Deserialize)]
struct Properties {
    datetime: Option<String>,
    start_datetime: Option<String>,
    end_datetime: Option<String>,
}

#[derive(Deserialize)]
struct ItemAsset {
    href: String,
    #[serde(default)]
    roles: Option<Vec<String>>,
    #[serde(rename = "file:size")]
    size: Option<u64>,
}

/// The granules of a `FeatureCollection` of STAC items, or of one item.
pub(super) fn read(name: &str, file: impl Read) -> Result<Granules> {
    let mut text = Vec::new();
    file.take(MAX_TEXT + 1).read_to_end(&mut text).map_err(|error| Error::from_io(&error, name))?;
    if text.len() as u64 > MAX_TEXT {
        return Err(Error::unsupported(format!("{name}: more than {MAX_TEXT} bytes; use stac-geoparquet")));
    }
    let wrong = |error: serde_json::Error| Error::input(format!("{name}: no STAC items: {error}"));
    let document: Document = serde_json::from_slice(&text).map_err(wrong)?;
    let items = match (document.kind.as_str(), document.features) {
        ("FeatureCollection", Some(items)) => items,
        ("Feature", None) => vec![serde_json::from_slice(&text).map_err(wrong)?],
        (kind, _) => {
            return Err(Error::input(format!(
                "{name}: no STAC items: its type is {kind:?}, not FeatureCollection"
            )));
        }
    };
    let mut found = Granules::default();
    let mut placeless = Vec::new();
    for item in items {
        let footprint = match &item.geometry {
            Some(geometry) => {
                Some(geojson::parse(&format!("{name}: granule {}", item.id), &geometry.to_string())?)
            }
            None => None,
        };
        match footprint.filter(|footprint| !is_empty(footprint)) {
            Some(footprint) => {
                found.entries.push(CatalogEntry { granule: item.row(name)?.granule(), footprint });
            }
            None => placeless.push(item.id),
        }
    }
    found.incomplete = without_geometry(&placeless);
    Ok(found)
}

impl Item {
    fn row(self, name: &str) -> Result<Row> {
        let Self { id, properties, assets, .. } = self;
        if id.is_empty() {
            return Err(Error::input(format!("{name}: an item without an id")));
        }
        let time = |text: Option<String>| match text {
            None => Ok(None),
            Some(text) => times::micros(&text)
                .map(Some)
                .ok_or_else(|| Error::input(format!("{name}: granule {id}: {text:?} is no time"))),
        };
        let moment = time(properties.datetime)?;
        let (start, end) =
            row::times(time(properties.start_datetime)?, time(properties.end_datetime)?, moment);
        let assets = assets
            .into_iter()
            .map(|(key, asset)| Asset {
                key,
                href: asset.href,
                roles: asset.roles.unwrap_or_default(),
                size: asset.size,
            })
            .collect();
        Ok(Row { id, assets, start, end })
    }
}
