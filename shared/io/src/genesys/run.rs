//! The time that one invocation has for one org.

use std::time::Duration;

use domain::retry::{LONGEST_IN_PLACE, MARGIN, TRIES, TRYING};
use jiff::Timestamp;

/// The longest that one call may take, its connection included.
const LONGEST_CALL: Duration = Duration::from_secs(5);

/// Of a run that nobody waits for: the wait for the call budget's next window, and tries for about
/// half a minute.
const LONGEST_PATIENCE: Duration = Duration::from_mins(2);
const PATIENT_TRIES: u32 = 9;

/// Bounds of the calls for one org within one invocation.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// No repetition of a failed call begins after this.
    trying_until: Timestamp,
    /// How many times a call that may be repeated is made.
    pub(super) tries: u32,
    /// The longest wait for the service or the budget.
    longest_wait: Duration,
    /// The last moment for a call to end; `None` where the deadline is not known.
    end: Option<Timestamp>,
}

impl Run {
    /// Begins now. A `deadline` that is past already is none (`cargo lambda watch` sends one).
    pub fn new(now: Timestamp, deadline: Option<Timestamp>) -> Run {
        let end = deadline
            .filter(|deadline| *deadline > now)
            .map(|deadline| deadline - MARGIN);
        Run {
            trying_until: now + TRYING,
            tries: TRIES,
            longest_wait: LONGEST_IN_PLACE,
            end,
        }
    }

    /// Of a run that has the time to wait for the budget's next window and for a service that is
    /// away for a moment. `end`: the last moment for a call to end.
    pub fn patient(end: Option<Timestamp>) -> Run {
        Run {
            trying_until: Timestamp::MAX,
            tries: PATIENT_TRIES,
            longest_wait: LONGEST_PATIENCE,
            end,
        }
    }

    /// How long a call that begins now may take; `None`: too late for any.
    pub(super) fn call_timeout(&self, now: Timestamp) -> Option<Duration> {
        let Some(end) = self.end else {
            return Some(LONGEST_CALL);
        };
        let left = Duration::try_from(end.duration_since(now)).ok()?;
        (!left.is_zero()).then_some(left.min(LONGEST_CALL))
    }

    /// Whether a call that began with this timeout was given less time than a call may take.
    pub(super) fn is_short(timeout: Duration) -> bool {
        timeout < LONGEST_CALL
    }

    /// What is left until so long before the deadline; a while, where that is not known.
    pub fn left(&self, now: Timestamp, before_deadline: Duration) -> Duration {
        let Some(end) = self.end else {
            return LONGEST_CALL;
        };
        let end = end + MARGIN.saturating_sub(before_deadline);
        Duration::try_from(end.duration_since(now)).unwrap_or_default()
    }

    /// Whether a failed call may be made again after the wait.
    pub(super) fn may_repeat(&self, now: Timestamp, wait: Duration) -> bool {
        now + wait <= self.trying_until && self.has_time_after(now, wait)
    }

    /// Whether the service's or the budget's wait fits here.
    pub(super) fn may_wait(&self, now: Timestamp, wait: Duration) -> bool {
        wait <= self.longest_wait && self.has_time_after(now, wait)
    }

    fn has_time_after(&self, now: Timestamp, wait: Duration) -> bool {
        self.end.is_none_or(|end| now + wait < end)
    }
}
