//! Reports the batch: parks messages, sets visibility timeouts, and answers Lambda (docs/design.md
//! "Batch answer").
//!
//! Which message is done, parked or retried is decided in [`domain::batch::settle()`]. This module
//! carries that out: it sends what is parked to the dead-letter queue, sets the visibility timeout
//! of what is retried, and deletes what this invocation received by itself. Lambda deletes the
//! messages of the event that the answer leaves out. `events` writes the log and the metrics.

mod events;
mod park;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_lambda_events::event::sqs::SqsBatchResponse;
use domain::Change;
use domain::batch::{
    Deletion, Evidence, Horizon, NoMessageId, Record, Retry, Settled, Verdict, failures,
    message_groups, settle,
};
use domain::retry::Cause;
use futures_util::future::join;
use futures_util::stream::{self, StreamExt};
use io::genesys::Run;
use io::queue::Visibility;

use events::tell;
use park::park_group;

use crate::intake::Intake;
use crate::{Context, Defect};

/// The most messages of one `ChangeMessageVisibilityBatch` or `DeleteMessageBatch`.
const MAX_LINES_PER_BATCH: usize = 10;
/// The most calls to SQS side by side.
const SIDE_BY_SIDE: usize = 10;
/// How much time of the invocation is left when parking ends.
const AFTER_PARKING: Duration = Duration::from_millis(1_500);
/// How much time of the invocation is left when visibility timeouts are set.
const AFTER_WAITS: Duration = Duration::from_millis(500);

/// Settles every message group, parks, sets visibility timeouts, and deletes what this invocation
/// received by itself. Lambda deletes the messages of the event that are not in the answer.
pub(crate) async fn report(
    context: &Context,
    run: &Run,
    draw: f64,
    intake: &Intake,
    mut verdicts: BTreeMap<usize, Verdict>,
) -> Result<SqsBatchResponse, NoMessageId> {
    let records = &intake.records;
    let horizon = Horizon {
        now: context.shared.clock.now(),
        after: context.own.retry_horizon,
    };
    let groups = message_groups(records);
    let settled = groups.iter().map(|group| {
        let group: Vec<_> = group
            .iter()
            .map(|&index| {
                (
                    &records[index],
                    verdicts
                        .remove(&index)
                        .unwrap_or_else(|| panicked(intake.change(index))),
                )
            })
            .collect();
        settle(group, horizon, draw)
    });
    let settled: Vec<_> = settled.collect();
    let parked = groups
        .iter()
        .zip(settled)
        .map(|(group, settled)| park_group(context, run, draw, horizon, records, group, settled));
    let parked: Vec<_> = stream::iter(parked).buffered(SIDE_BY_SIDE).collect().await;
    let settled: BTreeMap<usize, Settled> = groups
        .iter()
        .flatten()
        .copied()
        .zip(parked.into_iter().flatten())
        .collect();

    let left = run.left(context.shared.clock.now(), AFTER_WAITS);
    let acknowledged = join(
        make_wait(context, records, &settled),
        delete(context, intake, &groups, &settled),
    );
    if tokio::time::timeout(left, acknowledged).await.is_err() {
        tracing::warn!(
            "no time to set visibility timeouts or to delete messages: they return, and are found to be done"
        );
    }
    tell(context, intake, &settled);
    let mut answer = SqsBatchResponse::default();
    for id in failures(&records[..intake.of_event], |index| {
        matches!(settled.get(&index), Some(Settled::Retry { .. }))
    })? {
        answer.add_failure(id);
    }
    Ok(answer)
}

/// The verdict on a change that got none, because its code panicked.
fn panicked(change: Option<&Change>) -> Verdict {
    Verdict::Retry(Retry {
        cause: Cause::Panicked,
        evidence: Evidence::from("the code panicked".to_owned()),
        is_campaign_well: true,
        missing_for: Duration::ZERO,
        is_opt_out: change.is_some_and(|change| change.operation.opts_out()),
        at_least: Duration::ZERO,
    })
}

/// Sets the visibility timeout of every message that is retried. If that fails, the message keeps
/// the queue's own timeout and returns later, which is safe.
async fn make_wait(context: &Context, records: &[Record], settled: &BTreeMap<usize, Settled>) {
    let waits: Vec<_> = settled
        .iter()
        .filter_map(|(&index, settled)| match settled {
            Settled::Retry { delay, .. } => Some(Visibility {
                receipt_handle: records[index].receipt_handle.clone(),
                seconds: whole_seconds(*delay),
            }),
            _ => None,
        })
        .filter(|wait| !wait.receipt_handle.is_empty())
        .collect();
    let set = waits.chunks(MAX_LINES_PER_BATCH).map(async |waits| {
        let url = &context.shared.config.queue_url;
        if let Err(error) = context.queue.set_visibility(url, waits.to_vec()).await {
            tracing::warn!(detail = %error, "a visibility timeout was not set: the message returns after that \
                of the queue");
        }
    });
    side_by_side(set).await;
}

/// Deletes the finished messages that this invocation received by itself, in the order of each
/// group.
async fn delete(
    context: &Context,
    intake: &Intake,
    groups: &[Vec<usize>],
    settled: &BTreeMap<usize, Settled>,
) {
    let deletes_followers = context.has(Defect::DeletesFollowers);
    let is_deleted = |index: &usize| {
        *index >= intake.of_event
            && match settled.get(index) {
                Some(Settled::Done(_) | Settled::Kept(_) | Settled::Park(_)) => true,
                Some(Settled::Retry { why: None, .. }) => deletes_followers,
                _ => false,
            }
    };
    let done = |group: &Vec<usize>| group.iter().copied().filter(is_deleted).collect();
    let mut groups: Vec<Vec<usize>> = groups.iter().map(done).collect();
    if context.has(Defect::DeletesAtOnce) {
        groups = groups.concat().into_iter().map(|one| vec![one]).collect();
    }
    let mut deletion = Deletion::new(groups);
    loop {
        let round: Vec<(usize, usize)> = deletion.round();
        if round.is_empty() {
            return;
        }
        let deleted = round.chunks(MAX_LINES_PER_BATCH).map(async |batch| {
            let handle =
                |(_, index): &(usize, usize)| intake.records[*index].receipt_handle.clone();
            let url = &context.shared.config.queue_url;
            let deleted = context
                .queue
                .delete_batch(url, batch.iter().map(handle).collect());
            let deleted = deleted
                .await
                .unwrap_or_else(|error| batch.iter().map(|_| Err(error.clone())).collect());
            batch.iter().copied().zip(deleted).collect::<Vec<_>>()
        });
        for ((group, index), deleted) in side_by_side(deleted).await.into_iter().flatten() {
            if let Err(error) = &deleted {
                let group = intake.records[index].shown_group();
                tracing::warn!(group, detail = %error, "a message was not deleted: it returns, and is found to \
                    be done");
            }
            deletion.saw(group, deleted.is_ok());
        }
    }
}

/// Makes calls to SQS, a few side by side.
async fn side_by_side<F: Future>(calls: impl Iterator<Item = F>) -> Vec<F::Output> {
    stream::iter(calls)
        .buffer_unordered(SIDE_BY_SIDE)
        .collect()
        .await
}

/// Rounds up, because a message that returned too early would be sent back again.
fn whole_seconds(delay: Duration) -> u32 {
    let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
    u32::try_from(seconds).unwrap_or(u32::MAX)
}
