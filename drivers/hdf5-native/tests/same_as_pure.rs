//! The C library and the byte-range reader, one against the other, on every file at hand.
#![cfg(feature = "native")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // The whole file is tests.

#[path = "../../hdf5/tests/common/mod.rs"]
mod common;
#[path = "../../hdf5/tests/common/manifest.rs"]
mod manifest;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zagg_core::range_reader::MemoryReader;
use zagg_core::{ErrorKind, Rows, Values};
use zagg_hdf5::{Dataset, Hdf5File, Hdf5Reader, ReadOptions, RowRequest};
use zagg_hdf5_native::NativeFile;

const ENDINGS: [&str; 4] = ["h5", "hdf5", "nc", "he5"];

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known)) {
            found.push(path);
        }
    }
    found.sort();
}

#[derive(Debug, Default)]
struct Tally {
    equal: usize,
    attributes: usize,
    /// Why one of the two refuses what the other reads.
    only_pure: BTreeMap<String, usize>,
    only_native: BTreeMap<String, usize>,
    neither: usize,
    wrong: Vec<String>,
}

fn reason(message: &str) -> String {
    message.rsplit(": ").next().unwrap_or_default().chars().filter(|c| !c.is_ascii_digit()).collect()
}

fn compare_dataset(pure: (&Hdf5File, &Dataset), native: (&NativeFile, &Dataset), tally: &mut Tally) {
    let name = format!("{}: {}", native.0.location(), native.1.path());
    // NaN is compared by its bits.
    let fill = |dataset: &Dataset| dataset.fill_number().map(|fill| fill.to_le_bytes());
    let shape = |dataset: &Dataset| (dataset.shape().to_vec(), dataset.rows(), fill(dataset));
    // Values of a type that only one reads have no common fill value.
    if pure.1.dtype() == native.1.dtype() && shape(pure.1) != shape(native.1) {
        tally.wrong.push(format!("{name}: {:?} instead of {:?}", shape(native.1), shape(pure.1)));
    }
    match (pure.1.attributes(), native.1.attributes()) {
        (Ok(pure), Ok(native))
            if manifest::attributes_digest(pure) == manifest::attributes_digest(native) =>
        {
            tally.attributes += pure.len();
        }
        (pure, native) => tally.wrong.push(format!("{name}: attributes {native:?} instead of {pure:?}")),
    }
    if pure.1.shape().iter().product::<u64>() > 1 << 28 {
        return;
    }
    match (manifest::canonical(pure.0, pure.1), manifest::canonical(native.0, native.1)) {
        (Ok(pure), Ok(native)) if same(&pure, &native) => tally.equal += 1,
        // The library ends strings that are padded with NUL bytes at the first one, as no other reader does.
        (Ok(_), Ok(_)) if native.1.path() == "nul_padded" => {}
        (Ok(_), Ok(native)) if !native.refused.is_empty() => {
            *tally.only_pure.entry(reason(&native.refused[0])).or_default() += 1;
        }
        (Err(pure), Err(native)) if [pure.kind(), native.kind()] == [ErrorKind::Unsupported; 2] => {
            tally.neither += 1;
        }
        (Ok(_), Err(error)) if error.kind() == ErrorKind::Unsupported => {
            *tally.only_pure.entry(reason(error.message())).or_default() += 1;
        }
        (Err(error), Ok(_)) if error.kind() == ErrorKind::Unsupported => {
            *tally.only_native.entry(reason(error.message())).or_default() += 1;
        }
        (pure, native) => tally.wrong.push(format!("{name}: {:?} and {:?}", pure.err(), native.err())),
    }
}

/// Whether values are equal; which NaN becomes of another in half precision is left to the reader.
fn same(pure: &manifest::Canonical, native: &manifest::Canonical) -> bool {
    let normal = |canonical: &manifest::Canonical| -> Vec<u32> {
        let values = canonical.bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
        values.map(|value| if value.is_nan() { 0x7fc0_0000 } else { value.to_bits() }).collect()
    };
    pure.kind == native.kind
        && pure.bytes.len() == native.bytes.len()
        && (pure.bytes == native.bytes || (pure.kind == "float32" && normal(pure) == normal(native)))
}

fn compare(path: &Path, tally: &mut Tally) {
    let location = path.to_str().unwrap();
    let bytes = std::fs::read(path).unwrap();
    let native = match NativeFile::open(location) {
        Ok(native) => native,
        Err(error) => {
            *tally.only_pure.entry(format!("file not opened: {}", reason(error.message()))).or_default() += 1;
            return;
        }
    };
    let pure = Hdf5File::open(Arc::new(MemoryReader::new(location, bytes)), &ReadOptions::default()).unwrap();
    let listed = manifest::walk(&native);
    if listed != manifest::walk(&pure) {
        tally.wrong.push(format!("{location}: lists differ"));
    }
    let paths: Vec<&str> = listed.iter().map(String::as_str).collect();
    assert_eq!(pure.kinds(&paths), native.kinds(&paths));
    for (path, found) in paths.iter().zip(native.datasets(&paths).into_iter().zip(pure.datasets(&paths))) {
        match found {
            (Ok(Some(native_dataset)), Ok(Some(pure_dataset))) => {
                compare_dataset((&pure, &pure_dataset), (&native, &native_dataset), tally);
            }
            (native, pure) => tally.wrong.push(format!("{location}: {path}: {native:?} and {pure:?}")),
        }
    }
}

fn compare_all(folder: &Path) -> Tally {
    let mut found = Vec::new();
    files(folder, &mut found);
    let mut tally = Tally::default();
    for path in &found {
        compare(path, &mut tally);
    }
    println!(
        "{} files: {} datasets and {} attributes equal, {} that neither reads; only pure: {:#?}; only native: {:#?}",
        found.len(),
        tally.equal,
        tally.attributes,
        tally.neither,
        tally.only_pure,
        tally.only_native
    );
    for wrong in &tally.wrong {
        println!("WRONG {wrong}");
    }
    assert!(tally.wrong.is_empty(), "{} differ", tally.wrong.len());
    tally
}

#[test]
fn both_readers_agree_on_real_files() {
    let Some(folder) = common::data_folder() else { return };
    let tally = compare_all(&folder);
    assert!(tally.equal >= 9000, "only {} are equal", tally.equal);
}

#[test]
fn both_readers_agree_on_made_files() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../hdf5/tests/fixtures");
    let tally = compare_all(&folder);
    assert!(tally.equal >= 63, "only {} are equal", tally.equal);
}

fn fixture() -> String {
    format!("{}/../hdf5/tests/fixtures/types.h5", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn rows_and_columns_are_those_of_the_other_reader() {
    let native = NativeFile::open(&fixture()).unwrap();
    let bytes = std::fs::read(fixture()).unwrap();
    let pure = Hdf5File::open(Arc::new(MemoryReader::new("f", bytes)), &ReadOptions::default()).unwrap();
    let rows = Rows::from_ranges([1..3, 19..20]);
    for name in ["cube", "cube_contiguous", "half_big"] {
        let theirs = pure.dataset(name).unwrap();
        let ours = native.datasets(&[name]).pop().unwrap().unwrap().unwrap();
        for column in [None, Some(0), Some(theirs.row_len() - 1), Some(theirs.row_len() / 2)] {
            let read = |file: &dyn Hdf5Reader, dataset| -> Values {
                let request = RowRequest { column, ..RowRequest::new(dataset, &rows) };
                file.read_rows(&[request]).pop().unwrap().unwrap()
            };
            assert_eq!(read(&native, &ours), read(&pure, &theirs), "{name} {column:?}");
        }
        let request = RowRequest::column(&ours, &rows, ours.row_len());
        let error = native.read_rows(&[request]).pop().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
    }
}

#[test]
fn what_is_not_there_is_told_as_by_the_other_reader() {
    let kind = |location: &str| NativeFile::open(location).unwrap_err().kind();
    assert_eq!(kind("/nowhere.h5"), ErrorKind::NotFound);
    assert_eq!(kind("s3://bucket/a.h5"), ErrorKind::Unsupported);
    assert_eq!(kind(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")), ErrorKind::Input);
    let file = NativeFile::open(&fixture()).unwrap();
    for found in file.datasets(&["none", "cube/none"]) {
        assert!(matches!(found, Ok(None)), "{found:?}");
    }
    let error = file.datasets(&["records#none"]).pop().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(file.kinds(&["none"]), [Ok(None)]);
}

/// The library itself goes where links lead, into any other file.
#[test]
fn other_files_are_not_read() {
    let path = format!("{}/../hdf5/tests/fixtures/edges.h5", env!("CARGO_MANIFEST_DIR"));
    let file = NativeFile::open(&path).unwrap();
    for path in ["external/x", "soft_external", "soft_external_group/x", "soft_external_group"] {
        let error = file.kinds(&[path]).pop().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(
            file.list(&[path]).pop().unwrap().is_err() && file.attributes(&[path]).pop().unwrap().is_err()
        );
        assert!(file.datasets(&[path]).pop().unwrap().is_err(), "{path}");
    }
    for path in ["virtual", "raw_outside"] {
        let dataset = file.datasets(&[path]).pop().unwrap().unwrap().unwrap();
        let rows = Rows::all(dataset.rows());
        let error = file.read_rows(&[RowRequest::new(&dataset, &rows)]).pop().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    }
    let dataset = file.datasets(&["soft_group/x"]).pop().unwrap().unwrap().unwrap();
    let values = file.read_rows(&[RowRequest::new(&dataset, &Rows::all(5))]).pop().unwrap();
    assert_eq!(values, Ok(Values::Int16(vec![0, 1, 2, 3, 4])));
}

/// An object header that was overwritten is damage, not a version to come.
#[test]
fn a_broken_object_header_is_corrupt() {
    let mut bytes = std::fs::read(fixture()).unwrap();
    let path = std::env::temp_dir().join(format!("zagg-broken-header-{}.h5", std::process::id()));
    // The address of the root group's header is in the superblock of version 0.
    let at = u64::from_le_bytes(bytes[64..72].try_into().unwrap()) as usize;
    assert_eq!(bytes[at], 1, "an object header of version 1");
    bytes[at] = 77;
    std::fs::write(&path, bytes).unwrap();
    let found =
        NativeFile::open(path.to_str().unwrap()).and_then(|file| file.kinds(&["cube"]).pop().unwrap());
    std::fs::remove_file(&path).unwrap();
    assert_eq!(found.unwrap_err().kind(), ErrorKind::Corrupt);
}
