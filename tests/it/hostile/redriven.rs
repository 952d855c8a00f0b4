//! Redriven items that should never have been parked, or whose source has changed since. Redriving
//! in general is in `dlq` and `dlq_unmapped`.

use serde_json::{Value, json};

use super::*;
use crate::support::served::Served;

#[tokio::test]
async fn a_large_transaction_that_was_parked_can_be_redriven() {
    let served = Served::new().await;
    served.put_source("people", &json!({ "auth": "bearer", "bearerTokens": [TOKEN], "org": "ranked", "campaignId": "c", "mapping": cdc_mapping() }));
    let body = json!({ "unmapped": 1, "source": "people", "org": "ranked", "extent": "item", "pointer": "",
        "arrivedAt": "2026-11-24T16:00:00Z", "item": cdc(1_001) });
    park(&served, &body, "unmapped", 1);
    let (_, report, text) = redrive(&served, &[]).await;
    assert_eq!(report["sent"], 1_001, "{text}");
}

fn park(served: &Served, body: &Value, reason: &str, n: u64) {
    let message = io::queue::Message {
        body: body.to_string(),
        group: format!("unmapped/people/{n:032x}"),
        deduplication_id: format!("item-{n}"),
        attributes: vec![
            ("reason", reason.to_owned()),
            ("detail", "of people".to_owned()),
        ],
    };
    served.dead_letters.send(message).unwrap();
}

async fn redrive(served: &Served, more: &[&str]) -> (i32, Value, String) {
    let arguments = ["dlq", "redrive", "--rate", "100/s", "--json"];
    served.command(&[&arguments, more].concat()).await
}

#[tokio::test]
async fn a_body_of_101_good_changes_that_was_parked_can_be_redriven() {
    let served = Served::new().await;
    served.put_source("people", &json!({ "auth": "bearer", "bearerTokens": [TOKEN], "org": "ranked", "campaignId": "c", "onFault": "park" }));
    let item =
        json!({ "changes": (0..101).map(|n| change(&format!("k{n}"), 1)).collect::<Vec<_>>() });
    let body = json!({ "unmapped": 1, "source": "people", "org": "ranked", "extent": "body", "pointer": "",
        "arrivedAt": "2026-11-24T16:00:00Z", "item": item });
    park(&served, &body, "unmapped", 1);
    let (_, report, text) = redrive(&served, &[]).await;
    assert_eq!(report["sent"], 101, "{text}");
}

#[tokio::test]
async fn a_message_that_was_parked_for_one_org_goes_to_no_other() {
    let served = Served::new().await;
    served.put_source("people", &json!({ "auth": "bearer", "bearerTokens": [TOKEN], "org": "lists", "campaignId": "campaign-of-lists",
        "mapping": { "jq": "{ contactKey: .id, version: 1, data: { phone: .phone } }" } }));
    let body = json!({ "unmapped": 1, "source": "people", "org": "ranked", "extent": "item", "pointer": "/0",
        "arrivedAt": "2026-11-24T16:00:00Z", "item": { "id": "k", "phone": "+1" } });
    park(&served, &body, "unmapped", 1);
    let (_, _, _text) = redrive(&served, &["--org", "ranked"]).await;
    let groups: Vec<_> = served
        .queue
        .messages()
        .into_iter()
        .map(|sent| sent.group)
        .collect();
    assert!(
        !groups.iter().any(|group| group.starts_with("lists/")),
        "{groups:?}"
    );
}

#[tokio::test]
async fn an_item_that_was_parked_because_two_values_name_one_campaign_can_be_redriven() {
    let served = Served::new().await;
    served.put_source("people", &json!({ "auth": "bearer", "bearerTokens": [TOKEN], "org": "ranked", "campaigns": { "Spring": "c", "spring": "c" },
        "mapping": { "jq": "{ contactKey: .id, version: 1, data: { phone: .phone }, callable: false, campaigns: .s }" } }));
    let body = json!({ "unmapped": 1, "source": "people", "org": "ranked", "extent": "item", "pointer": "",
        "arrivedAt": "2026-11-24T16:00:00Z", "item": { "id": "k", "phone": "1", "s": "spring" } });
    park(&served, &body, "unmapped", 1);
    let (_, report, text) = redrive(&served, &[]).await;
    assert_eq!(report["sent"], 1, "{text}");
}

#[tokio::test]
async fn dlq_shows_no_name_of_a_payload() {
    let served = Served::new().await;
    let body = json!({ "unmapped": 1, "source": "people", "extent": "item", "pointer": "/0", "arrivedAt": "2026-11-24T16:00:00Z",
        "headers": { "x-a": CANARY }, "event": { "subject": CANARY, "id": "1", CANARY: 1 }, "item": { CANARY: 1 } });
    park(&served, &body, "unmapped", 1);
    let (_, listed, text) = served.command(&["dlq", "list", "--json"]).await;
    assert!(!text.contains("canary"), "{text}");
    let id = listed["parked"][0]["id"].as_str().unwrap().to_owned();
    let (_, _, shown) = served.command(&["dlq", "show", &id]).await;
    assert!(!shown.contains("canary"), "{shown}");
    let (_, _, table) = served.command(&["dlq", "list"]).await;
    assert!(
        table.contains("people") && !table.contains("canary"),
        "{table}"
    );
}

#[tokio::test]
async fn a_second_redrive_by_another_mapping_loses_no_change() {
    let served = Served::new().await;
    let secret = |program: &str| json!({ "auth": "bearer", "bearerTokens": [TOKEN], "org": "ranked", "campaignId": "c", "mapping": { "jq": program } });
    served.put_source(
        "people",
        &secret("{ contactKey: .id, version: 1, data: {} }"),
    );
    let body = json!({ "unmapped": 1, "source": "people", "org": "ranked", "extent": "item", "pointer": "",
        "arrivedAt": "2026-11-24T16:00:00Z", "item": { "id": "k", "out": true } });
    park(&served, &body, "unmapped", 1);
    served
        .sqs
        .refuse_deletes_of(&format!("unmapped/people/{:032x}", 1), 2);
    redrive(&served, &[]).await;
    served.put_source(
        "people",
        &secret("{ contactKey: .id, version: 1, data: {}, callable: (.out | not) }"),
    );
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    redrive(&served, &[]).await;
    let bodies: Vec<_> = served
        .queue
        .messages()
        .into_iter()
        .map(|sent| sent.body)
        .collect();
    assert!(
        served.dead_letters.messages().len() == 1
            || bodies
                .iter()
                .any(|body| body.contains("\"callable\":false"))
    );
}
