//! Queues by URL, as a client sees them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::json;

use io::aws::LONGEST_CALL;
use io::queue::{Message, Queue, QueueError, Receive, Record, RefusedEntry, Visibility};

use super::{Batch, Fifo};

/// The SQS service.
#[derive(Default)]
pub struct Sqs {
    queues: BTreeMap<String, Arc<Fifo>>,
    refuse: AtomicUsize,
    refuse_entries: Mutex<Vec<(String, bool)>>,
    refuse_deletes: Mutex<BTreeMap<String, usize>>,
    received: AtomicUsize,
    latency: Mutex<Duration>,
    sends_hang: AtomicBool,
    unsteady: Mutex<Option<Unsteady>>,
    lose_answers: AtomicUsize,
    /// Messages of standard queues.
    standard: AtomicUsize,
}

/// A service whose calls take their time, each another.
struct Unsteady {
    longest: Duration,
    rng: Rng,
}

fn arn(queue_url: &str) -> String {
    let name = queue_url.rsplit('/').next().unwrap_or_default();
    format!("arn:aws:sqs:us-east-1:000000000000:{name}")
}

/// Whether this is one of those that are left.
fn count_down(left: &AtomicUsize) -> bool {
    let less = |calls: usize| calls.checked_sub(1);
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
        .is_ok()
}

/// What SQS takes in one batch, in bytes.
const MAX_BATCH: usize = 1 << 20;

impl Sqs {
    /// A service with these queues.
    pub fn new(queues: impl IntoIterator<Item = (String, Arc<Fifo>)>) -> Sqs {
        Sqs {
            queues: queues.into_iter().collect(),
            ..Sqs::default()
        }
    }

    /// How long every call takes from now on.
    pub fn set_latency(&self, latency: Duration) {
        *self.latency.lock().unwrap_or_else(PoisonError::into_inner) = latency;
    }

    async fn wait(&self) {
        let latency = *self.latency.lock().unwrap_or_else(PoisonError::into_inner);
        tokio::time::sleep(latency).await;
    }

    /// Each `SendMessageBatch` takes up to so long from now on until it is stored, and as long again until
    /// that is answered: of two calls side by side neither is known to come first.
    pub fn set_unsteady(&self, longest: Duration, seed: u64) {
        let rng = Rng::with_seed(seed);
        *self.unsteady.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Unsteady { longest, rng });
    }

    /// What the next `calls` calls of `SendMessageBatch` bring is stored, and nobody is told.
    pub fn lose_answers(&self, calls: usize) {
        self.lose_answers.store(calls, Ordering::Relaxed);
    }

    fn lose_answer(&self) -> bool {
        count_down(&self.lose_answers)
    }

    async fn wait_by_chance(&self) {
        let wait = {
            let mut unsteady = self.unsteady.lock().unwrap_or_else(PoisonError::into_inner);
            let wait = |of: &mut Unsteady| of.longest.mul_f64(of.rng.f64());
            unsteady.as_mut().map(wait)
        };
        if let Some(wait) = wait {
            tokio::time::sleep(wait).await;
        }
    }

    /// Whether `SendMessage` hangs from now on, for as long as the SDK tries: that is how messages are
    /// parked.
    pub fn let_sends_hang(&self, hang: bool) {
        self.sends_hang.store(hang, Ordering::Relaxed);
    }

    /// Fails the next `calls` calls.
    pub fn refuse(&self, calls: usize) {
        self.refuse.store(calls, Ordering::Relaxed);
    }

    /// Refuses the next entry of a batch whose body holds this text.
    pub fn refuse_entry(&self, text: &str, is_senders_fault: bool) {
        let mut refuse = self
            .refuse_entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        refuse.push((text.to_owned(), is_senders_fault));
    }

    /// Does not delete the message of this group, so many times.
    pub fn refuse_deletes_of(&self, group: &str, times: usize) {
        let mut refuse = self
            .refuse_deletes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        refuse.insert(group.to_owned(), times);
    }

    /// How many calls for messages the functions made themselves.
    pub fn receives(&self) -> usize {
        self.received.load(Ordering::Relaxed)
    }

    fn delete_entry(&self, queue: &Fifo, handle: &str) -> Result<(), QueueError> {
        let mut refuse = self
            .refuse_deletes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let group = queue.group_of(handle);
        if let Some(times) = group.and_then(|group| refuse.get_mut(&group))
            && *times > 0
        {
            *times -= 1;
            return Err(QueueError::new("InternalError"));
        }
        queue.delete(handle)
    }

    /// Receives up to `most` messages, which stay invisible for so long; with none: for the queue's
    /// own timeout. `attempt`: its `ReceiveRequestAttemptId`.
    ///
    /// # Errors
    /// When there is no such queue.
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

    /// A queue's attributes, as `GetQueueAttributes` names and writes them.
    ///
    /// # Errors
    /// When there is no such queue.
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

    /// Deletes received messages, each by itself.
    ///
    /// # Errors
    /// When there is no such queue.
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

    /// Sets the visibility of received messages, each by itself.
    ///
    /// # Errors
    /// When there is no such queue.
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

    fn send_entry(&self, queue: &Fifo, message: Message) -> Result<(), RefusedEntry> {
        let mut refuse = self
            .refuse_entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = refuse
            .iter()
            .position(|(text, _)| message.body.contains(text))
        {
            let (_, is_senders_fault) = refuse.remove(index);
            return Err(RefusedEntry {
                code: if is_senders_fault {
                    "InvalidMessageContents"
                } else {
                    "OnPurpose"
                }
                .to_owned(),
                is_senders_fault,
            });
        }
        let refused = |error: QueueError| RefusedEntry {
            code: error.to_string(),
            is_senders_fault: true,
        };
        queue.send(message).map_err(refused)
    }

    fn queue(&self, url: &str) -> Result<&Fifo, QueueError> {
        if count_down(&self.refuse) {
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
            if self.sends_hang.load(Ordering::Relaxed) {
                tokio::time::sleep(LONGEST_CALL).await;
                return Err(QueueError::new("timed out"));
            }
            let queue = self.queue(queue_url)?;
            if queue_url.ends_with(".fifo") {
                return queue.send(message);
            }
            // A standard queue takes neither, and keeps every message.
            if !message.group.is_empty() || !message.deduplication_id.is_empty() {
                return Err(QueueError::new("InvalidParameterValue"));
            }
            let id = self.standard.fetch_add(1, Ordering::Relaxed).to_string();
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
            self.received.fetch_add(1, Ordering::Relaxed);
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
