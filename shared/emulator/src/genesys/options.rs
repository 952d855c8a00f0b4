//! How the service behaves, in particular where its documentation leaves that open.
//! docs/genesys-cloud.md "Unknown" lists what is open; `campaign-sync check --probe` finds out how
//! a real service behaves.

use std::time::Duration;

use super::Exports;

/// How the service behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// The time from a request to its answer.
    pub latency: Duration,
    /// How long reads miss a new contact.
    pub read_lag: Duration,
    pub token_life: Duration,
    /// The rate limit of each OAuth client, in fixed windows from its first call on.
    pub calls_per_minute: Option<u64>,
    /// Whether each token has a rate limit of its own. docs/genesys-cloud.md "Rate limit and
    /// retries" has both readings.
    pub counts_each_token: bool,
    /// The length of a rate limit's window, in which `calls_per_minute` calls are allowed even if
    /// it is not a minute.
    pub window: Duration,
    /// Whether answers report how much of the rate limit is used.
    pub rate_headers: bool,
    /// Whether an update by the contact list API keeps the columns that it does not name. This is
    /// undocumented.
    pub list_updates_merge: bool,
    /// Whether a write by the contact list API that omits `callable` makes an existing contact
    /// callable. docs/genesys-cloud.md "Unknown" has both readings.
    pub omitted_callable_is_true: bool,
    /// Other behaviours of the contact list API that docs/genesys-cloud.md "Unknown" lists.
    pub lists: ListReadings,
    /// How the service exports contact lists.
    pub exports: Exports,
    /// The most contacts of a list; `None` means no limit. A POST that would exceed it is refused
    /// as a whole. The code of that refusal is undocumented.
    pub most_contacts: Option<usize>,
    /// The most entries of a DNC list. A PATCH that would exceed it is refused as a whole.
    pub most_dnc_entries: usize,
    /// Whether [`Genesys::journal`](super::Genesys::journal) keeps every alteration of a contact.
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
            lists: ListReadings::default(),
            exports: Exports::default(),
            most_contacts: None,
            most_dnc_entries: 1_000_000,
            keeps_journal: false,
        }
    }
}

/// The undocumented behaviours of the contact list API (docs/genesys-cloud.md "Unknown").
#[derive(Clone, Copy, Debug)]
pub struct ListReadings {
    /// Whether a POST may omit columns.
    pub posts_take_a_subset: bool,
    /// Whether a PUT may omit columns.
    pub puts_take_a_subset: bool,
    /// Whether a write keeps the channels and numbers that its `contactableStatus` and
    /// `phoneNumberStatus` omit. Otherwise each member replaces what is stored.
    pub statuses_merge: bool,
    /// Whether ids that differ only in case mean the same contact.
    pub fold_case: bool,
    /// How long reads miss a new contact.
    pub read_lag: Duration,
    /// How long reads show a contact as it was before an update.
    pub update_lag: Duration,
    /// How long searches and the size of a list lag behind writes.
    pub search_lag: Duration,
    /// The treatment of an id that occurs twice in one POST.
    pub duplicates: Duplicates,
    /// Whether a POST returns its contacts in another order.
    pub answer_in_another_order: bool,
    /// The characters that an id may hold beside ASCII letters and digits.
    pub id_characters: &'static str,
    /// The longest id, in bytes.
    pub longest_id: usize,
}

/// The treatment of an id that occurs twice in one POST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    Refused,
    FirstWins,
    LastWins,
}

impl Default for ListReadings {
    fn default() -> ListReadings {
        ListReadings {
            posts_take_a_subset: false,
            puts_take_a_subset: true,
            statuses_merge: false,
            fold_case: false,
            read_lag: Duration::ZERO,
            update_lag: Duration::ZERO,
            search_lag: Duration::from_secs(5),
            duplicates: Duplicates::Refused,
            answer_in_another_order: false,
            id_characters: "-_.",
            longest_id: 255,
        }
    }
}
