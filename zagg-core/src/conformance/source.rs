//! What every point source must do.

mod damage;
mod positions;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::caught::panic_message;
use crate::column::Column;
use crate::error::{ErrorKind, Result};
use crate::granule::Granule;
use crate::range_reader::RangeReader;
use crate::rows::Rows;
use crate::source::{
    LATITUDE, LONGITUDE, OpenGranule, PartInfo, PartState, PointBatch, PointSource, ReadRequest,
};

/// Rows of one part that are read at once: enough for several chunks of most files.
const MAX_ROWS: u64 = 1 << 16;

/// Findings of one group of checks that are kept, so that none drowns the others.
const MAX_OF_GROUP: usize = 6;

/// A name that no source has.
const UNKNOWN: &str = "no such column \u{1}";

/// Checks a source against the contract of [`PointSource`], with a sound granule that has rows.
///
/// The granule is opened and read several times, whole and in pieces, through every way there is: answers must have the
/// lengths and the order that were asked for, must agree with each other and with the positions, and nothing that is not there
/// may be given. Then the object is damaged: cut short, with bytes changed, and with reads that fail. Every answer must be
/// an error or sound in form then, and those of an object that is cut behind the source's back must be the same as before.
/// A panic is caught and reported as a finding. What cannot be seen from outside, whether values are those of the file, is
/// left to the source's own tests.
///
/// # Errors
/// Everything found, one sentence each, a few of each group of checks.
pub fn source(
    source: &dyn PointSource,
    granule: &Granule,
    reader: &Arc<dyn RangeReader>,
) -> Result<(), Vec<String>> {
    let check = Check { source, granule, reader };
    let mut findings = Findings::default();
    findings.run("columns", |f| check.columns(f));
    let opened = findings.run("open", |f| check.open(f)).flatten();
    if let Some(opened) = opened {
        let opened = &*opened;
        findings.run("parts", |f| check.parts(opened, f));
        findings.run("positions", |f| positions::check(opened, f));
        findings.run("read", |f| check.read(opened, f));
        findings.run("pieces", |f| check.pieces(opened, f));
        findings.run("what is not there", |f| check.refusals(opened, f));
        findings.run("indexes", |f| check.indexes(opened, f));
        findings.run("damage", |f| damage::check(&check, opened, f));
    }
    findings.finish()
}

/// What was found so far.
#[derive(Debug, Default)]
struct Findings {
    all: Vec<String>,
    /// Number of findings before the group of checks at hand.
    before: usize,
    group: &'static str,
}

impl Findings {
    fn add(&mut self, finding: impl AsRef<str>) {
        if self.all.len() - self.before < MAX_OF_GROUP {
            self.all.push(format!("{}: {}", self.group, finding.as_ref()));
        }
    }

    fn check(&mut self, holds: bool, finding: &str) {
        if !holds {
            self.add(finding);
        }
    }

    fn run<T>(&mut self, group: &'static str, check: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.before, self.group) = (self.all.len(), group);
        let result = catch_unwind(AssertUnwindSafe(|| check(self)));
        match result {
            Ok(value) => Some(value),
            Err(panic) => {
                self.before = self.all.len();
                self.add(format!("the source panicked: {}", panic_message(&*panic)));
                None
            }
        }
    }

    fn finish(self) -> Result<(), Vec<String>> {
        if self.all.is_empty() { Ok(()) } else { Err(self.all) }
    }
}

/// Numbers and rows of the parts that can be read.
fn present(infos: &[PartInfo]) -> Vec<(usize, u64)> {
    let rows = |(number, info): (usize, &PartInfo)| match info.state {
        PartState::Present { rows } => Some((number, rows)),
        _ => None,
    };
    infos.iter().enumerate().filter_map(rows).collect()
}

/// Whether two columns say the same. What stands in the place of a missing value means nothing.
fn same(a: &Column, b: &Column) -> bool {
    let is_missing = |column: &Column, at: usize| column.missing.as_ref().is_some_and(|flags| flags[at]);
    let size = a.values.dtype().size();
    let (x, y) = (a.values.to_le_bytes(), b.values.to_le_bytes());
    a.values.dtype() == b.values.dtype()
        && a.len() == b.len()
        && x.chunks(size).zip(y.chunks(size)).enumerate().all(|(at, (x, y))| {
            match (is_missing(a, at), is_missing(b, at)) {
                (false, false) => x == y,
                (a, b) => a == b,
            }
        })
}

fn same_answers(a: &[Result<PointBatch>], b: &[Result<PointBatch>]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| match (a, b) {
            (Ok(a), Ok(b)) => {
                a.columns.len() == b.columns.len()
                    && a.columns.iter().zip(&b.columns).all(|(a, b)| same(a, b))
            }
            (Err(_), Err(_)) => true,
            _ => false,
        })
}

/// Whether an answer has the form that was asked for.
fn has_form(request: &ReadRequest, batch: &PointBatch) -> bool {
    let rows = request.rows.len();
    let whole = |column: &Column| {
        column.len() as u64 == rows && column.missing.as_ref().is_none_or(|flags| flags.len() as u64 == rows)
    };
    batch.columns.len() == request.columns.len() && batch.columns.iter().all(whole)
}

/// The only answer to one request.
fn read_one(opened: &dyn OpenGranule, request: &ReadRequest) -> Option<Result<PointBatch>> {
    let mut answers = opened.read(std::slice::from_ref(request));
    answers.pop().filter(|_| answers.is_empty())
}

struct Check<'a> {
    source: &'a dyn PointSource,
    granule: &'a Granule,
    reader: &'a Arc<dyn RangeReader>,
}

impl Check<'_> {
    fn columns(&self, f: &mut Findings) {
        let columns = self.source.columns();
        let mut names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        f.check(!names.contains(&""), "a column has no name");
        f.check(
            !names.contains(&LONGITUDE) && !names.contains(&LATITUDE),
            "a column has the name of a coordinate",
        );
        names.sort_unstable();
        names.dedup();
        f.check(names.len() == columns.len(), "two columns have the same name");
        f.check(columns == self.source.columns(), "the columns are others the second time");
        f.check(
            self.source.index_key() == self.source.index_key(),
            "the key of indexes is another one the second time",
        );
    }

    fn open(&self, f: &mut Findings) -> Option<Box<dyn OpenGranule>> {
        match self.source.open(self.granule, Arc::clone(self.reader)) {
            Ok(opened) => Some(opened),
            Err(error) => {
                f.add(format!("a sound granule cannot be opened: {error}"));
                None
            }
        }
    }

    fn parts(&self, opened: &dyn OpenGranule, f: &mut Findings) {
        let infos = opened.parts();
        f.check(infos == opened.parts(), "the parts are others the second time");
        let mut names: Vec<&str> = infos.iter().map(|info| info.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        f.check(names.len() == infos.len(), "two parts have the same name");
        f.check(
            present(infos).iter().any(|(_, rows)| *rows > 0),
            "no part has rows: nothing is shown by this granule",
        );
        if let Some(again) = self.open(f) {
            f.check(again.parts() == infos, "opened again, the granule has other parts");
        }
        for column in self.source.columns() {
            let attributes = opened.column_attributes(&column.name);
            f.check(
                attributes == opened.column_attributes(&column.name),
                "the attributes of a column are others the second time",
            );
        }
        f.check(opened.column_attributes(UNKNOWN).is_empty(), "a column that is not there has attributes");
    }

    /// Columns that can be read of a part, coordinates first.
    fn readable(&self, opened: &dyn OpenGranule, part: usize, f: &mut Findings) -> Vec<String> {
        let names =
            [LONGITUDE, LATITUDE].into_iter().chain(self.source.columns().iter().map(|c| c.name.as_str()));
        let mut can_be_read = |name: &&str| {
            let request = ReadRequest { part, rows: Rows::all(1), columns: vec![(*name).to_string()] };
            match read_one(opened, &request) {
                Some(Err(error)) => {
                    // A granule may lack a column, but not so.
                    if error.kind() == ErrorKind::Plugin {
                        f.add(format!("{name} cannot be read: {error}"));
                    }
                    false
                }
                answer => answer.is_some(),
            }
        };
        let readable: Vec<String> = names.filter(&mut can_be_read).map(str::to_string).collect();
        for coordinate in [LONGITUDE, LATITUDE] {
            f.check(
                readable.iter().any(|name| name == coordinate),
                "the coordinates of a part that is present cannot be read",
            );
        }
        readable
    }

    /// Sets of rows of a part: none, single ones, scattered ones, and as many as are read at once.
    fn samples(rows: u64) -> Vec<Rows> {
        let scattered = (0..rows).step_by((rows / 50).max(1) as usize).map(|row| row..row + 1);
        vec![
            Rows::default(),
            Rows::all(rows.min(1)),
            Rows::from_ranges([rows.saturating_sub(1)..rows]),
            Rows::from_ranges([rows / 3..rows / 3 + rows.min(2), rows - rows / 5..rows]),
            Rows::from_ranges(scattered),
            Rows::all(rows.min(MAX_ROWS)),
            Rows::from_ranges([rows.saturating_sub(MAX_ROWS)..rows]),
        ]
    }

    fn read(&self, opened: &dyn OpenGranule, f: &mut Findings) {
        f.check(opened.read(&[]).is_empty(), "no request has an answer");
        for (part, rows) in present(opened.parts()).into_iter().filter(|(_, rows)| *rows > 0) {
            let columns = self.readable(opened, part, f);
            for rows in Self::samples(rows) {
                let request = ReadRequest { part, rows, columns: columns.clone() };
                let Some(answer) = read_one(opened, &request) else {
                    f.add("one request has not one answer");
                    continue;
                };
                let batch = match answer {
                    Ok(batch) => batch,
                    Err(error) => {
                        f.add(format!("{} rows cannot be read: {error}", request.rows.len()));
                        continue;
                    }
                };
                if !has_form(&request, &batch) {
                    f.add(format!("an answer for {} rows has other lengths", request.rows.len()));
                    continue;
                }
                self.agrees(opened, &request, &batch, f);
            }
        }
    }

    /// The same rows once more, and by other ways.
    fn agrees(&self, opened: &dyn OpenGranule, request: &ReadRequest, batch: &PointBatch, f: &mut Findings) {
        for (name, column) in request.columns.iter().zip(&batch.columns) {
            let announced =
                self.source.columns().iter().find(|spec| spec.name == *name).and_then(|spec| spec.dtype);
            f.check(
                announced.is_none_or(|dtype| dtype == column.values.dtype()),
                "a column has another type than was announced",
            );
        }
        let whole = vec![Ok(batch.clone())];
        let again = opened.read(std::slice::from_ref(request));
        f.check(same_answers(&again, &whole), "the same request has another answer the second time");
        // Backwards, and the first column twice.
        let mut order: Vec<usize> = (0..request.columns.len()).rev().collect();
        order.push(0);
        let pick = |order: &[usize]| ReadRequest {
            columns: order.iter().map(|&at| request.columns[at].clone()).collect(),
            ..request.clone()
        };
        let picked = |order: &[usize]| {
            vec![Ok(PointBatch { columns: order.iter().map(|&at| batch.columns[at].clone()).collect() })]
        };
        let turned = opened.read(&[pick(&order)]);
        f.check(same_answers(&turned, &picked(&order)), "columns are not given in the order asked for");
        for at in 0..request.columns.len() {
            let alone = opened.read(&[pick(&[at])]);
            f.check(same_answers(&alone, &picked(&[at])), "a column alone is another one than among others");
        }
    }

    /// Rows in several requests, of several parts, through another opening.
    fn pieces(&self, opened: &dyn OpenGranule, f: &mut Findings) {
        let mut requests = Vec::new();
        let mut wholes = Vec::new();
        for (part, rows) in present(opened.parts()).into_iter().filter(|(_, rows)| *rows > 0) {
            let columns = self.readable(opened, part, f);
            let all = rows.min(MAX_ROWS);
            let mut pieces = Vec::new();
            for piece in [0..all / 2, all / 2..all] {
                let rows = Rows::from_ranges([piece]);
                pieces.push(ReadRequest { part, rows, columns: columns.clone() });
            }
            wholes.push(ReadRequest { part, rows: Rows::all(all), columns });
            requests.extend(pieces);
        }
        let pieces = opened.read(&requests);
        let whole = opened.read(&wholes);
        if pieces.len() != requests.len() || whole.len() != wholes.len() {
            f.add("several requests have not one answer each");
            return;
        }
        for (pieces, whole) in pieces.chunks(2).zip(&whole) {
            let joined = match pieces {
                [Ok(first), Ok(second)] => join(first, second),
                _ => None,
            };
            let Some(joined) = joined else {
                f.add("rows that can be read at once cannot be read in two pieces");
                continue;
            };
            f.check(
                same_answers(&[Ok(joined)], std::slice::from_ref(whole)),
                "rows in two pieces are others than at once",
            );
        }
        let backwards: Vec<ReadRequest> = requests.iter().rev().cloned().collect();
        let mut turned = opened.read(&backwards);
        turned.reverse();
        f.check(same_answers(&turned, &pieces), "answers depend on the order of the requests");
        if let Some(again) = self.open(f) {
            f.check(same_answers(&again.read(&wholes), &whole), "opened again, the granule has other rows");
        }
    }

    fn refusals(&self, opened: &dyn OpenGranule, f: &mut Findings) {
        let Some((part, rows)) = present(opened.parts()).into_iter().find(|(_, rows)| *rows > 0) else {
            return;
        };
        let request = |part, rows, name: &str| ReadRequest { part, rows, columns: vec![name.to_string()] };
        for (request, what) in [
            (request(part, Rows::all(1), UNKNOWN), "a column that is not there"),
            (request(part, Rows::from_ranges([rows - 1..rows + 1]), LATITUDE), "rows behind the last"),
            (
                request(part, Rows::from_ranges([u64::MAX - 1..u64::MAX]), LATITUDE),
                "rows far behind the last",
            ),
            (request(opened.parts().len(), Rows::all(1), LATITUDE), "a part that is not there"),
        ] {
            let refused = matches!(read_one(opened, &request), Some(Err(_)));
            f.check(refused, &format!("{what} can be read"));
        }
        for (number, info) in opened.parts().iter().enumerate() {
            if !matches!(info.state, PartState::Present { .. }) {
                let answer = read_one(opened, &request(number, Rows::all(1), LATITUDE));
                f.check(matches!(answer, Some(Err(_))), "a part that is not present can be read");
            }
        }
    }

    fn indexes(&self, opened: &dyn OpenGranule, f: &mut Findings) {
        let index = match (self.source.index_key(), opened.index()) {
            (None, Ok(None)) => return,
            (None, _) => return f.add("a source without a key of indexes gives one"),
            (Some(_), Ok(Some(index))) => index,
            (Some(_), Ok(None)) => return f.add("a source with a key of indexes gives none"),
            (Some(_), Err(error)) => return f.add(format!("no index of a sound granule: {error}")),
        };
        if let Some(again) = self.open(f) {
            f.check(again.index() == Ok(Some(index.clone())), "another opening gives another index");
        }
        let known = match self.source.open_indexed(self.granule, Arc::clone(self.reader), &index) {
            Ok(known) => known,
            Err(error) => return f.add(format!("its own index is refused: {error}")),
        };
        f.check(known.parts() == opened.parts(), "opened from its index, the granule has other parts");
        for (part, rows) in present(opened.parts()).into_iter().filter(|(_, rows)| *rows > 0) {
            let columns = self.readable(opened, part, f);
            let request = [ReadRequest { part, rows: Rows::all(rows.min(MAX_ROWS)), columns }];
            f.check(
                same_answers(&known.read(&request), &opened.read(&request)),
                "opened from its index, the granule has other rows",
            );
        }
        for made_up in [serde_json::Value::Null, serde_json::json!({}), serde_json::json!([1, "x"]), 7.into()]
        {
            let refused = self.source.open_indexed(self.granule, Arc::clone(self.reader), &made_up).is_err();
            f.check(refused, "an index that is none is taken");
        }
    }
}

/// The rows of both, one behind the other.
fn join(first: &PointBatch, second: &PointBatch) -> Option<PointBatch> {
    let mut columns = first.columns.clone();
    if columns.len() != second.columns.len() {
        return None;
    }
    for (column, more) in columns.iter_mut().zip(&second.columns) {
        column.append(more).ok()?;
    }
    Some(PointBatch { columns })
}

#[cfg(test)]
mod tests;
