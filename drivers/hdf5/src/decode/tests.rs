//! Pipelines of filters.

use super::id::{DEFLATE, FLETCHER32, SHUFFLE};
use super::*;
use libdeflater::{CompressionLvl, Compressor};
use zagg_core::ErrorKind;

fn filter(id: u16) -> Filter {
    Filter { id, name: String::new(), optional: false, parameters: Vec::new() }
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut compressor = Compressor::new(CompressionLvl::default());
    let mut out = vec![0; compressor.zlib_compress_bound(bytes.len())];
    let len = compressor.zlib_compress(bytes, &mut out).unwrap();
    out.truncate(len);
    out
}

fn summed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.extend(fletcher32(&bytes).to_le_bytes());
    bytes
}

#[test]
fn filters_are_undone_from_the_last_to_the_first() {
    let plain: Vec<u8> = (0..4000u32).map(|i| (i / 7) as u8).collect();
    let shuffled: Vec<u8> = (0..4).flat_map(|b| plain.iter().skip(b).step_by(4).copied()).collect();
    let all = [filter(SHUFFLE), filter(DEFLATE), filter(FLETCHER32)];
    let mut decoder = Decoder::new();
    let mut decode = |stored: &[u8], filters: &[Filter], mask| {
        decoder.decode(stored, filters, mask, 4000, 4).map(<[u8]>::to_vec)
    };
    assert_eq!(decode(&summed(deflated(&shuffled)), &all, 0).unwrap(), plain);
    // Filters that were left out.
    assert_eq!(decode(&deflated(&plain), &all, 0b101).unwrap(), plain);
    assert_eq!(decode(&plain, &all, 0b111).unwrap(), plain);
    assert_eq!(decode(&summed(plain.clone()), &all, 0b011).unwrap(), plain);
    // Deflate twice, and a checksum below deflate.
    let twice = [filter(SHUFFLE), filter(DEFLATE), filter(DEFLATE)];
    assert_eq!(decode(&deflated(&deflated(&shuffled)), &twice, 0).unwrap(), plain);
    let below = [filter(FLETCHER32), filter(DEFLATE)];
    assert_eq!(decode(&deflated(&summed(plain.clone())), &below, 0).unwrap(), plain);
}

#[test]
fn gaps_of_records_take_no_stored_bytes() {
    // Records of 4000 bytes with a number of 7 bits.
    let nbit = Filter { parameters: vec![12, 0, 8, 3, 4000, 1, 3, 1, 1, 0, 7, 0], ..filter(id::NBIT) };
    let mut decoder = Decoder::new();
    let decoded = decoder.decode(&[0xff; 7], std::slice::from_ref(&nbit), 0, 32000, 4000).unwrap();
    assert_eq!(decoded.chunks_exact(4000).map(|record| record[3]).collect::<Vec<_>>(), [127; 8]);
    let error = decoder.decode(&[0xff; 6], &[nbit], 0, 32000, 4000).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(decoder.decode(&[0xff; 7], &[], 0, 32000, 4000).is_err());
}

#[test]
fn what_another_filter_made_larger_is_undone() {
    // Bitshuffle of noise, eight bytes with a header of four each.
    let plain: Vec<u8> = (0..80_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 16) as u8).collect();
    let mut shuffled = [&80_000u64.to_be_bytes()[..], &8u32.to_be_bytes()].concat();
    for block in plain.chunks(8) {
        let mut planes = [0u8; 8];
        for (bit, plane) in planes.iter_mut().enumerate() {
            *plane = block.iter().enumerate().fold(0, |sum, (i, byte)| sum | (byte >> bit & 1) << i);
        }
        // As LZ4: eight literals.
        shuffled.extend([0, 0, 0, 9, 0x80]);
        shuffled.extend(planes);
    }
    let bitshuffle = Filter { parameters: vec![0, 3, 1, 8, 2], ..filter(id::BITSHUFFLE) };
    let mut decoder = Decoder::new();
    let stored = deflated(&shuffled);
    let decoded = decoder.decode(&stored, &[bitshuffle, filter(DEFLATE)], 0, 80_000, 1).unwrap();
    assert_eq!(decoded, plain);
}

#[test]
fn damage_is_reported() {
    let plain = vec![5u8; 4000];
    let mut decoder = Decoder::new();
    let mut message = |stored: &[u8], filters: &[Filter], size| {
        decoder.decode(stored, filters, 0, size, 4).unwrap_err().to_string()
    };
    let stored = deflated(&plain);
    assert!(message(&stored, &[filter(DEFLATE)], 3999).contains("damaged"));
    assert!(message(&stored, &[filter(DEFLATE)], 4001).contains("instead of 4001"));
    assert!(message(&stored, &[filter(DEFLATE)], 1 << 40).contains("cannot unfold"));
    let mut wrong = summed(plain);
    wrong[17] ^= 1;
    assert!(message(&wrong, &[filter(FLETCHER32)], 4000).contains("fletcher32 checksum does not match"));
    assert!(message(&[1], &[filter(FLETCHER32)], 1).contains("too short"));
    let zfp = message(&stored, &[filter(32013)], 4000);
    assert_eq!(zfp, "compressed with zfp, which zagg does not read");
}

#[test]
fn a_filter_that_is_not_read_may_only_be_left_out() {
    let plain = [7u8; 64];
    let unknown = Filter { id: 4, optional: true, ..filter(4) };
    let mut decoder = Decoder::new();
    assert_eq!(decoder.decode(&plain, std::slice::from_ref(&unknown), 1, 64, 4).unwrap(), plain);
    let error = decoder.decode(&plain, std::slice::from_ref(&unknown), 0, 64, 4).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    // Also where the sizes could not be right: what is not read is not called broken.
    let error = decoder.decode(&plain, &[unknown], 0, 1 << 40, 4).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[test]
fn streams_that_claim_another_size_are_corrupt_before_memory_is_taken() {
    let mut decoder = Decoder::new();
    let mut refused = |id: u16, parameters: &[u32], stored: &[u8]| {
        let filter = Filter { parameters: parameters.to_vec(), ..filter(id) };
        let error = decoder.decode(stored, &[filter], 0, 4096, 4).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(decoder.next.capacity() < 1 << 20, "filter {id}");
    };
    let huge = [&(1u64 << 40).to_be_bytes()[..], &[0, 0, 16, 0], &[0; 64]].concat();
    refused(id::LZ4, &[], &huge);
    refused(id::BITSHUFFLE, &[0, 3, 4, 0, 2], &huge);
    let frame =
        [&[2, 1, 0x20, 4][..], &[0xff, 0xff, 0xff, 0x7f], &[0, 16, 0, 0], &[80, 0, 0, 0], &[0; 64]].concat();
    refused(id::BLOSC, &[], &frame);
    refused(id::NBIT, &[8, 0, u32::MAX, 1, 4, 0, 1, 0], &huge);
    refused(id::SCALE_OFFSET, &[2, 0, u32::MAX, 0, 4, 0, 0, 0], &huge);
    refused(id::LZF, &[], &huge[..50]);
    refused(id::ZSTD, &[], &huge);
}
