//! One bad item of a webhook costs only itself. If the source parks, the other items are queued and
//! the bad one is parked (docs/contract.md "Unmapped items"). `mapped` has sources with a mapping;
//! redriving what was parked is in `dlq_ingest`.

mod mapped;

use io::queue::Message;
use lambda_http::{Body, Request};
use serde_json::{Value, json};

use crate::support::ingest::{SECRET, World, change, queued};

const CANARY: &str = "+13175550100-canary";

fn parks(mapping: Option<Value>) -> Value {
    let mut secret =
        json!({ "signingSecrets": [SECRET], "org": "acme", "campaignId": "c1", "onFault": "park" });
    if let Some(mapping) = mapping {
        secret["mapping"] = mapping;
    }
    secret
}

/// A world whose source parks.
fn world(mapping: Option<Value>) -> World {
    let world = World::new();
    world.put(parks(mapping));
    world
}

impl World {
    fn parked(&self) -> Vec<Message> {
        self.dead_letters.messages()
    }

    async fn send_body(&self, body: &Value) -> (u16, Value) {
        let request = self.signed("/webhooks/crm", &body.to_string());
        let (status, answer, _) = self.send(request).await;
        (status, answer)
    }
}

fn attribute<'a>(message: &'a Message, name: &str) -> &'a str {
    let mut attributes = message.attributes.iter();
    let found = attributes.find(|(other, _)| *other == name);
    found.map_or("", |(_, text)| text)
}

fn body(message: &Message) -> Value {
    serde_json::from_str(&message.body).unwrap()
}

#[tokio::test(start_paused = true)]
async fn one_bad_change_of_three_costs_only_itself() {
    let world = world(None);
    let bad = json!({ "eventId": "e", "contactKey": "b", "callabel": false, "data": { "phone": CANARY } });
    let changes = json!({ "changes": [change("a", 1), bad, change("c", 3)] });
    assert_eq!(
        world.send_body(&changes).await,
        (202, json!({ "accepted": 2, "parked": 1 }))
    );
    assert_eq!(world.queued(), queued(&[("a", 1), ("c", 3)]));
    let [parked] = &world.parked()[..] else {
        panic!("not one is parked");
    };
    assert_eq!(attribute(parked, "reason"), "unmapped");
    assert_eq!(
        attribute(parked, "detail"),
        "source crm, the item /changes/1: an unknown member: expected only the fields of schema 1 (unknownField)"
    );
    assert_eq!(
        attribute(parked, "firstReceivedAt"),
        world.now().to_string()
    );
    let hash = &parked.deduplication_id[..32];
    assert_eq!(parked.group, format!("unmapped/crm/{hash}"));
    assert_eq!(
        body(parked),
        json!({
            "unmapped": 1, "source": "crm", "org": "acme", "extent": "item", "pointer": "/changes/1",
            "arrivedAt": world.now().to_string(), "item": bad,
        })
    );
    let told = world.take_told();
    assert!(
        told.iter().any(|told| told.starts_with("unmapped crm 1: ")),
        "{told:?}"
    );
    assert!(!told.iter().any(|told| told.contains(CANARY)), "{told:?}");

    // The sender got no answer, and sends the same again.
    assert_eq!(world.send_body(&changes).await.0, 202);
    assert_eq!((world.queued().len(), world.parked().len()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_cannot_be_split_is_parked_whole() {
    let world = world(None);
    for (text, extent, shown) in [
        ("{\"changes\": 7}", "body", json!({ "changes": 7 })),
        ("no json, \u{FFFE} but a text", "item", Value::Null),
    ] {
        let request = world.signed("/webhooks/crm", text);
        let (status, answer, _) = world.send(request).await;
        assert_eq!(
            (status, answer),
            (202, json!({ "accepted": 0, "parked": 1 })),
            "{text}"
        );
        let all = world.parked();
        let found = body(all.last().unwrap());
        assert_eq!((&found["extent"], &found["item"]), (&json!(extent), &shown));
        if shown.is_null() {
            assert_eq!(found["text"], text);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn while_the_dead_letter_queue_takes_nothing_the_sender_sends_again() {
    let world = world(None);
    let changes = json!({ "changes": [change("a", 1), { "contactKey": "b" }] });
    world.sqs.refuse_entry("\"unmapped\":1", false);
    assert_eq!(
        world.send_body(&changes).await,
        (503, json!({ "error": "unavailable", "accepted": 1 })),
        "the good one is in the queue"
    );
    assert!(world.parked().is_empty());
    assert_eq!(
        world.send_body(&changes).await,
        (202, json!({ "accepted": 1, "parked": 1 }))
    );
    assert_eq!(world.queued(), queued(&[("a", 1)]), "once");
    assert_eq!(world.parked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_item_that_sqs_never_takes_is_parked_and_those_behind_it_are_queued() {
    let world = world(None);
    world.sqs.refuse_entry("\"contactKey\":\"b\"", true);
    let keys = ["a", "b", "c", "b", "d"];
    let changes: Vec<_> = keys
        .iter()
        .zip(1..)
        .map(|(key, n)| change(key, n))
        .collect();
    assert_eq!(
        world.send_body(&json!({ "changes": changes })).await,
        (202, json!({ "accepted": 4, "parked": 1 }))
    );
    let mut all = world.queued();
    all.sort();
    assert_eq!(all, queued(&[("a", 1), ("b", 4), ("c", 3), ("d", 5)]));
    assert_eq!(body(&world.parked()[0])["item"], change("b", 2));
}

#[tokio::test(start_paused = true)]
async fn by_default_a_source_refuses_the_request_and_queues_nothing() {
    let world = World::new();
    let changes = json!({ "changes": [change("a", 1), { "contactKey": "b" }] });
    let (status, answer) = world.send_body(&changes).await;
    assert_eq!((status, &answer["error"]), (400, &json!("invalidChange")));
    assert!(world.queued().is_empty() && world.parked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_opt_out_takes_effect_before_its_item_is_parked() {
    for (mapping, said) in [
        (
            None,
            json!({ "eventId": "e", "contactKey": "b", "version": 7, "callable": false, "data": { "phone": [CANARY] } }),
        ),
        (
            None,
            json!({ "eventId": "e", "contactKey": "b", "version": 7, "operation": "remove", "odd": CANARY }),
        ),
        (
            Some(mapped::people()),
            mapped::person(
                "b",
                &json!({ "calls": false, "phone": [CANARY], "at": "1970-01-01T00:00:00.007Z" }),
            ),
        ),
        (
            Some(mapped::people()),
            mapped::person(
                "b",
                &json!({ "calls": false, "age": { "years": 7 }, "at": "1970-01-01T00:00:00.007Z" }),
            ),
        ),
    ] {
        let body = match mapping {
            None => json!({ "changes": [said] }),
            Some(_) => json!({ "people": [said] }),
        };
        let world = world(mapping);
        assert_eq!(
            world.send_body(&body).await,
            (202, json!({ "accepted": 1, "parked": 1 })),
            "{body}"
        );
        assert_eq!(world.parked().len(), 1);
        let heard: Value = serde_json::from_str(&world.take_queued()[0]).unwrap();
        assert_eq!(
            (
                &heard["contactKey"],
                &heard["callable"],
                &heard["version"],
                &heard["data"]
            ),
            (&json!("b"), &json!(false), &json!(7), &json!({}))
        );
    }
}

fn event(id: &str, data: &Value) -> Value {
    json!({ "specversion": "1.0", "id": id, "source": "/crm", "type": "t", "time": "2026-11-24T15:59:00Z", "data": data })
}

impl World {
    fn of_type(&self, media_type: &'static str, body: &Value) -> Request {
        let mut request = self.signed("/webhooks/crm", &body.to_string());
        let media_type = http::HeaderValue::from_static(media_type);
        request.headers_mut().insert("content-type", media_type);
        request
    }
}

#[tokio::test(start_paused = true)]
async fn every_source_takes_cloud_events_one_or_many() {
    let world = World::new();
    let data = json!({ "contactKey": "a", "version": 1, "data": {} });
    let one = event("1", &data);
    let batch = json!([
        event("2", &json!({ "changes": [change("b", 2)] })),
        event("3", &change("c", 3))
    ]);
    for (media_type, body, accepted) in [
        ("application/cloudevents+json; charset=utf-8", &one, 1),
        ("application/cloudevents-batch+json", &batch, 2),
        ("application/vnd.acme+json", &change("d", 4), 1),
    ] {
        let (status, answer, _) = world.send(world.of_type(media_type, body)).await;
        assert_eq!((status, answer), (202, json!({ "accepted": accepted })));
    }
    assert_eq!(
        world.queued(),
        queued(&[("a", 1), ("b", 2), ("c", 3), ("d", 4)])
    );
    let first: Value = serde_json::from_str(&world.take_queued()[0]).unwrap();
    assert_eq!(first["occurredAt"], "2026-11-24T15:59:00Z");
    assert!(first["eventId"].as_str().unwrap().starts_with("ce-"));

    let (status, answer, _) = world
        .send(world.of_type(
            "application/cloudevents-batch+json",
            &json!([one, { "id": "4" }]),
        ))
        .await;
    let pointer = &answer["details"][0]["pointer"];
    assert_eq!((status, pointer), (400, &json!("/1/source")));
}

#[tokio::test(start_paused = true)]
async fn event_attributes_in_headers_are_accepted_with_a_token_and_refused_with_a_signature() {
    let world = World::new();
    let binary = |mut request: Request| {
        for (name, value) in [
            ("ce-specversion", "1.0"),
            ("ce-id", "7"),
            ("ce-source", "s"),
            ("ce-type", "t"),
        ] {
            let value = http::HeaderValue::from_static(value);
            request.headers_mut().insert(name, value);
        }
        request
    };
    let data = json!({ "contactKey": "a", "version": 1, "data": {} });
    let (status, answer, _) = world
        .send(binary(world.of_type("application/json", &data)))
        .await;
    let told = answer["details"][0]["message"].as_str().unwrap_or_default();
    assert_eq!(status, 400);
    assert!(told.contains("not over the ce- headers"), "{told}");

    world.put_as(
        "crm2",
        &json!({ "auth": "bearer", "bearerTokens": ["a-token-of-the-crm"], "org": "acme", "campaignId": "c1" }),
    );
    let request = http::Request::post("/webhooks/crm2")
        .header("content-type", "application/json")
        .header("authorization", "Bearer a-token-of-the-crm")
        .body(Body::Text(data.to_string()))
        .unwrap();
    let (status, answer, _) = world.send(binary(request)).await;
    assert_eq!((status, answer), (202, json!({ "accepted": 1 })));
}

#[tokio::test(start_paused = true)]
async fn an_options_request_is_answered_that_events_may_be_sent() {
    let world = World::new();
    for path in ["/webhooks/crm", "/webhooks/nobody"] {
        let request = http::Request::options(path)
            .header("webhook-request-origin", "eventemitter.example.com")
            .body(Body::Empty)
            .unwrap();
        let answer = ingest::handle(&world.context, request).await;
        assert_eq!(answer.status(), 200);
        let header = |name: &str| answer.headers()[name].to_str().unwrap();
        assert_eq!(header("allow"), "POST, OPTIONS");
        assert_eq!(header("webhook-allowed-origin"), "*");
        assert_eq!(header("webhook-allowed-rate"), "*");
    }
    let plain = http::Request::options("/webhooks/crm").body(Body::Empty);
    let answer = ingest::handle(&world.context, plain.unwrap()).await;
    assert!(!answer.headers().contains_key("webhook-allowed-origin"));
}
