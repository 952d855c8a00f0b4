//! Turns the body of a webhook into changes, by pure functions: the clock is an argument.
//!
//! A body is taken apart into items (`items`), and each item becomes changes by itself (`of_item`).
//! An item of a source without a mapping is one change. An item of a source with a mapping is
//! whatever the mapping's program makes of it. Then `route` chooses the campaigns. The opt-out in a
//! faulty item is read by `salvage`, and `unmapped` is the form in which such an item is parked.

mod fill;
mod items;
mod of_item;
mod route;
mod salvage;
mod unmapped;

use items::Bounds;
use items::items;
pub use items::{Event, Extent, Item};
use of_item::{Reader, Unread};
pub(crate) use unmapped::detail;
pub use unmapped::{REASON, Unmapped};

use std::borrow::Cow;
use std::collections::BTreeMap;

use domain::Change;
use domain::change::{EventId, Fault, FaultCode, MessageGroup, Sender};
use http::HeaderMap;
use io::secrets::SourceSecret;
use jiff::Timestamp;

use crate::cloud_event::Form;

/// The most changes of one item. A body of 256 KiB cannot name more contacts.
const MOST_OF_ITEM: usize = 20_000;
/// The most faults that are reported.
const MOST_FAULTS: usize = 1_000;

/// The results for the items of a body.
#[derive(Default)]
pub struct Reading {
    /// The changes, in the order of their items. The opt-outs of faulty items are among them.
    pub changes: Vec<Placed>,
    /// The faulty items by their places, with their faults.
    pub faulty: Vec<(usize, Vec<Fault>)>,
}

/// A change, and the item that it was made of.
pub struct Placed {
    /// The place of the item.
    pub item: usize,
    /// The JSON pointer to the item in the body.
    pub pointer: String,
    /// The change.
    pub change: Change,
}

impl Reading {
    /// Every fault in the order of the items, up to a limit.
    pub fn into_faults(self) -> Vec<Fault> {
        let faults = self.faulty.into_iter().flat_map(|(_, faults)| faults);
        faults.take(MOST_FAULTS).collect()
    }
}

/// The body of a sender that was let in, without its token.
pub struct Body<'a> {
    /// The form of the body by the headers of the request, or the fault in those headers.
    pub form: &'a Result<Form, Fault>,
    /// Its text.
    pub text: &'a str,
    /// The headers of its request.
    pub headers: &'a HeaderMap,
}

/// The result for a whole body.
pub struct TakenApart<'a> {
    /// The items.
    pub items: Vec<Item<'a>>,
    /// The headers that the source's mapping reads.
    pub headers: BTreeMap<String, String>,
    /// The changes, and the faults of the items that became none.
    pub reading: Reading,
}

/// The changes of a body.
///
/// # Errors
/// The fault of the whole request, which is refused even if the source parks items.
pub fn take_apart<'a>(
    secret: &SourceSecret,
    sender: &Sender,
    body: &Body<'a>,
    now: Timestamp,
) -> Result<TakenApart<'a>, Vec<Fault>> {
    let headers = headers(secret, body.headers);
    let items = match body.form {
        Ok(Form::Binary(_)) if secret.auth.signs_body() => {
            return Err(vec![fault("", FaultCode::NotAllowed, UNSIGNED_EVENT)]);
        }
        Ok(_) if secret.auth.signs_body() => {
            // A signature does not cover the media type.
            let form = Form::of_text(body.text);
            items(secret.mapping.as_ref(), &form, body.text)
        }
        Ok(form) => items(secret.mapping.as_ref(), form, body.text),
        Err(fault) => vec![Item::whole(body.text, fault.clone())],
    };
    let most = Bounds::REQUEST.mapped;
    let reading = read(most, secret, sender, &items, &headers, now);
    Ok(TakenApart {
        items,
        headers,
        reading,
    })
}

const UNSIGNED_EVENT: &str = "expected an event in the body (application/cloudevents+json): the source's signature is not over the ce- headers";

/// The headers that the mapping reads. The values of a repeated header are joined with commas.
fn headers(secret: &SourceSecret, all: &HeaderMap) -> BTreeMap<String, String> {
    let names = secret.mapping.iter().flat_map(|mapping| mapping.headers());
    let value = |name: &String| {
        let values = all.get_all(name.as_str());
        let values: Vec<_> = values
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        (!values.is_empty()).then(|| (name.clone(), values.join(", ")))
    };
    names.filter_map(value).collect()
}

/// The changes of every item, with a limit for each campaign. `headers` are those that the mapping
/// reads.
///
/// A change may occur twice, because it may also be sent twice. Two different changes of one
/// contact must not share an event id, because the second would be taken for a repetition of the
/// first.
fn read(
    most: usize,
    secret: &SourceSecret,
    sender: &Sender,
    items: &[Item<'_>],
    headers: &BTreeMap<String, String>,
    now: Timestamp,
) -> Reading {
    let reader = Reader {
        secret,
        sender,
        headers,
        now,
    };
    let (mut reading, mut events) = (Reading::default(), Events::default());
    for (place, item) in items.iter().enumerate() {
        let placed = |change| Placed {
            item: place,
            pointer: item.pointer.clone(),
            change,
        };
        let changes = reader.changes(item).and_then(|changes| {
            let most = most.saturating_mul(secret.campaigns.ids().len().max(1));
            let refused = within(most, reading.changes.len() + changes.len(), item);
            match refused.or_else(|| events.again(&changes, item)) {
                None => Ok(changes),
                Some(fault) => {
                    let opts_out = |change: &Change| change.operation.opts_out();
                    Err(Unread {
                        faults: vec![fault],
                        salvaged: changes.into_iter().filter(opts_out).collect(),
                    })
                }
            }
        });
        match changes {
            Ok(changes) => reading.changes.extend(changes.into_iter().map(placed)),
            Err(unread) => {
                reading
                    .changes
                    .extend(unread.salvaged.into_iter().map(placed));
                reading.faulty.push((place, unread.faults));
            }
        }
    }
    reading
}

/// The fault of an item that makes more changes than are allowed.
fn within(most: usize, changes: usize, item: &Item<'_>) -> Option<Fault> {
    let message = "expected at most 1,000 changes of a request, for each campaign of its source";
    let fault = || fault(&item.pointer, FaultCode::TooMany, message);
    (changes > most).then(fault)
}

/// The deduplication id of each event of each contact.
#[derive(Default)]
struct Events(BTreeMap<(MessageGroup, EventId), String>);

impl Events {
    /// The fault of an item whose change has the event id of another change of the same contact.
    fn again(&mut self, changes: &[Change], item: &Item<'_>) -> Option<Fault> {
        let mut is_again = false;
        for change in changes {
            let event = (change.message_group(), change.event_id.clone());
            let id = change.deduplication_id();
            is_again |= *self.0.entry(event).or_insert_with(|| id.clone()) != id;
        }
        let message = "expected an event id other than that of an earlier change of this contact in this request";
        let pointer = format!("{}/eventId", item.pointer);
        is_again.then(|| fault(&pointer, FaultCode::NotAllowed, message))
    }
}

fn fault(pointer: &str, code: FaultCode, message: impl Into<Cow<'static, str>>) -> Fault {
    Fault {
        pointer: pointer.to_owned(),
        code,
        message: message.into(),
    }
}

fn below(pointer: &str, mut fault: Fault) -> Fault {
    fault.pointer.insert_str(0, pointer);
    fault
}

#[cfg(test)]
mod tests;
