//! Properties of apply and reconcile. Whatever a queue's event or a feed's page holds, nothing
//! panics, and no message is given up that was not parked. The same for ingest is in `ingest_fuzz`.

use std::time::Duration;

use emulator::{Effect, Fault};
use lambda_runtime::LambdaEvent;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::reconcile::Run;
use crate::support::{CAMPAIGN, MEMBERS, World, change};

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!("2026-11-24T16:00:00Z")),
        Just(json!(CAMPAIGN)),
    ];
    let name = prop::sample::select([&MEMBERS[..], &["phone", "calable"]].concat());
    leaf.prop_recursive(2, 12, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..8).prop_map(|members| members
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()),
        ]
    })
}

/// A valid change with one or two members set to anything, or any text at all.
fn bodies() -> impl Strategy<Value = String> {
    let member = prop::sample::select(vec![
        "version",
        "data",
        "callable",
        "operation",
        "contactKey",
        "org",
        "schema",
    ]);
    let spoilt = (member, values(), 0u64..5)
        .prop_map(|(name, value, version)| change("a", version).with(name, value));
    let spoilt = spoilt.prop_map(|change| change.text());
    prop_oneof![3 => spoilt, 1 => values().prop_map(|value| value.to_string()), 1 => "\\PC{0,40}"]
}

fn records() -> impl Strategy<Value = Vec<Value>> {
    let text = prop_oneof![
        "\\PC{0,8}".prop_map(Value::from),
        Just(Value::Null),
        Just(json!("1"))
    ];
    let attributes = prop::collection::vec(
        (
            prop::sample::select(vec![
                "MessageGroupId",
                "ApproximateReceiveCount",
                "ApproximateFirstReceiveTimestamp",
            ]),
            "\\PC{0,20}",
        ),
        0..4,
    );
    let record = (bodies(), text.clone(), text, attributes).prop_map(|(body, id, handle, attributes)| {
        let attributes: serde_json::Map<_, _> =
            attributes.into_iter().map(|(name, text)| (name.to_owned(), json!(text))).collect();
        json!({ "body": body, "messageId": id, "receiptHandle": handle, "attributes": attributes })
    });
    prop::collection::vec(record, 0..10)
}

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    })
}

#[test]
fn any_event_is_answered() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let ran = runner(5_000).run(&records(), |records| {
        runtime.block_on(async {
            let world = World::new();
            let event = serde_json::from_value(json!({ "Records": records })).unwrap();
            let mut lambda = lambda_runtime::Context::default();
            lambda.deadline = (world.clock.now() + Duration::from_secs(30))
                .as_millisecond()
                .unsigned_abs();
            let answer = apply::handle(&world.context, LambdaEvent::new(event, lambda)).await;
            // A record without an id must be retried, so the whole batch fails.
            let Ok(answer) = answer else { return Ok(()) };
            let ids: Vec<_> = records
                .iter()
                .filter_map(|record| record["messageId"].as_str())
                .collect();
            for failure in &answer.batch_item_failures {
                prop_assert!(
                    ids.contains(&failure.item_identifier.as_str())
                        && !failure.item_identifier.is_empty()
                );
            }
            let told = world
                .told()
                .iter()
                .filter(|told| !told.starts_with('!'))
                .count();
            prop_assert_eq!(told, records.len(), "each record has its outcome");
            Ok(())
        })
    });
    ran.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn any_page_of_a_feed_is_an_error_or_enqueues_good_changes() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let spoilt = (prop::collection::vec(values(), 0..4), values())
        .prop_map(|(contacts, next)| json!({ "contacts": contacts, "next": next }).to_string());
    let pages = prop_oneof![4 => spoilt, 1 => values().prop_map(|value| value.to_string()), 1 => "\\PC{0,60}"];
    let ran = runner(3_000).run(&pages, |page| {
        runtime.block_on(async {
            let run = Run::new(World::new());
            run.feed.add_fault(Fault::next("GET", Effect::Text(page)));
            let _ = run.run(json!({})).await;
            for message in run.world.queue.messages() {
                prop_assert!(
                    domain::Change::parse(&message.body).is_ok(),
                    "{}",
                    message.body
                );
            }
            Ok(())
        })
    });
    ran.unwrap_or_else(|error| panic!("{error}"));
}
