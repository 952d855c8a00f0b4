//! The log and the metrics of the functions. Each event is reported once, without personal data
//! (docs/contract.md "Log").
//!
//! [`Event`] lists what can be reported. [`Telemetry`] receives events: it writes log and metrics
//! in production, and hands them to the test in a test. The log line of an event is beside its
//! metrics, in the module of its subject: `changes`, `orgs`, `webhooks` or `reconcile`.
//!
//! `lines` and `metrics` write log lines and metrics to standard output. The caller decides when an
//! event is reported.

mod changes;
mod event;
mod lines;
mod metrics;
mod orgs;
mod reconcile;
mod webhooks;

pub use changes::name_of;
pub use event::{About, Event};
pub use lines::Together;

use std::io::Write;
use std::sync::Arc;

use tracing::Subscriber;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// A receiver of events.
#[derive(Clone)]
pub struct Telemetry(Arc<dyn Fn(&Event<'_>) + Send + Sync>);

impl Telemetry {
    /// The receiver that writes the log and counts metrics.
    pub fn log() -> Telemetry {
        Telemetry::from_fn(report)
    }

    /// A receiver that calls this function.
    pub fn from_fn(sink: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Telemetry {
        Telemetry(Arc::new(sink))
    }

    /// Reports an event.
    pub fn tell(&self, event: &Event<'_>) {
        (self.0)(event);
    }
}

/// Writes the log line of an event and counts its metrics. Each module reports the events of one
/// subject.
fn report(event: &Event<'_>) {
    match event {
        Event::TookIn { .. }
        | Event::Done { .. }
        | Event::RankReset { .. }
        | Event::Parked { .. }
        | Event::Retried { .. }
        | Event::Written { .. } => changes::report(event),
        Event::OrgRefused { .. }
        | Event::CampaignRefused { .. }
        | Event::DncListFailed { .. }
        | Event::OrgIll { .. }
        | Event::Conflict { .. }
        | Event::Throttled { .. }
        | Event::Called { .. } => orgs::report(event),
        Event::Accepted { .. }
        | Event::Refused { .. }
        | Event::Unmapped { .. }
        | Event::Unauthorized { .. } => webhooks::report(event),
        Event::Reconciled { .. }
        | Event::LookedAt { .. }
        | Event::Incomplete { .. }
        | Event::Stopped { .. } => reconcile::report(event),
    }
    metrics::flush_if_many();
}

/// Sets up the log and the metrics of a function.
///
/// The log is JSON lines on standard output, at the level of Lambda's `AWS_LAMBDA_LOG_LEVEL`, or
/// INFO without one. Metrics are collected until [`flush`], with the dimension `Stack`, so that the
/// counts of two stacks in an account are not added up. Only the place of a panic is reported,
/// because its message may quote data.
#[expect(
    clippy::disallowed_methods,
    reason = "the log level is Lambda's own variable, read once"
)]
pub fn init(stack: String) {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL")
        .ok()
        .and_then(|level| level.parse().ok());
    subscriber(|| lines::Lines, level.unwrap_or(LevelFilter::INFO)).init();
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "panic");
    }));
    metrics::init(stack);
}

/// While the returned value lives, log lines are collected. Then they go to standard output in one
/// write.
pub fn together() -> Together {
    Together::begin()
}

/// Writes the metrics of an invocation to `to`, which is standard output in a function. Lambda may
/// freeze the process right after the answer.
pub fn flush(to: impl Write) {
    metrics::flush(to);
}

/// A subscriber that writes the log as JSON lines. Only this product's crates log below WARN,
/// because debug lines of a client can hold bodies and headers.
pub fn subscriber<W>(writer: W, level: LevelFilter) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let ours = ["domain", "io", "apply", "ingest", "reconcile"].map(|name| (name, level));
    let filter = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_targets(ours);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_span_list(false);
    tracing_subscriber::registry()
        .with(lines.with_writer(writer))
        .with(filter)
}
