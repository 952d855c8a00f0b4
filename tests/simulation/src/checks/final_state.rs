//! Promises 1 to 4, 8 and 11 to 13, checked over everything that was seen, once everything is
//! quiet: before a reconcile and after it.
//!
//! Each file checks some of the promises: `messages` those about messages (1, 8 and 11), `ranks`
//! those about ranks (2 and 12), `raised` promise 3, and `contents` promise 4. What must hold at
//! each event is checked in `super`.

mod contents;
mod messages;
mod raised;
mod ranks;

pub(crate) use contents::unlike_the_crm;
pub(crate) use ranks::{decided, rank, unlike};

use std::collections::BTreeMap;

use emulator::genesys::Alteration;
use jiff::Timestamp;
use serde_json::Value;

use super::batches::is_late;
use super::strangers::{is_stranger, leaves_an_opt_out, misplaced};
use super::ties::is_tied;
use super::{agents, channels, dialler, dnc, ties, vendor};
use crate::change::{effective_part, key_of, opts_out, rank_of};
use crate::chaos::FaultKind;
use crate::lock;
use crate::seams::{Outside, Seen};
use crate::story::{Key, Org, Ranking};
use contents::{newest, unlike_the_crms_changes, unlike_the_queue};

/// A parked message, with the time at which it was parked.
type Parked = (Timestamp, io::queue::Message);

/// The effect of a change on its contact.
struct Effect {
    rank: Option<u64>,
    /// The value that it gives to `callable`.
    callable: Option<bool>,
    /// The columns that it names, if it names any.
    data: Option<Value>,
    /// Whether the change leaves only an opt-out if the contact is not in the campaign.
    is_opt_out_alone: bool,
}

impl Effect {
    fn of(org: &Org, body: &Value) -> Effect {
        let is_removal = body["operation"] == "remove";
        let callable = if is_removal {
            Some(false)
        } else {
            body["callable"].as_bool()
        };
        // The opt-out of a faulty item names no column.
        let columns = body["data"].as_object();
        let names_none = columns.is_some_and(serde_json::Map::is_empty);
        Effect {
            rank: rank_of(org, body),
            callable,
            data: (!is_removal && !names_none).then(|| body["data"].clone()),
            is_opt_out_alone: leaves_an_opt_out(body),
        }
    }
}

/// The effects of these changes, by contact.
fn by_contact<'a>(
    org: &Org,
    bodies: impl Iterator<Item = &'a Value>,
) -> BTreeMap<Key, Vec<Effect>> {
    let mut of_contact: BTreeMap<Key, Vec<Effect>> = BTreeMap::new();
    for body in bodies.filter(|body| body["org"] == org.name.as_str()) {
        let effects = of_contact.entry(key_of(body)).or_default();
        effects.push(Effect::of(org, body));
    }
    of_contact
}

/// Whether no two copies of apply ever work on one contact.
fn has_one_writer(outside: &Outside) -> bool {
    outside.story.rates.of(FaultKind::LatePoller) == 0.0
}

/// Checks everything that must hold once everything is quiet.
pub(crate) fn check_final_state(outside: &Outside) {
    let seen = lock(&outside.seen);
    let journal = outside.genesys.journal();
    let mut violations = messages::violations(outside, &seen);
    violations.extend(agents::altered(&journal));
    violations.extend(vendor::violations(outside, &seen));
    let all = good_bodies(&seen.stored);
    violations.extend(misplaced(outside, &journal, &all, &seen.done_at));
    // The checks below are about contacts in a campaign, and a change that was only ever skipped
    // says nothing about them.
    let mut bodies = all.clone();
    bodies.retain(|(id, _)| !seen.never_counted(id));
    for org in &outside.story.orgs {
        let of_org = |alteration: &&Alteration| org.campaigns.contains(&alteration.campaign);
        let alterations: Vec<_> = journal.iter().filter(of_org).collect();
        if org.ranking == Ranking::None {
            violations.extend(of_an_unranked_org(outside, org, &alterations, &seen));
            continue;
        }
        if has_one_writer(outside) {
            violations.extend(of_each_alteration(
                outside,
                org,
                &alterations,
                &bodies,
                &seen,
            ));
        }
        violations.extend(unlike_the_crms_changes(outside, org, &bodies, &seen));
        violations.extend(dnc::missed(outside, org, &all));
    }
    drop(seen);
    if has_one_writer(outside) {
        ties::check(outside);
    }
    outside.violated_all(violations);
}

/// The violations in an org without ranks, whose queue alone decides.
fn of_an_unranked_org(
    outside: &Outside,
    org: &Org,
    alterations: &[&Alteration],
    seen: &Seen,
) -> Vec<String> {
    let alterations = alterations.iter();
    let mut violations: Vec<_> = alterations
        .flat_map(|alteration| ranks::altered_by_the_product(org, alteration, &seen.stored))
        .collect();
    let parked = seen.parked.iter().filter(|(_, message)| is_late(message));
    let parked = parked.map(|(_, message)| message.group.as_str()).collect();
    violations.extend(unlike_the_queue(outside, org, seen, &parked));
    violations
}

/// The violations in the single alterations of an org with ranks, if each contact had one writer at
/// a time.
fn of_each_alteration(
    outside: &Outside,
    org: &Org,
    alterations: &[&Alteration],
    bodies: &[(String, Value)],
    seen: &Seen,
) -> Vec<String> {
    let mut violations = Vec::new();
    for alteration in alterations {
        violations.extend(ranks::altered_by_the_product(org, alteration, &seen.stored));
        let changes = (bodies, &seen.stored_at);
        violations.extend(ranks::unlike_its_rank(outside, org, alteration, changes));
        violations.extend(channels::left_reachable(org, alteration));
    }
    violations.extend(raised::violations(
        outside,
        org,
        alterations,
        bodies,
        &seen.done_at,
    ));
    violations.extend(dialler::raised(org, alterations));
    violations.extend(dialler::called(outside, org, bodies, seen));
    violations.extend(channels::left_open(outside, org, bodies, &seen.done_at));
    violations
}

/// Checks promise 4 before any reconcile: each contact is as the newest change that came out of the
/// queue says, whatever the functions report.
pub(crate) fn check_before_reconcile(outside: &Outside) {
    if !has_one_writer(outside) {
        return;
    }
    let seen = lock(&outside.seen);
    let mut bodies = good_bodies(&seen.stored);
    let is_plain = |key: &Key| !is_stranger(key) && !is_tied(key);
    bodies.retain(|(id, body)| !seen.never_counted(id) && is_plain(&key_of(body)));
    drop(seen);
    ties::check(outside);
    for org in outside
        .story
        .orgs
        .iter()
        .filter(|org| org.ranking != Ranking::None)
    {
        let of_contact = by_contact(org, bodies.iter().map(|(_, body)| body)).into_iter();
        for (key, effects) in of_contact.filter(|(key, _)| !outside.story.alters(&key.1, &key.2)) {
            let stored = outside.genesys.contacts(&key.1).remove(&key.2);
            // Reconcile ignores a contact that differs only in its rank, so this is
            // checked before it.
            if stored.as_ref().and_then(rank)
                != effects.iter().filter_map(|effect| effect.rank).max()
            {
                outside.violated(format!("4: a contact of {} has not the newest rank", key.1));
            }
            outside.violated_all(newest(outside, &key, effects));
        }
    }
}

/// The event ids of messages, each with the part of its body that counts.
fn good_bodies(stored: &[io::queue::Message]) -> Vec<(String, Value)> {
    let body =
        |message: &io::queue::Message| effective_part(&serde_json::from_str(&message.body).ok()?);
    stored
        .iter()
        .filter_map(|message| Some((crate::wire::event_id(&message.body), body(message)?)))
        .collect()
}
