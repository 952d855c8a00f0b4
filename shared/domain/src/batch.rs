//! A batch of queue records: its message groups, and the answer that Lambda's FIFO rule asks for.
//!
//! The rule: "after the first failure of a group, report it and all later ones of the group"
//! (docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html). An identifier that is
//! empty or not of the batch fails the batch whole, an empty list deletes all of it.

mod deletion;
mod settle;
mod top_up;

pub use deletion::Deletion;
pub use settle::{Horizon, not_parked, settle};
pub use top_up::TopUp;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::change::MessageGroup;
use crate::retry::{Cause, Waited};

/// One message of an SQS batch.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// Empty where the event has none; such a record cannot be reported as failed.
    pub message_id: String,
    /// Of this receive; another one with the next.
    pub receipt_handle: String,
    /// The message group id that SQS keeps in order.
    pub group: String,
    /// The text as it was sent; it may be anything.
    pub body: String,
    /// `ApproximateReceiveCount`.
    pub receives: u32,
    /// `SentTimestamp`.
    pub sent: Option<Timestamp>,
    /// `ApproximateFirstReceiveTimestamp`.
    pub first_received: Option<Timestamp>,
}

/// How a change ended (docs/contract.md "Outcomes"). Parked ones are a [`Parking`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// A POST made the contact.
    Created,
    /// A PATCH changed it.
    Updated,
    /// The contact held it all already.
    Unchanged,
    /// Older than what the contact stores.
    Stale,
    /// Folded into a later change of the batch.
    Superseded,
    /// Its contact is not in the campaign, and it creates none.
    Skipped,
}

impl Outcome {
    /// The public name.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Created => "created",
            Outcome::Updated => "updated",
            Outcome::Unchanged => "unchanged",
            Outcome::Stale => "stale",
            Outcome::Superseded => "superseded",
            Outcome::Skipped => "skipped",
        }
    }
}

/// Why a change is in the dead-letter queue (docs/contract.md "Parked messages").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ParkReason {
    /// The body breaks docs/contract.md "Contact change".
    InvalidChange,
    /// The body is of another schema.
    UnsupportedSchema,
    /// The message group is not the one that the body gives.
    GroupMismatch,
    /// The change names the column that stores the rank.
    ReservedColumn,
    /// The change names a column that the campaign's contact list has not.
    UnknownColumn,
    /// The change says something of channels or numbers, and the org's API has no word for them.
    Channel,
    /// The contact key does not match the org's pattern.
    KeyPattern,
    /// The rank is a time that is too far ahead.
    RankAhead,
    /// Genesys Cloud refuses it for good (400, 413).
    Rejected,
    /// Genesys Cloud knows no such campaign (404 to a POST).
    UnknownCampaign,
    /// It failed by itself for longer than the retry horizon, while its campaign was well.
    RetryHorizon,
    /// The contact may not be called, but what of it belongs on the org's DNC list is refused there, or
    /// the list took nothing for longer than the retry horizon.
    NotOnDncList,
    /// It could not be applied in 13 days, or in 950 receives: SQS would take it, and say no reason.
    Expired,
}

impl ParkReason {
    /// Every one.
    pub const ALL: [ParkReason; 13] = [
        ParkReason::InvalidChange,
        ParkReason::UnsupportedSchema,
        ParkReason::GroupMismatch,
        ParkReason::ReservedColumn,
        ParkReason::UnknownColumn,
        ParkReason::Channel,
        ParkReason::KeyPattern,
        ParkReason::RankAhead,
        ParkReason::Rejected,
        ParkReason::UnknownCampaign,
        ParkReason::RetryHorizon,
        ParkReason::NotOnDncList,
        ParkReason::Expired,
    ];

    /// The public name.
    pub fn as_str(self) -> &'static str {
        match self {
            ParkReason::InvalidChange => "invalidChange",
            ParkReason::UnsupportedSchema => "unsupportedSchema",
            ParkReason::GroupMismatch => "groupMismatch",
            ParkReason::ReservedColumn => "reservedColumn",
            ParkReason::UnknownColumn => "unknownColumn",
            ParkReason::Channel => "channel",
            ParkReason::KeyPattern => "keyPattern",
            ParkReason::RankAhead => "rankAhead",
            ParkReason::Rejected => "rejected",
            ParkReason::UnknownCampaign => "unknownCampaign",
            ParkReason::RetryHorizon => "retryHorizon",
            ParkReason::NotOnDncList => "notOnDncList",
            ParkReason::Expired => "expired",
        }
    }
}

/// What was seen, in words without personal data, and the answer of Genesys Cloud where there was
/// one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// For a person; it may be empty.
    pub detail: String,
    /// Of the last answer.
    pub http_status: Option<u16>,
    /// `ININ-Correlation-Id`, to quote to Genesys Cloud's support.
    pub correlation_id: Option<String>,
}

impl From<String> for Evidence {
    fn from(detail: String) -> Evidence {
        Evidence {
            detail,
            ..Evidence::default()
        }
    }
}

/// A change that no retry can help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parking {
    /// Public, as an attribute of the parked message.
    pub reason: ParkReason,
    /// What led to it.
    pub evidence: Evidence,
}

/// What became of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is done, or needed nothing.
    Done(Outcome),
    /// The same, but that the contact may be called is kept out by the org's wish (`raise`).
    Kept(Outcome),
    /// No retry can help.
    Park(Parking),
    /// It is to be tried again.
    Retry(Retry),
    /// It was written, and reads may not show that yet: it comes back, and its message group waits.
    Confirm(Confirm),
}

impl Verdict {
    /// For how long reads may not show what was written of its contact.
    pub fn unread_for(&self) -> Duration {
        match self {
            Verdict::Confirm(confirm) => confirm.after,
            Verdict::Retry(retry) => retry.at_least,
            Verdict::Done(_) | Verdict::Kept(_) | Verdict::Park(_) => Duration::ZERO,
        }
    }
}

/// A change that was written where reads lag (docs/design.md "Where reads lag").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirm {
    /// Until reads show it.
    pub after: Duration,
    /// What the write did.
    pub wrote: Outcome,
    /// What would become of it if reads did not lag, and does on its last day.
    pub then: Settled,
}

/// A change that could not be applied now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Why.
    pub cause: Cause,
    /// What led to it.
    pub evidence: Evidence,
    /// Whether its campaign is shown to be well: another contact of it was written after this
    /// failure, in the same invocation. Only then it may be the change's own fault.
    pub is_campaign_well: bool,
    /// How long this copy has known of no such campaign, or of a DNC list that takes nothing: an answer
    /// about one of its contacts, or an entry that it takes, begins that anew.
    pub missing_for: Duration,
    /// Whether it says that nobody may call: such a one is never given up for its failures.
    pub is_opt_out: bool,
    /// How long it waits at least: it may have been written, and reads may not show that yet.
    pub at_least: Duration,
}

/// What is to be done with one record, all of its group considered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// To be deleted.
    Done(Outcome),
    /// The same, of one that was kept.
    Kept(Outcome),
    /// To be sent to the dead-letter queue, then deleted.
    Park(Parking),
    /// To be reported as failed, and invisible for so long. The first of its group says why; its
    /// followers say nothing.
    Retry {
        /// Until it may be received again.
        delay: Duration,
        /// Of the first of its group.
        why: Option<(Cause, Evidence)>,
    },
}

/// The indices of each message group's records, in queue order; groups by their first record.
pub fn message_groups(records: &[Record]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut known = BTreeMap::new();
    for (index, record) in records.iter().enumerate() {
        let group = *known.entry(record.group.as_str()).or_insert(groups.len());
        if group == groups.len() {
            groups.push(Vec::new());
        }
        groups[group].push(index);
    }
    groups
}

impl Record {
    /// A message with these system attributes (SQS API reference, `Message`): those that are absent or
    /// malformed leave their member empty.
    pub fn new<'a>(
        [message_id, receipt_handle, body]: [Option<String>; 3],
        attribute: impl Fn(&str) -> Option<&'a str>,
    ) -> Record {
        let time = |name| Timestamp::from_millisecond(attribute(name)?.parse().ok()?).ok();
        Record {
            group: attribute("MessageGroupId").unwrap_or_default().to_owned(),
            receives: attribute("ApproximateReceiveCount")
                .and_then(|text| text.parse().ok())
                .unwrap_or(1),
            sent: time("SentTimestamp"),
            first_received: time("ApproximateFirstReceiveTimestamp"),
            message_id: message_id.unwrap_or_default(),
            receipt_handle: receipt_handle.unwrap_or_default(),
            body: body.unwrap_or_default(),
        }
    }

    /// How long it waited until now.
    pub fn waited(&self, horizon: Horizon) -> Waited {
        Waited {
            receives: self.receives,
            age: horizon.since(self.sent),
        }
    }

    /// How long ago it was received for the first time. Nothing at its first receive, whatever the clocks
    /// say.
    pub fn known_for(&self, now: Timestamp) -> Duration {
        let first = self
            .first_received
            .or(self.sent)
            .filter(|_| self.receives > 1);
        let since = first.and_then(|first| Duration::try_from(now.duration_since(first)).ok());
        since.unwrap_or_default()
    }

    /// The message group as it may be shown: a foreign one may hold personal data, so its hash
    /// stands for it.
    pub fn shown_group(&self) -> String {
        if MessageGroup::is_well_formed(&self.group) {
            return self.group.clone();
        }
        format!("sha256:{}", crate::sha256_hex(self.group.as_bytes()))
    }
}

/// The deduplication id of a parked message (docs/contract.md "Parked messages").
pub fn parked_id(message_id: &str) -> String {
    crate::sha256_hex(message_id.as_bytes())
}

/// A record that must be retried has no message id, so that the batch must be answered as failed
/// whole.
#[derive(Debug, thiserror::Error)]
#[error("a record that must be retried has no messageId: the whole batch is retried")]
pub struct NoMessageId;

/// The `itemIdentifier`s of the answer: never empty, never foreign.
///
/// # Errors
/// [`NoMessageId`], where one that must be retried cannot be named.
pub fn failures(
    records: &[Record],
    is_retried: impl Fn(usize) -> bool,
) -> Result<Vec<&str>, NoMessageId> {
    let retried = records
        .iter()
        .enumerate()
        .filter(|(index, _)| is_retried(*index));
    retried
        .map(|(_, record)| {
            Some(record.message_id.as_str())
                .filter(|id| !id.is_empty())
                .ok_or(NoMessageId)
        })
        .collect()
}

#[cfg(test)]
mod tests;
