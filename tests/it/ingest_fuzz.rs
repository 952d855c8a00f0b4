//! Properties of ingest. Whatever a correctly signed body holds, nothing panics, nothing is queued
//! on an error, and nothing of the body is logged.

mod mapped;

use std::sync::Mutex;

use domain::Change;
use lambda_http::Request;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use tokio::runtime::Runtime;
use tracing::instrument::WithSubscriber;

use crate::support::ingest::World;
use crate::support::{Lines, MEMBERS};

const CHANGE: &str = r#"{"eventId": "e", "contactKey": "canary-key", "data": {}}"#;

/// Bodies that come close to valid ones: JSON with the right names and any values, cut or
/// corrupted.
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
    let name = prop::sample::select([&MEMBERS[..], &["calable", "changes"]].concat());
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

/// A world on a runtime with a paused clock, and everything that is logged.
struct Quiet {
    runtime: Runtime,
    world: World,
    lines: Lines,
}

impl Quiet {
    fn new() -> Quiet {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let world = {
            let _entered = runtime.enter();
            World::telling(io::telemetry::Telemetry::log())
        };
        let lines = Lines::default();
        Quiet {
            runtime,
            world,
            lines,
        }
    }

    /// The status, the answer, and what was logged.
    fn send(&self, request: impl FnOnce(&World) -> Request) -> (u16, Value, String) {
        let writer = self.lines.clone();
        let subscriber = io::telemetry::subscriber(
            move || writer.clone(),
            tracing::level_filters::LevelFilter::TRACE,
        );
        let sent = async { self.world.send(request(&self.world)).await };
        let (status, answer, _) = self.runtime.block_on(sent.with_subscriber(subscriber));
        (status, answer, self.lines.take())
    }

    fn runner() -> TestRunner {
        TestRunner::new(Config {
            cases: 100_000,
            failure_persistence: None,
            ..Config::default()
        })
    }
}

#[test]
fn a_hundred_thousand_bodies_do_no_harm() {
    let quiet = Quiet::new();
    let statuses = Mutex::new(std::collections::BTreeMap::<u16, u32>::new());
    let ran = Quiet::runner().run(&bodies(), |body| {
        let (status, answer, told) = quiet.send(|world| world.signed("/webhooks/crm", &body));
        *statuses.lock().unwrap().entry(status).or_default() += 1;
        let queued = quiet.world.take_queued();
        match status {
            202 => {
                // A duplicate is accepted and not stored again.
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
