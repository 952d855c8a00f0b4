//! An opt-out is done only once its contact is on the org's DNC list (docs/design.md "DNC list").
//! Adding entries as such is in `dnc`; refused entries are in `refused`, and equal ranks in `ties`.

mod refused;
mod ties;

use std::time::Duration;

use emulator::genesys::{DncKind, Effect, Fault, KeptBy, Options};
use serde_json::json;

use crate::support::{CAMPAIGN, Change, Done, OTHER_CAMPAIGN, World, change, openapi, seconds};

const LIST: &str = "dnc-1";

/// The name of a fault, and how to set it up.
type Failing<'a> = (&'a str, &'a dyn Fn(&World));

/// An org with a DNC list, by phone or by key, for each API.
fn world_of(api: &str, by: &str) -> World {
    let options = Options::default();
    let world = match api {
        "contactLists" => World::of_lists(options),
        _ => World::with(options),
    };
    let (kind, list) = match by {
        "phone" => (
            DncKind::Phone,
            json!({ "id": LIST, "by": "phone", "column": "phone" }),
        ),
        _ => (
            DncKind::Column("leadId".to_owned()),
            json!({ "id": LIST, "by": "contactKey" }),
        ),
    };
    world.put_secret("acme", &json!({ "api": api, "dncList": list }));
    world.genesys.put_dnc_list("client-of-acme", LIST, kind);
    world.genesys.name_dnc_lists(CAMPAIGN, &[LIST]);
    world
}

fn by_phone() -> World {
    world_of("contactLists", "phone")
}

fn count(done: &Done, what: &str) -> usize {
    done.calls.iter().filter(|call| call.contains(what)).count()
}

fn entries(world: &World) -> Vec<String> {
    world.genesys.dnc_entries(LIST)
}

/// Applies everything in the queue, however long that takes.
async fn until_empty(world: &World) {
    let time = Some(Duration::from_secs(30));
    while !world.queue.is_empty() {
        match world.queue.receive(10) {
            Some(batch) => drop(world.hand_over(&world.context, &batch, time).await),
            None => world.pass(Duration::from_secs(1)).await,
        }
    }
}

fn out(key: &str, version: u64) -> Change {
    change(key, version).callable(false)
}

#[tokio::test(start_paused = true)]
async fn the_opt_outs_of_a_batch_are_listed_by_one_call_beside_the_writes() {
    for (api, by, expected, called) in [
        ("contactLists", "phone", ["+1", "+2", "+4"], "phonenumbers"),
        ("predictive", "phone", ["+1", "+2", "+4"], "phonenumbers"),
        (
            "contactLists",
            "contactKey",
            ["a", "b", "d"],
            "customexclusioncolumns",
        ),
        (
            "predictive",
            "contactKey",
            ["a", "b", "d"],
            "customexclusioncolumns",
        ),
    ] {
        let world = world_of(api, by);
        let first = [
            change("a", 1).phone("+1"),
            change("b", 1).phone("+2").of("acme", OTHER_CAMPAIGN),
            change("c", 1).phone("+3"),
        ];
        let done = world.apply(first).await;
        assert_eq!(count(&done, called), 0, "{api} {by}: {done:?}");
        let changes = [
            out("a", 2),
            change("b", 2).remove().of("acme", OTHER_CAMPAIGN),
            change("c", 2).phone("+33"),
            // This contact is not in the campaign yet.
            out("d", 1).phone("+4"),
        ];
        let done = world.apply(changes).await;
        let outcomes = ["updated", "updated", "updated", "created"];
        assert_eq!(done.records, outcomes, "{api} {by}: {done:?}");
        assert_eq!(count(&done, called), 1, "{api} {by}: {:?}", done.calls);
        assert_eq!(entries(&world), expected, "{api} {by}");
        assert_eq!(openapi::faults(&world.genesys.calls()), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_opt_out_that_comes_again_is_listed_again_and_writes_nothing() {
    let world = by_phone();
    world.apply([change("a", 1).phone("+1")]).await;
    world.apply([out("a", 2)]).await;
    let again = out("a", 2).with("eventId", "again");
    let done = world.apply([again]).await;
    assert_eq!(done.records, ["unchanged"]);
    assert_eq!(count(&done, "PATCH"), 1, "{:?}", done.calls);
}

#[tokio::test(start_paused = true)]
async fn a_failing_list_leaves_no_contact_callable_and_holds_up_nobody_else() {
    let faults: [Failing; 4] = [
        ("full", &|world| world.genesys.fill_dnc_list(LIST, true)),
        ("forbidden", &|world| {
            world.genesys.forbid_dnc_list(LIST, true)
        }),
        ("500", &|world| {
            let failed = Fault::status("PATCH", 500).on("/phonenumbers");
            world.genesys.add_fault(failed.times(100));
        }),
        ("hangs", &|world| {
            let hangs = Fault::next("PATCH", Effect::Hang { is_done: false });
            world.genesys.add_fault(hangs.on("/phonenumbers").times(1));
        }),
    ];
    for (what, fault) in faults {
        let world = by_phone();
        let first = [("a", "+11"), ("b", "+21"), ("c", "+31")];
        let first = first.map(|(key, phone)| change(key, 1).phone(phone));
        world.apply(first).await;
        fault(&world);
        let changes = [out("a", 2), change("b", 2).phone("+2"), out("c", 2)];
        let done = world.apply(changes).await;
        assert!(!world.contact("a").1 && !world.contact("c").1, "{what}");
        assert_eq!(done.records[1], "updated", "{what}: {done:?}");
        assert_eq!(done.failed, [0, 2], "{what}: {done:?}");
        assert!(seconds(&done.records[0]) <= 80, "{what}: {done:?}");
        let told = world.told();
        assert!(
            told.iter().any(|told| told.contains("DNC list failed")),
            "{what}: {told:?}"
        );
        // Other campaigns and contacts go on while the DNC list fails.
        let done = world.apply([change("b", 3).phone("+3")]).await;
        assert_eq!(done.records, ["updated"], "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn once_the_list_takes_entries_again_the_waiting_opt_outs_are_listed_and_done() {
    let world = by_phone();
    world.apply([change("a", 1).phone("+1")]).await;
    world.genesys.fill_dnc_list(LIST, true);
    world.apply([out("a", 2)]).await;
    assert_eq!(entries(&world), [""; 0]);
    world.genesys.fill_dnc_list(LIST, false);
    world.pass(Duration::from_secs(90)).await;
    let done = world.invoke().await;
    assert_eq!(done.records, ["unchanged"]);
    assert_eq!(entries(&world), ["+1"]);
    assert!(world.queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn if_the_list_fails_beyond_the_horizon_later_changes_of_the_contact_go_on() {
    let world = by_phone();
    world.apply([change("a", 1).phone("+1")]).await;
    world.genesys.forbid_dnc_list(LIST, true);
    world.send([out("a", 2), change("a", 3).phone("+3")]);
    while !world.queue.is_empty() && world.parked().is_empty() {
        match world.queue.receive(10) {
            Some(batch) => {
                let time = Some(Duration::from_secs(30));
                world.hand_over(&world.context, &batch, time).await;
            }
            None => world.pass(Duration::from_secs(60)).await,
        }
    }
    let parked = world.parked();
    assert_eq!(parked[0]["reason"], "notOnDncList");
    assert_eq!(parked[0]["httpStatus"], "403");
    assert!(!world.contact("a").1);
    assert_eq!(world.column("a", "phone"), "+3");
}

#[tokio::test(start_paused = true)]
async fn a_number_that_no_list_takes_is_parked_alone() {
    let world = by_phone();
    let first = [
        change("a", 1).phone("no number, ext. 5"),
        change("b", 1).phone("+2"),
    ];
    world.apply(first).await;
    let done = world.apply([out("a", 2), out("b", 2)]).await;
    assert_eq!(done.records, ["parked: notOnDncList", "updated"]);
    assert_eq!(entries(&world), ["+2"]);
    assert!(!world.contact("a").1);
}

#[tokio::test(start_paused = true)]
async fn a_new_number_is_listed_for_an_opt_out_of_the_crm_and_not_for_one_of_the_dialler() {
    let world = by_phone();
    let all = [("a", "+1"), ("b", "+2"), ("c", "+3")];
    let first = all.map(|(key, phone)| change(key, 1).phone(phone).callable(true));
    world.apply(first).await;
    world.apply([out("a", 2)]).await;
    world.genesys.lower(CAMPAIGN, "b");
    let changes = all.map(|(key, phone)| change(key, 3).phone(&format!("{phone}3")));
    world.apply(changes).await;
    assert_eq!(entries(&world), ["+1", "+13"]);
}

#[tokio::test(start_paused = true)]
async fn an_opt_out_without_effect_lists_nobody() {
    let world = by_phone();
    let first = ["a", "b"].map(|key| change(key, 5).phone("+1").callable(true));
    world.apply(first).await;
    world.genesys.lower(CAMPAIGN, "b");
    // These opt-outs are late. The opt-out below is undone in its own batch.
    let late = ["a", "b"].map(|key| out(key, 4));
    let done = world.apply(late).await;
    assert_eq!(done.records, ["stale", "stale"]);
    world
        .apply([out("a", 6), change("a", 7).callable(true)])
        .await;
    assert_eq!(entries(&world), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_opt_out_is_listed_even_if_the_contact_cannot_be_written() {
    let world = by_phone();
    world.apply([change("a", 1).phone("+1")]).await;
    let failed = Fault::status("POST", 500).on("/contacts").after(1);
    world.genesys.add_fault(failed.times(20));
    let done = world.apply([out("a", 2)]).await;
    assert_eq!(done.failed, [0], "{done:?}");
    assert!(world.contact("a").1, "otherwise this tests nothing");
    assert_eq!(entries(&world), ["+1"]);
}

#[tokio::test(start_paused = true)]
async fn an_opt_out_that_is_parked_for_a_rule_is_listed_first() {
    let world = world_of("contactLists", "contactKey");
    world.apply([change("a", 1).phone("+1")]).await;
    let broken = out("a", 2).column("unknown", json!("x"));
    world.genesys.fill_dnc_list(LIST, true);
    let done = world.apply([broken]).await;
    assert_eq!(done.failed, [0], "it waits for the list: {done:?}");
    assert!(!world.contact("a").1);
    world.genesys.fill_dnc_list(LIST, false);
    world.pass(Duration::from_secs(90)).await;
    let done = world.invoke().await;
    assert_eq!(done.records, ["parked: unknownColumn"]);
    assert_eq!(entries(&world), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_person_who_opted_out_is_not_called_in_another_list_nor_as_a_new_contact() {
    let world = by_phone();
    world.genesys.name_dnc_lists(OTHER_CAMPAIGN, &[LIST]);
    let first = change("a", 1).phone("+1");
    world.apply([first]).await;
    assert_eq!(world.genesys.kept_from_dialling(CAMPAIGN, "a"), []);
    world.apply([out("a", 2)]).await;
    // The same person has another key in another list. And a new contact gets the old key after the
    // first was deleted.
    let same = change("b", 9).phone("+1").of("acme", OTHER_CAMPAIGN);
    world.apply([same]).await;
    world.genesys.delete_contact(CAMPAIGN, "a");
    world
        .apply([change("a", 10).phone("+1").callable(true)])
        .await;
    let kept = vec![KeptBy::DncList(LIST.to_owned())];
    for (campaign, key) in [(OTHER_CAMPAIGN, "b"), (CAMPAIGN, "a")] {
        assert_eq!(world.genesys.kept_from_dialling(campaign, key), kept);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hanging_list_delays_a_batch_by_five_seconds_and_ever_less_often() {
    let world = by_phone();
    world
        .apply([
            change("a", 1).phone("+1"),
            change("b", 1).of("other", "other-campaign"),
        ])
        .await;
    let hangs = Fault::next("PATCH", Effect::Hang { is_done: false });
    world
        .genesys
        .add_fault(hangs.on("/phonenumbers").times(usize::MAX));
    world.send([out("a", 2)]);
    let mut held = Duration::ZERO;
    for minute in 0..60 {
        let other = change("b", 2 + minute).of("other", "other-campaign");
        let done = world.apply([other]).await;
        held += done.took;
        assert!(done.took < Duration::from_secs(6), "{done:?}");
        world.pass(Duration::from_mins(1)).await;
    }
    // The list is called seven times, when the change comes back after 0, 1, 3, 7, 15, 30 and 45
    // minutes.
    assert!(held < Duration::from_secs(45), "{held:?}");
}

#[tokio::test(start_paused = true)]
async fn an_opt_out_that_waits_only_for_the_list_takes_no_calls_of_others() {
    let world = by_phone();
    let copy = world.copy_that_tops_up(0);
    let time = Some(Duration::from_secs(30));
    let all = |version| (0..30).map(move |n| change(&format!("c{n}"), version));
    world.send(all(1).map(|change| change.phone("+1")));
    for _ in 0..3 {
        world.invoke_copy(&copy, time).await;
    }
    world.genesys.forbid_dnc_list(LIST, true);
    world.send(all(2).map(|change| change.callable(false)));
    for _ in 0..3 {
        world.invoke_copy(&copy, time).await;
    }
    assert_eq!(world.queue.len(), 30);
    world.pass(Duration::from_secs(80)).await;
    let calls = world.genesys.calls().len();
    for _ in 0..3 {
        let done = world.invoke_copy(&copy, time).await;
        assert_eq!(done.failed.len(), 10, "{done:?}");
    }
    // The first change finds that the list still fails.
    assert_eq!(world.genesys.calls().len(), calls + 2);
    world.genesys.forbid_dnc_list(LIST, false);
    until_empty(&world).await;
    assert_eq!(entries(&world), ["+1"]);
}

#[tokio::test(start_paused = true)]
async fn an_opt_out_that_erases_the_number_or_names_none_lists_the_one_that_was_there() {
    for data in [json!({ "phone": null }), json!({})] {
        let world = by_phone();
        world.apply([change("a", 1).phone("+1")]).await;
        let done = world.apply([out("a", 2).with("data", data)]).await;
        assert_eq!(done.records, ["updated"]);
        assert_eq!(entries(&world), ["+1"]);
        // If the same change brings a new number, the entry is the new number.
        world.apply([change("b", 1).phone("+2")]).await;
        world.apply([out("b", 2).phone("+22")]).await;
        assert_eq!(entries(&world), ["+1", "+22"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_later_opt_out_of_a_contact_that_waits_for_the_list_is_written() {
    let sms = json!({ "Sms": false });
    for later in [out("a", 3), change("a", 3).with("contactable", sms)] {
        let world = by_phone();
        world.apply([change("a", 1).phone("+1")]).await;
        world.genesys.forbid_dnc_list(LIST, true);
        let copy = world.copy_that_tops_up(0);
        let time = Some(Duration::from_secs(30));
        world.send([out("a", 2)]);
        world.invoke_copy(&copy, time).await;
        // Another opt-out fails right before this one comes back. So the list is left alone for one
        // more minute.
        world.pass(Duration::from_millis(60_300)).await;
        world.send([out("z", 2).phone("+9")]);
        world.invoke_copy(&copy, time).await;
        // Meanwhile a person made the contact callable, and the CRM repeats that it opted out.
        let data = [("crmVersion", "2:2-"), ("phone", "+1")];
        world.genesys.put_contact(CAMPAIGN, "a", &data, true);
        world.send([later]);
        for _ in 0..20 {
            match world.queue.receive(10) {
                Some(batch) => drop(world.hand_over(&copy, &batch, time).await),
                None => world.pass(Duration::from_secs(1)).await,
            }
        }
        let (is_callable, statuses) = (
            world.contact("a").1,
            world.of_the_dialler("a", "contactableStatus"),
        );
        assert!(!is_callable || statuses == json!({ "Sms": { "contactable": false } }));
    }
}
