//! One invocation that was sent.

use tokio::time::Instant;

/// One invocation, from its sending until it is heard of.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    /// Its tasks, by their places in the plan.
    pub(super) tasks: Vec<usize>,
    /// When it was sent.
    pub(super) started: Instant,
    /// Whether its event is queued.
    pub(super) queued: bool,
    /// Whether it is the backup of another.
    pub(super) backup: bool,
    /// Once its call has ended and only the object with the response can tell: until when it may come.
    pub(super) heard_until: Option<Instant>,
    /// Whether nobody waits for it any more. A response that comes all the same is taken.
    pub(super) given_up: bool,
}
