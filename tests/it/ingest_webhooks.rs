//! Ingest through its own handle: the answers to webhooks, and the messages in the queue. Ways to
//! authenticate, parked items and the order of changes have modules of their own (`ingest_…`).

use lambda_http::Body;
use serde_json::{Value, json};
use tracing::instrument::WithSubscriber;
use tracing::level_filters::LevelFilter;

use crate::support::Lines;
use crate::support::ingest::{World, change};

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
async fn a_body_that_is_not_text_is_refused_as_such() {
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
async fn all_faults_of_a_body_are_returned_and_nothing_is_queued() {
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
async fn channels_and_numbers_are_queued_and_opening_one_is_refused() {
    let world = World::new();
    let with = |sms: bool| {
        let mut change = change("a", 1);
        change["contactable"] = json!({ "Sms": sms });
        change["phones"] = json!({ "phone": false });
        change.to_string()
    };
    let (status, body, _) = world.send(world.signed("/webhooks/crm", &with(true))).await;
    let fault = &body["details"][0];
    assert_eq!(
        (status, &fault["pointer"]),
        (400, &json!("/contactable/Sms"))
    );
    assert_eq!(fault["code"], "notAllowed");
    assert!(
        fault["message"]
            .as_str()
            .unwrap()
            .contains("raise it in Genesys Cloud")
    );
    assert!(world.queue.is_empty());
    let taken = world
        .send(world.signed("/webhooks/crm", &with(false)))
        .await;
    assert_eq!(taken.0, 202);
    let body: Value = serde_json::from_str(&world.queue.messages()[0].body).unwrap();
    assert_eq!(body["contactable"], json!({ "Sms": false }));
    assert_eq!(body["phones"], json!({ "phone": false }));
}

#[tokio::test(start_paused = true)]
async fn a_compressed_body_is_415_with_the_reason() {
    let world = World::new();
    let body = change("a", 1).to_string();
    let encoded = |encoding: &str| {
        let mut request = world.signed("/webhooks/crm", &body);
        let encoding = encoding.parse().unwrap();
        request.headers_mut().insert("content-encoding", encoding);
        request
    };
    for encoding in ["gzip", "br", "identity, gzip", "GZIP"] {
        let mut request = encoded(encoding);
        *request.body_mut() = Body::Binary(vec![0x1F, 0x8B, 8, 0, 0xFF]);
        let (status, answer, _) = world.send(request).await;
        assert_eq!(
            (status, answer),
            (
                415,
                json!({
                    "error": "unsupportedContentEncoding",
                    "message": "content-encoding: expected none, or identity",
                })
            ),
            "{encoding}"
        );
    }
    for encoding in ["identity", "Identity", ""] {
        assert_eq!(world.send(encoded(encoding)).await.0, 202, "{encoding}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unexpected_base_path_is_reported_once() {
    let world = World::new();
    let lines = Lines::default();
    let writer = lines.clone();
    let log = move || {
        let writer = writer.clone();
        io::telemetry::subscriber(move || writer.clone(), LevelFilter::INFO)
    };
    for (path, is_told) in [
        ("/x", false),
        ("/webhooks/crm/x", false),
        ("/prod/webhooks/crm", true),
        ("/prod/webhooks/crm", false),
    ] {
        let request = world.signed(path, "{}");
        let answer = world.send(request).with_subscriber(log()).await;
        assert_eq!(answer, (404, json!({ "error": "notFound" }), false));
        let told = lines.take();
        assert_eq!(
            told.contains("base path before /webhooks/"),
            is_told,
            "{path}: {told}"
        );
        assert!(!told.contains("prod"), "{told}");
    }
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
