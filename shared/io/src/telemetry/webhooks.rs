//! The log lines and metrics of the events about webhooks: whether they were let in, and what
//! became of their items.
//!
//! The events about a change that is in the queue are in `changes`. `ingest` decides which webhooks
//! are let in.

use super::Event;
use super::metrics::{By, count};

/// Reports an event about a webhook. Other events are not reported here.
pub(super) fn report(event: &Event<'_>) {
    match event {
        Event::Accepted {
            source,
            org,
            changes,
        } => {
            tracing::info!(source, org, changes, "webhook accepted");
            count("Accepted", By::OrgAndStack(Some(org)), *changes as u64);
        }
        Event::Refused {
            source,
            org,
            status,
            detail,
        } => {
            tracing::warn!(source, org, status, detail, "webhook refused");
            count("Refused", By::OrgAndStack(*org), 1);
        }
        Event::Unmapped {
            source,
            org,
            items,
            detail,
        } => {
            tracing::error!(
                source,
                org,
                items,
                detail,
                "items parked: they became no change, and may be opt-outs (docs/runbook.md, unmapped)"
            );
            count("Unmapped", By::OrgAndStack(*org), *items as u64);
        }
        Event::Unauthorized { source, detail } => {
            tracing::warn!(source, detail, "webhook unauthorized");
            count("Unauthorized", By::Stack, 1);
        }
        _ => {}
    }
}
