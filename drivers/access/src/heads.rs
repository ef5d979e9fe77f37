//! The first bytes of opened objects, kept for a while: opening brings them anyway, and metadata is often there.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;

/// Objects whose first bytes are kept at once. With as many granules in flight as there are threads for them, each is done
/// with its metadata long before; of the thousands that stay open for a whole run, not all must hold theirs.
const KEPT: usize = 64;

/// The first bytes of one object, until they are let go.
#[derive(Debug, Default)]
pub(crate) struct Head(Mutex<Bytes>);

impl Head {
    /// What is still here; empty when they were let go.
    pub(crate) fn bytes(&self) -> Bytes {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a range is all that is here.
    pub(crate) fn is_whole(&self, range: &Range<u64>) -> bool {
        let length = self.0.lock().unwrap_or_else(PoisonError::into_inner).len() as u64;
        length > 0 && *range == (0..length)
    }

    /// Lets them go.
    pub(crate) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Bytes::new();
    }
}

/// The heads that are kept, oldest first. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heads(Arc<Mutex<VecDeque<Weak<Head>>>>);

impl Heads {
    /// Keeps the first bytes of an object until its reader is dropped or many others were opened.
    pub(crate) fn keep(&self, bytes: Bytes) -> Arc<Head> {
        let head = Arc::new(Head(Mutex::new(bytes)));
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|other| other.upgrade().is_some_and(|head| !head.bytes().is_empty()));
        kept.push_back(Arc::downgrade(&head));
        while kept.len() > KEPT {
            if let Some(oldest) = kept.pop_front().and_then(|oldest| oldest.upgrade()) {
                oldest.forget();
            }
        }
        head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_heads_go_first_and_dropped_ones_do_not_count() {
        let heads = Heads::default();
        let kept: Vec<Arc<Head>> = (0..KEPT).map(|_| heads.keep(Bytes::from_static(b"abc"))).collect();
        drop(heads.keep(Bytes::from_static(b"gone")));
        assert!(kept[0].bytes().is_empty(), "the oldest made room");
        let more = heads.keep(Bytes::from_static(b"more"));
        assert_eq!(more.bytes(), "more");
        assert_eq!(kept.iter().filter(|head| head.bytes().is_empty()).count(), 1);
        kept[5].forget();
        heads.keep(Bytes::from_static(b"x"));
        assert_eq!(kept.iter().filter(|head| head.bytes().is_empty()).count(), 2);
        assert!(more.is_whole(&(0..4)) && !more.is_whole(&(0..3)));
    }
}
