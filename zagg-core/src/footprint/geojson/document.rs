//! The JSON of GeoJSON.

use std::fmt;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A collection, a feature or a geometry: whatever of it tells where something is.
#[derive(Deserialize)]
pub(super) struct Object {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) features: Option<Vec<Self>>,
    #[serde(default)]
    pub(super) geometry: Option<Box<Self>>,
    #[serde(default)]
    pub(super) geometries: Option<Vec<Self>>,
    #[serde(default)]
    pub(super) coordinates: Option<Coordinates>,
    #[serde(default)]
    pub(super) crs: Option<Crs>,
}

/// The coordinate system of the older specification.
#[derive(Deserialize)]
pub(super) struct Crs(pub(super) Value);

/// A position or lists of them, as deep as the document has them; altitudes are left out.
#[derive(Debug)]
pub(super) enum Coordinates {
    Position([f64; 2]),
    List(Vec<Self>),
}

/// What a list begins with.
enum Item {
    Number(f64),
    Coordinates(Coordinates),
}

/// A list of coordinates, the numbers of a position among them.
struct ItemVisitor;

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a position or a list of positions")
    }

    fn visit_f64<E>(self, value: f64) -> Result<Item, E> {
        Ok(Item::Number(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Item, E> {
        Ok(Item::Number(value as f64))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Item, E> {
        Ok(Item::Number(value as f64))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Item, A::Error> {
        let lon = match items.next_element()? {
            Some(Item::Number(lon)) => lon,
            Some(Item::Coordinates(first)) => {
                let mut list = vec![first];
                while let Some(next) = items.next_element::<Coordinates>()? {
                    list.push(next);
                }
                return Ok(Item::Coordinates(Coordinates::List(list)));
            }
            None => return Ok(Item::Coordinates(Coordinates::List(Vec::new()))),
        };
        let Some(lat) = items.next_element::<f64>()? else {
            return Err(A::Error::custom("a position has a longitude and a latitude, not one number"));
        };
        while items.next_element::<f64>()?.is_some() {}
        Ok(Item::Coordinates(Coordinates::Position([lon, lat])))
    }
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemVisitor)
    }
}

impl<'de> Deserialize<'de> for Coordinates {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Item::deserialize(deserializer)? {
            Item::Coordinates(coordinates) => Ok(coordinates),
            Item::Number(number) => {
                Err(D::Error::custom(format!("the number {number} stands where a position was expected")))
            }
        }
    }
}
