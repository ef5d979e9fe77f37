//! Damaged files: whatever the bytes, an answer or an error, soon, and with bounded memory.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::single_range_in_vec_init)] // The whole file is tests.

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use hdf5_pure::{AttrValue, FileBuilder};
use zagg_core::Rows;
use zagg_core::range_reader::MemoryReader;
use zagg_hdf5::{EntryKind, Hdf5File, ReadOptions, RowRequest};

/// A small deterministic generator (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// One of several ways to damage a file.
fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        let (at, len) = (random.below(bytes.len()), random.below(64));
        let end = (at + len).min(bytes.len());
        match random.below(7) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
            2 => bytes[at..end].fill(if random.below(2) == 0 { 0 } else { 0xff }),
            3 => {
                let from = random.below(bytes.len() - (end - at));
                let piece = bytes[from..from + (end - at)].to_vec();
                bytes[at..end].copy_from_slice(&piece);
            }
            4 => {
                // A plausible address somewhere else in the file.
                let target = (random.below(bytes.len()) as u64).to_le_bytes();
                let n = (bytes.len() - at).min(8);
                bytes[at..at + n].copy_from_slice(&target[..n]);
            }
            5 => {
                let huge =
                    [u64::MAX - 1, 1 << 40, 1 << 63, u64::from(u32::MAX)][random.below(4)].to_le_bytes();
                let n = (bytes.len() - at).min(8);
                bytes[at..at + n].copy_from_slice(&huge[..n]);
            }
            _ if random.below(8) == 0 => bytes.truncate(at.max(64)),
            _ => {}
        }
    }
}

/// Does everything that can be done with a file; how many members and datasets were read.
fn exercise(bytes: Vec<u8>, options: &ReadOptions) -> usize {
    let Ok(file) = Hdf5File::open(Arc::new(MemoryReader::new("damaged", bytes)), options) else { return 0 };
    let mut answered = 0;
    let mut groups = vec![String::new()];
    let mut paths = Vec::new();
    for _ in 0..3 {
        let mut next = Vec::new();
        let _ = file.attributes(&groups);
        for (group, entries) in groups.iter().zip(file.list(&groups)) {
            for entry in entries.ok().flatten().unwrap_or_default() {
                answered += 1;
                let path = format!("{group}/{}", entry.name);
                match entry.kind {
                    EntryKind::Dataset => paths.push(path),
                    EntryKind::Group => next.push(path),
                    _ => {}
                }
            }
        }
        groups = next;
    }
    let datasets: Vec<_> = file.datasets(&paths).into_iter().filter_map(|d| d.ok().flatten()).collect();
    let rows: Vec<Rows> = datasets.iter().map(|d| Rows::from_ranges([0..d.rows().min(20_000)])).collect();
    let requests: Vec<_> = datasets.iter().zip(&rows).map(|(d, r)| RowRequest::new(d, r)).collect();
    for (answer, request) in file.read_rows(&requests).into_iter().zip(&requests) {
        if let Ok(values) = answer {
            assert_eq!(values.len() as u64, request.rows.len() * request.dataset.row_len());
            answered += 1;
        }
    }
    answered
}

fn small_file() -> Vec<u8> {
    let mut builder = FileBuilder::new();
    builder.set_attr("a", AttrValue::String("text".into()));
    let mut group = builder.create_group("group");
    for i in 0..12 {
        let values: Vec<f64> = (0..300).map(|x| f64::from(x * i)).collect();
        let dataset = group.create_dataset(&format!("column_{i}")).with_f64_data(&values).with_shape(&[300]);
        if i % 3 > 0 {
            dataset.with_chunks(&[64]).with_deflate(3);
        }
        if i % 3 > 1 {
            dataset.with_shuffle().with_fletcher32();
        }
        for j in 0..i {
            dataset.set_attr(&format!("attribute_{j}"), AttrValue::F64(f64::from(j)));
        }
    }
    builder.add_group(group.finish());
    builder.finish().unwrap()
}

/// Damages `original` in many ways within a time; every case is the same in every run. `ZAGG_FUZZ_SECONDS` lifts the
/// number of cases and sets the time.
fn attack(original: &[u8], cases: u64, region: usize, time: Duration) -> (usize, u64) {
    let seconds = std::env::var("ZAGG_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    let (cases, time) = seconds.map_or((cases, time), |seconds| (u64::MAX, Duration::from_secs(seconds)));
    let options = ReadOptions { max_chunk_bytes: 32 << 20, window: 4096, ..ReadOptions::default() };
    let whole = exercise(original.to_vec(), &options);
    assert!(whole > 0, "the undamaged file is not read");
    let begun = Instant::now();
    let (mut harmed, mut done) = (0, 0);
    for case in 0..cases {
        done = case + 1;
        let mut random = Random(case);
        let mut bytes = original.to_vec();
        // Metadata are where damage is dangerous.
        let mut head: Vec<u8> = bytes[..region.min(bytes.len())].to_vec();
        let len = head.len();
        damage(&mut head, &mut random);
        if head.len() < len {
            bytes.truncate(head.len());
        }
        bytes[..head.len()].copy_from_slice(&head);
        let started = Instant::now();
        harmed += usize::from(exercise(bytes, &options) < whole);
        assert!(started.elapsed() < Duration::from_secs(60), "case {case} took {:?}", started.elapsed());
        if begun.elapsed() > time {
            println!("stopped after {done} of {cases} cases");
            break;
        }
    }
    (harmed, done)
}

#[test]
fn damaged_small_files_never_panic_or_hang() {
    let file = small_file();
    let (harmed, done) = attack(&file, 4000, file.len(), Duration::from_secs(6));
    assert!(harmed as u64 * 8 > done, "only {harmed} of {done} damaged files lost something");
}

#[test]
fn damaged_files_of_every_kind_never_panic_or_hang() {
    let Some(folder) = common::data_folder() else { return };
    let files = [
        // Old groups; new groups with dense links; every chunk index; dense attributes; global heap strings.
        ("hdf5_features/pyfive/groups.hdf5", 4000),
        ("hdf5_features/pyfive/earliest.hdf5", 4000),
        ("hdf5_features/pyfive/new_style_groups.hdf5", 3000),
        ("hdf5_features/pyfive-ncas/btreev2.hdf5", 800),
        ("hdf5_features/jhdf/test_medium_group_latest.hdf5", 2000),
        ("hdf5_features/jhdf/fixed_array_paged_datasets.hdf5", 60),
        ("hdf5_features/jhdf/test_attribute_latest.hdf5", 3000),
        ("hdf5_features/jhdf/test_chunked_datasets_latest.hdf5", 2000),
        ("atl06/processed_ATL06_20181115223845_07380102_001_01.h5", 400),
    ];
    for (name, cases) in files {
        let file = std::fs::read(folder.join(name)).unwrap();
        let started = Instant::now();
        let (harmed, done) = attack(&file, cases, file.len(), Duration::from_secs(1));
        println!("{name}: {harmed} of {done} lost something, {:?}", started.elapsed());
    }
}
