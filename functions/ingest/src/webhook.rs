//! From a webhook's body to its changes, as pure functions: the clock is an argument.
//!
//! A body is taken apart into items ([`items`]), and each item becomes changes by itself ([`read`]): of a
//! source without a mapping an item is one change, of one with a mapping whatever its program makes of it.

mod fill;
mod items;
mod route;
mod unmapped;

pub use items::{Extent, Item, items};
pub(crate) use unmapped::detail;
pub use unmapped::{REASON, Unmapped};

use std::borrow::Cow;
use std::collections::BTreeMap;

use domain::Change;
use domain::change::{EventId, Fault, FaultCode, MessageGroup, Sender};
use http::HeaderMap;
use io::secrets::SourceSecret;
use jiff::Timestamp;
use mapping::About;
use serde_json::Value;

/// The most changes that a source's mapping makes of one request.
const MOST_MAPPED: usize = 1_000;
/// The most faults that are told.
const MOST_FAULTS: usize = 1_000;

/// What the items of a body became.
#[derive(Default)]
pub struct Reading {
    /// Changes, in the order of their items.
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

/// The headers that the source's mapping reads: of one that comes several times, all, parted by commas.
pub fn headers(secret: &SourceSecret, all: &HeaderMap) -> BTreeMap<String, String> {
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

/// The changes of all items, each item by itself. `headers`: those that the mapping reads.
///
/// A change may stand twice, as it may be sent twice; but two changes of one contact never have one
/// event id, or the second would be taken for the first sent again.
pub fn read(
    secret: &SourceSecret,
    sender: &Sender,
    items: &[Item<'_>],
    headers: &BTreeMap<String, String>,
    now: Timestamp,
) -> Reading {
    let (mut reading, mut events) = (Reading::default(), Events::default());
    for (place, item) in items.iter().enumerate() {
        let changes = of_item(secret, sender, item, headers, now)
            .and_then(|changes| within(reading.changes.len(), changes, item))
            .and_then(|changes| events.once(changes, item));
        match changes {
            Ok(changes) => {
                let placed = changes.into_iter().map(|change| Placed {
                    item: place,
                    pointer: item.pointer.clone(),
                    change,
                });
                reading.changes.extend(placed);
            }
            Err(faults) => reading.faulty.push((place, faults)),
        }
    }
    reading
}

/// The changes, unless they are too many together with so many that there are already.
fn within(
    already: usize,
    changes: Vec<Change>,
    item: &Item<'_>,
) -> Result<Vec<Change>, Vec<Fault>> {
    if already + changes.len() <= MOST_MAPPED {
        return Ok(changes);
    }
    let message = "expected at most 1,000 changes of a request";
    Err(vec![fault(&item.pointer, FaultCode::TooMany, message)])
}

/// The deduplication id of each event of a contact.
#[derive(Default)]
struct Events(BTreeMap<(MessageGroup, EventId), String>);

impl Events {
    /// The changes, unless one of them has the event id of another change of its contact.
    fn once(&mut self, changes: Vec<Change>, item: &Item<'_>) -> Result<Vec<Change>, Vec<Fault>> {
        let is_other = |change: &Change| {
            let event = (change.message_group(), change.event_id.clone());
            let id = change.deduplication_id();
            *self.0.entry(event).or_insert_with(|| id.clone()) != id
        };
        // All are looked at, so that each is known to what comes later.
        if changes
            .iter()
            .map(is_other)
            .filter(|is_other| *is_other)
            .count()
            == 0
        {
            return Ok(changes);
        }
        let message =
            "expected another one than that of an earlier change of this contact in this request";
        let pointer = format!("{}/eventId", item.pointer);
        Err(vec![fault(&pointer, FaultCode::NotAllowed, message)])
    }
}

fn of_item(
    secret: &SourceSecret,
    sender: &Sender,
    item: &Item<'_>,
    headers: &BTreeMap<String, String>,
    now: Timestamp,
) -> Result<Vec<Change>, Vec<Fault>> {
    if !item.broken.is_empty() {
        return Err(item.broken.clone());
    }
    let Some(mapping) = &secret.mapping else {
        let text = match &item.event {
            Some(event) => Cow::Owned(fill::filled(&item.text, event, &item.pointer)),
            None => Cow::Borrowed(item.text.as_ref()),
        };
        let change = Change::parse_from(sender, &text, now);
        return change.map(|change| vec![change]).map_err(|invalid| {
            let faults = invalid.faults().iter().cloned();
            faults.map(|fault| below(&item.pointer, fault)).collect()
        });
    };
    let event = item
        .event
        .clone()
        .map(|event| Value::from(event).to_string());
    let about = About {
        headers,
        cloud_event: event.as_deref(),
    };
    let mapped = mapping.changes(&item.text, &about, MOST_MAPPED);
    let mapped = mapped
        .map_err(|error| vec![fault(&item.pointer, FaultCode::Unmapped, error.to_string())])?;
    let unmapped = |why: String| {
        let message = format!("of a change that the mapping makes, {why}");
        fault(&item.pointer, FaultCode::Unmapped, message)
    };
    let mut changes = Vec::with_capacity(mapped.len());
    for mapped in &mapped {
        let change = Change::parse_from(sender, &mapped.text, now).map_err(|invalid| {
            let faults = invalid.faults().iter();
            faults
                .map(|found| unmapped(found.to_string()))
                .collect::<Vec<_>>()
        })?;
        if secret.campaigns.is_empty() {
            changes.push(change);
            continue;
        }
        let routed = route::routed(&change, mapped.campaigns.as_deref(), &secret.campaigns);
        changes.extend(routed.map_err(|why| vec![unmapped(why.to_owned())])?);
    }
    Ok(changes)
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
