//! What dispatching takes on the machine that does it.

use std::fs;

/// Processor time and memory of a process.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Usage {
    /// Seconds of processor time, of all threads.
    pub cpu_seconds: f64,
    /// Most memory held so far, in bytes.
    pub max_rss: u64,
}

impl Usage {
    /// What was used since an earlier look.
    #[must_use]
    pub fn since(self, before: Option<Self>) -> Self {
        let cpu = before.map_or(0.0, |before| before.cpu_seconds);
        Self { cpu_seconds: (self.cpu_seconds - cpu).max(0.0), ..self }
    }
}

/// What this process has used so far; none where the system does not say it as Linux does.
pub fn of_process() -> Option<Usage> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let status = fs::read_to_string("/proc/self/status").ok()?;
    parse(&stat, &status, ticks_per_second())
}

#[cfg(target_os = "linux")]
fn ticks_per_second() -> f64 {
    rustix::param::clock_ticks_per_second() as f64
}

#[cfg(not(target_os = "linux"))]
fn ticks_per_second() -> f64 {
    100.0
}

fn parse(stat: &str, status: &str, ticks: f64) -> Option<Usage> {
    // After the name, which may hold anything: state, 10 numbers, then user and system time in ticks.
    let (_, numbers) = stat.rsplit_once(')')?;
    let mut numbers = numbers.split_ascii_whitespace().skip(11);
    let mut next = || numbers.next()?.parse::<u64>().ok();
    let spent = next()?.checked_add(next()?)?;
    let held = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = held.split_ascii_whitespace().next()?.parse().ok()?;
    Some(Usage { cpu_seconds: spent as f64 / ticks, max_rss: kilobytes.checked_mul(1_024)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_found_behind_any_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 1 0 100 1 1";
        let usage = parse(stat, "Name:\tx\nVmHWM:\t  2048 kB\n", 100.0).unwrap();
        assert_eq!(usage, Usage { cpu_seconds: 3.0, max_rss: 2 << 20 });
        assert_eq!(usage.since(Some(Usage { cpu_seconds: 1.0, max_rss: 5 })).cpu_seconds, 2.0);
        for (stat, status) in [("", ""), ("7 (a) S 1", "VmHWM: 1 kB"), (stat, "VmHWM:"), (stat, "")] {
            assert_eq!(parse(stat, status, 100.0), None);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_uses_something() {
        assert!(of_process().unwrap().max_rss > 1 << 20);
    }
}
