//! Limits in time: the deadline of an invocation and the retry horizon; and what a panic leaves
//! behind. Other reasons to park a change are in `parking`.

use std::time::Duration;

use bytes::Bytes;
use emulator::Fault;
use emulator::genesys::{Effect, Options};
use io::http::Transport;
use serde_json::json;

use crate::support::{CAMPAIGN, OTHER_CAMPAIGN, World, between, change};

const SERVICE_IS_ILL: Effect = Effect::Status(500, Vec::new());

/// Lets time pass for `hours` while a fault lasts, and invokes apply whenever a message is visible.
/// If the campaign is `well`, another contact of it is written each time.
async fn fail_for(world: &World, hours: u64, well: bool) {
    for _ in 0..hours * 6 {
        fail_once(world, well).await;
    }
}

async fn fail_once(world: &World, well: bool) {
    world.pass(Duration::from_mins(10)).await;
    if world.queue.in_flight().is_empty() && !world.queue.is_empty() {
        if well {
            let now = world.clock.now().as_second().unsigned_abs();
            world.put("well", now, "1");
            world.send([change("well", now + 1).phone("2")]);
        }
        world.invoke().await;
    }
}

fn fail_reads_of_a(world: &World) {
    let fault = Fault::next("GET", SERVICE_IS_ILL).on("contacts/a");
    world.genesys.add_fault(fault.times(100_000));
}

#[tokio::test(start_paused = true)]
async fn a_change_that_fails_while_its_campaign_is_healthy_is_parked_after_the_horizon() {
    let world = World::new();
    fail_reads_of_a(&world);
    world.send([change("a", 1), change("a", 2)]);
    fail_for(&world, 5, true).await;
    assert!(world.dead_letters.is_empty(), "not before six hours");
    fail_for(&world, 3, true).await;
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
    fail_for(&world, 2, true).await;
    assert_eq!(
        world.dead_letters.len(),
        2,
        "each had a try as the first of its group"
    );
}

#[tokio::test(start_paused = true)]
async fn an_outage_parks_nothing_however_long_it_is() {
    let world = World::new();
    let all = Fault::next("GET", SERVICE_IS_ILL).on("contacts");
    world.genesys.add_fault(all.times(100_000));
    world.send([change("a", 1), change("b", 1).callable(false)]);
    fail_for(&world, 48, false).await;
    assert!(world.dead_letters.is_empty());
    assert_eq!(world.queue.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_show_the_write_is_no_sign_of_a_healthy_campaign() {
    let world = World::new();
    let keys = ["a", "b", "c"];
    for key in keys {
        world.put(key, 1, "1");
    }
    let as_it_was = between(&world.genesys, |genesys, request, timeout| async move {
        let path = request.uri().path().to_owned();
        if request.method() != "PATCH" {
            return genesys.send(request, timeout).await;
        }
        let data = json!({ "phone": "1", "crmVersion": "1" });
        let id = path.rsplit('/').next().unwrap();
        let contact = json!({ "id": id, "data": data, "callable": true });
        Ok(http::Response::new(Bytes::from(contact.to_string())))
    });
    let copy = world.copy(Some(as_it_was), |_| ());
    world.send(keys.map(|key| change(key, 2).phone("2")));
    let until = world.clock.now() + Duration::from_hours(8);
    while world.clock.now() < until {
        world.pass(Duration::from_mins(16)).await;
        let batch = world.invoke_copy(&copy, Some(Duration::from_secs(30)));
        assert_eq!(batch.await.failed, [0, 1, 2], "they come together");
    }
    assert!(world.dead_letters.is_empty(), "{:?}", world.parked());
}

#[tokio::test(start_paused = true)]
async fn an_opt_out_is_never_given_up_for_its_failures() {
    let world = World::new();
    fail_reads_of_a(&world);
    world.send([change("a", 1).callable(false)]);
    fail_for(&world, 24, true).await;
    assert!(world.dead_letters.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_follower_is_not_parked_with_the_first_of_its_group() {
    let world = World::new();
    fail_reads_of_a(&world);
    world.send([change("a", 1), change("a", 2)]);
    while world.dead_letters.is_empty() {
        fail_once(&world, true).await;
    }
    let first = world.dead_letters.messages().remove(0);
    assert!(first.body.contains("\"version\":1"), "{}", first.body);
    let received = world.dead_letters.len();
    assert_eq!(received, 1, "both are past the horizon");
}

#[tokio::test(start_paused = true)]
async fn on_its_last_day_in_the_queue_a_change_is_parked_with_its_reason() {
    let world = World::new();
    fail_reads_of_a(&world);
    world.send([change("a", 1).callable(false)]);
    fail_for(&world, 24 * 12, false).await;
    assert!(world.dead_letters.is_empty());
    fail_for(&world, 25, false).await;
    let parked = world.parked();
    assert_eq!(parked.len(), 1, "before SQS itself would take it");
    assert_eq!(parked[0]["reason"], "expired");
    assert_eq!(parked[0]["detail"], "GET contact: 500 on.purpose");
}

#[tokio::test(start_paused = true)]
async fn neither_a_spent_budget_nor_lack_of_time_parks_anything() {
    let world = World::new();
    let refusal = Effect::Status(429, vec![("retry-after", "600".to_owned())]);
    world
        .genesys
        .add_fault(Fault::next("GET", refusal).times(100_000));
    world.send([change("a", 1)]);
    fail_for(&world, 30, false).await;
    assert!(world.dead_letters.is_empty());
    assert_eq!(world.queue.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_the_end_of_the_invocation_cuts_short_parks_nothing() {
    let world = World::with(Options {
        latency: Duration::from_millis(400),
        ..Options::default()
    });
    world.apply([change("warm", 1)]).await;
    world.send([change("a", 1)]);
    let mut waited = 0;
    while waited < 7 {
        if let 0 = world.queue.in_flight().len() {
            // There is time to begin a call, but not for its answer.
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

#[tokio::test(start_paused = true)]
async fn a_panic_in_one_campaign_retries_that_campaign_alone() {
    let world = World::new();
    let panicking = between(&world.genesys, |genesys, request, timeout| async move {
        assert!(!request.uri().path().contains(OTHER_CAMPAIGN), "on purpose");
        genesys.send(request, timeout).await
    });
    let copy = world.copy(Some(panicking), |_| ());
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
