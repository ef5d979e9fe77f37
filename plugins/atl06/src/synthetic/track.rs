//! The ground track: a circular orbit of 92° inclination over a turning Earth.

use zagg_core::error::{Error, Result};

use super::Direction;
use super::math::{atan2, sin_cos};

/// Degrees between the equator and the orbit's plane.
const INCLINATION: f64 = 92.0;
/// Degrees that the Earth turns below one revolution: 1387 revolutions in 91 days.
const TURN_PER_REVOLUTION: f64 = 360.0 * 91.0 / 1387.0;
/// Square of the WGS84 ellipsoid's first eccentricity.
const ECCENTRICITY_2: f64 = 0.006_694_379_990_141_316;
/// Metres of the Earth's mean radius.
pub(super) const EARTH_RADIUS: f64 = 6_371_000.0;

/// The geodetic position (degrees north and east) at an argument of the orbit (degrees from the ascending
/// node), `left` metres to the left of the track.
pub(super) fn position(node_longitude: f64, argument: f64, left: f64) -> (f64, f64) {
    let (sin_u, cos_u) = sin_cos(argument.to_radians());
    let (sin_i, cos_i) = sin_cos(INCLINATION.to_radians());
    let (sin_d, cos_d) = sin_cos(left / EARTH_RADIUS);
    // The point on the orbit, turned towards the normal of the orbit's plane, which lies to the left.
    let x = cos_u * cos_d;
    let y = cos_i * sin_u * cos_d - sin_i * sin_d;
    let z = sin_i * sin_u * cos_d + cos_i * sin_d;
    let latitude = atan2(z, (1.0 - ECCENTRICITY_2) * (x * x + y * y).sqrt()).to_degrees();
    let longitude = node_longitude + atan2(y, x).to_degrees() - argument / 360.0 * TURN_PER_REVOLUTION;
    (latitude, wrap(longitude))
}

/// The ascending node's longitude and the argument (both degrees) of the orbit through a position.
pub(super) fn orbit_through(latitude: f64, longitude: f64, direction: Direction) -> Result<(f64, f64)> {
    let (sin_lat, cos_lat) = sin_cos(latitude.to_radians());
    let geocentric = atan2((1.0 - ECCENTRICITY_2) * sin_lat, cos_lat);
    let sine = sin_cos(geocentric).0 / sin_cos(INCLINATION.to_radians()).0;
    // Also false for what is no number.
    if !(sine.abs() <= 1.0 && latitude.abs() <= 90.0 && longitude.is_finite()) {
        return Err(Error::input(format!(
            "no track of icesat-2 crosses latitude {latitude}, longitude {longitude}: stay between 88 degrees south and north"
        )));
    }
    let cosine = (1.0 - sine * sine).sqrt();
    let argument = match direction {
        Direction::Ascending => atan2(sine, cosine),
        Direction::Descending => atan2(sine, -cosine),
    };
    let argument = argument.to_degrees().rem_euclid(360.0);
    let (_, east_of_node) = position(0.0, argument, 0.0);
    Ok((wrap(longitude - east_of_node), argument))
}

/// The same longitude between -180 (included) and 180 degrees.
fn wrap(longitude: f64) -> f64 {
    (longitude + 180.0).rem_euclid(360.0) - 180.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_southernmost_point_is_at_88_degrees() {
        let (latitude, _) = position(10.0, 270.0, 0.0);
        assert!((latitude + 88.0).abs() < 0.02, "{latitude}");
        assert!(position(10.0, 250.0, 0.0).0 > latitude);
    }

    #[test]
    fn the_orbit_through_a_position_comes_there() {
        for direction in [Direction::Ascending, Direction::Descending] {
            for (latitude, longitude) in [(-86.0, 120.0), (0.0, -180.0), (60.0, 0.0), (-70.0, 179.9)] {
                let (node, argument) = orbit_through(latitude, longitude, direction).unwrap();
                let (lat, lon) = position(node, argument, 0.0);
                assert!((lat - latitude).abs() < 1e-9 && (lon - longitude).abs() < 1e-9, "{lat} {lon}");
                let northwards = position(node, argument + 0.1, 0.0).0 > lat;
                assert_eq!(northwards, direction == Direction::Ascending);
            }
        }
    }

    #[test]
    fn positions_that_no_orbit_reaches_are_refused() {
        for (latitude, longitude) in [(-89.0, 0.0), (f64::NAN, 0.0), (0.0, f64::INFINITY), (100.0, 0.0)] {
            assert!(orbit_through(latitude, longitude, Direction::Ascending).is_err());
        }
    }

    #[test]
    fn left_is_west_of_a_northbound_track() {
        let (latitude, longitude) = position(0.0, 0.0, 1000.0);
        assert!(longitude < 0.0 && latitude.abs() < 0.01);
    }
}
