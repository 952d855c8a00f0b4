//! What the functions tell of their work: each event once, without personal data (docs/contract.md
//! "Log").

mod lines;
mod metrics;

pub use lines::Together;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use domain::batch::{Evidence, Outcome};
use domain::change::RankReset;
use domain::retry::Cause;
use tracing::Subscriber;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Which change an event is about.
#[derive(Clone, Debug)]
pub struct About<'a> {
    /// Of a change that could be read.
    pub org: Option<&'a str>,
    /// Of a change that could be read.
    pub campaign: Option<&'a str>,
    /// Of a change that could be read.
    pub event_id: Option<&'a str>,
    /// The message group id of its record.
    pub group: &'a str,
    /// How long ago its message was sent to the queue.
    pub age: Option<Duration>,
    /// Whether it says that nobody may call a contact that could be called. One that cannot be created
    /// is called by nobody.
    pub is_opt_out: bool,
}

/// Something that an operator may want to know.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// A change is done.
    Done {
        /// Which one.
        about: About<'a>,
        /// How it ended.
        outcome: Outcome,
        /// Whether the org's wish kept out that the contact may be called.
        is_kept: bool,
    },
    /// A contact's stored rank was set back, at an operator's wish.
    RankReset {
        /// Which change asked for it.
        about: About<'a>,
        /// From which rank, to which, and why.
        reset: &'a RankReset,
    },
    /// A change is in the dead-letter queue.
    Parked {
        /// Which one.
        about: About<'a>,
        /// The reason's public name.
        reason: &'static str,
        /// What led to it.
        evidence: &'a Evidence,
    },
    /// A change is tried again.
    Retried {
        /// Which one.
        about: About<'a>,
        /// Until it may be received again.
        delay: Duration,
        /// None for what waits behind another one of its group.
        why: Option<&'a (Cause, Evidence)>,
    },
    /// An invocation begins with its messages.
    TookIn {
        /// How many.
        messages: usize,
        /// Those of them that it received by itself.
        topped_up: usize,
    },
    /// A change was written. Since reads lag it comes back to be read, before it is done.
    Written {
        /// Which one.
        about: About<'a>,
        /// What the write did.
        outcome: Outcome,
        /// Until it may be received again.
        delay: Duration,
    },
    /// The service refuses the org's OAuth client, or its secret cannot be used: a person must act.
    OrgRefused {
        /// Whose.
        org: &'a str,
        /// What was seen.
        evidence: &'a Evidence,
    },
    /// The service refuses the org one campaign, or the campaign's list lacks the version column: a
    /// person must act. Told at the first time.
    CampaignRefused {
        /// Whose.
        org: &'a str,
        /// Which one.
        campaign: &'a str,
        /// What was seen.
        evidence: &'a Evidence,
    },
    /// Calls for the org get no answer. Told once in a quarter of an hour.
    OrgIll {
        /// Whose.
        org: &'a str,
        /// The campaign, where none of its calls is answered and others may be.
        campaign: Option<&'a str>,
        /// What was seen.
        detail: &'a str,
    },
    /// A create met a key that exists already; it is resolved by reading again.
    Conflict {
        /// Whose.
        org: &'a str,
        /// In which campaign.
        campaign: &'a str,
    },
    /// The service refused a call because the budget is spent.
    Throttled {
        /// Whose.
        org: &'a str,
    },
    /// A call of the contact API is over, with an answer or without.
    Called {
        /// Whose budget it took.
        org: &'a str,
        /// From the request to the whole answer, or to its being given up.
        latency: Duration,
    },
    /// A webhook's changes are all in the queue; told for each of their orgs.
    Accepted {
        /// Who sent it.
        source: &'a str,
        /// Whose contacts they change.
        org: &'a str,
        /// How many.
        changes: usize,
    },
    /// A webhook was let in, but not all of its changes are in the queue.
    Refused {
        /// Who sent it.
        source: &'a str,
        /// To whose contacts the source is bound, where it is.
        org: Option<&'a str>,
        /// Why, without anything of its body.
        detail: &'a str,
    },
    /// A webhook was not let in.
    Unauthorized {
        /// Whom it names as its sender; nothing, where that can be nobody's name.
        source: &'a str,
        /// Why, without anything of its body. Not for the sender.
        detail: &'a str,
    },
    /// A run of reconcile is over.
    Reconciled {
        /// Whose contacts were compared.
        org: &'a str,
        /// Contacts of the feed that were looked at.
        checked: u64,
        /// Those of them that are missing or different in their campaign.
        drifted: u64,
        /// Those that the CRM says may be called, which the org's wish keeps out.
        kept: u64,
        /// Changes that are in the queue.
        enqueued: u64,
    },
    /// A run of reconcile did not come to its end.
    Incomplete {
        /// Whose contacts were compared.
        org: &'a str,
        /// Why.
        detail: &'a str,
        /// Contacts of the feed that were looked at.
        checked: u64,
        /// Changes that are in the queue.
        enqueued: u64,
    },
    /// Reconcile enqueued nothing, since more of a campaign differs than can be right.
    Stopped {
        /// Whose.
        org: &'a str,
        /// Which campaign.
        campaign: &'a str,
        /// Contacts of it that were looked at.
        checked: u64,
        /// Those of them that would have been changed.
        drifted: u64,
    },
}

/// Where events go.
#[derive(Clone)]
pub struct Telemetry(Arc<dyn Fn(&Event<'_>) + Send + Sync>);

impl Telemetry {
    /// To the log and the metrics.
    pub fn log() -> Telemetry {
        Telemetry::from_fn(|event| {
            log(event);
            metrics::count(event);
        })
    }

    /// To somebody else.
    pub fn from_fn(sink: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Telemetry {
        Telemetry(Arc::new(sink))
    }

    /// Tells of one event.
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
                cause = why.map_or("behind another", |(cause, _)| name(*cause)),
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

fn name(cause: Cause) -> &'static str {
    match cause {
        Cause::Unavailable => "unavailable",
        Cause::Throttled { .. } => "throttled",
        Cause::BudgetSpent { .. } => "budget spent",
        Cause::InTurn { .. } => "in turn",
        Cause::Missing => "not found",
        Cause::Refused => "refused",
        Cause::Full { .. } => "full",
        Cause::Confirming { .. } => "confirming",
        Cause::Closed { .. } => "closed",
        Cause::OutOfTime => "out of time",
        Cause::NotParked => "not parked",
        Cause::Panicked => "panicked",
    }
}

/// Writes the log as JSON lines to standard output, at the level that Lambda's
/// `AWS_LAMBDA_LOG_LEVEL` asks for (INFO where it says nothing), and collects metrics for
/// [`flush`], each with the dimension `Stack`: what two stacks of an account and region count must
/// not add up. Of a panic it tells the place alone: the message may quote data.
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

/// What is told while the answer lives goes to standard output in one write.
pub fn together() -> Together {
    Together::begin()
}

/// Writes the metrics of an invocation to `to`: a function's standard output. Lambda may freeze the
/// process right after its answer.
pub fn flush(to: impl Write) {
    metrics::flush(to);
}

/// The log as JSON lines. Only this product's crates go below WARN: a client's debug lines can hold
/// bodies and headers.
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
