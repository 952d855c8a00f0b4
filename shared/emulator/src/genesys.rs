//! Genesys Cloud: the token endpoint, the rate limit, and the `predictive` contact API
//! (docs/genesys-cloud.md "OAuth client credentials", docs/genesys-cloud.md "Rate limit and
//! retries", docs/contract.md "Predictive API").

mod answer;
mod contact_lists;
mod contacts;
mod control;
mod dnc;
mod http_api;
mod options;
mod rate;
mod state;

pub use crate::fault::{Effect, Fault};
pub use contact_lists::Exports;
pub use control::CONTROL_PREFIX;
pub use dnc::{DncKind, KeptBy};
pub use options::{Duplicates, ListReadings, Options};

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use io::Clock;
use jiff::Timestamp;
use serde_json::{Map, Value};

use state::{Campaign, Client, List, State};

/// A contact as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    pub data: BTreeMap<String, String>,
    pub callable: bool,
    created_at: Timestamp,
    /// Of the contact list API: what the dialler owns, as it was last written.
    pub of_the_dialler: Map<String, Value>,
}

/// One call, as the service saw it.
#[derive(Clone, Debug)]
pub struct Call {
    pub at: Timestamp,
    pub client_id: Option<String>,
    pub method: String,
    /// Percent-encoded, as it came.
    pub path: String,
    /// What followed the question mark.
    pub query: String,
    pub body: Value,
    pub status: u16,
    pub answer: Value,
}

/// A contact was altered.
#[derive(Clone, Debug)]
pub struct Alteration {
    pub at: Timestamp,
    pub campaign: String,
    pub key: String,
    pub before: Option<Contact>,
    pub after: Option<Contact>,
    /// The OAuth client; none: somebody else.
    pub client_id: Option<String>,
}

/// The service.
pub struct Genesys {
    clock: Clock,
    options: Options,
    state: Mutex<State>,
}

impl Genesys {
    /// A service without any client.
    pub fn new(clock: Clock, options: Options) -> Genesys {
        Genesys {
            clock,
            options,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an OAuth client, or gives one another secret.
    pub fn put_client(&self, id: &str, secret: &str) {
        let client = Client {
            secret: secret.to_owned(),
            is_forbidden: false,
        };
        self.state().clients.insert(id.to_owned(), client);
    }

    /// Takes a client's rights: its calls are answered with 403.
    pub fn forbid(&self, client_id: &str, is_forbidden: bool) {
        if let Some(client) = self.state().clients.get_mut(client_id) {
            client.is_forbidden = is_forbidden;
        }
    }

    /// Ends every token now.
    pub fn revoke_tokens(&self) {
        self.state().tokens.clear();
    }

    /// Adds a campaign of an OAuth client's org, with a contact list of its own. `columns`: what a
    /// contact may hold; none: anything.
    pub fn put_campaign(&self, client_id: &str, campaign: &str, columns: Option<&[&str]>) {
        let list = format!("list-of-{campaign}");
        self.put_list(client_id, &list, columns);
        let client_id = client_id.to_owned();
        let drawing = Campaign {
            client_id,
            list,
            version: 1,
            dnc_lists: Vec::new(),
            status: "on".to_owned(),
        };
        self.state().campaigns.insert(campaign.to_owned(), drawing);
    }

    /// A campaign has this `campaignStatus` from now on.
    pub fn turn(&self, campaign: &str, status: &str) {
        if let Some(campaign) = self.state().campaigns.get_mut(campaign) {
            status.clone_into(&mut campaign.status);
        }
    }

    /// Says of a column of a campaign's list what it takes.
    pub fn type_column(&self, campaign: &str, specification: Value) {
        if let Some(list) = self.state().list_of(campaign) {
            list.types.push(specification);
        }
    }

    /// Says which columns of a campaign's list hold numbers.
    pub fn number_columns(&self, campaign: &str, columns: &[&str]) {
        if let Some(list) = self.state().list_of(campaign) {
            let column = |name: &&str| serde_json::json!({ "columnName": name, "type": "cell" });
            list.phone_columns = columns.iter().map(column).collect();
        }
    }

    /// Adds an empty contact list that no campaign draws on.
    pub fn put_list(&self, client_id: &str, list: &str, columns: Option<&[&str]>) {
        let empty = List::new(client_id, list, columns);
        self.state().lists.insert(list.to_owned(), empty);
    }

    /// Puts a contact that has been there for long.
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

    /// Somebody else alters a campaign's contacts.
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

    /// Every alteration of a contact, in order, where the options ask for it.
    pub fn journal(&self) -> Vec<Alteration> {
        self.state().journal.clone()
    }

    /// Somebody else deletes a contact.
    pub fn delete_contact(&self, campaign: &str, key: &str) {
        self.by_somebody(campaign, |contacts| drop(contacts.remove(key)));
    }

    /// Somebody else changes a column of a contact.
    pub fn change_column(&self, campaign: &str, key: &str, column: &str, value: &str) {
        self.by_somebody(campaign, |contacts| {
            if let Some(contact) = contacts.get_mut(key) {
                contact.data.insert(column.to_owned(), value.to_owned());
            }
        });
    }

    /// A campaign's contacts by key.
    pub fn contacts(&self, campaign: &str) -> BTreeMap<String, Contact> {
        let mut state = self.state();
        let list = state.list_of(campaign);
        list.map(|list| list.contacts.clone()).unwrap_or_default()
    }

    /// A contact of a campaign.
    pub fn contact(&self, campaign: &str, key: &str) -> Option<Contact> {
        self.state().list_of(campaign)?.contacts.get(key).cloned()
    }

    /// The contacts of a list by key.
    pub fn contacts_of_list(&self, list: &str) -> BTreeMap<String, Contact> {
        let state = self.state();
        let list = state.lists.get(list);
        list.map(|list| list.contacts.clone()).unwrap_or_default()
    }

    /// The dialler notes something of a contact, such as `phoneNumberStatus`.
    pub fn note(&self, campaign: &str, key: &str, member: &str, value: Value) {
        self.by_somebody(campaign, |contacts| {
            if let Some(contact) = contacts.get_mut(key) {
                contact.of_the_dialler.insert(member.to_owned(), value);
            }
        });
    }

    /// The dialler makes a contact not callable, as by a wrap-up code.
    pub fn lower(&self, campaign: &str, key: &str) {
        self.by_somebody(campaign, |contacts| {
            if let Some(contact) = contacts.get_mut(key) {
                contact.callable = false;
            }
        });
    }

    /// Lets a campaign draw on another list: on the one of that id, or on its own, which is known
    /// by the old id no more.
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

    /// A file is imported into a list from now on, or no longer.
    pub fn import(&self, list: &str, is_importing: bool) {
        if let Some(list) = self.state().lists.get_mut(list) {
            list.is_importing = is_importing;
        }
    }

    /// Makes calls fail, from now on.
    pub fn add_fault(&self, fault: Fault) {
        self.state().faults.add(fault);
    }

    /// Every call, the token endpoint's included, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// Calls by method and status, such as "GET 200"; those of the token endpoint as "token 200".
    pub fn counts(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for call in &self.state().calls {
            let method = if call.path == http_api::TOKEN_PATH {
                "token"
            } else {
                &call.method
            };
            *counts
                .entry(format!("{method} {}", call.status))
                .or_default() += 1;
        }
        counts
    }

    /// How many requests brought a token to a host that is not Genesys Cloud's API.
    pub fn tokens_elsewhere(&self) -> u64 {
        self.state().tokens_elsewhere
    }

    /// How many files of exports were downloaded.
    pub fn downloads(&self) -> u64 {
        self.state().downloads
    }

    /// Contacts whose create was refused with 409 and which nobody read or wrote with success
    /// since.
    pub fn conflicts_left(&self) -> usize {
        self.state().conflicts.len()
    }
}
