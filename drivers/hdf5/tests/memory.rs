//! Memory of reads, counted over all threads: alone in its program, so that nothing else allocates meanwhile.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::single_range_in_vec_init)] // The whole file is tests.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use zagg_core::Rows;
use zagg_core::range_reader::MemoryReader;
use zagg_hdf5::{Hdf5File, ReadOptions, RowRequest};
use zagg_hdf5_write::{Chunking, Group, Values, write_file};

static HELD: AtomicI64 = AtomicI64::new(0);
static PEAK: AtomicI64 = AtomicI64::new(0);

#[global_allocator]
static COUNTING: Counting = Counting;

/// Passes everything on to the system and counts.
struct Counting;

fn count(bytes: i64) {
    let held = HELD.fetch_add(bytes, Ordering::Relaxed) + bytes;
    PEAK.fetch_max(held, Ordering::Relaxed);
}

// SAFETY: every call is passed on to the system's allocator unchanged.
#[allow(unsafe_code, reason = "the only way to see what is allocated; in tests alone")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: as our caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: as our caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(-(layout.size() as i64));
        // SAFETY: as our caller promises.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as i64 - layout.size() as i64);
        // SAFETY: as our caller promises.
        unsafe { System.realloc(place, layout, size) }
    }
}

/// A file of 40 MB in chunks of 800 kB.
fn large_file() -> Vec<u8> {
    let column = |start: f64| {
        let values = Values::F64((0..2_500_000).map(|i| start + f64::from(i)).collect());
        zagg_hdf5_write::Dataset::new(values).chunked(Chunking {
            rows: 100_000,
            deflate: None,
            shuffle: false,
        })
    };
    write_file(&Group::new().dataset("a", column(0.0)).dataset("b", column(0.5))).unwrap()
}

#[test]
fn memory_follows_the_options_and_not_the_file() {
    let bytes = Bytes::from(large_file());
    let reader = || Arc::new(MemoryReader::new("large", bytes.clone()));
    let options = ReadOptions::with_memory(16 << 20);
    let before = HELD.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    {
        let file = Hdf5File::open(reader(), &options).unwrap();
        let found: Vec<_> = file.datasets(&["a", "b"]).into_iter().map(|d| d.unwrap().unwrap()).collect();
        // Few rows of every chunk of both: all 40 MB are fetched, and little is kept.
        let rows = Rows::from_ranges((0..25).map(|chunk| chunk * 100_000..chunk * 100_000 + 3));
        let requests = [RowRequest::new(&found[0], &rows), RowRequest::new(&found[1], &rows)];
        for (answer, start) in file.read_rows(&requests).into_iter().zip([0.0, 0.5]) {
            let expected = rows.iter().map(|row| row as f64 + start).collect();
            assert_eq!(answer.unwrap(), zagg_core::Values::Float64(expected));
        }
        let all = Rows::all(2_500_000);
        let error = file.read_rows(&[RowRequest::new(&found[0], &all)]).pop().unwrap().unwrap_err();
        assert!(error.to_string().contains("max_answer_bytes"), "{error}");
    }
    let peak = PEAK.load(Ordering::Relaxed) - before;
    println!("{peak} bytes held at most while reading {} under a limit of {}", bytes.len(), 16 << 20);
    assert!(peak < 16 << 20, "{peak} bytes");
}
