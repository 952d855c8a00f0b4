//! The rate limit: fixed windows, each of which begins with the first call of an OAuth client or
//! token.

use std::time::Duration;

use jiff::Timestamp;

/// The current window of a client or token.
#[derive(Default)]
pub(super) struct Window {
    began: Option<Timestamp>,
    count: u64,
}

/// The rate limit as an answer reports it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    pub(super) count: u64,
    pub(super) allowed: u64,
    /// The whole seconds until the next window, at least 1.
    pub(super) reset: u64,
}

impl Rate {
    pub(super) fn is_over(self) -> bool {
        self.count > self.allowed
    }
}

/// Counts one call.
pub(super) fn count(window: &mut Window, now: Timestamp, allowed: u64, length: Duration) -> Rate {
    let mut began = window.began.unwrap_or(now);
    while now >= began + length {
        began += length;
        window.count = 0;
    }
    window.began = Some(began);
    window.count += 1;
    let left = (began + length).duration_since(now).as_millis();
    Rate {
        count: window.count,
        allowed,
        reset: u64::try_from(left).unwrap_or(0).div_ceil(1_000).max(1),
    }
}
