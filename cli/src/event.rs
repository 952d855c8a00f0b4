//! `campaign-sync event NAME`: sample events that are valid now.

use clap::ValueEnum;
use domain::Change;
use io::Clock;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::made_up::{CAMPAIGNS, SIGNING_SECRET, source_of};
use crate::webhook;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  campaign-sync event rapid-updates > event.json && campaign-sync local --file event.json
  campaign-sync event webhook | cargo lambda invoke ingest --data-file /dev/stdin
  campaign-sync event schedule | cargo lambda invoke reconcile --data-file /dev/stdin

The orgs, campaigns and sources are those of `campaign-sync local --serve`.")]
pub(crate) struct Args {
    /// Which event
    name: Name,
}

#[derive(Clone, Copy, ValueEnum)]
enum Name {
    /// A signed webhook, as an HTTP API hands it to ingest (payload format 2.0)
    Webhook,
    /// A batch of four changes to one contact, one of them late
    RapidUpdates,
    /// A batch of four changes to contacts of three campaigns in two orgs
    SeveralCampaigns,
    /// A batch of two changes to one contact, the first unreadable
    PoisonFirst,
    /// A batch whose create is refused with 409, if applied within two seconds after one of the
    /// others
    Conflict,
    /// What a schedule asks of reconcile
    Schedule,
}

/// Prints the event.
pub(crate) fn run(args: &Args) -> Result<(), String> {
    let now = Clock::system().now();
    let event = match args.name {
        Name::Webhook => http_event(now),
        Name::RapidUpdates => sqs_event(now, &rapid_updates(now)),
        Name::SeveralCampaigns => sqs_event(now, &several_campaigns(now)),
        Name::PoisonFirst => sqs_event(now, &poison_first(now)),
        Name::Conflict => sqs_event(now, &conflict(now)),
        Name::Schedule => schedule(now),
    };
    crate::print(&format!("{event:#}"))
}

const KEY: &str = "LEAD-00042";

/// A change of the `n`th campaign, `later` milliseconds after the event's time.
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

fn rapid_updates(now: Timestamp) -> Vec<Value> {
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

fn several_campaigns(now: Timestamp) -> Vec<Value> {
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

fn poison_first(now: Timestamp) -> Vec<Value> {
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

fn conflict(now: Timestamp) -> Vec<Value> {
    let phone = |phone: &str| json!({ "data": { "phone": phone } });
    vec![
        change(now, 0, KEY, 0, &phone("+13175550102")),
        change(now, 0, "LEAD-00044", 0, &phone("+13175550103")),
    ]
}

/// As Lambda hands over a batch of a FIFO queue.
fn sqs_event(now: Timestamp, changes: &[Value]) -> Value {
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

/// Message group and deduplication id, also of a change that was spoilt.
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

/// As EventBridge Scheduler hands it over.
fn schedule(now: Timestamp) -> Value {
    let (org, _) = CAMPAIGNS[0];
    let campaigns: Vec<_> = CAMPAIGNS
        .iter()
        .filter(|(of, _)| *of == org)
        .map(|(_, campaign)| campaign)
        .collect();
    json!({ "org": org, "campaignIds": campaigns, "windowMinutes": 60, "scheduledTime": now.to_string() })
}

/// As an HTTP API hands over a request: payload format 2.0.
fn http_event(now: Timestamp) -> Value {
    let (org, campaign) = CAMPAIGNS[0];
    let data = json!({ "phone": "+13175550100", "firstName": "Ada", "status": "new" });
    let body = json!({
        "eventId": format!("evt_{}", now.as_millisecond()),
        "campaignId": campaign,
        "contactKey": KEY,
        "version": now.as_millisecond(),
        "data": data,
    })
    .to_string();
    let headers = webhook::headers(&body, SIGNING_SECRET, now);
    let headers: serde_json::Map<_, _> = headers
        .into_iter()
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect();
    let path = format!("/webhooks/{}", source_of(org));
    json!({
        "version": "2.0",
        "routeKey": "POST /webhooks/{source}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "sample",
            "domainName": "sample.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "sample",
            "http": { "method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "sample" },
            "requestId": "sample",
            "routeKey": "POST /webhooks/{source}",
            "stage": "$default",
            "time": "24/Nov/2026:16:00:00 +0000",
            "timeEpoch": now.as_millisecond(),
        },
        "body": body,
        "isBase64Encoded": false,
    })
}
