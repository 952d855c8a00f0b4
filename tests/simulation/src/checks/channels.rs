//! Promises 4 and 12: channels and numbers are closed as changes say, and nothing else that the
//! dialler owns is altered.
//!
//! `super::dnc` checks DNC lists, and `super::final_state` who may be called at all.

use std::collections::BTreeMap;

use emulator::genesys::{Alteration, Contact};
use emulator::world::VERSION_FIELD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::change::{key_of, opts_out};
use crate::seams::Outside;
use crate::story::{CHANNELS, Org};

const OF_CHANNELS: (&str, &str) = ("contactableStatus", "contactable");
const OF_NUMBERS: (&str, &str) = ("phoneNumberStatus", "callable");

/// A switch: the member of a contact, the name within the member, and the field that is false.
type Switch = (&'static str, String, &'static str);

/// The switches that a change closes.
pub(super) fn closed_by(body: &Value) -> Vec<Switch> {
    let of = |member: &str, (status, switch): (&'static str, &'static str)| -> Vec<Switch> {
        let named = body[member].as_object().into_iter().flatten();
        named
            .map(|(name, _)| (status, name.clone(), switch))
            .collect()
    };
    let mut closed = of("contactable", OF_CHANNELS);
    closed.extend(of("phones", OF_NUMBERS));
    closed
}

fn every_channel() -> impl Iterator<Item = Switch> {
    let (status, switch) = OF_CHANNELS;
    CHANNELS
        .into_iter()
        .map(move |channel| (status, channel.to_owned(), switch))
}

/// Whether the contact has this switch closed.
fn is_closed(contact: &Contact, (status, name, switch): &Switch) -> bool {
    let statuses = contact.of_the_dialler.get(*status);
    let status = statuses.and_then(|statuses| statuses.get(name));
    status.is_some_and(|status| status[*switch] == false)
}

/// Whether the product altered anything of the dialler's except the switches that changes close.
pub(super) fn is_altered(
    org: &Org,
    alteration: &Alteration,
    stored: &[io::queue::Message],
) -> bool {
    let (Some(before), Some(after)) = (&alteration.before, &alteration.after) else {
        return false;
    };
    if before.of_the_dialler == after.of_the_dialler {
        return false;
    }
    let bodies = stored
        .iter()
        .filter_map(|message| serde_json::from_str(&message.body).ok());
    let of_contact: Vec<Value> = bodies
        .filter(|body| {
            let (_, campaign, key) = key_of(body);
            (campaign, key) == (alteration.campaign.clone(), alteration.key.clone())
        })
        .collect();
    let mut may_be_closed: Vec<_> = of_contact.iter().flat_map(closed_by).collect();
    if org.opts_out_of_all && of_contact.iter().any(opts_out) {
        may_be_closed.extend(every_channel());
    }
    let mut expected: Map<String, Value> = before.of_the_dialler.clone();
    for switch in may_be_closed {
        if is_closed(after, &switch) {
            let (status, name, switch) = switch;
            let statuses = expected.entry(status).or_insert_with(|| json!({}));
            statuses[name][switch] = false.into();
        }
    }
    expected != after.of_the_dialler
}

/// Finds switches that are open although a change that is done closed them.
pub(super) fn left_open(
    outside: &Outside,
    org: &Org,
    bodies: &[(String, Value)],
    done: &BTreeMap<String, Timestamp>,
) -> Vec<String> {
    let mut violations = Vec::new();
    for (_, body) in bodies.iter().filter(|(id, _)| done.contains_key(id)) {
        let (of, campaign, key) = key_of(body);
        let closed = closed_by(body);
        if of != org.name || closed.is_empty() || outside.story.deletes(&campaign, &key) {
            continue;
        }
        let contact = outside.genesys.contact(&campaign, &key);
        let is_open = |switch: &Switch| {
            let contact = contact.as_ref();
            contact.is_none_or(|contact| !is_closed(contact, switch))
        };
        if closed.iter().any(is_open) {
            violations.push(format!(
                "4: a channel or number of a contact of {campaign} is open, and a change that is done closed it"
            ));
        }
    }
    violations
}

/// If the org opts out of every channel, no channel of an opted-out contact is open.
pub(super) fn left_reachable(org: &Org, alteration: &Alteration) -> Option<String> {
    let after = alteration.after.as_ref()?;
    let was_callable = alteration
        .before
        .as_ref()
        .is_none_or(|before| before.callable);
    // The contact was not in the campaign, and its change closed only a channel.
    let version = after.data.get(VERSION_FIELD);
    let is_of_channel =
        alteration.before.is_none() && version.is_some_and(|text| text.ends_with(":-"));
    let is_lowered =
        alteration.client_id.is_some() && was_callable && !after.callable && !is_of_channel;
    let is_reached = || every_channel().any(|channel| !is_closed(after, &channel));
    (org.opts_out_of_all && is_lowered && is_reached()).then(|| {
        format!(
            "4: a contact of {} is opted out of everything, and a channel is open",
            alteration.campaign
        )
    })
}
