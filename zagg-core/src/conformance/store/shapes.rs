//! Cells that hold more than one number: vectors and lists.

use super::{Check, GROUP, same};
use crate::column::{DType, Values};
use crate::store::{ArraySpec, BlockWrite, RaggedSpec};

/// Elements of a vector.
const WIDTH: u64 = 3;

/// Arrays of vectors and of lists, sharded and not, otherwise as `like`.
pub(super) fn arrays(like: &ArraySpec) -> Vec<ArraySpec> {
    let vectors = |name: &str, chunk: u64| ArraySpec {
        name: name.to_owned(),
        dtype: DType::Int32,
        fill: Values::Int32(vec![-1]),
        dimensions: vec!["cells".to_owned(), "bins".to_owned()],
        shape: vec![20, WIDTH],
        block_shape: vec![8, WIDTH],
        chunk_shape: vec![chunk, WIDTH],
        ..like.clone()
    };
    let lists = |name: &str, dtype: DType, inner: &[u64], chunk: u64| ArraySpec {
        name: name.to_owned(),
        dtype,
        fill: Values::UInt8(vec![0]).cast(dtype).unwrap_or_else(|_| like.fill.clone()),
        ragged: Some(RaggedSpec { inner_shape: inner.to_vec() }),
        chunk_shape: vec![chunk],
        ..like.clone()
    };
    vec![
        vectors("vectors", 8),
        vectors("sharded_vectors", 2),
        lists("pairs", DType::Float32, &[2], 8),
        lists("sharded_pairs", DType::Float32, &[2], 4),
        lists("numbers", DType::Int64, &[], 8),
    ]
}

impl Check<'_> {
    pub(super) fn vectors(&mut self) {
        for array in ["vectors", "sharded_vectors"] {
            let fill = Values::Int32(vec![-1; 24]);
            self.reads_two(array, 0, &fill, "a block of vectors that was never written");
            let whole = Values::Int32((0..24).collect());
            let edge = Values::Int32((100..112).collect());
            for (block, values) in [(1, &whole), (2, &edge)] {
                let written = self.one.write_block(GROUP, array, &[block, 0], values);
                self.done(written, "writing a block of vectors");
                self.reads_two(array, block, values, "a block of vectors");
            }
            let written = self.one.write_block(GROUP, array, &[1], &whole);
            self.expect(written.is_err(), "a block of vectors can be written without its place along them");
            let written = self.one.write_ragged_block(GROUP, array, &[1, 0], &[0; 9], &Values::Int32(vec![]));
            self.expect(written.is_err(), "lists can be written into an array of vectors");
        }
    }

    fn reads_two(&mut self, array: &str, block: u64, expected: &Values, what: &str) {
        let read = (self.read.block)(GROUP, array, &[block, 0]);
        let Some(values) = self.done(read, &format!("reading {what}")) else { return };
        self.expect(&values == expected, &format!("{what} of {array} is read as {values:?}"));
    }

    pub(super) fn ragged(&mut self) {
        // Lists of 0, 2, 0, 1, 3, 0, 0 and 1 pairs.
        let offsets = [0, 0, 2, 2, 3, 6, 6, 6, 7];
        let values = Values::Float32((0..14).map(|i| if i == 5 { f32::NAN } else { i as f32 }).collect());
        let other = [0, 1, 1, 1, 1, 1, 1, 1, 1];
        for array in ["pairs", "sharded_pairs"] {
            let none = Values::Float32(Vec::new());
            self.reads_lists(array, 0, &[0; 9], &none, "a block of lists that was never written");
            for (offsets, values) in [
                (&offsets[..], &values),
                (&other[..], &Values::Float32(vec![1.5, -0.0])),
                (&[0; 9], &none),
                (&offsets, &values),
            ] {
                for store in [self.one, self.other] {
                    let written = store.write_ragged_block(GROUP, array, &[1], offsets, values);
                    self.done(written, "writing a block of lists");
                }
                self.reads_lists(array, 1, offsets, values, "a block of lists that was written twice");
            }
            self.reads_lists(array, 0, &[0; 9], &none, "the neighbour of a block of lists");
            let edge = Values::Float32(vec![1.0, 2.0]);
            for offsets in [&[0, 0, 1, 1, 1][..], &[0, 0, 1, 1, 1, 1, 1, 1, 1]] {
                let written = self.one.write_ragged_block(GROUP, array, &[2], offsets, &edge);
                self.done(written, "writing the block of lists at the edge");
                self.reads_lists(array, 2, &[0, 0, 1, 1, 1], &edge, "the block of lists at the edge");
            }
        }
        let numbers = Values::Int64(vec![i64::MIN, 0, i64::MAX]);
        let written =
            self.one.write_ragged_block(GROUP, "numbers", &[0], &[0, 3, 3, 3, 3, 3, 3, 3, 3], &numbers);
        self.done(written, "writing lists of numbers");
        self.reads_lists("numbers", 0, &[0, 3, 3, 3, 3, 3, 3, 3, 3], &numbers, "lists of numbers");
        self.ragged_refusals();
    }

    fn ragged_refusals(&mut self) {
        let two = Values::Float32(vec![0.0; 2]);
        for (array, block, offsets, values, what) in [
            ("pairs", &[0][..], &[0, 1][..], &two, "lists of too few cells"),
            ("pairs", &[0], &[0, 1, 1, 1, 1, 1, 1, 1, 1, 1], &two, "lists of too many cells"),
            ("pairs", &[0], &[0, 2, 1, 1, 1, 1, 1, 1, 1], &two, "offsets that go back"),
            ("pairs", &[0], &[1, 1, 1, 1, 1, 1, 1, 1, 1], &two, "offsets that do not begin with 0"),
            ("pairs", &[0], &[0, 0, 0, 0, 0, 0, 0, 0, 2], &two, "offsets beyond the values"),
            ("pairs", &[0], &[0, 0, 0, 0, 0, 0, 0, 0, u64::MAX], &two, "offsets far beyond the values"),
            ("pairs", &[0], &[0; 9], &two, "values that no cell has"),
            ("pairs", &[0], &[], &two, "lists without offsets"),
            ("pairs", &[3], &[0, 1, 1, 1, 1, 1, 1, 1, 1], &two, "lists behind the last block"),
            ("floats", &[0], &[0, 1, 1, 1, 1, 1, 1, 1, 1], &two, "lists into an array without lists"),
            ("nothing", &[0], &[0, 1, 1, 1, 1, 1, 1, 1, 1], &two, "lists into an array that is not there"),
        ] {
            let written = self.one.write_ragged_block(GROUP, array, block, offsets, values);
            self.expect(written.is_err(), &format!("{what} can be written"));
        }
        let doubles = Values::Float64(vec![0.0; 2]);
        let written =
            self.one.write_ragged_block(GROUP, "pairs", &[0], &[0, 1, 1, 1, 1, 1, 1, 1, 1], &doubles);
        self.expect(written.is_err(), "lists of another type can be written");
        let written = self.one.write_block(GROUP, "pairs", &[0], &Values::Float32(vec![0.0; 8]));
        self.expect(written.is_err(), "numbers can be written into an array of lists");
    }

    /// Several blocks in one call.
    pub(super) fn several(&mut self) {
        let floats = Values::Float32(vec![7.0; 8]);
        let fill = Values::Float32(vec![f32::NAN; 8]);
        let pairs = Values::Float32(vec![1.0, 2.0]);
        let offsets = [0, 0, 0, 1, 1, 1, 1, 1, 1];
        let write =
            |array, block, offsets, values| BlockWrite { group: GROUP, array, block, offsets, values };
        let written = self.one.write_blocks(&[
            write("floats", &[0], None, &floats),
            write("floats", &[1], None, &fill),
            write("pairs", &[0], Some(&offsets[..]), &pairs),
        ]);
        self.done(written, "writing several blocks at once");
        self.reads("floats", 0, &floats, "the first of several blocks");
        self.reads("floats", 1, &fill, "a block of several that is fill");
        self.reads_lists("pairs", 0, &offsets, &pairs, "a block of lists among several");
        let five = Values::Float32(vec![5.0; 8]);
        let written = self.one.write_blocks(&[write("floats", &[1], None, &five)]);
        self.done(written, "writing one block of several");
        self.reads("floats", 1, &five, "a block that was fill before");
        let written = self.one.write_blocks(&[]);
        self.done(written, "writing no blocks");
        let written =
            self.one.write_blocks(&[write("floats", &[0], None, &fill), write("none", &[0], None, &fill)]);
        self.expect(written.is_err(), "several blocks can be written of which one has no array");
    }

    fn reads_lists(&mut self, array: &str, block: u64, offsets: &[u64], values: &Values, what: &str) {
        let read = (self.read.ragged_block)(GROUP, array, &[block]);
        let Some((found, items)) = self.done(read, &format!("reading {what}")) else { return };
        let equal = found == offsets && same(&items, values);
        self.expect(equal, &format!("{what} of {array} is read as {items:?} at {found:?}"));
    }
}
