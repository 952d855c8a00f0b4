//! Refused creates: all of them, as at the limit of a list, or a single one because of its content
//! (docs/design.md "No new contacts"). Each promise holds for both APIs. Refused updates are in
//! `parking`.

use std::time::Duration;

use emulator::genesys::Options;
use http::StatusCode;
use serde_json::json;

use super::poison::{Poison, poisoned};
use crate::support::{CAMPAIGN, World, change, seconds};

#[tokio::test(start_paused = true)]
async fn a_list_at_its_limit_parks_no_create_and_takes_every_update() {
    let options = || Options {
        most_contacts: Some(5),
        ..Options::default()
    };
    for world in [World::with(options()), World::of_lists(options())] {
        for key in ["a", "b", "c", "d"] {
            world.put(key, 1, "1");
        }
        let update = |key| change(key, 2).phone("2");
        let create = |n: u64| change(&format!("new-{n}"), 2).phone("2");
        let mixed = [update("a"), update("b"), update("c")].into_iter();
        let done = world.apply(mixed.chain((0..7).map(create))).await;
        assert_eq!(done.records[..3], ["updated"; 3]);
        let created = done.records.iter().filter(|record| *record == "created");
        let retried = done.failed.len();
        assert_eq!((created.count(), retried), (1, 6), "{done:?}");
        let waits = done.failed.iter().map(|n| seconds(&done.records[*n]));
        assert!(waits.min().unwrap() >= 15, "{done:?}");

        // While the list is known to be full, no create costs a write.
        let done = world.apply([update("d"), create(7), create(8)]).await;
        assert_eq!(done.failed, [1, 2]);
        assert!(
            !done.calls.iter().any(|call| call.ends_with("400")),
            "{:?}",
            done.calls
        );

        // One create probes for all. Its result is reported.
        world.pass(Duration::from_secs(20)).await;
        let done = world.invoke().await;
        let refused = done.calls.iter().filter(|call| call.ends_with("400"));
        assert_eq!(refused.count(), 1, "{:?}", done.calls);
        let told = world.told();
        let told = told.iter().find(|told| told.contains("refused"));
        assert_eq!(
            told.unwrap(),
            "! campaign-a refused: no contact can be created: POST contacts: 400 contact.limit.reached"
        );

        // Somebody deletes contacts, so there is room again.
        for key in ["a", "b", "c", "d"] {
            world.genesys.delete_contact(CAMPAIGN, key);
        }
        let room = world.genesys.contacts(CAMPAIGN).len();
        assert_eq!(room, 1);
        let mut receives = 0;
        while world.genesys.contacts(CAMPAIGN).len() < 5 {
            world.pass(Duration::from_secs(20)).await;
            if world.queue.len() > world.queue.in_flight().len() {
                world.invoke().await;
                receives += 1;
            }
            assert!(receives < 5, "one probes, and the others follow at once");
        }
        assert!(world.dead_letters.is_empty(), "nothing is parked");
    }
}

#[tokio::test(start_paused = true)]
async fn a_campaign_that_waits_for_room_leaves_calls_to_another() {
    for rate_headers in [true, false] {
        let world = World::with(Options {
            most_contacts: Some(1),
            calls_per_minute: Some(300),
            rate_headers,
            ..Options::default()
        });
        world.put_secret("acme", &json!({ "callsPerMinute": 300 }));
        world.put("a", 1, "1");
        let copy = world.copy(None, |config| config.apply_concurrency = 1);
        let time = Some(Duration::from_secs(30));
        world.send((0..400).map(|n| change(&format!("new-{n}"), 1)));
        for _ in 0..39 {
            world.invoke_copy(&copy, time).await;
        }
        let done = world.invoke_copy(&copy, time).await;
        assert!(done.calls.is_empty(), "no calls are left for it: {done:?}");
        world.send([change("b", 1).of("acme", "campaign-b")]);
        let done = world.invoke_copy(&copy, time).await;
        assert_eq!(done.records, ["created"], "{rate_headers}: {done:?}");
        assert!(done.took < Duration::from_secs(1), "{done:?}");
    }
}

/// A copy whose creates are refused without a code if they contain the word `poison`.
fn refusing_poison(world: &World) -> apply::Context {
    poisoned(world, "POST", Poison::Answers(StatusCode::BAD_REQUEST))
}

#[tokio::test(start_paused = true)]
async fn a_create_that_is_refused_with_an_unknown_code_holds_up_no_other() {
    for world in [World::new, || World::of_lists(Options::default())] {
        let world = world();
        let copy = refusing_poison(&world);
        world.send([change("a", 1).phone("poison")]);
        for n in 0..8_u64 {
            world.send([change(&format!("peer-{n}"), 1).phone("1")]);
            let done = world
                .invoke_copy(&copy, Some(Duration::from_secs(30)))
                .await;
            assert!(done.records.contains(&"created".to_owned()), "{done:?}");
            if !world.dead_letters.is_empty() {
                break;
            }
            world.pass(Duration::from_mins(6)).await;
        }
        let parked = world.parked();
        assert_eq!(
            parked.len(),
            1,
            "others are created, so this contact is at fault"
        );
        assert_eq!(parked[0]["reason"], "rejected");
        assert_eq!(world.refusals(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn three_creates_that_are_refused_by_themselves_hold_up_others_only_briefly() {
    const TIME: Option<Duration> = Some(Duration::from_secs(30));
    for world in [World::new, || World::of_lists(Options::default())] {
        let world = world();
        let copy = refusing_poison(&world);
        let poison = |n: u64| change(&format!("poison-{n}"), 1).phone("poison");
        world.send((0..3).map(poison));
        let refused = world.invoke_copy(&copy, TIME).await;
        assert_eq!(refused.failed, [0, 1, 2]);
        let opt_out = change("opt-out", 1).callable(false);
        world.send([change("good", 1).phone("1"), opt_out]);
        let held = world.invoke_copy(&copy, TIME).await;
        assert!(
            held.records.iter().all(|record| seconds(record) < 20),
            "{held:?}"
        );
        assert!(
            !held
                .calls
                .iter()
                .any(|call| call.starts_with("POST contacts"))
        );
        world.pass(Duration::from_secs(20)).await;
        while world.queue.len() > world.queue.in_flight().len() {
            world.invoke_copy(&copy, TIME).await;
        }
        assert_eq!(
            world.genesys.contacts(CAMPAIGN).len(),
            2,
            "both are created"
        );
        assert!(!world.contact("opt-out").1);

        // In the end each of them is parked, an opt-out and folded changes included.
        world.send([
            change("bad-out", 1).phone("poison").callable(false),
            change("poison-1", 2).phone("poison"),
        ]);
        for n in 0..60_u64 {
            world.send([change(&format!("peer-{n}"), 1)]);
            world.invoke_copy(&copy, TIME).await;
            world.pass(Duration::from_secs(20)).await;
        }
        let parked = world.parked();
        assert_eq!(parked.len(), 5, "{parked:?}");
        assert!(parked.iter().all(|parked| parked["reason"] == "rejected"));
        assert!(!world.contact("bad-out").1, "the opt-out took effect");
    }
}
