//! Promise 3: a contact is made callable only by a newer change.

use std::collections::BTreeMap;

use emulator::genesys::Alteration;
use jiff::Timestamp;
use serde_json::Value;

use super::{decided, rank, said};
use crate::seams::Outside;
use crate::story::Org;
use crate::world::key_of;

/// Promise 3: a contact is made callable only by a change that is newer than what was stored, and
/// newer than every opt-out that was done.
pub(super) fn raises(
    outside: &Outside,
    org: &Org,
    alterations: &[&Alteration],
    bodies: &[(String, Value)],
    done: &BTreeMap<String, Timestamp>,
) -> Vec<String> {
    let mut violations = Vec::new();
    for alteration in alterations
        .iter()
        .filter(|alteration| alteration.client_id.is_some())
    {
        let Some(after) = alteration.after.as_ref().filter(|after| after.callable) else {
            continue;
        };
        if alteration
            .before
            .as_ref()
            .is_some_and(|before| before.callable)
        {
            continue;
        }
        let key = (
            org.name.clone(),
            alteration.campaign.clone(),
            alteration.key.clone(),
        );
        let of_contact = bodies.iter().filter(|(_, body)| key_of(body) == key);
        let mut opt_ins = of_contact
            .map(|(_, body)| said(org, body))
            .filter(|said| said.callable == Some(true));
        let decided_at = decided(after).filter(|(_, mark)| *mark == '+');
        let decided_at = decided_at.and_then(|(rank, _)| rank);
        // If a contact has no mark, the time of its decision is not known. It is no later
        // than its columns.
        let stood = alteration
            .before
            .as_ref()
            .and_then(|before| match decided(before) {
                Some((rank, _)) => rank,
                None => rank(before),
            });
        let is_said = decided_at > stood && opt_ins.any(|said| said.rank == decided_at);
        if alteration.before.is_some() && !is_said {
            violations.push(format!(
                "3: a contact of {} is made callable, and no newer change said so",
                key.1
            ));
        }
        if outside.story.deletes(&key.1, &key.2) || outside.story.resets(&key.1, &key.2) {
            continue;
        }
        // A contact that had to be created is callable at the rank of the change that
        // created it.
        let since = if alteration.before.is_none() {
            rank(after).max(decided_at)
        } else {
            decided_at
        };
        let opted_out = bodies.iter().any(|(id, body)| {
            let said = said(org, body);
            let is_done = done.get(id).is_some_and(|at| *at < alteration.at);
            key_of(body) == key && said.callable == Some(false) && said.rank >= since && is_done
        });
        if opted_out {
            violations.push(format!(
                "3: an opt-out of a contact of {} is undone by something older",
                key.1
            ));
        }
    }
    violations
}
