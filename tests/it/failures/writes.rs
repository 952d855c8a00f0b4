//! Conflicts, writes with unknown results, and a failing service: what is read again, what is sent
//! again, and what waits. The rules are in docs/design.md "Failure table".

use std::time::Duration;

use emulator::Fault;
use emulator::genesys::{Effect, Options};

use crate::support::{CAMPAIGN, World, change, seconds};

#[track_caller]
fn within(record: &str, range: std::ops::RangeInclusive<u64>) {
    assert!(
        range.contains(&seconds(record)),
        "{record}, expected {range:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_conflict_in_a_batch_is_resolved_for_each_of_its_contacts() {
    // At first neither `there` nor `gone` can be read, though `there` exists. Somebody else creates
    // `raced` meanwhile.
    let world = World::with(Options {
        read_lag: Duration::from_secs(10),
        ..Options::default()
    });
    world.apply([change("there", 1).phone("1")]).await;
    let done = world
        .apply([change("there", 2).phone("2"), change("new", 1).phone("1")])
        .await;
    assert_eq!(done.records, ["updated", "created"]);
    assert_eq!(
        done.calls,
        [
            "GET there 404",
            "GET new 404",
            "POST contacts 409",
            "GET there 404",
            "GET new 404",
            "POST contacts 409",
            "POST contacts 200",
            "PATCH there 200",
            "PATCH there 200",
        ]
    );
    assert_eq!(
        world
            .told()
            .iter()
            .filter(|told| *told == "! conflict")
            .count(),
        2
    );
    assert_eq!(world.genesys.conflicts_left(), 0);
    assert_eq!(
        (world.column("there", "phone"), world.column("new", "phone")),
        ("2".into(), "1".into())
    );
}

#[tokio::test(start_paused = true)]
async fn a_conflict_that_can_be_read_by_then_is_planned_anew() {
    let world = World::new();
    world.put("a", 9, "9");
    world.genesys.add_fault(Fault::status("GET", 404));
    let done = world.apply([change("a", 8).phone("8")]).await;
    assert_eq!(done.records, ["stale"]);
    assert_eq!(
        done.calls,
        ["token 200", "GET a 404", "POST contacts 409", "PATCH a 200"],
        "a PATCH of nothing shows the contact, whether it can be read or not"
    );
}

#[tokio::test(start_paused = true)]
async fn a_key_that_conflicts_and_cannot_be_read_is_retried_later() {
    let world = World::new();
    world.genesys.add_fault(Fault::status("GET", 404));
    world
        .genesys
        .add_fault(Fault::status("POST", 409).on("contacts"));
    let done = world.apply([change("a", 1).phone("1")]).await;
    assert_eq!(
        done.calls,
        ["token 200", "GET a 404", "POST contacts 409", "PATCH a 404"]
    );
    within(&done.records[0], 15..=19);
    world.pass(Duration::from_secs(20)).await;
    assert_eq!(world.invoke().await.records, ["created"]);
}

#[tokio::test(start_paused = true)]
async fn a_patch_that_finds_no_contact_is_retried_later() {
    let world = World::new();
    world.put("a", 1, "1");
    world.genesys.add_fault(Fault::status("PATCH", 404));
    let done = world
        .apply([change("a", 2).phone("2"), change("a", 3).phone("3")])
        .await;
    assert_eq!((done.calls.len(), done.failed), (3, vec![0, 1]));
    within(&done.records[0], 15..=19);
    assert_eq!(done.records[0], done.records[1], "a fold is one write");
    assert!(world.dead_letters.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_read_is_tried_three_times() {
    for effect in [
        Effect::Status(500, vec![]),
        Effect::Status(503, vec![]),
        Effect::Status(408, vec![]),
        Effect::Lost { is_done: false },
    ] {
        let world = World::new();
        world
            .genesys
            .add_fault(Fault::next("GET", effect.clone()).times(2));
        let done = world.apply([change("a", 1)]).await;
        assert_eq!(done.records, ["created"], "{effect:?}");

        let world = World::new();
        world
            .genesys
            .add_fault(Fault::next("GET", effect.clone()).on("contacts/a").times(3));
        let done = world.apply([change("a", 1), change("b", 1)]).await;
        assert_eq!(
            done.failed.len(),
            1,
            "{effect:?}: only the contact that cannot be read"
        );
        within(
            done.records
                .iter()
                .find(|record| record.starts_with("retried"))
                .unwrap(),
            15..=19,
        );
    }
}

#[tokio::test(start_paused = true)]
async fn tries_stay_within_ten_seconds() {
    let world = World::new();
    world
        .genesys
        .add_fault(Fault::next("GET", Effect::Hang { is_done: false }).times(3));
    let done = world.apply([change("a", 1)]).await;
    assert_eq!(done.failed, [0]);
    assert!(
        done.took <= Duration::from_secs(16),
        "{:?}: three calls of five seconds at the most",
        done.took
    );
}

#[tokio::test(start_paused = true)]
async fn a_patch_that_fails_is_tried_three_times_each_time_after_a_read() {
    let world = World::new();
    world.put("a", 1, "1");
    world
        .genesys
        .add_fault(Fault::status("PATCH", 503).times(2));
    let done = world.apply([change("a", 2).phone("2")]).await;
    assert_eq!(done.records, ["updated"]);
    let calls = [
        "token 200",
        "GET a 200",
        "PATCH a 503",
        "GET a 200",
        "PATCH a 503",
        "GET a 200",
        "PATCH a 200",
    ];
    assert_eq!(done.calls, calls);

    world
        .genesys
        .add_fault(Fault::status("PATCH", 500).times(3));
    let done = world.apply([change("a", 3).phone("3")]).await;
    assert_eq!(
        done.calls
            .iter()
            .filter(|call| call.starts_with("PATCH"))
            .count(),
        3
    );
    within(&done.records[0], 15..=19);
}

#[tokio::test(start_paused = true)]
async fn after_a_patch_without_an_answer_the_contact_is_read_before_any_second_write() {
    let world = World::new();
    world.put("a", 1, "1");
    world
        .genesys
        .add_fault(Fault::next("PATCH", Effect::Lost { is_done: true }));
    let done = world.apply([change("a", 2).phone("2")]).await;
    assert_eq!(done.records, ["unchanged"], "it was done");
    assert_eq!(
        done.calls,
        ["token 200", "GET a 200", "PATCH a 200", "GET a 200"]
    );

    world
        .genesys
        .add_fault(Fault::next("PATCH", Effect::Hang { is_done: false }));
    let done = world.apply([change("a", 3).phone("3")]).await;
    within(&done.records[0], 15..=19);
    assert!(done.took <= Duration::from_secs(11), "{:?}", done.took);
    world.pass(Duration::from_secs(20)).await;
    assert_eq!(world.invoke().await.records, ["updated"]);
    let reads = world.genesys.calls().into_iter().rev().take(2);
    let reads: Vec<_> = reads.map(|call| call.method.clone()).collect();
    assert_eq!(
        reads,
        ["PATCH", "GET"],
        "after a write that hung, the contact was read first"
    );
}

#[tokio::test(start_paused = true)]
async fn a_newer_write_of_somebody_else_is_not_overwritten_by_a_second_try() {
    for effect in [Effect::Status(504, vec![]), Effect::Status(500, vec![])] {
        let world = World::with(Options {
            latency: Duration::from_secs(1),
            ..Options::default()
        });
        world.put("a", 1, "1");
        world
            .genesys
            .add_fault(Fault::next("PATCH", effect.clone()));
        world.send([change("a", 2).phone("2")]);
        let somebody_else = async {
            // The write happens after the first read, and before the failed write is answered.
            world.pass(Duration::from_millis(2_500)).await;
            world.put("a", 7, "7");
        };
        let (done, ()) = tokio::join!(world.invoke(), somebody_else);
        assert_eq!(done.records, ["stale"], "{effect:?}: {:?}", done.calls);
        assert_eq!(world.column("a", "phone"), "7");
    }
}

#[tokio::test(start_paused = true)]
async fn a_post_is_never_sent_a_second_time_blindly() {
    for effect in [
        Effect::Status(500, vec![]),
        Effect::Status(408, vec![]),
        Effect::Lost { is_done: false },
        Effect::Hang { is_done: false },
    ] {
        let world = World::new();
        world
            .genesys
            .add_fault(Fault::next("POST", effect.clone()).on("contacts"));
        let done = world.apply([change("a", 1), change("b", 1)]).await;
        let posts = done
            .calls
            .iter()
            .filter(|call| call.starts_with("POST"))
            .count();
        assert!(posts <= 1, "{effect:?}: {:?}", done.calls);
        assert_eq!(
            done.calls[done.calls.len() - 2..],
            ["GET a 404", "GET b 404"],
            "{effect:?}: read again"
        );
        assert_eq!(done.failed, [0, 1]);
        within(&done.records[0], 15..=19);
        world.pass(Duration::from_secs(20)).await;
        assert_eq!(world.invoke().await.records, ["created"; 2]);
        assert_eq!(world.genesys.contacts(CAMPAIGN).len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_post_that_was_done_without_an_answer_is_found() {
    let world = World::new();
    world
        .genesys
        .add_fault(Fault::next("POST", Effect::Lost { is_done: true }).on("contacts"));
    let done = world
        .apply([change("a", 1).phone("1"), change("b", 1)])
        .await;
    assert_eq!(done.records, ["unchanged"; 2]);
    assert_eq!(
        done.calls
            .iter()
            .filter(|call| call.starts_with("POST"))
            .count(),
        1
    );

    let lagging = World::with(Options {
        read_lag: Duration::from_secs(10),
        ..Options::default()
    });
    lagging
        .genesys
        .add_fault(Fault::next("POST", Effect::Hang { is_done: true }).on("contacts"));
    let done = lagging.apply([change("a", 1).phone("1")]).await;
    assert_eq!(
        done.records,
        ["unchanged"],
        "it was waited for, and can be read by then"
    );
}

#[tokio::test(start_paused = true)]
async fn a_contact_that_somebody_deletes_is_created_again() {
    let world = World::new();
    world.put("a", 1, "1");
    world
        .genesys
        .add_fault(Fault::next("PATCH", Effect::Hang { is_done: false }));
    world.send([change("a", 2).phone("2")]);
    let somebody_else = async {
        world.pass(Duration::from_secs(2)).await;
        world.genesys.delete_contact(CAMPAIGN, "a");
    };
    let (done, ()) = tokio::join!(world.invoke(), somebody_else);
    assert_eq!(done.failed, [0]);
    world.pass(Duration::from_secs(20)).await;
    assert_eq!(world.invoke().await.records, ["created"]);
}
