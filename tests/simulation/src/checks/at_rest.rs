//! 1 to 4, 8, 11 and 12, over all that was seen: once everything is quiet, before and after a
//! reconcile.

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

/// A message that was parked, and when.
type Parked = (Timestamp, io::queue::Message);

/// A change, as the checks need it.
struct Said {
    rank: Option<u64>,
    /// What it says of `callable`.
    callable: Option<bool>,
    data: Option<Value>,
    /// Whether of somebody who is not there it leaves nothing but that nobody may call.
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

/// What is heard of an opt-out in a faulty item names no column.
fn is_silent_of_columns(body: &Value) -> bool {
    body["data"]
        .as_object()
        .is_some_and(serde_json::Map::is_empty)
}

/// All that must hold once everything is quiet.
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
            // A copy's clock may be wrong by so much.
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
    // What was skipped says nothing of who is there.
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

/// 4, before anything is reconciled: of all that came out of the queue, the newest, whatever the
/// functions tell of it.
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
            // Reconcile leaves a contact alone that differs by its rank only, so this cannot be
            // asked for after it.
            if stored.as_ref().and_then(rank) != said.iter().filter_map(|said| said.rank).max() {
                outside.violated(format!("4: a contact of {} has not the newest rank", key.1));
            }
            newest(outside, &key, said)
                .into_iter()
                .for_each(|violation| outside.violated(violation));
        }
    }
}

/// The event ids of the messages, and what is heard of their bodies.
fn good_bodies(stored: &[io::queue::Message]) -> Vec<(String, Value)> {
    let body = |message: &io::queue::Message| heard(&serde_json::from_str(&message.body).ok()?);
    stored
        .iter()
        .filter_map(|message| Some((crate::wire::event_id(&message.body), body(message)?)))
        .collect()
}

/// Of the columns (docs/contract.md "Version column").
pub(crate) fn rank(contact: &Contact) -> Option<u64> {
    let text = contact.data.get(VERSION_FIELD)?;
    text.split(':').next()?.parse().ok()
}

/// What was last decided of `callable`: the rank, where it has one, and the mark.
fn decided(contact: &Contact) -> Option<(Option<u64>, char)> {
    let decision = contact.data.get(VERSION_FIELD)?.split(':').nth(1)?;
    let mark = decision.chars().next_back()?;
    Some((decision[..decision.len() - 1].parse().ok(), mark))
}

/// 2 and 12: ranks never go down, but by an operator's reset, and what the dialler owns is never
/// altered.
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

/// Whether a message of the queue asks for just this: that the rank which was there becomes what is
/// there now, and nothing else changes.
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
        // What an agent writes meanwhile is written over.
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

/// 2: with a rank comes what the change of that rank says, not what another does.
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
    // What a mended mapping makes of an item has the rank of what was heard of it before.
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
    // A removal says nothing of columns.
    // What an opt-out leaves of somebody who was not there.
    if is_hollow(after) && of_rank.iter().any(|body| leaves_an_opt_out(body)) {
        return Vec::new();
    }
    let data: Vec<_> = of_rank
        .iter()
        .filter_map(|body| said(org, body).data)
        .collect();
    let is_unlike = |data: &Value| unlike(after, data).is_some();
    let key = (org.name.clone(), campaign.clone(), key.clone());
    // Of several changes that share a rank it is as one says.
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

/// The first column that is not as `data` says.
pub(super) fn unlike(contact: &Contact, data: &Value) -> Option<&'static str> {
    let held = |name: &str| contact.data.get(name).map_or("", String::as_str);
    COLUMNS
        .into_iter()
        .find(|name| held(name) != data[*name].as_str().unwrap_or(""))
}
