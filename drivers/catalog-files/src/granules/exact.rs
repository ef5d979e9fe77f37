//! What the columns of a row cannot say, as JSON in the column `zagg:record`.

use serde::{Deserialize, Serialize};
use zagg_core::footprint::{Footprint, LonLat, Polygon};
use zagg_core::granule::{CatalogEntry, Granule};
use zagg_core::{Error, Result};

use super::geometry::{close, is_empty, open};
use super::row::Row;
use super::wkb;

/// What follows from no column.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    /// The granule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    granule: Option<Granule>,
    /// The footprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    footprint: Option<Exact>,
    /// The footprint is the geometry, but its rings do not repeat their first vertex.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    open: bool,
}

/// A footprint with all its numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Exact {
    /// Each a list of rings, the outer one first.
    Polygons(Vec<Vec<Vec<LonLat>>>),
    Lines(Vec<Vec<LonLat>>),
    Points(Vec<LonLat>),
    /// West, south, east, north.
    Box([f64; 4]),
    /// Of the grid in the metadata.
    Shards(Vec<u64>),
    Union(Vec<Exact>),
}

impl Exact {
    fn of(footprint: &Footprint) -> Result<Self> {
        Ok(match footprint {
            Footprint::Polygons(polygons) => Self::Polygons(
                polygons
                    .iter()
                    .map(|polygon| {
                        std::iter::once(&polygon.exterior).chain(&polygon.holes).cloned().collect()
                    })
                    .collect(),
            ),
            Footprint::Lines(lines) => Self::Lines(lines.clone()),
            Footprint::Points(points) => Self::Points(points.clone()),
            Footprint::Box { west, south, east, north } => Self::Box([*west, *south, *east, *north]),
            Footprint::Shards(shards) => Self::Shards(shards.clone()),
            // Unions inside are flat.
            Footprint::Union(_) => {
                Self::Union(footprint.parts().into_iter().map(Self::of).collect::<Result<_>>()?)
            }
            _ => return Err(Error::unsupported("its footprint is of a kind that no file can hold yet")),
        })
    }

    fn footprint(self) -> Result<Footprint> {
        Ok(match self {
            Self::Polygons(polygons) => Footprint::Polygons(
                polygons
                    .into_iter()
                    .map(|rings| {
                        let mut rings = rings.into_iter();
                        let exterior =
                            rings.next().ok_or_else(|| Error::corrupt("a polygon without rings"))?;
                        Ok(Polygon { exterior, holes: rings.collect() })
                    })
                    .collect::<Result<_>>()?,
            ),
            Self::Lines(lines) => Footprint::Lines(lines),
            Self::Points(points) => Footprint::Points(points),
            Self::Box([west, south, east, north]) => Footprint::Box { west, south, east, north },
            Self::Shards(shards) => Footprint::Shards(shards),
            Self::Union(parts) => {
                Footprint::Union(parts.into_iter().map(Self::footprint).collect::<Result<_>>()?)
            }
        })
    }
}

impl Record {
    /// What the row and the geometry of an entry do not say; `None` when they say everything.
    pub(super) fn of(entry: &CatalogEntry, row: &Row, geometry: &[u8]) -> Result<Option<Self>> {
        let mut record = Self::default();
        if row.clone().granule() != entry.granule {
            record.granule = Some(entry.granule.clone());
        }
        let read = wkb::read(geometry)?;
        let footprint = &entry.footprint;
        // A geometry that is empty is taken for one that is not known.
        if is_empty(&read) || read != *footprint {
            if !is_empty(&read) && close(footprint) == read && open(&read).as_ref() == Some(footprint) {
                record.open = true;
            } else {
                record.footprint = Some(Exact::of(footprint)?);
            }
        }
        Ok((record != Self::default()).then_some(record))
    }

    /// The JSON text.
    pub(super) fn text(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| Error::plugin(format!("a record is no JSON: {error}")))
    }

    /// The entry of a row with this text, if it has one. `None` when the footprint is not known.
    pub(super) fn entry(
        text: Option<&str>,
        row: Row,
        geometry: Option<&[u8]>,
    ) -> Result<Option<CatalogEntry>> {
        let record: Self = match text {
            None => Self::default(),
            Some(text) => serde_json::from_str(text)
                .map_err(|error| Error::corrupt(format!("zagg:record is not what zagg writes: {error}")))?,
        };
        let footprint = match (record.footprint, geometry) {
            (Some(exact), _) => {
                let footprint = exact.footprint()?;
                super::geometry::check(&footprint)?;
                footprint
            }
            (None, None) => return Ok(None),
            (None, Some(geometry)) => {
                let footprint = wkb::read(geometry)?;
                if is_empty(&footprint) {
                    return Ok(None);
                }
                match record.open.then(|| open(&footprint)) {
                    None => footprint,
                    Some(open) => open.ok_or_else(|| {
                        Error::corrupt("zagg:record speaks of rings, of which there are none")
                    })?,
                }
            }
        };
        let granule = match record.granule {
            Some(granule) if granule.id != row.id => {
                return Err(Error::corrupt("zagg:record is of another granule"));
            }
            Some(granule) => granule,
            None => row.granule(),
        };
        Ok(Some(CatalogEntry { granule, footprint }))
    }
}
