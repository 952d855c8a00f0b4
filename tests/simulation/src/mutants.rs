//! Injected defects. Each must be found, or the simulation proves nothing.
//!
//! Most of them sit at the seams, where they do what a defect of the product would do. The others
//! are `apply::Defect` and `ingest::Defect`, which exist only in builds with debug assertions.
//! Those at Genesys Cloud are in `crate::seams::genesys`.

use apply::Defect;

use crate::promise::of_promise;
use crate::{Less, play, story};

macro_rules! mutants {
    ($($name:ident = $text:literal, $what:literal, $promises:expr;)*) => {
        /// One defect.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Mutant { $(#[doc = $what] $name,)* }

        impl Mutant {
            /// All defects.
            pub const ALL: &[Mutant] = &[$(Mutant::$name,)*];

            /// The name on the command line.
            pub fn name(self) -> &'static str {
                match self { $(Mutant::$name => $text,)* }
            }

            /// A sentence that says what the defect does wrong.
            pub fn what(self) -> &'static str {
                match self { $(Mutant::$name => $what,)* }
            }

            /// The beginnings of violations that find this defect: the numbers of promises.
            pub fn promises(self) -> &'static [&'static str] {
                match self { $(Mutant::$name => &$promises,)* }
            }
        }
    };
}

mutants! {
    NoRank = "no-rank", "ranks are not compared", ["2", "3", "4"];
    IgnoreCallable = "ignore-callable", "the value of callable in a change is ignored", ["4"];
    ConflictIsSuccess = "conflict-is-success", "a 409 is taken for success", ["4"];
    FoldOrder = "fold-order", "changes are folded in the wrong order", ["4"];
    DeduplicateByContent = "deduplicate-by-content", "the deduplication id is a digest of the content, not of the event", ["1", "4"];
    DropGroupRule = "drop-group-rule", "changes of one contact are in several message groups", ["2", "4", "5"];
    AcknowledgeTooEarly = "acknowledge-too-early", "202 is answered before SQS has every change", ["1"];
    AnswerAllDone = "answer-all-done", "the batch answer names no failure", ["1", "4"];
    IgnoreFollowers = "ignore-followers", "the batch answer names only the first failure of a group", ["9"];
    RetryWrites = "retry-writes", "a write without an answer is sent again without a read", ["blind"];
    CallableOnCreate = "callable-on-create", "a create sets callable though its change does not", ["3"];
    ParkEarly = "park-early", "changes are parked after a minute", ["horizon"];
    ParkUnshown = "park-unshown", "a change that fails for too long is parked even in an outage", ["11"];
    ParkMissing = "park-missing", "one 404 of a campaign parks its change", ["live"];
    ParkUnheard = "park-unheard", "an opt-out that breaks a rule is parked, and does not take effect", ["3", "4"];
    ServeIll = "serve-ill", "an org that hangs is called again and again", ["live"];
    CloseOrg = "close-org", "a refusal of one campaign ends the calls to its whole org", ["live"];
    LateBudget = "late-budget", "a change that the budget puts off comes back ten minutes late", ["live"];
    NeverRest = "never-rest", "an org that is slow or refuses calls is called without a rest", ["live"];
    WaitToPark = "wait-to-park", "each message waits for a dead-letter queue that hangs", ["live"];
    DeleteEarly = "delete-early", "a message received beside an event is deleted before its change is written", ["1", "4"];
    DeleteAtOnce = "delete-at-once", "two messages of a group are deleted side by side", ["9"];
    DeleteFollowers = "delete-followers", "messages received beside an event are deleted though an earlier one of their group failed", ["1", "9"];
    HideBriefly = "hide-briefly", "messages received beside an event are hidden for only a second", ["2", "5"];
    ShareToken = "share-token", "all orgs use the first token", ["7"];
    IgnoreRateHeaders = "ignore-rate-headers", "the rate-limit headers of the service are ignored", ["6"];
    IgnoreRetryAfter = "ignore-retry-after", "after a refusal the wait is one second, whatever Retry-After names", ["6"];
    LoseLateOptOut = "lose-late-opt-out", "an opt-out that is older than what is stored is not written", ["4"];
    StoreNoRank = "store-no-rank", "a write leaves the rank out", ["2", "4"];
    WriteDialler = "write-dialler", "a write names a field that the dialler owns", ["12"];
    LeaveColumnOut = "leave-column-out", "a write leaves a column out, and its change is reported as done", ["2", "4"];
    EmptyOthers = "empty-others", "a write empties a column that its change does not name", ["12"];
    RaiseUnmarked = "raise-unmarked", "an opt-in makes a contact callable, whoever made it not callable", ["3"];
    FoundIsOwn = "found-is-own", "a contact that the dialler made not callable counts as made so by campaign-sync", ["3"];
    LoseMark = "lose-mark", "an update leaves out the last decision about callable", ["2", "3", "4"];
    Unlisted = "unlisted", "an opt-out is done before the person is on the DNC list", ["13"];
    DropChannel = "drop-channel", "of folded changes, only the channels and numbers of the last one are closed", ["4"];
    CreatePartial = "create-partial", "a change that may create nobody creates its contact", ["3"];
    LoseNeighbours = "lose-neighbours", "a webhook with a faulty item is accepted, and its good items are not queued", ["1"];
    ParkNothing = "park-nothing", "faulty items are reported as parked, and are not", ["1"];
    UnheardItem = "unheard-item", "the opt-out in a faulty item does not take effect", ["3"];
    Unconfirmed = "unconfirmed", "a change is done though reads do not show its write yet", ["2", "3", "4"];
    ReconcileBlindly = "reconcile-blindly", "reconcile takes every contact for missing", ["10"];
    LookAhead = "look-ahead", "the record calls looked at what the run did not reach", ["looked"];
    NoteFirst = "note-first", "the record is written before the changes are sent", ["looked"];
    RememberNothing = "remember-nothing", "the next run looks only at its window", ["looked"];
    DepthOfAll = "depth-of-all", "everything in the queue counts as the org's own", ["looked"];
    ForgetSent = "forget-sent", "the next run does not count what a run sent", ["deep"];
    TellNoAge = "tell-no-age", "a late org is not reported", ["looked"];
    AgelessExport = "ageless-export", "an export of any age is taken for a new one", ["looked"];
    DeletedAsDummies = "deleted-as-dummies", "a contact that its CRM deleted is created", ["reconcile"];
    LogContent = "log-content", "a log line holds a change", ["8"];
}

impl Mutant {
    /// The defect with this name on the command line.
    pub fn of(name: &str) -> Option<Mutant> {
        Mutant::ALL
            .iter()
            .copied()
            .find(|mutant| mutant.name() == name)
    }

    /// Whether the run of this seed checks what the defect breaks. Only runs of a trouble, or of a
    /// schedule, check some of the promises.
    pub fn may_show_in(self, seed: u64) -> bool {
        match self.promises() {
            ["live"] => story::is_of_trouble(seed),
            ["looked" | "deep"] => story::schedule::is_scheduled(seed),
            _ => true,
        }
    }

    /// Whether this build can have the defect.
    pub fn is_here(self) -> bool {
        cfg!(debug_assertions)
            || self.defect_of_apply().is_none() && self.defect_of_ingest().is_none()
    }

    /// The defect of ingest that this mutant is, if it is one.
    pub(crate) fn defect_of_ingest(self) -> Option<ingest::Defect> {
        match self {
            Mutant::LoseNeighbours => Some(ingest::Defect::LosesNeighbours),
            Mutant::ParkNothing => Some(ingest::Defect::ParksNothing),
            Mutant::UnheardItem => Some(ingest::Defect::Unheard),
            _ => None,
        }
    }

    /// The defect of apply that this mutant is, if it is one.
    pub(crate) fn defect_of_apply(self) -> Option<Defect> {
        match self {
            Mutant::NoRank => Some(Defect::Rank),
            Mutant::IgnoreCallable => Some(Defect::Callable),
            Mutant::ConflictIsSuccess => Some(Defect::Conflict),
            Mutant::FoldOrder => Some(Defect::FoldOrder),
            Mutant::ParkUnshown => Some(Defect::Unshown),
            Mutant::ParkMissing => Some(Defect::Missing),
            Mutant::ParkUnheard => Some(Defect::Unheard),
            Mutant::LateBudget => Some(Defect::LateBudget),
            Mutant::NeverRest => Some(Defect::NeverRests),
            Mutant::RaiseUnmarked => Some(Defect::RaisesAll),
            Mutant::FoundIsOwn => Some(Defect::FoundIsOwn),
            Mutant::Unlisted => Some(Defect::Unlisted),
            Mutant::DropChannel => Some(Defect::DropsChannels),
            Mutant::CreatePartial => Some(Defect::CreatesPartial),
            Mutant::Unconfirmed => Some(Defect::Unconfirmed),
            Mutant::WaitToPark => Some(Defect::WaitsToPark),
            Mutant::DeleteEarly => Some(Defect::DeletesEarly),
            Mutant::DeleteAtOnce => Some(Defect::DeletesAtOnce),
            Mutant::DeleteFollowers => Some(Defect::DeletesFollowers),
            _ => None,
        }
    }
}

/// Plays a seed with a mutant. The mutant is found if the seed violates the promise that the mutant
/// breaks, and violates nothing without the mutant. Returns the violation.
pub fn finds(seed: u64, mutant: Mutant) -> Option<String> {
    let violations = play(seed, &Less::default(), Some(mutant), false).violations;
    let mut violations = violations.into_iter();
    let found = violations.find(|violation| mutant.promises().contains(&of_promise(violation)));
    let without = || play(seed, &Less::default(), None, false).violations;
    found.filter(|_| without().is_empty())
}
