//! Promises 1 and 3: a webhook with faulty items loses nothing.
//!
//! When it is accepted, its good items are in the queue, each as the story says, and its faulty
//! items are in the dead-letter queue. Each opt-out that can be read in a faulty item is in the
//! queue too.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::change::key_of;
use crate::lock;
use crate::seams::{Outside, Seen};
use crate::story::vendor::{Item, VENDOR_KEY};
use crate::story::{Action, Ranking};

/// How long SQS drops a message that it already has.
const DROPPED: SignedDuration = SignedDuration::from_mins(5);

/// The items that ingest parked, with the time.
fn parked(seen: &Seen) -> impl Iterator<Item = (Timestamp, Value)> {
    let is_unmapped = |message: &io::queue::Message| {
        let reason = ("reason", "unmapped".to_owned());
        message.attributes.contains(&reason)
    };
    let of_ingest = seen
        .parked
        .iter()
        .filter(move |(_, message)| is_unmapped(message));
    of_ingest.map(|(at, message)| {
        let body: Value = serde_json::from_str(&message.body).unwrap_or_default();
        (*at, body["item"].clone())
    })
}

fn items(outside: &Outside) -> impl Iterator<Item = &Item> {
    let steps = outside.story.steps.iter();
    steps.flat_map(|step| match &step.action {
        Action::Deliver { items, .. } => items.as_slice(),
        _ => &[],
    })
}

/// The parts of a change that count, whoever sent it.
fn meant(body: &Value) -> Value {
    let mut meant = body.clone();
    if let Some(members) = meant.as_object_mut() {
        members.retain(|name, value| {
            let is_usual = name == "operation" && value == "upsert";
            name != "schema" && name != "source" && !is_usual
        });
    }
    meant
}

/// Checks a webhook that was answered with 202.
pub(crate) fn check_accepted(outside: &Outside, items: &[Item], reply: &Value) {
    let mut seen = lock(&outside.seen);
    let mut violations = Vec::new();
    let (mut changes, mut faulty) = (0, 0);
    for item in items {
        for body in item.at_once() {
            changes += 1;
            let id = body["eventId"].as_str().unwrap_or_default();
            if !seen.stored_at.contains_key(id) {
                violations.push(match item.is_faulty {
                    true => "3: an opt-out that can be read in a faulty item does not take effect"
                        .to_owned(),
                    false => {
                        format!("1: a webhook is accepted, and its good item {id} is not queued")
                    }
                });
            }
            seen.acknowledged.insert(id.to_owned());
        }
        if item.is_faulty {
            faulty += 1;
            if !parked(&seen).any(|(_, raw)| raw == item.raw) {
                let what = "1: a webhook is accepted, and its faulty item is not parked";
                violations.push(what.to_owned());
            }
        }
    }
    drop(seen);
    if reply["accepted"] != changes || reply["parked"] != faulty {
        violations.push(format!(
            "1: a webhook with {changes} changes and {faulty} faulty items is answered with {reply}"
        ));
    }
    outside.violated_all(violations);
}

/// Checks, once everything is quiet, that the queues hold only changes and items of the story, and
/// no item twice within five minutes.
pub(super) fn violations(outside: &Outside, seen: &Seen) -> Vec<String> {
    let mut violations = Vec::new();
    let mut parked_at: BTreeMap<String, Timestamp> = BTreeMap::new();
    for (at, raw) in parked(seen) {
        if !items(outside).any(|item| item.is_faulty && item.raw == raw) {
            violations.push("1: an item is parked that is not faulty".to_owned());
        }
        let before = parked_at.insert(raw.to_string(), at);
        if before.is_some_and(|before| at < before + DROPPED) {
            violations.push("1: a faulty item is parked twice within five minutes".to_owned());
        }
    }
    let expected: Vec<_> = items(outside).flat_map(Item::changes).map(meant).collect();
    for message in &seen.stored {
        let body: Value = serde_json::from_str(&message.body).unwrap_or_default();
        let id = body["eventId"].as_str().unwrap_or_default();
        let is_of_vendor = id.starts_with(VENDOR_KEY) && !id.contains("joins");
        if is_of_vendor && !expected.contains(&meant(&body)) {
            violations.push(format!(
                "1: an item became {id}, and that is not the change that it holds"
            ));
        }
    }
    violations
}

/// Checks, after the mapping was mended, that every change that it makes is in the queue.
pub(crate) fn check_mended(outside: &Outside) {
    let seen = lock(&outside.seen);
    let mut lost = Vec::new();
    for item in items(outside) {
        let Some(body) = &item.mended else { continue };
        let (_, campaign, _) = key_of(body);
        let org = outside.story.org_of(&campaign);
        let is_ranked = org.is_some_and(|org| org.ranking != Ranking::None);
        let id = body["eventId"].as_str().unwrap_or_default();
        let is_parked = parked(&seen).any(|(_, raw)| raw == item.raw);
        if is_ranked && is_parked && !seen.stored_at.contains_key(id) {
            lost.push(format!("1: the mended item {id} is not queued"));
        }
    }
    drop(seen);
    outside.violated_all(lost);
}
