//! The answer to Lambda. It names only ids of the batch, never an empty or null one, and one bad
//! record never fails the batch.

use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};

use emulator::Fault;

use crate::support::{World, change};

/// Applies a hand-written event, and returns the reported ids.
async fn handle(world: &World, records: Value) -> Result<Vec<String>, String> {
    let event = serde_json::from_value(json!({ "Records": records })).unwrap();
    let mut lambda = lambda_runtime::Context::default();
    lambda.deadline = (world.clock.now() + std::time::Duration::from_secs(30))
        .as_millisecond()
        .unsigned_abs();
    let answer = apply::handle(&world.context, LambdaEvent::new(event, lambda))
        .await
        .map_err(|error| error.to_string())?;
    let answer = serde_json::to_value(answer).unwrap();
    assert_eq!(answer.as_object().unwrap().len(), 1, "{answer}");
    let ids = answer["batchItemFailures"].as_array().unwrap().iter();
    Ok(ids
        .map(|id| id["itemIdentifier"].as_str().unwrap().to_owned())
        .collect())
}

fn record(id: Value, key: &str, version: u64) -> Value {
    let message = change(key, version).message();
    json!({
        "messageId": id,
        "receiptHandle": "a-handle",
        "body": message.body,
        "attributes": { "MessageGroupId": message.group, "ApproximateReceiveCount": "1" },
    })
}

#[tokio::test(start_paused = true)]
async fn the_first_failure_of_a_group_and_all_messages_after_it_are_reported_in_order() {
    let world = World::new();
    world
        .genesys
        .add_fault(Fault::status("GET", 500).on("contacts/a").times(9));
    let records = json!([
        record(json!("1"), "b", 1),
        record(json!("2"), "a", 1),
        record(json!("3"), "b", 2),
        record(json!("4"), "a", 2),
        record(json!("5"), "c", 1),
    ]);
    assert_eq!(handle(&world, records).await.unwrap(), ["2", "4"]);
}

#[tokio::test(start_paused = true)]
async fn when_every_message_succeeds_the_list_of_failures_is_empty() {
    let world = World::new();
    assert_eq!(
        handle(&world, json!([record(json!("1"), "a", 1)]))
            .await
            .unwrap(),
        [""; 0]
    );
    assert_eq!(handle(&world, json!([])).await.unwrap(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_record_without_an_id_is_applied_and_if_it_must_be_retried_the_whole_batch_is() {
    let world = World::new();
    for id in [json!(null), json!("")] {
        assert_eq!(
            handle(
                &world,
                json!([record(id, "a", 1), record(json!("2"), "b", 1)])
            )
            .await
            .unwrap(),
            [""; 0]
        );
    }
    world
        .genesys
        .add_fault(Fault::status("GET", 500).on("contacts/c").times(9));
    let error = handle(
        &world,
        json!([record(json!(null), "c", 1), record(json!("2"), "d", 1)]),
    )
    .await
    .unwrap_err();
    assert!(error.contains("messageId"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn records_that_lack_everything_are_parked_one_by_one() {
    let world = World::new();
    let records = json!([
        { "messageId": "1" },
        { "messageId": "2", "body": "", "attributes": null },
        { "messageId": "3", "body": "{}", "attributes": { "MessageGroupId": "g" } },
        { "body": "[]", "attributes": {} },
        record(json!("5"), "a", 1),
    ]);
    assert_eq!(handle(&world, records).await.unwrap(), [""; 0]);
    assert_eq!(world.parked().len(), 4);
    assert_eq!(world.genesys.contacts(crate::support::CAMPAIGN).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_kept_from_one_invocation_to_the_next() {
    let world = World::new();
    world
        .genesys
        .add_fault(Fault::status("GET", 500).on("contacts/a").times(3));
    assert_eq!(
        handle(&world, json!([record(json!("1"), "a", 1)]))
            .await
            .unwrap(),
        ["1"]
    );
    let records = json!([record(json!("2"), "a", 2), record(json!("3"), "b", 1)]);
    assert_eq!(
        handle(&world, records).await.unwrap(),
        [""; 0],
        "the group's earlier failure is forgotten"
    );
}
