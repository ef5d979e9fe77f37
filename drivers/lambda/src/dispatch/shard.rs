//! What the dispatcher knows of one task, and what may still be tried.

use crate::policy::Policy;

/// Why an attempt at a task came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    /// Nothing was heard of it.
    Lost,
    /// The function's time limit, or too little time left.
    Timeout,
    /// The function's memory.
    Memory,
    /// The function failed otherwise.
    Error,
    /// The task failed with something likely to pass.
    Temporary,
    /// The credentials for granules had ended.
    Credentials,
    /// Lambda answered with 5xx.
    Busy,
    /// The task failed for good.
    Final,
}

impl Why {
    /// How many times it may happen to one task before it is given up.
    fn allowed(self, policy: &Policy) -> u32 {
        match self {
            Self::Lost => policy.after_lost,
            Self::Timeout => policy.after_timeout,
            Self::Memory => policy.after_memory,
            Self::Error => policy.after_error,
            Self::Temporary => policy.after_temporary,
            Self::Credentials => policy.after_credentials,
            Self::Busy => policy.most_busy,
            Self::Final => 0,
        }
    }

    /// Whether running the program again may help.
    pub(super) fn is_temporary(self) -> bool {
        matches!(self, Self::Lost | Self::Temporary | Self::Credentials | Self::Busy)
    }

    /// What a user can do about it, to follow the message.
    pub(super) fn advice(self) -> &'static str {
        match self {
            Self::Timeout => {
                "; give the function more memory, which brings more processor, or make smaller shards"
            }
            Self::Memory => "; give the function more memory, or make smaller shards",
            Self::Error => "; the log of the function says more",
            Self::Lost => "; see its log, and run again, which does what is left",
            Self::Busy => "; run again, which does what is left",
            Self::Temporary | Self::Credentials | Self::Final => "",
        }
    }
}

/// One task.
#[derive(Debug, Clone, Default)]
pub(super) struct Shard {
    /// Whether there is a report that stands.
    pub(super) ended: bool,
    /// Attempts under way that have not been given up.
    pub(super) live: u32,
    /// Attempts that may have run.
    pub(super) runs: u32,
    /// Failures by their reason.
    failures: [u32; 8],
    /// Calls that never came to run, since the last that may have.
    pub(super) refusals: u32,
    /// Whether it waits to be sent again.
    pub(super) waiting: bool,
    /// Whether it had its backup.
    pub(super) backed_up: bool,
}

impl Shard {
    /// Takes a failure in.
    pub(super) fn failed(&mut self, why: Why) {
        self.failures[why as usize] += 1;
    }

    /// How many failures there were.
    pub(super) fn failures(&self) -> u32 {
        self.failures.iter().sum()
    }

    /// Whether nothing was tried yet.
    pub(super) fn is_fresh(&self) -> bool {
        self.runs == 0 && self.failures() == 0
    }

    /// How many more attempts there may be after a failure for this reason.
    pub(super) fn left(&self, why: Why, policy: &Policy) -> u32 {
        let by_reason = (why.allowed(policy) + 1).saturating_sub(self.failures[why as usize]);
        by_reason.min(policy.most_runs.saturating_sub(self.runs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_own_limit_and_all_share_one() {
        let policy = Policy::default();
        let mut shard = Shard { runs: 1, ..Shard::default() };
        shard.failed(Why::Timeout);
        assert_eq!(shard.left(Why::Timeout, &policy), 1);
        shard.runs = 2;
        shard.failed(Why::Timeout);
        assert_eq!(shard.left(Why::Timeout, &policy), 0);
        shard.failed(Why::Lost);
        assert_eq!(shard.left(Why::Lost, &policy), 2);
        shard.runs = policy.most_runs;
        assert_eq!(shard.left(Why::Lost, &policy), 0);
        shard.failed(Why::Final);
        assert_eq!(shard.left(Why::Final, &policy), 0);
        assert_eq!(shard.failures(), 4);
    }
}
