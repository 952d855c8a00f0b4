//! Promise 13: an opt-out is done only once the person is on the org's DNC list, whatever refusals
//! and crashes came in between. The person stays on the list.
//!
//! `super::dialler` checks that nobody is called who opted out.

use std::collections::{BTreeMap, BTreeSet};

use emulator::world::VERSION_FIELD;
use serde_json::Value;

use super::{changes, final_state::decided};
use crate::change::{effective_part, key_of, opts_out, rank_of};
use crate::lock;
use crate::player::dnc_list;
use crate::seams::Outside;
use crate::story::{Key, Org, Raise};

/// Checks a change that was reported as done.
pub(crate) fn check_done(outside: &Outside, id: &str, outcome: &str) {
    // A change that is stale, or folded into a later one, need not be on the list.
    if ["stale", "superseded"].contains(&outcome) {
        return;
    }
    let stored = lock(&outside.seen).stored.clone();
    let Some(body) = changes_of(&stored)
        .filter(|body| body["eventId"] == id)
        .last()
    else {
        return;
    };
    let (_, campaign, key) = key_of(&body);
    let Some(org) = outside.story.org_of(&campaign) else {
        return;
    };
    // A skipped change that an opt-in follows in its batch need not be there either.
    let opts_in = |body: &Value| body["callable"] == true && key_of(body).2 == key;
    if outcome == "skipped" && changes_of(&stored).any(|body| opts_in(&body)) {
        return;
    }
    // A contact that a later change of the same batch opted in need not be there either.
    let contact = outside.genesys.contact(&campaign, &key);
    let is_in = |contact: emulator::genesys::Contact| {
        let version = contact.data.get(VERSION_FIELD);
        contact.callable || version.is_some_and(|version| version.ends_with('+'))
    };
    if contact.is_some_and(is_in) {
        return;
    }
    let rank = rank_of(org, &body);
    if is_overruled(outside, rank, (&campaign, &key)) {
        return;
    }
    // Where opt-ins never count, a newer one owes no entry either, and is written nowhere.
    let is_newer_opt_in =
        |body: &Value| opts_in(body) && key_of(body).1 == campaign && rank_of(org, body) > rank;
    if org.raise == Raise::Never && changes_of(&stored).any(|body| is_newer_opt_in(&body)) {
        return;
    }
    if org.has_dnc_list && opts_out(&body) && !stands(outside, org, &key) {
        outside.violated(format!(
            "13: an opt-out of {campaign} is done, and the DNC list does not hold it"
        ));
    }
}

/// The changes in these messages.
fn changes_of(stored: &[io::queue::Message]) -> impl Iterator<Item = Value> {
    let bodies = stored.iter();
    bodies.filter_map(|message| serde_json::from_str(&message.body).ok())
}

/// Whether an opt-in was written that ranks above an opt-out of this rank. If the changes of a
/// batch are applied one by one, another opt-out may follow the opt-in, and that one owes the
/// entry.
fn is_overruled(outside: &Outside, rank: Option<u64>, of: (&str, &str)) -> bool {
    let journal = outside.genesys.journal();
    let mut left = journal
        .iter()
        .filter(|written| (written.campaign.as_str(), written.key.as_str()) == of)
        .filter_map(|written| decided(written.after.as_ref()?));
    rank.is_some() && left.any(|(by, mark)| mark == '+' && by > rank)
}

/// Once all is quiet, a person whose newest change is an opt-out is on the list, and a person
/// without any opt-out is not.
pub(super) fn missed(outside: &Outside, org: &Org, bodies: &[(String, Value)]) -> Vec<String> {
    if !org.has_dnc_list {
        return Vec::new();
    }
    let mut decided: BTreeMap<Key, (Option<u64>, bool)> = BTreeMap::new();
    let of_org = bodies.iter().filter_map(|(_, body)| effective_part(body));
    for body in of_org.filter(|body| body["org"] == org.name.as_str()) {
        let decided_out = opts_out(&body).then_some(true).or_else(|| {
            let is_in = body["callable"] == true;
            is_in.then_some(false)
        });
        let Some(is_out) = decided_out else { continue };
        let decision = (rank_of(org, &body), is_out);
        let newest = decided.entry(key_of(&body)).or_insert(decision);
        // At a tie the opt-out counts.
        *newest = (*newest).max(decision);
    }
    let mut violations = Vec::new();
    // An entry has no owner, and is never removed. Reconcile sees opt-outs in the feed whose
    // webhooks were lost. It sends none for a contact that somebody else made not callable.
    let bodies = bodies.iter().map(|(_, body)| body.clone());
    let opted_out = bodies.chain(changes(outside)).filter(opts_out);
    let opted_out: BTreeSet<_> = opted_out.map(|body| key_of(&body).2).collect();
    for entry in outside.genesys.dnc_entries(&dnc_list(org)) {
        if !opted_out.iter().any(|key| key.trim() == entry) {
            violations.push(format!(
                "13: somebody whom nobody opted out stands on the DNC list of {}",
                org.name
            ));
        }
    }
    let missed = decided
        .into_iter()
        .filter(|((_, campaign, key), (_, is_out))| {
            *is_out && !outside.story.alters(campaign, key) && !stands(outside, org, key)
        });
    violations.extend(missed.map(|((_, campaign, _), _)| {
        format!(
            "13: somebody whose last decision is to opt out of {campaign} is not on the DNC list"
        )
    }));
    violations
}

fn stands(outside: &Outside, org: &Org, key: &str) -> bool {
    let entries = outside.genesys.dnc_entries(&dnc_list(org));
    entries.iter().any(|entry| entry == key.trim())
}
