//! The time that one invocation has for one org.
//!
//! A [`Run`] says how long each call may take, whether a failed call may be retried, and how long
//! to wait for the budget. The lengths of backoffs are in [`domain::retry`].

use std::time::Duration;

use domain::retry::{LONGEST_IN_PLACE, MARGIN, TRIES, TRYING};
use jiff::Timestamp;

/// The longest time for a read or a token, with its connection. A service that does not answer must
/// not hold up what waits behind this org.
const READ: Duration = Duration::from_secs(5);
/// The longest time for a write. A write that is given up may still be executed, even after a newer
/// one. So a write gets more time than a read, and more the larger it is, and it does not begin if
/// less is left.
const WRITE: Duration = Duration::from_secs(10);
const WRITE_OF_A_HUNDRED: Duration = Duration::from_secs(1);
const LONGEST_WRITE: Duration = Duration::from_secs(20);

/// The longest waits of a run that nobody waits for: until the next window of the budget, and about
/// half a minute of tries.
const LONGEST_PATIENCE: Duration = Duration::from_mins(2);
const PATIENT_TRIES: u32 = 9;

/// The limits of the calls for one org in one invocation.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// After this time no failed call is retried, and no wait for a turn ends later.
    trying_until: Timestamp,
    /// How many times a call that may be retried is tried.
    pub(super) tries: u32,
    /// The longest wait for the service or the budget.
    longest_wait: Duration,
    /// The time by which every call must end. `None` means that the deadline is unknown.
    end: Option<Timestamp>,
    /// The longest time for a write. In a short invocation it is half of the invocation.
    longest_write: Duration,
    /// Whether a read without an answer is retried. It is not if much else is waiting.
    is_patient: bool,
}

impl Run {
    /// A run that begins now. A deadline in the past counts as none (`cargo lambda watch` sends
    /// one).
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

    /// A run with time to wait for the next window of the budget, and for a service that is away
    /// for a moment. Every call must end by `end`.
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

    /// The same run, in which no call is tried more often than this.
    #[must_use]
    pub fn with_tries(self, tries: u32) -> Run {
        Run { tries, ..self }
    }

    /// The same run, in which no wait for the service or the budget is longer than this.
    #[must_use]
    pub fn with_longest_wait(self, longest_wait: Duration) -> Run {
        Run {
            longest_wait,
            ..self
        }
    }

    /// How long a read that begins now may take. `None` means that it is too late for one.
    pub(super) fn read_timeout(&self, now: Timestamp) -> Option<Duration> {
        let left = self.end.map_or(READ, |end| left(end, now));
        (!left.is_zero()).then_some(left.min(READ))
    }

    /// How long a write of this many contacts may take if it begins now. `None` means that less
    /// time is left than it may need.
    pub(super) fn write_timeout(&self, now: Timestamp, contacts: usize) -> Option<Duration> {
        self.timeout_of(WRITE, now, contacts)
    }

    /// As [`Run::write_timeout`], for entries beside the contacts. Such a call may be retried, so
    /// it may begin if there is as much time as a read needs.
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

    /// Whether a read with this timeout was given less time than usual.
    pub(super) fn is_short(timeout: Duration) -> bool {
        timeout < READ
    }

    /// Whether a read without an answer is repeated.
    pub(super) fn retries_unanswered(&self) -> bool {
        self.is_patient
    }

    /// The longest wait for the next window of the budget that fits into this run.
    pub fn patience(&self, now: Timestamp) -> Duration {
        let end = self
            .end
            .map_or(self.trying_until, |end| end.min(self.trying_until));
        self.longest_wait.min(left(end, now))
    }

    /// The time that is left until this long before the deadline. If the deadline is unknown, it is
    /// a fixed time.
    pub fn left(&self, now: Timestamp, before_deadline: Duration) -> Duration {
        let Some(end) = self.end else {
            return READ;
        };
        left(end + MARGIN.saturating_sub(before_deadline), now)
    }

    /// Whether a failed call may be retried after this wait.
    pub(super) fn may_retry(&self, now: Timestamp, wait: Duration) -> bool {
        now + wait <= self.trying_until && self.has_time_after(now, wait)
    }

    /// Whether a wait for the service or the budget fits into this run. A service that refuses one
    /// call after another must not hold up a batch longer than one that fails.
    pub(super) fn may_wait(&self, now: Timestamp, wait: Duration) -> bool {
        wait <= self.longest_wait && self.may_retry(now, wait)
    }

    fn has_time_after(&self, now: Timestamp, wait: Duration) -> bool {
        self.end.is_none_or(|end| now + wait < end)
    }
}

fn left(end: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(end.duration_since(now)).unwrap_or_default()
}
