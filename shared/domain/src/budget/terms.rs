//! The questions to a budget, and its answers.

use std::time::Duration;

use jiff::Timestamp;

/// The part of a client's budget that a function may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BudgetPart {
    /// The whole budget, shared by all copies of apply.
    Whole,
    /// A fifth of the budget, for reconcile.
    Fifth,
}

/// The contacts that are to begin.
#[derive(Clone, Copy, Debug)]
pub struct Demand {
    /// The number of contacts that opt out.
    pub opt_outs: u64,
    /// The number of other contacts.
    pub others: u64,
    /// How many of the others are of campaigns whose creates are held
    /// ([`crate::health::CreateHealth`]). They begin last, and leave part of the calls.
    pub held: u64,
    /// Whether the batch is wide: its opt-outs leave some calls to opt-outs that come alone.
    pub is_wide: bool,
    /// The calls promised to contacts that have begun, including those under way.
    pub promised: u64,
    /// The calls that all opt-outs together take beside those of their contacts.
    pub beside: u64,
    /// The longest wait for a new window within the invocation.
    pub patience: Duration,
    /// A random number from 0 up to 1, drawn once an invocation. It decides which copy gets calls
    /// that are too few for all.
    pub draw: f64,
}

/// The contacts that may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// How many opt-outs may begin.
    pub opt_outs: u64,
    /// How many other contacts may begin.
    pub others: u64,
    /// When more contacts may begin.
    pub more: More,
    /// When more opt-outs may begin, unless all may begin now. It is no later than for other
    /// contacts.
    pub opt_outs_at: Option<Timestamp>,
}

/// When more contacts may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    /// Everything that was wanted may begin now.
    NotWanted,
    /// Once a call that has begun is answered: nothing is known about the budget yet.
    AfterAnswer,
    /// At this time, in the next window.
    At(Timestamp),
}

/// Whether a call may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may go now.
    Go,
    /// After a call that is under way.
    AfterAnswer,
    /// At this time at the earliest.
    At(Timestamp),
}

/// The rate limit, as an answer states it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLimit {
    /// `inin-ratelimit-allowed` and `inin-ratelimit-count`: the calls of a window, and how many
    /// were made.
    pub count: Option<(u64, u64)>,
    /// `inin-ratelimit-reset`: the time until the window ends.
    pub reset: Option<Duration>,
    /// Whether the call was refused (429).
    pub is_refused: bool,
    /// Whether the service itself answered. A proxy in front of it says nothing about the budget.
    pub is_of_service: bool,
}
