//! Items of STAC (version 1.0 or 1.1; item specification) as CMR-STAC writes them.

use serde_json::Value;
use zagg_core::footprint::{LonLat, Polygon};
use zagg_core::granule::Granule;

use crate::found::{Found, FromItem, Hrefs, Place, elements, name_of, text};
use crate::geometry::Shapes;

/// How deep collections of geometries may lie in each other.
const DEEPEST: usize = 4;

/// One item of a page.
pub(super) struct Item(pub(super) Found);

impl FromItem for Item {
    fn from_item(item: &Value) -> Self {
        let id = text(item, "/id").unwrap_or_default();
        let chosen = hrefs(item).choose(&[id]);
        let time = |name: &str| text(item, &format!("/properties/{name}")).map(str::to_string);
        let granule = Granule {
            id: name_of(&[id], &chosen),
            s3: chosen.s3,
            https: chosen.https,
            time_start: time("start_datetime").or_else(|| time("datetime")),
            time_end: time("end_datetime").or_else(|| time("datetime")),
            ..Granule::default()
        };
        Self(Found {
            key: id.to_string(),
            granule,
            place: place(item),
            collection: text(item, "/collection").map(str::to_string),
            is_one_of_many: chosen.is_one_of_many,
        })
    }
}

/// Links to data, by role. Assets without roles count unless they say to be something else; keys of assets mean nothing,
/// CMR-STAC makes them of pieces of the link.
fn hrefs(item: &Value) -> Hrefs {
    let mut hrefs = Hrefs::default();
    let assets = item.get("assets").and_then(Value::as_object);
    for asset in assets.into_iter().flat_map(|assets| assets.values()) {
        let roles = elements(asset, "/roles");
        let is_data = if roles.is_empty() {
            !text(asset, "/type").is_some_and(|kind| kind.starts_with("image/jp") || kind.ends_with("xml"))
        } else {
            roles.iter().any(|role| role.as_str() == Some("data"))
        };
        if let Some(href) = text(asset, "/href").filter(|_| is_data) {
            hrefs.add(href);
        }
    }
    hrefs
}

/// The geometry; the box where there is none.
fn place(item: &Value) -> Place {
    let mut shapes = Shapes::default();
    let geometry = item.get("geometry").filter(|geometry| !geometry.is_null());
    if let Some(geometry) = geometry
        && let Err(why) = collect(geometry, &mut shapes, 0)
    {
        return Place::Wrong(why);
    }
    if shapes.is_empty() {
        match edges(item) {
            Ok(Some(edges)) => shapes.boxes.push(edges),
            Ok(None) => return Place::Absent("its item has neither a geometry nor a box"),
            Err(why) => return Place::Wrong(why),
        }
    }
    match shapes.footprint() {
        Ok(footprint) => Place::Known(footprint),
        Err(why) => Place::Wrong(why),
    }
}

/// The box of an item: two corners of two or of three numbers (RFC 7946, section 5).
fn edges(item: &Value) -> Result<Option<[f64; 4]>, String> {
    let numbers: Option<Vec<f64>> = elements(item, "/bbox").iter().map(Value::as_f64).collect();
    match numbers.as_deref() {
        Some([]) => Ok(None),
        Some(&[west, south, east, north] | &[west, south, _, east, north, _]) => {
            Ok(Some([west, south, east, north]))
        }
        _ => Err("its bbox is none".into()),
    }
}

/// Adds a geometry of GeoJSON.
fn collect(geometry: &Value, shapes: &mut Shapes, depth: usize) -> Result<(), String> {
    let kind = text(geometry, "/type").unwrap_or_default();
    let coordinates = elements(geometry, "/coordinates");
    match kind {
        "Point" => shapes.points.push(position(coordinates)?),
        "MultiPoint" => shapes.points.extend(line(coordinates)?),
        "LineString" => shapes.lines.push(line(coordinates)?),
        "MultiLineString" => {
            for part in coordinates {
                shapes.lines.push(line(array(part)?)?);
            }
        }
        "Polygon" => shapes.polygons.push(polygon(coordinates)?),
        "MultiPolygon" => {
            for part in coordinates {
                shapes.polygons.push(polygon(array(part)?)?);
            }
        }
        "GeometryCollection" if depth < DEEPEST => {
            for part in elements(geometry, "/geometries") {
                collect(part, shapes, depth + 1)?;
            }
        }
        _ => {
            return Err(format!(
                "its geometry is of the type {:?}",
                kind.chars().take(40).collect::<String>()
            ));
        }
    }
    Ok(())
}

fn array(value: &Value) -> Result<&[Value], String> {
    value
        .as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| "its geometry holds something else than lists".to_string())
}

fn polygon(rings: &[Value]) -> Result<Polygon, String> {
    let mut rings = rings.iter().map(|ring| line(array(ring)?));
    let exterior = rings.next().ok_or("its geometry has a polygon without a ring")??;
    Ok(Polygon { exterior, holes: rings.collect::<Result<_, _>>()? })
}

fn line(positions: &[Value]) -> Result<Vec<LonLat>, String> {
    positions.iter().map(|place| position(array(place)?)).collect()
}

fn position(numbers: &[Value]) -> Result<LonLat, String> {
    match numbers {
        [lon, lat, ..] => lon.as_f64().zip(lat.as_f64()).map(|(lon, lat)| [lon, lat]),
        _ => None,
    }
    .ok_or_else(|| "its geometry has a position that is none".to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use zagg_core::footprint::Footprint;

    use super::*;

    fn found(item: &Value) -> Found {
        Item::from_item(item).0
    }

    #[test]
    fn an_item_as_cmr_stac_writes_it_is_read() {
        let path =
            "nsidc-cumulus-prod-protected/ATLAS/ATL06/007/2024/01/06/ATL06_20240106000000_01260222_007_01";
        let item = json!({
            "type": "Feature", "stac_version": "1.1.0", "id": "ATL06_20240106000000_01260222_007_01.h5",
            "collection": "ATL06_007",
            "properties": {
                "datetime": "2024-01-06T00:00:00Z", "start_datetime": "2024-01-06T00:00:00Z",
                "end_datetime": "2024-01-06T00:05:00Z",
            },
            "geometry": {"type": "MultiPolygon", "coordinates": [
                [[[0, 0], [1, 0], [1, 1], [0, 0]], [[0.2, 0.1], [0.8, 0.1], [0.8, 0.5], [0.2, 0.1]]],
                [[[179, 0], [-179, 0], [-179, 1, 12.5], [179, 0]]],
            ]},
            "assets": {
                format!("gov/{path}"): {"href": format!("https://data.nsidc.earthdatacloud.nasa.gov/{path}.h5"), "roles": ["data"]},
                format!("s3_s3://{path}"): {"href": format!("s3://{path}.h5"), "roles": ["data"]},
                "thumbnail_0": {"href": "https://x/a_BRW.h5", "roles": ["thumbnail"]},
                "data": {"href": "https://x/a.iso.xml", "roles": ["metadata"]},
            },
        });
        let found = found(&item);
        assert_eq!(found.key, "ATL06_20240106000000_01260222_007_01.h5");
        assert_eq!(found.granule.id, found.key);
        assert_eq!(found.granule.s3, Some(format!("s3://{path}.h5")));
        assert!(found.granule.https.unwrap().ends_with(&format!("{path}.h5")));
        assert_eq!(found.granule.time_end.as_deref(), Some("2024-01-06T00:05:00Z"));
        assert_eq!((found.collection.as_deref(), found.granule.size), (Some("ATL06_007"), None));
        let Place::Known(Footprint::Polygons(polygons)) = found.place else { panic!("polygons") };
        assert_eq!((polygons.len(), polygons[0].holes.len()), (2, 1));
        assert_eq!(polygons[1].exterior[1], [-179.0, 0.0]);
    }

    #[test]
    fn geometries_of_all_kinds_are_taken_whole() {
        let place = |geometry: Value, edges: Value| place(&json!({"geometry": geometry, "bbox": edges}));
        let lines = place(
            json!({"type": "MultiLineString", "coordinates": [[[0, 0], [1, 1]], [[2, 2], [3, 3]]]}),
            json!([]),
        );
        assert!(matches!(lines, Place::Known(Footprint::Lines(lines)) if lines.len() == 2));
        let point = place(json!({"type": "Point", "coordinates": [181, 2]}), json!(null));
        assert_eq!(point, Place::Known(Footprint::Points(vec![[-179.0, 2.0]])));
        let edges = Footprint::Box { west: 1.0, south: 2.0, east: 3.0, north: 4.0 };
        assert_eq!(place(json!(null), json!([1, 2, 3, 4])), Place::Known(edges.clone()));
        assert_eq!(place(json!(null), json!([1, 2, 0, 3, 4, 9])), Place::Known(edges));
        assert!(matches!(place(json!(null), json!(null)), Place::Absent(_)));
        for (geometry, edges) in [
            (json!(null), json!([1, 2, 3])),
            (json!(null), json!([1, "2", 3, 4])),
            (json!({"type": "Circle"}), json!([1, 2, 3, 4])),
            (json!({"type": "Polygon", "coordinates": []}), json!([1, 2, 3, 4])),
            (json!({"type": "Polygon", "coordinates": [7]}), json!([1, 2, 3, 4])),
            (json!({"type": "Point", "coordinates": ["0", 0]}), json!(null)),
            (json!("Point"), json!(null)),
        ] {
            assert!(matches!(place(geometry.clone(), edges), Place::Wrong(_)), "{geometry}");
        }
    }

    /// Any JSON at all.
    fn any_json() -> impl Strategy<Value = Value> {
        let names = prop::sample::select(vec![
            "id",
            "geometry",
            "bbox",
            "type",
            "coordinates",
            "geometries",
            "assets",
            "href",
            "roles",
            "properties",
            "datetime",
        ]);
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<f64>().prop_map(Value::from),
            prop::sample::select(vec![
                "Polygon",
                "Point",
                "GeometryCollection",
                "data",
                "https://x/a.h5",
                ""
            ])
            .prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 60, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((names.clone(), inner), 0..6).prop_map(|fields| fields
                    .into_iter()
                    .map(|(name, value)| (name.to_string(), value))
                    .collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_json_is_an_item_or_has_a_fault(item in any_json()) {
            found(&item);
        }
    }
}
