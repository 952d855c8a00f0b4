//! The breaker itself: what may be begun, by what was answered and what was not.

use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::Timestamp;

use crate::failure::{Failure, Kind};

/// How many calls in a row may get no answer before what was well is ill.
const UNANSWERED: u32 = 3;
/// How long an answer says that all is well.
const WELL_FOR: Duration = Duration::from_secs(60);
/// The wait before the first probe of what is ill; each is twice the last.
pub(super) const FIRST_WAIT: Duration = Duration::from_secs(15);
/// Which probes are left to one copy in so many: those after waits of 30 s, 1 and 2 minutes. What
/// waits longer comes back at times of its own.
const LEFT: RangeInclusive<u32> = 1..=3;
/// The longest wait before a probe.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// The wait before the next probe, after so many that failed.
pub(super) fn wait(times: u32) -> Duration {
    let wait = FIRST_WAIT.saturating_mul(2u32.saturating_pow(times));
    wait.min(LONGEST_WAIT)
}

/// What may be begun now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum May {
    /// Nothing before this time: it does not answer.
    NotBefore(Timestamp),
    /// Nothing before this time: what does not answer is asked by one at a time, and it is another's
    /// turn.
    InTurn(Timestamp),
    /// One call, whose answer tells.
    Probe,
    /// As many as the budget allows.
    All,
}

impl May {
    /// What two of them allow together.
    #[must_use]
    pub fn and(self, other: May) -> May {
        match (self, other) {
            (May::NotBefore(one), May::NotBefore(two)) => May::NotBefore(one.max(two)),
            (May::InTurn(one), May::InTurn(two)) => May::InTurn(one.max(two)),
            _ => self.min(other),
        }
    }

    /// Whether anything may be begun.
    ///
    /// # Errors
    /// [`Kind::Closed`]: not before the next probe. [`Kind::InTurn`]: not before its turn,
    /// which comes without the backoff of what failed.
    pub fn allowed(self, now: Timestamp) -> Result<(), Failure> {
        let after = |then: Timestamp| then.duration_since(now).try_into().unwrap_or_default();
        match self {
            May::NotBefore(then) => Err(Failure::new(
                Kind::Closed { after: after(then) },
                "the org does not answer: the next probe tells",
            )),
            May::InTurn(then) => Err(Failure::new(
                Kind::InTurn { after: after(then) },
                "what does not answer is asked by one at a time: it is another's turn",
            )),
            May::Probe | May::All => Ok(()),
        }
    }
}

/// How a call got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// There was no connection, or it was lost: that held nobody for long.
    Lost,
    /// None came in time.
    Hung,
}

/// Who asks to probe what still hangs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prober {
    /// Another copy may: this one is not drawn.
    None,
    /// Drawn, one copy in so many.
    Drawn,
    /// Somebody who opts out waits for it.
    OptOut,
}

/// What is known of whether calls are answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Breaker {
    answered_at: Option<Timestamp>,
    /// Calls in a row without an answer.
    unanswered: u32,
    ill: Option<Ill>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ill {
    /// How often it was found to be so.
    times: u32,
    /// When it is probed next.
    next: Timestamp,
    /// How it was silent the last time.
    silence: Silence,
    /// Until when a probe may be under way.
    claimed: Option<Timestamp>,
    /// Until when it is left to another copy.
    left: Option<Timestamp>,
}

impl Breaker {
    /// What may be begun now.
    pub(super) fn may(&self, now: Timestamp) -> May {
        match self.ill {
            Some(ill) if now < ill.next => May::NotBefore(ill.next),
            Some(_) => May::Probe,
            None if self.is_known_well(now) => May::All,
            None => May::Probe,
        }
    }

    /// As [`Breaker::may`], for whoever begins. What still hangs at the first probe is probed by those
    /// who are drawn alone, one copy at a time as a rule: its changes come back at about one time, and
    /// if every copy waited for it then, none were left for others.
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
                let is_left = LEFT.contains(&ill.times) && ill.silence == Silence::Hung;
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

    /// As [`Breaker::begin`], for what is well until the contrary is seen.
    pub(super) fn begin_unless_ill(&mut self, now: Timestamp, prober: Prober) -> May {
        if self.ill.is_some() {
            self.begin(now, prober)
        } else {
            May::All
        }
    }

    /// As [`Breaker::may`], for what is well until the contrary is seen.
    pub(super) fn may_unless_ill(&self, now: Timestamp) -> May {
        if self.ill.is_some() {
            self.may(now)
        } else {
            May::All
        }
    }

    /// Whether an answer ever came.
    pub(super) fn was_answered(&self) -> bool {
        self.answered_at.is_some()
    }

    pub(super) fn is_ill(&self) -> bool {
        self.ill.is_some()
    }

    fn is_known_well(&self, now: Timestamp) -> bool {
        self.answered_at.is_some_and(|at| now < at + WELL_FOR)
    }

    /// A call was answered, by whatever status.
    pub(super) fn answered(&mut self, now: Timestamp) {
        *self = Breaker {
            answered_at: Some(now),
            ..Breaker::default()
        };
    }

    /// A call got no answer. Answers whether it is ill from now on and was not before: that is to be
    /// told, once.
    pub(super) fn unanswered(&mut self, now: Timestamp, silence: Silence) -> bool {
        self.unanswered += 1;
        let is_probe = self.ill.is_some() || !self.is_known_well(now);
        let is_ill = self.unanswered >= UNANSWERED || is_probe && silence == Silence::Hung;
        is_ill && self.fall_ill(now, silence)
    }

    pub(super) fn fall_ill(&mut self, now: Timestamp, silence: Silence) -> bool {
        let before = self.ill;
        // Calls that were under way side by side are one probe.
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
