//! What happens in a run, all of it from one seed: orgs, what their CRMs do and send, and what
//! other people do.

use std::collections::BTreeSet;
use std::time::Duration;

use emulator::world::VERSION_FIELD;
use fastrand::Rng;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::chaos::{Kind, Rates};
use crate::trouble::{self, Trouble};

/// Where the clocks begin.
pub(crate) const START: &str = "2026-11-24T16:00:00Z";
/// The product's `RETRY_HORIZON`.
pub(crate) const HORIZON: Duration = Duration::from_hours(6);
/// What the CRM keeps in step. Few values, so that a contact often becomes again what it was.
pub(crate) const COLUMNS: [&str; 3] = ["phone", "name", "note"];
/// In every key, value and secret: none of them may be seen in a log, a metric or an id.
pub(crate) const CANARY: &str = "canary";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ranking {
    Version,
    OccurredAt,
    /// The org stores no ranks: the queue alone decides.
    None,
}

#[derive(Clone, Debug)]
pub(crate) struct Org {
    pub(crate) name: String,
    pub(crate) is_of_lists: bool,
    pub(crate) ranking: Ranking,
    pub(crate) campaigns: Vec<String>,
    pub(crate) calls_per_minute: u64,
}

/// One run in so many asks who else waits for somebody's trouble.
const ONE_IN: u64 = 20;

/// A contact: org, campaign, contact key.
pub(crate) type Key = (String, String, String);

/// What happens at one moment.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    /// The CRM changes contacts, and sends so in one webhook at these times after; never: the
    /// webhook is dropped.
    Change {
        org: usize,
        bodies: Vec<Value>,
        is_poison: bool,
        sent: Vec<Duration>,
    },
    /// Somebody puts into the queue what ingest would not: unreadable, in the group of a contact.
    Poison {
        org: usize,
        like: Value,
        body: String,
    },
    /// Somebody else alters or deletes a contact, or the dialler notes something.
    Alter {
        campaign: String,
        key: String,
    },
    /// The dialler makes a contact not callable.
    Lower {
        campaign: String,
        key: String,
    },
    Delete {
        campaign: String,
        key: String,
    },
    Note {
        campaign: String,
        key: String,
    },
    /// The OAuth client gets another secret; Secrets Manager has it a while later.
    Rotate {
        org: usize,
        later: Duration,
    },
    /// Every token ends.
    Revoke,
    /// The org's secret is gone for so long.
    HideSecret {
        org: usize,
        time: Duration,
    },
    /// The OAuth client loses its rights for so long.
    Forbid {
        org: usize,
        time: Duration,
    },
    Reconcile {
        org: usize,
    },
    /// Parked changes that failed for too long are sent again.
    Redrive,
    /// The trouble of the run begins, and ends again.
    Trouble,
    /// An operator sets back the rank that a contact stores then: by one, or to none.
    ResetRank {
        org: usize,
        campaign: String,
        key: String,
        to_none: bool,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) at: Duration,
    pub(crate) deed: Deed,
}

#[derive(Clone, Debug)]
pub(crate) struct Story {
    pub(crate) seed: u64,
    pub(crate) orgs: Vec<Org>,
    pub(crate) steps: Vec<Step>,
    pub(crate) rates: Rates,
    pub(crate) copies: usize,
    pub(crate) read_lag: Duration,
    pub(crate) rate_headers: bool,
    /// Whether each token of a client may make the calls, or all of them together.
    pub(crate) counts_each_token: bool,
    /// Of the clocks of ingest and of each copy of apply, in seconds.
    pub(crate) skew: Vec<i64>,
    /// In runs that ask who else waits for it.
    pub(crate) trouble: Option<Trouble>,
}

pub(crate) fn start() -> Timestamp {
    START.parse().unwrap_or_default()
}

impl Story {
    pub(crate) fn new(seed: u64) -> Story {
        if seed % ONE_IN == ONE_IN - 1 {
            return trouble::story(seed, seed / ONE_IN);
        }
        let mut rng = Rng::with_seed(seed);
        let orgs: Vec<_> = (0..rng.usize(1..4)).map(|n| org(&mut rng, n)).collect();
        let copies = if rng.u8(..3) == 0 {
            rng.usize(1..11)
        } else {
            rng.usize(1..4)
        };
        let rates = Rates::draw(&mut rng);
        let read_lag =
            Duration::from_millis(rng.choice([0, 500, 2_000, 20_000, 900_000]).unwrap_or(0));
        let rate_headers = rng.u8(..4) > 0;
        let skew = (0..=copies).map(|_| rng.i64(-90..91)).collect();
        let mut teller = Teller {
            seed,
            rng,
            orgs: &orgs,
            people: people(seed, &orgs),
            steps: Vec::new(),
            now: Duration::ZERO,
        };
        teller.tell();
        let (mut steps, end) = (teller.steps, teller.now);
        steps.extend(resets(seed, &orgs, end));
        steps.sort_by_key(|step| step.at);
        Story {
            seed,
            orgs,
            steps,
            rates,
            copies,
            read_lag,
            rate_headers,
            // Which way the service counts is not known.
            counts_each_token: seed.is_multiple_of(3),
            skew,
            trouble: None,
        }
    }

    /// The same without these steps and these kinds of fault.
    pub(crate) fn without(mut self, steps: &BTreeSet<usize>, kinds: &BTreeSet<Kind>) -> Story {
        let mut index = 0;
        self.steps.retain(|_| {
            index += 1;
            !steps.contains(&(index - 1))
        });
        self.rates.clear(kinds);
        self
    }

    /// Whether a contact of this campaign was altered or deleted by somebody, or had its rank reset.
    pub(crate) fn alters(&self, campaign: &str, key: &str) -> bool {
        self.resets(campaign, key)
            || self.steps.iter().any(|step| match &step.deed {
                Deed::Alter {
                    campaign: of,
                    key: other,
                }
                | Deed::Delete {
                    campaign: of,
                    key: other,
                } => of == campaign && other == key,
                _ => false,
            })
    }

    /// Whether the dialler made a contact of this campaign not callable.
    pub(crate) fn lowers(&self, campaign: &str, key: &str) -> bool {
        self.steps.iter().any(
            |step| matches!(&step.deed, Deed::Lower { campaign: of, key: other } if of == campaign && other == key),
        )
    }

    /// Whether an operator sets back the rank of a contact of this campaign.
    pub(crate) fn resets(&self, campaign: &str, key: &str) -> bool {
        self.steps.iter().any(
            |step| matches!(&step.deed, Deed::ResetRank { campaign: of, key: other, .. } if of == campaign && other == key),
        )
    }

    /// Whether a contact of this campaign was deleted by somebody.
    pub(crate) fn deletes(&self, campaign: &str, key: &str) -> bool {
        self.steps.iter().any(
            |step| matches!(&step.deed, Deed::Delete { campaign: of, key: other } if of == campaign && other == key),
        )
    }

    /// Whether the CRM keeps a contact: it sent a change of it that no rule refuses.
    pub(crate) fn is_in_feed(&self, campaign: &str, key: &str) -> bool {
        let is_of = |body: &Value| body["campaignId"] == campaign && body["contactKey"] == key;
        self.steps.iter().any(|step| {
            matches!(&step.deed, Deed::Change { bodies, is_poison: false, .. } if bodies.iter().any(is_of))
        })
    }

    pub(crate) fn org_of(&self, campaign: &str) -> Option<&Org> {
        self.orgs
            .iter()
            .find(|org| org.campaigns.iter().any(|of| of == campaign))
    }
}

/// Whether a write without `callable` makes a contact callable in the run of this seed. Then nothing
/// in the API keeps a contact uncallable that the dialler lowers between a read and a write
/// (docs/design.md "Promises"), and the dialler lowers none.
pub(crate) fn omits_callable(seed: u64) -> bool {
    seed % 4 < 2
}

fn org(rng: &mut Rng, n: usize) -> Org {
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
        campaigns,
        calls_per_minute,
    }
}

/// A contact as the CRM has it.
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
                // The id of a list's contact has no special characters.
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

/// In some of the runs, beside all else: with chance of its own, so that the others stay as they are.
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

    /// A person must act, and does soon, or only after the retry horizon.
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
            // By then some of what the org's CRM sent is parked. It is sent again beside what comes
            // next.
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

    /// Every column is sent each time, since webhooks overtake each other (docs/contract.md
    /// "Meaning of a change").
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
        body
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
            // Sent again: the queue drops it within five minutes, and later it is a message of its
            // own.
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
