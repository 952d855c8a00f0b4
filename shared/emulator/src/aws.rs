//! The few calls of SQS, Secrets Manager and Parameter Store that the functions make, and those by which a person
//! looks at a queue or at a log or puts a secret, in the AWS JSON protocol
//! (docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference,
//! docs.aws.amazon.com/secretsmanager/latest/apireference,
//! docs.aws.amazon.com/systems-manager/latest/APIReference).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use io::queue::{Message, Queue, QueueError, Visibility};
use io::records::Records;
use io::secrets::{Secrets, SecretsError};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use crate::fifo::is_legal_id;
use crate::{Logs, Parameters, Sqs, Vault};

/// The services, behind one endpoint.
pub struct Aws {
    pub sqs: Arc<Sqs>,
    pub vault: Arc<Vault>,
    pub parameters: Arc<Parameters>,
    pub logs: Arc<Logs>,
}

/// An error as AWS answers it: its code and its message.
struct Fault(String, &'static str);

impl From<&str> for Fault {
    fn from(code: &str) -> Fault {
        Fault(code.to_owned(), "see the error's type")
    }
}

impl Aws {
    /// Answers a call: status and body. `target`: the header `X-Amz-Target`.
    pub async fn call(&self, target: &str, body: &[u8]) -> (u16, Value) {
        let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let answer = match target {
            "AmazonSQS.SendMessage" => self.send(&body).await,
            "AmazonSQS.SendMessageBatch" => self.send_batch(&body).await,
            "AmazonSQS.ChangeMessageVisibility" => self.set_visibility(&body).await,
            "AmazonSQS.ChangeMessageVisibilityBatch" => self.set_visibility_batch(&body).await,
            "AmazonSQS.ReceiveMessage" => self.receive(&body).await,
            "AmazonSQS.DeleteMessage" => self.delete(&body).await,
            "AmazonSQS.DeleteMessageBatch" => self.delete_batch(&body).await,
            "AmazonSQS.GetQueueAttributes" => self.attributes(&body).await,
            "secretsmanager.GetSecretValue" => self.secret(&body).await,
            "secretsmanager.CreateSecret" => self.put_secret(&body, "Name", false).await,
            "secretsmanager.PutSecretValue" => self.put_secret(&body, "SecretId", true).await,
            "AmazonSSM.GetParameter" => self.parameter(&body).await,
            "AmazonSSM.PutParameter" => self.put_parameter(&body).await,
            "Logs_20140328.FilterLogEvents" => self
                .logs
                .filter(&body)
                .ok_or_else(|| "InvalidParameterException".into()),
            _ => Err("UnknownOperationException".into()),
        };
        match answer {
            Ok(answer) => (200, answer),
            Err(Fault(code, message)) => (400, json!({ "__type": code, "message": message })),
        }
    }

    /// The same as a response of HTTP.
    pub async fn respond(&self, target: &str, body: &[u8]) -> Response<Bytes> {
        let (status, body) = self.call(target, body).await;
        let mut response = Response::new(Bytes::from(body.to_string()));
        *response.status_mut() =
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-amz-json-1.0"),
        );
        response
    }

    async fn send(&self, body: &Value) -> Result<Value, Fault> {
        self.sqs
            .send(text(body, "QueueUrl")?, message(body)?)
            .await
            .map_err(code)?;
        Ok(json!({ "MessageId": text(body, "MessageDeduplicationId")? }))
    }

    async fn send_batch(&self, body: &Value) -> Result<Value, Fault> {
        let entries = entries(body)?;
        let messages = entries.iter().map(message).collect::<Result<Vec<_>, _>>()?;
        let results = self
            .sqs
            .send_batch(text(body, "QueueUrl")?, messages)
            .await
            .map_err(code)?;
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for (entry, result) in entries.iter().zip(results) {
            match result {
                Ok(()) => successful.push(json!({ "Id": entry["Id"], "MessageId": entry["MessageDeduplicationId"] })),
                Err(refused) => failed
                    .push(json!({ "Id": entry["Id"], "Code": refused.code, "SenderFault": refused.is_senders_fault })),
            }
        }
        Ok(json!({ "Successful": successful, "Failed": failed }))
    }

    async fn set_visibility(&self, body: &Value) -> Result<Value, Fault> {
        self.sqs
            .set_visibility(text(body, "QueueUrl")?, vec![visibility(body)?])
            .await
            .map_err(code)?;
        Ok(json!({}))
    }

    async fn set_visibility_batch(&self, body: &Value) -> Result<Value, Fault> {
        let entries = entries(body)?;
        let messages = entries
            .iter()
            .map(visibility)
            .collect::<Result<Vec<_>, _>>()?;
        let queue_url = text(body, "QueueUrl")?;
        let results = self.sqs.set_visibilities(queue_url, &messages).await;
        Ok(one_by_one(&entries, results.map_err(code)?))
    }

    async fn receive(&self, body: &Value) -> Result<Value, Fault> {
        let most = body["MaxNumberOfMessages"]
            .as_u64()
            .and_then(|most| usize::try_from(most).ok())
            .unwrap_or(1);
        let attempt = body["ReceiveRequestAttemptId"].as_str();
        if !(1..=10).contains(&most) || attempt.is_some_and(|id| !is_legal_id(id)) {
            return Err("InvalidParameterValue".into());
        }
        let timeout = body["VisibilityTimeout"].as_u64().map(Duration::from_secs);
        let batch = self
            .sqs
            .receive(text(body, "QueueUrl")?, most, timeout, attempt)
            .await
            .map_err(code)?;
        let Some(batch) = batch else {
            return Ok(json!({}));
        };
        let records = batch.event["Records"].as_array().into_iter().flatten();
        let messages: Vec<_> = records.map(|record| received(record, body)).collect();
        Ok(json!({ "Messages": messages }))
    }

    async fn delete(&self, body: &Value) -> Result<Value, Fault> {
        let handles = [text(body, "ReceiptHandle")?];
        let results = self.sqs.delete(text(body, "QueueUrl")?, &handles).await;
        for result in results.map_err(code)? {
            result.map_err(code)?;
        }
        Ok(json!({}))
    }

    async fn delete_batch(&self, body: &Value) -> Result<Value, Fault> {
        let entries = entries(body)?;
        let handles = entries.iter().map(|entry| text(entry, "ReceiptHandle"));
        let handles = handles.collect::<Result<Vec<_>, _>>()?;
        let results = self.sqs.delete(text(body, "QueueUrl")?, &handles).await;
        // An expired handle has another code in a batch
        // (repost.aws/knowledge-center/sqs-receipt-handle-error).
        let invalid = || QueueError::new("ReceiptHandleIsInvalid");
        let results = results.map_err(code)?.into_iter();
        let results = results
            .map(|result| result.map_err(|_| invalid()))
            .collect();
        Ok(one_by_one(&entries, results))
    }

    async fn attributes(&self, body: &Value) -> Result<Value, Fault> {
        let all = self
            .sqs
            .attributes(text(body, "QueueUrl")?)
            .await
            .map_err(code)?;
        let all: Map<_, _> = all
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        Ok(json!({ "Attributes": asked(&all.into(), &[&body["AttributeNames"]], Value::clone) }))
    }

    async fn parameter(&self, body: &Value) -> Result<Value, Fault> {
        let name = text(body, "Name")?;
        match self.parameters.read(name).await {
            Ok(Some(value)) => Ok(json!({ "Parameter": { "Name": name, "Value": value } })),
            Ok(None) => Err("ParameterNotFound".into()),
            Err(_) => Err("InternalServerError".into()),
        }
    }

    async fn put_parameter(&self, body: &Value) -> Result<Value, Fault> {
        let (name, value) = (text(body, "Name")?, text(body, "Value")?);
        let is_new = self.parameters.text(name).is_none();
        if !is_new && body["Overwrite"] != true {
            return Err("ParameterAlreadyExists".into());
        }
        let written = self.parameters.write(name, value.to_owned()).await;
        written.map_err(|_| Fault::from("ValidationException"))?;
        Ok(json!({ "Version": 1, "Tier": "Standard" }))
    }

    async fn secret(&self, body: &Value) -> Result<Value, Fault> {
        let name = text(body, "SecretId")?;
        let (code, message) = match self.vault.read(name).await {
            Ok(secret) => {
                return Ok(json!({ "Name": name, "SecretString": secret.expose_secret() }));
            }
            Err(SecretsError::NoText) => {
                return Ok(json!({ "Name": name, "SecretBinary": "e30=" }));
            }
            Err(SecretsError::Missing) => (
                "ResourceNotFoundException",
                "Secrets Manager can't find the specified secret.",
            ),
            Err(SecretsError::NoCurrentVersion) => (
                "ResourceNotFoundException",
                "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
            ),
            Err(SecretsError::PendingDeletion) => (
                "InvalidRequestException",
                "You can't perform this operation on the secret because it was marked for deletion.",
            ),
            Err(SecretsError::Denied) => ("AccessDeniedException", "see the error's type"),
            Err(SecretsError::Unavailable) => ("InternalServiceError", "see the error's type"),
        };
        Err(Fault(code.to_owned(), message))
    }
}

impl Aws {
    /// By its name alone.
    async fn put_secret(&self, body: &Value, by: &str, is_there: bool) -> Result<Value, Fault> {
        let name = text(body, by)?;
        let secret = text(body, "SecretString")?;
        match (self.vault.read(name).await, is_there) {
            (Ok(_), false) => Err("ResourceExistsException".into()),
            (Err(SecretsError::Missing), true) => Err("ResourceNotFoundException".into()),
            _ => {
                self.vault.put(name, secret);
                Ok(json!({ "Name": name }))
            }
        }
    }
}

fn code(error: QueueError) -> Fault {
    error.to_string().trim_start_matches("SQS: ").into()
}

fn text<'a>(body: &'a Value, name: &str) -> Result<&'a str, Fault> {
    body[name].as_str().ok_or_else(|| "MissingParameter".into())
}

/// One to ten entries, each with an id of its own.
fn entries(body: &Value) -> Result<Vec<Value>, Fault> {
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

/// What a batch is answered whose entries went each by itself.
fn one_by_one(entries: &[Value], results: Vec<Result<(), QueueError>>) -> Value {
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

/// A received message, with the attributes that were asked for alone.
fn received(record: &Value, body: &Value) -> Value {
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

fn asked(all: &Value, names: &[&Value], show: impl Fn(&Value) -> Value) -> Map<String, Value> {
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

fn message(entry: &Value) -> Result<Message, Fault> {
    // Of the attributes a parked message has; the names are those of docs/contract.md "Parked
    // messages".
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

fn visibility(entry: &Value) -> Result<Visibility, Fault> {
    let seconds = entry["VisibilityTimeout"]
        .as_u64()
        .and_then(|seconds| u32::try_from(seconds).ok());
    let seconds = seconds.ok_or("MissingParameter")?;
    Ok(Visibility {
        receipt_handle: text(entry, "ReceiptHandle")?.to_owned(),
        seconds,
    })
}
