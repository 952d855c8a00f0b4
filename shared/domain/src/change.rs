//! A contact change, the body of a queue message (docs/contract.md "Contact change").

mod absent;
mod adoption;
mod fault;
mod heard;
mod ids;
mod invisible;
mod parse;
mod reset;
mod rfc3339;
mod unlisted;

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

/// The place of a change among the changes of its contact: a higher one is newer. At most 2⁵³−1, so
/// that every JSON reader can hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Rank(u64);

impl Rank {
    /// 2⁵³−1.
    pub const MAX: Rank = Rank((1 << 53) - 1);

    /// `None` above [`Rank::MAX`].
    pub fn new(number: u64) -> Option<Rank> {
        (number <= Rank::MAX.0).then_some(Rank(number))
    }

    /// So much lower, not below 0.
    pub(crate) const fn less(self, number: u64) -> Rank {
        Rank(self.0.saturating_sub(number))
    }

    /// The rank that a number of JSON is, by its text: a whole one, however it is written.
    pub fn from_number(text: &str) -> Option<Rank> {
        Rank::new(number::whole(text)?.parse().ok()?)
    }

    /// The rank of a decimal text. Any other text counts as none (docs/contract.md "Version column").
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

/// Which member of a change gives its rank: `versionFrom` of the org's secret (docs/contract.md
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

/// Who sends changes by webhook, and what may be left out because of it (docs/contract.md "Contact
/// change").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The name in the webhook's path.
    pub source: SourceName,
    /// Fills what a change leaves out; any other is refused.
    pub org: Option<OrgId>,
    /// Fills what a change leaves out; any other is refused.
    pub campaign: Option<CampaignId>,
}

/// A row of a file that a person sends, and what it gets where it does not say it itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// Who sends it, and to where.
    pub sender: &'a Sender,
    /// The same whenever the same row is sent.
    pub event_id: EventId,
    /// The time of every change of the file; none: a row that says no time has none.
    pub occurred_at: Option<Timestamp>,
}

/// What a CRM feed is read for (docs/contract.md "CRM feed"), and what its changes get from that:
/// they need no `eventId`, and their `source` is `reconcile`, whatever they say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// Whose contacts are read; any other org in a change is refused.
    pub org: OrgId,
    /// Of which campaign; any other is refused.
    pub campaign: CampaignId,
    /// When the run was due. Repeated, a run gives the same event ids, and the queue drops what it
    /// has already.
    pub run: Timestamp,
}

impl Feed {
    /// One for each run and rank: a later run never falls to the queue's deduplication of an
    /// earlier one.
    fn event_id(&self, version: Option<Rank>, occurred_at: Option<Timestamp>) -> EventId {
        // Which of the two the org ranks by is not known here.
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
    /// Whose Genesys Cloud.
    pub org: OrgId,
    /// In which campaign.
    pub campaign: CampaignId,
    /// Which contact of it.
    pub key: ContactKey,
    /// Which change: the same when it is sent again.
    pub event_id: EventId,
    /// As the CRM counts.
    pub version: Option<Rank>,
    /// As the CRM's clock says.
    pub occurred_at: Option<Timestamp>,
    /// Who sent it.
    pub source: Option<SourceName>,
    /// What becomes of it where there is no such contact.
    pub if_absent: IfAbsent,
    /// What is asked for.
    pub operation: Operation,
}

/// What a change asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Columns that are not named stay; `None` clears one. `callable` absent: left as it is.
    Upsert {
        /// Columns by name.
        data: Columns<Option<String>>,
        /// Whether the contact may be called.
        callable: Option<bool>,
        /// Channels and numbers that may not be used.
        lowers: Lowered,
    },
    /// Makes the contact not callable and stores the rank; deletes nothing.
    Remove,
    /// The person is no more in the campaign: makes a contact that is there not callable. Nobody opted out.
    Leave,
    /// Sets the stored rank back, at an operator's wish. Of the queue only.
    ResetRank(RankReset),
    /// Takes who was not callable before marks were known for made so by campaign-sync, at an
    /// operator's wish. Of the queue only.
    Adopt(Adoption),
}

impl Operation {
    /// What the change says of `callable`.
    pub fn callable(&self) -> Option<bool> {
        match self {
            Operation::Upsert { callable, .. } => *callable,
            Operation::Remove | Operation::Leave => Some(false),
            Operation::ResetRank(_) | Operation::Adopt(_) => None,
        }
    }

    /// The same, told apart from that the person left.
    pub(crate) fn word(&self) -> Option<Word> {
        match self {
            Operation::Leave => Some(Word::Left),
            operation => operation.callable().map(Word::from),
        }
    }

    /// Whether it says that the person does not want to be called.
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

    /// Whether it says that nobody may call, for whatever reason, or that a channel or number may not be used.
    pub fn opts_out(&self) -> bool {
        self.callable() == Some(false) || self.lowers().is_some()
    }

    /// Nothing but what it says of opting out.
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

    /// Whether an operator asks for it. It looks at what the contact stores, and so is never folded
    /// with other changes, and knows by itself whether it comes too late.
    pub fn is_of_operator(&self) -> bool {
        matches!(self, Operation::ResetRank(_) | Operation::Adopt(_))
    }
}

impl Change {
    /// Reads a queue message's body. Nothing bounds `occurredAt` here: whoever took the change into
    /// the queue did that, by a clock of its own.
    ///
    /// # Errors
    /// Every fault of the body at once; nothing in them is personal data when shown by `Display`.
    pub fn parse(body: &str) -> Result<Change, Invalid> {
        parse::change(body, Timestamp::MAX, &parse::Origin::Queue)
    }

    /// Reads a change as a sender sends it: `schema`, and what the sender fills, may be left out.
    ///
    /// # Errors
    /// Every fault of the body at once.
    pub fn parse_from(sender: &Sender, body: &str, now: Timestamp) -> Result<Change, Invalid> {
        parse::change(body, now, &parse::Origin::Webhook(sender))
    }

    /// Reads a change as a row of a file says it: `schema`, and what the row gets, may be left out.
    ///
    /// # Errors
    /// Every fault of the row at once.
    pub fn parse_row(row: &Row<'_>, body: &str, now: Timestamp) -> Result<Change, Invalid> {
        parse::change(body, now, &parse::Origin::File(row))
    }

    /// Reads a change as a CRM feed lists it: `schema`, `eventId`, `org` and `campaignId` may be
    /// left out.
    ///
    /// # Errors
    /// Every fault of the body at once.
    pub fn parse_from_feed(feed: &Feed, body: &str, now: Timestamp) -> Result<Change, Invalid> {
        parse::change(body, now, &parse::Origin::Feed(feed))
    }

    /// The change as a queue message's body: [`Change::parse`] gives it back.
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
        // SQS takes neither of these two characters, and JSON can do without: they stand only in
        // strings.
        body.to_string()
            .replace('\u{FFFE}', "\\ufffe")
            .replace('\u{FFFF}', "\\uffff")
    }

    /// A change of the same contact that says nothing.
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

    /// `version`, or `occurredAt` in milliseconds (never below 0: nothing in a CRM is older than
    /// 1970).
    pub fn rank(&self, from: VersionFrom) -> Option<Rank> {
        match from {
            VersionFrom::Version => self.version,
            VersionFrom::OccurredAt => {
                let milliseconds = self.occurred_at?.as_millisecond();
                Rank::new(u64::try_from(milliseconds).unwrap_or(0))
            }
        }
    }

    /// `{org}/{campaignId}/{h}`, h = the first 32 hex digits of SHA-256(contactKey).
    pub fn message_group(&self) -> MessageGroup {
        MessageGroup::of(&self.org, &self.campaign, &self.key)
    }

    /// Hex SHA-256 of [`Change::body`] without `source`: the same event that says the same is the
    /// same change, whoever sends it again. What says something else under the event id of another
    /// change is none the less a change of its own, or an opt-out could be dropped for it.
    pub fn deduplication_id(&self) -> String {
        let said = Change {
            source: None,
            ..self.clone()
        };
        crate::sha256_hex(said.body().as_bytes())
    }
}

/// An object of these names, each of which says `false`; none: of no name.
fn all_false<'a>(names: impl Iterator<Item = &'a str>) -> Option<serde_json::Value> {
    let members: serde_json::Map<_, _> =
        names.map(|name| (name.to_owned(), false.into())).collect();
    (!members.is_empty()).then_some(members.into())
}

#[cfg(test)]
mod tests;
