//! Runs that take more than one invocation: because of time, a full queue, or a service that
//! throttles. Their places are in `place`, and runs that fail in `fails`.

use emulator::genesys::Options;

use super::super::brake::drifted;
use super::*;

fn contacts(run: &Run, contacts: usize) {
    for n in 0..contacts {
        run.says(&format!("new{n:04}"), 5, "5");
    }
}

fn keys(run: &Run) -> Vec<String> {
    let mut keys: Vec<_> = run
        .queued()
        .iter()
        .map(|change| change["contactKey"].as_str().unwrap().to_owned())
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

#[tokio::test(start_paused = true)]
async fn a_run_that_has_no_more_time_goes_on_where_it_was_and_its_group_stays_locked() {
    // A run may make 60 reads a minute, a fifth of 300.
    let run = Run::with(World::new(), 400, |_| ());
    contacts(&run, 400);
    due(&run, json!({ "force": true })).await;
    run.world.pass(Duration::from_secs(1)).await;
    due(&run, json!({ "force": true })).await;
    let began = run.world.clock.now();
    let mut invocations = 1;
    while let Err(seconds) = take(&run, Duration::from_mins(3)).await {
        assert_eq!(seconds, 5);
        assert!(run.world.runs.receive(1).is_none(), "two runs of one org");
        assert!(record(&run)["unfinished"].is_object());
        run.world.pass(Duration::from_secs(seconds)).await;
        invocations += 1;
    }
    assert!(invocations >= 3, "otherwise this tests nothing");
    assert_eq!((keys(&run).len(), reads(&run)), (400, 400), "each once");
    assert!(record(&run)["unfinished"].is_null());
    let at = looked_at(&run)[0].as_second();
    assert_eq!(
        at,
        began.as_second(),
        "when it began, and not when it ended"
    );
    let incomplete = |told: &String| told.contains("incomplete");
    assert!(
        !run.world.told().iter().any(incomplete),
        "nothing is left out"
    );
    // The run that was due a second later still waits.
    assert_eq!(run.world.runs.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_killed_in_the_middle_goes_on_where_it_last_noted() {
    let run = Run::with(World::new(), 400, |_| ());
    contacts(&run, 400);
    due(&run, json!({ "force": true })).await;
    let mut killings = 0;
    while let Err(seconds) = take(&run, Duration::from_mins(3)).await {
        run.world.pass(Duration::from_secs(seconds)).await;
        // Two kills in a row, again and again. A run that makes progress in between is never given
        // up.
        for _ in 0..2 {
            killed(&run).await;
            killings += 1;
        }
    }
    assert!(killings >= 4, "otherwise this tests nothing");
    assert_eq!((keys(&run).len(), reads(&run)), (400, 400));
    assert!(failed_runs(&run).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_killed_after_it_enqueued_and_before_it_noted_loses_nothing() {
    let run = Run::new(World::new());
    // The record holds the campaign from here on.
    due(&run, json!({})).await;
    assert_eq!(take(&run, QUARTER).await, Ok(()));
    run.world.pass(Duration::from_mins(1)).await;
    contacts(&run, 30);
    run.world.parameters.refuse_writes_after_one(3);
    due(&run, json!({})).await;
    assert_eq!(take(&run, QUARTER).await, Err(60));
    assert_eq!(run.queued().len(), 30);
    run.world.pass(Duration::from_mins(1)).await;
    assert_eq!(take(&run, QUARTER).await, Ok(()));
    assert_eq!(run.queued().len(), 30, "the same events of the same run");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_cannot_note_what_it_sends_sends_nothing() {
    let run = Run::new(World::new());
    due(&run, json!({})).await;
    assert_eq!(take(&run, QUARTER).await, Ok(()));
    run.world.pass(Duration::from_mins(1)).await;
    contacts(&run, 30);
    due(&run, json!({})).await;
    for _ in 0..3 {
        run.world.parameters.refuse_writes(3);
        assert_eq!(take(&run, QUARTER).await, Err(60));
        assert_eq!(run.queued().len(), 0);
        run.world.pass(Duration::from_mins(1)).await;
    }
    assert_eq!(take(&run, QUARTER).await, Ok(()));
    assert_eq!(run.queued().len(), 30);
    assert!(failed_runs(&run).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_filled_the_queue_waits_a_minute_and_opt_outs_do_not_wait_with_it() {
    let run = Run::fast(100).allowing(12);
    // The queue has room for 60 changes: ten minutes at 12 calls a minute, two for each.
    contacts(&run, 200);
    run.world.put("zz-last", 5, "5");
    run.says_more("zz-last", 6, "5", json!({ "callable": false }));
    due(&run, json!({ "force": true })).await;
    assert_eq!(take(&run, QUARTER).await, Err(60));
    let first = keys(&run);
    assert!(first.contains(&"zz-last".to_owned()), "{first:?}");
    assert!((60..=101).contains(&first.len()), "{}", first.len());
    let mut invocations = 1;
    loop {
        run.world.pass(Duration::from_mins(1)).await;
        invocations += 1;
        let before = keys(&run).len();
        let went = take(&run, QUARTER).await;
        let more = keys(&run).len() - before;
        assert!(more <= 60 + 50, "{more} at once");
        if went.is_ok() {
            break;
        }
        assert!(invocations < 60, "it never ends");
    }
    assert!(
        invocations > 4,
        "it waits until apply may have done them: {invocations}"
    );
    assert_eq!(keys(&run).len(), 201);
    let looks = run.feed.requests().len();
    assert!(
        looks < 3 * invocations,
        "it looks on once: {looks} pages in {invocations}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_earlier_campaign_is_not_looked_at_again_where_a_later_one_takes_long() {
    let run = Run::with(World::new(), 400, |_| ());
    contacts(&run, 300);
    for n in 0..300 {
        let contact = json!({ "campaignId": OTHER_CAMPAIGN, "contactKey": format!("other{n}"), "version": 5, "data": { "phone": "5" } });
        run.feed.put(contact);
    }
    due(
        &run,
        json!({ "force": true, "campaignIds": [CAMPAIGN, OTHER_CAMPAIGN] }),
    )
    .await;
    let mut invocations = 1;
    while let Err(seconds) = take(&run, Duration::from_mins(3)).await {
        run.world.pass(Duration::from_secs(seconds)).await;
        invocations += 1;
    }
    assert!(invocations > 3);
    assert_eq!((keys(&run).len(), reads(&run)), (600, 600));
    assert_eq!(looked_at(&run).len(), 2, "each since its own beginning");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_can_never_decide_whether_the_feed_is_right_ends_and_says_so() {
    // Two contacts a minute are too few to decide in three minutes whether the feed is right.
    let options = Options {
        calls_per_minute: Some(10),
        ..Options::default()
    };
    let run = Run::with(World::with(options), 400, |_| ()).allowing(10);
    drifted(&run, 60, 60);
    due(&run, json!({})).await;
    let mut invocations = 1;
    while let Err(seconds) = take(&run, Duration::from_mins(3)).await {
        run.world.pass(Duration::from_secs(seconds)).await;
        invocations += 1;
        assert!(invocations < 10, "it has no end");
    }
    assert!(run.queued().is_empty());
    // The record says that the campaign exists, and nothing more.
    let is_nothing = |looked: &Value| looked["to"] == looked["from"];
    assert!(
        record(&run)["lookedAt"]
            .as_array()
            .unwrap()
            .iter()
            .all(is_nothing)
    );
    let told = run.world.told();
    let is_told = |told: &String| told.contains("incomplete") && told.contains("too few to know");
    assert!(told.iter().any(is_told), "{told:?}");
}
