//! The circuit breaker: decides which calls may begin, by which calls were answered and which were
//! not. It knows one service only: `shared` is about services that many users share, and [`super`]
//! has the picture of its states.

use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::Timestamp;

use crate::failure::{Failure, Kind};

/// How many calls in a row without an answer make a healthy service ill.
const UNANSWERED: u32 = 3;
/// How long an answer proves that the service is healthy.
const WELL_FOR: Duration = Duration::from_secs(60);
/// The wait before the first probe of a service that is ill. Each later wait is twice as long.
pub(super) const FIRST_WAIT: Duration = Duration::from_secs(15);
/// After this many failed probes, only one copy in several probes. The waits are then 30 s, 1
/// minute and 2 minutes. After longer waits, copies return at different times anyway.
const DRAWN_ONLY: RangeInclusive<u32> = 1..=3;
/// The longest wait before a probe.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// The wait before the next probe, after this many failed ones.
pub(super) fn wait(times: u32) -> Duration {
    let wait = FIRST_WAIT.saturating_mul(2u32.saturating_pow(times));
    wait.min(LONGEST_WAIT)
}

/// The calls that may begin now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum May {
    /// None before this time: the service does not answer.
    NotBefore(Timestamp),
    /// None before this time: one caller at a time probes the service, and it is the turn of
    /// another.
    InTurn(Timestamp),
    /// One call, which probes the service.
    Probe,
    /// As many as the budget allows.
    All,
}

impl May {
    /// The stricter of the two.
    #[must_use]
    pub fn and(self, other: May) -> May {
        match (self, other) {
            (May::NotBefore(one), May::NotBefore(two)) => May::NotBefore(one.max(two)),
            (May::InTurn(one), May::InTurn(two)) => May::InTurn(one.max(two)),
            _ => self.min(other),
        }
    }

    /// Whether any call may begin.
    ///
    /// # Errors
    /// [`Kind::Closed`] until the next probe. [`Kind::InTurn`] until its turn, which comes without
    /// the backoff of a failure.
    pub fn allowed(self, now: Timestamp) -> Result<(), Failure> {
        let after = |then: Timestamp| then.duration_since(now).try_into().unwrap_or_default();
        match self {
            May::NotBefore(then) => Err(Failure::new(
                Kind::Closed { after: after(then) },
                "the org does not answer, and the next probe is not due yet",
            )),
            May::InTurn(then) => Err(Failure::new(
                Kind::InTurn { after: after(then) },
                "the service does not answer, so one caller at a time probes it, and it is another's turn",
            )),
            May::Probe | May::All => Ok(()),
        }
    }
}

/// How a call ended without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// There was no connection, or it was lost. That held nobody up for long.
    Lost,
    /// There was no answer in time.
    Hung,
}

/// A caller that wants to probe a service that hangs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prober {
    /// A copy that was not drawn: another one may probe.
    None,
    /// A copy that was drawn, as one in several.
    Drawn,
    /// A caller with an opt-out.
    OptOut,
}

/// Whether the calls of one service are answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Breaker {
    answered_at: Option<Timestamp>,
    /// The number of calls in a row without an answer.
    unanswered: u32,
    ill: Option<Ill>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ill {
    /// How many times in a row it was found ill.
    times: u32,
    /// The time of the next probe.
    next: Timestamp,
    /// How the last call ended.
    silence: Silence,
    /// The time until which a probe may be under way.
    claimed: Option<Timestamp>,
    /// The time until which the probe is left to another copy.
    left: Option<Timestamp>,
}

impl Breaker {
    /// Says which calls may begin now, without beginning one.
    pub(super) fn may(&self, now: Timestamp) -> May {
        match self.ill {
            Some(ill) if now < ill.next => May::NotBefore(ill.next),
            Some(_) => May::Probe,
            None if self.is_known_well(now) => May::All,
            None => May::Probe,
        }
    }

    /// As [`Breaker::may`], for a caller that begins a call. After the first, second and third
    /// failed probe, if the last one hung, only two kinds of callers may probe, one at a time: a
    /// copy that was drawn, and a caller with an opt-out. The changes of such a service
    /// return at about the same time, and if every copy waited for it then, none would be left for
    /// others.
    pub(super) fn begin(&mut self, now: Timestamp, prober: Prober) -> May {
        let may = self.may(now);
        match &mut self.ill {
            Some(ill) if may == May::Probe => {
                if let Some(until) = ill.claimed.filter(|until| now < *until) {
                    return May::NotBefore(until);
                }
                let left = ill.left.filter(|until| now < *until);
                if let Some(until) = left.filter(|_| prober != Prober::OptOut) {
                    return May::InTurn(until);
                }
                let until = now + FIRST_WAIT;
                let is_left = DRAWN_ONLY.contains(&ill.times) && ill.silence == Silence::Hung;
                if prober == Prober::None && is_left {
                    ill.left = Some(until);
                    return May::InTurn(until);
                }
                ill.claimed = Some(until);
                may
            }
            _ => may,
        }
    }

    /// As [`Breaker::begin`], for a service that counts as healthy until a call fails.
    pub(super) fn begin_unless_ill(&mut self, now: Timestamp, prober: Prober) -> May {
        if self.ill.is_some() {
            self.begin(now, prober)
        } else {
            May::All
        }
    }

    /// As [`Breaker::may`], for a service that counts as healthy until a call fails.
    pub(super) fn may_unless_ill(&self, now: Timestamp) -> May {
        if self.ill.is_some() {
            self.may(now)
        } else {
            May::All
        }
    }

    /// Whether there was ever an answer.
    pub(super) fn was_answered(&self) -> bool {
        self.answered_at.is_some()
    }

    pub(super) fn is_ill(&self) -> bool {
        self.ill.is_some()
    }

    fn is_known_well(&self, now: Timestamp) -> bool {
        self.answered_at.is_some_and(|at| now < at + WELL_FOR)
    }

    /// Records an answer, of any status.
    pub(super) fn answered(&mut self, now: Timestamp) {
        *self = Breaker {
            answered_at: Some(now),
            ..Breaker::default()
        };
    }

    /// Records a call without an answer. Returns whether the service has just become ill, which is
    /// reported once.
    pub(super) fn unanswered(&mut self, now: Timestamp, silence: Silence) -> bool {
        self.unanswered += 1;
        let is_probe = self.ill.is_some() || !self.is_known_well(now);
        let is_ill = self.unanswered >= UNANSWERED || is_probe && silence == Silence::Hung;
        is_ill && self.fall_ill(now, silence)
    }

    pub(super) fn fall_ill(&mut self, now: Timestamp, silence: Silence) -> bool {
        let before = self.ill;
        // Calls under way side by side count as one probe.
        if before.is_none_or(|ill| ill.next <= now) {
            let times = before.map_or(0, |ill| ill.times + 1);
            let next = now + wait(times);
            self.ill = Some(Ill {
                times,
                next,
                silence,
                claimed: None,
                left: None,
            });
        }
        before.is_none()
    }
}
