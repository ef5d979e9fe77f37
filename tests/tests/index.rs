//! Granule indexes: what they save, and that nothing depends on them.

mod bucket;
mod changed;
mod choices;
mod damage;
mod format;
mod memory;
mod moved;
mod traffic;
mod transfer;

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use zagg_atl06::synthetic::{GranuleSpec, write_granule};
use zagg_core::config::Pipeline;
use zagg_core::granule::Driver;
use zagg_core::granules::IndexUse;
use zagg_core::index::{IndexMaker, IndexStore, Made};
use zagg_core::range_reader::{RangeReader, check_ranges};
use zagg_core::report::RunSummary;
use zagg_core::source::{ObjectIdentity, OpenObject};
use zagg_core::{Error, Result};
use zagg_local::LocalExecutor;

use crate::support::{Job, Tree, grid_of, pipeline, preset, registry};

/// An index store in memory.
#[derive(Debug, Default)]
struct Shelf {
    objects: Mutex<BTreeMap<String, Bytes>>,
    refuses_get: AtomicBool,
    refuses_put: AtomicBool,
    got: Mutex<u64>,
    refusals: AtomicUsize,
}

impl Shelf {
    fn objects(&self) -> BTreeMap<String, Bytes> {
        self.objects.lock().unwrap().clone()
    }

    /// The same objects, each changed.
    fn changed(&self, change: impl Fn(&str, &Bytes) -> Bytes) -> Arc<Self> {
        let objects = self.objects().into_iter().map(|(name, bytes)| (name.clone(), change(&name, &bytes)));
        Arc::new(Self { objects: Mutex::new(objects.collect()), ..Self::default() })
    }

    /// Requests that were refused since the last time this was asked.
    fn refused(&self) -> usize {
        self.refusals.swap(0, Ordering::SeqCst)
    }

    /// Bytes that were given out.
    fn given(&self) -> u64 {
        *self.got.lock().unwrap()
    }
}

impl IndexStore for Shelf {
    fn location(&self) -> &str {
        "shelf"
    }

    fn get(&self, name: &str) -> Result<Option<Bytes>> {
        if self.refuses_get.load(Ordering::SeqCst) {
            self.refusals.fetch_add(1, Ordering::SeqCst);
            return Err(Error::io("the shelf is out of reach"));
        }
        let found = self.objects.lock().unwrap().get(name).cloned();
        *self.got.lock().unwrap() += found.as_ref().map_or(0, |bytes| bytes.len() as u64);
        Ok(found)
    }

    fn put(&self, name: &str, bytes: Bytes) -> Result<()> {
        if self.refuses_put.load(Ordering::SeqCst) {
            self.refusals.fetch_add(1, Ordering::SeqCst);
            return Err(Error::io("the shelf is full"));
        }
        self.objects.lock().unwrap().insert(name.to_string(), bytes);
        Ok(())
    }
}

/// Objects behind a network: with versions, and known ones are opened without a request.
#[derive(Debug, Default)]
struct Archive {
    objects: Mutex<HashMap<String, (u64, Bytes)>>,
    calls: Mutex<Vec<(String, Vec<Range<u64>>)>>,
    /// Calls until one fails, and the fault.
    fails: Mutex<Option<(usize, Error)>>,
}

impl Archive {
    fn of(specs: &[GranuleSpec]) -> Arc<Self> {
        let archive = Self::default();
        for spec in specs {
            archive.put(&spec.name, write_granule(spec).unwrap());
        }
        Arc::new(archive)
    }

    fn put(&self, href: &str, bytes: Vec<u8>) {
        let mut objects = self.objects.lock().unwrap();
        let version = objects.get(href).map_or(1, |(version, _)| version + 1);
        objects.insert(href.to_string(), (version, bytes.into()));
    }

    fn remove(&self, href: &str) {
        self.objects.lock().unwrap().remove(href);
    }

    /// The call after this many others fails, once.
    fn fail_after(&self, calls: usize, error: Error) {
        *self.fails.lock().unwrap() = Some((calls, error));
    }

    /// Calls since the last time this was asked, by href.
    fn calls(&self) -> Vec<(String, Vec<Range<u64>>)> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    fn object(&self, href: &str) -> Result<(ObjectIdentity, Bytes)> {
        let objects = self.objects.lock().unwrap();
        let (version, bytes) =
            objects.get(href).cloned().ok_or_else(|| Error::not_found(format!("{href}: no such object")))?;
        Ok((ObjectIdentity { size: bytes.len() as u64, etag: Some(format!("\"v{version}\"")) }, bytes))
    }
}

/// A handle of an [`Archive`], which openers must be.
#[derive(Debug, Clone)]
struct Remote(Arc<Archive>);

impl Remote {
    fn reader(&self, href: &str, identity: ObjectIdentity) -> Arc<dyn RangeReader> {
        Arc::new(RemoteObject { archive: Arc::clone(&self.0), href: href.to_string(), identity })
    }
}

impl OpenObject for Remote {
    fn open(&self, href: &str) -> Result<Arc<dyn RangeReader>> {
        let (identity, _) = self.0.object(href)?;
        Ok(self.reader(href, identity))
    }

    fn open_known(&self, href: &str, identity: &ObjectIdentity) -> Result<Arc<dyn RangeReader>> {
        Ok(self.reader(href, identity.clone()))
    }
}

struct RemoteObject {
    archive: Arc<Archive>,
    href: String,
    identity: ObjectIdentity,
}

impl RangeReader for RemoteObject {
    fn size(&self) -> u64 {
        self.identity.size
    }

    fn etag(&self) -> Option<&str> {
        self.identity.etag.as_deref()
    }

    fn location(&self) -> &str {
        &self.href
    }

    fn read_ranges(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.archive.calls.lock().unwrap().push((self.href.clone(), ranges.to_vec()));
        {
            let mut fails = self.archive.fails.lock().unwrap();
            match fails.take() {
                Some((0, error)) => return Err(error),
                Some((calls, error)) => *fails = Some((calls - 1, error)),
                None => {}
            }
        }
        let (identity, bytes) = self.archive.object(&self.href)?;
        if !self.identity.matches(&identity) {
            return Err(Error::changed(format!("{}: is another object by now", self.href)));
        }
        check_ranges(&self.href, self.identity.size, ranges)?;
        Ok(ranges.iter().map(|range| bytes.slice(range.start as usize..range.end as usize)).collect())
    }
}

/// The preset, with indexes on a shelf.
fn indexed_pipeline(on_miss: &str) -> Pipeline {
    pipeline(&[preset(), &format!("data_source: {{index: {{store: shelf, on_miss: {on_miss}}}}}")])
}

fn indexed(job: &Job, shelf: &Arc<Shelf>, on_miss: &str) -> Job {
    let mut job = Job { pipeline: indexed_pipeline(on_miss), ..job.clone() };
    job.options.index = Some(Arc::clone(shelf) as Arc<_>);
    job
}

/// A job on made-up granules behind a network.
fn remote(specs: &[GranuleSpec]) -> (Job, Arc<Archive>) {
    let archive = Archive::of(specs);
    let ids: Vec<String> = specs.iter().map(|spec| spec.name.clone()).collect();
    let job = Job::new(pipeline(&[preset()]), &ids, Arc::new(Remote(Arc::clone(&archive))));
    archive.calls();
    (job, archive)
}

fn run(job: &Job) -> (RunSummary, Tree) {
    let (summary, mut tree) = job.run_on_disk(&LocalExecutor::default());
    // Only the store itself: reports beside it have times.
    tree.retain(|path, _| !path.starts_with("out.zarr.zagg"));
    (summary, tree)
}

/// What a run says of rows and holes, whichever way it came to them.
fn told(summary: &RunSummary) -> impl PartialEq + std::fmt::Debug + use<> {
    (
        summary.state,
        (summary.shards_done, summary.shards_incomplete, summary.shards_failed),
        (summary.rows_read, summary.rows_kept, summary.cells, summary.parts_absent),
        summary.strays,
        summary.holes.clone(),
    )
}

fn used(summary: &RunSummary) -> IndexUse {
    summary.index.unwrap()
}

/// The indexes of all granules of a job.
fn filled(job: &Job) -> Arc<Shelf> {
    let shelf = Arc::new(Shelf::default());
    for granule in &job.map.granules {
        let made = maker(job, &shelf).make(granule, false).unwrap();
        assert!(matches!(made, Made::Built { .. }), "{made:?}");
    }
    shelf
}

fn maker(job: &Job, shelf: &Arc<Shelf>) -> IndexMaker {
    let source = &job.pipeline.data_source;
    let source = registry().source(&source.reader, &source.options).unwrap();
    let grid = grid_of(&job.pipeline);
    IndexMaker::new(source, grid, Arc::clone(&job.opener), Driver::File, Arc::clone(shelf) as Arc<_>).unwrap()
}
