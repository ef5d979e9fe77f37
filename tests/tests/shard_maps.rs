//! Shard maps that the Python program made: the areas they were made for have exactly their shards.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::schema::types::Type;
use serde_json::{Map, Value, json};
use zagg_core::footprint::{Footprint, LonLat, Polygon, geojson, tracks};
use zagg_core::granule::{CatalogEntry, Granule};
use zagg_core::grid::Grid;
use zagg_core::shard_map::{BuildOptions, ShardEntry, ShardMap, query_area};
use zagg_core::sphere::{Arc, unit};

use crate::support::{registry, test_data};

/// The area of a GeoJSON file.
fn area(path: &Path) -> Footprint {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    geojson::parse(&path.display().to_string(), &text).unwrap()
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
    let area = area(&folder.join("AOP_NEON.geojson"));
    let Footprint::Polygons(polygons) = &area else { panic!("polygons were expected") };
    let [Polygon { exterior: ring, .. }] = &polygons[..] else { panic!("one ring was expected") };
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

/// The granules of the catalog with their footprints, in its order.
fn catalog(data: &Path) -> Vec<CatalogEntry> {
    let footprints = footprints(&data.join("cmr/zagg_cat_neon_ATL03_007.parquet"));
    let entry = |(id, polygon)| CatalogEntry {
        granule: Granule { id, ..Granule::default() },
        footprint: Footprint::Polygons(vec![polygon]),
    };
    footprints.into_iter().map(entry).collect()
}

fn build(grid: &dyn Grid, entries: &[CatalogEntry], area: &Footprint) -> ShardMap {
    let options = BuildOptions { area: Some(area.clone()), ..BuildOptions::default() };
    ShardMap::build(grid, entries, Map::new(), &options).unwrap()
}

/// The pairs of a map: key and granule.
fn pairs(map: &ShardMap) -> BTreeSet<(u64, String)> {
    let of = |shard: &ShardEntry| {
        let ids = shard.granules.iter().map(|at| map.granules[*at as usize].id.clone());
        ids.map(|id| (shard.key, id)).collect::<Vec<_>>()
    };
    map.shards.iter().flat_map(of).collect()
}

/// The pairs that a map of the Python program lists.
fn listed(map: &Value) -> BTreeSet<(u64, String)> {
    let mut listed = BTreeSet::new();
    for (key, granules) in keys(map).into_iter().zip(map["granules"].as_array().unwrap()) {
        let ids = granules.as_array().unwrap().iter().map(|granule| granule["id"].as_str().unwrap());
        listed.extend(ids.map(|id| (key, id.to_owned())));
    }
    listed
}

/// Which granules a shard has is decided by their footprints as it was by the Python program: from the granules that stand in its
/// maps come its maps.
#[test]
fn the_neon_maps_are_made_again() {
    let Some(data) = test_data() else { return };
    let folder = data.join("cmr/shardmaps");
    let (area, mut entries) = (area(&folder.join("AOP_NEON.geojson")), catalog(&data));
    assert_eq!(entries.len(), 2089);
    let maps = [("sm_healpix_o9", 218), ("sm_healpix_o10", 360), ("sm_healpix_o11", 741)];
    let read = |name: &str| read(&folder.join(name).with_extension("json"));
    // The program asked the archive for the area alone, which the shards overhang, so its map lacks 96 pairs.
    let coarse = read("sm_healpix_o9");
    let all = pairs(&build(&*grid_of(&coarse), &entries, &area));
    assert_eq!(all.len(), 314);
    assert!(all.is_superset(&listed(&coarse)));

    let ids: BTreeSet<String> = listed(&coarse).into_iter().map(|(_, id)| id).collect();
    assert_eq!(ids.len(), 66);
    entries.retain(|entry| ids.contains(&entry.granule.id));
    for (name, expected) in maps {
        let theirs = read(name);
        let ours = build(&*grid_of(&theirs), &entries, &area);
        assert_eq!(ours.pairs(), expected, "{name}");
        assert_eq!(pairs(&ours), listed(&theirs), "{name}");
        assert_eq!(ours.metadata["total_pairs"], json!(expected));
    }
}

/// How near a footprint comes to the cells of a shard, in metres.
fn metres_apart(grid: &dyn Grid, shard: u64, footprint: &Footprint) -> f64 {
    let Footprint::Polygons(polygons) = footprint else { panic!("polygons were expected") };
    let edges: Vec<Arc> =
        polygons[0].exterior.windows(2).filter_map(|edge| Arc::between(edge[0], edge[1]).unwrap()).collect();
    let cells = grid.cells_of_shard(shard, grid.leaf_level());
    let (mut lon, mut lat) = (vec![0.0; cells.len()], vec![0.0; cells.len()]);
    grid.centres(grid.leaf_level(), &cells, &mut lon, &mut lat);
    let places = lon.iter().zip(&lat).map(|(lon, lat)| unit(*lon, *lat));
    let nearest = |place| edges.iter().map(|edge| edge.distance(place)).fold(4.0, f64::min);
    6_371_000.0 * places.map(nearest).fold(4.0, f64::min)
}

/// The same for projected grids: all pairs of the Python program, and those of footprints that only just miss a shard, which
/// a search does not tell apart.
#[test]
fn the_rectilinear_neon_maps_are_made_again() {
    let Some(data) = test_data() else { return };
    let folder = data.join("cmr/shardmaps");
    let (area, entries) = (area(&folder.join("AOP_NEON.geojson")), catalog(&data));
    for (name, width, expected, most) in [("sm_rect_3km", 3000.0, 457, 2), ("sm_rect_6km", 6000.0, 151, 2)] {
        let theirs = read(&folder.join(name).with_extension("json"));
        let grid = grid_of(&theirs);
        let listed = listed(&theirs);
        let ids: BTreeSet<&String> = listed.iter().map(|(_, id)| id).collect();
        let mut entries = entries.clone();
        entries.retain(|entry| ids.contains(&entry.granule.id));
        let ours = build(&*grid, &entries, &area);
        assert_eq!(ours.shards.iter().map(|shard| shard.key).collect::<Vec<_>>(), keys(&theirs), "{name}");
        let ours = pairs(&ours);
        assert!(ours.is_superset(&listed), "{name}");
        assert_eq!(listed.len(), expected, "{name}");
        let more: Vec<&(u64, String)> = ours.difference(&listed).collect();
        assert!(more.len() <= most, "{name}: {more:?}");
        for (key, id) in more {
            let entry = entries.iter().find(|entry| entry.granule.id == *id).unwrap();
            let metres = metres_apart(&*grid, *key, &entry.footprint);
            // A part of the width as documented, and half a cell.
            assert!(metres < width / 32.0 + 10.0, "{name}: {key} {id}: {metres} m");
        }
    }
}

/// What the catalog must be asked for: the shards lie in it, and it is hardly larger.
#[test]
fn the_query_for_neon_holds_its_shards() {
    let Some(data) = test_data() else { return };
    let folder = data.join("cmr/shardmaps");
    let area = area(&folder.join("AOP_NEON.geojson"));
    let grid = grid_of(&read(&folder.join("sm_healpix_o9.json")));
    let Footprint::Box { west, south, east, north } = query_area(&*grid, &area, 0.0).unwrap() else {
        panic!("one box was expected")
    };
    let shards = grid.cover(&area).unwrap();
    let level = grid.shard_level() + 5;
    let cells: Vec<u64> = shards.iter().flat_map(|shard| grid.cells_of_shard(*shard, level)).collect();
    let (mut lon, mut lat) = (vec![0.0; cells.len()], vec![0.0; cells.len()]);
    grid.centres(level, &cells, &mut lon, &mut lat);
    let bounds = |values: &[f64]| {
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)))
    };
    let ((first_lon, last_lon), (first_lat, last_lat)) = (bounds(&lon), bounds(&lat));
    assert!(west < first_lon && south < first_lat && last_lon < east && last_lat < north);
    // A shard is a tenth of a degree.
    let excess = [first_lon - west, east - last_lon, first_lat - south, north - last_lat];
    assert!(excess.iter().all(|excess| *excess < 0.08), "{excess:?}");
}

/// The ring around 88° south, in sectors: as many shards as the Python program's own figures have for it.
#[test]
fn the_ring_around_the_pole_has_564_shards() {
    let Some(data) = test_data() else { return };
    let area = area(&data.join("cmr/shardmaps/antarctic_88s.geojson"));
    let options = json!({"parent_order": 9, "child_order": 14});
    let grid = registry().grid("healpix", options.as_object().unwrap()).unwrap();
    assert_eq!(grid.cover(&area).unwrap().len(), 564);
    // The query goes all round, from the pole to a little beyond the ring.
    let Footprint::Box { west, south, east, north } = query_area(&*grid, &area, 0.0).unwrap() else {
        panic!("one box was expected")
    };
    assert_eq!((west, east), (-180.0, 180.0));
    assert!((-88.3..-88.0).contains(&south) && (-87.7..-87.4).contains(&north), "{south} {north}");
}

/// The box that the Python program covers with 82 shards.
#[test]
fn the_cap_south_of_60_degrees_has_all_its_shards() {
    let options = json!({"parent_order": 6, "child_order": 12});
    let grid = registry().grid("healpix", options.as_object().unwrap()).unwrap();
    let area = Footprint::Box { west: -180.0, south: -90.0, east: 180.0, north: -60.0 };
    let entries: Vec<CatalogEntry> =
        (0..3 * tracks::REGIONS).map(|n| tracks::granule(n, n % 14 + 1)).collect();
    let map = build(&*grid, &entries, &area);
    let shards = grid.cover(&area).unwrap();
    assert_eq!(shards.len(), 3444);
    let mut expected = BTreeSet::new();
    for entry in &entries {
        let covered = grid.cover(&entry.footprint).unwrap();
        let wanted = covered.into_iter().filter(|shard| shards.binary_search(shard).is_ok());
        expected.extend(wanted.map(|shard| (grid.shard_key(shard), entry.granule.id.clone())));
    }
    assert!(expected.len() > 200);
    assert_eq!(pairs(&map), expected);
}
