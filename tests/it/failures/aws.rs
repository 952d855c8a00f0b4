//! Secrets Manager and the dead-letter queue hang. Messages that need neither do not wait.

use std::time::Duration;

use io::aws::LONGEST_CALL;
use serde_json::json;

use crate::support::{Done, World, change};

const AT_ONCE: Duration = Duration::from_millis(500);

#[tokio::test(start_paused = true)]
async fn a_dead_letter_queue_that_hangs_is_probed_by_one_message_at_a_time() {
    let world = World::new();
    world.sqs.let_sends_hang(true);
    let poison = |key: &str| change(key, 1).spoilt("x");

    world.send([poison("a"), poison("b")]);
    let first = world.invoke().await;
    assert!(first.took >= LONGEST_CALL, "the hang is noticed once");
    for key in ["c", "d"] {
        world.send([poison(key), change("opt-out", 1).callable(false)]);
        let next = world.invoke().await;
        assert!(next.took < AT_ONCE, "{next:?}");
        assert_eq!(next.failed, [0], "the poison alone waits: {next:?}");
        assert!(!world.contact("opt-out").1);
    }
    world.pass(Duration::from_secs(16)).await;
    world.send([poison("e"), poison("f")]);
    let probed = world.invoke().await;
    assert!(probed.took >= LONGEST_CALL, "after 15 s it is probed");
    assert!(world.dead_letters.is_empty());

    world.sqs.let_sends_hang(false);
    world.pass(Duration::from_mins(2)).await;
    while !world.queue.is_empty() {
        if world.queue.in_flight().is_empty() {
            world.invoke().await;
        }
        world.pass(Duration::from_secs(5)).await;
    }
    assert_eq!(world.dead_letters.len(), 6, "nothing is lost");
}

#[tokio::test(start_paused = true)]
async fn while_secrets_manager_hangs_cached_secrets_are_used_at_once() {
    let world = World::new();
    for org in ["third", "fourth", "stranger"] {
        world.put_org(org, &json!({}));
        world.put_campaign(org, &format!("{org}-campaign"), None);
    }
    let of = |org: &str, version| change("b", version).of(org, &format!("{org}-campaign"));
    let known = ["other", "third", "fourth"].map(|org| of(org, 1));
    world.apply(known).await;

    // By then the cached secrets are old, so apply asks Secrets Manager for each again.
    world.pass(Duration::from_mins(6)).await;
    world.vault.set_latency(Duration::from_mins(1));
    let mut batches = Vec::new();
    for org in ["other", "third", "stranger", "fourth", "other"] {
        let version = world.clock.now().as_second().unsigned_abs();
        batches.push(world.apply([of(org, version).phone("2")]).await);
    }
    let held = |done: &Done| done.took > AT_ONCE;
    assert_eq!(
        batches.iter().map(held).collect::<Vec<_>>(),
        [true, true, true, false, false],
        "after three secrets the hang is known: {batches:?}"
    );
    let outcomes: Vec<_> = batches.iter().map(|done| &done.records[0][..7]).collect();
    assert_eq!(
        outcomes,
        ["updated", "updated", "retried", "updated", "updated"],
        "cached secrets are still used"
    );

    let told = world.told();
    let ill = told.iter().filter(|told| told.contains("Secrets Manager"));
    let ill: Vec<_> = ill.map(|told| &told[..8]).collect();
    assert_eq!(
        ill,
        ["! other ", "! third ", "! strang"],
        "each once: {told:?}"
    );

    world.vault.set_latency(Duration::from_millis(20));
    world.pass(Duration::from_mins(1)).await;
    assert_eq!(world.invoke().await.records, ["created"]);
}
