//! The area of interest.

use zagg_core::footprint::{Footprint, geojson};

use crate::args::catalog::AreaArgs;
use crate::failure::Failure;
use crate::pipeline;

/// The area of the command line, if it names one.
pub(super) fn of(args: &AreaArgs) -> Result<Option<Footprint>, Failure> {
    match (&args.polygon, &args.bbox) {
        (Some(_), Some(_)) => Err(Failure::usage("there is one area: give --polygon or --bbox")),
        (Some(path), None) => {
            let text = pipeline::read_text(path)?;
            Ok(Some(geojson::parse(&path.display().to_string(), &text)?))
        }
        (None, Some(text)) => {
            bbox(text).map(Some).map_err(|why| Failure::usage(format!("--bbox {text}: {why}")))
        }
        (None, None) => Ok(None),
    }
}

/// A box written as `west,south,east,north`.
fn bbox(text: &str) -> Result<Footprint, String> {
    let numbers: Option<Vec<f64>> =
        text.split(',').map(|number| number.trim().parse().ok().filter(|x: &f64| x.is_finite())).collect();
    match numbers.as_deref() {
        Some(&[west, south, east, north]) => corners(west, south, east, north),
        _ => Err("write four numbers in degrees, west,south,east,north".into()),
    }
}

/// A box of these edges. Longitudes may be counted beyond 180°, as in 170 to 190.
fn corners(west: f64, south: f64, east: f64, north: f64) -> Result<Footprint, String> {
    let is_latitude = |latitude: f64| (-90.0..=90.0).contains(&latitude);
    if !is_latitude(south) || !is_latitude(north) {
        return Err("latitudes go from -90 to 90".into());
    }
    if south >= north {
        return Err(format!("the southern edge, {south}, is not south of the northern one, {north}"));
    }
    let is_longitude = |longitude: f64| (-360.0..=360.0).contains(&longitude);
    if !is_longitude(west) || !is_longitude(east) {
        return Err("longitudes go from -180 to 180".into());
    }
    if east - west >= 360.0 {
        return Ok(Footprint::Box { west: -180.0, south, east: 180.0, north });
    }
    let (west, east) = (turned(west, -180.0), turned(east, 180.0));
    if west == east {
        return Err(
            "the western and the eastern edge are the same; for a whole turn write -180 and 180".into()
        );
    }
    Ok(Footprint::Box { west, south, east, north })
}

/// The same meridian between -180 and 180; which of the two it is at the antimeridian depends on the edge.
fn turned(longitude: f64, antimeridian: f64) -> f64 {
    let turned = if longitude > 180.0 {
        longitude - 360.0
    } else if longitude < -180.0 {
        longitude + 360.0
    } else {
        longitude
    };
    if turned.abs() == 180.0 { antimeridian } else { turned }
}

/// The box of meridians and parallels around the corners of an area, as metadata have it: west, south, east, north. None for
/// an area without a place. The great circles between corners may lead out of it a little.
pub(super) fn bounds(area: &Footprint) -> Option<[f64; 4]> {
    if let &Footprint::Box { west, south, east, north } = area {
        return Some([west, south, east, north]);
    }
    let mut corners = Vec::new();
    places(area, &mut corners);
    let latitudes = corners.iter().map(|place| place[1]);
    let (south, north) = (latitudes.clone().min_by(f64::total_cmp)?, latitudes.max_by(f64::total_cmp)?);
    let mut longitudes: Vec<f64> = corners.iter().map(|place| place[0]).collect();
    longitudes.sort_by(f64::total_cmp);
    let (first, last) = (*longitudes.first()?, *longitudes.last()?);
    // The widest gap between neighbours is outside; the one over the antimeridian is meant where none is wider.
    let (mut west, mut east, mut widest) = (first, last, first + 360.0 - last);
    for pair in longitudes.windows(2) {
        if pair[1] - pair[0] > widest {
            (west, east, widest) = (pair[1], pair[0], pair[1] - pair[0]);
        }
    }
    Some([west, south, east, north])
}

fn places(area: &Footprint, found: &mut Vec<[f64; 2]>) {
    match area {
        Footprint::Polygons(polygons) => {
            found.extend(polygons.iter().flat_map(|polygon| &polygon.exterior));
        }
        Footprint::Lines(lines) => found.extend(lines.iter().flatten()),
        Footprint::Points(points) => found.extend(points),
        &Footprint::Box { west, south, east, north } => {
            let middle = if west <= east { f64::midpoint(west, east) } else { west };
            found.extend([[west, south], [middle, south], [east, north]]);
        }
        Footprint::Union(areas) => areas.iter().for_each(|area| places(area, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_read_as_people_write_them() {
        let edges = |text: &str| match bbox(text).unwrap() {
            Footprint::Box { west, south, east, north } => [west, south, east, north],
            other => panic!("{other:?}"),
        };
        assert_eq!(edges("-50,60, -40,70.5"), [-50.0, 60.0, -40.0, 70.5]);
        // Over the antimeridian, written in three ways.
        assert_eq!(edges("170,-80,-170,-70"), [170.0, -80.0, -170.0, -70.0]);
        assert_eq!(edges("170,-80,190,-70"), [170.0, -80.0, -170.0, -70.0]);
        assert_eq!(edges("-190,-80,-170,-70"), [170.0, -80.0, -170.0, -70.0]);
        // Up to it, from either side.
        assert_eq!(edges("170,-80,-180,-70"), [170.0, -80.0, 180.0, -70.0]);
        assert_eq!(edges("180,-80,-170,-70"), [-180.0, -80.0, -170.0, -70.0]);
        // All around.
        assert_eq!(edges("-180,-90,180,-60"), [-180.0, -90.0, 180.0, -60.0]);
        assert_eq!(edges("0,-90,360,-60"), [-180.0, -90.0, 180.0, -60.0]);
    }

    #[test]
    fn what_is_no_box_is_refused() {
        for (text, why) in [
            ("1,2,3", "write four numbers in degrees, west,south,east,north"),
            ("1,2,3,4,5", "write four numbers in degrees, west,south,east,north"),
            ("1,2,3,x", "write four numbers in degrees, west,south,east,north"),
            ("nan,2,3,4", "write four numbers in degrees, west,south,east,north"),
            ("1,2,3,inf", "write four numbers in degrees, west,south,east,north"),
            ("", "write four numbers in degrees, west,south,east,north"),
            ("0,-91,1,0", "latitudes go from -90 to 90"),
            ("0,5,1,4", "the southern edge, 5, is not south of the northern one, 4"),
            ("0,5,1,5", "the southern edge, 5, is not south of the northern one, 5"),
            ("0,0,361,1", "longitudes go from -180 to 180"),
            (
                "10,0,10,1",
                "the western and the eastern edge are the same; for a whole turn write -180 and 180",
            ),
        ] {
            assert_eq!(bbox(text).unwrap_err(), why, "{text}");
        }
    }

    #[test]
    fn the_box_around_corners_goes_the_shorter_way() {
        let points = |places: &[[f64; 2]]| bounds(&Footprint::Points(places.to_vec()));
        assert_eq!(points(&[[-77.0, 38.0], [-76.0, 39.0], [-76.5, 37.0]]), Some([-77.0, 37.0, -76.0, 39.0]));
        assert_eq!(points(&[[170.0, 1.0], [-175.0, 2.0], [179.0, 0.0]]), Some([170.0, 0.0, -175.0, 2.0]));
        assert_eq!(points(&[[10.0, 1.0]]), Some([10.0, 1.0, 10.0, 1.0]));
        assert_eq!(points(&[]), None);
        let area = bbox("170,-80,-170,-70").unwrap();
        assert_eq!(bounds(&area), Some([170.0, -80.0, -170.0, -70.0]));
    }
}
