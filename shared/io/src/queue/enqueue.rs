//! From changes to the queue, in order: no two changes of one group in one `SendMessageBatch`, and
//! nothing of a group after an entry of it that failed. SQS keeps the order of arrival, so a later
//! change must not overtake an earlier one: in one batch it would, since each entry fails by itself (SQS
//! API reference, `SendMessageBatch`).

use std::collections::BTreeSet;

use domain::Change;

use super::{Message, Queue, QueueError};
use domain::budget::CALLS_OF_A_CONTACT;

/// The most entries of a `SendMessageBatch`.
const MAX_ENTRIES: usize = 10;
/// The most bytes of one, with room for ids and the request's own text (1 MiB is the limit).
const MAX_BYTES: usize = 1_000_000;

/// How long what is sent in bulk may take at most, in minutes of the org's call budget: an opt-out
/// that comes by webhook must not wait for long behind it.
const DEPTH_MINUTES: u64 = 10;

/// How many messages more the queue should hold, before what is sent in bulk waits: a batch,
/// however small the budget is.
///
/// # Errors
/// When the queue cannot be asked for its depth.
pub async fn room(
    queue: &dyn Queue,
    queue_url: &str,
    calls_per_minute: u32,
) -> Result<usize, QueueError> {
    let most =
        (u64::from(calls_per_minute) * DEPTH_MINUTES / CALLS_OF_A_CONTACT).max(MAX_ENTRIES as u64);
    let room = most.saturating_sub(queue.depth(queue_url).await?);
    Ok(usize::try_from(room).unwrap_or(usize::MAX))
}

/// What became of changes that were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enqueued {
    /// Places of changes that SQS has.
    pub accepted: Vec<usize>,
    /// Places of changes that SQS can never take as they are.
    pub faulty: Vec<usize>,
    /// Why some were not taken that may be taken later: SQS's error code, or no time.
    pub unavailable: Option<String>,
}

/// Sends every change. After one that can never be taken nothing more is sent; after an outage
/// other groups still get their turn. SQS has them all when as many are accepted.
pub async fn enqueue(queue: &dyn Queue, queue_url: &str, changes: &[Change]) -> Enqueued {
    enqueue_while(queue, queue_url, changes, || true).await
}

/// The same, but no call begins that may not. A call takes [`crate::aws::LONGEST_CALL`] at most.
pub async fn enqueue_while(
    queue: &dyn Queue,
    queue_url: &str,
    changes: &[Change],
    may_begin: impl Fn() -> bool,
) -> Enqueued {
    let mut waiting: Waiting = changes.iter().map(message).enumerate().collect();
    let mut done = Enqueued::default();
    let mut blocked = BTreeSet::new();
    while done.faulty.is_empty() {
        waiting.retain(|(_, message)| !blocked.contains(&message.group));
        let (batch, rest) = next_batch(waiting);
        waiting = rest;
        if batch.is_empty() {
            break;
        }
        if !may_begin() {
            done.unavailable = Some("there is no time for another call to SQS".to_owned());
            break;
        }
        let messages: Vec<_> = batch.iter().map(|(_, message)| message.clone()).collect();
        let results = match queue.send_batch(queue_url, messages).await {
            Ok(results) => results,
            Err(error) => {
                done.unavailable = Some(error.to_string());
                break;
            }
        };
        for ((place, message), result) in batch.into_iter().zip(results) {
            let Err(refused) = result else {
                done.accepted.push(place);
                continue;
            };
            blocked.insert(message.group);
            if refused.is_senders_fault {
                done.faulty.push(place);
            } else {
                done.unavailable = Some(format!("SQS: {}", refused.code));
            }
        }
    }
    done
}

fn message(change: &Change) -> Message {
    Message {
        body: change.body(),
        group: change.message_group().as_str().to_owned(),
        deduplication_id: change.deduplication_id(),
        attributes: Vec::new(),
    }
}

/// Messages, each with its place among the changes.
type Waiting = Vec<(usize, Message)>;

/// The first waiting message of each group, as many as fit; and the rest, in order.
fn next_batch(waiting: Waiting) -> (Waiting, Waiting) {
    let (mut groups, mut bytes, mut entries) = (BTreeSet::new(), 0, 0);
    waiting.into_iter().partition(|(_, message)| {
        // A group that did not fit keeps its turn: nothing later of it may pass.
        let is_first = groups.insert(message.group.clone());
        let fits = is_first && entries < MAX_ENTRIES && bytes + message.body.len() <= MAX_BYTES;
        if fits {
            entries += 1;
            bytes += message.body.len();
        }
        fits
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batches(messages: &[(&str, usize)]) -> Vec<Vec<usize>> {
        let message = |(group, size): &(&str, usize)| Message {
            body: "x".repeat(*size),
            group: (*group).to_owned(),
            deduplication_id: String::new(),
            attributes: Vec::new(),
        };
        let mut waiting: Vec<_> = messages.iter().map(message).enumerate().collect();
        let mut batches = Vec::new();
        while !waiting.is_empty() {
            let (batch, rest) = next_batch(waiting);
            batches.push(batch.into_iter().map(|(index, _)| index).collect());
            waiting = rest;
        }
        batches
    }

    #[test]
    fn a_batch_never_holds_two_changes_of_one_group() {
        assert_eq!(
            batches(&[("a", 1), ("a", 1), ("b", 1), ("a", 1), ("b", 1)]),
            [vec![0, 2], vec![1, 4], vec![3]]
        );
    }

    #[test]
    fn a_batch_holds_at_most_ten_entries() {
        let groups: Vec<_> = (0..23).map(|n| n.to_string()).collect();
        let messages: Vec<_> = groups.iter().map(|group| (group.as_str(), 1)).collect();
        assert_eq!(
            batches(&messages).iter().map(Vec::len).collect::<Vec<_>>(),
            [10, 10, 3]
        );
    }

    #[test]
    fn a_batch_stays_below_a_mebibyte_and_what_did_not_fit_is_not_overtaken_in_its_group() {
        assert_eq!(
            batches(&[("a", 900_000), ("b", 200_000), ("b", 1), ("c", 1)]),
            [vec![0, 3], vec![1], vec![2]]
        );
    }
}
