//! The call budget of one OAuth client, shared by every running copy (DESIGN.md "Call budget").
//!
//! The service tells the shared count with each answer. While much is left a copy calls side by side; when no more is
//! left than the siblings may be spending at this moment, and whenever what it knows is old, it has one call under way
//! at a time. So a copy meets at most one refusal in a window, and no part of the budget has to be given up.
//!
//! Reconcile keeps to a fifth of the budget, and to none of the last fifth of a window: what apply needs goes first. And a
//! tenth is kept for opt-outs, so that none waits behind a backlog: less of it where a count is told near the window's end,
//! since who comes then waits less.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::retry::{LONGEST, UNNAMED};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use tokio::sync::Notify;

use super::failure::Failure;
use super::run::Run;
use crate::{Chance, Clock};

/// Calls that a contact needs, one to read it and one to write it: of each contact, or of all of a list's together.
pub const CALLS_OF_A_CHANGE: u64 = 2;
/// Calls that a sibling may have under way: a batch has at most ten messages.
const OF_A_SIBLING: u64 = 10;
/// How long the count that was told stands for the present. Others spend too: siblings, reconcile, a call of which only
/// the answer was lost.
const FRESH: Duration = Duration::from_millis(250);
/// The service's window where it says no other.
const WINDOW: Duration = Duration::from_secs(60);

/// The part of the budget that reconcile may use, and the part of each window that it leaves to apply.
const FIFTH: u64 = 5;

/// The part of a minute's calls that is kept for opt-outs: where the service tells its count, at the minute's beginning.
const TENTH: u64 = 10;

/// Whose calls are limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// Apply: the whole budget, by all copies together.
    Whole,
    /// Reconcile.
    Fifth,
}

/// However small its share, a copy gets somewhere in a minute: two calls to find a list, a read, a write of folded changes
/// that is refused, the first of them alone, and two tries to write of it at least that nobody may call.
const LEAST_SHARE: u64 = 8;

/// How many calls a copy can count on. Who begins what it cannot end spends calls for nothing: a contact that was read and
/// cannot be written is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallsLeft {
    /// The next answer tells.
    Unknown,
    /// More are to come before long.
    Enough,
    /// So many beside those that are promised, and more after this wait.
    Few {
        /// Of this copy, for opt-outs.
        calls: u64,
        /// Those of them that other changes may take.
        ordinary: u64,
        /// Until the budget is whole again, or nearly.
        more_after: Duration,
    },
}

/// What one copy knows of the budget.
pub(super) struct Limit {
    siblings: u64,
    share: Share,
    state: Mutex<State>,
    answered: Notify,
}

#[derive(Default)]
struct State {
    under_way: u64,
    /// Calls that wait for their turn or are still to be asked for.
    promised: u64,
    known: Known,
    refused_until: Option<Timestamp>,
    /// After a refusal that told no count: there is less than was thought, and until then one call at a time finds out.
    alone_until: Option<Timestamp>,
    /// Own calls by second, of the last minute.
    own: VecDeque<(i64, u64)>,
}

#[derive(Clone, Copy, Default)]
enum Known {
    #[default]
    Nothing,
    /// The service does not count for us: each copy keeps to its share.
    NoHeaders,
    Told(Window),
}

#[derive(Clone, Copy)]
struct Window {
    allowed: u64,
    count: u64,
    told_at: Timestamp,
    resets_at: Timestamp,
}

impl Window {
    /// What is kept for opt-outs: a tenth of the calls, or of a later count what that part of a minute is worth which was
    /// left when it was told, since with an older count nobody knows what siblings took of it since. Where a tenth is
    /// enough for one opt-out, so is what is kept.
    fn kept(&self) -> u64 {
        let to_end = Duration::try_from(self.resets_at.duration_since(self.told_at)).unwrap_or_default();
        let part = to_end.min(WINDOW).as_secs_f64() / WINDOW.as_secs_f64();
        let kept = (self.allowed as f64 * part / TENTH as f64).ceil() as u64;
        kept.max(CALLS_OF_A_CHANGE.min(self.allowed / TENTH))
    }
}

/// Calls of this copy, those that are no opt-out's, and when there are more.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    calls: u64,
    ordinary: u64,
    more_at: Timestamp,
}

#[derive(Debug, PartialEq, Eq)]
enum Turn {
    Go,
    /// Once a call that is under way was answered.
    AfterAnswer,
    At(Timestamp),
}

impl Limit {
    /// `copies`: of apply.
    pub(super) fn new(copies: u32, share: Share) -> Limit {
        let siblings = match share {
            Share::Whole => u64::from(copies.saturating_sub(1)),
            Share::Fifth => u64::from(copies),
        };
        Limit { siblings, share, state: Mutex::default(), answered: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many calls this copy can count on.
    pub(super) fn left(&self, now: Timestamp, run: &Run, calls_per_minute: u32, chance: &Chance) -> CallsLeft {
        let Some(left) = self.state().left(now, self.siblings, calls_per_minute.into(), || chance.share()) else {
            return CallsLeft::Unknown;
        };
        let more_after = Duration::try_from(left.more_at.duration_since(now)).unwrap_or_default();
        if run.may_wait(now, more_after) {
            return CallsLeft::Enough;
        }
        CallsLeft::Few { calls: left.calls, ordinary: left.ordinary, more_after }
    }

    /// Keeps calls for somebody.
    pub(super) fn promise(&self, calls: u64) -> Promise<'_> {
        self.state().promised += calls;
        Promise { limit: self, calls }
    }

    /// Waits for this call's turn. `calls_per_minute`: the client's budget, for where the service tells none.
    ///
    /// # Errors
    /// [`Kind::Throttled`](super::Kind::Throttled) where the wait is too long for this run.
    pub(super) async fn admit(&self, clock: &Clock, run: &Run, calls_per_minute: u32) -> Result<Permit<'_>, Failure> {
        let mut waits = None;
        loop {
            let answered = self.answered.notified();
            let now = clock.now();
            let turn = self.state().take_turn(now, self.share, self.siblings, calls_per_minute.into());
            if turn == Turn::Go {
                return Ok(Permit { limit: self });
            }
            waits.get_or_insert_with(|| self.promise(1));
            match turn {
                Turn::Go => {}
                Turn::AfterAnswer => answered.await,
                Turn::At(then) => {
                    let wait = Duration::try_from(then.duration_since(now)).unwrap_or_default();
                    if !run.may_wait(now, wait) {
                        return Err(Failure::budget_spent(wait));
                    }
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }
}

/// Calls that nobody else who shares the budget is to count on; dropped when they are asked for, or not needed after all.
pub struct Promise<'a> {
    limit: &'a Limit,
    calls: u64,
}

impl Promise<'_> {
    /// So many more.
    pub fn add(&mut self, calls: u64) {
        self.limit.state().promised += calls;
        self.calls += calls;
    }
}

impl Drop for Promise<'_> {
    fn drop(&mut self) {
        self.limit.state().promised -= self.calls;
    }
}

/// The right to make one call; dropped when the call is over.
pub(super) struct Permit<'a> {
    limit: &'a Limit,
}

impl Permit<'_> {
    /// Learns from the answer's headers. After a refusal: how long the service wants no call.
    pub(super) fn learn(&self, now: Timestamp, status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        let seconds = |name: &str| number(name).map(Duration::from_secs);
        let reset = seconds("inin-ratelimit-reset").map(|reset| reset.min(LONGEST));
        let mut state = self.limit.state();
        match (number("inin-ratelimit-allowed"), number("inin-ratelimit-count")) {
            (Some(allowed), Some(count)) => {
                let resets_at = now + reset.unwrap_or(WINDOW);
                state.told(Window { allowed, count, told_at: now, resets_at });
            }
            // How much is left is not known: after the wait one call asks.
            _ if status == StatusCode::TOO_MANY_REQUESTS => {
                state.known = Known::Nothing;
                state.alone_until = Some(now + WINDOW);
            }
            // What stands before the service may have answered in its place.
            _ if !status.is_success() && status != StatusCode::NOT_FOUND => {}
            _ if matches!(state.known, Known::Nothing) => state.known = Known::NoHeaders,
            _ => {}
        }
        if status != StatusCode::TOO_MANY_REQUESTS {
            return None;
        }
        let asked = seconds("retry-after").or(reset);
        let until = now + asked.unwrap_or(UNNAMED).min(LONGEST);
        state.refused_until = state.refused_until.max(Some(until));
        asked
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.limit.state().under_way -= 1;
        self.limit.answered.notify_waiters();
    }
}

impl State {
    fn take_turn(&mut self, now: Timestamp, share: Share, siblings: u64, calls_per_minute: u64) -> Turn {
        let turn = match self.refused_until {
            Some(until) if until > now => Turn::At(until),
            _ => match share {
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
    fn left(&self, now: Timestamp, siblings: u64, calls_per_minute: u64, chance: impl FnOnce() -> f64) -> Option<Left> {
        let (calls, ordinary, more_at) = match self.known {
            Known::Nothing => return None,
            Known::Told(window) if now >= window.resets_at => return None,
            Known::Told(window) => {
                let left = window.allowed.saturating_sub(window.count);
                // The siblings see the same number, or less by what this copy is about to spend.
                let share = |left: u64| left / (siblings + 1);
                let least = |left: u64| share(left).max(left.min(LEAST_SHARE));
                let ordinary = left.saturating_sub(window.kept());
                // All copies' least shares together are more than is left: where an even share is enough to get somewhere,
                // they would be taken from the opt-outs.
                let is_enough = share(window.allowed) >= LEAST_SHARE;
                let ordinary = match share(ordinary) {
                    _ if !is_enough => least(ordinary),
                    // Too little for each copy to begin a change: by chance as many begin one, on average, as there are calls for.
                    little if little < CALLS_OF_A_CHANGE && ordinary >= CALLS_OF_A_CHANGE => {
                        let part = ordinary as f64 / (CALLS_OF_A_CHANGE * (siblings + 1)) as f64;
                        if chance() < part { CALLS_OF_A_CHANGE } else { little }
                    }
                    share => share,
                };
                let mine = self.under_way + self.promised;
                (least(left).saturating_sub(mine), ordinary.saturating_sub(mine), window.resets_at)
            }
            Known::NoHeaders => {
                let share = share(calls_per_minute, siblings);
                let (spent, more_at) = self.recent(now);
                let left = share.saturating_sub(spent + self.promised);
                (left, left.saturating_sub(share / TENTH), more_at)
            }
        };
        Some(match self.refused_until.filter(|until| *until > now) {
            Some(more_at) => Left { calls: 0, ordinary: 0, more_at },
            None => Left { calls, ordinary, more_at },
        })
    }

    fn turn(&self, now: Timestamp, siblings: u64, calls_per_minute: u64) -> Turn {
        let alone = if self.under_way == 0 { Turn::Go } else { Turn::AfterAnswer };
        match self.known {
            Known::Nothing => alone,
            // More than there is for all: what is refused then is one call, not all that are under way.
            Known::NoHeaders if self.under_way > 0 && self.goes_alone(now, calls_per_minute, siblings) => alone,
            Known::NoHeaders => self.turn_within_share(now, share(calls_per_minute, siblings)),
            Known::Told(window) if now >= window.resets_at => alone,
            Known::Told(window) if window.count >= window.allowed => Turn::At(window.resets_at),
            Known::Told(window) => {
                let left = window.allowed.saturating_sub(window.count + self.under_way);
                let is_fresh = now <= window.told_at + FRESH;
                if is_fresh && left > siblings * OF_A_SIBLING { Turn::Go } else { alone }
            }
        }
    }

    fn turn_of_a_fifth(&self, now: Timestamp, siblings: u64, calls_per_minute: u64) -> Turn {
        let (budget, window) = match self.known {
            // The first answer tells.
            Known::Nothing if self.under_way > 0 => return Turn::AfterAnswer,
            Known::Nothing | Known::NoHeaders => (calls_per_minute, None),
            Known::Told(window) => (window.allowed, Some(window).filter(|window| now < window.resets_at)),
        };
        match self.turn_within_share(now, (budget / FIFTH).max(1)) {
            Turn::Go => {}
            wait => return wait,
        }
        match window {
            Some(window) if window.count + self.under_way >= budget - budget / FIFTH => Turn::At(window.resets_at),
            // There is nothing to follow but the share.
            None if matches!(self.known, Known::NoHeaders) && self.alone_until.is_none_or(|until| now >= until) => {
                Turn::Go
            }
            _ => self.turn(now, siblings, calls_per_minute),
        }
    }

    /// Whether one call at a time is all that can be known to be there, where the service tells nothing.
    fn goes_alone(&self, now: Timestamp, calls_per_minute: u64, siblings: u64) -> bool {
        share(calls_per_minute, siblings) == LEAST_SHARE || self.alone_until.is_some_and(|until| now < until)
    }

    /// At most `share` calls in any minute, however the service's own minutes lie.
    fn turn_within_share(&self, now: Timestamp, share: u64) -> Turn {
        let (spent, more_at) = self.recent(now);
        if spent < share { Turn::Go } else { Turn::At(more_at) }
    }

    /// Own calls of the last minute, and when the first of them no longer counts.
    fn recent(&self, now: Timestamp) -> (u64, Timestamp) {
        let oldest = now.as_second() - WINDOW.as_secs().cast_signed();
        let recent = || self.own.iter().filter(|(second, _)| *second >= oldest);
        let first = recent().next().map_or(now.as_second(), |(second, _)| *second);
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
    fn told(&mut self, new: Window) {
        self.known = Known::Told(match self.known {
            Known::Told(old) if new.told_at < old.resets_at => Window {
                count: new.count.max(old.count),
                // Whole seconds, rounded up: the earliest end that was told is the nearest to the truth.
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

#[cfg(test)]
mod tests;
