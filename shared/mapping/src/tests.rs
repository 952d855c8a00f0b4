mod bounds;
mod dataverse;
mod fuzz;
mod hubspot;
mod members;
mod pipedrive;
mod programs;
mod records;
mod refusals;
mod salesforce;
mod senders;
mod strict;
mod times;

use domain::change::{CampaignId, Change, OrgId, Sender, SourceName};
use serde_json::{Value, json};

use super::*;

fn about(headers: &BTreeMap<String, String>) -> About<'_> {
    About {
        headers,
        cloud_event: None,
    }
}

fn mapping(config: &Value) -> Mapping {
    Mapping::parse(&config.to_string()).unwrap()
}

fn refused(config: &Value) -> String {
    Mapping::parse(&config.to_string()).unwrap_err().to_string()
}

/// The changes of each item of a body. Checks that every change is one that a sender may send.
fn mapped(config: &Value, body: &str) -> Vec<Result<Vec<Value>, String>> {
    let mapping = mapping(config);
    let headers = BTreeMap::new();
    let items = match mapping.items(body) {
        Ok(items) => items,
        Err(fault) => return vec![Err(fault.to_string())],
    };
    let items = items.into_iter();
    let changes = items.map(|item| mapping.changes(item.text, &about(&headers), 100));
    changes
        .map(|changes| match changes {
            Ok(changes) => Ok(changes.iter().map(checked).collect()),
            Err(fault) => Err(fault.to_string()),
        })
        .collect()
}

/// All changes of a body. Panics if an item fails.
fn changes(config: &Value, body: &str) -> Vec<Value> {
    let changes = mapped(config, body).into_iter().map(Result::unwrap);
    changes.flatten().collect()
}

/// The fault of a body with one item.
fn fault(config: &Value, body: &str) -> String {
    let mut mapped = mapped(config, body);
    assert_eq!(mapped.len(), 1);
    mapped.remove(0).unwrap_err()
}

/// A change with its campaigns, after checking that a sender may send it.
fn checked(mapped: &Mapped) -> Value {
    let mut change: Value = serde_json::from_str(&mapped.text).unwrap();
    let sender = Sender {
        source: SourceName::parse("crm").unwrap(),
        org: Some(OrgId::parse("acme-us").unwrap()),
        campaign: Some(CampaignId::parse("5f0c1e1a").unwrap()),
    };
    let now = "2026-11-24T16:00:00Z".parse().unwrap();
    let parsed = Change::parse_from(&sender, &mapped.text, now);
    assert!(parsed.is_ok(), "{parsed:?}: {change}");
    for (name, campaigns) in [
        ("campaigns", &mapped.campaigns),
        ("campaignsBefore", &mapped.campaigns_before),
    ] {
        if let Some(campaigns) = campaigns {
            change[name] = json!(campaigns);
        }
    }
    change
}

/// A prefix and the hash of an id.
fn hashed(prefix: &str, id: &str) -> String {
    use sha2::{Digest, Sha256};
    let hash = Sha256::digest(id);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{prefix}-{hex}")
}

/// A body with one member replaced. Null takes the member out.
fn with(body: &str, pointer: &str, value: Value) -> String {
    let mut body: Value = serde_json::from_str(body).unwrap();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Object(members), Value::Null) => _ = members.remove(name),
        (Value::Object(members), value) => _ = members.insert(name.to_owned(), value),
        (Value::Array(items), value) => items[name.parse::<usize>().unwrap()] = value,
        _ => panic!("{pointer} leads nowhere"),
    }
    body.to_string()
}
