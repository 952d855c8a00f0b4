//! The main line of the ordinary story: what the CRMs change and send, and what happens in between.
//!
//! `people` lists the people. The other steps of the story are in files of their own (`super`).

use std::time::Duration;

use emulator::world::VERSION_FIELD;
use fastrand::Rng;
use serde_json::{Value, json};

use super::people::{Person, people};
use crate::story::{
    Action, CANARY, CHANNELS, COLUMNS, HORIZON, Interference, Org, Part, Ranking, Step,
    omits_callable, start,
};

/// The steps in order, and when the last one happens.
pub(super) fn steps(seed: u64, rng: Rng, orgs: &[Org]) -> (Vec<Step>, Duration) {
    let mut builder = Builder {
        seed,
        rng,
        orgs,
        people: people(seed, orgs),
        steps: Vec::new(),
        now: Duration::ZERO,
    };
    builder.build();
    (builder.steps, builder.now)
}

/// Makes up the steps one after the other.
struct Builder<'a> {
    seed: u64,
    rng: Rng,
    orgs: &'a [Org],
    people: Vec<Person>,
    steps: Vec<Step>,
    now: Duration,
}

impl Builder<'_> {
    fn build(&mut self) {
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
                86..89 => self.interfere(who, Interference::Alter),
                89 => self.interfere(who, Interference::Delete),
                91 if !omits_callable(self.seed) => {
                    self.interfere(who, Interference::MakeNotCallable);
                }
                90..92 => self.interfere(who, Interference::CloseNumber),
                92..94 => {
                    let later = Duration::from_secs(self.rng.u64(0..120));
                    self.push(Action::Rotate {
                        org: self.people[who].org,
                        later,
                    });
                }
                94 => self.push(Action::Revoke),
                95 => self.outage(who),
                96 => self.push(Action::Redrive),
                _ => self.push(Action::Reconcile {
                    org: self.people[who].org,
                }),
            }
        }
    }

    fn push(&mut self, action: Action) {
        self.steps.push(Step {
            at: self.now,
            action,
        });
    }

    fn interfere(&mut self, who: usize, how: Interference) {
        let person = &self.people[who];
        self.push(Action::Interfere {
            campaign: person.campaign.clone(),
            key: person.key.clone(),
            how,
        });
    }

    /// An outage that a person must end. The person acts soon, or only after the retry horizon.
    fn outage(&mut self, who: usize) {
        let org = self.people[who].org;
        let time = Duration::from_mins(self.rng.choice([5, 40, 8 * 60]).unwrap_or(5));
        let part = if self.rng.bool() {
            Part::Secret
        } else {
            Part::Permissions
        };
        self.push(Action::Fail { org, part, time });
        if time > HORIZON && self.rng.bool() {
            // By then some changes of the org are parked. They are redriven while new
            // ones arrive.
            self.now += time + Duration::from_secs(self.rng.u64(0..600));
            self.push(Action::Redrive);
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
        self.push(Action::Change {
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
        self.close_a_switch(who, &mut body);
        self.create_nobody(&mut body);
        body
    }

    /// Some changes come from a sender that sends only what changed, and so they create nobody.
    /// They hold every column all the same, so that the result is known.
    fn create_nobody(&self, body: &mut Value) {
        let mut rng = Rng::with_seed(self.seed ^ 0xab5e ^ self.now.as_millis() as u64);
        let closes = body["contactable"].is_object() || body["phones"].is_object();
        // For a contact that is not there, an opt-in in the same change does not count. And
        // an opt-out with no column left leaves a contact that counts as absent.
        let mut columns = body["data"].as_object().into_iter().flatten();
        let is_empty = columns.all(|(_, value)| value.is_null()) && body["data"].is_object();
        if rng.u8(..8) == 0 && !is_empty && !(closes && body["callable"] == true) {
            body["ifAbsent"] = "skip".into();
        }
    }

    /// Some changes close a channel or number. They have a generator of their own, so that the
    /// other changes stay as they are.
    fn close_a_switch(&self, who: usize, body: &mut Value) {
        let mut rng = Rng::with_seed(self.seed ^ 0xc4a2 ^ self.now.as_millis() as u64);
        let is_closing = self.orgs[self.people[who].org].uses_lists && rng.u8(..3) == 0;
        if !is_closing || body["operation"] == "remove" {
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
                return self.push(Action::Poison {
                    org,
                    like: body,
                    body: text,
                });
            }
        }
        if self.rng.bool() {
            body["callable"] = false.into();
        }
        self.push(Action::Change {
            org,
            bodies: vec![body],
            is_poison: true,
            sent: vec![Duration::from_millis(50)],
        });
    }
}
