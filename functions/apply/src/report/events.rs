//! Writes into the log and the metrics what became of each change.
//!
//! The texts of the log are in [`io::telemetry`], and the result of a change is decided in
//! [`domain::batch::settle()`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::batch::{Outcome, Settled};
use domain::change::Operation;
use domain::retry::Cause;
use io::telemetry::{About, Event};
use jiff::Timestamp;

use crate::Context;
use crate::intake::Intake;

/// Reports what became of each change, in queue order.
pub(super) fn tell(context: &Context, intake: &Intake, settled: &BTreeMap<usize, Settled>) {
    let _together = io::telemetry::together();
    let telemetry = &context.shared.telemetry;
    let now = context.shared.clock.now();
    // The message groups whose contacts cannot be created now.
    let mut absent = BTreeSet::new();
    for (&index, settled) in settled {
        let record = &intake.records[index];
        if matches!(cause(settled), Some(Cause::Full { .. })) {
            absent.insert(&record.group);
        }
        let is_retried = matches!(settled, Settled::Retry { .. });
        let is_absent = is_retried && absent.contains(&record.group);
        let group = record.shown_group();
        let mut about = about(intake, index, &group, now);
        about.is_opt_out &= !is_absent;
        if let Some(Outcome::Updated) = written(settled)
            && let Some(change) = intake.change(index)
            && let Operation::ResetRank(reset) = &change.operation
        {
            let about = about.clone();
            telemetry.tell(&Event::RankReset { about, reset });
        }
        telemetry.tell(&event(about, settled));
    }
}

/// The change that an event is about.
fn about<'a>(intake: &'a Intake, index: usize, group: &'a str, now: Timestamp) -> About<'a> {
    let change = intake.change(index);
    let sent = intake.records[index].sent;
    About {
        org: change.map(|change| change.org.as_str()),
        campaign: change.map(|change| change.campaign.as_str()),
        event_id: change.map(|change| change.event_id.as_str()),
        group,
        age: sent.and_then(|sent| Duration::try_from(now.duration_since(sent)).ok()),
        is_opt_out: intake.opts_out(index),
    }
}

/// The event that reports what became of a change.
fn event<'a>(about: About<'a>, settled: &'a Settled) -> Event<'a> {
    match settled {
        Settled::Done(outcome) | Settled::Kept(outcome) => Event::Done {
            about,
            outcome: *outcome,
            is_kept: matches!(settled, Settled::Kept(_)),
        },
        Settled::Park(parking) => Event::Parked {
            about,
            reason: parking.reason.as_str(),
            evidence: &parking.evidence,
        },
        Settled::Retry { delay, .. } if let Some(outcome) = written(settled) => Event::Written {
            about,
            outcome,
            delay: *delay,
        },
        Settled::Retry { delay, why } => Event::Retried {
            about,
            delay: *delay,
            why: why.as_ref(),
        },
    }
}

/// The outcome of a change that is done, or that is written and comes back to be read.
fn written(settled: &Settled) -> Option<Outcome> {
    match (settled, cause(settled)) {
        (Settled::Done(outcome) | Settled::Kept(outcome), _) => Some(*outcome),
        (_, Some(Cause::Confirming { wrote, .. })) => wrote,
        _ => None,
    }
}

/// The cause of a retry. A change that waits behind another of its group has none.
fn cause(settled: &Settled) -> Option<Cause> {
    match settled {
        Settled::Retry { why, .. } => why.as_ref().map(|(cause, _)| *cause),
        _ => None,
    }
}
