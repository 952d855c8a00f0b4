//! Checks what must hold in a run, by code that shares nothing with the product.
//!
//! A number before a violation is that of a promise in docs/design.md "Promises". Some checks run
//! at each event (here, in `dnc` and in `vendor`), and the others once everything is quiet
//! (`at_rest`). A check never repairs or changes anything; it only records violations. `looked`
//! checks runs of a schedule, and the liveness of others is checked in `crate::trouble`.

mod agents;
mod at_rest;
mod channels;
mod dialler;
mod dnc;
pub(crate) mod looked;
mod strangers;
pub(crate) mod ties;
pub(crate) mod vendor;

pub(crate) use at_rest::{at_rest, before_reconcile, rank};
pub(crate) use dialler::dial;
pub(crate) use dnc::done;
pub(crate) use strangers::{is_heard_now, is_hollow, is_stranger};

use std::collections::{BTreeMap, BTreeSet};

use emulator::genesys::Alteration;
use emulator::world::VERSION_FIELD;
use serde_json::Value;

use crate::chaos::Kind;
use crate::lock;
use crate::seams::{Outside, Seen};
use crate::story::ties::TIED;
use crate::story::vendor::Item;
use crate::story::{CANARY, COLUMNS, Deed, Org, Ranking, Step};
use crate::world::{deduplication_id_of, group_of, key_of};

/// Texts that no log, metric, id or attribute may hold.
const SECRET: [&str; 5] = [CANARY, "hush", "secret-of-", "token-", "whsec_"];

/// Promise 8: no text holds personal data, a token or a secret.
pub(crate) fn is_silent(place: &str, text: &str) -> Vec<String> {
    let found = SECRET.iter().find(|secret| text.contains(**secret));
    found
        .map(|secret| format!("8: {place} holds {secret}"))
        .into_iter()
        .collect()
}

/// Promise 9: if a message of a group fails, every later message of the group fails in that batch.
pub(crate) fn answer(outside: &Outside, answer: &Value, groups: &BTreeMap<&str, Vec<&Value>>) {
    let failed: Vec<_> = answer["batchItemFailures"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    let is_failed = |record: &&Value| {
        failed
            .iter()
            .any(|item| item["itemIdentifier"] == record["messageId"])
    };
    for of_group in groups.values() {
        let after_first = of_group.iter().skip_while(|record| !is_failed(record));
        if !after_first.clone().all(is_failed) {
            outside
                .violated("9: a batch answer gives up a follower of a failed message".to_owned());
        }
    }
    let all: BTreeSet<_> = groups
        .values()
        .flatten()
        .map(|record| record["messageId"].to_string())
        .collect();
    if failed
        .iter()
        .any(|item| !all.contains(&item["itemIdentifier"].to_string()))
    {
        outside.violated("9: a batch answer names a message that was not of the batch".to_owned());
    }
}

/// Checks docs/contract.md "Message group and deduplication ids": in which group a change is, and
/// when it is the same change again.
pub(crate) fn ids(outside: &Outside, message: &io::queue::Message) {
    let body: Value = serde_json::from_str(&message.body).unwrap_or(Value::Null);
    if message.group != group_of(&body) {
        outside.violated("ids: a change is not in the message group of its contact".to_owned());
    }
    if message.deduplication_id != deduplication_id_of(&body) {
        outside.violated("ids: a change has not the deduplication id of its event".to_owned());
    }
}

/// Promise 11: of a message group only the first message that failed may be parked for its
/// failures, because those behind it had no attempt of their own. `answer` is the answer to the
/// batch, if the copy of apply lived to give it.
pub(crate) fn parked(
    outside: &Outside,
    (before, instance): (Before, usize),
    answer: Option<&Value>,
    groups: &BTreeMap<&str, Vec<&Value>>,
) {
    let failed: Vec<_> = answer
        .and_then(|answer| answer["batchItemFailures"].as_array())
        .into_iter()
        .flatten()
        .collect();
    let is_failed = |record: &&&Value| {
        failed
            .iter()
            .any(|item| item["itemIdentifier"] == record["messageId"])
    };
    let seen = lock(&outside.seen);
    let is_violated = groups.iter().any(|(group, records)| {
        let late = seen.parked[before.parked..]
            .iter()
            .filter(|(_, message)| message.group == **group && is_late(message));
        let late: Vec<_> = late.collect();
        let has_failed_before = |body: &str| {
            records
                .iter()
                .take_while(|record| record["body"] != body)
                .any(|r| is_failed(&r))
        };
        late.len() > 1
            || late
                .iter()
                .any(|(_, message)| has_failed_before(&message.body))
    });
    let violations = parked_for_nothing(&seen, before, instance);
    let parked: Vec<_> = seen.parked[before.parked..].to_vec();
    drop(seen);
    if parked.iter().any(|(_, message)| unheard(outside, message)) {
        outside.violated("3: an opt-out is parked and was not heard".to_owned());
    }
    for violation in violations {
        outside.violated(violation.to_owned());
    }
    // Two copies that work on one group may each park a message of it.
    if is_violated && outside.story.rates.of(Kind::LatePoller) == 0.0 {
        outside.violated("11: a change is parked without a try of its own".to_owned());
    }
}

fn is_late(message: &io::queue::Message) -> bool {
    message
        .attributes
        .contains(&("reason", "retryHorizon".to_owned()))
}

/// How much had been seen when an invocation began.
#[derive(Clone, Copy)]
pub(crate) struct Before {
    parked: usize,
    written: usize,
}

impl Before {
    pub(crate) fn now(outside: &Outside) -> Before {
        let seen = lock(&outside.seen);
        Before {
            parked: seen.parked.len(),
            written: seen.written.len(),
        }
    }
}

/// Promise 11: a change may be parked for its failures only if another contact of its campaign is
/// written in the same invocation. An opt-out is never parked for them.
fn parked_for_nothing(seen: &Seen, before: Before, instance: usize) -> Vec<&'static str> {
    let mut violations = Vec::new();
    for (_, message) in seen.parked[before.parked..]
        .iter()
        .filter(|(_, message)| is_late(message))
    {
        let body: Value = serde_json::from_str(&message.body).unwrap_or(Value::Null);
        let (_, campaign, key) = key_of(&body);
        let is_shown = seen.written[before.written..]
            .iter()
            .any(|written| (written.0, &written.1) == (instance, &campaign) && written.2 != key);
        if !is_shown {
            violations.push("11: a change is parked for its failures, and nothing shows that its campaign is well");
        }
        let is_lowering = !channels::said(&body).is_empty();
        if is_lowering || body["operation"] == "remove" || body["callable"] == false {
            violations.push("11: an opt-out is parked for its failures");
        }
    }
    violations
}

pub(crate) fn reconciled(outside: &Outside, org: &Org, answer: &reconcile::Answer) {
    if org.ranking == Ranking::None && answer.enqueued > 0 {
        outside.violated("reconcile: what has no rank is enqueued".to_owned());
    }
    if answer.complete != answer.cursor.is_none() {
        outside
            .violated("reconcile: it is complete with a cursor, or not so without one".to_owned());
    }
}

/// Reconcile enqueues nothing for an org that stores no ranks.
pub(crate) fn has_no_repair_without_a_rank(outside: &Outside) {
    let is_wrong = |message: &io::queue::Message| {
        let body: Value = serde_json::from_str(&message.body).unwrap_or(Value::Null);
        let mut orgs = outside.story.orgs.iter();
        let org = orgs.find(|org| body["org"] == org.name.as_str());
        body["source"] == "reconcile" && org.is_some_and(|org| org.ranking == Ranking::None)
    };
    if lock(&outside.seen).stored.iter().any(is_wrong) {
        outside.violated("reconcile: what has no rank is enqueued".to_owned());
    }
}

/// Promise 10: after everything was sent again nothing may change, except that a late opt-out makes
/// a contact not callable.
pub(crate) fn nothing_changed(outside: &Outside, before: usize, enqueued: &BTreeMap<&str, u64>) {
    // A parked change may be newer than the last decision about `callable`, and is applied only
    // now.
    let parked: BTreeSet<_> = lock(&outside.seen)
        .parked
        .iter()
        .filter_map(|(_, message)| serde_json::from_str(&message.body).ok())
        .map(|body: Value| key_of(&body))
        .map(|(_, campaign, key)| (campaign, key))
        .collect();
    for Alteration {
        before,
        after,
        campaign,
        key,
        ..
    } in outside.genesys.journal().split_off(before)
    {
        // Changes with one rank repair the columns once more, each in the order of the
        // queue (`ties::unchanged`).
        if key.contains(TIED) {
            continue;
        }
        // If somebody deleted a contact, reconcile leaves it to a webhook to make it
        // callable again. If a rank was set back, the contact may take an older change.
        if outside.story.deletes(&campaign, &key) || outside.story.resets(&campaign, &key) {
            continue;
        }
        let columns = |contact: &emulator::genesys::Contact| {
            let mut columns = contact.data.clone();
            columns.remove(VERSION_FIELD);
            columns
        };
        let is_allowed = match (&before, &after) {
            (Some(before), Some(after)) => {
                let is_lowered = before.callable && !after.callable;
                columns(before) == columns(after)
                    && (is_lowered && opts_out(outside, &campaign, &key)
                        || parked.contains(&(campaign, key)))
            }
            _ => false,
        };
        if !is_allowed {
            outside.violated("10: applying everything again changes a contact".to_owned());
        }
    }
    for org in outside.story.orgs.iter().filter(|org| {
        enqueued
            .get(org.name.as_str())
            .is_some_and(|changes| *changes > 0)
    }) {
        let is_of = |campaign: &String| org.campaigns.contains(campaign);
        let deletes = |step: &Step| match &step.deed {
            Deed::Delete { campaign, .. } | Deed::ResetRank { campaign, .. } => is_of(campaign),
            _ => false,
        };
        if !outside.story.steps.iter().any(deletes) {
            outside.violated("10: reconciling again finds something".to_owned());
        }
    }
}

/// Whether the CRM ever said that this contact must not be called.
fn opts_out(outside: &Outside, campaign: &str, key: &str) -> bool {
    changes(outside).any(|body| {
        let of = key_of(&body);
        of.1 == campaign
            && of.2 == key
            && (body["operation"] == "remove" || body["callable"] == false)
    })
}

/// All that the CRM ever said. For a poisoned change this is the part that counts, and for a faulty
/// item the change that the mended mapping makes of it.
fn changes(outside: &Outside) -> impl Iterator<Item = Value> {
    let bodies = |step: &Step| match &step.deed {
        Deed::Change { bodies, .. } => bodies.iter().filter_map(heard).collect(),
        Deed::Deliver { items, .. } => items.iter().flat_map(Item::said).cloned().collect(),
        _ => Vec::new(),
    };
    outside.story.steps.iter().flat_map(bodies)
}

/// The part of a change that counts: all of it, or only its opt-out if a rule refuses its columns.
pub(crate) fn heard(body: &Value) -> Option<Value> {
    const MEMBERS: [&str; 14] = [
        "schema",
        "eventId",
        "org",
        "campaignId",
        "contactKey",
        "operation",
        "version",
        "occurredAt",
        "source",
        "data",
        "callable",
        "contactable",
        "phones",
        "ifAbsent",
    ];
    let names = |object: &Value| -> Vec<String> {
        let members = object.as_object().into_iter().flatten();
        members.map(|(name, _)| name.clone()).collect()
    };
    let is_read = names(body).iter().all(|name| MEMBERS.contains(&&**name))
        && body["schema"] != 2
        && body["eventId"].is_string();
    let is_taken = names(&body["data"])
        .iter()
        .all(|name| COLUMNS.contains(&&**name));
    match (is_read, is_taken) {
        (true, true) => Some(body.clone()),
        (true, false) if body["callable"] == false => {
            let mut heard = body.clone();
            heard["operation"] = "remove".into();
            heard.as_object_mut()?.remove("data");
            Some(heard)
        }
        _ => None,
    }
}

/// Promise 3: if an opt-out is parked because it breaks a rule, the opt-out itself was written
/// before. Returns whether it was not.
fn unheard(outside: &Outside, message: &io::queue::Message) -> bool {
    let Some(body) = serde_json::from_str(&message.body)
        .ok()
        .and_then(|body| heard(&body))
    else {
        return false;
    };
    let (_, campaign, key) = key_of(&body);
    let is_opt_out = body["operation"] == "remove" || body["callable"] == false;
    let opts_in =
        changes(outside).any(|other| key_of(&other) == key_of(&body) && other["callable"] == true);
    let is_callable = outside
        .genesys
        .contacts(&campaign)
        .get(&key)
        .map_or(body["ifAbsent"] != "skipOptOut", |contact| contact.callable);
    let is_known = !outside.story.alters(&campaign, &key) && !is_late(message);
    is_opt_out && is_callable && !opts_in && is_known
}
