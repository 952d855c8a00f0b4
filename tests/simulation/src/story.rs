//! The story of a run, made from one seed: the orgs, what their CRMs do and send, and what other
//! people do.
//!
//! A story only says what happens. `crate::player` plays it, `crate::checks` checks it, and faults
//! of single calls come from `crate::seams`. Most seeds give an `ordinary` story, with the steps of
//! `vendor` and `ties` in it; some give a run of a `schedule`, and some a run of one trouble
//! (`crate::trouble`). `action` lists everything that can happen.

mod action;
mod ordinary;
pub(crate) mod schedule;
pub(crate) mod ties;
pub(crate) mod vendor;

pub(crate) use action::{Action, Interference, Part};

use std::collections::BTreeSet;
use std::time::Duration;

use emulator::crm::Vendor;
use jiff::Timestamp;
use serde_json::Value;

use crate::chaos::{FaultKind, Rates};
use crate::trouble::{self, Trouble};
use schedule::Schedule;

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
pub(crate) const AGENT_COLUMN: &str = "disposition";
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
    pub(crate) uses_lists: bool,
    pub(crate) ranking: Ranking,
    pub(crate) raise: Raise,
    /// Whether opt-outs also go on a DNC list, which the org's campaigns name.
    pub(crate) has_dnc_list: bool,
    /// Whether an opt-out closes every channel.
    pub(crate) opts_out_of_all: bool,
    pub(crate) campaigns: Vec<String>,
    pub(crate) calls_per_minute: u64,
}

/// One run in this many checks who else waits while one org is in trouble.
const ONE_IN: u64 = 20;

/// A contact: org, campaign, contact key.
pub(crate) type Key = (String, String, String);

/// One action, and when it happens after the start.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) at: Duration,
    pub(crate) action: Action,
}

/// Everything that happens in a run, apart from the faults of single calls.
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
    /// The trouble, in runs that check who else waits for it.
    pub(crate) trouble: Option<Trouble>,
    /// The schedule, in runs in which reconcile brings what the CRM says.
    pub(crate) schedule: Option<Schedule>,
}

/// Whether the run of this seed is about a trouble.
pub(crate) fn is_of_trouble(seed: u64) -> bool {
    seed % ONE_IN == ONE_IN - 1
}

/// The time at which every run begins.
pub(crate) fn start() -> Timestamp {
    START.parse().unwrap_or_default()
}

impl Story {
    pub(crate) fn new(seed: u64) -> Story {
        if is_of_trouble(seed) {
            trouble::story(seed, seed / ONE_IN)
        } else if schedule::is_scheduled(seed) {
            schedule::story(seed)
        } else {
            ordinary::story(seed)
        }
    }

    /// This story without these steps and these kinds of fault.
    pub(crate) fn without(mut self, steps: &BTreeSet<usize>, kinds: &BTreeSet<FaultKind>) -> Story {
        let mut index = 0;
        self.steps.retain(|_| {
            index += 1;
            !steps.contains(&(index - 1))
        });
        self.rates.clear(kinds);
        self
    }

    /// Whether anybody but the CRM does something of this kind to a contact of this campaign.
    fn interferes(
        &self,
        campaign: &str,
        key: &str,
        is_kind: impl Fn(Interference) -> bool,
    ) -> bool {
        self.steps.iter().any(|step| match &step.action {
            Action::Interfere {
                campaign: of,
                key: other,
                how,
            } => of == campaign && other == key && is_kind(*how),
            _ => false,
        })
    }

    /// Whether a contact of this campaign was altered or deleted by somebody, or had its rank
    /// reset.
    pub(crate) fn alters(&self, campaign: &str, key: &str) -> bool {
        self.interferes(campaign, key, |how| {
            !matches!(
                how,
                Interference::MakeNotCallable | Interference::CloseNumber
            )
        })
    }

    /// Whether the dialler made a contact of this campaign not callable.
    pub(crate) fn makes_not_callable(&self, campaign: &str, key: &str) -> bool {
        self.interferes(campaign, key, |how| how == Interference::MakeNotCallable)
    }

    /// Whether an operator sets back the rank of a contact of this campaign.
    pub(crate) fn resets(&self, campaign: &str, key: &str) -> bool {
        self.interferes(campaign, key, |how| {
            matches!(how, Interference::ResetRank { .. })
        })
    }

    /// Whether a contact of this campaign was deleted by somebody.
    pub(crate) fn deletes(&self, campaign: &str, key: &str) -> bool {
        self.interferes(campaign, key, |how| how == Interference::Delete)
    }

    /// Whether the feed lists a contact: the CRM sent a change of it that no rule refuses.
    pub(crate) fn is_in_feed(&self, campaign: &str, key: &str) -> bool {
        let is_of = |body: &Value| body["campaignId"] == campaign && body["contactKey"] == key;
        self.steps.iter().any(|step| {
            matches!(&step.action, Action::Change { bodies, is_poison: false, .. } if bodies.iter().any(is_of))
        })
    }

    /// Whether the service at some time refuses calls that concern a DNC list.
    pub(crate) fn fills_a_dnc_list(&self) -> bool {
        self.steps.iter().any(|step| match step.action {
            Action::Fail { part, .. } => matches!(part, Part::DncList | Part::Permissions),
            _ => false,
        })
    }

    /// Whether somebody deletes the record of the org at this position.
    pub(crate) fn loses_record(&self, of: usize) -> bool {
        let loses = |step: &Step| matches!(step.action, Action::LoseRecord { org } if org == of);
        self.steps.iter().any(loses)
    }

    /// The org that has this campaign.
    pub(crate) fn org_of(&self, campaign: &str) -> Option<&Org> {
        self.orgs
            .iter()
            .find(|org| org.campaigns.iter().any(|of| of == campaign))
    }

    /// The vendor whose API the CRM of the org at this position has. `None` means that its feed has
    /// the product's own form.
    pub(crate) fn crm_vendor(&self, org: usize) -> Option<Vendor> {
        if self.trouble.is_some() {
            None
        } else {
            schedule::crm_vendor(self.seed, org)
        }
    }
}

/// Whether, in the run of this seed, ids of lists that differ only in case belong to one contact.
/// Then answers name contacts in another case than the requests.
pub(crate) fn folds_case(seed: u64) -> bool {
    seed.is_multiple_of(3)
}

/// Whether, in the run of this seed, a write without `callable` makes a contact callable. Then
/// nothing in the API keeps a contact not callable that the dialler makes so between a read and a
/// write (docs/design.md "Promises"), so the dialler does not do that.
pub(crate) fn omits_callable(seed: u64) -> bool {
    seed % 4 < 2
}
