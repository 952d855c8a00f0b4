//! A source's secret that cannot be used. The answer tells the sender to retry, and the log tells
//! the operator what to do. Only a source without a secret is unknown. Wrong credentials are in
//! `ingest_auth`.

use std::time::Duration;

use io::aws::Unanswered;
use io::secrets::SecretsError;
use serde_json::{Value, json};

use crate::support::ingest::{Answer, NAME, SECRET, World, change};

/// A secret of 14 bytes, which is too short.
const SHORT: &str = "whsec_aHVzaC1odXNoLWh1c2g=";

fn unavailable() -> Answer {
    (503, json!({ "error": "unavailable", "accepted": 0 }), true)
}

#[tokio::test(start_paused = true)]
async fn only_a_missing_secret_is_401_and_any_other_trouble_is_503_with_what_to_do() {
    for (error, to_do) in [
        (
            SecretsError::PendingDeletion,
            "aws secretsmanager restore-secret",
        ),
        (
            SecretsError::NoCurrentVersion,
            "no version of it is AWSCURRENT",
        ),
        (SecretsError::NoText, "SecretBinary"),
        (SecretsError::Denied, "may not read or decrypt it"),
        (SecretsError::Unavailable, "does not answer"),
    ] {
        let world = World::new();
        world.vault.fail(NAME, error);
        assert_eq!(world.post(&[("a", 1)]).await, unavailable());
        let told = world.take_told();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].starts_with("refused crm: secret campaign-sync/source/crm: ")
                && told[0].contains(to_do),
            "{told:?}"
        );
    }
    let world = World::new();
    world.vault.fail(NAME, SecretsError::Missing);
    assert_eq!(world.post(&[("a", 1)]).await.0, 401);
}

#[tokio::test(start_paused = true)]
async fn a_malformed_secret_is_503_and_the_wrong_member_is_reported() {
    let good = format!("\"signingSecrets\": [\"{SECRET}\"]");
    for (text, expected) in [
        ("hush".to_owned(), "expected a JSON object"),
        (
            format!("{{{good}, \"signing\\u0053ecrets\": [\"{SHORT}\"]}}"),
            "signingSecrets: expected once",
        ),
        (
            format!("{{{good}, \"onfault\": 1}}"),
            "unknown member \"onfault\"",
        ),
        (
            format!("{{{good}, \"mapping\": 1}}"),
            "malformed: mapping: expected a JSON object",
        ),
        (
            format!("{{\"signingSecrets\": [\"v1,{SECRET}\"]}}"),
            "without v1, in front",
        ),
        (
            "{\"signingSecrets\": [\"\"]}".to_owned(),
            "signingSecrets: expected secrets that are not empty",
        ),
    ] {
        let world = World::new();
        world.vault.put(NAME, text);
        assert_eq!(world.post(&[("a", 1)]).await, unavailable());
        let told = world.take_told().concat();
        assert!(
            told.starts_with(
                "refused crm: secret campaign-sync/source/crm: the secret is malformed: "
            ) && told.contains(expected)
                && !told.contains("whsec_M"),
            "{told}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_never_a_401_and_a_cached_secret_is_used() {
    let world = World::new();
    world.vault.fail(NAME, SecretsError::Unavailable);
    for _ in 0..2 {
        assert_eq!(world.post(&[("a", 1)]).await, unavailable());
    }
    world.vault.fail(NAME, SecretsError::Denied);
    for _ in 0..2 {
        assert_eq!(world.post(&[("a", 1)]).await, unavailable());
    }
    assert_eq!(
        world.vault.reads(NAME),
        3,
        "an outage may end at any time, a missing right takes some seconds"
    );
    tokio::time::sleep(Duration::from_secs(31)).await;
    let source =
        |secret: &str| json!({ "signingSecrets": [secret], "org": "acme", "campaignId": "c1" });
    world.put(source(SECRET));
    assert_eq!(world.post(&[("a", 1)]).await.0, 202);
    world
        .vault
        .fail(NAME, SecretsError::NotAsked(Unanswered::NotReached));
    tokio::time::sleep(Duration::from_secs(301)).await;
    let reads = world.vault.reads(NAME);
    for version in 2..5 {
        assert_eq!(world.post(&[("a", version)]).await.0, 202);
    }
    assert_eq!(
        world.vault.reads(NAME),
        reads + 1,
        "and the secret is not read at every request"
    );
    // The secret may have been replaced meanwhile.
    let other = "whsec_bmV3ZXIgYW5kIGxvbmcgZW5vdWdoLCBhcyBpdCBtdXN0";
    let body = change("a", 5).to_string();
    let signed = || world.signed_by(other, world.now().as_second(), "/webhooks/crm", &body);
    world.take_told();
    assert_eq!(world.send(signed()).await, unavailable());
    let told = world.take_told().concat();
    let why = "Secrets Manager: not reached";
    assert!(
        told.contains(why) && told.contains("the cached one does not let this webhook in"),
        "{told}"
    );
    world.put(source(other));
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(world.send(signed()).await.0, 202);
}

#[tokio::test(start_paused = true)]
async fn a_sender_with_a_too_short_secret_is_told_to_retry_until_it_has_another() {
    let world = World::new();
    let source = |secrets: Value| {
        world.put(json!({ "signingSecrets": secrets, "org": "acme", "campaignId": "c1" }))
    };
    let by = async |secret| {
        let (at, body) = (world.now().as_second(), change("a", 1).to_string());
        world
            .send(world.signed_by(secret, at, "/webhooks/crm", &body))
            .await
    };
    let is_told = |expected: &str| {
        let told = world.take_told().concat();
        let is_of_secret = told.starts_with("refused crm: secret campaign-sync/source/crm: ");
        is_of_secret && told.contains(expected) && told.contains("openssl rand -base64 24")
    };
    source(json!([SHORT]));
    assert_eq!(by(SHORT).await, unavailable());
    assert!(is_told("expected at least one of 24 bytes or more"));
    assert!(world.queue.is_empty());

    source(json!([SHORT, SECRET]));
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(by(SECRET).await.0, 202, "the other secret works beside it");
    assert_eq!(
        by(SHORT).await,
        unavailable(),
        "and nothing is lost meanwhile"
    );
    assert!(is_told("shorter than 24 bytes"));
    let other = "whsec_bmV3ZXIgYW5kIGxvbmcgZW5vdWdoLCBhcyBpdCBtdXN0";
    assert_eq!(by(other).await.0, 401);
}
