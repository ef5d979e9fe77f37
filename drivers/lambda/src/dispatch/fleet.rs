//! What the dispatcher may use: functions, and how many workers by which way.

use std::sync::Arc;
use std::time::Duration;

/// Files that are always kept free beside the sockets of calls: what the program itself has open.
pub const FILES_KEPT_FREE: u64 = 32;

/// Sockets that requests to the bucket and sends of queued events may want, of which a small limit leaves a part.
const OTHER_SOCKETS: u64 = 128;

/// The functions, and how many invocations may be out at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fleet {
    /// Names or ARNs of the functions, all alike; calls go to them in turn.
    pub functions: Vec<Arc<str>>,
    /// Most workers at once.
    pub workers: usize,
    /// Of them, most whose calls are waited for; the others' events are queued.
    pub waited: usize,
    /// Time limit of the functions.
    pub timeout: Duration,
    /// Most tasks of one invocation.
    pub batch: usize,
}

/// How calls are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CallMode {
    /// Calls are waited for as far as the limit of open files reaches, further workers' events are queued.
    #[default]
    Auto,
    /// All calls are waited for.
    Sync,
    /// All events are queued.
    Async,
}

impl CallMode {
    /// How many of so many workers' calls are waited for, when so many files may be open.
    pub fn waited(self, workers: usize, files: Option<u64>) -> usize {
        let sockets = files.map_or(usize::MAX, |files| {
            let others = OTHER_SOCKETS.min(files / 4);
            usize::try_from(files.saturating_sub(FILES_KEPT_FREE + others)).unwrap_or(usize::MAX)
        });
        match self {
            Self::Async => 0,
            Self::Auto | Self::Sync => workers.min(sockets),
        }
    }

    /// How many workers there are in all.
    pub fn workers(self, wanted: usize, waited: usize) -> usize {
        match self {
            Self::Sync => waited,
            Self::Auto | Self::Async => wanted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_that_are_waited_for_stay_below_the_limit_of_open_files() {
        assert_eq!(CallMode::Auto.waited(1_700, Some(1_024)), 864);
        assert_eq!(CallMode::Auto.workers(1_700, 864), 1_700);
        assert_eq!(CallMode::Sync.waited(1_700, Some(256)), 160);
        assert_eq!(CallMode::Sync.workers(1_700, 160), 160);
        assert_eq!(CallMode::Sync.waited(1_700, None), 1_700);
        assert_eq!(CallMode::Auto.waited(10, Some(20)), 0);
        assert_eq!(CallMode::Async.waited(10, None), 0);
    }
}
