//! Why a call to Genesys Cloud failed, by what it means for the change.

use std::fmt;
use std::time::Duration;

use crate::batch::Evidence;
use crate::retry::Cause;

/// What a failure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 400 or 413: what was sent can never be taken.
    Rejected,
    /// A contact could not be created, and nothing in the 400 says that this contact is the cause: the
    /// org or the list may be at its limit of contacts. Or it was held, since others could not.
    Full {
        /// Until the next one probes.
        after: Duration,
    },
    /// 404.
    NotFound,
    /// The org has no such campaign.
    UnknownCampaign,
    /// 409: a key of a POST exists; nothing was stored.
    Conflict,
    /// 429: nothing was done.
    Throttled {
        /// How long no call is to be made.
        after: Duration,
    },
    /// What is left of the call budget is not enough: no call was made.
    BudgetSpent {
        /// Until there are calls again.
        after: Duration,
    },
    /// Whoever does not answer, or slowly, takes turns with others: no call was made.
    InTurn {
        /// Until its turn.
        after: Duration,
    },
    /// The org's OAuth client or its secret is not accepted, or the campaign may not be written: a
    /// person must act.
    Refused,
    /// The org or the campaign is closed for a while, or does not answer: no call was made.
    Closed {
        /// Until it is tried again.
        after: Duration,
    },
    /// 408 or 5xx, or an answer that makes no sense. A write may have been done.
    Unavailable,
    /// No connection, or it was lost before the whole answer was there. A write may have been done.
    Lost,
    /// No answer in time. A write may have been done, or may be done yet.
    Unanswered,
    /// The invocation is nearly out of time; the call was not made.
    OutOfTime,
}

/// A call that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Failure {
    /// What it means.
    pub kind: Kind,
    /// What was seen, without personal data.
    pub detail: String,
    /// Of the answer, where there was one.
    pub http_status: Option<u16>,
    /// The error's code in the answer's body.
    pub code: Option<String>,
    /// `ININ-Correlation-Id`.
    pub correlation_id: Option<String>,
}

/// Codes of a 400 that are about what was sent (docs/genesys-cloud.md "Answers and errors", "Add or
/// update contacts").
const OF_WHAT_WAS_SENT: [&str; 7] = [
    "bad.request",
    "invalid.contact.columns",
    "invalid.contact.id",
    "invalid.date",
    "invalid.value",
    "invalid.zip.code.contact.value",
    "too.many.contacts.added",
];

impl Failure {
    /// A failure without an answer.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Failure {
        Failure {
            kind,
            detail: detail.into(),
            http_status: None,
            code: None,
            correlation_id: None,
        }
    }

    /// What is left of the budget is not enough; more is there after this wait.
    pub fn budget_spent(after: Duration) -> Failure {
        let detail = "the call budget of this minute is spent";
        Failure::new(Kind::BudgetSpent { after }, detail)
    }

    /// A contact that was there a moment ago cannot be read.
    pub fn lagging() -> Failure {
        Failure::new(Kind::NotFound, "a contact that was there cannot be read")
    }

    /// No contact is created for so long: none could be a moment ago.
    pub fn full(after: Duration) -> Failure {
        let detail = "the campaign took no new contact a moment ago";
        Failure::new(Kind::Full { after }, detail)
    }

    /// Whether a contact that could not be created for this may not be the cause: there is no code,
    /// or one that no documentation gives.
    pub fn may_be_of_every_create(&self) -> bool {
        let is_of_what_was_sent = |code: &str| OF_WHAT_WAS_SENT.contains(&code);
        self.http_status == Some(400) && !self.code.as_deref().is_some_and(is_of_what_was_sent)
    }

    /// A write was answered with the contact as it was before.
    pub fn not_taken() -> Failure {
        let detail = "the answer to a write shows the contact as it was before";
        Failure::new(Kind::Unavailable, detail)
    }

    /// Whether a write that failed so may have been done all the same.
    pub fn leaves_unknown(&self) -> bool {
        matches!(self.kind, Kind::Unavailable | Kind::Lost | Kind::Unanswered)
    }

    /// Why a change that failed so is tried again.
    pub fn cause(&self) -> Cause {
        match self.kind {
            Kind::BudgetSpent { after } => Cause::BudgetSpent { after },
            Kind::InTurn { after } => Cause::InTurn { after },
            Kind::Throttled { after } => Cause::Throttled { after },
            Kind::Closed { after } => Cause::Closed { after },
            Kind::Refused => Cause::Refused,
            Kind::Full { after } => Cause::Full { after },
            Kind::OutOfTime => Cause::OutOfTime,
            Kind::Rejected
            | Kind::NotFound
            | Kind::UnknownCampaign
            | Kind::Conflict
            | Kind::Unavailable
            | Kind::Lost
            | Kind::Unanswered => Cause::Unavailable,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl From<&Failure> for Evidence {
    fn from(failure: &Failure) -> Evidence {
        Evidence {
            detail: failure.detail.clone(),
            http_status: failure.http_status,
            correlation_id: failure.correlation_id.clone(),
        }
    }
}
