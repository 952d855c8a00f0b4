//! The DNC list of an org. A campaign that names the list calls nobody who is on it, whatever
//! happens to the contact (docs/genesys-cloud.md "DNC lists").
//!
//! This module says which [`Entry`] a contact needs and when a change waits for it. The calls are
//! in `io::genesys::dnc`, and `attempt::owed` collects what an attempt owes the list.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use crate::batch::{Evidence, ParkReason, Parking, Retry, Verdict};
use crate::change::{ContactKey, Operation};
use crate::contact::Contact;
use crate::failure::{Failure, Kind};
use crate::retry::{CLOSED, Cause};
use crate::version::Mark;

/// An internal DNC list that opt-outs are added to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DncList {
    /// The id of the list.
    pub id: DncListId,
    /// The part of a contact that is an entry of the list.
    pub by: DncBy,
}

/// The part of a contact that is an entry of a DNC list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DncBy {
    /// The contact key, on a list of type `rds_custom`.
    ContactKey,
    /// A phone number, on a list of type `rds`.
    Phone {
        /// The column that holds the number.
        column: String,
    },
}

/// The entry of one contact on a DNC list. It is personal data, which `Debug` does not show.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry(String);

impl Entry {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entry")
    }
}

/// The id of a DNC list, in the form that the service gives to ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DncListId(String);

impl DncListId {
    /// The rule for an id.
    pub const EXPECTED: &'static str = "1 to 64 characters of A-Z, a-z, 0-9 and -";

    /// Checks an id.
    ///
    /// # Errors
    /// A message that says what was expected.
    pub fn parse(text: &str) -> Result<DncListId, Cow<'static, str>> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if (1..=64).contains(&text.len()) && text.bytes().all(is_plain) {
            return Ok(DncListId(text.to_owned()));
        }
        Err(Self::EXPECTED.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl DncList {
    /// The entry for a contact. `None` means that the contact has no number. `value` returns the
    /// value of a column of the contact.
    ///
    /// A number is sent as the contact holds it, without white space at its ends. The service
    /// compares numbers by rules of its own, so another form might be another number.
    pub fn entry<'a>(
        &self,
        key: &'a ContactKey,
        value: impl FnOnce(&str) -> Option<&'a str>,
    ) -> Option<Entry> {
        let entry = match &self.by {
            DncBy::ContactKey => Some(key.as_str()),
            DncBy::Phone { column } => value(column).and_then(number),
        };
        entry.map(|entry| Entry(entry.to_owned()))
    }

    /// The entries that must be on the list for the contact `left` by the changes, which come
    /// oldest first. It is empty if none is owed: the contact may be called, the CRM did not opt it
    /// out, or the newest change about it is an opt-in.
    pub fn owed<'a>(
        &self,
        key: &ContactKey,
        left: &Contact,
        before: Option<&Contact>,
        changes: impl Iterator<Item = &'a Operation> + Clone,
    ) -> Vec<Entry> {
        let word = changes.clone().filter_map(Operation::callable).last();
        let is_out = !left.callable && !matches!(decided(left), Some(Mark::Raised | Mark::Left));
        if !is_out || word == Some(true) {
            return Vec::new();
        }
        // An opt-out without a number is about the number that the contact had until then.
        let is_of_before =
            |change: &Operation| change.is_opt_out() && self.number_in(change).flatten().is_none();
        let of_before = before.filter(|_| changes.clone().any(is_of_before));
        let of_left = changes.clone().any(|change| self.concerns(change, left));
        let contacts = of_before.into_iter().chain(of_left.then_some(left));
        let mut owed: Vec<_> = contacts
            .filter_map(|contact| {
                self.entry(key, |column| contact.data.get(column).map(String::as_str))
            })
            .collect();
        owed.dedup();
        owed
    }

    /// The value that a change gives to the column of numbers.
    fn number_in<'a>(&self, change: &'a Operation) -> Option<Option<&'a str>> {
        match &self.by {
            DncBy::ContactKey => None,
            DncBy::Phone { column } => change.data()?.get(column).map(Option::as_deref),
        }
    }

    /// Whether a change is done only once the contact's entry is on the list. That holds for an
    /// opt-out, and for a new number of a contact that the CRM opted out.
    pub fn concerns(&self, change: &Operation, left: &Contact) -> bool {
        match change.callable() {
            Some(_) => change.is_opt_out(),
            None => self.number_in(change).is_some() && decided(left).is_some(),
        }
    }
}

fn decided(contact: &Contact) -> Option<Mark> {
    contact.version.decision.map(|decision| decision.mark)
}

/// The verdict on a change that is written, but whose entry failed. Its write is not repeated; only
/// the entry is tried again.
///
/// - `at_least`: the shortest wait.
/// - `fails_for`: how long this copy has seen the list accept nothing.
/// - `is_opt_out_refused`: the opt-out itself was refused for good, so the change is parked in any
///   case, and this is added to the reason.
pub fn not_listed(
    verdict: Verdict,
    failure: &Failure,
    at_least: Duration,
    fails_for: Duration,
    is_opt_out_refused: bool,
) -> Verdict {
    // The service says that this is no number, so nobody can call it. A refusal without a code may
    // be about the list.
    let is_for_good = failure.kind == Kind::Rejected && failure.code.is_some();
    let cause = match failure.kind {
        Kind::Full { after } | Kind::Closed { after } => Cause::DncList { after },
        Kind::Refused | Kind::Rejected => Cause::DncList { after: CLOSED },
        _ if failure.leaves_unknown() => Cause::DncList {
            after: Duration::ZERO,
        },
        _ => failure.cause(),
    };
    // A lack of calls or of time says nothing about the list.
    let is_of_list = matches!(cause, Cause::DncList { .. });
    match verdict {
        Verdict::Park(mut parking) if is_for_good || is_opt_out_refused && is_of_list => {
            let too = format!("; and it is not on the DNC list: {failure}");
            parking.evidence.detail.push_str(&too);
            return Verdict::Park(parking);
        }
        Verdict::Done(_) | Verdict::Kept(_) if is_for_good => {
            return Verdict::Park(Parking {
                reason: ParkReason::NotOnDncList,
                evidence: Evidence::from(failure),
            });
        }
        Verdict::Done(_) | Verdict::Kept(_) | Verdict::Park(_) => {}
        Verdict::Retry(_) | Verdict::Confirm(_) => return verdict,
    }
    Verdict::Retry(Retry {
        cause,
        evidence: Evidence::from(failure),
        is_campaign_well: false,
        missing_for: fails_for,
        is_opt_out: true,
        at_least,
    })
}

/// A number as it is sent. A text without a digit, such as `unknown`, is no number.
pub fn number(text: &str) -> Option<&str> {
    let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
    has_digit.then(|| text.trim())
}

#[cfg(test)]
mod tests;
