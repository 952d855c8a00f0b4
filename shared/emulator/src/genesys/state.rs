//! The state of the service: clients, campaigns, contact lists and their contacts. It decides
//! nothing about a request: `contacts` and `contact_lists` do. `others` and `genesys` let a test
//! change it and look into it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::contact_lists::Export;
use super::dnc::DncList;
use super::rate::Window;
use super::{Alteration, Call, Contact};
use crate::fault::Faults;

#[derive(Default)]
pub(super) struct State {
    pub(super) clients: BTreeMap<String, Client>,
    pub(super) campaigns: BTreeMap<String, Campaign>,
    /// The contact lists by id.
    pub(super) lists: BTreeMap<String, List>,
    /// The DNC lists by id.
    pub(super) dnc_lists: BTreeMap<String, DncList>,
    pub(super) tokens: BTreeMap<String, (String, Timestamp)>,
    /// The windows of the rate limit, by OAuth client or by token.
    pub(super) windows: BTreeMap<String, Window>,
    pub(super) issued: u64,
    pub(super) made_lists: u64,
    pub(super) made_dnc_lists: u64,
    pub(super) made_exports: u64,
    pub(super) downloads: u64,
    pub(super) tokens_elsewhere: u64,
    pub(super) faults: Faults,
    pub(super) calls: Vec<Call>,
    pub(super) journal: Vec<Alteration>,
    /// The (campaign, contact key) of each refused create that nobody has resolved since.
    pub(super) conflicts: BTreeSet<(String, String)>,
}

pub(super) struct Client {
    pub(super) secret: String,
    pub(super) is_forbidden: bool,
}

pub(super) struct Campaign {
    pub(super) client_id: String,
    /// The id of the contact list that the campaign draws on.
    pub(super) list: String,
    /// The version, which grows by one with each PUT.
    pub(super) version: u64,
    /// The ids of the DNC lists that the campaign names.
    pub(super) dnc_lists: Vec<String>,
    /// The member `campaignStatus`.
    pub(super) status: String,
}

/// A contact list. Several campaigns may draw on it, or none.
pub(super) struct List {
    pub(super) id: String,
    pub(super) client_id: String,
    pub(super) name: String,
    /// The columns of the list. `None` allows any.
    pub(super) columns: Option<BTreeSet<String>>,
    /// The restrictions of columns, as the API shows them.
    pub(super) types: Vec<Value>,
    /// The phone columns, as they were given.
    pub(super) phone_columns: Value,
    pub(super) contacts: BTreeMap<String, Contact>,
    /// The contacts that clients overwrote lately, in order. Reads that lag still show it.
    pub(super) past: VecDeque<Past>,
    /// Whether a file is being imported into the list.
    pub(super) is_importing: bool,
    /// The exports, in the order of their requests.
    pub(super) exports: Vec<Export>,
}

/// A contact as it was before a write. `None` means that it did not exist.
pub(super) struct Past {
    at: Timestamp,
    key: String,
    before: Option<Contact>,
}

/// A time longer than any lag.
const LONGEST_LAG: Duration = Duration::from_hours(1);

impl List {
    pub(super) fn new(client_id: &str, id: &str, columns: Option<&[&str]>) -> List {
        List {
            id: id.to_owned(),
            client_id: client_id.to_owned(),
            name: id.to_owned(),
            columns: columns
                .map(|columns| columns.iter().map(|column| (*column).to_owned()).collect()),
            types: Vec::new(),
            phone_columns: json!([{ "columnName": "phone", "type": "cell" }]),
            contacts: BTreeMap::new(),
            past: VecDeque::new(),
            is_importing: false,
            exports: Vec::new(),
        }
    }

    /// Whether a column accepts a value under the restrictions of the list.
    pub(super) fn takes(&self, column: &str, value: &str) -> bool {
        let mut types = self.types.iter().filter(|of| of["columnName"] == column);
        types.all(|of| match of["columnDataType"].as_str() {
            Some("TEXT") | None => of["maxLength"]
                .as_u64()
                .is_none_or(|most| value.chars().count() as u64 <= most),
            Some("NUMERIC") => value.is_empty() || value.parse::<f64>().is_ok(),
            Some(_) => value.is_empty() || value.parse::<Timestamp>().is_ok(),
        })
    }

    /// Writes or deletes a contact for a client, and returns whether it existed before.
    pub(super) fn write(&mut self, at: Timestamp, key: String, after: Option<Contact>) -> bool {
        let forgotten = at.saturating_sub(LONGEST_LAG).unwrap_or(Timestamp::MIN);
        while self.past.front().is_some_and(|past| past.at < forgotten) {
            self.past.pop_front();
        }
        let before = match after {
            Some(after) => self.contacts.insert(key.clone(), after),
            None => self.contacts.remove(&key),
        };
        let was_there = before.is_some();
        self.past.push_back(Past { at, key, before });
        was_there
    }

    /// A contact as it was before any write since this time, if it existed then.
    pub(super) fn before(&self, key: &str, since: Timestamp) -> Option<&Contact> {
        let first = self.past.partition_point(|past| past.at <= since);
        let of_it = self.past.range(first..).filter(|past| past.key == key);
        of_it.filter_map(|past| past.before.as_ref()).next()
    }

    /// All contacts as they were before any write since this time.
    pub(super) fn all_before(&self, since: Timestamp) -> BTreeMap<&str, &Contact> {
        let contacts = self.contacts.iter();
        let mut all: BTreeMap<_, _> = contacts.map(|(key, of)| (key.as_str(), of)).collect();
        for past in self.past.iter().rev().take_while(|past| past.at > since) {
            match &past.before {
                Some(before) => all.insert(&past.key, before),
                None => all.remove(past.key.as_str()),
            };
        }
        all
    }
}

impl State {
    /// The list that a campaign draws on.
    pub(super) fn list_of(&mut self, campaign: &str) -> Option<&mut List> {
        let campaign = self.campaigns.get(campaign)?;
        self.lists.get_mut(&campaign.list)
    }

    /// Every campaign with the contacts of its list.
    pub(super) fn contacts_by_campaign(&self) -> Vec<(String, BTreeMap<String, Contact>)> {
        let contacts = self.campaigns.iter().filter_map(|(id, campaign)| {
            let list = self.lists.get(&campaign.list)?;
            Some((id.clone(), list.contacts.clone()))
        });
        contacts.collect()
    }

    /// Adds to the journal each contact that differs from before.
    pub(super) fn note(
        &mut self,
        at: Timestamp,
        campaign: &str,
        before: &BTreeMap<String, Contact>,
        client_id: Option<&str>,
    ) {
        let list = self.campaigns.get(campaign).map(|campaign| &campaign.list);
        let Some(list) = list.and_then(|list| self.lists.get(list)) else {
            return;
        };
        let now = &list.contacts;
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
