//! Batches of changes, as Lambda hands them to apply.
//!
//! Each function makes the changes of one sample event; [`sqs_event`] wraps them as the records of
//! a FIFO queue. docs/contract.md "Contact change" explains the members of a change.

use domain::Change;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::KEY;
use crate::made_up::{CAMPAIGNS, source_of};

/// A change of the campaign at this place of [`CAMPAIGNS`], `later` milliseconds after the event's
/// time.
fn change(now: Timestamp, campaign: usize, key: &str, later: i64, rest: &Value) -> Value {
    let (org, id) = CAMPAIGNS[campaign];
    let version = now.as_millisecond() + later;
    let mut change = json!({
        "schema": 1,
        "eventId": format!("evt_{version}_{campaign}"),
        "org": org,
        "campaignId": id,
        "contactKey": key,
        "version": version,
        "source": source_of(org),
    });
    if let (Some(change), Some(rest)) = (change.as_object_mut(), rest.as_object()) {
        change.extend(rest.clone());
    }
    change
}

pub(super) fn rapid_updates(now: Timestamp) -> Vec<Value> {
    let first = json!({ "data": { "phone": "+13175550100", "firstName": "Ada", "status": "new" }, "callable": true });
    vec![
        change(now, 0, KEY, 0, &first),
        change(
            now,
            0,
            KEY,
            200,
            &json!({ "data": { "status": "callback" } }),
        ),
        change(
            now,
            0,
            KEY,
            900,
            &json!({ "data": { "status": "closed", "nickname": null }, "callable": false }),
        ),
        change(
            now,
            0,
            KEY,
            500,
            &json!({ "data": { "status": "engaged", "phone": "+13175550101" }, "callable": true }),
        ),
    ]
}

pub(super) fn several_campaigns(now: Timestamp) -> Vec<Value> {
    let phone = |phone: &str| json!({ "data": { "phone": phone } });
    vec![
        change(now, 0, KEY, 0, &phone("+13175550100")),
        change(now, 1, KEY, 0, &phone("+13175550100")),
        change(
            now,
            2,
            "LEAD 7/é",
            0,
            &json!({ "data": { "phone": "+4930555010" }, "callable": false }),
        ),
        change(now, 0, "LEAD-00043", 1, &json!({ "operation": "remove" })),
    ]
}

pub(super) fn poison_first(now: Timestamp) -> Vec<Value> {
    vec![
        change(now, 0, KEY, 0, &json!({ "data": {}, "calable": false })),
        change(
            now,
            0,
            KEY,
            200,
            &json!({ "data": { "phone": "+13175550100" }, "callable": false }),
        ),
    ]
}

pub(super) fn conflict(now: Timestamp) -> Vec<Value> {
    let phone = |phone: &str| json!({ "data": { "phone": phone } });
    vec![
        change(now, 0, KEY, 0, &phone("+13175550102")),
        change(now, 0, "LEAD-00044", 0, &phone("+13175550103")),
    ]
}

/// The event by which Lambda hands over a batch of a FIFO queue.
pub(super) fn sqs_event(now: Timestamp, changes: &[Value]) -> Value {
    let record = |(n, change): (usize, &Value)| {
        let ids = ids(change);
        json!({
            "messageId": format!("6b1c2f0e-0000-4000-8000-{:012x}", now.as_millisecond().unsigned_abs() + n as u64),
            "receiptHandle": format!("AQEB-sample-{n}"),
            "body": change.to_string(),
            "attributes": {
                "ApproximateReceiveCount": "1",
                "ApproximateFirstReceiveTimestamp": now.as_millisecond().to_string(),
                "SentTimestamp": now.as_millisecond().to_string(),
                "SequenceNumber": format!("188500000000000{n:05}"),
                "MessageGroupId": ids.0,
                "MessageDeduplicationId": ids.1,
                "SenderId": "AIDASAMPLE",
            },
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:campaign-sync-changes.fifo",
            "awsRegion": "us-east-1",
        })
    };
    json!({ "Records": changes.iter().enumerate().map(record).collect::<Vec<_>>() })
}

/// The message group and the deduplication id of a change. A change that was made faulty has those
/// of the change without the fault.
fn ids(change: &Value) -> (String, String) {
    let mut good = change.clone();
    if let Some(good) = good.as_object_mut() {
        good.remove("calable");
    }
    let good = Change::parse(&good.to_string());
    good.map(|good| {
        (
            good.message_group().as_str().to_owned(),
            good.deduplication_id(),
        )
    })
    .unwrap_or_default()
}
