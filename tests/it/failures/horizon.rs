//! Time: the invocation's end, the retry horizon, and what a panic leaves.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use emulator::Fault;
use emulator::genesys::{Effect, Options};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use io::genesys::{Transport, TransportError};

use crate::support::{CAMPAIGN, OTHER_CAMPAIGN, World, change};

const SERVICE_IS_ILL: Effect = Effect::Status(500, Vec::new());

/// Fails for `hours`, invoked whenever the queue gives something, and answers what was told of the
/// last time.
async fn fail_for(world: &World, hours: u64) -> Vec<String> {
    let mut last = Vec::new();
    for _ in 0..hours * 6 {
        world.pass(Duration::from_mins(10)).await;
        if world.queue.in_flight().is_empty() && !world.queue.is_empty() {
            last = world.invoke().await.records;
        }
    }
    last
}

#[tokio::test(start_paused = true)]
async fn what_fails_by_itself_is_parked_after_the_horizon_and_its_followers_get_a_try() {
    let world = World::new();
    world.genesys.add_fault(
        Fault::next("GET", SERVICE_IS_ILL)
            .on("contacts/a")
            .times(100_000),
    );
    world.send([change("a", 1), change("a", 2)]);
    fail_for(&world, 5).await;
    assert!(world.dead_letters.is_empty(), "not before six hours");
    fail_for(&world, 2).await;
    let parked = world.parked();
    assert!(!parked.is_empty());
    assert_eq!(parked[0]["reason"], "retryHorizon");
    assert_eq!(
        (
            parked[0]["httpStatus"].as_str(),
            parked[0]["detail"].as_str()
        ),
        ("500", "GET contact: 500 on.purpose")
    );
    assert_eq!(parked[0]["firstReceivedAt"], "2026-11-24T16:10:00Z");
    if parked.len() == 1 {
        fail_for(&world, 1).await;
    }
    assert_eq!(
        world.dead_letters.len(),
        2,
        "each had a try as the first of its group"
    );
}

#[tokio::test(start_paused = true)]
async fn a_follower_is_not_parked_with_the_first_of_its_group() {
    let world = World::new();
    world.genesys.add_fault(
        Fault::next("GET", SERVICE_IS_ILL)
            .on("contacts/a")
            .times(100_000),
    );
    world.send([change("a", 1), change("a", 2)]);
    while world.dead_letters.is_empty() {
        world.pass(Duration::from_mins(10)).await;
        if world.queue.in_flight().is_empty() {
            world.invoke().await;
        }
    }
    assert_eq!(
        (world.queue.len(), world.dead_letters.len()),
        (1, 1),
        "both are past the horizon"
    );
    let first = world.dead_letters.messages().remove(0);
    assert!(first.body.contains("\"version\":1"), "{}", first.body);
}

#[tokio::test(start_paused = true)]
async fn neither_a_spent_budget_nor_lack_of_time_parks_anything() {
    let world = World::new();
    let refusal = Effect::Status(429, vec![("retry-after", "600".to_owned())]);
    world
        .genesys
        .add_fault(Fault::next("GET", refusal).times(100_000));
    world.send([change("a", 1)]);
    fail_for(&world, 30).await;
    assert!(world.dead_letters.is_empty());
    assert_eq!(world.queue.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_our_own_end_cut_short_parks_nothing() {
    let world = World::with(Options {
        latency: Duration::from_millis(400),
        ..Options::default()
    });
    world.apply([change("warm", 1)]).await;
    world.send([change("a", 1)]);
    let mut waited = 0;
    while waited < 7 {
        if let 0 = world.queue.in_flight().len() {
            // Enough to begin a call, not enough for its answer.
            let done = world
                .invoke_copy(&world.context, Some(Duration::from_millis(3_300)))
                .await;
            assert!(done.records[0].starts_with("retried"), "{:?}", done.records);
        }
        world.pass(Duration::from_hours(1)).await;
        waited += 1;
    }
    world
        .invoke_copy(&world.context, Some(Duration::from_millis(3_300)))
        .await;
    assert!(world.dead_letters.is_empty());
}

#[tokio::test(start_paused = true)]
async fn with_three_seconds_left_nothing_is_begun() {
    let world = World::new();
    world.send([change("a", 1), change("b", 1)]);
    let done = world
        .invoke_copy(&world.context, Some(Duration::from_secs(3)))
        .await;
    assert_eq!(done.failed, [0, 1]);
    assert!(done.calls.is_empty());
    assert!(done.records[0].starts_with("retried in 1"));
}

#[tokio::test(start_paused = true)]
async fn a_call_under_way_is_given_up_before_the_end() {
    let world = World::new();
    world.genesys.add_fault(
        Fault::next("GET", Effect::Hang { is_done: false })
            .on("/slow")
            .times(99),
    );
    world.send([
        change("slow", 1),
        change("b", 1).of("other", "other-campaign"),
    ]);
    let done = world
        .invoke_copy(&world.context, Some(Duration::from_secs(6)))
        .await;
    assert_eq!(
        (done.failed, done.records[1].as_str()),
        (vec![0], "created")
    );
    assert!(done.took <= Duration::from_secs(3), "{:?}", done.took);
}

#[tokio::test(start_paused = true)]
async fn a_slow_org_does_not_hold_up_the_calls_of_another() {
    let world = World::with(Options::default());
    world
        .genesys
        .add_fault(Fault::next("GET", Effect::Slow(Duration::from_secs(4))).on("/slow"));
    world
        .apply([
            change("slow", 1),
            change("b", 1).of("other", "other-campaign"),
        ])
        .await;
    let calls = world.genesys.calls();
    let of = |path: &str, method: &str| {
        calls
            .iter()
            .find(|call| call.path.contains(path) && call.method == method)
            .unwrap()
            .at
    };
    assert!(of("other-campaign", "POST") < of(CAMPAIGN, "POST"));
    assert!(
        of("other-campaign", "POST").duration_since(calls[0].at)
            < jiff::SignedDuration::from_secs(1)
    );
}

/// Panics at every call of one campaign.
struct Panicking(Arc<emulator::Genesys>);

impl Transport for Panicking {
    fn send(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        async move {
            assert!(!request.uri().path().contains(OTHER_CAMPAIGN), "on purpose");
            self.0.send(request, timeout).await
        }
        .boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_one_campaign_retries_that_campaign_alone() {
    let world = World::new();
    let copy = world.copy(Some(Arc::new(Panicking(world.genesys.clone()))), |_| ());
    world.send([
        change("a", 1).of("acme", OTHER_CAMPAIGN),
        change("b", 1),
        change("c", 1).of("other", "other-campaign"),
    ]);
    let done = world
        .invoke_copy(&copy, Some(Duration::from_secs(30)))
        .await;
    assert_eq!(done.failed, [0]);
    assert_eq!(done.records[1..], ["created", "created"]);
    assert!(done.records[0].starts_with("retried in 1"));
}
