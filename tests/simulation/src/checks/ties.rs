//! Promises 2 to 4 and 10 for changes that share a rank. The columns are those of the last such
//! change in the queue, an opt-out wins, and an opt-in counts only if no change of its rank opts
//! out.

use std::collections::BTreeMap;

use emulator::genesys::Contact;
use serde_json::Value;

use super::final_state::{rank, unlike};
use crate::change::{key_of, rank_of};
use crate::lock;
use crate::seams::Outside;
use crate::story::ties::TIED;
use crate::story::{COLUMNS, Key, Org, Raise, Ranking};

/// Whether the contact's changes share ranks.
pub(crate) fn is_tied((_, _, key): &Key) -> bool {
    key.contains(TIED)
}

/// For each of these contacts, all changes that the queue stored, in its order.
fn in_order(outside: &Outside) -> BTreeMap<Key, Vec<Value>> {
    let mut all: BTreeMap<Key, Vec<Value>> = BTreeMap::new();
    for message in &lock(&outside.seen).stored {
        let body: Value = serde_json::from_str(&message.body).unwrap_or_default();
        let key = key_of(&body);
        if is_tied(&key) {
            all.entry(key).or_default().push(body);
        }
    }
    all
}

/// Checks these contacts once everything is quiet.
pub(super) fn check(outside: &Outside) {
    for (key, bodies) in in_order(outside) {
        let org = outside.story.org_of(&key.1);
        let Some(org) = org.filter(|org| org.ranking != Ranking::None) else {
            continue;
        };
        let violation = match outside.genesys.contact(&key.1, &key.2) {
            Some(contact) => difference(org, &contact, &bodies),
            None => Some("4: a contact is missing whose changes share a rank"),
        };
        if let Some(violation) = violation {
            outside.violated(format!("{violation}, in {}", key.1));
        }
    }
}

/// How the contact differs from what its changes say.
fn difference(org: &Org, contact: &Contact, bodies: &[Value]) -> Option<&'static str> {
    let newest = bodies.iter().filter_map(|body| rank_of(org, body)).max();
    if rank(contact) != newest {
        return Some("4: a contact whose changes share a rank has not the newest");
    }
    let mut last = bodies.iter().rev();
    let last = last.find(|body| rank_of(org, body) == newest)?;
    if unlike(contact, &last["data"]).is_some() {
        return Some("2: a contact is not as the last of the changes says that share its rank");
    }
    let decides = bodies.iter().filter(|body| body["callable"].is_boolean());
    // At a tie the opt-out counts.
    let decided = decides
        .map(|body| (rank_of(org, body), body["callable"] == false))
        .max();
    match (contact.callable, decided) {
        (true, Some((_, true))) => {
            Some("3: somebody may be called though an opt-out shares the rank of the opt-in")
        }
        (false, None) => Some("4: somebody may not be called, and nobody said so"),
        (false, Some((_, false))) if org.raise != Raise::Never => {
            Some("4: somebody may not be called whose opt-in ranks above every opt-out")
        }
        _ => None,
    }
}

/// The columns of contacts whose changes share ranks, and whether each is callable.
pub(crate) type Held = BTreeMap<Key, (Vec<Option<String>>, bool)>;

/// The present columns of these contacts.
pub(crate) fn held(outside: &Outside) -> Held {
    let held = |key: &Key| {
        let contact = outside.genesys.contact(&key.1, &key.2)?;
        let columns = COLUMNS.iter().map(|name| contact.data.get(*name).cloned());
        Some((columns.collect(), contact.callable))
    };
    let keys = in_order(outside).into_keys();
    keys.filter_map(|key| held(&key).map(|held| (key, held)))
        .collect()
}

/// Checks promise 10: after everything was sent again in its order, each contact is as before.
pub(crate) fn check_unchanged(outside: &Outside, before: &Held) {
    if held(outside) != *before {
        let what =
            "10: applying everything again leaves a contact otherwise whose changes share a rank";
        outside.violated(what.to_owned());
    }
}
