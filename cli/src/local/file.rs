//! `local --file`: makes a story of an SQS event, as Lambda hands it to apply.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use io::queue::Message;

use super::crm::{self, Delivery, Parcel, Story};
use super::{Api, Error};

/// The most records of a FIFO queue that Lambda hands over at once
/// (docs.aws.amazon.com/lambda/latest/dg/with-sqs.html).
const MOST: usize = 10;

/// Reads the event. In its story the orgs and campaigns of the records exist, the campaigns are
/// empty, and all records are in the queue from the start.
pub(crate) fn read(path: &Path, api: Api) -> Result<Story, Error> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let event: SqsEvent = serde_json::from_str(&text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        if error.is_eof() {
            return format!("{}: not JSON: it ends at line {line}", path.display());
        }
        format!(
            "{}: line {line}, column {column}: expected an SQS event, {{\"Records\": […]}}",
            path.display()
        )
    })?;
    if event.records.is_empty() || event.records.len() > MOST {
        return Err(format!(
            "{}: /Records: expected 1 to {MOST} records of a FIFO queue",
            path.display()
        ));
    }
    let messages = event
        .records
        .into_iter()
        .enumerate()
        .map(|(index, record)| {
            message(record).map_err(|what| format!("{}: /Records/{index}/{what}", path.display()))
        });
    let messages = messages.collect::<Result<Vec<_>, _>>()?;
    let changes = messages.len();
    let deliveries = messages
        .into_iter()
        .map(|message| Delivery::new(Duration::ZERO, Parcel::Message(message)))
        .collect();
    let mut story = Story {
        deliveries,
        changes,
        api,
        ..Story::default()
    };
    story.contacts = story
        .bodies()
        .filter_map(|body| crm::key(&body))
        .collect::<BTreeSet<_>>()
        .len();
    Ok(story)
}

fn message(record: SqsMessage) -> Result<Message, &'static str> {
    let body = record
        .body
        .filter(|body| !body.is_empty())
        .ok_or("body: expected the message's text")?;
    let group = record.attributes.get("MessageGroupId").cloned();
    let group = group.ok_or("attributes/MessageGroupId: expected the message group id")?;
    // Each record was a message in a queue, so the embedded queue must not drop one as a duplicate:
    // the message id stands in for the deduplication id.
    let deduplication_id = record
        .message_id
        .ok_or("messageId: expected the message's id")?;
    Ok(Message {
        body,
        group,
        deduplication_id,
        attributes: Vec::new(),
    })
}
