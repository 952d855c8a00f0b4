//! 3: whom the dialler made not callable, as an agent said, stays so, whatever the CRM sends, a first
//! load, a redrive or a reconcile; and nobody is called whose opt-out was done. Nothing that campaign-sync
//! stores is believed here.

use std::collections::BTreeMap;
use std::time::Duration;

use emulator::genesys::Alteration;
use emulator::world::VERSION_FIELD;
use jiff::Timestamp;
use serde_json::Value;

use crate::lock;
use crate::seams::{Outside, Seen};
use crate::story::{Org, Raise};
use crate::world::{key_of, rank_of};

/// An invocation's: a contact is read and written in one.
const WINDOW: Duration = Duration::from_secs(30);

/// Contacts that were made callable again though the org wishes otherwise.
pub(super) fn raised(org: &Org, alterations: &[&Alteration]) -> Vec<String> {
    let mut violations = Vec::new();
    // Whom the dialler lowered, and when.
    let mut lowered: BTreeMap<(&str, &str), Timestamp> = BTreeMap::new();
    for alteration in alterations {
        let of = (alteration.campaign.as_str(), alteration.key.as_str());
        let (Some(before), Some(after)) = (&alteration.before, &alteration.after) else {
            // It is another contact from then on.
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
        // What was read before the dialler came, and lowered after it: nobody can tell.
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

/// The dialler goes through all campaigns: it calls whomever no switch and no DNC list keeps it from.
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

/// The clocks of the CRM and of whoever ranks may differ by so much.
const SKEW: Duration = Duration::from_secs(180);

/// Who was called though an opt-out was done before, and no newer word of the CRM opted in.
pub(super) fn called(
    outside: &Outside,
    org: &Org,
    bodies: &[(String, Value)],
    seen: &Seen,
) -> Vec<String> {
    let mut violations = Vec::new();
    for (at, campaign, key) in &seen.dialled {
        let is_own = org.campaigns.contains(campaign);
        // Of whom is set back what is older counts again; and another contact is no longer this one.
        let story = &outside.story;
        if !is_own || story.resets(campaign, key) || story.deletes(campaign, key) {
            continue;
        }
        let of_contact = bodies.iter().filter(|(_, body)| {
            let of = key_of(body);
            (&of.1, &of.2) == (campaign, key)
        });
        let is_out = |body: &Value| body["operation"] == "remove" || body["callable"] == false;
        let out = of_contact
            .clone()
            .filter(|(id, body)| is_out(body) && seen.done.get(id).is_some_and(|done| done < at));
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
