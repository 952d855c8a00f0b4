//! Checks runs of a schedule. Their violations begin with `looked` or `deep`.
//!
//! `looked`: if a record says that a time was compared, it was compared, whatever killed the runs
//! that wrote the record. No change is left out in the end. If a comparison came late, an alarm
//! said so.
//!
//! `deep`: the repairs of an org fill the queue no deeper than they may.
//!
//! `final_state` checks what contacts hold in the end. `crate::story::schedule` makes these
//! runs up.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::final_state;
use crate::change::{key_of, opts_out, rank_of};
use crate::lock;
use crate::player::PAGE;
use crate::seams::{Outside, Seen};
use crate::story::schedule::{NEVER, Schedule};
use crate::wire;

/// The value of `ReconcileLateMinutes`.
const LATE: Duration = Duration::from_hours(2);
/// The longest time that a run takes until it reports.
const SLACK: SignedDuration = SignedDuration::from_mins(30);
/// A run that was killed is started again up to three times before it, or the next one, reports.
const UNTIL_REPORTED: SignedDuration = SignedDuration::from_hours(3);
/// The longest time that a run takes if nothing is wrong with its org.
const RUN: Duration = Duration::from_mins(30);
/// An org may always have this many repairs in the queue. Beyond that, apply must be able to do
/// them all within `DONE_IN`.
const DEEPEST: usize = 10;
const DONE_IN: SignedDuration = SignedDuration::from_mins(1);

/// A change of a contact that a CRM made.
pub(crate) struct CrmChange {
    pub(crate) org: String,
    pub(crate) campaign: String,
    pub(crate) key: String,
    pub(crate) rank: u64,
    pub(crate) is_removal: bool,
    /// When the CRM made the change. Its API shows it from `visible` on.
    pub(crate) at: Timestamp,
    pub(crate) visible: Timestamp,
}

impl CrmChange {
    /// Whether the change, or a later one of the contact, was found.
    fn is_found(&self, outside: &Outside, seen: &Seen) -> bool {
        let of_contact = |other: &&CrmChange| {
            (&other.campaign, &other.key) == (&self.campaign, &self.key) && other.rank >= self.rank
        };
        let mut later = seen.crm_changes.iter().filter(of_contact);
        later.any(|later| later.is_itself_found(outside, seen))
    }

    /// Whether the change is in the queue, was there, or is not needed.
    fn is_itself_found(&self, outside: &Outside, seen: &Seen) -> bool {
        let highest = seen
            .highest_rank
            .get(&(self.campaign.clone(), self.key.clone()));
        if highest.is_some_and(|highest| *highest >= self.rank) {
            return true;
        }
        let contact = outside.genesys.contact(&self.campaign, &self.key);
        let is_newer = |contact: &emulator::genesys::Contact| {
            let rank = final_state::rank(contact);
            rank.is_some_and(|rank| rank >= self.rank) || self.is_removal && !contact.callable
        };
        // A removal creates no contact. A contact that the campaign lacked may have come
        // since.
        let came_since = || {
            outside.genesys.journal().iter().any(|of| {
                of.before.is_none()
                    && of.at >= self.visible
                    && (&of.campaign, &of.key) == (&self.campaign, &self.key)
            })
        };
        match contact {
            Some(contact) => is_newer(&contact) || self.is_removal && came_since(),
            None => self.is_removal,
        }
    }
}

/// Checks a record when it is written.
pub(crate) fn check_record(outside: &Outside, text: &str) {
    if outside.story.schedule.is_none() {
        return;
    }
    let record: Value = serde_json::from_str(text).unwrap_or_default();
    let seen = lock(&outside.seen);
    let mut violations = Vec::new();
    for looked in record["lookedAt"].as_array().into_iter().flatten() {
        let second = |name: &str| looked[name].as_i64().unwrap_or_default();
        let (from, to) = (second("from"), second("to"));
        let is_of = |change: &CrmChange| {
            let mut campaigns = looked["campaigns"].as_array().into_iter().flatten();
            campaigns.any(|id| *id == change.campaign.as_str())
        };
        let due = seen.crm_changes.iter().filter(|change| {
            change.at.as_second() > from && change.visible.as_second() < to && is_of(change)
        });
        let missed = due.filter(|change| !change.is_found(outside, &seen));
        violations.extend(missed.map(|change| {
            format!(
                "looked: the record calls all of {} looked at, and a change is not in the queue",
                change.campaign
            )
        }));
    }
    drop(seen);
    outside.violated_all(violations);
}

/// Checks how long a run took, of an org that has no trouble itself.
pub(crate) fn check_duration(outside: &Outside, took: Duration) {
    if took > RUN {
        outside.violated("looked: a run waits for what another org has in the queue".to_owned());
    }
}

/// Remembers the alarm that comes if an org reports that it is too late.
pub(crate) fn age_reported(outside: &Outside, org: &str, age: Duration) {
    if age > LATE {
        alarm(outside, org);
    }
}

/// Remembers the alarm that comes if a run fails for its record: without it nobody knows how late
/// the org is.
pub(crate) fn run_failed(outside: &Outside, body: &str) {
    let run: Value = serde_json::from_str(body).unwrap_or_default();
    if run["error"]
        .as_str()
        .is_some_and(|error| error.starts_with("record "))
    {
        alarm(outside, run["org"].as_str().unwrap_or_default());
    }
}

fn alarm(outside: &Outside, org: &str) {
    let now = outside.clock.now();
    lock(&outside.seen).alarms.push((now, org.to_owned()));
}

/// Checks, after a run to which nothing happened, that no change was missed.
pub(crate) fn check_all_found(outside: &Outside) {
    let seen = lock(&outside.seen);
    let missed = seen
        .crm_changes
        .iter()
        .filter(|change| !change.is_found(outside, &seen));
    let missed = missed.map(|change| {
        format!(
            "looked: a change of {} was never looked at",
            change.campaign
        )
    });
    let missed: Vec<_> = missed.collect();
    drop(seen);
    outside.violated_all(missed);
}

/// Checks, after the last run, that every contact is as its CRM has it, and that no contact exists
/// that the CRM only ever deleted.
pub(crate) fn check_contacts(outside: &Outside) {
    let mut violations = final_state::unlike_the_crm(outside);
    for (n, org) in outside.story.orgs.iter().enumerate() {
        let contacts = org
            .campaigns
            .iter()
            .flat_map(|campaign| outside.genesys.contacts(campaign));
        let is_there = contacts.into_iter().any(|(key, _)| key.contains(NEVER));
        if is_there && outside.story.crm_vendor(n).is_some() {
            violations.push(format!(
                "reconcile: a contact that the CRM of {} deleted is created",
                org.name
            ));
        }
    }
    outside.violated_all(violations);
}

/// Checks that an alarm came if a change was compared late.
pub(crate) fn check_alarms(outside: &Outside) {
    let seen = lock(&outside.seen);
    let mut sent: BTreeMap<(String, String), Vec<(u64, Timestamp)>> = BTreeMap::new();
    for message in &seen.stored {
        let body: Value = serde_json::from_str(&message.body).unwrap_or_default();
        let (_, campaign, key) = key_of(&body);
        let org = outside.story.org_of(&campaign);
        let at = seen.stored_at.get(&wire::event_id(&message.body));
        if let (Some(rank), Some(at)) = (org.and_then(|org| rank_of(org, &body)), at) {
            sent.entry((campaign, key)).or_default().push((rank, *at));
        }
    }
    let mut violations = Vec::new();
    for change in &seen.crm_changes {
        let sent = sent.get(&(change.campaign.clone(), change.key.clone()));
        let sent = sent
            .into_iter()
            .flatten()
            .filter(|(rank, _)| *rank >= change.rank);
        let Some(found) = sent.map(|(_, at)| *at).min() else {
            continue;
        };
        let late = SignedDuration::try_from(LATE).unwrap_or_default() + SLACK;
        // If the CRM deleted a contact that the campaign lacks, nothing is sent about it.
        let is_gone = seen.crm_changes.iter().any(|other| {
            other.is_removal
                && other.rank >= change.rank
                && other.visible <= found
                && (&other.campaign, &other.key) == (&change.campaign, &change.key)
        });
        let is_late = found > change.visible + late && !is_gone;
        let is_reported = || {
            let mut alarms = seen.alarms.iter();
            alarms.any(|(at, org)| {
                *org == change.org && change.visible <= *at && *at <= found + UNTIL_REPORTED
            })
        };
        let place = outside
            .story
            .orgs
            .iter()
            .position(|org| org.name == change.org);
        let is_lost = place.is_some_and(|n| outside.story.loses_record(n));
        if is_late && !is_lost && !is_reported() {
            violations.push(format!(
                "looked: a change of {} was looked at late, and no alarm came",
                change.campaign
            ));
        }
    }
    drop(seen);
    outside.violated_all(violations);
}

/// Checks `deep`, in runs where nothing is killed: an org with the smallest budget has no more
/// repairs in the queue than it may, not counting opt-outs.
pub(crate) fn check_depth(outside: &Outside) {
    let seen = lock(&outside.seen);
    let is_small = |schedule: &Schedule| schedule.is_crowded && schedule.budget_in_secret <= 2;
    let mut is_deep = false;
    for org in outside.story.orgs.iter().filter(|org| !org.uses_lists) {
        let repairs = seen.stored.iter().filter_map(|message| {
            let body: Value = serde_json::from_str(&message.body).ok()?;
            let is_repair = body["source"] == "reconcile" && body["org"] == org.name.as_str();
            let at = seen.stored_at.get(&wire::event_id(&message.body));
            at.copied().filter(|_| is_repair && !opts_out(&body))
        });
        let repairs: Vec<_> = repairs.collect();
        // The repairs that were sent since the first one and may still be in the queue. A
        // page that fills the queue is sent to its end.
        is_deep |= repairs.iter().enumerate().any(|(first, since)| {
            let later = repairs[first..].iter().enumerate();
            later.into_iter().any(|(sent, at)| {
                let done = at.duration_since(*since).as_secs() / DONE_IN.as_secs();
                sent >= DEEPEST + PAGE + usize::try_from(done).unwrap_or(0)
            })
        });
    }
    drop(seen);
    if is_deep && outside.story.schedule.as_ref().is_some_and(is_small) {
        outside
            .violated("deep: the repairs of an org fill the queue deeper than they may".to_owned());
    }
}
