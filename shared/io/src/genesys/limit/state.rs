//! What one copy knows of the budget, and what follows from it: whose turn it is, and how many
//! calls are left.

use std::collections::VecDeque;
use std::time::Duration;

use domain::retry::Throttle;
use jiff::Timestamp;

use super::{CALLS_OF_A_CHANGE, Share, WINDOW};

/// Calls that a sibling may have under way: a batch has at most ten messages.
const OF_A_SIBLING: u64 = 10;
/// How long the count that was told stands for the present. Others spend too: siblings, reconcile,
/// a call of which only the answer was lost.
const FRESH: Duration = Duration::from_millis(250);

/// The part of the budget that reconcile may use, and the part of each window that it leaves to
/// apply.
const FIFTH: u64 = 5;

/// The part of a minute's calls that is kept for opt-outs: where the service tells its count, at
/// the minute's beginning.
const TENTH: u64 = 10;

/// However small its share, a copy gets somewhere in a minute: two calls to find a list, a read, a
/// write of folded changes that is refused, the first of them alone, and two tries to write of it
/// at least that nobody may call.
const LEAST_SHARE: u64 = 8;

#[derive(Default)]
pub(super) struct State {
    pub(super) under_way: u64,
    /// Calls that are asked for, those under way among them, and those that are to be.
    pub(super) reserved: u64,
    pub(super) known: Known,
    pub(super) throttle: Throttle,
    /// After a refusal that told no count: there is less than was thought, and until then one call
    /// at a time finds out.
    pub(super) alone_until: Option<Timestamp>,
    /// Own calls by second, of the last minute.
    own: VecDeque<(i64, u64)>,
}

#[derive(Clone, Copy, Default)]
pub(super) enum Known {
    #[default]
    Nothing,
    /// The service does not count for us: each copy keeps to its share.
    NoHeaders,
    Told(Window),
}

#[derive(Clone, Copy)]
pub(super) struct Window {
    pub(super) allowed: u64,
    pub(super) count: u64,
    pub(super) told_at: Timestamp,
    pub(super) resets_at: Timestamp,
}

impl Window {
    /// What is kept for opt-outs: a tenth of the calls, or of a later count what that part of a
    /// minute is worth which was left when it was told, since with an older count nobody knows what
    /// siblings took of it since. Where a tenth is enough for one opt-out, so is what is kept.
    fn kept(&self) -> u64 {
        let to_end =
            Duration::try_from(self.resets_at.duration_since(self.told_at)).unwrap_or_default();
        let part = to_end.min(WINDOW).as_secs_f64() / WINDOW.as_secs_f64();
        let kept = (self.allowed as f64 * part / TENTH as f64).ceil() as u64;
        kept.max(CALLS_OF_A_CHANGE.min(self.allowed / TENTH))
    }
}

/// Calls of this copy, those that are no opt-out's, and when there are more.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) calls: u64,
    pub(super) ordinary: u64,
    pub(super) more_at: Timestamp,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Go,
    /// Once a call that is under way was answered.
    AfterAnswer,
    At(Timestamp),
}

impl State {
    pub(super) fn take_turn(
        &mut self,
        now: Timestamp,
        share: Share,
        siblings: u64,
        calls_per_minute: u64,
    ) -> Turn {
        let turn = match self.throttle.until(now) {
            Some(until) => Turn::At(until),
            None => match share {
                Share::Whole => self.turn(now, siblings, calls_per_minute),
                Share::Fifth => self.turn_of_a_fifth(now, siblings, calls_per_minute),
            },
        };
        if turn == Turn::Go {
            self.under_way += 1;
            self.count_own(now);
        }
        turn
    }

    /// None: the next answer tells.
    pub(super) fn left(
        &self,
        now: Timestamp,
        siblings: u64,
        calls_per_minute: u64,
        luck: f64,
    ) -> Option<Left> {
        let (calls, ordinary, more_at) = match self.known {
            Known::Nothing => return None,
            Known::Told(window) if now >= window.resets_at => return None,
            Known::Told(window) => {
                let left = window.allowed.saturating_sub(window.count);
                // The siblings see the same number. What this copy reserved they do not: it is of
                // its own share.
                let share = |left: u64| left / (siblings + 1);
                let least = |left: u64| share(left).max(left.min(LEAST_SHARE));
                let ordinary = left.saturating_sub(window.kept());
                // All copies' least shares together are more than is left: where an even share is
                // enough to get somewhere, they would be taken from the opt-outs.
                let is_enough = share(window.allowed) >= LEAST_SHARE;
                let ordinary = match share(ordinary) {
                    _ if !is_enough => least(ordinary),
                    // Too little for each copy to begin a change: by chance as many begin one, on
                    // average, as there are calls for.
                    little if little < CALLS_OF_A_CHANGE && ordinary >= CALLS_OF_A_CHANGE => {
                        let part = ordinary as f64 / (CALLS_OF_A_CHANGE * (siblings + 1)) as f64;
                        if luck < part {
                            CALLS_OF_A_CHANGE
                        } else {
                            little
                        }
                    }
                    share => share,
                };
                let reserved = self.reserved;
                (
                    least(left).saturating_sub(reserved),
                    ordinary.saturating_sub(reserved),
                    window.resets_at,
                )
            }
            Known::NoHeaders => {
                let share = share(calls_per_minute, siblings);
                let (spent, more_at) = self.recent(now);
                // What is under way is spent by now.
                let reserved = self.reserved.saturating_sub(self.under_way);
                let left = share.saturating_sub(spent + reserved);
                (left, left.saturating_sub(share / TENTH), more_at)
            }
        };
        Some(match self.throttle.until(now) {
            Some(more_at) => Left {
                calls: 0,
                ordinary: 0,
                more_at,
            },
            None => Left {
                calls,
                ordinary,
                more_at,
            },
        })
    }

    fn turn(&self, now: Timestamp, siblings: u64, calls_per_minute: u64) -> Turn {
        let alone = if self.under_way == 0 {
            Turn::Go
        } else {
            Turn::AfterAnswer
        };
        match self.known {
            Known::Nothing => alone,
            // More than there is for all: what is refused then is one call, not all that are under
            // way.
            Known::NoHeaders
                if self.under_way > 0 && self.goes_alone(now, calls_per_minute, siblings) =>
            {
                alone
            }
            Known::NoHeaders => self.turn_within_share(now, share(calls_per_minute, siblings)),
            Known::Told(window) if now >= window.resets_at => alone,
            Known::Told(window) if window.count >= window.allowed => Turn::At(window.resets_at),
            Known::Told(window) => {
                let left = window.allowed.saturating_sub(window.count + self.under_way);
                let is_fresh = now <= window.told_at + FRESH;
                if is_fresh && left > siblings * OF_A_SIBLING {
                    Turn::Go
                } else {
                    alone
                }
            }
        }
    }

    fn turn_of_a_fifth(&self, now: Timestamp, siblings: u64, calls_per_minute: u64) -> Turn {
        let (budget, window) = match self.known {
            // The first answer tells.
            Known::Nothing if self.under_way > 0 => return Turn::AfterAnswer,
            Known::Nothing | Known::NoHeaders => (calls_per_minute, None),
            Known::Told(window) => (
                window.allowed,
                Some(window).filter(|window| now < window.resets_at),
            ),
        };
        match self.turn_within_share(now, (budget / FIFTH).max(1)) {
            Turn::Go => {}
            wait => return wait,
        }
        match window {
            Some(window) if window.count + self.under_way >= budget - budget / FIFTH => {
                Turn::At(window.resets_at)
            }
            // There is nothing to follow but the share.
            None if matches!(self.known, Known::NoHeaders)
                && self.alone_until.is_none_or(|until| now >= until) =>
            {
                Turn::Go
            }
            _ => self.turn(now, siblings, calls_per_minute),
        }
    }

    /// Whether one call at a time is all that can be known to be there, where the service tells
    /// nothing.
    fn goes_alone(&self, now: Timestamp, calls_per_minute: u64, siblings: u64) -> bool {
        share(calls_per_minute, siblings) == LEAST_SHARE
            || self.alone_until.is_some_and(|until| now < until)
    }

    /// At most `share` calls in any minute, however the service's own minutes lie.
    fn turn_within_share(&self, now: Timestamp, share: u64) -> Turn {
        let (spent, more_at) = self.recent(now);
        if spent < share {
            Turn::Go
        } else {
            Turn::At(more_at)
        }
    }

    /// Own calls of the last minute, and when the first of them no longer counts.
    fn recent(&self, now: Timestamp) -> (u64, Timestamp) {
        let oldest = now.as_second() - WINDOW.as_secs().cast_signed();
        let recent = || self.own.iter().filter(|(second, _)| *second >= oldest);
        let first = recent()
            .next()
            .map_or(now.as_second(), |(second, _)| *second);
        let more_at = Timestamp::from_second(first + 1).map_or(now, |first| first + WINDOW);
        (recent().map(|(_, calls)| calls).sum(), more_at)
    }

    fn count_own(&mut self, now: Timestamp) {
        let second = now.as_second();
        match self.own.back_mut() {
            Some((last, calls)) if *last == second => *calls += 1,
            _ => self.own.push_back((second, 1)),
        }
        self.own.retain(|(old, _)| *old >= second - 61);
    }

    /// Answers overtake each other: within a window the highest count is the newest.
    pub(super) fn told(&mut self, new: Window) {
        self.known = Known::Told(match self.known {
            Known::Told(old) if new.told_at < old.resets_at => Window {
                count: new.count.max(old.count),
                // Whole seconds, rounded up: the earliest end that was told is the nearest to the
                // truth.
                resets_at: new.resets_at.min(old.resets_at),
                ..new
            },
            _ => new,
        });
    }
}

/// Of a copy of apply, where the service tells nothing: of what reconcile leaves.
fn share(calls_per_minute: u64, siblings: u64) -> u64 {
    ((calls_per_minute - calls_per_minute / FIFTH) / (siblings + 1)).max(LEAST_SHARE)
}
