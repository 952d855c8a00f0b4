//! Queues by URL, as a client sees them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use io::queue::{Message, Queue, QueueError, Visibility};

use super::Fifo;

/// The SQS service.
#[derive(Default)]
pub struct Sqs {
    queues: BTreeMap<String, Arc<Fifo>>,
    refuse: AtomicUsize,
}

impl Sqs {
    /// A service with these queues.
    pub fn new(queues: impl IntoIterator<Item = (String, Arc<Fifo>)>) -> Sqs {
        Sqs { queues: queues.into_iter().collect(), refuse: AtomicUsize::new(0) }
    }

    /// Fails the next `calls` calls.
    pub fn refuse(&self, calls: usize) {
        self.refuse.store(calls, Ordering::Relaxed);
    }

    fn queue(&self, url: &str) -> Result<&Fifo, QueueError> {
        let refused = self.refuse.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |calls| calls.checked_sub(1));
        if refused.is_ok() {
            return Err(QueueError::new("ServiceUnavailable"));
        }
        self.queues.get(url).map(Arc::as_ref).ok_or(QueueError::new("AWS.SimpleQueueService.NonExistentQueue"))
    }
}

impl Queue for Sqs {
    fn send<'a>(&'a self, queue_url: &'a str, message: Message) -> BoxFuture<'a, Result<(), QueueError>> {
        async move { self.queue(queue_url)?.send(message) }.boxed()
    }

    fn set_visibility<'a>(
        &'a self,
        queue_url: &'a str,
        messages: Vec<Visibility>,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        async move {
            let queue = self.queue(queue_url)?;
            if !(1..=10).contains(&messages.len()) {
                return Err(QueueError::new("TooManyEntriesInBatchRequest"));
            }
            let set = |message: &Visibility| queue.set_visibility(&message.receipt_handle, message.seconds);
            // Each entry by itself, as SQS does.
            let set: Vec<_> = messages.iter().map(set).collect();
            set.into_iter().collect()
        }
        .boxed()
    }
}
