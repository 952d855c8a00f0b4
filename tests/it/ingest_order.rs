//! The order of changes in the queue, and what becomes of requests that are sent again, also while
//! SQS fails or is slow. Which requests are let in is in `ingest_auth`.

use std::time::Duration;

use lambda_http::{Request, RequestExt};
use serde_json::{Value, json};

use crate::support::ingest::{SECRET, World, change, list, queued};

#[tokio::test(start_paused = true)]
async fn after_a_failed_entry_no_later_change_of_its_group_is_sent_and_a_resend_keeps_the_order() {
    let world = World::new();
    world.sqs.refuse_entry("\"version\":2", false);
    let changes = [("a", 1), ("b", 1), ("a", 2), ("a", 3), ("b", 3)];
    assert_eq!(
        world.post(&changes).await,
        (503, json!({ "error": "unavailable", "accepted": 3 }), true)
    );
    assert_eq!(world.queued(), queued(&[("a", 1), ("b", 1), ("b", 3)]));

    assert_eq!(
        world.post(&changes).await,
        (202, json!({ "accepted": 5 }), false)
    );
    assert_eq!(
        world.queued(),
        queued(&[("a", 1), ("b", 1), ("b", 3), ("a", 2), ("a", 3)]),
        "no duplicate, no change of order"
    );
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_does_not_answer_is_503() {
    let world = World::new();
    world.sqs.refuse(1);
    assert_eq!(
        world.post(&[("a", 1)]).await,
        (503, json!({ "error": "unavailable", "accepted": 0 }), true)
    );
    let many: Vec<_> = (0..15)
        .map(|n| {
            (
                [
                    "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o",
                ][n],
                1,
            )
        })
        .collect();
    assert_eq!(world.post(&many).await.0, 202);
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_is_the_senders_fault_is_400_and_ends_the_queueing() {
    let world = World::new();
    world.sqs.refuse_entry("\"contactKey\":\"b\"", true);
    let (status, body, _) = world.post(&[("a", 1), ("b", 1), ("a", 2)]).await;
    assert_eq!(
        (status, &body["details"][0]["pointer"]),
        (400, &json!("/changes/1"))
    );
    assert_eq!(world.queued(), queued(&[("a", 1)]));

    world.sqs.refuse_entry("\"contactKey\":\"b\"", true);
    world.sqs.refuse_entry("\"contactKey\":\"c\"", false);
    assert_eq!(
        world.post(&[("b", 1), ("c", 1)]).await.0,
        503,
        "changes that can still be stored are stored"
    );
}

#[tokio::test(start_paused = true)]
async fn changes_of_one_contact_keep_their_order() {
    let world = World::new();
    let answer = world
        .post(&[("a", 1), ("a", 2), ("b", 1), ("a", 3), ("b", 2)])
        .await;
    assert_eq!(answer, (202, json!({ "accepted": 5 }), false));
    let of = |key: &str| {
        world
            .queued()
            .into_iter()
            .filter(|(other, _)| other == key)
            .map(|(_, n)| n)
            .collect::<Vec<_>>()
    };
    assert_eq!((of("a"), of("b")), (vec![1, 2, 3], vec![1, 2]));
}

/// The longest time that a request takes, with the slowest answer of SQS that still counts.
const LONGEST: Duration = Duration::from_secs(29);
const SLOW: Duration = Duration::from_millis(2_800);

/// The request as Lambda hands it over, with this much time left.
fn with_time(request: Request, world: &World, time: Duration) -> Request {
    let mut lambda = lambda_runtime::Context::default();
    lambda.deadline = (world.now() + time).as_millisecond().unsigned_abs();
    request.with_lambda_context(lambda)
}

fn changes_of_one(count: u64) -> Vec<(&'static str, u64)> {
    (1..=count).map(|version| ("a", version)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_replayed_signed_request_stores_nothing_as_long_as_its_signature_is_valid() {
    // The signature is dated ahead as far as ingest allows. The request is replayed as late and as
    // slowly as possible.
    let mut world = World::new();
    let signed_at = world.now().as_second() + 60;
    let body = list(&changes_of_one(9));
    let request = |world: &World| {
        let request = world.signed_by(SECRET, signed_at, "/webhooks/crm", &body);
        with_time(request, world, LONGEST)
    };
    assert_eq!(world.send(request(&world)).await.0, 202);
    assert_eq!(world.take_queued().len(), 9);
    world.sqs.set_latency(SLOW);
    let mut last = 0;
    loop {
        // Another copy of ingest knows nothing of the first request.
        world = world.cold();
        let began = world.now().as_second();
        let (status, ..) = world.send(request(&world)).await;
        assert!(
            world.queue.is_empty(),
            "{} s after its date",
            began - signed_at
        );
        if status == 401 {
            break;
        }
        last = began - signed_at;
        let next = if last < 150 { 10 } else { 1 };
        tokio::time::sleep(Duration::from_secs(next)).await;
    }
    assert!(
        (150..=180).contains(&last),
        "it was good until {last} s after its date"
    );
}

#[tokio::test(start_paused = true)]
async fn another_change_under_the_same_event_id_is_not_taken_for_the_first_one_sent_again() {
    let world = World::new();
    let say = |callable: bool| json!({ "eventId": "evt-1", "contactKey": "a", "data": { "phone": "1" }, "callable": callable });
    for body in [say(true), say(false), say(true), say(false)] {
        let request = world.signed("/webhooks/crm", &body.to_string());
        assert_eq!(world.send(request).await.0, 202);
    }
    let callable = |body: &String| {
        let body: Value = serde_json::from_str(body).unwrap();
        body["callable"].as_bool().unwrap()
    };
    let bodies = world.take_queued();
    assert_eq!(
        bodies.iter().map(callable).collect::<Vec<_>>(),
        [true, false],
        "the opt-out is there, and what was sent again is not stored again"
    );
}

#[tokio::test(start_paused = true)]
async fn the_same_content_under_three_event_ids_is_three_changes() {
    let world = World::new();
    for (event, phone) in [("e1", "A"), ("e2", "B"), ("e3", "A")] {
        let body = json!({ "eventId": event, "contactKey": "a", "data": { "phone": phone } });
        let request = world.signed("/webhooks/crm", &body.to_string());
        assert_eq!(world.send(request).await.0, 202);
    }
    assert_eq!(world.take_queued().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn two_changes_of_one_contact_with_one_event_id_in_one_request_are_400_and_nothing_is_queued()
{
    let world = World::new();
    let opt_out = json!({ "eventId": "evt-a-1", "contactKey": "a", "operation": "remove" });
    let body = json!({ "changes": [change("a", 1), change("b", 1), opt_out] }).to_string();
    let (status, answer, _) = world.send(world.signed("/webhooks/crm", &body)).await;
    assert_eq!(
        (status, &answer["details"][0]["pointer"]),
        (400, &json!("/changes/2/eventId"))
    );
    assert_eq!(answer["details"].as_array().unwrap().len(), 1);
    assert!(world.queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn with_a_slow_sqs_a_request_sends_what_it_has_time_for_and_the_retry_sends_the_rest() {
    let world = World::new();
    world.sqs.set_latency(Duration::from_millis(300));
    let changes = changes_of_one(100);
    let began = world.now();
    let request = world.signed("/webhooks/crm", &list(&changes));
    let (status, answer, comes_again) = world.send(with_time(request, &world, LONGEST)).await;
    let took = world.now().duration_since(began).unsigned_abs();
    let accepted = answer["accepted"].as_u64().unwrap();
    assert_eq!((status, comes_again), (503, true), "{answer}");
    assert!((80..100).contains(&accepted), "{accepted}");
    assert!(
        took < LONGEST && took > LONGEST - SLOW - Duration::from_secs(1),
        "{took:?}"
    );
    assert_eq!(world.queued(), queued(&changes_of_one(accepted)));
    assert_eq!(
        world.take_told(),
        [format!(
            "refused crm: {accepted} of 100 changes are in the queue: there is no time for another call to SQS"
        )]
    );

    tokio::time::sleep(Duration::from_secs(30)).await;
    let began = world.now();
    let request = world.signed("/webhooks/crm", &list(&changes));
    assert_eq!(
        world.send(with_time(request, &world, LONGEST)).await,
        (202, json!({ "accepted": 100 }), false)
    );
    let took = world.now().duration_since(began).unsigned_abs();
    assert!(took < Duration::from_secs(8), "{took:?}");
    assert_eq!(world.queued(), queued(&changes), "each once, in order");
}

#[tokio::test(start_paused = true)]
async fn a_change_that_a_retry_left_out_as_queued_is_sent_once_the_queue_may_have_forgotten_it() {
    let world = World::new();
    world.sqs.refuse_entry("\"version\":2", false);
    assert_eq!(world.post(&[("a", 1), ("a", 2)]).await.0, 503);
    assert_eq!(world.take_queued().len(), 1);
    world.sqs.refuse_entry("\"version\":2", false);
    assert_eq!(world.post(&[("a", 1), ("a", 2)]).await.0, 503);
    assert!(world.queue.is_empty());
    // Five minutes later the request counts as new. Its sender had got an answer that it failed.
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(world.post(&[("a", 1), ("a", 2)]).await.0, 202);
    assert_eq!(world.queued(), queued(&[("a", 1), ("a", 2)]));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_lambda_counts_where_it_is_sooner_and_one_that_is_past_is_none() {
    for (time, expected) in [(Some(10), 22), (Some(4), 2), (Some(3), 0), (None, 100)] {
        let world = World::new();
        world.sqs.set_latency(Duration::from_millis(300));
        let count = if time.is_some() { 100 } else { 80 };
        let mut request = world.signed("/webhooks/crm", &list(&changes_of_one(count)));
        request = match time {
            Some(seconds) => with_time(request, &world, Duration::from_secs(seconds)),
            None => {
                let mut lambda = lambda_runtime::Context::default();
                lambda.deadline = 600_000;
                request.with_lambda_context(lambda)
            }
        };
        let (status, answer, _) = world.send(request).await;
        let accepted = answer["accepted"].as_u64().unwrap();
        match time {
            Some(_) => assert_eq!(
                (status, accepted.abs_diff(expected) <= 1),
                (503, true),
                "{accepted}"
            ),
            None => assert_eq!((status, accepted), (202, 80)),
        }
    }
}
