//! Counts what came of a run: outcomes, parked changes, and the contacts that are not as they
//! should be.
//!
//! Everything is counted from the events and queues of the embedded parts. `local/report.rs` puts
//! the counts together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use io::queue::Message;
use io::telemetry::{Event, Telemetry};
use serde_json::Value;

use super::super::crm::{self, Story, WrongContact};
use super::World;

/// How many changes had each outcome, by org.
pub(super) type Outcomes = BTreeMap<String, BTreeMap<&'static str, u64>>;

/// The answers of ingest to the webhooks.
#[derive(Default)]
pub(super) struct IngestAnswers {
    /// The event id of each change that was not accepted, each time it was sent. It is empty for a
    /// body without one.
    pub(super) refused: Vec<String>,
    /// How many changes were accepted.
    pub(super) accepted: u64,
}

impl World {
    /// The contacts that are not as the CRM last stated them.
    pub(crate) fn wrong_contacts(&self, story: &Story) -> Vec<WrongContact> {
        crm::differences(&story.expected(&self.refused_event_ids()), |campaign| {
            self.outside.genesys.contacts(campaign)
        })
    }

    /// How many changes had each outcome, by org. A change that cannot be read, and whose message
    /// group names none of `orgs`, counts as of the org "unknown".
    pub(crate) fn outcomes(&self, orgs: &BTreeSet<String>) -> Outcomes {
        let mut known = Outcomes::new();
        for (org, outcomes) in self
            .outcomes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            let org = if orgs.contains(org) { org } else { "unknown" };
            for (outcome, count) in outcomes {
                *known
                    .entry(org.to_owned())
                    .or_default()
                    .entry(outcome)
                    .or_default() += count;
            }
        }
        known
    }

    /// The parked changes by reason: how many there are, and the detail of the first.
    pub(crate) fn parked(&self) -> BTreeMap<String, (u64, String)> {
        let mut parked: BTreeMap<String, (u64, String)> = BTreeMap::new();
        for message in self.outside.dead_letters.messages() {
            let mut attributes: BTreeMap<_, _> = message.attributes.into_iter().collect();
            let reason = attributes
                .remove("reason")
                .unwrap_or_else(|| "none".to_owned());
            let detail = attributes.remove("detail").unwrap_or_default();
            parked.entry(reason).or_insert((0, detail)).0 += 1;
        }
        parked
    }

    pub(super) fn answers(&self) -> MutexGuard<'_, IngestAnswers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many webhooks ingest did not accept.
    pub(crate) fn refused(&self) -> usize {
        self.answers().refused.len()
    }

    /// How many changes ingest accepted.
    pub(crate) fn accepted(&self) -> u64 {
        self.answers().accepted
    }

    /// The event ids of the changes that were parked, or that ingest did not accept.
    pub(crate) fn refused_event_ids(&self) -> BTreeSet<String> {
        let parked = self.outside.dead_letters.messages().into_iter();
        let id = |message: Message| {
            let body: Value = serde_json::from_str(&message.body).ok()?;
            Some(body["eventId"].as_str()?.to_owned())
        };
        let refused = self.answers().refused.clone();
        parked.filter_map(id).chain(refused).collect()
    }

    /// How many messages are not done yet.
    pub(crate) fn left_in_queue(&self) -> usize {
        self.outside.queue.len()
    }

    /// How many messages the queue dropped as sent twice within five minutes.
    pub(crate) fn re_sent(&self) -> u64 {
        self.outside.queue.deduplicated()
    }
}

/// Counts the outcome of each change and what reconcile enqueues, and passes each event on to
/// `next`.
pub(super) fn counting(
    outcomes: Arc<Mutex<Outcomes>>,
    enqueued: Arc<AtomicU64>,
    next: Telemetry,
) -> Telemetry {
    Telemetry::from_fn(move |event| {
        next.tell(event);
        let (about, outcome) = match event {
            Event::Done { about, outcome, .. } => (about, outcome.as_str()),
            Event::Parked { about, .. } => (about, "parked"),
            Event::Reconciled { enqueued: more, .. } => {
                enqueued.fetch_add(*more, Ordering::Relaxed);
                return;
            }
            _ => return,
        };
        // The message group of a body that cannot be read still names the org.
        let org = about
            .org
            .or_else(|| about.group.split('/').next())
            .unwrap_or_default();
        let mut outcomes = outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        *outcomes
            .entry(org.to_owned())
            .or_default()
            .entry(outcome)
            .or_default() += 1;
    })
}
