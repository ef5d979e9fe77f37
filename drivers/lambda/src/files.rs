//! The limit of open files: every call that is waited for is a socket.

/// Raises the limit of this process as far as it may, and gives it; none where there is no such limit.
#[cfg(unix)]
pub fn raise_limit() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    /// More than any run needs. Some systems say "unlimited" and then refuse it.
    const ENOUGH: u64 = 65_536;
    let limit = getrlimit(Resource::Nofile);
    let current = limit.current?;
    let wanted = limit.maximum.unwrap_or(ENOUGH).min(ENOUGH);
    if wanted <= current {
        return Some(current);
    }
    match setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum }) {
        Ok(()) => Some(wanted),
        // The old limit holds.
        Err(_) => Some(current),
    }
}

/// There is no such limit.
#[cfg(not(unix))]
pub fn raise_limit() -> Option<u64> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    #[test]
    fn the_limit_is_raised_and_stays_so() {
        let raised = super::raise_limit();
        assert!(raised.is_none_or(|files| files >= 20));
        assert_eq!(super::raise_limit(), raised);
    }
}
