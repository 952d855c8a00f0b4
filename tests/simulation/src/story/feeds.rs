//! How the CRMs of the orgs are read, and the stories of runs of a schedule.
//!
//! In these stories reconcile alone brings what the CRMs say, while runs are killed, feeds and
//! records fail, and the changes of another org fill the queue. The CRMs themselves are in
//! `crate::world::feeds`, and the checks in `crate::checks::looked`.

use std::collections::BTreeSet;
use std::time::Duration;

use emulator::crm::Vendor;
use fastrand::Rng;
use serde_json::{Value, json};

use super::{CANARY, COLUMNS, Deed, Org, Raise, Ranking, Step, Story, start};
use crate::chaos::{Kind, Rates};

/// One run in this many is a run of a schedule.
const ONE_IN: u64 = 10;
/// The time between two runs of an org.
const EVERY: Duration = Duration::from_mins(15);
/// Part of the key of each contact that no campaign ever had and that the CRM deletes.
pub(crate) const NEVER: &str = "never-there";
/// The org whose changes fill the queue.
const NEIGHBOUR: usize = 1;

/// A part that does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Down {
    Feed,
    Record,
}

/// The schedule of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    pub(crate) window_minutes: u64,
    /// The setting that says how lists are read.
    pub(crate) read: Option<&'static str>,
    /// How late a vendor's API shows a change.
    pub(crate) lag: Duration,
    /// The budget that the orgs' secrets name. It decides how deep their repairs fill the
    /// queue.
    pub(crate) calls_told: u64,
    /// How long an export takes.
    pub(crate) export: Duration,
    /// Whether changes of another org fill the queue. Then nothing else is wrong.
    pub(crate) is_crowded: bool,
}

/// The vendor whose form the CRM of the org at this position has. `None` means the product's own
/// form.
pub(crate) fn form(seed: u64, org: usize) -> Option<Vendor> {
    match Rng::with_seed(seed ^ 0xfeed ^ ((org as u64) << 32)).u8(..8) {
        0 => Some(Vendor::Hubspot),
        1 => Some(Vendor::Salesforce),
        2 => Some(Vendor::Dataverse),
        3 => Some(Vendor::Pipedrive),
        _ => None,
    }
}

/// Whether the run of this seed is a run of a schedule.
pub(crate) fn is_scheduled(seed: u64) -> bool {
    seed % ONE_IN == ONE_IN - 3
}

pub(super) fn story(seed: u64) -> Story {
    let mut rng = Rng::with_seed(seed ^ 0x5c4e);
    let is_crowded = rng.u8(..4) == 0;
    let schedule = Schedule {
        window_minutes: rng.choice([20, 60]).unwrap_or(60),
        read: rng.choice([None, Some("export"), Some("bulk")]).flatten(),
        lag: Duration::from_secs(rng.choice([0, 0, 30, 400]).unwrap_or(0)),
        calls_told: rng.choice([1, 2, 300]).unwrap_or(300),
        export: Duration::from_secs(match rng.u8(..4) {
            _ if is_crowded => 20,
            0 => 5,
            1 => 300,
            2 => 1_200,
            _ => 20,
        }),
        is_crowded,
    };
    let orgs = rng.usize(1..3).max(usize::from(is_crowded) + 1);
    let orgs: Vec<_> = (0..orgs).map(|n| org(&mut rng, n, is_crowded)).collect();
    let copies = rng.usize(1..4);
    let mut rates = Rates::draw(&mut rng);
    rates.draw_kills(&mut rng);
    // Runs with two copies at one contact are other runs.
    rates.clear(&[Kind::LatePoller].into());
    if is_crowded {
        rates = Rates::default();
    }
    let read_lag = Duration::from_millis(rng.choice([0, 500, 20_000]).unwrap_or(0));
    let lists_lag = Duration::from_secs(rng.choice([0, 0, 2, 20]).unwrap_or(0));
    let skew = (0..=copies).map(|_| rng.i64(-90..91)).collect();
    let steps = Teller::new(seed, rng, &orgs, schedule).steps();
    Story {
        seed,
        orgs,
        steps,
        rates,
        copies,
        read_lag,
        lists_lag,
        rate_headers: true,
        counts_each_token: seed.is_multiple_of(3),
        skew,
        trouble: None,
        schedule: Some(schedule),
    }
}

fn org(rng: &mut Rng, n: usize, is_crowded: bool) -> Org {
    let campaigns = if is_crowded { 2 } else { rng.usize(1..3) };
    Org {
        name: format!("org-{n}"),
        is_of_lists: rng.bool(),
        ranking: if rng.u8(..4) == 0 {
            Ranking::OccurredAt
        } else {
            Ranking::Version
        },
        raise: Raise::Own,
        has_dnc_list: !is_crowded && rng.u8(..3) == 0,
        opts_out_of_all: false,
        campaigns: (0..campaigns)
            .map(|c| format!("campaign-{n}-{c}"))
            .collect(),
        calls_per_minute: 300,
    }
}

struct Person {
    org: usize,
    campaign: String,
    key: String,
}

struct Teller<'a> {
    rng: Rng,
    orgs: &'a [Org],
    schedule: Schedule,
    people: Vec<Person>,
    /// Whether the stamps of changes have whole seconds.
    is_whole: bool,
    steps: Vec<Step>,
    said: u64,
    /// The seconds of all changes so far.
    seconds: BTreeSet<u64>,
}

impl<'a> Teller<'a> {
    fn new(seed: u64, mut rng: Rng, orgs: &'a [Org], schedule: Schedule) -> Teller<'a> {
        // These are more changes than the least depth of the queue.
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
        Teller {
            rng,
            orgs,
            schedule,
            people,
            is_whole: seed.is_multiple_of(3),
            steps: Vec::new(),
            said: 0,
            seconds: BTreeSet::new(),
        }
    }

    fn steps(mut self) -> Vec<Step> {
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
                self.push(
                    at,
                    Deed::Run {
                        org,
                        is_wide: false,
                    },
                );
                // The scheduler sends some runs twice, after the queue has
                // forgotten the first message.
                if self.rng.u8(..16) == 0 {
                    self.push(
                        at + Duration::from_mins(6),
                        Deed::Run {
                            org,
                            is_wide: false,
                        },
                    );
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
        self.said += 1;
        at
    }

    fn push(&mut self, at: Duration, deed: Deed) {
        self.steps.push(Step { at, deed });
    }

    /// The CRM changes or deletes a contact. A webhook tells of some of these changes.
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
                    body["contactKey"] = format!("{CANARY}-{NEVER}-{}-of-{org}", self.said).into();
                }
            }
        }
        let is_told = body["operation"] != "remove" && self.rng.u8(..4) == 0;
        let late = self.rng.choice([50, 20_000, 1_500_000]).unwrap_or(50);
        let sent = is_told.then(|| Duration::from_millis(late));
        self.push(at, self.deed(who, body, sent));
    }

    fn deed(&self, who: usize, body: Value, sent: Option<Duration>) -> Deed {
        Deed::Change {
            org: self.people[who].org,
            bodies: vec![body],
            is_poison: false,
            sent: sent.into_iter().collect(),
        }
    }

    fn body(&mut self, who: usize, at: Duration) -> Value {
        let person = &self.people[who];
        let org = &self.orgs[person.org];
        let n = self.said;
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
        self.push(since, Deed::Forbid { org, time });
        let of_org: Vec<_> = (0..self.people.len())
            .filter(|who| self.people[*who].org == org)
            .collect();
        for n in 0..40 {
            let who = of_org[self.rng.usize(..of_org.len())];
            let at = self.free(since + Duration::from_secs(n * 3));
            let body = self.body(who, at);
            let deed = self.deed(who, body, Some(Duration::from_millis(50)));
            self.push(at, deed);
        }
    }

    /// Makes up what people do, and which parts fail for a while.
    fn mishaps(&mut self, end: Duration) {
        for org in 0..self.orgs.len() {
            for what in [Down::Feed, Down::Record] {
                if self.rng.u8(..3) == 0 {
                    let time = Duration::from_mins(self.rng.choice([10, 100, 200]).unwrap_or(10));
                    let at = self.within(end);
                    self.push(at, Deed::Fails { org, what, time });
                }
            }
            if self.rng.u8(..8) == 0 {
                let at = self.within(end);
                self.push(at, Deed::LoseRecord { org });
            }
            if self.rng.u8(..6) == 0 {
                let time = Duration::from_mins(self.rng.choice([20, 150]).unwrap_or(20));
                let at = self.within(end);
                self.push(at, Deed::Forbid { org, time });
            }
        }
        for _ in 0..self.rng.usize(..8) {
            let person = &self.people[self.rng.usize(..self.people.len())];
            let (campaign, key) = (person.campaign.clone(), person.key.clone());
            let at = self.within(end);
            let deed = match self.rng.bool() {
                true => Deed::Delete { campaign, key },
                false => Deed::Alter { campaign, key },
            };
            self.push(at, deed);
        }
    }

    fn within(&mut self, end: Duration) -> Duration {
        let latest = end.as_millis() as u64;
        Duration::from_millis(self.rng.u64(EVERY.as_millis() as u64..latest))
    }
}
