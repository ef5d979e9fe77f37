//! What a reader of HDF5 files can do: the byte-range reader of this crate, and others behind the same trait.

use std::fmt::Debug;

use zagg_core::{Result, Rows, Values};

use crate::attribute::Attribute;
use crate::dataset::Dataset;
use crate::file::Hdf5File;
use crate::group::{Entry, EntryKind};
use crate::read::RowRequest;

/// An open HDF5 file.
///
/// Paths lead from the root, with or without a leading slash. Behind a dataset's path, `#name` picks a field of its
/// records, `#outer#inner` one of nested records. A dataset whose own name has a `#` is found first.
pub trait Hdf5Reader: Debug + Send + Sync {
    /// Where the file is, for messages.
    fn location(&self) -> &str;

    /// The file, where this is the byte-range reader: what it knows of datasets can be saved.
    fn as_ranges(&self) -> Option<&Hdf5File> {
        None
    }

    /// Finds datasets, with their attributes: `None` where a link of the path does not exist.
    ///
    /// # Errors
    /// Per path: something on the way is broken or unsupported, the path leads to a group, or there is no such field.
    fn datasets(&self, paths: &[&str]) -> Vec<Result<Option<Dataset>>>;

    /// What lies at each path: `None` where a link of the path does not exist.
    ///
    /// # Errors
    /// Per path: something on the way is broken or unsupported.
    fn kinds(&self, paths: &[&str]) -> Vec<Result<Option<EntryKind>>>;

    /// Members of groups, sorted by name; `None` where a link of the path does not exist.
    ///
    /// # Errors
    /// Per path: something on the way is broken or unsupported, or the path does not lead to a group.
    fn list(&self, paths: &[&str]) -> Vec<Result<Option<Vec<Entry>>>>;

    /// Attributes of groups or datasets, sorted by name; `None` where a link of the path does not exist.
    ///
    /// # Errors
    /// Per path: something on the way is broken or unsupported.
    fn attributes(&self, paths: &[&str]) -> Vec<Result<Option<Vec<Attribute>>>>;

    /// Reads rows of datasets that this reader has found, in order, as numbers.
    ///
    /// # Errors
    /// Per request: rows or column outside the dataset, elements that are no plain numbers, storage that is not read,
    /// a broken index or chunk, a failed transfer.
    fn read_rows(&self, requests: &[RowRequest<'_>]) -> Vec<Result<Values>>;

    /// Reads rows of a dataset of fixed-length strings, in C order and without their padding.
    ///
    /// # Errors
    /// As [`read_rows`](Self::read_rows); and when the values are no strings of fixed length.
    fn read_strings(&self, dataset: &Dataset, rows: &Rows) -> Result<Vec<String>>;
}

impl Hdf5Reader for Hdf5File {
    fn location(&self) -> &str {
        self.location()
    }

    fn as_ranges(&self) -> Option<&Hdf5File> {
        Some(self)
    }

    fn datasets(&self, paths: &[&str]) -> Vec<Result<Option<Dataset>>> {
        self.datasets(paths)
    }

    fn kinds(&self, paths: &[&str]) -> Vec<Result<Option<EntryKind>>> {
        self.kinds(paths)
    }

    fn list(&self, paths: &[&str]) -> Vec<Result<Option<Vec<Entry>>>> {
        self.list(paths)
    }

    fn attributes(&self, paths: &[&str]) -> Vec<Result<Option<Vec<Attribute>>>> {
        self.attributes(paths)
    }

    fn read_rows(&self, requests: &[RowRequest<'_>]) -> Vec<Result<Values>> {
        self.read_rows(requests)
    }

    fn read_strings(&self, dataset: &Dataset, rows: &Rows) -> Result<Vec<String>> {
        self.read_strings(dataset, rows)
    }
}
