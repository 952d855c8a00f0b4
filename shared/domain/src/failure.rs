//! The failures of calls to Genesys Cloud, by what they mean for a change.
//!
//! A [`Kind`] names the meaning, and not the status: docs/design.md "Failure table" has both. What
//! happens next is decided in [`crate::attempt`] for this invocation, and in [`crate::retry`] for
//! later ones.

use std::fmt;
use std::time::Duration;

use crate::batch::Evidence;
use crate::retry::Cause;

/// The meaning of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 400 or 413: Genesys Cloud will never accept what was sent.
    Rejected,
    /// A contact could not be created, and nothing in the 400 says that this contact is the cause:
    /// the org or the list may be at its limit of contacts. It is also the failure of a contact
    /// that was held back because others could not be created.
    Full {
        /// The wait until the next create probes.
        after: Duration,
    },
    /// 404: there is no such contact.
    NotFound,
    /// The org has no such campaign.
    UnknownCampaign,
    /// 409: a key in a POST exists already. Nothing was stored.
    Conflict,
    /// 429: the call was refused and had no effect.
    Throttled {
        /// How long to make no call.
        after: Duration,
    },
    /// The call budget has too few calls left. No call was made.
    BudgetSpent {
        /// The wait until there are calls again.
        after: Duration,
    },
    /// Services that are slow, or do not answer, take turns with others. No call was made.
    InTurn {
        /// The wait for its turn.
        after: Duration,
    },
    /// The org's OAuth client or its secret is not accepted, or the campaign may not be written. A
    /// person must act.
    Refused,
    /// The org or the campaign is closed for a while, or it does not answer. No call was made.
    Closed {
        /// The wait before the next try.
        after: Duration,
    },
    /// 408, 5xx, or an answer that makes no sense. A write may have been executed.
    Unavailable,
    /// There was no connection, or it was lost before the answer was complete. A write may have
    /// been executed.
    Lost,
    /// There was no answer in time. A write may have been executed, or may still be.
    Unanswered,
    /// The invocation has too little time left. No call was made.
    OutOfTime,
}

/// A call that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Failure {
    /// The meaning.
    pub kind: Kind,
    /// The observation, without personal data.
    pub detail: String,
    /// The status of the answer, if there was one.
    pub http_status: Option<u16>,
    /// The error code in the body of the answer.
    pub code: Option<String>,
    /// `ININ-Correlation-Id`.
    pub correlation_id: Option<String>,
}

/// The code of a 400 to columns that the list does not have.
const OTHER_COLUMNS: &str = "invalid.contact.columns";

/// The codes of a 400 that concern the contact that was sent (docs/genesys-cloud.md "Answers and
/// errors", "Add or update contacts").
const CONTACT_ERROR_CODES: [&str; 7] = [
    "bad.request",
    OTHER_COLUMNS,
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

    /// A failure because the budget has too few calls left. It has more after this wait.
    pub fn budget_spent(after: Duration) -> Failure {
        let detail = "the call budget of this minute is spent";
        Failure::new(Kind::BudgetSpent { after }, detail)
    }

    /// A failure to read a contact that was there a moment ago.
    pub fn lagging() -> Failure {
        Failure::new(Kind::NotFound, "a contact that was there cannot be read")
    }

    /// A failure because the campaign took no new contact a moment ago. No contact is created until
    /// `after` has passed.
    pub fn full(after: Duration) -> Failure {
        let detail = "the campaign took no new contact a moment ago";
        Failure::new(Kind::Full { after }, detail)
    }

    /// Whether this failed create may be the fault of the org or the list, and not of the contact.
    /// That is so if the answer has no code, or one that is not documented.
    pub fn may_be_of_every_create(&self) -> bool {
        let is_of_what_was_sent = |code: &str| CONTACT_ERROR_CODES.contains(&code);
        self.http_status == Some(400) && !self.code.as_deref().is_some_and(is_of_what_was_sent)
    }

    /// A failure of a write that was answered with the contact as it was before.
    pub fn no_effect() -> Failure {
        let detail = "the answer to a write shows the contact as it was before";
        Failure::new(Kind::Unavailable, detail)
    }

    /// Whether the write may have been executed nevertheless.
    pub fn leaves_unknown(&self) -> bool {
        matches!(self.kind, Kind::Unavailable | Kind::Lost | Kind::Unanswered)
    }

    /// A failure to read a contact out of an answer that shows it. The others of the answer can be
    /// read.
    pub fn unreadable(what: &str) -> Failure {
        let detail = format!("{what}: the answer shows the contact in a form that is not known");
        Failure {
            http_status: Some(200),
            ..Failure::new(Kind::Unavailable, detail)
        }
    }

    /// Whether the whole call failed, and any contact in it may be the cause. A refusal does not
    /// count: after a 400 or 413 the cause is searched for at once, and 401, 403 and 429 are about
    /// the org or the campaign.
    pub fn is_of_the_call(&self) -> bool {
        let is_answered = self.http_status == Some(200);
        (self.leaves_unknown() || self.kind == Kind::NotFound) && !is_answered
    }

    /// Whether this write may have been refused because its columns are not those of the list. That
    /// is so if the answer has the code for it, no code, or one that is not documented.
    pub fn may_be_of_columns(&self) -> bool {
        self.may_be_of_every_create() || self.code.as_deref() == Some(OTHER_COLUMNS)
    }

    /// The cause of the retry that follows.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(kind: Kind, status: u16, code: Option<&str>) -> Failure {
        Failure {
            http_status: Some(status),
            code: code.map(str::to_owned),
            ..Failure::new(kind, "")
        }
    }

    #[test]
    fn a_failure_is_of_the_whole_call_unless_it_is_a_refusal_or_the_answer_shows_the_others() {
        for (kind, status) in [(Kind::Unavailable, 503), (Kind::NotFound, 404)] {
            assert!(answered(kind, status, None).is_of_the_call());
        }
        assert!(answered(Kind::NotFound, 400, Some("contact.does.not.exist")).is_of_the_call());
        assert!(Failure::new(Kind::Lost, "").is_of_the_call());
        assert!(Failure::no_effect().is_of_the_call());
        assert!(!Failure::unreadable("").is_of_the_call());
        for (kind, status) in [
            (Kind::Rejected, 400),
            (Kind::Refused, 403),
            (Kind::UnknownCampaign, 404),
        ] {
            assert!(!answered(kind, status, None).is_of_the_call());
        }
        assert!(!Failure::new(Kind::OutOfTime, "").is_of_the_call());
    }

    #[test]
    fn a_refused_write_may_have_had_other_columns_unless_its_code_says_otherwise() {
        for code in [None, Some("invalid.contact.columns"), Some("who.knows")] {
            assert!(answered(Kind::Rejected, 400, code).may_be_of_columns());
        }
        for code in ["invalid.contact.id", "bad.request"] {
            assert!(!answered(Kind::Rejected, 400, Some(code)).may_be_of_columns());
        }
        assert!(!answered(Kind::Rejected, 413, None).may_be_of_columns());
    }
}
