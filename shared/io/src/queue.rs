//! The calls to SQS that the functions make: send, receive, delete, set visibility timeouts, and
//! count messages.
//!
//! [`Queue`] is the trait that a simulation implements, and [`Sqs`] the real queue. How changes are
//! sent in order is in [`enqueue_while`] and its module; how long a message waits is decided in
//! [`domain::retry`].

mod enqueue;

pub use domain::outbox::Limits;
pub use enqueue::{
    Enqueued, SIDE_BY_SIDE, Sending, enqueue, enqueue_side_by_side, enqueue_while, room,
};

use std::collections::HashMap;
use std::fmt;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry,
    MessageAttributeValue, MessageSystemAttributeName, QueueAttributeName,
    SendMessageBatchRequestEntry,
};
pub use domain::batch::Record;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

/// A message to send to a FIFO queue.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The body, which has 1 byte to 1 MiB with the attributes.
    pub body: String,
    /// The message group id: 1 to 128 visible ASCII characters.
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

impl<E: ProvideErrorMetadata, R> From<SdkError<E, R>> for QueueError {
    fn from(error: SdkError<E, R>) -> QueueError {
        let fallback = match &error {
            SdkError::TimeoutError(_) => "timed out",
            SdkError::DispatchFailure(failure) if failure.is_io() || failure.is_timeout() => {
                "not reached"
            }
            SdkError::DispatchFailure(_) => "no answer; are there credentials and a region?",
            _ => "no answer",
        };
        QueueError::new(error.code().unwrap_or(fallback))
    }
}

/// The codes for a message that SQS can never accept as it is. SQS also blames the sender for
/// throttled calls and for keys without permission, but it may accept those messages later.
const SENDERS_FAULTS: [&str; 3] = [
    "InvalidMessageContents",
    "InvalidParameterValue",
    "MissingParameter",
];

/// One entry of a batch that SQS did not accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedEntry {
    /// SQS's error code.
    pub code: String,
    /// Whether SQS can never accept the entry as it is.
    pub is_senders_fault: bool,
}

/// What the functions ask of SQS.
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

/// The most messages of one `ReceiveMessage`.
const MOST_RECEIVED: i32 = 10;
/// The system attributes that a [`Record`] needs.
const OF_A_RECORD: [MessageSystemAttributeName; 4] = [
    MessageSystemAttributeName::MessageGroupId,
    MessageSystemAttributeName::ApproximateReceiveCount,
    MessageSystemAttributeName::ApproximateFirstReceiveTimestamp,
    MessageSystemAttributeName::SentTimestamp,
];

/// Amazon SQS.
pub struct Sqs(Client);

impl Sqs {
    /// A client with the region and credentials that the SDK finds.
    pub fn new(config: &aws_config::SdkConfig) -> Sqs {
        Sqs(Client::new(config))
    }
}

impl Queue for Sqs {
    fn send_batch<'a>(
        &'a self,
        queue_url: &'a str,
        messages: Vec<Message>,
    ) -> BoxFuture<'a, Result<Vec<Result<(), RefusedEntry>>, QueueError>> {
        async move {
            let unanswered = || {
                Err(RefusedEntry {
                    code: "no answer".to_owned(),
                    is_senders_fault: false,
                })
            };
            let mut results: Vec<_> = messages.iter().map(|_| unanswered()).collect();
            let mut call = self.0.send_message_batch().queue_url(queue_url);
            for (index, message) in messages.into_iter().enumerate() {
                let entry = SendMessageBatchRequestEntry::builder()
                    .id(index.to_string())
                    .message_body(message.body)
                    .message_group_id(message.group)
                    .message_deduplication_id(message.deduplication_id)
                    .set_message_attributes(Some(attributes(message.attributes)?))
                    .build();
                call = call.entries(entry.map_err(|_| QueueError::new("entry without an id"))?);
            }
            let answer = call.send().await?;
            let mut set = |id: &str, result| {
                if let Some(slot) = id
                    .parse()
                    .ok()
                    .and_then(|index: usize| results.get_mut(index))
                {
                    *slot = result;
                }
            };
            answer
                .successful
                .iter()
                .for_each(|entry| set(&entry.id, Ok(())));
            for entry in answer.failed {
                let is_senders_fault =
                    entry.sender_fault && SENDERS_FAULTS.contains(&entry.code.as_str());
                let refused = RefusedEntry {
                    code: entry.code,
                    is_senders_fault,
                };
                set(&entry.id, Err(refused));
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
            let call = self
                .0
                .send_message()
                .queue_url(queue_url)
                .message_body(message.body)
                .message_group_id(message.group)
                .message_deduplication_id(message.deduplication_id)
                .set_message_attributes(Some(attributes(message.attributes)?));
            call.send().await?;
            Ok(())
        }
        .boxed()
    }

    fn receive<'a>(
        &'a self,
        queue_url: &'a str,
        receive: Receive,
    ) -> BoxFuture<'a, Result<Vec<Record>, QueueError>> {
        async move {
            let call = self
                .0
                .receive_message()
                .queue_url(queue_url)
                .max_number_of_messages(MOST_RECEIVED)
                .receive_request_attempt_id(receive.attempt)
                .visibility_timeout(i32::try_from(receive.visibility).unwrap_or(i32::MAX))
                .set_message_system_attribute_names(Some(OF_A_RECORD.to_vec()));
            let messages = call.send().await?.messages.unwrap_or_default();
            let record = |message: aws_sdk_sqs::types::Message| {
                let attributes = message.attributes.unwrap_or_default();
                let attribute = |name: &str| {
                    let value = attributes.get(&MessageSystemAttributeName::from(name));
                    value.map(String::as_str)
                };
                let own = [message.message_id, message.receipt_handle, message.body];
                Record::new(own, attribute)
            };
            Ok(messages.into_iter().map(record).collect())
        }
        .boxed()
    }

    fn delete_batch<'a>(
        &'a self,
        queue_url: &'a str,
        receipt_handles: Vec<String>,
    ) -> BoxFuture<'a, Result<Vec<Result<(), QueueError>>, QueueError>> {
        async move {
            let unanswered = || Err(QueueError::new("no answer"));
            let mut results: Vec<_> = receipt_handles.iter().map(|_| unanswered()).collect();
            let mut call = self.0.delete_message_batch().queue_url(queue_url);
            for (index, handle) in receipt_handles.into_iter().enumerate() {
                let entry = DeleteMessageBatchRequestEntry::builder()
                    .id(index.to_string())
                    .receipt_handle(handle)
                    .build();
                call = call.entries(entry.map_err(|_| QueueError::new("entry without a handle"))?);
            }
            let answer = call.send().await?;
            let successful = answer
                .successful
                .into_iter()
                .map(|entry| (entry.id, Ok(())));
            let failed = answer
                .failed
                .into_iter()
                .map(|entry| (entry.id, Err(QueueError::new(entry.code))));
            for (id, result) in successful.chain(failed) {
                let index = id.parse::<usize>().ok();
                if let Some(slot) = index.and_then(|index| results.get_mut(index)) {
                    *slot = result;
                }
            }
            Ok(results)
        }
        .boxed()
    }

    fn set_visibility<'a>(
        &'a self,
        queue_url: &'a str,
        messages: Vec<Visibility>,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        async move {
            let mut call = self
                .0
                .change_message_visibility_batch()
                .queue_url(queue_url);
            for (index, message) in messages.into_iter().enumerate() {
                let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(index.to_string())
                    .receipt_handle(message.receipt_handle)
                    .visibility_timeout(i32::try_from(message.seconds).unwrap_or(i32::MAX))
                    .build();
                call = call.entries(entry.map_err(|_| QueueError::new("entry without a handle"))?);
            }
            match call.send().await?.failed.into_iter().next() {
                Some(failed) => Err(QueueError::new(failed.code)),
                None => Ok(()),
            }
        }
        .boxed()
    }

    fn depth<'a>(&'a self, queue_url: &'a str) -> BoxFuture<'a, Result<u64, QueueError>> {
        async move {
            let wanted = [
                QueueAttributeName::ApproximateNumberOfMessages,
                QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            ];
            let call = self.0.get_queue_attributes().queue_url(queue_url);
            let answer = call
                .set_attribute_names(Some(wanted.to_vec()))
                .send()
                .await?;
            let number = |name| answer.attributes.as_ref()?.get(name)?.parse::<u64>().ok();
            let sum = number(&wanted[0])
                .zip(number(&wanted[1]))
                .map(|(waiting, in_flight)| waiting + in_flight);
            sum.ok_or_else(|| QueueError::new("an answer without ApproximateNumberOfMessages"))
        }
        .boxed()
    }
}

fn attributes(
    texts: Vec<(&'static str, String)>,
) -> Result<HashMap<String, MessageAttributeValue>, QueueError> {
    let attribute = |(name, text): (&str, String)| {
        let value = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(text)
            .build();
        value
            .map(|value| (name.to_owned(), value))
            .map_err(|_| QueueError::new("attribute without a type"))
    };
    texts.into_iter().map(attribute).collect()
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}
