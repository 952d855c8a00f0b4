//! The metrics of docs/contract.md "Metrics" as CloudWatch reads them.
//!
//! Metrics are collected globally, so these tests are a process of their own. [`written`] plays one
//! scenario, and each test looks at a part of what was written.
#![expect(clippy::unwrap_used, reason = "what is not as expected fails the test")]

mod events;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex};

use domain::batch::{Evidence, Outcome};
use domain::change::{Rank, RankReset};
use domain::retry::Cause;
use events::{ORG, PERSONAL, about, called, done, of_changes, of_orgs, of_reconcile, of_webhooks};
use io::telemetry::{Event, Telemetry, flush, init, subscriber};
use serde_json::{Value, json};
use tracing_subscriber::filter::LevelFilter;

const OF_STACK: &str = "Stack=blue";
const OF_ORG: &str = "Stack=blue,Org=acme-us";
const OF_CAUSE: &str = "Stack=blue,Cause=not parked";

/// Metrics with unit and value, by dimensions and name.
type Extracted = BTreeMap<String, BTreeMap<String, (String, Value)>>;

/// The output of each part of the scenario.
struct Written {
    /// A call is throttled before metrics are collected.
    before_init: String,
    /// Every event is reported once.
    events: String,
    /// The number of log lines of each event.
    log_lines: Vec<(String, usize)>,
    /// Nothing is reported.
    nothing: String,
    /// A call is throttled.
    throttled: String,
    /// 130 calls end, and 130 changes are done. A document that was already written is not among
    /// this output.
    last_of_many: String,
}

fn written() -> &'static Written {
    static WRITTEN: LazyLock<Written> = LazyLock::new(|| {
        let telemetry = Telemetry::log();
        let throttled = Event::Throttled { org: ORG };
        telemetry.tell(&throttled);
        let before_init = flushed();
        init("blue".to_owned());
        let log_lines = tell_every_event(&telemetry);
        let events = flushed();
        let nothing = flushed();
        telemetry.tell(&throttled);
        let throttled = flushed();
        for _ in 0..130 {
            telemetry.tell(&called(40));
            telemetry.tell(&done(about(false), Outcome::Updated));
        }
        Written {
            before_init,
            events,
            log_lines,
            nothing,
            throttled,
            last_of_many: flushed(),
        }
    });
    &WRITTEN
}

fn flushed() -> String {
    let mut lines = Vec::new();
    flush(&mut lines);
    String::from_utf8(lines).unwrap()
}

/// A writer that keeps the log lines.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(line)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn tell_every_event(telemetry: &Telemetry) -> Vec<(String, usize)> {
    let evidence = Evidence::from(PERSONAL.to_owned());
    let not_parked = (Cause::NotParked, evidence.clone());
    let reset = RankReset::new(Rank::MAX, None, PERSONAL).unwrap();
    let events = [
        of_changes(&evidence, &not_parked, &reset),
        of_orgs(&evidence),
        of_webhooks(),
        of_reconcile(),
    ];
    let log = Log::default();
    let writer = log.clone();
    let subscriber = subscriber(move || writer.clone(), LevelFilter::TRACE);
    tracing::subscriber::with_default(subscriber, || {
        let lines_of = |event: Event<'_>| {
            telemetry.tell(&event);
            let lines = std::mem::take(&mut *log.0.lock().unwrap());
            let lines = lines.iter().filter(|&&byte| byte == b'\n').count();
            (format!("{event:?}"), lines)
        };
        events.into_iter().flatten().map(lines_of).collect()
    })
}

/// Takes the metrics out of each line as CloudWatch does, and checks the line on the way.
fn extracted(lines: &str) -> Extracted {
    let mut all = Extracted::new();
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let at = line["_aws"]["Timestamp"].as_u64().unwrap();
        assert!(at > 1_700_000_000_000, "{line}");
        for directive in array(&line["_aws"]["CloudWatchMetrics"]) {
            assert_eq!(directive["Namespace"], "CampaignSync");
            for dimensions in array(&directive["Dimensions"]) {
                let dimension = |name: &Value| {
                    let name = name.as_str().unwrap();
                    format!("{name}={}", line[name].as_str().unwrap())
                };
                let dimensions: Vec<_> = array(dimensions).iter().map(dimension).collect();
                let metrics = all.entry(dimensions.join(",")).or_default();
                for metric in array(&directive["Metrics"]) {
                    let name = metric["Name"].as_str().unwrap();
                    let unit = metric["Unit"].as_str().unwrap().to_owned();
                    metrics.insert(name.to_owned(), (unit, line[name].clone()));
                }
            }
        }
    }
    all
}

fn array(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap()
}

/// The metrics with these dimensions that count, without those that have a distribution.
fn counts(dimensions: &str) -> BTreeMap<String, u64> {
    let metrics = extracted(&written().events).remove(dimensions).unwrap();
    let counts = metrics.into_iter().filter_map(|(name, (unit, value))| {
        let value = value.as_u64()?;
        assert_eq!(unit, "Count", "{name}");
        Some((name, value))
    });
    counts.collect()
}

fn named<const N: usize>(counts: [(&str, u64); N]) -> BTreeMap<String, u64> {
    counts.map(|(name, count)| (name.to_owned(), count)).into()
}

#[test]
fn every_event_writes_one_log_line() {
    for (event, lines) in &written().log_lines {
        assert_eq!(*lines, 1, "{event}");
    }
}

#[test]
fn metrics_have_the_dimensions_stack_org_and_cause_and_no_personal_data() {
    let lines = &written().events;
    assert!(!lines.contains(PERSONAL), "{lines}");
    let metrics = extracted(lines);
    let dimensions: Vec<_> = metrics.keys().collect();
    assert_eq!(dimensions, [OF_STACK, OF_CAUSE, OF_ORG]);
}

#[test]
fn every_event_is_counted_for_its_org() {
    let expected = named([
        ("Created", 1),
        ("Updated", 1),
        ("Unchanged", 1),
        ("Stale", 1),
        ("Superseded", 1),
        ("Skipped", 1),
        ("Confirming", 1),
        ("Parked", 1),
        ("OptOutParked", 1),
        ("Retried", 1),
        ("NotParked", 1),
        ("ConflictsResolved", 1),
        ("Kept", 5),
        ("Throttled", 1),
        ("ApiCalls", 2),
        ("OrgRefused", 1),
        ("CampaignRefused", 1),
        ("DncListFailed", 1),
        ("OrgIll", 1),
        ("Accepted", 3),
        ("Refused", 1),
        ("Unmapped", 4),
        ("Checked", 9),
        ("Drifted", 2),
        ("Enqueued", 1),
        ("Runs", 1),
        ("Stopped", 1),
        ("Incomplete", 1),
    ]);
    assert_eq!(counts(OF_ORG), expected);
}

#[test]
fn what_alarms_watch_is_also_counted_for_all_orgs() {
    let expected = named([
        ("Parked", 2),
        ("OptOutParked", 1),
        ("NotParked", 1),
        ("OrgRefused", 1),
        ("CampaignRefused", 1),
        ("DncListFailed", 1),
        ("OrgIll", 1),
        ("Accepted", 3),
        ("Refused", 2),
        ("Unauthorized", 1),
        ("Unmapped", 4),
        ("Runs", 1),
        ("Stopped", 1),
        ("Incomplete", 1),
        ("ToppedUp", 990),
    ]);
    assert_eq!(counts(OF_STACK), expected);
}

#[test]
fn retries_are_also_counted_by_cause() {
    assert_eq!(counts(OF_CAUSE), named([("Retried", 1)]));
}

#[test]
fn ages_latencies_and_widths_are_written_one_by_one() {
    let metrics = extracted(&written().events);
    let seconds = |times| ("Seconds", json!(vec![2.5; times]));
    let expected = [
        (OF_ORG, "ChangeAge", seconds(6)),
        (OF_ORG, "OptOutAge", seconds(4)),
        (OF_STACK, "OptOutAge", seconds(4)),
        (OF_ORG, "RetriedAge", seconds(1)),
        (OF_STACK, "RetriedAge", seconds(1)),
        (OF_ORG, "LookedAtAge", ("Seconds", json!([90.0]))),
        (OF_STACK, "LookedAtAge", ("Seconds", json!([90.0]))),
        (OF_ORG, "ApiLatency", ("Milliseconds", json!([40.0, 60.0]))),
        (OF_STACK, "Width", ("Count", json!([1000.0]))),
    ];
    for (dimensions, name, (unit, values)) in &expected {
        let found = &metrics[*dimensions][*name];
        assert_eq!(*found, ((*unit).to_owned(), values.clone()), "{name}");
    }
    let found = metrics.iter().flat_map(|(dimensions, metrics)| {
        let listed = metrics.iter().filter(|(_, (_, value))| value.is_array());
        listed.map(|(name, _)| (dimensions.as_str(), name.as_str()))
    });
    let expected = expected
        .iter()
        .map(|&(dimensions, name, _)| (dimensions, name));
    assert_eq!(found.collect::<BTreeSet<_>>(), expected.collect());
}

#[test]
fn nothing_is_written_before_metrics_are_collected_and_nothing_twice() {
    assert_eq!(written().before_init, "");
    assert_eq!(written().nothing, "");
    let throttled = extracted(&written().throttled);
    assert_eq!(throttled[OF_ORG].keys().collect::<Vec<_>>(), ["Throttled"]);
    assert_eq!(throttled[OF_ORG]["Throttled"].1, 1);
}

/// A document takes a hundred values of a metric. They are written before more would be lost.
#[test]
fn many_values_are_written_in_several_documents() {
    let last = extracted(&written().last_of_many);
    for name in ["ApiLatency", "ChangeAge"] {
        assert_eq!(array(&last[OF_ORG][name].1).len(), 30, "{name}");
    }
}
