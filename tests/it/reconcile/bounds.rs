//! Bounds of a run: time, the call budget, the depth of the queue, and how much drift is too much.
//! The brake itself is in `brake`, and docs/reconciliation.md explains each bound.

use std::collections::BTreeSet;
use std::time::Duration;

use io::queue::Message;
use serde_json::json;

use super::brake::drifted;
use super::{Run, by_both, counts};
use crate::support::{CAMPAIGN, OTHER_CAMPAIGN, World};

/// Fills the queue with messages that are not of this run.
pub(super) fn fill(run: &Run, messages: usize) {
    for n in 0..messages {
        let (group, deduplication_id) = (format!("g{n}"), format!("d{n}"));
        let message = Message {
            body: "{}".into(),
            group,
            deduplication_id,
            attributes: Vec::new(),
        };
        run.world.queue.send(message).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_deep_queue_gets_nothing_but_opt_outs_until_the_next_run() {
    let run = Run::new(World::new()).allowing(2);
    run.says("a", 5, "5");
    fill(&run, 10);
    let answer = run.run(json!({})).await.unwrap();
    assert_eq!(
        (counts(&answer), answer.complete),
        ([1, 1, 0, 0, 0, 0], false)
    );
    let received = run.world.queue.receive(1).unwrap();
    let answer = run.run(json!({ "cursor": answer.cursor })).await.unwrap();
    assert_eq!(
        (counts(&answer), answer.complete),
        ([1, 1, 0, 0, 0, 0], false),
        "messages in flight count too"
    );
    run.world
        .event_source()
        .answered(&received, Some(&json!({ "batchItemFailures": [] })));
    let answer = run.run(json!({ "cursor": answer.cursor })).await.unwrap();
    assert_eq!((answer.enqueued, answer.complete), (1, true));
}

#[tokio::test(start_paused = true)]
async fn behind_a_neighbours_backlog_every_opt_out_of_every_campaign_is_enqueued_at_once() {
    by_both(async |run| {
        run.world.put_secret("acme", &json!({ "callsPerMinute": 1 }));
        let no = json!({ "callable": false });
        for n in 0..120 {
            run.says(&format!("new{n:03}"), 5, "5");
        }
        for key in ["gone", "late"] {
            run.world.put(key, 5, "5");
            run.says_more(key, 6, "5", no.clone());
        }
        run.feed.put(json!({ "campaignId": OTHER_CAMPAIGN, "contactKey": "other", "version": 6, "callable": false, "data": { "phone": "5" } }));
        fill(run, 20_000);
        let input = json!({ "campaignIds": [CAMPAIGN, OTHER_CAMPAIGN], "force": true });
        let answer = run.run(input).await.unwrap();
        let queued = run.queued().split_off(20_000);
        let mut keys: Vec<_> = queued.iter().map(|change| change["contactKey"].as_str().unwrap()).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["gone", "late", "other"]);
        assert_eq!((answer.checked, answer.enqueued, answer.complete), (123, 3, false));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn drift_that_the_queue_had_no_room_for_is_found_again_from_the_cursor_of_the_run() {
    // A run may make 60 reads a minute, a fifth of 300.
    let run = Run::with(World::new(), 400, |_| ());
    for n in 0..200 {
        run.says(&format!("new{n:03}"), 5, "5");
    }
    fill(&run, 20_000);
    let deep = run
        .run_for(Duration::from_mins(2), json!({ "force": true }))
        .await
        .unwrap();
    assert!(deep.checked > 50 && deep.checked < 200, "{deep:?}");
    assert_eq!((deep.enqueued, deep.complete), (0, false));
    let run = run.allowing(1_000_000);
    run.world.queue.purge();
    let more = json!({ "cursor": deep.cursor, "force": true });
    let rest = run.run(more).await.unwrap();
    assert_eq!(
        (rest.checked, rest.enqueued, rest.complete),
        (200, 200, true)
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_fills_the_queue_no_deeper_than_ten_minutes_of_calls_and_the_cursor_goes_on() {
    let run = Run::fast(70).allowing(12);
    drifted(&run, 90, 300);
    let input = |cursor| json!({ "cursor": cursor, "maxDriftPercent": 100 });
    let first = run.run(input(None::<String>)).await.unwrap();
    assert_eq!(
        (first.enqueued, first.complete),
        (70, false),
        "room for 60, and the contacts that were read at once"
    );
    let again = run.run(input(first.cursor)).await.unwrap();
    assert_eq!(
        (again.enqueued, again.complete),
        (0, false),
        "the queue is deep"
    );
    run.apply_all().await;
    let rest = run.run(input(again.cursor)).await.unwrap();
    assert_eq!(
        (first.checked, again.checked, rest.checked),
        (390, 320, 320),
        "each looks on for opt-outs, and the next goes on where there was no room"
    );
    assert_eq!((rest.enqueued, rest.complete), (20, true));
}

#[tokio::test(start_paused = true)]
async fn half_a_minute_before_its_end_a_run_stops_and_the_cursor_goes_on_in_mid_page() {
    // A run may make 60 reads a minute, a fifth of 300.
    let run = Run::with(World::new(), 400, |_| ());
    drifted(&run, 7, 213);
    let (mut input, mut checked, mut enqueued, mut runs) = (json!({}), 0, 0, 0);
    loop {
        let began = run.world.clock.now();
        let calls = run.world.genesys.calls().len();
        let answer = run.run_for(Duration::from_mins(2), input).await.unwrap();
        let last = run
            .world
            .genesys
            .calls()
            .split_off(calls)
            .last()
            .map(|call| call.at)
            .unwrap();
        assert!(last.duration_since(began).as_secs() <= 90, "{last}");
        checked += answer.checked;
        enqueued += answer.enqueued;
        runs += 1;
        if answer.complete {
            break;
        }
        input = json!({ "cursor": answer.cursor });
    }
    assert_eq!((checked, enqueued), (220, 7), "each contact once");
    assert!(runs > 1, "otherwise this tests nothing");
    let reads = run
        .world
        .genesys
        .calls()
        .iter()
        .filter(|call| call.method == "GET")
        .count();
    assert_eq!(reads, 220);
}

#[tokio::test(start_paused = true)]
async fn reads_keep_to_a_fifth_of_the_budget_with_headers_and_without() {
    for rate_headers in [true, false] {
        let options = emulator::genesys::Options {
            rate_headers,
            ..Default::default()
        };
        let run = Run::with(World::with(options), 1_000, |_| ());
        drifted(&run, 0, 200);
        assert!(run.run(json!({})).await.unwrap().complete);
        let at: Vec<_> = run
            .world
            .genesys
            .calls()
            .iter()
            .filter(|call| call.method == "GET")
            .map(|call| call.at)
            .collect();
        assert_eq!(at.len(), 200);
        for (n, from) in at.iter().enumerate() {
            let in_a_minute = at[n..]
                .iter()
                .take_while(|at| at.duration_since(*from).as_secs() < 60)
                .count();
            assert!(
                in_a_minute <= 60,
                "{in_a_minute} calls in a minute, rate headers: {rate_headers}"
            );
        }
        let took = at[199].duration_since(at[0]).as_secs();
        assert!(took < 250, "{took} s: the whole fifth is used");
    }
}

#[tokio::test(start_paused = true)]
async fn each_page_is_read_once_and_each_contact_compared_once() {
    let run = Run::fast(7);
    drifted(&run, 0, 100);
    assert_eq!(run.run(json!({})).await.unwrap().checked, 100);
    assert_eq!(run.feed.requests().len(), 15);
    let calls = run.world.genesys.calls();
    let reads: Vec<_> = calls
        .iter()
        .filter(|call| call.method == "GET")
        .map(|call| &call.path)
        .collect();
    assert_eq!(
        (reads.len(), reads.iter().collect::<BTreeSet<_>>().len()),
        (100, 100)
    );
}

#[tokio::test(start_paused = true)]
async fn a_cursor_leaves_out_the_campaigns_that_are_done() {
    let run = Run::fast(100).allowing(2);
    run.feed.put(json!({ "campaignId": OTHER_CAMPAIGN, "contactKey": "a", "version": 5, "data": { "phone": "5" } }));
    drifted(&run, 30, 90);
    let campaigns = [OTHER_CAMPAIGN, CAMPAIGN];
    let due = |minute: u32| format!("2026-11-24T16:{minute:02}:00Z");
    let input = |minute| json!({ "campaignIds": campaigns, "maxDriftPercent": 100, "scheduledTime": due(minute) });
    let mut minute = 0;
    let first = loop {
        // The campaign with which a run begins depends on the time of the run.
        let answer = run.run(input(minute)).await.unwrap();
        if run.feed.requests().last().unwrap().contains(CAMPAIGN) && run.feed.requests().len() > 1 {
            break answer;
        }
        run.apply_all().await;
        minute += 1;
    };
    assert!(!first.complete, "room for 10");
    run.apply_all().await;
    let asked = run.feed.requests().len();
    let mut more = input(minute);
    more["cursor"] = json!(first.cursor);
    let rest = run.run(more).await.unwrap();
    assert!(rest.complete, "{rest:?}");
    let requests = run.feed.requests().split_off(asked);
    assert!(
        !requests.is_empty()
            && requests
                .iter()
                .all(|request| !request.contains(OTHER_CAMPAIGN))
    );
}
