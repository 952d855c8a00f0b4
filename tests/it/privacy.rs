//! No personal data, token or secret is reported, logged, or parked beside the original body.
//! Attempts to make ingest reveal a payload are in `hostile::secrecy`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use emulator::Fault;
use emulator::genesys::{Effect, Options};
use io::telemetry::Telemetry;
use lambda_runtime::LambdaEvent;
use serde_json::json;
use tracing::instrument::WithSubscriber;

use crate::support::{self, CAMPAIGN, Lines, change};

const CANARIES: [&str; 6] = [
    "canary-key-",
    "canary-value",
    "canary-column",
    "secret-of-acme",
    "canary-text",
    "token-1",
];

#[tokio::test(start_paused = true)]
async fn no_output_of_a_function_holds_personal_data() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = io::telemetry::subscriber(
        move || writer.clone(),
        tracing::level_filters::LevelFilter::TRACE,
    );
    // `tracing` caches for each event whether anybody listens. With one subscriber it asks only the
    // thread that emits the event first, which may belong to another test. A second subscriber
    // turns that cache off.
    let second = Lines::default();
    let _second = tracing::Dispatch::new(io::telemetry::subscriber(
        move || second.clone(),
        tracing::level_filters::LevelFilter::TRACE,
    ));
    let parked = run_into_every_trouble().with_subscriber(subscriber).await;

    let text = lines.take();
    for expected in [
        "change done",
        "change parked",
        "change retried",
        "org refused",
        "conflict met",
        "throttled",
        "requestId",
    ] {
        assert!(
            text.contains(expected),
            "{expected} is not reported in:\n{text}"
        );
    }
    let mut retried = BTreeSet::new();
    for line in text.lines() {
        let line: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
        if line["message"] == "change retried" {
            retried.insert((line["eventId"].to_string(), line["optOut"] == true));
        }
    }
    for (event, opts_out) in [("\"evt-1\"", false), ("\"evt-2\"", true)] {
        let told = retried.iter().filter(|(of, _)| of == event);
        let told: Vec<_> = told.map(|(_, opts_out)| *opts_out).collect();
        assert_eq!(told, [opts_out], "{event} in:\n{text}");
    }
    for canary in CANARIES {
        assert!(!text.contains(canary), "{canary} in:\n{text}");
        assert!(!parked.contains(canary), "{canary} in:\n{parked}");
    }
}

/// Meets every kind of failure, and returns the attributes and ids of the parked messages.
async fn run_into_every_trouble() -> String {
    let clock = emulator::logical_clock("2026-11-24T16:00:00Z".parse().unwrap());
    let world = emulator::World::new(clock, Options::default(), support::BASE);
    world.put_org("acme", &json!({}));
    world.put_campaign("acme", CAMPAIGN, Some(&["phone", "crmVersion"]));
    let (genesys, queue) = (&world.genesys, &world.queue);
    world.vault.put(
        "campaign-sync/org/bad",
        r#"{"clientSecret": "canary-text", "canary-text""#,
    );
    let (config, parking) = support::config(&world);
    let shared = world.shared(1, Telemetry::log(), config);
    let context = apply::Context::new(shared, parking, Arc::clone(&world.sqs) as _);

    let key = |n: usize| format!("canary-key-{n}");
    genesys.put_contact(CAMPAIGN, &key(0), &[("phone", "canary-value")], true);
    genesys.add_fault(Fault::status("GET", 404).on("canary-key-0").times(2));
    genesys.add_fault(Fault::status("GET", 500).on("canary-key-1").times(9));
    genesys.add_fault(Fault::status("GET", 429).on("canary-key-2"));
    genesys.add_fault(
        Fault::next("GET", Effect::Lost { is_done: false })
            .on("canary-key-3")
            .times(9),
    );
    let changes = [
        change(&key(0), 5).phone("canary-value-0"),
        change(&key(1), 5).phone("canary-value-1"),
        change(&key(3), 5).phone("canary-value-3").callable(false),
        change(&key(4), 5).column("canary-column", json!("canary-value-4")),
        change(&key(5), 5)
            .phone("x")
            .with("canary-text", "canary-value-5"),
        change(&key(6), 5).spoilt("{\"contactKey\": \"canary-key\", canary-text"),
        change(&key(7), 5).of("bad", "canary"),
        change(&key(8), 5).column("phone", json!(["canary-value"])),
        change(&key(9), 5).phone("canary-value-9"),
        change(&key(2), 5).phone("canary-value-2"),
    ];
    for (n, change) in changes.into_iter().enumerate() {
        queue
            .send(change.with("eventId", format!("evt-{n}")).message())
            .unwrap();
    }
    let mut foreign = change("x", 1).message();
    foreign.group = "canary-key-as-group".to_owned();
    queue.send(foreign).unwrap();
    for _ in 0..60 {
        tokio::time::sleep(Duration::from_secs(10)).await;
        let Some(batch) = queue.receive(10) else {
            continue;
        };
        let event = serde_json::from_value(batch.event.clone()).unwrap();
        let mut lambda = lambda_runtime::Context::default();
        lambda.request_id = "request-1".to_owned();
        let answer = apply::handle(&context, LambdaEvent::new(event, lambda))
            .await
            .unwrap();
        world
            .event_source()
            .answered(&batch, serde_json::to_value(answer).ok().as_ref());
    }
    let parked = world.dead_letters.messages();
    assert!(parked.len() >= 3, "{}", parked.len());
    let shown = parked.iter().map(|m| {
        format!(
            "{:?} {} {}\n",
            m.attributes,
            m.group.replace("canary-key-as-group", ""),
            m.deduplication_id
        )
    });
    shown.collect()
}
