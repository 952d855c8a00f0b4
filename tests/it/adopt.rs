//! Adoption: a contact that version 0.1 made not callable gets the mark with which campaign-sync
//! recognises its own opt-outs. An operator starts it, the CRM's feed says who opted out, and apply
//! writes the mark.

mod command;

use emulator::Fault;
use emulator::genesys::Effect;
use serde_json::json;

use crate::support::{CAMPAIGN, Change, VERSION_FIELD, World, by_both, change};

/// An adoption. It names the rank of the CRM's opt-out, and the rank that the contact was seen to
/// store.
fn adoption(key: &str, opt_out: Option<u64>, stored: Option<u64>) -> Change {
    let mut adopt = json!({});
    let members = [("optOut", opt_out), ("stored", stored)];
    for (name, rank) in members {
        if let Some(rank) = rank {
            adopt[name] = rank.into();
        }
    }
    change(key, 0)
        .without("version")
        .without("data")
        .with("eventId", format!("adopt-{opt_out:?}-{stored:?}"))
        .with("operation", "adopt")
        .with("adopt", adopt)
}

/// A contact as version 0.1 left it: not callable and without a mark.
fn lowered(world: &World, key: &str, version: &str) {
    put(world, key, version, false);
}

fn put(world: &World, key: &str, version: &str, callable: bool) {
    let data = [(VERSION_FIELD, version), ("phone", "1"), ("nickname", "n")];
    world.genesys.put_contact(CAMPAIGN, key, &data, callable);
}

/// The outcome of one invocation with these changes, and the contact `a` afterwards.
async fn made(world: &World, changes: impl IntoIterator<Item = Change>) -> String {
    let done = world.apply(changes).await;
    let (mut data, callable) = world.contact("a");
    let version = data.remove(VERSION_FIELD).unwrap_or_default();
    let callable = if callable { "callable" } else { "not" };
    format!("{}: {callable} {version}", done.records.join(", "))
}

fn opt_in(version: u64) -> Change {
    change("a", version).phone("2").callable(true)
}

#[tokio::test(start_paused = true)]
async fn an_adoption_sets_the_mark_and_nothing_else() {
    by_both(async |world| {
        for (opt_out, stored, version, left) in [
            (Some(9), Some(9), "9", "9:9-"),
            (Some(4), Some(9), "9", "9:9-"),
            (Some(12), Some(9), "9", "9:12-"),
            (None, Some(9), "9", "9:9-"),
            (Some(9), None, "", ":9-"),
            (None, None, "", ":-"),
        ] {
            lowered(world, "a", version);
            let made = made(world, [adoption("a", opt_out, stored)]).await;
            assert_eq!(made, format!("updated: not {left}"));
            let (mut data, _) = world.contact("a");
            data.remove(VERSION_FIELD);
            data.retain(|_, value| !value.is_empty());
            let expected = [("nickname", "n"), ("phone", "1")];
            assert!(
                data.iter()
                    .map(|(name, value)| (name.as_str(), value.as_str()))
                    .eq(expected)
            );
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_later_opt_in_makes_an_adopted_contact_callable_and_no_other() {
    by_both(async |world| {
        lowered(world, "a", "9");
        assert_eq!(made(world, [opt_in(10)]).await, "updated, kept: not 10:10+");
        // An adoption that comes after a newer opt-in is stale.
        let late = adoption("a", Some(9), Some(10));
        assert_eq!(made(world, [late]).await, "stale: not 10:10+");

        lowered(world, "a", "9");
        let adoption = || adoption("a", Some(9), Some(9));
        let twice = adoption().with("eventId", "twice");
        assert_eq!(made(world, [adoption()]).await, "updated: not 9:9-");
        assert_eq!(made(world, [twice]).await, "unchanged: not 9:9-");
        let tie = opt_in(9).with("eventId", "tie");
        assert_eq!(
            made(world, [tie]).await,
            "updated: not 9:9-",
            "its columns, and a tie is the opt-out's"
        );
        let out = change("a", 11).callable(false);
        assert_eq!(made(world, [out]).await, "updated: not 11:11-");
        assert_eq!(made(world, [opt_in(12)]).await, "updated: callable 12:12+");
        let late = adoption().with("eventId", "late");
        assert_eq!(made(world, [late]).await, "stale: callable 12:12+");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_contact_that_changed_since_it_was_seen_is_not_adopted() {
    by_both(async |world| {
        put(world, "callable", "9", true);
        put(world, "raised", "9:9-", true);
        lowered(world, "newer", "10");
        lowered(world, "older", "8");
        lowered(world, "found", "9:9!");
        lowered(world, "opted-in", "9:9+");
        lowered(world, "own", "9:8-");
        let keys = [
            "callable", "raised", "newer", "older", "found", "opted-in", "own", "nobody",
        ];
        let before = world.genesys.contacts(CAMPAIGN);
        let done = world
            .apply(keys.map(|key| adoption(key, Some(9), Some(9))))
            .await;
        let expected = [
            "stale",
            "stale",
            "stale",
            "stale",
            "stale",
            "stale",
            "unchanged",
            "stale",
        ];
        assert_eq!(done.records, expected);
        let shown = |contacts: std::collections::BTreeMap<String, emulator::genesys::Contact>| {
            let shown = contacts
                .into_iter()
                .map(|(key, contact)| (key, contact.data, contact.callable));
            shown.collect::<Vec<_>>()
        };
        assert_eq!(shown(world.genesys.contacts(CAMPAIGN)), shown(before));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_adoption_in_a_batch_with_changes_does_what_it_does_one_by_one() {
    for (changes, expected) in [
        (
            [opt_in(10), adoption("a", Some(9), Some(9))],
            "updated, kept, stale: not 10:10+",
        ),
        (
            [adoption("a", Some(9), Some(9)), opt_in(10)],
            "updated, updated: callable 10:10+",
        ),
        (
            [
                adoption("a", Some(9), Some(9)),
                change("a", 10).callable(false),
            ],
            "updated, updated: not 10:10-",
        ),
    ] {
        by_both(async |world| {
            lowered(world, "a", "9");
            assert_eq!(made(world, changes.clone()).await, expected);
            lowered(world, "a", "9");
            let (mut records, mut end) = (Vec::new(), String::new());
            for (n, one) in changes.iter().enumerate() {
                let one = one.clone().with("eventId", format!("alone-{n}"));
                let made = made(world, [one]).await;
                let (record, left) = made.split_once(": ").unwrap();
                records.push(record.to_owned());
                left.clone_into(&mut end);
            }
            assert_eq!(format!("{}: {end}", records.join(", ")), expected);
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_adoption_whose_answer_is_lost_is_done_once() {
    by_both(async |world| {
        lowered(world, "a", "9");
        let effect = Effect::Lost { is_done: true };
        let write = Fault::next("", effect).any_method().on("contacts").after(1);
        world.genesys.add_fault(write);
        let done = made(world, [adoption("a", Some(9), Some(9))]).await;
        assert_eq!(done, "unchanged: not 9:9-", "a read shows that it was done");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_org_that_stores_no_versions_has_no_marks_to_set() {
    let world = World::new();
    world.put_secret("acme", &json!({ "versionField": null }));
    lowered(&world, "a", "9");
    let done = made(&world, [adoption("a", Some(9), Some(9))]).await;
    assert_eq!(done, "stale: not 9");
}
