//! The lines of the trace that say how a run begins, and what the functions report.
//!
//! `crate::story` has the lines about actions.

use io::telemetry::{About, Event};

use crate::seams::short;
use crate::story::{Ranking, Story};
use crate::wire::UNREADABLE;

/// The orgs, and how the service behaves.
pub(super) fn opening(story: &Story) -> String {
    let orgs = story.orgs.iter().enumerate().map(|(n, org)| {
        let api = if org.uses_lists {
            "contactLists"
        } else {
            "predictive"
        };
        let ranking = match org.ranking {
            Ranking::Version => "ranked by version",
            Ranking::OccurredAt => "ranked by occurredAt",
            Ranking::None => "without ranks",
        };
        let crm = story
            .crm_vendor(n)
            .map_or("a CRM of the form of its own".to_owned(), |vendor| {
                format!("{vendor:?}")
            });
        format!(
            "{} by {api}, {ranking}, raise {:?}, {} calls a minute, {crm}",
            org.name, org.raise, org.calls_per_minute
        )
    });
    let headers = if story.rate_headers {
        "with"
    } else {
        "without"
    };
    let counted = if story.counts_each_token {
        "token"
    } else {
        "client"
    };
    let orgs = orgs.collect::<Vec<_>>().join("; ");
    let (copies, lag) = (story.copies, story.read_lag.as_secs_f64());
    let lists_lag = story.lists_lag.as_secs();
    let schedule = story
        .schedule
        .map_or(String::new(), |schedule| format!("; {schedule:?}"));
    format!(
        "{orgs}; apply runs {copies} at a time; calls are counted by {counted}, {headers} rate headers; what was created can be read {lag} s later, and of lists whatever was written {lists_lag} s later{schedule}"
    )
}

/// A report of a function.
pub(super) fn report(event: &Event<'_>) -> String {
    match event {
        Event::Done {
            about,
            outcome,
            is_kept,
        } => {
            let kept = if *is_kept { ", kept" } else { "" };
            format!("{} {}{kept}", outcome.as_str(), id_of(about))
        }
        Event::Parked {
            about,
            reason,
            evidence,
        } => {
            let id = about.event_id.unwrap_or(short(about.group));
            format!("parked {id} {reason}: {}", evidence.detail)
        }
        Event::RankReset { about, .. } => format!("reset a rank {}", id_of(about)),
        Event::Written {
            about,
            outcome,
            delay,
        } => format!(
            "written {} ({}), read in {} s",
            id_of(about),
            outcome.as_str(),
            delay.as_secs()
        ),
        Event::Retried { about, delay, why } => {
            let why = why.map_or("behind another", |(_, evidence)| &evidence.detail);
            let id = about.event_id.unwrap_or(UNREADABLE);
            format!("retried {id} in {} s: {why}", delay.as_secs())
        }
        Event::OrgRefused { org, evidence } => format!("{org} is refused: {}", evidence.detail),
        Event::Conflict { campaign, .. } => format!("a conflict in {campaign}"),
        Event::Throttled { org } => format!("{org} is throttled"),
        Event::Accepted {
            source,
            org,
            changes,
        } => format!("accepted {changes} for {org} of {source}"),
        Event::Refused { source, detail, .. } => format!("refused a webhook of {source}: {detail}"),
        Event::Reconciled {
            org,
            checked,
            drifted,
            enqueued,
            ..
        } => {
            format!("reconciled {org}: {checked} checked, {drifted} drifted, {enqueued} enqueued")
        }
        event => format!("{event:?}"),
    }
}

fn id_of<'a>(about: &About<'a>) -> &'a str {
    about.event_id.unwrap_or_default()
}
