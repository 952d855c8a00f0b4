//! A record of a vendor's CRM, and what can happen to it.

use std::time::Duration;

use super::*;
use crate::local::crm::{column_value, start};

/// Whether the CRM has the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecordState {
    /// The record will be created later.
    NotYet,
    There,
    /// The record was deleted, or merged into another.
    Deleted,
}

/// A person, as the CRM has it now.
pub(super) struct Record {
    pub(super) key: crm::Key,
    /// The place of its campaign in [`CAMPAIGNS`], and so of the source of its webhooks.
    pub(super) campaign: usize,
    pub(super) columns: BTreeMap<&'static str, Option<String>>,
    pub(super) may_be_called: bool,
    pub(super) state: RecordState,
    /// When it was created, in milliseconds since 1970.
    pub(super) created: i64,
    /// When it was last changed, in milliseconds since 1970.
    pub(super) changed: i64,
    /// When the last webhook about it has arrived, since the beginning of the story.
    pub(super) arrived: Duration,
}

/// Something that can happen to a record.
pub(super) enum RecordEvent {
    Created,
    /// Columns have new values, or the record's consent to calls is new, or both.
    Changed {
        columns: Vec<&'static str>,
        has_new_consent: bool,
    },
    Deleted,
    /// It was merged into `primary`. `survivor` is the id of the record that came of both.
    Merged {
        primary: String,
        survivor: String,
    },
    /// It had been deleted, and exists again.
    Restored,
    /// Something else changed, which is in no campaign: another kind of record, or another field.
    Elsewhere,
}

impl Record {
    pub(super) fn new(speaker: &dyn Speaker, rng: &mut Rng, n: usize) -> Record {
        let campaign = n % CAMPAIGNS.len();
        let (org, id) = CAMPAIGNS[campaign];
        let began = start().as_millisecond();
        let value = |column| (column, column_value(rng, column));
        Record {
            key: (org.to_owned(), id.to_owned(), speaker.id(n)),
            campaign,
            columns: COLUMNS.into_iter().map(value).collect(),
            // One of ten opted out long before the story, and is in no campaign.
            may_be_called: n % 10 != 3,
            state: if n % 5 == 4 {
                RecordState::NotYet
            } else {
                RecordState::There
            },
            created: began,
            changed: began,
            arrived: Duration::ZERO,
        }
    }

    pub(super) fn id(&self) -> &str {
        &self.key.2
    }

    /// The record as its campaign should hold it.
    pub(super) fn expected(&self, habits: &Habits) -> (crm::Key, Expected) {
        let expected = match self.state {
            // The columns of a deleted record do not matter any more.
            RecordState::Deleted => Expected::gone(habits.deletes_create_nobody),
            _ => Expected::new(&self.columns, self.may_be_called),
        };
        (self.key.clone(), expected)
    }

    /// The whole contact, as a program would push it by a batch POST.
    pub(super) fn as_pushed(&self) -> Value {
        let (org, campaign, key) = &self.key;
        json!({ "org": org, "campaignId": campaign, "contactKey": key, "data": self.columns, "callable": self.may_be_called })
    }
}
