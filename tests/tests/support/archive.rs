//! Granules with versions, and what may go wrong with requests for them.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use zagg_atl06::synthetic::{GranuleSpec, write_granule};
use zagg_core::config::Pipeline;
use zagg_core::range_reader::{Failing, Latency, MemoryReader, RangeReader, Truncating};
use zagg_core::source::OpenObject;
use zagg_core::{Error, Result};

use super::Job;

/// What is wrong with every k-th request or object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Trouble {
    /// The request fails.
    Fails(Error),
    /// So does the attempt to open an object.
    Unopened(Error),
    /// The object answers late.
    Slow(Duration),
    /// The object ends in its middle, and says so.
    Truncated,
    /// The object gives short answers behind its middle.
    Short,
}

/// Objects with versions, which openers share.
#[derive(Clone, Default)]
pub(crate) struct Archive(Arc<Shared>);

#[derive(Default)]
struct Shared {
    objects: Mutex<HashMap<String, (u64, Bytes)>>,
    trouble: Mutex<Option<(u64, Trouble)>>,
    opened: AtomicU64,
    /// Calls of readers, over all objects.
    calls: Arc<AtomicU64>,
    /// Bytes that calls have asked for.
    bytes: Arc<AtomicU64>,
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Archive")
    }
}

impl Archive {
    pub(crate) fn of(specs: &[GranuleSpec]) -> Self {
        let archive = Self::default();
        for spec in specs {
            archive.put(spec);
        }
        archive
    }

    /// Adds a granule, or a new version of one.
    pub(crate) fn put(&self, spec: &GranuleSpec) {
        let mut objects = self.0.objects.lock().unwrap();
        let version = objects.get(&spec.name).map_or(1, |(version, _)| version + 1);
        objects.insert(spec.name.clone(), (version, write_granule(spec).unwrap().into()));
    }

    pub(crate) fn remove(&self, href: &str) {
        self.0.objects.lock().unwrap().remove(href);
    }

    /// From now on every k-th request or object is in trouble, counted from the next one.
    pub(crate) fn disturb(&self, every: u64, trouble: Trouble) {
        *self.0.trouble.lock().unwrap() = Some((every, trouble));
        self.0.opened.store(0, Ordering::SeqCst);
        self.0.calls.store(0, Ordering::SeqCst);
    }

    pub(crate) fn calm(&self) {
        *self.0.trouble.lock().unwrap() = None;
    }

    /// Calls and bytes since the last time this was asked.
    pub(crate) fn traffic(&self) -> (u64, u64) {
        (self.0.calls.swap(0, Ordering::SeqCst), self.0.bytes.swap(0, Ordering::SeqCst))
    }

    /// A job on all its granules, in the order of their names.
    pub(crate) fn job(&self, pipeline: Pipeline) -> Job {
        let mut ids: Vec<String> = self.0.objects.lock().unwrap().keys().cloned().collect();
        ids.sort();
        Job::new(pipeline, &ids, Arc::new(self.clone()))
    }
}

impl OpenObject for Archive {
    fn open(&self, href: &str) -> Result<Arc<dyn RangeReader>> {
        let found = self.0.objects.lock().unwrap().get(href).cloned();
        let (version, bytes) = found.ok_or_else(|| Error::not_found(format!("{href}: no such object")))?;
        let half = bytes.len() as u64 / 2;
        let plain = Arc::new(Versioned {
            inner: MemoryReader::new(href, bytes),
            etag: format!("\"v{version}\""),
            asked: Arc::clone(&self.0.bytes),
        });
        let opened = self.0.opened.fetch_add(1, Ordering::SeqCst) + 1;
        let trouble = self.0.trouble.lock().unwrap().clone();
        let is_its_turn = trouble.as_ref().is_some_and(|(every, _)| opened.is_multiple_of(*every));
        let (every, trouble) = match trouble {
            Some((every, trouble)) => (every, Some(trouble)),
            None => (0, None),
        };
        let inner: Arc<dyn RangeReader> = match &trouble {
            Some(Trouble::Unopened(error)) if is_its_turn => return Err(error.clone()),
            Some(Trouble::Slow(wait)) if is_its_turn => Arc::new(Latency::new(plain, *wait)),
            Some(Trouble::Truncated) if is_its_turn => Arc::new(Truncating::new(plain, half)),
            Some(Trouble::Short) if is_its_turn => Arc::new(Truncating::hidden(plain, half)),
            _ => plain,
        };
        let calls = Arc::clone(&self.0.calls);
        Ok(Arc::new(Failing::new(inner, move |_, _| {
            let call = calls.fetch_add(1, Ordering::SeqCst) + 1;
            match &trouble {
                Some(Trouble::Fails(error)) if call.is_multiple_of(every) => Some(error.clone()),
                _ => None,
            }
        })))
    }
}

/// A version of an object.
struct Versioned {
    inner: MemoryReader,
    etag: String,
    asked: Arc<AtomicU64>,
}

impl RangeReader for Versioned {
    fn size(&self) -> u64 {
        self.inner.size()
    }

    fn etag(&self) -> Option<&str> {
        Some(&self.etag)
    }

    fn location(&self) -> &str {
        self.inner.location()
    }

    fn read_ranges(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.asked.fetch_add(ranges.iter().map(|r| r.end - r.start).sum(), Ordering::SeqCst);
        self.inner.read_ranges(ranges)
    }
}
