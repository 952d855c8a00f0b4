//! A made-up CRM: its contacts, the changes that it sends, and what it last said of each contact.
//!
//! What is expected comes from the CRM's events alone, by code that shares nothing with the
//! product.

mod person;
mod replay;
mod teller;

pub(super) use person::{COLUMNS, column_value};
pub(crate) use replay::{Expected, WrongContact, differences, key};

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::Change;
use emulator::world::VERSION_FIELD;
use fastrand::Rng;
use io::queue::Message;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Api;
use super::vendor::Told;
use crate::made_up::{CAMPAIGNS, of_org, source_of};
use person::Person;
use teller::Crm;

/// Where the made-up CRM's clock begins.
pub(crate) const START: &str = "2026-11-24T16:00:00Z";

/// A contact: org, campaign, contact key.
pub(crate) type Key = (String, String, String);

/// Something on its way.
#[derive(Clone)]
pub(crate) struct Delivery {
    pub(crate) at: Duration,
    pub(crate) parcel: Parcel,
    /// It never arrives.
    pub(crate) is_dropped: bool,
    pub(crate) says: Says,
}

/// What is in a vendor's webhook.
#[derive(Clone, Copy, Default)]
pub(crate) struct Says {
    /// Changes of contacts.
    pub(crate) changes: usize,
    /// Events about something else.
    pub(crate) ignored: usize,
    /// Somebody may be called again.
    pub(crate) opts_in: bool,
    /// Somebody was deleted, whom the vendor's API does not list any more.
    pub(crate) is_last: bool,
}

impl Delivery {
    pub(crate) fn new(at: Duration, parcel: Parcel) -> Delivery {
        Delivery {
            at,
            parcel,
            is_dropped: false,
            says: Says::default(),
        }
    }
}

/// What is on its way, and where.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Parcel {
    /// A webhook of this source to ingest.
    Webhook { source: String, body: String },
    /// A message to the queue, of somebody who does not ask ingest.
    Message(Message),
}

impl Parcel {
    fn body(&self) -> &str {
        match self {
            Parcel::Webhook { body, .. } => body,
            Parcel::Message(message) => &message.body,
        }
    }
}

/// All that happens in a run.
#[derive(Default)]
pub(crate) struct Story {
    /// What the campaigns hold before the first change.
    pub(crate) initial: BTreeMap<Key, Expected>,
    /// In the order of their times.
    pub(crate) deliveries: Vec<Delivery>,
    /// Distinct changes among them: those that the queue does not drop as sent twice.
    pub(crate) changes: usize,
    /// Contacts of the CRM.
    pub(crate) contacts: usize,
    /// What a contact of these campaigns may hold; none: anything.
    pub(super) columns: Option<Vec<&'static str>>,
    pub(crate) api: Api,
    /// What the CRM says of each contact in the end, as its feed lists it.
    pub(crate) latest: Vec<Value>,
    /// Event ids of the changes that are no poison.
    pub(super) good: BTreeSet<String>,
    /// Where it is a vendor's.
    pub(crate) told: Option<Told>,
}

impl Story {
    /// Rapid updates, some late, some sent twice, 1 % poison.
    pub(crate) fn make_up(seed: u64, api: Api, contacts: usize, changes: usize) -> Story {
        let mut crm = Crm::new(seed, api, contacts);
        let initial = crm.load();
        while crm.changes < changes {
            crm.step();
        }
        crm.deliveries.sort_by_key(|delivery| delivery.at);
        let columns = COLUMNS.into_iter().chain([VERSION_FIELD]).collect();
        let latest = crm.latest.into_values().collect();
        Story {
            initial,
            deliveries: crm.deliveries,
            changes,
            contacts,
            columns: Some(columns),
            api,
            latest,
            good: crm.good,
            told: None,
        }
    }

    /// Drops this share of the webhooks. Poison stays: what nobody took is no loss.
    pub(crate) fn drop_webhooks(&mut self, seed: u64, share: f64) {
        let mut rng = Rng::with_seed(seed.wrapping_add(1));
        if self.told.is_some() {
            // Whom nobody calls though he may be called no reconcile repairs (docs/contract.md "Reconcile"), nor
            // whom the vendor's API does not list (docs/crm.md "Reconcile").
            for delivery in &mut self.deliveries {
                let says = delivery.says;
                delivery.is_dropped = rng.f64() < share && !says.opts_in && !says.is_last;
            }
            return;
        }
        // A change that is sent again is dropped each time.
        let good: BTreeSet<_> = self
            .good
            .iter()
            .filter(|_| rng.f64() < share)
            .cloned()
            .collect();
        for delivery in &mut self.deliveries {
            let id = || {
                serde_json::from_str::<Value>(delivery.parcel.body()).ok()?["eventId"]
                    .as_str()
                    .map(str::to_owned)
            };
            delivery.is_dropped = id().is_some_and(|id| good.contains(&id));
        }
    }

    /// Webhooks that never arrive.
    pub(crate) fn dropped(&self) -> usize {
        self.deliveries
            .iter()
            .filter(|delivery| delivery.is_dropped)
            .count()
    }

    /// The made-up CRM's campaigns, each with one contact, and nothing that happens.
    pub(crate) fn empty(api: Api) -> Story {
        let crm = Crm::new(0, api, CAMPAIGNS.len());
        let initial = crm.people.iter().map(Person::as_loaded).collect();
        Story {
            initial,
            contacts: CAMPAIGNS.len(),
            api,
            ..Story::default()
        }
    }

    /// What a contact of these campaigns may hold; none: anything. A contact list has columns;
    /// where the story does not say which, it has those of the CRM and all that its changes name.
    pub(crate) fn columns(&self) -> Option<BTreeSet<String>> {
        let known = self
            .columns
            .as_ref()
            .map(|columns| columns.iter().map(|column| (*column).to_owned()).collect());
        if known.is_some() || self.api == Api::Predictive {
            return known;
        }
        let of_the_crm = COLUMNS
            .into_iter()
            .chain([VERSION_FIELD, "nickname"])
            .map(str::to_owned);
        let data = |body: Value| {
            Some(
                body.get("data")?
                    .as_object()?
                    .keys()
                    .cloned()
                    .collect::<Vec<_>>(),
            )
        };
        Some(
            of_the_crm
                .chain(self.bodies().filter_map(data).flatten())
                .collect(),
        )
    }

    /// The campaigns, with their orgs.
    pub(crate) fn campaigns(&self) -> BTreeSet<(String, String)> {
        let of_bodies = self.bodies().filter_map(|body| {
            Some((
                body.get("org")?.as_str()?.to_owned(),
                body.get("campaignId")?.as_str()?.to_owned(),
            ))
        });
        let of_initial = self
            .initial
            .keys()
            .map(|(org, campaign, _)| (org.clone(), campaign.clone()));
        let of_told = CAMPAIGNS.map(|(org, campaign)| (org.to_owned(), campaign.to_owned()));
        let of_told = of_told.into_iter().filter(|_| self.told.is_some());
        of_bodies.chain(of_initial).chain(of_told).collect()
    }

    /// Their orgs.
    pub(crate) fn orgs(&self) -> BTreeSet<String> {
        self.campaigns().into_iter().map(|(org, _)| org).collect()
    }

    /// Who sends webhooks, and the secrets of these sources.
    pub(crate) fn sources(&self) -> BTreeMap<String, Value> {
        if let Some(told) = &self.told {
            return told.sources.clone();
        }
        let orgs = CAMPAIGNS.into_iter().map(|(org, _)| org);
        orgs.map(|org| (source_of(org), of_org(org))).collect()
    }

    /// The changes as whoever pushes contacts would send them.
    pub(crate) fn pushed(&self) -> Vec<Value> {
        match &self.told {
            Some(told) => told.pushed.clone(),
            None => self.bodies().collect(),
        }
    }

    /// The bodies that are JSON, as they are delivered.
    pub(crate) fn bodies(&self) -> impl Iterator<Item = Value> {
        self.deliveries
            .iter()
            .filter_map(|delivery| serde_json::from_str(delivery.parcel.body()).ok())
    }

    /// What the CRM last said of each contact. `refused`: the event ids of changes that were
    /// parked, or not let in; they do not count.
    pub(crate) fn expected(&self, refused: &BTreeSet<String>) -> BTreeMap<Key, Expected> {
        if let Some(told) = &self.told {
            return told.records.clone();
        }
        let counts = |body: &Value| {
            body["eventId"]
                .as_str()
                .is_some_and(|id| !refused.contains(id))
        };
        replay::replay(&self.initial, self.bodies().filter(counts).collect())
    }
}

pub(crate) fn start() -> Timestamp {
    START.parse().unwrap_or_default()
}
