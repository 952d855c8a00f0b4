//! The log lines and metrics of the events about reconcile: what a run compared and enqueued, and
//! how long ago an org was last compared.
//!
//! The changes that it enqueues are reported like all others, in `changes`. [`domain::drift`] does
//! the comparison.

use super::Event;
use super::metrics::{By, count, record};

/// Reports an event about reconcile. Other events are not reported here.
pub(super) fn report(event: &Event<'_>) {
    match event {
        Event::Reconciled {
            org,
            checked,
            drifted,
            kept,
            enqueued,
        } => {
            tracing::info!(org, checked, drifted, kept, enqueued, "reconciled");
            count("Kept", By::Org(Some(org)), *kept);
            count("Checked", By::Org(Some(org)), *checked);
            count("Drifted", By::Org(Some(org)), *drifted);
            count("Enqueued", By::Org(Some(org)), *enqueued);
        }
        Event::LookedAt {
            org,
            campaign,
            until,
            age,
        } => {
            let seconds = age.as_secs();
            tracing::info!(org, campaignId = campaign, until = %until, ageSeconds = seconds, "looked at");
            count("Runs", By::OrgAndStack(Some(org)), 1);
            let by = By::OrgAndStack(Some(org));
            record("LookedAtAge", by, age.as_secs_f64());
        }
        Event::Incomplete {
            org,
            detail,
            checked,
            enqueued,
        } => {
            tracing::warn!(org, detail, checked, enqueued, "reconcile is not complete");
            count("Incomplete", By::OrgAndStack(Some(org)), 1);
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
            count("Stopped", By::OrgAndStack(Some(org)), 1);
        }
        _ => {}
    }
}
