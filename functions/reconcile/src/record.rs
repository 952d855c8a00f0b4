//! An org's record: what is known of the org from one run to the next. It says until when each
//! campaign was looked at, where an unfinished run continues, and how many changes may still be in
//! the queue.
//!
//! It holds no personal data, except what a feed's own cursor may hold.
//!
//! Everything here is pure: `runs/turn/stored.rs` reads and writes the text in Parameter Store, and
//! `runs/turn.rs` decides what becomes of a run. `due` says what a run must look at, `tries` counts
//! failures, and `fit` and `id` keep the record small enough.

mod due;
mod fit;
mod id;
mod tries;

use domain::change::CampaignId;
use domain::depth;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use tries::Tries;

pub(crate) use due::Due;

use crate::input::{Cursor, Input};

/// The size of a parameter in Parameter Store's advanced tier, in bytes.
pub(crate) const MOST_BYTES: usize = 8 << 10;

/// The first run of a campaign looks back over its window. If that run fails, the next one looks
/// back over at most this many seconds. Older changes are left to an operator's command.
const MOST_NEW: i64 = 86_400;
/// How long, in seconds, `anew` counts after the record was begun anew: eight days.
const LATELY: i64 = 8 * 86_400;
/// How far, in seconds, the clock of an earlier invocation may have been ahead of this one's.
const MOST_AHEAD: i64 = 600;
/// How long, in seconds, a campaign that no run looks at is remembered: 90 days.
const REMEMBERED: i64 = 90 * 86_400;

/// The record of an org.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    /// The times that were looked at. Each campaign is named once at most. A text without this
    /// member is no record.
    looked_at: Vec<Looked>,
    #[serde(default, deserialize_with = "if_known")]
    unfinished: Option<Unfinished>,
    #[serde(default, deserialize_with = "if_known")]
    sent: Option<Backlog>,
    #[serde(default, deserialize_with = "if_known")]
    tries: Option<Tries>,
    /// The time, in seconds, until which campaigns that `looked_at` does not name count as looked
    /// at. Only a record that replaced one that could not be read has it.
    #[serde(
        default,
        deserialize_with = "if_known",
        skip_serializing_if = "Option::is_none"
    )]
    anew: Option<i64>,
}

/// Reads a member that another version may have written in another form. Then it counts as absent,
/// and `looked_at` is still read.
fn if_known<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    value: D,
) -> Result<Option<T>, D::Error> {
    let value = Value::deserialize(value)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

/// Everything that changed in these campaigns in this time was looked at. Both times are in whole
/// seconds, rounded down.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Looked {
    from: i64,
    to: i64,
    campaigns: Vec<String>,
}

/// The place at which a run stopped. The same run continues there. If it was given up, the next run
/// of the campaign does.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Unfinished {
    /// The time at which the run began with the campaign that it is in.
    began: i64,
    /// The cursor within that campaign. The run's other campaigns are those that are still due.
    cursor: Cursor,
    /// How many runs in a row failed that began there.
    #[serde(default)]
    failed: u32,
}

/// How many of the changes that were sent may still be in the queue, and when they were sent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Backlog {
    changes: u64,
    at: i64,
}

/// The part of a run that one invocation did.
pub(crate) struct Did<'a> {
    /// The time at which it began.
    pub(crate) began: Timestamp,
    /// Campaigns that were looked at completely.
    pub(crate) done: &'a [Due],
    /// The place that the record keeps.
    pub(crate) cursor: Option<Cursor>,
    /// Whether the message is received again for the rest.
    pub(crate) goes_on: bool,
    /// Whether it did nothing but wait for an export.
    pub(crate) only_waited: bool,
    /// The id of its message, and how often that was received.
    pub(crate) message: &'a str,
    pub(crate) receives: u32,
    /// The time at which it ended.
    pub(crate) ended: Timestamp,
}

impl Record {
    /// Reads what [`Record::text`] wrote. `None` means that the text is something else.
    pub(crate) fn parse(text: &str) -> Option<Record> {
        let record: Record = serde_json::from_str(text).ok()?;
        Some(record.with_ids(id::long))
    }

    /// The record that replaces one that cannot be read. It claims that all campaigns were looked
    /// at until a day before the run.
    pub(crate) fn begin_anew(input: &Input) -> Record {
        let day = input.run.as_second() - MOST_NEW;
        let mut record = Record {
            anew: Some(day),
            ..Record::default()
        };
        let since = Timestamp::from_second(day).unwrap_or(input.since);
        for campaign in &input.campaigns {
            let campaign = campaign.clone();
            record.look(&Due { campaign, since }, day);
        }
        record
    }

    /// Whether the record claims that a future time was looked at. With such a record no run would
    /// look at anything.
    pub(crate) fn is_ahead(&self, now: Timestamp) -> bool {
        let ahead = now.as_second() + MOST_AHEAD;
        self.looked_at.iter().any(|looked| looked.to > ahead)
    }

    /// How many of the changes that were sent may still lie in the queue.
    pub(crate) fn left(&self, deepest: u64, now: Timestamp) -> u64 {
        self.sent.as_ref().map_or(0, |sent| {
            let seconds = u64::try_from(now.as_second() - sent.at).unwrap_or(0);
            depth::left_of(sent.changes, deepest, seconds)
        })
    }

    /// The campaign that is furthest behind, and the time until which it was looked at.
    pub(crate) fn oldest<'a>(
        &self,
        campaigns: &'a [CampaignId],
    ) -> Option<(&'a CampaignId, Timestamp)> {
        let looked = campaigns.iter();
        let looked = looked.filter_map(|campaign| Some((campaign, self.until(campaign)?)));
        looked.min_by_key(|(_, until)| *until)
    }

    /// The time until which a campaign was looked at. `None` means that no run has had it.
    pub(crate) fn until(&self, campaign: &CampaignId) -> Option<Timestamp> {
        Timestamp::from_second(self.looked(campaign)?.to).ok()
    }

    /// Notes what an invocation did.
    pub(crate) fn note(&mut self, input: &Input, did: &Did<'_>) {
        let before = self.unfinished.take();
        // The unfinished run that continued there keeps the time at which it began.
        let began = |campaign: Option<&str>, since: Timestamp| {
            let before = before.as_ref();
            let before = before.filter(|it| it.campaign() == campaign && it.cursor.since == since);
            before.map_or(did.began.as_second(), |it| it.began)
        };
        for due in did.done {
            let began = began(Some(due.campaign.as_str()), due.since);
            self.look(due, began);
        }
        self.unfinished = match did.cursor.clone() {
            Some(cursor) => Some(Unfinished {
                began: began(cursor.campaigns.first().map(String::as_str), cursor.since),
                cursor: Cursor {
                    campaigns: cursor.campaigns.into_iter().take(1).collect(),
                    ..cursor
                },
                failed: 0,
            }),
            // A run of other campaigns keeps the place of the unfinished run.
            None => before.filter(|it| {
                let is_remembered = it.began > did.began.as_second() - REMEMBERED;
                is_remembered && !input.campaigns.iter().any(|campaign| it.is_in(campaign))
            }),
        };
        if did.goes_on {
            let waiting = did.only_waited.then(|| self.wait(did.message, did.began));
            self.tries = Some(Tries {
                message: did.message.to_owned(),
                receives: did.receives,
                at: did.ended.as_second(),
                failures: 0,
                killed: 0,
                waiting,
            });
        }
        self.fit(&input.campaigns);
    }

    /// Notes how many changes lie in the queue.
    pub(crate) fn note_sent(&mut self, changes: u64, now: Timestamp) {
        let at = now.as_second();
        self.sent = (changes > 0).then_some(Backlog { changes, at });
    }

    fn looked(&self, campaign: &CampaignId) -> Option<&Looked> {
        let has = |looked: &&Looked| looked.campaigns.iter().any(|id| id == campaign.as_str());
        self.looked_at.iter().find(has)
    }

    /// Notes that a campaign was looked at from `due.since` to `to`. The time is joined with the
    /// noted one if nothing lies between them.
    fn look(&mut self, due: &Due, to: i64) {
        let from = due.since.as_second();
        let (mut from, mut to) = (from, to);
        if let Some(before) = self.looked(&due.campaign)
            && from <= before.to
        {
            from = from.min(before.from);
            to = to.max(before.to);
        }
        for looked in &mut self.looked_at {
            looked.campaigns.retain(|id| id != due.campaign.as_str());
        }
        self.looked_at.retain(|looked| !looked.campaigns.is_empty());
        let id = due.campaign.as_str().to_owned();
        match self
            .looked_at
            .iter_mut()
            .find(|looked| (looked.from, looked.to) == (from, to))
        {
            Some(looked) => looked.campaigns.push(id),
            None => self.looked_at.push(Looked {
                from,
                to,
                campaigns: vec![id],
            }),
        }
        // A campaign that no schedule has any more is forgotten in the end.
        self.looked_at.retain(|looked| looked.to > to - REMEMBERED);
    }
}

impl Unfinished {
    fn campaign(&self) -> Option<&str> {
        self.cursor.campaigns.first().map(String::as_str)
    }

    fn is_in(&self, campaign: &CampaignId) -> bool {
        self.campaign() == Some(campaign.as_str())
    }
}

#[cfg(test)]
mod tests;
