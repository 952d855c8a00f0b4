//! Promises 3 and 4: a change that creates nobody puts no callable contact into a campaign, and
//! loses no opt-out.
//!
//! `crate::story` makes these contacts up in `ordinary::strangers` and in `vendor`.

use std::collections::{BTreeMap, BTreeSet};

use emulator::genesys::{Alteration, Contact};
use emulator::world::VERSION_FIELD;
use jiff::Timestamp;
use serde_json::Value;

use super::{changes, channels};
use crate::change::{key_of, opts_out};
use crate::seams::Outside;
use crate::story::{AGENT_COLUMN, COLUMNS, Key, STRANGER};

/// Whether no full change ever puts this contact into a campaign.
pub(crate) fn is_stranger((_, _, key): &Key) -> bool {
    key.contains(STRANGER)
}

/// Whether this is what an opt-out leaves of a contact that was not in the campaign.
pub(crate) fn is_hollow(contact: &Contact) -> bool {
    let is_empty = |name: &str| contact.data.get(name).is_none_or(String::is_empty);
    let mut columns = COLUMNS.into_iter().chain([AGENT_COLUMN]);
    // A contact that somebody else made not callable was in the campaign.
    let version = contact.data.get(VERSION_FIELD);
    let is_own = version.is_none_or(|text| text.is_empty() || text.ends_with('-'));
    !contact.callable && is_own && columns.all(is_empty)
}

/// Whether a change was skipped and its contact exists by now. If the change is sent again, it
/// takes effect this time.
pub(crate) fn would_count_now(outside: &Outside, skipped: &BTreeSet<String>, body: &Value) -> bool {
    let (_, campaign, key) = key_of(body);
    let contact = outside.genesys.contact(&campaign, &key);
    let is_there = contact.is_some_and(|contact| !is_hollow(&contact));
    let id = body["eventId"].as_str().unwrap_or_default();
    is_there && skipped.contains(id)
}

/// Whether a change of a contact that is not there leaves one that is not callable.
pub(super) fn leaves_an_opt_out(body: &Value) -> bool {
    body["ifAbsent"] == "skip" && (opts_out(body) || !channels::closed_by(body).is_empty())
}

/// Promise 3: no change that creates nobody ever made such a contact callable. Promise 4: each of
/// their opt-outs that is done left a contact that is not callable, and nothing else left one.
pub(super) fn misplaced(
    outside: &Outside,
    journal: &[Alteration],
    bodies: &[(String, Value)],
    done: &BTreeMap<String, Timestamp>,
) -> Vec<String> {
    let mut violations = Vec::new();
    for alteration in journal.iter().filter(|of| of.key.contains(STRANGER)) {
        if alteration
            .after
            .as_ref()
            .is_some_and(|after| after.callable)
        {
            violations.push(format!(
                "3: somebody may be called whom no full change put into {}",
                alteration.campaign
            ));
        }
    }
    let strangers: BTreeSet<Key> = changes(outside).map(|body| key_of(&body)).collect();
    for key in strangers.iter().filter(|key| is_stranger(key)) {
        let contact = outside.genesys.contact(&key.1, &key.2);
        let mut of_contact = bodies.iter().filter(|(_, body)| key_of(body) == *key);
        let is_owed = of_contact
            .clone()
            .any(|(id, body)| done.contains_key(id) && leaves_an_opt_out(body));
        if is_owed && contact.as_ref().is_none_or(|contact| contact.callable) {
            violations.push(format!(
                "4: an opt-out of somebody who is not in {} left nothing",
                key.1
            ));
        }
        if contact.is_some() && !of_contact.any(|(_, body)| leaves_an_opt_out(body)) {
            violations.push(format!(
                "4: a contact of {} is there that no change may create",
                key.1
            ));
        }
    }
    violations
}
