//! `looked`: what a record calls looked at was, whatever killed the runs that say so; nothing that changed is
//! left out in the end; and where it took long, that was told. `deep`: what repairs leave in the queue.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::at_rest;
use crate::lock;
use crate::seams::{Outside, Seen};
use crate::story::feeds::{NEVER, Schedule};
use crate::wire;
use crate::world::{PAGE, key_of, rank_of};

/// `ReconcileLateMinutes`.
const LATE: Duration = Duration::from_hours(2);
/// A run takes so long at most until it tells.
const SLACK: SignedDuration = SignedDuration::from_mins(30);
/// A run that was killed is begun again up to three times before it, or the next one, tells.
const UNTIL_TOLD: SignedDuration = SignedDuration::from_hours(3);
/// A run of an org that nothing is wrong with takes no longer.
const RUN: Duration = Duration::from_mins(30);
/// The least that the repairs of an org may fill the queue with; apply is held to do one in so long then.
const DEEPEST: usize = 10;
const DONE_IN: SignedDuration = SignedDuration::from_mins(1);

/// What a CRM said of a contact.
pub(crate) struct Shown {
    pub(crate) org: String,
    pub(crate) campaign: String,
    pub(crate) key: String,
    pub(crate) rank: u64,
    pub(crate) is_removal: bool,
    /// When, and since when its API shows it.
    pub(crate) at: Timestamp,
    pub(crate) visible: Timestamp,
}

impl Shown {
    /// Whether it, or what the CRM said of the contact after it, was found.
    fn is_found(&self, outside: &Outside, seen: &Seen) -> bool {
        let of_contact = |other: &&Shown| {
            (&other.campaign, &other.key) == (&self.campaign, &self.key) && other.rank >= self.rank
        };
        let mut later = seen.shown.iter().filter(of_contact);
        later.any(|later| later.is_itself_found(outside, seen))
    }

    /// Whether it is in the queue, was there, or need not be.
    fn is_itself_found(&self, outside: &Outside, seen: &Seen) -> bool {
        let best = seen.best.get(&(self.campaign.clone(), self.key.clone()));
        if best.is_some_and(|best| *best >= self.rank) {
            return true;
        }
        let contact = outside.genesys.contact(&self.campaign, &self.key);
        let is_newer = |contact: &emulator::genesys::Contact| {
            let rank = at_rest::rank(contact);
            rank.is_some_and(|rank| rank >= self.rank) || self.is_removal && !contact.callable
        };
        // Whom the campaign lacked is not created by it, and may have come since.
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

/// A record is written.
pub(crate) fn noted(outside: &Outside, text: &str) {
    if outside.story.schedule.is_none() {
        return;
    }
    let record: Value = serde_json::from_str(text).unwrap_or_default();
    let seen = lock(&outside.seen);
    let mut violations = Vec::new();
    for looked in record["lookedAt"].as_array().into_iter().flatten() {
        let second = |name: &str| looked[name].as_i64().unwrap_or_default();
        let (from, to) = (second("from"), second("to"));
        let is_of = |shown: &Shown| {
            let mut campaigns = looked["campaigns"].as_array().into_iter().flatten();
            campaigns.any(|id| *id == shown.campaign.as_str())
        };
        let said = seen.shown.iter().filter(|shown| {
            shown.at.as_second() > from && shown.visible.as_second() < to && is_of(shown)
        });
        let missed = said.filter(|shown| !shown.is_found(outside, &seen));
        violations.extend(missed.map(|shown| {
            format!(
                "looked: all of {} is said to be looked at, and a change is not in the queue",
                shown.campaign
            )
        }));
    }
    drop(seen);
    violations
        .into_iter()
        .for_each(|what| outside.violated(what));
}

/// A run of an org is over to whose changes nothing happens.
pub(crate) fn waited(outside: &Outside, took: Duration) {
    if took > RUN {
        outside.violated("looked: a run waits for what another org has in the queue".to_owned());
    }
}

/// How late an org is, is told: if by so much, an alarm comes.
pub(crate) fn told_age(outside: &Outside, org: &str, age: Duration) {
    if age > LATE {
        alarm(outside, org);
    }
}

/// A run is told of that failed. Without its record nobody knows how late the org is.
pub(crate) fn told_failed(outside: &Outside, body: &str) {
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

/// After a run to which nothing happened.
pub(crate) fn found(outside: &Outside) {
    let seen = lock(&outside.seen);
    let missed = seen
        .shown
        .iter()
        .filter(|shown| !shown.is_found(outside, &seen));
    let missed =
        missed.map(|shown| format!("looked: a change of {} was never looked at", shown.campaign));
    let missed: Vec<_> = missed.collect();
    drop(seen);
    missed.into_iter().for_each(|what| outside.violated(what));
}

/// Every contact is as its CRM said last, and nobody is there whom it only ever deleted.
pub(crate) fn converged(outside: &Outside) {
    let mut violations = at_rest::unlike_the_crm(outside);
    for (n, org) in outside.story.orgs.iter().enumerate() {
        let contacts = org
            .campaigns
            .iter()
            .flat_map(|campaign| outside.genesys.contacts(campaign));
        let is_there = contacts.into_iter().any(|(key, _)| key.contains(NEVER));
        if is_there && outside.story.form(n).is_some() {
            violations.push(format!(
                "reconcile: whom the CRM of {} deleted is created for that",
                org.name
            ));
        }
    }
    violations
        .into_iter()
        .for_each(|what| outside.violated(what));
}

/// Of what was looked at late somebody was told.
pub(crate) fn told_late(outside: &Outside) {
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
    for shown in &seen.shown {
        let sent = sent.get(&(shown.campaign.clone(), shown.key.clone()));
        let sent = sent
            .into_iter()
            .flatten()
            .filter(|(rank, _)| *rank >= shown.rank);
        let Some(found) = sent.map(|(_, at)| *at).min() else {
            continue;
        };
        let late = SignedDuration::try_from(LATE).unwrap_or_default() + SLACK;
        // Nothing is sent of somebody whom the CRM deleted and the campaign lacks.
        let is_gone = seen.shown.iter().any(|other| {
            other.is_removal
                && other.rank >= shown.rank
                && other.visible <= found
                && (&other.campaign, &other.key) == (&shown.campaign, &shown.key)
        });
        let is_late = found > shown.visible + late && !is_gone;
        let is_told = || {
            let mut alarms = seen.alarms.iter();
            alarms.any(|(at, org)| {
                *org == shown.org && shown.visible <= *at && *at <= found + UNTIL_TOLD
            })
        };
        let place = outside
            .story
            .orgs
            .iter()
            .position(|org| org.name == shown.org);
        let is_lost = place.is_some_and(|n| outside.story.loses_record(n));
        if is_late && !is_lost && !is_told() {
            violations.push(format!(
                "looked: a change of {} was looked at late, and nobody was told",
                shown.campaign
            ));
        }
    }
    drop(seen);
    violations
        .into_iter()
        .for_each(|what| outside.violated(what));
}

/// `deep`, where nothing is killed: an org of the smallest budget has no more repairs in the queue than it may,
/// beside opt-outs.
pub(crate) fn filled(outside: &Outside) {
    let seen = lock(&outside.seen);
    let is_small = |schedule: &Schedule| schedule.is_crowded && schedule.calls_told <= 2;
    let mut is_deep = false;
    for org in outside.story.orgs.iter().filter(|org| !org.is_of_lists) {
        let repairs = seen.stored.iter().filter_map(|message| {
            let body: Value = serde_json::from_str(&message.body).ok()?;
            let is_repair = body["source"] == "reconcile" && body["org"] == org.name.as_str();
            let opts_out = body["operation"] == "remove" || body["callable"] == false;
            let at = seen.stored_at.get(&wire::event_id(&message.body));
            at.copied().filter(|_| is_repair && !opts_out)
        });
        let repairs: Vec<_> = repairs.collect();
        // What was sent since the first of them, and may still be there. Of the page that fills it all is sent.
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
