//! Objects that are cut short, changed or cannot be read.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;

use super::{Check, Findings, MAX_ROWS, has_form, present, same_answers};
use crate::error::{Error, Result};
use crate::range_reader::{Failing, RangeReader, Truncating};
use crate::rows::Rows;
use crate::source::{LATITUDE, LONGITUDE, OpenGranule, PointBatch, Positions, ReadRequest};

/// Places at which an object is cut, and at which a byte is changed.
const PLACES: u64 = 24;

/// Calls of the reader of which each fails once.
const CALLS: u64 = 8;

/// What a granule gives.
struct Answers {
    parts: Vec<(usize, u64)>,
    requests: Vec<ReadRequest>,
    batches: Vec<Result<PointBatch>>,
}

pub(super) fn check(check: &Check<'_>, opened: &dyn OpenGranule, f: &mut Findings) {
    let sound = answers(check, opened, f);
    let size = check.reader.size();
    // Metadata stand at either end of most files.
    let places = (0..PLACES).map(|n| match n % 3 {
        0 => n * 7,
        1 => size.saturating_sub(1 + n * 7),
        _ => (u128::from(size) * u128::from(n) / u128::from(PLACES)) as u64,
    });
    for at in places.map(|at| at.min(size.saturating_sub(1))) {
        attempt(check, Arc::new(Truncating::new(Arc::clone(check.reader), at)), "cut short", None, f);
        let hidden = Truncating::hidden(Arc::clone(check.reader), at);
        attempt(check, Arc::new(hidden), "with short answers", Some(&sound), f);
        let changed = Changed { inner: Arc::clone(check.reader), at };
        attempt(check, Arc::new(changed), "with a byte changed", None, f);
    }
    for call in 0..CALLS {
        for last in [call, u64::MAX] {
            let fails = move |number: u64, _: &[Range<u64>]| {
                (call..=last).contains(&number).then(|| Error::temporary("a read that fails for the test"))
            };
            let failing = Failing::new(Arc::clone(check.reader), fails);
            attempt(check, Arc::new(failing), "with a read that fails", Some(&sound), f);
        }
    }
}

/// Opens and reads the damaged object. Where `sound` is given, what is read at all must be the same.
fn attempt(
    check: &Check<'_>,
    reader: Arc<dyn RangeReader>,
    what: &str,
    sound: Option<&Answers>,
    f: &mut Findings,
) {
    let tried = catch_unwind(AssertUnwindSafe(|| {
        let Ok(opened) = check.source.open(check.granule, reader) else { return };
        let got = answers(check, &*opened, f);
        let Some(sound) = sound else { return };
        for (part, rows) in &got.parts {
            let known = sound.parts.iter().any(|(other, n)| other == part && n == rows);
            f.check(known, &format!("an object {what} has other parts"));
        }
        for (request, batch) in got.requests.iter().zip(&got.batches) {
            let at = sound.requests.iter().position(|other| other == request);
            let same =
                at.is_some_and(|at| same_answers(std::slice::from_ref(batch), &sound.batches[at..=at]));
            f.check(batch.is_err() || same, &format!("an object {what} has other values"));
        }
        // What follows from a failure must not pass for a property of the granule.
        let lost = sound.parts.len() > got.parts.len();
        let told =
            opened.parts().iter().filter(|info| matches!(info.state, crate::source::PartState::Broken(_)));
        f.check(
            !lost || told.count() >= sound.parts.len() - got.parts.len(),
            &format!("an object {what} lacks a part without an error"),
        );
    }));
    if tried.is_err() {
        f.add(format!("the source panicked over an object {what}"));
    }
}

/// Positions and rows of every part.
fn answers(check: &Check<'_>, opened: &dyn OpenGranule, f: &mut Findings) -> Answers {
    let parts = present(opened.parts());
    let numbers: Vec<usize> = parts.iter().map(|(number, _)| *number).collect();
    // Damaged metadata may claim any number of rows; the positions of all of them are the source's to refuse.
    let positions = opened.positions(&numbers);
    f.check(positions.len() == numbers.len(), "there are not as many positions as parts asked for");
    for ((_, rows), positions) in parts.iter().zip(&positions) {
        if let Ok(Positions::Exact { lon, lat }) = positions {
            f.check(
                lon.len() as u64 == *rows && lat.len() as u64 == *rows,
                "there are not as many exact positions as rows",
            );
        }
    }
    let names =
        [LONGITUDE, LATITUDE].into_iter().chain(check.source.columns().iter().map(|c| c.name.as_str()));
    let names: Vec<String> = names.map(str::to_string).collect();
    let requests: Vec<ReadRequest> = parts
        .iter()
        .flat_map(|&(part, rows)| {
            let rows = Rows::all(rows.min(MAX_ROWS));
            // One by one, so that one that cannot be read does not hide the others.
            names.iter().map(move |name| ReadRequest {
                part,
                rows: rows.clone(),
                columns: vec![name.clone()],
            })
        })
        .collect();
    let batches = opened.read(&requests);
    f.check(batches.len() == requests.len(), "several requests have not one answer each");
    for (request, batch) in requests.iter().zip(&batches) {
        if let Ok(batch) = batch {
            f.check(has_form(request, batch), "an answer has other lengths than were asked for");
        }
    }
    Answers { parts, requests, batches }
}

/// An object of which one byte is another one.
#[derive(Debug)]
struct Changed {
    inner: Arc<dyn RangeReader>,
    at: u64,
}

impl RangeReader for Changed {
    fn size(&self) -> u64 {
        self.inner.size()
    }

    fn etag(&self) -> Option<&str> {
        self.inner.etag()
    }

    fn location(&self) -> &str {
        self.inner.location()
    }

    fn read_ranges(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let answers = self.inner.read_ranges(ranges)?;
        let change = |(bytes, range): (Bytes, &Range<u64>)| {
            if !range.contains(&self.at) {
                return bytes;
            }
            let mut changed = bytes.to_vec();
            if let Some(byte) = changed.get_mut((self.at - range.start) as usize) {
                *byte ^= 0xff;
            }
            changed.into()
        };
        Ok(answers.into_iter().zip(ranges).map(change).collect())
    }
}
