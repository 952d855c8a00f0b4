//! The bodies of vendors, corrupted in any way, for a source with each preset. Nothing panics, each
//! item is queued, ignored or parked, and nothing of it is logged. Bodies of sources without a
//! mapping are in [`super`].

use mapping::PRESETS;
use serde_json::json;

use super::*;

/// One body for each vendor. A canary stands wherever a person's data would.
fn samples() -> Vec<(Value, &'static str)> {
    let hubspot = |kind: &str| {
        json!({
            "eventId": 3_816_279_340_u64, "subscriptionId": 25, "portalId": 33, "occurredAt": 1_764_000_000_123_u64,
            "subscriptionType": kind, "attemptNumber": 0, "objectId": 1_246_965, "propertyName": "phone",
            "propertyValue": "canary-value", "mergedObjectIds": [7], "newObjectId": 8, "primaryObjectId": 9,
        })
    };
    let salesforce = json!({ "id": "e", "detail": { "payload": {
        "ChangeEventHeader": {
            "entityName": "Contact", "recordIds": ["canary-key"], "changeType": "UPDATE", "transactionKey": "t",
            "sequenceNumber": 1, "commitTimestamp": 1_764_000_000_000_u64, "nulledFields": [], "diffFields": [],
            "changedFields": ["Phone", "DoNotCall", "LastModifiedDate"],
        },
        "Phone": "canary-value", "DoNotCall": true, "LastModifiedDate": "2025-11-24T16:00:00.000Z", "Id": "canary-key",
    } } });
    let attributes = json!([
        { "key": "phone", "value": "canary-value" }, { "key": "donotcall", "value": true },
        { "key": "modifiedon", "value": "/Date(1764000000000)/" },
    ]);
    let dataverse = json!({
        "InputParameters": [{ "key": "Target", "value": { "Attributes": attributes } }], "MessageName": "Update",
        "OperationCreatedOn": "/Date(1764000001000-0700)/", "OperationId": "o", "PrimaryEntityId": "canary-key",
        "PrimaryEntityName": "contact", "PostEntityImages": [], "PreEntityImages": [],
    });
    let pipedrive = json!({
        "data": { "id": 8, "first_name": "canary-value", "phones": [{ "value": "canary-value", "primary": true }],
                  "custom_fields": { "off": { "type": "enum", "id": 17 } }, "update_time": "2026-11-24T15:18:35Z" },
        "previous": {}, "meta": { "action": "change", "entity": "person", "entity_id": "8", "id": "i",
                                  "timestamp": "2026-11-24T15:18:35.616Z" },
    });
    let flat = json!({
        "id": "canary-key", "Id": "canary-key", "vid": 7, "phone": "canary-value", "Modified_Time": "2026-11-24T21:30:00+05:30",
        "lastmodifieddate": "1764000000123", "do_not_call": "true", "DoNotCall": true, "version": 7,
        "properties": { "phone": { "value": "canary-value" }, "do_not_call": { "value": "true" } },
    });
    let event = json!({
        "specversion": "1.0", "id": "1", "source": "s", "type": "t", "subject": "canary-key",
        "time": "2026-11-24T16:00:00Z", "data": flat,
    });
    vec![
        (
            json!([
                hubspot("contact.propertyChange"),
                hubspot("contact.deletion"),
                hubspot("contact.merge")
            ]),
            "/0/subscriptionType",
        ),
        (salesforce, "/detail/payload/ChangeEventHeader/entityName"),
        (dataverse, "/PrimaryEntityName"),
        (pipedrive, "/meta/entity"),
        (flat, ""),
        (event, ""),
    ]
}

/// The index of the sample that belongs to the preset.
fn own(preset: &str) -> usize {
    match preset {
        "hubspot" => 0,
        "salesforceCdc" => 1,
        "dataverse" => 2,
        "pipedrive" => 3,
        "cloudevents" => 5,
        _ => 4,
    }
}

fn mapping_of(preset: &str) -> Value {
    let (field, values, callable) = match preset {
        "hubspot" | "hubspotWorkflow" | "zohoWorkflow" => {
            ("do_not_call", json!(["true"]), json!(["false", ""]))
        }
        "dataverse" => ("donotcall", json!([true]), json!([false])),
        "pipedrive" => ("off", json!([17]), json!([18, null])),
        _ => ("DoNotCall", json!([true]), json!([false])),
    };
    let mut mapping = json!({
        "preset": preset, "columns": { "phone": "phone", "Phone": "mobile", "first_name": "firstName" },
        "optOut": { "field": field, "values": values, "callable": callable },
    });
    if preset == "salesforcePlatformEvent" {
        mapping["key"] = json!("Id");
    }
    mapping
}

fn secret(preset: &str) -> Value {
    json!({
        "auth": "bearer", "bearerTokens": [TOKEN], "org": "acme", "campaignId": "c1",
        "mapping": mapping_of(preset),
    })
}

/// Every place in a value.
fn places(value: &Value, at: &str, into: &mut Vec<String>) {
    into.push(at.to_owned());
    match value {
        Value::Object(members) => members
            .iter()
            .for_each(|(name, value)| places(value, &format!("{at}/{name}"), into)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(n, value)| places(value, &format!("{at}/{n}"), into)),
        _ => {}
    }
}

/// A preset, and a sample with some values replaced.
fn bodies() -> impl Strategy<Value = (&'static str, String)> {
    let leaf = prop::sample::select(vec![
        json!(null),
        json!(true),
        json!(false),
        json!(-1),
        json!(1e300),
        json!(""),
        json!("canary-other"),
        json!([]),
        json!({}),
        json!([["canary-other"]]),
        json!({ "Value": 2 }),
        json!("/Date(1e9)/"),
        json!("2026-13-40T99:00:00Z"),
        json!(18_446_744_073_709_551_615_u64),
    ]);
    let change = (any::<prop::sample::Index>(), leaf);
    let changes = prop::collection::vec(change, 0..3);
    let preset = prop::sample::select(PRESETS.to_vec());
    let draw = (any::<prop::sample::Index>(), 0..20_u8);
    (preset, changes, draw).prop_map(|(preset, changes, (any, draw))| {
        let mut samples = samples();
        let place = if draw < 4 {
            any.index(samples.len())
        } else {
            own(preset)
        };
        let (mut sample, about) = samples.swap_remove(place);
        if let (4..8, Some(about)) = (draw, sample.pointer_mut(about)) {
            *about = json!("deal");
        }
        for (place, leaf) in changes {
            let mut all = Vec::new();
            places(&sample, "", &mut all);
            if let Some(value) = sample.pointer_mut(&all[place.index(all.len())]) {
                *value = leaf;
            }
        }
        let text = sample.to_string();
        let end = if draw == 0 {
            any.index(text.len() + 1)
        } else {
            text.len()
        };
        (preset, text[..end].to_owned())
    })
}

const TOKEN: &str = "canary-token-of-the-crm";
const MEDIA_TYPES: [&str; 6] = [
    "application/json",
    "application/json",
    "application/json",
    "application/vnd.acme+json",
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
];

#[test]
fn corrupted_bodies_of_vendors_do_no_harm() {
    let quiet = Quiet::new();
    for preset in PRESETS {
        quiet
            .world
            .put_as(&preset.to_ascii_lowercase(), &secret(preset));
    }
    let counts = Mutex::new(std::collections::BTreeMap::<&str, u64>::new());
    let media_type = prop::sample::select(MEDIA_TYPES.to_vec());
    let ran = Quiet::runner().run(
        &(media_type, bodies(), any::<bool>()),
        |(media_type, (preset, body), is_event)| {
            let mut request =
                http::Request::post(format!("/webhooks/{}", preset.to_ascii_lowercase()))
                    .header("content-type", media_type)
                    .header("authorization", format!("Bearer {TOKEN}"))
                    .header(
                        "x-ms-dynamics-msg-size-exceeded",
                        if is_event { "false" } else { "true" },
                    );
            if is_event {
                let attributes = [
                    ("ce-specversion", "1.0"),
                    ("ce-id", "1"),
                    ("ce-source", "canary-source"),
                    ("ce-type", "t"),
                ];
                for (name, value) in attributes {
                    request = request.header(name, value);
                }
            }
            let request = request.body(lambda_http::Body::Text(body)).unwrap();
            let (status, answer, told) = quiet.send(|_| request);
            prop_assert_eq!(status, 202, "{}", answer);
            let (accepted, parked) = (
                answer["accepted"].as_u64().unwrap(),
                answer["parked"].as_u64().unwrap(),
            );
            let queued = quiet.world.take_queued();
            prop_assert!(queued.len() as u64 <= accepted);
            for body in queued {
                prop_assert!(Change::parse(&body).is_ok(), "{}", body);
            }
            prop_assert!(!told.contains("canary"), "{}", told);
            prop_assert_eq!(told.contains("items parked"), parked > 0, "{}", told);
            let mut counts = counts.lock().unwrap();
            *counts.entry("accepted").or_default() += accepted.min(1);
            *counts.entry("parked").or_default() += parked.min(1);
            *counts.entry("ignored").or_default() += u64::from(accepted + parked == 0);
            Ok(())
        },
    );
    ran.unwrap_or_else(|error| panic!("{error}"));
    let counts = counts.into_inner().unwrap();
    assert!(
        ["accepted", "parked", "ignored"]
            .iter()
            .all(|it| counts[it] > 2_000),
        "it reaches every end: {counts:?}"
    );
}
