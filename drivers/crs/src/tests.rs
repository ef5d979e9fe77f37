use super::*;
use proptest::prelude::*;

fn message(text: &str) -> String {
    Crs::parse(text).unwrap_err().to_string()
}

/// Every code of the register is a system that works or an error, and never a panic.
#[test]
fn every_code_gives_a_system_or_an_error() {
    let (mut known, mut offered) = (0, 0);
    for code in 0..=u16::MAX {
        if crs_definitions::from_code(code).is_none() {
            continue;
        }
        known += 1;
        let Ok(crs) = Crs::parse(&format!("EPSG:{code}")) else { continue };
        offered += 1;
        let (lon, lat) = ([0.0, -179.9, 13.0, 180.0, 0.0, 1e9], [0.0, -89.9, 47.0, 90.0, -90.0, 5.0]);
        let (mut x, mut y) = ([0.0; 6], [0.0; 6]);
        crs.forward(&lon, &lat, &mut x, &mut y);
        let (mut back_lon, mut back_lat) = ([0.0; 6], [0.0; 6]);
        crs.inverse(&x, &y, &mut back_lon, &mut back_lat);
        assert_eq!(crs.epsg(), Some(code));
        let wkt = crs.wkt().unwrap();
        assert_eq!(wkt.matches('[').count(), wkt.matches(']').count(), "{wkt}");
        assert!(!crs.unit().is_empty() && crs.cut().is_finite(), "{code}");
        assert_eq!(
            crs.grid_mapping().get("earth_radius").is_none(),
            crs.grid_mapping().contains_key("semi_major_axis")
        );
    }
    assert!(known > 6000 && offered * 2 > known, "{offered} of {known}");
}

#[test]
fn what_is_no_system_is_refused_with_the_reason() {
    assert!(message("3031").contains("give an EPSG code such as EPSG:3031"));
    assert!(message("EPSG:").contains("EPSG: is not known"));
    assert!(message("EPSG:99999").contains("EPSG:99999 is not known"));
    assert!(message("EPSG:4267").contains("grids of shifts"));
    assert!(message("EPSG:2053").contains("east and north"), "{}", message("EPSG:2053"));
    assert!(message("EPSG:27700").contains("give its PROJ string, \"+proj=tmerc"));
    assert!(message("EPSG:26592").contains("prime meridian"));
    assert!(message("EPSG:3974").contains("is mistaken"));
    assert!(message("+proj=laea +lat_0=inf").contains("must be a finite number"));
    assert!(message("+proj=laea +lat_0=NaN").contains("must be a finite number"));
    for scale in ["k=0", "k_0=-1", "to_meter=0", "to_meter=-0.3"] {
        let text = format!("+proj=stere +lat_0=-90 +datum=WGS84 +{scale}");
        assert!(message(&text).contains("must be greater than 0"), "{scale}");
    }
    assert!(message("+proj=laea +lat_0=1 +lat_0=2").contains("stands twice"));
    assert!(message("+proj=laea lat_0=1").contains("is no parameter"));
    assert!(message("+proj=laea +lat_O=1").contains("did you mean"));
    assert!(message("+proj=laea +nadgrids=file.gsb").contains("grids of shifts"));
    assert!(message("+proj=nothing").contains("+proj=nothing"));
    assert!(message("+proj=geocent").contains("no plane"));
    assert!(message("+lat_0=1").contains("+lat_0=1"));
    assert!(message("+proj=laea +ellps=größe").contains("ASCII"));
    assert!(message(&format!("+proj=laea +lat_0={}", "1".repeat(3000))).contains("at most 2000 characters"));
    // What is in a pipeline may have any length.
    for text in ["x", "EPSG:1", "+x", "+proj=laea +lat_0=1", "+proj=laea\u{e9}"] {
        let told = message(&text.replace(['x', '1', '\u{e9}'], &"\u{e9}x1".repeat(30_000)));
        assert!(told.len() < 500, "{} bytes: {told:.200}", told.len());
    }
    for text in ["+x", "x", "+proj=x", "+proj=laea +lat_0=infx", "+proj=laea +ellps=x"] {
        let told = message(&text.replace('x', &"x".repeat(1900)));
        assert!(told.len() < 500, "{} bytes: {told:.200}", told.len());
    }
}

#[test]
fn names_units_and_kinds() {
    let crs = Crs::parse(" epsg:3031 ").unwrap();
    assert_eq!((crs.name(), crs.unit().as_str(), crs.is_geographic()), ("EPSG:3031", "m", false));
    let wkt = crs.wkt().unwrap();
    assert!(wkt.starts_with("PROJCS[\"WGS 84 / Antarctic Polar Stereographic\"") && !wkt.contains("AXIS"));
    assert!(
        wkt.ends_with(",UNIT[\"metre\",1,AUTHORITY[\"EPSG\",\"9001\"]],AUTHORITY[\"EPSG\",\"3031\"]]"),
        "{wkt}"
    );
    let degrees = Crs::parse("EPSG:4326").unwrap();
    assert!(degrees.is_geographic() && degrees.identity);
    assert_eq!(Crs::parse("EPSG:2263").unwrap().unit(), "US_survey_foot");
    assert_eq!(Crs::parse("+proj=laea +units=km").unwrap().unit(), "km");
    assert_eq!(Crs::parse("+proj=laea +to_meter=0.5").unwrap().unit(), "0.5 m");
}

#[test]
fn longitude_and_latitude_pass_unchanged() {
    let crs = Crs::parse("EPSG:4326").unwrap();
    let (lon, lat) = ([0.1, -180.0, 180.0, 359.9, f64::NAN, 0.0], [0.3, -90.0, 90.0, 12.5, 0.0, 90.1]);
    let (mut x, mut y) = ([0.0; 6], [0.0; 6]);
    crs.forward(&lon, &lat, &mut x, &mut y);
    assert_eq!((&x[..4], &y[..4]), (&lon[..4], &lat[..4]));
    assert!(x[4..].iter().chain(&y[4..]).all(|v| v.is_nan()));
    let (mut back, mut up) = ([0.0; 6], [0.0; 6]);
    crs.inverse(&x, &y, &mut back, &mut up);
    assert_eq!(back[..4], [0.1, -180.0, -180.0, 359.9 - 360.0]);
}

#[test]
fn grid_mappings_are_those_of_cf() {
    let mapping = |text: &str| Value::Object(Crs::parse(text).unwrap().grid_mapping());
    assert_eq!(
        mapping("EPSG:3031"),
        serde_json::json!({
            "grid_mapping_name": "polar_stereographic", "semi_major_axis": 6_378_137.0,
            "inverse_flattening": 298.257_223_563, "longitude_of_prime_meridian": 0.0,
            "straight_vertical_longitude_from_pole": 0.0, "standard_parallel": -71.0,
            "latitude_of_projection_origin": -90.0, "false_easting": 0.0, "false_northing": 0.0
        })
    );
    assert_eq!(
        mapping("EPSG:32633"),
        serde_json::json!({
            "grid_mapping_name": "transverse_mercator", "semi_major_axis": 6_378_137.0,
            "inverse_flattening": 298.257_223_563, "longitude_of_prime_meridian": 0.0,
            "longitude_of_central_meridian": 15.0, "latitude_of_projection_origin": 0.0,
            "scale_factor_at_central_meridian": 0.9996, "false_easting": 500_000.0, "false_northing": 0.0
        })
    );
    assert_eq!(
        mapping("EPSG:4326"),
        serde_json::json!({
            "grid_mapping_name": "latitude_longitude", "semi_major_axis": 6_378_137.0,
            "inverse_flattening": 298.257_223_563, "longitude_of_prime_meridian": 0.0
        })
    );
    assert_eq!(mapping("EPSG:3857").get("grid_mapping_name"), None);
    assert_eq!(mapping("+proj=sinu +R=6371007.181")["earth_radius"], 6_371_007.181);
    // Feet in the coordinates mean feet in the mapping.
    assert_eq!(mapping("EPSG:2263")["false_easting"].as_f64().unwrap().round(), 984_250.0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// No text and no position makes the library panic or give half a place.
    #[test]
    fn hostile_definitions_give_an_answer_or_an_error(
        projection in prop::sample::select(vec![
            "latlong", "lcc", "etmerc", "utm", "tmerc", "aea", "leac", "stere", "ups", "sterea", "merc", "webmerc",
            "somerc", "laea", "moll", "wag4", "wag5", "geos", "eqc", "aeqd", "krovak", "mill", "cea", "poly", "ortho",
            "gnom", "sinu", "omerc", "tpers", "nsper", "cass", "eqdc", "robin", "eqearth", "geocent", "estmerc",
        ]),
        parameters in prop::collection::vec((
            prop::sample::select(vec![
                "lat_0", "lon_0", "lat_1", "lat_2", "lat_ts", "lonc", "k", "x_0", "y_0", "zone", "a", "b", "rf", "R",
                "es", "e", "f", "to_meter", "pm", "alpha", "gamma", "h", "ellps", "datum", "towgs84", "sweep", "units", "south",
                "axis", "type", "no_off", "lat_b", "lon_1", "lon_2", "R_A", "approx",
            ]),
            prop_oneof![
                Just(String::new()), any::<f64>().prop_map(|v| v.to_string()), (-100..100_i32).prop_map(|v| v.to_string()),
                "[ -~]{0,12}", Just("90".to_owned()), Just("-90".to_owned()), Just("1,2,3".to_owned()), Just("GRS80".to_owned()),
                Just("1e308".to_owned()), Just("1e-308".to_owned()), Just("0".to_owned()), Just("45d30'1\"W".to_owned()),
            ],
        ), 0..6),
        places in prop::collection::vec((prop_oneof![any::<f64>(), -400.0..400.0_f64], prop_oneof![any::<f64>(), -90.0..=90.0_f64]), 8),
    ) {
        let mut text = format!("+proj={projection}");
        for (key, value) in parameters {
            text.push_str(&if value.is_empty() { format!(" +{key}") } else { format!(" +{key}={value}") });
        }
        if let Ok(crs) = Crs::parse(&text) {
            let (lon, lat): (Vec<f64>, Vec<f64>) = places.into_iter().unzip();
            let (mut x, mut y) = (vec![0.0; 8], vec![0.0; 8]);
            crs.forward(&lon, &lat, &mut x, &mut y);
            prop_assert!(x.iter().zip(&y).all(|(x, y)| x.is_finite() == y.is_finite()), "{text}");
            let placed = |i: usize| is_position(lon[i], lat[i]) || x[i].is_nan();
            prop_assert!((0..8).all(placed), "{text}: {lon:?} {lat:?} {x:?}");
            let (mut a, mut b) = (vec![0.0; 8], vec![0.0; 8]);
            // Coordinates that nothing was projected to are as likely.
            crs.inverse(&lon, &lat, &mut a, &mut b);
            let sound = |(a, b): (&f64, &f64)| (a.is_nan() && b.is_nan()) || ((-180.0..180.0).contains(a) && b.abs() <= 90.0);
            prop_assert!(a.iter().zip(&b).all(sound), "{text}: {a:?} {b:?}");
            crs.inverse(&x, &y, &mut a, &mut b);
            prop_assert!(a.iter().zip(&b).all(sound), "{text}: {a:?} {b:?}");
            prop_assert!(crs.cut().is_finite());
            let _ = (crs.grid_mapping(), crs.unit());
        }
    }

    #[test]
    fn any_text_at_all(text in "\\PC*") {
        let _ = Crs::parse(&text);
        let _ = Crs::parse(&format!("EPSG:{text}"));
        let _ = Crs::parse(&format!("+proj={text}"));
    }
}

#[test]
fn places_go_to_the_plane_and_back() {
    for name in
        ["EPSG:3031", "EPSG:3413", "EPSG:4326", "EPSG:6933", "EPSG:32633", "+proj=laea +lat_0=-80 +lon_0=30"]
    {
        let crs = Crs::parse(name).unwrap();
        let lat = if name == "EPSG:3031" || name.contains("laea") { -75.0 } else { 75.0 };
        let (x, y) = crs.place(14.0, lat);
        let (lon, back) = crs.position(x, y);
        assert!((lon - 14.0).abs() < 1e-9 && (back - lat).abs() < 1e-9, "{name}: {lon} {back}");
    }
    // The place of a corner that pyproj gives.
    let (x, y) = Crs::parse("epsg:3031").unwrap().place(45.0, -71.0);
    assert!((x - 1_472_733.796).abs() < 0.001 && (y - 1_472_733.796).abs() < 0.001, "{x} {y}");
}

#[test]
fn places_beside_the_globe_are_none() {
    let globe = Crs::parse("+proj=moll +datum=WGS84").unwrap();
    assert!(globe.position(0.0, 0.0).0.abs() < 1e-9);
    for (x, y) in [(1.75e7, 8.0e6), (1.9e7, 0.0), (0.0, 9.9e6), (f64::NAN, 0.0)] {
        assert!(globe.position(x, y).0.is_nan(), "{x} {y}");
    }
    let plane = Crs::lon_lat().unwrap();
    assert_eq!(plane.position(190.0, 3.0), (-170.0, 3.0));
    assert!(plane.position(0.0, 90.5).1.is_nan());
}
