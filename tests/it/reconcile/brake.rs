//! The brake: if a run finds too much drift in a campaign, it enqueues nothing of that campaign,
//! and of its other campaigns only opt-outs. Other bounds of a run are in `bounds`;
//! docs/reconciliation.md "The brake" explains it.

use std::time::Duration;

use serde_json::json;

use reconcile::{Input, RunOutcome, Until, Why};

use super::{Run, counts};
use crate::support::{CAMPAIGN, OTHER_CAMPAIGN, World};

pub(super) fn drifted(run: &Run, different: usize, same: usize) {
    for n in 0..different + same {
        let key = format!("k{n:04}");
        run.world
            .put(&key, 5, if n < different { "other" } else { "5" });
        run.says(&key, 5, "5");
    }
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_would_change_too_much_of_a_campaign_changes_nothing() {
    let run = Run::fast(100);
    drifted(&run, 101, 303);
    let answer = run.run(json!({})).await.unwrap();
    assert_eq!(counts(&answer), [404, 0, 101, 0, 0, 0]);
    assert!(!answer.complete && run.world.queue.is_empty());
    assert!(
        run.world
            .told()
            .contains(&format!("! acme stopped: 101 of 404 of {CAMPAIGN}"))
    );

    let cursor = answer.cursor.unwrap();
    let forced = run
        .run(json!({ "force": true, "cursor": cursor }))
        .await
        .unwrap();
    assert_eq!(
        (counts(&forced), forced.complete),
        ([404, 0, 101, 0, 0, 101], true)
    );
    assert_eq!(run.world.queue.len(), 101);
}

#[tokio::test(start_paused = true)]
async fn contacts_that_the_dialler_took_out_are_no_drift_and_stop_nothing() {
    let run = Run::fast(100);
    drifted(&run, 5, 400);
    for n in 5..305 {
        let key = format!("k{n:04}");
        run.world.genesys.lower(CAMPAIGN, &key);
        run.says_more(&key, 6, "5", json!({ "callable": true }));
    }
    let answer = run.run(json!({})).await.unwrap();
    assert_eq!((counts(&answer), answer.kept), ([405, 0, 5, 0, 0, 5], 300));
    assert!(answer.complete);
}

#[tokio::test(start_paused = true)]
async fn an_allowed_share_or_a_hundred_contacts_or_a_dry_run_stops_nothing() {
    let run = Run::fast(1_000);
    drifted(&run, 101, 404);
    assert_eq!(
        run.run(json!({})).await.unwrap().enqueued,
        101,
        "exactly a fifth"
    );
    assert_eq!(
        run.run(json!({ "maxDriftPercent": 19 }))
            .await
            .unwrap()
            .enqueued,
        0
    );
    assert_eq!(
        run.run(json!({ "maxDriftPercent": 19, "dryRun": true }))
            .await
            .unwrap()
            .different,
        101
    );
    let few = Run::fast(1_000);
    drifted(&few, 100, 0);
    assert_eq!(few.run(json!({})).await.unwrap().enqueued, 100);
}

#[tokio::test(start_paused = true)]
async fn one_campaign_that_differs_too_much_stops_the_run_for_all() {
    let run = Run::fast(100);
    run.feed.put(json!({ "campaignId": OTHER_CAMPAIGN, "contactKey": "a", "version": 5, "data": { "phone": "5" } }));
    drifted(&run, 101, 0);
    let answer = run
        .run(json!({ "campaignIds": [OTHER_CAMPAIGN, CAMPAIGN] }))
        .await
        .unwrap();
    assert_eq!((answer.enqueued, answer.complete), (0, false));
    assert!(run.world.queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_does_not_hide_that_too_much_differs() {
    // The queue has room for 60 changes of a run. If the brake counted only those, they would be
    // too few to stop a campaign that differs as a whole.
    let run = Run::fast(50).allowing(6);
    drifted(&run, 200, 0);
    let answer = run.run(json!({})).await.unwrap();
    assert_eq!(
        (answer.enqueued, answer.different, answer.complete),
        (0, 200, false)
    );
    assert!(run.world.queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn drift_at_the_beginning_of_a_feed_does_not_stand_for_all_of_it() {
    // A scheduled run goes on after the queue is full, to look for opt-outs, and so compares more
    // contacts.
    for (is_scheduled, checked) in [(false, 600), (true, 2_120)] {
        let run = Run::fast(50).allowing(22);
        drifted(&run, 120, 2_000);
        let answer = if is_scheduled {
            run.run(json!({})).await.unwrap()
        } else {
            run_until(&run, json!({}), u64::MAX, None).await.answer
        };
        assert_eq!(
            (answer.enqueued, answer.checked, answer.complete),
            (120, checked, false),
            "a fifth: few enough"
        );
        run.apply_all().await;
        let rest = run.run(json!({ "cursor": answer.cursor })).await.unwrap();
        assert_eq!((rest.enqueued, rest.complete), (0, true));
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_has_changed_is_compared_from_its_beginning() {
    let run = Run::with(World::new(), 400, |_| ());
    drifted(&run, 0, 150);
    let first = run
        .run_for(Duration::from_mins(2), json!({}))
        .await
        .unwrap();
    assert!(!first.complete && first.checked > 50, "{first:?}");
    // The new contact comes first in the order of the page.
    run.says("a-new-one", 5, "5");
    let mut input = json!({ "cursor": first.cursor });
    let mut found = 0;
    for _ in 0..10 {
        let answer = run.run(input).await.unwrap();
        found += answer.missing;
        if answer.complete {
            break;
        }
        input = json!({ "cursor": answer.cursor });
    }
    assert_eq!(found, 1);
}

/// Runs as the command does, until this many contacts were compared, or with a pause after this
/// time.
async fn run_until(
    run: &Run,
    more: serde_json::Value,
    checked: u64,
    rest: Option<Duration>,
) -> RunOutcome {
    let mut input = json!({ "org": "acme", "campaignIds": [CAMPAIGN], "scheduledTime": "2026-11-24T16:00:00Z" });
    input
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let now = run.world.clock.now();
    let input = Input::parse(&input, now).unwrap();
    let seen = std::sync::atomic::AtomicU64::new(0);
    let is_asked_to_stop = || seen.load(std::sync::atomic::Ordering::Relaxed) >= checked;
    let until = Until {
        end: None,
        rest_at: rest.map(|rest| now + rest),
        is_asked_to_stop: &is_asked_to_stop,
        looks_on_for_opt_outs: false,
    };
    let watch = |progress| {
        if let reconcile::Progress::Checked(contacts) = progress {
            seen.fetch_add(contacts, std::sync::atomic::Ordering::Relaxed);
        }
    };
    reconcile::run(&run.context, &input, &until, &watch)
        .await
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_run_over_a_broken_feed_enqueues_nothing() {
    // 60 of 60 contacts differ: too few for the brake, but all that was compared.
    for world in [World::new(), World::of_lists(Default::default())] {
        let run = Run::with(world, 30, |_| ());
        drifted(&run, 200, 0);
        let outcome = run_until(&run, json!({}), 60, None).await;
        let answer = outcome.answer;
        assert_eq!(
            (answer.different, answer.enqueued, answer.complete),
            (60, 0, false)
        );
        assert!(run.world.queue.is_empty());
        let why = outcome.why.unwrap();
        assert_eq!(why.cause(), &Why::Interrupted);
        let told = why.to_string();
        assert!(told.starts_with("interrupted, when 60 of 60"), "{told}");
        // Its cursor finds them again, and then enough contacts are counted to decide.
        let stopped = run_until(&run, json!({ "cursor": answer.cursor }), u64::MAX, None).await;
        assert!(matches!(
            stopped.why,
            Some(Why::TooMuchDrift {
                checked: 200,
                drifted: 200,
                ..
            })
        ));
        let forced = json!({ "cursor": answer.cursor, "force": true });
        assert_eq!(run_until(&run, forced, 60, None).await.answer.enqueued, 60);
    }
}

#[tokio::test(start_paused = true)]
async fn a_small_drift_is_repaired_where_all_of_it_was_compared() {
    let run = Run::new(World::new());
    drifted(&run, 5, 0);
    let outcome = run_until(&run, json!({}), 5, None).await;
    assert_eq!(
        (outcome.answer.enqueued, outcome.answer.complete),
        (5, true)
    );
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_run_enqueues_drift_that_is_small_enough() {
    let run = Run::with(World::new(), 50, |_| ());
    drifted(&run, 10, 200);
    let outcome = run_until(&run, json!({}), 50, None).await;
    assert_eq!(
        (outcome.answer.enqueued, outcome.why),
        (10, Some(Why::Interrupted))
    );
}

#[tokio::test(start_paused = true)]
async fn an_opt_out_does_not_wait_for_an_undecided_brake() {
    let run = Run::with(World::new(), 30, |_| ());
    drifted(&run, 200, 0);
    run.says_more("k0007", 6, "5", json!({ "callable": false }));
    run.feed.put(json!({ "campaignId": CAMPAIGN, "contactKey": "k0008", "version": 6, "operation": "remove" }));
    let outcome = run_until(&run, json!({}), 60, None).await;
    assert_eq!(outcome.answer.enqueued, 2);
    run.apply_all().await;
    assert!(!run.world.contact("k0007").1 && !run.world.contact("k0008").1);
    assert!(matches!(outcome.why, Some(Why::Undecided { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_time_or_a_full_queue_ends_undecided_enqueues_nothing() {
    // With a fifth of 300 calls a minute, it compares 60 contacts in the first minute.
    let run = Run::with(World::new(), 400, |_| ());
    drifted(&run, 300, 0);
    let answer = run
        .run_for(Duration::from_secs(75), json!({}))
        .await
        .unwrap();
    assert!((20..=100).contains(&answer.different), "{answer:?}");
    assert_eq!((answer.enqueued, answer.complete), (0, false));
    let told = run.world.told();
    assert!(
        told.iter()
            .any(|told| told.contains("! acme incomplete: out of time, when")),
        "{told:?}"
    );
    // The queue has room for 20 changes. The run goes on counting, and ends before it can decide.
    let run = Run::with(World::new(), 400, |_| ()).allowing(4);
    drifted(&run, 300, 0);
    let outcome = run_until(&run, json!({}), 60, None).await;
    assert_eq!(outcome.answer.enqueued, 0, "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn regression_contacts_before_a_failed_read_count_for_the_brake() {
    // The reads of the third fifty contacts would have to wait past the deadline. By then 120 of
    // 120 differ.
    let run = Run::with(World::new(), 400, |_| ());
    drifted(&run, 300, 0);
    let answer = run
        .run_for(Duration::from_mins(2), json!({}))
        .await
        .unwrap();
    assert!(answer.different > 100, "{answer:?}");
    assert_eq!((answer.enqueued, answer.complete), (0, false));
    assert!(run.world.told().iter().any(|told| told.contains("stopped")));
}

#[tokio::test(start_paused = true)]
async fn only_the_undecided_campaign_of_several_is_held_back() {
    let run = Run::with(World::new(), 30, |_| ());
    drifted(&run, 200, 0);
    for n in 0..4 {
        let key = format!("o{n}");
        run.feed.put(
            json!({ "campaignId": OTHER_CAMPAIGN, "contactKey": key, "version": 5, "data": {} }),
        );
    }
    let campaigns = json!({ "campaignIds": [OTHER_CAMPAIGN, CAMPAIGN] });
    let outcome = run_until(&run, campaigns.clone(), 34, None).await;
    assert_eq!((outcome.answer.enqueued, outcome.answer.checked), (4, 34));
    let mut goes_on = campaigns;
    goes_on["cursor"] = json!(outcome.answer.cursor);
    let asked = run.feed.requests().len();
    run_until(&run, goes_on, 30, None).await;
    let requests = run.feed.requests().split_off(asked);
    assert!(!requests.is_empty() && requests.iter().all(|request| request.contains(CAMPAIGN)));
}

#[tokio::test(start_paused = true)]
async fn a_run_takes_no_pause_while_it_is_undecided() {
    // At 60 contacts a minute, everything that was compared in the first minute differs.
    let run = Run::with(World::new(), 400, |_| ());
    drifted(&run, 50, 350);
    let rest = Some(Duration::from_secs(30));
    let outcome = run_until(&run, json!({}), u64::MAX, rest).await;
    let answer = outcome.answer;
    assert_eq!(
        (answer.enqueued, outcome.why),
        (50, Some(Why::OutOfTime)),
        "{answer:?}"
    );
    assert!((250..400).contains(&answer.checked), "{answer:?}");
    let rest = run_until(&run, json!({ "cursor": answer.cursor }), u64::MAX, None).await;
    assert_eq!(
        (answer.checked + rest.answer.checked, rest.answer.complete),
        (400, true)
    );
}
