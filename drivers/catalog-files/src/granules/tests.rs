use proptest::prelude::*;
use serde_json::json;
use zagg_core::footprint::{LonLat, Polygon};
use zagg_core::granule::{CatalogEntry, Granule};

use super::*;

fn place() -> impl Strategy<Value = LonLat> {
    (
        prop_oneof![-180.0..180.0, Just(-180.0), Just(-0.0), 170.0..200.0],
        prop_oneof![-90.0..=90.0, Just(90.0)],
    )
        .prop_map(|(lon, lat)| [lon, lat])
}

fn ring() -> impl Strategy<Value = Vec<LonLat>> {
    (prop::collection::vec(place(), 0..6), any::<bool>()).prop_map(|(mut ring, closed)| {
        if closed && let Some(&first) = ring.first() {
            ring.push(first);
        }
        ring
    })
}

fn footprint() -> impl Strategy<Value = Footprint> {
    let polygon = (ring(), prop::collection::vec(ring(), 0..3))
        .prop_map(|(exterior, holes)| Polygon { exterior, holes });
    let part = prop_oneof![
        prop::collection::vec(polygon, 0..3).prop_map(Footprint::Polygons),
        prop::collection::vec(prop::collection::vec(place(), 0..5), 0..3).prop_map(Footprint::Lines),
        prop::collection::vec(place(), 0..4).prop_map(Footprint::Points),
        (place(), place()).prop_map(|([west, south], [east, north])| Footprint::Box {
            west,
            south,
            east,
            north
        }),
        prop::collection::vec(any::<u64>(), 0..4).prop_map(Footprint::Shards),
    ];
    let part = part.boxed();
    prop_oneof![4 => part.clone(), 1 => prop::collection::vec(part, 0..3).prop_map(Footprint::Union)]
}

fn granule() -> impl Strategy<Value = Granule> {
    let href = |starts: &'static [&'static str]| {
        prop::option::of(
            (prop::sample::select(starts), "[a-z0-9/._é]{0,9}")
                .prop_map(|(start, end)| start.to_owned() + &end),
        )
    };
    let time = prop::option::of(prop_oneof![
        Just("2018-10-14T03:19:24.370Z".to_owned()),
        Just("2018-10-14T03:19:24.370000+00:00".to_owned()),
        Just("2018-10-14".to_owned()),
        Just("2018-10-14T03:19:24.3700001Z".to_owned()),
        Just("unknown".to_owned()),
        (-62_167_219_200_000_000..253_402_300_800_000_000_i64).prop_map(|at| crate::times::text(at).unwrap()),
    ]);
    (
        "[a-zé]{1,8}",
        href(&["s3://b/", "https://b/", ""]),
        href(&["https://x/", "http://x/", "gs://x/", "file:///"]),
        href(&["/data/", "file:///data/", "data/"]),
        (time.clone(), time),
        prop::option::of(prop_oneof![0..9u64, Just(u64::MAX), Just(i64::MAX as u64)]),
    )
        .prop_map(|(id, s3, https, file, (time_start, time_end), size)| Granule {
            id,
            s3,
            https,
            file,
            time_start,
            time_end,
            size,
        })
}

fn granules() -> impl Strategy<Value = Granules> {
    let entry = (granule(), footprint()).prop_map(|(granule, footprint)| CatalogEntry { granule, footprint });
    let incomplete = prop::collection::vec("[ -~é]{0,9}", 0..3);
    (prop::collection::vec(entry, 0..12), "[ -~é]{0,9}", incomplete).prop_map(|(entries, word, incomplete)| Granules {
        entries,
        metadata: json!({"source": word, "collection": "ATL06_007", "bbox": [-76.62, 38.84], SIGNATURE: {"type": "t"}})
            .as_object()
            .unwrap()
            .clone(),
        incomplete,
    })
}

/// Bits that differ between numbers that are equal.
fn bits(granules: &Granules) -> String {
    format!("{granules:?}")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]
    #[test]
    fn granules_come_back_to_the_last_bit(granules in granules()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("g.parquet");
        write_granules(&path, &granules).unwrap();
        let again = read_granules(&path).unwrap();
        prop_assert_eq!(bits(&again), bits(&granules));
        let bytes = std::fs::read(&path).unwrap();
        write_granules(&path, &again).unwrap();
        prop_assert!(bytes == std::fs::read(&path).unwrap());
    }
}

fn entry(id: &str, footprint: Footprint) -> CatalogEntry {
    CatalogEntry { granule: Granule { id: id.into(), ..Granule::default() }, footprint }
}

#[test]
fn exact_shards_need_their_grid() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("g.parquet");
    let union = Footprint::Union(vec![Footprint::Shards(vec![3])]);
    let granules = Granules { entries: vec![entry("a", union)], ..Granules::default() };
    let error = write_granules(&path, &granules).unwrap_err().to_string();
    assert!(error.ends_with("which mean nothing without the grid; write the shard map instead"), "{error}");
    assert!(!path.exists());
    let error = write_granules(&folder.path().join("g.json"), &Granules::default()).unwrap_err().to_string();
    assert!(error.ends_with("use .parquet"), "{error}");
}

#[test]
fn places_that_are_not_on_earth_are_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("g.parquet");
    let granules =
        Granules { entries: vec![entry("a", Footprint::Points(vec![[0.0, 95.0]]))], ..Granules::default() };
    let error = write_granules(&path, &granules).unwrap_err().to_string();
    assert!(error.ends_with("granule a: its footprint has a place at longitude 0, latitude 95"), "{error}");
}

#[test]
fn items_of_stac_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("items.json");
    let item = json!({
        "type": "Feature", "id": "a.h5", "geometry": {"type": "Point", "coordinates": [1.5, 2.5]},
        "properties": {"datetime": null, "start_datetime": "2020-01-01T00:00:00Z", "end_datetime": "2020-01-02T00:00:00+00:00"},
        "assets": {"x": {"href": "https://x/a.h5", "roles": ["data"], "file:size": 7}, "y": {"href": "https://x/a.png"}},
    });
    let mut placeless = item.clone();
    placeless["geometry"] = Value::Null;
    std::fs::write(&path, json!({"type": "FeatureCollection", "features": [item, placeless]}).to_string())
        .unwrap();
    let found = read_granules(&path).unwrap();
    assert_eq!(found.entries.len(), 1);
    let granule = &found.entries[0].granule;
    assert_eq!((granule.https.as_deref(), granule.size), (Some("https://x/a.h5"), Some(7)));
    assert_eq!(granule.time_end.as_deref(), Some("2020-01-02T00:00:00.000Z"));
    assert_eq!(found.entries[0].footprint, Footprint::Points(vec![[1.5, 2.5]]));
    assert_eq!(found.incomplete, ["granule a.h5 has no geometry and cannot be placed"]);
    std::fs::write(&path, item.to_string()).unwrap();
    assert_eq!(read_granules(&path).unwrap().entries.len(), 1);
    for text in [
        "{}",
        "{\"type\": \"FeatureCollection\"}",
        "{\"type\": \"Feature\", \"id\": 5}",
        "{\"shard_keys\": []}",
    ] {
        std::fs::write(&path, text).unwrap();
        let error = read_granules(&path).unwrap_err().to_string();
        assert!(error.contains("items.json: no STAC items: ") && !error.contains('\n'), "{error}");
    }
}
