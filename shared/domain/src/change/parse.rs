//! Reads the text of a message: the result is a [`Change`], or everything that is wrong with the
//! text.
//!
//! [`change`] takes the members one by one with a [`Reader`], which collects faults. The objects of
//! a change are read in [`objects`], its operation in [`operation`]. [`origin`](super::origin) says
//! what a change may leave out, and [`crate::rules`] what an org refuses.

mod objects;
mod operation;
mod raw;
mod reader;

use jiff::{SignedDuration, Timestamp};

use super::absent::{self, IfAbsent};
use super::fault::{FaultCode, Invalid};
use super::origin::Origin;
use super::rfc3339::rfc3339;
use super::{CampaignId, Change, ContactKey, EventId, Operation, OrgId, Rank, SourceName};
use crate::number;
use raw::{Wrong, members, string};
use reader::Reader;

/// How far `occurredAt` may be in the future.
const MAX_AHEAD: SignedDuration = SignedDuration::from_mins(5);

const UNKNOWN: &str = "expected only the fields of schema 1";
const HALF_A_CHARACTER: &str = "expected whole characters; there is half of a surrogate pair";

/// Reads a change.
///
/// # Errors
/// Returns every fault of the body.
pub(super) fn change(body: &str, now: Timestamp, origin: &Origin<'_>) -> Result<Change, Invalid> {
    let fixed = origin.fixed();
    let mut reader = Reader::open(body, fixed.expected)?;
    let is_of_queue = matches!(origin, Origin::Queue);
    if let Some(invalid) = reader.schema(!is_of_queue) {
        return Err(invalid);
    }
    if !is_of_queue {
        reader.refuse_members_of_operator();
    }
    let org = reader.filled("org", OrgId::parse, fixed.org, true);
    let campaign = reader.filled("campaignId", CampaignId::parse, fixed.campaign, true);
    let key = reader.required("contactKey", ContactKey::parse);
    let event_id = reader.event_id(origin);
    let version = reader.version();
    let occurred_at = reader.occurred_at(origin, now);
    let source = reader.filled("source", SourceName::parse, fixed.source, false);
    let (event_id, source) = match origin {
        Origin::Feed(feed) => (
            Some(feed.event_id(version, occurred_at)),
            Some(SourceName::reconcile()),
        ),
        _ => (event_id, source),
    };
    let if_absent = reader.text(absent::MEMBER, IfAbsent::parse);
    let operation = reader.operation(is_of_queue);
    let if_absent = reader.if_absent_of(operation.as_ref(), if_absent);
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

impl Reader<'_> {
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

    /// Refuses the members that only an operator's change has, which is put into the queue.
    fn refuse_members_of_operator(&mut self) {
        for (_, member) in operation::OPERATOR_ONLY {
            if self.remove(member) {
                self.fault(member, FaultCode::UnknownField, UNKNOWN);
            }
        }
    }

    /// Reads `eventId`. A feed gives its changes ids of its own.
    fn event_id(&mut self, origin: &Origin<'_>) -> Option<EventId> {
        match origin {
            Origin::Feed(_) => None,
            Origin::File(row) if !self.has("eventId") => Some(row.event_id.clone()),
            _ => self.required("eventId", EventId::parse),
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

    fn occurred_at(&mut self, origin: &Origin<'_>, now: Timestamp) -> Option<Timestamp> {
        if let Origin::File(row) = origin
            && !self.has("occurredAt")
        {
            return row.occurred_at;
        }
        let latest = now.saturating_add(MAX_AHEAD).unwrap_or(Timestamp::MAX);
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

    /// The value of `ifAbsent` for this operation. Nobody can leave a campaign that they are not
    /// in, so a leave creates no contact.
    fn if_absent_of(&mut self, operation: Option<&Operation>, said: Option<IfAbsent>) -> IfAbsent {
        let is_leave = matches!(operation, Some(Operation::Leave));
        if is_leave && said.is_some_and(|said| said != IfAbsent::SkipOptOut) {
            let expected = "expected skipOptOut, or nothing, with operation leave";
            self.fault(absent::MEMBER, FaultCode::NotAllowed, expected);
        }
        let by_default = match is_leave {
            true => IfAbsent::SkipOptOut,
            false => IfAbsent::default(),
        };
        said.unwrap_or(by_default)
    }
}
