//! A contact change: the body of a queue message (docs/contract.md "Contact change").
//!
//! [`Change::parse`] reads one, and [`Change::body`] writes it. A change can come from four places,
//! and each of them may leave something out: [`Change::parse`] is for the queue,
//! [`Change::parse_from`] for a webhook, [`Change::parse_row`] for a file and
//! [`Change::parse_from_feed`] for a CRM feed. A parser reports every fault of a body at once, and
//! no error text holds personal data.
//!
//! This module does not say what a change does to a contact: see [`crate::plan`]. The rules that
//! one org adds are in [`crate::rules`].

mod absent;
mod adoption;
mod fault;
mod heard;
mod ids;
mod invisible;
mod parse;
mod reset;
mod rfc3339;

pub use absent::IfAbsent;
pub use adoption::{Adoption, OptedOut};
pub use fault::{Fault, FaultCode, Invalid};
pub use ids::{CampaignId, ContactKey, EventId, MessageGroup, OrgId, SourceName};
pub use invisible::is_invisible;
pub use reset::RankReset;

use jiff::Timestamp;

use crate::channel::Lowered;
use crate::contact::Columns;
use crate::number;
use crate::version::Word;

/// The position of a change among the changes of its contact. A higher rank is newer. The maximum
/// is 2⁵³−1, which every JSON reader can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Rank(u64);

impl Rank {
    /// 2⁵³−1.
    pub const MAX: Rank = Rank((1 << 53) - 1);

    /// Returns `None` if the number is above [`Rank::MAX`].
    pub fn new(number: u64) -> Option<Rank> {
        (number <= Rank::MAX.0).then_some(Rank(number))
    }

    /// Subtracts a number. The result is never below 0.
    pub(crate) const fn less(self, number: u64) -> Rank {
        Rank(self.0.saturating_sub(number))
    }

    /// Reads a rank from the text of a JSON number. Any notation of a whole number is accepted:
    /// `17`, `17.0` and `1.7E1` are the same rank.
    pub fn from_number(text: &str) -> Option<Rank> {
        Rank::new(number::whole(text)?.parse().ok()?)
    }

    /// Reads a rank from decimal text. Any other text is no rank (docs/contract.md "Version
    /// column").
    pub fn from_text(text: &str) -> Option<Rank> {
        let rank = Rank::new(text.parse().ok()?)?;
        (rank.to_string() == text).then_some(rank)
    }
}

impl std::fmt::Display for Rank {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The member of a change that gives its rank: `versionFrom` of the org's secret (docs/contract.md
/// "Secrets").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum VersionFrom {
    #[default]
    /// The member `version`.
    Version,
    /// The member `occurredAt`, in milliseconds.
    OccurredAt,
}

/// The sender of a webhook. Its source's secret may bind it to an org or a campaign, which its
/// changes may then leave out (docs/contract.md "Contact change").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The name in the path of the webhook.
    pub source: SourceName,
    /// The only org that this sender may change. A change may leave it out, and is refused if it
    /// names another.
    pub org: Option<OrgId>,
    /// The only campaign that this sender may change. A change may leave it out, and is refused if
    /// it names another.
    pub campaign: Option<CampaignId>,
}

/// A row of a file that a person sends, with the values that it may leave out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// The sender, with the org and campaign that the file goes to.
    pub sender: &'a Sender,
    /// The id of the event. The same row always gets the same id.
    pub event_id: EventId,
    /// The time of every change of the file. If it is `None`, a row without a time has none.
    pub occurred_at: Option<Timestamp>,
}

/// The run in which a CRM feed is read (docs/contract.md "CRM feed"). Its changes need no
/// `eventId`, and their `source` is always `reconcile`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// The org that is compared. A change that names another is refused.
    pub org: OrgId,
    /// The campaign that is compared. A change that names another is refused.
    pub campaign: CampaignId,
    /// The time at which the run was due. A repeated run gives the same event ids, so the queue
    /// drops the changes that it has already.
    pub run: Timestamp,
}

impl Feed {
    /// Each run and rank gets its own event id. So the queue does not drop a change as a duplicate
    /// of one from an earlier run.
    fn event_id(&self, version: Option<Rank>, occurred_at: Option<Timestamp>) -> EventId {
        // The org's secret says which of the two is the rank. It is not known here.
        let numbers = [
            version.map(|rank| rank.0.cast_signed()),
            occurred_at.map(|at| at.as_millisecond()),
        ];
        let numbers: String = numbers
            .into_iter()
            .flatten()
            .map(|number| format!("-{number}"))
            .collect();
        EventId::of_run(&format!("{}{numbers}", self.run))
    }
}

/// A change to one contact of one campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The org, and so the Genesys Cloud organisation, of the contact.
    pub org: OrgId,
    /// The campaign of the contact.
    pub campaign: CampaignId,
    /// The key of the contact within the campaign.
    pub key: ContactKey,
    /// The id of the event. It stays the same when the CRM sends the event again.
    pub event_id: EventId,
    /// The rank that the CRM counts, if it counts.
    pub version: Option<Rank>,
    /// The time that the CRM's clock gives the event.
    pub occurred_at: Option<Timestamp>,
    /// The sender.
    pub source: Option<SourceName>,
    /// The effect of the change if there is no such contact.
    pub if_absent: IfAbsent,
    /// The effect that is asked for.
    pub operation: Operation,
}

/// The effect that a change asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Sets columns. A column that is not named stays as it is, and `None` clears one.
    Upsert {
        /// Columns by name.
        data: Columns<Option<String>>,
        /// Whether the contact may be called. `None` leaves that as it is.
        callable: Option<bool>,
        /// Channels and numbers that may no longer be used.
        lowers: Lowered,
    },
    /// The person opted out: the contact becomes not callable and stores the rank. Nothing is
    /// deleted.
    Remove,
    /// The person left the campaign and did not opt out: an existing contact becomes not callable.
    Leave,
    /// Sets the stored rank back, as an operator asked. It can come only from the queue.
    ResetRank(RankReset),
    /// Gives a contact that is not callable, and has no mark, the mark of a CRM opt-out, as an
    /// operator asked. It can come only from the queue.
    Adopt(Adoption),
}

impl Operation {
    /// The value of `callable` that the change asks for.
    pub fn callable(&self) -> Option<bool> {
        match self {
            Operation::Upsert { callable, .. } => *callable,
            Operation::Remove | Operation::Leave => Some(false),
            Operation::ResetRank(_) | Operation::Adopt(_) => None,
        }
    }

    /// Whether the contact may be called, as one word. Unlike [`Operation::callable`], it tells an
    /// opt-out from having left the campaign.
    pub(crate) fn word(&self) -> Option<Word> {
        match self {
            Operation::Leave => Some(Word::Left),
            operation => operation.callable().map(Word::from),
        }
    }

    /// Whether the person asked not to be called. Having left the campaign is no opt-out.
    pub(crate) fn is_opt_out(&self) -> bool {
        self.word() == Some(Word::MayNot)
    }

    /// Channels and numbers that the change says may not be used.
    pub fn lowers(&self) -> Option<&Lowered> {
        match self {
            Operation::Upsert { lowers, .. } => Some(lowers).filter(|lowers| !lowers.is_empty()),
            Operation::Remove
            | Operation::Leave
            | Operation::ResetRank(_)
            | Operation::Adopt(_) => None,
        }
    }

    /// Whether the contact may not be called for any reason, or a channel or number may not be
    /// used.
    pub fn opts_out(&self) -> bool {
        self.callable() == Some(false) || self.lowers().is_some()
    }

    /// The same change reduced to its opt-out.
    #[must_use]
    pub fn opt_out_alone(&self) -> Operation {
        if *self == Operation::Leave {
            return Operation::Leave;
        }
        Operation::Upsert {
            data: Columns::default(),
            callable: self.callable().filter(|callable| !callable),
            lowers: self.lowers().cloned().unwrap_or_default(),
        }
    }

    /// The columns that the change names.
    pub fn data(&self) -> Option<&Columns<Option<String>>> {
        match self {
            Operation::Upsert { data, .. } => Some(data),
            Operation::Remove
            | Operation::Leave
            | Operation::ResetRank(_)
            | Operation::Adopt(_) => None,
        }
    }

    /// Whether an operator asked for it. Such a change depends on the stored version and checks it
    /// itself, so it is never folded with other changes.
    pub fn is_of_operator(&self) -> bool {
        matches!(self, Operation::ResetRank(_) | Operation::Adopt(_))
    }
}

impl Change {
    /// Reads the body of a queue message. `occurredAt` is not bounded here: it was checked against
    /// a clock before the change was put into the queue.
    ///
    /// # Errors
    /// Every fault of the body. Their `Display` shows no personal data.
    pub fn parse(body: &str) -> Result<Change, Invalid> {
        parse::change(body, Timestamp::MAX, &parse::Origin::Queue)
    }

    /// Reads a change from a webhook. It may leave out `schema` and what the sender fixes.
    ///
    /// # Errors
    /// Every fault of the body.
    pub fn parse_from(sender: &Sender, body: &str, now: Timestamp) -> Result<Change, Invalid> {
        parse::change(body, now, &parse::Origin::Webhook(sender))
    }

    /// Reads a change from a row of a file. It may leave out `schema` and what the row fixes.
    ///
    /// # Errors
    /// Every fault of the row.
    pub fn parse_row(row: &Row<'_>, body: &str, now: Timestamp) -> Result<Change, Invalid> {
        parse::change(body, now, &parse::Origin::File(row))
    }

    /// Reads a change from a CRM feed. It may leave out `schema`, `eventId`, `org` and
    /// `campaignId`.
    ///
    /// # Errors
    /// Every fault of the body.
    pub fn parse_from_feed(feed: &Feed, body: &str, now: Timestamp) -> Result<Change, Invalid> {
        parse::change(body, now, &parse::Origin::Feed(feed))
    }

    /// Writes the change as the body of a queue message. [`Change::parse`] reads it back.
    pub fn body(&self) -> String {
        let mut body = serde_json::json!({
            "schema": 1,
            "eventId": self.event_id.as_str(),
            "org": self.org.as_str(),
            "campaignId": self.campaign.as_str(),
            "contactKey": self.key.as_str(),
        });
        let mut put = |name: &str, value: Option<serde_json::Value>| {
            if let Some(value) = value {
                body[name] = value;
            }
        };
        put("version", self.version.map(|rank| rank.0.into()));
        put(
            "occurredAt",
            self.occurred_at.map(|at| at.to_string().into()),
        );
        put(
            "source",
            self.source.as_ref().map(|source| source.as_str().into()),
        );
        put(absent::MEMBER, self.if_absent.said().map(Into::into));
        match &self.operation {
            Operation::Upsert {
                data,
                callable,
                lowers,
            } => {
                put("data", serde_json::to_value(data).ok());
                put("callable", callable.map(serde_json::Value::from));
                let channels = lowers.channels.iter().map(|channel| channel.as_str());
                put("contactable", all_false(channels));
                put(
                    "phones",
                    all_false(lowers.phones.iter().map(String::as_str)),
                );
            }
            Operation::Remove => put("operation", Some("remove".into())),
            Operation::Leave => put("operation", Some("leave".into())),
            Operation::ResetRank(reset) => {
                put("operation", Some(reset::NAME.into()));
                put(reset::MEMBER, serde_json::to_value(reset).ok());
            }
            Operation::Adopt(adoption) => {
                put("operation", Some(adoption::NAME.into()));
                put(adoption::MEMBER, serde_json::to_value(adoption).ok());
            }
        }
        // SQS refuses these two characters. They occur only within JSON strings, where they can be
        // escaped.
        body.to_string()
            .replace('\u{FFFE}', "\\ufffe")
            .replace('\u{FFFF}', "\\uffff")
    }

    /// A change of the same contact that asks for nothing.
    #[must_use]
    pub fn silent(&self) -> Change {
        Change {
            operation: Operation::Upsert {
                data: Columns::default(),
                callable: None,
                lowers: Lowered::default(),
            },
            ..self.clone()
        }
    }

    /// The rank of the change: `version`, or `occurredAt` in milliseconds. A time before 1970
    /// counts as 0.
    pub fn rank(&self, from: VersionFrom) -> Option<Rank> {
        match from {
            VersionFrom::Version => self.version,
            VersionFrom::OccurredAt => {
                let milliseconds = self.occurred_at?.as_millisecond();
                Rank::new(u64::try_from(milliseconds).unwrap_or(0))
            }
        }
    }

    /// `{org}/{campaignId}/{h}`, where h is the first 32 hex digits of SHA-256(contactKey).
    pub fn message_group(&self) -> MessageGroup {
        MessageGroup::of(&self.org, &self.campaign, &self.key)
    }

    /// The SQS deduplication id: the SHA-256 of [`Change::body`] without `source`, in hex. The same
    /// event with the same content gets the same id, whoever sends it. The same event id with other
    /// content gets another id, because an opt-out could be dropped as a duplicate otherwise.
    pub fn deduplication_id(&self) -> String {
        let said = Change {
            source: None,
            ..self.clone()
        };
        crate::sha256_hex(said.body().as_bytes())
    }
}

/// An object in which each of these names is `false`, or `None` if there are no names.
fn all_false<'a>(names: impl Iterator<Item = &'a str>) -> Option<serde_json::Value> {
    let members: serde_json::Map<_, _> =
        names.map(|name| (name.to_owned(), false.into())).collect();
    (!members.is_empty()).then_some(members.into())
}

#[cfg(test)]
mod tests;
