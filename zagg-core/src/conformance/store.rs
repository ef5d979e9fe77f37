//! What every store must do.

mod shapes;

use serde_json::{Map, json};

use crate::column::{DType, Values};
use crate::error::Result;
use crate::store::{ArraySpec, Compression, Created, GroupSpec, Store, StoreState, StoreTemplate};

/// Reads a block of an array back: the part of it inside the array.
pub type ReadBlock<'a> = &'a dyn Fn(&str, &str, &[u64]) -> Result<Values>;

/// Reads a block of a ragged array back: offsets and values of the cells inside the array.
pub type ReadRaggedBlock<'a> = &'a dyn Fn(&str, &str, &[u64]) -> Result<(Vec<u64>, Values)>;

/// By what means a store's blocks are read back.
#[derive(Clone, Copy)]
pub struct ReadBack<'a> {
    /// A block of an array.
    pub block: ReadBlock<'a>,
    /// A block of a ragged array.
    pub ragged_block: ReadRaggedBlock<'a>,
}

impl std::fmt::Debug for ReadBack<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ReadBack")
    }
}

/// Checks a store and gives what is wrong with it, one finding a line; none when it conforms.
///
/// `one` and `other` are two handles on the same place, at which nothing is yet and of which nothing is needed later.
/// `read` reads blocks back by whatever means the store has.
pub fn store(one: &dyn Store, other: &dyn Store, read: ReadBack<'_>) -> Vec<String> {
    let mut check = Check { one, other, read, findings: Vec::new() };
    check.locking();
    check.template();
    check.blocks();
    check.vectors();
    check.ragged();
    check.several();
    check.refusals();
    check.records();
    check.states();
    check.replacing();
    check.findings
}

const GROUP: &str = "conformance";

/// Values of a block of eight, of every kind that comes up.
const FLOATS: [f32; 8] =
    [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0, 0.0, f32::MAX, f32::MIN_POSITIVE, 1.5];

struct Check<'a> {
    one: &'a dyn Store,
    other: &'a dyn Store,
    read: ReadBack<'a>,
    findings: Vec<String>,
}

impl Check<'_> {
    fn expect(&mut self, holds: bool, finding: &str) {
        if !holds {
            self.findings.push(finding.to_owned());
        }
    }

    fn done<T>(&mut self, result: Result<T>, what: &str) -> Option<T> {
        result.map_err(|error| self.findings.push(format!("{what} failed: {error}"))).ok()
    }

    fn locking(&mut self) {
        let released = self.one.release();
        self.done(released, "releasing a store that is not held");
        let acquired = self.one.acquire();
        self.done(acquired, "acquiring a free store");
        let second = self.other.acquire();
        self.expect(second.is_err(), "a store that is held can be acquired a second time");
        let released = self.other.release();
        self.done(released, "releasing through a handle that does not hold the store");
        let second = self.other.acquire();
        self.expect(second.is_err(), "a handle that does not hold the store can release it");
        let released = self.one.release();
        self.done(released, "releasing");
        let second = self.other.acquire();
        self.done(second, "acquiring a store that was released");
        let released = self.other.release();
        self.done(released, "releasing");
    }

    fn template(&mut self) {
        let finalized = self.one.finalize(StoreState::Complete);
        self.expect(finalized.is_err(), "a store that was never created can be finalized");
        let created = self.one.create(&template("a"), false);
        let created = self.done(created, "creating");
        self.expect(created == Some(Created::New), "creating at an empty place does not make a new store");
        let created = self.other.create(&template("a"), false);
        let created = self.done(created, "creating again");
        self.expect(created == Some(Created::Existing), "creating again does not keep the store");
        let created = self.other.create(&template("b"), false);
        self.expect(created.is_err(), "a store of another template is not refused");
        for (block, ids) in [(0, (10..18).collect()), (1, (18..26).collect()), (2, (26..30).collect())] {
            self.reads("ids", block, &Values::UInt64(ids), "content given with the template");
        }
    }

    fn blocks(&mut self) {
        self.reads("floats", 0, &Values::Float32(vec![f32::NAN; 8]), "a block that was never written");
        for values in [FLOATS.to_vec(), vec![2.5; 8], vec![f32::NAN; 8], FLOATS.to_vec()] {
            let values = Values::Float32(values);
            for store in [self.one, self.other, self.one] {
                let written = store.write_block(GROUP, "floats", &[1], &values);
                self.done(written, "writing a block");
            }
            self.reads("floats", 1, &values, "a block that was written three times");
        }
        self.reads("floats", 0, &Values::Float32(vec![f32::NAN; 8]), "the neighbour of a written block");
        // The last block sticks out of the array.
        for edge in [vec![1.0; 4], vec![1.0; 8]] {
            let written = self.one.write_block(GROUP, "floats", &[2], &Values::Float32(edge));
            self.done(written, "writing the block at the edge");
            self.reads("floats", 2, &Values::Float32(vec![1.0; 4]), "the block at the edge");
        }
        let created = self.one.create(&template("a"), false);
        self.done(created, "creating again after writing");
        self.reads("floats", 1, &Values::Float32(FLOATS.to_vec()), "a block of a store that was kept");
        self.threads();
    }

    fn threads(&mut self) {
        let (one, other) = (self.one, self.other);
        let failures: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8u32)
                .map(|i| {
                    let store = if i % 2 == 0 { one } else { other };
                    scope.spawn(move || {
                        (0..20).find_map(|_| {
                            let values = Values::Float32(vec![5.0; if i % 3 == 2 { 4 } else { 8 }]);
                            store.write_block(GROUP, "floats", &[u64::from(i % 3)], &values).err()
                        })
                    })
                })
                .collect();
            threads
                .into_iter()
                .filter_map(|thread| thread.join().ok().flatten())
                .map(|e| e.to_string())
                .collect()
        });
        for failure in failures {
            self.findings.push(format!("writing from several threads failed: {failure}"));
        }
        for (block, count) in [(0, 8), (1, 8), (2, 4)] {
            self.reads(
                "floats",
                block,
                &Values::Float32(vec![5.0; count]),
                "a block written from several threads",
            );
        }
    }

    fn refusals(&mut self) {
        let eight = Values::Float32(vec![0.0; 8]);
        for (group, array, block, values, what) in [
            (GROUP, "nothing", &[0][..], &eight, "an array that is not there"),
            ("nothing", "floats", &[0], &eight, "a group that is not there"),
            ("..", "floats", &[0], &eight, "a group that leads outside"),
            (GROUP, "../floats", &[0], &eight, "an array that leads outside"),
            (GROUP, "floats", &[3], &eight, "a block behind the last"),
            (GROUP, "floats", &[u64::MAX], &eight, "a block far behind the last"),
            (GROUP, "floats", &[], &eight, "a block without a position"),
            (GROUP, "floats", &[0, 0], &eight, "a block of too many dimensions"),
            (GROUP, "floats", &[0], &Values::Float32(vec![0.0; 7]), "a block of too few values"),
            (GROUP, "floats", &[0], &Values::Float64(vec![0.0; 8]), "values of another type"),
        ] {
            let written = self.one.write_block(group, array, block, values);
            self.expect(written.is_err(), &format!("{what} can be written"));
        }
    }

    fn records(&mut self) {
        let absent = self.one.read_record("absent.json");
        let absent = self.done(absent, "reading a record that is not there");
        self.expect(absent == Some(None), "a record that is not there is found");
        for (name, bytes) in
            [("run/2.json", "old"), ("run/10.json", "x"), ("plan.json", "y"), ("run/2.json", "new")]
        {
            let written = self.one.write_record(name, bytes.as_bytes().to_vec());
            self.done(written, "writing a record");
        }
        let read = self.other.read_record("run/2.json");
        let read = self.done(read, "reading a record").flatten();
        self.expect(
            read.as_deref() == Some(b"new"),
            "a record that was written twice does not have the newer bytes",
        );
        let names = self.other.list_records("run/");
        let names = self.done(names, "listing records").unwrap_or_default();
        self.expect(
            names == ["run/10.json", "run/2.json"],
            "records are not listed by prefix in ascending order",
        );
        let names = self.one.list_records("");
        let names = self.done(names, "listing records").unwrap_or_default();
        self.expect(
            names == ["plan.json", "run/10.json", "run/2.json"],
            "listing all records gives others than those that were written",
        );
        for name in ["", "/x", "../x", "a/../../x", "a//b"] {
            let written = self.one.write_record(name, vec![1]);
            self.expect(written.is_err(), &format!("a record can have the name '{name}'"));
        }
    }

    fn states(&mut self) {
        for state in [StoreState::Incomplete, StoreState::Complete, StoreState::Complete, StoreState::Open] {
            let finalized = self.other.finalize(state);
            self.done(finalized, "finalizing");
        }
        self.reads("floats", 1, &Values::Float32(vec![5.0; 8]), "a block of a finalized store");
    }

    fn replacing(&mut self) {
        let created = self.one.create(&template("b"), true);
        let created = self.done(created, "overwriting");
        self.expect(created == Some(Created::New), "overwriting does not make a new store");
        self.reads(
            "floats",
            1,
            &Values::Float32(vec![f32::NAN; 8]),
            "a block of a store that was overwritten",
        );
        let names = self.one.list_records("");
        let names = self.done(names, "listing records").unwrap_or_default();
        self.expect(names.is_empty(), "records of a store that was overwritten are still there");
        let created = self.other.create(&template("a"), false);
        self.expect(created.is_err(), "an overwritten store still takes the older template");
    }

    fn reads(&mut self, array: &str, block: u64, expected: &Values, what: &str) {
        let read = (self.read.block)(GROUP, array, &[block]);
        let Some(values) = self.done(read, &format!("reading {what}")) else { return };
        if !same(&values, expected) {
            self.findings.push(format!("{what} is read as {values:?} instead of {expected:?}"));
        }
    }
}

/// Equal bit for bit, but for NaN, which are all one.
fn same(a: &Values, b: &Values) -> bool {
    match (a, b) {
        (Values::Float32(a), Values::Float32(b)) => {
            let equal = |(x, y): (&f32, &f32)| x.to_bits() == y.to_bits() || (x.is_nan() && y.is_nan());
            a.len() == b.len() && a.iter().zip(b).all(equal)
        }
        (a, b) => a == b,
    }
}

/// Twenty cells in blocks of eight: ids that are known, floats that are not, vectors and lists.
fn template(hash: &str) -> StoreTemplate {
    let array = |name: &str, dtype, fill, content, chunk| ArraySpec {
        name: name.to_owned(),
        dtype,
        fill,
        ragged: None,
        dimensions: vec!["cells".to_owned()],
        shape: vec![20],
        block_shape: vec![8],
        chunk_shape: vec![chunk],
        compression: Compression::Zstd,
        attributes: Map::new(),
        content,
    };
    let ids = Values::UInt64((10..30).collect());
    let mut arrays = vec![
        array("ids", DType::UInt64, Values::UInt64(vec![0]), Some(ids), 8),
        array("floats", DType::Float32, Values::Float32(vec![f32::NAN]), None, 4),
    ];
    arrays.extend(shapes::arrays(&array("", DType::Float32, Values::Float32(vec![f32::NAN]), None, 4)));
    let mut attributes = Map::new();
    attributes.insert("title".to_owned(), json!("conformance"));
    StoreTemplate {
        attributes: attributes.clone(),
        groups: vec![GroupSpec { name: GROUP.to_owned(), attributes, arrays }],
        hash: hash.to_owned(),
    }
}
