//! SQS, Secrets Manager, Parameter Store and CloudWatch Logs over the AWS JSON protocol.
//!
//! It answers the calls that the functions make, and those with which an operator looks at a queue
//! or a log, or stores a secret. Any other call is an `UnknownOperationException`. Shapes and error
//! codes follow docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference,
//! docs.aws.amazon.com/secretsmanager/latest/apireference and
//! docs.aws.amazon.com/systems-manager/latest/APIReference. The services themselves are [`Sqs`],
//! [`Vault`], [`Parameters`] and [`Logs`].

mod shape;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use io::queue::{Queue, QueueError};
use io::records::Records;
use io::secrets::{Secrets, SecretsError};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use crate::fifo::is_legal_id;
use crate::{Logs, Parameters, Sqs, Vault};
use shape::{Fault, asked, code, entries, message, one_by_one, received, text, visibility};

/// The services of AWS behind one endpoint.
pub struct Aws {
    pub sqs: Arc<Sqs>,
    pub vault: Arc<Vault>,
    pub parameters: Arc<Parameters>,
    pub logs: Arc<Logs>,
}

impl Aws {
    /// Answers a call with a status and a body. `target` is the header `X-Amz-Target`.
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

    /// As [`Aws::call`], but returns an HTTP response.
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
        // In a batch, SQS reports an expired handle with another code than by itself
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
            Err(SecretsError::Unavailable | SecretsError::NotAsked(_)) => {
                ("InternalServiceError", "see the error's type")
            }
        };
        Err(Fault(code.to_owned(), message))
    }
}

impl Aws {
    /// Stores a secret. The member `by` of the call holds its name. If `is_there`, the secret must
    /// exist; otherwise it must not.
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
