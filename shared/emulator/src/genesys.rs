//! Genesys Cloud: the token endpoint, the rate limit, and the `predictive` contact API
//! (docs/genesys-cloud.md "OAuth client credentials", docs/genesys-cloud.md "Rate limit and
//! retries", docs/contract.md "Predictive API").

mod answer;
mod contact_lists;
mod contacts;
mod control;
mod http_api;
mod rate;

pub use crate::fault::{Effect, Fault};
pub use control::CONTROL_PREFIX;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use io::Clock;
use jiff::Timestamp;
use serde_json::{Map, Value};

use rate::Window;

/// How the service behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// From request to answer.
    pub latency: Duration,
    /// How long a new contact is missed by reads.
    pub read_lag: Duration,
    pub token_life: Duration,
    /// For each OAuth client, in fixed minutes from its first call on.
    pub calls_per_minute: Option<u64>,
    /// Whether each token of a client may make that many: docs/genesys-cloud.md "Rate limit and
    /// retries" has both readings.
    pub counts_each_token: bool,
    /// The rate limit's window: `calls_per_minute` are allowed in each, if it is no minute either.
    pub window: Duration,
    /// Whether answers tell how much of that is used.
    pub rate_headers: bool,
    /// Whether an update by the contact list API keeps the columns that it does not name: not
    /// documented.
    pub list_updates_merge: bool,
    /// Whether a write by the contact list API that leaves `callable` out makes a contact callable
    /// that exists already: docs/genesys-cloud.md "Unknown" has both readings.
    pub omitted_callable_is_true: bool,
    /// Whether every alteration of a contact is noted for [`Genesys::journal`].
    pub keeps_journal: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            latency: Duration::from_millis(40),
            read_lag: Duration::ZERO,
            token_life: Duration::from_hours(24),
            calls_per_minute: Some(300),
            counts_each_token: false,
            window: Duration::from_mins(1),
            rate_headers: true,
            list_updates_merge: false,
            omitted_callable_is_true: false,
            keeps_journal: false,
        }
    }
}

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

#[derive(Default)]
struct State {
    clients: BTreeMap<String, Client>,
    campaigns: BTreeMap<String, Campaign>,
    tokens: BTreeMap<String, (String, Timestamp)>,
    /// By OAuth client or by token.
    windows: BTreeMap<String, Window>,
    issued: u64,
    faults: Vec<Fault>,
    calls: Vec<Call>,
    journal: Vec<Alteration>,
    /// (campaign, contact key) of each refused create that nobody has resolved since.
    conflicts: BTreeSet<(String, String)>,
}

struct Client {
    secret: String,
    is_forbidden: bool,
}

struct Campaign {
    client_id: String,
    /// The id of its contact list.
    list: String,
    /// What a contact may hold; none: anything.
    columns: Option<BTreeSet<String>>,
    contacts: BTreeMap<String, Contact>,
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

    /// Adds a campaign of an OAuth client's org. `columns`: what a contact may hold; none:
    /// anything.
    pub fn put_campaign(&self, client_id: &str, campaign: &str, columns: Option<&[&str]>) {
        let columns =
            columns.map(|columns| columns.iter().map(|column| (*column).to_owned()).collect());
        let list = format!("list-of-{campaign}");
        let campaign_state = Campaign {
            client_id: client_id.to_owned(),
            list,
            columns,
            contacts: BTreeMap::new(),
        };
        self.state()
            .campaigns
            .insert(campaign.to_owned(), campaign_state);
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
        let Some(contacts) = state
            .campaigns
            .get_mut(campaign)
            .map(|campaign| &mut campaign.contacts)
        else {
            return;
        };
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
        self.state()
            .campaigns
            .get(campaign)
            .map(|campaign| campaign.contacts.clone())
            .unwrap_or_default()
    }

    /// The dialler notes something of a contact, such as `phoneNumberStatus`.
    pub fn note(&self, campaign: &str, key: &str, member: &str, value: Value) {
        self.by_somebody(campaign, |contacts| {
            if let Some(contact) = contacts.get_mut(key) {
                contact.of_the_dialler.insert(member.to_owned(), value);
            }
        });
    }

    /// Moves a campaign's contacts to another list; none is known by the old id any more.
    pub fn change_list(&self, campaign: &str, list: &str) {
        if let Some(campaign) = self.state().campaigns.get_mut(campaign) {
            list.clone_into(&mut campaign.list);
        }
    }

    /// Makes calls fail, from now on.
    pub fn add_fault(&self, fault: Fault) {
        self.state().faults.push(fault);
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

    /// Contacts whose create was refused with 409 and which nobody read or wrote with success
    /// since.
    pub fn conflicts_left(&self) -> usize {
        self.state().conflicts.len()
    }
}

impl State {
    /// Notes what is not as it was before.
    fn note(
        &mut self,
        at: Timestamp,
        campaign: &str,
        before: &BTreeMap<String, Contact>,
        client_id: Option<&str>,
    ) {
        let Some(now) = self
            .campaigns
            .get(campaign)
            .map(|campaign| &campaign.contacts)
        else {
            return;
        };
        let keys: BTreeSet<_> = before.keys().chain(now.keys()).collect();
        let altered = keys
            .into_iter()
            .filter(|key| before.get(*key) != now.get(*key))
            .map(|key| Alteration {
                at,
                campaign: campaign.to_owned(),
                key: key.clone(),
                before: before.get(key).cloned(),
                after: now.get(key).cloned(),
                client_id: client_id.map(str::to_owned),
            });
        self.journal.extend(altered);
    }
}
