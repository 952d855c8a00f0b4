//! 429 answers, and the call budget that the copies of apply share. Several copies at once are in
//! `copies`, waits after a 429 in `waits`, and the end of a budget in `last_calls`.

mod copies;
mod waits;

use std::time::Duration;

use emulator::Fault;
use emulator::genesys::{Effect, Options};
use serde_json::json;

use crate::support::{CAMPAIGN, ODD_WAITS, World, change, never_hammered, seconds};
use copies::spend;

fn refusal(retry_after: Option<&str>) -> Effect {
    Effect::Status(
        429,
        retry_after
            .map(|seconds| ("retry-after", seconds.to_owned()))
            .into_iter()
            .collect(),
    )
}

#[tokio::test(start_paused = true)]
async fn a_429_of_the_token_endpoint_is_a_429() {
    let world = World::new();
    let path = "/oauth".to_owned();
    world.genesys.add_fault(Fault {
        method: None,
        path,
        after: 0,
        times: 1,
        effect: refusal(Some("60")),
    });
    let done = world.apply([change("a", 1)]).await;
    assert!(
        (60..=64).contains(&seconds(&done.records[0])),
        "{:?}",
        done.records
    );
    assert_eq!(world.told(), ["retried"], "nobody has to act");
}

#[tokio::test(start_paused = true)]
async fn after_a_429_without_a_count_one_call_asks_for_all() {
    let world = World::with(Options {
        rate_headers: false,
        ..Options::default()
    });
    world.apply([change("warm", 1)]).await;
    world
        .genesys
        .add_fault(Fault::next("GET", refusal(Some("2"))).times(12));
    let done = world
        .apply((0..10).map(|n| change(&format!("k{n}"), 1)))
        .await;
    let refused = done
        .calls
        .iter()
        .filter(|call| call.ends_with("429"))
        .count();
    assert!(
        refused <= 10 + 2,
        "{refused}: ten were under way at first, then one at a time: {:?}",
        done.calls
    );
}

#[tokio::test(start_paused = true)]
async fn copies_with_one_oauth_client_keep_to_one_budget_by_the_reported_headers() {
    for copies in [1, 2, 5, 8, 10] {
        let (world, refused, calls) = spend(copies, Options::default(), 300).await;
        assert_eq!(world.genesys.contacts(CAMPAIGN).len(), 300);
        assert!(calls > 300, "more calls than one window has");
        for ((copy, window), count) in &refused {
            assert!(
                *count <= 1,
                "{copies} copies: copy {copy} was refused {count} times in window {window}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_rate_headers_each_copy_keeps_to_its_share() {
    for copies in [1, 2, 5, 8, 10] {
        let options = Options {
            rate_headers: false,
            calls_per_minute: Some(100),
            ..Options::default()
        };
        let (world, refused, _) = spend(copies, options, 150).await;
        assert_eq!(world.genesys.contacts(CAMPAIGN).len(), 150);
        assert_eq!(
            refused.values().sum::<usize>(),
            0,
            "{copies} copies: {refused:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn regression_a_budget_that_is_smaller_than_the_batch_is_not_spent_on_reads_alone() {
    for rate_headers in [true, false] {
        let world = World::with(Options {
            calls_per_minute: Some(12),
            rate_headers,
            ..Options::default()
        });
        world.put_secret("acme", &json!({ "callsPerMinute": 12 }));
        world.send((0..10).map(|n| change(&format!("k{n}"), 5).phone("5")));
        for _ in 0..40 {
            if world.queue.is_empty() {
                break;
            }
            let waits = world.queue.in_flight().values().copied().max().unwrap_or(0);
            world.pass(Duration::from_secs(waits)).await;
            world.invoke().await;
        }
        assert!(
            world.queue.is_empty(),
            "{} changes are left, rate headers: {rate_headers}",
            world.queue.len()
        );
        let reads = world
            .genesys
            .calls()
            .iter()
            .filter(|call| call.method == "GET")
            .count();
        assert!(reads <= 20, "{reads} reads of 10 contacts");
    }
}

/// One copy with the whole budget applies batches of ten new contacts until a whole batch is
/// postponed. Returns the number of calls.
async fn until_put_off(world: &World, copy: &apply::Context) -> usize {
    for batch in 0..40 {
        world.send((0..10).map(|n| change(&format!("b{batch}-{n}"), 1).phone("1")));
        let done = world.invoke_copy(copy, Some(Duration::from_secs(30))).await;
        if done.failed.len() == 10 {
            return world
                .genesys
                .calls()
                .iter()
                .filter(|call| call.client_id.is_some())
                .count();
        }
    }
    panic!("the budget has no end")
}

#[tokio::test(start_paused = true)]
async fn a_tenth_of_a_minutes_calls_is_for_opt_outs_and_they_go_first() {
    for rate_headers in [true, false] {
        let options = Options {
            calls_per_minute: Some(60),
            rate_headers,
            ..Options::default()
        };
        let lists = World::of_lists(options.clone());
        for (world, api) in [
            (World::with(options), "predictive"),
            (lists, "contactLists"),
        ] {
            world.put_secret("acme", &json!({ "callsPerMinute": 60, "api": api }));
            let copy = world.copy(None, |config| config.apply_concurrency = 1);
            let spent = until_put_off(&world, &copy).await;
            // If answers do not report the rate limit, a copy keeps to four fifths, and the rest is
            // reconcile's.
            let of = if rate_headers { 60 } else { 48 };
            assert!(
                (of - of / 10 - 2..=of - of / 10).contains(&spent),
                "{api}, headers {rate_headers}: {spent} of {of}"
            );

            let others = (0..8).map(|n| change(&format!("late-{n}"), 1).phone("1"));
            let opt_outs = [
                change("b0-0", 2).callable(false),
                change("b0-1", 2).remove(),
            ];
            world.send(others.chain(opt_outs));
            let done = world
                .invoke_copy(&copy, Some(Duration::from_secs(30)))
                .await;
            // With a contact list, one read and one write serve the whole batch.
            let put_off = if api == "predictive" { 8 } else { 0 };
            assert_eq!(
                done.failed,
                (0..put_off).collect::<Vec<_>>(),
                "{api}, headers {rate_headers}: {done:?}"
            );
            for key in ["b0-0", "b0-1"] {
                assert!(
                    !world.contact(key).1,
                    "{api}, headers {rate_headers}: {key} may still be called"
                );
            }
            assert!(
                done.calls.iter().all(|call| !call.contains("429")),
                "{done:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_other_copies_leave_are_spent_in_the_same_invocation() {
    let world = World::with(Options {
        calls_per_minute: Some(60),
        ..Options::default()
    });
    world.apply([change("warm", 1)]).await;
    // The even share of five copies is five contacts, but the other four copies use none of theirs.
    let done = world
        .apply((0..10).map(|n| change(&format!("a{n}"), 1).phone("1")))
        .await;
    assert!(done.failed.is_empty(), "{done:?}");
    assert!(
        done.records.iter().all(|record| record == "created"),
        "{done:?}"
    );
    assert!(
        done.calls.iter().all(|call| !call.contains("429")),
        "{done:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn regression_a_batch_of_more_campaigns_than_calls_still_gets_somewhere() {
    let options = Options {
        calls_per_minute: Some(100),
        rate_headers: false,
        ..Options::default()
    };
    let world = World::with(options);
    world.put_secret("acme", &json!({ "callsPerMinute": 100 }));
    // This copy's share of a minute is 16 calls. It spends the first before it knows the limit.
    let campaigns: Vec<_> = (0..10).map(|n| format!("campaign-{n}")).collect();
    for campaign in &campaigns {
        world.put_campaign("acme", campaign, None);
    }
    world.apply([change("warm", 1)]).await;
    world.send(
        campaigns
            .iter()
            .map(|campaign| change("a", 1).of("acme", campaign)),
    );
    let done = world.invoke().await;
    assert!((4..10).contains(&done.failed.len()), "{:?}", done.records);
    assert!(
        done.records
            .iter()
            .filter(|record| *record == "created")
            .count()
            >= 3,
        "{:?}",
        done.records
    );
}
