//! The metrics of CONTRACT.md section 8, in the embedded metric format: each flush writes JSON lines to standard output, from
//! which CloudWatch Logs takes them (CloudWatch user guide, "Specification: Embedded metric format").

use std::io::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use domain::batch::Outcome;
use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use metrics_cloudwatch_embedded::{Builder, Collector};

use super::{About, Event};

const NAMESPACE: &str = "CampaignSync";
/// The most values of one metric in a document of the format; the collector drops what is more.
const MAX_VALUES: usize = 100;

const COUNTERS: [&str; 19] = [
    // Of apply.
    "Created",
    "Updated",
    "Unchanged",
    "Stale",
    "Superseded",
    "Parked",
    "Retried",
    "ConflictsResolved",
    // Of apply and reconcile.
    "Throttled",
    "ApiCalls",
    "OrgRefused",
    // Of ingest.
    "Accepted",
    "Refused",
    "Unauthorized",
    // Of reconcile.
    "Checked",
    "Drifted",
    "Enqueued",
    "Stopped",
    "Incomplete",
];

static COLLECTOR: OnceLock<&'static Collector> = OnceLock::new();
/// Calls whose latency waits to be written.
static WAITING: AtomicUsize = AtomicUsize::new(0);

/// Begins to collect. Until then what is counted goes nowhere.
pub(super) fn init() {
    match Builder::new().cloudwatch_namespace(NAMESPACE).init() {
        Ok(collector) => drop(COLLECTOR.set(collector)),
        Err(error) => tracing::error!(detail = %error, "no metrics are collected"),
    }
    for name in COUNTERS {
        describe_counter!(name, Unit::Count, "");
    }
    describe_histogram!("ApiLatency", Unit::Milliseconds, "");
    describe_histogram!("ChangeAge", Unit::Seconds, "");
    describe_histogram!("OptOutAge", Unit::Seconds, "");
    describe_histogram!("RetriedAge", Unit::Seconds, "");
}

/// Writes what was counted since the last time, as whole lines.
pub(super) fn flush(mut to: impl Write) {
    let Some(collector) = COLLECTOR.get() else { return };
    WAITING.store(0, Ordering::Relaxed);
    let mut lines = Vec::new();
    let written = collector.flush(&mut lines).and_then(|()| to.write_all(&lines)).and_then(|()| to.flush());
    if let Err(error) = written {
        tracing::warn!(detail = %error, "metrics were not written");
    }
}

/// Counts one event by its org, and without any dimension what an alarm watches for all orgs.
pub(super) fn count(event: &Event<'_>) {
    match event {
        Event::Done { about, outcome } => {
            of_org(name(*outcome), about.org, 1);
            if let (Some(org), Some(age)) = (about.org, about.age) {
                histogram!("ChangeAge", "Org" => org.to_owned()).record(age.as_secs_f64());
            }
            age_of_opt_out(about);
        }
        Event::Parked { about, .. } => {
            of_org("Parked", about.org, 1);
            age_of_opt_out(about);
        }
        Event::Retried { about, .. } => {
            of_org("Retried", about.org, 1);
            age("RetriedAge", about);
            age_of_opt_out(about);
        }
        Event::OrgRefused { org, .. } => of_org_and_all("OrgRefused", Some(org), 1),
        Event::Conflict { org, .. } => of_org("ConflictsResolved", Some(org), 1),
        Event::Throttled { org } => of_org("Throttled", Some(org), 1),
        Event::Called { org, latency } => called(org, *latency),
        Event::Accepted { org, changes, .. } => of_org_and_all("Accepted", Some(org), *changes as u64),
        Event::Refused { org, .. } => of_org_and_all("Refused", *org, 1),
        Event::Unauthorized { .. } => counter!("Unauthorized").increment(1),
        Event::Reconciled { org, checked, drifted, enqueued } => {
            of_org("Checked", Some(org), *checked);
            of_org("Drifted", Some(org), *drifted);
            of_org("Enqueued", Some(org), *enqueued);
        }
        Event::Stopped { org, .. } => of_org_and_all("Stopped", Some(org), 1),
        Event::Incomplete { org, .. } => of_org_and_all("Incomplete", Some(org), 1),
    }
}

/// A change whose org cannot be read counts for nobody.
fn of_org(name: &'static str, org: Option<&str>, count: u64) {
    if let Some(org) = org {
        counter!(name, "Org" => org.to_owned()).increment(count);
    }
}

fn of_org_and_all(name: &'static str, org: Option<&str>, count: u64) {
    of_org(name, org, count);
    counter!(name).increment(count);
}

fn age_of_opt_out(about: &About<'_>) {
    if about.is_opt_out {
        age("OptOutAge", about);
    }
}

fn age(name: &'static str, about: &About<'_>) {
    let Some(age) = about.age else { return };
    histogram!(name).record(age.as_secs_f64());
    if let Some(org) = about.org {
        histogram!(name, "Org" => org.to_owned()).record(age.as_secs_f64());
    }
}

fn called(org: &str, latency: Duration) {
    counter!("ApiCalls", "Org" => org.to_owned()).increment(1);
    histogram!("ApiLatency", "Org" => org.to_owned()).record(latency.as_secs_f64() * 1_000.0);
    // A run of reconcile makes more calls than a document takes.
    if WAITING.fetch_add(1, Ordering::Relaxed) + 1 >= MAX_VALUES {
        flush(std::io::stdout().lock());
    }
}

fn name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Created => "Created",
        Outcome::Updated => "Updated",
        Outcome::Unchanged => "Unchanged",
        Outcome::Stale => "Stale",
        Outcome::Superseded => "Superseded",
    }
}
