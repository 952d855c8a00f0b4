//! DNC lists as a test sees them behind the API: their entries, and whom the dialler would call all
//! the same (docs/genesys-cloud.md "DNC lists"). The calls about them are in
//! `contact_lists::dnc_lists`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::Genesys;
use super::contact_lists::{is_channel_lowered, is_number_lowered};

/// The channel of calls.
const VOICE: &str = "Voice";

/// The kind of entries of an internal DNC list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DncKind {
    /// Phone numbers (`rds`).
    Phone,
    /// Values of this column of the contact list (`rds_custom`).
    Column(String),
}

/// A reason why the dialler does not call a contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeptBy {
    /// The campaign has no such contact.
    Absence,
    /// The contact is not callable.
    NotCallable,
    /// The contact must not be reached by this channel.
    Channel(String),
    /// None of the contact's numbers may be called. The columns of its numbers are named.
    Numbers(Vec<String>),
    /// The contact is on this DNC list, which its campaign names.
    DncList(String),
}

/// A DNC list.
#[derive(Clone, Debug, Default)]
pub(super) struct DncList {
    pub(super) client_id: String,
    pub(super) name: String,
    /// The member `dncSourceType`.
    pub(super) source: String,
    /// The contact method of a list of numbers or addresses.
    pub(super) contact_method: Option<String>,
    /// The column of a list of values.
    pub(super) exclusion_column: Option<String>,
    /// The entries, each with the time at which it expires. `None` means never.
    pub(super) entries: BTreeMap<String, Option<Timestamp>>,
    /// Whether the list refuses new entries.
    pub(super) is_full: bool,
    /// Whether every call about the list is answered with 403.
    pub(super) is_forbidden: bool,
}

impl DncList {
    pub(super) fn new(client_id: &str, name: &str, kind: DncKind) -> DncList {
        let (source, contact_method, exclusion_column) = match kind {
            DncKind::Phone => ("rds", Some("Phone".to_owned()), None),
            DncKind::Column(column) => ("rds_custom", None, Some(column)),
        };
        DncList {
            client_id: client_id.to_owned(),
            name: name.to_owned(),
            source: source.to_owned(),
            contact_method,
            exclusion_column,
            ..DncList::default()
        }
    }

    /// Whether the dialler asks the list about numbers.
    pub(super) fn holds_numbers(&self) -> bool {
        let method = self.contact_method.as_deref();
        self.source == "rds" && matches!(method, Some("Phone" | "Any"))
    }

    /// Whether exactly this value is on the list.
    fn holds(&self, value: &str, now: Timestamp) -> bool {
        let until = self.entries.get(value.trim());
        until.is_some_and(|until| until.is_none_or(|until| now < until))
    }

    /// Whether the list keeps the dialler from a contact with these columns: by each of its
    /// numbers, or by the value in the list's own column.
    fn excludes(&self, data: &BTreeMap<String, String>, phones: &Value, now: Timestamp) -> bool {
        if let Some(column) = &self.exclusion_column {
            return data.get(column).is_some_and(|value| self.holds(value, now));
        }
        let columns = columns_of(phones);
        let mut numbers = columns.filter_map(|column| data.get(column)).peekable();
        self.holds_numbers()
            && numbers.peek().is_some()
            && numbers.all(|number| self.holds(number, now))
    }
}

/// The columns that hold phone numbers.
fn columns_of(phones: &Value) -> impl Iterator<Item = &str> {
    let columns = phones.as_array().into_iter().flatten();
    columns.filter_map(|phone| phone["columnName"].as_str())
}

impl Genesys {
    /// Adds an empty DNC list of the client's org. No campaign names it yet.
    pub fn put_dnc_list(&self, client_id: &str, list: &str, kind: DncKind) {
        let empty = DncList::new(client_id, list, kind);
        self.state().dnc_lists.insert(list.to_owned(), empty);
    }

    /// Sets the DNC lists that a campaign names.
    pub fn name_dnc_lists(&self, campaign: &str, lists: &[&str]) {
        if let Some(campaign) = self.state().campaigns.get_mut(campaign) {
            campaign.dnc_lists = lists.iter().map(|list| (*list).to_owned()).collect();
        }
    }

    /// Adds an entry that never expires, as somebody else.
    pub fn put_dnc_entry(&self, list: &str, entry: &str) {
        self.with_dnc_list(list, |list| list.entries.extend([(entry.to_owned(), None)]));
    }

    /// Makes a DNC list refuse new entries, or accept them again.
    pub fn fill_dnc_list(&self, list: &str, is_full: bool) {
        self.with_dnc_list(list, |list| list.is_full = is_full);
    }

    /// Takes the permissions for a DNC list, or gives them back. Without them every call about it
    /// is answered with 403.
    pub fn forbid_dnc_list(&self, list: &str, is_forbidden: bool) {
        self.with_dnc_list(list, |list| list.is_forbidden = is_forbidden);
    }

    /// The current entries of a DNC list, sorted.
    pub fn dnc_entries(&self, list: &str) -> Vec<String> {
        let now = self.clock.now();
        let state = self.state();
        let entries = state.dnc_lists.get(list).map(|list| list.entries.iter());
        let now_there = entries.into_iter().flatten().filter(|(_, until)| {
            let until: &Option<Timestamp> = until;
            until.is_none_or(|until| now < until)
        });
        now_there.map(|(entry, _)| entry.clone()).collect()
    }

    /// Every reason why a campaign does not send a contact messages by this channel. If there is
    /// none, it sends them. `callable` stops calls only, and the DNC lists here belong to campaigns
    /// of calls.
    pub fn kept_from_messages(&self, campaign: &str, key: &str, channel: &str) -> Vec<KeptBy> {
        let state = self.state();
        let drawing = state.campaigns.get(campaign);
        let list = drawing.and_then(|campaign| state.lists.get(&campaign.list));
        let Some(contact) = list.and_then(|list| list.contacts.get(key)) else {
            return vec![KeptBy::Absence];
        };
        let is_channel_lowered = is_channel_lowered(&contact.of_the_dialler, channel);
        let channel = is_channel_lowered.then(|| KeptBy::Channel(channel.to_owned()));
        channel.into_iter().collect()
    }

    /// Every reason why a campaign does not call a contact. If there is none, the dialler calls.
    pub fn kept_from_dialling(&self, campaign: &str, key: &str) -> Vec<KeptBy> {
        let now = self.clock.now();
        let state = self.state();
        let drawing = state.campaigns.get(campaign);
        let list = drawing.and_then(|campaign| state.lists.get(&campaign.list));
        let (Some(drawing), Some(list)) = (drawing, list) else {
            return vec![KeptBy::Absence];
        };
        let Some(contact) = list.contacts.get(key) else {
            return vec![KeptBy::Absence];
        };
        let own = (!contact.callable).then_some(KeptBy::NotCallable);
        let is_channel_lowered = is_channel_lowered(&contact.of_the_dialler, VOICE);
        let channel = is_channel_lowered.then(|| KeptBy::Channel(VOICE.to_owned()));
        let numbers: Vec<_> = columns_of(&list.phone_columns)
            .filter(|column| {
                contact
                    .data
                    .get(*column)
                    .is_some_and(|number| !number.is_empty())
            })
            .map(str::to_owned)
            .collect();
        let is_number_lowered =
            |column: &String| is_number_lowered(&contact.of_the_dialler, column);
        let numbers = Some(numbers).filter(|of| !of.is_empty() && of.iter().all(is_number_lowered));
        let own = own.into_iter().chain(channel);
        let own = own.chain(numbers.map(KeptBy::Numbers));
        let named = drawing.dnc_lists.iter().filter(|id| {
            let dnc = state.dnc_lists.get(*id);
            dnc.is_some_and(|dnc| dnc.excludes(&contact.data, &list.phone_columns, now))
        });
        let named = named.map(|id| KeptBy::DncList(id.clone()));
        own.chain(named).collect()
    }

    pub(super) fn with_dnc_list(&self, list: &str, act: impl FnOnce(&mut DncList)) {
        if let Some(list) = self.state().dnc_lists.get_mut(list) {
            act(list);
        }
    }
}
