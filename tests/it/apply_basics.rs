//! Apply when nothing fails: it reads each contact, writes only what differs, and folds the changes
//! of one contact into one write. Failures are in [`failures`](crate::failures), and what differs
//! between the APIs in `both_apis`.

use std::time::Duration;

use emulator::genesys::Options;
use serde_json::json;

use crate::support::{CAMPAIGN, OTHER_CAMPAIGN, VERSION_FIELD, World, change};

#[tokio::test(start_paused = true)]
async fn a_new_contact_is_created_and_an_existing_one_patched() {
    let world = World::new();
    world.put("old", 1, "1");
    let done = world
        .apply([change("new", 2).phone("2"), change("old", 2).phone("3")])
        .await;
    assert_eq!(done.records, ["created", "updated"]);
    assert_eq!(
        done.calls,
        [
            "token 200",
            "GET new 404",
            "GET old 200",
            "POST contacts 200",
            "PATCH old 200"
        ]
    );
    assert_eq!(world.column("new", "phone"), "2");
    assert_eq!(world.column("old", "phone"), "3");
    assert_eq!(world.column("old", VERSION_FIELD), "2");
    assert!(world.queue.is_empty() && world.dead_letters.is_empty());
}

#[tokio::test(start_paused = true)]
async fn applying_again_changes_nothing() {
    let world = World::new();
    let changes = || {
        [
            change("a", 2).phone("2").callable(false),
            change("b", 3).remove(),
            change("c", 4).column("x", json!(null)),
        ]
    };
    world.apply(changes()).await;
    let before = world.genesys.contacts(CAMPAIGN);
    world.pass(Duration::from_mins(6)).await;
    let again = world.apply(changes()).await;
    assert_eq!(again.records, ["unchanged"; 3]);
    assert_eq!(again.calls, ["GET a 200", "GET b 200", "GET c 200"]);
    assert_eq!(world.genesys.contacts(CAMPAIGN), before);
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_ten_costs_two_round_trips() {
    let world = World::new();
    world.apply([change("warm", 1)]).await;
    (0..5).for_each(|n| world.put(&format!("old-{n}"), 1, "1"));
    let contacts = (0..5).flat_map(|n| [format!("old-{n}"), format!("new-{n}")]);
    let done = world
        .apply(contacts.map(|key| change(&key, 2).phone("2")))
        .await;
    assert_eq!(done.calls.len(), 10 + 5 + 1, "{:?}", done.calls);
    // Two rounds of 40 ms: the rate limit was reported a moment ago, so apply need not ask for it
    // with a single call first.
    assert_eq!(done.took, Duration::from_millis(80));
}

#[tokio::test(start_paused = true)]
async fn two_updates_of_a_contact_are_folded_into_one_patch() {
    let world = World::new();
    world.put("a", 1, "1");
    let changes = [
        change("a", 2).phone("2"),
        change("a", 4).phone("4"),
        change("a", 3).column("email", json!("x")),
    ];
    let done = world.apply(changes).await;
    assert_eq!(done.records, ["superseded", "updated", "superseded"]);
    assert_eq!(done.calls, ["token 200", "GET a 200", "PATCH a 200"]);
    assert_eq!(
        (world.column("a", "phone"), world.column("a", "email")),
        ("4".into(), "x".into())
    );
}

#[tokio::test(start_paused = true)]
async fn creates_of_a_campaign_share_one_post() {
    let world = World::new();
    let of_a = (0..4).map(|n| change(&format!("a-{n}"), 1));
    let of_b = (0..4).map(|n| change(&format!("b-{n}"), 1).of("acme", OTHER_CAMPAIGN));
    let done = world.apply(of_a.chain(of_b)).await;
    assert_eq!(done.records, ["created"; 8]);
    assert_eq!(
        done.calls
            .iter()
            .filter(|call| call.starts_with("POST"))
            .count(),
        2
    );
    assert_eq!(world.genesys.contacts(OTHER_CAMPAIGN).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_late_change_is_stale_and_a_late_opt_out_still_counts() {
    let world = World::new();
    world.put("a", 9, "9");
    world.put("b", 9, "9");
    let done = world
        .apply([
            change("a", 8).phone("8"),
            change("b", 8).phone("8").callable(false),
        ])
        .await;
    assert_eq!(done.records, ["stale", "updated"]);
    assert_eq!(
        (world.column("a", "phone"), world.column("b", "phone")),
        ("9".into(), "9".into())
    );
    assert_eq!((world.contact("a").1, world.contact("b").1), (true, false));
    assert_eq!(
        world.column("b", VERSION_FIELD),
        "9:8-",
        "the rank never goes down"
    );
}

#[tokio::test(start_paused = true)]
async fn removing_an_unknown_contact_creates_one_that_is_not_callable() {
    let world = World::new();
    let done = world.apply([change("a", 9).remove()]).await;
    assert_eq!(done.records, ["created"]);
    assert_eq!(
        world.contact("a"),
        (
            [(VERSION_FIELD.to_owned(), "9:9-".to_owned())].into(),
            false
        )
    );
    let late = world
        .apply([change("a", 8).phone("8").callable(true)])
        .await;
    assert_eq!(late.records, ["stale"]);
    assert!(!world.contact("a").1);
}

#[tokio::test(start_paused = true)]
async fn a_contact_is_created_callable_unless_the_change_says_otherwise() {
    let world = World::new();
    world
        .apply([change("silent", 1), change("no", 1).callable(false)])
        .await;
    assert!(world.contact("silent").1 && !world.contact("no").1);
    let post = world
        .genesys
        .calls()
        .into_iter()
        .find(|call| call.method == "POST" && call.body.is_array())
        .unwrap();
    let silent = post
        .body
        .as_array()
        .unwrap()
        .iter()
        .find(|contact| contact["id"] == "silent")
        .unwrap();
    assert_eq!(
        silent.get("callable"),
        None,
        "a change without callable says nothing about it"
    );
}

#[tokio::test(start_paused = true)]
async fn an_update_names_only_what_its_changes_name() {
    let world = World::new();
    world.genesys.put_contact(
        CAMPAIGN,
        "a",
        &[("phone", "1"), ("kept", "k"), ("gone", "g")],
        true,
    );
    world
        .apply([change("a", 2).phone("2").column("gone", json!(null))])
        .await;
    let patch = world
        .genesys
        .calls()
        .into_iter()
        .find(|call| call.method == "PATCH")
        .unwrap();
    assert_eq!(
        patch.body,
        json!({"data": {"phone": "2", "gone": null, VERSION_FIELD: "2"}})
    );
    assert_eq!(world.column("a", "kept"), "k");
}

#[tokio::test(start_paused = true)]
async fn without_a_version_field_the_queue_decides_and_no_rank_is_stored() {
    let world = World::new();
    world.put_secret("acme", &json!({"versionField": null}));
    world
        .apply([change("a", 9).phone("9").callable(false)])
        .await;
    world.pass(Duration::from_secs(1)).await;
    let done = world
        .apply([change("a", 8).phone("8").callable(true)])
        .await;
    assert_eq!(done.records, ["updated"]);
    assert_eq!(
        world.contact("a"),
        ([("phone".to_owned(), "8".to_owned())].into(), true)
    );
}

#[tokio::test(start_paused = true)]
async fn ranks_come_from_occurred_at_where_the_org_says_so() {
    let world = World::new();
    world.put_secret("acme", &json!({"versionFrom": "occurredAt"}));
    let at = |key: &str, version: u64, time: &str| {
        change(key, version).phone(time).with("occurredAt", time)
    };
    world.apply([at("a", 1, "2026-11-24T15:00:00.250Z")]).await;
    assert_eq!(world.column("a", VERSION_FIELD), "1795532400250");
    let done = world.apply([at("a", 2, "2026-11-24T14:59:59Z")]).await;
    assert_eq!(done.records, ["stale"]);
}

#[tokio::test(start_paused = true)]
async fn contact_keys_arrive_exactly_and_stay_apart() {
    let world = World::new();
    let keys = [
        "a b",
        "a/b",
        "a#b",
        "a?b=c&d",
        "a%2Fb",
        "é",
        "e\u{301}",
        "👩🏽‍💻",
        "Lead",
        "lead",
        "...",
        "a+b",
        "\"\\",
        "~_.-",
    ];
    for keys in keys.chunks(7) {
        let created = world
            .apply(keys.iter().map(|key| change(key, 1).phone(key)))
            .await;
        assert_eq!(
            created.records,
            vec!["created"; keys.len()],
            "{:?}",
            created.calls
        );
    }
    for keys in keys.chunks(7) {
        let updated = world
            .apply(
                keys.iter()
                    .map(|key| change(key, 2).column("again", json!(key))),
            )
            .await;
        assert_eq!(
            updated.records,
            vec!["updated"; keys.len()],
            "{:?}",
            updated.calls
        );
    }
    let contacts = world.genesys.contacts(CAMPAIGN);
    assert_eq!(contacts.len(), keys.len());
    for key in keys {
        assert_eq!(
            (
                contacts[key].data["phone"].as_str(),
                contacts[key].data["again"].as_str()
            ),
            (key, key)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_in_the_past_is_not_known() {
    let world = World::new();
    world.send([change("a", 1)]);
    let done = world.invoke_copy(&world.context, None).await;
    assert_eq!(done.records, ["created"]);
}

#[tokio::test(start_paused = true)]
async fn an_update_within_the_read_lag_is_no_conflict_in_the_end() {
    let world = World::with(Options {
        read_lag: Duration::from_mins(15),
        ..Options::default()
    });
    world.apply([change("a", 1).phone("1")]).await;
    let done = world.apply([change("a", 2).phone("2")]).await;
    assert_eq!(done.records, ["updated"]);
    let resolved = [
        "GET a 404",
        "POST contacts 409",
        "PATCH a 200",
        "PATCH a 200",
    ];
    assert_eq!(
        done.calls, resolved,
        "a PATCH of nothing shows the contact that cannot be read"
    );
    assert_eq!(world.column("a", "phone"), "2");
    assert_eq!(world.genesys.conflicts_left(), 0);
}
