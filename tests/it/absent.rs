//! A change with `ifAbsent` creates nobody. If its contact is not in the campaign, it is skipped,
//! and only its opt-out leaves a mark (docs/design.md "Who is not in the campaign"). Persons who
//! left a campaign are in `leave`.

use std::time::Duration;

use bytes::Bytes;
use emulator::genesys::{DncKind, ListReadings, Options};
use io::http::Transport;
use serde_json::json;

use crate::support::{
    CAMPAIGN, Change, OTHER_CAMPAIGN, VERSION_FIELD, World, between, by_both, change, openapi,
};

const MINUTE: Duration = Duration::from_mins(1);

fn skip(change: Change) -> Change {
    change.with("ifAbsent", "skip")
}

fn skip_opt_out(change: Change) -> Change {
    change.with("ifAbsent", "skipOptOut")
}

/// The final outcomes of these changes. With a contact list, a second read decides a minute later.
async fn outcomes(world: &World, changes: impl IntoIterator<Item = Change>) -> Vec<String> {
    world.send(changes);
    let mut records = world.invoke().await.records;
    while !world.queue.is_empty() {
        assert_eq!(records, vec!["retried in 60 s"; records.len()]);
        world.pass(MINUTE).await;
        records = world.invoke().await.records;
    }
    records
}

fn version(world: &World, key: &str) -> String {
    world.column(key, VERSION_FIELD)
}

#[tokio::test(start_paused = true)]
async fn a_contact_outside_the_campaign_is_skipped_and_one_inside_is_updated() {
    by_both(async |world| {
        world.put("there", 1, "1");
        let partial = [
            skip(change("there", 2).phone("2")),
            skip(change("a", 2).phone("2")),
            skip(change("b", 2).phone("2").callable(true)),
            skip_opt_out(change("c", 2).phone("2")),
        ];
        world.send(partial);
        let mut records = world.invoke().await.records;
        if !world.queue.is_empty() {
            let expected = [
                "updated",
                "retried in 60 s",
                "retried in 60 s",
                "retried in 60 s",
            ];
            assert_eq!(records, expected);
            world.pass(MINUTE).await;
            records = world.invoke().await.records;
            records.insert(0, "updated".to_owned());
        }
        assert_eq!(records, ["updated", "skipped", "skipped", "skipped"]);
        assert_eq!(world.column("there", "phone"), "2");
        assert_eq!(world.genesys.contacts(CAMPAIGN).len(), 1);
        // The full change creates the contact, and later changes are written to it.
        let whole = change("a", 3).phone("3").callable(true);
        assert_eq!(outcomes(world, [whole]).await, ["created"]);
        assert_eq!(
            outcomes(world, [skip(change("a", 4).phone("4"))]).await,
            ["updated"]
        );
        assert_eq!(
            (world.column("a", "phone").as_str(), world.contact("a").1),
            ("4", true)
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_contact_that_was_just_created_is_found_though_reads_lag() {
    let lists = ListReadings {
        read_lag: Duration::from_secs(59),
        ..ListReadings::default()
    };
    for is_of_lists in [false, true] {
        let options = Options {
            read_lag: Duration::from_mins(15),
            lists,
            ..Options::default()
        };
        let world = if is_of_lists {
            World::of_lists(options)
        } else {
            World::with(options)
        };
        assert_eq!(
            outcomes(&world, [change("a", 1).phone("1")]).await,
            ["created"]
        );
        world.pass(Duration::from_secs(1)).await;
        let partial = skip(change("a", 2).column("firstName", json!("Ada")));
        assert_eq!(outcomes(&world, [partial]).await, ["updated"]);
        let gone = skip_opt_out(change("a", 3).remove());
        assert_eq!(outcomes(&world, [gone]).await, ["updated"]);
        let (data, callable) = world.contact("a");
        assert_eq!(
            (&*data["phone"], &*data["firstName"], callable),
            ("1", "Ada", false)
        );
        assert_eq!(data[VERSION_FIELD], "3:3-");
    }
}

#[tokio::test(start_paused = true)]
async fn an_opt_out_of_an_absent_contact_leaves_a_mark_that_no_older_change_undoes() {
    by_both(async |world| {
        let out = skip(change("a", 5).phone("5").callable(false));
        let removed = skip(change("b", 5).remove());
        // The mark is created at once, even where a second read must confirm that the contact is
        // absent.
        let done = world.apply([out, removed]).await;
        assert_eq!(done.records, ["created"; 2]);
        for key in ["a", "b"] {
            let held = [(VERSION_FIELD.to_owned(), "5:5-".to_owned())].into();
            assert_eq!(
                world.contact(key),
                (held, false),
                "{key}: it holds no column of the change"
            );
            let older = change(key, 4).phone("4").callable(true);
            assert_eq!(outcomes(world, [older]).await, ["stale"]);
            // A partial change does not bring the contact back either.
            let partial = skip(change(key, 6).phone("6").callable(true));
            assert_eq!(outcomes(world, [partial]).await, ["skipped"]);
            let again = skip_opt_out(change(key, 7).phone("7").callable(false));
            assert_eq!(outcomes(world, [again]).await, ["skipped"]);
            assert!(!world.contact(key).1);
            let whole = change(key, 8).phone("8").callable(true);
            assert_eq!(outcomes(world, [whole]).await, ["updated"]);
            assert_eq!(
                (world.column(key, "phone").as_str(), world.contact(key).1),
                ("8", true)
            );
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn one_opt_out_for_many_campaigns_creates_nobody() {
    by_both(async |world| {
        world.put("a", 1, "1");
        let out = |campaign| {
            let out = change("a", 5).callable(false).of("acme", campaign);
            skip_opt_out(out)
        };
        world.send([out(CAMPAIGN), out(OTHER_CAMPAIGN)]);
        let mut told = world.invoke().await.records;
        if !world.queue.is_empty() {
            assert_eq!(told.pop().as_deref(), Some("retried in 60 s"));
            world.pass(MINUTE).await;
            told.extend(world.invoke().await.records);
        }
        assert_eq!(told, ["updated", "skipped"]);
        assert!(!world.contact("a").1);
        assert!(world.genesys.contacts(OTHER_CAMPAIGN).is_empty());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_fold_does_what_its_changes_do_one_by_one() {
    by_both(async |world| {
        // None of these may create a contact, and the opt-out leaves its mark.
        let nobody = [
            skip(change("a", 2).phone("2")),
            skip(change("a", 3).phone("3").callable(false)),
            skip(change("a", 4).phone("4").callable(true)),
        ];
        let done = world.apply(nobody).await;
        assert_eq!(done.records, ["skipped", "created", "skipped"]);
        assert_eq!(
            (version(world, "a").as_str(), world.contact("a").1),
            ("3:3-", false)
        );
        // One of these may create the contact. Changes with a higher rank are written with it, and
        // those with a lower rank are skipped.
        let some = [
            skip(change("b", 4).column("firstName", json!("Ada"))),
            change("b", 3).phone("3"),
            skip(change("b", 2).phone("2")),
        ];
        let done = world.apply(some).await;
        assert_eq!(done.records, ["created", "superseded", "skipped"]);
        let (data, callable) = world.contact("b");
        assert_eq!(
            (&*data["phone"], &*data["firstName"], callable),
            ("3", "Ada", true)
        );
        // An opt-out with a lower rank takes effect too.
        let out = [
            skip(change("c", 2).callable(false)),
            change("c", 3).phone("3"),
        ];
        let done = world.apply(out).await;
        assert_eq!(done.records, ["superseded", "created"]);
        assert_eq!(
            (version(world, "c").as_str(), world.contact("c").1),
            ("3:2-", false)
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn without_ranks_an_absent_contact_is_skipped_too() {
    by_both(async |world| {
        let copy = world.without_ranks().await;
        let late = Some(Duration::from_secs(30));
        world.send([skip(change("a", 1).phone("1").callable(false))]);
        assert_eq!(world.invoke_copy(&copy, late).await.records, ["created"]);
        world.send([skip(change("a", 2).phone("2").callable(true))]);
        assert_eq!(world.invoke_copy(&copy, late).await.records, ["skipped"]);
        assert!(!world.contact("a").1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_second_read_of_an_absent_contact_counts_as_no_failure() {
    let world = World::of_lists(Options::default());
    world.put("there", 1, "1");
    let done = world
        .apply([
            skip(change("a", 2).phone("2")),
            change("there", 2).phone("2"),
            change("new", 2).phone("2"),
        ])
        .await;
    assert_eq!(done.records, ["retried in 60 s", "updated", "created"]);
    world.pass(MINUTE).await;
    let done = world.invoke().await;
    assert_eq!(
        (done.records, done.calls),
        (vec!["skipped".to_owned()], vec!["POST bulk 200".to_owned()])
    );
    assert_eq!(world.told().last().map(String::as_str), Some("skipped"));
    assert_eq!(world.refusals(), 0);
    assert!(world.parked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_404_that_may_mean_the_campaign_skips_nobody() {
    let world = World::new();
    let unknown = skip(change("a", 2).phone("2").of("acme", "campaign-x"));
    let done = world.apply([unknown]).await;
    assert!(done.records[0].starts_with("retried in "), "{done:?}");
    // A 404 without a body leaves open whether the contact or the campaign is absent, until the
    // campaign has answered for some contact.
    let world = World::new();
    let bare = between(&world.genesys, |genesys, request, timeout| async move {
        let mut answer = genesys.send(request, timeout).await?;
        if answer.status() == 404 {
            *answer.body_mut() = Bytes::new();
        }
        Ok(answer)
    });
    let copy = world.copy(Some(bare), |_| {});
    let time = Some(Duration::from_secs(30));
    world.send([skip(change("b", 2).phone("2"))]);
    let done = world.invoke_copy(&copy, time).await;
    assert_eq!(done.calls[1..], ["GET b 404", "PATCH b 404"]);
    assert!(done.records[0].starts_with("retried in "), "{done:?}");
    world.put("there", 1, "1");
    world.send([change("there", 2)]);
    assert_eq!(world.invoke_copy(&copy, time).await.records, ["updated"]);
    world.pass(Duration::from_mins(2)).await;
    assert_eq!(world.invoke_copy(&copy, time).await.records, ["skipped"]);
    assert_eq!(world.genesys.contacts(CAMPAIGN).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_may_not_create_is_read_first_and_its_404_begins_no_first_load() {
    let world = World::with(Options {
        calls_per_minute: Some(3_000),
        ..Options::default()
    });
    for n in 0..3 {
        let partial = (0..10).map(|i| skip(change(&format!("n{n}{i}"), 1)));
        let done = world.apply(partial).await;
        assert_eq!(done.records, ["skipped"; 10]);
        assert!(
            !done.calls.iter().any(|call| call.contains("POST")),
            "{done:?}"
        );
    }
    let done = world.apply([change("whole", 1)]).await;
    assert_eq!(done.calls, ["GET whole 404", "POST contacts 200"]);
    // A first load begins. Even then a change that may not create is read first.
    for n in 0..3 {
        world
            .apply((0..10).map(|i| change(&format!("new{n}{i}"), 1)))
            .await;
    }
    let done = world.apply([skip(change("b", 1)), change("c", 1)]).await;
    assert_eq!(done.records, ["skipped", "created"]);
    assert!(done.calls.contains(&"GET b 404".to_owned()), "{done:?}");
    assert!(!done.calls.contains(&"GET c 404".to_owned()), "{done:?}");
}

#[tokio::test(start_paused = true)]
async fn an_opt_out_of_an_absent_contact_is_entered_on_the_dnc_list() {
    for api in ["predictive", "contactLists"] {
        let options = Options::default();
        let world = match api {
            "contactLists" => World::of_lists(options),
            _ => World::with(options),
        };
        let list = json!({ "id": "dnc-1", "by": "phone", "column": "phone" });
        world.put_secret("acme", &json!({ "api": api, "dncList": list }));
        world
            .genesys
            .put_dnc_list("client-of-acme", "dnc-1", DncKind::Phone);
        let out = [
            skip_opt_out(change("a", 2).phone("+1").callable(false)),
            skip(change("b", 2).phone("+2").callable(false)),
            skip(change("c", 2).phone("+3")),
        ];
        world.send(out);
        world.invoke().await;
        assert_eq!(
            world.genesys.dnc_entries("dnc-1"),
            ["+1", "+2"],
            "{api}: at once"
        );
        if !world.queue.is_empty() {
            world.pass(MINUTE).await;
            assert_eq!(world.invoke().await.records, ["skipped", "skipped"]);
        }
        let contacts = world.genesys.contacts(CAMPAIGN);
        assert_eq!(contacts.keys().collect::<Vec<_>>(), ["b"]);
        assert!(world.told().contains(&"skipped".to_owned()));
        assert_eq!(openapi::faults(&world.genesys.calls()), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_opt_out_that_leaves_no_column_is_entered_though_a_skipped_opt_in_follows() {
    let world = World::new();
    let list = json!({ "id": "dnc-1", "by": "phone", "column": "phone" });
    world.put_secret("acme", &json!({ "dncList": list }));
    let genesys = &world.genesys;
    genesys.put_dnc_list("client-of-acme", "dnc-1", DncKind::Phone);
    world.put("a", 1, "+1");
    let out = change("a", 2).column("phone", json!(null)).callable(false);
    let skipped = skip(change("a", 3).phone("+1").callable(true));
    let done = world.apply([out, skipped]).await;
    assert_eq!(done.records, ["updated", "skipped"]);
    assert!(!world.contact("a").1);
    assert_eq!(genesys.dnc_entries("dnc-1"), ["+1"]);
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_is_closed_before_a_contact_joins_stays_closed() {
    let world = World::of_lists(Options::default());
    let closed = || json!({ "Sms": { "contactable": false } });
    let quiet = skip(change("a", 5).with("contactable", json!({ "Sms": false })));
    assert_eq!(world.apply([quiet]).await.records, ["created"]);
    assert_eq!(
        (version(&world, "a").as_str(), world.contact("a").1),
        ("5:-", false)
    );
    // The opt-in may be older than the stored rank. The columns stay those of the newer change.
    let older = change("a", 4).phone("3").callable(true);
    assert_eq!(world.apply([older]).await.records, ["updated"]);
    assert_eq!(
        (version(&world, "a").as_str(), world.contact("a").1),
        ("5:4+", true)
    );
    let whole = change("a", 6).phone("4").callable(true);
    assert_eq!(world.apply([whole]).await.records, ["updated"]);
    assert_eq!(
        (world.column("a", "phone").as_str(), world.contact("a").1),
        ("4", true)
    );
    assert_eq!(world.of_the_dialler("a", "contactableStatus"), closed());
}
