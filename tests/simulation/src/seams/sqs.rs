//! SQS as one function sees it: calls fail on purpose, and each batch of entries is checked.
//!
//! The emulated queues belong to `super::Outside`. How a copy ends between two calls is in
//! `super::killable`.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use io::aws::LONGEST_CALL;
use io::queue::{Message, Queue, QueueError, Receive, Record, RefusedEntry, Visibility};
use serde_json::Value;

use super::Outside;
use crate::chaos::FaultKind;
use crate::mutants::Mutant;
use crate::trouble::TroubleKind;
use crate::{checks, lock, wire};

/// SQS as one function sees it.
pub(crate) struct Sqs(pub(crate) Arc<Outside>);

impl Sqs {
    fn is_of(&self, variable: &str, queue_url: &str) -> bool {
        Some(queue_url) == self.0.variable(variable).as_deref()
    }

    fn entry(&self, message: Message) -> Result<(), RefusedEntry> {
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
        checks::ids(&self.0, &message);
        self.0
            .store(message)
            .map_err(|error| refused(&error.to_string(), true))
    }

    /// Stores what ingest parks.
    async fn park(
        &self,
        messages: Vec<Message>,
    ) -> Result<Vec<Result<(), RefusedEntry>>, QueueError> {
        tokio::time::sleep(Duration::from_millis(5)).await;
        if !(1..=10).contains(&messages.len()) {
            let what =
                "9: a batch of entries for the dead-letter queue that holds none, or more than ten";
            self.0.violated(what.to_owned());
        }
        let fault = self.0.chaos.draw(FaultKind::ParkingFails, "send_batch");
        let fault = fault.map(|mut rng| rng.u8(..3));
        match fault {
            Some(0) => return Err(QueueError::new("ServiceUnavailable")),
            Some(1) => {
                tokio::time::sleep(LONGEST_CALL).await;
                return Err(QueueError::new("timed out"));
            }
            _ => {}
        }
        let results = messages.into_iter().map(|message| {
            if self
                .0
                .chaos
                .strikes(FaultKind::EntryRefused, &message.group)
            {
                return Err(RefusedEntry {
                    code: "InternalError".to_owned(),
                    is_senders_fault: false,
                });
            }
            self.0.store_parked(message).map_err(|error| RefusedEntry {
                code: error.to_string(),
                is_senders_fault: true,
            })
        });
        let results = results.collect();
        if fault == Some(2) {
            return Err(QueueError::new("timed out"));
        }
        Ok(results)
    }

    fn mutated(&self, mut message: Message) -> Message {
        if self.0.is(Mutant::DeduplicateByContent) {
            let body: Value = serde_json::from_str(&message.body).unwrap_or(Value::Null);
            let (data, callable) = (&body["data"], &body["callable"]);
            message.deduplication_id =
                wire::digest(&format!("{} {data} {callable}", message.group));
        }
        if self.0.is(Mutant::DropGroupRule) {
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
            if Some(queue_url) == self.0.variable("DEAD_LETTER_QUEUE_URL").as_deref() {
                return self.park(messages).await;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
            let all_stored = || Ok(messages.iter().map(|_| Ok(())).collect());
            let acknowledges = self.0.is(Mutant::AcknowledgeTooEarly);
            if self.0.chaos.strikes(FaultKind::QueueDown, "send_batch") {
                return if acknowledges {
                    all_stored()
                } else {
                    Err(QueueError::new("ServiceUnavailable"))
                };
            }
            let mut groups: Vec<_> = messages
                .iter()
                .map(|message| message.group.as_str())
                .collect();
            groups.sort_unstable();
            groups.dedup();
            if Some(queue_url) != self.0.variable("QUEUE_URL").as_deref()
                || groups.len() < messages.len()
                || !(1..=10).contains(&messages.len())
            {
                self.0.violated(
                    "9: a batch of entries that holds two of one group, none, or more than ten"
                        .to_owned(),
                );
            }
            let results: Vec<_> = messages
                .iter()
                .map(|message| self.entry(message.clone()))
                .collect();
            if self
                .0
                .chaos
                .strikes(FaultKind::QueueAnswerLost, "send_batch")
            {
                return if acknowledges {
                    all_stored()
                } else {
                    Err(QueueError::new("timed out"))
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
            tokio::time::sleep(Duration::from_millis(5)).await;
            if self.is_of("FAILED_RUNS_QUEUE_URL", queue_url) {
                if self.0.chaos.strikes(FaultKind::QueueDown, "failed runs") {
                    return Err(QueueError::new("ServiceUnavailable"));
                }
                let violations = checks::is_silent("a run that failed", &message.body);
                lock(&self.0.seen).violations.extend(violations);
                checks::looked::run_failed(&self.0, &message.body);
                return self.0.sqs.send(queue_url, message).await;
            }
            let trouble = *lock(&self.0.trouble);
            if trouble.is_some_and(|trouble| trouble.kind == TroubleKind::HangingParking) {
                tokio::time::sleep(LONGEST_CALL).await;
                return Err(QueueError::new("timed out"));
            }
            let fault = self.0.chaos.draw(FaultKind::ParkingFails, &message.group);
            let is_answer_lost = fault.map(|mut rng| rng.bool());
            if is_answer_lost == Some(false) {
                return Err(QueueError::new("ServiceUnavailable"));
            }
            self.0.dead_letters.send(message.clone())?;
            lock(&self.0.seen)
                .parked
                .push((self.0.clock.now(), message));
            if is_answer_lost == Some(true) {
                Err(QueueError::new("timed out"))
            } else {
                Ok(())
            }
        }
        .boxed()
    }

    fn receive<'a>(
        &'a self,
        _queue_url: &'a str,
        receive: Receive,
    ) -> BoxFuture<'a, Result<Vec<Record>, QueueError>> {
        async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            if self.0.chaos.strikes(FaultKind::QueueDown, "receive") {
                return Err(QueueError::new("ServiceUnavailable"));
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
                return Err(QueueError::new("timed out"));
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
            tokio::time::sleep(Duration::from_millis(5)).await;
            if self.0.chaos.strikes(FaultKind::QueueDown, "delete_batch") {
                return Err(QueueError::new("ServiceUnavailable"));
            }
            let mut groups: Vec<_> = receipt_handles
                .iter()
                .filter_map(|handle| self.0.queue.group_of(handle))
                .collect();
            let of_all = groups.len();
            groups.sort_unstable();
            groups.dedup();
            if groups.len() < of_all {
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
                return Err(QueueError::new("timed out"));
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
            tokio::time::sleep(Duration::from_millis(5)).await;
            let (queue, what) = if self.is_of("RUNS_QUEUE_URL", queue_url) {
                (&self.0.runs, "runs")
            } else {
                (&self.0.queue, "set_visibility")
            };
            if self.0.chaos.strikes(FaultKind::VisibilityFails, what) {
                return Err(QueueError::new("ServiceUnavailable"));
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
