//! SQS as one function sees it: calls fail on purpose, and each batch of entries is checked.
//!
//! The emulated queues belong to `super::Outside`. The dead-letter queue is in `parking`. How a
//! copy ends between two calls is in `super::killable`.

mod parking;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use io::queue::{Message, Queue, QueueError, Receive, Record, RefusedEntry, Visibility};
use serde_json::Value;
use tokio::time::sleep;

use super::Outside;
use crate::chaos::FaultKind;
use crate::mutants::Mutant;
use crate::{checks, lock, wire};

/// The time of a call.
const A_CALL: Duration = Duration::from_millis(5);

fn unavailable() -> QueueError {
    QueueError::new("ServiceUnavailable")
}

fn timed_out() -> QueueError {
    QueueError::new("timed out")
}

/// Whether two of these values are equal.
fn has_one_twice<T: Ord>(mut values: Vec<T>) -> bool {
    let all = values.len();
    values.sort_unstable();
    values.dedup();
    values.len() < all
}

/// SQS as one function sees it.
pub(crate) struct Sqs(pub(crate) Arc<Outside>);

impl Sqs {
    fn is_of(&self, variable: &str, queue_url: &str) -> bool {
        Some(queue_url) == self.0.variable(variable).as_deref()
    }

    /// Stores one entry of a batch of changes.
    fn store(&self, message: Message) -> Result<(), RefusedEntry> {
        let refused = |code: &str, is_senders_fault| RefusedEntry {
            code: code.to_owned(),
            is_senders_fault,
        };
        if self
            .0
            .chaos
            .strikes(FaultKind::EntryRefused, &message.group)
        {
            return Err(refused("InternalError", false));
        }
        let message = self.mutated(message);
        checks::check_ids(&self.0, &message);
        self.0
            .store(message)
            .map_err(|error| refused(&error.to_string(), true))
    }

    /// The message as a copy with one of these defects sends it.
    fn mutated(&self, mut message: Message) -> Message {
        if self.0.has_defect(Mutant::DeduplicateByContent) {
            let body: Value = serde_json::from_str(&message.body).unwrap_or(Value::Null);
            let (data, callable) = (&body["data"], &body["callable"]);
            message.deduplication_id =
                wire::digest(&format!("{} {data} {callable}", message.group));
        }
        if self.0.has_defect(Mutant::DropGroupRule) {
            let place = lock(&self.0.seen).stored.len();
            message.group = format!("{}-{}", message.group, place % 2);
        }
        message
    }
}

impl Queue for Sqs {
    fn send_batch<'a>(
        &'a self,
        queue_url: &'a str,
        messages: Vec<Message>,
    ) -> BoxFuture<'a, Result<Vec<Result<(), RefusedEntry>>, QueueError>> {
        async move {
            if self.is_of("DEAD_LETTER_QUEUE_URL", queue_url) {
                return self.park(messages).await;
            }
            sleep(A_CALL).await;
            let all_stored = || Ok(messages.iter().map(|_| Ok(())).collect());
            let acknowledges = self.0.has_defect(Mutant::AcknowledgeTooEarly);
            if self.0.chaos.strikes(FaultKind::QueueDown, "send_batch") {
                return if acknowledges {
                    all_stored()
                } else {
                    Err(unavailable())
                };
            }
            let groups = messages.iter().map(|message| message.group.as_str());
            if !self.is_of("QUEUE_URL", queue_url)
                || has_one_twice(groups.collect())
                || !(1..=10).contains(&messages.len())
            {
                self.0.violated(
                    "9: a batch of entries that holds two of one group, none, or more than ten"
                        .to_owned(),
                );
            }
            let results: Vec<_> = messages
                .iter()
                .map(|message| self.store(message.clone()))
                .collect();
            if self
                .0
                .chaos
                .strikes(FaultKind::QueueAnswerLost, "send_batch")
            {
                return if acknowledges {
                    all_stored()
                } else {
                    Err(timed_out())
                };
            }
            if acknowledges {
                all_stored()
            } else {
                Ok(results)
            }
        }
        .boxed()
    }

    fn send<'a>(
        &'a self,
        queue_url: &'a str,
        message: Message,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        async move {
            sleep(A_CALL).await;
            if self.is_of("FAILED_RUNS_QUEUE_URL", queue_url) {
                if self.0.chaos.strikes(FaultKind::QueueDown, "failed runs") {
                    return Err(unavailable());
                }
                let violations = checks::leaks("a run that failed", &message.body);
                lock(&self.0.seen).violations.extend(violations);
                checks::schedule::run_failed(&self.0, &message.body);
                return self.0.sqs.send(queue_url, message).await;
            }
            self.park_one(message).await
        }
        .boxed()
    }

    fn receive<'a>(
        &'a self,
        _queue_url: &'a str,
        receive: Receive,
    ) -> BoxFuture<'a, Result<Vec<Record>, QueueError>> {
        async move {
            sleep(A_CALL).await;
            if self.0.chaos.strikes(FaultKind::QueueDown, "receive") {
                return Err(unavailable());
            }
            let visibility = match self.0.mutant {
                Some(Mutant::HideBriefly) => 1,
                _ => receive.visibility,
            };
            let receive = Receive {
                visibility,
                ..receive
            };
            let records = self.0.queue.receive_records(&receive);
            if self.0.chaos.strikes(FaultKind::QueueAnswerLost, "receive") {
                return Err(timed_out());
            }
            Ok(records)
        }
        .boxed()
    }

    fn delete_batch<'a>(
        &'a self,
        _queue_url: &'a str,
        receipt_handles: Vec<String>,
    ) -> BoxFuture<'a, Result<Vec<Result<(), QueueError>>, QueueError>> {
        async move {
            sleep(A_CALL).await;
            if self.0.chaos.strikes(FaultKind::QueueDown, "delete_batch") {
                return Err(unavailable());
            }
            let handles = receipt_handles.iter();
            let groups = handles.filter_map(|handle| self.0.queue.group_of(handle));
            if has_one_twice(groups.collect()) {
                self.0
                    .violated("9: two messages of a group are deleted side by side".to_owned());
            }
            let delete = |handle: &String| {
                if !self.0.queue.is_first_of_group(handle) {
                    let what = "9: a message is deleted before an earlier one of its group";
                    self.0.violated(what.to_owned());
                }
                if self.0.chaos.strikes(FaultKind::EntryRefused, "delete") {
                    return Err(QueueError::new("InternalError"));
                }
                self.0.queue.delete(handle)
            };
            let deleted = receipt_handles.iter().map(delete).collect();
            if self
                .0
                .chaos
                .strikes(FaultKind::QueueAnswerLost, "delete_batch")
            {
                return Err(timed_out());
            }
            Ok(deleted)
        }
        .boxed()
    }

    fn set_visibility<'a>(
        &'a self,
        queue_url: &'a str,
        messages: Vec<Visibility>,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        async move {
            sleep(A_CALL).await;
            let (queue, what) = if self.is_of("RUNS_QUEUE_URL", queue_url) {
                (&self.0.runs, "runs")
            } else {
                (&self.0.queue, "set_visibility")
            };
            if self.0.chaos.strikes(FaultKind::VisibilityFails, what) {
                return Err(unavailable());
            }
            let set = |message: &Visibility| {
                queue.set_visibility(&message.receipt_handle, message.seconds)
            };
            let set: Vec<_> = messages.iter().map(set).collect();
            set.into_iter().collect()
        }
        .boxed()
    }

    fn depth<'a>(&'a self, _queue_url: &'a str) -> BoxFuture<'a, Result<u64, QueueError>> {
        async move { Ok(self.0.queue.len() as u64) }.boxed()
    }
}
