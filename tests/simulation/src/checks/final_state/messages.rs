//! Promises 1, 8, 11 and 13 for messages: no acknowledged change is lost, nothing is parked without
//! need, and no id holds personal data.
//!
//! `crate::checks::batches` checks what one invocation parked.

use std::collections::BTreeMap;
use std::time::Duration;

use io::queue::Message;
use jiff::Timestamp;

use crate::checks::leaks;
use crate::seams::{Outside, Seen};
use crate::story::HORIZON;
use crate::wire::event_id;

pub(super) fn violations(outside: &Outside, seen: &Seen) -> Vec<String> {
    let mut violations = Vec::new();
    let given_up = outside.dead_letters.messages();
    if given_up.iter().any(|message| message.attributes.is_empty()) {
        violations.push("11: the queue gave a message up, and apply did not park it".to_owned());
    }
    violations.extend(lost(seen));
    for (at, message) in &seen.parked {
        violations.extend(wrongly_parked(outside, seen, *at, message));
    }
    let parked = seen.parked.iter().map(|(_, message)| message);
    for message in seen.stored.iter().chain(parked) {
        violations.extend(leaks("a message group id", &message.group));
        violations.extend(leaks("a deduplication id", &message.deduplication_id));
    }
    violations
}

/// The acknowledged changes that are neither done nor parked.
fn lost(seen: &Seen) -> impl Iterator<Item = String> {
    let is_parked = |id: &String| {
        let mut parked = seen.parked.iter();
        parked.any(|(_, message)| event_id(&message.body) == *id)
    };
    let is_lost = move |id: &&String| !seen.done_at.contains_key(*id) && !is_parked(id);
    let lost = seen.acknowledged.iter().filter(is_lost);
    lost.map(|id| format!("1: a change that was acknowledged is lost: {id}"))
}

fn wrongly_parked(outside: &Outside, seen: &Seen, at: Timestamp, message: &Message) -> Vec<String> {
    let mut violations = Vec::new();
    let attributes = message.attributes.iter();
    let attributes: BTreeMap<_, _> = attributes
        .map(|(name, text)| (*name, text.as_str()))
        .collect();
    let reason = attributes.get("reason").copied().unwrap_or("none");
    let is_good = seen.acknowledged.contains(&event_id(&message.body));
    let is_late = ["retryHorizon", "notOnDncList"].contains(&reason);
    if reason == "notOnDncList" && !outside.story.fills_a_dnc_list() {
        violations.push("13: an opt-out is parked for a DNC list that takes entries".to_owned());
    }
    if is_good && !is_late {
        violations.push(format!("1: a good change is parked as {reason}"));
    }
    if is_late {
        let first = attributes.get("firstReceivedAt");
        let first: Option<Timestamp> = first.and_then(|text| text.parse().ok());
        // The clock of a copy may be wrong by this much.
        let least = HORIZON - Duration::from_mins(3);
        if first.is_none_or(|first| at < first + least) {
            violations.push(format!(
                "horizon: a change is parked as {reason} before the horizon"
            ));
        }
    }
    for (name, text) in &attributes {
        let place = format!("the attribute {name} of a parked message");
        violations.extend(leaks(&place, text));
    }
    violations
}
