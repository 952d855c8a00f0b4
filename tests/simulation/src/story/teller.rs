//! Makes up the ordinary story from its seed: orgs, people, and what happens to them.
//!
//! Vendors, changes that share a rank, and runs of a schedule have modules of their own beside this
//! one.

use std::time::Duration;

use emulator::world::VERSION_FIELD;
use fastrand::Rng;
use serde_json::{Value, json};

mod strangers;

use super::{
    CANARY, CHANNELS, COLUMNS, Deed, HORIZON, Org, Raise, Ranking, Step, omits_callable, start,
};

/// How often the dialler goes through its campaigns.
const DIALS: u32 = 24;

/// All steps of the story, in order.
pub(super) fn steps(seed: u64, rng: Rng, orgs: &[Org]) -> Vec<Step> {
    let mut teller = Teller {
        seed,
        rng,
        orgs,
        people: people(seed, orgs),
        steps: Vec::new(),
        now: Duration::ZERO,
    };
    teller.tell();
    let (mut steps, end) = (teller.steps, teller.now);
    steps.extend(resets(seed, orgs, end));
    steps.extend(wrap_ups(seed, orgs, end));
    steps.extend(full_lists(seed, orgs, end));
    steps.extend(strangers::steps(seed, orgs, end));
    steps.extend((1..=DIALS).map(|n| Step {
        at: end * n / DIALS,
        deed: Deed::Dial,
    }));
    steps.sort_by_key(|step| step.at);
    steps
}

pub(super) fn org(rng: &mut Rng, n: usize) -> Org {
    let name = format!("org-{n}");
    let campaigns = (0..rng.usize(1..3))
        .map(|c| format!("campaign-{n}-{c}"))
        .collect();
    let ranking = match rng.u8(..5) {
        0 => Ranking::None,
        1 => Ranking::OccurredAt,
        _ => Ranking::Version,
    };
    let calls_per_minute = rng.choice([12, 40, 300, 300, 300]).unwrap_or(300);
    Org {
        name,
        is_of_lists: rng.bool(),
        ranking,
        raise: Raise::Own,
        has_dnc_list: false,
        opts_out_of_all: false,
        campaigns,
        calls_per_minute,
    }
}

/// A contact, as the CRM has it.
struct Person {
    org: usize,
    campaign: String,
    key: String,
    data: [Option<u8>; 3],
}

fn people(seed: u64, orgs: &[Org]) -> Vec<Person> {
    let mut rng = Rng::with_seed(seed ^ 0x5eed);
    let mut people = Vec::new();
    for (n, org) in orgs.iter().enumerate() {
        for campaign in &org.campaigns {
            for contact in 0..rng.usize(1..5) {
                // The contact id of a list has no special characters.
                let key = match contact {
                    1 if !org.is_of_lists => format!("{CANARY}/é {contact} of {}", org.name),
                    2 if !org.is_of_lists => format!("{CANARY}%2F?#{contact} of {}", org.name),
                    _ => format!("{CANARY}-{contact}-of-{}", org.name),
                };
                people.push(Person {
                    org: n,
                    campaign: campaign.clone(),
                    key,
                    data: [Some(0), None, Some(1)],
                });
            }
        }
    }
    people
}

/// Resets of ranks, in some of the runs. They have a generator of their own, so that the other
/// steps stay as they are.
fn resets(seed: u64, orgs: &[Org], end: Duration) -> Vec<Step> {
    let mut rng = Rng::with_seed(seed ^ 0x2e5e7);
    let ranked = |person: &Person| orgs[person.org].ranking != Ranking::None;
    let people: Vec<_> = people(seed, orgs).into_iter().filter(ranked).collect();
    let resets = match rng.u8(..6) {
        0 if !people.is_empty() => rng.usize(1..5),
        _ => 0,
    };
    let mut reset = || {
        let person = &people[rng.usize(..people.len())];
        let deed = Deed::ResetRank {
            org: person.org,
            campaign: person.campaign.clone(),
            key: person.key.clone(),
            to_none: rng.bool(),
        };
        let at = Duration::from_millis(rng.u64(..end.as_millis() as u64 + 1));
        Step { at, deed }
    };
    (0..resets).map(|_| reset()).collect()
}

/// In some of the runs in which it may, the dialler lowers contacts that it called, because an
/// agent says so.
fn wrap_ups(seed: u64, orgs: &[Org], end: Duration) -> Vec<Step> {
    let mut rng = Rng::with_seed(seed ^ 0xd1a1);
    let people = people(seed, orgs);
    let lowered = match rng.u8(..2) {
        0 if !omits_callable(seed) => rng.usize(1..7),
        _ => 0,
    };
    let mut wrap_up = || {
        let person = &people[rng.usize(..people.len())];
        let deed = Deed::Lower {
            campaign: person.campaign.clone(),
            key: person.key.clone(),
        };
        let at = Duration::from_millis(rng.u64(..end.as_millis() as u64 + 1));
        Step { at, deed }
    };
    (0..lowered).map(|_| wrap_up()).collect()
}

/// In some of the runs a DNC list is full for a while, and in a few for longer than the horizon.
fn full_lists(seed: u64, orgs: &[Org], end: Duration) -> Vec<Step> {
    let mut rng = Rng::with_seed(seed ^ 0xf011);
    let mut steps = Vec::new();
    for org in 0..orgs.len() {
        let minutes = match rng.u8(..12) {
            0 => HORIZON.as_secs() / 60 + 120,
            1..4 => rng.u64(1..30),
            _ => continue,
        };
        let at = Duration::from_millis(rng.u64(..end.as_millis() as u64 + 1));
        let time = Duration::from_mins(minutes);
        let deed = Deed::FillDncList { org, time };
        steps.push(Step { at, deed });
    }
    steps
}

struct Teller<'a> {
    seed: u64,
    rng: Rng,
    orgs: &'a [Org],
    people: Vec<Person>,
    steps: Vec<Step>,
    now: Duration,
}

impl Teller<'_> {
    fn tell(&mut self) {
        let changes = self.rng.usize(5..40);
        for n in 0..changes {
            let is_rapid = self.rng.f64() < 0.6;
            let pause = if is_rapid {
                self.rng.u64(5..400)
            } else {
                self.rng.u64(1_000..120_000)
            };
            self.now += Duration::from_millis(pause);
            let who = self.rng.usize(..self.people.len());
            match self.rng.u8(..100) {
                0..74 => self.change(&[who], n),
                74..80 => {
                    let org = self.people[who].org;
                    let of_org: Vec<_> = (0..self.people.len())
                        .filter(|who| self.people[*who].org == org)
                        .collect();
                    let several: Vec<_> = (0..self.rng.usize(2..13))
                        .map(|_| of_org[self.rng.usize(..of_org.len())])
                        .collect();
                    self.change(&several, n);
                }
                80..86 => self.poison(who, n),
                86..89 => self.do_to(who, |campaign, key| Deed::Alter { campaign, key }),
                89 => self.do_to(who, |campaign, key| Deed::Delete { campaign, key }),
                91 if !omits_callable(self.seed) => {
                    self.do_to(who, |campaign, key| Deed::Lower { campaign, key });
                }
                90..92 => self.do_to(who, |campaign, key| Deed::Note { campaign, key }),
                92..94 => {
                    let later = Duration::from_secs(self.rng.u64(0..120));
                    self.push(Deed::Rotate {
                        org: self.people[who].org,
                        later,
                    });
                }
                94 => self.push(Deed::Revoke),
                95 => self.outage(who),
                96 => self.push(Deed::Redrive),
                _ => self.push(Deed::Reconcile {
                    org: self.people[who].org,
                }),
            }
        }
    }

    fn push(&mut self, deed: Deed) {
        self.steps.push(Step { at: self.now, deed });
    }

    fn do_to(&mut self, who: usize, deed: impl FnOnce(String, String) -> Deed) {
        let person = &self.people[who];
        let deed = deed(person.campaign.clone(), person.key.clone());
        self.push(deed);
    }

    /// An outage that a person must end. The person acts soon, or only after the retry horizon.
    fn outage(&mut self, who: usize) {
        let org = self.people[who].org;
        let time = Duration::from_mins(self.rng.choice([5, 40, 8 * 60]).unwrap_or(5));
        let hides = self.rng.bool();
        self.push(if hides {
            Deed::HideSecret { org, time }
        } else {
            Deed::Forbid { org, time }
        });
        if time > HORIZON && self.rng.bool() {
            // By then some changes of the org are parked. They are redriven while new
            // ones arrive.
            self.now += time + Duration::from_secs(self.rng.u64(0..600));
            self.push(Deed::Redrive);
        }
    }

    fn body(&mut self, who: usize, n: usize) -> Value {
        // No two changes of a contact have the same rank.
        self.now += Duration::from_millis(1);
        let at = start() + self.now;
        let person = &self.people[who];
        let org = &self.orgs[person.org];
        let value = |of: Option<u8>| of.map(|value| format!("{CANARY} {value} of {}", org.name));
        let data: serde_json::Map<_, _> = COLUMNS
            .into_iter()
            .zip(person.data)
            .map(|(name, of)| (name.to_owned(), json!(value(of))))
            .collect();
        let mut body = json!({
            "eventId": format!("evt-{}-{n}", self.now.as_millis()),
            "org": org.name,
            "campaignId": person.campaign,
            "contactKey": person.key,
            "data": data,
        });
        match org.ranking {
            Ranking::Version => body["version"] = at.as_millisecond().into(),
            Ranking::OccurredAt => body["occurredAt"] = at.to_string().into(),
            Ranking::None => {}
        }
        body
    }

    /// Changes one or more contacts. Each change holds every column, because webhooks overtake
    /// each other (docs/contract.md "Meaning of a change").
    fn change(&mut self, who: &[usize], n: usize) {
        let bodies = who.iter().map(|who| self.changed(*who, n)).collect();
        let org = self.people[who[0]].org;
        let sent = self.sent(org);
        self.push(Deed::Change {
            org,
            bodies,
            is_poison: false,
            sent,
        });
    }

    fn changed(&mut self, who: usize, n: usize) -> Value {
        let column = self.rng.usize(..3);
        self.people[who].data[column] = [None, Some(0), Some(1)][self.rng.usize(..3)];
        let mut body = self.body(who, n);
        match self.rng.u8(..10) {
            0..4 => {}
            4..7 => body["callable"] = true.into(),
            7..9 => body["callable"] = false.into(),
            _ => {
                body["operation"] = "remove".into();
                body.as_object_mut().map(|members| members.remove("data"));
            }
        }
        self.lower(who, &mut body);
        self.create_nobody(&mut body);
        body
    }

    /// Some changes come from a sender that sends only what changed, and so they create nobody.
    /// They hold every column all the same, so that the result is known.
    fn create_nobody(&self, body: &mut Value) {
        let mut rng = Rng::with_seed(self.seed ^ 0xab5e ^ self.now.as_millis() as u64);
        let lowers = body["contactable"].is_object() || body["phones"].is_object();
        // For a contact that is not there, an opt-in in the same change does not count. And
        // an opt-out with no column left leaves a contact that counts as absent.
        let mut columns = body["data"].as_object().into_iter().flatten();
        let is_empty = columns.all(|(_, value)| value.is_null()) && body["data"].is_object();
        if rng.u8(..8) == 0 && !is_empty && !(lowers && body["callable"] == true) {
            body["ifAbsent"] = "skip".into();
        }
    }

    /// Some changes close a channel or number. They have a generator of their own, so that the
    /// other changes stay as they are.
    fn lower(&self, who: usize, body: &mut Value) {
        let mut rng = Rng::with_seed(self.seed ^ 0xc4a2 ^ self.now.as_millis() as u64);
        let is_said = self.orgs[self.people[who].org].is_of_lists && rng.u8(..3) == 0;
        if !is_said || body["operation"] == "remove" {
            return;
        }
        match rng.usize(..CHANNELS.len() + 1) {
            channel if channel < CHANNELS.len() => {
                body["contactable"] = json!({ CHANNELS[channel]: false });
            }
            _ => body["phones"] = json!({ "phone": false }),
        }
    }

    fn sent(&mut self, org: usize) -> Vec<Duration> {
        let delay = |rng: &mut Rng| {
            Duration::from_millis(match rng.u8(..20) {
                0 => rng.u64(20_000..700_000),
                1..4 => rng.u64(1_000..20_000),
                _ => rng.u64(10..200),
            })
        };
        let mut sent = Vec::new();
        let is_dropped = self.orgs[org].ranking != Ranking::None && self.rng.f64() < 0.08;
        if !is_dropped {
            sent.push(delay(&mut self.rng));
            // The webhook is sent again. The queue drops it within five minutes; later
            // it is a new message.
            while self.rng.u8(..10) == 0 {
                sent.push(delay(&mut self.rng) + Duration::from_secs(self.rng.u64(0..900)));
            }
        }
        sent
    }

    fn poison(&mut self, who: usize, n: usize) {
        let mut body = self.body(who, n);
        let org = self.people[who].org;
        match self.rng.u8(..5) {
            0 => body["calable"] = false.into(),
            1 => body["schema"] = 2.into(),
            2 => body["data"]["shoeSize"] = CANARY.into(),
            3 if self.orgs[org].ranking != Ranking::None => {
                body["data"][VERSION_FIELD] = "1".into()
            }
            kind => {
                let text = if kind == 3 {
                    body.to_string().replace("eventId", "eventid")
                } else {
                    format!("{{{CANARY}")
                };
                return self.push(Deed::Poison {
                    org,
                    like: body,
                    body: text,
                });
            }
        }
        if self.rng.bool() {
            body["callable"] = false.into();
        }
        self.push(Deed::Change {
            org,
            bodies: vec![body],
            is_poison: true,
            sent: vec![Duration::from_millis(50)],
        });
    }
}
