//! Every way in which a source authenticates, from the event of an HTTP API to the queue. The
//! vectors of single signatures are unit tests in `ingest::auth`, and attackers are in
//! `ingest_strangers`.

mod command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ingest::auth::{SignedRequest, sent};
use io::secrets::SourceSecret;
use lambda_http::Request;
use secrecy::SecretString;
use serde_json::{Value, json};
use tracing::instrument::WithSubscriber;
use tracing::level_filters::LevelFilter;

use crate::support::Lines;
use crate::support::ingest::{Answer, World, change};

const URL: &str = "https://hooks.example.com/webhooks/crm?tenant=7";
/// Every secret in this file contains this text, so that a leak can be found.
const CANARY: &str = "canary+of-16/ok=";

/// Every way to authenticate, each with a second secret beside its own.
fn ways() -> Vec<Value> {
    let presets = [
        "hubspotV3",
        "hubspotV2",
        "hubspotV1",
        "github",
        "shopify",
        "stripe",
        "calendly",
        "slack",
        "typeform",
        "intercom",
        "webflow",
        "airtable",
        "standardWebhooks",
    ];
    let preset = |name: &str| {
        let secret = match name {
            "airtable" | "standardWebhooks" => STANDARD.encode(format!("{CANARY}{CANARY}")),
            _ => CANARY.to_owned(),
        };
        let mut preset =
            json!({ "preset": name, "secrets": [secret, STANDARD.encode([b'k'; 24])] });
        if ["hubspotV3", "hubspotV2"].contains(&name) {
            preset["url"] = json!(URL);
        }
        preset
    };
    let secrets = json!([CANARY, "another-of-16-or-more"]);
    let own = json!({ "signature": { "header": "X-Mac", "encoding": "hex", "algorithm": "hmac-sha512",
        "signed": "{method} {url} {id}|{timestamp}|{body}", "idHeader": "X-Id", "url": URL,
        "timestamp": { "header": "X-Time", "unit": "ms", "toleranceSeconds": 10 }, "secrets": secrets } });
    let mut ways: Vec<_> = presets.map(preset).into();
    ways.extend([
        own,
        json!({ "basic": { "user": "crm", "passwords": secrets } }),
        json!({ "header": { "name": "X-Api-Key", "values": secrets } }),
        json!({ "query": { "name": "access_token", "values": secrets } }),
        json!({ "body": { "pointer": "/token", "values": secrets } }),
        json!({ "body": { "pointer": "/data/token", "values": secrets } }),
    ]);
    ways
}

fn source(way: &Value) -> Value {
    json!({ "auth": way, "org": "acme", "campaignId": "c1" })
}

fn shown(world: &World, way: &Value, body: &str) -> SignedRequest {
    let secret = SourceSecret::parse(&SecretString::from(source(way).to_string())).unwrap();
    sent(&secret.auth, body, world.now()).unwrap()
}

/// The event of an HTTP API, with header names in any case.
fn request(sent: &SignedRequest, is_base64: bool) -> Request {
    let mut headers = json!({ "Content-Type": "application/json" });
    for (name, value) in &sent.headers {
        headers[name.to_uppercase()] = json!(value);
    }
    let body = if is_base64 {
        STANDARD.encode(&sent.body)
    } else {
        sent.body.clone()
    };
    let event = json!({
        "version": "2.0", "routeKey": "POST /webhooks/{source}", "rawPath": "/webhooks/crm",
        "rawQueryString": sent.query, "headers": headers,
        "requestContext": { "http": { "method": "POST", "path": "/webhooks/crm" }, "stage": "$default" },
        "body": body, "isBase64Encoded": is_base64,
    });
    lambda_http::request::from_str(&event.to_string()).unwrap()
}

/// Sends a request, and adds everything that is logged to the lines.
async fn logged(world: &World, lines: &Lines, sent: &SignedRequest, is_base64: bool) -> Answer {
    let writer = lines.clone();
    let log = io::telemetry::subscriber(move || writer.clone(), LevelFilter::TRACE);
    let sent = world.send(request(sent, is_base64));
    sent.with_subscriber(log).await
}

#[tokio::test(start_paused = true)]
async fn every_way_to_authenticate_works_and_neither_stores_nor_logs_a_secret() {
    let lines = Lines::default();
    for way in ways() {
        let world = World::telling(io::telemetry::Telemetry::log());
        world.put(source(&way));
        let good = shown(&world, &way, &change("é/1", 7).to_string());
        for is_base64 in [false, true] {
            let answer = logged(&world, &lines, &good, is_base64).await;
            assert_eq!(answer, (202, json!({ "accepted": 1 }), false), "{way}");
        }
        let queued = world.take_queued();
        assert_eq!(queued.len(), 1, "{way}");
        let stored: Value = serde_json::from_str(&queued[0]).unwrap();
        assert_eq!(stored["data"], json!({ "phone": "1" }), "{way}");

        for wrong in wrong(&good) {
            let answer = logged(&world, &lines, &wrong, false).await;
            assert_eq!(answer.0, 401, "{way}: {wrong:?}");
        }
        let told = lines.take();
        for expected in ["webhook accepted", "webhook unauthorized"] {
            assert!(told.contains(expected), "{told}");
        }
        let basic = &STANDARD.encode(CANARY)[..12];
        for secret in ["canary", basic, "access_token=", "tenant=7"] {
            assert!(!told.contains(secret), "{secret} in:\n{told}");
            assert!(!queued.concat().contains(secret), "{way}");
        }
    }
}

/// Requests without credentials, with wrong ones, and with the same header twice, so that nobody
/// can say which one counts.
fn wrong(good: &SignedRequest) -> [SignedRequest; 3] {
    let nothing = SignedRequest {
        headers: Vec::new(),
        query: String::new(),
        body: change("b", 1).to_string(),
    };
    let headers = good.headers.iter();
    let altered = SignedRequest {
        headers: headers
            .map(|(name, value)| (name.clone(), swapped(value)))
            .collect(),
        query: good.query.replace("%3D", "%5F"),
        body: good.body.replace(CANARY, "canary+of-16/ok_"),
    };
    let twice = format!("{{\"token\":\"{CANARY}\",\"data\":{{}},");
    let twice = SignedRequest {
        headers: Vec::new(),
        query: format!("{0}&{0}", good.query),
        body: good.body.replacen('{', &twice, 1),
    };
    [nothing, altered, twice]
}

#[tokio::test(start_paused = true)]
async fn an_overheard_signature_authenticates_nothing_else_but_an_overheard_token_does() {
    for way in ways() {
        let world = World::new();
        world.put(source(&way));
        let good = shown(&world, &way, &change("a", 1).to_string());
        let body = good.body.replace("\"1\"", "\"2\"");
        assert_ne!(body, good.body);
        let is_signed = way.get("preset").or(way.get("signature")).is_some();
        let answer = world
            .send(request(&SignedRequest { body, ..good }, false))
            .await;
        assert_eq!(answer.0, if is_signed { 401 } else { 202 }, "{way}");
    }
}

/// The value with each last letter or digit replaced.
fn swapped(value: &str) -> String {
    let place = value.rfind(|c: char| c.is_ascii_alphanumeric()).unwrap();
    let other = if value[place..].starts_with('0') {
        "1"
    } else {
        "0"
    };
    format!("{}{other}{}", &value[..place], &value[place + 1..])
}

#[tokio::test(start_paused = true)]
async fn only_the_operator_learns_what_is_wrong_with_a_request_or_a_secret() {
    let world = World::new();
    world.put(source(&json!({ "preset": "stripe", "secrets": [CANARY] })));
    let body = change("a", 1).to_string();
    let good = shown(
        &world,
        &json!({ "preset": "stripe", "secrets": [CANARY] }),
        &body,
    );
    let with = |header: &str| SignedRequest {
        headers: vec![("stripe-signature".to_owned(), header.to_owned())],
        ..good.clone()
    };
    let none = SignedRequest {
        headers: Vec::new(),
        ..good.clone()
    };
    let stranger = "unauthorized crm: ";
    for (sent, told) in [
        (
            &none,
            "it does not have the header stripe-signature exactly once, as the source's secret demands",
        ),
        (
            &with("v1=00"),
            "it shows no time, or several, at the place that the source's secret names",
        ),
        (
            &with("t=1,v1=00"),
            "its signature is dated 1795535999 s behind this clock: expected at most 60 s ahead, and at most 180 s behind",
        ),
        (
            &with(&format!("t={}", world.now().as_second())),
            "its header stripe-signature holds no signature of the form",
        ),
        (
            &with(&format!("t={},v1=00", world.now().as_second())),
            "secret campaign-sync/source/crm does not let it in: ",
        ),
    ] {
        let answer = world.send(request(sent, false)).await;
        assert_eq!(answer, (401, json!({ "error": "unauthorized" }), false));
        let seen = world.take_told().concat();
        assert!(seen.starts_with(&format!("{stranger}{told}")), "{seen}");
    }
    tokio::time::sleep(std::time::Duration::from_secs(31)).await;
    world.put(source(
        &json!({ "signature": { "header": "x", "signed": "{timestamp}" } }),
    ));
    let answer = world.send(request(&none, false)).await;
    assert_eq!(answer.0, 503);
    let seen = world.take_told().concat();
    assert!(
        seen.contains("the secret is malformed: auth: signature: encoding: expected hex or base64"),
        "{seen}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_overheard_signed_request_is_valid_no_longer_than_sqs_deduplicates_it() {
    for way in ways() {
        let world = World::new();
        world.put(source(&way));
        let good = shown(&world, &way, &change("a", 1).to_string());
        tokio::time::sleep(std::time::Duration::from_secs(181)).await;
        let text = way.to_string();
        let is_timed = [
            "hubspotV3",
            "stripe",
            "calendly",
            "slack",
            "webflow",
            "standardWebhooks",
            "timestamp",
        ]
        .iter()
        .any(|name| text.contains(name));
        let expected = if is_timed { 401 } else { 202 };
        assert_eq!(world.send(request(&good, false)).await.0, expected, "{way}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_no_text_is_refused_whoever_signs_it() {
    let world = World::new();
    world.put(source(
        &json!({ "preset": "hubspotV1", "secrets": [CANARY] }),
    ));
    let good = shown(
        &world,
        &json!({ "preset": "hubspotV1", "secrets": [CANARY] }),
        &change("a", 1).to_string(),
    );
    let mut request = request(&good, false);
    // A length extension: if the signature is a plain hash of secret and body, it can be forged
    // without the secret.
    let mut body = good.body.into_bytes();
    body.push(0x80);
    *request.body_mut() = lambda_http::Body::Binary(body);
    assert_eq!(world.send(request).await.0, 400);
    assert!(world.take_queued().is_empty());
}
