//! The log lines and metrics of the events about changes: what apply took in, and what became of
//! each change.
//!
//! The events about orgs are in `orgs`. [`domain::batch`] decides why a change is done, parked or
//! retried.

use std::time::Duration;

use domain::batch::{Evidence, Outcome};
use domain::retry::Cause;

use super::metrics::{By, count, record};
use super::{About, Event};

/// Writes a log line about a change, at this level and with these fields.
macro_rules! line {
    ($level:ident, $about:expr, $($fields:tt)+) => {
        tracing::$level!(
            org = $about.org,
            campaignId = $about.campaign,
            group = $about.group,
            eventId = $about.event_id,
            optOut = $about.is_opt_out.then_some(true),
            $($fields)+
        )
    };
}

/// Reports an event about changes. Other events are not reported here.
pub(super) fn report(event: &Event<'_>) {
    match event {
        Event::TookIn {
            messages,
            topped_up,
        } => took_in(*messages, *topped_up),
        Event::Done {
            about,
            outcome,
            is_kept,
        } => done(about, *outcome, *is_kept),
        // The change is counted when it is done.
        Event::RankReset { about, reset } => line!(
            warn,
            about,
            from = %reset.from(),
            to = reset.to().map(tracing::field::display),
            reason = reset.reason(),
            "rank reset"
        ),
        Event::Parked {
            about,
            reason,
            evidence,
        } => parked(about, reason, evidence),
        Event::Retried { about, delay, why } => retried(about, *delay, *why),
        Event::Written {
            about,
            outcome,
            delay,
        } => written(about, *outcome, *delay),
        _ => {}
    }
}

fn took_in(messages: usize, topped_up: usize) {
    record("Width", By::Stack, messages as f64);
    if topped_up > 0 {
        tracing::info!(messages, toppedUp = topped_up, "topped up");
        count("ToppedUp", By::Stack, topped_up as u64);
    }
}

fn done(about: &About<'_>, outcome: Outcome, is_kept: bool) {
    line!(
        info,
        about,
        outcome = outcome.as_str(),
        kept = is_kept.then_some(true),
        "change done"
    );
    count(metric_of(outcome), By::Org(about.org), 1);
    if is_kept {
        count("Kept", By::Org(about.org), 1);
    }
    record_age("ChangeAge", By::Org(about.org), about);
    record_opt_out_age(about);
}

fn parked(about: &About<'_>, reason: &str, evidence: &Evidence) {
    line!(
        error,
        about,
        reason,
        detail = evidence.detail,
        httpStatus = evidence.http_status,
        correlationId = evidence.correlation_id.as_deref(),
        "change parked"
    );
    count("Parked", By::OrgAndStack(about.org), 1);
    if about.is_opt_out {
        count("OptOutParked", By::OrgAndStack(about.org), 1);
    }
    record_opt_out_age(about);
}

fn retried(about: &About<'_>, delay: Duration, why: Option<&(Cause, Evidence)>) {
    let evidence = why.map(|(_, evidence)| evidence);
    line!(
        warn,
        about,
        delaySeconds = delay.as_secs(),
        cause = why.map_or("behind another", |(cause, _)| name_of(*cause)),
        detail = evidence.map(|evidence| evidence.detail.as_str()),
        httpStatus = evidence.and_then(|evidence| evidence.http_status),
        correlationId = evidence.and_then(|evidence| evidence.correlation_id.as_deref()),
        "change retried"
    );
    count("Retried", By::Org(about.org), 1);
    if let Some((cause, _)) = why {
        count("Retried", By::Cause(name_of(*cause)), 1);
        if *cause == Cause::NotParked {
            count("NotParked", By::OrgAndStack(about.org), 1);
        }
    }
    record_age("RetriedAge", By::OrgAndStack(about.org), about);
    record_opt_out_age(about);
}

fn written(about: &About<'_>, outcome: Outcome, delay: Duration) {
    line!(
        info,
        about,
        outcome = outcome.as_str(),
        delaySeconds = delay.as_secs(),
        "change written: it comes back to be read"
    );
    count("Confirming", By::Org(about.org), 1);
    // The opt-out is in force.
    record_opt_out_age(about);
}

fn record_age(name: &'static str, by: By<'_>, about: &About<'_>) {
    if let Some(age) = about.age {
        record(name, by, age.as_secs_f64());
    }
}

fn record_opt_out_age(about: &About<'_>) {
    if about.is_opt_out {
        record_age("OptOutAge", By::OrgAndStack(about.org), about);
    }
}

/// The metric that counts the changes with this outcome.
fn metric_of(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Created => "Created",
        Outcome::Updated => "Updated",
        Outcome::Unchanged => "Unchanged",
        Outcome::Stale => "Stale",
        Outcome::Superseded => "Superseded",
        Outcome::Skipped => "Skipped",
    }
}

/// The `cause` in the log line of a change that is retried (docs/contract.md "Log").
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

#[cfg(test)]
mod tests {
    use super::*;

    /// These names are public (docs/contract.md "Log").
    #[test]
    fn an_absent_contact_has_a_cause_of_its_own() {
        let after = Duration::ZERO;
        assert_eq!(name_of(Cause::Absent { after }), "contact not found");
        assert_eq!(name_of(Cause::Missing), "not found");
    }
}
