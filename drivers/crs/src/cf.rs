//! The grid mapping of the CF conventions (appendix F) of a projection.

use proj4rs::Proj;
use serde_json::{Map, Value, json};

use super::definition::Definition;

/// Attributes for the projections that CF has a name for; the figure of the earth for all.
pub(super) fn grid_mapping(proj: &Proj, definition: &Definition) -> Map<String, Value> {
    let mut map = Map::new();
    let name = name(proj, definition);
    if let Some(name) = name {
        map.insert("grid_mapping_name".into(), name.into());
    }
    figure(&mut map, proj, definition);
    map.insert("longitude_of_prime_meridian".into(), degrees(proj.from_greenwich()).into());
    let Some(name) = name.filter(|_| !proj.is_latlong()) else { return map };
    let meridian = match name {
        "polar_stereographic" => "straight_vertical_longitude_from_pole",
        "stereographic" | "lambert_azimuthal_equal_area" | "mercator" | "sinusoidal" => {
            "longitude_of_projection_origin"
        }
        _ => "longitude_of_central_meridian",
    };
    map.insert(meridian.into(), degrees(proj.longitude_of_origin()).into());
    let standard = |map: &mut Map<String, Value>, parallels: Value| {
        map.insert("standard_parallel".into(), parallels);
    };
    let has = |key: &str| definition.get(key).is_some();
    match name {
        "mercator" | "lambert_cylindrical_equal_area" if has("lat_ts") => {
            standard(&mut map, definition.number("lat_ts").into());
        }
        "polar_stereographic" if has("lat_ts") => standard(&mut map, definition.number("lat_ts").into()),
        "lambert_conformal_conic" | "albers_conical_equal_area" => {
            let parallels = if has("lat_2") {
                json!([definition.number("lat_1"), definition.number("lat_2")])
            } else {
                definition.number("lat_1").into()
            };
            standard(&mut map, parallels);
        }
        _ => {}
    }
    if !matches!(name, "mercator" | "lambert_cylindrical_equal_area" | "sinusoidal") {
        map.insert("latitude_of_projection_origin".into(), degrees(proj.latitude_of_origin()).into());
    }
    if name == "transverse_mercator" {
        map.insert("scale_factor_at_central_meridian".into(), proj.scaling_factor().into());
    } else if matches!(name, "polar_stereographic" | "stereographic" | "mercator") && !has("lat_ts") {
        map.insert("scale_factor_at_projection_origin".into(), proj.scaling_factor().into());
    }
    // The library has metres, CF the unit of the coordinates.
    map.insert("false_easting".into(), (proj.false_easting() / proj.to_meter()).into());
    map.insert("false_northing".into(), (proj.false_northing() / proj.to_meter()).into());
    map
}

fn name(proj: &Proj, definition: &Definition) -> Option<&'static str> {
    Some(match proj.projname() {
        "longlat" | "latlong" => "latitude_longitude",
        "stere" | "ups" if degrees(proj.latitude_of_origin()).abs() == 90.0 => "polar_stereographic",
        "stere" => "stereographic",
        "utm" | "tmerc" | "etmerc" => "transverse_mercator",
        "laea" => "lambert_azimuthal_equal_area",
        "lcc" => "lambert_conformal_conic",
        "aea" => "albers_conical_equal_area",
        "cea" => "lambert_cylindrical_equal_area",
        "sinu" => "sinusoidal",
        // Web Mercator takes the ellipsoid for a sphere in one place only, for which CF has no word.
        "merc" if definition.get("nadgrids").is_none() => "mercator",
        _ => return None,
    })
}

/// The figure of the earth: a sphere or an ellipsoid.
fn figure(map: &mut Map<String, Value>, proj: &Proj, definition: &Definition) {
    let (a, b) = proj.ellipse_parameters();
    if a == b {
        map.insert("earth_radius".into(), a.into());
        return;
    }
    map.insert("semi_major_axis".into(), a.into());
    let flattening = match (definition.get("datum"), definition.get("ellps")) {
        (Some("WGS84"), _) | (_, Some("WGS84")) => 298.257_223_563,
        (Some("NAD83"), _) | (_, Some("GRS80")) => 298.257_222_101,
        // Two lengths do not hold more digits of their small difference.
        _ => round(a / (a - b), 1e8),
    };
    map.insert("inverse_flattening".into(), flattening.into());
}

/// Degrees as they were written, without the rounding of radians.
fn degrees(radians: f64) -> f64 {
    round(radians.to_degrees(), 1e12)
}

fn round(value: f64, steps: f64) -> f64 {
    let rounded = (value * steps).round() / steps;
    // No minus sign before zero.
    if rounded == 0.0 { 0.0 } else { rounded }
}
