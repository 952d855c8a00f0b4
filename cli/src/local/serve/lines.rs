//! The line that `--serve` prints for each event.
//!
//! The log of a deployed stack is written elsewhere, in `io`.

use io::telemetry::Event;

/// The line of an event. `None` means that the event is not printed.
pub(super) fn line(event: &Event<'_>) -> Option<String> {
    match event {
        Event::Done { .. }
        | Event::RankReset { .. }
        | Event::Parked { .. }
        | Event::Written { .. }
        | Event::Retried { .. } => of_change(event),
        Event::OrgRefused { .. }
        | Event::CampaignRefused { .. }
        | Event::DncListFailed { .. }
        | Event::OrgIll { .. }
        | Event::Conflict { .. }
        | Event::Throttled { .. } => of_org(event),
        Event::Accepted { .. }
        | Event::Refused { .. }
        | Event::Unmapped { .. }
        | Event::Unauthorized { .. } => of_webhook(event),
        Event::Reconciled { .. } | Event::Incomplete { .. } | Event::Stopped { .. } => {
            of_reconcile(event)
        }
        Event::Called { .. } | Event::TookIn { .. } | Event::LookedAt { .. } => None,
    }
}

fn of_change(event: &Event<'_>) -> Option<String> {
    Some(match event {
        Event::Done {
            about,
            outcome,
            is_kept,
        } => {
            let kept = if *is_kept { ", not made callable" } else { "" };
            let (outcome, id) = (outcome.as_str(), about.event_id.unwrap_or_default());
            format!("{outcome:<11} {} {id}{kept}", about.group)
        }
        Event::RankReset { about, reset } => {
            format!("rank reset  {}: {}", about.group, reset.reason())
        }
        Event::Parked {
            about,
            reason,
            evidence,
        } => {
            format!("parked      {} {reason}: {}", about.group, evidence.detail)
        }
        Event::Written {
            about,
            outcome,
            delay,
        } => {
            let (outcome, seconds) = (outcome.as_str(), delay.as_secs());
            format!("written     {} {outcome}, read in {seconds} s", about.group)
        }
        Event::Retried { about, delay, why } => {
            let why = why.map_or("behind another", |(_, evidence)| &evidence.detail);
            let seconds = delay.as_secs();
            format!("retried     {} in {seconds} s: {why}", about.group)
        }
        _ => return None,
    })
}

fn of_org(event: &Event<'_>) -> Option<String> {
    Some(match event {
        Event::OrgRefused { org, evidence } => format!("refused     {org}: {}", evidence.detail),
        Event::CampaignRefused {
            org,
            campaign,
            evidence,
        } => format!("refused     {org}/{campaign}: {}", evidence.detail),
        Event::DncListFailed { org, evidence } => format!("DNC list    {org}: {}", evidence.detail),
        Event::OrgIll { org, detail, .. } => format!("ill         {org}: {detail}"),
        Event::Conflict { org, campaign } => {
            format!("conflict    {org}/{campaign}, to be resolved")
        }
        Event::Throttled { org } => format!("throttled   {org}"),
        _ => return None,
    })
}

fn of_webhook(event: &Event<'_>) -> Option<String> {
    Some(match event {
        Event::Accepted {
            source,
            org,
            changes,
        } => format!("accepted    {changes} for {org} from {source}"),
        Event::Refused { source, detail, .. } => format!("invalid     from {source}: {detail}"),
        Event::Unmapped {
            source,
            items,
            detail,
            ..
        } => format!("unmapped    {items} from {source}: {detail}"),
        Event::Unauthorized { source, detail } => format!("unauthorized, as {source}: {detail}"),
        _ => return None,
    })
}

fn of_reconcile(event: &Event<'_>) -> Option<String> {
    Some(match event {
        Event::Reconciled {
            org,
            checked,
            drifted,
            kept,
            enqueued,
        } => {
            format!(
                "reconciled  {org}: {checked} checked, {drifted} differ, {kept} kept, {enqueued} enqueued"
            )
        }
        Event::Incomplete { org, detail, .. } => {
            format!("incomplete  reconcile of {org}: {detail}")
        }
        Event::Stopped {
            org,
            campaign,
            checked,
            drifted,
        } => {
            format!("stopped     reconcile of {org}/{campaign}: {drifted} of {checked} differ")
        }
        _ => return None,
    })
}
