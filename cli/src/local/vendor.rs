//! Makes up the stories of vendors' CRMs, for `local --crm`: their records, the webhooks that they
//! send about them, and how these are signed.
//!
//! A [`Book`] makes up what happens to the records, a [`Speaker`] puts it into the vendor's own
//! shapes, and [`post`] decides when each webhook arrives. The campaigns should in the end hold the
//! records themselves: neither a mapping nor a rank of the product is used here, so that the
//! comparison finds the product's defects. [`mod@samples`] has one body for each preset of a
//! mapping; docs/crm.md explains the presets.

mod api;
mod book;
mod dynamics;
mod hubspot;
mod pipedrive;
mod post;
mod record;
mod salesforce;
mod samples;
mod shapes;

use std::collections::BTreeMap;

use clap::ValueEnum;
use emulator::world::VERSION_FIELD;
use fastrand::Rng;
use serde::Serialize;
use serde_json::{Value, json};

use super::Api;
use super::crm::{self, COLUMNS, Expected, Story};
use crate::made_up::CAMPAIGNS;
use book::Book;
use record::{Record, RecordEvent, RecordState};
pub(crate) use samples::{CAMPAIGN, Sample, samples};
use shapes::{columns, guid, precise, second, values, whole};

/// The vendor whose webhooks the CRM of a run sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Crm {
    /// A CRM that sends changes in the form of docs/contract.md
    #[default]
    Own,
    /// An app of HubSpot: one property in an event, many events in a request
    Hubspot,
    /// Salesforce: change events, by an event relay and EventBridge
    Salesforce,
    /// Dynamics 365: the webhook of a step of Dataverse, with and without an image
    Dynamics,
    /// Pipedrive: webhooks v2, the whole person
    Pipedrive,
}

impl Crm {
    fn speaker(self) -> Option<Box<dyn Speaker>> {
        Some(match self {
            Crm::Own => return None,
            Crm::Hubspot => Box::new(hubspot::Hubspot),
            Crm::Salesforce => Box::new(salesforce::Salesforce),
            Crm::Dynamics => Box::new(dynamics::Dynamics),
            Crm::Pipedrive => Box::new(pipedrive::Pipedrive),
        })
    }

    /// The name as the vendor writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Crm::Own => "a CRM of one's own",
            Crm::Hubspot => "HubSpot",
            Crm::Salesforce => "Salesforce",
            Crm::Dynamics => "Dynamics 365",
            Crm::Pipedrive => "Pipedrive",
        }
    }
}

/// A source of webhooks, through which a CRM sends the contacts of one campaign.
struct Source<'a> {
    name: &'a str,
    org: &'a str,
    campaign: &'a str,
}

/// Something that happened to a record. The record is as it was afterwards.
struct Happened<'a> {
    record: &'a Record,
    what: &'a RecordEvent,
    /// When it happened, in milliseconds since 1970.
    at: i64,
}

/// A message that a vendor's CRM sends about something that happened: the body of a request, or one
/// event of a body that holds several.
struct Item {
    body: Value,
    /// How many changes of contacts it holds; 0 means that it is about something else.
    changes: usize,
}

/// The habits of a vendor's CRM: how it treats its records, and how it sends webhooks.
struct Habits {
    merges: Merges,
    /// Whether a deleted record can be restored.
    restores: bool,
    /// The most events of a request; 1 means that the event is the body.
    batch: usize,
    /// Whether the API lists deleted records, so that reconcile can see them.
    lists_deleted: bool,
    /// Whether a deletion becomes a change that creates no contact.
    deletes_create_nobody: bool,
    /// The share of webhooks that are sent again, and the shortest and the longest wait before
    /// that, in milliseconds.
    resends: (f64, u64, u64),
}

/// How a vendor's CRM merges two records.
#[derive(PartialEq, Eq)]
enum Merges {
    Never,
    /// A record is merged into another, which stays.
    IntoOne,
    /// Often a record with a new id replaces both.
    IntoNew,
}

/// A vendor: the shapes of its webhooks and of its API.
trait Speaker: Send + Sync {
    /// The vendor's name, with which the names of its sources begin.
    fn name(&self) -> &'static str;
    /// The id of the `n`-th record.
    fn id(&self, n: usize) -> String;
    /// The secret of a source that accepts its webhooks.
    fn secret(&self, source: &Source<'_>) -> Value;
    fn habits(&self) -> Habits;
    /// The messages that the CRM sends about something that happened.
    fn tell(&self, happened: &Happened<'_>, rng: &mut Rng) -> Vec<Item>;
    /// The emulated API that lists its records.
    fn api(&self) -> emulator::crm::Vendor;
    /// A record as this API lists it.
    fn record(&self, record: &Record) -> Value;
    /// The secret of a feed that reads this API. `campaigns` becomes its member `campaigns`, in
    /// which each campaign has a `name` or, for Pipedrive, the id of a saved `filter`.
    fn feed(&self, campaigns: Value) -> Value;
    /// The member of a record by which its preset ranks, and another time that no change moves.
    fn stamps(&self) -> [&'static str; 2];
    /// The body as it is sent at this attempt, counted from 0.
    fn resent(&self, body: &Value, _attempt: u64) -> Value {
        body.clone()
    }
}

/// The parts that only the story of a vendor's CRM has.
pub(crate) struct VendorStory {
    pub(crate) crm: Crm,
    /// The secret of each source.
    pub(crate) sources: BTreeMap<String, Value>,
    /// The secret of each org's feed.
    pub(crate) feeds: BTreeMap<String, Value>,
    /// The records that the vendor's API lists in the end.
    pub(super) listed: api::Listed,
    /// The contacts that the campaigns should hold in the end, by the CRM's records.
    pub(super) records: BTreeMap<crm::Key, Expected>,
    /// The whole contact after each of its changes, as a program would push it by batch POSTs.
    pub(super) pushed: Vec<Value>,
}

impl VendorStory {
    /// Puts a defect into the mappings of all sources and feeds: they know no opt-out.
    pub(super) fn forget_opt_outs(&mut self) {
        for secret in self.sources.values_mut().chain(self.feeds.values_mut()) {
            secret["mapping"]["optOut"] = "none".into();
        }
    }

    /// Puts a defect into the mappings of all feeds: they rank by a time that no change moves.
    pub(super) fn rank_by_another_clock(&mut self) {
        let [stamp, other] = self.listed.stamps;
        for secret in self.feeds.values_mut() {
            let mapping = &mut secret["mapping"];
            let preset = mapping["preset"].take();
            let program = preset.as_str().and_then(mapping::preset);
            mapping["jq"] = program.unwrap_or_default().replace(stamp, other).into();
            if let Some(mapping) = mapping.as_object_mut() {
                mapping.remove("preset");
            }
        }
    }
}

/// Makes up a story of rapid updates: some are late, some are sent again, and some are about nobody
/// in a campaign. `None` means that no vendor's CRM is asked for.
pub(crate) fn make_up(
    of: Crm,
    seed: u64,
    api: Api,
    contacts: usize,
    changes: usize,
) -> Option<Story> {
    let mut book = Book::new(of.speaker()?, seed, contacts);
    let initial = book.loaded();
    while book.changes < changes {
        book.step();
    }
    book.send_pool();
    book.deliveries.sort_by_key(|delivery| delivery.at);
    let records = book.records.iter();
    let known: Vec<_> = records
        .filter(|record| record.state != RecordState::NotYet)
        .collect();
    let told = VendorStory {
        crm: of,
        sources: sources(&*book.speaker),
        feeds: api::feeds(&*book.speaker),
        listed: api::Listed::new(&*book.speaker, &known),
        records: known
            .iter()
            .map(|record| record.expected(&book.habits))
            .collect(),
        pushed: book.pushed,
    };
    Some(Story {
        initial,
        changes: book.changes,
        contacts: known.len(),
        columns: Some(COLUMNS.into_iter().chain([VERSION_FIELD]).collect()),
        api,
        deliveries: book.deliveries,
        told: Some(told),
        ..Story::default()
    })
}

fn source_name(speaker: &dyn Speaker, place: usize) -> String {
    format!("{}-{}", speaker.name(), place + 1)
}

/// A source for each campaign, with its secret.
fn sources(speaker: &dyn Speaker) -> BTreeMap<String, Value> {
    let campaigns = CAMPAIGNS.iter().enumerate();
    let sources = campaigns.map(|(place, (org, campaign))| {
        let name = source_name(speaker, place);
        let secret = speaker.secret(&Source {
            name: &name,
            org,
            campaign,
        });
        (name, secret)
    });
    sources.collect()
}
