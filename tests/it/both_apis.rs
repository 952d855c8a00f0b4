//! One contract for both APIs: each promise here holds whichever of them an org has. Failures are
//! in `failing`, and what only contact lists have in `contact_lists`.

mod failing;

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use bytes::Bytes;
use emulator::Fault;
use emulator::genesys::Effect;
use io::http::Transport;
use serde_json::{Value, json};

use crate::support::{
    CAMPAIGN, Change, OTHER_CAMPAIGN, VERSION_FIELD, World, between, by_both, change, seconds,
};

/// The methods that write: PATCH by `predictive`, POST by `contactLists`.
const WRITES: [&str; 2] = ["PATCH", "POST"];

fn fail_writes(world: &World, effect: &Effect, times: usize) {
    for method in WRITES {
        let fault = Fault::next(method, effect.clone())
            .on("contacts")
            .times(times);
        // With contact lists, the first POST of an invocation is a bulk read.
        world
            .genesys
            .add_fault(if method == "POST" && is_of_lists(world) {
                fault.on("/contacts").after(1)
            } else {
                fault
            });
    }
}

fn is_of_lists(world: &World) -> bool {
    world
        .genesys
        .calls()
        .iter()
        .any(|call| call.path.starts_with("/api/v2/outbound"))
}

fn writes(world: &World, key: &str) -> usize {
    let of_list = |call: &emulator::genesys::Call| {
        call.path.ends_with("/contacts")
            && call
                .body
                .as_array()
                .into_iter()
                .flatten()
                .any(|item| item["id"] == key)
    };
    let calls = world
        .genesys
        .calls()
        .into_iter()
        .filter(|call| call.status == 200);
    calls
        .filter(|call| {
            (call.method == "PATCH" && call.path.ends_with(&format!("/{key}"))) || of_list(call)
        })
        .count()
}

#[tokio::test(start_paused = true)]
async fn a_new_contact_is_created_and_an_existing_one_is_updated_in_part() {
    by_both(async |world| {
        world.genesys.put_contact(
            CAMPAIGN,
            "old",
            &[(VERSION_FIELD, "1"), ("phone", "1"), ("nickname", "n")],
            true,
        );
        let done = world
            .apply([
                change("new", 2).phone("2"),
                change("old", 2).phone("3").column("nickname", Value::Null),
            ])
            .await;
        assert_eq!(done.records, ["created", "updated"]);
        assert_eq!(
            world.contact("new"),
            (
                [(VERSION_FIELD, "2"), ("phone", "2")].map(owned).into(),
                true
            )
        );
        assert_eq!(
            world.contact("old"),
            (
                [(VERSION_FIELD, "2"), ("phone", "3")].map(owned).into(),
                true
            )
        );
        let done = world
            .apply([change("old", 3).column("firstName", json!("Ada"))])
            .await;
        assert_eq!(done.records, ["updated"]);
        assert_eq!(
            world.column("old", "phone"),
            "3",
            "a column that the change does not name stays"
        );
    })
    .await;
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[tokio::test(start_paused = true)]
async fn an_older_change_is_not_written_but_a_late_opt_out_still_counts() {
    by_both(async |world| {
        world.put("a", 5, "5");
        assert_eq!(
            world
                .apply([change("a", 2).phone("2").callable(true)])
                .await
                .records,
            ["updated"],
            "its callable is newer than the stored decision"
        );
        assert_eq!(world.contact("a").0["phone"], "5");
        assert_eq!(
            world
                .apply([change("a", 3).phone("3").callable(false)])
                .await
                .records,
            ["updated"]
        );
        let (data, callable) = world.contact("a");
        assert_eq!(
            (
                data["phone"].as_str(),
                data[VERSION_FIELD].as_str(),
                callable
            ),
            ("5", "5:3-", false)
        );
        assert_eq!(
            world
                .apply([change("a", 1).phone("2").callable(true)])
                .await
                .records,
            ["stale"]
        );
        let tie = change("a", 5).callable(false).with("eventId", "tie");
        world.apply([tie]).await;
        assert_eq!(
            world
                .apply([change("a", 5).phone("6").callable(true)])
                .await
                .records,
            ["updated"]
        );
        let (data, callable) = world.contact("a");
        assert_eq!(
            (data["phone"].as_str(), callable),
            ("6", false),
            "an equal rank repairs columns, and only opts out"
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_contact_stays_opted_out_through_changes_that_do_not_mention_it() {
    by_both(async |world| {
        world.put("a", 1, "1");
        world.apply([change("a", 2).callable(false)]).await;
        assert_eq!(
            world.apply([change("a", 3).phone("3")]).await.records,
            ["updated"]
        );
        assert!(!world.contact("a").1);
        assert_eq!(
            world.apply([change("a", 4).callable(true)]).await.records,
            ["updated"]
        );
        assert!(world.contact("a").1, "a newer change may opt in");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn removing_an_absent_contact_leaves_a_mark_that_no_older_change_undoes() {
    by_both(async |world| {
        assert_eq!(
            world.apply([change("a", 5).remove()]).await.records,
            ["created"]
        );
        assert_eq!(
            world.apply([change("a", 4).phone("4")]).await.records,
            ["stale"]
        );
        assert_eq!(
            world.contact("a"),
            ([(VERSION_FIELD, "5:5-")].map(owned).into(), false)
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn rapid_changes_are_one_write_and_applying_them_again_is_none() {
    by_both(async |world| {
        let changes = || {
            [
                change("a", 2).phone("2"),
                change("a", 4).phone("4"),
                change("a", 3).column("firstName", json!("Ada")),
            ]
            .map(|change: Change| change)
        };
        assert_eq!(
            world.apply(changes()).await.records,
            ["superseded", "created", "superseded"]
        );
        let before = world.genesys.contacts(CAMPAIGN);
        let calls = world.genesys.calls().len();
        world.pass(Duration::from_mins(6)).await;
        let again = world.apply(changes()).await;
        assert_eq!(again.records, ["stale", "unchanged", "stale"]);
        assert_eq!(world.genesys.calls().len() - calls, 1, "one read");
        assert_eq!(world.genesys.contacts(CAMPAIGN), before);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn without_ranks_the_queue_decides() {
    by_both(async |world| {
        let copy = world.without_ranks().await;
        let late = Some(Duration::from_secs(30));
        world.send([change("a", 9).phone("9").callable(false)]);
        assert_eq!(world.invoke_copy(&copy, late).await.records, ["created"]);
        world.send([change("a", 1).phone("1").callable(true)]);
        assert_eq!(world.invoke_copy(&copy, late).await.records, ["updated"]);
        assert_eq!(
            world.contact("a"),
            ([("phone", "1")].map(owned).into(), true)
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn campaigns_are_served_side_by_side() {
    by_both(async |world| {
        let of_both = |key: &'static str| {
            [CAMPAIGN, OTHER_CAMPAIGN].map(|id| change(key, 1).phone("1").of("acme", id))
        };
        world.apply(of_both("warm")).await;
        let done = world.apply(of_both("a")).await;
        assert_eq!(done.records, ["created"; 2]);
        assert_eq!(
            done.took,
            Duration::from_millis(80),
            "two round trips: {:?}",
            done.calls
        );
    })
    .await;
}
