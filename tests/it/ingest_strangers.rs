//! Requests of strangers: none is let in, none learns which sources exist, and none can shut out
//! others. Attacks by senders that are let in are in `hostile`.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use io::secrets::SecretsError;
use lambda_http::{Body, Request};
use serde_json::{Value, json};

use crate::support::ingest::{Answer, NAME, SECRET, World, change};

const OTHER: &str = "whsec_bmV3ZXIgYW5kIGxvbmcgZW5vdWdoLCBhcyBpdCBtdXN0";

fn unauthorized() -> Answer {
    (401, json!({ "error": "unauthorized" }), false)
}

fn unavailable() -> Answer {
    (503, json!({ "error": "unavailable", "accepted": 0 }), true)
}

/// A request signed without knowing the source's secret.
fn forged(world: &World, source: &str) -> Request {
    let at = world.now().as_second();
    world.signed_by(
        OTHER,
        at,
        &format!("/webhooks/{source}"),
        &change("a", 1).to_string(),
    )
}

/// The answer, and how long it took on the logical clock.
async fn timed(world: &World, request: Request) -> (Answer, Duration) {
    let began = world.now();
    let answer = world.send(request).await;
    (answer, world.now().duration_since(began).unsigned_abs())
}

#[tokio::test(start_paused = true)]
async fn every_401_looks_alike_and_only_the_operator_learns_its_cause() {
    let world = World::new();
    let body = change("a", 1).to_string();
    let good = || world.signed("/webhooks/crm", &body);
    let with = |name: &'static str, text: &str| {
        let mut request = good();
        request.headers_mut().insert(name, text.parse().unwrap());
        request
    };
    let old = (world.now().as_second() - 301).to_string();
    let mut altered = good();
    *altered.body_mut() = Body::Text(change("b", 1).to_string());
    let mut bare = good();
    bare.headers_mut().remove("webhook-signature");
    let not_let_in = "crm: secret campaign-sync/source/crm does not let it in";
    for (request, told) in [
        (with("webhook-signature", "v1,AAAA"), not_let_in),
        (with("webhook-id", "msg_2"), not_let_in),
        (altered, not_let_in),
        (
            with("webhook-timestamp", &old),
            "crm: its signature is dated 301 s behind this clock",
        ),
        (bare, "crm: it shows no complete signature"),
        (
            world.signed("/webhooks/nobody", &body),
            "nobody: there is no secret campaign-sync/source/nobody",
        ),
        (
            world.signed("/webhooks/No%20Name", &body),
            ": the last part of the path: expected 1 to 32 characters",
        ),
    ] {
        assert_eq!(
            timed(&world, request).await,
            (unauthorized(), ingest::SOONEST_REFUSAL)
        );
        let seen = world.take_told().concat();
        assert!(seen.starts_with(&format!("unauthorized {told}")), "{seen}");
    }
    assert!(world.queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn neither_answer_nor_time_nor_work_shows_a_stranger_whether_a_source_exists() {
    let world = World::new();
    world.put_source("quiet");
    world.vault.set_latency(Duration::from_millis(30));
    // This copy has the secret of `crm` cached, since that source sends much. It does not have that
    // of `quiet`.
    assert_eq!(world.post(&[("a", 1)]).await.0, 202);
    tokio::time::sleep(Duration::from_secs(60)).await;
    for again in [false, true] {
        for source in ["crm", "quiet", "nobody"] {
            let name = format!("campaign-sync/source/{source}");
            let before = world.vault.reads(&name);
            let seen = timed(&world, forged(&world, source)).await;
            assert_eq!(seen, (unauthorized(), ingest::SOONEST_REFUSAL), "{source}");
            assert_eq!(
                world.vault.reads(&name) - before,
                usize::from(!again),
                "{source}: {again}"
            );
        }
    }
    // While Secrets Manager is down, all names look alike too.
    for source in ["crm", "quiet", "nobody"] {
        let name = format!("campaign-sync/source/{source}");
        world.vault.fail(&name, SecretsError::Unavailable);
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    for source in ["crm", "quiet", "nobody", "crm", "quiet", "nobody"] {
        let seen = timed(&world, forged(&world, source)).await;
        assert_eq!(seen, (unavailable(), ingest::SOONEST_REFUSAL), "{source}");
    }
    assert_eq!(
        world.post(&[("a", 2)]).await.0,
        202,
        "a cached source is let in"
    );
}

#[tokio::test(start_paused = true)]
async fn guessers_shut_nobody_out_and_a_copy_looks_up_ten_names_a_second_at_most() {
    let world = World::new();
    world.put_source("quiet");
    assert_eq!(world.post(&[("a", 1)]).await.0, 202);
    let began = world.now();
    for n in 0..2_000 {
        let guess = forged(&world, &format!("guess-{n}"));
        assert_eq!(world.send(guess).await, unauthorized(), "{n}");
    }
    let seconds = world.now().duration_since(began).as_secs();
    assert_eq!(seconds, 200, "it takes the time of 2,000 lookups");
    let body = change("b", 1).to_string();
    let (answer, took) = timed(&world, world.signed("/webhooks/quiet", &body)).await;
    assert_eq!(
        (answer.0, took),
        (202, Duration::ZERO),
        "a source that was not cached is let in at once"
    );
    let reads = world.vault.reads(NAME);
    assert_eq!(world.post(&[("a", 2)]).await.0, 202);
    assert_eq!(
        world.vault.reads(NAME),
        reads,
        "a cached source stays cached"
    );
}

#[tokio::test(start_paused = true)]
async fn a_copy_looks_up_ten_names_at_a_time_and_each_name_once_for_all_who_send_it() {
    let world = World::new();
    world.put_source("quiet");
    let latency = Duration::from_secs(1);
    world.vault.set_latency(latency);
    let guesses = (0..100).map(|n| world.send(forged(&world, &format!("guess-{n}"))));
    let began = world.now();
    let honest = async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let body = change("b", 1).to_string();
        timed(&world, world.signed("/webhooks/quiet", &body)).await
    };
    let (answers, (honest, waited)) = futures_util::join!(join_all(guesses), honest);
    assert!(answers.iter().all(|answer| *answer == unauthorized()));
    assert_eq!(honest.0, 202, "later requests wait their turn");
    assert!(waited <= 11 * latency, "{waited:?}");
    assert!(world.now().duration_since(began).unsigned_abs() >= 10 * latency);

    let all = (0..100).map(|_| world.post(&[("a", 1)]));
    assert!(join_all(all).await.iter().all(|answer| answer.0 == 202));
    assert!(world.vault.reads(NAME) <= 10);
}

#[tokio::test(start_paused = true)]
async fn missing_or_expired_credentials_are_answered_alike_for_every_name() {
    let world = World::new();
    world.put_source("quiet");
    let body = change("a", 1).to_string();
    for source in ["crm", "quiet", "nobody"] {
        let now = world.now().as_second();
        let path = format!("/webhooks/{source}");
        let without = |name: &str| {
            let mut request = world.signed(&path, &body);
            request.headers_mut().remove(name);
            request
        };
        let mut basic = without("webhook-id");
        let authorization = "Basic dGVzdDp0ZXN0".parse().unwrap();
        basic.headers_mut().insert("authorization", authorization);
        // A source may authenticate by any header, by the query or by the body. So every request
        // causes one lookup, whatever it holds.
        for request in [
            without("webhook-id"),
            without("webhook-timestamp"),
            without("webhook-signature"),
            basic,
            world.signed_by(SECRET, now + 63, &path, &body),
            world.signed_by(SECRET, now - 181, &path, &body),
        ] {
            assert_eq!(
                timed(&world, request).await,
                (unauthorized(), ingest::SOONEST_REFUSAL)
            );
        }
        let name = format!("campaign-sync/source/{source}");
        assert_eq!(world.vault.reads(&name), 1, "{source}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_looked_up_in_vain_is_looked_up_again_after_half_a_minute() {
    let world = World::new();
    let post = async || {
        let body = change("a", 1).to_string();
        world.send(world.signed("/webhooks/nobody", &body)).await.0
    };
    for _ in 0..5 {
        assert_eq!(post().await, 401);
    }
    let name = "campaign-sync/source/nobody";
    assert_eq!(world.vault.reads(name), 1);
    world.put_source("nobody");
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!((post().await, world.vault.reads(name)), (202, 2));
}

#[tokio::test(start_paused = true)]
async fn a_new_secret_lets_in_as_soon_as_somebody_signs_with_it() {
    let world = World::new();
    assert_eq!(world.post(&[("a", 1)]).await.0, 202);
    tokio::time::sleep(Duration::from_secs(31)).await;
    let source = |secrets: Value| {
        world.put(json!({ "signingSecrets": secrets, "org": "acme", "campaignId": "c1" }))
    };
    source(json!([OTHER, SECRET]));
    let by = async |secret, version| {
        let (at, body) = (world.now().as_second(), change("a", version).to_string());
        world
            .send(world.signed_by(secret, at, "/webhooks/crm", &body))
            .await
            .0
    };
    assert_eq!((by(OTHER, 2).await, by(SECRET, 3).await), (202, 202));
    source(json!([OTHER]));
    assert_eq!(
        by(SECRET, 4).await,
        202,
        "until SECRET_TTL_SECONDS have passed"
    );
    tokio::time::sleep(Duration::from_secs(301)).await;
    assert_eq!((by(SECRET, 5).await, by(OTHER, 5).await), (401, 202));
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
    assert_eq!(world.send(request("t3")).await, unauthorized());
    assert_eq!(
        world.post(&[("a", 1)]).await,
        unauthorized(),
        "a signature is no token"
    );
}

#[tokio::test(start_paused = true)]
async fn requests_of_strangers_take_bounded_time_and_get_one_answer() {
    let world = World::new();
    world.put_source("quiet");
    // Secrets Manager is slower than any answer waits. Only then could the time show that a secret
    // was looked up.
    world.vault.set_latency(Duration::from_secs(2));
    let mut seen = BTreeSet::new();
    for source in ["quiet", "nobody", "crm"] {
        let (answer, took) = timed(&world, forged(&world, source)).await;
        seen.insert((answer.0, took));
    }
    assert_eq!(seen, [(401, Duration::from_secs(2))].into());
}
