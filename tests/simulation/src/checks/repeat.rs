//! Promise 10: applying or reconciling everything again changes nothing.
//!
//! `crate::player::ending` sends everything again. Changes that share a rank are checked in
//! `super::ties`.

use std::collections::{BTreeMap, BTreeSet};

use emulator::genesys::{Alteration, Contact};
use emulator::world::VERSION_FIELD;
use serde_json::Value;

use super::is_opted_out;
use crate::change::key_of;
use crate::lock;
use crate::seams::Outside;
use crate::story::ties::TIED;
use crate::story::{Action, Interference, Org, Step};

/// Checks that nothing changed after everything was sent again. `before` is the length of the
/// journal before that, and `enqueued` the number of changes that reconcile sent for each org.
pub(crate) fn check_nothing_changed(
    outside: &Outside,
    before: usize,
    enqueued: &BTreeMap<&str, u64>,
) {
    // A parked change may be newer than the last decision about `callable`, and is applied only
    // now.
    let parked: BTreeSet<_> = lock(&outside.seen)
        .parked
        .iter()
        .filter_map(|(_, message)| serde_json::from_str(&message.body).ok())
        .map(|body: Value| key_of(&body))
        .map(|(_, campaign, key)| (campaign, key))
        .collect();
    for alteration in outside.genesys.journal().split_off(before) {
        if !is_allowed(outside, &alteration, &parked) {
            outside.violated("10: applying everything again changes a contact".to_owned());
        }
    }
    let has_repairs = |org: &&Org| {
        let changes = enqueued.get(org.name.as_str());
        changes.is_some_and(|changes| *changes > 0)
    };
    for org in outside.story.orgs.iter().filter(has_repairs) {
        if !has_lost_contacts(outside, org) {
            outside.violated("10: reconciling again finds something".to_owned());
        }
    }
}

/// Whether an alteration may happen when everything is sent again: a late opt-out makes a contact
/// not callable, or a parked change is applied.
fn is_allowed(
    outside: &Outside,
    alteration: &Alteration,
    parked: &BTreeSet<(String, String)>,
) -> bool {
    let (campaign, key) = (&alteration.campaign, &alteration.key);
    // Changes with one rank repair the columns once more, each in the order of the queue
    // (`ties::check_unchanged`).
    if key.contains(TIED) {
        return true;
    }
    // If somebody deleted a contact, reconcile leaves it to a webhook to make it callable again. If
    // a rank was set back, an older change may apply to the contact.
    if outside.story.deletes(campaign, key) || outside.story.resets(campaign, key) {
        return true;
    }
    let (Some(before), Some(after)) = (&alteration.before, &alteration.after) else {
        return false;
    };
    let columns = |contact: &Contact| {
        let mut columns = contact.data.clone();
        columns.remove(VERSION_FIELD);
        columns
    };
    let is_lowered = before.callable && !after.callable;
    columns(before) == columns(after)
        && (is_lowered && is_opted_out(outside, campaign, key)
            || parked.contains(&(campaign.clone(), key.clone())))
}

/// Whether somebody deleted contacts of the org or set back their ranks, so that reconcile has
/// something to repair each time.
fn has_lost_contacts(outside: &Outside, org: &Org) -> bool {
    let loses = |step: &Step| match &step.action {
        Action::Interfere { campaign, how, .. } => {
            org.campaigns.contains(campaign)
                && matches!(how, Interference::Delete | Interference::ResetRank { .. })
        }
        _ => false,
    };
    outside.story.steps.iter().any(loses)
}
