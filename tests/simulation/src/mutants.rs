//! Defects on purpose: each must be found, or the simulation proves nothing.
//!
//! Most sit at the seams, where they do what the defect in the product would do; the rest are `apply::Defect`, which only
//! builds with debug assertions have (`--profile simulation`).

use apply::Defect;

macro_rules! mutants {
    ($($name:ident = $text:literal, $what:literal;)*) => {
        /// One defect.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Mutant { $(#[doc = $what] $name,)* }

        impl Mutant {
            /// All of them.
            pub const ALL: &[Mutant] = &[$(Mutant::$name,)*];

            /// For the command line.
            pub fn name(self) -> &'static str {
                match self { $(Mutant::$name => $text,)* }
            }

            /// What is done wrong.
            pub fn what(self) -> &'static str {
                match self { $(Mutant::$name => $what,)* }
            }
        }
    };
}

mutants! {
    NoRank = "no-rank", "ranks are not compared";
    IgnoreCallable = "ignore-callable", "what changes say of callable is ignored";
    ConflictIsSuccess = "conflict-is-success", "a 409 is taken for success";
    FoldOrder = "fold-order", "changes are folded in the wrong order";
    DeduplicateByContent = "deduplicate-by-content", "the deduplication id is of the content, not of the event";
    DropGroupRule = "drop-group-rule", "changes of one contact are in several message groups";
    AcknowledgeTooEarly = "acknowledge-too-early", "202 is said before SQS has every change";
    AnswerAllDone = "answer-all-done", "the batch answer names no failure";
    IgnoreFollowers = "ignore-followers", "the batch answer names the first failure of a group alone";
    RetryWrites = "retry-writes", "a write without an answer is sent again without a read";
    CallableOnCreate = "callable-on-create", "a create says callable where the change said nothing";
    ParkEarly = "park-early", "changes are parked after a minute";
    NoHorizon = "no-horizon", "changes that fail by themselves are never parked";
    ShareToken = "share-token", "all orgs use the first token";
    IgnoreRateHeaders = "ignore-rate-headers", "what the service says of the call budget is ignored";
    ReconcileBlindly = "reconcile-blindly", "reconcile takes every contact for missing";
    LogContent = "log-content", "a log line holds a change";
}

impl Mutant {
    /// The name of the command line.
    pub fn of(name: &str) -> Option<Mutant> {
        Mutant::ALL.iter().copied().find(|mutant| mutant.name() == name)
    }

    pub(crate) fn defect(self) -> Option<Defect> {
        match self {
            Mutant::NoRank => Some(Defect::Rank),
            Mutant::IgnoreCallable => Some(Defect::Callable),
            Mutant::ConflictIsSuccess => Some(Defect::Conflict),
            Mutant::FoldOrder => Some(Defect::FoldOrder),
            _ => None,
        }
    }
}
