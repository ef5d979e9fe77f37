//! An open file.

use std::sync::Arc;

use zagg_core::range_reader::RangeReader;
use zagg_core::{Context, Error, ErrorKind, Result, Rows, Values};

use crate::access::{Access, Addressing, Source, Step};
use crate::attribute::{self, Attribute};
use crate::cursor::Sizes;
use crate::dataset::Dataset;
use crate::group::{self, Entry, EntryKind, Link};
use crate::member;
use crate::options::ReadOptions;
use crate::read::{self, RowRequest};
use crate::superblock::{self, Superblock};

/// An HDF5 file read by byte ranges; cheap to clone, may be used by many threads.
///
/// Metadata that have been fetched stay in memory until the last clone and the last call are gone.
#[derive(Debug, Clone)]
pub struct Hdf5File {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    source: Arc<Source>,
    superblock: Superblock,
    options: ReadOptions,
    /// Location, size and ETag: what decoded chunks are known by.
    identity: Arc<str>,
}

impl Hdf5File {
    /// Opens a file: one read, unless a user block pushes the superblock far back.
    ///
    /// # Errors
    /// Fails when the reader does, when there is no HDF5 file, or when it is shorter than it says.
    pub fn open(reader: Arc<dyn RangeReader>, options: &ReadOptions) -> Result<Self> {
        let location = reader.location().to_owned();
        Self::open_at(reader, options).context(|| location)
    }

    fn open_at(reader: Arc<dyn RangeReader>, options: &ReadOptions) -> Result<Self> {
        let size = reader.size();
        let source = Source::new(reader, options.into(), options.max_metadata_bytes);
        let head = 0..options.first_read.min(size);
        if !head.is_empty() {
            source.fetch(0, &[head], &[])?;
        }
        // Addresses count from the start of the file until the superblock is known.
        let plain = Addressing { base: 0, sizes: Sizes { offset: 8, length: 8 } };
        let mut found = source.rounds(plain, 1, |_, access| {
            for at in superblock::places(size) {
                if superblock::starts(&access.get_up_to(at, 8, "superblock")?) {
                    let bytes = access.get_up_to(at, superblock::MAX_LEN, "superblock")?;
                    return Ok(superblock::parse(&bytes, at, size)?);
                }
            }
            Err(Error::input("this is not an HDF5 file: it has no superblock").into())
        });
        let superblock = found.pop().unwrap_or_else(|| Err(Error::input("this is not an HDF5 file")))?;
        Ok(Self::of(source, superblock, options))
    }

    /// A file whose superblock is known; nothing is read.
    pub(crate) fn assemble(
        reader: Arc<dyn RangeReader>,
        options: &ReadOptions,
        superblock: Superblock,
    ) -> Self {
        Self::of(Source::new(reader, options.into(), options.max_metadata_bytes), superblock, options)
    }

    fn of(source: Arc<Source>, superblock: Superblock, options: &ReadOptions) -> Self {
        let reader = source.reader();
        let etag = reader.etag().unwrap_or_default();
        let identity = format!("{}\n{}\n{etag}", reader.location(), reader.size()).into();
        Self { inner: Arc::new(Inner { source, superblock, options: options.clone(), identity }) }
    }

    /// Where the file is, for messages.
    pub fn location(&self) -> &str {
        self.inner.source.reader().location()
    }

    /// Resolves many dataset paths side by side, with their attributes. Behind a path, `#name` picks a field of the
    /// dataset's records, `#outer#inner` one of nested records.
    ///
    /// For each path: the dataset, or `None` when a link of the path does not exist.
    ///
    /// # Errors
    /// Per path: something on the way is broken or unsupported, or the path leads to a group.
    pub fn datasets<P: AsRef<str>>(&self, paths: &[P]) -> Vec<Result<Option<Dataset>>> {
        self.each_path(paths, |access, path| member::dataset(access, self.inner.superblock.root, path))
    }

    /// One dataset; [`datasets`](Self::datasets) costs no more round trips for many.
    ///
    /// # Errors
    /// Something on the way is absent, broken or unsupported, or the path leads to a group.
    pub fn dataset(&self, path: &str) -> Result<Dataset> {
        match self.datasets(&[path]).pop() {
            Some(result) => result?.ok_or_else(|| {
                Error::not_found(format!("{}: {path}: there is no such dataset", self.location()))
            }),
            None => Err(Error::not_found("no dataset was asked for")),
        }
    }

    /// What lies at each path: `None` where a link of the path does not exist.
    ///
    /// # Errors
    /// Per path: something on the way is broken or unsupported.
    pub fn kinds<P: AsRef<str>>(&self, paths: &[P]) -> Vec<Result<Option<EntryKind>>> {
        self.each_path(paths, |access, path| {
            let found = group::header_at(access, self.inner.superblock.root, path)?;
            Ok(found.map(|(_, header)| group::classify(&header)))
        })
    }

    /// Members of many groups, each sorted by name; `None` where a link of the path does not exist.
    ///
    /// # Errors
    /// Per path: something on the way is broken or unsupported, or the path does not lead to a group.
    pub fn list<P: AsRef<str>>(&self, paths: &[P]) -> Vec<Result<Option<Vec<Entry>>>> {
        let root = self.inner.superblock.root;
        let groups = self.each_path(paths, |access, path| {
            let Some((address, header)) = group::header_at(access, root, path)? else { return Ok(None) };
            if group::classify(&header) == EntryKind::Dataset {
                return Err(Error::input("is a dataset where a group is expected").into());
            }
            Ok(Some((address, group::links(access, &header)?)))
        });
        // Members are looked at one by one, so that a broken one does not hide the others.
        let members: Vec<(u64, &Link)> = groups
            .iter()
            .flatten()
            .flatten()
            .flat_map(|(address, links)| links.iter().map(|link| (*address, link)))
            .collect();
        let mut kinds = self
            .inner
            .source
            .rounds(self.addressing(), members.len(), |job, access| {
                let (group, link) = members[job];
                group::entry_kind(access, root, group, link)
            })
            .into_iter();
        let entry = |link: &Link, kind: Option<Result<EntryKind>>| match kind {
            Some(Err(error)) if !matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported) => {
                Err(error)
            }
            kind => Ok(Entry {
                name: link.name.clone(),
                kind: kind.and_then(Result::ok).unwrap_or(EntryKind::Unresolved),
            }),
        };
        let listed = groups.iter().map(|group| match group {
            Ok(Some((_, links))) => {
                links.iter().map(|link| entry(link, kinds.next())).collect::<Result<_>>().map(Some)
            }
            Ok(None) => Ok(None),
            Err(error) => Err(error.clone()),
        });
        listed.collect()
    }

    /// Attributes of many groups or datasets, each sorted by name; `None` where a link of the path does not exist.
    ///
    /// # Errors
    /// Per path: something on the way is broken or unsupported.
    pub fn attributes<P: AsRef<str>>(&self, paths: &[P]) -> Vec<Result<Option<Vec<Attribute>>>> {
        self.each_path(paths, |access, path| {
            match group::header_at(access, self.inner.superblock.root, path)? {
                Some((_, header)) => Ok(Some(attribute::read_all(access, &header)?)),
                None => Ok(None),
            }
        })
    }

    /// Reads rows of many datasets: their chunk indexes side by side, then all chunks in one vectored read.
    ///
    /// Each answer has exactly the rows asked for, in order; rows of several values are flattened in C order unless one
    /// column is picked. Only chunks that hold wanted rows are fetched and decoded. Exact ranges are handed to the
    /// reader, which merges neighbours. A request that fails leaves the others alone.
    ///
    /// # Errors
    /// Per request: rows or column outside the dataset, elements that are no plain numbers, a filter that is not read, a
    /// broken index or chunk, a failed transfer.
    pub fn read_rows(&self, requests: &[RowRequest<'_>]) -> Vec<Result<Values>> {
        read::rows(self, requests)
    }

    /// Reads rows of a dataset of fixed-length strings, in C order and without their padding.
    ///
    /// # Errors
    /// As [`read_rows`](Self::read_rows); and when the elements are no strings of fixed length.
    pub fn read_strings(&self, dataset: &Dataset, rows: &Rows) -> Result<Vec<String>> {
        read::strings(self, dataset, rows)
    }

    pub(crate) fn source(&self) -> &Source {
        &self.inner.source
    }

    pub(crate) fn superblock(&self) -> &Superblock {
        &self.inner.superblock
    }

    pub(crate) fn addressing(&self) -> Addressing {
        self.inner.superblock.addressing
    }

    pub(crate) fn options(&self) -> &ReadOptions {
        &self.inner.options
    }

    pub(crate) fn identity(&self) -> &Arc<str> {
        &self.inner.identity
    }

    fn each_path<P: AsRef<str>, T>(
        &self,
        paths: &[P],
        step: impl Fn(&Access<'_>, &str) -> Step<T>,
    ) -> Vec<Result<T>> {
        let results = self
            .inner
            .source
            .rounds(self.addressing(), paths.len(), |job, access| step(access, paths[job].as_ref()));
        let named = results.into_iter().zip(paths);
        named
            .map(|(result, path)| result.context(|| format!("{}: {}", self.location(), path.as_ref())))
            .collect()
    }
}
