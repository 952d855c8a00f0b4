//! Genesys Cloud: its token endpoint, its rate limit, and its two contact APIs.
//!
//! The service follows docs/genesys-cloud.md, and docs/contract.md "Predictive API". If the real
//! service is not documented, [`Options`] chooses one of the possible behaviours, and a test can
//! choose each of them. `contact_lists` is the published API, `contacts` the `predictive` dialect,
//! `http_api` the path of a request. The methods in this file and in `dnc` let a test look behind
//! the API. Those in `others` act as somebody else: an operator, the dialler, or another client.

mod answer;
mod contact_lists;
mod contacts;
mod control;
mod dnc;
mod http_api;
mod login;
mod options;
mod others;
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

/// A contact as the service stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    pub data: BTreeMap<String, String>,
    pub callable: bool,
    created_at: Timestamp,
    /// The members that the dialler owns, as they were last written. Only the contact list API has
    /// them.
    pub of_the_dialler: Map<String, Value>,
}

/// A request and its answer, as the service saw them.
#[derive(Clone, Debug)]
pub struct Call {
    pub at: Timestamp,
    pub client_id: Option<String>,
    pub method: String,
    /// The percent-encoded path.
    pub path: String,
    /// The text behind the question mark.
    pub query: String,
    pub body: Value,
    pub status: u16,
    pub answer: Value,
}

/// One alteration of a contact.
#[derive(Clone, Debug)]
pub struct Alteration {
    pub at: Timestamp,
    pub campaign: String,
    pub key: String,
    pub before: Option<Contact>,
    pub after: Option<Contact>,
    /// The OAuth client that made the alteration. `None` means somebody else.
    pub client_id: Option<String>,
}

/// The service.
pub struct Genesys {
    clock: Clock,
    options: Options,
    state: Mutex<State>,
}

impl Genesys {
    /// A service without clients.
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

    /// Adds an OAuth client, or replaces its secret.
    pub fn put_client(&self, id: &str, secret: &str) {
        let client = Client {
            secret: secret.to_owned(),
            is_forbidden: false,
        };
        self.state().clients.insert(id.to_owned(), client);
    }

    /// Takes the permissions of a client, or gives them back. Without them its calls are answered
    /// with 403.
    pub fn forbid(&self, client_id: &str, is_forbidden: bool) {
        if let Some(client) = self.state().clients.get_mut(client_id) {
            client.is_forbidden = is_forbidden;
        }
    }

    /// Revokes every token.
    pub fn revoke_tokens(&self) {
        self.state().tokens.clear();
    }

    /// Adds a campaign of the client's org, with a contact list of its own. `columns` are the
    /// columns of the list; `None` allows any.
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

    /// Sets the `campaignStatus` of a campaign.
    pub fn turn(&self, campaign: &str, status: &str) {
        if let Some(campaign) = self.state().campaigns.get_mut(campaign) {
            status.clone_into(&mut campaign.status);
        }
    }

    /// Restricts the values that a column of a campaign's list accepts.
    pub fn type_column(&self, campaign: &str, specification: Value) {
        if let Some(list) = self.state().list_of(campaign) {
            list.types.push(specification);
        }
    }

    /// Sets which columns of a campaign's list hold phone numbers.
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

    /// Every alteration of a contact, in order. It is empty unless the options keep a journal.
    pub fn journal(&self) -> Vec<Alteration> {
        self.state().journal.clone()
    }

    /// The contacts of a campaign by key.
    pub fn contacts(&self, campaign: &str) -> BTreeMap<String, Contact> {
        let mut state = self.state();
        let list = state.list_of(campaign);
        list.map(|list| list.contacts.clone()).unwrap_or_default()
    }

    /// One contact of a campaign.
    pub fn contact(&self, campaign: &str, key: &str) -> Option<Contact> {
        self.state().list_of(campaign)?.contacts.get(key).cloned()
    }

    /// The contacts of a list by key.
    pub fn contacts_of_list(&self, list: &str) -> BTreeMap<String, Contact> {
        let state = self.state();
        let list = state.lists.get(list);
        list.map(|list| list.contacts.clone()).unwrap_or_default()
    }

    /// Makes calls fail from now on.
    pub fn add_fault(&self, fault: Fault) {
        self.state().faults.add(fault);
    }

    /// Every call in order, those of the token endpoint included.
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// The number of calls by method and status, such as "GET 200". Calls of the token endpoint
    /// count as "token 200".
    pub fn counts(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for call in &self.state().calls {
            let method = if call.path == login::TOKEN_PATH {
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

    /// How many requests showed a token to a host that is not the API.
    pub fn tokens_elsewhere(&self) -> u64 {
        self.state().tokens_elsewhere
    }

    /// How many export files were downloaded.
    pub fn downloads(&self) -> u64 {
        self.state().downloads
    }

    /// How many contacts had a create refused with 409 and were not read or written with success
    /// since.
    pub fn conflicts_left(&self) -> usize {
        self.state().conflicts.len()
    }
}
