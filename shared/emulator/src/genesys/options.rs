//! How the service behaves, where its documentation leaves that open too.

use std::time::Duration;

use super::Exports;

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
    /// What else docs/genesys-cloud.md "Unknown" leaves open of the contact list API.
    pub lists: ListReadings,
    /// How it exports contact lists.
    pub exports: Exports,
    /// How many contacts a list may hold; none: any number. A POST that would create more is refused
    /// whole. With which code the service does so is not documented.
    pub most_contacts: Option<usize>,
    /// How many entries a DNC list may hold. A PATCH that would make it hold more is refused whole.
    pub most_dnc_entries: usize,
    /// Whether every alteration of a contact is noted for [`Genesys::journal`](super::Genesys::journal).
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

/// How the contact list API behaves where nobody documents it (docs/genesys-cloud.md "Unknown").
#[derive(Clone, Copy, Debug)]
pub struct ListReadings {
    /// Whether a POST may leave columns out.
    pub posts_take_a_subset: bool,
    /// Whether a PUT may.
    pub puts_take_a_subset: bool,
    /// Whether a write keeps the channels and numbers that its `contactableStatus` and
    /// `phoneNumberStatus` do not name; else each of the two is replaced by what it says.
    pub statuses_merge: bool,
    /// Whether ids that differ in case alone are of one contact.
    pub fold_case: bool,
    /// How long a new contact is missed by reads.
    pub read_lag: Duration,
    /// How long reads show a contact as it was before an update.
    pub update_lag: Duration,
    /// How far searches and the size of a list lag behind what is written.
    pub search_lag: Duration,
    /// What an id does that stands twice in one POST.
    pub duplicates: Duplicates,
    /// Whether a POST is answered in another order than its contacts came in.
    pub answer_in_another_order: bool,
    /// What an id may hold beside letters and digits of ASCII.
    pub id_characters: &'static str,
    /// Of an id, in bytes.
    pub longest_id: usize,
}

/// What an id does that stands twice in one POST.
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
