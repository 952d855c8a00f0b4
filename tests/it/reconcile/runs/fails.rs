//! Runs that fail or are killed: they are retried, given up, and made good by the next run. Runs
//! that end in good order and continue are in `goes_on`.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_failed_run_is_retried_once_a_minute_later_and_then_reported() {
    let run = Run::new(World::new());
    run.says("a", 5, "5");
    run.feed.add_fault(Fault::status("GET", 403).times(2));
    due(&run, json!({})).await;
    assert_eq!(take(&run, QUARTER).await, Err(60));
    assert!(failed_runs(&run).is_empty());
    run.world.pass(Duration::from_mins(1)).await;
    assert_eq!(take(&run, QUARTER).await, Ok(()), "it is over");
    let failed = failed_runs(&run);
    assert_eq!(failed.len(), 1);
    assert_eq!(
        (&failed[0]["org"], &failed[0]["campaignIds"]),
        (&json!("acme"), &json!([CAMPAIGN]))
    );
    assert!(
        failed[0]["error"].as_str().unwrap().contains("403"),
        "{failed:?}"
    );
    // The queue of failed runs is down, but the run is not forgotten.
    run.feed.add_fault(Fault::status("GET", 403).times(99));
    due(&run, json!({})).await;
    assert_eq!(take(&run, QUARTER).await, Err(60));
    run.world.pass(Duration::from_mins(1)).await;
    run.world.sqs.let_sends_hang(true);
    assert_eq!(take(&run, QUARTER).await, Err(60));
    run.world.sqs.let_sends_hang(false);
    run.world.pass(Duration::from_mins(1)).await;
    assert_eq!(take(&run, QUARTER).await, Ok(()));
    assert_eq!(failed_runs(&run).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_killed_each_time_ends_among_the_failed_ones_and_the_next_does_its_work() {
    let run = Run::new(World::new());
    run.says("a", 5, "5");
    due(&run, json!({})).await;
    for _ in 0..3 {
        killed(&run).await;
    }
    assert_eq!(take(&run, QUARTER).await, Ok(()));
    let failed = failed_runs(&run);
    assert!(
        failed[0]["error"].as_str().unwrap().contains("3 times"),
        "{failed:?}"
    );
    assert!(run.queued().is_empty());
    due(&run, json!({})).await;
    killed(&run).await;
    assert_eq!(
        take(&run, QUARTER).await,
        Ok(()),
        "once is no reason to give it up"
    );
    assert_eq!(run.queued().len(), 1);
    assert_eq!(failed_runs(&run).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_killed_after_it_waited_for_its_record_ends_among_the_failed_ones_too() {
    let run = Run::new(World::new());
    run.says("a", 5, "5");
    due(&run, json!({})).await;
    for _ in 0..5 {
        run.world.parameters.refuse_reads(3);
        assert_eq!(take(&run, QUARTER).await, Err(60));
        run.world.pass(Duration::from_mins(1)).await;
    }
    // Each is killed while it reads.
    for _ in 0..3 {
        let hang = Effect::Hang { is_done: false };
        let genesys = &run.world.genesys;
        genesys.add_fault(Fault::next("GET", hang));
        let reads = take(&run, QUARTER);
        let ended = tokio::time::timeout(Duration::from_secs(2), reads).await;
        assert!(ended.is_err());
        run.world.pass(Duration::from_mins(16)).await;
    }
    assert_eq!(take(&run, QUARTER).await, Ok(()));
    let failed = failed_runs(&run);
    assert!(
        failed[0]["error"].as_str().unwrap().contains("3 times"),
        "{failed:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_unknown_campaign_holds_up_no_other() {
    let run = Run::new(World::new());
    run.says("a", 5, "5");
    run.feed.put(json!({ "campaignId": "nowhere", "contactKey": "a", "version": 5, "data": { "phone": "5" } }));
    due(&run, json!({ "campaignIds": [CAMPAIGN, "nowhere"] })).await;
    assert_eq!(take(&run, QUARTER).await, Err(60));
    assert_eq!(run.queued().len(), 1);
    run.world.pass(Duration::from_mins(1)).await;
    let requests = run.feed.requests().len();
    assert_eq!(take(&run, QUARTER).await, Ok(()));
    let again = run.feed.requests().split_off(requests);
    assert!(
        again.iter().all(|request| !request.contains(CAMPAIGN)),
        "{again:?}"
    );
    assert!(
        failed_runs(&run)[0]["error"]
            .as_str()
            .unwrap()
            .contains("nowhere")
    );
    let looked = record(&run)["lookedAt"].as_array().unwrap().clone();
    let is_done = |looked: &&Value| looked["to"] != looked["from"];
    let done: Vec<_> = looked.iter().filter(is_done).collect();
    assert_eq!(done.len(), 1, "{looked:?}");
    assert_eq!(done[0]["campaigns"], json!([CAMPAIGN]));
}

#[tokio::test(start_paused = true)]
async fn a_record_that_is_not_reached_for_a_moment_costs_a_minute_and_nothing_else() {
    let run = Run::new(World::new());
    run.says("a", 5, "5");
    due(&run, json!({})).await;
    run.world.parameters.refuse_reads(3);
    assert_eq!(take(&run, QUARTER).await, Err(60));
    run.world.pass(Duration::from_mins(1)).await;
    // Two refused writes are tried again.
    run.world.parameters.refuse_writes(2);
    assert_eq!(take(&run, QUARTER).await, Ok(()));
    assert_eq!((run.queued().len(), looked_at(&run).len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_invalid_message_in_the_queue_of_runs_is_reported_and_deleted() {
    let run = Run::new(World::new());
    send(&run, "not JSON");
    let ahead = input(json!({ "scheduledTime": "2036-11-24T16:00:00Z" }));
    send(&run, &ahead.to_string());
    for expected in [
        "expected a JSON object",
        "a time that is at most 10 minutes ahead",
    ] {
        assert_eq!(take(&run, QUARTER).await, Ok(()));
        let failed = failed_runs(&run);
        let error = failed.last().unwrap()["error"].to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert!(run.feed.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_message_that_keeps_its_visibility_timeout_says_whose_it_is() {
    let run = Run::new(World::new());
    due(&run, json!({})).await;
    let log = logged(LevelFilter::WARN, async {
        run.world.parameters.refuse_reads(3);
        run.world.sqs.refuse(1);
        let seconds = take(&run, QUARTER).await.unwrap_err();
        assert!(seconds > 900, "{seconds}");
    })
    .await;
    let line = log.lines().find(|line| line.contains("keeps its"));
    assert!(line.unwrap().contains("\"org\":\"acme\""), "{log}");
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_from_the_queue_is_done_once_and_leaves_no_trace() {
    let run = Run::with(World::new(), 400, |_| ());
    for n in 0..400 {
        run.says(&format!("new{n:04}"), 5, "5");
    }
    let dry = input(json!({ "dryRun": true })).to_string();
    send(&run, &dry);
    let log = logged(LevelFilter::INFO, async {
        // It has no time for all, and does not go on.
        assert_eq!(take(&run, Duration::from_mins(3)).await, Ok(()));
    })
    .await;
    assert!((50..400).contains(&reads(&run)), "{}", reads(&run));
    assert!(log.contains("contact differs"), "{log}");
    assert!(log.contains("reconcile is not complete"), "{log}");
    assert!(run.queued().is_empty() && record(&run).is_null());
    // A dry run that fails is tried again and reported like any other.
    run.feed.add_fault(Fault::status("GET", 403).times(2));
    run.world.pass(Duration::from_hours(1)).await;
    send(&run, &dry);
    assert_eq!(take(&run, QUARTER).await, Err(60));
    run.world.pass(Duration::from_mins(1)).await;
    assert_eq!(take(&run, QUARTER).await, Ok(()));
    assert_eq!(failed_runs(&run).len(), 1);
    assert!(record(&run).is_null());
}
