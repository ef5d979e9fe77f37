//! Geodetic and authalic latitude of WGS84.
//!
//! The authalic latitude is that of the sphere of equal area. Forwards, where every row passes, the difference is a polynomial
//! that needs no trigonometry: with u the latitude as a share of 90°, it is u·(1 − u²)·Q(u²), the first factors being its
//! zeros. Q is the Chebyshev interpolation of the closed form for 1/f = 298.257223563, made with 40 digits; its error is 2e-17 rad.
//! Backwards, where only centres of cells pass, it is a sine series in twice the latitude with the Fourier coefficients of the
//! closed form; the first term left out is 5e-18. Both errors are less than the rounding of a latitude.

use std::f64::consts::{FRAC_2_PI, FRAC_PI_2};

/// Coefficients of u^2k, k = 0…10, in Q.
const TO_AUTHALIC: [f64; 11] = [
    -0.007_021_320_664_860_227,
    0.004_462_535_206_230_778,
    -0.001_075_504_969_630_136_3,
    1.062_458_290_121_104e-4,
    7.859_010_131_652_754e-6,
    -4.562_747_109_849_604e-6,
    7.333_662_848_926_227e-7,
    -1.980_109_982_001_467e-8,
    -1.827_920_626_182_322e-8,
    4.521_304_702_588_104e-9,
    -4.381_752_953_508_829e-10,
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
///
/// Inlined into a loop over an array, it becomes vector instructions.
#[inline]
pub(crate) fn to_authalic(lat: f64) -> f64 {
    let u = lat * FRAC_2_PI;
    let v = u * u;
    let q = TO_AUTHALIC.iter().rev().fold(0.0, |sum, c| sum * v + c);
    (lat + u * (1.0 - v) * q).clamp(-FRAC_PI_2, FRAC_PI_2)
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
