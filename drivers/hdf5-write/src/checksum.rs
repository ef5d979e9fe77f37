//! The checksum of version-2 object headers: Bob Jenkins' lookup3 hash of bytes, with 0 as its start value.

/// The lookup3 hash of `data`.
pub(crate) fn lookup3(data: &[u8]) -> u32 {
    // The format defines the hash over 32-bit lengths; an object header is far below that.
    let start = 0xdead_beef_u32.wrapping_add(data.len() as u32);
    let mut state = [start; 3];
    let mut rest = data;
    while rest.len() > 12 {
        add_block(&mut state, &rest[..12]);
        mix(&mut state);
        rest = &rest[12..];
    }
    if !rest.is_empty() {
        add_block(&mut state, rest);
        finish(&mut state);
    }
    state[2]
}

/// Adds up to twelve bytes, as if zeros followed them.
fn add_block(state: &mut [u32; 3], block: &[u8]) {
    for (index, byte) in block.iter().enumerate() {
        let word = &mut state[index / 4];
        *word = word.wrapping_add(u32::from(*byte) << (8 * (index % 4)));
    }
}

fn mix(state: &mut [u32; 3]) {
    // The three words take turns; the rotation is all that differs between the six steps.
    for (step, rotation) in [4, 6, 8, 16, 19, 4].into_iter().enumerate() {
        let (first, second, third) = (step % 3, (step + 1) % 3, (step + 2) % 3);
        state[first] = state[first].wrapping_sub(state[third]) ^ state[third].rotate_left(rotation);
        state[third] = state[third].wrapping_add(state[second]);
    }
}

fn finish(state: &mut [u32; 3]) {
    for (step, rotation) in [14, 11, 25, 16, 4, 14, 24].into_iter().enumerate() {
        let (target, source) = ((step + 2) % 3, (step + 1) % 3);
        state[target] = (state[target] ^ state[source]).wrapping_sub(state[source].rotate_left(rotation));
    }
}

#[cfg(test)]
mod tests {
    use super::lookup3;

    #[test]
    fn agrees_with_the_published_values() {
        assert_eq!(lookup3(b""), 0xdead_beef);
        assert_eq!(lookup3(b"Four score and seven years ago"), 0x1777_0551);
    }
}
