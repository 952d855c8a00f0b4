//! A fold that Genesys Cloud refuses is taken apart, and only the change at fault is parked.

use super::*;

#[tokio::test(start_paused = true)]
async fn one_bad_change_of_a_fold_is_parked_alone() {
    for exists in [false, true] {
        let world = World::new();
        world.put_campaign("acme", CAMPAIGN, Some(&["phone", "email", "crmVersion"]));
        if exists {
            world.put("a", 1, "1");
        }
        let good = |version: u64| change("a", version).phone(&version.to_string());
        let bad = change("a", 3)
            .column("shoeSize", json!("44"))
            .column("email", json!("x"));
        let done = world.apply([good(4), bad, good(2)]).await;
        let first = if exists { "updated" } else { "created" };
        assert_eq!(
            done.records,
            ["updated", "parked: rejected", first],
            "in the plan's order"
        );
        assert_eq!(
            (world.column("a", "phone"), world.column("a", "email")),
            ("4".into(), String::new())
        );
        assert_eq!(world.column("a", "crmVersion"), "4");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fold_taken_apart_stops_at_what_must_be_retried() {
    let world = World::new();
    world.put("a", 1, "1");
    world.genesys.add_fault(Fault::status("PATCH", 400));
    world
        .genesys
        .add_fault(Fault::status("PATCH", 500).after(1).times(3));
    let done = world
        .apply([
            change("a", 3).phone("3"),
            change("a", 2).phone("2"),
            change("b", 1),
        ])
        .await;
    assert_eq!(
        done.failed,
        [0, 1],
        "the first in the queue failed, so its follower is retried too"
    );
    assert_eq!(done.records[2], "created");
    assert_eq!(world.column("a", "phone"), "2");
    world.pass(Duration::from_mins(1)).await;
    assert_eq!(world.invoke().await.records, ["updated", "superseded"]);
    assert_eq!(world.column("a", "phone"), "3");
}

#[tokio::test(start_paused = true)]
async fn a_fold_taken_apart_resolves_a_key_that_is_refused_and_cannot_be_read() {
    let lag = Duration::from_mins(20);
    let world = World::with(emulator::genesys::Options {
        read_lag: lag,
        ..Default::default()
    });
    world.put_campaign("acme", CAMPAIGN, Some(&["phone", "crmVersion"]));
    world.apply([change("a", 1).phone("1")]).await;
    let done = world
        .apply([
            change("a", 2).phone("2"),
            change("a", 3).column("shoeSize", json!("44")),
        ])
        .await;
    assert_eq!(
        done.records,
        ["updated", "parked: rejected"],
        "{:?}",
        done.calls
    );
    assert_eq!(world.column("a", "phone"), "2");
    assert_eq!(world.genesys.conflicts_left(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_fold_of_mixed_changes_is_taken_apart_in_queue_order() {
    let world = World::new();
    world.put_campaign("acme", CAMPAIGN, Some(&["phone", "crmVersion"]));
    world.put("a", 10, "10");
    let opt_in = change("a", 1)
        .without("version")
        .with("eventId", "unranked")
        .callable(true);
    let refused = change("a", 12).column("shoeSize", json!("44"));
    world
        .apply([refused, opt_in, change("a", 11).callable(false)])
        .await;
    assert!(!world.contact("a").1, "the opt-out came last");
}
