//! The surface of an invented ice sheet.

use super::math::sin_cos;

/// Kilometres per degree of latitude.
const DEGREE_KM: f64 = 111.2;

/// The height of the invented ice sheet in metres at a position in degrees north and east: two domes where
/// those of East and West Antarctica are, with undulations of some tens of metres. At sea level elsewhere.
pub fn surface_height(latitude: f64, longitude: f64) -> f64 {
    let (x, y) = plane(latitude, longitude);
    let dome = |latitude, longitude, height: f64, radius: f64| {
        let (x0, y0) = plane(latitude, longitude);
        let distance = ((x - x0) * (x - x0) + (y - y0) * (y - y0)) / (radius * radius);
        height * (1.0 - distance).max(0.0).sqrt()
    };
    let ice = dome(-80.4, 77.5, 4090.0, 2200.0).max(dome(-79.5, -112.0, 2100.0, 900.0));
    let wave = |value: f64, length: f64| sin_cos(value / length).0;
    let relief = 22.0 * wave(x + 0.4 * y, 13.0) * wave(y - 0.3 * x, 17.0) + 9.0 * wave(x - y, 5.0);
    // Undulations fade out towards the coast.
    ice + relief * (ice / 500.0).min(1.0)
}

/// Kilometres on a plane around the south pole.
fn plane(latitude: f64, longitude: f64) -> (f64, f64) {
    let radius = (90.0 + latitude) * DEGREE_KM;
    let (sine, cosine) = sin_cos(longitude.to_radians());
    (radius * sine, radius * cosine)
}

#[cfg(test)]
mod tests {
    use super::surface_height;

    #[test]
    fn is_highest_near_the_dome_and_zero_at_sea() {
        assert!((4000.0..4140.0).contains(&surface_height(-80.4, 77.5)));
        assert!((2000.0..3800.0).contains(&surface_height(-90.0, 0.0)));
        assert_eq!(surface_height(-60.0, 0.0), 0.0);
    }

    #[test]
    fn is_smooth_along_a_track() {
        // 20 m are about 0.00018 degrees of latitude.
        for step in 0..5000 {
            let latitude = -88.0 + f64::from(step) * 0.002;
            let slope = (surface_height(latitude + 0.00018, 60.0) - surface_height(latitude, 60.0)) / 20.0;
            assert!(slope.abs() < 0.02, "slope {slope} at {latitude}");
        }
    }
}
