//! Work on several cores at once, where that is worth it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use zagg_core::cores;
use zagg_core::profile::{self, Phase};

use crate::decode::Decoder;

/// Items and decoded bytes from which on several cores are used.
const FEWEST: usize = 4;
const LEAST_BYTES: u64 = 1 << 20;

/// Something that takes time.
pub(super) trait Weight {
    /// Bytes that are decoded.
    fn weight(&self) -> u64;
}

/// The answers of `work`, in the order of the items.
///
/// While as many calls or tasks as there are cores are at work, each decodes by itself: to hand chunks to others would only cost
/// time. The threads that help otherwise are our own and decode only. A thread of another pool that waited here might be lent to a
/// task that waits for a chunk that this very call is about to decode; such a thread does the work itself.
pub(super) fn each<T: Weight + Send, A: Send>(
    items: Vec<T>,
    work: impl Fn(&mut Decoder, T) -> A + Send + Sync,
) -> Vec<A> {
    let heavy = items.len() >= FEWEST && items.iter().map(Weight::weight).sum::<u64>() >= LEAST_BYTES;
    let free = rayon::current_thread_index().is_none() && !cores::are_busy();
    let working = Working::start();
    match pool().filter(|pool| heavy && free && working.calls < pool.current_num_threads().max(2)) {
        Some(pool) => {
            let counting = profile::current();
            let work =
                |decoder: &mut Decoder, item| profile::within(counting.clone(), || work(decoder, item));
            profile::time(Phase::Wait, || {
                pool.install(|| items.into_par_iter().map_init(Decoder::new, work).collect())
            })
        }
        None => {
            let mut decoder = Decoder::new();
            items.into_iter().map(|item| work(&mut decoder, item)).collect()
        }
    }
}

/// Calls that are at work, this one among them.
struct Working {
    calls: usize,
}

static CALLS: AtomicUsize = AtomicUsize::new(0);

impl Working {
    fn start() -> Self {
        Self { calls: CALLS.fetch_add(1, Ordering::Relaxed) + 1 }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        CALLS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// As many threads as there are cores; none when there is one, or no thread can be had.
fn pool() -> Option<&'static rayon::ThreadPool> {
    static POOL: OnceLock<Option<rayon::ThreadPool>> = OnceLock::new();
    let made = POOL.get_or_init(|| {
        let threads = cores::count();
        let builder = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let named = builder.thread_name(|number| format!("decode {number}"));
        (threads > 1).then(|| named.build().ok()).flatten()
    });
    made.as_ref()
}
