//! First loads by `predictive`: new contacts are created without a read.

use super::*;

/// A world of `predictive` campaigns in which sixty contacts were read and not found.
async fn first_load() -> World {
    let world = World::with(Options {
        calls_per_minute: Some(3_000),
        ..Options::default()
    });
    for n in 0..6 {
        world
            .apply((0..10).map(|i| change(&format!("new{n}{i}"), 1)))
            .await;
    }
    world.pass(Duration::from_secs(2)).await;
    world
}

#[tokio::test(start_paused = true)]
async fn in_a_first_load_contacts_are_created_a_hundred_a_call_without_a_read() {
    let world = first_load().await;
    let done = world.apply(changes(300)).await;
    assert_eq!(world.genesys.contacts(CAMPAIGN).len(), 360);
    assert_eq!(done.calls, ["POST contacts 200"; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_contact_that_exists_ends_a_first_load_and_is_read() {
    let world = first_load().await;
    world.put("c7", 9, "+15550009");
    world.send(changes(10));
    let done = world.invoke().await;
    assert_eq!(
        count(&done.calls, "POST contacts 409"),
        1,
        "{:?}",
        done.calls
    );
    assert_eq!(count(&done.calls, "GET"), 10, "{:?}", done.calls);
    assert_eq!(done.records[7], "stale");
    assert_eq!(world.column("c7", "phone"), "+15550009");
    let done = world
        .apply((20..30).map(|n| change(&format!("c{n}"), 1)))
        .await;
    assert_eq!(count(&done.calls, "GET"), 10, "{:?}", done.calls);
}

#[tokio::test(start_paused = true)]
async fn a_reset_of_a_rank_is_never_made_without_a_read() {
    let world = first_load().await;
    world.put("c7", 9, "+15550009");
    let reset = change("c7", 1)
        .without("data")
        .without("version")
        .with("operation", "resetRank")
        .with(
            "reset",
            serde_json::json!({ "from": 9, "to": 3, "reason": "the CRM was restored" }),
        );
    let done = world.apply([reset]).await;
    assert_eq!(done.records, ["updated"], "{:?}", done.calls);
    assert_eq!(world.column("c7", crate::support::VERSION_FIELD), "3");
}

#[tokio::test(start_paused = true)]
async fn in_a_first_load_a_message_that_was_received_before_is_read_too() {
    let world = first_load().await;
    world.send([change("c1", 1)]);
    world.queue.receive_for(10, Duration::from_secs(1));
    world.pass(Duration::from_secs(1)).await;
    let done = world.invoke().await;
    assert_eq!(done.calls, ["GET c1 404", "POST contacts 200"]);
}
