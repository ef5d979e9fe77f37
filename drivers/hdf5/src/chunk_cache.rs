//! Decoded chunks shared between reads: a bounded cache in which every chunk is decoded once.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use zagg_core::profile::{self, Counter};

use crate::decode::Filter;

/// What identifies a decoded chunk: everything that its bytes follow from. What is said of a chunk may come from an index
/// that is found to be wrong later; what was decoded by it must serve nobody else.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// Location, size and ETag of the file.
    pub(crate) file: Arc<str>,
    pub(crate) address: u64,
    /// Stored bytes.
    pub(crate) stored: u64,
    /// Decoded bytes.
    pub(crate) size: u64,
    /// Filters left out of it.
    pub(crate) mask: u32,
    /// Hash of the filters and the size of an element, by [`ChunkCache::pipeline`].
    pub(crate) pipeline: u64,
}

/// Decoded chunks of any number of files, least recently used ones dropped beyond a budget of bytes.
///
/// Give one cache to several files through [`ReadOptions`](crate::ReadOptions). Two threads that want the same chunk at
/// the same time fetch and decode it once.
#[derive(Debug)]
pub struct ChunkCache {
    budget: u64,
    /// Keyed at random: nobody can make up filters whose hash is that of others.
    hasher: RandomState,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    ready: HashMap<Key, (Bytes, u64)>,
    /// Keys by the time of their last use.
    by_use: BTreeMap<u64, Key>,
    clock: u64,
    bytes: u64,
    in_flight: HashMap<Key, Arc<Flight>>,
}

/// A chunk that some thread is decoding.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    landed: Mutex<Option<Option<Bytes>>>,
    signal: Condvar,
}

/// What the cache has of a chunk.
#[derive(Debug)]
pub(crate) enum Lookup<'a> {
    /// The decoded chunk.
    Ready(Bytes),
    /// Nothing: the caller must decode it and say so.
    Claimed(Claim<'a>),
    /// Another thread is at it.
    InFlight(Arc<Flight>),
}

/// The duty to decode a chunk. Dropping it without a chunk tells those who wait that they must try themselves.
#[derive(Debug)]
pub(crate) struct Claim<'a> {
    cache: &'a ChunkCache,
    key: Key,
    flight: Arc<Flight>,
    chunk: Option<Bytes>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ChunkCache {
    /// An empty cache that keeps up to `budget` bytes of decoded chunks.
    pub fn new(budget: u64) -> Self {
        Self { budget, hasher: RandomState::new(), state: Mutex::default() }
    }

    /// Bytes of decoded chunks held now.
    pub fn bytes(&self) -> u64 {
        lock(&self.state).bytes
    }

    /// Hash of the filters that chunks pass through, and of the bytes of an element, which some of them look at.
    pub(crate) fn pipeline(&self, filters: &[Filter], element_size: u32) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        element_size.hash(&mut hasher);
        for filter in filters {
            (filter.id, filter.optional, &filter.parameters).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Looks a chunk up; whoever gets a claim must not wait for flights before the claim is settled.
    pub(crate) fn lookup(&self, key: &Key) -> Lookup<'_> {
        let mut state = lock(&self.state);
        if let Some(chunk) = state.touch(key) {
            return Lookup::Ready(chunk);
        }
        if let Some(flight) = state.in_flight.get(key) {
            return Lookup::InFlight(Arc::clone(flight));
        }
        let flight = Arc::new(Flight::default());
        state.in_flight.insert(key.clone(), Arc::clone(&flight));
        Lookup::Claimed(Claim { cache: self, key: key.clone(), flight, chunk: None })
    }
}

impl State {
    fn touch(&mut self, key: &Key) -> Option<Bytes> {
        let (chunk, used) = self.ready.get_mut(key)?;
        self.by_use.remove(used);
        self.clock += 1;
        *used = self.clock;
        self.by_use.insert(self.clock, key.clone());
        Some(chunk.clone())
    }

    fn insert(&mut self, key: Key, chunk: Bytes, budget: u64) {
        let len = chunk.len() as u64;
        if len > budget {
            return;
        }
        while self.bytes + len > budget {
            let Some((_, oldest)) = self.by_use.pop_first() else { break };
            if let Some((old, _)) = self.ready.remove(&oldest) {
                self.bytes -= old.len() as u64;
                profile::add(Counter::ChunksDropped, 1);
            }
        }
        self.clock += 1;
        self.by_use.insert(self.clock, key.clone());
        self.bytes += len;
        self.ready.insert(key, (chunk, self.clock));
    }
}

impl Claim<'_> {
    /// Delivers the decoded chunk.
    pub(crate) fn settle(mut self, chunk: Bytes) {
        self.chunk = Some(chunk);
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let chunk = self.chunk.take();
        {
            let mut state = lock(&self.cache.state);
            state.in_flight.remove(&self.key);
            if let Some(chunk) = &chunk {
                state.insert(self.key.clone(), chunk.clone(), self.cache.budget);
            }
        }
        *lock(&self.flight.landed) = Some(chunk);
        self.flight.signal.notify_all();
    }
}

impl Flight {
    /// Waits for the other thread; `None` when it failed.
    pub(crate) fn wait(&self) -> Option<Bytes> {
        let mut landed = lock(&self.landed);
        loop {
            match &*landed {
                Some(chunk) => return chunk.clone(),
                None => landed = self.signal.wait(landed).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn key(address: u64) -> Key {
        Key { file: "f".into(), address, stored: 5, size: 10, mask: 0, pipeline: 1 }
    }

    fn put(cache: &ChunkCache, address: u64, len: usize) {
        match cache.lookup(&key(address)) {
            Lookup::Claimed(claim) => claim.settle(vec![address as u8; len].into()),
            other => panic!("{other:?}"),
        }
    }

    fn has(cache: &ChunkCache, address: u64) -> bool {
        matches!(cache.lookup(&key(address)), Lookup::Ready(_))
    }

    #[test]
    fn least_recently_used_chunks_go_first() {
        let cache = ChunkCache::new(30);
        for address in 0..3 {
            put(&cache, address, 10);
        }
        assert!(has(&cache, 0));
        put(&cache, 3, 10);
        assert!(has(&cache, 0) && !has(&cache, 1) && has(&cache, 2) && has(&cache, 3));
        assert_eq!(cache.bytes(), 30);
        put(&cache, 4, 31);
        assert!(!has(&cache, 4));
        assert_eq!(cache.bytes(), 30);
    }

    #[test]
    fn threads_that_want_the_same_chunk_decode_it_once() {
        let cache = ChunkCache::new(100);
        let decoded = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let chunk = match cache.lookup(&key(7)) {
                        Lookup::Ready(chunk) => chunk,
                        Lookup::InFlight(flight) => flight.wait().unwrap(),
                        Lookup::Claimed(claim) => {
                            decoded.fetch_add(1, Ordering::Relaxed);
                            std::thread::sleep(std::time::Duration::from_millis(20));
                            claim.settle(Bytes::from_static(b"chunk"));
                            Bytes::from_static(b"chunk")
                        }
                    };
                    assert_eq!(&chunk[..], b"chunk");
                });
            }
        });
        assert_eq!(decoded.into_inner(), 1);
    }

    #[test]
    fn a_failed_claim_is_passed_on() {
        let cache = ChunkCache::new(100);
        let Lookup::Claimed(claim) = cache.lookup(&key(1)) else { panic!() };
        let Lookup::InFlight(flight) = cache.lookup(&key(1)) else { panic!() };
        drop(claim);
        assert_eq!(flight.wait(), None);
        assert!(matches!(cache.lookup(&key(1)), Lookup::Claimed(_)));
    }
}
