//! The byte-oriented compressors of the LZ77 family that are not in a library: LZF and BloscLZ.

/// Bytes that BloscLZ reaches back with its short form.
const BLOSCLZ_SHORT: usize = 8191;

/// Undoes LZF, the compressor of h5py (filter 32000); the number of bytes, or `None` when the stream is damaged or does
/// not fit into `out`.
///
/// A control byte below 32 leads one more literal byte than it says. Others hold the length of a match less two in three
/// bits, seven of which call for a further byte to be added, and the upper five of the thirteen bits of the distance less
/// one.
pub(super) fn lzf(stored: &[u8], out: &mut [u8]) -> Option<usize> {
    let mut input = stored.iter();
    let mut at = 0;
    while let Some(&control) = input.next() {
        let control = usize::from(control);
        if control < 32 {
            at = literals(&mut input, control + 1, out, at)?;
            continue;
        }
        let mut len = control >> 5;
        if len == 7 {
            len += usize::from(*input.next()?);
        }
        let distance = ((control & 31) << 8 | usize::from(*input.next()?)) + 1;
        at = repeat(out, at, distance, len + 2)?;
    }
    Some(at)
}

/// Undoes BloscLZ, the first compressor of Blosc; the number of bytes, or `None` when the stream is damaged or does not
/// fit into `out`.
///
/// As LZF, but lengths of seven are followed by any number of bytes up to one below 255, one is added to lengths, the
/// first control byte always leads literals, and the greatest distance is followed by 16 bits of further distance.
pub(super) fn blosclz(stored: &[u8], out: &mut [u8]) -> Option<usize> {
    let mut input = stored.iter();
    let mut control = usize::from(*input.next()?) & 31;
    let mut at = 0;
    loop {
        if control < 32 {
            at = literals(&mut input, control + 1, out, at)?;
        } else {
            let mut len = (control >> 5) - 1;
            if len == 6 {
                loop {
                    let more = *input.next()?;
                    len += usize::from(more);
                    if more != 255 {
                        break;
                    }
                }
            }
            let mut distance = (control & 31) << 8 | usize::from(*input.next()?);
            if distance == BLOSCLZ_SHORT {
                distance += usize::from(*input.next()?) << 8 | usize::from(*input.next()?);
            }
            at = repeat(out, at, distance + 1, len + 3)?;
        }
        match input.next() {
            Some(&next) => control = usize::from(next),
            None => return Some(at),
        }
    }
}

fn literals(input: &mut std::slice::Iter<'_, u8>, len: usize, out: &mut [u8], at: usize) -> Option<usize> {
    let (taken, rest) = input.as_slice().split_at_checked(len)?;
    out.get_mut(at..at + len)?.copy_from_slice(taken);
    *input = rest.iter();
    Some(at + len)
}

/// Repeats `len` bytes from `distance` bytes before position `at`; both stretches may overlap.
fn repeat(out: &mut [u8], at: usize, distance: usize, len: usize) -> Option<usize> {
    let from = at.checked_sub(distance)?;
    let end = at.checked_add(len).filter(|&end| end <= out.len())?;
    if distance >= len {
        out.copy_within(from..from + len, at);
    } else {
        for to in at..end {
            out[to] = out[to - distance];
        }
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn matches_may_overlap_what_they_write() {
        let mut out = [0; 32];
        // "ab", then twelve bytes from two back, then "c".
        let stored = [1, b'a', b'b', 7 << 5, 3, 1, 0, b'c'];
        assert_eq!(lzf(&stored, &mut out), Some(15));
        assert_eq!(&out[..15], b"ababababababab\x63");
        let stored = [1, b'a', b'b', 7 << 5, 3, 1, 0, b'c'];
        assert_eq!(blosclz(&stored, &mut out), Some(15));
        assert_eq!(&out[..15], b"ababababababab\x63");
    }

    #[test]
    fn far_matches_of_blosclz() {
        let mut stored: Vec<u8> = Vec::new();
        let literals: Vec<u8> = (0..9024u32).map(|i| (i * 7 / 3) as u8).collect();
        for run in literals.chunks(32) {
            stored.push(run.len() as u8 - 1);
            stored.extend(run);
        }
        // Three bytes from 9000 back: 8191 and 808 more, and one.
        stored.extend([1 << 5 | 31, 255, 3, 40]);
        let mut out = vec![0; 9027];
        assert_eq!(blosclz(&stored, &mut out), Some(9027));
        assert_eq!(out[9024..], literals[24..27]);
    }

    #[test]
    fn damage_is_noticed() {
        let mut out = [0; 8];
        assert_eq!(lzf(&[3, 1, 2], &mut out), None);
        assert_eq!(lzf(&[0, 1, 1 << 5, 1], &mut out), None);
        assert_eq!(lzf(&[0, 1, 7 << 5], &mut out), None);
        assert_eq!(lzf(&[0, 1, 7 << 5, 0, 0], &mut out), None);
        assert_eq!(blosclz(&[], &mut out), None);
        assert_eq!(blosclz(&[0, 1, 7 << 5, 255, 255], &mut out), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// A stream of runs gives the bytes that they mean.
        #[test]
        fn streams_are_undone(steps in prop::collection::vec((any::<bool>(), 1usize..32, any::<u16>(), any::<u8>()), 1..40)) {
            let (mut plain, mut stored) = (Vec::new(), Vec::new());
            for (literal, len, distance, byte) in steps {
                if literal || plain.is_empty() {
                    stored.push(len as u8 - 1);
                    let run: Vec<u8> = (0..len).map(|i| byte.wrapping_mul(i as u8 + 3)).collect();
                    stored.extend(&run);
                    plain.extend(run);
                } else {
                    let (distance, len) = (usize::from(distance) % plain.len().min(8191), len + 2);
                    let long = if len >= 9 { 7 } else { len - 2 };
                    stored.push((long << 5 | distance >> 8) as u8);
                    if long == 7 {
                        stored.push((len - 9) as u8);
                    }
                    stored.push(distance as u8);
                    for _ in 0..len {
                        plain.push(plain[plain.len() - 1 - distance]);
                    }
                }
            }
            let mut out = vec![0; plain.len()];
            prop_assert_eq!(lzf(&stored, &mut out), Some(plain.len()));
            prop_assert_eq!(&out, &plain);
            let mut out = vec![0; plain.len()];
            prop_assert_eq!(blosclz(&stored, &mut out), Some(plain.len()));
            prop_assert_eq!(&out, &plain);
            let mut short = vec![0; plain.len() - 1];
            prop_assert_eq!(lzf(&stored, &mut short), None);
        }

        #[test]
        fn any_bytes_are_read_or_refused(stored in prop::collection::vec(any::<u8>(), 0..200), len in 0usize..400) {
            let mut out = vec![0; len];
            prop_assert!(lzf(&stored, &mut out).is_none_or(|n| n <= len));
            prop_assert!(blosclz(&stored, &mut out).is_none_or(|n| n <= len));
        }
    }
}
