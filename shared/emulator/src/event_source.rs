//! Lambda's event source mapping for SQS with `ReportBatchItemFailures`
//! (docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html).
//!
//! [`EventSource::feed`] hands batches to one copy of a function and deletes the messages that its
//! answer does not report as failed. The queue makes the others visible again after their timeout.
//! The order of messages and the groups in flight are the queue's concern: see [`Fifo`].

use std::sync::Arc;

use serde_json::Value;

use crate::fifo::{Batch, Fifo};

/// The largest batch of a FIFO queue. template.yaml sets the same.
const BATCH_SIZE: usize = 10;

/// Hands batches of a queue to a function. Each copy of the function has one batch at a time.
pub struct EventSource {
    pub queue: Arc<Fifo>,
    batch_size: usize,
}

impl EventSource {
    /// Hands over batches of up to ten messages.
    pub fn new(queue: &Arc<Fifo>) -> EventSource {
        EventSource {
            queue: Arc::clone(queue),
            batch_size: BATCH_SIZE,
        }
    }

    /// Hands over one message at a time.
    pub fn one_by_one(queue: &Arc<Fifo>) -> EventSource {
        EventSource {
            batch_size: 1,
            ..EventSource::new(queue)
        }
    }

    /// Feeds one copy of the function until the queue is closed and empty. `invoke` returns the
    /// function's JSON answer, or `None` if the invocation failed.
    pub async fn feed(&self, invoke: impl AsyncFn(Value) -> Option<Value>) {
        while !self.queue.is_finished() {
            let changed = self.queue.changed.notified();
            match self.queue.receive(self.batch_size) {
                Some(batch) => {
                    let answer = invoke(batch.event.clone()).await;
                    self.answered(&batch, answer.as_ref());
                }
                None => match self.queue.next_visible() {
                    Some(at) => {
                        let wait = at.duration_since(self.queue.clock.now());
                        let wait = wait.try_into().unwrap_or_default();
                        // If the wait ends early, the loop asks the queue again.
                        let _ = tokio::time::timeout(wait, changed).await;
                    }
                    None => changed.await,
                },
            }
        }
    }

    /// Deletes the messages that the answer does not report as failed. An invocation that failed,
    /// or whose answer is invalid, fails the whole batch.
    pub fn answered(&self, batch: &Batch, answer: Option<&Value>) {
        let Some(failed) = answer.and_then(|answer| failed_ids(batch, answer)) else {
            return;
        };
        for (id, handle) in &batch.received {
            if !failed.contains(&id.as_str()) {
                // A message whose visibility timeout ended meanwhile no longer belongs to this
                // invocation.
                let _ = self.queue.delete(handle);
            }
        }
    }
}

/// The reported failures. Null, an empty object and an empty list mean that every message
/// succeeded. `None` means that the whole batch failed, because an identifier is null, empty or not
/// in the batch.
fn failed_ids<'a>(batch: &Batch, answer: &'a Value) -> Option<Vec<&'a str>> {
    let list = match answer {
        Value::Null => return Some(Vec::new()),
        Value::Object(members) => members.get("batchItemFailures").unwrap_or(&Value::Null),
        _ => return None,
    };
    match list {
        Value::Null => Some(Vec::new()),
        Value::Array(items) => items
            .iter()
            .map(|item| {
                item.get("itemIdentifier")?
                    .as_str()
                    .filter(|id| batch.received.iter().any(|(of, _)| of == id))
            })
            .collect(),
        _ => None,
    }
}
