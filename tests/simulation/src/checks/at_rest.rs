//! Promises 1 to 4, 8, 11 and 12, checked over everything that was seen, once everything is quiet:
//! before a reconcile and after it.
//!
//! `raised` and `said` check single promises over the same material. What must hold at each event
//! is checked in `super`.

mod raised;
mod said;

use std::collections::BTreeMap;
use std::time::Duration;

use emulator::genesys::{Alteration, Contact};
use emulator::world::VERSION_FIELD;
use jiff::Timestamp;
use serde_json::Value;

use super::strangers::{brought, is_hollow, is_stranger, leaves_an_opt_out};
use super::ties::is_tied;
use super::{heard, is_late, is_silent};
use crate::chaos::Kind;
use crate::lock;
use crate::seams::Outside;
use crate::story::{COLUMNS, HORIZON, Key, OF_AGENTS, Org, Ranking};
use crate::world::{key_of, rank_of};
use raised::raises;
pub(crate) use said::unlike_the_crm;
use said::{as_the_crm_says, as_the_queue_says, newest};

/// A parked message, with the time at which it was parked.
type Parked = (Timestamp, io::queue::Message);

/// The parts of a change that the checks need.
struct Said {
    rank: Option<u64>,
    /// The value of `callable` in the change.
    callable: Option<bool>,
    data: Option<Value>,
    /// Whether the change leaves only an opt-out if the contact is not in the campaign.
    is_opt_out_alone: bool,
}

fn said(org: &Org, body: &Value) -> Said {
    let is_removal = body["operation"] == "remove";
    let callable = if is_removal {
        Some(false)
    } else {
        body["callable"].as_bool()
    };
    Said {
        rank: rank_of(org, body),
        callable,
        data: (!is_removal && !is_silent_of_columns(body)).then(|| body["data"].clone()),
        is_opt_out_alone: leaves_an_opt_out(body),
    }
}

/// Whether the change names no column. The opt-out of a faulty item never does.
fn is_silent_of_columns(body: &Value) -> bool {
    body["data"]
        .as_object()
        .is_some_and(serde_json::Map::is_empty)
}

/// Checks everything that must hold once everything is quiet.
pub(crate) fn at_rest(outside: &Outside) {
    let seen = lock(&outside.seen);
    let parked = &seen.parked;
    let mut violations = Vec::new();
    if outside
        .dead_letters
        .messages()
        .iter()
        .any(|message| message.attributes.is_empty())
    {
        violations.push("11: the queue gave a message up, and apply did not park it".to_owned());
    }
    let is_parked = |id: &String| {
        parked
            .iter()
            .any(|(_, message)| crate::wire::event_id(&message.body) == *id)
    };
    for id in seen
        .acknowledged
        .iter()
        .filter(|id| !seen.done.contains_key(*id) && !is_parked(id))
    {
        violations.push(format!("1: a change that was acknowledged is lost: {id}"));
    }
    for (at, message) in parked {
        let attributes: BTreeMap<_, _> = message
            .attributes
            .iter()
            .map(|(name, text)| (*name, text.as_str()))
            .collect();
        let reason = attributes.get("reason").copied().unwrap_or("none");
        let is_good = seen
            .acknowledged
            .contains(&crate::wire::event_id(&message.body));
        let is_late = ["retryHorizon", "notOnDncList"].contains(&reason);
        if reason == "notOnDncList" && !outside.story.fills_a_dnc_list() {
            violations
                .push("13: an opt-out is parked for a DNC list that takes entries".to_owned());
        }
        if is_good && !is_late {
            violations.push(format!("1: a good change is parked as {reason}"));
        }
        if is_late {
            let first: Option<Timestamp> = attributes
                .get("firstReceivedAt")
                .and_then(|text| text.parse().ok());
            // The clock of a copy may be wrong by this much.
            let least = HORIZON - Duration::from_mins(3);
            if first.is_none_or(|first| *at < first + least) {
                violations.push(format!(
                    "horizon: a change is parked as {reason} before the horizon"
                ));
            }
        }
        for (name, text) in &attributes {
            violations.extend(is_silent(
                &format!("the attribute {name} of a parked message"),
                text,
            ));
        }
    }
    for message in seen
        .stored
        .iter()
        .chain(parked.iter().map(|(_, message)| message))
    {
        violations.extend(is_silent("a message group id", &message.group));
        violations.extend(is_silent("a deduplication id", &message.deduplication_id));
    }

    let journal = outside.genesys.journal();
    violations.extend(super::agents::undone(&journal));
    violations.extend(super::vendor::at_rest(outside, &seen));
    let all = good_bodies(&seen.stored);
    violations.extend(brought(outside, &journal, &all, &seen.done));
    // The checks below are about contacts in a campaign, and a skipped change says nothing
    // about them.
    let mut bodies = all.clone();
    bodies.retain(|(id, _)| !seen.skipped.contains(id));
    for org in &outside.story.orgs {
        let of_org = |alteration: &&Alteration| org.campaigns.contains(&alteration.campaign);
        let alterations: Vec<_> = journal.iter().filter(of_org).collect();
        if org.ranking == Ranking::None {
            violations.extend(
                alterations
                    .iter()
                    .flat_map(|alteration| by_the_product(org, alteration, &seen.stored)),
            );
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
            violations.extend(
                alterations
                    .iter()
                    .flat_map(|alteration| by_the_product(org, alteration, &seen.stored)),
            );
            violations.extend(alterations.iter().flat_map(|alteration| {
                as_a_change_said(outside, org, alteration, (&bodies, &seen.stored_at))
            }));
            violations.extend(raises(outside, org, &alterations, &bodies, &seen.done));
            violations.extend(super::dialler::raised(org, &alterations));
            violations.extend(super::dialler::called(outside, org, &bodies, &seen));
            violations.extend(super::channels::left_up(outside, org, &bodies, &seen.done));
            let reached = |of: &&Alteration| super::channels::are_reached(org, of);
            violations.extend(alterations.iter().filter_map(reached));
        }
        violations.extend(as_the_crm_says(outside, org, &bodies, parked));
        violations.extend(super::dnc::is_missed(outside, org, &all));
    }
    drop(seen);
    if outside.story.rates.of(Kind::LatePoller) == 0.0 {
        super::ties::at_rest(outside);
    }
    violations
        .into_iter()
        .for_each(|violation| outside.violated(violation));
}

/// Promise 4, before any reconcile: each contact is as the newest change says that came out of the
/// queue, whatever the functions report.
pub(crate) fn before_reconcile(outside: &Outside) {
    if outside.story.rates.of(Kind::LatePoller) > 0.0 {
        return;
    }
    let seen = lock(&outside.seen);
    let mut bodies = good_bodies(&seen.stored);
    let is_plain = |key: &Key| !is_stranger(key) && !is_tied(key);
    bodies.retain(|(id, body)| !seen.skipped.contains(id) && is_plain(&key_of(body)));
    drop(seen);
    super::ties::at_rest(outside);
    for org in outside
        .story
        .orgs
        .iter()
        .filter(|org| org.ranking != Ranking::None)
    {
        let mut of_contact: BTreeMap<Key, Vec<Said>> = BTreeMap::new();
        for (_, body) in bodies
            .iter()
            .filter(|(_, body)| body["org"] == org.name.as_str())
        {
            of_contact
                .entry(key_of(body))
                .or_default()
                .push(said(org, body));
        }
        for (key, said) in of_contact
            .into_iter()
            .filter(|(key, _)| !outside.story.alters(&key.1, &key.2))
        {
            let stored = outside.genesys.contacts(&key.1).remove(&key.2);
            // Reconcile ignores a contact that differs only in its rank, so this is
            // checked before it.
            if stored.as_ref().and_then(rank) != said.iter().filter_map(|said| said.rank).max() {
                outside.violated(format!("4: a contact of {} has not the newest rank", key.1));
            }
            newest(outside, &key, said)
                .into_iter()
                .for_each(|violation| outside.violated(violation));
        }
    }
}

/// The event ids of messages, each with the part of its body that counts.
fn good_bodies(stored: &[io::queue::Message]) -> Vec<(String, Value)> {
    let body = |message: &io::queue::Message| heard(&serde_json::from_str(&message.body).ok()?);
    stored
        .iter()
        .filter_map(|message| Some((crate::wire::event_id(&message.body), body(message)?)))
        .collect()
}

/// The rank in the version column (docs/contract.md "Version column").
pub(crate) fn rank(contact: &Contact) -> Option<u64> {
    let text = contact.data.get(VERSION_FIELD)?;
    text.split(':').next()?.parse().ok()
}

/// The last decision about `callable` in the version column: its rank, if it has one, and its mark.
fn decided(contact: &Contact) -> Option<(Option<u64>, char)> {
    let decision = contact.data.get(VERSION_FIELD)?.split(':').nth(1)?;
    let mark = decision.chars().next_back()?;
    Some((decision[..decision.len() - 1].parse().ok(), mark))
}

/// Promises 2 and 12: a rank goes down only by an operator's reset, and the product alters nothing
/// that the dialler owns.
fn by_the_product(
    org: &Org,
    alteration: &Alteration,
    stored: &[io::queue::Message],
) -> Vec<String> {
    let Alteration {
        before: Some(before),
        after,
        client_id: Some(_),
        campaign,
        ..
    } = alteration
    else {
        return Vec::new();
    };
    let Some(after) = after else {
        return vec![format!(
            "2: a contact of {campaign} is deleted by the product"
        )];
    };
    let mut violations = Vec::new();
    let is_reset = || {
        stored
            .iter()
            .any(|message| resets(message, alteration, before, after))
    };
    let goes_down = rank(after) < rank(before)
        || decided(after).map(|(rank, _)| rank) < decided(before).map(|(rank, _)| rank);
    if org.ranking != Ranking::None && goes_down && !is_reset() {
        violations.push(format!("2: the rank of a contact of {campaign} goes down"));
    }
    if super::channels::is_altered(org, alteration, stored) {
        violations.push(format!(
            "12: what the dialler owns is altered in {campaign}"
        ));
    }
    violations
}

/// Whether a message of the queue asks for exactly this: the rank before becomes the rank after,
/// and nothing else changes.
fn resets(
    message: &io::queue::Message,
    alteration: &Alteration,
    before: &Contact,
    after: &Contact,
) -> bool {
    let Ok(body) = serde_json::from_str::<Value>(&message.body) else {
        return false;
    };
    let without_rank = |contact: &Contact| {
        let mut data = contact.data.clone();
        data.remove(VERSION_FIELD);
        // What an agent writes at the same time is overwritten.
        data.remove(OF_AGENTS);
        data.retain(|_, value| !value.is_empty());
        data
    };
    body["operation"] == "resetRank"
        && body["campaignId"] == alteration.campaign.as_str()
        && body["contactKey"] == alteration.key.as_str()
        && body["reset"]["from"].as_u64() == rank(before)
        && body["reset"]["to"].as_u64() == rank(after)
        && without_rank(before) == without_rank(after)
        && before.callable == after.callable
}

/// Promise 2: if a contact has the rank of a change, its columns are as that change says.
fn as_a_change_said(
    outside: &Outside,
    org: &Org,
    alteration: &Alteration,
    (bodies, stored_at): (&[(String, Value)], &BTreeMap<String, Timestamp>),
) -> Vec<String> {
    let Alteration {
        after: Some(after),
        client_id: Some(_),
        campaign,
        key,
        at,
        ..
    } = alteration
    else {
        return Vec::new();
    };
    if outside.story.alters(campaign, key) {
        return Vec::new();
    }
    // The change that a mended mapping makes of an item has the same rank as the opt-out that
    // counted before.
    let by_then = bodies
        .iter()
        .filter(|(id, _)| stored_at.get(id).is_some_and(|stored| stored <= at));
    let of_rank = by_then.map(|(_, body)| body).filter(|body| {
        let of = key_of(body);
        of.0 == org.name && of.1 == *campaign && of.2 == *key && rank_of(org, body) == rank(after)
    });
    let of_rank: Vec<_> = of_rank.collect();
    if of_rank.is_empty() {
        return vec![format!(
            "2: a contact of {campaign} has a rank that no change has"
        )];
    }
    // A removal says nothing about columns. Nor does an opt-out of a contact that was not in
    // the campaign.
    if is_hollow(after) && of_rank.iter().any(|body| leaves_an_opt_out(body)) {
        return Vec::new();
    }
    let data: Vec<_> = of_rank
        .iter()
        .filter_map(|body| said(org, body).data)
        .collect();
    let is_unlike = |data: &Value| unlike(after, data).is_some();
    let key = (org.name.clone(), campaign.clone(), key.clone());
    // If several changes share a rank, the contact is as one of them says.
    let is_violated = if is_tied(&key) {
        data.iter().all(is_unlike)
    } else {
        data.iter().any(is_unlike)
    };
    if is_violated {
        return vec![format!(
            "2: a contact of {campaign} has the rank of a change, and not what it says"
        )];
    }
    Vec::new()
}

/// The first column that differs from `data`.
pub(super) fn unlike(contact: &Contact, data: &Value) -> Option<&'static str> {
    let held = |name: &str| contact.data.get(name).map_or("", String::as_str);
    COLUMNS
        .into_iter()
        .find(|name| held(name) != data[*name].as_str().unwrap_or(""))
}
