//! The t-digest itself: sorted numbers become centroids (Dunning and Ertl, "Computing extremely accurate quantiles
//! using t-digests", 2019), by greedy merging under the scale function k1.

use std::f64::consts::PI;

/// A mean of neighbouring values and how many they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Centroid {
    pub(super) mean: f64,
    pub(super) weight: f64,
}

/// The scale function `k(q) = delta·(arcsin(2q - 1)/π + 1/2)`, of which a centroid may span 1.
///
/// The end of the span that begins at `q` follows without an arcsine: with `a = 2q - 1` it is where `2q' - 1` reaches
/// `sin(arcsin a + π/delta) = a·cos(π/delta) + √(1 - a²)·sin(π/delta)`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    delta: u32,
    sin: f64,
    cos: f64,
}

/// Spans that exceed 1 by no more than rounding still pass.
const SLACK: f64 = 1e-12;

impl Scale {
    /// The scale of a whole `delta`, 1 or greater.
    pub(super) fn new(delta: u32) -> Self {
        // These functions are the same on every machine; those of the standard library are the system's.
        let (sin, cos) = libm::sincos(PI / f64::from(delta.max(1)));
        Self { delta: delta.max(1), sin, cos }
    }

    /// The most centroids of a digest: of two neighbours the first and the next value after it span more than 1 of
    /// `delta`, so that two together take more than 1.
    pub(super) fn most(&self) -> usize {
        2 * self.delta as usize - 1
    }

    /// The greatest `2q' - 1` of a centroid that begins at `q`.
    fn end(&self, q: f64) -> f64 {
        let a = 2.0 * q - 1.0;
        if self.delta == 1 || a >= self.cos {
            return f64::INFINITY;
        }
        a * self.cos + (1.0 - a * a).max(0.0).sqrt() * self.sin + SLACK
    }

    /// Puts centroids together that are ascending by mean; `total` is the sum of their weights.
    pub(super) fn compress(&self, sorted: impl Iterator<Item = Centroid>, total: f64) -> Vec<Centroid> {
        let mut digest: Vec<Centroid> = Vec::new();
        let mut before = 0.0;
        let mut end = self.end(0.0);
        for next in sorted {
            match digest.last_mut() {
                Some(last) if 2.0 * ((before + last.weight + next.weight) / total) - 1.0 <= end => {
                    last.weight += next.weight;
                    let mean = last.mean + (next.mean - last.mean) * (next.weight / last.weight);
                    // A difference beyond the range of f64 is taken in parts. Rounding leads past neither of the two.
                    let mean = if mean.is_finite() {
                        mean
                    } else {
                        let share = next.weight / last.weight;
                        last.mean * (1.0 - share) + next.mean * share
                    };
                    last.mean = mean.max(last.mean).min(next.mean);
                }
                last => {
                    if let Some(last) = last {
                        before += last.weight;
                        end = self.end(before / total);
                    }
                    digest.push(next);
                }
            }
        }
        digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(n: usize, delta: u32) -> Vec<f64> {
        let values = (0..n).map(|i| Centroid { mean: i as f64, weight: 1.0 });
        Scale::new(delta).compress(values, n as f64).iter().map(|c| c.weight).collect()
    }

    /// The definition with its arcsines.
    fn by_definition(n: usize, delta: u32) -> Vec<f64> {
        let k = |q: f64| f64::from(delta) * ((2.0 * q - 1.0).clamp(-1.0, 1.0).asin() / PI + 0.5);
        let (mut weights, mut before) = (vec![1.0], 0.0);
        for _ in 1..n {
            let last = weights.len() - 1;
            if k((before + weights[last] + 1.0) / n as f64) - k(before / n as f64) <= 1.0 + 1e-9 {
                weights[last] += 1.0;
            } else {
                before += weights[last];
                weights.push(1.0);
            }
        }
        weights
    }

    #[test]
    fn centroids_span_what_the_scale_allows() {
        for delta in [1, 2, 3, 4, 8, 16, 25, 100, 512] {
            for n in (1..70).chain([100, 257, 513, 1000, 4096]) {
                let found = weights(n, delta);
                assert_eq!(found, by_definition(n, delta), "{n} values, delta {delta}");
                assert!(found.len() < 2 * delta as usize);
            }
        }
    }

    #[test]
    fn the_counts_of_the_original() {
        assert_eq!(weights(40, 16).len(), 18);
        assert_eq!(weights(5, 16).len(), 5);
    }

    #[test]
    fn means_stay_between_their_values_and_finite() {
        let ends = [-f64::MAX, f64::MAX].map(|mean| Centroid { mean, weight: 1.0 });
        assert_eq!(Scale::new(1).compress(ends.into_iter(), 2.0), [Centroid { mean: 0.0, weight: 2.0 }]);
        let same = [0.1; 9].map(|mean| Centroid { mean, weight: 1.0 });
        assert_eq!(Scale::new(1).compress(same.into_iter(), 9.0)[0].mean, 0.1);
    }
}
