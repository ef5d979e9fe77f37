//! Granules in the JSON that CMR calls `json`: a feed whose shapes are texts of numbers, latitude first. It has footprints
//! where UMM-G has only an orbit.

use serde_json::Value;
use zagg_core::footprint::{LonLat, Polygon};
use zagg_core::granule::Granule;

use crate::found::{Found, FromItem, Hrefs, Place, elements, name_of, text};
use crate::geometry::Shapes;

/// Longest text of numbers that is read.
const LONGEST: usize = 1 << 20;

/// One entry of a feed.
pub(super) struct FeedEntry(pub(super) Found);

impl FromItem for FeedEntry {
    fn from_item(entry: &Value) -> Self {
        let names: Vec<&str> =
            ["/title", "/producer_granule_id"].iter().filter_map(|name| text(entry, name)).collect();
        let mut hrefs = Hrefs::default();
        for link in elements(entry, "/links") {
            let rel = text(link, "/rel").unwrap_or_default();
            // Links that are the collection's stand in every granule.
            let is_own = link.get("inherited").and_then(Value::as_bool) != Some(true);
            let is_data = rel.ends_with("/data#") || rel.ends_with("/s3#");
            if let Some(href) = text(link, "/href").filter(|_| is_own && is_data) {
                hrefs.add(href);
            }
        }
        let chosen = hrefs.choose(&names);
        let time = |name: &str| text(entry, name).map(str::to_string);
        let granule = Granule {
            id: name_of(&names, &chosen),
            s3: chosen.s3,
            https: chosen.https,
            time_start: time("/time_start"),
            time_end: time("/time_end"),
            ..Granule::default()
        };
        Self(Found {
            key: text(entry, "/id").unwrap_or_default().to_string(),
            granule,
            place: place(entry),
            collection: None,
            is_one_of_many: chosen.is_one_of_many,
        })
    }
}

fn place(entry: &Value) -> Place {
    match shapes(entry) {
        Ok(shapes) if shapes.is_empty() => Place::Absent("its entry has no footprint"),
        Ok(shapes) => shapes.footprint().map_or_else(Place::Wrong, Place::Known),
        Err(why) => Place::Wrong(why),
    }
}

fn shapes(entry: &Value) -> Result<Shapes, String> {
    let mut shapes = Shapes::default();
    for rings in elements(entry, "/polygons") {
        // The first ring is the boundary, further ones are holes.
        let rings = rings.as_array().ok_or("its entry has a polygon without rings")?;
        let mut rings = rings.iter().map(places);
        let exterior = rings.next().ok_or("its entry has a polygon without rings")??;
        shapes.polygons.push(Polygon { exterior, holes: rings.collect::<Result<_, _>>()? });
    }
    for edges in elements(entry, "/boxes") {
        let [south, west, north, east] = numbers(edges)?[..] else {
            return Err("its entry has a box without four edges".into());
        };
        shapes.boxes.push([west, south, east, north]);
    }
    for line in elements(entry, "/lines") {
        shapes.lines.push(places(line)?);
    }
    for point in elements(entry, "/points") {
        shapes.points.extend(places(point)?);
    }
    Ok(shapes)
}

fn places(text: &Value) -> Result<Vec<LonLat>, String> {
    let numbers = numbers(text)?;
    if numbers.len() % 2 == 1 {
        return Err("its entry has a latitude without a longitude".into());
    }
    Ok(numbers.chunks_exact(2).map(|pair| [pair[1], pair[0]]).collect())
}

fn numbers(value: &Value) -> Result<Vec<f64>, String> {
    let text = value.as_str().filter(|text| text.len() <= LONGEST);
    let numbers: Option<Vec<f64>> =
        text.and_then(|text| text.split_ascii_whitespace().map(|word| word.parse().ok()).collect());
    numbers.ok_or_else(|| "its entry has a shape that is no text of numbers".to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use zagg_core::footprint::Footprint;

    use super::*;

    #[test]
    fn latitude_comes_first() {
        let of = |entry: &Value| FeedEntry::from_item(entry).0.place;
        let polygon = of(&json!({"polygons": [["1 2 3 4 5 7 1 2", "1.1 2 3 4 5 7"]]}));
        let Place::Known(Footprint::Polygons(polygons)) = polygon else { panic!("polygons") };
        assert_eq!(polygons[0].exterior, [[2.0, 1.0], [4.0, 3.0], [7.0, 5.0], [2.0, 1.0]]);
        assert_eq!(polygons[0].holes[0][0], [2.0, 1.1]);
        let edges = of(&json!({"boxes": ["-10 170 10 -170"]}));
        assert_eq!(
            edges,
            Place::Known(Footprint::Box { west: 170.0, south: -10.0, east: -170.0, north: 10.0 })
        );
        assert_eq!(of(&json!({"points": ["1 2"]})), Place::Known(Footprint::Points(vec![[2.0, 1.0]])));
        assert_eq!(
            of(&json!({"lines": ["1 2 3 4"]})),
            Place::Known(Footprint::Lines(vec![vec![[2.0, 1.0], [4.0, 3.0]]]))
        );
        assert!(matches!(of(&json!({"orbit": {}})), Place::Absent(_)));
        for wrong in [
            json!({"polygons": ["1 2"]}),
            json!({"polygons": [[]]}),
            json!({"polygons": [["1 2 3"]]}),
            json!({"boxes": ["1 2 3"]}),
            json!({"points": ["a b"]}),
            json!({"lines": [7]}),
            json!({"points": ["91 0"]}),
        ] {
            assert!(matches!(of(&wrong), Place::Wrong(_)), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_shape_or_a_fault(text in "[-0-9. einfNa]{0,60}", kind in 0..4usize) {
            let entry = match kind {
                0 => json!({"polygons": [[text]]}),
                1 => json!({"boxes": [text]}),
                2 => json!({"lines": [text]}),
                _ => json!({"points": [text]}),
            };
            FeedEntry::from_item(&entry);
        }
    }
}
