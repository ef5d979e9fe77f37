//! What jobs give, in the order of the jobs: each is heard from its turn on, and what waits for a turn is bounded.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::{IoPool, ended};
use crate::cores;
use crate::error::{Error, Result};
use crate::profile::{self, Phase};

/// Where a job puts what it gives, piece by piece.
pub(crate) struct Outlet<'a, R>(Way<'a, R>);

enum Way<'a, R> {
    /// To another thread.
    Queue(Queue<R>),
    /// Straight to whoever listens, on this thread.
    Straight(RefCell<Straight<'a, R>>),
}

struct Queue<R> {
    shared: Arc<Shared<R>>,
    /// Number of the job.
    number: usize,
}

struct Straight<'a, R> {
    take: &'a mut dyn FnMut(R) -> Result<()>,
    /// Why nothing is taken any more.
    refused: Option<Error>,
}

struct Shared<R> {
    state: Mutex<State<R>>,
    changed: Condvar,
    /// Bytes that all jobs together may hold, except the one whose turn it is.
    budget: u64,
}

struct State<R> {
    /// The job whose turn it is.
    next: usize,
    jobs: BTreeMap<usize, Pieces<R>>,
    /// Bytes that jobs have reserved, and that pieces take which were not taken yet.
    held: u64,
    /// Nobody wants the pieces any more.
    is_over: bool,
}

struct Pieces<R> {
    waiting: VecDeque<(R, u64)>,
    held: u64,
    ended: Option<Result<()>>,
}

impl<R> Default for Pieces<R> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), held: 0, ended: None }
    }
}

impl<R> Shared<R> {
    fn lock(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State<R>>) -> MutexGuard<'a, State<R>> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a, R> Outlet<'a, R> {
    /// Waits until pieces of this size may be made. The job whose turn it is always may, once what it gave before was taken.
    ///
    /// # Errors
    /// When nobody wants them any more.
    pub(crate) fn reserve(&self, bytes: u64) -> Result<Reserved<'_, 'a, R>> {
        match &self.0 {
            Way::Queue(queue) => queue.reserve(bytes)?,
            Way::Straight(straight) if straight.borrow().refused.is_some() => return Err(over()),
            Way::Straight(_) => {}
        }
        Ok(Reserved { way: &self.0, left: bytes })
    }

    /// Gives something that takes no memory worth counting.
    pub(crate) fn tell(&self, piece: R) {
        self.0.put(piece, 0, 0);
    }
}

impl<R> Way<'_, R> {
    fn put(&self, piece: R, reserved: u64, bytes: u64) {
        match self {
            Self::Queue(queue) => queue.put(piece, reserved, bytes),
            Self::Straight(straight) => {
                let Straight { take, refused } = &mut *straight.borrow_mut();
                if refused.is_none() {
                    *refused = take(piece).err();
                }
            }
        }
    }
}

fn over() -> Error {
    Error::io("the task has ended")
}

impl<R> Queue<R> {
    fn reserve(&self, bytes: u64) -> Result<()> {
        let mut state = self.shared.lock();
        loop {
            if state.is_over {
                return Err(over());
            }
            let mine = state.jobs.get(&self.number).map_or(0, |pieces| pieces.held);
            let fits = state.held.saturating_add(bytes) <= self.shared.budget;
            if fits || (mine == 0 && state.next == self.number) {
                self.hold(&mut state, bytes);
                return Ok(());
            }
            state = self.shared.wait(state);
        }
    }

    fn hold(&self, state: &mut State<R>, bytes: u64) {
        state.held = state.held.saturating_add(bytes);
        let pieces = state.jobs.entry(self.number).or_default();
        pieces.held = pieces.held.saturating_add(bytes);
    }

    fn put(&self, piece: R, reserved: u64, bytes: u64) {
        let mut state = self.shared.lock();
        if state.is_over {
            return;
        }
        self.free(&mut state, reserved);
        self.hold(&mut state, bytes);
        state.jobs.entry(self.number).or_default().waiting.push_back((piece, bytes));
        drop(state);
        self.shared.changed.notify_all();
    }

    fn free(&self, state: &mut State<R>, bytes: u64) {
        if let Some(pieces) = state.jobs.get_mut(&self.number) {
            pieces.held = pieces.held.saturating_sub(bytes);
            state.held = state.held.saturating_sub(bytes);
        }
    }

    fn end(&self, how: Result<()>) {
        let mut state = self.shared.lock();
        // One that was taken to its end already is dropped after that.
        if state.is_over || self.number < state.next {
            return;
        }
        state.jobs.entry(self.number).or_default().ended.get_or_insert(how);
        drop(state);
        self.shared.changed.notify_all();
    }
}

/// Room for pieces of one job; what is left of it is free again at the end.
pub(crate) struct Reserved<'r, 'a, R> {
    way: &'r Way<'a, R>,
    left: u64,
}

impl<R> Reserved<'_, '_, R> {
    /// Gives a piece that takes `bytes`, which should be among those reserved.
    pub(crate) fn give(&mut self, piece: R, bytes: u64) {
        let reserved = bytes.min(self.left);
        self.left -= reserved;
        self.way.put(piece, reserved, bytes);
    }
}

impl<R> Drop for Reserved<'_, '_, R> {
    fn drop(&mut self) {
        if let Way::Queue(queue) = self.way
            && self.left > 0
        {
            queue.free(&mut queue.shared.lock(), self.left);
            queue.shared.changed.notify_all();
        }
    }
}

impl<R> Drop for Queue<R> {
    fn drop(&mut self) {
        // Of a job that was never run.
        self.end(Err(ended()));
    }
}

/// Lets the jobs go when nobody listens any more.
struct Listening<R>(Arc<Shared<R>>);

impl<R> Drop for Listening<R> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.is_over = true;
        state.jobs.clear();
        drop(state);
        self.0.changed.notify_all();
    }
}

impl IoPool {
    /// Runs `work` on every item with at most as many in flight as there are threads, and hands what it gives to `take` on the
    /// calling thread: all that the first item gives, then all of the second. What the others have made by then and reserved
    /// takes at most `budget` bytes, beside one piece of the job whose turn it is.
    ///
    /// # Errors
    /// The first error of `take`; what is in flight then is dropped. A panic of `work` is an error too.
    pub(crate) fn in_order<T: Send + 'static, R: Send + 'static>(
        &self,
        items: Vec<T>,
        budget: u64,
        work: impl Fn(T, &Outlet<'_, R>) + Send + Sync + 'static,
        mut take: impl FnMut(R) -> Result<()>,
    ) -> Result<()> {
        let state = State { next: 0, jobs: BTreeMap::new(), held: 0, is_over: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new(), budget });
        let listening = Listening(Arc::clone(&shared));
        let work = Arc::new(work);
        let (counting, span) = (profile::current(), tracing::Span::current());
        let mut items = items.into_iter().enumerate();
        let mut submit = || -> Result<bool> {
            let Some((number, item)) = items.next() else { return Ok(false) };
            let (work, counting, span) = (Arc::clone(&work), counting.clone(), span.clone());
            let queue = Queue { shared: Arc::clone(&shared), number };
            self.submit(move || {
                let _in_span = span.enter();
                let at_work = cores::work();
                let outlet = Outlet(Way::Queue(queue));
                let done = || {
                    work(item, &outlet);
                    Ok(())
                };
                let how = profile::within(counting, || crate::caught(done));
                // Before anybody hears that it has ended: cores are free then.
                drop(at_work);
                if let Way::Queue(queue) = &outlet.0 {
                    queue.end(how);
                }
            })?;
            Ok(true)
        };
        let mut in_flight = 0;
        while in_flight < self.threads && submit()? {
            in_flight += 1;
        }
        let mut next = 0;
        while in_flight > 0 {
            let mut state = listening.0.lock();
            let pieces = state.jobs.entry(next).or_default();
            if let Some((piece, bytes)) = pieces.waiting.pop_front() {
                pieces.held = pieces.held.saturating_sub(bytes);
                state.held = state.held.saturating_sub(bytes);
                drop(state);
                listening.0.changed.notify_all();
                take(piece)?;
            } else if let Some(ended) = pieces.ended.take() {
                let left = state.jobs.remove(&next).map_or(0, |pieces| pieces.held);
                state.held = state.held.saturating_sub(left);
                next += 1;
                state.next = next;
                drop(state);
                listening.0.changed.notify_all();
                in_flight -= 1;
                ended?;
                // A place is free only once everything was taken, so that what waits is bounded in number, too.
                in_flight += usize::from(submit()?);
            } else {
                profile::time(Phase::Wait, || cores::waiting(|| drop(listening.0.wait(state))));
            }
        }
        Ok(())
    }
}

/// Runs `work` on every item on the calling thread, and hands what it gives to `take` at once.
///
/// # Errors
/// The first error of `take`. A panic of `work` is an error too.
pub(crate) fn one_by_one<T, R>(
    items: Vec<T>,
    work: impl Fn(T, &Outlet<'_, R>),
    mut take: impl FnMut(R) -> Result<()>,
) -> Result<()> {
    for item in items {
        let outlet = Outlet(Way::Straight(RefCell::new(Straight { take: &mut take, refused: None })));
        crate::caught(|| {
            work(item, &outlet);
            Ok(())
        })?;
        if let Way::Straight(straight) = outlet.0
            && let Some(error) = straight.into_inner().refused
        {
            return Err(error);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn pieces_come_in_order_and_a_panic_is_an_error() {
        let pool = IoPool::new(4).unwrap();
        let mut got = Vec::new();
        let work = |n: u64, outlet: &Outlet<u64>| {
            thread::sleep(Duration::from_micros((50 - n) * 20));
            for piece in 0..n % 4 {
                outlet.tell(n * 10 + piece);
            }
        };
        let take = |n| {
            got.push(n);
            Ok(())
        };
        pool.in_order((0..50u64).collect(), 0, work, take).unwrap();
        let want: Vec<u64> = (0..50).flat_map(|n| (0..n % 4).map(move |piece| n * 10 + piece)).collect();
        assert_eq!(got, want);
        let divide = |n: i32, outlet: &Outlet<i32>| outlet.tell(7 / n);
        let error = pool.in_order(vec![1, 0], 0, divide, |_| Ok(())).unwrap_err();
        assert!(error.to_string().contains("divide by zero"), "{error}");
        pool.in_order(vec![1], 0, divide, |_| Ok(())).unwrap();
    }

    #[test]
    fn what_waits_is_bounded_and_nobody_waits_for_ever() {
        let pool = IoPool::new(8).unwrap();
        let held = Arc::new(AtomicI64::new(0));
        let (jobs_hold, most) = (Arc::clone(&held), Arc::new(AtomicI64::new(0)));
        let seen = Arc::clone(&most);
        let mut taken = 0;
        pool.in_order(
            (0..40usize).collect(),
            100,
            move |n, outlet| {
                for _ in 0..20 {
                    let Ok(mut room) = outlet.reserve(30) else { return };
                    seen.fetch_max(jobs_hold.fetch_add(30, Ordering::SeqCst) + 30, Ordering::SeqCst);
                    room.give(n, 30);
                }
            },
            |n| {
                held.fetch_sub(30, Ordering::SeqCst);
                assert_eq!(n, taken / 20);
                taken += 1;
                Ok(())
            },
        )
        .unwrap();
        assert_eq!(taken, 800);
        // The budget, a piece of the job whose turn it is, and those that were taken but not told yet.
        assert!(most.load(Ordering::SeqCst) <= 100 + 30 + 30, "{most:?}");
    }

    #[test]
    fn one_by_one_gives_the_same_on_the_calling_thread() {
        let here = thread::current().id();
        let mut got = Vec::new();
        let work = |n: u64, outlet: &Outlet<'_, u64>| {
            assert_eq!(thread::current().id(), here);
            for piece in 0..n % 4 {
                // Any number of bytes: each piece is taken before the next one is made.
                outlet.reserve(u64::MAX).unwrap().give(n * 10 + piece, u64::MAX);
            }
            outlet.tell(n * 10 + 9);
        };
        let take = |n| {
            got.push(n);
            Ok(())
        };
        one_by_one((0..50).collect(), work, take).unwrap();
        let want = (0..50u64).flat_map(|n| (0..n % 4).chain([9]).map(move |piece| n * 10 + piece));
        assert_eq!(got, want.collect::<Vec<_>>());

        let divide = |n: i32, outlet: &Outlet<'_, i32>| outlet.tell(7 / n);
        let error = one_by_one(vec![1, 0], divide, |_| Ok(())).unwrap_err();
        assert!(error.to_string().contains("divide by zero"), "{error}");
        let endless = |_: usize, outlet: &Outlet<'_, usize>| {
            while let Ok(mut room) = outlet.reserve(1) {
                room.give(1, 1);
            }
        };
        let error = one_by_one(vec![0, 1], endless, |_| Err(Error::io("enough"))).unwrap_err();
        assert_eq!(error, Error::io("enough"));
    }

    #[test]
    fn jobs_end_when_nobody_listens_any_more() {
        let pool = IoPool::new(3).unwrap();
        let endless = |_: usize, outlet: &Outlet<usize>| {
            while let Ok(mut room) = outlet.reserve(1) {
                room.give(1, 1);
            }
        };
        let refuse = |_| Err(Error::io("enough"));
        assert_eq!(pool.in_order(vec![0, 1, 2, 3], 10, endless, refuse).unwrap_err(), Error::io("enough"));
        pool.in_order(vec![1], 0, |n: usize, outlet| outlet.tell(n), |_| Ok(())).unwrap();
    }
}
