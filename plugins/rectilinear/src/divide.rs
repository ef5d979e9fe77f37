//! Which cell along one axis.

/// How often `size` fits into `distance`, rounded down: the floor of the exact quotient, not of the rounded one.
///
/// Both are finite, `size` is positive. The rounded quotient may be a whole number when the exact one is a little less,
/// which would put places next to a border on its other side. Python's `//` has the exact floor, too.
#[inline]
pub(crate) fn whole(distance: f64, size: f64) -> f64 {
    let quotient = distance / size;
    let floor = quotient.floor();
    // The fused remainder is rounded once, so its sign is exact.
    if floor == quotient && (-floor).mul_add(size, distance) < 0.0 { floor - 1.0 } else { floor }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn places_next_to_borders_stay_on_their_side() {
        // 0.3 is less than three times 0.1, and 0.6 - 0.0 / 0.2 less than three; Python's // says so, too.
        assert_eq!(whole(0.3, 0.1), 2.0);
        assert_eq!(whole(0.6, 0.2), 2.0);
        assert_eq!(whole(1.0, 0.1), 9.0);
        assert_eq!(whole(5000.0, 5000.0), 1.0);
        assert_eq!(whole(0.0, 0.1), 0.0);
        assert_eq!(whole(-1e-300, 5.0), -1.0);
    }

    proptest! {
        #[test]
        fn it_is_the_floor_of_the_exact_quotient(
            size in prop_oneof![1e-6..1e6_f64, prop::sample::select(vec![0.1, 0.05, 0.3, 1.0 / 3.0])],
            n in 0_u32..1_000_000, nudge in -2_i64..=2,
        ) {
            let product = f64::from(n) * size;
            let distance = f64::from_bits((product.to_bits() as i64 + nudge).max(0) as u64);
            // The remainder of a division is exact, so taking it away leaves a whole multiple, up to rounding.
            let expected = ((distance - distance % size) / size).round();
            prop_assert_eq!(whole(distance, size), expected);
        }
    }
}
