//! The emulated SQS answers a consumer over its JSON protocol as AWS does: receives and their
//! attempts, and batches of deletes and visibility timeouts. The rules of the queue itself are in
//! `emulator_fifo`.

use std::time::Duration;

use emulator::{World, genesys};
use http::Request;
use io::queue::Message;
use serde_json::{Value, json};

fn world(changes: &[(&str, &str)]) -> World {
    let clock = emulator::logical_clock("2026-11-24T16:00:00Z".parse().unwrap());
    let world = World::new(
        clock,
        genesys::Options::default(),
        "https://sqs.us-east-1.amazonaws.com",
    );
    for (group, body) in changes {
        let message = Message {
            body: (*body).into(),
            group: (*group).into(),
            deduplication_id: format!("{group}-{body}"),
            attributes: vec![],
        };
        world.queue.send(message).unwrap();
    }
    world
}

/// The status and the answer of a call about the queue.
async fn call(world: &World, operation: &str, mut body: Value) -> (u16, Value) {
    body["QueueUrl"] = world.variable("QUEUE_URL").into();
    let request = Request::post("/")
        .header("x-amz-target", format!("AmazonSQS.{operation}"))
        .body(body.to_string().into())
        .unwrap();
    let answer = world.answer(request).await;
    let status = answer.status().as_u16();
    (status, serde_json::from_slice(answer.body()).unwrap())
}

async fn receive(world: &World, attempt: &str) -> Vec<Value> {
    let body = json!({
        "MaxNumberOfMessages": 10, "VisibilityTimeout": 90, "ReceiveRequestAttemptId": attempt,
        "MessageSystemAttributeNames": ["MessageGroupId", "ApproximateReceiveCount"],
    });
    let (status, answer) = call(world, "ReceiveMessage", body).await;
    assert_eq!(status, 200, "{answer}");
    answer["Messages"].as_array().cloned().unwrap_or_default()
}

fn bodies(messages: &[Value]) -> Vec<&str> {
    messages
        .iter()
        .map(|message| message["Body"].as_str().unwrap())
        .collect()
}

fn entries(handles: &[&Value], more: &Value) -> Value {
    let entry = |(n, handle): (usize, &&Value)| {
        let mut entry = more.clone();
        entry["Id"] = n.to_string().into();
        entry["ReceiptHandle"] = (*handle).clone();
        entry
    };
    json!({ "Entries": handles.iter().enumerate().map(entry).collect::<Vec<_>>() })
}

fn failed(answer: &Value) -> Vec<(&str, &str)> {
    let items = answer["Failed"].as_array().unwrap().iter();
    items
        .map(|item| (item["Id"].as_str().unwrap(), item["Code"].as_str().unwrap()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_receive_gives_a_group_in_order_and_nothing_of_one_that_is_in_flight() {
    let world = world(&[("a", "1"), ("b", "2"), ("a", "3"), ("a", "4"), ("c", "5")]);
    // The event source receives the first message.
    world.queue.receive(1).unwrap();
    let first = receive(&world, "first").await;
    assert_eq!(bodies(&first), ["2", "5"], "group a is in flight");
    assert_eq!(
        first[0]["Attributes"],
        json!({ "MessageGroupId": "b", "ApproximateReceiveCount": "1" }),
        "as many as were requested"
    );
    assert_eq!(bodies(&receive(&world, "second").await), [""; 0]);
    tokio::time::sleep(Duration::from_secs(90)).await;
    assert_eq!(bodies(&receive(&world, "third").await), ["2", "5"]);
    tokio::time::sleep(Duration::from_secs(90)).await;
    assert_eq!(
        bodies(&receive(&world, "fourth").await),
        ["1", "3", "4", "2", "5"]
    );
}

#[tokio::test(start_paused = true)]
async fn the_same_attempt_gives_the_same_messages_and_hides_them_anew() {
    let world = world(&[("a", "1"), ("a", "2"), ("b", "3")]);
    let first = receive(&world, "attempt").await;
    assert_eq!(bodies(&first), ["1", "2", "3"]);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(
        receive(&world, "attempt").await,
        first,
        "handles and counts too"
    );
    assert_eq!(bodies(&receive(&world, "another").await), [""; 0]);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(receive(&world, "attempt").await, first, "still invisible");
    tokio::time::sleep(Duration::from_secs(90)).await;
    let again = receive(&world, "attempt").await;
    assert_eq!(bodies(&again), ["1", "2", "3"]);
    assert_ne!(again, first, "they were visible: it is a new receive");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_ends_where_a_message_was_altered() {
    let world = world(&[("a", "1"), ("b", "2")]);
    let first = receive(&world, "attempt").await;
    let handle = &first[1]["ReceiptHandle"];
    let (status, _) = call(&world, "DeleteMessage", json!({ "ReceiptHandle": handle })).await;
    assert_eq!(status, 200);
    assert_eq!(bodies(&receive(&world, "attempt").await), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_ends_after_five_minutes() {
    let world = world(&[("a", "1")]);
    let first = receive(&world, "attempt").await;
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(80)).await;
        assert_eq!(receive(&world, "attempt").await, first);
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(
        bodies(&receive(&world, "attempt").await),
        [""; 0],
        "it is forgotten, and its message in flight"
    );
}

#[tokio::test(start_paused = true)]
async fn each_entry_of_a_batch_is_deleted_by_itself() {
    let world = world(&[("a", "1"), ("b", "2"), ("c", "3")]);
    let old = receive(&world, "old").await;
    let handles: Vec<_> = old
        .iter()
        .map(|message| &message["ReceiptHandle"])
        .collect();
    let given_back = entries(&handles[1..2], &json!({ "VisibilityTimeout": 0 }));
    call(&world, "ChangeMessageVisibilityBatch", given_back).await;
    let new = receive(&world, "new").await;
    assert_eq!(bodies(&new), ["2"]);

    let no_handle = json!("no handle");
    let all = entries(
        &[handles[0], handles[1], &no_handle, handles[2]],
        &json!({}),
    );
    let (status, answer) = call(&world, "DeleteMessageBatch", all).await;
    assert_eq!(status, 200);
    assert_eq!(
        failed(&answer),
        [
            ("1", "ReceiptHandleIsInvalid"),
            ("2", "ReceiptHandleIsInvalid")
        ]
    );
    assert_eq!(answer["Successful"], json!([{ "Id": "0" }, { "Id": "3" }]));
    let (status, _) = call(
        &world,
        "DeleteMessageBatch",
        entries(&handles[..1], &json!({})),
    )
    .await;
    assert_eq!(
        (status, world.queue.len()),
        (200, 1),
        "a second delete is no error"
    );

    let stale = json!({ "ReceiptHandle": handles[1] });
    let (status, answer) = call(&world, "DeleteMessage", stale).await;
    assert_eq!(
        (status, &answer["__type"]),
        (400, &json!("InvalidParameterValue"))
    );
    tokio::time::sleep(Duration::from_secs(90)).await;
    let visible = json!({ "ReceiptHandle": new[0]["ReceiptHandle"] });
    let (status, _) = call(&world, "DeleteMessage", visible).await;
    assert_eq!((status, world.queue.len()), (400, 1), "it is visible again");
}

#[tokio::test(start_paused = true)]
async fn each_visibility_of_a_batch_is_set_by_itself_in_the_time_of_one_call() {
    let world = world(&[("a", "1"), ("a", "2"), ("b", "3")]);
    let received = receive(&world, "attempt").await;
    let mut handles: Vec<_> = received
        .iter()
        .map(|message| &message["ReceiptHandle"])
        .collect();
    let no_handle = json!("no handle");
    handles[2] = &no_handle;
    world.sqs.set_latency(Duration::from_millis(20));
    let began = tokio::time::Instant::now();
    let back = entries(&handles, &json!({ "VisibilityTimeout": 5 }));
    let (_, answer) = call(&world, "ChangeMessageVisibilityBatch", back).await;
    assert_eq!(failed(&answer), [("2", "MessageNotInflight")]);
    assert_eq!(began.elapsed(), Duration::from_millis(20));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(bodies(&receive(&world, "again").await), ["1", "2"]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_has_one_to_ten_entries_with_ids_of_their_own() {
    let world = world(&[]);
    let handle = json!("no handle");
    let mut twins = entries(&[&handle, &handle], &json!({}));
    twins["Entries"][1]["Id"] = "0".into();
    for (body, code) in [
        (json!({ "Entries": [] }), "EmptyBatchRequest"),
        (twins, "BatchEntryIdsNotDistinct"),
        (
            entries(&[&handle; 11], &json!({})),
            "TooManyEntriesInBatchRequest",
        ),
    ] {
        let (status, answer) = call(&world, "DeleteMessageBatch", body).await;
        assert_eq!((status, answer["__type"].as_str()), (400, Some(code)));
    }
    for bad in [
        json!({ "MaxNumberOfMessages": 11 }),
        json!({ "ReceiveRequestAttemptId": "a b" }),
    ] {
        assert_eq!(call(&world, "ReceiveMessage", bad).await.0, 400);
    }
}
