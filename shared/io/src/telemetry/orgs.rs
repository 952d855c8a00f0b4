//! The log lines and metrics of the events about orgs: which are refused, which get no answer, and
//! the calls of the contact API.
//!
//! The events about changes are in `changes`. [`domain::health`] decides when an org or campaign is
//! left alone.

use std::time::Duration;

use domain::batch::Evidence;

use super::Event;
use super::metrics::{By, count, record};

/// Reports an event about an org. Other events are not reported here.
pub(super) fn report(event: &Event<'_>) {
    match event {
        Event::OrgRefused { org, evidence } => {
            log_failure(
                org,
                None,
                evidence,
                "org refused: no call is made for it for a minute; repair its secret or OAuth client",
            );
            count("OrgRefused", By::OrgAndStack(Some(org)), 1);
        }
        Event::CampaignRefused {
            org,
            campaign,
            evidence,
        } => {
            log_failure(
                org,
                Some(campaign),
                evidence,
                "campaign refused: a person must act, as the detail says (docs/runbook.md, campaign-refused)",
            );
            count("CampaignRefused", By::OrgAndStack(Some(org)), 1);
        }
        Event::DncListFailed { org, evidence } => {
            log_failure(
                org,
                None,
                evidence,
                "DNC list failed: it is left alone for a minute or longer, and opt-outs wait for it; their contacts are written (docs/runbook.md, dnc-list)",
            );
            count("DncListFailed", By::OrgAndStack(Some(org)), 1);
        }
        Event::OrgIll {
            org,
            campaign,
            detail,
        } => ill(org, *campaign, detail),
        Event::Conflict { org, campaign } => {
            tracing::info!(org, campaignId = campaign, "conflict met");
            count("ConflictsResolved", By::Org(Some(org)), 1);
        }
        Event::Throttled { org } => {
            tracing::warn!(org, "throttled");
            count("Throttled", By::Org(Some(org)), 1);
        }
        Event::Called { org, latency } => called(org, *latency),
        _ => {}
    }
}

/// Writes the line of a failure that a person must act on. `message` says what to do.
fn log_failure(org: &str, campaign: Option<&str>, evidence: &Evidence, message: &'static str) {
    tracing::error!(
        org,
        campaignId = campaign,
        detail = evidence.detail,
        httpStatus = evidence.http_status,
        correlationId = evidence.correlation_id.as_deref(),
        "{message}"
    );
}

fn ill(org: &str, campaign: Option<&str>, detail: &str) {
    tracing::error!(
        org,
        campaignId = campaign,
        detail,
        "org ill: its changes wait, and it is probed; look at the status page of the service that does not \
         answer, and run campaign-sync check"
    );
    count("OrgIll", By::OrgAndStack(Some(org)), 1);
}

fn called(org: &str, latency: Duration) {
    let milliseconds = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
    tracing::debug!(org, latencyMs = milliseconds, "called");
    count("ApiCalls", By::Org(Some(org)), 1);
    let milliseconds = latency.as_secs_f64() * 1_000.0;
    record("ApiLatency", By::Org(Some(org)), milliseconds);
}
