//! Damaged files and failing readers: whatever the bytes, an answer or an error, soon, and with bounded memory.
//!
//! `cargo xtask fuzz` runs the same cases in any number: every case is the same in every run.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::single_range_in_vec_init)] // The whole file is tests.

mod common;
#[path = "hostile/damage.rs"]
mod damage;
#[path = "hostile/memory.rs"]
mod memory;

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use damage::Seed;
use hdf5_pure::{AttrValue, FileBuilder};
use zagg_core::range_reader::{Failing, MemoryReader, RangeReader, Truncating};
use zagg_core::{Error, ErrorKind, Rows};
use zagg_hdf5::{Class, Dataset, Decoder, EntryKind, Filter, Hdf5File, ReadOptions, RowRequest};
use zagg_hdf5_write::{Chunking, Group, Scalar, Values, write_file};

#[global_allocator]
static COUNTING: memory::Counting = memory::Counting;

/// The memory that files and calls may take.
const MEMORY: u64 = 16 << 20;

/// The longest that a case may take, without optimisation.
const LONGEST: Duration = Duration::from_secs(10);

/// How long this thread has been at work where the system tells, so that other programs do not count; else the time.
fn busy() -> Duration {
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    let wall = BEGUN.get_or_init(Instant::now).elapsed();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|text| text.split(' ').next()?.parse().ok());
    nanoseconds.map_or(wall, Duration::from_nanos)
}

/// A reader that counts what it is asked for.
struct Metered {
    inner: Arc<dyn RangeReader>,
    calls: AtomicU64,
    bytes: AtomicU64,
}

impl Metered {
    fn new(inner: Arc<dyn RangeReader>) -> Arc<Self> {
        Arc::new(Self { inner, calls: AtomicU64::new(0), bytes: AtomicU64::new(0) })
    }
}

impl RangeReader for Metered {
    fn size(&self) -> u64 {
        self.inner.size()
    }

    fn etag(&self) -> Option<&str> {
        self.inner.etag()
    }

    fn location(&self) -> &str {
        self.inner.location()
    }

    fn read_ranges(&self, ranges: &[Range<u64>]) -> zagg_core::Result<Vec<Bytes>> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(ranges.iter().map(|r| r.end - r.start).sum(), Ordering::Relaxed);
        self.inner.read_ranges(ranges)
    }
}

/// What came of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Outcome {
    opened: bool,
    /// Members, datasets and attributes that were read.
    answered: usize,
    /// What was refused.
    refused: usize,
}

/// Small reads, so that many are needed.
fn options(read_ahead: u64) -> ReadOptions {
    ReadOptions { first_read: 4096, read_ahead, window: 2048, ..ReadOptions::with_memory(MEMORY) }
}

/// Does everything that can be done with a file.
fn exercise(reader: Arc<dyn RangeReader>, read_ahead: u64) -> Outcome {
    let mut outcome = Outcome::default();
    let Ok(file) = Hdf5File::open(reader, &options(read_ahead)) else { return outcome };
    outcome.opened = true;
    let mut groups = vec![String::new()];
    let mut paths = Vec::new();
    for _ in 0..4 {
        let mut next = Vec::new();
        for attributes in file.attributes(&groups) {
            outcome.answered += attributes.ok().flatten().map_or(0, |found| found.len());
        }
        for (group, entries) in groups.iter().zip(file.list(&groups)) {
            for entry in entries.ok().flatten().unwrap_or_default() {
                outcome.answered += 1;
                let path = format!("{group}/{}", entry.name);
                match entry.kind {
                    EntryKind::Dataset if paths.len() < 200 => paths.push(path),
                    EntryKind::Group if next.len() < 200 => next.push(path),
                    _ => {}
                }
            }
        }
        groups = next;
    }
    let found = |paths: &[String]| -> Vec<Dataset> {
        file.datasets(paths).into_iter().filter_map(|d| d.ok().flatten()).collect()
    };
    let mut datasets = found(&paths);
    let fields = datasets.iter().filter_map(|dataset| match &dataset.datatype().class {
        Class::Compound { fields } => {
            Some(fields.iter().map(|f| format!("{}#{}", dataset.path(), f.name)).take(8))
        }
        _ => None,
    });
    datasets.extend(found(&fields.flatten().collect::<Vec<_>>()));
    let rows: Vec<Rows> = datasets.iter().map(|d| Rows::from_ranges([0..d.rows().min(2_000)])).collect();
    // One by one, so that a damaged dataset cannot use up what all may take.
    for (dataset, rows) in datasets.iter().zip(&rows) {
        match file.read_rows(&[RowRequest::new(dataset, rows)]).pop().unwrap() {
            Ok(values) => {
                assert_eq!(values.len() as u64, rows.len() * dataset.row_len());
                outcome.answered += 1;
            }
            Err(_) => outcome.refused += 1,
        }
        outcome.answered += dataset.attributes().map_or(0, <[_]>::len);
    }
    let together: Vec<_> = datasets.iter().zip(&rows).map(|(d, r)| RowRequest::new(d, r)).collect();
    file.read_rows(&together);
    if let Some(dataset) = datasets.iter().find(|d| d.dtype().is_none()) {
        let _ = file.read_strings(dataset, &Rows::from_ranges([0..dataset.rows().min(100)]));
    }
    outcome
}

/// Runs a case and asserts that time, memory and work are bounded.
fn bounded(name: &str, case: u64, bytes: Vec<u8>) -> Outcome {
    let size = bytes.len() as u64;
    let metered = Metered::new(Arc::new(MemoryReader::new("damaged", bytes)));
    let started = busy();
    let (outcome, peak) = memory::peak(|| exercise(metered.clone(), (case % 3) * (32 << 10)));
    let elapsed = busy().saturating_sub(started);
    assert!(elapsed < LONGEST, "{name}, case {case} took {elapsed:?}");
    // Twice what the options allow: values are copied once when they get their type.
    assert!(peak < 2 * MEMORY + 2 * size, "{name}, case {case} held {peak} bytes");
    let (calls, fetched) = (metered.calls.load(Ordering::Relaxed), metered.bytes.load(Ordering::Relaxed));
    assert!(calls < 4_000, "{name}, case {case} took {calls} reads");
    assert!(fetched < 200 * size + (1 << 20), "{name}, case {case} fetched {fetched} of {size} bytes");
    outcome
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

/// A granule as the demo makes them, but small.
fn small_granule() -> Vec<u8> {
    let mut root = Group::new();
    for beam in ["gt1l", "gt1r"] {
        let mut segments = Group::new();
        for name in ["latitude", "longitude", "h_li"] {
            let values = Values::F64((0..900).map(|i| f64::from(i) * 0.25).collect());
            let column = zagg_hdf5_write::Dataset::new(values)
                .chunked(Chunking { rows: 250, deflate: Some(6), shuffle: name == "h_li" })
                .fill(Scalar::F64(f64::MAX))
                .text("units", "degrees");
            segments = segments.dataset(name, column);
        }
        root = root.group(beam, Group::new().group("land_ice_segments", segments));
    }
    write_file(&root).unwrap()
}

/// Files to damage: made here, and real ones where they are at hand.
fn seeds() -> Vec<Seed> {
    let mut seeds =
        vec![Seed::new("by hdf5-pure", small_file()), Seed::new("small granule", small_granule())];
    // Every filter and type that is read (`make_fixtures.py`).
    seeds.push(Seed::new("filters", include_bytes!("fixtures/filters.h5").to_vec()));
    seeds.push(Seed::new("types", include_bytes!("fixtures/types.h5").to_vec()));
    let Some(folder) = common::data_folder() else { return seeds };
    // Old groups; new groups with dense links; every chunk index; dense attributes; strings in global heaps; a granule.
    for name in [
        "hdf5_features/pyfive/groups.hdf5",
        "hdf5_features/pyfive/earliest.hdf5",
        "hdf5_features/pyfive/new_style_groups.hdf5",
        "hdf5_features/pyfive-ncas/btreev2.hdf5",
        "hdf5_features/jhdf/test_medium_group_latest.hdf5",
        "hdf5_features/jhdf/test_attribute_latest.hdf5",
        "hdf5_features/jhdf/test_chunked_datasets_latest.hdf5",
        "atl06/processed_ATL06_20181115223845_07380102_001_01.h5",
    ] {
        seeds.push(Seed::new(name, std::fs::read(folder.join(name)).unwrap()));
    }
    seeds
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn damaged_files_never_panic_hang_or_take_memory() {
    let seeds = seeds();
    let cases = from_environment("ZAGG_FUZZ_CASES");
    let time = from_environment("ZAGG_FUZZ_SECONDS").map(Duration::from_secs);
    // A short run by itself; as told otherwise.
    let (cases, time) = match (cases, time) {
        (None, None) => (20_000, Duration::from_secs(8)),
        (cases, time) => (cases.unwrap_or(u64::MAX), time.unwrap_or(Duration::MAX)),
    };
    let first = from_environment("ZAGG_FUZZ_FIRST").unwrap_or(0);
    let whole: Vec<Outcome> = seeds.iter().map(|seed| bounded(&seed.name, 0, seed.bytes.clone())).collect();
    let (mut done, mut refused, mut lost, mut told) = (0u64, 0u64, 0u64, 0u64);
    let begun = Instant::now();
    for case in first..first.saturating_add(cases) {
        // Small files come more often: the share of their bytes that are structures is larger.
        let at = (case % (2 * seeds.len() as u64)) as usize;
        let at = if at < seeds.len() { at } else { at % 2 };
        let other = &seeds[(case / 7) as usize % seeds.len()];
        let outcome = bounded(&seeds[at].name, case, seeds[at].damaged(other, case));
        done += 1;
        refused += u64::from(!outcome.opened);
        lost += u64::from(outcome.opened && outcome.answered < whole[at].answered);
        if begun.elapsed() > time {
            break;
        }
        if begun.elapsed().as_secs() / 60 > told {
            told = begun.elapsed().as_secs() / 60;
            println!("{done} cases in {told} min");
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    let share = |n: u64| 100.0 * n as f64 / done.max(1) as f64;
    println!(
        "{done} cases in {seconds:.0} s ({:.0}/s): {:.1} % not opened, {:.1} % lost something, {:.1} % read as before",
        done as f64 / seconds.max(1e-9),
        share(refused),
        share(lost),
        share(done - refused - lost)
    );
    assert!((refused + lost) * 8 > done, "only {} of {done} damaged files lost something", refused + lost);
}

/// What fuzzing has found: cases of its run, and what was behind them.
#[test]
fn found_cases_stay_harmless() {
    // Elements of 4 GiB in the parameters of shuffle took seconds for nothing.
    let granule = Seed::new("small granule", small_granule());
    bounded("small granule", 420_537, granule.damaged(&granule, 420_537));
    let wide = Filter { id: 2, name: String::new(), optional: false, parameters: vec![u32::MAX] };
    let started = Instant::now();
    for _ in 0..1000 {
        assert_eq!(
            Decoder::new().decode(&[1, 2, 3, 4], std::slice::from_ref(&wide), 0, 4, 4),
            Ok(&[1, 2, 3, 4][..])
        );
    }
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_reader_that_fails_at_any_call_gives_errors_and_no_wrong_values() {
    let bytes = Bytes::from(small_granule());
    let memory: Arc<dyn RangeReader> = Arc::new(MemoryReader::new("granule", bytes));
    let metered = Metered::new(memory.clone());
    let whole = exercise(metered.clone(), 0);
    let calls = metered.calls.load(Ordering::Relaxed);
    assert!(calls > 4, "{calls}");
    for call in 0..calls {
        let slow = Error::temporary("granule: slow down");
        let late = exercise(Arc::new(Failing::from_call(memory.clone(), call, slow.clone())), 0);
        assert!(late.answered < whole.answered, "call {call}");
        // One call alone: what was not read by it is read later.
        let once = Failing::new(memory.clone(), move |n, _| (n == call).then(|| slow.clone()));
        let outcome = exercise(Arc::new(once), 0);
        assert!(outcome.answered <= whole.answered, "call {call}");
        assert!(call > 0 || !outcome.opened);
    }
    let file = Hdf5File::open(
        Arc::new(Failing::from_call(memory, 1, Error::temporary("granule: slow down"))),
        &options(0),
    )
    .unwrap();
    let error = file.dataset("gt1l/land_ice_segments/h_li").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Temporary);
}

#[test]
fn hidden_truncation_is_an_error_and_never_wrong_values() {
    let bytes = Bytes::from(small_granule());
    let memory: Arc<dyn RangeReader> = Arc::new(MemoryReader::new("granule", bytes.clone()));
    let whole = exercise(memory.clone(), 0);
    for len in (0..bytes.len() as u64).step_by(331) {
        for reader in [Truncating::hidden(memory.clone(), len), Truncating::new(memory.clone(), len)] {
            let outcome = exercise(Arc::new(reader), 0);
            assert!(outcome.answered < whole.answered, "cut after {len} bytes");
        }
    }
}
