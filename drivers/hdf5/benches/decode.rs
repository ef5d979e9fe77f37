//! Decoding of chunks beside bare libdeflater on the same bytes.
//!
//! Run with `cargo bench -p zagg-hdf5 --bench decode`: the ratios come first. The chunk is like a column of ATL06: 10,000 doubles that grow slowly.

#![allow(clippy::print_stdout, reason = "a program that talks to its user")]

use divan::counter::BytesCount;
use libdeflater::{CompressionLvl, Compressor, Decompressor};
use zagg_hdf5::{Decoder, Filter};

const ELEMENTS: usize = 10_000;

fn main() {
    ratios();
    divan::main();
}

/// Prints the time of a decoder on one core by that of bare libdeflater, which only inflates the same bytes. Both take
/// turns and the fastest rounds count, so that other work on the machine does not.
fn ratios() {
    for (what, bytes, filters) in [
        ("deflate", plain(), vec![filter(1)]),
        ("shuffle and deflate", shuffled(&plain()), vec![filter(2), filter(1)]),
    ] {
        let stored = deflated(&bytes);
        let mut out = vec![0u8; bytes.len()];
        let (mut inflater, mut decoder) = (Decompressor::new(), Decoder::new());
        let (mut bare, mut ours) = (f64::MAX, f64::MAX);
        for _ in 0..50 {
            bare =
                bare.min(seconds(|| inflater.zlib_decompress(divan::black_box(&stored), &mut out).is_ok()));
            let decode = || decoder.decode_into(divan::black_box(&stored), &filters, 0, 8, &mut out).is_ok();
            ours = ours.min(seconds(decode));
        }
        let speed = |seconds: f64| out.len() as f64 / seconds / 1e6;
        println!(
            "{what}: {:.0} MB/s, bare libdeflate {:.0} MB/s, ratio {:.2}",
            speed(ours),
            speed(bare),
            ours / bare
        );
    }
}

/// Seconds that one of 20 calls takes.
fn seconds(mut work: impl FnMut() -> bool) -> f64 {
    let started = std::time::Instant::now();
    for _ in 0..20 {
        assert!(work(), "the chunk is not decoded");
    }
    started.elapsed().as_secs_f64() / 20.0
}

fn filter(id: u16) -> Filter {
    Filter { id, name: String::new(), optional: false, parameters: Vec::new() }
}

/// Latitudes along a track with noise in the low bits, as bytes.
fn plain() -> Vec<u8> {
    let mut noise = 1u64;
    (0..ELEMENTS)
        .flat_map(|i| {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (-70.0 + i as f64 * 1.8e-4 + (noise >> 40) as f64 * 1e-12).to_le_bytes()
        })
        .collect()
}

fn shuffled(plain: &[u8]) -> Vec<u8> {
    (0..8).flat_map(|byte| plain.iter().skip(byte).step_by(8).copied()).collect()
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut compressor = Compressor::new(CompressionLvl::default());
    let mut out = vec![0; compressor.zlib_compress_bound(bytes.len())];
    let len = compressor.zlib_compress(bytes, &mut out).unwrap_or_default();
    out.truncate(len);
    out
}

#[divan::bench]
fn bare_libdeflater(bencher: divan::Bencher<'_, '_>) {
    let stored = deflated(&plain());
    let mut out = vec![0u8; ELEMENTS * 8];
    let mut inflater = Decompressor::new();
    bencher
        .counter(BytesCount::new(out.len()))
        .bench_local(|| inflater.zlib_decompress(divan::black_box(&stored), &mut out).is_ok());
}

#[divan::bench]
fn deflate(bencher: divan::Bencher<'_, '_>) {
    decode(bencher, &deflated(&plain()), &[filter(1)]);
}

#[divan::bench]
fn bare_libdeflater_of_shuffled(bencher: divan::Bencher<'_, '_>) {
    let stored = deflated(&shuffled(&plain()));
    let mut out = vec![0u8; ELEMENTS * 8];
    let mut inflater = Decompressor::new();
    bencher
        .counter(BytesCount::new(out.len()))
        .bench_local(|| inflater.zlib_decompress(divan::black_box(&stored), &mut out).is_ok());
}

#[divan::bench]
fn shuffle_deflate(bencher: divan::Bencher<'_, '_>) {
    decode(bencher, &deflated(&shuffled(&plain())), &[filter(2), filter(1)]);
}

/// Elements of 2, 4 and 8 bytes, beside copying as many bytes.
#[divan::bench(args = [2, 4, 8])]
fn shuffle_only(bencher: divan::Bencher<'_, '_>, width: u32) {
    let shuffle = Filter { parameters: vec![width], ..filter(2) };
    decode(bencher, &shuffled(&plain()), &[shuffle]);
}

#[divan::bench]
fn bare_copy(bencher: divan::Bencher<'_, '_>) {
    let stored = plain();
    let mut out = vec![0u8; stored.len()];
    bencher
        .counter(BytesCount::new(stored.len()))
        .bench_local(|| divan::black_box(&mut out).copy_from_slice(divan::black_box(&stored)));
}

fn decode(bencher: divan::Bencher<'_, '_>, stored: &[u8], filters: &[Filter]) {
    let mut decoder = Decoder::new();
    bencher.counter(BytesCount::new(ELEMENTS * 8)).bench_local(|| {
        decoder.decode(divan::black_box(stored), filters, 0, ELEMENTS * 8, 8).map(<[u8]>::len)
    });
}
