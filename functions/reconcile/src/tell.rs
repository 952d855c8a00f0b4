//! Writes the log lines of a run: one for each contact of note, and those at its end.
//!
//! No line holds a value or a key of a contact. The counts that become metrics are events of
//! `io::telemetry`, and `scan/progress.rs` lists what a run reports.

use std::sync::atomic::{AtomicU64, Ordering};

use domain::change::{CampaignId, MessageGroup, OrgId};
use domain::drift::Drift;
use io::telemetry::Event;

use crate::{Context, Found, Input, Progress, RunOutcome};

/// How many contacts of each kind a run logs one by one: those whose stored rank is ahead, those
/// that are faulty, and those that the CRM does not list.
const MOST_LOGGED: u64 = 100;

/// Logs what a run finds.
pub(crate) fn watching(input: &Input) -> impl Fn(Progress) + Sync {
    let [ahead, faulty, unknown] = [const { AtomicU64::new(0) }; 3];
    move |progress: Progress| match progress {
        Progress::Found(found) if input.dry_run => log_found(&input.org, &found),
        Progress::Ahead { campaign, group }
            if ahead.fetch_add(1, Ordering::Relaxed) < MOST_LOGGED =>
        {
            log_ahead(&input.org, &campaign, &group);
        }
        Progress::Unknown { campaign, group }
            if unknown.fetch_add(1, Ordering::Relaxed) < MOST_LOGGED =>
        {
            log_unknown(&input.org, &campaign, &group);
        }
        Progress::Faulty {
            campaign,
            what,
            group,
            has_opt_out,
        } if faulty.fetch_add(1, Ordering::Relaxed) < MOST_LOGGED => {
            log_faulty(&input.org, &campaign, &what, group.as_ref(), has_opt_out);
        }
        _ => {}
    }
}

fn log_found(org: &OrgId, found: &Found) {
    let (what, columns, callable, lowers) = match &found.drift {
        Drift::Different(difference) => (
            "different",
            difference.columns.join(" "),
            difference.callable,
            difference.lowers.names().collect::<Vec<_>>().join(" "),
        ),
        _ => ("missing", String::new(), None, String::new()),
    };
    let (campaign, group) = (found.campaign.as_str(), found.group.as_str());
    tracing::info!(
        org = org.as_str(),
        campaignId = campaign,
        group,
        what,
        columns,
        callable,
        lowers,
        "contact differs"
    );
}

fn log_ahead(org: &OrgId, campaign: &CampaignId, group: &MessageGroup) {
    tracing::warn!(
        org = org.as_str(),
        campaignId = campaign.as_str(),
        group = group.as_str(),
        "stored rank is ahead: what the CRM says of this contact is stale"
    );
}

fn log_unknown(org: &OrgId, campaign: &CampaignId, group: &MessageGroup) {
    tracing::info!(
        org = org.as_str(),
        campaignId = campaign.as_str(),
        group = group.as_str(),
        "contact is unknown to the CRM"
    );
}

fn log_faulty(
    org: &OrgId,
    campaign: &CampaignId,
    what: &str,
    group: Option<&MessageGroup>,
    has_opt_out: bool,
) {
    tracing::warn!(
        org = org.as_str(),
        campaignId = campaign.as_str(),
        group = group.map(MessageGroup::as_str),
        optOutHeard = has_opt_out,
        detail = what,
        "contact of the feed is faulty and left out"
    );
}

pub(crate) fn tell_outcome(context: &Context, org: &OrgId, outcome: &RunOutcome) {
    let org = org.as_str();
    for ((campaign, reason), contacts) in &outcome.left_out {
        let (campaign, reason) = (campaign.as_str(), reason.as_str());
        tracing::warn!(
            org,
            campaignId = campaign,
            reason,
            contacts,
            "left out: apply would park it"
        );
    }
    let contacts = outcome.answer.unranked;
    if contacts > 0 {
        tracing::warn!(
            org,
            contacts,
            "contacts have no rank: only opt-outs are compared; look at version or occurredAt in the feed"
        );
    }
    let contacts = outcome.answer.ahead;
    if contacts > 0 {
        tracing::warn!(
            org,
            contacts,
            "stored ranks are ahead: look at them (check --contact), and reset them (contact reset-rank)"
        );
    }
    if let Some(why) = &outcome.why {
        let (detail, answer) = (why.to_string(), &outcome.answer);
        let (checked, enqueued) = (answer.checked, answer.enqueued);
        context.shared.telemetry.tell(&Event::Incomplete {
            org,
            detail: &detail,
            checked,
            enqueued,
        });
    }
}
