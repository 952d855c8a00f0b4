//! The sources page of the console: it shows what a webhook would become. The same by the command
//! `source test` is in `source`.

use serde_json::json;
use wiremock::matchers::{header, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::Console;
use crate::support::served::Served;

#[tokio::test]
async fn every_preset_comes_with_a_secret_and_a_payload_that_become_changes() {
    let served = Served::new().await;
    let console = Console::of(&served, &[]).await;
    let page = console.get("/sources").await;
    let choices = page.split("<option value=\"").skip(1);
    let names: Vec<_> = choices
        .filter_map(|rest| rest.split('"').next())
        .filter(|name| !name.is_empty())
        .collect();
    assert_eq!(names.len(), mapping_presets());
    for name in names {
        let page = console.get(&format!("/sources?preset={name}")).await;
        assert!(page.contains("1 change, 0 faults"), "{name}: {page}");
    }
}

fn mapping_presets() -> usize {
    mapping::PRESETS.len()
}

#[tokio::test]
async fn editing_a_mapping_shows_its_changes_faults_and_ignored_items() {
    let served = Served::new().await;
    let console = Console::of(&served, &[]).await;
    let secret = json!({ "auth": "bearer", "bearerTokens": ["token-of-24-bytes-or-more"], "org": "ranked", "campaignId": "c" });
    let body = r#"{"changes": [{"eventId": "e1", "contactKey": "LEAD-CANARY", "data": {"phone": "+13175550100"}}, {"eventId": "e2", "data": {}}]}"#;
    let fields = [
        ("secret", secret.to_string()),
        ("body", body.to_owned()),
        ("headers", String::new()),
        ("part", "1".to_owned()),
    ];
    let fields = fields
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let (status, part) = console.post("/sources", &fields).await;
    assert_eq!(status, 200);
    assert!(!part.contains("<html"), "{part}");
    for wanted in [
        "1 change, 1 fault",
        "LEAD-CANARY",
        "/changes/1/contactKey",
        "+13175550100",
        "column phone",
    ] {
        assert!(part.contains(wanted), "{wanted} of {part}");
    }
    let (_, whole) = console.post("/sources", &fields[..3]).await;
    assert!(
        whole.contains("<html") && whole.contains("1 change, 1 fault"),
        "{whole}"
    );

    for (name, wrong, told) in [
        ("secret", "{", "The secret: "),
        ("headers", "none", "Headers: expected"),
    ] {
        let mut fields = fields;
        fields
            .iter_mut()
            .filter(|(of, _)| *of == name)
            .for_each(|one| one.1 = wrong);
        let (_, part) = console.post("/sources", &fields).await;
        assert!(part.contains(told), "{told} of {part}");
    }
    assert_eq!(console.printed().await, "", "no value of it is shown");
}

#[tokio::test]
async fn markup_in_a_payload_stays_text() {
    let served = Served::new().await;
    let console = Console::of(&served, &[]).await;
    let secret = json!({ "auth": "bearer", "bearerTokens": ["token-of-24-bytes-or-more"], "org": "ranked", "campaignId": "c" }).to_string();
    let body =
        r#"{"eventId": "e1", "contactKey": "<script src=x>", "data": {"a": "</textarea><b>"}}"#;
    let fields = [("secret", secret.as_str()), ("body", body), ("headers", "")];
    let (_, page) = console.post("/sources", &fields).await;
    assert!(
        page.contains("1 change") && !page.contains("<script src=x>") && !page.contains("<b>"),
        "{page}"
    );
}

/// A source that shows a bearer token, and a payload of one change for it.
fn draft(endpoint: &str) -> [(&'static str, String); 4] {
    let secret = json!({ "auth": "bearer", "bearerTokens": ["token-of-24-bytes-or-more"], "org": "ranked", "campaignId": "c" });
    let body = json!({ "eventId": "e1", "contactKey": "LEAD-CANARY", "data": {} });
    [
        ("secret", secret.to_string()),
        ("body", body.to_string()),
        ("headers", String::new()),
        ("endpoint", endpoint.to_owned()),
    ]
}

fn as_str<'a>(fields: &'a [(&'static str, String); 4]) -> [(&'static str, &'a str); 4] {
    fields
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()))
}

#[tokio::test]
async fn a_payload_is_signed_as_its_source_would_and_the_answer_is_shown() {
    let served = Served::new().await;
    let console = Console::of(&served, &[]).await;
    let ingest = MockServer::start().await;
    Mock::given(header("authorization", "Bearer token-of-24-bytes-or-more"))
        .and(path("/webhooks/crm"))
        .respond_with(ResponseTemplate::new(202).set_body_json(json!({ "accepted": 1 })))
        .mount(&ingest)
        .await;
    let fields = draft(&format!("{}/webhooks/crm", ingest.uri()));
    let (status, page) = console.post("/sources/send", &as_str(&fields)).await;
    assert!(
        status == 200 && page.contains("answered 202") && page.contains("accepted"),
        "{page}"
    );
    assert!(page.contains("1 change, 0 faults"), "{page}");
    let sent = &ingest.received_requests().await.unwrap()[0];
    assert_eq!(String::from_utf8_lossy(&sent.body), fields[1].1);
    let printed = console.printed().await;
    assert!(
        printed.contains("sent by hand: it was answered 202"),
        "{printed}"
    );
    assert!(
        !printed.contains("CANARY") && !printed.contains("token-of"),
        "{printed}"
    );

    let fields = draft(&format!("{}/webhooks/other", ingest.uri()));
    let (_, page) = console.post("/sources/send", &as_str(&fields)).await;
    assert!(page.contains("answered 404"), "{page}");
    drop(ingest);
    for (endpoint, told) in [
        (
            "http://example.com/webhooks/crm",
            "The endpoint: expected https://",
        ),
        (
            "http://127.0.0.1:9/webhooks/crm",
            "The endpoint did not answer",
        ),
    ] {
        let (_, page) = console
            .post("/sources/send", &as_str(&draft(endpoint)))
            .await;
        assert!(page.contains(told), "{told} of {page}");
    }
}

#[tokio::test]
async fn a_console_that_only_reads_sends_no_webhook() {
    let served = Served::new().await;
    let console = Console::of(&served, &["--read-only"]).await;
    assert!(!console.get("/sources").await.contains("Sign and send"));
    let ingest = MockServer::start().await;
    let fields = draft(&format!("{}/webhooks/crm", ingest.uri()));
    let (status, _) = console.post("/sources/send", &as_str(&fields)).await;
    assert_eq!(status, 403);
    assert!(ingest.received_requests().await.unwrap().is_empty());
}
