//! Reconcile through its own handle: what it finds, what it enqueues, and what it leaves alone.
//! This file has single runs without a record; `runs` has those of a schedule, and each other part
//! of a run has a module of its own.

mod absent;
mod adopt;
mod bounds;
mod brake;
pub(crate) mod by_config;
mod channels;
mod export;
mod faults;
mod faulty;
mod feed;
mod listed;
mod ranks;
mod run;
pub(crate) mod runs;
mod vendors;

use std::sync::Arc;
use std::time::Duration;

use emulator::genesys::Options;
use reconcile::{Answer, Context, Error};
use serde_json::{Value, json};

pub(crate) use run::Run;

use crate::support::{CAMPAIGN, OTHER_CAMPAIGN, VERSION_FIELD, World, change, openapi};

const TOKEN: &str = "feed-token";
const FEED_SECRET: &str = "campaign-sync/feed/acme";

/// The counts of an answer: checked, missing, different, stale, unranked, enqueued.
fn counts(answer: &Answer) -> [u64; 6] {
    [
        answer.checked,
        answer.missing,
        answer.different,
        answer.stale,
        answer.unranked,
        answer.enqueued,
    ]
}

async fn by_both(promise: impl AsyncFn(&Run)) {
    for world in [World::new(), World::of_lists(Options::default())] {
        let run = Run::new(world);
        promise(&run).await;
        assert_eq!(openapi::faults(&run.world.genesys.calls()), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_difference_is_enqueued_and_a_second_run_finds_none() {
    by_both(async |run| {
        run.world.put("same", 5, "5");
        run.world.put("older", 4, "4");
        run.world.put("unlike", 5, "other");
        run.world.put("newer", 9, "9");
        run.world.put("rank-alone", 4, "5");
        for key in ["same", "older", "unlike", "newer", "rank-alone", "missing"] {
            run.says(key, 5, "5");
        }
        let answer = run.run(json!({ "scheduledTime": "2026-11-24T16:00:00Z" })).await.unwrap();
        assert_eq!(counts(&answer), [6, 1, 3, 1, 0, 4]);
        assert!(answer.complete && answer.cursor.is_none() && !answer.dry_run);
        let mut queued = run.queued();
        queued.sort_by_key(|body| body["contactKey"].to_string());
        let keys: Vec<_> = queued.iter().map(|body| body["contactKey"].as_str().unwrap()).collect();
        assert_eq!(keys, ["missing", "older", "rank-alone", "unlike"]);
        let expected = json!({ "schema": 1, "eventId": "reconcile-2026-11-24T16:00:00Z-5", "org": "acme",
            "campaignId": CAMPAIGN, "contactKey": "missing", "version": 5, "source": "reconcile", "data": { "phone": "5" } });
        assert_eq!(queued[0], expected);

        run.apply_all().await;
        for key in ["same", "older", "unlike", "rank-alone", "missing"] {
            assert_eq!((run.world.column(key, "phone"), run.world.column(key, VERSION_FIELD)), ("5".into(), "5".into()));
        }
        assert_eq!(run.world.column("newer", "phone"), "9");
        let answer = run.run(json!({})).await.unwrap();
        assert_eq!(counts(&answer), [6, 0, 0, 1, 0, 0]);
        assert!(run.world.queue.is_empty() && run.world.dead_letters.is_empty());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_to_genesys_cloud_but_by_apply() {
    by_both(async |run| {
        run.says("missing", 5, "5");
        run.run(json!({})).await.unwrap();
        let calls = run.world.genesys.calls();
        let reads = |call: &emulator::genesys::Call| {
            call.method == "GET" || call.path.ends_with("/contacts/bulk")
        };
        assert!(
            calls
                .iter()
                .all(|call| reads(call) || call.path == "/oauth/token"),
            "{calls:?}"
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_newer_change_in_the_queue_wins_by_its_rank() {
    by_both(async |run| {
        run.world.put("a", 1, "1");
        run.says("a", 5, "5");
        run.world.send([change("a", 6).phone("6").callable(false)]);
        assert_eq!(run.run(json!({})).await.unwrap().enqueued, 1);
        run.apply_all().await;
        assert_eq!(run.world.column("a", "phone"), "6");
        assert!(!run.world.contact("a").1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn without_a_rank_nothing_is_compared_or_enqueued() {
    let run = Run::new(World::new());
    run.feed
        .put(json!({ "campaignId": CAMPAIGN, "contactKey": "a", "data": { "phone": "1" } }));
    run.says("b", 5, "5");
    assert_eq!(
        counts(&run.run(json!({})).await.unwrap()),
        [2, 1, 0, 0, 1, 1]
    );
    run.world
        .put_secret("acme", &json!({ "versionField": null }));
    let run = Run::new(run.world);
    run.says("b", 5, "5");
    run.says_more("c", 5, "5", json!({ "callable": false }));
    let before = run.world.genesys.calls().len();
    assert_eq!(
        counts(&run.run(json!({})).await.unwrap()),
        [2, 0, 0, 0, 2, 0]
    );
    assert!(
        run.world.genesys.calls()[before..]
            .iter()
            .all(|call| call.path == "/oauth/token"),
        "no call is wasted"
    );
}

#[tokio::test(start_paused = true)]
async fn reconcile_makes_nobody_callable_by_itself_and_every_opt_out_counts() {
    by_both(async |run| {
        let put = |key, callable| {
            run.world.genesys.put_contact(CAMPAIGN, key, &[(VERSION_FIELD, "5"), ("phone", "5")], callable);
        };
        put("taken-out", false);
        let opted_in = [(VERSION_FIELD, "5:5-"), ("phone", "5")];
        run.world.genesys.put_contact(CAMPAIGN, "opted-in", &opted_in, false);
        run.says_more("opted-in", 6, "5", json!({ "callable": true }));
        put("opted-out", true);
        put("opted-out-late", true);
        put("removed", true);
        run.says_more("taken-out", 6, "5", json!({ "callable": true }));
        run.says_more("opted-out", 6, "5", json!({ "callable": false }));
        run.says_more("opted-out-late", 4, "4", json!({ "callable": false }));
        run.feed.put(json!({ "campaignId": CAMPAIGN, "contactKey": "removed", "version": 6, "operation": "remove" }));
        let answer = run.run(json!({})).await.unwrap();
        assert_eq!(counts(&answer), [5, 0, 4, 0, 0, 3]);
        assert_eq!(answer.kept, 1, "a contact that somebody else took out is no difference");
        run.apply_all().await;
        for key in ["opted-in", "taken-out", "opted-out", "opted-out-late", "removed"] {
            assert!(!run.world.contact(key).1, "{key}");
        }
        assert_eq!(run.world.column("taken-out", VERSION_FIELD), "5");
        assert_eq!(
            run.world.column("opted-in", VERSION_FIELD),
            "5:5-",
            "so a later webhook may still opt the contact in"
        );
        assert_eq!(run.world.column("opted-out-late", "phone"), "5");
        let answer = run.run(json!({})).await.unwrap();
        assert_eq!(counts(&answer), [5, 0, 1, 1, 0, 0], "unrepaired drift is still reported");
        assert_eq!(answer.kept, 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_counts_and_enqueues_nothing() {
    let run = Run::new(World::new());
    run.world.put("unlike", 5, "other");
    run.says("unlike", 5, "5");
    run.says("missing", 5, "5");
    let answer = run.run(json!({ "dryRun": true })).await.unwrap();
    assert_eq!(counts(&answer), [2, 1, 1, 0, 0, 0]);
    assert!(answer.complete && answer.dry_run && run.world.queue.is_empty());
    let told = serde_json::to_value(&answer).unwrap();
    let expected = json!({ "checked": 2, "missing": 1, "different": 1, "kept": 0, "stale": 0, "unranked": 0, "ahead": 0,
                           "enqueued": 0, "complete": true, "cursor": null, "dryRun": true });
    assert_eq!(told, expected, "docs/contract.md \"Reconcile\"");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_repeated_sends_nothing_twice_and_a_later_one_is_never_taken_for_it() {
    let run = Run::new(World::new());
    run.says("a", 5, "5");
    let due = json!({ "scheduledTime": "2026-11-24T16:00:00Z" });
    assert_eq!(run.run(due.clone()).await.unwrap().enqueued, 1);
    assert_eq!(run.run(due.clone()).await.unwrap().enqueued, 1);
    assert_eq!(run.world.queue.len(), 1, "the same event of the same run");
    run.says("a", 6, "6");
    assert_eq!(run.run(due).await.unwrap().enqueued, 1);
    assert_eq!(run.world.queue.len(), 2, "but never over a newer change");
    run.apply_all().await;
    assert_eq!(run.world.column("a", "phone"), "6");
    run.world.put("a", 6, "spoilt by somebody else");
    assert_eq!(
        run.run(json!({ "scheduledTime": "2026-11-24T16:01:00Z" }))
            .await
            .unwrap()
            .enqueued,
        1
    );
    run.apply_all().await;
    assert_eq!(run.world.column("a", "phone"), "6");
}

#[tokio::test(start_paused = true)]
async fn the_feed_is_asked_for_each_campaign_for_the_window_and_with_the_cursor() {
    let run = Run::with(World::new(), 2, |_| ());
    for key in ["a", "b", "c"] {
        run.says(key, 5, "5");
    }
    let input = json!({ "campaignIds": [OTHER_CAMPAIGN, CAMPAIGN], "windowMinutes": 30 });
    assert_eq!(run.run(input).await.unwrap().checked, 3);
    let base = "/contacts?tenant=7&campaignId";
    let since = "since=2026-11-24T15%3A30%3A00Z";
    let expected = [
        format!("{base}={OTHER_CAMPAIGN}&{since}"),
        format!("{base}={CAMPAIGN}&{since}"),
        format!("{base}={CAMPAIGN}&{since}&cursor=2"),
    ];
    let mut requests = run.feed.requests();
    // The campaign with which a run begins depends on the time of the run.
    requests.sort_by_key(|request| expected.iter().position(|other| other == request));
    assert_eq!(requests, expected);
}

#[tokio::test(start_paused = true)]
async fn a_contact_that_apply_would_park_is_left_out_by_every_run() {
    let run = Run::new(World::of_lists(Options::default()));
    run.world.put_secret(
        "acme",
        &json!({ "api": "contactLists", "contactKeyPattern": "^[a-z-]+$" }),
    );
    run.says_more(
        "reserved",
        5,
        "5",
        json!({ "data": { "phone": "5", VERSION_FIELD: "1" } }),
    );
    run.says_more(
        "unknown",
        5,
        "5",
        json!({ "data": { "phone": "5", "shoeSize": "44" }, "callable": false }),
    );
    run.says("KEY-7", 5, "5");
    run.world.genesys.put_contact(
        CAMPAIGN,
        "unknown",
        &[(VERSION_FIELD, "5"), ("phone", "5")],
        true,
    );
    let answer = run.run(json!({})).await.unwrap();
    assert_eq!(counts(&answer), [3, 1, 1, 0, 0, 2]);
    run.apply_all().await;
    assert!(
        run.world.dead_letters.is_empty(),
        "{:?}",
        run.world.parked()
    );
    assert!(
        !run.world.contact("unknown").1,
        "an opt-out is not left out with a column"
    );
    assert_eq!(run.world.column("reserved", "phone"), "5");
    assert_eq!(
        counts(&run.run(json!({})).await.unwrap()),
        [3, 0, 0, 0, 0, 0]
    );
}

/// Another copy of reconcile, which has no secret cached.
fn another_copy(run: &Run) -> Context {
    Context::new(
        run.world.shared(|_| ()),
        Arc::clone(&run.world.sqs) as _,
        Arc::clone(&run.feed) as _,
    )
}

#[tokio::test(start_paused = true)]
async fn an_opt_out_without_a_rank_or_with_an_odd_key_takes_effect_and_is_then_no_drift() {
    for (world, api) in World::by_api() {
        let run = Run::new(world);
        run.world.put_secret(
            "acme",
            &json!({ "api": api, "contactKeyPattern": "^[a-z-]+$" }),
        );
        for key in ["unranked", "KEY-7", "silent"] {
            run.world.put(key, 5, "5");
        }
        run.feed.put(json!({ "campaignId": CAMPAIGN, "contactKey": "unranked", "data": { "phone": "6" }, "callable": false }));
        run.feed.put(
            json!({ "campaignId": CAMPAIGN, "contactKey": "silent", "data": { "phone": "6" } }),
        );
        run.feed
            .put(json!({ "campaignId": CAMPAIGN, "contactKey": "nobody", "operation": "remove" }));
        run.says_more("KEY-7", 6, "6", json!({ "callable": false }));
        let answer = run.run(json!({})).await.unwrap();
        assert_eq!(
            (answer.different, answer.unranked, answer.enqueued),
            (2, 3, 2)
        );
        run.apply_all().await;
        for key in ["unranked", "KEY-7"] {
            assert!(!run.world.contact(key).1, "{key} is not called");
            assert_eq!(run.world.column(key, "phone"), "5", "no column is altered");
        }
        assert!(run.world.contact("silent").1);
        assert_eq!(run.run(json!({})).await.unwrap().enqueued, 0, "{api}");
    }
}
