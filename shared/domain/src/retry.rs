//! When to try again, and when no longer (docs/design.md "Failure table"). Every wait is an
//! argument's function: chance comes in as a share from 0 up to 1.

mod throttle;

pub use throttle::{LEAST, Throttle, UNNAMED, named_wait};

use std::time::Duration;

/// The longest wait that a service may ask for.
pub const LONGEST: Duration = Duration::from_mins(15);
/// The longest `Retry-After` that is waited for within the invocation.
pub const LONGEST_IN_PLACE: Duration = Duration::from_secs(5);
/// How long a copy makes no call for an org that refuses it.
pub const CLOSED: Duration = Duration::from_secs(60);
/// How many times a call that may be repeated is made.
pub const TRIES: u32 = 3;
/// The time within an invocation in which calls for one org are repeated.
pub const TRYING: Duration = Duration::from_secs(10);
/// What is left of an invocation when its last call must have ended.
pub const MARGIN: Duration = Duration::from_secs(3);

const FIRST: Duration = Duration::from_secs(15);
const REFUSED: Duration = Duration::from_mins(5);
/// Over how long they come back that were put off until there are calls again: long enough that not
/// all come at once, short enough that no call is left unused. What comes too early costs little:
/// it is given back without a call.
const SPREAD: Duration = Duration::from_mins(2);
/// How many receives may be as close as that. The queue's maxReceiveCount must last for more than a
/// week.
const CLOSE_RECEIVES: u32 = 100;
/// Four fifths of [`LONGEST`], so that it is not exceeded with the jitter.
const HIGHEST_BASE: Duration = Duration::from_mins(12);

/// Why a change is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// 408, 5xx, a broken connection, an unknown write, or the service lags behind itself.
    Unavailable,
    /// 429.
    Throttled {
        /// How long no call is to be made.
        after: Duration,
    },
    /// No call was made, since none is left in this minute.
    BudgetSpent {
        /// Until there are calls again.
        after: Duration,
    },
    /// The org refuses its OAuth client, or its secret is missing or malformed: a person must act.
    Refused,
    /// The invocation is nearly out of time.
    OutOfTime,
    /// The dead-letter queue did not take it.
    NotParked,
    /// The code failed: a panic, caught.
    Panicked,
}

impl Cause {
    /// Whether the change fails by itself, so that it may be parked when it has done so for too
    /// long.
    pub fn is_own(self) -> bool {
        match self {
            Cause::Unavailable | Cause::Refused | Cause::Panicked => true,
            Cause::Throttled { .. }
            | Cause::BudgetSpent { .. }
            | Cause::OutOfTime
            | Cause::NotParked => false,
        }
    }

    /// How long the change stays invisible after its `receives`th receive. `share`: chance, from 0
    /// up to 1.
    pub fn delay(self, receives: u32, share: f64) -> Duration {
        let base = base(receives);
        let jitter = base.mul_f64(share / 4.0);
        match self {
            Cause::Throttled { after } => base.max(after.min(LONGEST)) + jitter,
            Cause::BudgetSpent { after } if receives < CLOSE_RECEIVES => {
                after.clamp(FIRST, LONGEST) + base.min(SPREAD).mul_f64(share)
            }
            Cause::BudgetSpent { after } => base.max(after.min(LONGEST)) + jitter,
            Cause::Refused => REFUSED + FIRST.mul_f64(share),
            _ => base + jitter,
        }
    }
}

/// 15 s, doubled with each receive.
fn base(receives: u32) -> Duration {
    let doubled = 2u32.checked_pow(receives.max(1) - 1).unwrap_or(u32::MAX);
    FIRST.saturating_mul(doubled).min(HIGHEST_BASE)
}

/// The wait before try `tries` + 1 within an invocation: full jitter up to 250 ms, doubled with
/// each try.
pub fn between_tries(tries: u32, share: f64) -> Duration {
    Duration::from_millis(125)
        .saturating_mul(2u32.saturating_pow(tries))
        .mul_f64(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAUSES: [Cause; 4] = [
        Cause::Unavailable,
        Cause::OutOfTime,
        Cause::Panicked,
        Cause::Throttled { after: UNNAMED },
    ];

    #[test]
    fn backoff_starts_at_15_seconds_and_doubles_up_to_15_minutes() {
        for cause in CAUSES {
            let at = |receives| cause.delay(receives, 0.0).as_secs();
            assert_eq!([at(0), at(1), at(2), at(3), at(4)], [15, 15, 30, 60, 120]);
            for receives in [1, 5, 7, 20, 40, u32::MAX] {
                assert!(
                    cause.delay(receives, 0.999) <= LONGEST,
                    "{cause:?} {receives}"
                );
            }
            assert!(cause.delay(u32::MAX, 0.0) >= HIGHEST_BASE);
        }
    }

    #[test]
    fn jitter_only_lengthens_a_wait() {
        for cause in CAUSES {
            assert!(cause.delay(3, 0.5) > cause.delay(3, 0.0));
            assert!(cause.delay(3, 0.999) <= cause.delay(3, 0.0).mul_f64(1.25));
        }
    }

    #[test]
    fn a_throttled_change_waits_at_least_as_asked_but_no_absurd_time() {
        let asked = |seconds| {
            Cause::Throttled {
                after: Duration::from_secs(seconds),
            }
            .delay(1, 0.0)
            .as_secs()
        };
        assert_eq!(
            [asked(0), asked(15), asked(42), asked(900), asked(86_400)],
            [15, 15, 42, 900, 900]
        );
        let late = Cause::Throttled {
            after: Duration::from_secs(42),
        }
        .delay(4, 0.0);
        assert_eq!(late.as_secs(), 120, "the backoff is longer");
    }

    #[test]
    fn what_the_budget_puts_off_comes_back_with_it_spread_over_two_minutes() {
        let delay = |seconds, receives, share| {
            Cause::BudgetSpent {
                after: Duration::from_secs(seconds),
            }
            .delay(receives, share)
            .as_secs()
        };
        assert_eq!(
            [delay(3, 1, 0.0), delay(42, 1, 0.0), delay(42, 9, 0.0)],
            [15, 42, 42],
            "not before there are calls"
        );
        assert_eq!(
            [delay(42, 1, 0.999), delay(42, 2, 0.999)],
            [42 + 14, 42 + 29],
            "few come back soon"
        );
        assert_eq!(
            [delay(42, 9, 0.5), delay(42, 99, 0.999)],
            [42 + 60, 42 + 119],
            "a backlog not all at once"
        );
        assert_eq!(delay(42, 100, 0.0), HIGHEST_BASE.as_secs());
    }

    #[test]
    fn what_the_budget_puts_off_is_received_less_than_a_thousand_times_in_a_week() {
        let soonest = |receives| {
            Cause::BudgetSpent {
                after: Duration::ZERO,
            }
            .delay(receives, 0.0)
        };
        let waits: Duration = (1..1_000).map(soonest).sum();
        assert!(
            waits > Duration::from_hours(7 * 24),
            "{waits:?}: the queue's maxReceiveCount would end its tries"
        );
    }

    #[test]
    fn a_refused_org_is_asked_again_after_five_minutes() {
        for receives in [1, 9, 500] {
            let delay = Cause::Refused.delay(receives, 0.999);
            assert!((REFUSED..=REFUSED + FIRST).contains(&delay), "{delay:?}");
        }
    }

    #[test]
    fn the_waits_before_parking_add_up_to_far_more_than_15_minutes() {
        let waits: Duration = (1..=8)
            .map(|receives| Cause::Unavailable.delay(receives, 0.0))
            .sum();
        assert!(waits > Duration::from_mins(38), "{waits:?}");
    }

    #[test]
    fn waits_between_tries_have_full_jitter() {
        assert_eq!(between_tries(1, 0.0), Duration::ZERO);
        assert_eq!(between_tries(1, 0.5), Duration::from_millis(125));
        assert_eq!(between_tries(2, 0.5), Duration::from_millis(250));
    }
}
