//! Ingest through its own handle: who is let in, what is answered, and what is in the queue then.

use std::sync::Arc;
use std::time::Duration;

use emulator::{Fifo, Sqs, Vault, fifo};
use ingest::Context;
use io::Clock;
use io::config::IngestConfig;
use io::secrets::SecretsError;
use io::telemetry::Telemetry;
use lambda_http::{Body, Request};
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::support::QUEUE_URL;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NAME: &str = "campaign-sync/source/crm";

pub(crate) struct World {
    clock: Clock,
    vault: Arc<Vault>,
    queue: Arc<Fifo>,
    sqs: Arc<Sqs>,
    context: Context,
}

/// Status, body, and `Retry-After`.
pub(crate) type Answer = (u16, Value, bool);

impl World {
    fn new() -> World {
        World::telling(Telemetry::from_fn(|_| ()))
    }

    pub(crate) fn telling(telemetry: Telemetry) -> World {
        let clock = emulator::logical_clock("2026-11-24T16:00:00Z".parse().unwrap());
        let vault = Arc::new(Vault::default());
        let attributes = fifo::Attributes {
            visibility_timeout: Duration::from_mins(3),
            max_receives: 1_000,
        };
        let queue = Arc::new(Fifo::new(clock.clone(), attributes, None));
        let sqs = Arc::new(Sqs::new([(QUEUE_URL.to_owned(), Arc::clone(&queue))]));
        let read = |name: &str| (name == "QUEUE_URL").then(|| QUEUE_URL.to_owned());
        let config = IngestConfig::read(read).unwrap();
        let context = Context::new(
            config,
            Arc::clone(&vault) as _,
            Arc::clone(&sqs) as _,
            clock.clone(),
            telemetry,
        );
        let world = World {
            clock,
            vault,
            queue,
            sqs,
            context,
        };
        world.put(json!({ "signingSecrets": [SECRET], "org": "acme", "campaignId": "c1" }));
        world
    }

    fn put(&self, secret: Value) {
        self.vault.put(NAME, secret.to_string());
    }

    pub(crate) fn signed(&self, path: &str, body: &str) -> Request {
        let sent_at = self.clock.now().as_second();
        let signature = Webhook::new(SECRET)
            .unwrap()
            .sign("msg_1", sent_at, body.as_bytes())
            .unwrap();
        http::Request::post(path)
            .header("content-type", "application/json; charset=utf-8")
            .header("webhook-id", "msg_1")
            .header("webhook-timestamp", sent_at)
            .header("webhook-signature", signature)
            .body(Body::Text(body.to_owned()))
            .unwrap()
    }

    pub(crate) async fn send(&self, request: Request) -> Answer {
        let answer = ingest::handle(&self.context, request).await;
        let body = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!(answer.headers()["content-type"], "application/json");
        (
            answer.status().as_u16(),
            body,
            answer.headers().contains_key("retry-after"),
        )
    }

    async fn post(&self, changes: &[(&str, u64)]) -> Answer {
        let changes: Vec<_> = changes
            .iter()
            .map(|(key, version)| change(key, *version))
            .collect();
        self.send(self.signed("/webhooks/crm", &json!({ "changes": changes }).to_string()))
            .await
    }

    /// The bodies of the messages, which are in the queue no more.
    pub(crate) fn take_queued(&self) -> Vec<String> {
        let mut bodies = Vec::new();
        while let Some(batch) = self.queue.receive(10) {
            let records = batch.event["Records"].as_array().unwrap();
            bodies.extend(
                records
                    .iter()
                    .map(|record| record["body"].as_str().unwrap().to_owned()),
            );
            for record in records {
                self.sqs
                    .delete(QUEUE_URL, record["receiptHandle"].as_str().unwrap())
                    .unwrap();
            }
        }
        bodies
    }

    /// (contact key, version) of each message, in order.
    fn queued(&self) -> Vec<(String, u64)> {
        let read = |message: io::queue::Message| {
            let body: Value = serde_json::from_str(&message.body).unwrap();
            (
                body["contactKey"].as_str().unwrap().to_owned(),
                body["version"].as_u64().unwrap(),
            )
        };
        self.queue.messages().into_iter().map(read).collect()
    }
}

fn change(key: &str, version: u64) -> Value {
    let event_id = format!("evt-{key}-{version}").replace('é', "e");
    json!({ "eventId": event_id, "contactKey": key, "version": version, "data": { "phone": "1" } })
}

fn queued(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    expected
        .iter()
        .map(|(key, version)| ((*key).to_owned(), *version))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_signed_change_is_in_the_queue_as_apply_reads_it() {
    let world = World::new();
    let answer = world
        .send(world.signed("/webhooks/crm", &change("é/1", 7).to_string()))
        .await;
    assert_eq!(answer, (202, json!({ "accepted": 1 }), false));
    let message = world.queue.messages().remove(0);
    let change = domain::Change::parse(&message.body).unwrap();
    assert_eq!(
        (
            change.org.as_str(),
            change.campaign.as_str(),
            change.key.as_str()
        ),
        ("acme", "c1", "é/1")
    );
    assert_eq!(change.source.as_ref().unwrap().as_str(), "crm");
    assert_eq!(
        (message.group.as_str(), &message.deduplication_id),
        (change.message_group().as_str(), &change.deduplication_id())
    );
}

#[tokio::test(start_paused = true)]
async fn changes_of_one_contact_keep_their_order() {
    let world = World::new();
    let answer = world
        .post(&[("a", 1), ("a", 2), ("b", 1), ("a", 3), ("b", 2)])
        .await;
    assert_eq!(answer, (202, json!({ "accepted": 5 }), false));
    let of = |key: &str| {
        world
            .queued()
            .into_iter()
            .filter(|(other, _)| other == key)
            .map(|(_, n)| n)
            .collect::<Vec<_>>()
    };
    assert_eq!((of("a"), of("b")), (vec![1, 2, 3], vec![1, 2]));
}

#[tokio::test(start_paused = true)]
async fn every_cause_of_a_401_looks_alike() {
    let world = World::new();
    let body = change("a", 1).to_string();
    let good = || world.signed("/webhooks/crm", &body);
    let with = |name: &'static str, text: &str| {
        let mut request = good();
        request.headers_mut().insert(name, text.parse().unwrap());
        request
    };
    let old = (world.clock.now().as_second() - 301).to_string();
    let mut altered = good();
    *altered.body_mut() = Body::Text(change("b", 1).to_string());
    for request in [
        with("webhook-signature", "v1,AAAA"),
        with("webhook-timestamp", &old),
        with("webhook-id", "msg_2"),
        altered,
        world.signed("/webhooks/nobody", &body),
        world.signed("/webhooks/No%20Name", &body),
    ] {
        assert_eq!(
            world.send(request).await,
            (401, json!({ "error": "unauthorized" }), false)
        );
    }
    assert!(world.queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_unknown_source_is_looked_up_once() {
    let world = World::new();
    for _ in 0..5 {
        assert_eq!(
            world.send(world.signed("/webhooks/nobody", "{}")).await.0,
            401
        );
    }
    assert_eq!(world.vault.reads("campaign-sync/source/nobody"), 1);
    tokio::time::sleep(Duration::from_secs(301)).await;
    world.vault.put(
        "campaign-sync/source/nobody",
        json!({ "signingSecrets": [SECRET], "org": "acme", "campaignId": "c" }).to_string(),
    );
    assert_eq!(
        world
            .send(world.signed("/webhooks/nobody", &change("a", 1).to_string()))
            .await
            .0,
        202,
        "it is known now"
    );
}

#[tokio::test(start_paused = true)]
async fn a_secret_rotates_by_a_second_one_beside_it() {
    let world = World::new();
    world.put(
        json!({ "signingSecrets": ["whsec_bmV3ZXIgYW5kIGxvbmcgZW5vdWdoLCBhcyBpdCBtdXN0", SECRET], "org": "acme", "campaignId": "c1" }),
    );
    assert_eq!(world.post(&[("a", 1)]).await.0, 202);
    world.put(json!({ "signingSecrets": ["whsec_bmV3ZXIgYW5kIGxvbmcgZW5vdWdoLCBhcyBpdCBtdXN0"], "org": "acme", "campaignId": "c1" }));
    tokio::time::sleep(Duration::from_secs(301)).await;
    assert_eq!(world.post(&[("a", 2)]).await.0, 401, "the old one is gone");
}

#[tokio::test(start_paused = true)]
async fn a_bearer_token_lets_a_sender_in_that_cannot_sign() {
    let world = World::new();
    world.put(json!({ "auth": "bearer", "bearerTokens": ["t1", "t2"], "org": "acme", "campaignId": "c1" }));
    let request = |token: &str| {
        http::Request::post("/webhooks/crm")
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {token}"))
            .body(Body::Binary(change("a", 1).to_string().into_bytes()))
            .unwrap()
    };
    assert_eq!(world.send(request("t2")).await.0, 202);
    assert_eq!(world.send(request("t3")).await.0, 401);
    assert_eq!(
        world.post(&[("a", 1)]).await.0,
        401,
        "a signature is no token"
    );
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_secrets_manager_is_503_and_never_401() {
    let world = World::new();
    let unavailable = (503, json!({ "error": "unavailable", "accepted": 0 }), true);
    for error in [SecretsError::Unavailable, SecretsError::Denied] {
        world.vault.fail(NAME, error);
        assert_eq!(world.post(&[("a", 1)]).await, unavailable);
        assert_eq!(world.post(&[("a", 1)]).await, unavailable);
    }
    assert_eq!(
        world.vault.reads(NAME),
        3,
        "an outage may be over at any time, a missing right for some seconds not"
    );
    tokio::time::sleep(Duration::from_secs(31)).await;
    world.put(json!({ "signingSecrets": [""] }));
    assert_eq!(
        world.post(&[("a", 1)]).await,
        unavailable,
        "a malformed secret is the operator's, not the sender's"
    );

    tokio::time::sleep(Duration::from_secs(31)).await;
    world.put(json!({ "signingSecrets": [SECRET], "org": "acme", "campaignId": "c1" }));
    assert_eq!(world.post(&[("a", 1)]).await.0, 202);
    world.vault.fail(NAME, SecretsError::Unavailable);
    tokio::time::sleep(Duration::from_secs(301)).await;
    let reads = world.vault.reads(NAME);
    for version in 2..5 {
        assert_eq!(
            world.post(&[("a", version)]).await.0,
            202,
            "a known secret serves on"
        );
    }
    assert_eq!(
        world.vault.reads(NAME),
        reads + 1,
        "and is not asked for at every request"
    );
}

#[tokio::test(start_paused = true)]
async fn whoever_guesses_names_gets_secrets_manager_asked_only_so_often() {
    let world = World::new();
    assert_eq!(world.post(&[("a", 1)]).await.0, 202);
    let mut statuses = std::collections::BTreeMap::<u16, u32>::new();
    for n in 0..200 {
        let (status, _, _) = world
            .send(world.signed(&format!("/webhooks/guess-{n}"), "{}"))
            .await;
        *statuses.entry(status).or_default() += 1;
    }
    assert_eq!(
        statuses,
        [(401, 19), (503, 181)].into(),
        "one look-up of this second was the known source's"
    );
    assert_eq!(
        world.post(&[("a", 2)]).await.0,
        202,
        "who is known is let in all the while"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_no_text_is_told_so() {
    let world = World::new();
    let mut request = world.signed("/webhooks/crm", "{}");
    *request.body_mut() = Body::Binary(vec![b'{', 0xE9, b'}']);
    let (status, body, _) = world.send(request).await;
    assert_eq!(
        (status, &body["details"][0]["code"]),
        (400, &json!("notJson"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_change_with_any_character_is_taken_by_the_queue() {
    let world = World::new();
    let change = change("a", 1).as_object().unwrap().clone();
    let body = json!(change)
        .to_string()
        .replace("\"1\"", "\"\u{FFFE}\u{FFFF}\u{7F}\u{85}\\u0000\"");
    assert_eq!(
        world.send(world.signed("/webhooks/crm", &body)).await.0,
        202
    );
}

#[tokio::test(start_paused = true)]
async fn all_faults_are_told_and_nothing_is_queued() {
    let world = World::new();
    let bad = json!({ "eventId": "e", "contactKey": " ", "data": { "x": 1 }, "calable": false });
    let answer = world
        .send(world.signed(
            "/webhooks/crm",
            &json!({ "changes": [change("a", 1), bad] }).to_string(),
        ))
        .await;
    let detail = |pointer: &str, code: &str, message: &str| json!({ "pointer": pointer, "code": code, "message": message });
    let key = "expected not to begin with white space (U+0020)";
    let details = json!([
        detail(
            "/changes/1/calable",
            "unknownField",
            "expected only the fields of schema 1"
        ),
        detail("/changes/1/contactKey", "wrongFormat", key),
        detail(
            "/changes/1/data/x",
            "wrongType",
            "expected a string, or null to clear"
        ),
    ]);
    assert_eq!(
        answer,
        (
            400,
            json!({ "error": "invalidChange", "details": details }),
            false
        )
    );
    assert!(world.queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn path_method_size_and_media_type_have_their_statuses() {
    let world = World::new();
    let body = change("a", 1).to_string();
    let large = format!("{body}{}", " ".repeat(256 << 10));
    let mut get = world.signed("/webhooks/crm", &body);
    *get.method_mut() = http::Method::GET;
    let mut form = world.signed("/webhooks/crm", &body);
    form.headers_mut().insert(
        "content-type",
        "application/x-www-form-urlencoded".parse().unwrap(),
    );
    let mut untyped = world.signed("/webhooks/crm", &body);
    untyped.headers_mut().remove("content-type");
    for (request, status, error) in [
        (world.signed("/", &body), 404, "notFound"),
        (world.signed("/webhooks/", &body), 404, "notFound"),
        (world.signed("/webhooks/crm/x", &body), 404, "notFound"),
        (get, 405, "methodNotAllowed"),
        (world.signed("/webhooks/crm", &large), 413, "tooLarge"),
        (form, 415, "unsupportedMediaType"),
        (untyped, 415, "unsupportedMediaType"),
    ] {
        assert_eq!(
            world.send(request).await,
            (status, json!({ "error": error }), false)
        );
    }
    let largest = format!("{body}{}", " ".repeat((256 << 10) - body.len()));
    assert_eq!(
        world.send(world.signed("/webhooks/crm", &largest)).await.0,
        202
    );
}

#[tokio::test(start_paused = true)]
async fn after_a_failed_entry_no_later_change_of_its_group_is_sent_and_a_resend_keeps_the_order() {
    let world = World::new();
    world.sqs.refuse_entry("\"version\":2", false);
    let changes = [("a", 1), ("b", 1), ("a", 2), ("a", 3), ("b", 3)];
    assert_eq!(
        world.post(&changes).await,
        (503, json!({ "error": "unavailable", "accepted": 3 }), true)
    );
    assert_eq!(world.queued(), queued(&[("a", 1), ("b", 1), ("b", 3)]));

    assert_eq!(
        world.post(&changes).await,
        (202, json!({ "accepted": 5 }), false)
    );
    assert_eq!(
        world.queued(),
        queued(&[("a", 1), ("b", 1), ("b", 3), ("a", 2), ("a", 3)]),
        "no duplicate, no change of order"
    );
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_does_not_answer_is_503() {
    let world = World::new();
    world.sqs.refuse(1);
    assert_eq!(
        world.post(&[("a", 1)]).await,
        (503, json!({ "error": "unavailable", "accepted": 0 }), true)
    );
    let many: Vec<_> = (0..15)
        .map(|n| {
            (
                [
                    "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o",
                ][n],
                1,
            )
        })
        .collect();
    assert_eq!(world.post(&many).await.0, 202);
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_is_the_senders_fault_is_400_and_ends_the_queueing() {
    let world = World::new();
    world.sqs.refuse_entry("\"contactKey\":\"b\"", true);
    let (status, body, _) = world.post(&[("a", 1), ("b", 1), ("a", 2)]).await;
    assert_eq!(
        (status, &body["details"][0]["pointer"]),
        (400, &json!("/changes/1"))
    );
    assert_eq!(world.queued(), queued(&[("a", 1)]));

    world.sqs.refuse_entry("\"contactKey\":\"b\"", true);
    world.sqs.refuse_entry("\"contactKey\":\"c\"", false);
    assert_eq!(
        world.post(&[("b", 1), ("c", 1)]).await.0,
        503,
        "what can still be stored is not given up for it"
    );
}

#[tokio::test(start_paused = true)]
async fn the_sample_events_of_an_http_api_are_let_in_also_base64_encoded() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap();
    let world = World::new();
    let bearer = json!({ "auth": "bearer", "bearerTokens": ["local-bearer-token"] });
    world
        .vault
        .put("campaign-sync/source/bearer", bearer.to_string());
    let event = std::fs::read_to_string(root.join("events/webhook.json")).unwrap();
    let request = lambda_http::request::from_str(&event).unwrap();
    assert_eq!(
        world.send(request).await,
        (202, json!({ "accepted": 1 }), false)
    );

    let mut event: Value = serde_json::from_str(&event).unwrap();
    let body = event["body"].as_str().unwrap().replace("evt_31", "evt_32");
    event["body"] = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, body).into();
    event["isBase64Encoded"] = true.into();
    let request = lambda_http::request::from_str(&event.to_string()).unwrap();
    assert_eq!(
        world.send(request).await,
        (202, json!({ "accepted": 1 }), false)
    );
    assert_eq!(world.queue.len(), 2);
}
