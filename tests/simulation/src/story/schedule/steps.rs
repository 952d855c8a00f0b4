//! The steps of a run of a schedule: changes with and without a webhook, the runs themselves, and
//! what goes wrong.
//!
//! `super` decides the schedule and the orgs, and `crate::player::schedule` plays the runs.

use std::collections::BTreeSet;
use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};

use super::{NEVER, Schedule};
use crate::story::{Action, CANARY, COLUMNS, Interference, Org, Part, Ranking, Step, start};

/// The time between two runs of an org.
const EVERY: Duration = Duration::from_mins(15);
/// The org whose changes fill the queue.
const NEIGHBOUR: usize = 1;

/// All steps, in order.
pub(super) fn steps(seed: u64, rng: Rng, orgs: &[Org], schedule: Schedule) -> Vec<Step> {
    Builder::new(seed, rng, orgs, schedule).build()
}

/// A contact, as the CRM has it.
struct Person {
    org: usize,
    campaign: String,
    key: String,
}

/// Makes up the steps of one story.
struct Builder<'a> {
    rng: Rng,
    orgs: &'a [Org],
    schedule: Schedule,
    people: Vec<Person>,
    /// Whether the stamps of changes have whole seconds.
    is_whole: bool,
    steps: Vec<Step>,
    /// The number of changes so far.
    changes: u64,
    /// The seconds of all changes so far.
    seconds: BTreeSet<u64>,
}

impl<'a> Builder<'a> {
    fn new(seed: u64, mut rng: Rng, orgs: &'a [Org], schedule: Schedule) -> Builder<'a> {
        // A crowded run needs more changes than those for which the queue always has room.
        let least = if schedule.is_crowded { 10 } else { 3 };
        let mut people = Vec::new();
        for (n, org) in orgs.iter().enumerate() {
            for campaign in &org.campaigns {
                people.extend((0..rng.usize(least..14)).map(|contact| Person {
                    org: n,
                    campaign: campaign.clone(),
                    key: format!("{CANARY}-{contact}-of-{}", org.name),
                }));
            }
        }
        Builder {
            rng,
            orgs,
            schedule,
            people,
            is_whole: seed.is_multiple_of(3),
            steps: Vec::new(),
            changes: 0,
            seconds: BTreeSet::new(),
        }
    }

    fn build(mut self) -> Vec<Step> {
        let runs = self.rng.u32(12..28);
        let end = EVERY * runs;
        for who in 0..self.people.len() {
            let at = Duration::from_millis(self.rng.u64(..600_000));
            self.change(who, at);
        }
        for _ in 0..self.rng.usize(15..50) {
            let who = self.rng.usize(..self.people.len());
            let at = self.moment(runs);
            self.change(who, at);
        }
        for org in 0..self.orgs.len() {
            for run in 0..runs {
                let at = EVERY * run + Duration::from_secs(30);
                let is_wide = false;
                self.push(at, Action::Run { org, is_wide });
                // The scheduler sends some runs twice, after the queue has
                // forgotten the first message.
                if self.rng.u8(..16) == 0 {
                    let at = at + Duration::from_mins(6);
                    self.push(at, Action::Run { org, is_wide });
                }
            }
        }
        if self.schedule.is_crowded {
            self.crowd();
        } else {
            self.mishaps(end);
        }
        self.steps.sort_by_key(|step| step.at);
        self.steps
    }

    /// A random moment. Half of the moments fall into the time in which runs read their pages.
    fn moment(&mut self, runs: u32) -> Duration {
        let at = EVERY * self.rng.u32(1..runs);
        let within = if self.rng.bool() {
            30_000..60_000
        } else {
            0..900_000
        };
        at + Duration::from_millis(self.rng.u64(within))
    }

    /// The first moment from `at` on whose second no other change has, so that no two have the
    /// same rank.
    fn free(&mut self, mut at: Duration) -> Duration {
        while !self.seconds.insert(at.as_secs()) {
            at += Duration::from_secs(1);
        }
        self.changes += 1;
        at
    }

    fn push(&mut self, at: Duration, action: Action) {
        self.steps.push(Step { at, action });
    }

    /// The CRM changes or deletes a contact. A webhook reports some of these changes.
    fn change(&mut self, who: usize, at: Duration) {
        let at = self.free(at);
        let kind = self.rng.u8(..10);
        let mut body = self.body(who, at);
        match kind {
            0..5 => {}
            5 | 6 => body["callable"] = true.into(),
            7 | 8 => body["callable"] = false.into(),
            _ => {
                body["operation"] = "remove".into();
                body.as_object_mut().map(|members| members.remove("data"));
                if self.rng.bool() {
                    let org = &self.orgs[self.people[who].org].name;
                    body["contactKey"] =
                        format!("{CANARY}-{NEVER}-{}-of-{org}", self.changes).into();
                }
            }
        }
        let has_webhook = body["operation"] != "remove" && self.rng.u8(..4) == 0;
        let late = self.rng.choice([50, 20_000, 1_500_000]).unwrap_or(50);
        let sent = has_webhook.then(|| Duration::from_millis(late));
        self.push(at, self.action(who, body, sent));
    }

    fn action(&self, who: usize, body: Value, sent: Option<Duration>) -> Action {
        Action::Change {
            org: self.people[who].org,
            bodies: vec![body],
            is_poison: false,
            sent: sent.into_iter().collect(),
        }
    }

    fn body(&mut self, who: usize, at: Duration) -> Value {
        let person = &self.people[who];
        let org = &self.orgs[person.org];
        let n = self.changes;
        let data: serde_json::Map<_, _> = COLUMNS
            .into_iter()
            .map(|column| {
                (
                    column.to_owned(),
                    json!(format!("{CANARY} {n} of {}", org.name)),
                )
            })
            .collect();
        let mut rank = start() + at;
        if self.is_whole {
            rank = jiff::Timestamp::from_second(rank.as_second()).unwrap_or(rank);
        }
        let mut body = json!({
            "eventId": format!("crm-{n}"), "org": org.name, "campaignId": person.campaign, "contactKey": person.key,
            "data": data,
        });
        match org.ranking {
            Ranking::OccurredAt => body["occurredAt"] = rank.to_string().into(),
            _ => body["version"] = rank.as_millisecond().into(),
        }
        body
    }

    /// Another org loses its permissions for hours, and its webhooks fill the queue.
    fn crowd(&mut self) {
        let (org, time) = (NEIGHBOUR, Duration::from_mins(150));
        let since = Duration::from_mins(16);
        let part = Part::Permissions;
        self.push(since, Action::Fail { org, part, time });
        let of_org: Vec<_> = (0..self.people.len())
            .filter(|who| self.people[*who].org == org)
            .collect();
        for n in 0..40 {
            let who = of_org[self.rng.usize(..of_org.len())];
            let at = self.free(since + Duration::from_secs(n * 3));
            let body = self.body(who, at);
            let action = self.action(who, body, Some(Duration::from_millis(50)));
            self.push(at, action);
        }
    }

    /// Makes up what people do, and which parts fail for a while.
    fn mishaps(&mut self, end: Duration) {
        for org in 0..self.orgs.len() {
            for part in [Part::Feed, Part::Record] {
                if self.rng.u8(..3) == 0 {
                    let time = Duration::from_mins(self.rng.choice([10, 100, 200]).unwrap_or(10));
                    let at = self.within(end);
                    self.push(at, Action::Fail { org, part, time });
                }
            }
            if self.rng.u8(..8) == 0 {
                let at = self.within(end);
                self.push(at, Action::LoseRecord { org });
            }
            if self.rng.u8(..6) == 0 {
                let part = Part::Permissions;
                let time = Duration::from_mins(self.rng.choice([20, 150]).unwrap_or(20));
                let at = self.within(end);
                self.push(at, Action::Fail { org, part, time });
            }
        }
        for _ in 0..self.rng.usize(..8) {
            let person = &self.people[self.rng.usize(..self.people.len())];
            let (campaign, key) = (person.campaign.clone(), person.key.clone());
            let at = self.within(end);
            let how = match self.rng.bool() {
                true => Interference::Delete,
                false => Interference::Alter,
            };
            self.push(at, Action::Interfere { campaign, key, how });
        }
    }

    fn within(&mut self, end: Duration) -> Duration {
        let latest = end.as_millis() as u64;
        Duration::from_millis(self.rng.u64(EVERY.as_millis() as u64..latest))
    }
}
