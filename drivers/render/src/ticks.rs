//! Round numbers along a scale, and how they are written.

use crate::colours::{Scale, ScaleKind};

/// The least round step that divides a length into at most `most` parts: 1, 2, 2.5 or 5 times a power of ten.
pub(crate) fn round_step(length: f64, most: f64) -> f64 {
    let least = length / most.max(1.0);
    if !(least.is_finite() && least > 0.0) {
        return 1.0;
    }
    let power = 10f64.powf(least.log10().floor());
    [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|n| n * power)
        .find(|step| *step >= least * (1.0 - 1e-9))
        .unwrap_or(least)
}

/// Values to mark on a scale, at most about `most`, with their texts.
pub(crate) fn ticks(scale: &Scale, most: f64) -> Vec<(f64, String)> {
    let decades = (scale.high / scale.low).log10();
    if scale.kind == ScaleKind::Log && decades >= 1.0 {
        return decades_of(scale, decades, most);
    }
    let step = round_step(scale.high - scale.low, most);
    let (first, last) = ((scale.low / step - 1e-6).ceil(), (scale.high / step + 1e-6).floor());
    let count = (last - first).clamp(0.0, 100.0) as usize;
    let values: Vec<f64> = (0..=count).map(|at| (first + at as f64) * step).collect();
    let texts = written(&values, step);
    values.into_iter().zip(texts).collect()
}

/// Powers of ten, and between them 2 and 5 where there is room.
fn decades_of(scale: &Scale, decades: f64, most: f64) -> Vec<(f64, String)> {
    let every = (decades / most).ceil().max(1.0) as i32;
    let within: &[f64] = if decades * 3.0 <= most { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let (low, high) = (scale.low.log10().floor() as i32, scale.high.log10().ceil() as i32);
    (low..=high)
        .filter(|power| power.rem_euclid(every) == 0)
        .flat_map(|power| within.iter().map(move |n| n * 10f64.powi(power)))
        .filter(|x| (scale.low * (1.0 - 1e-9)..=scale.high * (1.0 + 1e-9)).contains(x))
        .map(|x| (x, single(x)))
        .collect()
}

/// Texts of multiples of a step, all with as many digits.
fn written(values: &[f64], step: f64) -> Vec<String> {
    let largest = values.iter().fold(0.0f64, |most, x| most.max(x.abs()));
    if largest >= 1e7 || (largest < 1e-4 && largest > 0.0) {
        return values.iter().map(|x| if *x == 0.0 { "0".into() } else { single(*x) }).collect();
    }
    let decimals = (0..12).find(|n| {
        ((step * 10f64.powi(*n)).round() - step * 10f64.powi(*n)).abs() < 1e-6 * step * 10f64.powi(*n)
    });
    let decimals = decimals.unwrap_or(6) as usize;
    // A zero has no sign.
    values
        .iter()
        .map(|x| signed(&format!("{:.decimals$}", if x.abs() < step * 1e-6 { 0.0 } else { *x })))
        .collect()
}

/// A number that stands for itself.
pub(crate) fn single(x: f64) -> String {
    let size = x.abs();
    if size != 0.0 && !(1e-3..1e6).contains(&size) {
        let text = format!("{x:.3e}");
        let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
        return signed(&format!("{}e{power}", digits.trim_end_matches('0').trim_end_matches('.')));
    }
    signed(&format!("{x}"))
}

/// With a minus sign that is as wide as a plus.
fn signed(text: &str) -> String {
    text.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(low: f64, high: f64, kind: ScaleKind) -> Scale {
        Scale { kind, low, high, has_lower: false, has_higher: false }
    }

    fn texts(low: f64, high: f64, kind: ScaleKind) -> Vec<String> {
        ticks(&scale(low, high, kind), 6.0).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(texts(-130.0, 3900.0, ScaleKind::Linear), ["0", "1000", "2000", "3000"]);
        assert_eq!(texts(-0.21, 0.13, ScaleKind::Linear), ["−0.2", "−0.1", "0.0", "0.1"]);
        assert_eq!(texts(0.0, 1.0, ScaleKind::Linear), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(texts(1.0, 2e5, ScaleKind::Log), ["1", "10", "100", "1000", "10000", "100000"]);
        assert_eq!(texts(1.0, 60.0, ScaleKind::Log), ["1", "2", "5", "10", "20", "50"]);
        assert_eq!(texts(2.0, 4.0, ScaleKind::Log), ["2.0", "2.5", "3.0", "3.5", "4.0"]);
        assert_eq!(texts(0.0, 3e8, ScaleKind::Linear).first().map(String::as_str), Some("0"));
        assert_eq!(single(3e8), "3e8");
        assert_eq!(single(-2.5e-5), "−2.5e−5");
    }

    #[test]
    fn steps_are_never_zero() {
        for (length, most) in [(0.0, 5.0), (f64::NAN, 5.0), (f64::INFINITY, 5.0), (1e-300, 5.0)] {
            assert!(round_step(length, most) > 0.0);
        }
        assert_eq!((round_step(10.0, 5.0), round_step(11.0, 5.0), round_step(30.0, 6.0)), (2.0, 2.5, 5.0));
    }
}
