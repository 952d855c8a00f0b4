//! Failures of a run: its input, the secrets, the feed, Genesys Cloud, and the queue. Single items
//! that break a rule are in `faulty`, and what a record makes of a failed run in `runs`.

use std::time::Duration;

use emulator::{Effect, Fault};
use io::genesys::UNKNOWN_CAMPAIGN;
use io::telemetry::subscriber;
use serde_json::{Value, json};
use tracing::instrument::WithSubscriber;
use tracing::level_filters::LevelFilter;

use super::{FEED_SECRET, Run, TOKEN};
use crate::support::{CAMPAIGN, Lines, World};

/// Runs, and returns the error. Nothing may be enqueued.
pub(super) async fn error(run: &Run, more: Value) -> String {
    let error = run.run(more).await.unwrap_err().to_string();
    assert!(run.world.queue.is_empty(), "{error}");
    error
}

pub(super) fn of_feed(what: &str) -> String {
    format!("the feed of org acme for campaign {CAMPAIGN}: {what}")
}

pub(super) fn page(text: &str) -> Fault {
    Fault::next("GET", Effect::Text(text.to_owned()))
}

#[tokio::test(start_paused = true)]
async fn a_wrong_input_is_reported_member_by_member() {
    let run = Run::new(World::new());
    let error = error(
        &run,
        json!({ "org": "ACME", "campaignIds": "all", "window": 5 }),
    )
    .await;
    assert_eq!(
        error,
        "the input is not as expected: org: expected 1 to 32 characters of a-z, 0-9 and -; \
         campaignIds: expected 1 to 100 different ids of campaigns; \"window\" is unknown"
    );
    assert!(run.world.genesys.calls().is_empty() && run.feed.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_missing_or_malformed_is_named() {
    let run = Run::new(World::new());
    run.world
        .vault
        .fail(FEED_SECRET, io::secrets::SecretsError::Missing);
    let told = error(&run, json!({})).await;
    assert!(
        told.starts_with("secret campaign-sync/feed/acme: there is no such secret"),
        "{told}"
    );
    let plain = json!({ "url": "http://127.0.0.1/contacts", "bearerToken": TOKEN }).to_string();
    run.world.vault.put(FEED_SECRET, plain.clone());
    let told = error(&run, json!({})).await;
    assert!(
        told.starts_with("secret campaign-sync/feed/acme: the secret is malformed: url: expected"),
        "{told}"
    );
    let told = error(&run, json!({ "org": "nobody" })).await;
    assert!(told.contains("campaign-sync/org/nobody"), "{told}");

    let local = Run::with(World::new(), 10, |config| {
        config.genesys_base_url = Some("http://127.0.0.1:1".into())
    });
    local.world.vault.put(FEED_SECRET, plain);
    assert!(
        local.run(json!({})).await.is_ok(),
        "in a local run the feed may be on loopback"
    );
}

#[tokio::test(start_paused = true)]
async fn an_unknown_campaign_is_named_whether_the_feed_lists_contacts_of_it_or_not_and_holds_up_no_other()
 {
    for (is_of_lists, code) in [
        (true, "GET campaign: 404 resource.not.found"),
        (false, "GET contact: 404 campaign.not.found"),
    ] {
        for is_listed in [true, false] {
            let run = Run::new(if is_of_lists {
                World::of_lists(Default::default())
            } else {
                World::new()
            });
            run.says("a", 5, "5");
            if is_listed {
                run.feed.put(
                    json!({ "campaignId": "no-such", "contactKey": "b", "version": 5, "data": {} }),
                );
            }
            let failed = run.run(json!({ "campaignIds": ["no-such", CAMPAIGN] }));
            assert_eq!(
                failed.await.unwrap_err().to_string(),
                format!("org acme, campaign no-such: {code}: {UNKNOWN_CAMPAIGN}")
            );
            let queued = run.queued();
            let queued: Vec<_> = queued.iter().map(|body| &body["contactKey"]).collect();
            assert_eq!(queued, ["a"]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_campaign_that_exists_is_looked_up_until_one_of_its_contacts_was_seen() {
    let run = Run::new(World::new());
    let reads = || {
        let calls = run.world.genesys.calls();
        calls.iter().filter(|call| call.method == "GET").count()
    };
    assert!(run.run(json!({})).await.unwrap().complete);
    assert_eq!(reads(), 1);
    run.world.put("a", 5, "5");
    run.says("a", 5, "5");
    assert!(run.run(json!({})).await.unwrap().complete);
    assert_eq!(reads(), 2);
    run.world.pass(Duration::from_hours(2)).await;
    assert_eq!(run.run(json!({})).await.unwrap().checked, 0);
    assert_eq!(reads(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_genesys_cloud_is_waited_for_and_if_it_lasts_nothing_is_enqueued() {
    let run = Run::with(World::new(), 1, |_| ());
    run.says("a", 5, "5");
    run.says("b", 5, "5");
    run.world
        .genesys
        .add_fault(Fault::status("GET", 503).on("/a").times(6));
    assert_eq!(run.run(json!({})).await.unwrap().enqueued, 2);
    run.apply_all().await;

    let run = Run::with(World::new(), 1, |_| ());
    run.says("a", 5, "5");
    run.says("b", 5, "5");
    run.world
        .genesys
        .add_fault(Fault::status("GET", 503).on("/b").times(100));
    let told = error(&run, json!({})).await;
    assert!(
        told.starts_with(&format!("org acme, campaign {CAMPAIGN}: GET contact: 503")),
        "{told}"
    );
    run.world.genesys.forbid("client-of-acme", true);
    let told = error(&run, json!({})).await;
    assert!(told.contains(": 403"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_genesys_cloud_refuses_to_read_does_not_hide_the_others() {
    let run = Run::new(World::new());
    for key in ["a", "b", "c"] {
        run.says(key, 5, "5");
    }
    run.world
        .genesys
        .add_fault(Fault::status("GET", 400).on("/b"));
    let answer = run.run(json!({})).await.unwrap();
    assert_eq!(
        (answer.checked, answer.enqueued, answer.complete),
        (3, 2, true)
    );
}

#[tokio::test(start_paused = true)]
async fn a_change_that_the_queue_refused_is_reported_and_found_by_the_next_run() {
    let run = Run::fast(100);
    for n in 0..30 {
        run.says(&format!("k{n}"), 5, "5");
    }
    run.world.sqs.refuse_entry("\"k17\"", false);
    let told = run.run(json!({})).await.unwrap_err().to_string();
    assert_eq!(told, "the queue accepted 29 of 30 changes: SQS: OnPurpose");
    run.apply_all().await;
    assert_eq!(run.run(json!({})).await.unwrap().enqueued, 1);
    run.world.sqs.refuse(1);
    let told = run.run(json!({})).await.unwrap_err().to_string();
    assert_eq!(told, "the queue: SQS: ServiceUnavailable");
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_hangs_when_little_time_is_left_is_not_waited_for() {
    let run = Run::with(World::new(), 6, |_| ());
    for key in ["a1", "a2", "a3", "a4", "a5"] {
        run.world.put(key, 5, "5");
        run.says(key, 5, "5");
    }
    run.says("a6", 5, "5");
    run.says("b", 5, "5");
    run.feed
        .add_fault(Fault::next("GET", Effect::Hang { is_done: false }).after(1));
    let began = run.world.clock.now();
    let answer = run
        .run_for(Duration::from_secs(50), json!({}))
        .await
        .unwrap();
    assert!(
        run.world.clock.now().duration_since(began).as_secs() <= 20,
        "half a minute stays for the queue"
    );
    assert_eq!(
        (answer.enqueued, answer.complete),
        (1, false),
        "what was found is enqueued"
    );
}

#[tokio::test(start_paused = true)]
async fn a_slow_queue_ends_the_run_before_lambda_does() {
    let run = Run::fast(1_000);
    for n in 0..5_000 {
        run.says(&format!("k{n}"), 5, "5");
    }
    run.world.sqs.set_latency(Duration::from_millis(1_500));
    let began = run.world.clock.now();
    let answer = run
        .run_for(Duration::from_secs(60), json!({ "force": true }))
        .await
        .unwrap();
    let took = run.world.clock.now().duration_since(began).as_secs();
    assert!(took < 60 && !answer.complete, "{took} s");
    assert!(
        (1_000..5_000).contains(&answer.enqueued),
        "{}",
        answer.enqueued
    );
    run.world.sqs.set_latency(Duration::ZERO);
    run.apply_all().await;
    let rest = run
        .run(json!({ "force": true, "cursor": answer.cursor }))
        .await
        .unwrap();
    assert_eq!(
        (answer.enqueued + rest.enqueued, rest.complete),
        (5_000, true)
    );
}

#[tokio::test(start_paused = true)]
async fn no_log_line_and_no_error_holds_a_key_a_value_a_token_or_a_cursor() {
    let lines = Lines::default();
    let writer = lines.clone();
    let log = subscriber(move || writer.clone(), LevelFilter::DEBUG);
    let errors = async {
        let run = Run::with(World::new(), 1, |_| ());
        run.world.put("canary-a", 5, "canary-value");
        run.says("canary-a", 6, "canary-new");
        run.says("canary-b", 6, "canary-new");
        run.run(json!({ "dryRun": true })).await.unwrap();
        run.run(json!({})).await.unwrap();
        let more = r#"{"contacts": [{"contactKey": "canary-c", "version": 5, "data": {}}], "next": "canary-cursor"}"#;
        run.feed.add_fault(page(more));
        run.feed
            .add_fault(Fault::next("GET", Effect::Hang { is_done: false }));
        let stopped = run
            .run_for(Duration::from_secs(40), json!({}))
            .await
            .unwrap();
        assert!(!stopped.complete);
        let mut errors = Vec::new();
        for text in [
            r#"{"contacts": [{"contactKey": "canary", "data": {"canary": 7}, "canary": "canary"}], "next": "canary"}"#,
            r#"{"contacts": [], "next": ["canary"]}"#,
            "canary",
        ] {
            run.feed.add_fault(page(text));
            errors.push(run.run(json!({})).await.unwrap_err().to_string());
        }
        run.run_for(Duration::from_secs(30), json!({}))
            .await
            .unwrap();
        errors
    };
    let errors = errors.with_subscriber(log).await;
    let log = lines.take();
    assert!(
        log.contains("contact differs") && log.contains("phone") && log.contains("not complete"),
        "{log}"
    );
    for secret in ["canary", "feed-token", "hush", "secret-of-", "tenant"] {
        assert!(
            !log.contains(secret) && !errors.join("").contains(secret),
            "{secret} in {log} {errors:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_opt_out_of_a_contact_that_cannot_be_read_takes_effect_and_the_log_names_the_campaign() {
    let run = Run::new(World::of_lists(Default::default()));
    for key in ["gone", "other"] {
        run.world.put(key, 5, "5");
    }
    run.says_more("gone", 6, "6", json!({ "callable": false }));
    run.says("other", 6, "6");
    let refused = Fault::status("POST", 400).on("contacts/bulk");
    // Genesys Cloud refuses to read both, together and each by itself.
    run.world.genesys.add_fault(refused.times(3));
    let lines = Lines::default();
    let writer = lines.clone();
    let log = subscriber(move || writer.clone(), LevelFilter::WARN);
    let answer = run.run(json!({})).with_subscriber(log).await.unwrap();
    assert_eq!((answer.enqueued, answer.complete), (1, true));
    let log = lines.take();
    let line = log.lines().find(|line| line.contains("left out")).unwrap();
    assert!(
        line.contains(CAMPAIGN) && line.contains("\"rejected\"") && line.contains("\"contacts\":2"),
        "{log}"
    );
    run.apply_all().await;
    assert!(!run.world.contact("gone").1 && run.world.contact("other").1);
}
