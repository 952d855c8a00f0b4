//! The story of a run, made from one seed: the orgs, what their CRMs do and send, and what other
//! people do.
//!
//! A story only says what happens. `crate::world` plays it, `crate::checks` checks it, and faults
//! of single calls come from `crate::seams`. Steps are made up in `teller`, `vendor` and `ties`;
//! runs of a schedule in `feeds`, and runs of one trouble in `crate::trouble`.

pub(crate) mod feeds;
mod teller;
pub(crate) mod ties;
pub(crate) mod vendor;

use std::collections::BTreeSet;
use std::time::Duration;

use fastrand::Rng;
use jiff::Timestamp;
use serde_json::Value;

use crate::chaos::{Kind, Rates};
use crate::trouble::{self, Trouble};
use feeds::{Down, Schedule};
use vendor::Item;

/// The time at which the clocks begin.
pub(crate) const START: &str = "2026-11-24T16:00:00Z";
/// The value of the product's `RETRY_HORIZON`.
pub(crate) const HORIZON: Duration = Duration::from_hours(6);
/// The columns that the CRM keeps in step. They have few values, so that a contact often becomes
/// again what it was.
pub(crate) const COLUMNS: [&str; 3] = ["phone", "name", "note"];
/// The channels by which an org reaches people.
pub(crate) const CHANNELS: [&str; 4] = ["Voice", "Sms", "Email", "WhatsApp"];
/// The column that agents and rules write, and that the CRM does not know.
pub(crate) const OF_AGENTS: &str = "disposition";
/// Part of the key of each contact that no full change ever puts into a campaign.
pub(crate) const STRANGER: &str = "stranger";
/// Part of every key, value and secret. No log, metric or id may hold it.
pub(crate) const CANARY: &str = "canary";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ranking {
    Version,
    OccurredAt,
    /// The org stores no ranks: the queue alone decides.
    None,
}

/// Which contacts an opt-in makes callable, as the org's secret says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Raise {
    Own,
    Always,
    Never,
}

#[derive(Clone, Debug)]
pub(crate) struct Org {
    pub(crate) name: String,
    pub(crate) is_of_lists: bool,
    pub(crate) ranking: Ranking,
    pub(crate) raise: Raise,
    /// Whether opt-outs also go on a DNC list, which the org's campaigns name.
    pub(crate) has_dnc_list: bool,
    /// Whether an opt-out closes every channel.
    pub(crate) opts_out_of_all: bool,
    pub(crate) campaigns: Vec<String>,
    pub(crate) calls_per_minute: u64,
}

/// One run in this many asks who else waits when one org is in trouble.
const ONE_IN: u64 = 20;

/// A contact: org, campaign, contact key.
pub(crate) type Key = (String, String, String);

/// An event of the story.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    /// The CRM changes contacts, and sends all changes in one webhook, once at each of these
    /// delays. Without delays the webhook is dropped.
    Change {
        org: usize,
        bodies: Vec<Value>,
        is_poison: bool,
        sent: Vec<Duration>,
    },
    /// The org's vendor sends items in one webhook, once at each of these delays.
    Deliver {
        org: usize,
        items: Vec<Item>,
        sent: Vec<Duration>,
    },
    /// Somebody puts an unreadable message into the queue, in the group of a contact. Ingest
    /// would refuse it.
    Poison {
        org: usize,
        like: Value,
        body: String,
    },
    /// Somebody else alters a contact.
    Alter {
        campaign: String,
        key: String,
    },
    /// The dialler calls every contact that nothing keeps from being called.
    Dial,
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
    /// The OAuth client gets a new secret. Secrets Manager has it a while later.
    Rotate {
        org: usize,
        later: Duration,
    },
    /// Every token becomes invalid.
    Revoke,
    /// The org's secret is missing for this time.
    HideSecret {
        org: usize,
        time: Duration,
    },
    /// The OAuth client has no permissions for this time.
    Forbid {
        org: usize,
        time: Duration,
    },
    /// The org's DNC list takes no new entry for this time.
    FillDncList {
        org: usize,
        time: Duration,
    },
    Reconcile {
        org: usize,
    },
    /// A run of the org is due.
    Run {
        org: usize,
        /// Whether the run compares everything that ever changed, and not only its window.
        is_wide: bool,
    },
    /// A part of the org does not answer for this time.
    Fails {
        org: usize,
        what: Down,
        time: Duration,
    },
    /// Somebody deletes the org's record, and then runs reconcile over everything, as the docs
    /// say.
    LoseRecord {
        org: usize,
    },
    /// Parked changes that failed for too long are redriven.
    Redrive,
    /// The trouble of the run begins, and later ends.
    Trouble,
    /// An operator sets back the rank that a contact stores at that time, by one or to none.
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
    /// How late contact lists show creates and updates. The secrets of their orgs say so.
    pub(crate) lists_lag: Duration,
    pub(crate) rate_headers: bool,
    /// Whether the budget of a client counts for each of its tokens, or for all of them
    /// together.
    pub(crate) counts_each_token: bool,
    /// The errors of the clocks of ingest and of each copy of apply, in seconds.
    pub(crate) skew: Vec<i64>,
    /// The trouble, in runs that ask who else waits for it.
    pub(crate) trouble: Option<Trouble>,
    /// The schedule, in runs in which reconcile brings what the CRM says.
    pub(crate) schedule: Option<Schedule>,
}

/// Whether the run of this seed is about a trouble.
pub(crate) fn is_of_trouble(seed: u64) -> bool {
    seed % ONE_IN == ONE_IN - 1
}

pub(crate) fn start() -> Timestamp {
    START.parse().unwrap_or_default()
}

impl Story {
    pub(crate) fn new(seed: u64) -> Story {
        if is_of_trouble(seed) {
            return trouble::story(seed, seed / ONE_IN);
        }
        if feeds::is_scheduled(seed) {
            return feeds::story(seed);
        }
        let mut rng = Rng::with_seed(seed);
        let mut orgs: Vec<_> = (0..rng.usize(1..4))
            .map(|n| teller::org(&mut rng, n))
            .collect();
        let copies = if rng.u8(..3) == 0 {
            rng.usize(1..11)
        } else {
            rng.usize(1..4)
        };
        let mut rates = Rates::draw(&mut rng);
        // A generator of their own keeps the rest of a seed as it was.
        let mut other = Rng::with_seed(seed ^ 0x1a6);
        rates.draw_agents(&mut other);
        rates.draw_kills(&mut Rng::with_seed(seed ^ 0x6111));
        let mut listed = Rng::with_seed(seed ^ 0xd7c);
        let mut wishes = Rng::with_seed(seed ^ 0xca11);
        let mut of_all = Rng::with_seed(seed ^ 0xa11);
        for org in &mut orgs {
            org.opts_out_of_all = org.is_of_lists && of_all.u8(..3) == 0;
            org.raise = match wishes.u8(..6) {
                0 => Raise::Always,
                1 => Raise::Never,
                _ => Raise::Own,
            };
            org.has_dnc_list = listed.bool();
        }
        let lists_lag = other.choice([0, 0, 0, 2, 20, 60]).unwrap_or(0);
        let read_lag =
            Duration::from_millis(rng.choice([0, 500, 2_000, 20_000, 900_000]).unwrap_or(0));
        let rate_headers = rng.u8(..4) > 0;
        let skew = (0..=copies).map(|_| rng.i64(-90..91)).collect();
        let mut steps = teller::steps(seed, rng, &orgs);
        let end = steps.last().map_or(Duration::ZERO, |step| step.at);
        // These steps need one writer at a time, which late pollers take away.
        if rates.of(Kind::LatePoller) == 0.0 {
            steps.extend(vendor::steps(seed, &orgs, end));
            steps.extend(ties::steps(seed, &orgs, end));
            steps.sort_by_key(|step| step.at);
        }
        Story {
            seed,
            orgs,
            steps,
            rates,
            copies,
            read_lag,
            lists_lag: Duration::from_secs(lists_lag),
            rate_headers,
            // It is not known how the service counts.
            counts_each_token: seed.is_multiple_of(3),
            skew,
            trouble: None,
            schedule: None,
        }
    }

    /// This story without these steps and these kinds of fault.
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

    /// Whether the feed lists a contact: the CRM sent a change of it that no rule refuses.
    pub(crate) fn is_in_feed(&self, campaign: &str, key: &str) -> bool {
        let is_of = |body: &Value| body["campaignId"] == campaign && body["contactKey"] == key;
        self.steps.iter().any(|step| {
            matches!(&step.deed, Deed::Change { bodies, is_poison: false, .. } if bodies.iter().any(is_of))
        })
    }

    /// Whether the service at some time refuses calls that concern a DNC list.
    pub(crate) fn fills_a_dnc_list(&self) -> bool {
        let fills =
            |step: &Step| matches!(step.deed, Deed::FillDncList { .. } | Deed::Forbid { .. });
        self.steps.iter().any(fills)
    }

    /// Whether somebody deletes the record of the org at this position.
    pub(crate) fn loses_record(&self, of: usize) -> bool {
        let loses = |step: &Step| matches!(step.deed, Deed::LoseRecord { org } if org == of);
        self.steps.iter().any(loses)
    }

    pub(crate) fn org_of(&self, campaign: &str) -> Option<&Org> {
        self.orgs
            .iter()
            .find(|org| org.campaigns.iter().any(|of| of == campaign))
    }
}

/// Whether, in the run of this seed, ids of lists that differ only in case belong to one contact.
/// Then answers name contacts in another case than the requests.
pub(crate) fn folds_case(seed: u64) -> bool {
    seed.is_multiple_of(3)
}

/// Whether, in the run of this seed, a write without `callable` makes a contact callable. Then
/// nothing in the API keeps a contact uncallable that the dialler lowers between a read and a write
/// (docs/design.md "Promises"), so the dialler lowers none.
pub(crate) fn omits_callable(seed: u64) -> bool {
    seed % 4 < 2
}
