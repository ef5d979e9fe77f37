//! How large events may be, and what they count as.

/// Most bytes of the event and of the response of an invocation that is waited for, as Lambda limits them.
pub const SYNC_LIMIT: usize = 6 << 20;

/// Most bytes of an event that Lambda queues (InvocationType `Event`); 256 KiB until October 2025.
pub const ASYNC_LIMIT: usize = 1 << 20;

/// Most bytes of an event that carries its tasks inline. A larger list of granules stays in the plan: such an event fits the
/// older limit of queued events too, and counts as one request.
pub const INLINE_LIMIT: usize = 200 << 10;

/// What a queued event counts as one request up to.
const FIRST_STEP: usize = 256 << 10;
/// What each further request stands for.
const STEP: usize = 64 << 10;

/// Requests that Lambda bills for a queued event of so many bytes: one up to 256 KiB, and one for each 64 KiB begun above that.
pub fn billed_requests(bytes: usize) -> u64 {
    1 + bytes.saturating_sub(FIRST_STEP).div_ceil(STEP) as u64
}
