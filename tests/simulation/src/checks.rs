//! What must hold, by code that shares nothing with the product: docs/design.md "Promises", by
//! their number.

mod at_rest;

pub(crate) use at_rest::{at_rest, before_reconcile, rank};

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use emulator::genesys::Alteration;
use jiff::Timestamp;
use serde_json::Value;

use crate::chaos::Kind;
use crate::lock;
use crate::seams::Outside;
use crate::story::{CANARY, Deed, HORIZON, Org, Ranking, Step};
use crate::world::{deduplication_id_of, group_of, key_of};

/// What may be seen nowhere.
const SECRET: [&str; 4] = [CANARY, "hush", "token-", "whsec_"];
/// How long a message group waits at most from one try to the next; at each one change of it can be
/// parked.
const TRIED_EVERY: Duration = Duration::from_mins(6);

/// 8: no personal data, token or secret.
pub(crate) fn is_silent(place: &str, text: &str) -> Vec<String> {
    let found = SECRET.iter().find(|secret| text.contains(**secret));
    found
        .map(|secret| format!("8: {place} holds {secret}"))
        .into_iter()
        .collect()
}

/// 9: within a message group, all after the first failure fail.
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

/// docs/contract.md "Message group and deduplication ids": which group a change is in, and when it
/// is the same change again.
pub(crate) fn ids(outside: &Outside, message: &io::queue::Message) {
    let body: Value = serde_json::from_str(&message.body).unwrap_or(Value::Null);
    if message.group != group_of(&body) {
        outside.violated("ids: a change is not in the message group of its contact".to_owned());
    }
    if message.deduplication_id != deduplication_id_of(&body) {
        outside.violated("ids: a change has not the deduplication id of its event".to_owned());
    }
}

/// 11: of a message group only the first that failed may be parked for that, since those behind it
/// had no try of their own. `answer`: of the batch, where the copy came to answer.
pub(crate) fn parked(
    outside: &Outside,
    before: usize,
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
        let late = seen.parked[before..]
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
    drop(seen);
    // Two copies at one group may each park a message of it.
    if is_violated && outside.story.rates.of(Kind::LatePoller) == 0.0 {
        outside.violated("11: a change is parked without a try of its own".to_owned());
    }
}

fn is_late(message: &io::queue::Message) -> bool {
    message
        .attributes
        .contains(&("reason", "retryHorizon".to_owned()))
}

/// A change that fails by itself is parked when it has done so for too long.
pub(crate) fn is_parked_after_the_horizon(outside: &Outside, org: usize, outage: Duration) {
    let others = outside.story.steps.iter().filter(|step| match &step.deed {
        Deed::HideSecret { org: of, .. }
        | Deed::Forbid { org: of, .. }
        | Deed::Rotate { org: of, .. } => *of == org,
        _ => false,
    });
    // What is no failure of the change by itself keeps it from being parked, and so does a
    // dead-letter queue that fails.
    let rates = &outside.story.rates;
    if outage < HORIZON
        || others.count() > 1
        || rates.of(Kind::ParkingFails) + rates.of(Kind::Status429) > 0.0
    {
        return;
    }
    let has_parked = |body: &str| {
        lock(&outside.seen)
            .parked
            .iter()
            .any(|(_, message)| message.body == body)
    };
    let name = format!("{}/", outside.story.orgs[org].name);
    let now = outside.clock.now();
    let of_group = |group: &str| {
        lock(&outside.seen)
            .stored
            .iter()
            .filter(|message| message.group == group)
            .count()
    };
    let is_late = |(since, message): &(Timestamp, io::queue::Message)| {
        let messages = of_group(&message.group);
        let parked_by =
            *since + HORIZON + TRIED_EVERY * (u32::try_from(messages).unwrap_or(u32::MAX) + 2);
        // What finds no room in its group's batch is received first, and its time begins, when
        // others are parked.
        messages < 10
            && message.group.starts_with(&name)
            && now >= parked_by
            && !has_parked(&message.body)
    };
    if outside.queue.waiting().iter().any(is_late) {
        outside.violated(
            "horizon: a change that failed by itself for longer than the horizon is not parked"
                .to_owned(),
        );
    }
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

/// 10: after everything was sent again, nothing may change but that a late opt-out makes somebody
/// not callable.
pub(crate) fn nothing_changed(outside: &Outside, before: usize, enqueued: &BTreeMap<&str, u64>) {
    for Alteration {
        before,
        after,
        campaign,
        key,
        ..
    } in outside.genesys.journal().split_off(before)
    {
        // Of a contact that somebody deleted, reconcile leaves it to a webhook to say that it may
        // be called again.
        // Whose rank is set back may take what is older.
        if outside.story.deletes(&campaign, &key) || outside.story.resets(&campaign, &key) {
            continue;
        }
        let only_lowered = match (&before, &after) {
            (Some(before), Some(after)) => {
                before.data == after.data && before.callable && !after.callable
            }
            _ => false,
        };
        if !only_lowered || !opts_out(outside, &campaign, &key) {
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

/// Whether the CRM ever said that this contact is not to be called.
fn opts_out(outside: &Outside, campaign: &str, key: &str) -> bool {
    changes(outside).any(|body| {
        let of = key_of(body);
        of.1 == campaign
            && of.2 == key
            && (body["operation"] == "remove" || body["callable"] == false)
    })
}

/// All that the CRM ever said, but for poison.
fn changes<'a>(outside: &'a Outside) -> impl Iterator<Item = &'a Value> {
    let bodies = |step: &'a Step| match step {
        Step {
            deed:
                Deed::Change {
                    bodies,
                    is_poison: false,
                    ..
                },
            ..
        } => bodies.iter(),
        _ => [].iter(),
    };
    outside.story.steps.iter().flat_map(bodies)
}
