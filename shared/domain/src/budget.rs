//! The call budget of one OAuth client, as one copy of a function sees it: a state machine without
//! clock or I/O.
//!
//! Genesys Cloud allows a client a number of calls in each window of a minute. Each answer states
//! how many calls all copies have made together, and when the window ends. From that, a copy
//! decides two things:
//!
//! - **Which contacts to begin** ([`Budget::offer`]). A contact takes a read and a write. A copy
//!   that begins a contact and has no call left for its write has wasted the read, so it begins
//!   only what it can finish. What is left of a window is divided among the copies. A tenth of each
//!   window is kept for opt-outs, so that none waits behind a backlog. A batch that brings many
//!   opt-outs leaves part of that tenth for a while, so that a single opt-out does not wait behind
//!   it. A campaign that takes no new contacts leaves a fifth to the others of its org.
//! - **When a call may go** ([`Budget::admit`]). While much is left, calls go side by side. If no
//!   more is left than the other copies may be spending at this moment, or if the count is old, one
//!   call at a time finds out. So a copy meets at most one refusal in a window, and no part of the
//!   budget is given up to avoid more.
//!
//! For example, a window of 300 calls and five copies, each with a batch of ten new contacts:
//!
//! | reported | left | kept for opt-outs | a copy begins | calls go |
//! |---|---|---|---|---|
//! | nothing yet | ? | ? | one contact, and asks again at its answer | alone |
//! | count 100 | 200 | 30 | (200 − 30) / 5 = 34 calls: ten contacts | side by side (200 > 4 × 10) |
//! | count 250 | 50 | 30 | 20 / 5 = 4 calls: two contacts; or five opt-outs | side by side (50 > 40) |
//! | count 268, a second old | 32 | 30 | 2 calls: by chance, one copy of five begins one contact | alone |
//! | count 300 | 0 | 0 | nothing before the window's end | not before it |
//!
//! Genesys Cloud may count the calls of a client, or those of each token (docs/genesys-cloud.md
//! "Rate limit and retries"). A copy has its own token, so it checks whether the count includes
//! calls that it did not make. If there were none in this window and the one before, the copy has
//! the window for itself and divides nothing.
//!
//! If the answers state no count, each copy keeps to an even share of `callsPerMinute` in any
//! minute, of which a tenth is kept for opt-outs. Reconcile uses at most a fifth of the budget, and
//! nothing of the last fifth of a window.
//!
//! `terms` has the questions and answers, `window` the arithmetic of one window, and `own_calls`
//! the calls of the last minute. Whether the service is healthy enough to be called is decided in
//! [`crate::health`].

mod admission;
mod own_calls;
mod terms;
mod window;

pub use terms::{Admission, BudgetPart, Demand, More, Offer, RateLimit};

use std::time::Duration;

use jiff::Timestamp;

use crate::retry::{LONGEST, Throttle};
use own_calls::OwnCalls;
use window::Window;

/// The calls that a contact takes: one to read it and one to write it. By `contactLists` this is
/// for a whole batch.
pub const CALLS_OF_A_CONTACT: u64 = 2;
/// The length of a window, unless the service names another.
const WINDOW: Duration = Duration::from_secs(60);
/// The most calls that a copy has under way for one client. Another copy may be about to spend as
/// many.
pub const SIDE_BY_SIDE: usize = 10;
/// How long a count is considered current. Other copies and reconcile spend too, and so does a call
/// whose answer was lost.
const FRESH: Duration = Duration::from_millis(250);
/// Reconcile may use a fifth of the budget, and nothing of the last fifth of a window.
const FIFTH: u64 = 5;
/// One in this many calls of a window is kept for opt-outs.
const TENTH: u64 = 10;
/// The smallest share of a copy, with which it still gets work done in a minute. It is enough for
/// two calls to find a list, a read, a folded write that is refused, a write of the first change
/// alone, and two tries to write at least its opt-out.
const LEAST_SHARE: u64 = 8;

/// The budget as one copy knows it.
#[derive(Debug)]
pub struct Budget {
    /// The number of other copies of apply.
    siblings: u64,
    share: BudgetPart,
    known: Known,
    /// The refusals of the service, which say how long to make no call.
    pub throttle: Throttle,
    /// After a refusal without a count, less is left than was thought. Until this time one call at
    /// a time finds out.
    alone_until: Option<Timestamp>,
    under_way: u64,
    own: OwnCalls,
}

#[derive(Clone, Copy, Debug)]
enum Known {
    Nothing,
    /// The service states no count, so each copy keeps to its share.
    Uncounted,
    Window(Window),
}

/// The calls that this copy may promise, and when it has more.
struct Left {
    for_opt_outs: u64,
    for_others: u64,
    /// The part of `for_others` that is also for campaigns whose creates are held.
    for_held: u64,
    more_at: Timestamp,
    /// The time at which there is more for opt-outs.
    opt_outs_at: Timestamp,
}

impl Budget {
    /// A budget that this many copies of apply share. Nothing is known about it yet.
    pub fn new(copies: u32, share: BudgetPart) -> Budget {
        let siblings = match share {
            BudgetPart::Whole => copies.saturating_sub(1),
            BudgetPart::Fifth => copies,
        };
        Budget {
            siblings: siblings.into(),
            share,
            known: Known::Nothing,
            throttle: Throttle::default(),
            alone_until: None,
            under_way: 0,
            own: OwnCalls::default(),
        }
    }

    /// Decides which of the wanted contacts may be begun. `calls_per_minute` is the client's budget
    /// if the service does not tell it.
    pub fn offer(&self, now: Timestamp, calls_per_minute: u32, demand: &Demand) -> Offer {
        let wanted = Offer {
            opt_outs: demand.opt_outs,
            others: demand.others,
            more: More::NotWanted,
            opt_outs_at: None,
        };
        if demand.opt_outs + demand.others == 0 {
            return wanted;
        }
        let Some(left) = self.left(now, calls_per_minute.into(), demand) else {
            // One contact is enough to learn the count. A contact begun earlier serves as well.
            let one = u64::from(demand.promised == 0);
            let opt_outs = one.min(demand.opt_outs);
            return Offer {
                opt_outs,
                others: (one - opt_outs).min(demand.others),
                more: More::AfterAnswer,
                opt_outs_at: None,
            };
        };
        let wait = Duration::try_from(left.more_at.duration_since(now)).unwrap_or_default();
        if wait <= demand.patience {
            return wanted;
        }
        let opt_outs = demand.opt_outs.min(left.for_opt_outs / CALLS_OF_A_CONTACT);
        let taken = opt_outs * CALLS_OF_A_CONTACT;
        let of = |calls: u64, taken: u64| calls.saturating_sub(taken) / CALLS_OF_A_CONTACT;
        let free = demand.others.saturating_sub(demand.held);
        let free = free.min(of(left.for_others, taken));
        let taken = taken + free * CALLS_OF_A_CONTACT;
        let others = free + demand.held.min(of(left.for_held, taken));
        let is_all = opt_outs == demand.opt_outs && others == demand.others;
        Offer {
            opt_outs,
            others,
            more: if is_all {
                More::NotWanted
            } else {
                More::At(left.more_at)
            },
            opt_outs_at: (opt_outs < demand.opt_outs).then_some(left.opt_outs_at),
        }
    }

    /// The calls that this copy may promise now. `None` means that nothing current is known.
    fn left(&self, now: Timestamp, calls_per_minute: u64, demand: &Demand) -> Option<Left> {
        let (mut for_opt_outs, mut for_others, fifth, mut more_at) = match self.known {
            Known::Nothing => return None,
            Known::Window(window) if now >= window.ends_at => return None,
            Known::Window(window) => {
                let wide_at = demand.is_wide.then_some(now);
                let (all, others) = window.shares(self.siblings, demand.draw, wide_at);
                let promised = demand.promised + demand.beside;
                let left = |calls: u64| calls.saturating_sub(promised);
                let fifth = window.allowed_each(self.siblings) / FIFTH;
                (left(all), left(others), fifth, window.ends_at)
            }
            Known::Uncounted => {
                let share = self.uncounted_share(calls_per_minute);
                // After a wait of `patience`, calls that are more than a minute old are free again.
                // No others are, since there is no window that begins anew.
                let (spent, more_at) = self.own.in_last_minute(now + demand.patience);
                // Calls under way are counted as spent already.
                let promised = demand.promised.saturating_sub(self.under_way) + demand.beside;
                let left = share.saturating_sub(spent + promised);
                let for_others = left.saturating_sub(share / TENTH);
                (left, for_others, share / FIFTH, more_at)
            }
        };
        let mut opt_outs_at = match self.known {
            Known::Window(window) if demand.is_wide => window.releases_at(self.siblings, now),
            _ => more_at,
        };
        if let Some(until) = self.throttle.until(now) {
            (for_opt_outs, for_others) = (0, 0);
            (more_at, opt_outs_at) = (until, until);
        }
        Some(Left {
            for_opt_outs,
            for_others,
            for_held: for_others.saturating_sub(fifth.max(CALLS_OF_A_CONTACT)),
            more_at,
            opt_outs_at,
        })
    }

    /// The share of a copy if the service reports no count. Reconcile's part is taken off first.
    fn uncounted_share(&self, calls_per_minute: u64) -> u64 {
        let for_apply = calls_per_minute - calls_per_minute / FIFTH;
        (for_apply / (self.siblings + 1)).max(LEAST_SHARE)
    }

    /// Records the answer to a call.
    pub fn answered(&mut self, now: Timestamp, told: &RateLimit) {
        match told.count {
            Some((allowed, count)) => {
                let rest = told.reset.map_or(WINDOW, |reset| reset.min(LONGEST));
                self.told(now, allowed, count, now + rest);
            }
            // The count is unknown. After the wait one call asks.
            None if told.is_refused => {
                self.known = Known::Nothing;
                self.alone_until = Some(now + WINDOW);
            }
            None if !told.is_of_service => {}
            // The service stated a count before, and states none for the current window.
            None if self.is_window_known(now) => {}
            None => self.known = Known::Uncounted,
        }
    }

    fn is_window_known(&self, now: Timestamp) -> bool {
        matches!(self.known, Known::Window(window) if now < window.ends_at)
    }

    fn told(&mut self, now: Timestamp, allowed: u64, count: u64, ends_at: Timestamp) {
        let new = Window {
            allowed,
            count,
            own: self.under_way,
            is_shared: count > self.under_way,
            was_shared: true,
            told_at: now,
            ends_at,
        };
        self.known = Known::Window(match self.known {
            Known::Window(old) if now < old.ends_at => Window {
                // Answers overtake each other, so the highest count is the newest.
                count: count.max(old.count),
                own: old.own,
                is_shared: old.is_shared || count > old.own,
                was_shared: old.was_shared,
                // Times are rounded up to seconds, so the earliest end is the most accurate.
                ends_at: ends_at.min(old.ends_at),
                ..new
            },
            Known::Window(old) => Window {
                was_shared: old.is_shared || now >= old.ends_at + WINDOW,
                ..new
            },
            _ => new,
        });
    }

    /// Records that a call is no longer under way, whether it was answered or not.
    pub fn record_call_ended(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests;
