//! What the environment of a function has: memory, processors, and how much of it is in use.

use std::thread::available_parallelism;

use zagg_core::memory::LEAST_MEMORY;

/// MiB of memory that come with one processor, after AWS's guide to configuring the memory of functions.
const MIB_PER_PROCESSOR: u64 = 1_769;

/// Of the memory of the function, this many sixteenths are for tasks; the rest is for the program, its buffers and what the
/// allocator has not given back yet.
const SIXTEENTHS: u64 = 14;

/// The machine that a function runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// MiB of memory that the function was given; none outside of Lambda.
    pub memory_mib: Option<u64>,
    /// Processors that the system shows.
    pub processors: usize,
}

impl Machine {
    /// This one: `AWS_LAMBDA_FUNCTION_MEMORY_SIZE` has its memory.
    pub fn of_process() -> Self {
        let memory = std::env::var("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").ok();
        Self {
            memory_mib: memory.and_then(|text| text.trim().parse().ok()).filter(|&mib| mib > 0),
            processors: available_parallelism().map_or(1, std::num::NonZero::get),
        }
    }

    /// Bytes for tasks.
    pub fn memory(&self) -> Option<u64> {
        self.memory_mib.map(|mib| ((mib << 20) / 16 * SIXTEENTHS).max(LEAST_MEMORY))
    }

    /// Threads that compute: one for each processor, also for one that the function has a part of. More than the system shows
    /// would only share them.
    pub fn workers(&self) -> usize {
        let share = match self.memory_mib {
            Some(mib) => usize::try_from(mib.div_ceil(MIB_PER_PROCESSOR)).unwrap_or(usize::MAX),
            None => usize::MAX,
        };
        share.clamp(1, self.processors.max(1))
    }
}

/// Bytes of memory that this process holds now, and the most that it ever held; zeros where the system does not say.
pub(crate) fn resident() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    (of_status(&status, "VmRSS:"), of_status(&status, "VmHWM:"))
}

/// An entry of `/proc/self/status`, proc(5), in bytes.
fn of_status(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib: Option<u64> = line.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse().ok());
    kib.unwrap_or(0).saturating_mul(1024)
}

/// Gives what was freed back to the system, so that a warm environment holds no more than a fresh one.
pub(crate) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[allow(unsafe_code, reason = "glibc's own call, which takes a number and may be made at any time")]
    // SAFETY: malloc_trim(3) is thread-safe and touches nothing but free memory.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_and_memory_follow_from_the_size_of_the_function() {
        let machine = |mib, processors| Machine { memory_mib: mib, processors };
        for (mib, processors, workers) in [
            (128, 2, 1),
            (1769, 2, 1),
            (1770, 2, 2),
            (2048, 2, 2),
            (3538, 2, 2),
            (10_240, 6, 6),
            (10_240, 4, 4),
        ] {
            assert_eq!(machine(Some(mib), processors).workers(), workers, "{mib} MiB");
        }
        assert_eq!(machine(None, 3).workers(), 3);
        assert_eq!(machine(Some(u64::MAX >> 20), 2).workers(), 2);
        assert_eq!(machine(Some(2048), 2).memory(), Some(1792 << 20));
        assert_eq!(machine(Some(32), 2).memory(), Some(LEAST_MEMORY));
        assert_eq!(machine(None, 2).memory(), None);
    }

    #[test]
    fn what_the_process_holds_is_read() {
        assert_eq!(of_status("VmHWM:\t   12 kB\nVmRSS:\t    7 kB\n", "VmRSS:"), 7 * 1024);
        for odd in ["", "VmRSS:", "VmRSS: x kB", "VmRSS: 7 MB", "VmRSS: 99999999999999999999 kB"] {
            assert_eq!(of_status(odd, "VmRSS:"), 0, "{odd}");
        }
        if cfg!(target_os = "linux") {
            let (now, most) = resident();
            assert!(now > 1 << 20 && most >= now, "{now} {most}");
        }
    }

    /// Many small pieces, of which the last stays: without being told, the allocator keeps them all.
    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn freed_memory_goes_back() {
        let mut pieces: Vec<Vec<u8>> = (0..100_000).map(|_| vec![1; 1000]).collect();
        let last = pieces.pop();
        let full = resident().0;
        drop(pieces);
        give_back();
        let after = resident().0;
        assert!(full > after + (60 << 20), "{full} then {after}");
        drop(last);
    }
}
