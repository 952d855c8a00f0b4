//! The metrics of docs/contract.md "Metrics" in the embedded metric format. Each flush writes JSON
//! lines to standard output, from which CloudWatch Logs extracts the metrics (CloudWatch user
//! guide, "Specification: Embedded metric format").
//!
//! [`count`] and [`record`] collect values, and [`flush`] writes them. The counting of an event is
//! beside its log line: in `changes`, `orgs`, `webhooks` and `reconcile`. The alarms on the metrics
//! are in `template.yaml`.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use metrics::{Counter, Histogram, Unit, counter, describe_counter, describe_histogram, histogram};
use metrics_cloudwatch_embedded::{Builder, Collector};

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

/// Adds to a counter. What is counted before [`init`] is lost.
pub(super) fn count(name: &'static str, by: By<'_>, more: u64) {
    put(by, |handles| handles.counter(name).increment(more));
}

/// Records a value of a metric that has a distribution. What is recorded before [`init`] is lost.
pub(super) fn record(name: &'static str, by: By<'_>, value: f64) {
    put(by, |handles| handles.histogram(name).record(value));
}

/// Ends an event, and writes everything that was collected once another event may hold more than a
/// document can.
///
/// An event records one value of a metric at most. A run of reconcile makes more calls than a
/// document can hold, and so may a batch that was topped up.
pub(super) fn flush_if_many() {
    if COLLECTOR.get().is_some() && WAITING.fetch_add(1, Ordering::Relaxed) + 1 >= MAX_VALUES {
        flush(std::io::stdout().lock());
    }
}

/// The dimensions of a value. The dimension `Stack` is always among them.
#[derive(Clone, Copy, Debug)]
pub(super) enum By<'a> {
    /// Only `Stack`.
    Stack,
    /// `Org`. A change whose org cannot be read counts for no org.
    Org(Option<&'a str>),
    /// The value is written twice: with `Org`, and with `Stack` alone, which an alarm for all orgs
    /// watches.
    OrgAndStack(Option<&'a str>),
    /// `Cause`, without the org: one metric for each org and cause would cost more than all others
    /// together.
    Cause(&'static str),
}

/// Puts a value into the metrics of these dimensions.
fn put(by: By<'_>, value: impl Fn(&mut Handles)) {
    if COLLECTOR.get().is_none() {
        return;
    }
    let mut metrics = METRICS.lock().unwrap_or_else(PoisonError::into_inner);
    match by {
        By::Org(Some(org)) | By::OrgAndStack(Some(org)) => metrics.with_org(org, &value),
        By::Cause(cause) => {
            let new = || Handles::new(Some(("Cause", cause.to_owned())));
            value(metrics.by_cause.entry(cause).or_insert_with(new));
        }
        By::Stack | By::Org(None) | By::OrgAndStack(None) => {}
    }
    if matches!(by, By::Stack | By::OrgAndStack(_)) {
        value(&mut metrics.by_stack);
    }
}

/// The handles of every metric that was counted so far. Looking one up costs more than everything
/// else that is done for a change.
struct Metrics {
    by_stack: Handles,
    by_org: BTreeMap<String, Handles>,
    by_cause: BTreeMap<&'static str, Handles>,
}

static METRICS: Mutex<Metrics> = Mutex::new(Metrics {
    by_stack: Handles::new(None),
    by_org: BTreeMap::new(),
    by_cause: BTreeMap::new(),
});

impl Metrics {
    fn with_org(&mut self, org: &str, value: impl Fn(&mut Handles)) {
        if let Some(handles) = self.by_org.get_mut(org) {
            return value(handles);
        }
        let mut handles = Handles::new(Some(("Org", org.to_owned())));
        value(&mut handles);
        self.by_org.insert(org.to_owned(), handles);
    }
}

/// The handles of the metrics that have the same dimensions.
struct Handles {
    /// The dimension beside `Stack`, with its value.
    dimension: Option<(&'static str, String)>,
    counters: BTreeMap<&'static str, Counter>,
    histograms: BTreeMap<&'static str, Histogram>,
}

impl Handles {
    const fn new(dimension: Option<(&'static str, String)>) -> Handles {
        Handles {
            dimension,
            counters: BTreeMap::new(),
            histograms: BTreeMap::new(),
        }
    }

    fn counter(&mut self, name: &'static str) -> &Counter {
        let new = || match &self.dimension {
            Some((dimension, value)) => counter!(name, *dimension => value.clone()),
            None => counter!(name),
        };
        self.counters.entry(name).or_insert_with(new)
    }

    fn histogram(&mut self, name: &'static str) -> &Histogram {
        let new = || match &self.dimension {
            Some((dimension, value)) => histogram!(name, *dimension => value.clone()),
            None => histogram!(name),
        };
        self.histograms.entry(name).or_insert_with(new)
    }
}
