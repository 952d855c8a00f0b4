//! Alterations of contacts and lists by others: an operator, the dialler, or another client of the
//! org.
//!
//! These alterations make no call, and the journal names no OAuth client for them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Contact, Genesys, List};

impl Genesys {
    /// Stores a contact as if it had been there for a long time.
    pub fn put_contact(&self, campaign: &str, key: &str, data: &[(&str, &str)], callable: bool) {
        let data = data
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let contact = Contact {
            data,
            callable,
            created_at: Timestamp::MIN,
            of_the_dialler: Map::new(),
        };
        self.by_somebody(campaign, |contacts| {
            drop(contacts.insert(key.to_owned(), contact))
        });
    }

    /// Alters a campaign's contacts as somebody else, not as a client of the API.
    fn by_somebody(&self, campaign: &str, alter: impl FnOnce(&mut BTreeMap<String, Contact>)) {
        let mut state = self.state();
        let Some(list) = state.list_of(campaign) else {
            return;
        };
        let contacts = &mut list.contacts;
        let before = self.options.keeps_journal.then(|| contacts.clone());
        alter(contacts);
        if let Some(before) = before {
            state.note(self.clock.now(), campaign, &before, None);
        }
    }

    /// Deletes a contact as somebody else.
    pub fn delete_contact(&self, campaign: &str, key: &str) {
        self.by_somebody(campaign, |contacts| drop(contacts.remove(key)));
    }

    /// Changes a column of a contact as somebody else.
    pub fn change_column(&self, campaign: &str, key: &str, column: &str, value: &str) {
        self.by_somebody(campaign, |contacts| {
            if let Some(contact) = contacts.get_mut(key) {
                contact.data.insert(column.to_owned(), value.to_owned());
            }
        });
    }

    /// Writes a member of a contact as the dialler does, such as `phoneNumberStatus`.
    pub fn note(&self, campaign: &str, key: &str, member: &str, value: Value) {
        self.by_somebody(campaign, |contacts| {
            if let Some(contact) = contacts.get_mut(key) {
                contact.of_the_dialler.insert(member.to_owned(), value);
            }
        });
    }

    /// Makes a contact not callable as the dialler does, for example by a wrap-up code.
    pub fn lower(&self, campaign: &str, key: &str) {
        self.by_somebody(campaign, |contacts| {
            if let Some(contact) = contacts.get_mut(key) {
                contact.callable = false;
            }
        });
    }

    /// Makes a campaign draw on another list. If no list has this id, the campaign's own list gets
    /// it, and the old id is gone.
    pub fn change_list(&self, campaign: &str, list: &str) {
        let mut state = self.state();
        let Some(campaign) = state.campaigns.get_mut(campaign) else {
            return;
        };
        let old = std::mem::replace(&mut campaign.list, list.to_owned());
        if !state.lists.contains_key(list)
            && let Some(own) = state.lists.remove(&old)
        {
            let id = list.to_owned();
            state.lists.insert(id.clone(), List { id, ..own });
        }
    }

    /// Begins or ends the import of a file into a list.
    pub fn import(&self, list: &str, is_importing: bool) {
        if let Some(list) = self.state().lists.get_mut(list) {
            list.is_importing = is_importing;
        }
    }
}
