//! The result of a run.

use std::collections::BTreeMap;

use serde::Serialize;

use super::crm::{Delivery, Story, WrongContact};
use super::problem::Refused;
use super::vendor::{Crm, Told};
use super::world::World;
use super::{Api, Break};
use crate::table::counted;

/// Every outcome that a change can have (docs/contract.md "Outcomes"), in the order of the tables.
pub(crate) const OUTCOMES: [&str; 7] = [
    "created",
    "updated",
    "unchanged",
    "stale",
    "superseded",
    "skipped",
    "parked",
];

/// The result, as `--json` prints it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    pub(super) contacts: usize,
    pub(super) changes: usize,
    pub(super) outcomes: BTreeMap<&'static str, u64>,
    pub(super) api_calls: BTreeMap<String, u64>,
    pub(super) calls_per_change: f64,
    pub(super) conflicts_left: usize,
    pub(super) wrong_contacts: usize,
    pub(super) batch_post_conflicts: usize,
    pub(super) refused: usize,
    pub(super) left_in_queue: usize,
    pub(super) seconds: f64,
    pub(super) simulated_seconds: f64,
    #[serde(flatten)]
    pub(super) reconciled: Option<Reconciled>,
    #[serde(flatten)]
    pub(super) heard: Option<Heard>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seed: Option<u64>,
    /// What was put in on purpose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) defect: Option<Break>,
    #[serde(skip)]
    pub(super) by_org: BTreeMap<String, BTreeMap<&'static str, u64>>,
    #[serde(skip)]
    pub(super) parked: BTreeMap<String, (u64, String)>,
    #[serde(skip)]
    pub(super) campaigns: usize,
    #[serde(skip)]
    pub(super) orgs: usize,
    #[serde(skip)]
    pub(super) api: Api,
    #[serde(skip)]
    pub(super) re_sent: u64,
    #[serde(skip)]
    pub(super) wrong: Vec<WrongContact>,
    #[serde(skip)]
    pub(super) batch_posts: Refused,
}

/// What was dropped, and what reconcile made of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reconciled {
    /// Webhooks that never arrived.
    pub(super) dropped: usize,
    /// Contacts that were not as the CRM says before reconcile ran.
    pub(super) wrong_before: usize,
    /// Those of them that were callable, though the CRM says that nobody may call them.
    #[serde(skip)]
    pub(super) callable_before: usize,
    /// Changes that it put into the queue.
    pub(super) repaired: u64,
    /// And those that it found when it ran again.
    pub(super) second_run_changes: u64,
}

/// What a vendor's CRM sent, and what ingest made of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Heard {
    pub(super) crm: Crm,
    /// Webhooks that arrived, copies included.
    pub(super) webhooks: usize,
    /// The events in them that are about no contact's columns or calls.
    pub(super) ignored: usize,
    /// The changes of contacts that they say.
    pub(super) said: u64,
    /// Those that ingest took.
    pub(super) accepted: u64,
    /// Those of them that the queue dropped as sent twice.
    pub(super) re_sent: u64,
}

impl Heard {
    fn of(told: &Told, deliveries: &[Delivery], world: &World) -> Heard {
        let mut heard = Heard {
            crm: told.crm,
            webhooks: 0,
            ignored: 0,
            said: 0,
            accepted: world.accepted(),
            re_sent: world.re_sent(),
        };
        for delivery in deliveries.iter().filter(|delivery| !delivery.is_dropped) {
            heard.webhooks += 1;
            heard.ignored += delivery.says.ignored;
            heard.said += delivery.says.changes as u64;
        }
        heard
    }
}

impl Report {
    /// What the world holds when all is done; how long it took is still to be told.
    pub(super) fn of(
        story: &Story,
        world: &World,
        batch_posts: Refused,
        reconciled: Option<Reconciled>,
    ) -> Report {
        let wrong = world.wrong_contacts(story);
        let api_calls = world.outside.genesys.counts();
        let calls = api_calls.iter();
        let calls: u64 = calls
            .filter(|(name, _)| !name.starts_with("token"))
            .map(|(_, calls)| calls)
            .sum();
        let by_org = world.outcomes(&story.orgs());
        let total = |outcome| {
            let of_orgs = by_org.values();
            of_orgs.filter_map(|outcomes| outcomes.get(outcome)).sum()
        };
        let outcomes = OUTCOMES.into_iter();
        let told = story.told.as_ref();
        Report {
            contacts: story.contacts,
            changes: story.changes,
            outcomes: outcomes.map(|outcome| (outcome, total(outcome))).collect(),
            calls_per_change: round(calls as f64 / story.changes.max(1) as f64),
            api_calls,
            conflicts_left: world.outside.genesys.conflicts_left(),
            wrong_contacts: wrong.len(),
            batch_post_conflicts: batch_posts.requests_refused,
            refused: world.refused(),
            seconds: 0.0,
            simulated_seconds: 0.0,
            seed: None,
            defect: None,
            by_org,
            parked: world.parked(),
            campaigns: story.campaigns().len(),
            orgs: story.orgs().len(),
            api: story.api,
            left_in_queue: world.left_in_queue(),
            re_sent: world.re_sent(),
            wrong,
            batch_posts,
            reconciled,
            heard: told.map(|told| Heard::of(told, &story.deliveries, world)),
        }
    }

    /// Whether every contact is as the CRM last said, and nothing is left to do.
    pub(super) fn is_well(&self) -> bool {
        let finds_nothing_more = self
            .reconciled
            .as_ref()
            .is_none_or(|reconciled| reconciled.second_run_changes == 0);
        self.wrong_contacts == 0
            && self.left_in_queue == 0
            && finds_nothing_more
            && self.misheard().is_empty()
    }

    /// What ingest did not take as a vendor's CRM meant it, of which no webhook is faulty.
    pub(super) fn misheard(&self) -> Vec<String> {
        let Some(heard) = &self.heard else {
            return Vec::new();
        };
        let mut misheard = Vec::new();
        if heard.accepted != heard.said {
            misheard.push(format!(
                "the CRM's webhooks say {} changes, and ingest took {}",
                heard.said, heard.accepted
            ));
        }
        // What was not dropped was heard without reconcile.
        if let Some(reconciled) = &self.reconciled
            && reconciled.dropped == 0
            && reconciled.callable_before > 0
        {
            misheard.push(format!(
                "{} could be called before reconcile ran, though the CRM had said that nobody may",
                counted(reconciled.callable_before as u64, "contact")
            ));
        }
        let parked: u64 = self.parked.values().map(|(parked, _)| parked).sum();
        for (count, what) in [(parked, "parked"), (self.refused as u64, "refused")] {
            if count > 0 {
                misheard.push(format!("{count} of what the CRM sent was {what}"));
            }
        }
        misheard
    }
}

pub(super) fn round(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}
