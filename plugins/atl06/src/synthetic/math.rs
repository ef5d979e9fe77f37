//! Trigonometry from additions, multiplications, divisions and square roots only.
//!
//! Those are rounded the same on every machine; the sines of operating systems differ in the last bit.

use std::f64::consts::{FRAC_PI_2, PI};

/// What π/2 has beyond the precision of [`FRAC_PI_2`].
const FRAC_PI_2_REST: f64 = 6.123_233_995_736_766e-17;

/// Sine and cosine of an angle in radians, for angles of some turns.
pub(super) fn sin_cos(angle: f64) -> (f64, f64) {
    let quarter = (angle / FRAC_PI_2).round();
    let x = angle - quarter * FRAC_PI_2 - quarter * FRAC_PI_2_REST;
    let square = x * x;
    let (mut sine, mut cosine) = (0.0, 0.0);
    // Horner's scheme of the Taylor series, which is exact enough up to π/4.
    for n in (1..=9).rev() {
        let n = f64::from(2 * n);
        cosine = -(1.0 + cosine) * square / (n * (n - 1.0));
        sine = -(1.0 + sine) * square / (n * (n + 1.0));
    }
    let (sine, cosine) = (x + x * sine, 1.0 + cosine);
    match quarter.rem_euclid(4.0) as u8 {
        0 => (sine, cosine),
        1 => (cosine, -sine),
        2 => (-sine, -cosine),
        _ => (-cosine, sine),
    }
}

/// The angle of the point (x, y) in radians, from -π to π.
pub(super) fn atan2(y: f64, x: f64) -> f64 {
    if y.abs() > x.abs() {
        // The series wants a small ratio.
        return FRAC_PI_2.copysign(y) - atan(x / y);
    }
    match (x == 0.0, x > 0.0) {
        (true, _) => 0.0,
        (_, true) => atan(y / x),
        (_, false) => atan(y / x) + PI.copysign(y),
    }
}

/// The arc tangent of a ratio between -1 and 1.
fn atan(ratio: f64) -> f64 {
    // Halving the angle twice brings it below 0.2.
    let half = |tangent: f64| tangent / (1.0 + (1.0 + tangent * tangent).sqrt());
    let x = half(half(ratio));
    let square = x * x;
    let mut sum = 0.0;
    for n in (0..14).rev() {
        sum = 1.0 / f64::from(2 * n + 1) - square * sum;
    }
    4.0 * x * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_standard_library() {
        for step in -2000..2000 {
            let angle = f64::from(step) * 0.007;
            let (sine, cosine) = sin_cos(angle);
            assert!((sine - angle.sin()).abs() < 4e-16, "sin {angle}");
            assert!((cosine - angle.cos()).abs() < 4e-16, "cos {angle}");
            assert!((atan2(sine, cosine) - sine.atan2(cosine)).abs() < 1e-15, "atan2 {angle}");
        }
        for (y, x) in [(0.0, 1.0), (0.0, -1.0), (1.0, 0.0), (-1.0, 0.0), (0.0, 0.0), (1.0, 1.0), (-1.0, -1.0)]
        {
            assert!((atan2(y, x) - f64::atan2(y, x)).abs() < 1e-15, "atan2({y}, {x})");
        }
    }
}
