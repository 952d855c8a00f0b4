//! Contacts by id: which contact an id means, whether it can be read yet, and what an id may be.
//! [`ListReadings`](super::super::ListReadings) chooses among the possible behaviours.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::super::answer::{Answer, error};
use super::super::{Contact, Genesys, List};
use super::show::show;

/// The limit of docs/genesys-cloud.md "Limits".
const MOST_READ: usize = 50;
const MOST_DELETED: usize = 250;

impl Genesys {
    /// Whether two ids mean the same contact.
    pub(super) fn is_same(&self, one: &str, other: &str) -> bool {
        one == other || (self.options.lists.fold_case && one.to_lowercase() == other.to_lowercase())
    }

    /// The id under which a contact is stored. An unknown id is returned as it is.
    pub(super) fn stored_key(&self, list: &List, key: &str) -> String {
        let found = self.stored(list, key).map(|(stored, _)| stored.clone());
        found.unwrap_or_else(|| key.to_owned())
    }

    fn stored<'a>(&self, list: &'a List, key: &str) -> Option<(&'a String, &'a Contact)> {
        let exact = list.contacts.get_key_value(key);
        let folded = || {
            let mut contacts = list.contacts.iter();
            contacts.find(|(other, _)| self.is_same(other, key))
        };
        match exact {
            None if self.options.lists.fold_case => folded(),
            exact => exact,
        }
    }

    /// A contact, unless it is too new to be read.
    pub(super) fn readable<'a>(
        &self,
        list: &'a List,
        key: &str,
    ) -> Option<(&'a String, &'a Contact)> {
        let lag = self.options.lists.read_lag;
        let is_old = |contact: &Contact| {
            self.clock.now() >= contact.created_at.saturating_add(lag).unwrap_or_default()
        };
        let found = self.stored(list, key);
        let (key, contact) = found.filter(|(_, contact)| lag.is_zero() || is_old(contact))?;
        let lag = self.options.lists.update_lag;
        let before = (!lag.is_zero()).then(|| list.before(key, self.lagging(lag)));
        Some((key, before.flatten().unwrap_or(contact)))
    }

    /// The time up to which a reader with this lag sees writes.
    pub(super) fn lagging(&self, lag: Duration) -> Timestamp {
        let now = self.clock.now();
        now.saturating_sub(lag).unwrap_or(Timestamp::MIN)
    }

    /// The contacts as searches and the size of a list show them.
    pub(super) fn searchable<'a>(&self, list: &'a List) -> BTreeMap<&'a str, &'a Contact> {
        list.all_before(self.lagging(self.options.lists.search_lag))
    }

    pub(super) fn read_many(&self, list: &List, body: &Value) -> Answer {
        let ids: Option<Vec<_>> = body
            .as_array()
            .and_then(|ids| ids.iter().map(Value::as_str).collect());
        let Some(ids) = ids else {
            return error(400, "bad.request", "The body is not an array of ids.");
        };
        if ids.len() > MOST_READ {
            return error(
                400,
                "too.many.contacts.requested",
                "Only 50 contacts can be retrieved at a time.",
            );
        }
        let found = ids.into_iter().filter_map(|id| self.readable(list, id));
        let shown = found.map(|(key, contact)| show(list, key, contact));
        (200, shown.collect())
    }

    pub(super) fn delete_many(&self, list: &mut List, ids: &[String]) -> Answer {
        if ids.is_empty() {
            return error(400, "no.contacts.specified", "No contacts were specified.");
        }
        if ids.len() > MOST_DELETED {
            let message = "There were too many contacts in the request, the limit is 250";
            return error(400, "too.many.contacts.added", message);
        }
        let is_meant = |key: &&String| ids.iter().any(|id| self.is_same(id, key));
        let deleted: Vec<_> = list.contacts.keys().filter(is_meant).cloned().collect();
        for key in deleted {
            list.write(self.clock.now(), key, None);
        }
        (200, Value::Null)
    }

    /// Whether a text may be an id. Genesys Cloud documents neither its "special characters" nor
    /// its length, so the options say.
    pub(super) fn may_be_an_id(&self, key: &str) -> bool {
        let readings = &self.options.lists;
        (1..=readings.longest_id).contains(&key.len())
            && key
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || readings.id_characters.contains(c))
    }
}
