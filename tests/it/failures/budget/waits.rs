//! Tests of how long a change waits after a 429: as long as the service asks, in place or in the
//! queue, but never zero, and never longer than the invocation. A 429 of the token endpoint is in
//! `login`.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_short_wait_is_waited_in_place() {
    let world = World::new();
    world
        .genesys
        .add_fault(Fault::next("GET", refusal(Some("3"))));
    let done = world.apply([change("a", 1)]).await;
    assert_eq!(done.records, ["created"]);
    assert_eq!(
        done.calls,
        ["token 200", "GET a 429", "GET a 404", "POST contacts 200"]
    );
    assert!(done.took >= Duration::from_secs(3), "{:?}", done.took);
}

#[tokio::test(start_paused = true)]
async fn a_refused_post_was_not_done_and_is_sent_again() {
    let world = World::new();
    world
        .genesys
        .add_fault(Fault::next("POST", refusal(Some("1"))).on("contacts"));
    let done = world.apply([change("a", 1)]).await;
    assert_eq!(
        done.calls,
        [
            "token 200",
            "GET a 404",
            "POST contacts 429",
            "POST contacts 200"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_long_wait_is_spent_in_the_queue() {
    for (asked, at_least, at_most) in [
        (Some("42"), 42, 57),
        (Some("86400"), 900, 915),
        (None, 15, 30),
        (Some("soon"), 15, 30),
    ] {
        let world = World::new();
        world
            .genesys
            .add_fault(Fault::next("GET", refusal(asked)).times(99));
        // The refused change waits up to a quarter of its backoff longer. The changes that were not
        // begun wait up to all of it longer.
        let done = world
            .apply([change("a", 1), change("b", 1), change("a", 2)])
            .await;
        assert_eq!(done.failed, [0, 1, 2]);
        for record in &done.records {
            assert!(
                (at_least..=at_most).contains(&seconds(record)),
                "{asked:?}: {record}"
            );
        }
        assert_eq!(
            done.calls
                .iter()
                .filter(|call| call.contains("429"))
                .count(),
            1,
            "{:?}",
            done.calls
        );
        assert!(world.dead_letters.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_of_zero_is_never_taken_literally() {
    for world in [World::new, || World::of_lists(Options::default())] {
        for asked in ODD_WAITS {
            let world = world();
            let fault = Fault::next("", refusal(Some(asked))).any_method();
            world.genesys.add_fault(fault.on("contacts").times(99));
            let changes = (0..10).map(|n| change(&format!("k{n}"), 1).phone("1"));
            let done = world.apply(changes).await;
            assert_eq!(done.failed.len(), 10);
            // Two of these answers name a wait that is short. After it there are calls for the
            // changes that were not refused.
            let least = if ["0.4", "1.5"].contains(&asked) {
                4
            } else {
                15
            };
            assert!(seconds(&done.records[0]) >= 15, "it was refused: {done:?}");
            assert!(
                done.records.iter().all(|record| seconds(record) >= least),
                "{asked:?}: {done:?}"
            );
            never_hammered(&world.genesys.calls(), asked);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_of_zero_that_was_rounded_down_costs_a_second() {
    for asked in ["0", "0.4", "Tue, 24 Nov 2026 16:00:00 GMT"] {
        let world = World::new();
        world
            .genesys
            .add_fault(Fault::next("GET", refusal(Some(asked))));
        let done = world.apply([change("a", 1)]).await;
        assert_eq!(done.records, ["created"], "{asked}");
        let second = Duration::from_secs(1);
        assert!(
            (second..second * 2).contains(&done.took),
            "{asked}: {:?}",
            done.took
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_reset_of_zero_is_never_taken_literally() {
    for reset in ODD_WAITS {
        let world = World::new();
        let headers = vec![
            ("inin-ratelimit-allowed", "300".to_owned()),
            ("inin-ratelimit-count", "301".to_owned()),
            ("inin-ratelimit-reset", reset.to_owned()),
        ];
        let effect = Effect::Status(429, headers);
        world
            .genesys
            .add_fault(Fault::next("GET", effect).times(99));
        world
            .apply((0..10).map(|n| change(&format!("k{n}"), 1)))
            .await;
        never_hammered(&world.genesys.calls(), reset);
    }
}

#[tokio::test(start_paused = true)]
async fn no_wait_exceeds_the_invocation() {
    let world = World::new();
    world
        .genesys
        .add_fault(Fault::next("GET", refusal(Some("5"))));
    world.send([change("a", 1)]);
    let done = world
        .invoke_copy(&world.context, Some(Duration::from_secs(7)))
        .await;
    assert!((15..=19).contains(&seconds(&done.records[0])));
    assert!(done.took < Duration::from_secs(1), "{:?}", done.took);
}
