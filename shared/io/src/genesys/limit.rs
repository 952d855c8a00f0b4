//! The call budget of one OAuth client, shared by every running copy (docs/design.md "Call
//! budget").
//!
//! The service tells the shared count with each answer. While much is left a copy calls side by
//! side; when no more is left than the siblings may be spending at this moment, and whenever what
//! it knows is old, it has one call under way at a time. So a copy meets at most one refusal in a
//! window, and no part of the budget has to be given up.
//!
//! Reconcile keeps to a fifth of the budget, and to none of the last fifth of a window: what apply
//! needs goes first. And a tenth is kept for opt-outs, so that none waits behind a backlog: less of
//! it where a count is told near the window's end, since who comes then waits less.

mod state;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::retry::{LONGEST, named_wait};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use tokio::sync::Notify;

use super::failure::Failure;
use super::run::Run;
use crate::{Clock, throttled};
use state::{Known, State, Turn, Window};

/// Calls that a contact needs, one to read it and one to write it: of each contact, or of all of a
/// list's together.
pub const CALLS_OF_A_CHANGE: u64 = 2;
/// The service's window where it says no other.
const WINDOW: Duration = Duration::from_secs(60);

/// Whose calls are limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// Apply: the whole budget, by all copies together.
    Whole,
    /// Reconcile.
    Fifth,
}

/// How many calls a copy can count on. Who begins what it cannot end spends calls for nothing: a
/// contact that was read and cannot be written is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallsLeft {
    /// The next answer tells.
    Unknown,
    /// More are to come before long.
    Enough,
    /// So many beside those that are reserved, and more after this wait.
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

impl Limit {
    /// `copies`: of apply.
    pub(super) fn new(copies: u32, share: Share) -> Limit {
        let siblings = match share {
            Share::Whole => u64::from(copies.saturating_sub(1)),
            Share::Fifth => u64::from(copies),
        };
        Limit {
            siblings,
            share,
            state: Mutex::default(),
            answered: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many calls this copy can count on. `luck`: from 0 to 1, for calls that are too few for
    /// every copy.
    pub(super) fn left(
        &self,
        now: Timestamp,
        run: &Run,
        calls_per_minute: u32,
        luck: f64,
    ) -> CallsLeft {
        let Some(left) = self
            .state()
            .left(now, self.siblings, calls_per_minute.into(), luck)
        else {
            return CallsLeft::Unknown;
        };
        let more_after = Duration::try_from(left.more_at.duration_since(now)).unwrap_or_default();
        if run.may_wait(now, more_after) {
            return CallsLeft::Enough;
        }
        CallsLeft::Few {
            calls: left.calls,
            ordinary: left.ordinary,
            more_after,
        }
    }

    /// Keeps calls for whoever is about to make them, until the answer is dropped.
    pub(super) fn reserve(&self, calls: u64) -> Reservation<'_> {
        self.state().reserved += calls;
        Reservation { limit: self, calls }
    }

    /// Waits for this call's turn. `calls_per_minute`: the client's budget, for where the service
    /// tells none.
    ///
    /// # Errors
    /// [`Kind::Throttled`](super::Kind::Throttled) where the wait is too long for this run.
    pub(super) async fn admit(
        &self,
        clock: &Clock,
        run: &Run,
        calls_per_minute: u32,
    ) -> Result<Permit<'_>, Failure> {
        loop {
            let answered = self.answered.notified();
            let now = clock.now();
            let turn =
                self.state()
                    .take_turn(now, self.share, self.siblings, calls_per_minute.into());
            match turn {
                Turn::Go => return Ok(Permit { limit: self }),
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

/// Calls that nobody else in this copy begins a contact with; dropped when they are over, have
/// reservations of their own, or are not needed after all.
#[must_use = "what is reserved is free again when this is dropped"]
pub struct Reservation<'a> {
    limit: &'a Limit,
    calls: u64,
}

impl Reservation<'_> {
    /// So many more.
    pub fn add(&mut self, calls: u64) {
        self.limit.state().reserved += calls;
        self.calls += calls;
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.limit.state().reserved -= self.calls;
    }
}

/// The right to make one call; dropped when the call is over.
pub(super) struct Permit<'a> {
    limit: &'a Limit,
}

impl Permit<'_> {
    /// Learns from the answer's headers. After a refusal: how long the service wants no call.
    pub(super) fn learn(
        &self,
        now: Timestamp,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Option<Duration> {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        let reset = headers
            .get("inin-ratelimit-reset")
            .and_then(|reset| named_wait(reset.to_str().ok()?, now))
            .map(|reset| reset.min(LONGEST));
        let mut state = self.limit.state();
        match (
            number("inin-ratelimit-allowed"),
            number("inin-ratelimit-count"),
        ) {
            (Some(allowed), Some(count)) => {
                let resets_at = now + reset.unwrap_or(WINDOW);
                state.told(Window {
                    allowed,
                    count,
                    told_at: now,
                    resets_at,
                });
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
        throttled(&mut state.throttle, now, status, headers)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.limit.state().under_way -= 1;
        self.limit.answered.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
