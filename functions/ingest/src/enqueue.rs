//! From changes to the queue, in order: no two changes of one group in one `SendMessageBatch`, and nothing of a group
//! after an entry of it that failed. SQS keeps the order of arrival, so a later change must not overtake an earlier one.

use std::collections::BTreeSet;

use domain::Change;
use domain::change::{Fault, FaultCode};
use io::queue::Message;

use crate::Context;
use crate::answer::Refusal;

/// The most entries of a `SendMessageBatch`.
const MAX_ENTRIES: usize = 10;
/// The most bytes of one, with room for ids and the request's own text (1 MiB is the limit).
const MAX_BYTES: usize = 1_000_000;

/// Sends every change, each with the place in the request where it stands, and answers how many. When this is `Ok`, SQS
/// has them all.
pub(crate) async fn enqueue(context: &Context, changes: &[(String, Change)]) -> Result<usize, Refusal> {
    let mut waiting: Waiting<&str> =
        changes.iter().map(|(pointer, change)| (pointer.as_str(), message(change))).collect();
    let (mut accepted, mut faults, mut unavailable) = (0, Vec::new(), None);
    let mut blocked = BTreeSet::new();
    // After a fault nothing more is queued. After an outage other groups still get their turn.
    while faults.is_empty() {
        waiting.retain(|(_, message)| !blocked.contains(&message.group));
        let (batch, rest) = next_batch(waiting);
        waiting = rest;
        if batch.is_empty() {
            break;
        }
        let messages: Vec<_> = batch.iter().map(|(_, message)| message.clone()).collect();
        let results = match context.queue.send_batch(&context.queue_url, messages).await {
            Ok(results) => results,
            Err(error) => {
                return Err(Refusal::Unavailable { accepted, detail: error.to_string() });
            }
        };
        for ((pointer, message), result) in batch.into_iter().zip(results) {
            let Err(refused) = result else {
                accepted += 1;
                continue;
            };
            blocked.insert(message.group);
            if refused.is_senders_fault {
                let (pointer, code) = (pointer.to_owned(), FaultCode::NotAllowed);
                faults.push(Fault { pointer, code, message: "expected a change that SQS takes" });
            } else {
                unavailable = Some(refused.code);
            }
        }
    }
    match unavailable {
        // Sent again, the faulty ones are told: nothing that could be stored is given up for them.
        Some(code) => Err(Refusal::Unavailable { accepted, detail: format!("SQS: {code}") }),
        None if !faults.is_empty() => Err(Refusal::Invalid(faults)),
        None if accepted == changes.len() => Ok(accepted),
        None => Err(Refusal::Unavailable { accepted, detail: "a change is too large for a batch".to_owned() }),
    }
}

fn message(change: &Change) -> Message {
    Message {
        body: change.body(),
        group: change.message_group().as_str().to_owned(),
        deduplication_id: change.deduplication_id(),
        attributes: Vec::new(),
    }
}

/// Messages, each with the place in the request where it stands.
type Waiting<P> = Vec<(P, Message)>;

/// The first waiting message of each group, as many as fit; and the rest, in order.
fn next_batch<P>(waiting: Waiting<P>) -> (Waiting<P>, Waiting<P>) {
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
        assert_eq!(batches(&[("a", 1), ("a", 1), ("b", 1), ("a", 1), ("b", 1)]), [vec![0, 2], vec![1, 4], vec![3]]);
    }

    #[test]
    fn a_batch_holds_at_most_ten_entries() {
        let groups: Vec<_> = (0..23).map(|n| n.to_string()).collect();
        let messages: Vec<_> = groups.iter().map(|group| (group.as_str(), 1)).collect();
        assert_eq!(batches(&messages).iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 3]);
    }

    #[test]
    fn a_batch_stays_below_a_mebibyte_and_what_did_not_fit_is_not_overtaken_in_its_group() {
        assert_eq!(batches(&[("a", 900_000), ("b", 200_000), ("b", 1), ("c", 1)]), [vec![0, 3], vec![1], vec![2]]);
    }
}
