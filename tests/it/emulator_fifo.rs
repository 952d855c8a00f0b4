//! The emulated queue and event source follow the rules of AWS: order within a group,
//! deduplication, visibility, and the answer to a batch. The same queue over the protocol of SQS is
//! in `emulator_sqs`.

use std::sync::Arc;
use std::time::Duration;

use emulator::fifo::Attributes;
use emulator::{EventSource, Fifo};
use io::Clock;
use io::queue::Message;
use serde_json::{Value, json};

fn clock() -> Clock {
    emulator::logical_clock("2026-11-24T16:00:00Z".parse().unwrap())
}

fn queue(max_receives: u32) -> (EventSource, Arc<Fifo>) {
    let attributes = Attributes {
        visibility_timeout: Duration::from_secs(30),
        max_receives,
    };
    let (queue, dead_letters) = Fifo::pair(&clock(), attributes);
    (EventSource::new(&queue), dead_letters)
}

fn message(group: &str, body: &str) -> Message {
    Message {
        body: body.into(),
        group: group.into(),
        deduplication_id: format!("{group}-{body}"),
        attributes: vec![],
    }
}

fn send(source: &EventSource, messages: &[(&str, &str)]) {
    messages
        .iter()
        .for_each(|(group, body)| source.queue.send(message(group, body)).unwrap());
}

fn bodies(event: &Value) -> Vec<&str> {
    event["Records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["body"].as_str().unwrap())
        .collect()
}

fn failures(event: &Value, bodies: &[&str]) -> Value {
    let records = event["Records"].as_array().unwrap().iter();
    let failed = records.filter(|record| bodies.contains(&record["body"].as_str().unwrap()));
    let items: Vec<_> = failed
        .map(|record| json!({ "itemIdentifier": record["messageId"] }))
        .collect();
    json!({ "batchItemFailures": items })
}

#[tokio::test(start_paused = true)]
async fn a_batch_takes_as_many_messages_as_possible_of_a_group_then_of_the_next() {
    let (source, _) = queue(99);
    send(&source, &[("a", "1"), ("b", "2"), ("a", "3"), ("c", "4")]);
    assert_eq!(
        bodies(&source.queue.receive(10).unwrap().event),
        ["1", "3", "2", "4"]
    );
    send(&source, &[("a", "5"), ("d", "6")]);
    assert_eq!(
        bodies(&source.queue.receive(10).unwrap().event),
        ["6"],
        "group a is in flight"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_message_comes_back_before_anything_later_of_its_group() {
    let (source, _) = queue(99);
    send(&source, &[("a", "1"), ("a", "2"), ("b", "3")]);
    let batch = source.queue.receive(10).unwrap();
    source.answered(&batch, Some(&failures(&batch.event, &["1", "2"])));
    send(&source, &[("a", "4")]);
    assert!(
        source.queue.receive(10).is_none(),
        "it is invisible, and so are those behind it"
    );
    tokio::time::sleep(Duration::from_secs(30)).await;
    let again = source.queue.receive(10).unwrap();
    assert_eq!(bodies(&again.event), ["1", "2", "4"]);
    assert_eq!(
        again.event["Records"][0]["attributes"]["ApproximateReceiveCount"],
        "2"
    );
}

#[tokio::test(start_paused = true)]
async fn only_a_message_in_flight_has_a_visibility_timeout() {
    let (source, _) = queue(99);
    send(&source, &[("a", "1")]);
    let event = source.queue.receive(10).unwrap().event;
    let handle = event["Records"][0]["receiptHandle"].as_str().unwrap();
    source.queue.set_visibility(handle, 5).unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(
        source.queue.set_visibility(handle, 5).is_err(),
        "it is visible again"
    );
    assert!(source.queue.receive(10).is_some());
    assert!(
        source.queue.set_visibility(handle, 5).is_err(),
        "the handle belongs to an earlier receive"
    );
    assert!(source.queue.set_visibility(handle, 43_201).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_within_five_minutes_is_not_stored_again() {
    let (source, _) = queue(99);
    send(&source, &[("a", "1"), ("a", "1"), ("b", "1")]);
    assert_eq!(
        (source.queue.len(), source.queue.deduplicated()),
        (2, 1),
        "deduplication is by group and id"
    );
    let batch = source.queue.receive(10).unwrap();
    source.answered(&batch, Some(&Value::Null));
    send(&source, &[("a", "1")]);
    assert!(source.queue.is_empty(), "even after the first was deleted");
    tokio::time::sleep(Duration::from_mins(5)).await;
    send(&source, &[("a", "1")]);
    assert_eq!(source.queue.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn after_too_many_receives_a_message_goes_to_the_dead_letter_queue() {
    let (source, dead_letters) = queue(2);
    send(&source, &[("a", "1"), ("a", "2")]);
    for _ in 0..2 {
        assert!(source.queue.receive(1).is_some());
        tokio::time::sleep(Duration::from_secs(31)).await;
    }
    assert_eq!(bodies(&source.queue.receive(10).unwrap().event), ["2"]);
    assert_eq!(dead_letters.messages()[0].body, "1");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_sqs_would_refuse_is_refused() {
    let (source, _) = queue(99);
    let long = "x".repeat(129);
    for (group, deduplication_id, body) in [
        ("", "d", "b"),
        ("g", "", "b"),
        ("g", "d", ""),
        ("a b", "d", "b"),
        ("é", "d", "b"),
        (&long, "d", "b"),
    ] {
        let message = Message {
            body: body.into(),
            group: group.into(),
            deduplication_id: deduplication_id.into(),
            attributes: vec![],
        };
        assert!(
            source.queue.send(message).is_err(),
            "{group:?} {deduplication_id:?} {body:?}"
        );
    }
    let message = Message {
        attributes: vec![("reason", String::new())],
        ..message("g", "b")
    };
    assert!(source.queue.send(message).is_err(), "an empty attribute");
}

/// How many of two messages are left after an answer.
fn left_after(answer: Option<Value>) -> usize {
    let (source, _) = queue(99);
    send(&source, &[("a", "1"), ("b", "2")]);
    let batch = source.queue.receive(10).unwrap();
    source.answered(&batch, answer.as_ref());
    source.queue.len()
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_failures_deletes_everything_and_a_wrong_one_nothing() {
    for done in [
        json!(null),
        json!({}),
        json!({ "batchItemFailures": null }),
        json!({ "batchItemFailures": [] }),
    ] {
        assert_eq!(left_after(Some(done.clone())), 0, "{done}");
    }
    for id in [json!(""), json!(null), json!("foreign"), json!(1)] {
        assert_eq!(
            left_after(Some(
                json!({ "batchItemFailures": [{ "itemIdentifier": id }] })
            )),
            2,
            "{id}"
        );
    }
    assert_eq!(left_after(Some(json!({ "batchItemFailures": [{}] }))), 2);
    assert_eq!(left_after(None), 2, "the function failed");
}
