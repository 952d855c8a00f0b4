//! The events of the tests in groups by subject: every kind of [`Event`] is among them. Every text
//! in them, except the names of orgs, is [`PERSONAL`], which no metric may hold.

use std::time::Duration;

use domain::batch::{Evidence, Outcome};
use domain::change::RankReset;
use domain::retry::Cause;
use io::telemetry::{About, Event};

/// The org of the events.
pub(crate) const ORG: &str = "acme-us";
/// A text that may be in the log and must not be in a metric.
pub(crate) const PERSONAL: &str = "LEAD-CANARY";

/// The change of an event. It is two and a half seconds old.
pub(crate) fn about(is_opt_out: bool) -> About<'static> {
    About {
        org: Some(ORG),
        campaign: Some(PERSONAL),
        event_id: Some(PERSONAL),
        group: PERSONAL,
        age: Some(Duration::from_millis(2_500)),
        is_opt_out,
    }
}

/// A change that is done.
pub(crate) fn done(about: About<'_>, outcome: Outcome) -> Event<'_> {
    Event::Done {
        about,
        outcome,
        is_kept: false,
    }
}

/// A call that took this long.
pub(crate) fn called(milliseconds: u64) -> Event<'static> {
    Event::Called {
        org: ORG,
        latency: Duration::from_millis(milliseconds),
    }
}

/// The events that apply reports about changes.
pub(crate) fn of_changes<'a>(
    evidence: &'a Evidence,
    not_parked: &'a (Cause, Evidence),
    reset: &'a RankReset,
) -> Vec<Event<'a>> {
    let unreadable = About {
        org: None,
        ..about(false)
    };
    vec![
        Event::TookIn {
            messages: 1_000,
            topped_up: 990,
        },
        done(about(false), Outcome::Created),
        done(about(true), Outcome::Updated),
        Event::Done {
            about: about(false),
            outcome: Outcome::Unchanged,
            is_kept: true,
        },
        done(about(false), Outcome::Stale),
        done(about(false), Outcome::Superseded),
        done(about(false), Outcome::Skipped),
        Event::RankReset {
            about: about(false),
            reset,
        },
        Event::Written {
            about: about(true),
            outcome: Outcome::Created,
            delay: Duration::from_secs(30),
        },
        Event::Parked {
            about: about(true),
            reason: "rejected",
            evidence,
        },
        Event::Parked {
            about: unreadable,
            reason: "invalidChange",
            evidence,
        },
        Event::Retried {
            about: about(true),
            delay: Duration::from_secs(15),
            why: Some(not_parked),
        },
    ]
}

/// The events that apply and reconcile report about an org and its calls.
pub(crate) fn of_orgs(evidence: &Evidence) -> Vec<Event<'_>> {
    vec![
        Event::OrgRefused { org: ORG, evidence },
        Event::CampaignRefused {
            org: ORG,
            campaign: PERSONAL,
            evidence,
        },
        Event::DncListFailed { org: ORG, evidence },
        Event::OrgIll {
            org: ORG,
            campaign: Some(PERSONAL),
            detail: PERSONAL,
        },
        Event::Conflict {
            org: ORG,
            campaign: PERSONAL,
        },
        Event::Throttled { org: ORG },
        called(40),
        called(60),
    ]
}

/// The events that ingest reports about webhooks.
pub(crate) fn of_webhooks() -> Vec<Event<'static>> {
    let refused = |org| Event::Refused {
        source: PERSONAL,
        org,
        status: 400,
        detail: PERSONAL,
    };
    vec![
        Event::Accepted {
            source: PERSONAL,
            org: ORG,
            changes: 3,
        },
        refused(Some(ORG)),
        refused(None),
        Event::Unmapped {
            source: PERSONAL,
            org: Some(ORG),
            items: 4,
            detail: PERSONAL,
        },
        Event::Unauthorized {
            source: PERSONAL,
            detail: PERSONAL,
        },
    ]
}

/// The events that reconcile reports about its runs.
pub(crate) fn of_reconcile() -> Vec<Event<'static>> {
    vec![
        Event::Reconciled {
            org: ORG,
            checked: 9,
            drifted: 2,
            kept: 4,
            enqueued: 1,
        },
        Event::LookedAt {
            org: ORG,
            campaign: PERSONAL,
            until: jiff::Timestamp::UNIX_EPOCH,
            age: Duration::from_secs(90),
        },
        Event::Incomplete {
            org: ORG,
            detail: PERSONAL,
            checked: 9,
            enqueued: 1,
        },
        Event::Stopped {
            org: ORG,
            campaign: PERSONAL,
            checked: 9,
            drifted: 2,
        },
    ]
}
