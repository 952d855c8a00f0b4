//! The calls to SQS that the functions make: send, receive, delete, set visibility timeouts, and
//! count messages.
//!
//! [`Queue`] is the trait that a simulation implements, and [`Sqs`] the real queue. How changes are
//! sent in order is in [`enqueue_while`] and its module; how long a message waits is decided in
//! [`domain::retry`].

mod enqueue;
mod sqs;

pub use domain::outbox::Limits;
pub use enqueue::{
    EnqueueResult, SIDE_BY_SIDE, Sending, enqueue, enqueue_side_by_side, enqueue_while, room,
    room_of_its_own,
};

use std::fmt;

pub use domain::batch::Record;
use futures_util::future::BoxFuture;
pub use sqs::Sqs;

/// A message to send to a FIFO queue, or to a standard one.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The body, which has 1 byte to 1 MiB with the attributes.
    pub body: String,
    /// The message group id: 1 to 128 visible ASCII characters. It is empty for a standard queue,
    /// as is the deduplication id.
    pub group: String,
    /// The deduplication id: 1 to 128 visible ASCII characters. SQS drops a message with an id that
    /// it has seen within five minutes.
    pub deduplication_id: String,
    /// Names and values. No value is empty.
    pub attributes: Vec<(&'static str, String)>,
}

/// A received message and its new visibility timeout.
#[derive(Clone, PartialEq, Eq)]
pub struct Visibility {
    /// The handle of the receive.
    pub receipt_handle: String,
    /// The visibility timeout from now on, in whole seconds, at most 43,200 (SQS API reference,
    /// `ChangeMessageVisibility`).
    pub seconds: u32,
}

/// The arguments of a call that receives messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receive {
    /// `ReceiveRequestAttemptId`: if the answer was lost, the same call returns the same messages
    /// again.
    pub attempt: String,
    /// The visibility timeout of what is received, in whole seconds.
    pub visibility: u32,
}

/// SQS refused a call or did not answer. This is only the error code, because the message may quote
/// what was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("SQS: {0}")]
pub struct QueueError(String);

impl QueueError {
    /// An error with this code.
    pub fn new(code: impl Into<String>) -> QueueError {
        QueueError(code.into())
    }
}

/// One entry of a batch that SQS did not accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedEntry {
    /// SQS's error code.
    pub code: String,
    /// Whether SQS can never accept the entry as it is.
    pub is_senders_fault: bool,
}

/// The calls that the functions make to SQS.
pub trait Queue: Send + Sync {
    /// Sends up to 10 messages, each by itself: an [`Ok`] means that SQS has the message. The
    /// results are in the order of the messages.
    ///
    /// # Errors
    /// [`QueueError`] if nothing is known about any of them.
    fn send_batch<'a>(
        &'a self,
        queue_url: &'a str,
        messages: Vec<Message>,
    ) -> BoxFuture<'a, Result<Vec<Result<(), RefusedEntry>>, QueueError>>;

    /// Sends one message. After `Ok`, SQS has it.
    fn send<'a>(
        &'a self,
        queue_url: &'a str,
        message: Message,
    ) -> BoxFuture<'a, Result<(), QueueError>>;

    /// Receives up to 10 messages.
    fn receive<'a>(
        &'a self,
        queue_url: &'a str,
        receive: Receive,
    ) -> BoxFuture<'a, Result<Vec<Record>, QueueError>>;

    /// Deletes up to 10 messages by the handles of their receives, each by itself. The results are
    /// in the order of the handles.
    ///
    /// # Errors
    /// [`QueueError`] if nothing is known about any of them.
    fn delete_batch<'a>(
        &'a self,
        queue_url: &'a str,
        receipt_handles: Vec<String>,
    ) -> BoxFuture<'a, Result<Vec<Result<(), QueueError>>, QueueError>>;

    /// Sets the visibility timeout of up to 10 messages. An error is that of the first message that
    /// was refused.
    fn set_visibility<'a>(
        &'a self,
        queue_url: &'a str,
        messages: Vec<Visibility>,
    ) -> BoxFuture<'a, Result<(), QueueError>>;

    /// About how many messages the queue holds, with those in flight (`ApproximateNumberOfMessages`
    /// and `…NotVisible`). Most messages in flight wait to be retried when the call budget is
    /// spent.
    fn depth<'a>(&'a self, queue_url: &'a str) -> BoxFuture<'a, Result<u64, QueueError>>;
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}
