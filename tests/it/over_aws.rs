//! The AWS clients over real sockets on loopback: what they send, and how they read the answers.
//! The client for Genesys Cloud is in `over_http`.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{ConfigLoader, Region, SdkConfig};
use aws_sdk_sqs::config::Credentials;
use io::aws::Unanswered;
use io::queue::{Message, Queue, Sqs, Visibility};
use io::records::{ParameterStore, Records, RecordsError};
use io::secrets::{Secrets, SecretsError, SecretsManager};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use wiremock::matchers::header;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::scripted::Scripted;

async fn sdk(endpoint: &str) -> SdkConfig {
    loader(endpoint)
        .retry_config(RetryConfig::disabled())
        .load()
        .await
}

/// The functions' own configuration, with a server of this test as the endpoint.
fn loader(endpoint: &str) -> ConfigLoader {
    let credentials = Credentials::new("key", "secret", None, None, "test");
    let loader = io::aws::loader().region(Region::new("us-east-1"));
    loader
        .credentials_provider(credentials)
        .endpoint_url(endpoint)
}

async fn answering(target: &str, status: u16, body: Value) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(header("x-amz-target", target))
        .respond_with(ResponseTemplate::new(status).set_body_json(body))
        .mount(&server)
        .await;
    server
}

async fn sent(server: &MockServer) -> Value {
    serde_json::from_slice(&server.received_requests().await.unwrap()[0].body).unwrap()
}

#[tokio::test]
async fn a_message_is_sent_with_its_group_its_deduplication_id_and_its_attributes() {
    let server = answering("AmazonSQS.SendMessage", 200, json!({"MessageId": "m"})).await;
    let message = Message {
        body: "{}".into(),
        group: "g".into(),
        deduplication_id: "d".into(),
        attributes: vec![("reason", "rejected".into()), ("httpStatus", "400".into())],
    };
    Sqs::new(&sdk(&server.uri()).await)
        .send("https://sqs.test/dead.fifo", message)
        .await
        .unwrap();
    let text = |value: &str| json!({"DataType": "String", "StringValue": value});
    let expected = json!({
        "QueueUrl": "https://sqs.test/dead.fifo",
        "MessageBody": "{}",
        "MessageGroupId": "g",
        "MessageDeduplicationId": "d",
        "MessageAttributes": { "reason": text("rejected"), "httpStatus": text("400") },
    });
    assert_eq!(sent(&server).await, expected);
}

#[tokio::test]
async fn each_entry_of_a_batch_has_its_own_answer() {
    let failed = |id: &str, code: &str| json!({"Id": id, "Code": code, "SenderFault": true});
    let answer = json!({
        "Successful": [{"Id": "0", "MessageId": "m"}],
        "Failed": [failed("1", "InvalidMessageContents"), failed("2", "RequestThrottled")],
    });
    let server = answering("AmazonSQS.SendMessageBatch", 200, answer).await;
    let message = |group: &str| Message {
        body: "{}".into(),
        group: group.into(),
        deduplication_id: "d".into(),
        attributes: vec![],
    };
    let messages = ["g0", "g1", "g2", "g3"].map(message).to_vec();
    let results = Sqs::new(&sdk(&server.uri()).await)
        .send_batch("https://sqs.test/q.fifo", messages)
        .await
        .unwrap();
    let told: Vec<_> = results
        .into_iter()
        .map(|result| result.map_err(|refused| refused.is_senders_fault))
        .collect();
    assert_eq!(
        told,
        [Ok(()), Err(true), Err(false), Err(false)],
        "a throttled entry may be sent again, like one without an answer"
    );
    assert_eq!(sent(&server).await["Entries"][3]["MessageGroupId"], "g3");
}

#[tokio::test]
async fn visibilities_are_set_in_one_call_and_a_refused_one_is_reported() {
    let answer = json!({"Successful": [{"Id": "0"}], "Failed": [{"Id": "1", "Code": "ReceiptHandleIsInvalid", "SenderFault": true}]});
    let server = answering("AmazonSQS.ChangeMessageVisibilityBatch", 200, answer).await;
    let visibility = |handle: &str, seconds| Visibility {
        receipt_handle: handle.into(),
        seconds,
    };
    let messages = vec![visibility("h0", 15), visibility("h1", 900)];
    let error = Sqs::new(&sdk(&server.uri()).await)
        .set_visibility("https://sqs.test/q.fifo", messages)
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "SQS: ReceiptHandleIsInvalid");
    let entries = json!([
        {"Id": "0", "ReceiptHandle": "h0", "VisibilityTimeout": 15},
        {"Id": "1", "ReceiptHandle": "h1", "VisibilityTimeout": 900},
    ]);
    assert_eq!(sent(&server).await["Entries"], entries);
}

#[tokio::test]
async fn the_depth_of_a_queue_is_what_waits_and_what_is_in_flight() {
    let server = answering(
        "AmazonSQS.GetQueueAttributes",
        200,
        json!({"Attributes": {"ApproximateNumberOfMessages": "17", "ApproximateNumberOfMessagesNotVisible": "4"}}),
    )
    .await;
    assert_eq!(
        Sqs::new(&sdk(&server.uri()).await)
            .depth("https://sqs.test/q.fifo")
            .await,
        Ok(21)
    );
    let asked = json!({"QueueUrl": "https://sqs.test/q.fifo", "AttributeNames": ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]});
    assert_eq!(sent(&server).await, asked);
    let silent = answering("AmazonSQS.GetQueueAttributes", 200, json!({})).await;
    assert!(
        Sqs::new(&sdk(&silent.uri()).await)
            .depth("https://sqs.test/q.fifo")
            .await
            .is_err(),
        "an unknown depth is not zero"
    );
}

#[tokio::test]
async fn an_error_of_sqs_is_its_code_alone() {
    let body = json!({"__type": "com.amazonaws.sqs#InvalidMessageContents", "message": "the body +13175550100 is bad"});
    let server = answering("AmazonSQS.SendMessage", 400, body).await;
    let error = Sqs::new(&sdk(&server.uri()).await)
        .send("https://sqs.test/dead.fifo", message("x"))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "SQS: InvalidMessageContents");
}

fn message(body: &str) -> Message {
    Message {
        body: body.into(),
        group: "g".into(),
        deduplication_id: "d".into(),
        attributes: vec![],
    }
}

#[tokio::test]
async fn an_sqs_that_cannot_be_reached_or_hangs_up_has_not_answered() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let not_there = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let hangs_up = Scripted::start([vec![], vec![]]).await;
    for endpoint in [not_there, hangs_up.uri.clone()] {
        let sqs = Sqs::new(&sdk(&endpoint).await);
        let error = sqs
            .send("https://sqs.test/q.fifo", message("x"))
            .await
            .unwrap_err();
        assert!(
            error.to_string().starts_with("SQS: not reached: "),
            "{error}"
        );
        let secrets = SecretsManager::new(&sdk(&endpoint).await);
        let error = secrets.read("n").await.unwrap_err();
        assert_eq!(error, SecretsError::NotAsked(Unanswered::NotReached));
    }
}

#[tokio::test]
async fn an_sqs_that_is_silent_is_given_up_in_time() {
    let silent = MockServer::start().await;
    let late = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    Mock::given(header("x-amz-target", "AmazonSQS.SendMessage"))
        .respond_with(late)
        .mount(&silent)
        .await;
    let sqs = Sqs::new(&loader(&silent.uri()).load().await);
    let sent = sqs.send("https://sqs.test/q.fifo", message("x"));
    let error = tokio::time::timeout(Duration::from_secs(4), sent)
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(error.to_string(), "SQS: timed out");
}

#[tokio::test]
async fn an_sqs_that_takes_connections_and_no_handshake_is_not_reached_before_the_attempt_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sqs = Sqs::new(&sdk(&format!("https://{}", listener.local_addr().unwrap())).await);
    let sent = sqs.send("https://sqs.test/q.fifo", message("x"));
    let error = tokio::time::timeout(Duration::from_millis(1_800), sent)
        .await
        .unwrap()
        .unwrap_err();
    assert!(
        error.to_string().starts_with("SQS: not reached: "),
        "{error}"
    );
}

#[tokio::test]
async fn a_call_without_an_answer_or_with_a_fault_of_the_server_is_sent_again_over_another_connection()
 {
    const TAKEN: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: 2\r\n\r\n{}";
    const FAULT: &str = "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 2\r\n\r\n{}";
    for (first, requests) in [(vec![], vec![1]), (vec![FAULT, TAKEN], vec![0, 1])] {
        let server = Scripted::start([first, vec![TAKEN]]).await;
        let retries = RetryConfig::standard().with_initial_backoff(Duration::from_millis(1));
        let sqs = Sqs::new(&loader(&server.uri).retry_config(retries).load().await);
        sqs.send("https://sqs.test/q.fifo", message("x"))
            .await
            .unwrap();
        assert_eq!(server.requests(), requests, "by connection");
    }
}

#[tokio::test]
async fn a_secret_is_read_by_name() {
    let server = answering(
        "secretsmanager.GetSecretValue",
        200,
        json!({"Name": "n", "SecretString": "{}"}),
    )
    .await;
    let secret = SecretsManager::new(&sdk(&server.uri()).await)
        .read("campaign-sync/org/acme")
        .await
        .unwrap();
    assert_eq!(secret.expose_secret(), "{}");
    assert_eq!(
        sent(&server).await,
        json!({"SecretId": "campaign-sync/org/acme"})
    );
}

#[tokio::test]
async fn every_reason_why_a_secret_cannot_be_read_is_distinguished() {
    const NONE: &str = "Secrets Manager can't find the specified secret.";
    const NO_CURRENT: &str =
        "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT";
    const MARKED: &str =
        "You can't perform this operation on the secret because it was marked for deletion.";
    for (status, code, message, expected) in [
        (
            400,
            "ResourceNotFoundException",
            NONE,
            SecretsError::Missing,
        ),
        (400, "ResourceNotFoundException", "", SecretsError::Missing),
        (
            400,
            "ResourceNotFoundException",
            NO_CURRENT,
            SecretsError::NoCurrentVersion,
        ),
        (
            400,
            "InvalidRequestException",
            MARKED,
            SecretsError::PendingDeletion,
        ),
        (
            400,
            "InvalidRequestException",
            "",
            SecretsError::PendingDeletion,
        ),
        (400, "AccessDeniedException", "", SecretsError::Denied),
        (400, "DecryptionFailure", "", SecretsError::Denied),
        (400, "ThrottlingException", "", SecretsError::Unavailable),
        (500, "InternalServiceError", "", SecretsError::Unavailable),
    ] {
        // Some services write `Message`, others `message`.
        for member in ["Message", "message"] {
            let body = json!({ "__type": code, member: message });
            let server = answering("secretsmanager.GetSecretValue", status, body).await;
            let secrets = SecretsManager::new(&sdk(&server.uri()).await);
            let error = secrets.read("n").await.unwrap_err();
            assert_eq!(error, expected, "{code} {message}");
        }
    }
    let binary = json!({"Name": "n", "SecretBinary": "e30="});
    let server = answering("secretsmanager.GetSecretValue", 200, binary).await;
    let secrets = SecretsManager::new(&sdk(&server.uri()).await);
    assert_eq!(secrets.read("n").await.unwrap_err(), SecretsError::NoText);
}

#[tokio::test]
async fn a_message_of_a_standard_queue_has_no_group_and_no_deduplication_id() {
    let server = answering("AmazonSQS.SendMessage", 200, json!({"MessageId": "m"})).await;
    let message = Message {
        body: "{}".into(),
        group: String::new(),
        deduplication_id: String::new(),
        attributes: Vec::new(),
    };
    let sqs = Sqs::new(&sdk(&server.uri()).await);
    let url = "https://sqs.test/failed-runs";
    sqs.send(url, message).await.unwrap();
    let sent = sent(&server).await;
    let members: Vec<_> = sent.as_object().unwrap().keys().collect();
    assert!(
        !members
            .iter()
            .any(|name| name.starts_with("MessageGroup") || name.starts_with("MessageDedup")),
        "{sent}"
    );
}

#[tokio::test]
async fn a_record_is_a_secure_string_that_replaces_the_one_before() {
    let server = answering("AmazonSSM.PutParameter", 200, json!({"Version": 2})).await;
    let store = ParameterStore::new(&sdk(&server.uri()).await);
    store.write("/a/b", "{}".to_owned()).await.unwrap();
    let expected = json!({ "Name": "/a/b", "Value": "{}", "Type": "SecureString", "Overwrite": true, "Tier": "Intelligent-Tiering" });
    assert_eq!(sent(&server).await, expected);

    let answer = json!({ "Parameter": { "Name": "/a/b", "Value": "{}" } });
    let server = answering("AmazonSSM.GetParameter", 200, answer).await;
    let store = ParameterStore::new(&sdk(&server.uri()).await);
    assert_eq!(store.read("/a/b").await, Ok(Some("{}".to_owned())));
    let expected = json!({ "Name": "/a/b", "WithDecryption": true });
    assert_eq!(sent(&server).await, expected);
}

#[tokio::test]
async fn a_missing_record_is_none_and_no_other_error_is_taken_for_one() {
    for (code, expected) in [
        ("ParameterNotFound", Ok(None)),
        (
            "AccessDeniedException",
            Err(RecordsError::new("AccessDeniedException")),
        ),
        (
            "ThrottlingException",
            Err(RecordsError::new("ThrottlingException")),
        ),
    ] {
        let server = answering("AmazonSSM.GetParameter", 400, json!({ "__type": code })).await;
        let store = ParameterStore::new(&sdk(&server.uri()).await);
        assert_eq!(store.read("/a/b").await, expected);
    }
}
