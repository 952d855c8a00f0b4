//! The lines of the trace: what it says of the story, of events and of deeds.

use io::telemetry::Event;

use crate::seams::short;
use crate::story::{Deed, Ranking, Story};

/// The orgs, and how the service behaves.
pub(super) fn opening(story: &Story) -> String {
    let orgs = story.orgs.iter().enumerate().map(|(n, org)| {
        let api = if org.is_of_lists {
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
            .form(n)
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

pub(super) fn told(event: &Event<'_>) -> String {
    match event {
        Event::Done {
            about,
            outcome,
            is_kept,
        } => format!(
            "{} {}{}",
            outcome.as_str(),
            about.event_id.unwrap_or_default(),
            if *is_kept { ", kept" } else { "" }
        ),
        Event::Parked {
            about,
            reason,
            evidence,
        } => {
            format!(
                "parked {} {reason}: {}",
                about.event_id.unwrap_or(short(about.group)),
                evidence.detail
            )
        }
        Event::RankReset { about, .. } => {
            format!("reset a rank {}", about.event_id.unwrap_or_default())
        }
        Event::Written {
            about,
            outcome,
            delay,
        } => {
            let id = about.event_id.unwrap_or_default();
            let seconds = delay.as_secs();
            format!("written {id} ({}), read in {seconds} s", outcome.as_str())
        }
        Event::Retried { about, delay, why } => {
            let why = why.map_or("behind another", |(_, evidence)| &evidence.detail);
            let id = about.event_id.unwrap_or("what cannot be read");
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

pub(super) fn shown(deed: &Deed) -> String {
    match deed {
        Deed::Change {
            bodies,
            is_poison,
            sent,
            ..
        } => {
            let what = if *is_poison {
                "sends poison"
            } else {
                "changes a contact"
            };
            let body = bodies
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", and ");
            let arrive = if sent.is_empty() {
                "; its webhook is dropped".to_owned()
            } else {
                format!(", sent after {sent:?}")
            };
            format!("the CRM {what}: {body}{arrive}")
        }
        Deed::Deliver { items, sent, .. } => {
            let items: Vec<_> = items.iter().map(|item| item.raw.to_string()).collect();
            let items = items.join(", and ");
            format!("the vendor sends {items}, sent after {sent:?}")
        }
        Deed::Poison { body, .. } => format!("somebody puts poison into the queue: {body}"),
        Deed::Alter { campaign, key } => {
            format!("somebody else alters the column note of {key} in {campaign}")
        }
        Deed::Delete { campaign, key } => format!("somebody else deletes {key} from {campaign}"),
        Deed::Lower { campaign, key } => {
            format!("the dialler makes {key} in {campaign} not callable")
        }
        Deed::Note { campaign, key } => {
            format!("the dialler notes something of {key} in {campaign}")
        }
        Deed::Rotate { org, later } => {
            format!(
                "the OAuth client of org-{org} gets a new secret; Secrets Manager has it {} s later",
                later.as_secs()
            )
        }
        Deed::Revoke => "Genesys Cloud ends every token".to_owned(),
        Deed::HideSecret { org, time } => {
            format!(
                "the secret of org-{org} is gone for {} minutes",
                time.as_secs() / 60
            )
        }
        Deed::Forbid { org, time } => format!(
            "org-{org} loses its permissions for {} minutes",
            time.as_secs() / 60
        ),
        Deed::Dial => "the dialler calls whomever it may".to_owned(),
        Deed::FillDncList { org, time } => format!(
            "the DNC list of org-{org} is full for {} minutes",
            time.as_secs() / 60
        ),
        Deed::Run { org, is_wide } => {
            let of = if *is_wide {
                "all that changed"
            } else {
                "its window"
            };
            format!("a run of org-{org} is due, of {of}")
        }
        Deed::Fails { org, what, time } => {
            let minutes = time.as_secs() / 60;
            format!("the {what:?} of org-{org} does not answer for {minutes} minutes")
        }
        Deed::LoseRecord { org } => format!("somebody deletes the record of org-{org}"),
        Deed::Reconcile { org } => format!("org-{org} is reconciled"),
        Deed::ResetRank { campaign, key, .. } => {
            format!("an operator sets back the rank of {key} in {campaign}")
        }
        Deed::Trouble => "a trouble begins".to_owned(),
        Deed::Redrive => "parked changes that failed for too long are sent again".to_owned(),
    }
}
