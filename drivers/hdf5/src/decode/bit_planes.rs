//! Undoing bitshuffle: the lowest bits of all elements lie together, then all second bits, and so on.

/// Puts elements of `width` bytes together from planes of bits. `planes` and `out` are equally long, a multiple of eight
/// elements. In a plane the bit of the first element is the lowest of the first byte.
pub(super) fn join(planes: &[u8], width: usize, out: &mut [u8]) {
    let group = width * 8;
    let plane = planes.len() / group;
    if plane == 0 {
        return;
    }
    // One byte of eight elements at a time: its eight planes lie one behind the other.
    for (byte, bits) in planes.chunks_exact(plane * 8).enumerate() {
        for (at, elements) in out.chunks_exact_mut(group).enumerate() {
            let mut square = [0u8; 8];
            for (row, plane) in square.iter_mut().zip(bits.chunks_exact(plane)) {
                *row = plane[at];
            }
            let turned = transpose(u64::from_le_bytes(square)).to_le_bytes();
            for (element, value) in elements.chunks_exact_mut(width).zip(turned) {
                element[byte] = value;
            }
        }
    }
}

/// Turns a square of eight by eight bits: bit *i* of byte *j* becomes bit *j* of byte *i*. Squares of one, two and four bits
/// change places across the diagonal.
fn transpose(mut square: u64) -> u64 {
    for (distance, mask) in
        [(7, 0x00aa_00aa_00aa_00aa), (14, 0x0000_cccc_0000_cccc), (28, 0x0000_0000_f0f0_f0f0)]
    {
        let swapped = (square ^ (square >> distance)) & mask;
        square ^= swapped ^ (swapped << distance);
    }
    square
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The planes of elements, one bit after the other.
    pub(in crate::decode) fn split(plain: &[u8], width: usize) -> Vec<u8> {
        let elements = plain.len() / width;
        let mut planes = vec![0; plain.len()];
        for (at, element) in plain.chunks_exact(width).enumerate() {
            for bit in 0..width * 8 {
                planes[bit * elements / 8 + at / 8] |= (element[bit / 8] >> (bit % 8) & 1) << (at % 8);
            }
        }
        planes
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn planes_are_joined(groups in prop::collection::vec(any::<[u8; 8]>(), 0..40), width in 1usize..10) {
            let mut plain: Vec<u8> = groups.concat();
            plain.truncate(plain.len() / (width * 8) * width * 8);
            let mut out = vec![0; plain.len()];
            join(&split(&plain, width), width, &mut out);
            prop_assert_eq!(out, plain);
        }
    }
}
