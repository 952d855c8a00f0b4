//! The story of a run: what a CRM sends and when, and what the campaigns should hold in the end.
//!
//! [`Story::make_up`] makes up a CRM's contacts ([`person`]) and their changes ([`teller`]). What
//! each campaign should hold is computed from the CRM's events alone ([`replay`]), by code that
//! shares nothing with the product: else a defect could hide itself. The story of a vendor's CRM is
//! made up in `vendor.rs`, and that of a file in `file.rs`. `world.rs` plays the story.

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
use super::vendor::VendorStory;
use crate::made_up::{CAMPAIGNS, of_org, source_of};
use person::Person;
use teller::MadeUpCrm;

/// The time at which a story begins.
pub(crate) const START: &str = "2026-11-24T16:00:00Z";

/// The identity of a contact: org, campaign, contact key.
pub(crate) type Key = (String, String, String);

/// A webhook or message, and when it arrives after [`START`].
#[derive(Clone)]
pub(crate) struct Delivery {
    pub(crate) at: Duration,
    pub(crate) parcel: Parcel,
    /// Whether it is dropped on purpose and never arrives.
    pub(crate) is_dropped: bool,
    pub(crate) says: WebhookContents,
}

/// The contents of a vendor's webhook. For any other delivery all of it is zero or false.
#[derive(Clone, Copy, Default)]
pub(crate) struct WebhookContents {
    /// How many changes of contacts it holds.
    pub(crate) changes: usize,
    /// How many of its events are about something else.
    pub(crate) ignored: usize,
    /// Whether it says that a contact may be called again.
    pub(crate) opts_in: bool,
    /// Whether it reports the deletion of a contact that the vendor's API no longer lists.
    pub(crate) is_last: bool,
}

impl Delivery {
    pub(crate) fn new(at: Duration, parcel: Parcel) -> Delivery {
        Delivery {
            at,
            parcel,
            is_dropped: false,
            says: WebhookContents::default(),
        }
    }
}

/// The thing that is delivered, and to where.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Parcel {
    /// A webhook of this source, to ingest.
    Webhook { source: String, body: String },
    /// A message that goes into the queue without ingest.
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
    /// The contacts that the campaigns hold before the first change.
    pub(crate) initial: BTreeMap<Key, Expected>,
    /// The deliveries, in the order of their times.
    pub(crate) deliveries: Vec<Delivery>,
    /// How many distinct changes are delivered. A copy that the queue drops as sent twice does not
    /// count.
    pub(crate) changes: usize,
    /// How many contacts the CRM has.
    pub(crate) contacts: usize,
    /// The columns that a contact of these campaigns may have; `None` means any.
    pub(super) columns: Option<Vec<&'static str>>,
    pub(crate) api: Api,
    /// Each contact as the CRM's feed lists it in the end.
    pub(crate) latest: Vec<Value>,
    /// The event ids of the changes that are valid.
    pub(super) valid_event_ids: BTreeSet<String>,
    /// The parts that only the story of a vendor's CRM has; `None` for any other story.
    pub(crate) told: Option<VendorStory>,
}

impl Story {
    /// Makes up a story of rapid updates: some are late, some are sent twice, and 1 % are invalid.
    pub(crate) fn make_up(seed: u64, api: Api, contacts: usize, changes: usize) -> Story {
        let mut crm = MadeUpCrm::new(seed, api, contacts);
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
            valid_event_ids: crm.valid_event_ids,
            told: None,
        }
    }

    /// Drops this share of the webhooks. Invalid changes are not dropped: they are refused anyway,
    /// so losing them would prove nothing.
    pub(crate) fn drop_webhooks(&mut self, seed: u64, share: f64) {
        let mut rng = Rng::with_seed(seed.wrapping_add(1));
        if self.told.is_some() {
            // Reconcile makes no contact callable that differs in nothing else (docs/contract.md
            // "Reconcile"), and it cannot see a contact that the vendor's API does not list
            // (docs/crm.md "Reconcile"). So webhooks that say this are not dropped.
            for delivery in &mut self.deliveries {
                let says = delivery.says;
                delivery.is_dropped = rng.f64() < share && !says.opts_in && !says.is_last;
            }
            return;
        }
        // A change that is sent again is dropped each time.
        let dropped: BTreeSet<_> = self
            .valid_event_ids
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
            delivery.is_dropped = id().is_some_and(|id| dropped.contains(&id));
        }
    }

    /// How many webhooks never arrive.
    pub(crate) fn dropped(&self) -> usize {
        self.deliveries
            .iter()
            .filter(|delivery| delivery.is_dropped)
            .count()
    }

    /// The campaigns of the made-up CRM, each with one contact, and no deliveries.
    pub(crate) fn empty(api: Api) -> Story {
        let crm = MadeUpCrm::new(0, api, CAMPAIGNS.len());
        let initial = crm.people.iter().map(Person::as_loaded).collect();
        Story {
            initial,
            contacts: CAMPAIGNS.len(),
            api,
            ..Story::default()
        }
    }

    /// The columns that a contact of these campaigns may have; `None` means any. A contact list has
    /// fixed columns: if the story does not name them, they are those of the CRM and all that its
    /// changes name.
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

    /// The campaigns, each behind its org.
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

    /// The orgs of the campaigns.
    pub(crate) fn orgs(&self) -> BTreeSet<String> {
        self.campaigns().into_iter().map(|(org, _)| org).collect()
    }

    /// The sources of webhooks, with their secrets.
    pub(crate) fn sources(&self) -> BTreeMap<String, Value> {
        if let Some(told) = &self.told {
            return told.sources.clone();
        }
        let orgs = CAMPAIGNS.into_iter().map(|(org, _)| org);
        orgs.map(|org| (source_of(org), of_org(org))).collect()
    }

    /// The changes in the form in which a program that sends batch POSTs would push them.
    pub(crate) fn pushed(&self) -> Vec<Value> {
        match &self.told {
            Some(told) => told.pushed.clone(),
            None => self.bodies().collect(),
        }
    }

    /// The bodies of the deliveries that are JSON.
    pub(crate) fn bodies(&self) -> impl Iterator<Item = Value> {
        self.deliveries
            .iter()
            .filter_map(|delivery| serde_json::from_str(delivery.parcel.body()).ok())
    }

    /// Each contact as the CRM last stated it. The changes with the event ids `refused` do not
    /// count: they were parked, or ingest did not accept them.
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
