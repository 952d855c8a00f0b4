//! Messages that ingest parked, redriven by `dlq redrive` through the repaired mapping of their
//! source. Here ingest itself parks them; `dlq_unmapped` parks items by hand.

use http::Request;
use io::queue::Message;
use lambda_http::Body;
use serde_json::{Value, json};

use crate::support::ingest::World;
use crate::support::served::Served;
use crate::support::{self, CAMPAIGN};

const CANARY: &str = "+13175550100-canary";
const JSON: &str = "application/json";
const EVENT: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";

/// A source with a bearer token and this mapping.
fn source(mapping: &Value) -> Value {
    json!({ "auth": "bearer", "bearerTokens": ["a-token-of-the-crm"], "org": "ranked", "campaignId": CAMPAIGN, "mapping": mapping })
}

/// The messages that ingest parks of one request.
async fn parked(secret: &Value, headers: &[(&str, &str)], body: &str) -> Vec<Message> {
    let world = World::new();
    world.put_as("people", secret);
    send(&world, headers, body).await;
    world.dead_letters.messages()
}

async fn send(world: &World, headers: &[(&str, &str)], body: &str) {
    let mut request = Request::post("/webhooks/people");
    let token = ("authorization", "Bearer a-token-of-the-crm");
    for (name, value) in headers.iter().chain([&token]) {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::Text(body.to_owned())).unwrap();
    let (status, answer, _) = world.send(request).await;
    assert_eq!(status, 202, "{answer}");
}

impl Served {
    /// Redrives what ingest parked, with the source's repaired secret.
    async fn mended(&self, parked: Vec<Message>, secret: &Value) -> (i32, Value, String) {
        self.put_source("people", secret);
        for message in parked {
            self.dead_letters.send(message).unwrap();
        }
        self.command(&["dlq", "redrive", "--rate", "100/s", "--json"])
            .await
    }

    /// The contact key and the phone of each change in the queue.
    fn phones(&self) -> Vec<(String, String)> {
        let sent = self.queue.messages().into_iter().map(|message| {
            let change: Value = serde_json::from_str(&message.body).unwrap();
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            (text(&change["contactKey"]), text(&change["data"]["phone"]))
        });
        sent.collect()
    }
}

fn event(id: &str, data: &Value) -> Value {
    json!({ "specversion": "1.0", "id": id, "source": "/crm", "type": "changed", "data": data })
}

/// A program that fills the phone with this expression.
fn fills(phone: &str) -> String {
    format!("{{ eventId: \"e\", contactKey: .id, version: .at, data: {{ phone: {phone} }} }}")
}

#[tokio::test]
async fn messages_parked_by_each_extent_go_through_a_mended_mapping() {
    let person = json!({ "id": "a", "at": 7, "phone": "+1" });
    let fails = "error(\"not yet\")";
    let binary = [
        ("content-type", JSON),
        ("ce-specversion", "1.0"),
        ("ce-id", "7"),
        ("ce-source", "/crm"),
        ("ce-type", "changed"),
    ];
    let people = json!({ "people": [person] });
    for (extent, before, headers, body, mended, phone) in [
        (
            "item",
            json!({ "jq": fails, "headers": ["x-kind"] }),
            &[
                ("content-type", JSON),
                ("x-kind", "person"),
                ("x-other", CANARY),
            ][..],
            person.clone(),
            json!({ "jq": fills("$headers[\"x-kind\"]"), "headers": ["x-kind"] }),
            "person",
        ),
        (
            "item",
            json!({ "jq": fails }),
            &[("content-type", EVENT)],
            event("1", &person),
            json!({ "jq": fills("$cloudevent.type") }),
            "changed",
        ),
        (
            "item",
            json!({ "jq": fails }),
            &[("content-type", BATCH)],
            json!([event("1", &json!([person]))]),
            json!({ "jq": fills("$cloudevent.id") }),
            "1",
        ),
        (
            "body",
            json!({ "jq": fills(".phone"), "items": "/persons" }),
            &[("content-type", JSON)],
            people.clone(),
            json!({ "jq": fills(".phone"), "items": "/people" }),
            "+1",
        ),
        (
            "body",
            json!({ "jq": fills(".phone"), "items": "/persons" }),
            &[("content-type", EVENT)],
            event("1", &people),
            json!({ "jq": fills("$cloudevent.type"), "items": "/people" }),
            "changed",
        ),
        (
            "body",
            json!({ "jq": fills(".phone"), "items": "/persons" }),
            &binary,
            people.clone(),
            json!({ "jq": fills("$cloudevent.id"), "items": "/people" }),
            "7",
        ),
    ] {
        let parked = parked(&source(&before), headers, &body.to_string()).await;
        let [one] = &parked[..] else {
            panic!("not one: {body}")
        };
        let said: Value = serde_json::from_str(&one.body).unwrap();
        assert_eq!(said["extent"], extent, "{body}");
        assert_eq!(
            said["event"].is_null(),
            !mended.to_string().contains("$cloudevent"),
            "{body}"
        );
        assert!(!one.body.contains(CANARY));
        let served = Served::new().await;
        let (status, report, text) = served.mended(parked, &source(&mended)).await;
        assert_eq!((status, &report["sent"]), (0, &json!(1)), "{body}: {text}");
        assert_eq!(
            served.phones(),
            [("a".to_owned(), phone.to_owned())],
            "{body}"
        );
        assert!(served.dead_letters.messages().is_empty());
    }
}

#[tokio::test]
async fn a_message_that_no_mapping_can_mend_stays_and_shows_nothing() {
    let mapping = json!({ "jq": fills(".phone") });
    let mut plain = source(&mapping);
    plain.as_object_mut().unwrap().remove("mapping");
    plain["onFault"] = json!("park");
    let nobodys =
        json!({ "specversion": "1.0", "id": "1", "type": "changed", "data": { "phone": CANARY } });
    let no_json = format!("no json, {CANARY}");
    for (extent, secret, media_type, body) in [
        ("event", source(&mapping), EVENT, nobodys.to_string()),
        (
            "event",
            source(&mapping),
            BATCH,
            json!([nobodys]).to_string(),
        ),
        ("body", source(&mapping), JSON, no_json.clone()),
        ("item", plain, JSON, no_json),
    ] {
        let parked = parked(&secret, &[("content-type", media_type)], &body).await;
        assert_eq!(parked.len(), 1);
        let said: Value = serde_json::from_str(&parked[0].body).unwrap();
        assert_eq!(
            (&said["extent"], said["text"].is_string()),
            (&json!(extent), extent != "event")
        );
        let served = Served::new().await;
        let (status, report, text) = served.mended(parked, &source(&mapping)).await;
        assert_eq!((status, &report["sent"]), (1, &json!(0)), "{text}");
        assert!(
            text.contains("source people: it still becomes no change") && !text.contains(CANARY),
            "{text}"
        );
        assert_eq!(
            (
                served.dead_letters.messages().len(),
                served.queue.messages().len()
            ),
            (1, 0)
        );
    }
}

#[tokio::test]
async fn a_contact_whose_opt_out_was_honoured_stays_opted_out_when_its_item_is_redriven() {
    for (mended, rank, is_callable) in [
        (".calls", ".at", false),
        // The repaired mapping says the contrary: first at the same rank, then at a higher one.
        ("true", ".at", false),
        ("true", "(.at + 1)", true),
    ] {
        let program = |phone: &str, callable: &str, rank: &str| {
            let jq = format!(
                "{{ eventId: \"e\", contactKey: .id, version: {rank}, data: {{ phone: {phone} }}, callable: {callable} }}"
            );
            let mut secret = source(&json!({ "jq": jq }));
            secret["org"] = json!("acme");
            secret
        };
        let ingest = World::new();
        ingest.put_as("people", &program(".phones", ".calls", ".at"));
        let body = json!({ "id": "a", "at": 7, "phones": ["+1"], "calls": false });
        send(&ingest, &[("content-type", JSON)], &body.to_string()).await;
        let apply = support::World::new();
        for heard in ingest.queue.messages() {
            apply.queue.send(heard).unwrap();
        }
        let done = apply.invoke().await;
        assert_eq!(
            (done.records, apply.contact("a").1),
            (vec!["created".to_owned()], false)
        );

        let served = Served::new().await;
        served.put_org("acme", &json!({}));
        let secret = program(".phones[0]", mended, rank);
        let parked = ingest.dead_letters.messages();
        let (status, _, text) = served.mended(parked, &secret).await;
        assert_eq!(status, 0, "{text}");
        for sent in served.queue.messages() {
            apply.queue.send(sent).unwrap();
        }
        apply.invoke().await;
        assert_eq!(apply.contact("a").1, is_callable, "{mended} at {rank}");
        assert_eq!(
            apply.column("a", "phone"),
            "+1",
            "at an equal rank columns are repaired"
        );
    }
}
