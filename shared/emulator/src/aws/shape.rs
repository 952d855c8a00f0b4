//! The parts of the AWS JSON protocol that several calls share: how they name a message, a batch
//! and its results, and an error.

use std::collections::BTreeSet;

use io::queue::{Message, QueueError, Visibility};
use serde_json::{Map, Value, json};

/// An error as AWS returns it: a code and a message.
pub(super) struct Fault(pub(super) String, pub(super) &'static str);

impl From<&str> for Fault {
    fn from(code: &str) -> Fault {
        Fault(code.to_owned(), "see the error's type")
    }
}

pub(super) fn code(error: QueueError) -> Fault {
    error.to_string().trim_start_matches("SQS: ").into()
}

pub(super) fn text<'a>(body: &'a Value, name: &str) -> Result<&'a str, Fault> {
    body[name].as_str().ok_or_else(|| "MissingParameter".into())
}

/// One to ten entries with distinct ids.
pub(super) fn entries(body: &Value) -> Result<Vec<Value>, Fault> {
    let entries = body["Entries"].as_array().cloned().unwrap_or_default();
    let ids: BTreeSet<_> = entries
        .iter()
        .filter_map(|entry| entry["Id"].as_str())
        .collect();
    match entries.len() {
        0 => Err("EmptyBatchRequest".into()),
        11.. => Err("TooManyEntriesInBatchRequest".into()),
        count if ids.len() < count => Err("BatchEntryIdsNotDistinct".into()),
        _ => Ok(entries),
    }
}

/// The answer to a batch, from the result of each entry.
pub(super) fn one_by_one(entries: &[Value], results: Vec<Result<(), QueueError>>) -> Value {
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for (entry, result) in entries.iter().zip(results) {
        match result {
            Ok(()) => successful.push(json!({ "Id": entry["Id"] })),
            Err(error) => failed
                .push(json!({ "Id": entry["Id"], "Code": code(error).0, "SenderFault": true })),
        }
    }
    json!({ "Successful": successful, "Failed": failed })
}

/// A received message with the attributes that the call asks for.
pub(super) fn received(record: &Value, body: &Value) -> Value {
    let mut message = json!({
        "MessageId": record["messageId"],
        "ReceiptHandle": record["receiptHandle"],
        "Body": record["body"],
    });
    let system = [
        &body["MessageSystemAttributeNames"],
        &body["AttributeNames"],
    ];
    let system = asked(&record["attributes"], &system, Value::clone);
    if !system.is_empty() {
        message["Attributes"] = system.into();
    }
    let shown = |value: &Value| json!({ "DataType": value["dataType"], "StringValue": value["stringValue"] });
    let own = asked(
        &record["messageAttributes"],
        &[&body["MessageAttributeNames"]],
        shown,
    );
    if !own.is_empty() {
        message["MessageAttributes"] = own.into();
    }
    message
}

pub(super) fn asked(
    all: &Value,
    names: &[&Value],
    show: impl Fn(&Value) -> Value,
) -> Map<String, Value> {
    let names = names.iter().filter_map(|names| names.as_array()).flatten();
    let names: Vec<_> = names.filter_map(Value::as_str).collect();
    let is_asked = |name: &str| {
        names
            .iter()
            .any(|asked| ["All", ".*", name].contains(asked))
    };
    let all = all.as_object().into_iter().flatten();
    all.filter(|(name, _)| is_asked(name))
        .map(|(name, value)| (name.clone(), show(value)))
        .collect()
}

pub(super) fn message(entry: &Value) -> Result<Message, Fault> {
    // Only the attributes of a parked message are kept. docs/contract.md "Parked messages" names
    // them.
    let names = [
        "reason",
        "detail",
        "firstReceivedAt",
        "httpStatus",
        "correlationId",
    ];
    let attribute = |name| {
        let value = entry["MessageAttributes"][name]["StringValue"].as_str()?;
        Some((name, value.to_owned()))
    };
    Ok(Message {
        body: text(entry, "MessageBody")?.to_owned(),
        group: text(entry, "MessageGroupId")?.to_owned(),
        deduplication_id: text(entry, "MessageDeduplicationId")?.to_owned(),
        attributes: names.into_iter().filter_map(attribute).collect(),
    })
}

pub(super) fn visibility(entry: &Value) -> Result<Visibility, Fault> {
    let seconds = entry["VisibilityTimeout"]
        .as_u64()
        .and_then(|seconds| u32::try_from(seconds).ok());
    let seconds = seconds.ok_or("MissingParameter")?;
    Ok(Visibility {
        receipt_handle: text(entry, "ReceiptHandle")?.to_owned(),
        seconds,
    })
}
