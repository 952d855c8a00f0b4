//! Promise 3: a contact that the dialler made not callable stays so, whatever comes: changes of the
//! CRM, a first load, a redrive or a reconcile. Also, no contact is called after its opt-out was
//! done.
//!
//! These checks do not trust anything that campaign-sync stores.

use std::collections::BTreeMap;
use std::time::Duration;

use emulator::genesys::Alteration;
use emulator::world::VERSION_FIELD;
use jiff::Timestamp;
use serde_json::Value;

use crate::change::{key_of, opts_out, rank_of};
use crate::lock;
use crate::seams::{Outside, Seen};
use crate::story::{Org, Raise};

/// The timeout of an invocation. A contact is read and written in one invocation.
const WINDOW: Duration = Duration::from_secs(30);

/// Finds contacts that were made callable again against the org's setting.
pub(super) fn raised(org: &Org, alterations: &[&Alteration]) -> Vec<String> {
    let mut violations = Vec::new();
    // The map holds each contact that the dialler lowered, with the time.
    let mut lowered: BTreeMap<(&str, &str), Timestamp> = BTreeMap::new();
    for alteration in alterations {
        let of = (alteration.campaign.as_str(), alteration.key.as_str());
        let (Some(before), Some(after)) = (&alteration.before, &alteration.after) else {
            // From here on it is another contact.
            lowered.remove(&of);
            continue;
        };
        let is_raised = !before.callable && after.callable;
        if alteration.client_id.is_none() {
            match (before.callable, after.callable) {
                (true, false) => drop(lowered.insert(of, alteration.at)),
                (false, true) => drop(lowered.remove(&of)),
                _ => {}
            }
            continue;
        }
        let is_kept = match org.raise {
            Raise::Own => lowered.contains_key(&of),
            Raise::Never => true,
            Raise::Always => false,
        };
        if is_raised && is_kept {
            violations.push(format!(
                "3: a contact of {} is made callable, and the dialler had made it not callable",
                of.0
            ));
        }
        // If a contact was read before the dialler lowered it and written after that, nobody can
        // say who lowered it.
        let is_marked = |contact: &emulator::genesys::Contact| {
            let text = contact.data.get(VERSION_FIELD);
            text.is_some_and(|text| text.ends_with('-'))
        };
        let since = lowered.get(&of).copied();
        let is_at_once = since.is_some_and(|since| alteration.at <= since + WINDOW);
        if is_at_once && is_marked(after) && !is_marked(before) {
            lowered.remove(&of);
        }
    }
    violations
}

/// Lets the dialler go through all campaigns. It calls every contact that no switch and no DNC list
/// keeps from being called.
pub(crate) fn dial(outside: &Outside) {
    let now = outside.clock.now();
    for campaign in outside.story.orgs.iter().flat_map(|org| &org.campaigns) {
        for key in outside.genesys.contacts(campaign).into_keys() {
            if outside
                .genesys
                .kept_from_dialling(campaign, &key)
                .is_empty()
            {
                let call = (now, campaign.clone(), key);
                lock(&outside.seen).dialled.push(call);
            }
        }
    }
}

/// How far the clocks of the CRM and of ingest may differ.
const SKEW: Duration = Duration::from_secs(180);

/// Finds contacts that were called after an opt-out was done, with no newer opt-in of the CRM.
pub(super) fn called(
    outside: &Outside,
    org: &Org,
    bodies: &[(String, Value)],
    seen: &Seen,
) -> Vec<String> {
    let mut violations = Vec::new();
    for (at, campaign, key) in &seen.dialled {
        let is_own = org.campaigns.contains(campaign);
        // After a reset of its rank an older change counts again, and after a deletion it
        // is another contact.
        let story = &outside.story;
        if !is_own || story.resets(campaign, key) || story.deletes(campaign, key) {
            continue;
        }
        let of_contact = bodies.iter().filter(|(_, body)| {
            let of = key_of(body);
            (&of.1, &of.2) == (campaign, key)
        });
        let out = of_contact.clone().filter(|(id, body)| {
            opts_out(body) && seen.done_at.get(id).is_some_and(|done| done < at)
        });
        let out = out.filter_map(|(_, body)| rank_of(org, body)).max();
        let latest = (*at + SKEW).as_millisecond().unsigned_abs();
        let opted_in = of_contact.filter(|(_, body)| body["callable"] == true);
        let mut opted_in = opted_in.filter_map(|(_, body)| rank_of(org, body));
        if out.is_some_and(|out| !opted_in.any(|rank| rank > out && rank <= latest)) {
            violations.push(format!(
                "3: a contact of {campaign} is called after its opt-out was done"
            ));
        }
    }
    violations
}
