//! From a webhook's body to its changes, as pure functions: the clock is an argument.
//!
//! A body is taken apart into items, and each item becomes changes by itself: of a source without a mapping an
//! item is one change, of one with a mapping whatever its program makes of it.

mod fill;
mod hear;
mod items;
mod of_item;
mod route;
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

/// The most changes that an item becomes: a body of 256 KiB cannot name more contacts.
const MOST_OF_ITEM: usize = 20_000;
/// The most faults that are told.
const MOST_FAULTS: usize = 1_000;

/// What the items of a body became.
#[derive(Default)]
pub struct Reading {
    /// Changes, in the order of their items, and what is heard of opt-outs of those that become none
    /// otherwise.
    pub changes: Vec<Placed>,
    /// The places of items that become no change, as they should, and why.
    pub faulty: Vec<(usize, Vec<Fault>)>,
}

/// A change, and of which item it was made.
pub struct Placed {
    /// The place of the item.
    pub item: usize,
    /// Where the item stands in the body.
    pub pointer: String,
    /// The change.
    pub change: Change,
}

impl Reading {
    /// All faults in the order of their items; of very many the first.
    pub fn into_faults(self) -> Vec<Fault> {
        let faults = self.faulty.into_iter().flat_map(|(_, faults)| faults);
        faults.take(MOST_FAULTS).collect()
    }
}

/// A body of somebody who is let in, without what shows that.
pub struct Body<'a> {
    /// How it holds what it delivers, by its request's headers; or what is wrong with those.
    pub form: &'a Result<Form, Fault>,
    /// Its text.
    pub text: &'a str,
    /// The headers of its request.
    pub headers: &'a HeaderMap,
}

/// What a body became.
pub struct TakenApart<'a> {
    /// What became changes by itself.
    pub items: Vec<Item<'a>>,
    /// The headers that the source's mapping reads.
    pub headers: BTreeMap<String, String>,
    /// The changes, and what became none.
    pub reading: Reading,
}

/// The changes of a body.
///
/// # Errors
/// What is wrong with the request as a whole, whatever its source wishes.
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
            // A signature is over the body, and not over the media type.
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

/// The headers that the source's mapping reads: of one that comes several times, all, parted by commas.
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

/// The changes of all items, each item by itself, at most so many for each campaign. `headers`: those that the
/// mapping reads.
///
/// A change may stand twice, as it may be sent twice; but two changes of one contact never have one
/// event id, or the second would be taken for the first sent again.
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
                        heard: changes.into_iter().filter(opts_out).collect(),
                    })
                }
            }
        });
        match changes {
            Ok(changes) => reading.changes.extend(changes.into_iter().map(placed)),
            Err(unread) => {
                reading.changes.extend(unread.heard.into_iter().map(placed));
                reading.faulty.push((place, unread.faults));
            }
        }
    }
    reading
}

/// What is wrong with more changes than there may be.
fn within(most: usize, changes: usize, item: &Item<'_>) -> Option<Fault> {
    let message = "expected at most 1,000 changes of a request, for each campaign of its source";
    let fault = || fault(&item.pointer, FaultCode::TooMany, message);
    (changes > most).then(fault)
}

/// The deduplication id of each event of a contact.
#[derive(Default)]
struct Events(BTreeMap<(MessageGroup, EventId), String>);

impl Events {
    /// What is wrong where one of the changes has the event id of another change of its contact.
    fn again(&mut self, changes: &[Change], item: &Item<'_>) -> Option<Fault> {
        let mut is_again = false;
        for change in changes {
            let event = (change.message_group(), change.event_id.clone());
            let id = change.deduplication_id();
            is_again |= *self.0.entry(event).or_insert_with(|| id.clone()) != id;
        }
        let message =
            "expected another one than that of an earlier change of this contact in this request";
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
