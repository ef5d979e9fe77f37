//! Coordinates are those of PROJ, to a millimetre; the files are made by `make_reference.py` and `make_register.py`.

// Helpers outside the test functions may fail like them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use zagg_rectilinear::Crs;

/// A millimetre on the ground, in degrees of latitude.
const MILLIMETRE: f64 = 1e-3 / 111_132.0;

#[test]
fn coordinates_are_those_of_proj() {
    let mut systems = BTreeSet::new();
    let mut worst: f64 = 0.0;
    for line in include_str!("reference.tsv").lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let number = |i: usize| -> f64 { fields[i].parse().unwrap() };
        let (metres, lon, lat, x, y) = (number(1), number(2), number(3), number(4), number(5));
        let crs = Crs::parse(fields[0]).unwrap();
        let tolerance = if crs.is_geographic() { MILLIMETRE } else { 1e-3 / metres };
        let (mut to_x, mut to_y) = ([0.0], [0.0]);
        crs.forward(&[lon], &[lat], &mut to_x, &mut to_y);
        let apart = (to_x[0] - x).abs().max((to_y[0] - y).abs()) / tolerance;
        assert!(apart < 1.0, "{line}: ({}, {})", to_x[0], to_y[0]);
        worst = worst.max(apart);
        let (mut back, mut up) = ([0.0], [0.0]);
        crs.inverse(&[x], &[y], &mut back, &mut up);
        let turn = ((back[0] - lon + 180.0).rem_euclid(360.0) - 180.0).abs() * lat.to_radians().cos();
        assert!(turn < MILLIMETRE && (up[0] - lat).abs() < MILLIMETRE, "{line}: ({}, {})", back[0], up[0]);
        systems.insert(fields[0].to_owned());
    }
    assert!(systems.len() >= 20, "{}", systems.len());
    // Far better than promised: what is left is rounding.
    assert!(worst < 1e-2, "{worst} mm");
}

/// Codes that are offered mean what PROJ has for them: to a millimetre on WGS84, and to what one can say between it and datums
/// that are taken for the same.
#[test]
fn codes_mean_what_proj_has_for_them() {
    let (mut offered, mut exact, mut on_wgs84) = (0, 0, 0);
    for line in include_str!("register.tsv").lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let number = |i: usize| -> f64 { fields[i].parse().unwrap() };
        let Ok(crs) = Crs::parse(&format!("EPSG:{}", fields[0])) else { continue };
        let (mut x, mut y) = ([0.0], [0.0]);
        crs.forward(&[number(2)], &[number(3)], &mut x, &mut y);
        let apart = number(1) * (x[0] - number(4)).hypot(y[0] - number(5));
        let wgs84 = crs.wkt().is_some_and(|wkt| wkt.contains("DATUM[\"WGS_1984\""));
        assert!(apart < if wgs84 { 1e-3 } else { 2.0 }, "{line}: ({}, {}), {apart} m apart", x[0], y[0]);
        offered += 1;
        exact += u32::from(apart < 1e-3);
        on_wgs84 += u32::from(wgs84);
    }
    assert!(offered > 1000 && exact * 10 > offered * 8 && on_wgs84 > 300, "{exact} of {offered}, {on_wgs84}");
}

/// At the poles, the antimeridian and round numbers, where projections have their special cases.
#[test]
fn special_places_project() {
    let coordinates = |crs: &str, lon: f64, lat: f64| {
        let (mut x, mut y) = ([0.0], [0.0]);
        Crs::parse(crs).unwrap().forward(&[lon], &[lat], &mut x, &mut y);
        (x[0], y[0])
    };
    assert_eq!(coordinates("EPSG:3031", 123.0, -90.0), (0.0, 0.0));
    assert_eq!(coordinates("EPSG:3413", 0.0, 90.0), (0.0, 0.0));
    let (x, y) = coordinates("EPSG:3031", 0.0, 90.0);
    assert!(x.is_nan() && y.is_nan());
    let (west, east) = (coordinates("EPSG:3031", -180.0, -75.0), coordinates("EPSG:3031", 180.0, -75.0));
    assert!((west.0 - east.0).abs() < 1e-8 && west.1 == east.1, "{west:?} {east:?}");
    assert_eq!(coordinates("EPSG:3031", 190.0, -75.0), coordinates("EPSG:3031", -170.0, -75.0));
    for (lon, lat) in [(f64::NAN, 0.0), (0.0, f64::NAN), (f64::INFINITY, 0.0), (0.0, 90.000_1), (0.0, -91.0)]
    {
        let (x, y) = coordinates("EPSG:3031", lon, lat);
        assert!(x.is_nan() && y.is_nan(), "({lon}, {lat})");
    }
}
