//! The messages of an invocation: those that Lambda hands over, and those that the invocation
//! receives from the queue itself if that saves calls (docs/design.md "Topping up").
//!
//! Each body is parsed by itself, so that a bad body never fails the batch. How many more messages
//! to receive is decided in [`domain::batch::TopUp`].

use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use domain::Change;
use domain::batch::{Evidence, ParkReason, Parking, Record, TopUp};
use domain::change::{CampaignId, OrgId};
use futures_util::future::join_all;
use io::genesys::Run;
use io::queue::Receive;
use jiff::Timestamp;

use crate::{Context, defect};

/// How long a received message stays invisible after the end of the invocation. If the copy dies,
/// the message returns then, and no other copy can have begun with it earlier.
const AFTER_THE_END: Duration = Duration::from_secs(60);
/// The least time that must be left to receive more.
const LEAST_LEFT: Duration = Duration::from_secs(8);
/// How long a copy receives nothing more after the queue was empty.
const NO_MORE: Duration = Duration::from_secs(1);
/// How long it receives nothing more after a receive failed or was slow.
const NO_ANSWER: Duration = Duration::from_secs(60);
/// From this duration on, a receive counts as slow.
const SLOW: Duration = Duration::from_millis(500);

/// The messages in queue order, each with its change.
#[derive(Default)]
pub(crate) struct Intake {
    pub(crate) records: Vec<Record>,
    pub(crate) changes: Vec<Result<Arc<Change>, Parking>>,
    /// How many messages are from the event. They come first, and the answer to Lambda is about
    /// them. This invocation deletes the others itself.
    pub(crate) of_event: usize,
}

impl Intake {
    /// The messages that Lambda hands over.
    pub(crate) fn of_event(records: impl Iterator<Item = Record>) -> Intake {
        let mut intake = Intake::default();
        intake.take(records);
        intake.of_event = intake.records.len();
        intake
    }

    /// The change of a record, or `None` if its body cannot be read.
    pub(crate) fn change(&self, index: usize) -> Option<&Change> {
        self.changes.get(index)?.as_deref().ok()
    }

    /// Whether the change of a record opts out. A body that cannot be read counts if it may opt
    /// out.
    pub(crate) fn opts_out(&self, index: usize) -> bool {
        match (self.changes.get(index), self.records.get(index)) {
            (Some(Ok(change)), _) => change.operation.opts_out(),
            (Some(Err(_)), Some(record)) => Change::may_opt_out(&record.body),
            _ => false,
        }
    }

    fn take(&mut self, records: impl IntoIterator<Item = Record>) {
        for record in records {
            self.changes.push(read(&record).map(Arc::new));
            self.records.push(record);
        }
    }

    /// Receives more messages if there may be a backlog and more changes would now take fewer calls
    /// each.
    pub(crate) async fn topped_up(mut self, context: &Context, run: &Run, draw: f64) -> Intake {
        let now = context.shared.clock.now();
        let left = run.left(now, Duration::ZERO);
        let may_be_backlog = self.of_event >= context.own.top_up_from;
        if !may_be_backlog || left < LEAST_LEFT || rests(context, now) {
            return self;
        }
        let visibility = (left + AFTER_THE_END).as_secs();
        let visibility = u32::try_from(visibility).unwrap_or(u32::MAX);
        let name = format!("{}-{:x}", self.name(), draw.to_bits());
        let mut top_up = TopUp::new(context.shared.config.apply_top_up, now);
        let (mut rest, mut made) = (None, 0);
        loop {
            let calls = top_up.calls(context.shared.clock.now());
            if calls == 0 || !self.takes_more(context, draw) {
                break;
            }
            let numbers = made..made + calls;
            made += calls;
            let receives = numbers.map(|number| Receive {
                attempt: format!("{name}-{number}"),
                visibility,
            });
            match self.receive(context, receives).await {
                Ok(brought) => {
                    if brought.iter().all(|(messages, _)| *messages == 0) {
                        rest = Some(NO_MORE);
                    }
                    top_up.received(&brought);
                }
                Err(detail) => {
                    tracing::warn!(
                        detail,
                        "not topped up: for a minute this copy applies only what Lambda hands over"
                    );
                    rest = Some(NO_ANSWER);
                    break;
                }
            }
        }
        let now = context.shared.clock.now();
        *lock_rest(context) = rest.map(|rest| now + rest);
        self
    }

    /// Makes these calls side by side, and takes what they bring. Returns the number of messages
    /// and bytes of each call.
    ///
    /// # Errors
    /// A call failed, or SQS is slow. The messages of the other calls are taken nevertheless.
    async fn receive(
        &mut self,
        context: &Context,
        receives: impl Iterator<Item = Receive>,
    ) -> Result<Vec<(usize, usize)>, String> {
        let url = &context.shared.config.queue_url;
        let calls = receives.map(|receive| context.queue.receive(url, receive));
        let began = context.shared.clock.now();
        let received = join_all(calls).await;
        let took = context.shared.clock.now().duration_since(began);
        let mut trouble = (took.unsigned_abs() >= SLOW).then(|| "SQS is slow".to_owned());
        let mut brought = Vec::with_capacity(received.len());
        for received in received {
            match received {
                Ok(records) => {
                    let bytes = records.iter().map(|record| record.body.len()).sum();
                    brought.push((records.len(), bytes));
                    defect::deleted(context, &records).await;
                    self.take(records);
                }
                Err(error) => trouble = Some(error.to_string()),
            }
        }
        trouble.map_or(Ok(brought), Err)
    }

    /// A name for the receives of this invocation. With the draw, no two invocations share one.
    fn name(&self) -> &str {
        self.records.first().map_or("", |first| &first.message_id)
    }

    /// Whether an org would apply more contacts than it has here.
    fn takes_more(&self, context: &Context, draw: f64) -> bool {
        let mut orgs: BTreeMap<&OrgId, BTreeMap<&CampaignId, usize>> = BTreeMap::new();
        for change in self.changes.iter().flatten() {
            let campaigns = orgs.entry(&change.org).or_default();
            *campaigns.entry(&change.campaign).or_default() += 1;
        }
        orgs.into_iter().any(|(org, contacts)| {
            let org = context.genesys.org(org);
            contacts.keys().any(|campaign| org.is_well(campaign)) && org.takes_more(&contacts, draw)
        })
    }
}

/// Whether this copy receives nothing more for a while.
fn rests(context: &Context, now: Timestamp) -> bool {
    lock_rest(context).is_some_and(|until| now < until)
}

/// The time until which this copy receives nothing more.
fn lock_rest(context: &Context) -> MutexGuard<'_, Option<Timestamp>> {
    let until = context.tops_up_after.lock();
    until.unwrap_or_else(PoisonError::into_inner)
}

/// Parses one record.
fn read(record: &Record) -> Result<Change, Parking> {
    let change = Change::parse(&record.body).map_err(|invalid| Parking {
        reason: if invalid.is_unsupported_schema() {
            ParkReason::UnsupportedSchema
        } else {
            ParkReason::InvalidChange
        },
        evidence: Evidence::from(invalid.to_string()),
    })?;
    if change.message_group().as_str() == record.group {
        return Ok(change);
    }
    let detail = "expected the message group id that follows from org, campaignId and contactKey";
    Err(Parking {
        reason: ParkReason::GroupMismatch,
        evidence: Evidence::from(detail.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_cannot_be_read_opts_out_if_it_may_be_an_opt_out() {
        let record = |said: &str| Record {
            message_id: "m".to_owned(),
            receipt_handle: "r".to_owned(),
            group: "g".to_owned(),
            body: format!(r#"{{"schema": 1, "contactKey": "k", {said}}}"#),
            receives: 1,
            sent: None,
            first_received: None,
        };
        let said = [
            r#""callable": "false""#,
            r#""callable": true"#,
            r#""data": {}"#,
            r#""operation": "gone""#,
        ];
        let intake = Intake::of_event(said.into_iter().map(record));
        assert!((0..4).all(|index| intake.change(index).is_none()));
        let opts_out: Vec<_> = (0..5).map(|index| intake.opts_out(index)).collect();
        assert_eq!(opts_out, [true, false, false, true, false]);
    }
}
