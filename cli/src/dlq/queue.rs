//! The dead-letter queue: receives parked messages, keeps them invisible while somebody works on
//! them, deletes them, and sends changes back to the queue.
//!
//! What a message says is in `parked`.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, MessageSystemAttributeName, QueueAttributeName,
};
use io::config::DlqConfig;
use io::queue::QueueError;

use super::parked::Parked;

/// The visibility timeout of a look, in seconds.
const LOOKED_AT: i32 = 120;
/// How often the visibility timeout is renewed during a long send.
pub(crate) const HELD_AGAIN: Duration = Duration::from_secs(5);

/// A message that goes back to the queue, in the message group of its contact.
///
/// The deduplication id is made from the id of the parked message (docs/contract.md "Parked
/// messages"). With the change's own id SQS would drop the message within five minutes. With this
/// id SQS drops only a second redrive of the same message.
pub(crate) struct Outgoing {
    pub(crate) body: String,
    pub(crate) group: String,
    pub(crate) deduplication_id: String,
}

/// The dead-letter queue, and the queue to which parked changes go back.
pub(crate) struct DeadLetters {
    client: Client,
    url: String,
    queue_url: Option<String>,
}

impl DeadLetters {
    pub(crate) fn new(sdk: &aws_config::SdkConfig, config: &DlqConfig) -> DeadLetters {
        let (url, queue_url) = (
            config.dead_letter_queue_url.clone(),
            config.queue_url.clone(),
        );
        DeadLetters {
            client: Client::new(sdk),
            url,
            queue_url,
        }
    }

    /// Up to ten messages, the oldest of their groups first. An empty answer means that no more
    /// can be received.
    pub(crate) async fn receive(&self) -> Result<Vec<Parked>, String> {
        let call = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(10);
        let call = call
            .visibility_timeout(LOOKED_AT)
            .message_attribute_names("All")
            .wait_time_seconds(1);
        let answer = call
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await;
        let messages = answer
            .map_err(|error| explained("the dead-letter queue", error))?
            .messages
            .unwrap_or_default();
        Ok(messages.into_iter().map(Parked::new).collect())
    }

    /// About how many messages there are, visible or not.
    pub(crate) async fn depth(&self) -> Result<u64, String> {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let call = self.client.get_queue_attributes().queue_url(&self.url);
        let answer = call.set_attribute_names(Some(names.to_vec())).send().await;
        let all = answer
            .map_err(|error| explained("the dead-letter queue", error))?
            .attributes
            .unwrap_or_default();
        Ok(names
            .iter()
            .filter_map(|name| all.get(name)?.parse::<u64>().ok())
            .sum())
    }

    /// All messages that can be received. They are visible again afterwards. `told` is called
    /// with the number seen so far.
    pub(crate) async fn look(&self, told: &(dyn Fn(usize) + Sync)) -> Result<Vec<Parked>, String> {
        let (all, ended) = self.hold(told).await;
        self.give_back(&all).await;
        ended.map(|()| all)
    }

    /// All messages that can be received. They stay invisible for a while. The result says
    /// whether these were all.
    pub(crate) async fn hold(
        &self,
        told: &(dyn Fn(usize) + Sync),
    ) -> (Vec<Parked>, Result<(), String>) {
        // A message that becomes visible too early comes again, with a new handle.
        let mut all = BTreeMap::new();
        loop {
            match self.receive().await {
                Ok(batch) if batch.is_empty() => return (all.into_values().collect(), Ok(())),
                Ok(batch) => {
                    all.extend(batch.into_iter().map(|parked| (parked.id.clone(), parked)));
                    told(all.len());
                }
                Err(error) => return (all.into_values().collect(), Err(error)),
            }
        }
    }

    /// Makes these messages visible again. If that fails, they become visible two minutes
    /// later.
    pub(crate) async fn give_back(&self, all: &[Parked]) {
        self.show_in(0, all.iter()).await;
    }

    /// Renews the visibility timeout of these messages. If that fails, a message that is sent
    /// meanwhile cannot be deleted, and the report says so.
    pub(crate) async fn hold_on(&self, one: &Parked, behind: &[Parked]) {
        let all = [one].into_iter().chain(behind);
        self.show_in(LOOKED_AT, all).await;
    }

    async fn show_in(&self, seconds: i32, all: impl Iterator<Item = &Parked>) {
        let all: Vec<_> = all.collect();
        for ten in all.chunks(10) {
            let mut call = self
                .client
                .change_message_visibility_batch()
                .queue_url(&self.url);
            for (place, parked) in ten.iter().enumerate() {
                let entry =
                    ChangeMessageVisibilityBatchRequestEntry::builder().id(place.to_string());
                let entry = entry
                    .receipt_handle(&parked.handle)
                    .visibility_timeout(seconds)
                    .build();
                if let Ok(entry) = entry {
                    call = call.entries(entry);
                }
            }
            let _ = call.send().await;
        }
    }

    pub(crate) async fn delete(&self, parked: &Parked) -> Result<(), String> {
        let call = self
            .client
            .delete_message()
            .queue_url(&self.url)
            .receipt_handle(&parked.handle);
        call.send()
            .await
            .map(|_| ())
            .map_err(|error| explained("the dead-letter queue", error))
    }

    pub(crate) async fn send_again(&self, message: Outgoing) -> Result<(), String> {
        let url = self.queue_url.as_deref().ok_or("QUEUE_URL is not set")?;
        let call = self
            .client
            .send_message()
            .queue_url(url)
            .message_body(message.body)
            .message_group_id(message.group)
            .message_deduplication_id(message.deduplication_id);
        call.send()
            .await
            .map(|_| ())
            .map_err(|error| explained("the queue", error))
    }
}

/// Only the error code: the message of an error may quote what was sent.
fn explained<E: ProvideErrorMetadata, R>(what: &str, error: SdkError<E, R>) -> String {
    format!("{what}: {}", QueueError::from(error))
}
