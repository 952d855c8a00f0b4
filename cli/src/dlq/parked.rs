//! The dead-letter queue: receives messages, hides personal data, and keeps messages invisible
//! while somebody works on them.
//!
//! Which messages are chosen is decided in `super`, and what is sent again in `redrive`.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, Message, MessageSystemAttributeName,
    QueueAttributeName,
};
use domain::change::MessageGroup;
use ingest::webhook::REASON;
use io::config::DlqConfig;
use io::queue::QueueError;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

/// The visibility timeout of a look, in seconds.
const LOOKED_AT: i32 = 120;
/// How often the visibility timeout is renewed during a long send.
pub(crate) const HELD_AGAIN: Duration = Duration::from_secs(5);

/// Stands for the reason if there is none, because SQS itself moved the message.
pub(crate) const NO_REASON: &str = "none";

/// A parked message: a change, or an item that became no change.
pub(crate) struct Parked {
    pub(crate) id: String,
    pub(crate) parked_at: Option<Timestamp>,
    pub(crate) reason: String,
    pub(crate) detail: String,
    /// The body, as it was sent.
    pub(crate) text: String,
    /// The body as JSON, or null if it is not JSON.
    pub(crate) body: Value,
    pub(crate) group: String,
    handle: String,
    /// Everything else that was noted when the message was parked.
    noted: Map<String, Value>,
}

impl Parked {
    fn new(message: Message) -> Parked {
        let system = |name| {
            message
                .attributes
                .as_ref()
                .and_then(|all| all.get(&name))
                .cloned()
        };
        let noted = |name: &str| {
            let attribute = message.message_attributes.as_ref()?.get(name)?;
            attribute.string_value.clone()
        };
        let sent =
            system(MessageSystemAttributeName::SentTimestamp).and_then(|text| text.parse().ok());
        let others = ["firstReceivedAt", "httpStatus", "correlationId"];
        let text = message.body.clone().unwrap_or_default();
        Parked {
            parked_at: sent.and_then(|millis| Timestamp::from_millisecond(millis).ok()),
            // If SQS itself moved the message, nothing was noted.
            reason: noted("reason").unwrap_or_else(|| NO_REASON.to_owned()),
            detail: noted("detail").unwrap_or_default(),
            noted: others
                .iter()
                .filter_map(|name| Some(((*name).to_owned(), noted(name)?.into())))
                .collect(),
            body: serde_json::from_str(&text).unwrap_or(Value::Null),
            text,
            group: system(MessageSystemAttributeName::MessageGroupId).unwrap_or_default(),
            handle: message.receipt_handle.unwrap_or_default(),
            id: message.message_id.unwrap_or_default(),
        }
    }

    /// Whether this is an item of a webhook that became no change, as ingest parks it.
    pub(crate) fn is_unmapped(&self) -> bool {
        self.reason == REASON
    }

    /// The org of the change, or that of its message group if the body cannot be read. For an
    /// unmapped item it is the org of its source, if the source has one.
    pub(crate) fn org(&self) -> Option<&str> {
        let of_group = || self.group.split('/').next();
        let org = self.body["org"].as_str();
        org.or_else(|| of_group().filter(|_| !self.is_unmapped()))
    }

    /// The message group. It is hidden if it is malformed, since it may then hold anything.
    pub(crate) fn shown_group(&self, reveal: bool) -> &str {
        match reveal || MessageGroup::is_well_formed(&self.group) {
            true => &self.group,
            false => HIDDEN,
        }
    }

    /// Everything else that was noted when the message was parked, by name.
    pub(crate) fn noted(&self) -> impl Iterator<Item = (&str, &str)> {
        let noted = self.noted.iter();
        noted.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
    }

    /// The body without personal data, or null if it cannot be read.
    pub(crate) fn hidden(&self) -> Value {
        match &self.body {
            Value::Null => Value::Null,
            body => hidden(body),
        }
    }

    /// All that is known of the message. If personal data are revealed, the change is shown as
    /// it was sent, unchanged: a name that stands twice in it may be an opt-out.
    pub(crate) fn shown(&self, reveal: bool) -> Shown {
        let about = json!({
            "id": self.id,
            "parkedAt": self.parked_at.map(|at| at.to_string()),
            "reason": self.reason,
            "detail": self.detail,
            "group": self.shown_group(reveal),
        });
        let mut about = match about {
            Value::Object(about) => about,
            _ => Map::new(),
        };
        about.extend(self.noted.clone());
        let change = match (&self.body, reveal) {
            (_, true) => {
                RawValue::from_string(self.text.clone()).or_else(|_| to_raw_value(&self.text))
            }
            (Value::Null, false) => to_raw_value("unreadable; --reveal shows it"),
            (body, false) => to_raw_value(&hidden(body)),
        };
        Shown {
            about,
            change: change.unwrap_or_else(|_| RawValue::NULL.to_owned()),
        }
    }
}

/// A parked message, as a person or a program is shown it.
#[derive(Serialize)]
pub(crate) struct Shown {
    #[serde(flatten)]
    about: Map<String, Value>,
    change: Box<RawValue>,
}

const HIDDEN: &str = "…";

/// The body with values hidden. Names and structure stay. So do the members that docs/contract.md
/// "Contact change" lists as free of personal data, if they are of the right kind.
fn hidden(body: &Value) -> Value {
    const OPEN: [&str; 12] = [
        "unmapped",
        "extent",
        "arrivedAt",
        "schema",
        "eventId",
        "org",
        "campaignId",
        "operation",
        "version",
        "occurredAt",
        "source",
        "callable",
    ];
    const OF_PLAIN: [&str; 4] = ["adopt", "contactable", "phones", "reset"];
    let Value::Object(members) = body else {
        return HIDDEN.into();
    };
    let hide = |(name, value): (&String, &Value)| match value {
        value if OPEN.contains(&name.as_str()) => (name.clone(), plain(value)),
        Value::Object(columns) if name == "data" => {
            let column = |(column, value): (&String, &Value)| {
                (
                    column.clone(),
                    if value.is_null() {
                        Value::Null
                    } else {
                        HIDDEN.into()
                    },
                )
            };
            (name.clone(), columns.iter().map(column).collect())
        }
        Value::Object(named) if OF_PLAIN.contains(&name.as_str()) => {
            let member = |(name, value): (&String, &Value)| (name.clone(), plain(value));
            (name.clone(), named.iter().map(member).collect())
        }
        _ => (
            plain(&name.as_str().into())
                .as_str()
                .unwrap_or(HIDDEN)
                .to_owned(),
            HIDDEN.into(),
        ),
    };
    members.iter().map(hide).collect()
}

/// A number, a boolean, or a short text without spaces or unusual characters; anything else is
/// hidden.
pub(crate) fn plain(value: &Value) -> Value {
    let is_plain = |text: &str| {
        text.len() <= 128
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte))
    };
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        Value::String(text) if is_plain(text) => value.clone(),
        _ => HIDDEN.into(),
    }
}

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
