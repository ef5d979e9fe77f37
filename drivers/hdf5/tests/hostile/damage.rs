//! Ways to damage a file, at random and at the places of its structures.

/// A small deterministic generator (splitmix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        (!of.is_empty()).then(|| of[self.below(of.len())])
    }
}

/// Signatures of structures, with the length of those that have always the same one.
const SIGNATURES: [(&[u8; 4], Option<usize>); 18] = [
    (b"OHDR", None),
    (b"OCHK", None),
    (b"TREE", None),
    (b"SNOD", None),
    (b"HEAP", None),
    (b"GCOL", None),
    (b"FRHP", Some(146)),
    (b"FHDB", None),
    (b"FHIB", None),
    (b"BTHD", Some(38)),
    (b"BTIN", None),
    (b"BTLF", None),
    (b"FAHD", Some(28)),
    (b"FADB", None),
    (b"EAHD", Some(72)),
    (b"EAIB", None),
    (b"EASB", None),
    (b"EADB", None),
];

/// A file and where its structures start.
pub(crate) struct Seed {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    structures: Vec<usize>,
}

impl Seed {
    pub(crate) fn new(name: &str, bytes: Vec<u8>) -> Self {
        let is_start = |at: &usize| SIGNATURES.iter().any(|(s, _)| bytes[*at..].starts_with(*s));
        let mut structures: Vec<usize> = (0..bytes.len()).filter(is_start).collect();
        structures.push(0);
        Self { name: name.to_owned(), bytes, structures }
    }

    /// This file damaged in the way that belongs to `case`, with pieces of `other`.
    pub(crate) fn damaged(&self, other: &Self, case: u64) -> Vec<u8> {
        let mut random = Random(case);
        let mut bytes = self.bytes.clone();
        for _ in 0..=random.below(3) {
            self.damage(&mut bytes, other, &mut random);
        }
        bytes
    }

    fn damage(&self, bytes: &mut Vec<u8>, other: &Self, random: &mut Random) {
        if bytes.len() < 16 {
            return;
        }
        let at = random.below(bytes.len());
        let near = random.pick(&self.structures).unwrap_or(0) + random.below(48);
        match random.below(12) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
            2 => fill(bytes, at, random.below(64), [0, 0xff][random.below(2)]),
            3 => {
                // A page of zeros, as after a lost write.
                let page = [512, 4096][random.below(2)];
                fill(bytes, at / page * page, page, 0);
            }
            4 => {
                let from = random.below(bytes.len());
                let piece = bytes[from..(from + random.below(256)).min(bytes.len())].to_vec();
                put(bytes, at, &piece);
            }
            5 => {
                // A piece of another file, at its own place or anywhere.
                let from = random.below(other.bytes.len());
                let len = [64, 512, 8192][random.below(3)];
                let piece = &other.bytes[from..(from + len).min(other.bytes.len())];
                put(bytes, if random.below(2) == 0 { from } else { at }, piece);
            }
            6 => {
                let structure = random.pick(&SIGNATURES).map_or(*b"TREE", |(s, _)| *s);
                put(bytes, if random.below(2) == 0 { near } else { at }, &structure);
            }
            7 if random.below(4) == 0 => bytes.truncate(at.max(64)),
            7 | 8 => {
                // A plausible address: of another structure, or anywhere in the file.
                let to = if random.below(2) == 0 {
                    self.structures[random.below(self.structures.len())]
                } else {
                    at
                };
                put(bytes, near, &(to as u64).to_le_bytes());
                self.seal(bytes, near);
            }
            _ => {
                let hostile =
                    [0, 1, u64::MAX, u64::MAX - 1, 1 << 63, 1 << 40, 1 << 31, 0xffff, bytes.len() as u64];
                let value = hostile[random.below(hostile.len())].to_le_bytes();
                let width = [1, 2, 4, 8][random.below(4)];
                put(bytes, near, &value[..width]);
                self.seal(bytes, near);
            }
        }
    }

    /// Makes the checksum right of the structure that a change lies in, so that the parser looks at the change.
    fn seal(&self, bytes: &mut [u8], changed: usize) {
        let Some(&start) = self.structures.iter().filter(|&&start| start <= changed).max() else { return };
        let Some(head) = bytes.get(start..start + 12) else { return };
        let fixed = SIGNATURES.iter().find(|(s, _)| head.starts_with(*s)).and_then(|(_, len)| *len);
        let len = match fixed {
            Some(len) => len,
            None if head.starts_with(b"OHDR") => {
                let flags = head[5];
                let prefix =
                    6 + if flags & 0x20 != 0 { 16 } else { 0 } + if flags & 0x10 != 0 { 4 } else { 0 };
                let width = 1 << (flags & 3);
                let Some(size) = bytes.get(start + prefix..start + prefix + width) else { return };
                let mut wide = [0; 8];
                wide[..width].copy_from_slice(size);
                prefix + width + (u64::from_le_bytes(wide) & 0xffff_ffff) as usize + 4
            }
            None => return,
        };
        if let Some(whole) = bytes.get_mut(start..start + len) {
            let (body, sum) = whole.split_at_mut(len - 4);
            sum.copy_from_slice(&lookup3(body).to_le_bytes());
        }
    }
}

fn fill(bytes: &mut [u8], at: usize, len: usize, value: u8) {
    let end = (at + len).min(bytes.len());
    if let Some(place) = bytes.get_mut(at..end) {
        place.fill(value);
    }
}

fn put(bytes: &mut [u8], at: usize, piece: &[u8]) {
    let end = (at + piece.len()).min(bytes.len());
    if let Some(place) = bytes.get_mut(at..end) {
        place.copy_from_slice(&piece[..end - at]);
    }
}

/// Jenkins' lookup3 with initial value 0, as HDF5 uses it.
fn lookup3(bytes: &[u8]) -> u32 {
    let mut s = [0xdead_beef_u32.wrapping_add(bytes.len() as u32); 3];
    let mut rest = bytes;
    let word = |bytes: &[u8], i: usize| {
        (0..4).fold(0, |w, b| w | u32::from(bytes.get(4 * i + b).copied().unwrap_or(0)) << (8 * b))
    };
    while rest.len() > 12 {
        for (i, value) in s.iter_mut().enumerate() {
            *value = value.wrapping_add(word(rest, i));
        }
        for (step, turn) in [4, 6, 8, 16, 19, 4].into_iter().enumerate() {
            let (a, b, c) = (step % 3, (step + 1) % 3, (step + 2) % 3);
            s[a] = s[a].wrapping_sub(s[c]) ^ s[c].rotate_left(turn);
            s[c] = s[c].wrapping_add(s[b]);
        }
        rest = &rest[12..];
    }
    if rest.is_empty() {
        return s[2];
    }
    for (i, value) in s.iter_mut().enumerate() {
        *value = value.wrapping_add(word(rest, i));
    }
    for (step, turn) in [14, 11, 25, 16, 4, 14, 24].into_iter().enumerate() {
        let (to, by) = ((step + 2) % 3, (step + 1) % 3);
        s[to] = (s[to] ^ s[by]).wrapping_sub(s[by].rotate_left(turn));
    }
    s[2]
}

#[test]
fn the_checksum_is_that_of_the_format() {
    assert_eq!([lookup3(b""), lookup3(b"Four score and seven years ago")], [0xdead_beef, 0x1777_0551]);
}
