//! Reconcile and the org's DNC list (docs/reconciliation.md "The DNC list").

use emulator::genesys::{DncKind, Options};
use serde_json::json;

use super::{Run, counts};
use crate::support::{CAMPAIGN, World};

const LIST: &str = "dnc-1";

/// Of three whom the feed opts out two stand so in the campaign; the dialler took out a fourth.
fn run() -> Run {
    let options = Options {
        calls_per_minute: Some(1_000_000),
        ..Options::default()
    };
    let run = Run::with(World::of_lists(options), 100, |_| ());
    let world = &run.world;
    world
        .genesys
        .put_dnc_list("client-of-acme", LIST, DncKind::Phone);
    world.genesys.name_dnc_lists(CAMPAIGN, &[LIST]);
    let list = json!({ "id": LIST, "by": "phone", "column": "phone" });
    world.put_secret(
        "acme",
        &json!({ "api": "contactLists", "callsPerMinute": 1_000_000, "dncList": list }),
    );
    for (key, version, phone, callable) in [
        ("out", "5:5-", "+1", false),
        ("found", "5:5!", "+2", false),
        ("late", "4:4+", "+3", true),
        ("agent", "5:5+", "+4", false),
    ] {
        let data = [("crmVersion", version), ("phone", phone)];
        world.genesys.put_contact(CAMPAIGN, key, &data, callable);
        let says = json!({ "callable": key == "agent" });
        run.says_more(key, 5, phone, says);
    }
    run
}

#[tokio::test(start_paused = true)]
async fn whoever_is_opted_out_is_put_on_the_list_and_who_differs_by_apply() {
    let run = run();
    let dry = run.run(json!({ "dryRun": true })).await.unwrap();
    let entries = || run.world.genesys.dnc_entries(LIST);
    assert_eq!((dry.on_dnc_list, entries().len()), (None, 0));
    let answer = run.run(json!({})).await.unwrap();
    assert_eq!(counts(&answer), [4, 0, 1, 0, 0, 1]);
    assert_eq!((answer.on_dnc_list, answer.complete), (Some(2), true));
    assert_eq!(entries(), ["+1", "+2"]);
    run.apply_all().await;
    assert_eq!(entries(), ["+1", "+2", "+3"]);
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_entries_the_list_does_not_take_is_not_complete_and_the_next_does_it_again() {
    let run = run();
    run.world.genesys.fill_dnc_list(LIST, true);
    let answer = run.run(json!({})).await.unwrap();
    assert_eq!((answer.on_dnc_list, answer.complete), (Some(0), false));
    assert_eq!(answer.enqueued, 1, "what differs is enqueued all the same");
    let told = run.world.told();
    assert!(
        told.iter().any(|told| told.contains("incomplete: of 2 ")),
        "{told:?}"
    );
    run.world.genesys.fill_dnc_list(LIST, false);
    run.world.pass(std::time::Duration::from_mins(2)).await;
    let cursor = answer.cursor.unwrap();
    let again = run.run(json!({ "cursor": cursor })).await.unwrap();
    assert_eq!((again.on_dnc_list, again.complete), (Some(2), true));
}

#[tokio::test(start_paused = true)]
async fn a_feed_by_which_too_much_would_change_puts_nobody_on_the_list() {
    let run = run();
    super::brake::drifted(&run, 101, 300);
    let answer = run.run(json!({})).await.unwrap();
    assert!(!answer.complete);
    assert_eq!(answer.on_dnc_list, Some(0));
    assert_eq!(run.world.genesys.dnc_entries(LIST), [""; 0]);
}
