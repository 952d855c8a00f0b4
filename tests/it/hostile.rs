//! Attacks by somebody who has been let in, or who eavesdrops on such a sender. Attacks by anybody
//! else are in `ingest_strangers`, and the texts that must stay secret in `secrecy`.

mod reconcile_by_api;
mod redriven;
mod secrecy;

use std::collections::BTreeSet;

use lambda_http::{Body, Request};
use serde_json::{Value, json};

use crate::support::ingest::{SECRET, World, change};

const TOKEN: &str = "a-token-of-24-characters";
const CANARY: &str = "ada@example.com-canary";

/// A source with a secret header, which is how most vendors authenticate.
fn by_header(more: Value) -> Value {
    let mut secret =
        json!({ "auth": { "header": { "name": "x-api-key", "values": [TOKEN] } }, "org": "acme" });
    secret
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    secret
}

fn request(media_type: &str, headers: &[(&str, &str)], body: String) -> Request {
    let mut request = http::Request::post("/webhooks/crm")
        .header("content-type", media_type)
        .header("x-api-key", TOKEN);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::Text(body)).unwrap()
}

async fn sent(world: &World, body: &Value) -> (u16, Value) {
    let (status, answer, _) = world
        .send(request("application/json", &[], body.to_string()))
        .await;
    (status, answer)
}

fn world(more: Value) -> World {
    let world = World::new();
    world.put(by_header(more));
    world
}

fn bodies(world: &World) -> Vec<Value> {
    let all = world.take_queued().into_iter();
    all.map(|body| serde_json::from_str(&body).unwrap())
        .collect()
}

fn parked(world: &World) -> Vec<Value> {
    let all = world.dead_letters.messages().into_iter();
    all.map(|message| serde_json::from_str(&message.body).unwrap())
        .collect()
}

fn cdc(ids: usize) -> Value {
    let ids: Vec<_> = (0..ids).map(|n| format!("003RM{n:013}")).collect();
    json!({ "detail": { "payload": { "ChangeEventHeader": { "entityName": "Contact", "recordIds": ids, "changeType": "UPDATE",
        "transactionKey": "t", "sequenceNumber": 1, "commitTimestamp": 1_795_536_001_000_i64, "nulledFields": [], "diffFields": [],
        "changedFields": ["DoNotCall", "LastModifiedDate"] },
        "DoNotCall": true, "LastModifiedDate": "2026-11-24T16:00:00.000Z" } } })
}

fn cdc_mapping() -> Value {
    json!({ "preset": "salesforceCdc", "columns": { "Phone": "phone" }, "optOut": { "field": "DoNotCall" } })
}

/// A transaction of many records is one change event with many ids (docs/crm/salesforce.md). All of
/// them opt out.
#[tokio::test(start_paused = true)]
async fn every_opt_out_of_a_large_transaction_takes_effect() {
    let world = world(json!({ "campaignId": "c1", "mapping": cdc_mapping() }));
    assert_eq!(sent(&world, &cdc(1_500)).await.0, 202);
    let all = bodies(&world);
    let opted_out = all.iter().filter(|body| body["callable"] == false);
    let keys: BTreeSet<_> = opted_out
        .map(|body| body["contactKey"].to_string())
        .collect();
    assert_eq!((all.len(), keys.len()), (1_500, 1_500));
}

#[tokio::test(start_paused = true)]
async fn the_opt_outs_of_a_body_that_is_parked_whole_take_effect() {
    let opt_out =
        json!({ "eventId": "e", "contactKey": "k0", "version": 1, "callable": false, "data": {} });
    let many = (0..101).map(|n| {
        let mut one = change(&format!("k{n}"), 1);
        one["callable"] = json!(false);
        one
    });
    for (what, body, opt_outs) in [
        (
            "101 changes",
            json!({ "changes": many.collect::<Vec<_>>() }),
            101,
        ),
        (
            "a member beside",
            json!({ "changes": [opt_out], "sentAt": 1 }),
            1,
        ),
        ("a bare list", json!([opt_out]), 1),
    ] {
        let world = world(json!({ "campaignId": "c1", "onFault": "park" }));
        let answered = sent(&world, &body).await;
        assert_eq!(answered.0, 202, "{what}: {answered:?}");
        let all = bodies(&world);
        assert!(all.iter().all(|body| body["callable"] == false), "{all:?}");
        let keys: BTreeSet<_> = all
            .iter()
            .map(|body| body["contactKey"].to_string())
            .collect();
        assert_eq!((all.len(), keys.len()), (opt_outs, opt_outs), "{what}");
        let parked = parked(&world);
        assert_eq!(parked.len(), 1, "{what}: {parked:?}");
        assert_eq!(parked[0]["item"], body, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_of_a_deletion_without_data_is_a_removal() {
    let world = world(
        json!({ "campaignId": "c1", "mapping": { "preset": "cloudevents", "key": "ce-subject",
        "columns": { "phone": "phone" }, "optOut": { "field": "doNotCall" },
        "remove": { "field": "ce-type", "values": ["com.acme.contact.deleted"] } } }),
    );
    let event = json!({ "specversion": "1.0", "id": "1", "source": "/crm", "type": "com.acme.contact.deleted", "subject": "LEAD-1", "time": "2026-11-24T16:00:02Z" });
    // A program that accepts anything gets the same event.
    let jq = World::new();
    jq.put(by_header(json!({ "campaignId": "c1", "mapping": { "jq": "{ contactKey: $cloudevent.subject, operation: \"remove\" }" } })));
    for world in [world, jq] {
        let event = request("application/cloudevents+json", &[], event.to_string());
        assert_eq!(world.send(event).await.0, 202);
        let all = bodies(&world);
        let removals: Vec<_> = all
            .iter()
            .map(|body| json!([body["contactKey"], body["operation"]]))
            .collect();
        assert_eq!(removals, [json!(["LEAD-1", "remove"])], "{all:?}");
        assert!(parked(&world).is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn an_opt_out_in_an_event_without_an_attribute_takes_effect() {
    let world = world(json!({ "campaignId": "c1", "onFault": "park" }));
    let event = json!([{ "specversion": "1.0", "id": "1", "source": "/crm", "data": { "contactKey": "k", "version": 1, "callable": false, "data": {} } }]);
    let event = request("application/cloudevents-batch+json", &[], event.to_string());
    assert_eq!(world.send(event).await.0, 202);
    let all = bodies(&world);
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(
        (&all[0]["contactKey"], &all[0]["callable"]),
        (&json!("k"), &json!(false))
    );
    assert_eq!(parked(&world).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_binary_event_that_lacks_an_attribute_is_parked() {
    let world = world(json!({ "campaignId": "c1", "onFault": "park" }));
    let body =
        json!({ "contactKey": "k", "version": 1, "callable": false, "data": {} }).to_string();
    let lacks_the_type = [
        ("ce-specversion", "1.0"),
        ("ce-id", "1"),
        ("ce-source", "s"),
    ];
    let event = request("application/json", &lacks_the_type, body);
    let (status, answer, _) = world.send(event).await;
    assert_eq!((status, &answer["parked"]), (202, &json!(1)), "{answer}");
    assert_eq!(parked(&world).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stranger_is_answered_401_whatever_the_event_lacks() {
    let world = world(json!({ "campaignId": "c1", "onFault": "park" }));
    let request = http::Request::post("/webhooks/crm")
        .header("content-type", "application/json")
        .header("ce-specversion", "1.0");
    let (status, _, _) = world
        .send(request.body(Body::Text("{}".to_owned())).unwrap())
        .await;
    assert_eq!(status, 401);
}

#[tokio::test(start_paused = true)]
async fn whatever_cannot_be_mapped_is_parked() {
    use base64::Engine;
    let mapping = json!({ "campaignId": "c1", "mapping": { "jq": "error(\"no\")" } });
    let zeros = base64::engine::general_purpose::STANDARD.encode(vec![0_u8; 190_000]);
    let third = base64::engine::general_purpose::STANDARD.encode(vec![0_u8; 60_000]);
    let event = |data: &str, id: u32| json!({ "specversion": "1.0", "id": id.to_string(), "source": "/crm", "type": "t", "data_base64": data });
    for (what, media_type, body, expected) in [
        ("a text of control characters", "application/json", "\u{1}".repeat(200_000), 1),
        ("an event of zeros", "application/cloudevents+json", event(&zeros, 1).to_string(), 1),
        ("three events of zeros", "application/cloudevents-batch+json", json!([event(&third, 1), event(&third, 2), event(&third, 3)]).to_string(), 3),
        ("an event with a long attribute and a list", "application/cloudevents+json",
         json!({ "specversion": "1.0", "id": "1", "source": "/crm", "type": "t", "note": "x".repeat(120_000), "data": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] }).to_string(), 10),
    ] {
        let world = world(mapping.clone());
        for _ in 0..3 {
            let (status, _, _) = world.send(request(media_type, &[], body.clone())).await;
            assert_eq!(status, 202, "{what}");
        }
        // The queue drops what is parked again within five minutes.
        assert_eq!(parked(&world).len(), expected, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_opt_out_takes_effect_where_the_header_names_no_changed_fields() {
    for changed in [
        Value::Null,
        json!([]),
        json!("DoNotCall"),
        json!({ "array": ["DoNotCall"] }),
    ] {
        for opts_out in [true, false] {
            let world = world(json!({ "campaignId": "c1", "mapping": cdc_mapping() }));
            let mut body = cdc(2);
            let payload = &mut body["detail"]["payload"];
            payload["ChangeEventHeader"]["changedFields"] = changed.clone();
            if !opts_out {
                payload["DoNotCall"] = Value::Null;
            }
            assert_eq!(sent(&world, &body).await.0, 202, "{changed}");
            let all = bodies(&world);
            let are_out = all.iter().all(|body| body["callable"] == false);
            let expected = if opts_out { 2 } else { 0 };
            assert_eq!((all.len(), are_out), (expected, true), "{changed}: {all:?}");
            assert_eq!(parked(&world).len(), 1, "{changed}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_removal_of_another_type_makes_nobody_callable() {
    let flow = json!({ "preset": "salesforcePlatformEvent", "key": "Key__c", "columns": { "Phone__c": "phone" }, "optOut": { "field": "Dnc__c" }, "remove": { "field": "Deleted__c" } });
    let zoho = json!({ "preset": "zohoWorkflow", "columns": { "Phone": "phone" }, "optOut": { "field": "Dnc", "values": ["true"] }, "remove": { "field": "deleted" } });
    let events = json!({ "preset": "cloudevents", "key": "id", "version": "at", "columns": { "phone": "phone" }, "optOut": { "field": "dnc" }, "remove": { "field": "deleted" } });
    let of_flow = |deleted: Value| json!({ "Key__c": "k", "Phone__c": "1", "Dnc__c": false, "LastModifiedDate__c": 1_795_536_000_123_i64, "Deleted__c": deleted });
    let of_events = |deleted: Value| json!({ "specversion": "1.0", "id": "1", "source": "s", "type": "t", "data": { "id": "k", "at": 7, "phone": "1", "dnc": false, "deleted": deleted } });
    let mut raised = Vec::new();
    for (what, mapping, body) in [
        ("flow: text", &flow, of_flow(json!("true"))),
        ("flow: number", &flow, of_flow(json!(1))),
        ("flow: null", &flow, of_flow(Value::Null)),
        (
            "zoho: text, as Zoho always sends it, and the default values",
            &zoho,
            json!({ "id": "k", "Phone": "1", "Dnc": "false", "Modified_Time": "2026-11-24T16:00:00Z", "deleted": "true" }),
        ),
        (
            "zoho: True",
            &json!({ "preset": "zohoWorkflow", "columns": {}, "optOut": { "field": "Dnc", "values": ["true"] }, "remove": { "field": "deleted", "values": ["true"] } }),
            json!({ "id": "k", "Phone": "1", "Dnc": "false", "Modified_Time": "2026-11-24T16:00:00Z", "deleted": "True" }),
        ),
        ("cloudevents: text", &events, of_events(json!("true"))),
    ] {
        let world = world(json!({ "campaignId": "c1", "mapping": mapping }));
        // A mapping of Zoho that could not tell a removal by its texts is refused as a whole.
        let expected = if what.starts_with("zoho") { 503 } else { 202 };
        assert_eq!(sent(&world, &body).await.0, expected, "{what}");
        let said: Vec<_> = bodies(&world)
            .into_iter()
            .map(|body| json!([body["operation"], body["callable"], body["data"]]))
            .collect();
        if said.iter().any(|said| said[1] == true) {
            raised.push(what);
        }
    }
    assert!(raised.is_empty(), "{raised:?}");
}
