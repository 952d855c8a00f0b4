//! Decides what to do with the records of one message group, once each has its verdict.
//!
//! The first record that must be retried makes the rest of its group wait, so that the order is
//! kept. A record that has failed for too long is parked: [`Horizon`] says when.

use std::time::Duration;

use jiff::Timestamp;

use super::{Confirm, Evidence, ParkReason, Parking, Record, Retry, Settled, Verdict};
use crate::retry::{Cause, Waited};

/// How long a missing campaign is looked for. A campaign that was just created may not be visible
/// everywhere yet.
const MISSING_FOR: Duration = Duration::from_mins(15);
/// A change is parked at this age, or at this many receives, in any case. SQS deletes a message
/// after 14 days, and after 1,000 receives it moves the message without a reason.
const LAST_DAY: Duration = Duration::from_hours(13 * 24);
const LAST_RECEIVE: u32 = 950;

/// Decides when a change that keeps failing is parked.
#[derive(Clone, Copy, Debug)]
pub struct Horizon {
    /// The time of the report.
    pub now: Timestamp,
    /// How long after its first receive a change that keeps failing is parked.
    pub after: Duration,
}

impl Horizon {
    pub(super) fn since(self, time: Option<Timestamp>) -> Duration {
        let since = time.and_then(|time| Duration::try_from(self.now.duration_since(time)).ok());
        since.unwrap_or_default()
    }

    /// Whether SQS would soon delete or move the message.
    fn is_last_day(self, record: &Record) -> bool {
        record.receives >= LAST_RECEIVE || self.since(record.sent) >= LAST_DAY
    }

    /// The reason to park a record that failed, if it is to be parked. `has_own_try` says whether
    /// no earlier record of its group failed.
    fn parks(self, record: &Record, retry: &Retry, has_own_try: bool) -> Option<ParkReason> {
        let tried_for = self.since(record.first_received);
        // A change behind a write that reads do not show yet had no try of its own. A contact that
        // no read has shown is looked for a second time, and that look decides.
        if matches!(retry.cause, Cause::Confirming { .. } | Cause::Absent { .. }) {
            return None;
        }
        if self.is_last_day(record) {
            return Some(ParkReason::Expired);
        }
        let is_own = retry.cause.is_own() && retry.is_campaign_well && !retry.is_opt_out;
        match retry.cause {
            _ if !has_own_try => None,
            Cause::Missing if tried_for.min(retry.missing_for) >= MISSING_FOR => {
                Some(ParkReason::UnknownCampaign)
            }
            Cause::DncList { .. } if tried_for > self.after && retry.missing_for >= MISSING_FOR => {
                Some(ParkReason::NotOnDncList)
            }
            _ if is_own && tried_for > self.after => Some(ParkReason::RetryHorizon),
            _ => None,
        }
    }
}

/// Settles the records of one message group, given with their verdicts in queue order. The records
/// before the first one that must be retried are done. That record and all later ones are retried.
/// `share` is a random number from 0 up to 1, the same for all groups of an invocation.
///
/// Only the first record that fails can be parked for its failures, because the others have not had
/// a try of their own. On its last day each record that fails is parked.
pub fn settle(group: Vec<(&Record, Verdict)>, horizon: Horizon, share: f64) -> Vec<Settled> {
    let mut delay = None;
    let mut has_own_try = true;
    let mut settled = Vec::with_capacity(group.len());
    for (record, verdict) in group {
        settled.push(match (delay, verdict) {
            (Some(delay), _) => Settled::Retry { delay, why: None },
            (None, Verdict::Done(outcome)) => Settled::Done(outcome),
            (None, Verdict::Kept(outcome)) => Settled::Kept(outcome),
            (None, Verdict::Park(parking)) => Settled::Park(parking),
            (None, Verdict::Confirm(confirm)) if horizon.is_last_day(record) => confirm.then,
            (None, Verdict::Confirm(Confirm { after, wrote, .. })) => {
                let wrote = Some(wrote);
                let cause = Cause::Confirming { after, wrote };
                let wait = cause.delay(record.waited(horizon), share);
                delay = Some(wait);
                let why = Some((cause, Evidence::default()));
                Settled::Retry { delay: wait, why }
            }
            (None, Verdict::Retry(retry)) => match horizon.parks(record, &retry, has_own_try) {
                Some(reason) => {
                    has_own_try = false;
                    let evidence = retry.evidence;
                    Settled::Park(Parking { reason, evidence })
                }
                None => {
                    let wait = retry.cause.delay(record.waited(horizon), share);
                    let wait = wait.max(retry.at_least);
                    delay = Some(wait);
                    let why = Some((retry.cause, retry.evidence));
                    Settled::Retry { delay: wait, why }
                }
            },
        });
    }
    settled
}

/// Turns the record at `from`, which could not be parked, and all records behind it into retries.
pub fn retry_from(settled: &mut [Settled], from: usize, waited: Waited, share: f64) {
    let delay = Cause::NotParked.delay(waited, share);
    for (index, settled) in settled.iter_mut().enumerate().skip(from) {
        let evidence = match settled {
            Settled::Park(Parking { reason, evidence }) => Evidence {
                detail: format!("to be parked as {}: {}", reason.as_str(), evidence.detail),
                ..evidence.clone()
            },
            _ => Evidence::default(),
        };
        let why = (index == from).then_some((Cause::NotParked, evidence));
        *settled = Settled::Retry { delay, why };
    }
}
