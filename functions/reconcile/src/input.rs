//! Reads what a run is asked for, and the cursor at which it continues.
//!
//! [`Input::parse`] reads the JSON of a schedule or an operator (docs/contract.md "Reconcile") and
//! names all its faults at once. This module reads no secret and makes no call: `lib.rs` checks
//! whether the org's secrets allow what the input asks for, and `scan` carries it out.

mod brought;
mod cursor;

use std::hash::{DefaultHasher, Hash, Hasher};

use domain::change::{CampaignId, OrgId};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

pub(crate) use brought::Brought;
pub use cursor::Cursor;

use crate::{Read, Task};

/// The most campaigns of one run.
const MOST_CAMPAIGNS: usize = 100;
/// The longest window: ten years.
const MOST_MINUTES: u64 = 5_256_000;
const DEFAULT_MINUTES: u64 = 60;
const DEFAULT_PERCENT: u64 = 20;
/// EventBridge Scheduler replaces this text by the time
/// (docs.aws.amazon.com/scheduler/latest/UserGuide, "Adding context attributes").
const SCHEDULED_TIME: &str = "<aws.scheduler.scheduled-time>";

/// A run of reconcile. It covers campaigns of one org, in order.
#[derive(Clone, Debug)]
pub struct Input {
    /// The org whose contacts are compared.
    pub org: OrgId,
    /// The campaigns that are compared: at least one.
    pub campaigns: Vec<CampaignId>,
    /// The feed is asked for what changed since then.
    pub since: Timestamp,
    /// The time at which the run was due. It is part of the event ids of the run's changes.
    pub run: Timestamp,
    /// Whether the run only compares and reports, and enqueues nothing.
    pub dry_run: bool,
    /// The largest share of a campaign's checked contacts that may differ. If a greater share
    /// differs, and more than 100 contacts do, the run enqueues only opt-outs of its other
    /// campaigns.
    pub max_drift_percent: u64,
    /// Whether the run enqueues what differs, however much that is.
    pub force: bool,
    /// The place at which an earlier run stopped.
    pub cursor: Option<Cursor>,
    /// Whether the run also counts contacts that the campaign has and the feed does not list.
    pub full: bool,
    /// How the run reads the campaigns.
    pub read: Read,
    /// The run's task.
    pub task: Task,
}

/// Every member that is missing, unknown or not as expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the input is not as expected: {}", .0.join("; "))]
pub struct InvalidInput(Vec<String>);

impl InvalidInput {
    pub(crate) fn of(fault: &str) -> InvalidInput {
        InvalidInput(vec![fault.to_owned()])
    }
}

impl Input {
    /// Reads a schedule's input. `now` stands for the due time if the input names none.
    ///
    /// # Errors
    /// Names every member that is missing, unknown or not as expected.
    pub fn parse(input: &Value, now: Timestamp) -> Result<Input, InvalidInput> {
        let Value::Object(members) = input else {
            return Err(InvalidInput(vec!["expected a JSON object".to_owned()]));
        };
        let mut reader = Reader {
            members: members.clone(),
            faults: Vec::new(),
        };
        let org = reader.required("org", OrgId::EXPECTED, |value| {
            OrgId::parse(value.as_str()?).ok()
        });
        let campaigns = reader.required(
            "campaignIds",
            "expected 1 to 100 different ids of campaigns",
            campaigns,
        );
        // A scheduler that does not replace this text, such as a local one, leaves the due time to
        // `now`.
        reader
            .members
            .retain(|name, value| name != "scheduledTime" || *value != SCHEDULED_TIME);
        let run = reader.optional("scheduledTime", "expected an RFC 3339 time", |value| {
            value.as_str()?.parse().ok()
        });
        let minutes = reader
            .number("windowMinutes", 1, MOST_MINUTES)
            .unwrap_or(DEFAULT_MINUTES);
        let dry_run = reader.flag("dryRun");
        let max_drift_percent = reader
            .number("maxDriftPercent", 0, 100)
            .unwrap_or(DEFAULT_PERCENT);
        let force = reader.flag("force");
        let (read, full) = reader.read();
        let cursor = reader.cursor(org.as_ref().zip(campaigns.as_ref()));
        let run: Timestamp = run.unwrap_or(now);
        let window = SignedDuration::from_mins(minutes.cast_signed());
        let since = cursor.as_ref().map(|cursor| cursor.since);
        let since = since.unwrap_or_else(|| match full {
            true => Timestamp::UNIX_EPOCH,
            false => run.saturating_sub(window).unwrap_or(Timestamp::UNIX_EPOCH),
        });
        match (org, campaigns, reader.end()) {
            (Some(org), Some(campaigns), Ok(())) => Ok(Input {
                org,
                campaigns,
                since,
                run,
                dry_run,
                max_drift_percent,
                force,
                cursor,
                full,
                read,
                task: Task::Repair,
            }),
            (_, _, faults) => Err(faults.err().unwrap_or_else(|| InvalidInput(Vec::new()))),
        }
    }
}

impl Input {
    /// The place at which the run begins: its cursor, or else the first campaign.
    pub(crate) fn start(&self) -> Cursor {
        self.cursor
            .clone()
            .unwrap_or_else(|| Cursor::start(&self.org, &self.campaigns, self.since))
    }

    /// Puts another campaign first in each run and in each try of a run. So no campaign is always
    /// the one for which no time is left, or the one behind a campaign at fault. `before` is the
    /// number of earlier tries.
    pub(crate) fn rotate(&mut self, before: u32) {
        let mut hasher = DefaultHasher::new();
        self.run.as_second().hash(&mut hasher);
        let first = hasher.finish() % self.campaigns.len().max(1) as u64;
        let first = (first + u64::from(before)) % self.campaigns.len().max(1) as u64;
        self.campaigns
            .rotate_left(usize::try_from(first).unwrap_or(0));
    }
}

fn campaigns(value: &Value) -> Option<Vec<CampaignId>> {
    let ids = value
        .as_array()?
        .iter()
        .map(|id| CampaignId::parse(id.as_str()?).ok());
    let ids = ids.collect::<Option<Vec<_>>>()?;
    let is_new = |(place, id): (usize, &CampaignId)| !ids[..place].contains(id);
    let are_distinct = ids.iter().enumerate().all(is_new);
    ((1..=MOST_CAMPAIGNS).contains(&ids.len()) && are_distinct).then_some(ids)
}

struct Reader {
    members: Map<String, Value>,
    faults: Vec<String>,
}

impl Reader {
    /// Takes a member and reads it. A null counts as absent.
    fn optional<T>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.members.remove(name).filter(|value| !value.is_null())?;
        let read = read(&value);
        if read.is_none() {
            self.faults.push(format!("{name}: {expected}"));
        }
        read
    }

    fn required<T>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Option<T> {
        if self.members.get(name).is_none_or(Value::is_null) {
            self.faults.push(format!("{name} is missing: {expected}"));
        }
        self.optional(name, expected, read)
    }

    fn number(&mut self, name: &str, least: u64, most: u64) -> Option<u64> {
        let expected = format!("expected a whole number from {least} to {most}");
        self.optional(name, &expected, |value| {
            value
                .as_u64()
                .filter(|number| (least..=most).contains(number))
        })
    }

    fn flag(&mut self, name: &str) -> bool {
        self.optional(name, "expected true or false", Value::as_bool)
            .unwrap_or(false)
    }

    /// How the campaigns are read, and whether the whole feed is compared with them.
    fn read(&mut self) -> (Read, bool) {
        let read = self.optional("read", "expected export or bulk", |value| {
            Read::of(value.as_str()?)
        });
        let full = self.flag("full");
        if full && read == Some(Read::Bulk) {
            let fault = "full: expected read to be export, or nothing";
            self.faults.push(fault.to_owned());
        }
        let read = if full { Some(Read::Export) } else { read };
        (read.unwrap_or_default(), full)
    }

    /// The cursor, if it belongs to this org and these campaigns.
    fn cursor(&mut self, of: Option<(&OrgId, &Vec<CampaignId>)>) -> Option<Cursor> {
        const CURSOR: &str = "expected the cursor of an answer, of this org and these campaigns";
        let cursor = self.optional("cursor", CURSOR, |value| Cursor::parse(value.as_str()?))?;
        if of.is_some_and(|(org, campaigns)| !cursor.is_of(org, campaigns)) {
            self.faults.push(format!("cursor: {CURSOR}"));
            return None;
        }
        Some(cursor)
    }

    /// Reports each member that nobody took as unknown.
    fn end(mut self) -> Result<(), InvalidInput> {
        self.faults.extend(
            self.members
                .keys()
                .map(|name| format!("{name:?} is unknown")),
        );
        if self.faults.is_empty() {
            Ok(())
        } else {
            Err(InvalidInput(self.faults))
        }
    }
}

#[cfg(test)]
mod tests;
