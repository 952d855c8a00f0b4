//! A source with a mapping: each item by itself becomes changes, is ignored, or is parked. Sources
//! without a mapping are in [`super`].

use serde_json::{Value, json};

use super::{CANARY, attribute, parks, world};
use crate::support::ingest::World;

/// The shape of a CRM: a list of people, one of whom must not be called.
pub(super) fn people() -> Value {
    json!({
        "items": "/people",
        "jq": "select(.kind == \"person\") | { eventId: \"\\(.id)-\\(.at)\", contactKey: .id, version: (.at | ms), data: { phone: .phone, age: .age }, \
               callable: (if .calls == null then error(\"calls is missing\") else .calls end) }",
    })
}

pub(super) fn person(id: &str, rest: &Value) -> Value {
    let mut person = json!({ "kind": "person", "id": id, "at": "2026-11-24T15:00:00.001Z", "phone": CANARY, "age": 1.50 });
    person
        .as_object_mut()
        .unwrap()
        .extend(rest.as_object().unwrap().clone());
    person
}

#[tokio::test(start_paused = true)]
async fn a_mapping_makes_changes_of_each_item_and_ignores_or_parks_the_others() {
    let mut secret = parks(Some(people()));
    secret.as_object_mut().unwrap().remove("onFault");
    let world = World::new();
    world.put(secret);
    let body = json!({ "people": [
        person("a", &json!({ "calls": false })), person("b", &json!({})), { "kind": "deal" }, person("", &json!({ "calls": true })),
    ] });
    assert_eq!(
        world.send_body(&body).await,
        (202, json!({ "accepted": 1, "parked": 2 }))
    );
    let queued: Value = serde_json::from_str(&world.take_queued()[0]).unwrap();
    assert_eq!(
        queued,
        json!({
            "schema": 1, "eventId": "a-2026-11-24T15:00:00.001Z", "org": "acme", "campaignId": "c1", "contactKey": "a", "source": "crm",
            "version": 1_795_532_400_001_u64, "data": { "phone": CANARY, "age": "1.5" }, "callable": false,
        })
    );
    let parked = world.parked();
    let details: Vec<_> = parked
        .iter()
        .map(|parked| attribute(parked, "detail"))
        .collect();
    assert_eq!(
        details,
        [
            "source crm, the item /people/1: jq: the program failed: calls is missing",
            "source crm, the item /people/3: in a change that the mapping makes, contactKey: expected 1 to 255 bytes, without control \
             characters, U+FFFE and U+FFFF, and neither . nor .. (wrongFormat)",
        ]
    );
    assert_eq!(body["people"][1], super::body(&parked[0])["item"]);

    let nothing = json!({ "people": [{ "kind": "deal" }] });
    assert_eq!(
        world.send_body(&nothing).await,
        (202, json!({ "accepted": 0, "parked": 0 }))
    );
    let (status, answer) = world.send_body(&json!({ "persons": [] })).await;
    assert_eq!(
        (status, answer),
        (202, json!({ "accepted": 0, "parked": 1 }))
    );
    let told = world.take_told().concat();
    assert!(!told.contains(CANARY), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_source_with_a_mapping_refuses_where_its_secret_says_so() {
    let mut secret = parks(Some(people()));
    secret["onFault"] = json!("refuse");
    let world = World::new();
    world.put(secret);
    let body =
        json!({ "people": [person("a", &json!({ "calls": false })), person("b", &json!({}))] });
    let (status, answer) = world.send_body(&body).await;
    assert_eq!(
        (status, answer),
        (
            400,
            json!({ "error": "invalidChange", "details": [{
            "pointer": "/people/1", "code": "unmapped", "message": "jq: the program failed: calls is missing",
        }] })
        )
    );
    assert!(world.queued().is_empty() && world.parked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn too_long_or_too_many_items_are_parked_as_one() {
    let program = json!({ "jq": "error(\"none\")" });
    for (text, extent) in [
        (format!("[{}0]", "0,".repeat(1_000)), "body"),
        ("\u{1}".repeat(200_000), "body"),
        ("null".to_owned(), "body"),
    ] {
        let world = world(Some(program.clone()));
        let request = world.signed("/webhooks/crm", &text);
        let (status, answer, _) = world.send(request).await;
        assert_eq!(
            (status, answer),
            (202, json!({ "accepted": 0, "parked": 1 }))
        );
        let parked = &world.parked()[0];
        assert_eq!(super::body(parked)["extent"], extent);
        assert!(parked.body.len() < 1 << 19, "{}", parked.body.len());
        assert!(ingest::webhook::Unmapped::parse(&parked.body).is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn large_items_are_parked_by_several_calls() {
    let world = world(Some(json!({ "jq": "error(\"none\")" })));
    let items: Vec<_> = (0..12)
        .map(|n| json!({ "n": n, "text": "x".repeat(20_000) }))
        .collect();
    let (status, answer) = world.send_body(&json!(items)).await;
    assert_eq!(
        (status, answer),
        (202, json!({ "accepted": 0, "parked": 12 }))
    );
    assert_eq!(world.parked().len(), 12);
}

#[tokio::test(start_paused = true)]
async fn no_mapping_sees_credentials() {
    let mapping = json!({ "jq": ".", "headers": ["X-Webhook-Token"] });
    for (auth, expected) in [
        (
            json!({ "header": { "name": "x-webhook-token", "values": ["a-token-of-the-crm"] } }),
            "mapping: expected headers without the one that shows who sends",
        ),
        (
            json!({ "preset": "github", "secrets": ["a-secret-of-the-crm"] }),
            "mapping: expected no headers beside a signature",
        ),
        (
            json!({ "header": { "name": "ce-token", "values": ["a-token-of-the-crm"] } }),
            "name: expected the name of a header",
        ),
    ] {
        let world = World::new();
        world.put(json!({ "auth": auth, "mapping": mapping }));
        assert_eq!(world.send(world.signed("/webhooks/crm", "{}")).await.0, 503);
        let told = world.take_told().concat();
        assert!(told.contains(expected), "{told}");
    }
}
