//! Lambda's event source mapping for SQS with `ReportBatchItemFailures`
//! (docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html).

use std::sync::Arc;

use serde_json::Value;

use crate::fifo::{Batch, Fifo};

/// The most for a FIFO queue, and what template.yaml sets.
const BATCH_SIZE: usize = 10;

/// Hands batches of the queue to a function, one at a time for each copy of it.
pub struct EventSource {
    pub queue: Arc<Fifo>,
    batch_size: usize,
}

impl EventSource {
    /// Of this queue.
    pub fn new(queue: &Arc<Fifo>) -> EventSource {
        EventSource {
            queue: Arc::clone(queue),
            batch_size: BATCH_SIZE,
        }
    }

    /// Of this queue, one message at a time.
    pub fn one_by_one(queue: &Arc<Fifo>) -> EventSource {
        EventSource {
            batch_size: 1,
            ..EventSource::new(queue)
        }
    }

    /// Feeds one copy of the function until the queue is closed and empty. `invoke` answers the
    /// function's JSON, or nothing where it failed.
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
                        // An earlier end of the wait is no harm: the queue is asked again.
                        let _ = tokio::time::timeout(wait, changed).await;
                    }
                    None => changed.await,
                },
            }
        }
    }

    /// Deletes what the answer calls done. No answer, or one that is wrong, is a failure of the
    /// whole batch.
    pub fn answered(&self, batch: &Batch, answer: Option<&Value>) {
        let Some(failed) = answer.and_then(|answer| failed_ids(batch, answer)) else {
            return;
        };
        for (id, handle) in &batch.received {
            if !failed.contains(&id.as_str()) {
                // What came back meanwhile is not Lambda's any more.
                let _ = self.queue.delete(handle);
            }
        }
    }
}

/// Null, an empty object and an empty list say that all is done. `None`: the batch has failed
/// whole, since an identifier is null, empty or not of it.
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
