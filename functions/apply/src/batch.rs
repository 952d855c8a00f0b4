//! The SQS event that Lambda hands over. Only the fields that apply needs are read.

use domain::batch::Record;
use domain::json::Text;
use serde::{Deserialize, Deserializer};

/// The messages of an SQS event (AWS Lambda developer guide, "Using Lambda with Amazon SQS").
pub struct Batch(pub(crate) Vec<Record>);

impl<'de> Deserialize<'de> for Batch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Batch, D::Error> {
        let event = Event::deserialize(deserializer)?;
        Ok(Batch(event.records.into_iter().map(record).collect()))
    }
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, rename = "Records")]
    records: Vec<Message<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    message_id: Option<String>,
    receipt_handle: Option<String>,
    body: Option<String>,
    #[serde(borrow)]
    attributes: Option<Attributes<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attributes<'a> {
    #[serde(borrow)]
    message_group_id: Option<Text<'a>>,
    #[serde(borrow)]
    approximate_receive_count: Option<Text<'a>>,
    #[serde(borrow)]
    sent_timestamp: Option<Text<'a>>,
    #[serde(borrow)]
    approximate_first_receive_timestamp: Option<Text<'a>>,
}

fn record(message: Message<'_>) -> Record {
    let own = [message.message_id, message.receipt_handle, message.body];
    let attributes = message.attributes.unwrap_or_default();
    Record::new(own, |name| {
        let text = match name {
            "MessageGroupId" => &attributes.message_group_id,
            "ApproximateReceiveCount" => &attributes.approximate_receive_count,
            "SentTimestamp" => &attributes.sent_timestamp,
            "ApproximateFirstReceiveTimestamp" => &attributes.approximate_first_receive_timestamp,
            _ => return None,
        };
        text.as_ref().map(|text| text.0.as_ref())
    })
}
