//! One run at a time: the lock object beside the store.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;
use zagg_core::{Error, Result};

use crate::json;
use crate::objects::Objects;

/// The lock.
pub(crate) const LOCK: &str = "lock";

/// Held for a moment by the one who takes a dead run's lock over, so that two cannot do it at once.
pub(crate) const TAKEOVER: &str = "lock.takeover";

const MAX_BYTES: u64 = 64 << 10;

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// What the lock says about its holder.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Holder {
    pid: u32,
    host: String,
    /// Which boot of which machine and which view of its processes: names of hosts repeat, above all those of containers.
    machine: String,
    /// When the process began, as the system counts: the same pid may be given again.
    started: String,
    /// Which store of that process.
    number: u64,
    /// When the lock was taken, in seconds since 1970, for people.
    since: u64,
    /// Tells this lock from all others.
    token: String,
}

impl Holder {
    fn this() -> Self {
        let pid = std::process::id();
        Self {
            pid,
            host: host(),
            machine: machine(),
            started: process(pid).unwrap_or_default(),
            number: COUNTER.fetch_add(1, Ordering::Relaxed),
            since: now(),
            // Every hasher of the standard library is keyed at random.
            token: format!("{:016x}{:016x}", RandomState::new().hash_one(0), RandomState::new().hash_one(1)),
        }
    }

    fn to_bytes(&self) -> Result<Vec<u8>> {
        json::to_bytes(&json!({
            "pid": self.pid,
            "host": self.host,
            "machine": self.machine,
            "started": self.started,
            "number": self.number,
            "since": self.since,
            "token": self.token,
        }))
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let object = json::parse_object(bytes, LOCK).ok()?;
        Some(Self {
            pid: u32::try_from(object.get("pid")?.as_u64()?).ok()?,
            host: object.get("host")?.as_str()?.to_owned(),
            started: object.get("started")?.as_str()?.to_owned(),
            number: object.get("number")?.as_u64()?,
            machine: object.get("machine")?.as_str()?.to_owned(),
            since: object.get("since")?.as_u64()?,
            token: object.get("token")?.as_str()?.to_owned(),
        })
    }

    /// Whether the holder is certainly gone. Only a process of this very machine can be looked up. Where other machines
    /// write, too, the name of the host is not enough to know it by, so that after a restart nothing is certain there.
    /// Nor is it anywhere for containers of one boot that share the name but do not see each other's processes.
    fn is_gone(&self, shared: bool) -> bool {
        let here = if shared {
            !self.machine.is_empty() && self.machine == machine()
        } else {
            let machine = machine();
            let boot = |machine: &str| machine.split(' ').next().unwrap_or_default().to_owned();
            !self.host.is_empty()
                && self.host == host()
                && (self.machine == machine || boot(&self.machine) != boot(&machine))
        };
        cfg!(target_os = "linux")
            && here
            && !self.started.is_empty()
            && process(self.pid).is_none_or(|started| started != self.started)
    }

    fn describe(&self) -> String {
        let minutes = now().saturating_sub(self.since) / 60;
        let age = match minutes {
            0 => "a moment ago".to_owned(),
            1..120 => format!("{minutes} min ago"),
            _ => format!("{} h ago", minutes / 60),
        };
        format!("process {} on {}, which took it {age},", self.pid, self.host.escape_debug())
    }
}

/// Takes the lock and gives its content, which [`release`] wants back.
///
/// # Errors
/// Names the holder when there is one.
pub(crate) fn acquire(objects: &dyn Objects, location: &str) -> Result<Vec<u8>> {
    let mine = Holder::this().to_bytes()?;
    if objects.put_if_absent(LOCK, &mine)? {
        return match objects.check_conditions(LOCK, &mine) {
            Ok(()) => Ok(mine),
            Err(error) => {
                objects.delete(LOCK)?;
                Err(error)
            }
        };
    }
    let held = |holder: Option<&Holder>| {
        let who = match holder {
            Some(holder) => holder.describe(),
            None => "another run".to_owned(),
        };
        Error::input(format!(
            "store {location}: {who} is writing to it; wait for that run, or remove {} if it is gone",
            objects.full_name(LOCK)
        ))
    };
    let Some(theirs) = objects.get(LOCK, MAX_BYTES)? else {
        // It was released between the two looks; whoever is first now has it.
        return if objects.put_if_absent(LOCK, &mine)? { Ok(mine) } else { Err(held(None)) };
    };
    let holder = Holder::parse(&theirs);
    if !holder.as_ref().is_some_and(|holder| holder.is_gone(objects.is_shared())) {
        return Err(held(holder.as_ref()));
    }
    if !objects.put_if_absent(TAKEOVER, &mine)? {
        return Err(Error::input(format!(
            "store {location}: another run is taking it over; if there is none, remove {}",
            objects.full_name(TAKEOVER)
        )));
    }
    let taken = take_over(objects, &theirs, &mine);
    objects.delete(TAKEOVER)?;
    if taken? { Ok(mine) } else { Err(held(None)) }
}

/// Who holds the lock, for people; `None` when nobody does, or certainly nobody who is still there.
///
/// # Errors
/// When looking fails.
pub(crate) fn holder(objects: &dyn Objects) -> Result<Option<String>> {
    let Some(bytes) = objects.get(LOCK, MAX_BYTES)? else { return Ok(None) };
    Ok(match Holder::parse(&bytes) {
        Some(holder) if holder.is_gone(objects.is_shared()) => None,
        Some(holder) => Some(holder.describe().trim_end_matches(',').to_owned()),
        None => Some("another run".to_owned()),
    })
}

/// Replaces the lock of a dead run. Called only by the one who holds [`TAKEOVER`].
fn take_over(objects: &dyn Objects, theirs: &[u8], mine: &[u8]) -> Result<bool> {
    // Somebody may have done all this between our look at the lock and our having the takeover.
    if objects.get(LOCK, MAX_BYTES)?.as_deref() != Some(theirs) {
        return Ok(false);
    }
    objects.delete(LOCK)?;
    objects.put_if_absent(LOCK, mine)
}

/// Gives the lock back if it is still ours.
pub(crate) fn release(objects: &dyn Objects, mine: &[u8]) -> Result<()> {
    if objects.get(LOCK, MAX_BYTES)?.as_deref() == Some(mine) {
        objects.delete(LOCK)?;
    }
    Ok(())
}

fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| std::env::var("HOSTNAME"));
    name.unwrap_or_default().trim().to_owned()
}

/// This boot of this machine, and the namespace that process ids are counted in.
fn machine() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let space = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    if boot.is_empty() { String::new() } else { format!("{} {}", boot.trim(), space.display()) }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

/// When a process began, in ticks since the start of the system; `None` when there is none or it has ended.
fn process(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses and may contain anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    let started = fields.nth(18)?;
    (!matches!(state, "Z" | "X")).then(|| started.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::memory::MemoryObjects;

    fn lock_of(pid: u32, host: &str, started: &str) -> Vec<u8> {
        let (host, started) = (host.to_owned(), started.to_owned());
        Holder { pid, host, started, ..Holder::this() }.to_bytes().unwrap()
    }

    #[test]
    fn a_second_run_is_refused_by_name_and_a_release_frees_it() {
        let objects = MemoryObjects::new("memory.zagg");
        let mine = acquire(&objects, "out.zarr").unwrap();
        let error = acquire(&objects, "out.zarr").unwrap_err().to_string();
        assert!(error.contains(&format!("process {} on {}", std::process::id(), host())), "{error}");
        assert!(error.contains("out.zarr") && error.contains("memory.zagg/lock"), "{error}");
        release(&objects, &mine).unwrap();
        let other = acquire(&objects, "out.zarr").unwrap();
        release(&objects, &mine).unwrap();
        assert!(acquire(&objects, "out.zarr").is_err(), "only the holder may release");
        release(&objects, &other).unwrap();
    }

    #[test]
    fn what_cannot_be_judged_is_held() {
        for content in
            [lock_of(1, "elsewhere", "1"), lock_of(u32::MAX, &host(), ""), b"not json".to_vec(), vec![]]
        {
            let objects = MemoryObjects::new("memory.zagg");
            objects.put(LOCK, &content).unwrap();
            assert!(acquire(&objects, "out.zarr").is_err());
            assert_eq!(objects.get(LOCK, MAX_BYTES).unwrap().unwrap(), content);
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn of_many_who_see_a_dead_run_one_takes_over() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        // The second lock is of a living pid that was given again.
        for stale in [lock_of(child.id(), &host(), "1"), lock_of(std::process::id(), &host(), "1")] {
            for _ in 0..50 {
                let objects = MemoryObjects::new("memory.zagg");
                objects.put(LOCK, &stale).unwrap();
                let taken: Vec<Vec<u8>> = std::thread::scope(|scope| {
                    let threads: Vec<_> =
                        (0..8).map(|_| scope.spawn(|| acquire(&objects, "out.zarr").ok())).collect();
                    threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
                });
                assert_eq!(taken.len(), 1);
                assert_eq!(objects.get(LOCK, MAX_BYTES).unwrap().as_ref(), taken.first());
                assert_eq!(objects.list(TAKEOVER).unwrap(), [""; 0]);
            }
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn among_many_machines_the_name_of_the_host_is_not_enough() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let gone = Holder { pid: child.id(), started: "1".to_owned(), ..Holder::this() };
        assert!(gone.is_gone(true) && gone.is_gone(false));
        for machine in ["another boot", ""] {
            let elsewhere = Holder { machine: machine.to_owned(), ..gone.clone() };
            assert!(!elsewhere.is_gone(true) && elsewhere.is_gone(false));
        }
        // Another container on this machine, under the same name.
        let space = Holder { machine: machine().replace("pid:[", "pid:[9"), ..gone.clone() };
        assert!(space.machine != machine() && !space.is_gone(false) && !space.is_gone(true));
        let old = Holder { since: now() - 7300, ..gone };
        assert!(old.describe().contains("which took it 2 h ago"), "{}", old.describe());
    }
}
