//! Reads that lag behind writes, and the member `readLagSeconds` of the org's secret. Some tests
//! are about what agents write between apply's read and its write. Services that do not lag are in
//! the other modules of `failures`.

use std::time::Duration;

use emulator::genesys::{ListReadings, Options};
use io::http::Transport;
use serde_json::json;

use crate::support::{CAMPAIGN, Change, Lines, VERSION_FIELD, World, between, change};

const LAG: Duration = Duration::from_mins(1);

/// A service whose reads lag by a minute. `says` is whether the org's secret names the lag.
fn world(says: bool) -> World {
    let lists = ListReadings {
        read_lag: LAG,
        update_lag: LAG,
        ..ListReadings::default()
    };
    let world = World::of_lists(Options {
        lists,
        ..Options::default()
    });
    let seconds = if says { 60 } else { 0 };
    let secret = json!({ "api": "contactLists", "readLagSeconds": seconds });
    world.put_secret("acme", &secret);
    world
}

/// Applies an older change one second after a newer one, and returns what was reported of each try.
async fn one_after_the_other(world: &World, newer: Change, older: Change) -> Vec<Vec<String>> {
    let mut told = vec![world.apply([newer]).await.records];
    world.pass(Duration::from_secs(1)).await;
    world.send([older]);
    while !world.queue.is_empty() {
        if !world.queue.in_flight().is_empty() {
            world.pass(LAG).await;
        }
        told.push(world.invoke().await.records);
    }
    told
}

#[tokio::test(start_paused = true)]
async fn no_older_change_is_written_on_the_word_of_a_lagging_read() {
    for (says, is_there) in [(false, true), (false, false), (true, true), (true, false)] {
        let world = world(says);
        if is_there {
            world.put("k", 1, "1");
        }
        let newer = change("k", 5).phone("5").callable(false);
        let older = change("k", 3).phone("3").callable(true);
        let told = one_after_the_other(&world, newer, older).await;
        let contact = world.contact("k");
        if says {
            let expected = [vec!["retried in 60 s"], vec!["unchanged", "stale"]];
            assert_eq!(told, expected);
            assert_eq!((&*contact.0[VERSION_FIELD], contact.1), ("5:5-", false));
        } else {
            // If the secret does not name the lag, the older change is taken for newer. `check
            // --probe` finds the lag.
            assert_eq!(told.len(), 2, "{told:?}");
            // A read that lags does not decide who may be called.
            let expected = ("3:3+", !is_there);
            assert_eq!((&*contact.0[VERSION_FIELD], contact.1), expected);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn where_reads_lag_a_change_is_written_at_once_and_read_once_more() {
    let world = world(true);
    let lines = Lines::default();
    let writer = lines.clone();
    let level = tracing::level_filters::LevelFilter::INFO;
    let log = io::telemetry::subscriber(move || writer.clone(), level);
    let _log = tracing::subscriber::set_default(log);
    let done = world
        .apply([change("k", 5).phone("5").callable(false)])
        .await;
    assert_eq!(done.records, ["retried in 60 s"]);
    assert_eq!(done.failed, [0]);
    assert_eq!(world.told(), ["written: created"]);
    assert!(!world.contact("k").1, "the contact is not callable");
    let text = lines.take();
    let written = "change written: it comes back to be read";
    let line = text.lines().find(|line| line.contains(written)).unwrap();
    for part in ["\"INFO\"", "\"outcome\":\"created\"", "\"delaySeconds\":60"] {
        assert!(line.contains(part), "{line}");
    }
    assert!(
        !text.contains("retried") && !text.contains("WARN"),
        "{text}"
    );
    world.pass(LAG).await;
    let done = world.invoke().await;
    assert_eq!(done.calls, ["POST bulk 200"]);
    assert_eq!(done.records, ["unchanged"]);
    assert_eq!(done.failed, [0; 0]);
    assert!(world.parked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn where_reads_lag_an_opt_out_is_read_before_it_is_parked() {
    let world = world(true);
    world.put("k", 1, "1");
    let refused = change("k", 5)
        .column("shoeSize", json!("44"))
        .callable(false);
    let older = change("k", 3).phone("3").callable(true);
    let told = one_after_the_other(&world, refused, older).await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[1], ["parked: unknownColumn", "stale"]);
    let contact = world.contact("k");
    assert_eq!((&*contact.0[VERSION_FIELD], contact.1), ("5:5-", false));
    assert_eq!(world.parked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_reset_of_a_rank_is_reported_once_when_it_is_written() {
    let world = world(true);
    world.put("k", 9, "1");
    let reset = change("k", 0)
        .without("version")
        .without("data")
        .with("operation", "resetRank")
        .with("reset", json!({ "from": 9, "to": 4, "reason": "a test" }));
    let told = one_after_the_other(&world, reset, change("k", 5).phone("5")).await;
    assert_eq!(world.column("k", VERSION_FIELD), "5", "{told:?}");
    let resets = |told: &&String| told.starts_with("! rank 9 reset to 4");
    assert_eq!(world.told().iter().filter(resets).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_agents_write_is_lost_only_between_the_read_and_the_write() {
    for (before, kept) in [("contacts/bulk", true), ("/contacts", false)] {
        let world = World::of_lists(Options::default());
        world.put("k", 1, "1");
        world
            .genesys
            .change_column(CAMPAIGN, "k", "nickname", "first");
        let line = between(&world.genesys, move |genesys, request, timeout| {
            if request.uri().path().ends_with(before) {
                genesys.change_column(CAMPAIGN, "k", "nickname", "second");
            }
            async move { genesys.send(request, timeout).await }
        });
        let copy = world.copy(Some(line), |_| {});
        world.send([change("k", 5).phone("5")]);
        let done = world
            .invoke_copy(&copy, Some(Duration::from_secs(30)))
            .await;
        assert_eq!(done.records, ["updated"]);
        assert!(done.took < Duration::from_millis(300), "{:?}", done.took);
        let held = if kept { "second" } else { "first" };
        assert_eq!(world.column("k", "nickname"), held);
        assert_eq!(world.column("k", "phone"), "5");
    }
}
