//! Shard maps that the Python program made: the areas they were made for have exactly their shards.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::schema::types::Type;
use serde_json::{Value, json};
use zagg_core::footprint::{Footprint, LonLat, Polygon};
use zagg_core::grid::Grid;

use crate::support::{registry, test_data};

/// The outer rings of the polygons of a GeoJSON document.
fn rings(document: &Value) -> Vec<Vec<LonLat>> {
    let ring = |ring: &Value| -> Vec<LonLat> {
        ring.as_array().unwrap().iter().map(|p| [p[0].as_f64().unwrap(), p[1].as_f64().unwrap()]).collect()
    };
    let features = document["features"].as_array().unwrap();
    let parts = |feature: &Value| -> Vec<Vec<LonLat>> {
        let (kind, coordinates) = (&feature["geometry"]["type"], &feature["geometry"]["coordinates"]);
        if kind == "MultiPolygon" {
            coordinates.as_array().unwrap().iter().map(|part| ring(&part[0])).collect()
        } else {
            vec![ring(&coordinates[0])]
        }
    };
    features.iter().flat_map(parts).collect()
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// The shards' keys, which exceed 2^53.
fn keys(map: &Value) -> Vec<u64> {
    map["shard_keys"].as_array().unwrap().iter().map(|key| key.as_u64().unwrap()).collect()
}

/// The grid that a map was made for, from its signature.
fn grid_of(map: &Value) -> Box<dyn Grid> {
    let signature = &map["grid_signature"];
    let options = if signature["type"] == "healpix" {
        json!({"parent_order": signature["parent_order"], "child_order": signature["child_order"]})
    } else {
        let number = |at: usize| signature["affine"][at].as_f64().unwrap();
        let (size, left, upper) = (number(0), number(2), number(5));
        let length = |side: usize| size * signature["shape"][side].as_f64().unwrap();
        json!({
            "crs": signature["crs"], "resolution": size, "chunk_shape": signature["chunk_shape"],
            "bounds": [left, upper - length(0), left + length(1), upper]
        })
    };
    let grid = registry().grid(signature["type"].as_str().unwrap(), options.as_object().unwrap()).unwrap();
    assert_eq!(Value::Object(grid.signature()), *signature);
    grid
}

/// Whether a place is in a convex ring, by the sides of its edges: great circles, as everywhere.
fn inside(ring: &[LonLat], place: LonLat) -> bool {
    let vector = |[lon, lat]: LonLat| {
        let (lon, lat) = (lon.to_radians(), lat.to_radians());
        [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()]
    };
    let p = vector(place);
    let sides: Vec<bool> = ring
        .windows(2)
        .filter(|edge| edge[0] != edge[1])
        .map(|edge| {
            let (a, b) = (vector(edge[0]), vector(edge[1]));
            let normal: [f64; 3] =
                std::array::from_fn(|i| a[(i + 1) % 3] * b[(i + 2) % 3] - a[(i + 2) % 3] * b[(i + 1) % 3]);
            normal.iter().zip(p).map(|(n, x)| n * x).sum::<f64>() >= 0.0
        })
        .collect();
    sides.iter().all(|side| *side == sides[0])
}

/// The shards of places inside a ring, 1000 by 1000 of them over its box and 20,000 along each edge: found by looking up places
/// alone, without the cover.
fn shards_of_places(grid: &dyn Grid, ring: &[LonLat]) -> BTreeSet<u64> {
    let bound = |axis: usize| {
        let values = ring.iter().map(|place| place[axis]);
        (values.clone().fold(f64::INFINITY, f64::min), values.fold(f64::NEG_INFINITY, f64::max))
    };
    let ((west, east), (south, north)) = (bound(0), bound(1));
    let mut places: Vec<LonLat> = (0..1_000_000_u32)
        .map(|i| {
            let (x, y) = (f64::from(i % 1000) + 0.5, f64::from(i / 1000) + 0.5);
            [west + x / 1000.0 * (east - west), south + y / 1000.0 * (north - south)]
        })
        .filter(|place| inside(ring, *place))
        .collect();
    // A little inwards, so that rounding takes no place out of the ring.
    let middle = [0.5 * (west + east), 0.5 * (south + north)];
    for edge in ring.windows(2) {
        let along = |t: f64, axis: usize| {
            let at = edge[0][axis] + t * (edge[1][axis] - edge[0][axis]);
            at + 1e-6 * (middle[axis] - at)
        };
        places.extend((0..20_000).map(|i| f64::from(i) / 20_000.0).map(|t| [along(t, 0), along(t, 1)]));
    }
    places.retain(|place| inside(ring, *place));
    let (lon, lat): (Vec<f64>, Vec<f64>) = places.iter().map(|[lon, lat]| (*lon, *lat)).unzip();
    let (mut cells, mut shards) = (vec![0; lon.len()], vec![0; lon.len()]);
    grid.locate(&lon, &lat, &mut cells);
    grid.shards_of(&cells, &mut shards);
    shards.into_iter().collect()
}

#[test]
fn the_neon_maps_have_exactly_the_shards_of_their_area() {
    let Some(data) = test_data() else { return };
    let folder = data.join("cmr/shardmaps");
    let rings = rings(&read(&folder.join("AOP_NEON.geojson")));
    let [ring] = &rings[..] else { panic!("one ring was expected") };
    let area = Footprint::Polygons(vec![Polygon { exterior: ring.clone(), holes: Vec::new() }]);
    let mut sizes = BTreeMap::new();
    for name in ["sm_healpix_o9", "sm_healpix_o10", "sm_healpix_o11", "sm_rect_3km", "sm_rect_6km"] {
        let map = read(&folder.join(name).with_extension("json"));
        let grid = grid_of(&map);
        let mut covered: Vec<u64> =
            grid.cover(&area).unwrap().into_iter().map(|shard| grid.shard_key(shard)).collect();
        covered.sort_unstable();
        assert_eq!(covered, keys(&map), "{name}: the cover of the area");
        // And the map lists no shard that the area only comes close to.
        let touched: BTreeSet<u64> =
            shards_of_places(&*grid, ring).into_iter().map(|shard| grid.shard_key(shard)).collect();
        assert_eq!(touched.into_iter().collect::<Vec<_>>(), keys(&map), "{name}: the shards of its places");
        sizes.insert(name, covered.len());
    }
    let expected = [4, 9, 22, 16, 4];
    let names = ["sm_healpix_o9", "sm_healpix_o10", "sm_healpix_o11", "sm_rect_3km", "sm_rect_6km"];
    assert_eq!(sizes, names.into_iter().zip(expected).collect());
}

/// A polygon in well-known binary, little-endian.
fn polygon(bytes: &[u8]) -> Polygon {
    let mut at = 0;
    let mut take = |n: usize| {
        at += n;
        &bytes[at - n..at]
    };
    assert_eq!(take(5), [1, 3, 0, 0, 0], "a polygon was expected");
    let count = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap());
    let number = |bytes: &[u8]| f64::from_le_bytes(bytes.try_into().unwrap());
    let mut rings: Vec<Vec<LonLat>> = (0..count(take(4)))
        .map(|_| (0..count(take(4))).map(|_| [number(take(8)), number(take(8))]).collect())
        .collect();
    Polygon { exterior: rings.remove(0), holes: rings }
}

/// The footprints of a catalog of the Python program, by granule.
fn footprints(path: &Path) -> BTreeMap<String, Polygon> {
    let reader = SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap();
    let schema = reader.metadata().file_metadata().schema().clone();
    let wanted = |field: &&std::sync::Arc<Type>| ["id", "geometry"].contains(&field.name());
    let fields = schema.get_fields().iter().filter(wanted).cloned().collect();
    let columns = Type::group_type_builder(schema.name()).with_fields(fields).build().unwrap();
    let one = |row: parquet::record::Row| {
        let (mut id, mut footprint) = (None, None);
        for (name, field) in row.get_column_iter() {
            match (name.as_str(), field) {
                ("id", Field::Str(text)) => id = Some(text.clone()),
                ("geometry", Field::Bytes(bytes)) => footprint = Some(polygon(bytes.data())),
                other => panic!("{other:?}"),
            }
        }
        (id.unwrap(), footprint.unwrap())
    };
    reader.get_row_iter(Some(columns)).unwrap().map(|row| one(row.unwrap())).collect()
}

/// Which granules a shard has is decided by their footprints as it was by the Python program.
#[test]
fn the_neon_maps_have_exactly_the_granules_of_their_shards() {
    let Some(data) = test_data() else { return };
    let footprints = footprints(&data.join("cmr/zagg_cat_neon_ATL03_007.parquet"));
    for (name, expected) in [("sm_healpix_o9", 218), ("sm_healpix_o10", 360), ("sm_healpix_o11", 741)] {
        let map = read(&data.join("cmr/shardmaps").join(name).with_extension("json"));
        let grid = grid_of(&map);
        let mut listed = BTreeSet::new();
        for (key, granules) in keys(&map).into_iter().zip(map["granules"].as_array().unwrap()) {
            let ids = granules.as_array().unwrap().iter().map(|granule| granule["id"].as_str().unwrap());
            listed.extend(ids.map(|id| (key, id.to_owned())));
        }
        let ids: BTreeSet<&String> = listed.iter().map(|(_, id)| id).collect();
        let mut covered = BTreeSet::new();
        for id in ids {
            let shards = grid.cover(&Footprint::Polygons(vec![footprints[id].clone()])).unwrap();
            covered.extend(shards.into_iter().map(|shard| (grid.shard_key(shard), id.clone())));
        }
        let inside: BTreeSet<u64> = keys(&map).into_iter().collect();
        covered.retain(|(key, _)| inside.contains(key));
        assert_eq!((covered.len(), covered == listed), (expected, true), "{name}");
    }
}

/// The ring around 88° south, in sectors: as many shards as the Python program's own figures have for it.
#[test]
fn the_ring_around_the_pole_has_564_shards() {
    let Some(data) = test_data() else { return };
    let rings = rings(&read(&data.join("cmr/shardmaps/antarctic_88s.geojson")));
    let polygons = rings.iter().map(|ring| Polygon { exterior: ring.clone(), holes: Vec::new() }).collect();
    let options = json!({"parent_order": 9, "child_order": 14});
    let grid = registry().grid("healpix", options.as_object().unwrap()).unwrap();
    assert_eq!(grid.cover(&Footprint::Polygons(polygons)).unwrap().len(), 564);
}
