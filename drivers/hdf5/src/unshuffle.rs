//! Undoing the shuffle filter, which stores the first bytes of all elements, then all second bytes, and so on.

/// Elements that are put together at once: with all steps between they stay in the nearest cache.
const BLOCK: usize = 256;

/// Puts the bytes of elements of `width` bytes together again; bytes behind the last whole element stay as they are.
/// `out` is as long as `shuffled`.
pub(crate) fn unshuffle(shuffled: &[u8], width: usize, out: &mut [u8]) {
    match width {
        0 | 1 => out.copy_from_slice(shuffled),
        2 => by_blocks::<2>(shuffled, out, |planes, out| interleave::<1>(planes[0], planes[1], out)),
        4 => {
            let mut pairs = [0u8; 4 * BLOCK];
            by_blocks::<4>(shuffled, out, |planes, out| {
                let (low, high) = pairs.split_at_mut(2 * BLOCK);
                interleave::<1>(planes[0], planes[1], low);
                interleave::<1>(planes[2], planes[3], high);
                interleave::<2>(low, high, out);
            });
        }
        8 => {
            let (mut pairs, mut fours) = ([0u8; 8 * BLOCK], [0u8; 8 * BLOCK]);
            by_blocks::<8>(shuffled, out, |planes, out| {
                let (two, _) = planes.as_chunks::<2>();
                for ([low, high], pair) in two.iter().zip(pairs.chunks_exact_mut(2 * BLOCK)) {
                    interleave::<1>(low, high, pair);
                }
                let (two, _) = pairs.as_chunks::<{ 2 * BLOCK }>();
                let (low, high) = fours.split_at_mut(4 * BLOCK);
                interleave::<2>(&two[0], &two[1], low);
                interleave::<2>(&two[2], &two[3], high);
                interleave::<4>(low, high, out);
            });
        }
        _ => any_width(shuffled, width, out),
    }
}

/// Calls `join` for every whole block of elements with the bytes of each plane, and does the rest one by one.
fn by_blocks<const W: usize>(shuffled: &[u8], out: &mut [u8], mut join: impl FnMut([&[u8]; W], &mut [u8])) {
    let n = shuffled.len() / W;
    let whole = n / BLOCK * BLOCK;
    for (block, out) in out[..whole * W].chunks_exact_mut(BLOCK * W).enumerate() {
        let mut planes = [&shuffled[..0]; W];
        for (byte, plane) in planes.iter_mut().enumerate() {
            let start = byte * n + block * BLOCK;
            *plane = &shuffled[start..start + BLOCK];
        }
        join(planes, out);
    }
    for byte in 0..W {
        for (element, &value) in shuffled[byte * n..(byte + 1) * n].iter().enumerate().skip(whole) {
            out[element * W + byte] = value;
        }
    }
    out[n * W..].copy_from_slice(&shuffled[n * W..]);
}

/// Puts units of `U` bytes in turn from one slice and the other; two fixed sizes, so that the loop becomes vector
/// instructions that do just that.
#[inline(always)]
fn interleave<const U: usize>(first: &[u8], second: &[u8], out: &mut [u8]) {
    let (units, _) = out.as_chunks_mut::<U>();
    let (pairs, _) = units.as_chunks_mut::<2>();
    let ((first, _), (second, _)) = (first.as_chunks::<U>(), second.as_chunks::<U>());
    for ((pair, first), second) in pairs.iter_mut().zip(first).zip(second) {
        *pair = [*first, *second];
    }
}

fn any_width(shuffled: &[u8], width: usize, out: &mut [u8]) {
    let n = shuffled.len() / width;
    // The bytes of a single element are in order, and one turn for each would take long.
    if n <= 1 {
        out.copy_from_slice(shuffled);
        return;
    }
    for byte in 0..width {
        for (element, &value) in shuffled[byte * n..(byte + 1) * n].iter().enumerate() {
            out[element * width + byte] = value;
        }
    }
    out[n * width..].copy_from_slice(&shuffled[n * width..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shuffle(plain: &[u8], width: usize) -> Vec<u8> {
        let n = plain.len() / width;
        let mut out: Vec<u8> =
            (0..width).flat_map(|byte| (0..n).map(move |e| plain[e * width + byte])).collect();
        out.extend(&plain[n * width..]);
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn undoes_shuffle(plain in prop::collection::vec(any::<u8>(), 0..5000), width in prop_oneof![1usize..20, 1usize..6000]) {
            let mut out = vec![0; plain.len()];
            unshuffle(&shuffle(&plain, width), width, &mut out);
            prop_assert_eq!(out, plain);
        }
    }
}
