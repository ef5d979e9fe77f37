//! The two checksums of the format: lookup3 over metadata, fletcher32 over chunks.

use zagg_core::Result;

use crate::cursor::corrupt;

/// Bob Jenkins' lookup3 (`hashlittle`) with initial value 0, as HDF5 uses it for metadata and link names.
pub(crate) fn lookup3(bytes: &[u8]) -> u32 {
    let start = 0xdead_beef_u32.wrapping_add(bytes.len() as u32);
    let (mut a, mut b, mut c) = (start, start, start);
    let word = |block: &[u8], i: usize| {
        let mut wide = [0u8; 4];
        for (to, from) in wide.iter_mut().zip(block.iter().skip(4 * i)) {
            *to = *from;
        }
        u32::from_le_bytes(wide)
    };
    let mut rest = bytes;
    while rest.len() > 12 {
        let (block, tail) = rest.split_at(12);
        a = a.wrapping_add(word(block, 0));
        b = b.wrapping_add(word(block, 1));
        c = c.wrapping_add(word(block, 2));
        a = a.wrapping_sub(c) ^ c.rotate_left(4);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(6);
        a = a.wrapping_add(c);
        c = c.wrapping_sub(b) ^ b.rotate_left(8);
        b = b.wrapping_add(a);
        a = a.wrapping_sub(c) ^ c.rotate_left(16);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(19);
        a = a.wrapping_add(c);
        c = c.wrapping_sub(b) ^ b.rotate_left(4);
        b = b.wrapping_add(a);
        rest = tail;
    }
    if rest.is_empty() {
        return c;
    }
    a = a.wrapping_add(word(rest, 0));
    b = b.wrapping_add(word(rest, 1));
    c = c.wrapping_add(word(rest, 2));
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    (c ^ b).wrapping_sub(b.rotate_left(24))
}

/// Checks the checksum in the last four of `bytes`, the whole structure `what` at `offset`.
pub(crate) fn verify(bytes: &[u8], what: &str, offset: u64) -> Result<()> {
    let Some((body, stored)) = bytes.split_last_chunk::<4>() else {
        return Err(corrupt(what, offset, "is too short for its checksum"));
    };
    if lookup3(body) != u32::from_le_bytes(*stored) {
        return Err(corrupt(what, offset, "the checksum does not match; the file is damaged"));
    }
    Ok(())
}

/// HDF5's fletcher32 over the bytes of a chunk: sums of big-endian 16-bit words modulo 65535.
pub(crate) fn fletcher32(bytes: &[u8]) -> u32 {
    let (mut sum1, mut sum2) = (0u32, 0u32);
    let fold = |x: u32| (x & 0xffff) + (x >> 16);
    let (pairs, odd) = bytes.as_chunks::<2>();
    // 360 words fit before the second sum can overflow.
    for block in pairs.chunks(360) {
        for pair in block {
            sum1 += u32::from(u16::from_be_bytes(*pair));
            sum2 += sum1;
        }
        sum1 = fold(sum1);
        sum2 = fold(sum2);
    }
    if let [last] = odd {
        sum1 += u32::from(*last) << 8;
        sum2 += sum1;
        sum1 = fold(sum1);
        sum2 = fold(sum2);
    }
    (fold(sum2) << 16) | fold(sum1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lookup3_matches_the_published_values() {
        assert_eq!(lookup3(b""), 0xdead_beef);
        assert_eq!(lookup3(b"Four score and seven years ago"), 0x1777_0551);
    }

    #[test]
    fn verify_finds_one_flipped_bit() {
        let mut bytes = b"some metadata".to_vec();
        bytes.extend(lookup3(&bytes.clone()).to_le_bytes());
        verify(&bytes, "block", 7).unwrap();
        bytes[3] ^= 1;
        let message = verify(&bytes, "block", 7).unwrap_err().to_string();
        assert!(message.starts_with("block at offset 7: the checksum does not match"), "{message}");
    }

    #[test]
    fn fletcher32_of_words_summed_by_hand() {
        // Words 0x0102 and 0x0304: sums 0x0406 and 0x0102 + 0x0406.
        assert_eq!(fletcher32(&[1, 2, 3, 4]), 0x0508_0406);
        // An odd byte is the high half of a last word.
        assert_eq!(fletcher32(&[1, 2, 3]), (0x0102 + 0x0402) << 16 | 0x0402);
    }
}
