//! Lets each call wait for its turn in the org's budget, as [`domain::budget`] decides. It knows
//! nothing of what a call does: `call` makes it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::budget::{Admission, Budget, Demand, Offer, RateLimit, SIDE_BY_SIDE};
use domain::failure::Failure;
use domain::retry::named_wait;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};

use super::run::Run;
use crate::{Clock, throttled};

/// The budget of one org, as this copy knows it.
pub(super) struct Gate {
    budget: Mutex<Budget>,
    is_over: Notify,
    side_by_side: Semaphore,
}

impl Gate {
    pub(super) fn new(budget: Budget) -> Gate {
        Gate {
            budget: Mutex::new(budget),
            is_over: Notify::new(),
            side_by_side: Semaphore::new(SIDE_BY_SIDE),
        }
    }

    fn budget(&self) -> MutexGuard<'_, Budget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn offer(&self, now: Timestamp, calls_per_minute: u32, demand: &Demand) -> Offer {
        self.budget().offer(now, calls_per_minute, demand)
    }

    /// Waits for the turn of a call.
    ///
    /// # Errors
    /// [`Kind::BudgetSpent`](domain::failure::Kind::BudgetSpent) if the wait is too long for this
    /// run.
    pub(super) async fn admit(
        &self,
        clock: &Clock,
        run: &Run,
        calls_per_minute: u32,
    ) -> Result<UnderWay<'_>, Failure> {
        // The semaphore is never closed, so this is always a permit.
        let permit = self.side_by_side.acquire().await.ok();
        loop {
            let is_over = self.is_over.notified();
            let now = clock.now();
            let turn = self.budget().admit(now, calls_per_minute);
            match turn {
                Admission::Go => return Ok(UnderWay(self, permit)),
                Admission::AfterAnswer => is_over.await,
                Admission::At(then) => {
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

/// A call that is under way until this value is dropped.
pub(super) struct UnderWay<'a>(
    &'a Gate,
    #[expect(dead_code, reason = "it is given back with this")] Option<SemaphorePermit<'a>>,
);

impl UnderWay<'_> {
    /// Records what the headers of the answer say. After a refusal, returns how long to make no
    /// call.
    pub(super) fn answered(
        &self,
        now: Timestamp,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Option<Duration> {
        let mut budget = self.0.budget();
        budget.answered(now, &told(now, status, headers));
        throttled(&mut budget.throttle, now, status, headers)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.budget().record_call_ended();
        self.0.is_over.notify_waiters();
    }
}

/// Reads the headers (docs/genesys-cloud.md "Rate limit and retries").
fn told(now: Timestamp, status: StatusCode, headers: &HeaderMap) -> RateLimit {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let number = |name: &str| text(name)?.trim().parse::<u64>().ok();
    RateLimit {
        count: number("inin-ratelimit-allowed").zip(number("inin-ratelimit-count")),
        reset: text("inin-ratelimit-reset").and_then(|reset| named_wait(reset, now)),
        is_refused: status == StatusCode::TOO_MANY_REQUESTS,
        is_of_service: status.is_success() || status == StatusCode::NOT_FOUND,
    }
}
