//! The seeded changes of a run, the contacts that exist before, and those that must exist after.
//!
//! `crate::scenario` says how much work a scenario has, and `crate::outcome` compares the contacts.

use std::collections::BTreeMap;

use emulator::world::VERSION_FIELD;
use fastrand::Rng;
use io::queue::Message;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::scenario::{Api, Scenario};

pub(crate) const ORG: &str = ORGS[0];
const ORGS: [&str; 2] = ["org-0", "org-1"];
pub(crate) const CAMPAIGNS: [&str; 6] = [
    "47526757-130f-4f52-981c-e1ff0e4ae394",
    "bdd73226-2fe8-4d07-8ec2-5b38d6b2b3a9",
    "0d5c7d6e-5f0b-4c57-8c3c-6d2f1f0f9b11",
    "6a1de0c4-52b1-4f3e-9a55-0c6f0a9c7a22",
    "c2f5f9d0-7e0e-4b64-8f5d-9b7a54cf1c33",
    "e8a3b7c1-1c9d-4a0f-b3ce-2f4d6e8a0b44",
];
/// The contact that opts out.
const OPT_OUT: &str = "LEAD-OPT-OUT";
pub(crate) const COLUMNS: [&str; 8] = [
    "firstName",
    "lastName",
    "phone",
    "email",
    "status",
    "priority",
    "timezone",
    "notes",
];
/// The records of a batch. A FIFO event source hands over at most this many.
pub(crate) const BATCH: usize = 10;

/// A campaign and a contact key.
pub(crate) type Key = (&'static str, String);

/// A contact as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) data: BTreeMap<String, String>,
    pub(crate) callable: bool,
}

/// All the work of a run.
pub(crate) struct Work {
    /// Each org and campaign.
    pub(crate) campaigns: Vec<(&'static str, &'static str)>,
    pub(crate) before: BTreeMap<Key, Stored>,
    pub(crate) messages: Vec<Message>,
    pub(crate) after: BTreeMap<Key, Stored>,
    /// The opt-out behind all other changes.
    pub(crate) opt_out: Option<(Key, Message)>,
}

impl Work {
    /// A run with campaigns and no changes.
    pub(crate) fn none(scenario: &Scenario) -> Work {
        let of = |n: usize| (ORGS[n / scenario.campaigns], CAMPAIGNS[n]);
        Work {
            campaigns: (0..scenario.orgs * scenario.campaigns).map(of).collect(),
            before: BTreeMap::new(),
            messages: Vec::new(),
            after: BTreeMap::new(),
            opt_out: None,
        }
    }

    pub(crate) fn new(scenario: &Scenario) -> Work {
        let mut rng = Rng::with_seed(42);
        let campaigns = Work::none(scenario).campaigns;
        let count = campaigns.len();
        let per_batch = BATCH / scenario.changes_per_contact;
        let contacts = scenario.pool.unwrap_or(per_batch * scenario.batches());
        let keys: Vec<Key> = (0..contacts)
            .map(|n| {
                let key = key(&mut rng, n / count, scenario.api);
                (campaigns[n % count].1, key)
            })
            .collect();
        let is_new = |n: usize| n % 10 >= 10 - scenario.new_of_ten;
        let stored = |rng: &mut Rng| {
            let (mut data, callable) = (columns(rng), rng.u8(..10) > 0);
            if !callable {
                // The CRM had opted this contact out, so the opt-in counts for every candidate.
                data.insert(VERSION_FIELD.to_owned(), "1:1-".to_owned());
            }
            Stored { data, callable }
        };
        let old = (0..contacts).filter(|n| !is_new(*n));
        let before: BTreeMap<Key, Stored> =
            old.map(|n| (keys[n].clone(), stored(&mut rng))).collect();
        let mut after = before.clone();
        let mut messages = Vec::new();
        for batch in 0..scenario.batches() {
            for n in 0..BATCH {
                let contact = (batch * per_batch + n % per_batch) % contacts;
                let org = campaigns[contact % count].0;
                let version = 1_790_000_000_000 + messages.len() as u64 * 7;
                let change = change(&mut rng, org, &keys[contact], version, &mut after);
                messages.push(change);
            }
        }
        let mut work = Work {
            before,
            messages,
            after,
            ..Work::none(scenario)
        };
        if scenario.backlog.is_some_and(|backlog| backlog.opt_out) {
            work.add_opt_out(&mut rng);
        }
        work
    }

    fn add_opt_out(&mut self, rng: &mut Rng) {
        let (org, campaign) = self.campaigns[0];
        let key = (campaign, OPT_OUT.to_owned());
        let stored = Stored {
            data: columns(rng),
            callable: true,
        };
        self.before.insert(key.clone(), stored);
        let body = json!({
            "schema": 1, "eventId": "evt_opt_out", "org": org, "campaignId": campaign, "contactKey": OPT_OUT,
            "version": 1_800_000_000_000u64, "operation": "remove",
        });
        self.opt_out = Some((key, message(&body)));
    }
}

/// One key in twenty must be percent-encoded in a path. The ids of a list hold no special
/// characters.
fn key(rng: &mut Rng, n: usize, api: Api) -> String {
    let shape = if api == Api::Predictive && rng.u8(..20) == 0 {
        rng.usize(..6)
    } else {
        6
    };
    format!(
        "LEAD{}{n:05}",
        [" ", "/", "#", "-é", "%2F", "?+", "-"][shape]
    )
}

fn snapshot(rng: &mut Rng) -> Map<String, Value> {
    let value = |name: &str, rng: &mut Rng| match name {
        "phone" => format!("+1555{:07}", rng.u32(..10_000_000)),
        "notes" => format!("note {:016x} {:016x}", rng.u64(..), rng.u64(..)),
        name => format!("{name} {}", rng.u8(..100)),
    };
    COLUMNS
        .into_iter()
        .map(|name| (name.to_owned(), value(name, rng).into()))
        .collect()
}

/// The columns of a contact, as they are stored.
fn columns(rng: &mut Rng) -> BTreeMap<String, String> {
    let columns = snapshot(rng).into_iter();
    columns
        .filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())))
        .collect()
}

/// Builds a change by hand (docs/contract.md "Contact change").
fn change(
    rng: &mut Rng,
    org: &str,
    of: &Key,
    version: u64,
    after: &mut BTreeMap<Key, Stored>,
) -> Message {
    let (campaign, key) = of;
    let is_removal = after.contains_key(of) && rng.u8(..50) == 0;
    let event_id = format!("evt_{version}");
    let mut body = json!({
        "schema": 1, "eventId": event_id, "org": org, "campaignId": campaign, "contactKey": key, "version": version,
        "occurredAt": "2026-11-24T16:00:00Z", "source": "crm", "operation": if is_removal { "remove" } else { "upsert" },
    });
    let stored = after.entry(of.clone()).or_insert_with(|| Stored {
        data: BTreeMap::new(),
        callable: true,
    });
    let mut says = None;
    if is_removal {
        says = Some(false);
    } else {
        let mut data = snapshot(rng);
        if rng.u8(..20) == 0 {
            data.insert("notes".to_owned(), Value::Null);
        }
        for (name, value) in &data {
            match value.as_str() {
                Some(text) => stored.data.insert(name.clone(), text.to_owned()),
                None => stored.data.remove(name),
            };
        }
        body["data"] = data.into();
        if rng.u8(..10) == 0 {
            says = Some(rng.bool());
            body["callable"] = says.into();
        }
    }
    stored.callable = says.unwrap_or(stored.callable);
    // Only these changes have made contacts not callable (docs/contract.md "Version column").
    let known = stored.data.get(VERSION_FIELD);
    let known = known.and_then(|text| Some(text.split_once(':')?.1.to_owned()));
    let decision = match says {
        Some(callable) => Some(format!("{version}{}", if callable { '+' } else { '-' })),
        None => known,
    };
    let text = decision.map_or(version.to_string(), |decision| {
        format!("{version}:{decision}")
    });
    stored.data.insert(VERSION_FIELD.to_owned(), text);
    message(&body)
}

/// Builds a message by hand (docs/contract.md "Message group and deduplication ids").
pub(crate) fn message(body: &Value) -> Message {
    let text = |name: &str| body[name].as_str().unwrap_or_default();
    let key = hex(text("contactKey").as_bytes());
    Message {
        group: format!("{}/{}/{}", text("org"), text("campaignId"), &key[..32]),
        deduplication_id: hex(text("eventId").as_bytes()),
        body: body.to_string(),
        attributes: Vec::new(),
    }
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
