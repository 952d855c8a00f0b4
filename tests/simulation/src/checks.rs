//! What must hold, by code that shares nothing with the product: DESIGN.md's promises, by their number.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use emulator::genesys::{Alteration, Contact};
use jiff::Timestamp;
use serde_json::Value;

use crate::chaos::Kind;
use crate::lock;
use crate::seams::Outside;
use crate::story::{CANARY, COLUMNS, Deed, Key, Org, Ranking, VERSION_FIELD};
use crate::world::{key_of, rank_of};

/// What may be seen nowhere.
const SECRET: [&str; 4] = [CANARY, "hush", "token-", "whsec_"];
/// When a change that fails by itself must be parked, with room for those before it in its group.
const PARKED_BY: Duration = Duration::from_mins(450);
const HORIZON: Duration = Duration::from_hours(6);

/// 8: no personal data, token or secret.
pub(crate) fn is_silent(place: &str, text: &str) -> Vec<String> {
    let found = SECRET.iter().find(|secret| text.contains(**secret));
    found.map(|secret| format!("8: {place} holds {secret}")).into_iter().collect()
}

/// 9: within a message group, all after the first failure fail.
pub(crate) fn answer(outside: &Outside, answer: &Value, groups: &BTreeMap<&str, Vec<&Value>>) {
    let failed: Vec<_> = answer["batchItemFailures"].as_array().into_iter().flatten().collect();
    let is_failed = |record: &&Value| failed.iter().any(|item| item["itemIdentifier"] == record["messageId"]);
    for of_group in groups.values() {
        let after_first = of_group.iter().skip_while(|record| !is_failed(record));
        if !after_first.clone().all(is_failed) {
            outside.violated("9: a batch answer gives up a follower of a failed message".to_owned());
        }
    }
    let all: BTreeSet<_> = groups.values().flatten().map(|record| record["messageId"].to_string()).collect();
    if failed.iter().any(|item| !all.contains(&item["itemIdentifier"].to_string())) {
        outside.violated("9: a batch answer names a message that was not of the batch".to_owned());
    }
}

/// 11: of a message group only the first that failed may be parked for that, since those behind it had no try of their own.
pub(crate) fn parked(outside: &Outside, before: usize, groups: &BTreeMap<&str, Vec<&Value>>) {
    let seen = lock(&outside.seen);
    let of_group = |group: &&&str| {
        let late = seen.parked[before..].iter().filter(|(_, message)| message.group == **group && is_late(message));
        late.count() > 1
    };
    let is_violated = groups.keys().any(|group| of_group(&group));
    drop(seen);
    // Two copies at one group may each park a message of it.
    if is_violated && outside.story.rates.of(Kind::LatePoller) == 0.0 {
        outside.violated("11: a change is parked without a try of its own".to_owned());
    }
}

fn is_late(message: &io::queue::Message) -> bool {
    message.attributes.contains(&("reason", "retryHorizon".to_owned()))
}

/// A change that fails by itself is parked when it has done so for too long.
pub(crate) fn is_parked_after_the_horizon(outside: &Outside, org: usize, outage: Duration) {
    let others = outside.story.steps.iter().filter(|step| match &step.deed {
        Deed::HideSecret { org: of, .. } | Deed::Forbid { org: of, .. } | Deed::Rotate { org: of, .. } => *of == org,
        _ => false,
    });
    // What is no failure of the change by itself keeps it from being parked, and so does a dead-letter queue that fails.
    let rates = &outside.story.rates;
    if outage < PARKED_BY || others.count() > 1 || rates.of(Kind::ParkingFails) + rates.of(Kind::Status429) > 0.0 {
        return;
    }
    let has_parked = |group: &str| lock(&outside.seen).parked.iter().any(|(_, message)| message.group == group);
    let name = format!("{}/", outside.story.orgs[org].name);
    let now = outside.clock.now();
    let is_late = |(since, message): &(Timestamp, io::queue::Message)| {
        message.group.starts_with(&name) && now >= *since + PARKED_BY && !has_parked(&message.group)
    };
    if outside.queue.waiting().iter().any(is_late) {
        outside.violated("a change that failed by itself for 7.5 hours is not parked".to_owned());
    }
}

pub(crate) fn reconciled(outside: &Outside, org: &Org, answer: &reconcile::Answer) {
    if org.ranking == Ranking::None && answer.enqueued > 0 {
        outside.violated("reconcile enqueued what has no rank".to_owned());
    }
    if answer.complete != answer.cursor.is_none() {
        outside.violated("reconcile is complete with a cursor, or not so without one".to_owned());
    }
}

/// 10: after everything was sent again, nothing may change but that a late opt-out makes somebody not callable.
pub(crate) fn nothing_changed(outside: &Outside, before: usize, enqueued: u64) {
    for Alteration { before, after, campaign, key, .. } in outside.genesys.journal().split_off(before) {
        // Of a contact that somebody deleted, reconcile leaves it to a webhook to say that it may be called again.
        if outside.story.deletes(&campaign, &key) {
            continue;
        }
        let only_lowered = match (&before, &after) {
            (Some(before), Some(after)) => before.data == after.data && before.callable && !after.callable,
            _ => false,
        };
        if !only_lowered {
            outside.violated("10: applying everything again changes a contact".to_owned());
        }
    }
    let has_deleted = outside.story.steps.iter().any(|step| matches!(step.deed, Deed::Delete { .. }));
    if enqueued > 0 && !has_deleted {
        outside.violated("10: reconciling again finds something".to_owned());
    }
}

/// A change, as the checks need it.
struct Said {
    rank: Option<u64>,
    /// What it says of `callable`.
    callable: Option<bool>,
    data: Option<Value>,
}

fn said(org: &Org, body: &Value) -> Said {
    let is_removal = body["operation"] == "remove";
    let callable = if is_removal { Some(false) } else { body["callable"].as_bool() };
    Said { rank: rank_of(org, body), callable, data: (!is_removal).then(|| body["data"].clone()) }
}

/// All that must hold once everything is quiet.
pub(crate) fn at_rest(outside: &Outside) {
    let seen = lock(&outside.seen);
    let parked = &seen.parked;
    let mut violations = Vec::new();
    if outside.dead_letters.messages().iter().any(|message| message.attributes.is_empty()) {
        violations.push("11: the queue gave a message up, and apply did not park it".to_owned());
    }
    for id in seen.acknowledged.iter().filter(|id| !seen.told.contains_key(*id)) {
        violations.push(format!("1: a change that was acknowledged is lost: {id}"));
    }
    for (at, message) in parked {
        let attributes: BTreeMap<_, _> = message.attributes.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let reason = attributes.get("reason").copied().unwrap_or("none");
        let is_good = seen.acknowledged.contains(&crate::wire::event_id(&message.body));
        if is_good && reason != "retryHorizon" {
            violations.push(format!("1: a good change is parked as {reason}"));
        }
        if reason == "retryHorizon" {
            let first: Option<Timestamp> = attributes.get("firstReceivedAt").and_then(|text| text.parse().ok());
            // A copy's clock may be wrong by so much.
            let least = HORIZON - Duration::from_mins(3);
            if first.is_none_or(|first| *at < first + least) {
                violations.push("a change is parked as retryHorizon before the horizon".to_owned());
            }
        }
        for (name, text) in &attributes {
            violations.extend(is_silent(&format!("the attribute {name} of a parked message"), text));
        }
    }
    for message in seen.stored.iter().chain(parked.iter().map(|(_, message)| message)) {
        violations.extend(is_silent("a message group id", &message.group));
        violations.extend(is_silent("a deduplication id", &message.deduplication_id));
    }

    let journal = outside.genesys.journal();
    let bodies: Vec<(String, Value)> = seen
        .stored
        .iter()
        .filter_map(|message| Some((crate::wire::event_id(&message.body), serde_json::from_str(&message.body).ok()?)))
        .collect();
    for org in &outside.story.orgs {
        let of_org = |alteration: &&Alteration| org.campaigns.contains(&alteration.campaign);
        let alterations: Vec<_> = journal.iter().filter(of_org).collect();
        if org.ranking == Ranking::None {
            violations.extend(alterations.iter().flat_map(|alteration| by_the_product(org, alteration)));
            let parked = parked
                .iter()
                .filter(|(_, message)| is_late(message))
                .map(|(_, message)| message.group.as_str())
                .collect();
            violations.extend(as_the_queue_says(outside, org, &seen.stored, &parked));
            continue;
        }
        let has_one_writer = outside.story.rates.of(Kind::LatePoller) == 0.0;
        if has_one_writer {
            violations.extend(alterations.iter().flat_map(|alteration| by_the_product(org, alteration)));
            violations.extend(raises(outside, org, &alterations, &bodies, &seen.done, &seen.said));
        }
        violations.extend(as_the_crm_says(outside, org));
    }
    drop(seen);
    violations.into_iter().for_each(|violation| outside.violated(violation));
}

fn rank(contact: &Contact) -> Option<u64> {
    contact.data.get(VERSION_FIELD)?.parse().ok()
}

/// 2 and 12: ranks never go down, and what the dialler owns is never altered.
fn by_the_product(org: &Org, alteration: &Alteration) -> Vec<String> {
    let Alteration { before: Some(before), after, client_id: Some(_), campaign, .. } = alteration else {
        return Vec::new();
    };
    let Some(after) = after else { return vec![format!("a contact of {campaign} is deleted by the product")] };
    let mut violations = Vec::new();
    if org.ranking != Ranking::None && rank(after) < rank(before) {
        violations.push(format!("2: the rank of a contact of {campaign} goes down"));
    }
    if after.of_the_dialler != before.of_the_dialler {
        violations.push(format!("12: what the dialler owns is altered in {campaign}"));
    }
    violations
}

/// 3: who is made callable was so by a change that is newer than what was stored, and than every opt-out that was done.
fn raises(
    outside: &Outside,
    org: &Org,
    alterations: &[&Alteration],
    bodies: &[(String, Value)],
    done: &BTreeMap<String, Timestamp>,
    said_by_the_crm: &[(Key, Option<u64>, bool)],
) -> Vec<String> {
    let mut violations = Vec::new();
    for alteration in alterations.iter().filter(|alteration| alteration.client_id.is_some()) {
        let Some(after) = alteration.after.as_ref().filter(|after| after.callable) else { continue };
        if alteration.before.as_ref().is_some_and(|before| before.callable) {
            continue;
        }
        let key = (org.name.clone(), alteration.campaign.clone(), alteration.key.clone());
        let stored = alteration.before.as_ref().and_then(rank);
        let opted_in = said_by_the_crm.iter().filter(|(of, of_change, callable)| {
            *of == key && *callable && *of_change > stored && *of_change <= rank(after)
        });
        let opted_in = opted_in.map(|(_, of_change, _)| *of_change).max().flatten();
        if alteration.before.is_some() && opted_in.is_none() {
            violations.push(format!("3: a contact of {} is made callable, and no newer change said so", key.1));
        }
        if outside.story.deletes(&key.1, &key.2) {
            continue;
        }
        // A contact that had to be created is callable at the rank of what created it.
        let since = if alteration.before.is_none() { rank(after).max(opted_in) } else { opted_in };
        let opted_out = bodies.iter().any(|(id, body)| {
            let said = said(org, body);
            let is_done = done.get(id).is_some_and(|at| *at < alteration.at);
            key_of(body) == key && said.callable == Some(false) && said.rank >= since && is_done && is_good(body)
        });
        if opted_out {
            violations.push(format!("3: an opt-out of a contact of {} is undone by something older", key.1));
        }
    }
    violations
}

/// Whether ingest and apply take it: poison is parked, and what it says does not count.
fn is_good(body: &Value) -> bool {
    const MEMBERS: [&str; 11] = [
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
    ];
    let has_only = |object: &Value, names: &[&str]| {
        object.as_object().is_none_or(|members| members.keys().all(|name| names.contains(&name.as_str())))
    };
    has_only(body, &MEMBERS) && has_only(&body["data"], &COLUMNS) && body["schema"] != 2 && body["eventId"].is_string()
}

/// 4, ranked: the newest change of every contact, or an error towards not calling.
fn as_the_crm_says(outside: &Outside, org: &Org) -> Vec<String> {
    let mut of_contact: BTreeMap<Key, Vec<Said>> = BTreeMap::new();
    for step in &outside.story.steps {
        match &step.deed {
            Deed::Change { body, is_poison: false, .. } if body["org"] == org.name.as_str() => {
                of_contact.entry(key_of(body)).or_default().push(said(org, body));
            }
            _ => {}
        }
    }
    let mut violations = Vec::new();
    for campaign in &org.campaigns {
        for key in outside.genesys.contacts(campaign).keys() {
            if !of_contact.contains_key(&(org.name.clone(), campaign.clone(), key.clone())) {
                violations.push(format!("4: a contact of {campaign} is there that no change made"));
            }
        }
    }
    for ((_, campaign, key), mut said) in of_contact {
        said.sort_by_key(|said| said.rank);
        let Some(newest) = said.last() else { continue };
        let Some(actual) = outside.genesys.contacts(&campaign).remove(&key) else {
            violations.push(format!("4: a contact of {campaign} is missing"));
            continue;
        };
        // A removal says nothing of columns, and the webhooks before it may have been dropped.
        if let Some(data) = &newest.data {
            let held = |name: &str| actual.data.get(name).map_or("", String::as_str);
            let unlike = COLUMNS.iter().find(|name| held(name) != data[**name].as_str().unwrap_or(""));
            if let Some(name) = unlike {
                violations
                    .push(format!("4: the column {name} of a contact of {campaign} is not as the newest change says"));
            }
        }
        let opt_outs = said.iter().filter(|said| said.callable == Some(false)).count();
        let callable = said.iter().rev().find_map(|said| said.callable).unwrap_or(true);
        if actual.callable && !callable {
            violations.push(format!("4: a contact of {campaign} may be called that opted out"));
        }
        if !actual.callable && opt_outs == 0 {
            violations.push(format!("4: a contact of {campaign} may not be called, and nobody said so"));
        }
    }
    violations
}

/// 4, without ranks: what the queue says, in its order.
fn as_the_queue_says(
    outside: &Outside,
    org: &Org,
    stored: &[io::queue::Message],
    parked: &BTreeSet<&str>,
) -> Vec<String> {
    // Two copies at one contact, or somebody else, and the queue alone does not decide. `parked`: groups of which something
    // was parked that would have been applied.
    if outside.story.rates.of(Kind::LatePoller) > 0.0 {
        return Vec::new();
    }
    let is_altered = |of: &Key| {
        outside.story.steps.iter().any(|step| match &step.deed {
            Deed::Alter { campaign, key } | Deed::Delete { campaign, key } => *campaign == of.1 && *key == of.2,
            _ => false,
        })
    };
    let mut expected: BTreeMap<Key, (Value, bool)> = BTreeMap::new();
    for message in stored.iter().filter(|message| !parked.contains(message.group.as_str())) {
        let Ok(body) = serde_json::from_str::<Value>(&message.body) else { continue };
        if body["org"] != org.name.as_str() || !is_good(&body) {
            continue;
        }
        let said = said(org, &body);
        let (data, callable) = expected.entry(key_of(&body)).or_insert((Value::Null, true));
        *data = said.data.unwrap_or_else(|| data.clone());
        *callable = said.callable.unwrap_or(*callable);
    }
    let mut violations = Vec::new();
    for (key, (data, callable)) in expected.into_iter().filter(|(key, _)| !is_altered(key)) {
        let Some(actual) = outside.genesys.contacts(&key.1).remove(&key.2) else {
            violations.push(format!("4: a contact of {} is missing", key.1));
            continue;
        };
        let held = |name: &str| actual.data.get(name).map_or("", String::as_str);
        if COLUMNS.iter().any(|name| held(name) != data[*name].as_str().unwrap_or("")) || actual.callable != callable {
            violations.push(format!("4: a contact of {} is not as the queue's last change says", key.1));
        }
    }
    violations
}
