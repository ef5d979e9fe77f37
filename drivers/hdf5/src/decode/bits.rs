//! Numbers of any width packed one behind the other, the highest bit of each first.

/// A position in packed bits.
#[derive(Debug)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    /// Bits before the next one.
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Whether `bits` more are there.
    pub(super) fn has(&self, bits: usize) -> bool {
        bits <= (self.bytes.len() * 8).saturating_sub(self.at)
    }

    /// The next `width` bits, up to 64, as a number; bits behind the end are zeros.
    pub(super) fn read(&mut self, width: u32) -> u64 {
        let (byte, skip) = (self.at / 8, (self.at % 8) as u32);
        let rest = self.bytes.get(byte..).unwrap_or_default();
        let word = match rest.first_chunk::<16>() {
            Some(bytes) => u128::from_be_bytes(*bytes),
            None => {
                let mut padded = [0u8; 16];
                padded[..rest.len()].copy_from_slice(rest);
                u128::from_be_bytes(padded)
            }
        };
        self.at += width as usize;
        if width == 0 { 0 } else { ((word << skip) >> (128 - width)) as u64 }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Packs numbers of given widths.
    pub(in crate::decode) fn pack(numbers: &[(u64, u32)]) -> Vec<u8> {
        let bits: Vec<u8> = numbers
            .iter()
            .flat_map(|&(number, width)| (0..width).rev().map(move |bit| (number >> bit & 1) as u8))
            .collect();
        let byte = |bits: &[u8]| bits.iter().enumerate().map(|(i, bit)| bit << (7 - i)).sum();
        bits.chunks(8).map(byte).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_was_packed_is_read(numbers in prop::collection::vec((any::<u64>(), 0u32..=64), 0..40)) {
            let packed = pack(&numbers);
            let mut reader = BitReader::new(&packed);
            for (number, width) in numbers {
                prop_assert!(reader.has(width as usize));
                let kept = if width == 64 { number } else { number & ((1 << width) - 1) };
                prop_assert_eq!(reader.read(width), kept);
            }
            prop_assert!(!reader.has(8));
            prop_assert_eq!(reader.read(64), 0);
        }
    }
}
