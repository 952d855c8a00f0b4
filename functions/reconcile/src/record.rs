//! What is known of an org from one run to the next: until when all that changed was looked at, where an
//! unfinished run goes on, and how much it has sent.
//!
//! There is no personal data in it but what a feed's own cursor may hold.

mod id;
mod tries;

use domain::change::CampaignId;
use domain::depth;
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use tries::Tries;

use crate::input::{Cursor, Input};

/// What a parameter of Parameter Store's advanced tier holds, in bytes.
pub(crate) const MOST_BYTES: usize = 8 << 10;

/// The first run of a campaign looks back over its window, and whoever follows a first run that failed over this
/// many seconds at most: what is older is for the command.
const MOST_NEW: i64 = 86_400;
/// What the times of a record that is too large are rounded to, one after the other, in seconds.
const COARSE: [i64; 4] = [60, 900, 3_600, 86_400];

/// So long, in seconds, a record that was begun anew tells of campaigns that no run has had since: eight days.
const LATELY: i64 = 8 * 86_400;
/// How far, in seconds, a clock by which something was looked at may have been ahead of this one's.
const MOST_AHEAD: i64 = 600;

/// So long a campaign is remembered that no run looks at, in seconds: 90 days.
const REMEMBERED: i64 = 90 * 86_400;

/// The record of an org.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    /// What was looked at; no campaign stands there twice. It must be there: what lacks it is no record.
    looked_at: Vec<Looked>,
    #[serde(default, deserialize_with = "if_known")]
    unfinished: Option<Unfinished>,
    #[serde(default, deserialize_with = "if_known")]
    sent: Option<Sent>,
    #[serde(default, deserialize_with = "if_known")]
    tries: Option<Tries>,
    /// Until when all campaigns count as looked at that do not stand above: of a record that took the place of one
    /// that could not be read.
    #[serde(
        default,
        deserialize_with = "if_known",
        skip_serializing_if = "Option::is_none"
    )]
    anew: Option<i64>,
}

/// What another version wrote otherwise is none: what was looked at outlasts it.
fn if_known<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    value: D,
) -> Result<Option<T>, D::Error> {
    let value = Value::deserialize(value)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

/// Of these campaigns all that changed in this time was looked at. In whole seconds, the first cut off
/// and the last too: never more than was.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Looked {
    from: i64,
    to: i64,
    campaigns: Vec<String>,
}

/// Where a run stopped: it goes on there, or where it was given up the next one of the campaign.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Unfinished {
    /// When it began with the campaign in which it is.
    began: i64,
    /// Of that campaign alone: the others are those that were not looked at.
    cursor: Cursor,
    /// How often in a row a run failed that began there.
    #[serde(default)]
    failed: u32,
}

/// What lies in the queue, as far as it may still be there.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Sent {
    changes: u64,
    at: i64,
}

/// A campaign that a run is to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) campaign: CampaignId,
    /// The feed is asked for what changed since then.
    pub(crate) since: Timestamp,
}

/// What an invocation did of a run.
pub(crate) struct Did<'a> {
    /// When it began.
    pub(crate) began: Timestamp,
    /// Campaigns of which all was looked at.
    pub(crate) done: &'a [Due],
    /// The place that the record keeps.
    pub(crate) cursor: Option<Cursor>,
    /// Whether its message comes again for the rest.
    pub(crate) goes_on: bool,
    /// Its message, and how often it was received.
    pub(crate) message: &'a str,
    pub(crate) receives: u32,
    /// When it ended.
    pub(crate) ended: Timestamp,
}

impl Record {
    /// Reads what [`Record::text`] wrote. None: it is something else.
    pub(crate) fn parse(text: &str) -> Option<Record> {
        let record: Record = serde_json::from_str(text).ok()?;
        Some(record.with_ids(id::long))
    }

    /// One that is too large has shorter ids; if that does not do, it says less than was looked at, in coarser
    /// times that more campaigns share. None: a parameter cannot hold it.
    pub(crate) fn text(&self) -> Option<String> {
        let fits = |record: &Record| {
            let text = serde_json::to_string(record).ok()?;
            (text.len() <= MOST_BYTES).then_some(text)
        };
        let shorter = || {
            let short = self.clone().with_ids(id::short);
            let coarse = || {
                COARSE
                    .into_iter()
                    .find_map(|seconds| fits(&short.coarse(seconds)))
            };
            fits(&short).or_else(coarse)
        };
        fits(self).or_else(shorter)
    }

    fn with_ids(mut self, written: fn(&str) -> Option<String>) -> Record {
        let looked = self.looked_at.iter_mut();
        for id in looked.flat_map(|looked| &mut looked.campaigns) {
            if let Some(written) = written(id) {
                *id = written;
            }
        }
        self
    }

    fn coarse(&self, seconds: i64) -> Record {
        let mut looked_at: Vec<Looked> = Vec::new();
        for looked in &self.looked_at {
            let to = looked.to - looked.to.rem_euclid(seconds);
            let up = looked.from + (-looked.from).rem_euclid(seconds);
            let (from, to) = (up.min(to), to);
            let campaigns = looked.campaigns.iter().cloned();
            match looked_at
                .iter_mut()
                .find(|it| (it.from, it.to) == (from, to))
            {
                Some(it) => it.campaigns.extend(campaigns),
                None => looked_at.push(Looked {
                    from,
                    to,
                    campaigns: campaigns.collect(),
                }),
            }
        }
        Record {
            looked_at,
            ..self.clone()
        }
    }

    /// Notes campaigns that no run had before: from then on nothing is forgotten, though this run fails.
    pub(crate) fn see(&mut self, input: &Input, due: &[Due]) {
        let new: Vec<_> = due
            .iter()
            .filter(|due| self.looked(&due.campaign).is_none())
            .cloned()
            .collect();
        for due in &new {
            let since = due.since.as_second();
            let oldest = self.anew(input).unwrap_or(input.run.as_second() - MOST_NEW);
            let until = since.max(oldest);
            let at = Timestamp::from_second(until).unwrap_or(due.since);
            let campaign = due.campaign.clone();
            self.look(
                &Due {
                    campaign,
                    since: at,
                },
                until,
            );
        }
        self.fit(&input.campaigns);
    }

    /// The campaigns of a run that are not looked at yet, with the one first in which it stopped. A run
    /// asks from one window's length before the end of the last one: a CRM may show late what it changed.
    pub(crate) fn due(&self, input: &Input) -> Vec<Due> {
        let window = input.run.duration_since(input.since);
        let mut due: Vec<_> = input
            .campaigns
            .iter()
            .filter_map(|campaign| {
                let looked = self.looked(campaign);
                let is_done = looked.is_some_and(|looked| {
                    looked.to >= input.run.as_second() && looked.from <= input.since.as_second()
                });
                let before = looked.and_then(|looked| Timestamp::from_second(looked.to).ok());
                // One that is merely known has had no run that was too early for what the CRM shows late.
                let margin = match looked {
                    Some(looked) if looked.from < looked.to => window,
                    _ => SignedDuration::ZERO,
                };
                let anew = self
                    .anew(input)
                    .and_then(|at| Timestamp::from_second(at).ok());
                let since = before.or(anew).map_or(input.since, |before| {
                    let since = before.min(input.run).saturating_sub(margin);
                    since.map_or(input.since, |since| since.min(input.since))
                });
                let since = Timestamp::from_second(since.as_second().max(0)).unwrap_or(since);
                let campaign = campaign.clone();
                (!is_done).then_some(Due { campaign, since })
            })
            .collect();
        if let Some(place) = due.iter().position(|due| self.cursor(due).is_some()) {
            due[..=place].rotate_right(1);
            if let Some(cursor) = self.cursor(&due[0]) {
                due[0].since = cursor.since;
            }
        }
        due
    }

    /// Where a run goes on in this campaign: it stopped there itself, or one before it that was given up.
    pub(crate) fn cursor(&self, due: &Due) -> Option<&Cursor> {
        let unfinished = self.unfinished.as_ref();
        let unfinished = unfinished.filter(|unfinished| unfinished.is_in(&due.campaign));
        let cursor = unfinished.map(|unfinished| &unfinished.cursor);
        // A run may have a wider window than the one that stopped.
        cursor.filter(|cursor| cursor.since <= due.since)
    }

    /// The record in place of one that nobody can read: of all campaigns nothing is known but that they were looked
    /// at a day before.
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

    /// Until when a campaign that does not stand in the record counts as looked at, if the record was begun anew
    /// lately. Weekly schedules have had a run by then.
    fn anew(&self, input: &Input) -> Option<i64> {
        self.anew
            .filter(|anew| *anew > input.run.as_second() - LATELY)
    }

    /// Whether it says of a time that is still to come that all was looked at: no run would look at anything.
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

    /// The campaign of these that is furthest behind, and until when it was looked at.
    pub(crate) fn oldest<'a>(
        &self,
        campaigns: &'a [CampaignId],
    ) -> Option<(&'a CampaignId, Timestamp)> {
        let looked = campaigns.iter().filter_map(|campaign| {
            let to = self.looked(campaign)?.to;
            Some((campaign, Timestamp::from_second(to).ok()?))
        });
        looked.min_by_key(|(_, to)| *to)
    }

    /// Notes what an invocation did.
    pub(crate) fn note(&mut self, input: &Input, did: &Did<'_>) {
        let before = self.unfinished.take();
        // Of a run that went on there, its own or another's.
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
            // A run of other campaigns leaves the place alone.
            None => before.filter(|it| {
                let is_remembered = it.began > did.began.as_second() - REMEMBERED;
                is_remembered && !input.campaigns.iter().any(|campaign| it.is_in(campaign))
            }),
        };
        if did.goes_on {
            self.tries = Some(Tries {
                message: did.message.to_owned(),
                receives: did.receives,
                at: did.ended.as_second(),
                failures: 0,
            });
        }
        self.fit(&input.campaigns);
    }

    /// Notes that so many changes lie in the queue.
    pub(crate) fn note_sent(&mut self, changes: u64, now: Timestamp) {
        let at = now.as_second();
        self.sent = (changes > 0).then_some(Sent { changes, at });
    }

    /// Forgets other campaigns than these, the one looked at longest ago first, until the record fits.
    fn fit(&mut self, campaigns: &[CampaignId]) {
        let is_of_run = |id: &String| campaigns.iter().any(|campaign| campaign.as_str() == id);
        while self.text().is_none() {
            let others = self.looked_at.iter().enumerate();
            let others = others.filter(|(_, looked)| !looked.campaigns.iter().all(is_of_run));
            let Some((oldest, _)) = others.min_by_key(|(_, looked)| looked.to) else {
                return;
            };
            let looked = &mut self.looked_at[oldest];
            looked.campaigns.retain(is_of_run);
            if looked.campaigns.is_empty() {
                self.looked_at.remove(oldest);
            }
        }
    }

    fn looked(&self, campaign: &CampaignId) -> Option<&Looked> {
        let has = |looked: &&Looked| looked.campaigns.iter().any(|id| id == campaign.as_str());
        self.looked_at.iter().find(has)
    }

    /// What was looked at before is joined where nothing lies between.
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
        // A campaign that no schedule has any more must not stay for ever.
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
