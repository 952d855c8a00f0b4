//! What a budget is asked, what it answers, and what it is told.

use std::time::Duration;

use jiff::Timestamp;

/// Whose calls they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// Apply: the whole budget, by all copies together.
    Whole,
    /// Reconcile: a fifth of it.
    Fifth,
}

/// What is wanted now.
#[derive(Clone, Copy, Debug)]
pub struct Demand {
    /// Contacts to begin that are to be made not callable.
    pub opt_outs: u64,
    /// Other contacts to begin.
    pub others: u64,
    /// Whether they are of a batch that brings many: its opt-outs leave some calls to those that come
    /// alone.
    pub is_wide: bool,
    /// Calls that were promised to what is begun already, those under way among them.
    pub promised: u64,
    /// Calls that opt-outs take beside those of their contacts, all together.
    pub beside: u64,
    /// The longest wait for a new window that is waited for in place.
    pub patience: Duration,
    /// Chance, from 0 up to 1, drawn once an invocation: for calls that are too few for every copy.
    pub luck: f64,
}

/// What may be begun of what was wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// So many of the opt-outs.
    pub opt_outs: u64,
    /// So many of the others.
    pub others: u64,
    /// Why not more.
    pub more: More,
    /// When more of the opt-outs may be begun, where that is not all: no later than the others.
    pub opt_outs_at: Option<Timestamp>,
}

/// When more may be begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    /// All that was wanted may be begun.
    NotWanted,
    /// Once what was begun is answered: nothing is known of the budget yet.
    AfterAnswer,
    /// At this time, with the next window.
    At(Timestamp),
}

/// Whether a call may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Now.
    Go,
    /// Once a call that is under way is over.
    AfterAnswer,
    /// Not before this time.
    At(Timestamp),
}

/// What an answer tells of the budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// `inin-ratelimit-allowed` and `inin-ratelimit-count`: calls in a window, and those that were
    /// made.
    pub count: Option<(u64, u64)>,
    /// `inin-ratelimit-reset`: until the window ends.
    pub reset: Option<Duration>,
    /// Whether the call was refused (429).
    pub is_refused: bool,
    /// Whether it is the service itself that answered: what stands before it tells nothing.
    pub is_of_service: bool,
}
