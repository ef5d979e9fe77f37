//! Geodetic and authalic latitude of WGS84.
//!
//! The authalic latitude is that of the sphere of equal area. Both directions are sine series in twice the latitude; the
//! coefficients are the Fourier coefficients of the closed form for 1/f = 298.257223563, found with 40 digits. The first
//! term left out is 7e-18 forwards and 5e-18 (six terms) backwards, less than the rounding of a latitude.

use std::f64::consts::FRAC_PI_2;

/// Coefficients of sin 2kφ, k = 1…5, in authalic minus geodetic latitude.
const TO_AUTHALIC: [f64; 5] = [
    -2.239_209_838_678_64e-3,
    2.130_860_651_325_022e-6,
    -2.559_257_686_419_122_5e-9,
    3.370_196_525_542_269_2e-12,
    -4.667_543_015_625_586e-15,
];

/// Coefficients of sin 2kξ, k = 1…5, in geodetic minus authalic latitude.
const TO_GEODETIC: [f64; 5] = [
    2.239_208_996_354_166_5e-3,
    2.883_197_804_860_772e-6,
    5.086_220_740_008_021e-9,
    1.020_181_232_035_160_1e-11,
    2.194_475_077_436_080_7e-14,
];

/// The sum of `coefficients[k - 1] · sin 2k·lat` by Clenshaw's recurrence.
#[inline]
fn series(coefficients: &[f64; 5], lat: f64) -> f64 {
    let (sin, cos) = (2.0 * lat).sin_cos();
    let x = 2.0 * cos;
    let [c1, c2, c3, c4, c5] = *coefficients;
    let b4 = c4 + x * c5;
    let b3 = c3 + x * b4 - c5;
    let b2 = c2 + x * b3 - b4;
    sin * (c1 + x * b2 - b3)
}

/// Authalic latitude of a geodetic one; radians. The result stays within ±π/2.
#[inline]
pub(crate) fn to_authalic(lat: f64) -> f64 {
    (lat + series(&TO_AUTHALIC, lat)).clamp(-FRAC_PI_2, FRAC_PI_2)
}

/// Geodetic latitude of an authalic one; radians. The result stays within ±π/2.
#[inline]
pub(crate) fn to_geodetic(lat: f64) -> f64 {
    (lat + series(&TO_GEODETIC, lat)).clamp(-FRAC_PI_2, FRAC_PI_2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The closed form: sin ξ = q(φ) / q(π/2).
    fn closed_form(lat: f64) -> f64 {
        let f = 1.0 / 298.257_223_563;
        let e2: f64 = f * (2.0 - f);
        let e = e2.sqrt();
        let q = |s: f64| (1.0 - e2) * (s / (1.0 - e2 * s * s) + (e * s).atanh() / e);
        (q(lat.sin()) / q(1.0)).asin()
    }

    #[test]
    fn the_series_equals_the_closed_form() {
        // The closed form loses digits near the poles (arc sine), so the comparison stops at 80°.
        for i in -8000..=8000 {
            let lat = (f64::from(i) / 100.0).to_radians();
            assert!((to_authalic(lat) - closed_form(lat)).abs() < 4e-15, "{i}");
        }
    }

    #[test]
    fn back_and_forth_is_the_identity() {
        for i in -90_000..=90_000 {
            let lat = (f64::from(i) / 1000.0).to_radians();
            assert!((to_geodetic(to_authalic(lat)) - lat).abs() < 4e-16, "{i}");
        }
    }

    #[test]
    fn poles_and_equator_stay() {
        assert_eq!(to_authalic(0.0), 0.0);
        for pole in [FRAC_PI_2, -FRAC_PI_2] {
            assert_eq!(to_authalic(pole), pole);
            assert_eq!(to_geodetic(pole), pole);
        }
    }
}
