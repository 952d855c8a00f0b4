//! Any body at all, correctly signed: never a panic, nothing queued on error, nothing of the body
//! in the log.

mod mapped;

use std::sync::Mutex;

use domain::Change;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tracing::instrument::WithSubscriber;

use crate::support::Lines;
use crate::support::ingest::World;

const CHANGE: &str = r#"{"eventId": "e", "contactKey": "canary-key", "data": {}}"#;

/// Bodies near enough to good ones to get far: JSON of the right names with any values, cut and
/// spoilt.
fn bodies() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("1".to_owned()),
        Just("-1e99".to_owned()),
        Just("\"canary-value\"".to_owned()),
        Just("\"2026-11-24T16:00:00Z\"".to_owned()),
        "\"\\PC{0,8}\"",
        Just("{}".to_owned()),
        Just("[]".to_owned()),
        Just(r#"{"phone": null, "canary-column": "canary-value"}"#.to_owned()),
    ];
    let name = prop::sample::select(vec![
        "schema",
        "eventId",
        "org",
        "campaignId",
        "contactKey",
        "operation",
        "version",
        "occurredAt",
        "source",
        "data",
        "callable",
        "calable",
        "changes",
    ]);
    let object = prop::collection::vec((name, leaf), 0..8).prop_map(|members| {
        let members: Vec<_> = members
            .iter()
            .map(|(name, value)| format!("\"{name}\": {value}"))
            .collect();
        format!("{{{}}}", members.join(", "))
    });
    let list = prop::collection::vec(prop_oneof![object.clone(), Just(CHANGE.to_owned())], 0..4)
        .prop_map(|changes| format!(r#"{{"changes": [{}]}}"#, changes.join(",")));
    let whole = prop_oneof![object, list, Just(CHANGE.to_owned()), ".{0,60}"];
    (whole, any::<prop::sample::Index>(), any::<bool>()).prop_map(|(body, cut, is_cut)| {
        let end = (0..=cut.index(body.len() + 1))
            .rfind(|&end| body.is_char_boundary(end))
            .unwrap_or(0);
        if is_cut { body[..end].to_owned() } else { body }
    })
}

#[test]
fn a_hundred_thousand_bodies_do_no_harm() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let lines = Lines::default();
    let world = {
        let _entered = runtime.enter();
        World::telling(io::telemetry::Telemetry::log())
    };
    let statuses = Mutex::new(std::collections::BTreeMap::<u16, u32>::new());
    let mut runner = TestRunner::new(Config {
        cases: 100_000,
        failure_persistence: None,
        ..Config::default()
    });
    let ran = runner.run(&bodies(), |body| {
        let writer = lines.clone();
        let subscriber = io::telemetry::subscriber(
            move || writer.clone(),
            tracing::level_filters::LevelFilter::TRACE,
        );
        // Signed by the clock of the runtime, which stands still.
        let sent = async { world.send(world.signed("/webhooks/crm", &body)).await };
        let (status, answer, _) = runtime.block_on(sent.with_subscriber(subscriber));
        *statuses.lock().unwrap().entry(status).or_default() += 1;
        let queued = world.take_queued();
        match status {
            202 => {
                // What was sent a short time before is accepted and not stored again.
                prop_assert!(queued.len() as u64 <= answer["accepted"].as_u64().unwrap());
                for body in queued {
                    prop_assert!(Change::parse(&body).is_ok(), "{}", body);
                }
            }
            400 => {
                prop_assert!(queued.is_empty() && !answer["details"].as_array().unwrap().is_empty())
            }
            _ => prop_assert!(false, "{} {}", status, answer),
        }
        let told = lines.take();
        prop_assert!(
            told.contains("webhook ") && !told.contains("canary"),
            "{}",
            told
        );
        Ok(())
    });
    ran.unwrap_or_else(|error| panic!("{error}"));
    let statuses = statuses.into_inner().unwrap();
    assert!(
        statuses[&202] > 5_000 && statuses[&400] > 5_000,
        "it reaches both ends: {statuses:?}"
    );
}
