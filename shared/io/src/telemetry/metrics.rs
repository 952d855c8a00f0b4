//! The metrics of docs/contract.md "Metrics" in the embedded metric format. Each flush writes JSON
//! lines to standard output, from which CloudWatch Logs extracts the metrics (CloudWatch user
//! guide, "Specification: Embedded metric format").
//!
//! `count` turns an event into counters. Each counter has the dimensions stack and org, and
//! counters that an alarm watches for all orgs also exist for the stack alone. `Retried` also exists
//! by cause.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use domain::batch::Outcome;
use domain::retry::Cause;
use metrics::{Counter, Histogram, Unit, counter, describe_counter, describe_histogram, histogram};
use metrics_cloudwatch_embedded::{Builder, Collector};

use super::{About, Event, name_of};

const NAMESPACE: &str = "CampaignSync";
/// The most values of one metric in a document. The collector drops the rest.
const MAX_VALUES: usize = 100;

const COUNTERS: [&str; 30] = [
    // Metrics of apply.
    "Created",
    "Updated",
    "Unchanged",
    "Stale",
    "Superseded",
    "Skipped",
    "Confirming",
    "Parked",
    "OptOutParked",
    "Retried",
    "NotParked",
    "ToppedUp",
    "ConflictsResolved",
    // Metrics of apply and reconcile.
    "Kept",
    "Throttled",
    "ApiCalls",
    "OrgRefused",
    "CampaignRefused",
    "DncListFailed",
    "OrgIll",
    // Metrics of ingest.
    "Accepted",
    "Refused",
    "Unauthorized",
    "Unmapped",
    // Metrics of reconcile.
    "Checked",
    "Drifted",
    "Enqueued",
    "Runs",
    "Stopped",
    "Incomplete",
];

static COLLECTOR: OnceLock<&'static Collector> = OnceLock::new();
/// The number of events whose values are yet to be written.
static WAITING: AtomicUsize = AtomicUsize::new(0);

/// Begins to collect, for the stack of this name. Values counted before are lost.
pub(super) fn init(stack: String) {
    let builder = Builder::new()
        .cloudwatch_namespace(NAMESPACE)
        .with_dimension("Stack", stack);
    match builder.init() {
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
    describe_histogram!("LookedAtAge", Unit::Seconds, "");
    describe_histogram!("Width", Unit::Count, "");
}

/// Writes what was counted since the last flush, as whole lines.
pub(super) fn flush(mut to: impl Write) {
    let Some(collector) = COLLECTOR.get() else {
        return;
    };
    WAITING.store(0, Ordering::Relaxed);
    let mut lines = Vec::new();
    let written = collector
        .flush(&mut lines)
        .and_then(|()| to.write_all(&lines))
        .and_then(|()| to.flush());
    if let Err(error) = written {
        tracing::warn!(detail = %error, "metrics were not written");
    }
}

/// Counts an event by stack and org. What an alarm watches for all orgs is also counted by stack
/// alone.
pub(super) fn count(event: &Event<'_>) {
    if COLLECTOR.get().is_none() {
        return;
    }
    let mut metrics = METRICS.lock().unwrap_or_else(PoisonError::into_inner);
    match event {
        Event::Done {
            about,
            outcome,
            is_kept,
        } => {
            metrics.of(about.org).add(name(*outcome), 1);
            if *is_kept {
                metrics.of(about.org).add("Kept", 1);
            }
            metrics.of(about.org).age("ChangeAge", about);
            metrics.age_of_opt_out(about);
        }
        // The opt-out is in force.
        Event::Written { about, .. } => {
            metrics.of(about.org).add("Confirming", 1);
            metrics.age_of_opt_out(about);
        }
        // It is counted as a change that is done.
        Event::RankReset { .. } => {}
        Event::Parked { about, .. } => {
            metrics.add("Parked", about.org, 1);
            if about.is_opt_out {
                metrics.add("OptOutParked", about.org, 1);
            }
            metrics.age_of_opt_out(about);
        }
        Event::Retried { about, why, .. } => {
            metrics.of(about.org).add("Retried", 1);
            if let Some((cause, _)) = why {
                metrics.for_cause(name_of(*cause));
            }
            if matches!(why, Some((Cause::NotParked, _))) {
                metrics.add("NotParked", about.org, 1);
            }
            metrics.age("RetriedAge", about);
            metrics.age_of_opt_out(about);
        }
        Event::TookIn {
            messages,
            topped_up,
        } => {
            metrics.of_all.record("Width", *messages as f64);
            if *topped_up > 0 {
                metrics.of_all.add("ToppedUp", *topped_up as u64);
            }
        }
        Event::OrgRefused { org, .. } => metrics.add("OrgRefused", Some(org), 1),
        Event::CampaignRefused { org, .. } => metrics.add("CampaignRefused", Some(org), 1),
        Event::DncListFailed { org, .. } => metrics.add("DncListFailed", Some(org), 1),
        Event::OrgIll { org, .. } => metrics.add("OrgIll", Some(org), 1),
        Event::Conflict { org, .. } => metrics.of(Some(org)).add("ConflictsResolved", 1),
        Event::Throttled { org } => metrics.of(Some(org)).add("Throttled", 1),
        Event::Called { org, latency } => {
            metrics.of(Some(org)).add("ApiCalls", 1);
            metrics
                .of(Some(org))
                .record("ApiLatency", latency.as_secs_f64() * 1_000.0);
        }
        Event::Accepted { org, changes, .. } => metrics.add("Accepted", Some(org), *changes as u64),
        Event::Refused { org, .. } => metrics.add("Refused", *org, 1),
        Event::Unmapped { org, items, .. } => metrics.add("Unmapped", *org, *items as u64),
        Event::Unauthorized { .. } => metrics.of_all.add("Unauthorized", 1),
        Event::Reconciled {
            org,
            checked,
            drifted,
            kept,
            enqueued,
        } => {
            metrics.of(Some(org)).add("Kept", *kept);
            metrics.of(Some(org)).add("Checked", *checked);
            metrics.of(Some(org)).add("Drifted", *drifted);
            metrics.of(Some(org)).add("Enqueued", *enqueued);
        }
        Event::LookedAt { org, age, .. } => {
            metrics.add("Runs", Some(org), 1);
            metrics
                .of(Some(org))
                .record("LookedAtAge", age.as_secs_f64());
            metrics.of_all.record("LookedAtAge", age.as_secs_f64());
        }
        Event::Stopped { org, .. } => metrics.add("Stopped", Some(org), 1),
        Event::Incomplete { org, .. } => metrics.add("Incomplete", Some(org), 1),
    }
    drop(metrics);
    // An event records one value of a metric at most. A run of reconcile makes more calls than a
    // document can hold, and so may a batch that was topped up.
    if WAITING.fetch_add(1, Ordering::Relaxed) + 1 >= MAX_VALUES {
        flush(std::io::stdout().lock());
    }
}

/// The handles of every metric that was counted so far. Looking one up costs more than everything
/// else that is done for a change.
struct Metrics {
    by_org: BTreeMap<String, Handles>,
    retried_by_cause: BTreeMap<&'static str, Counter>,
    of_all: Handles,
    /// The handles for changes whose org cannot be read. They count for no org.
    of_none: Handles,
}

static METRICS: Mutex<Metrics> = Mutex::new(Metrics {
    by_org: BTreeMap::new(),
    retried_by_cause: BTreeMap::new(),
    of_all: Handles::new(Of::All),
    of_none: Handles::new(Of::Nobody),
});

impl Metrics {
    fn of(&mut self, org: Option<&str>) -> &mut Handles {
        let Some(org) = org else {
            return &mut self.of_none;
        };
        if !self.by_org.contains_key(org) {
            self.by_org
                .insert(org.to_owned(), Handles::new(Of::Org(org.to_owned())));
        }
        self.by_org.get_mut(org).unwrap_or(&mut self.of_none)
    }

    /// Counts one change that is retried, by stack and cause: one metric for each org and cause
    /// would cost more than all others together.
    fn for_cause(&mut self, cause: &'static str) {
        let counters = self.retried_by_cause.entry(cause);
        let counter = counters.or_insert_with(|| counter!("Retried", "Cause" => cause));
        counter.increment(1);
    }

    fn add(&mut self, name: &'static str, org: Option<&str>, count: u64) {
        self.of(org).add(name, count);
        self.of_all.add(name, count);
    }

    fn age(&mut self, name: &'static str, about: &About<'_>) {
        self.of(about.org).age(name, about);
        self.of_all.age(name, about);
    }

    fn age_of_opt_out(&mut self, about: &About<'_>) {
        if about.is_opt_out {
            self.age("OptOutAge", about);
        }
    }
}

enum Of {
    Org(String),
    All,
    Nobody,
}

struct Handles {
    of: Of,
    counters: BTreeMap<&'static str, Counter>,
    histograms: BTreeMap<&'static str, Histogram>,
}

impl Handles {
    const fn new(of: Of) -> Handles {
        Handles {
            of,
            counters: BTreeMap::new(),
            histograms: BTreeMap::new(),
        }
    }

    fn add(&mut self, name: &'static str, count: u64) {
        let new = || match &self.of {
            Of::Org(org) => counter!(name, "Org" => org.clone()),
            Of::All => counter!(name),
            Of::Nobody => Counter::noop(),
        };
        self.counters
            .entry(name)
            .or_insert_with(new)
            .increment(count);
    }

    fn record(&mut self, name: &'static str, value: f64) {
        let new = || match &self.of {
            Of::Org(org) => histogram!(name, "Org" => org.clone()),
            Of::All => histogram!(name),
            Of::Nobody => Histogram::noop(),
        };
        self.histograms
            .entry(name)
            .or_insert_with(new)
            .record(value);
    }

    fn age(&mut self, name: &'static str, about: &About<'_>) {
        if let Some(age) = about.age {
            self.record(name, age.as_secs_f64());
        }
    }
}

fn name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Created => "Created",
        Outcome::Updated => "Updated",
        Outcome::Unchanged => "Unchanged",
        Outcome::Stale => "Stale",
        Outcome::Superseded => "Superseded",
        Outcome::Skipped => "Skipped",
    }
}
