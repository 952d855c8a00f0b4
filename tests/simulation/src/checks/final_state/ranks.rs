//! Promises 2 and 12: ranks go down only by an operator's reset, a contact is as the change of its
//! rank says, and the product alters nothing that the dialler owns.
//!
//! `raised` and `contents` check who may be called.

use std::collections::BTreeMap;

use emulator::genesys::{Alteration, Contact};
use emulator::world::VERSION_FIELD;
use jiff::Timestamp;
use serde_json::Value;

use super::Effect;
use crate::change::{key_of, rank_of};
use crate::checks::channels;
use crate::checks::strangers::{is_hollow, leaves_an_opt_out};
use crate::checks::ties::is_tied;
use crate::seams::Outside;
use crate::story::{AGENT_COLUMN, COLUMNS, Org, Ranking};

/// The rank in the version column (docs/contract.md "Version column").
pub(crate) fn rank(contact: &Contact) -> Option<u64> {
    let text = contact.data.get(VERSION_FIELD)?;
    text.split(':').next()?.parse().ok()
}

/// The last decision about `callable` in the version column: its rank, if it has one, and its mark.
pub(crate) fn decided(contact: &Contact) -> Option<(Option<u64>, char)> {
    let decision = contact.data.get(VERSION_FIELD)?.split(':').nth(1)?;
    let mark = decision.chars().next_back()?;
    Some((decision[..decision.len() - 1].parse().ok(), mark))
}

/// Promises 2 and 12: a rank goes down only by an operator's reset, and the product alters nothing
/// that the dialler owns.
pub(super) fn altered_by_the_product(
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
    if channels::is_altered(org, alteration, stored) {
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
        data.remove(AGENT_COLUMN);
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

/// Promise 2: if a contact has the rank of a change, its columns are as that change says. `bodies`
/// holds the changes, each with its event id, and `stored_at` when the queue stored each.
pub(super) fn unlike_its_rank(
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
        .filter_map(|body| Effect::of(org, body).data)
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
pub(crate) fn unlike(contact: &Contact, data: &Value) -> Option<&'static str> {
    let held = |name: &str| contact.data.get(name).map_or("", String::as_str);
    COLUMNS
        .into_iter()
        .find(|name| held(name) != data[*name].as_str().unwrap_or(""))
}
