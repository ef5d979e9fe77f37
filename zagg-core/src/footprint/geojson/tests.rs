use super::*;
use proptest::prelude::*;

const SQUARE: &str = "[[[0, 0], [10, 0, 25.5], [10, 10], [0, 10], [0, 0]]]";

fn geometry(kind: &str, coordinates: &str) -> String {
    format!("{{\"type\": \"{kind}\", \"coordinates\": {coordinates}}}")
}

fn collection(geometries: &[String]) -> String {
    let features: Vec<String> = geometries
        .iter()
        .map(|g| {
            format!("{{\"type\": \"Feature\", \"properties\": {{\"a\": [1, {{}}]}}, \"geometry\": {g}}}")
        })
        .collect();
    format!("{{\"type\": \"FeatureCollection\", \"features\": [{}]}}", features.join(", "))
}

fn read(text: &str) -> Footprint {
    parse("area.geojson", text).unwrap()
}

fn fails(text: &str) -> String {
    parse("area.geojson", text).unwrap_err().to_string()
}

fn square() -> Polygon {
    let exterior = vec![[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0], [0.0, 0.0]];
    Polygon { exterior, holes: Vec::new() }
}

#[test]
fn documents_of_all_forms_are_read() {
    let polygon = geometry("Polygon", SQUARE);
    let expected = Footprint::Polygons(vec![square()]);
    assert_eq!(read(&polygon), expected);
    assert_eq!(read(&format!("\u{feff}{polygon}")), expected);
    assert_eq!(read(&format!("{{\"type\": \"Feature\", \"geometry\": {polygon}}}")), expected);
    assert_eq!(read(&collection(&["null".into(), polygon.clone()])), expected);
    let inner = format!("{{\"type\": \"GeometryCollection\", \"geometries\": [{polygon}]}}");
    assert_eq!(read(&inner), expected);
    let twice = format!("[{SQUARE}, {SQUARE}]");
    assert_eq!(read(&geometry("MultiPolygon", &twice)), Footprint::Polygons(vec![square(), square()]));
}

#[test]
fn holes_lines_and_points_are_kept() {
    let with_hole = SQUARE.replace("]]]", "]], [[2, 2], [4, 2], [4, 4], [2, 2]]]");
    let hole = vec![[2.0, 2.0], [4.0, 2.0], [4.0, 4.0], [2.0, 2.0]];
    let polygon = Polygon { holes: vec![hole], ..square() };
    assert_eq!(read(&geometry("Polygon", &with_hole)), Footprint::Polygons(vec![polygon]));
    let line = vec![[170.0, 1.5], [190.0, -2.0]];
    assert_eq!(
        read(&geometry("LineString", "[[170, 1.5], [190, -2]]")),
        Footprint::Lines(vec![line.clone()])
    );
    let lines = geometry("MultiLineString", "[[[170, 1.5], [190, -2]], [[170, 1.5, 3, 4], [190, -2]]]");
    assert_eq!(read(&lines), Footprint::Lines(vec![line.clone(), line.clone()]));
    assert_eq!(read(&geometry("Point", "[1, 2]")), Footprint::Points(vec![[1.0, 2.0]]));
    assert_eq!(read(&geometry("MultiPoint", "[[1, 2]]")), Footprint::Points(vec![[1.0, 2.0]]));
    let mixed = collection(&[geometry("Point", "[1, 2]"), geometry("Polygon", SQUARE), lines]);
    let parts = vec![
        Footprint::Polygons(vec![square()]),
        Footprint::Lines(vec![line.clone(), line]),
        Footprint::Points(vec![[1.0, 2.0]]),
    ];
    assert_eq!(read(&mixed), Footprint::Union(parts));
}

#[test]
fn what_is_wrong_is_said_with_the_number_of_the_feature() {
    let second = |kind: &str, coordinates: &str| {
        fails(&collection(&[geometry("Point", "[1, 2]"), geometry(kind, coordinates)]))
    };
    for (kind, coordinates, message) in [
        ("Polygon", "[[[0, 0], [10, 0], [10, 10], [0, 10]]]", "the ring is not closed"),
        ("Polygon", "[[[0, 0], [10, 0], [0, 0]]]", "2 different positions"),
        ("Polygon", "[[]]", "the ring is empty"),
        ("Polygon", "[[0, 0], [10, 0], [0, 0]]", "a list of positions was expected"),
        ("Polygon", "[[[0, 0], [10, 91], [5, 5], [0, 0]]]", "(10, 91) is no position: longitude comes first"),
        (
            "Polygon",
            "[[[359300, 4300600], [1, 1], [2, 5], [359300, 4300600]]]",
            "position 1: (359300, 4300600)",
        ),
        ("MultiPolygon", SQUARE, "part 1: part 1: a list of positions was expected"),
        ("LineString", "[[0, 0]]", "two positions or more"),
        ("Point", "[[0, 0]]", "a position was expected"),
        ("Circle", "[0, 0]", "is no type of GeoJSON"),
    ] {
        let error = second(kind, coordinates);
        assert!(error.starts_with("area.geojson: feature 2: "), "{error}");
        assert!(error.contains(message), "{error}");
    }
    for (text, message) in [
        ("", "not GeoJSON"),
        ("[]", "not GeoJSON"),
        ("{\"type\": \"Point\", \"coordinates\": [1, \"2\"]}", "not GeoJSON"),
        ("{\"type\": \"Point\", \"coordinates\": [NaN, 1]}", "not GeoJSON"),
        ("{\"type\": \"Point\", \"coordinates\": [1e999, 1]}", "not GeoJSON"),
        ("{\"type\": \"Point\", \"coordinates\": [1]}", "a longitude and a latitude"),
        ("{\"type\": \"Point\"}", "the Point has no \"coordinates\""),
        ("{\"type\": \"FeatureCollection\"}", "no list \"features\""),
        ("{\"type\": \"FeatureCollection\", \"features\": []}", "there is no geometry"),
        (
            "{\"type\": \"FeatureCollection\", \"features\": [{\"type\": \"Point\"}]}",
            "a Feature was expected",
        ),
        ("{\"type\": \"MultiPolygon\", \"coordinates\": []}", "there is no geometry"),
    ] {
        let error = fails(text);
        assert!(error.starts_with("area.geojson: ") && error.contains(message), "{text}: {error}");
    }
}

#[test]
fn other_coordinate_systems_are_refused() {
    let crs = |name: &str| {
        geometry("Point", "[1, 2]").replacen(
            '{',
            &format!("{{\"crs\": {{\"type\": \"name\", \"properties\": {{\"name\": \"{name}\"}}}}, "),
            1,
        )
    };
    for name in ["urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326"] {
        assert_eq!(read(&crs(name)), Footprint::Points(vec![[1.0, 2.0]]));
    }
    assert!(fails(&crs("urn:ogc:def:crs:EPSG::3031")).contains("are in urn:ogc:def:crs:EPSG::3031;"));
}

#[test]
fn deep_documents_are_refused() {
    let deep = "[".repeat(100_000);
    assert!(fails(&geometry("Polygon", &deep)).contains("not GeoJSON"));
    let nested = "{\"type\": \"GeometryCollection\", \"geometries\": [".repeat(10_000);
    assert!(fails(&nested).contains("not GeoJSON"));
}

proptest! {
    /// Any text is read or refused.
    #[test]
    fn damaged_documents_do_no_harm(at in 0..200_usize, with in "[ -~]{0,3}") {
        let text = collection(&[geometry("Polygon", SQUARE), geometry("Point", "[1, 2]")]);
        let at = at % text.len();
        let _ = parse("area.geojson", &format!("{}{with}{}", &text[..at], &text[at + 1..]));
    }

    #[test]
    fn positions_come_back(ring in prop::collection::vec((-180.0..180.0_f64, -90.0..90.0_f64), 3..9)) {
        let mut exterior: Vec<LonLat> = ring.iter().map(|(lon, lat)| [*lon, *lat]).collect();
        prop_assume!(exterior.iter().enumerate().all(|(i, place)| !exterior[..i].contains(place)));
        exterior.push(exterior[0]);
        let Footprint::Polygons(polygons) = read(&geometry("Polygon", &format!("[{exterior:?}]"))) else {
            panic!("polygons were expected")
        };
        prop_assert_eq!(polygons.len(), 1);
        prop_assert!(polygons[0].holes.is_empty());
        prop_assert_eq!(polygons[0].exterior.len(), exterior.len());
        // The reader of JSON may be wrong in the last digit.
        for (read, written) in polygons[0].exterior.iter().flatten().zip(exterior.iter().flatten()) {
            prop_assert!((read - written).abs() <= 1e-13, "{read} {written}");
        }
    }
}
