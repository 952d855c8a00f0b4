//! The CRMs of vendors: their own records, the webhooks that they send of them, and how they show who
//! sends.
//!
//! What is expected in the end are the records themselves, by code that shares nothing with the
//! product: neither a mapping nor a rank is read here.

mod api;
mod book;
mod dynamics;
mod hubspot;
mod pipedrive;
mod post;
mod salesforce;
mod samples;

use std::collections::BTreeMap;

use clap::ValueEnum;
use emulator::world::VERSION_FIELD;
use fastrand::Rng;
use serde::Serialize;
use serde_json::{Value, json};

use super::Api;
use super::crm::{self, COLUMNS, Expected, Story};
use crate::made_up::CAMPAIGNS;
use book::{Book, Record, State, What};
pub(crate) use samples::{CAMPAIGN, Sample, samples};

/// Whose webhooks the made-up CRM sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Crm {
    /// Changes as docs/contract.md has them
    #[default]
    Own,
    /// An app of HubSpot: one property in an event, many events in a request
    Hubspot,
    /// Salesforce: change events, by an event relay and EventBridge
    Salesforce,
    /// Dynamics 365: what Dataverse tells of a step, with and without an image
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

    /// As its vendor writes it.
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

/// A source of webhooks, to which a CRM sends the people of one campaign.
struct Source<'a> {
    name: &'a str,
    org: &'a str,
    campaign: &'a str,
}

/// What happened to a record, which is as it was left by that.
struct Happened<'a> {
    record: &'a Record,
    what: &'a What,
    /// Milliseconds since 1970.
    at: i64,
}

/// What a vendor's CRM tells of something: a request, or an event of one.
struct Item {
    body: Value,
    /// The changes of contacts that it says; 0: it is about something else.
    changes: usize,
}

/// What its records can go through.
struct Habits {
    merges: Merges,
    /// Who was deleted may come back.
    restores: bool,
    /// The most events of a request; 1: the event is the body.
    batch: usize,
    /// The API lists who was deleted, so that reconcile can see it.
    lists_deleted: bool,
    /// A webhook, or the API, that tells of a deletion creates nobody for it.
    deletes_create_nobody: bool,
    /// The share of what is sent again, and the shortest and the longest wait for that, in milliseconds.
    again: (f64, u64, u64),
}

#[derive(PartialEq, Eq)]
enum Merges {
    Never,
    /// The record that is merged into stays.
    IntoOne,
    /// Often a record with a new id takes the place of both.
    IntoNew,
}

/// A vendor: the shapes and ways of its webhooks.
trait Speaker: Send + Sync {
    /// The vendor's name in those of its sources.
    fn name(&self) -> &'static str;
    /// The id of its n-th record.
    fn id(&self, n: usize) -> String;
    /// The secret of a source that listens to it.
    fn secret(&self, source: &Source<'_>) -> Value;
    fn habits(&self) -> Habits;
    fn tell(&self, happened: &Happened<'_>, rng: &mut Rng) -> Vec<Item>;
    /// Whose API lists its records.
    fn api(&self) -> emulator::crm::Vendor;
    /// A record as this API has it.
    fn record(&self, record: &Record) -> Value;
    /// The secret of a feed that reads them. `campaigns`: the member `campaigns` of it, in which each has a
    /// text `name`, and at Pipedrive that of a saved filter.
    fn feed(&self, campaigns: Value) -> Value;
    /// The stamp that the preset of records ranks by, and one that no change moves.
    fn stamps(&self) -> [&'static str; 2];
    /// A body as it is sent for the `attempt`-th time, from 0.
    fn again(&self, body: &Value, _attempt: u64) -> Value {
        body.clone()
    }
}

/// What a vendor's story has beside that of the made-up CRM.
pub(crate) struct Told {
    pub(crate) crm: Crm,
    /// Sources, and their secrets.
    pub(crate) sources: BTreeMap<String, Value>,
    /// The secrets of the feeds, by orgs.
    pub(crate) feeds: BTreeMap<String, Value>,
    /// What the vendor's API has in the end.
    pub(super) listed: api::Listed,
    /// What the CRM's records hold in the end.
    pub(super) records: BTreeMap<crm::Key, Expected>,
    /// The whole contact after each change of it, as whoever pushes it would send it.
    pub(super) pushed: Vec<Value>,
}

impl Told {
    /// Puts a defect into the mappings of all sources and feeds.
    pub(super) fn forget_opt_outs(&mut self) {
        for secret in self.sources.values_mut().chain(self.feeds.values_mut()) {
            secret["mapping"]["optOut"] = "none".into();
        }
    }

    /// Puts another one into the mappings of all feeds: they rank by a stamp that no change moves.
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

/// Rapid updates, some late, some sent again, some about nobody in a campaign.
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
        .filter(|record| record.state != State::NotYet)
        .collect();
    let told = Told {
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

/// A source for each campaign, and its secret.
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

/// The beginning of its second.
fn second(at: i64) -> i64 {
    at - at.rem_euclid(1_000)
}

/// As vendors write the time of a whole second.
fn whole(at: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(second(at));
    at.map(|at| at.to_string()).unwrap_or_default()
}

/// As they write one of milliseconds.
fn precise(at: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at);
    at.map(|at| format!("{at:.3}")).unwrap_or_default()
}

fn guid(rng: &mut Rng) -> String {
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        rng.u32(..),
        rng.u16(..),
        rng.u16(..4_096),
        rng.u16(..4_096),
        rng.u64(..1 << 48)
    )
}

/// The member `columns` of a mapping.
fn columns(fields: &[(&str, &str)]) -> Value {
    fields
        .iter()
        .map(|(field, column)| ((*field).to_owned(), (*column).into()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// The values of these columns by the names of their fields.
fn values<'a>(
    fields: &'a [(&'a str, &'a str)],
    record: &'a Record,
    names: &'a [&'static str],
) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
    let fields = fields
        .iter()
        .filter(move |(_, column)| names.contains(column));
    fields.map(|(field, column)| (*field, record.columns[column].as_deref()))
}
