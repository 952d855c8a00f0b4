//! Ingest on the emulated services: one copy of it, a source, and the queue. It stops at the queue;
//! apply is in [`super`].

use std::ops::Deref;
use std::sync::{Arc, Mutex};

use emulator::genesys::Options;
use ingest::Context;
use io::config::IngestConfig;
use io::telemetry::{Event, Telemetry};
use lambda_http::{Body, Request};
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use super::BASE;

pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// The secret of the source `crm`, which may write to one campaign.
pub(crate) const NAME: &str = "campaign-sync/source/crm";

pub(crate) struct World {
    outside: emulator::World,
    pub(crate) context: Context,
    told: Arc<Mutex<Vec<String>>>,
}

impl Deref for World {
    type Target = emulator::World;

    fn deref(&self) -> &emulator::World {
        &self.outside
    }
}

/// The status, the body, and whether there is a `Retry-After`.
pub(crate) type Answer = (u16, Value, bool);

impl World {
    pub(crate) fn new() -> World {
        let told: Arc<Mutex<Vec<String>>> = Arc::default();
        let to = Arc::clone(&told);
        let telemetry = Telemetry::from_fn(move |event| to.lock().unwrap().extend(tell(event)));
        World {
            told,
            ..World::telling(telemetry)
        }
    }

    pub(crate) fn telling(telemetry: Telemetry) -> World {
        let clock = emulator::logical_clock("2026-11-24T16:00:00Z".parse().unwrap());
        let outside = emulator::World::new(clock, Options::default(), BASE);
        let context = copy(&outside, telemetry);
        let world = World {
            outside,
            context,
            told: Arc::default(),
        };
        world.put(json!({ "signingSecrets": [SECRET], "org": "acme", "campaignId": "c1" }));
        world
    }

    /// Another copy, as after a cold start, which knows nothing yet.
    pub(crate) fn cold(self) -> World {
        let to = Arc::clone(&self.told);
        let telemetry = Telemetry::from_fn(move |event| to.lock().unwrap().extend(tell(event)));
        let context = copy(&self.outside, telemetry);
        World { context, ..self }
    }

    /// Stores the secret of the source `crm`.
    pub(crate) fn put(&self, secret: Value) {
        self.outside.put_source("crm", &secret);
    }

    /// Stores the secret of another source.
    pub(crate) fn put_as(&self, source: &str, secret: &Value) {
        self.outside.put_source(source, secret);
    }

    /// Stores a source that may write to every org, and that signs as `crm` does.
    pub(crate) fn put_source(&self, source: &str) {
        let secret = json!({ "signingSecrets": [SECRET], "org": "acme", "campaignId": "c1" });
        self.outside.put_source(source, &secret);
    }

    pub(crate) fn signed(&self, path: &str, body: &str) -> Request {
        self.signed_by(SECRET, self.clock.now().as_second(), path, body)
    }

    pub(crate) fn signed_by(&self, secret: &str, at: i64, path: &str, body: &str) -> Request {
        let webhook = Webhook::new(secret).unwrap();
        let signature = webhook.sign("msg_1", at, body.as_bytes()).unwrap();
        http::Request::post(path)
            .header("content-type", "application/json; charset=utf-8")
            .header("webhook-id", "msg_1")
            .header("webhook-timestamp", at)
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

    pub(crate) async fn post(&self, changes: &[(&str, u64)]) -> Answer {
        self.send(self.signed("/webhooks/crm", &list(changes)))
            .await
    }

    pub(crate) fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    /// The reports to the operator since the last call, such as "unauthorized crm: why".
    pub(crate) fn take_told(&self) -> Vec<String> {
        std::mem::take(&mut *self.told.lock().unwrap())
    }

    /// Takes the messages out of the queue, and returns their bodies.
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
                let handle = record["receiptHandle"].as_str().unwrap();
                self.queue.delete(handle).unwrap();
            }
        }
        bodies
    }

    /// The contact key and version of each message, in order.
    pub(crate) fn queued(&self) -> Vec<(String, u64)> {
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

fn copy(outside: &emulator::World, telemetry: Telemetry) -> Context {
    Context::new(
        IngestConfig::read(|name| outside.variable(name)).unwrap(),
        Arc::clone(&outside.vault) as _,
        Arc::clone(&outside.sqs) as _,
        outside.clock.clone(),
        telemetry,
    )
}

fn tell(event: &Event<'_>) -> Option<String> {
    match event {
        Event::Unauthorized { source, detail } => Some(format!("unauthorized {source}: {detail}")),
        Event::Refused { source, detail, .. } => Some(format!("refused {source}: {detail}")),
        Event::Unmapped {
            source,
            items,
            detail,
            ..
        } => Some(format!("unmapped {source} {items}: {detail}")),
        _ => None,
    }
}

/// A body with changes of these contact keys and versions.
pub(crate) fn list(changes: &[(&str, u64)]) -> String {
    let changes: Vec<_> = changes
        .iter()
        .map(|(key, version)| change(key, *version))
        .collect();
    json!({ "changes": changes }).to_string()
}

pub(crate) fn change(key: &str, version: u64) -> Value {
    let event_id = format!("evt-{key}-{version}").replace('é', "e");
    json!({ "eventId": event_id, "contactKey": key, "version": version, "data": { "phone": "1" } })
}

/// The expected value of [`World::queued`].
pub(crate) fn queued(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    expected
        .iter()
        .map(|(key, version)| ((*key).to_owned(), *version))
        .collect()
}
