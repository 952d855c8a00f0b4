//! Reads the text of a message: the result is a [`Change`], or everything that is wrong with the
//! text.
//!
//! [`Reader`] takes the members one by one and collects faults. A member that nothing has taken at
//! the end is unknown, which is a fault too. The objects of a change are read in [`objects`], its
//! operation in [`operation`].

mod objects;
mod operation;
mod raw;

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::absent::{self, IfAbsent};
use super::fault::{self, Fault, FaultCode, Invalid};
use super::rfc3339::rfc3339;
use super::{
    CampaignId, Change, ContactKey, EventId, Feed, Operation, OrgId, Rank, Row, Sender, SourceName,
};
use crate::number;
use raw::{Member, Wrong, members, string};

/// The most faults that are reported. A hostile body can break a rule tens of thousands of times.
const MAX_FAULTS: usize = 100;
/// How far `occurredAt` may be in the future.
const MAX_AHEAD: SignedDuration = SignedDuration::from_mins(5);

const UNKNOWN: &str = "expected only the fields of schema 1";
const HALF_A_CHARACTER: &str = "expected whole characters; there is half of a surrogate pair";

type Parse<T> = fn(&str) -> Result<T, Cow<'static, str>>;

/// The origin of a change. It decides what the change may leave out.
pub(super) enum Origin<'a> {
    Queue,
    Webhook(&'a Sender),
    File(&'a Row<'a>),
    Feed(&'a Feed),
}

pub(super) fn change(body: &str, now: Timestamp, origin: &Origin<'_>) -> Result<Change, Invalid> {
    let mut reader = Reader::open(body)?;
    if let Some(invalid) = reader.schema(!matches!(origin, Origin::Queue)) {
        return Err(invalid);
    }
    let (org, campaign, source) = match origin {
        Origin::Queue => (None, None, None),
        Origin::Webhook(sender) | Origin::File(Row { sender, .. }) => (
            sender.org.clone(),
            sender.campaign.clone(),
            Some(sender.source.clone()),
        ),
        Origin::Feed(feed) => (Some(feed.org.clone()), Some(feed.campaign.clone()), None),
    };
    reader.known = match origin {
        Origin::Feed(_) => "expected what the feed was asked for, or nothing",
        _ => "expected what the source's secret and path say, or nothing",
    };
    let is_of_queue = matches!(origin, Origin::Queue);
    for (_, member) in operation::OF_OPERATOR {
        if !is_of_queue && reader.remove(member) {
            reader.fault(member, FaultCode::UnknownField, UNKNOWN);
        }
    }
    let org = reader.filled("org", OrgId::parse, org, true);
    let campaign = reader.filled("campaignId", CampaignId::parse, campaign, true);
    let key = reader.required("contactKey", ContactKey::parse);
    let event_id = match origin {
        Origin::Feed(_) => None,
        Origin::File(row) if !reader.has("eventId") => Some(row.event_id.clone()),
        _ => reader.required("eventId", EventId::parse),
    };
    let version = reader.version();
    let latest = now.saturating_add(MAX_AHEAD).unwrap_or(Timestamp::MAX);
    let occurred_at = match origin {
        Origin::File(row) if !reader.has("occurredAt") => row.occurred_at,
        _ => reader.occurred_at(latest),
    };
    let source = reader.filled("source", SourceName::parse, source, false);
    let (event_id, source) = match origin {
        Origin::Feed(feed) => (
            Some(feed.event_id(version, occurred_at)),
            Some(SourceName::reconcile()),
        ),
        _ => (event_id, source),
    };
    let if_absent = reader.text(absent::MEMBER, IfAbsent::parse);
    let operation = reader.operation(is_of_queue);
    let if_absent = match (&operation, if_absent) {
        // Nobody can leave a campaign that they are not in, so a leave creates no contact.
        (Some(Operation::Leave), None) => IfAbsent::SkipOptOut,
        (Some(Operation::Leave), Some(said)) if said != IfAbsent::SkipOptOut => {
            let expected = "expected skipOptOut, or nothing, with operation leave";
            reader.fault(absent::MEMBER, FaultCode::NotAllowed, expected);
            said
        }
        (_, said) => said.unwrap_or_default(),
    };
    match (org, campaign, key, event_id, operation) {
        (Some(org), Some(campaign), Some(key), Some(event_id), Some(operation))
            if reader.faults.is_empty() =>
        {
            Ok(Change {
                org,
                campaign,
                key,
                event_id,
                version,
                occurred_at,
                source,
                if_absent,
                operation,
            })
        }
        _ => Err(Invalid(reader.faults)),
    }
}

struct Reader<'a> {
    /// The members of the body, each of them once.
    members: Vec<Member<'a>>,
    faults: Vec<Fault>,
    /// The message of a fault about a member that differs from the known value.
    known: &'static str,
}

impl<'a> Reader<'a> {
    fn open(body: &'a str) -> Result<Reader<'a>, Invalid> {
        let whole = |code, message: &'static str| {
            let (pointer, message) = (String::new(), message.into());
            Invalid(vec![Fault {
                pointer,
                code,
                message,
            }])
        };
        let is_json = || serde_json::from_str::<&RawValue>(body).is_ok();
        let members = match members(body, "expected an object") {
            Ok(members) => members,
            Err((code, message)) if is_json() => return Err(whole(code, message)),
            Err(_) => return Err(whole(FaultCode::NotJson, "expected one JSON object")),
        };
        let mut reader = Reader {
            members: Vec::with_capacity(fault::FIELDS.len()),
            faults: Vec::new(),
            known: "",
        };
        for (name, value) in members {
            if !fault::FIELDS.contains(&name.as_ref()) {
                reader.fault(&name, FaultCode::UnknownField, UNKNOWN);
                continue;
            }
            if reader.remove(&name) {
                reader.fault(&name, FaultCode::DuplicateField, "expected once");
            }
            reader.members.push((name, value));
        }
        Ok(reader)
    }

    fn member(&self, name: &str) -> Option<&'a RawValue> {
        let member = self.members.iter().find(|(member, _)| member == name);
        member.map(|(_, value)| *value)
    }

    fn has(&self, name: &str) -> bool {
        self.member(name).is_some()
    }

    /// Takes a member out, and returns whether there was one.
    fn remove(&mut self, name: &str) -> bool {
        let known = self.members.len();
        self.members.retain(|(member, _)| member != name);
        self.members.len() < known
    }

    fn fault(&mut self, name: &str, code: FaultCode, message: impl Into<Cow<'static, str>>) {
        if self.faults.len() >= MAX_FAULTS {
            return;
        }
        let escaped = name.replace('~', "~0").replace('/', "~1");
        self.faults.push(Fault {
            pointer: format!("/{escaped}"),
            code,
            message: message.into(),
        });
    }

    /// Checks `schema`. A body of another schema follows other rules, so no other fault of it is
    /// reported.
    fn schema(&mut self, is_optional: bool) -> Option<Invalid> {
        match self.number("schema", "expected the number 1") {
            Some(number) if number::whole(number).as_deref() != Some("1") => {
                self.faults.clear();
                self.fault("schema", FaultCode::UnsupportedSchema, "expected 1");
                Some(Invalid(std::mem::take(&mut self.faults)))
            }
            None if !is_optional => {
                self.missing("schema");
                None
            }
            _ => None,
        }
    }

    fn missing(&mut self, name: &str) {
        if !self.has(name) {
            self.fault(name, FaultCode::Required, "expected this field");
        }
    }

    /// Takes a member of type `T`. An absent member is `None`, and another type is a fault.
    fn value<T: Deserialize<'a>>(&mut self, name: &str, expected: &'static str) -> Option<T> {
        let raw = self.member(name)?;
        let value = serde_json::from_str(raw.get()).ok();
        if value.is_none() {
            self.fault(name, FaultCode::WrongType, expected);
        }
        value
    }

    /// Takes the text of a number, as it was written.
    fn number(&mut self, name: &str, expected: &'static str) -> Option<&'a str> {
        let text = self.member(name)?.get();
        if text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
            return Some(text);
        }
        self.fault(name, FaultCode::WrongType, expected);
        None
    }

    fn text<T>(&mut self, name: &str, parse: Parse<T>) -> Option<T> {
        let raw = self.member(name)?;
        let parsed = match string(raw) {
            Ok(Some(text)) => parse(&text).map_err(|expected| (FaultCode::WrongFormat, expected)),
            Ok(None) => Err((FaultCode::WrongType, "expected a string".into())),
            Err(half) => Err((FaultCode::WrongFormat, half.into())),
        };
        parsed
            .map_err(|(code, expected)| self.fault(name, code, expected))
            .ok()
    }

    fn required<T>(&mut self, name: &str, parse: Parse<T>) -> Option<T> {
        self.missing(name);
        self.text(name, parse)
    }

    /// Takes a member whose value is known already. It may be left out, and another value is a
    /// fault.
    fn filled<T: PartialEq>(
        &mut self,
        name: &str,
        parse: Parse<T>,
        known: Option<T>,
        is_required: bool,
    ) -> Option<T> {
        if known.is_none() && is_required {
            self.missing(name);
        }
        match (self.text(name, parse), known) {
            (Some(said), Some(known)) if said != known => {
                self.fault(name, FaultCode::NotAllowed, self.known);
                None
            }
            (said, known) => said.or(known),
        }
    }

    fn version(&mut self) -> Option<Rank> {
        const EXPECTED: &str = "expected a whole number from 0 to 9007199254740991";
        let rank = Rank::from_number(self.number("version", EXPECTED)?);
        if rank.is_none() {
            self.fault("version", FaultCode::OutOfRange, EXPECTED);
        }
        rank
    }

    fn occurred_at(&mut self, latest: Timestamp) -> Option<Timestamp> {
        let at = self.text("occurredAt", rfc3339)?;
        if at > latest {
            self.fault(
                "occurredAt",
                FaultCode::InFuture,
                "expected at most 5 minutes ahead of the receiver's clock",
            );
        }
        Some(at)
    }
}
