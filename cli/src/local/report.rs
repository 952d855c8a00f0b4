//! The result of a run: what `--json` prints, and whether all is well.
//!
//! This file counts from the [`World`] once a run is over. `table.rs` prints the counts as text.
//! What the campaigns should hold is computed in `crm/replay.rs`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Api;
use super::crm::{Delivery, Story, WrongContact};
use super::defect::Break;
use super::problem::BatchPosts;
use super::vendor::{Crm, VendorStory};
use super::world::World;
use crate::table::counted;

/// Every outcome that a change can have (docs/contract.md "Outcomes"), in the order in which they
/// are printed.
pub(crate) const OUTCOMES: [&str; 7] = [
    "created",
    "updated",
    "unchanged",
    "stale",
    "superseded",
    "skipped",
    "parked",
];

/// The result of a run, as `--json` prints it.
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
    pub(super) traffic: Option<VendorTraffic>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seed: Option<u64>,
    /// The defect that `--break` put in.
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
    pub(super) batch_posts: BatchPosts,
}

/// The webhooks that were dropped, and what reconcile did about it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reconciled {
    /// How many webhooks never arrived.
    pub(super) dropped: usize,
    /// How many contacts were not as the CRM says before reconcile ran.
    pub(super) wrong_before: usize,
    /// How many of them were callable, though the CRM says that nobody may call them.
    #[serde(skip)]
    pub(super) callable_before: usize,
    /// How many changes reconcile enqueued.
    pub(super) repaired: u64,
    /// How many changes reconcile enqueued when it ran once more. It should be none.
    pub(super) second_run_changes: u64,
}

/// The webhooks of a vendor's CRM, and what ingest made of them. `--json` has these members with
/// `--crm`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VendorTraffic {
    pub(super) crm: Crm,
    /// How many webhooks arrived, copies included.
    pub(super) webhooks: usize,
    /// How many events in them concern something other than a contact's columns or calls.
    pub(super) ignored: usize,
    /// How many changes of contacts they hold.
    pub(super) said: u64,
    /// How many of these changes ingest accepted.
    pub(super) accepted: u64,
    /// How many accepted changes the queue dropped as sent twice.
    pub(super) re_sent: u64,
}

impl VendorTraffic {
    fn of(told: &VendorStory, deliveries: &[Delivery], world: &World) -> VendorTraffic {
        let mut traffic = VendorTraffic {
            crm: told.crm,
            webhooks: 0,
            ignored: 0,
            said: 0,
            accepted: world.accepted(),
            re_sent: world.re_sent(),
        };
        for delivery in deliveries.iter().filter(|delivery| !delivery.is_dropped) {
            traffic.webhooks += 1;
            traffic.ignored += delivery.says.ignored;
            traffic.said += delivery.says.changes as u64;
        }
        traffic
    }
}

impl Report {
    /// The result, once all is done. The caller adds how long the run took.
    pub(super) fn of(
        story: &Story,
        world: &World,
        batch_posts: BatchPosts,
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
            traffic: told.map(|told| VendorTraffic::of(told, &story.deliveries, world)),
        }
    }

    /// Whether every contact is as the CRM last stated it, and nothing is left to do.
    pub(super) fn is_well(&self) -> bool {
        let finds_nothing_more = self
            .reconciled
            .as_ref()
            .is_none_or(|reconciled| reconciled.second_run_changes == 0);
        self.wrong_contacts == 0
            && self.left_in_queue == 0
            && finds_nothing_more
            && self.ingest_faults().is_empty()
    }

    /// The differences between what a vendor's CRM sent and what ingest accepted. None of the CRM's
    /// webhooks is faulty, so there should be none.
    pub(super) fn ingest_faults(&self) -> Vec<String> {
        let Some(traffic) = &self.traffic else {
            return Vec::new();
        };
        let mut ingest_faults = Vec::new();
        if traffic.accepted != traffic.said {
            ingest_faults.push(format!(
                "the CRM's webhooks say {} changes, and ingest took {}",
                traffic.said, traffic.accepted
            ));
        }
        // If no webhook was dropped, every opt-out must have arrived without reconcile.
        if let Some(reconciled) = &self.reconciled
            && reconciled.dropped == 0
            && reconciled.callable_before > 0
        {
            ingest_faults.push(format!(
                "{} could be called before reconcile ran, though the CRM had said that nobody may",
                counted(reconciled.callable_before as u64, "contact")
            ));
        }
        let parked: u64 = self.parked.values().map(|(parked, _)| parked).sum();
        for (count, what) in [(parked, "parked"), (self.refused as u64, "refused")] {
            if count > 0 {
                ingest_faults.push(format!("{count} of what the CRM sent was {what}"));
            }
        }
        ingest_faults
    }
}

pub(super) fn round(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}
