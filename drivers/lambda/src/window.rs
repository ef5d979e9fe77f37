//! How many calls may be under way: a window that gives way to throttling, and a ramp that a run starts with.

use std::time::Duration;

use tokio::time::Instant;

/// What of the calls under way is left after throttling.
const CUT: f64 = 0.7;
/// Within this time throttling counts once: calls that were sent together are refused together.
const ONE_CUT: Duration = Duration::from_secs(1);

/// Additive increase, multiplicative decrease, at most `most`.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    limit: f64,
    most: f64,
    per_second: f64,
    cut: Option<Instant>,
    grown: Instant,
}

impl Window {
    /// A window that is wide open.
    pub(crate) fn new(most: usize, per_second: f64, now: Instant) -> Self {
        let most = most.max(1) as f64;
        Self { limit: most, most, per_second, cut: None, grown: now }
    }

    /// How many may be under way now.
    pub(crate) fn allowed(&mut self, now: Instant) -> usize {
        if self.limit < self.most && self.cut.is_none_or(|cut| now.duration_since(cut) >= ONE_CUT) {
            let seconds = now.duration_since(self.grown).as_secs_f64();
            self.limit = (self.limit + self.per_second * seconds).min(self.most);
        }
        self.grown = now;
        self.limit as usize
    }

    /// Takes throttling in, with so many calls under way.
    pub(crate) fn cut(&mut self, now: Instant, under_way: usize) {
        if self.cut.is_some_and(|cut| now.duration_since(cut) < ONE_CUT) {
            return;
        }
        self.limit = (self.limit.min(under_way as f64) * CUT).max(1.0);
        (self.cut, self.grown) = (Some(now), now);
    }

    /// There may never be more than this.
    pub(crate) fn lower(&mut self, most: usize) {
        self.most = self.most.min(most.max(1) as f64);
        self.limit = self.limit.min(self.most);
    }
}

/// A number that starts at `burst` and grows by `per_second`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ramp {
    burst: f64,
    per_second: f64,
    start: Instant,
}

impl Ramp {
    pub(crate) fn new(burst: f64, per_second: f64, start: Instant) -> Self {
        Self { burst, per_second, start }
    }

    pub(crate) fn allowed(&self, now: Instant) -> usize {
        let seconds = now.duration_since(self.start).as_secs_f64();
        (self.burst + self.per_second * seconds) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttling_cuts_once_and_the_window_grows_back_slowly() {
        let start = Instant::now();
        let at = |seconds: f64| start + Duration::from_secs_f64(seconds);
        let mut window = Window::new(1_700, 10.0, start);
        assert_eq!(window.allowed(start), 1_700);
        for _ in 0..500 {
            window.cut(at(5.0), 1_000);
        }
        assert_eq!(window.allowed(at(5.5)), 700);
        assert_eq!(window.allowed(at(7.5)), 720);
        window.cut(at(8.0), 400);
        assert_eq!(window.allowed(at(8.0)), 280);
        assert_eq!(window.allowed(at(10_000.0)), 1_700);
        window.lower(50);
        assert_eq!(window.allowed(at(20_000.0)), 50);
        let mut small = Window::new(1, 1.0, start);
        small.cut(at(1.0), 1);
        assert_eq!(small.allowed(at(1.0)), 1);
    }

    #[test]
    fn a_ramp_rises_by_its_rate() {
        let start = Instant::now();
        let ramp = Ramp::new(100.0, 100.0, start);
        assert_eq!(ramp.allowed(start), 100);
        assert_eq!(ramp.allowed(start + Duration::from_millis(1_500)), 250);
    }
}
