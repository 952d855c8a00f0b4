//! Promise 3: a contact is made callable only by a newer change, and no older change undoes an
//! opt-out.
//!
//! `crate::checks::dialler` checks contacts that the dialler made not callable.

use std::collections::BTreeMap;

use emulator::genesys::{Alteration, Contact};
use jiff::Timestamp;
use serde_json::Value;

use super::ranks::{decided, rank};
use super::{Effect, opts_out};
use crate::change::{key_of, rank_of};
use crate::seams::Outside;
use crate::story::Org;

/// Checks each alteration in which the product made a contact callable, or created a callable one.
/// `bodies` holds all changes with their event ids, and `done_at` when each was done.
pub(super) fn violations(
    outside: &Outside,
    org: &Org,
    alterations: &[&Alteration],
    bodies: &[(String, Value)],
    done_at: &BTreeMap<String, Timestamp>,
) -> Vec<String> {
    let mut violations = Vec::new();
    for alteration in alterations.iter().filter(|of| of.client_id.is_some()) {
        let was_callable = alteration.before.as_ref().is_some_and(|of| of.callable);
        let Some(after) = alteration.after.as_ref().filter(|after| after.callable) else {
            continue;
        };
        if was_callable {
            continue;
        }
        let (campaign, contact_key) = (&alteration.campaign, &alteration.key);
        let key = (org.name.clone(), campaign.clone(), contact_key.clone());
        let of_contact = bodies.iter().filter(|(_, body)| key_of(body) == key);
        if alteration.before.is_some() {
            let bodies = of_contact.clone().map(|(_, body)| body);
            if !is_opted_in_anew(org, alteration, after, bodies) {
                violations.push(format!(
                    "3: a contact of {campaign} is made callable, and no newer change said so"
                ));
            }
        }
        if outside.story.deletes(campaign, contact_key)
            || outside.story.resets(campaign, contact_key)
        {
            continue;
        }
        let since = callable_since(alteration, after);
        let mut of_contact = of_contact;
        let opted_out = of_contact.any(|(id, body)| {
            let is_done = done_at.get(id).is_some_and(|at| *at < alteration.at);
            opts_out(body) && rank_of(org, body) >= since && is_done
        });
        if opted_out {
            violations.push(format!(
                "3: an opt-out of a contact of {campaign} is undone by something older"
            ));
        }
    }
    violations
}

/// The rank of the last opt-in that the version column names.
fn opted_in_at(contact: &Contact) -> Option<u64> {
    let (rank, _) = decided(contact).filter(|(_, mark)| *mark == '+')?;
    rank
}

/// Whether one of these changes is the opt-in that the contact names, and newer than the decision
/// before it.
fn is_opted_in_anew<'a>(
    org: &Org,
    alteration: &Alteration,
    after: &Contact,
    bodies: impl Iterator<Item = &'a Value>,
) -> bool {
    let decided_at = opted_in_at(after);
    // If a contact has no mark, the time of its decision is not known. It is no later than its
    // columns.
    let before = alteration.before.as_ref();
    let stood = before.and_then(|before| match decided(before) {
        Some((rank, _)) => rank,
        None => rank(before),
    });
    let mut opt_ins = bodies
        .map(|body| Effect::of(org, body))
        .filter(|effect| effect.callable == Some(true));
    decided_at > stood && opt_ins.any(|effect| effect.rank == decided_at)
}

/// The rank from which on the contact is callable. A contact that had to be created is callable at
/// the rank of the change that created it.
fn callable_since(alteration: &Alteration, after: &Contact) -> Option<u64> {
    match alteration.before {
        None => rank(after).max(opted_in_at(after)),
        Some(_) => opted_in_at(after),
    }
}
