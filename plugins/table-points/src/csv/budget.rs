//! Memory for the columns of files that are open at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that may be kept among all open files of a source.
#[derive(Debug)]
pub(crate) struct Budget {
    left: AtomicU64,
}

/// A share of the budget, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Budget {
    pub(crate) fn new(bytes: u64) -> Self {
        Self { left: AtomicU64::new(bytes) }
    }

    /// A share of so many bytes, where there are as many left.
    pub(super) fn take(self: &Arc<Self>, bytes: u64) -> Option<Share> {
        let less = |left: u64| left.checked_sub(bytes);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).ok()?;
        Some(Share { budget: Arc::clone(self), bytes })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.left.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_come_back() {
        let budget = Arc::new(Budget::new(10));
        let share = budget.take(7).unwrap();
        assert!(budget.take(4).is_none() && budget.take(3).is_some());
        drop(share);
        assert!(budget.take(10).is_some());
    }
}
