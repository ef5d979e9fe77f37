//! What memory the machine lets a process have, and what it has.

use std::fs;

/// Where nothing tells how much there is.
const UNKNOWN: u64 = 4 << 30;

/// Bytes that a process may take: those of the machine, or fewer where a control group or a container is limited to fewer.
pub fn usable() -> u64 {
    let text = |path: &str| fs::read_to_string(path).ok();
    let machine = text("/proc/meminfo").and_then(|text| kibibytes(&text, "MemTotal:"));
    let limits = group_files().into_iter().filter_map(|path| limit(&text(&path)?));
    limits.chain(machine).min().unwrap_or(UNKNOWN)
}

/// Bytes of memory that this process has in use now; `None` where the system does not tell.
pub fn resident() -> Option<u64> {
    kibibytes(&fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")
}

/// Where the limits of the groups that this process is in may stand: of either version, from its own group up to the root.
fn group_files() -> Vec<String> {
    let mut files = Vec::new();
    for line in fs::read_to_string("/proc/self/cgroup").unwrap_or_default().lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (fields.next(), fields.next()) else { continue };
        let (root, name) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            some if some.split(',').any(|one| one == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => continue,
        };
        let mut group = group.trim_end_matches('/');
        loop {
            files.push(format!("{root}{group}/{name}"));
            match group.rfind('/') {
                Some(parent) => group = &group[..parent],
                None => break,
            }
        }
    }
    files
}

/// A limit; `max` and numbers beyond any machine are none.
fn limit(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|bytes| *bytes < 1 << 60)
}

/// The number of KiB behind a name, in bytes.
fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_and_no_limit_is_none() {
        assert_eq!(kibibytes("MemFree: 1 kB\nMemTotal:   12 kB\n", "MemTotal:"), Some(12 << 10));
        assert_eq!(kibibytes("MemFree: 1 kB\n", "MemTotal:"), None);
        assert_eq!(limit("max\n"), None);
        assert_eq!(limit("9223372036854771712\n"), None);
        assert_eq!(limit("536870912\n"), Some(512 << 20));
        assert!(usable() > 0);
        if cfg!(target_os = "linux") {
            assert!(resident().is_some_and(|bytes| (1 << 20..1 << 40).contains(&bytes)));
        }
    }
}
