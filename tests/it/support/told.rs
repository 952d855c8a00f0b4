//! Telemetry and calls as texts that a test can compare.

use io::telemetry::Event;

pub(super) fn tell(event: &Event<'_>) -> Option<String> {
    Some(match event {
        Event::Done {
            outcome, is_kept, ..
        } => {
            let kept = if *is_kept { ", kept" } else { "" };
            format!("{}{kept}", outcome.as_str())
        }
        Event::RankReset { reset, .. } => {
            let to = reset.to().map_or("none".to_owned(), |to| to.to_string());
            format!("! rank {} reset to {to}: {}", reset.from(), reset.reason())
        }
        Event::Parked { reason, .. } => format!("parked: {reason}"),
        Event::Written { outcome, .. } => format!("written: {}", outcome.as_str()),
        Event::Retried { .. } => "retried".to_owned(),
        Event::OrgRefused { org, evidence } => format!("! {org} refused: {}", evidence.detail),
        Event::CampaignRefused {
            campaign, evidence, ..
        } => format!("! {campaign} refused: {}", evidence.detail),
        Event::DncListFailed { org, evidence } => {
            format!("! {org} DNC list failed: {}", evidence.detail)
        }
        Event::OrgIll { org, detail, .. } => format!("! {org} ill: {detail}"),
        Event::Conflict { .. } => "! conflict".to_owned(),
        Event::Throttled { org } => format!("! {org} throttled"),
        // Tests read calls and messages from the emulator instead.
        Event::Called { .. } | Event::TookIn { .. } => return None,
        Event::Accepted { .. }
        | Event::Refused { .. }
        | Event::Unmapped { .. }
        | Event::Unauthorized { .. } => "! of ingest".to_owned(),
        Event::Reconciled {
            org,
            checked,
            drifted,
            enqueued,
            ..
        } => {
            format!("! {org} reconciled: {checked} checked, {drifted} drifted, {enqueued} enqueued")
        }
        Event::LookedAt { org, age, .. } => {
            format!("! {org} looked at until {} s ago", age.as_secs())
        }
        Event::Incomplete { org, detail, .. } => format!("! {org} incomplete: {detail}"),
        Event::Stopped {
            org,
            campaign,
            checked,
            drifted,
        } => {
            format!("! {org} stopped: {drifted} of {checked} of {campaign}")
        }
    })
}

pub(super) fn show(call: &emulator::genesys::Call) -> String {
    match call.path.rsplit_once('/') {
        _ if call.path == "/oauth/token" => format!("token {}", call.status),
        Some((_, last)) => format!("{} {last} {}", call.method, call.status),
        None => format!("{} {} {}", call.method, call.path, call.status),
    }
}
