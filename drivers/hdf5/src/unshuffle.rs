//! Undoing the shuffle filter, which stores the first bytes of all elements, then all second bytes, and so on.

/// Puts the bytes of elements of `width` bytes together again; bytes behind the last whole element stay as they are.
/// `out` is as long as `shuffled`.
pub(crate) fn unshuffle(shuffled: &[u8], width: usize, out: &mut [u8]) {
    match width {
        0 | 1 => out.copy_from_slice(shuffled),
        2 => planes::<2>(shuffled, out),
        4 => planes::<4>(shuffled, out),
        8 => planes::<8>(shuffled, out),
        _ => any_width(shuffled, width, out),
    }
}

/// A width known when compiling, so that the inner loop becomes interleaving vector stores.
fn planes<const W: usize>(shuffled: &[u8], out: &mut [u8]) {
    let n = shuffled.len() / W;
    let (elements, rest) = out.as_chunks_mut::<W>();
    // Equal lengths, so that the compiler drops the bounds checks.
    let mut planes = [&shuffled[..n]; W];
    for (i, plane) in planes.iter_mut().enumerate() {
        *plane = &shuffled[i * n..(i + 1) * n];
    }
    for (i, element) in elements.iter_mut().enumerate() {
        for (byte, plane) in element.iter_mut().zip(&planes) {
            *byte = plane[i];
        }
    }
    rest.copy_from_slice(&shuffled[n * W..]);
}

fn any_width(shuffled: &[u8], width: usize, out: &mut [u8]) {
    let n = shuffled.len() / width;
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
        #[test]
        fn undoes_shuffle(plain in prop::collection::vec(any::<u8>(), 0..300), width in 1usize..20) {
            let mut out = vec![0; plain.len()];
            unshuffle(&shuffle(&plain, width), width, &mut out);
            prop_assert_eq!(out, plain);
        }
    }
}
