//! The AWS clients over real sockets on loopback: what they send, and what they make of the answers.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::config::{Credentials, SharedCredentialsProvider};
use io::Https;
use io::queue::{Message, Queue, Sqs, Visibility};
use io::secrets::{Secrets, SecretsError, SecretsManager};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::matchers::header;
use wiremock::{Mock, MockServer, ResponseTemplate};

fn sdk(server: &MockServer) -> SdkConfig {
    sdk_at(&server.uri())
}

fn sdk_at(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new("key", "secret", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint)
        .http_client(Https::new().unwrap())
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .build()
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
    Sqs::new(&sdk(&server)).send("https://sqs.test/dead.fifo", message).await.unwrap();
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
    let results = Sqs::new(&sdk(&server)).send_batch("https://sqs.test/q.fifo", messages).await.unwrap();
    let told: Vec<_> = results.into_iter().map(|result| result.map_err(|refused| refused.is_senders_fault)).collect();
    assert_eq!(
        told,
        [Ok(()), Err(true), Err(false), Err(false)],
        "a throttled one may be taken later, as one without answer"
    );
    assert_eq!(sent(&server).await["Entries"][3]["MessageGroupId"], "g3");
}

#[tokio::test]
async fn visibilities_are_set_in_one_call_and_a_refused_one_is_told() {
    let answer = json!({"Successful": [{"Id": "0"}], "Failed": [{"Id": "1", "Code": "ReceiptHandleIsInvalid", "SenderFault": true}]});
    let server = answering("AmazonSQS.ChangeMessageVisibilityBatch", 200, answer).await;
    let visibility = |handle: &str, seconds| Visibility { receipt_handle: handle.into(), seconds };
    let messages = vec![visibility("h0", 15), visibility("h1", 900)];
    let error = Sqs::new(&sdk(&server)).set_visibility("https://sqs.test/q.fifo", messages).await.unwrap_err();
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
    assert_eq!(Sqs::new(&sdk(&server)).depth("https://sqs.test/q.fifo").await, Ok(21));
    let asked = json!({"QueueUrl": "https://sqs.test/q.fifo", "AttributeNames": ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]});
    assert_eq!(sent(&server).await, asked);
    let silent = answering("AmazonSQS.GetQueueAttributes", 200, json!({})).await;
    assert!(Sqs::new(&sdk(&silent)).depth("https://sqs.test/q.fifo").await.is_err(), "not told is not empty");
}

#[tokio::test]
async fn an_error_of_sqs_is_its_code_alone() {
    let body = json!({"__type": "com.amazonaws.sqs#InvalidMessageContents", "message": "the body +13175550100 is bad"});
    let server = answering("AmazonSQS.SendMessage", 400, body).await;
    let error = Sqs::new(&sdk(&server)).send("https://sqs.test/dead.fifo", message("x")).await.unwrap_err();
    assert_eq!(error.to_string(), "SQS: InvalidMessageContents");
}

fn message(body: &str) -> Message {
    Message { body: body.into(), group: "g".into(), deduplication_id: "d".into(), attributes: vec![] }
}

#[tokio::test]
async fn an_sqs_that_is_not_reached_or_hangs_up_is_no_answer_of_its() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let hangs_up = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hangs_up_at = hangs_up.local_addr().unwrap();
    tokio::spawn(async move { while hangs_up.accept().await.is_ok() {} });
    for address in [address, hangs_up_at] {
        let sdk = sdk_at(&format!("http://{address}"));
        let error = Sqs::new(&sdk).send("https://sqs.test/q.fifo", message("x")).await.unwrap_err();
        assert_eq!(error.to_string(), "SQS: not reached");
    }
}

#[tokio::test]
async fn an_sqs_that_is_silent_is_given_up_in_time_and_one_that_fails_or_hangs_up_once_is_asked_again() {
    let timeouts = io::aws::sdk_config(&Https::new().unwrap()).await.timeout_config().unwrap().clone();
    let patient = |endpoint: &str| {
        let retries = aws_config::retry::RetryConfig::standard().with_initial_backoff(Duration::from_millis(1));
        sdk_at(endpoint).into_builder().retry_config(retries).timeout_config(timeouts.clone()).build()
    };
    let silent = MockServer::start().await;
    let late = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    Mock::given(header("x-amz-target", "AmazonSQS.SendMessage")).respond_with(late).mount(&silent).await;
    let (sqs, url) = (Sqs::new(&patient(&silent.uri())), "https://sqs.test/q.fifo");
    let error = tokio::time::timeout(Duration::from_secs(5), sqs.send(url, message("x"))).await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "SQS: timed out");

    let fails_once = answering("AmazonSQS.SendMessage", 200, json!({"MessageId": "m"})).await;
    let fault = ResponseTemplate::new(500).set_body_json(json!({"__type": "InternalFailure"}));
    Mock::given(header("x-amz-target", "AmazonSQS.SendMessage"))
        .respond_with(fault)
        .up_to_n_times(1)
        .with_priority(1)
        .expect(1)
        .mount(&fails_once)
        .await;
    Sqs::new(&patient(&fails_once.uri())).send("https://sqs.test/q.fifo", message("x")).await.unwrap();
    assert_eq!(fails_once.received_requests().await.unwrap().len(), 2);

    let hangs_up_once = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", hangs_up_once.local_addr().unwrap());
    tokio::spawn(async move {
        drop(hangs_up_once.accept().await);
        let (mut stream, _) = hangs_up_once.accept().await.unwrap();
        let _ = stream.read(&mut [0; 8_192]).await;
        let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: 2\r\n\r\n{}";
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    Sqs::new(&patient(&endpoint)).send("https://sqs.test/q.fifo", message("x")).await.unwrap();
}

#[tokio::test]
async fn a_secret_is_read_by_name() {
    let server = answering("secretsmanager.GetSecretValue", 200, json!({"Name": "n", "SecretString": "{}"})).await;
    let secret = SecretsManager::new(&sdk(&server)).read("campaign-sync/org/acme").await.unwrap();
    assert_eq!(secret.expose_secret(), "{}");
    assert_eq!(sent(&server).await, json!({"SecretId": "campaign-sync/org/acme"}));
}

#[tokio::test]
async fn a_missing_secret_a_missing_right_and_an_outage_are_told_apart() {
    for (status, code, expected) in [
        (400, "ResourceNotFoundException", SecretsError::Missing),
        (400, "InvalidRequestException", SecretsError::Missing),
        (400, "AccessDeniedException", SecretsError::Denied),
        (400, "ThrottlingException", SecretsError::Unavailable),
        (500, "InternalServiceError", SecretsError::Unavailable),
    ] {
        let server = answering("secretsmanager.GetSecretValue", status, json!({"__type": code})).await;
        let error = SecretsManager::new(&sdk(&server)).read("n").await.unwrap_err();
        assert_eq!(error, expected, "{code}");
    }
    let binary = answering("secretsmanager.GetSecretValue", 200, json!({"Name": "n", "SecretBinary": "e30="})).await;
    assert_eq!(SecretsManager::new(&sdk(&binary)).read("n").await.unwrap_err(), SecretsError::Missing);
}

#[tokio::test]
async fn the_sdks_own_configuration_has_timeouts_that_fit_into_the_report() {
    let timeouts = io::aws::sdk_config(&Https::new().unwrap()).await.timeout_config().unwrap().clone();
    assert!(timeouts.operation_timeout().unwrap() < Duration::from_secs(3));
}
