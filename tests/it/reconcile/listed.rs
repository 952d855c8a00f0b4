//! Reconcile and the org's DNC list (docs/reconciliation.md "The DNC list"). What apply adds to the
//! list is in the module `listed` of `tests/it`.

use std::time::Duration;

use emulator::Fault;
use emulator::genesys::{DncKind, Options};
use serde_json::json;

use super::{Run, counts};
use crate::support::{CAMPAIGN, World};

const LIST: &str = "dnc-1";

/// The feed opts out three contacts, two of whom the campaign already has as opted out. The dialler
/// took out a fourth.
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
async fn reconcile_puts_opted_out_contacts_on_the_list_and_leaves_those_that_differ_to_apply() {
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
async fn a_list_that_fails_stops_nothing_else_and_a_later_run_tries_again() {
    let run = run();
    run.world.genesys.fill_dnc_list(LIST, true);
    let answer = run.run(json!({})).await.unwrap();
    let listed = (answer.on_dnc_list, answer.not_on_dnc_list);
    assert_eq!((listed, answer.complete), ((Some(0), Some(2)), true));
    assert_eq!(answer.enqueued, 1, "differences are enqueued all the same");
    let told = run.world.told();
    assert!(told.iter().any(|told| told.contains("DNC list failed")));
    run.world.genesys.fill_dnc_list(LIST, false);
    run.world.pass(Duration::from_mins(2)).await;
    let again = run.run(json!({})).await.unwrap();
    assert_eq!((again.on_dnc_list, again.complete), (Some(2), true));
}

#[tokio::test(start_paused = true)]
async fn opt_outs_found_before_time_runs_out_are_put_on_the_list() {
    let run = run();
    // These contacts come after those that opted out.
    for n in 0..4_000 {
        let key = format!("z{n:04}");
        run.says(&key, 5, "5");
        run.world.put(&key, 5, "5");
    }
    let answer = run
        .run_for(Duration::from_secs(31), json!({}))
        .await
        .unwrap();
    assert!(!answer.complete, "otherwise this tests nothing");
    assert_eq!(answer.on_dnc_list, Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_would_change_too_much_puts_nobody_on_the_list() {
    let run = run();
    super::brake::drifted(&run, 101, 300);
    let answer = run.run(json!({})).await.unwrap();
    assert!(!answer.complete);
    assert_eq!(answer.on_dnc_list, Some(0));
    assert_eq!(run.world.genesys.dnc_entries(LIST), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn opt_outs_found_before_the_feed_fails_are_put_on_the_list() {
    let run = run();
    for n in 0..100 {
        run.says(&format!("z{n:04}"), 5, "5");
        run.world.put(&format!("z{n:04}"), 5, "5");
    }
    run.feed.add_fault(Fault::status("GET", 403).after(1));
    run.run(json!({})).await.unwrap_err();
    assert_eq!(run.world.genesys.dnc_entries(LIST), ["+1", "+2"]);
}
