//! The call budget of one OAuth client, as one of its copies sees it: without clock or I/O.
//!
//! Genesys Cloud lets a client make so many calls in a window of a minute, and tells with each
//! answer how many were made, by whomever, and when the window ends. A copy decides two things by
//! that:
//!
//! - **Which contacts to begin** ([`Budget::offer`]). A contact takes a read and a write. Whoever
//!   begins one and finds no call left for its write has spent a call for nothing, so only what can
//!   be ended is begun. What is left is divided among the copies that spend it, and a tenth of each
//!   window is for opt-outs alone, so that none waits behind a backlog. Batches
//!   that bring many leave a part of that for a while, so that none waits behind many other opt-outs.
//! - **When a call may go** ([`Budget::turn`]). While much is left calls go side by side. When no
//!   more is left than the other copies may be spending at this moment, and whenever the count is
//!   old, one call at a time finds out. So a copy meets at most one refusal in a window, and no
//!   part of a budget has to be given up to avoid more.
//!
//! A window of 300 calls and five copies, each with a batch of ten new contacts waiting:
//!
//! | told | left | kept for opt-outs | a copy begins | calls go |
//! |---|---|---|---|---|
//! | nothing yet | ? | ? | one contact, and asks again at its answer | alone |
//! | count 100 | 200 | 30 | (200 − 30) / 5 = 34 calls: ten contacts | side by side (200 > 4 × 10) |
//! | count 250 | 50 | 30 | (50 − 30) / 5 = 4 calls: two contacts; opt-outs four | side by side (50 > 40) |
//! | count 268, a second old | 32 | 30 | two calls are too few for five: one copy of five, by chance, begins one contact | alone |
//! | count 300 | 0 | 0 | nothing before the window's end | not before it |
//!
//! Genesys Cloud may count a client's calls, or those of each token alone (docs/genesys-cloud.md
//! "Rate limit and retries"). A copy has a token of its own, so it looks whether the count holds
//! calls that it did not make: where there were none in this window and the one before, what is left
//! is its own and is not divided.
//!
//! Where the answers tell nothing, each copy keeps to an even share of `callsPerMinute` in any
//! minute. Reconcile keeps to a fifth of the budget, and to none of the last fifth of a window.

mod own_calls;
mod terms;
mod window;

pub use terms::{Demand, More, Offer, Share, Told, Turn};

use std::time::Duration;

use jiff::Timestamp;

use crate::retry::{LONGEST, Throttle};
use own_calls::OwnCalls;
use window::Window;

/// Calls that a contact takes, one to read it and one to write it: each contact, or all of a list's
/// batch together.
pub const CALLS_OF_A_CONTACT: u64 = 2;
/// The service's window where it says no other.
const WINDOW: Duration = Duration::from_secs(60);
/// Calls that a copy has under way at most, for one client; so many may another copy be about to
/// spend.
pub const SIDE_BY_SIDE: usize = 10;
/// How long a count stands for the present. Others spend too: other copies, reconcile, a call of
/// which only the answer was lost.
const FRESH: Duration = Duration::from_millis(250);
/// The part of the budget that reconcile may use, and the part of each window that it leaves alone.
const FIFTH: u64 = 5;
/// The part of a window's calls that is kept for opt-outs.
const TENTH: u64 = 10;
/// However small its share, a copy gets somewhere in a minute: two calls to find a list, a read, a
/// write of folded changes that is refused, the first of them alone, and two tries to write of it
/// at least that nobody may call.
const LEAST_SHARE: u64 = 8;

/// What one copy knows of the budget.
#[derive(Debug)]
pub struct Budget {
    /// Copies of apply beside this one.
    siblings: u64,
    share: Share,
    known: Known,
    /// Until when the service wants no call.
    pub throttle: Throttle,
    /// After a refusal that told no count: there is less than was thought, and until then one call
    /// at a time finds out.
    alone_until: Option<Timestamp>,
    under_way: u64,
    own: OwnCalls,
}

#[derive(Clone, Copy, Debug)]
enum Known {
    Nothing,
    /// The service does not count for us: each copy keeps to its share.
    Uncounted,
    Window(Window),
}

/// Calls that this copy may promise, and when there are more.
struct Left {
    for_opt_outs: u64,
    for_others: u64,
    more_at: Timestamp,
    /// For opt-outs.
    opt_outs_at: Timestamp,
}

impl Budget {
    /// Of a client that so many copies of apply use. Nothing is known of it.
    pub fn new(copies: u32, share: Share) -> Budget {
        let siblings = match share {
            Share::Whole => copies.saturating_sub(1),
            Share::Fifth => copies,
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

    /// Which of the wanted contacts may be begun. `calls_per_minute`: of the client, where the
    /// service does not tell it.
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
            // One call asks for all; what was begun before will tell as well.
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
        let for_others = left.for_others.saturating_sub(taken);
        let others = demand.others.min(for_others / CALLS_OF_A_CONTACT);
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

    /// None: nothing is known that stands for now.
    fn left(&self, now: Timestamp, calls_per_minute: u64, demand: &Demand) -> Option<Left> {
        let (mut for_opt_outs, mut for_others, mut more_at) = match self.known {
            Known::Nothing => return None,
            Known::Window(window) if now >= window.ends_at => return None,
            Known::Window(window) => {
                let wide_at = demand.is_wide.then_some(now);
                let (all, others) = window.shares(self.siblings, demand.luck, wide_at);
                let promised = demand.promised + demand.beside;
                let left = |calls: u64| calls.saturating_sub(promised);
                (left(all), left(others), window.ends_at)
            }
            Known::Uncounted => {
                let share = self.uncounted_share(calls_per_minute);
                let (spent, more_at) = self.own.in_last_minute(now);
                // What is under way is counted as spent already.
                let promised = demand.promised.saturating_sub(self.under_way) + demand.beside;
                let left = share.saturating_sub(spent + promised);
                (left, left.saturating_sub(share / TENTH), more_at)
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
            more_at,
            opt_outs_at,
        })
    }

    /// Whether a call may go now; one that may is under way from now on, until
    /// [`Budget::is_over`].
    pub fn turn(&mut self, now: Timestamp, calls_per_minute: u32) -> Turn {
        let calls_per_minute = calls_per_minute.into();
        let turn = match self.throttle.until(now) {
            Some(until) => Turn::At(until),
            None => match self.share {
                Share::Whole => self.turn_of_apply(now, calls_per_minute),
                Share::Fifth => self.turn_of_reconcile(now, calls_per_minute),
            },
        };
        if turn == Turn::Go {
            self.under_way += 1;
            self.own.count(now);
            if let Known::Window(window) = &mut self.known {
                window.own += 1;
            }
        }
        turn
    }

    fn alone(&self) -> Turn {
        if self.under_way == 0 {
            Turn::Go
        } else {
            Turn::AfterAnswer
        }
    }

    fn turn_of_apply(&self, now: Timestamp, calls_per_minute: u64) -> Turn {
        match self.known {
            Known::Nothing => self.alone(),
            Known::Uncounted => {
                let share = self.uncounted_share(calls_per_minute);
                let is_alone = self.alone_until.is_some_and(|until| now < until);
                // A share below the least one is more than there is for all copies: what is refused
                // then is one call, not all that are under way.
                if self.under_way > 0 && (share == LEAST_SHARE || is_alone) {
                    return Turn::AfterAnswer;
                }
                self.turn_within(now, share)
            }
            Known::Window(window) if now >= window.ends_at => self.alone(),
            Known::Window(window) if window.left() == 0 => Turn::At(window.ends_at),
            Known::Window(window) => {
                let left = window.left().saturating_sub(self.under_way);
                let is_fresh = now <= window.told_at + FRESH;
                if is_fresh && left > self.siblings * SIDE_BY_SIDE as u64 {
                    Turn::Go
                } else {
                    self.alone()
                }
            }
        }
    }

    fn turn_of_reconcile(&self, now: Timestamp, calls_per_minute: u64) -> Turn {
        let window = match self.known {
            Known::Nothing if self.under_way > 0 => return Turn::AfterAnswer,
            Known::Window(window) => Some(window),
            _ => None,
        };
        let budget = window.map_or(calls_per_minute, |window| window.allowed);
        let within = self.turn_within(now, (budget / FIFTH).max(1));
        if within != Turn::Go {
            return within;
        }
        match window.filter(|window| now < window.ends_at) {
            Some(window) if window.count + self.under_way >= budget - budget / FIFTH => {
                Turn::At(window.ends_at)
            }
            // There is nothing to follow but the share.
            None if matches!(self.known, Known::Uncounted)
                && self.alone_until.is_none_or(|until| now >= until) =>
            {
                Turn::Go
            }
            _ => self.turn_of_apply(now, calls_per_minute),
        }
    }

    /// At most `share` calls in any minute, however the service's own minutes lie.
    fn turn_within(&self, now: Timestamp, share: u64) -> Turn {
        let (spent, more_at) = self.own.in_last_minute(now);
        if spent < share {
            Turn::Go
        } else {
            Turn::At(more_at)
        }
    }

    /// A copy's share of a minute where the service tells nothing: of what reconcile leaves.
    fn uncounted_share(&self, calls_per_minute: u64) -> u64 {
        let for_apply = calls_per_minute - calls_per_minute / FIFTH;
        (for_apply / (self.siblings + 1)).max(LEAST_SHARE)
    }

    /// A call was answered.
    pub fn answered(&mut self, now: Timestamp, told: &Told) {
        match told.count {
            Some((allowed, count)) => {
                let rest = told.reset.map_or(WINDOW, |reset| reset.min(LONGEST));
                self.told(now, allowed, count, now + rest);
            }
            // How much is left is not known: after the wait one call asks.
            None if told.is_refused => {
                self.known = Known::Nothing;
                self.alone_until = Some(now + WINDOW);
            }
            None if !told.is_of_service => {}
            // It told something once, and tells nothing of the window that is now.
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
                // Answers overtake each other: the highest count is the newest.
                count: count.max(old.count),
                own: old.own,
                is_shared: old.is_shared || count > old.own,
                was_shared: old.was_shared,
                // Whole seconds, rounded up: the earliest end that was told is nearest to the truth.
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

    /// A call is no longer under way, answered or not.
    pub fn is_over(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests;
