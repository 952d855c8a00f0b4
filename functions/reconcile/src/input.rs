//! What a run is asked for (docs/contract.md "Reconcile"), and the cursor by which it goes on.

mod brought;

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::change::{CampaignId, OrgId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(crate) use brought::Brought;

use crate::{Read, Task};

/// The most campaigns of one run.
const MOST_CAMPAIGNS: usize = 100;
/// Ten years.
const MOST_MINUTES: u64 = 5_256_000;
const DEFAULT_MINUTES: u64 = 60;
const DEFAULT_PERCENT: u64 = 20;
/// What EventBridge Scheduler replaces by the time (docs.aws.amazon.com/scheduler/latest/UserGuide,
/// "Adding context attributes").
const SCHEDULED_TIME: &str = "<aws.scheduler.scheduled-time>";

/// A run of reconcile: of one org, its campaigns in order.
#[derive(Clone, Debug)]
pub struct Input {
    /// Whose contacts are compared.
    pub org: OrgId,
    /// In which campaigns; at least one.
    pub campaigns: Vec<CampaignId>,
    /// The feed is asked for what changed since then.
    pub since: Timestamp,
    /// When the run was due: part of its changes' event ids.
    pub run: Timestamp,
    /// Compares and tells, and enqueues nothing.
    pub dry_run: bool,
    /// Of a campaign's contacts that were checked: where more differ, and more than 100, nothing is
    /// enqueued.
    pub max_drift_percent: u64,
    /// Enqueues however many differ.
    pub force: bool,
    /// Where an earlier run stopped.
    pub cursor: Option<Cursor>,
    /// Also counts contacts that the campaign has and the feed does not list.
    pub full: bool,
    /// How it reads the campaigns.
    pub read: Read,
    /// What it is for.
    pub task: Task,
}

/// Where a run stopped: everything before is done. What the feed's own cursor holds is the CRM's
/// affair: it is not shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cursor {
    pub(crate) org: String,
    /// The campaigns that are not done, in the run's order: it goes on in the first.
    pub(crate) campaigns: Vec<String>,
    pub(crate) since: Timestamp,
    /// The feed's cursor of the page; none: the first.
    pub(crate) page: Option<String>,
    /// Contacts of the page that are done, and the hash of the last one's key: a page may have
    /// another content by then.
    pub(crate) done: usize,
    pub(crate) last: Option<String>,
    /// Contacts of the campaign that were compared, and those of them that were to be repaired.
    pub(crate) checked: u64,
    pub(crate) drifted: u64,
    /// Contacts of the campaign that break a rule.
    #[serde(default)]
    pub(crate) faulty: u64,
    /// Digits of the print of the feed's secret that the page's cursor is of: another secret may ask for another
    /// order, in which it would skip contacts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) feed: Option<String>,
    /// What the campaign's pages brought until now.
    #[serde(default, skip_serializing_if = "Brought::is_nothing")]
    pub(crate) brought: Brought,
    /// An export did not come in time: the run goes on without.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) has_no_exports: bool,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Texts, a time and numbers: there is nothing in it that JSON cannot say.
        f.write_str(&URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default()))
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor")
            .field("campaigns", &self.campaigns)
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}

impl Cursor {
    /// The first page of the first of these campaigns.
    pub(crate) fn start(org: &OrgId, campaigns: &[CampaignId], since: Timestamp) -> Cursor {
        Cursor {
            org: org.as_str().to_owned(),
            campaigns: campaigns.iter().map(|id| id.as_str().to_owned()).collect(),
            since,
            page: None,
            done: 0,
            last: None,
            checked: 0,
            drifted: 0,
            faulty: 0,
            feed: None,
            brought: Brought::default(),
            has_no_exports: false,
        }
    }

    /// The cursor for a feed of this print. Where it is of another secret its campaign begins anew.
    pub(crate) fn for_feed(self, print: &str) -> Cursor {
        let print = print.get(..8).unwrap_or(print);
        let is_of_another = self.feed.as_deref().is_some_and(|feed| feed != print);
        let at = if is_of_another {
            Cursor {
                page: None,
                done: 0,
                last: None,
                checked: 0,
                drifted: 0,
                faulty: 0,
                brought: Brought::default(),
                ..self
            }
        } else {
            self
        };
        Cursor {
            feed: Some(print.to_owned()),
            ..at
        }
    }

    /// Reads the cursor of an answer.
    pub fn parse(text: &str) -> Option<Cursor> {
        let json = URL_SAFE_NO_PAD.decode(text.trim()).ok()?;
        serde_json::from_slice(&json).ok()
    }

    /// Whether it looks at what changed since then.
    pub fn is_since(&self, since: Timestamp) -> bool {
        self.since == since
    }

    /// Whether a run of this org and these campaigns can go on from here.
    pub fn is_of(&self, org: &OrgId, campaigns: &[CampaignId]) -> bool {
        let is_asked_for = |id: &String| campaigns.iter().any(|campaign| campaign.as_str() == id);
        self.org == org.as_str()
            && !self.campaigns.is_empty()
            && self.campaigns.iter().all(is_asked_for)
    }
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
    /// Reads a schedule's input. `now`: where it does not say when it was due.
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
        // A scheduler that fills in nothing, as a local one, leaves the time to us.
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
        let read = reader.optional("read", "expected export or bulk", |value| {
            Read::of(value.as_str()?)
        });
        let full = reader.flag("full");
        if full && read == Some(Read::Bulk) {
            let fault = "full: expected read to be export, or nothing";
            reader.faults.push(fault.to_owned());
        }
        let read = if full { Some(Read::Export) } else { read };
        const CURSOR: &str = "expected the cursor of an answer, of this org and these campaigns";
        let mut cursor = reader.optional("cursor", CURSOR, |value| Cursor::parse(value.as_str()?));
        let of = org.as_ref().zip(campaigns.as_ref());
        if cursor
            .as_ref()
            .zip(of)
            .is_some_and(|(cursor, (org, campaigns))| !cursor.is_of(org, campaigns))
        {
            reader.faults.push(format!("cursor: {CURSOR}"));
            cursor = None;
        }
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
                read: read.unwrap_or_default(),
                task: Task::Repair,
            }),
            (_, _, faults) => Err(faults.err().unwrap_or_else(|| InvalidInput(Vec::new()))),
        }
    }
}

impl Input {
    /// Where the run begins: at its cursor, or with the first campaign.
    pub(crate) fn start(&self) -> Cursor {
        self.cursor
            .clone()
            .unwrap_or_else(|| Cursor::start(&self.org, &self.campaigns, self.since))
    }

    /// Lets another campaign be the first with each run and each of its tries, so that none is always the one for
    /// which there is no time, or behind one that is at fault. `before`: how many tries there were.
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
    /// Null counts as absent.
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

    /// What was not taken is unknown.
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
