//! Granules in UMM-G, the JSON that CMR calls `umm_json` (UMM-G specification, version 1.6).

use serde_json::Value;
use zagg_core::footprint::{LonLat, Polygon};
use zagg_core::granule::Granule;

use crate::found::{Found, FromItem, Hrefs, Place, elements, name_of, text};
use crate::geometry::Shapes;

/// One item of a page.
pub(super) struct UmmItem(pub(super) Found);

impl FromItem for UmmItem {
    fn from_item(item: &Value) -> Self {
        let umm = item.get("umm").unwrap_or(&Value::Null);
        let concept = text(item, "/meta/concept-id").unwrap_or_default();
        let names = names(umm);
        let chosen = hrefs(umm).choose(&names);
        let id = name_of(&names, &chosen);
        let single = text(umm, "/TemporalExtent/SingleDateTime");
        let time = |name: &str| {
            text(umm, &format!("/TemporalExtent/RangeDateTime/{name}")).or(single).map(str::to_string)
        };
        let granule = Granule {
            size: size(umm, &[&id, chosen.name.as_deref().unwrap_or_default()]),
            id,
            s3: chosen.s3,
            https: chosen.https,
            time_start: time("BeginningDateTime"),
            time_end: time("EndingDateTime"),
            ..Granule::default()
        };
        let product = text(umm, "/CollectionReference/ShortName");
        let version = text(umm, "/CollectionReference/Version");
        Self(Found {
            key: concept.to_string(),
            granule,
            place: place(umm),
            collection: product.zip(version).map(|(product, version)| format!("{product}_{version}")),
            is_one_of_many: chosen.is_one_of_many,
        })
    }
}

/// What the granule is called: the name in the catalog, then the names that its makers gave it.
fn names(umm: &Value) -> Vec<&str> {
    let identifiers = elements(umm, "/DataGranule/Identifiers");
    let of = |kind: &'static str| {
        let mine = identifiers.iter().filter(move |one| text(one, "/IdentifierType") == Some(kind));
        mine.filter_map(|one| text(one, "/Identifier"))
    };
    text(umm, "/GranuleUR")
        .into_iter()
        .chain(of("ProducerGranuleId"))
        .chain(of("ReadableGranuleName"))
        .take(16)
        .collect()
}

fn hrefs(umm: &Value) -> Hrefs {
    let mut hrefs = Hrefs::default();
    for link in elements(umm, "/RelatedUrls") {
        let is_data = matches!(text(link, "/Type"), Some("GET DATA" | "GET DATA VIA DIRECT ACCESS"));
        if let Some(href) = text(link, "/URL").filter(|_| is_data) {
            hrefs.add(href);
        }
    }
    hrefs
}

/// Length in bytes of the file with one of these names; of the only one where there is one only. Megabytes are rounded, and
/// say nothing.
fn size(umm: &Value, names: &[&str]) -> Option<u64> {
    let files = elements(umm, "/DataGranule/ArchiveAndDistributionInformation");
    let named = files.iter().find(|file| text(file, "/Name").is_some_and(|name| names.contains(&name)));
    let file = match (named, files) {
        (Some(file), _) => file,
        (None, [only]) => only,
        _ => return None,
    };
    file.get("SizeInBytes").and_then(Value::as_u64).filter(|size| *size > 0)
}

fn place(umm: &Value) -> Place {
    const DOMAIN: &str = "/SpatialExtent/HorizontalSpatialDomain";
    let mut shapes = Shapes::default();
    if let Some(geometry) = umm.pointer(&format!("{DOMAIN}/Geometry"))
        && let Err(why) = collect(geometry, &mut shapes)
    {
        return Place::Wrong(why);
    }
    if shapes.is_empty() {
        let orbit = umm.pointer(&format!("{DOMAIN}/Orbit")).is_some();
        return Place::Absent(match orbit {
            true => "its record has an orbit in the place of a footprint",
            false => "its record has no footprint",
        });
    }
    match shapes.footprint() {
        Ok(footprint) => Place::Known(footprint),
        Err(why) => Place::Wrong(why),
    }
}

fn collect(geometry: &Value, shapes: &mut Shapes) -> Result<(), String> {
    for polygon in elements(geometry, "/GPolygons") {
        let exterior = points(elements(polygon, "/Boundary/Points"))?;
        let holes = elements(polygon, "/ExclusiveZone/Boundaries").iter();
        let holes = holes.map(|hole| points(elements(hole, "/Points"))).collect::<Result<_, _>>()?;
        shapes.polygons.push(Polygon { exterior, holes });
    }
    for edges in elements(geometry, "/BoundingRectangles") {
        let edge = |name: &str| {
            let number = edges.get(format!("{name}BoundingCoordinate")).and_then(Value::as_f64);
            number.ok_or_else(|| "its footprint has a box without four edges".to_string())
        };
        shapes.boxes.push([edge("West")?, edge("South")?, edge("East")?, edge("North")?]);
    }
    for line in elements(geometry, "/Lines") {
        shapes.lines.push(points(elements(line, "/Points"))?);
    }
    shapes.points.extend(points(elements(geometry, "/Points"))?);
    Ok(())
}

fn points(points: &[Value]) -> Result<Vec<LonLat>, String> {
    let point = |point: &Value| {
        let number = |name: &str| point.get(name).and_then(Value::as_f64);
        number("Longitude").zip(number("Latitude")).map(|(lon, lat)| [lon, lat])
    };
    let all: Option<Vec<LonLat>> = points.iter().map(point).collect();
    all.ok_or_else(|| "its footprint has a point without longitude and latitude".to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use zagg_core::footprint::Footprint;

    use super::*;

    fn found(item: &Value) -> Found {
        UmmItem::from_item(item).0
    }

    fn at(geometry: &Value) -> Place {
        place(&json!({"SpatialExtent": {"HorizontalSpatialDomain": {"Geometry": geometry}}}))
    }

    fn ring(places: &[LonLat]) -> Value {
        let point = |place: &LonLat| json!({"Longitude": place[0], "Latitude": place[1]});
        json!({"Points": places.iter().map(point).collect::<Vec<_>>()})
    }

    #[test]
    fn shapes_of_all_kinds_are_read() {
        let (outer, inner) = ([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]], [[1.0, 1.0], [3.0, 1.0], [1.0, 3.0]]);
        let polygon = json!({"Boundary": ring(&outer), "ExclusiveZone": {"Boundaries": [ring(&inner)]}});
        let Place::Known(Footprint::Polygons(polygons)) = at(&json!({"GPolygons": [polygon]})) else {
            panic!("polygons")
        };
        assert_eq!(
            (polygons[0].exterior.as_slice(), polygons[0].holes[0].as_slice()),
            (&outer[..], &inner[..])
        );
        let line = at(&json!({"Lines": [ring(&outer)]}));
        assert_eq!(line, Place::Known(Footprint::Lines(vec![outer.to_vec()])));
        let points = at(&ring(&outer));
        assert_eq!(points, Place::Known(Footprint::Points(outer.to_vec())));
        for wrong in [
            json!({"GPolygons": [{}]}),
            json!({"GPolygons": [{"Boundary": {"Points": [{"Longitude": "1", "Latitude": 1}]}}]}),
            json!({"BoundingRectangles": [{"WestBoundingCoordinate": 1}]}),
            json!({"Lines": [ring(&outer[..1])]}),
        ] {
            assert!(matches!(at(&wrong), Place::Wrong(_)), "{wrong}");
        }
        assert!(matches!(at(&json!({})), Place::Absent(why) if why.contains("no footprint")));
        let orbit = json!({"SpatialExtent": {"HorizontalSpatialDomain": {"Orbit": {"StartLatitude": 59.5}}}});
        assert!(matches!(place(&orbit), Place::Absent(why) if why.contains("orbit")));
    }

    #[test]
    fn sizes_are_bytes_or_nothing() {
        let of = |files: Value| {
            size(&json!({"DataGranule": {"ArchiveAndDistributionInformation": files}}), &["a.h5"])
        };
        assert_eq!(of(json!([{"Name": "b", "SizeInBytes": 1}, {"Name": "a.h5", "SizeInBytes": 2}])), Some(2));
        assert_eq!(of(json!([{"Name": "Not provided", "SizeInBytes": 3}])), Some(3));
        for none in [
            json!([{"Name": "a.h5", "Size": 59.2, "SizeUnit": "MB"}]),
            json!([]),
            json!([{"SizeInBytes": -1}]),
            json!([{"Name": "b", "SizeInBytes": 1}, {"Name": "c", "SizeInBytes": 2}]),
        ] {
            assert_eq!(of(none.clone()), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn any_shapes_are_read_or_have_a_fault(
            numbers in prop::collection::vec(prop_oneof![-200.0..200.0f64, any::<f64>()], 0..20), kind in 0..3usize,
        ) {
            let places: Vec<LonLat> = numbers.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect();
            let geometry = match kind {
                0 => json!({"GPolygons": [{"Boundary": ring(&places)}]}),
                1 => json!({"Lines": [ring(&places)]}),
                _ => ring(&places),
            };
            let item = json!({"umm": {"SpatialExtent": {"HorizontalSpatialDomain": {"Geometry": geometry}}}});
            prop_assert!(!matches!(found(&item).place, Place::Known(_)) || !places.is_empty());
        }
    }
}
