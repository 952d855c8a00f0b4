//! Promise 4: each contact is as its CRM said, or errs towards not calling.
//!
//! Nothing is checked about ranks here (`super`), and changes that share a rank have a module of
//! their own (`crate::checks::ties`).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Effect, Parked, by_contact, good_bodies, has_one_writer, unlike};
use crate::change::key_of;
use crate::checks::agents::written_by_agents;
use crate::checks::ties::is_tied;
use crate::checks::{changes, is_hollow, is_stranger};
use crate::seams::{Outside, Seen};
use crate::story::vendor::MENDED;
use crate::story::{Key, Org, Raise};

/// Promise 4 for an org with ranks: each contact must be as its newest change says, or errs towards
/// not calling.
pub(super) fn unlike_the_crms_changes(
    outside: &Outside,
    org: &Org,
    bodies: &[(String, Value)],
    seen: &Seen,
) -> Vec<String> {
    let mut changes: Vec<_> = changes(outside).collect();
    changes.retain(|body| !is_left_out(outside, seen, body));
    let of_contact = by_contact(org, changes.iter());
    let mut violations = Vec::new();
    for campaign in &org.campaigns {
        for key in outside.genesys.contacts(campaign).keys() {
            if !of_contact.contains_key(&(org.name.clone(), campaign.clone(), key.clone())) {
                violations.push(format!(
                    "4: a contact of {campaign} is there that no change made"
                ));
            }
        }
    }
    let is_plain = |key: &Key| !is_stranger(key) && !is_tied(key);
    for (key, effects) in of_contact.into_iter().filter(|(key, _)| is_plain(key)) {
        let must_be_callable = !outside.story.makes_not_callable(&key.1, &key.2)
            && must_be_callable(outside, org, &key, bodies, &seen.parked);
        if must_be_callable
            && outside
                .genesys
                .contacts(&key.1)
                .get(&key.2)
                .is_some_and(|contact| !contact.callable)
        {
            violations.push(format!(
                "4: a contact of {} may not be called, though what opted it in came last",
                key.1
            ));
        }
        violations.extend(newest(outside, &key, effects));
    }
    violations
}

/// Whether a change says nothing about its contact. It does if it creates nobody and was skipped,
/// if it was repaired after the last reconcile, or if all that the campaign holds of the person is
/// an opt-out.
fn is_left_out(outside: &Outside, seen: &Seen, body: &Value) -> bool {
    let (_, campaign, key) = key_of(body);
    let id = body["eventId"].as_str().unwrap_or_default();
    let contact = outside.genesys.contact(&campaign, &key);
    !body["ifAbsent"].is_null()
        && seen.never_counted(id)
        && id.ends_with(MENDED)
        && contact.is_some_and(|contact| is_hollow(&contact))
}

/// How the contact differs from what the newest of these changes says.
pub(super) fn newest(outside: &Outside, key: &Key, mut effects: Vec<Effect>) -> Vec<String> {
    let (_, campaign, key) = key;
    effects.sort_by_key(|effect| effect.rank);
    let Some(newest) = effects.last() else {
        return Vec::new();
    };
    let Some(actual) = outside.genesys.contacts(campaign).remove(key) else {
        // If a rule refuses a change, its opt-out is in no feed, so reconcile does not
        // bring the contact back.
        if outside.story.deletes(campaign, key) && !outside.story.is_in_feed(campaign, key) {
            return Vec::new();
        }
        // The deleted record of a vendor opts out a contact that the campaign has, and
        // creates none.
        let is_removed = newest.data.is_none() && newest.callable == Some(false);
        let is_gone = outside.story.deletes(campaign, key) || !was_there(outside, campaign, key);
        if is_removed && is_of_a_vendor(outside, campaign) && is_gone {
            return Vec::new();
        }
        return vec![format!("4: a contact of {campaign} is missing")];
    };
    let mut violations = Vec::new();
    // A removal says nothing about columns, and the webhooks before it may have been dropped.
    let is_left = newest.is_opt_out_alone && is_hollow(&actual);
    let data = newest.data.as_ref().filter(|_| !is_left);
    if let Some(name) = data.and_then(|data| unlike(&actual, data)) {
        violations.push(format!(
            "4: the column {name} of a contact of {campaign} is not as the newest change says"
        ));
    }
    let callable = effects
        .iter()
        .rev()
        .find_map(|effect| effect.callable)
        .unwrap_or(true);
    if actual.callable && !callable {
        violations.push(format!(
            "4: a contact of {campaign} may be called that opted out"
        ));
    }
    let was_lowered = outside.story.makes_not_callable(campaign, key);
    let opts_out = |effect: &Effect| effect.callable == Some(false) || effect.is_opt_out_alone;
    if !actual.callable && !was_lowered && !effects.iter().any(opts_out) {
        violations.push(format!(
            "4: a contact of {campaign} may not be called, and nobody said so"
        ));
    }
    violations
}

/// Whether the campaign's CRM has the form of a vendor, in a run of a schedule.
fn is_of_a_vendor(outside: &Outside, campaign: &str) -> bool {
    let story = &outside.story;
    let is_of = |org: &Org| org.campaigns.iter().any(|of| of == campaign);
    let place = story.orgs.iter().position(is_of);
    story.schedule.is_some() && place.is_some_and(|n| story.crm_vendor(n).is_some())
}

fn was_there(outside: &Outside, campaign: &str, key: &str) -> bool {
    let journal = outside.genesys.journal();
    journal
        .iter()
        .any(|of| of.campaign == campaign && of.key == key)
}

/// Checks `looked`, after a run over everything: returns the contacts that are not as the newest
/// change says.
pub(crate) fn unlike_the_crm(outside: &Outside) -> Vec<String> {
    let mut violations = Vec::new();
    for org in &outside.story.orgs {
        let changes: Vec<_> = changes(outside).collect();
        let of_contact = by_contact(org, changes.iter());
        let unlike = of_contact
            .into_iter()
            .flat_map(|(key, effects)| newest(outside, &key, effects));
        violations.extend(unlike.map(|what| format!("looked: after the last run, {what}")));
    }
    violations
}

/// Whether the newest opt-in of a contact is newer than every opt-out, among all changes that came
/// out of the queue in any order. Then nothing excuses a contact that is not callable.
fn must_be_callable(
    outside: &Outside,
    org: &Org,
    key: &Key,
    bodies: &[(String, Value)],
    parked: &[Parked],
) -> bool {
    let is_of = |message: &io::queue::Message| {
        serde_json::from_str::<Value>(&message.body).is_ok_and(|body| key_of(&body) == *key)
    };
    let is_parked = parked.iter().any(|(_, message)| is_of(message));
    let effects: Vec<_> = bodies
        .iter()
        .filter(|(_, body)| key_of(body) == *key)
        .map(|(_, body)| Effect::of(org, body))
        .collect();
    let newest = |callable| {
        let of_value = effects
            .iter()
            .filter(|effect| effect.callable == Some(callable));
        of_value.map(|effect| effect.rank).max()
    };
    newest(true) > newest(false)
        && org.raise != Raise::Never
        && has_one_writer(outside)
        && !is_parked
        && !outside.story.alters(&key.1, &key.2)
}

/// Promise 4 for an org without ranks: each contact must be as the queue says, in its order.
pub(super) fn unlike_the_queue(
    outside: &Outside,
    org: &Org,
    seen: &Seen,
    parked: &BTreeSet<&str>,
) -> Vec<String> {
    // If two copies work on one contact, or somebody else alters it, the queue alone does not
    // decide. `parked` holds the groups in which a change was parked that would have been
    // applied.
    if !has_one_writer(outside) {
        return Vec::new();
    }
    let mut expected: BTreeMap<Key, (Value, bool)> = BTreeMap::new();
    let mut stored = seen.stored.clone();
    stored.retain(|message| !parked.contains(message.group.as_str()));
    for (id, body) in good_bodies(&stored) {
        if body["org"] != org.name.as_str() {
            continue;
        }
        let effect = Effect::of(org, &body);
        let key = key_of(&body);
        let is_there = || {
            let held = expected.get(&key).is_some_and(|(data, callable)| {
                let mut columns = data.as_object().into_iter().flatten();
                *callable || columns.any(|(_, value)| !value.is_null())
            });
            held || is_written_to(outside, &key) && !seen.never_counted(&id)
        };
        if !body["ifAbsent"].is_null() && !is_there() {
            if effect.is_opt_out_alone {
                expected.insert(key, (Value::Null, false));
            }
            continue;
        }
        let (data, callable) = expected.entry(key).or_insert((Value::Null, true));
        *data = effect.data.unwrap_or_else(|| data.clone());
        *callable = effect.callable.unwrap_or(*callable);
    }
    let mut violations = Vec::new();
    for (key, (data, callable)) in expected
        .into_iter()
        .filter(|(key, _)| !outside.story.alters(&key.1, &key.2))
    {
        let Some(actual) = outside.genesys.contacts(&key.1).remove(&key.2) else {
            violations.push(format!("4: a contact of {} is missing", key.1));
            continue;
        };
        let was_lowered = !actual.callable && outside.story.makes_not_callable(&key.1, &key.2);
        if unlike(&actual, &data).is_some() || actual.callable != callable && !was_lowered {
            violations.push(format!(
                "4: a contact of {} is not as the queue's last change says",
                key.1
            ));
        }
    }
    violations
}

/// Whether an agent wrote to the contact. Then it has a column of which no message tells, and only
/// the report of a change tells whether that column was there in its time.
fn is_written_to(outside: &Outside, (_, campaign, key): &Key) -> bool {
    let journal = outside.genesys.journal();
    let mut states = journal
        .iter()
        .filter(|of| of.campaign == *campaign && of.key == *key)
        .filter_map(|of| of.after.as_ref());
    states.any(|contact| !written_by_agents(contact).is_empty())
}
