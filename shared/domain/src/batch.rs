//! The records of an SQS batch: their message groups, and the answer that Lambda expects.
//!
//! Lambda's rule for a FIFO queue is that a function reports the first failure of a message group
//! and all later messages of that group
//! (docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html). An empty list deletes
//! the whole batch. An identifier that is empty or not of the batch fails the whole batch.
//!
//! ```text
//! records       a1      b1      a2            (message groups a and b)
//! verdicts      Retry   Done    Done          what became of each record by itself
//! settled       Retry   Done    Retry         a2 waits behind a1, so that the order is kept
//! the answer    [a1, a2]                      itemIdentifiers: b1 is deleted
//! ```
//!
//! A [`Verdict`] is about one record by itself; [`settle()`] turns it into [`Settled`], which also
//! respects the records before it in its group. How long a retry waits is decided in
//! [`crate::retry`].

mod deletion;
mod outcome;
mod settle;
mod top_up;

pub use deletion::Deletion;
pub use outcome::{Outcome, ParkReason};
pub use settle::{Horizon, retry_from, settle};
pub use top_up::TopUp;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::change::MessageGroup;
use crate::retry::{Cause, Waited};

/// One message of an SQS batch.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// The SQS message id. It is empty if the event has none; such a record cannot be reported as
    /// failed.
    pub message_id: String,
    /// The handle of this receive. The next receive has another one.
    pub receipt_handle: String,
    /// The id of the message group, within which SQS keeps the order.
    pub group: String,
    /// The text as it was sent. It may be anything.
    pub body: String,
    /// `ApproximateReceiveCount`.
    pub receives: u32,
    /// `SentTimestamp`.
    pub sent: Option<Timestamp>,
    /// `ApproximateFirstReceiveTimestamp`.
    pub first_received: Option<Timestamp>,
}

/// An observation, without personal data. It includes the answer of Genesys Cloud, if there was
/// one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// A text for a person. It may be empty.
    pub detail: String,
    /// The status of the last answer.
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

/// A change that no retry can help, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parking {
    /// The public reason. It is an attribute of the parked message.
    pub reason: ParkReason,
    /// The observation that led to it.
    pub evidence: Evidence,
}

/// The result for one record, considered by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is done, or nothing was to be done.
    Done(Outcome),
    /// It is done, except that the org's `raise` kept the contact not callable.
    Kept(Outcome),
    /// No retry can help.
    Park(Parking),
    /// It must be tried again.
    Retry(Retry),
    /// It is written, but reads may not show that yet. It comes back to be read, and its message
    /// group waits.
    Confirm(Confirm),
}

impl Verdict {
    /// For how long reads may not yet show the last write of this contact.
    pub fn unread_for(&self) -> Duration {
        match self {
            Verdict::Confirm(confirm) => confirm.after,
            Verdict::Retry(retry) => retry.at_least,
            Verdict::Done(_) | Verdict::Kept(_) | Verdict::Park(_) => Duration::ZERO,
        }
    }
}

/// A change that was written to a service with a read lag (docs/design.md "Where reads lag").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirm {
    /// The wait until reads show the write.
    pub after: Duration,
    /// The effect of the write.
    pub wrote: Outcome,
    /// The result without a read lag. It applies if the change has no time left to wait.
    pub then: Settled,
}

/// A change that could not be applied now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The cause.
    pub cause: Cause,
    /// The observation that led to it.
    pub evidence: Evidence,
    /// Whether the campaign is known to be healthy: after this failure, the same invocation wrote
    /// another of its contacts. Only then can the change itself be at fault.
    pub is_campaign_well: bool,
    /// How long this copy has found the campaign missing, or the DNC list accepting nothing. A
    /// contact that is found, or an entry that is accepted, starts this time anew.
    pub missing_for: Duration,
    /// Whether it is an opt-out. Repeated failures never park an opt-out.
    pub is_opt_out: bool,
    /// The shortest wait. It covers the time in which reads may not show a write.
    pub at_least: Duration,
}

/// The treatment of one record. It also depends on the records before it in its group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Delete it.
    Done(Outcome),
    /// Delete it. The org's `raise` kept the contact not callable.
    Kept(Outcome),
    /// Send it to the dead-letter queue, then delete it.
    Park(Parking),
    /// Report it as failed, and hide it for the delay. Only the first record of its group gives a
    /// reason; those behind it wait for it.
    Retry {
        /// The visibility timeout to set.
        delay: Duration,
        /// The reason, for the first record of its group.
        why: Option<(Cause, Evidence)>,
    },
}

/// Groups records by message group. Each group holds indices in queue order, and the groups are in
/// the order of their first records.
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
    /// Builds a record from a message and its system attributes (SQS API reference, `Message`). An
    /// attribute that is absent or malformed leaves its field empty.
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

    /// How often and for how long the record has waited.
    pub fn waited(&self, horizon: Horizon) -> Waited {
        Waited {
            receives: self.receives,
            age: horizon.since(self.sent),
        }
    }

    /// The time since its first receive. At the first receive it is zero, even if clocks differ.
    pub fn known_for(&self, now: Timestamp) -> Duration {
        let first = self
            .first_received
            .or(self.sent)
            .filter(|_| self.receives > 1);
        let since = first.and_then(|first| Duration::try_from(now.duration_since(first)).ok());
        since.unwrap_or_default()
    }

    /// The message group as logs may show it. A group of another form may hold personal data, so
    /// its hash is shown instead.
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

/// A record that must be retried has no message id, so it cannot be named in the answer. The whole
/// batch must fail.
#[derive(Debug, thiserror::Error)]
#[error("a record that must be retried has no messageId: the whole batch is retried")]
pub struct NoMessageId;

/// The `itemIdentifier`s of the answer: none is empty, and each is of the batch.
///
/// # Errors
/// [`NoMessageId`] if a record that must be retried has no message id.
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
