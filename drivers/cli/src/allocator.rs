//! How the C library's allocator keeps what was freed.
//!
//! By itself glibc gives every thread a heap of its own, and what one thread has freed serves no other. Granules and shards pass
//! from thread to thread here, so that each heap comes to hold what the whole run needs at once. One heap for every core takes three
//! quarters of the memory and no more time; with fewer, threads wait for each other.

/// Bytes from which on a block is mapped by itself, which costs a page fault for each of its pages every time: glibc's maximum,
/// to which it rises by itself once such blocks are freed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const MAPPED: i32 = 32 << 20;

/// Free bytes at the end of a heap that are kept for what comes next.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT: i32 = 16 << 20;

/// Sets the allocator up, before any thread is started. What the environment says of it holds.
pub(crate) fn set_up() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        let is_told = |name: &str| name.starts_with("MALLOC_") || name == "GLIBC_TUNABLES";
        if std::env::vars_os().any(|(name, _)| name.to_str().is_some_and(is_told)) {
            return;
        }
        let heaps = i32::try_from(zagg_core::cores::count()).unwrap_or(i32::MAX);
        for (parameter, value) in
            [(libc::M_ARENA_MAX, heaps), (libc::M_MMAP_THRESHOLD, MAPPED), (libc::M_TRIM_THRESHOLD, KEPT)]
        {
            #[allow(unsafe_code, reason = "glibc's own call, which takes two numbers")]
            // SAFETY: mallopt(3) only notes the numbers; what it does not know it refuses.
            unsafe {
                libc::mallopt(parameter, value);
            }
        }
    }
}
