//! The SQS service: queues by URL, as a client sees them, with faults on demand. Each call finds
//! its queue and passes to a [`Fifo`], which has the rules of messages; `faults` makes calls slow
//! or fail, and `aws` is the protocol over HTTP.

mod faults;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::json;

use io::aws::LONGEST_CALL;
use io::queue::{Message, Queue, QueueError, Receive, Record, RefusedEntry, Visibility};

use super::{Batch, Fifo};
use faults::{Unsteady, count_down};

/// The SQS service.
#[derive(Default)]
pub struct Sqs {
    queues: BTreeMap<String, Arc<Fifo>>,
    refusals_left: AtomicUsize,
    refused_entries: Mutex<Vec<(String, bool)>>,
    refused_deletes: Mutex<BTreeMap<String, usize>>,
    receive_calls: AtomicUsize,
    latency: Mutex<Duration>,
    is_send_hanging: AtomicBool,
    unsteady: Mutex<Option<Unsteady>>,
    lost_answers_left: AtomicUsize,
    /// How many messages standard queues have accepted.
    standard_messages: AtomicUsize,
}

fn arn(queue_url: &str) -> String {
    let name = queue_url.rsplit('/').next().unwrap_or_default();
    format!("arn:aws:sqs:us-east-1:000000000000:{name}")
}

/// The most bytes of one batch.
const MAX_BATCH: usize = 1 << 20;

impl Sqs {
    /// A service with these queues.
    pub fn new(queues: impl IntoIterator<Item = (String, Arc<Fifo>)>) -> Sqs {
        Sqs {
            queues: queues.into_iter().collect(),
            ..Sqs::default()
        }
    }

    /// Receives up to `most` messages. They stay invisible for `visibility_timeout`, or for the
    /// queue's own if that is `None`. `attempt` is the `ReceiveRequestAttemptId`.
    ///
    /// # Errors
    /// There is no such queue.
    pub async fn receive(
        &self,
        queue_url: &str,
        most: usize,
        visibility_timeout: Option<Duration>,
        attempt: Option<&str>,
    ) -> Result<Option<Batch>, QueueError> {
        self.wait().await;
        let queue = self.queue(queue_url)?;
        let timeout = visibility_timeout.unwrap_or(queue.attributes.visibility_timeout);
        Ok(queue.receive_as(most, timeout, attempt))
    }

    /// The attributes of a queue, named and written as in `GetQueueAttributes`.
    ///
    /// # Errors
    /// There is no such queue.
    pub async fn attributes(
        &self,
        queue_url: &str,
    ) -> Result<Vec<(&'static str, String)>, QueueError> {
        self.wait().await;
        let queue = self.queue(queue_url)?;
        let mut attributes = queue.attributes();
        attributes.push(("QueueArn", arn(queue_url)));
        let dead_letters = queue.dead_letters.as_ref();
        let target = self
            .queues
            .iter()
            .find(|(_, other)| dead_letters.is_some_and(|dead| Arc::ptr_eq(dead, other)));
        if let Some((url, _)) = target {
            let max_receives = queue.attributes.max_receives;
            let policy =
                json!({ "deadLetterTargetArn": arn(url), "maxReceiveCount": max_receives });
            attributes.push(("RedrivePolicy", policy.to_string()));
        }
        Ok(attributes)
    }

    /// Deletes received messages, each with a result of its own.
    ///
    /// # Errors
    /// There is no such queue.
    pub async fn delete(
        &self,
        queue_url: &str,
        receipt_handles: &[&str],
    ) -> Result<Vec<Result<(), QueueError>>, QueueError> {
        self.wait().await;
        let queue = self.queue(queue_url)?;
        let deleted = receipt_handles
            .iter()
            .map(|handle| self.delete_entry(queue, handle));
        Ok(deleted.collect())
    }

    /// Sets the visibility timeouts of received messages, each with a result of its own.
    ///
    /// # Errors
    /// There is no such queue.
    pub async fn set_visibilities(
        &self,
        queue_url: &str,
        messages: &[Visibility],
    ) -> Result<Vec<Result<(), QueueError>>, QueueError> {
        self.wait().await;
        let queue = self.queue(queue_url)?;
        let set =
            |message: &Visibility| queue.set_visibility(&message.receipt_handle, message.seconds);
        Ok(messages.iter().map(set).collect())
    }

    fn queue(&self, url: &str) -> Result<&Fifo, QueueError> {
        if count_down(&self.refusals_left) {
            return Err(QueueError::new("ServiceUnavailable"));
        }
        self.queues
            .get(url)
            .map(Arc::as_ref)
            .ok_or(QueueError::new("AWS.SimpleQueueService.NonExistentQueue"))
    }
}

impl Queue for Sqs {
    fn send_batch<'a>(
        &'a self,
        queue_url: &'a str,
        messages: Vec<Message>,
    ) -> BoxFuture<'a, Result<Vec<Result<(), RefusedEntry>>, QueueError>> {
        async move {
            self.wait().await;
            self.wait_by_chance().await;
            let queue = self.queue(queue_url)?;
            let size: usize = messages.iter().map(|message| message.body.len()).sum();
            if !(1..=10).contains(&messages.len()) || size > MAX_BATCH {
                return Err(QueueError::new("BatchRequestTooLong"));
            }
            let results = messages
                .into_iter()
                .map(|message| self.send_entry(queue, message))
                .collect();
            self.wait_by_chance().await;
            if self.lose_answer() {
                return Err(QueueError::new("InternalError"));
            }
            Ok(results)
        }
        .boxed()
    }

    fn send<'a>(
        &'a self,
        queue_url: &'a str,
        message: Message,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        async move {
            self.wait().await;
            if self.is_send_hanging.load(Ordering::Relaxed) {
                tokio::time::sleep(LONGEST_CALL).await;
                return Err(QueueError::new("timed out"));
            }
            let queue = self.queue(queue_url)?;
            if queue_url.ends_with(".fifo") {
                return queue.send(message);
            }
            // A standard queue accepts neither a group nor a deduplication id, and drops nothing.
            if !message.group.is_empty() || !message.deduplication_id.is_empty() {
                return Err(QueueError::new("InvalidParameterValue"));
            }
            let id = self
                .standard_messages
                .fetch_add(1, Ordering::Relaxed)
                .to_string();
            queue.send(Message {
                group: id.clone(),
                deduplication_id: id,
                ..message
            })
        }
        .boxed()
    }

    fn receive<'a>(
        &'a self,
        queue_url: &'a str,
        receive: Receive,
    ) -> BoxFuture<'a, Result<Vec<Record>, QueueError>> {
        async move {
            self.wait().await;
            self.receive_calls.fetch_add(1, Ordering::Relaxed);
            Ok(self.queue(queue_url)?.receive_records(&receive))
        }
        .boxed()
    }

    fn delete_batch<'a>(
        &'a self,
        queue_url: &'a str,
        receipt_handles: Vec<String>,
    ) -> BoxFuture<'a, Result<Vec<Result<(), QueueError>>, QueueError>> {
        async move {
            self.wait().await;
            let queue = self.queue(queue_url)?;
            if !(1..=10).contains(&receipt_handles.len()) {
                return Err(QueueError::new("TooManyEntriesInBatchRequest"));
            }
            let delete = |handle: &String| self.delete_entry(queue, handle);
            Ok(receipt_handles.iter().map(delete).collect())
        }
        .boxed()
    }

    fn set_visibility<'a>(
        &'a self,
        queue_url: &'a str,
        messages: Vec<Visibility>,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        async move {
            if !(1..=10).contains(&messages.len()) {
                return Err(QueueError::new("TooManyEntriesInBatchRequest"));
            }
            let set = self.set_visibilities(queue_url, &messages).await?;
            set.into_iter().collect()
        }
        .boxed()
    }

    fn depth<'a>(&'a self, queue_url: &'a str) -> BoxFuture<'a, Result<u64, QueueError>> {
        async move {
            self.wait().await;
            Ok(self.queue(queue_url)?.len() as u64)
        }
        .boxed()
    }
}
