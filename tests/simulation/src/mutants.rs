//! Injected defects. Each must be found, or the simulation proves nothing.
//!
//! Most of them sit at the seams, where they do what a defect of the product would do. The others
//! are `apply::Defect` and `ingest::Defect`, which exist only in builds with debug assertions. Those at
//! Genesys Cloud are in `crate::seams::genesys`.

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

            /// The wrong thing that the defect does.
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
    IgnoreCallable = "ignore-callable", "what changes say of callable is ignored", ["4"];
    ConflictIsSuccess = "conflict-is-success", "a 409 is taken for success", ["4"];
    FoldOrder = "fold-order", "changes are folded in the wrong order", ["4"];
    DeduplicateByContent = "deduplicate-by-content", "the deduplication id is of the content, not of the event", ["1", "4"];
    DropGroupRule = "drop-group-rule", "changes of one contact are in several message groups", ["2", "4", "5"];
    AcknowledgeTooEarly = "acknowledge-too-early", "202 is said before SQS has every change", ["1"];
    AnswerAllDone = "answer-all-done", "the batch answer names no failure", ["1", "4"];
    IgnoreFollowers = "ignore-followers", "the batch answer names the first failure of a group alone", ["9"];
    RetryWrites = "retry-writes", "a write without an answer is sent again without a read", ["blind"];
    CallableOnCreate = "callable-on-create", "a create says callable where the change said nothing", ["3"];
    ParkEarly = "park-early", "changes are parked after a minute", ["horizon"];
    ParkUnshown = "park-unshown", "what fails for too long is parked in an outage too", ["11"];
    ParkMissing = "park-missing", "one 404 of a campaign parks", ["live"];
    ParkUnheard = "park-unheard", "an opt-out that breaks a rule is parked and not heard", ["3", "4"];
    ServeIll = "serve-ill", "what hangs is called again and again", ["live"];
    CloseOrg = "close-org", "what refuses a campaign closes its org", ["live"];
    LateBudget = "late-budget", "what the budget puts off comes back ten minutes late", ["live"];
    NeverRest = "never-rest", "who is slow or refused is served without a rest", ["live"];
    WaitToPark = "wait-to-park", "a dead-letter queue that hangs is waited for each time", ["live"];
    DeleteEarly = "delete-early", "what is received beside an event is deleted before it is written", ["1", "4"];
    DeleteAtOnce = "delete-at-once", "two messages of a group are deleted side by side", ["9"];
    DeleteFollowers = "delete-followers", "of what is received beside an event what follows a failure in its group is deleted", ["1", "9"];
    HideBriefly = "hide-briefly", "what is received beside an event is hidden for a second", ["2", "5"];
    ShareToken = "share-token", "all orgs use the first token", ["7"];
    IgnoreRateHeaders = "ignore-rate-headers", "what the service says of the call budget is ignored", ["6"];
    IgnoreRetryAfter = "ignore-retry-after", "after a refusal a second is waited, whatever it names", ["6"];
    LoseLateOptOut = "lose-late-opt-out", "an opt-out that is older than what is stored is not written", ["4"];
    StoreNoRank = "store-no-rank", "what is written leaves the rank out", ["2", "4"];
    WriteDialler = "write-dialler", "a write names what the dialler owns", ["12"];
    LeaveColumnOut = "leave-column-out", "a write leaves a column out, and says it is done", ["2", "4"];
    EmptyOthers = "empty-others", "a write empties a column that its change does not name", ["12"];
    RaiseUnmarked = "raise-unmarked", "an opt-in raises a contact whoever made it not callable", ["3"];
    FoundIsOwn = "found-is-own", "whom the dialler made not callable first is taken for campaign-sync's", ["3"];
    LoseMark = "lose-mark", "an update leaves out what was decided of callable", ["2", "3", "4"];
    Unlisted = "unlisted", "an opt-out is done before it stands on the DNC list", ["13"];
    DropChannel = "drop-channel", "of changes that are folded the last one's channels and numbers alone are lowered", ["4"];
    CreatePartial = "create-partial", "a change that creates nobody creates its contact", ["3"];
    LoseNeighbours = "lose-neighbours", "a webhook with a faulty item is accepted, and its good items are not queued", ["1"];
    ParkNothing = "park-nothing", "faulty items are said to be parked, and are not", ["1"];
    UnheardItem = "unheard-item", "of a faulty item the opt-out is not heard", ["3"];
    Unconfirmed = "unconfirmed", "what is written is done, though reads do not show it yet", ["2", "3", "4"];
    ReconcileBlindly = "reconcile-blindly", "reconcile takes every contact for missing", ["10"];
    LookAhead = "look-ahead", "what a run did not come to is noted as looked at", ["looked"];
    NoteFirst = "note-first", "the place is noted before what differs is sent", ["looked"];
    RememberNothing = "remember-nothing", "the next run looks at its window alone", ["looked"];
    DepthOfAll = "depth-of-all", "all that is in the queue counts as the org's own", ["looked"];
    ForgetSent = "forget-sent", "what a run sent counts for nothing in the next", ["deep"];
    TellNoAge = "tell-no-age", "that an org is late is not told", ["looked"];
    AgelessExport = "ageless-export", "an export of any age is taken for a new one", ["looked"];
    DeletedAsDummies = "deleted-as-dummies", "whom a CRM deleted is created for that", ["reconcile"];
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

    /// Whether the run of this seed asks for what the defect breaks: of some promises only runs of a trouble
    /// do, or of a schedule.
    pub fn may_show_in(self, seed: u64) -> bool {
        match self.promises() {
            ["live"] => story::is_of_trouble(seed),
            ["looked" | "deep"] => story::schedule::is_scheduled(seed),
            _ => true,
        }
    }

    /// Whether this build can have the defect.
    pub fn is_here(self) -> bool {
        cfg!(debug_assertions) || self.defect().is_none() && self.of_ingest().is_none()
    }

    pub(crate) fn of_ingest(self) -> Option<ingest::Defect> {
        match self {
            Mutant::LoseNeighbours => Some(ingest::Defect::LosesNeighbours),
            Mutant::ParkNothing => Some(ingest::Defect::ParksNothing),
            Mutant::UnheardItem => Some(ingest::Defect::Unheard),
            _ => None,
        }
    }

    pub(crate) fn defect(self) -> Option<Defect> {
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
