//! An extensible array by hand.

use std::sync::Arc;

use zagg_core::range_reader::MemoryReader;

use super::*;
use crate::access::{Addressing, Source};
use crate::cursor::Sizes;
use crate::layout::{Chunked, Extent, Index};
use zagg_core::Rows;

const INDEX: usize = 100;
const SUPER: usize = 300;
const BLOCK: usize = 400;

/// Writes a part of the array with its checksum.
fn put(file: &mut [u8], at: usize, parts: &[&[u8]]) {
    let mut part = parts.concat();
    part.extend(checksum::lookup3(&part).to_le_bytes());
    file[at..at + part.len()].copy_from_slice(&part);
}

fn address(at: usize) -> [u8; 8] {
    (at as u64).to_le_bytes()
}

/// No entries in the index block, data blocks of 16 and more entries, pages of 8. Only super block 2 is there: two data
/// blocks of 32 entries, from number 48 on, with four pages each. Only the second block's first and last pages, with the
/// entries from 80 and from 104 on, were ever written.
fn array() -> Vec<u8> {
    let mut file = vec![0xff; 1000];
    let head = |signature: &[u8; 4]| [&signature[..], &[0, 0]].concat();
    put(&mut file, 0, &[&head(b"EAHD"), &[8, 10, 0, 16, 2, 3], &[0; 48], &address(INDEX)]);
    // Two data blocks and five super blocks, the first of which is there.
    put(&mut file, INDEX, &[&head(b"EAIB"), &address(0), &[0xff; 16], &address(SUPER), &[0xff; 32]]);
    // The bits of both data blocks share the first byte.
    let bits = [0b0000_1001, 0];
    put(&mut file, SUPER, &[&head(b"EASB"), &address(0), &[32, 0], &bits, &[0xff; 8], &address(BLOCK)]);
    put(&mut file, BLOCK, &[&head(b"EADB"), &address(0), &[64, 0]]);
    for (page, first) in [(0, 1000), (3, 2000)] {
        let entries: Vec<u8> = (0..8).flat_map(|i| address(first + i)).collect();
        put(&mut file, BLOCK + 20 + page * 68, &[&entries]);
    }
    file
}

#[test]
fn bits_of_pages_lie_one_behind_the_other() {
    let chunked =
        Chunked { shape: vec![1], index: Index::ExtensibleArray, address: Some(0), plain_edges: false };
    let extent = Extent { shape: vec![112], max_shape: vec![u64::MAX], null: false };
    let wanted = Wanted::new(&chunked, &extent, &Rows::all(112), None, 4, false);
    let reader = Arc::new(MemoryReader::new("m", array()));
    let source = Source::new(reader, (&crate::ReadOptions::default()).into(), 1 << 20);
    let plain = Addressing { base: 0, sizes: Sizes { offset: 8, length: 8 } };
    let found = source.rounds(plain, 1, |_, access| extensible(&wanted, access, 0)).pop().unwrap().unwrap();
    let found: Vec<(u64, u64)> = found.iter().map(|chunk| (chunk.place[0], chunk.address)).collect();
    let expected: Vec<_> =
        (0..8).map(|i| (80 + i, 1000 + i)).chain((0..8).map(|i| (104 + i, 2000 + i))).collect();
    assert_eq!(found, expected);
}
