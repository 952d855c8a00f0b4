//! Decides how long a change waits before its retry (docs/design.md "Failure table").
//!
//! A [`Cause`] says why a change failed, and [`Cause::delay`] for how long its message stays
//! invisible. Waits depend on arguments only: chance is a number from 0 up to 1. The waits of one
//! client after a 429 are in `throttle`, and when a change is parked in [`crate::batch`].

mod throttle;

pub use throttle::{LEAST, Throttle, UNNAMED, named_wait};

use std::time::Duration;

use crate::batch::Outcome;

/// The longest wait that a service may ask for.
pub const LONGEST: Duration = Duration::from_mins(15);
/// The longest `Retry-After` that is waited for within the invocation.
pub const LONGEST_IN_PLACE: Duration = Duration::from_secs(5);
/// How long a copy makes no call for an org that refuses it.
pub const CLOSED: Duration = Duration::from_secs(60);
/// How many times a call that may be retried is tried.
pub const TRIES: u32 = 3;
/// How long calls for one org are retried within an invocation.
pub const TRYING: Duration = Duration::from_secs(10);
/// How much time of an invocation is left when its last call has ended.
pub const MARGIN: Duration = Duration::from_secs(3);

const FIRST: Duration = Duration::from_secs(15);
const REFUSED: Duration = Duration::from_mins(5);
/// A change that the budget put off returns after the end of the window, spread over an eighth of
/// its own age. So a backlog does not return all at once, and each window gets some of it.
const PART_OF_AGE: u32 = 8;
const LONGEST_SPREAD: Duration = Duration::from_mins(2);
/// Four fifths of [`LONGEST`], so that the wait with jitter stays below it.
const HIGHEST_BASE: Duration = Duration::from_mins(12);
/// From this many receives on, a change waits for `LONG`. SQS moves a message without a reason
/// after a thousand receives, and a change must last for 13 days.
const MANY_RECEIVES: u32 = 100;
/// The same number for a change that waits for calls.
const MANY_RECEIVES_FOR_CALLS: u32 = 500;
const LONG: Duration = Duration::from_mins(22);

/// How long a change has waited.
#[derive(Clone, Copy, Debug, Default)]
pub struct Waited {
    /// How many times it was received, including this time.
    pub receives: u32,
    /// The time since it was sent to the queue.
    pub age: Duration,
}

/// The cause of a retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// 408, 5xx, a broken connection, a write with an unknown result, or reads that lag.
    Unavailable,
    /// 429: the service refused the call.
    Throttled {
        /// How long to make no call.
        after: Duration,
    },
    /// The call budget is spent, so no call was made.
    BudgetSpent {
        /// The wait until there are calls again.
        after: Duration,
    },
    /// Services that are slow, or do not answer, take turns with others. No call was made.
    InTurn {
        /// The wait for its turn.
        after: Duration,
    },
    /// 404: the campaign does not exist, or is not visible yet.
    Missing,
    /// The org refuses its OAuth client, its secret is missing or malformed, or the campaign may
    /// not be written. A person must act.
    Refused,
    /// The contact could not be created, or was held back because others could not.
    Full {
        /// The wait until the next create probes.
        after: Duration,
    },
    /// The org or the campaign is closed for a while, or it does not answer. No call was made.
    Closed {
        /// The wait before the next try.
        after: Duration,
    },
    /// The org's DNC list accepted no entry. The contact is written.
    DncList {
        /// The wait before the list may be called again.
        after: Duration,
    },
    /// The change is written, or waits behind one that is. Reads may not show that yet.
    Confirming {
        /// The wait until they do.
        after: Duration,
        /// The effect of the write. It is `None` for a change behind it.
        wrote: Option<Outcome>,
    },
    /// The change creates no contact and a read shows none, but reads may lag.
    Absent {
        /// The wait until a read would show the contact.
        after: Duration,
    },
    /// The invocation has too little time left.
    OutOfTime,
    /// The dead-letter queue did not accept it.
    NotParked,
    /// The code panicked, and the panic was caught.
    Panicked,
}

impl Cause {
    /// Whether the change itself may be at fault. If it is, it is parked after failing for too
    /// long.
    pub fn is_own(self) -> bool {
        match self {
            Cause::Unavailable | Cause::Refused | Cause::Panicked => true,
            Cause::Throttled { .. }
            | Cause::BudgetSpent { .. }
            | Cause::InTurn { .. }
            | Cause::Closed { .. }
            | Cause::Full { .. }
            | Cause::DncList { .. }
            | Cause::Confirming { .. }
            | Cause::Absent { .. }
            | Cause::Missing
            | Cause::OutOfTime
            | Cause::NotParked => false,
        }
    }

    /// The same cause with a wait of at least `turn`. A message that came back before its turn
    /// would only be given back again.
    #[must_use]
    pub fn no_sooner_than(self, turn: Duration) -> Cause {
        match self {
            Cause::BudgetSpent { after } => Cause::BudgetSpent {
                after: after.max(turn),
            },
            Cause::InTurn { after } => Cause::InTurn {
                after: after.max(turn),
            },
            other => other,
        }
    }

    /// The visibility timeout of the message. `share` is a random number from 0 up to 1, drawn once
    /// an invocation, so that messages which go back together return together.
    pub fn delay(self, waited: Waited, share: f64) -> Duration {
        let base = base(waited.receives);
        let jitter = base.mul_f64(share / 4.0);
        match self {
            Cause::BudgetSpent { after } | Cause::InTurn { after } => {
                after.min(LONGEST) + spread(waited, share)
            }
            Cause::Throttled { after } | Cause::Full { after } | Cause::DncList { after } => {
                base.max(after.min(LONGEST)) + jitter
            }
            Cause::Confirming { after, .. } | Cause::Absent { after } => after,
            // Each copy finds out by itself that nothing answers. The jitter keeps them apart.
            Cause::Closed { after } => {
                base.max(after.min(LONGEST)) + base.mul_f64(share).min(HIGHEST_BASE / 4)
            }
            Cause::Refused => REFUSED.max(long(waited.receives)) + FIRST.mul_f64(share),
            _ => base + jitter,
        }
    }
}

/// How long after the end of the window a change returns.
fn spread(waited: Waited, share: f64) -> Duration {
    if waited.receives < MANY_RECEIVES_FOR_CALLS {
        let part = (waited.age / PART_OF_AGE).min(LONGEST_SPREAD);
        part.mul_f64(share)
    } else {
        LONG.mul_f64((3.0 + share) / 4.0)
    }
}

/// The backoff: 15 s, doubled with each receive.
fn base(receives: u32) -> Duration {
    let doubled = 2u32.checked_pow(receives.max(1) - 1).unwrap_or(u32::MAX);
    FIRST
        .saturating_mul(doubled)
        .min(HIGHEST_BASE)
        .max(long(receives))
}

fn long(receives: u32) -> Duration {
    if receives < MANY_RECEIVES {
        Duration::ZERO
    } else {
        LONG
    }
}

/// The wait before try `tries` + 1 within an invocation: full jitter up to 250 ms, doubled with
/// each try.
pub fn between_tries(tries: u32, share: f64) -> Duration {
    Duration::from_millis(125)
        .saturating_mul(2u32.saturating_pow(tries))
        .mul_f64(share)
}

#[cfg(test)]
mod tests;
