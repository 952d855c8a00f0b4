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
mod ids;
mod invisible;
mod operation;
mod origin;
mod parse;
mod reset;
mod rfc3339;
mod salvage;
mod unlisted;

pub use absent::IfAbsent;
pub use adoption::{Adoption, OptedOut};
pub use fault::{Fault, FaultCode, Invalid};
pub use ids::{CampaignId, ContactKey, EventId, MessageGroup, OrgId, SourceName};
pub use invisible::is_invisible;
pub use operation::Operation;
pub use origin::{Feed, Row, Sender};
pub use reset::RankReset;

use jiff::Timestamp;

use origin::Origin;

use crate::channel::Lowered;
use crate::contact::Columns;
use crate::number;

/// The position of a change among the changes of its contact. A higher rank is newer. The maximum
/// is 2⁵³−1, which every JSON reader can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
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
    /// The version that the CRM counts up, if it does.
    pub version: Option<Rank>,
    /// The time that the CRM's clock gives the event.
    pub occurred_at: Option<Timestamp>,
    /// The sender.
    pub source: Option<SourceName>,
    /// The effect of the change if there is no such contact.
    pub if_absent: IfAbsent,
    /// The effect that the change asks for.
    pub operation: Operation,
}

impl Change {
    /// Reads the body of a queue message. `occurredAt` is not bounded here: it was checked against
    /// a clock before the change was put into the queue.
    ///
    /// # Errors
    /// Returns every fault of the body. Their `Display` shows no personal data.
    pub fn parse(body: &str) -> Result<Change, Invalid> {
        parse::change(body, Timestamp::MAX, &Origin::Queue)
    }

    /// Reads a change from a webhook. It may leave out `schema` and what the sender fixes.
    ///
    /// # Errors
    /// Returns every fault of the body.
    pub fn parse_from(sender: &Sender, body: &str, now: Timestamp) -> Result<Change, Invalid> {
        parse::change(body, now, &Origin::Webhook(sender))
    }

    /// Reads a change from a row of a file. It may leave out `schema` and what the row fixes.
    ///
    /// # Errors
    /// Returns every fault of the row.
    pub fn parse_row(row: &Row<'_>, body: &str, now: Timestamp) -> Result<Change, Invalid> {
        parse::change(body, now, &Origin::File(row))
    }

    /// Reads a change from a CRM feed. It may leave out `schema`, `eventId`, `org` and
    /// `campaignId`.
    ///
    /// # Errors
    /// Returns every fault of the body.
    pub fn parse_from_feed(feed: &Feed, body: &str, now: Timestamp) -> Result<Change, Invalid> {
        parse::change(body, now, &Origin::Feed(feed))
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
