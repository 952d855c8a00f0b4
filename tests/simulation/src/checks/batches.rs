//! Promises 3, 9 and 11: what one invocation of apply answers and parks.
//!
//! `crate::player::copies` invokes apply. `super::final_state` checks what was parked in a whole
//! run.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{changes, channels};
use crate::change::{effective_part, key_of, opts_out};
use crate::chaos::FaultKind;
use crate::lock;
use crate::seams::{Outside, Seen};

/// Whether a batch answer names this record as failed.
fn names(answer: &Value, record: &Value) -> bool {
    let failed = answer["batchItemFailures"].as_array().into_iter().flatten();
    let mut ids = failed.map(|item| &item["itemIdentifier"]);
    ids.any(|id| *id == record["messageId"])
}

/// Checks promise 9: if a message of a group fails, every later message of the group fails in that
/// batch.
pub(crate) fn check_answer(
    outside: &Outside,
    answer: &Value,
    groups: &BTreeMap<&str, Vec<&Value>>,
) {
    let failed: Vec<_> = answer["batchItemFailures"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    let is_failed = |record: &&Value| names(answer, record);
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

/// Checks what an invocation parked. Promise 11: only the first message of a group that failed may
/// be parked for its failures, because those behind it had no attempt of their own. `answer` is the
/// answer to the batch, if the copy of apply lived to give it.
pub(crate) fn check_parked(
    outside: &Outside,
    (before, instance): (Before, usize),
    answer: Option<&Value>,
    groups: &BTreeMap<&str, Vec<&Value>>,
) {
    let is_failed = |record: &Value| answer.is_some_and(|answer| names(answer, record));
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
                .any(|record| is_failed(record))
        };
        late.len() > 1
            || late
                .iter()
                .any(|(_, message)| has_failed_before(&message.body))
    });
    let violations = parked_for_nothing(&seen, before, instance);
    let parked: Vec<_> = seen.parked[before.parked..].to_vec();
    drop(seen);
    if parked
        .iter()
        .any(|(_, message)| loses_opt_out(outside, message))
    {
        outside.violated("3: an opt-out is parked and did not take effect".to_owned());
    }
    outside.violated_all(violations.into_iter().map(str::to_owned));
    // Two copies that work on one group may each park a message of it.
    if is_violated && outside.story.rates.of(FaultKind::LatePoller) == 0.0 {
        outside.violated("11: a change is parked without a try of its own".to_owned());
    }
}

/// Whether a message was parked because it failed for too long.
pub(super) fn is_late(message: &io::queue::Message) -> bool {
    message
        .attributes
        .contains(&("reason", "retryHorizon".to_owned()))
}

/// How many messages had been parked and contacts written when an invocation began.
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
        let closes_switches = !channels::closed_by(&body).is_empty();
        if closes_switches || opts_out(&body) {
            violations.push("11: an opt-out is parked for its failures");
        }
    }
    violations
}

/// Promise 3: if a change with an opt-out is parked because it breaks a rule, the opt-out itself
/// was written before. Returns whether it was not.
fn loses_opt_out(outside: &Outside, message: &io::queue::Message) -> bool {
    let Some(body) = serde_json::from_str(&message.body)
        .ok()
        .and_then(|body| effective_part(&body))
    else {
        return false;
    };
    let (_, campaign, key) = key_of(&body);
    let opts_in =
        changes(outside).any(|other| key_of(&other) == key_of(&body) && other["callable"] == true);
    let is_callable = outside
        .genesys
        .contacts(&campaign)
        .get(&key)
        .map_or(body["ifAbsent"] != "skipOptOut", |contact| contact.callable);
    let is_known = !outside.story.alters(&campaign, &key) && !is_late(message);
    opts_out(&body) && is_callable && !opts_in && is_known
}
