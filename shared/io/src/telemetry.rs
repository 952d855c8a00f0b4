//! The log and the metrics of the functions. Each event is reported once, without personal data
//! (docs/contract.md "Log").
//!
//! [`Event`] lists what can be reported. [`Telemetry`] is where events go: to log and metrics in
//! production, and to a test otherwise. Metrics are in `metrics`.

mod event;
mod lines;
mod metrics;

pub use event::{About, Event};
pub use lines::Together;

use std::io::Write;
use std::sync::Arc;

use domain::retry::Cause;
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
        Telemetry::from_fn(|event| {
            log(event);
            metrics::count(event);
        })
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

fn log(event: &Event<'_>) {
    match event {
        Event::Done {
            about,
            outcome,
            is_kept,
        } => tracing::info!(
            org = about.org,
            campaignId = about.campaign,
            group = about.group,
            eventId = about.event_id,
            outcome = outcome.as_str(),
            kept = is_kept.then_some(true),
            "change done"
        ),
        Event::RankReset { about, reset } => tracing::warn!(
            org = about.org,
            campaignId = about.campaign,
            group = about.group,
            eventId = about.event_id,
            from = %reset.from(),
            to = reset.to().map(tracing::field::display),
            reason = reset.reason(),
            "rank reset"
        ),
        Event::Parked {
            about,
            reason,
            evidence,
        } => tracing::error!(
            org = about.org,
            campaignId = about.campaign,
            group = about.group,
            eventId = about.event_id,
            reason,
            detail = evidence.detail,
            httpStatus = evidence.http_status,
            correlationId = evidence.correlation_id.as_deref(),
            "change parked"
        ),
        Event::Retried { about, delay, why } => {
            let evidence = why.map(|(_, evidence)| evidence);
            tracing::warn!(
                org = about.org,
                campaignId = about.campaign,
                group = about.group,
                eventId = about.event_id,
                delaySeconds = delay.as_secs(),
                cause = why.map_or("behind another", |(cause, _)| name_of(*cause)),
                detail = evidence.map(|evidence| evidence.detail.as_str()),
                httpStatus = evidence.and_then(|evidence| evidence.http_status),
                correlationId = evidence.and_then(|evidence| evidence.correlation_id.as_deref()),
                "change retried"
            );
        }
        Event::TookIn {
            messages,
            topped_up,
        } => {
            if *topped_up > 0 {
                tracing::info!(messages, toppedUp = topped_up, "topped up");
            }
        }
        Event::Written {
            about,
            outcome,
            delay,
        } => tracing::info!(
            org = about.org,
            campaignId = about.campaign,
            group = about.group,
            eventId = about.event_id,
            outcome = outcome.as_str(),
            delaySeconds = delay.as_secs(),
            "change written: it comes back to be read"
        ),
        Event::OrgRefused { org, evidence } => tracing::error!(
            org,
            detail = evidence.detail,
            httpStatus = evidence.http_status,
            correlationId = evidence.correlation_id.as_deref(),
            "org refused: no call is made for it for a minute; repair its secret or OAuth client"
        ),
        Event::CampaignRefused {
            org,
            campaign,
            evidence,
        } => tracing::error!(
            org,
            campaignId = campaign,
            detail = evidence.detail,
            httpStatus = evidence.http_status,
            correlationId = evidence.correlation_id.as_deref(),
            "campaign refused: a person must act, as the detail says (docs/runbook.md, campaign-refused)"
        ),
        Event::DncListFailed { org, evidence } => tracing::error!(
            org,
            detail = evidence.detail,
            httpStatus = evidence.http_status,
            correlationId = evidence.correlation_id.as_deref(),
            "DNC list failed: it is left alone for a minute or longer, and opt-outs wait for it; their contacts are written (docs/runbook.md, dnc-list)"
        ),
        Event::OrgIll {
            org,
            campaign,
            detail,
        } => tracing::error!(
            org,
            campaignId = campaign,
            detail,
            "org ill: its changes wait, and it is probed; look at the status page of what does not answer, and whether check reaches it"
        ),
        Event::Conflict { org, campaign } => {
            tracing::info!(org, campaignId = campaign, "conflict met")
        }
        Event::Throttled { org } => tracing::warn!(org, "throttled"),
        Event::Called { org, latency } => {
            let latency = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
            tracing::debug!(org, latencyMs = latency, "called");
        }
        Event::Accepted {
            source,
            org,
            changes,
        } => tracing::info!(source, org, changes, "webhook accepted"),
        Event::Refused {
            source,
            org,
            detail,
        } => tracing::warn!(source, org, detail, "webhook refused"),
        Event::Unmapped {
            source,
            org,
            items,
            detail,
        } => tracing::error!(
            source,
            org,
            items,
            detail,
            "items parked: they became no change, and may be opt-outs (docs/runbook.md, unmapped)"
        ),
        Event::Unauthorized { source, detail } => {
            tracing::warn!(source, detail, "webhook unauthorized");
        }
        Event::Reconciled {
            org,
            checked,
            drifted,
            kept,
            enqueued,
        } => {
            tracing::info!(org, checked, drifted, kept, enqueued, "reconciled");
        }
        Event::LookedAt {
            org,
            campaign,
            until,
            age,
        } => {
            let seconds = age.as_secs();
            tracing::info!(org, campaignId = campaign, until = %until, ageSeconds = seconds, "looked at");
        }
        Event::Incomplete {
            org,
            detail,
            checked,
            enqueued,
        } => {
            tracing::warn!(org, detail, checked, enqueued, "reconcile is not complete");
        }
        Event::Stopped {
            org,
            campaign,
            checked,
            drifted,
        } => {
            tracing::error!(
                org,
                campaignId = campaign,
                checked,
                drifted,
                "reconcile stopped"
            );
        }
    }
}

/// The `cause` of a line about a change that is tried again (docs/contract.md "Log").
pub fn name_of(cause: Cause) -> &'static str {
    match cause {
        Cause::Unavailable => "unavailable",
        Cause::Throttled { .. } => "throttled",
        Cause::BudgetSpent { .. } => "budget spent",
        Cause::InTurn { .. } => "in turn",
        Cause::Missing => "not found",
        Cause::Refused => "refused",
        Cause::Full { .. } => "full",
        Cause::DncList { .. } => "DNC list",
        Cause::Confirming { .. } => "confirming",
        Cause::Absent { .. } => "contact not found",
        Cause::Closed { .. } => "closed",
        Cause::OutOfTime => "out of time",
        Cause::NotParked => "not parked",
        Cause::Panicked => "panicked",
    }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// docs/contract.md "Log": public.
    #[test]
    fn who_is_looked_for_a_second_time_has_a_cause_of_its_own() {
        let after = Duration::ZERO;
        assert_eq!(name_of(Cause::Absent { after }), "contact not found");
        assert_eq!(name_of(Cause::Missing), "not found");
    }
}
