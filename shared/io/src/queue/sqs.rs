//! The real queue: Amazon SQS by the AWS SDK. It turns the calls of [`Queue`] into those of the
//! SDK, and the SDK's errors into codes. `enqueue` decides in which order changes are sent.

use std::collections::HashMap;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry,
    MessageAttributeValue, MessageSystemAttributeName, QueueAttributeName,
    SendMessageBatchRequestEntry,
};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::aws::code_or_reason;

use super::{Message, Queue, QueueError, Receive, Record, RefusedEntry, Visibility};

/// The codes for a queue that does not exist, in the two protocols of SQS.
const NO_SUCH_QUEUE: [&str; 2] = [
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
];

impl<E: ProvideErrorMetadata, R> From<SdkError<E, R>> for QueueError {
    fn from(error: SdkError<E, R>) -> QueueError {
        let code = code_or_reason(&error);
        if NO_SUCH_QUEUE.contains(&code.as_str()) {
            return QueueError::new(
                "there is no such queue in this account and region: the stack's outputs tell its URL",
            );
        }
        QueueError::new(code)
    }
}

/// The codes for a message that SQS can never accept as it is. SQS also blames the sender for
/// throttled calls and for keys without permission, but it may accept those messages later.
const SENDERS_FAULTS: [&str; 3] = [
    "InvalidMessageContents",
    "InvalidParameterValue",
    "MissingParameter",
];

/// The most messages of one `ReceiveMessage`.
const MOST_RECEIVED: i32 = 10;

/// The system attributes that a [`Record`] needs.
const ATTRIBUTE_NAMES: [MessageSystemAttributeName; 4] = [
    MessageSystemAttributeName::MessageGroupId,
    MessageSystemAttributeName::ApproximateReceiveCount,
    MessageSystemAttributeName::ApproximateFirstReceiveTimestamp,
    MessageSystemAttributeName::SentTimestamp,
];

/// A client of Amazon SQS.
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
                .set_message_group_id(of_a_fifo_queue(message.group))
                .set_message_deduplication_id(of_a_fifo_queue(message.deduplication_id))
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
                .set_message_system_attribute_names(Some(ATTRIBUTE_NAMES.to_vec()));
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

/// The id, or `None` for a standard queue, which accepts no such id.
fn of_a_fifo_queue(id: String) -> Option<String> {
    Some(id).filter(|id| !id.is_empty())
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
