//! The time that one invocation has for one org.

use std::time::Duration;

use domain::retry::{LONGEST_IN_PLACE, MARGIN, TRIES, TRYING};
use jiff::Timestamp;

/// The longest that a read or a token is waited for, its connection included: a service that does
/// not answer must not hold whoever waits behind this org.
const READ: Duration = Duration::from_secs(5);
/// The longest that a write is waited for. One that is given up may be done yet, after a newer one:
/// so it gets more time than a read, the more the wider it is, and is not begun where there is less.
const WRITE: Duration = Duration::from_secs(10);
const WRITE_OF_A_HUNDRED: Duration = Duration::from_secs(1);
const LONGEST_WRITE: Duration = Duration::from_secs(20);

/// Of a run that nobody waits for: the wait for the call budget's next window, and tries for about
/// half a minute.
const LONGEST_PATIENCE: Duration = Duration::from_mins(2);
const PATIENT_TRIES: u32 = 9;

/// Bounds of the calls for one org within one invocation.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// No repetition of a failed call begins after this, and no wait for a turn ends after it.
    trying_until: Timestamp,
    /// How many times a call that may be repeated is made.
    pub(super) tries: u32,
    /// The longest wait for the service or the budget.
    longest_wait: Duration,
    /// The last moment for a call to end; `None` where the deadline is not known.
    end: Option<Timestamp>,
    /// The longest that a write may take: of a short invocation no more than half.
    longest_write: Duration,
    /// Whether a read that got no answer in time is repeated. Of many that wait none is.
    is_patient: bool,
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
            longest_write: end.map_or(LONGEST_WRITE, |end| left(end, now) / 2),
            is_patient: false,
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
            longest_write: LONGEST_WRITE,
            is_patient: true,
        }
    }

    /// The same, but that no call is made more often than this.
    #[must_use]
    pub fn with_tries(self, tries: u32) -> Run {
        Run { tries, ..self }
    }

    /// The same, but that no wait for the service or the budget is longer than this.
    #[must_use]
    pub fn with_longest_wait(self, longest_wait: Duration) -> Run {
        Run {
            longest_wait,
            ..self
        }
    }

    /// How long a read that begins now may take; `None`: too late for any.
    pub(super) fn read_timeout(&self, now: Timestamp) -> Option<Duration> {
        let left = self.end.map_or(READ, |end| left(end, now));
        (!left.is_zero()).then_some(left.min(READ))
    }

    /// How long a write of so many contacts that begins now may take; `None`: there is less time
    /// than it may need.
    pub(super) fn write_timeout(&self, now: Timestamp, contacts: usize) -> Option<Duration> {
        self.timeout_of(WRITE, now, contacts)
    }

    /// The same of so many entries beside the contacts: it may be made again, so it begins with the time
    /// of a read.
    pub(super) fn aside_timeout(&self, now: Timestamp, entries: usize) -> Option<Duration> {
        self.timeout_of(READ, now, entries)
    }

    fn timeout_of(&self, least: Duration, now: Timestamp, wide: usize) -> Option<Duration> {
        let hundreds = u32::try_from(wide / 100).unwrap_or(u32::MAX);
        let wide = least.saturating_add(WRITE_OF_A_HUNDRED.saturating_mul(hundreds));
        let needed = wide.min(LONGEST_WRITE).min(self.longest_write);
        self.end
            .is_none_or(|end| left(end, now) >= needed)
            .then_some(needed)
    }

    /// Whether a read that began with this timeout was given less time than a read may take.
    pub(super) fn is_short(timeout: Duration) -> bool {
        timeout < READ
    }

    /// Whether a read that got no answer in time is made again.
    pub(super) fn repeats_what_hangs(&self) -> bool {
        self.is_patient
    }

    /// The longest wait for the budget's next window that fits here.
    pub fn patience(&self, now: Timestamp) -> Duration {
        let end = self
            .end
            .map_or(self.trying_until, |end| end.min(self.trying_until));
        self.longest_wait.min(left(end, now))
    }

    /// What is left until so long before the deadline; a while, where that is not known.
    pub fn left(&self, now: Timestamp, before_deadline: Duration) -> Duration {
        let Some(end) = self.end else {
            return READ;
        };
        left(end + MARGIN.saturating_sub(before_deadline), now)
    }

    /// Whether a failed call may be made again after the wait.
    pub(super) fn may_repeat(&self, now: Timestamp, wait: Duration) -> bool {
        now + wait <= self.trying_until && self.has_time_after(now, wait)
    }

    /// Whether the service's or the budget's wait fits here: whoever refuses one call after the other
    /// holds a batch no longer than one that fails.
    pub(super) fn may_wait(&self, now: Timestamp, wait: Duration) -> bool {
        wait <= self.longest_wait && self.may_repeat(now, wait)
    }

    fn has_time_after(&self, now: Timestamp, wait: Duration) -> bool {
        self.end.is_none_or(|end| now + wait < end)
    }
}

fn left(end: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(end.duration_since(now)).unwrap_or_default()
}
