//! A webhook's changes, as pure functions: the clock is an argument.

use std::collections::BTreeMap;

use domain::Change;
use domain::change::{Fault, FaultCode, Sender};
use domain::json::Members;
use jiff::Timestamp;
use serde_json::value::RawValue;

/// The most changes of one request.
const MOST: usize = 100;
/// The most faults that are told.
const MOST_FAULTS: usize = 1_000;

/// The changes of a body: one, or `{"changes": [ … ]}` with 1 to 100, each with the place where it
/// stands.
///
/// A change may stand twice, as it may be sent twice; but two changes of one contact never have one
/// event id, or the second would be taken for the first sent again.
///
/// # Errors
/// Every fault of every change (of more than 1,000 the first), with JSON pointers into the body.
pub fn changes(
    text: &str,
    sender: &Sender,
    now: Timestamp,
) -> Result<Vec<(String, Change)>, Vec<Fault>> {
    let pointers_and_texts = match wrapped(text) {
        None => vec![(String::new(), text)],
        Some(wrapped) => wrapped?,
    };
    let (mut changes, mut faults) = (Vec::new(), Vec::new());
    let mut events = BTreeMap::new();
    for (pointer, text) in pointers_and_texts {
        match Change::parse_from(sender, text, now) {
            Ok(change) => {
                let event = (change.message_group(), change.event_id.clone());
                let id = change.deduplication_id();
                if *events.entry(event).or_insert_with(|| id.clone()) != id {
                    faults.push(Fault {
                        pointer: format!("{pointer}/eventId"),
                        code: FaultCode::NotAllowed,
                        message: "expected another one than that of an earlier change of this contact in this request".into(),
                    });
                }
                changes.push((pointer, change));
            }
            Err(invalid) => faults.extend(invalid.faults().iter().cloned().map(|mut fault| {
                fault.pointer.insert_str(0, &pointer);
                fault
            })),
        }
    }
    faults.truncate(MOST_FAULTS);
    if faults.is_empty() {
        Ok(changes)
    } else {
        Err(faults)
    }
}

/// Texts of changes, each with the place where it stands.
type Placed<'a> = Vec<(String, &'a str)>;

/// The texts of `changes`; `None`: there is no such member, and the body is one change.
fn wrapped(text: &str) -> Option<Result<Placed<'_>, Vec<Fault>>> {
    let members: Members<'_> = serde_json::from_str(text).ok()?;
    let (lists, others): (Vec<_>, Vec<_>) = members
        .0
        .into_iter()
        .partition(|(name, _)| name == "changes");
    let (_, changes) = lists.first()?;
    let fault = |pointer: String, code, message: &'static str| Fault {
        pointer,
        code,
        message: message.into(),
    };
    let mut faults = Vec::new();
    for (name, _) in others {
        let name = name.replace('~', "~0").replace('/', "~1");
        faults.push(fault(
            format!("/{name}"),
            FaultCode::UnknownField,
            "expected nothing beside changes",
        ));
    }
    if lists.len() > 1 {
        faults.push(fault(
            "/changes".to_owned(),
            FaultCode::DuplicateField,
            "expected once",
        ));
    }
    let pointer = || "/changes".to_owned();
    let texts: Vec<&RawValue> = serde_json::from_str(changes.get()).unwrap_or_else(|_| {
        faults.push(fault(
            pointer(),
            FaultCode::WrongType,
            "expected an array of changes",
        ));
        Vec::new()
    });
    if faults.is_empty() && texts.is_empty() {
        faults.push(fault(
            pointer(),
            FaultCode::Required,
            "expected 1 to 100 changes",
        ));
    } else if texts.len() > MOST {
        faults.push(fault(
            pointer(),
            FaultCode::TooMany,
            "expected 1 to 100 changes",
        ));
    }
    if !faults.is_empty() {
        faults.truncate(MOST_FAULTS);
        return Some(Err(faults));
    }
    let texts = texts.into_iter().enumerate();
    Some(Ok(texts
        .map(|(index, text)| (format!("/changes/{index}"), text.get()))
        .collect()))
}

#[cfg(test)]
mod tests;
