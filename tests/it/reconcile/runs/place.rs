//! A long run keeps its place whatever fails beside it, and waits as long as the CRM asks. Why runs
//! take several invocations is in `goes_on`.

use emulator::genesys::{Exports, Options};

use super::super::brake::drifted;
use super::*;

/// A 429 that asks for a wait of this many seconds.
fn throttled(seconds: &str) -> Fault {
    let headers = vec![("retry-after", seconds.to_owned())];
    Fault::next("GET", Effect::Status(429, headers))
}

/// How often the feed was asked for its first page.
fn beginnings(run: &Run) -> usize {
    let requests = run.feed.requests();
    let is_first = |request: &&String| !request.contains("cursor=");
    requests.iter().filter(is_first).count()
}

/// A run that has recorded a place beyond the first page. It reads 60 contacts a minute, of 400
/// on four pages.
async fn in_the_middle() -> Run {
    let run = Run::with(World::new(), 100, |_| ());
    drifted(&run, 0, 400);
    due(&run, json!({})).await;
    assert_eq!(take(&run, Duration::from_mins(4)).await, Err(5));
    assert!(record(&run)["unfinished"]["cursor"]["page"].is_string());
    run.world.pass(Duration::from_secs(5)).await;
    run
}

#[tokio::test(start_paused = true)]
async fn a_long_wait_that_a_429_asks_for_costs_neither_a_failure_nor_the_place() {
    for different in [0, 60] {
        let run = Run::fast(50);
        // If 60 differ, they are too many among the first 100 to know whether the feed is right.
        drifted(&run, different, 240);
        run.feed.add_fault(throttled("3600").after(1).times(3));
        due(&run, json!({})).await;
        for _ in 0..3 {
            assert_eq!(
                take(&run, QUARTER).await,
                Err(900),
                "at most a quarter of an hour"
            );
            run.world.pass(QUARTER).await;
        }
        assert_eq!(take(&run, QUARTER).await, Ok(()));
        assert!(failed_runs(&run).is_empty(), "{:?}", failed_runs(&run));
        assert_eq!((run.queued().len(), looked_at(&run).len()), (different, 1));
        if different == 0 {
            assert_eq!(beginnings(&run), 1, "it goes on where it was");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn endless_429s_that_name_no_long_wait_are_no_failure_either() {
    let run = Run::fast(50);
    drifted(&run, 0, 120);
    run.feed.add_fault(throttled("30").times(3));
    due(&run, json!({})).await;
    assert_eq!(take(&run, QUARTER).await, Err(60), "a minute at least");
    run.world.pass(Duration::from_mins(1)).await;
    assert_eq!(take(&run, QUARTER).await, Ok(()));
    assert!(failed_runs(&run).is_empty());
}

#[tokio::test(start_paused = true)]
async fn two_failures_within_a_minute_lose_no_place() {
    let run = in_the_middle().await;
    // Both tries fail. Each makes three requests.
    run.feed.add_fault(Fault::status("GET", 503).times(6));
    assert_eq!(take(&run, QUARTER).await, Err(60));
    run.world.pass(Duration::from_mins(1)).await;
    assert_eq!(take(&run, QUARTER).await, Ok(()));
    assert_eq!(failed_runs(&run).len(), 1, "the failed run is reported");
    run.world.pass(QUARTER).await;
    due(&run, json!({})).await;
    run_all(&run).await;
    assert_eq!(beginnings(&run), 1, "the next run goes on");
    assert_eq!(reads(&run), 400, "each contact is read once");
    assert_eq!(failed_runs(&run).len(), 1);
    // All of the window of the run that failed was looked at, and nothing later.
    assert_eq!(looked_at(&run)[0].to_string(), "2026-11-24T16:00:00Z");
}

#[tokio::test(start_paused = true)]
async fn a_run_of_other_campaigns_leaves_the_place_alone() {
    let run = in_the_middle().await;
    run.feed.add_fault(Fault::status("GET", 503).times(6));
    for _ in 0..2 {
        let _ = take(&run, QUARTER).await;
        run.world.pass(Duration::from_mins(1)).await;
    }
    for campaign in [OTHER_CAMPAIGN, CAMPAIGN] {
        run.world.pass(QUARTER).await;
        due(&run, json!({ "campaignIds": [campaign] })).await;
        run_all(&run).await;
    }
    assert_eq!(beginnings(&run), 2, "one of each campaign");
}

#[tokio::test(start_paused = true)]
async fn a_place_that_the_feed_no_longer_knows_is_given_up() {
    let run = in_the_middle().await;
    run.feed
        .add_fault(Fault::status("GET", 410).on("cursor=").times(3));
    assert_eq!(take(&run, QUARTER).await, Err(60));
    run.world.pass(Duration::from_mins(1)).await;
    assert_eq!(take(&run, QUARTER).await, Ok(()));
    run.world.pass(QUARTER).await;
    due(&run, json!({})).await;
    run_all(&run).await;
    assert_eq!(
        (failed_runs(&run).len(), beginnings(&run)),
        (1, 2),
        "it begins anew"
    );
    assert!(record(&run)["unfinished"].is_null());
}

#[tokio::test(start_paused = true)]
async fn a_record_that_is_not_reached_costs_no_failure() {
    let run = in_the_middle().await;
    for _ in 0..6 {
        run.world.parameters.refuse_reads(3);
        assert_eq!(take(&run, QUARTER).await, Err(60));
        run.world.pass(Duration::from_mins(1)).await;
    }
    // So the next failure counts as the first, and the run does not count as killed.
    run.feed.add_fault(Fault::status("GET", 503).times(3));
    assert_eq!(take(&run, QUARTER).await, Err(60));
    run.world.pass(Duration::from_mins(1)).await;
    for _ in 0..3 {
        run.world.parameters.refuse_writes(3);
        assert_eq!(take(&run, Duration::from_mins(3)).await, Err(60));
        run.world.pass(Duration::from_mins(1)).await;
    }
    while let Err(seconds) = take(&run, QUARTER).await {
        run.world.pass(Duration::from_secs(seconds)).await;
    }
    assert!(failed_runs(&run).is_empty(), "{:?}", failed_runs(&run));
    assert_eq!((beginnings(&run), looked_at(&run).len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_record_that_may_not_be_read_is_reported_at_once_and_its_place_stays() {
    let run = in_the_middle().await;
    run.world.parameters.deny(true);
    assert_eq!(take(&run, QUARTER).await, Ok(()));
    let error = failed_runs(&run)[0]["error"].to_string();
    assert!(error.contains("AccessDenied"), "{error}");
    run.world.parameters.deny(false);
    due(&run, json!({})).await;
    run_all(&run).await;
    assert_eq!(beginnings(&run), 1, "the next run goes on");
}

#[tokio::test(start_paused = true)]
async fn a_malformed_record_is_reported_and_a_day_is_looked_at_again() {
    let run = Run::new(World::new());
    run.world
        .parameters
        .put(RECORD, "{\"lookedAt\": \"a person wrote this\"}");
    let log = logged(LevelFilter::INFO, async {
        due(&run, json!({ "campaignIds": [CAMPAIGN, OTHER_CAMPAIGN] })).await;
        assert_eq!(take(&run, QUARTER).await, Ok(()));
    })
    .await;
    let error = log.lines().find(|line| line.contains("\"ERROR\"")).unwrap();
    assert!(
        error.contains("\"org\":\"acme\"") && error.contains(RECORD),
        "{error}"
    );
    let error: Value = serde_json::from_str(error).unwrap();
    let campaigns = error["campaignIds"].as_str().unwrap();
    let mut campaigns: Vec<_> = campaigns.split(' ').collect();
    campaigns.sort_unstable();
    let mut both = [CAMPAIGN, OTHER_CAMPAIGN];
    both.sort_unstable();
    assert_eq!(campaigns, both);
    assert_eq!(error["since"], "2026-11-23T16:00:00Z");
    assert!(
        error["message"].as_str().unwrap().contains("--since") && !log.contains("a person"),
        "{log}"
    );
    assert!(failed_runs(&run).is_empty());
    assert!(run.feed.requests()[0].contains("since=2026-11-23T16"));
    assert_eq!(looked_at(&run).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_hung_export_is_waited_for_once_a_run_and_reported_once() {
    let options = Options {
        calls_per_minute: Some(100),
        exports: Exports {
            takes: Duration::from_hours(9),
            ..Exports::default()
        },
        ..Options::default()
    };
    let run = Run::with(World::of_lists(options), 100, |_| ());
    // A run may use a fifth of the calls, and a call reads fifty contacts: a list takes about a
    // minute.
    let secret = json!({ "api": "contactLists", "callsPerMinute": 100 });
    run.world.put_secret("acme", &secret);
    drifted(&run, 0, 1_100);
    for n in 0..1_100 {
        let key = format!("other{n:04}");
        let data = [("crmVersion", "5"), ("phone", "5")];
        run.world
            .genesys
            .put_contact(OTHER_CAMPAIGN, &key, &data, true);
        let says = json!({ "campaignId": OTHER_CAMPAIGN, "contactKey": key, "version": 5, "data": { "phone": "5" } });
        run.feed.put(says);
    }
    let began = run.world.clock.now();
    let log = logged(LevelFilter::WARN, async {
        due(&run, json!({ "campaignIds": [CAMPAIGN, OTHER_CAMPAIGN] })).await;
        // The first invocation ends while it reads the rest of the first list.
        while let Err(seconds) = take(&run, Duration::from_secs(420)).await {
            run.world.pass(Duration::from_secs(seconds)).await;
        }
    })
    .await;
    let took = run.world.clock.now().duration_since(began).as_secs();
    assert!((360..700).contains(&took), "{took} s");
    let calls = run.world.genesys.calls();
    let is_export =
        |call: &&emulator::genesys::Call| call.method == "POST" && call.path.ends_with("/export");
    assert_eq!(calls.iter().filter(is_export).count(), 1);
    assert!(record(&run)["unfinished"].is_null());
    assert_eq!(
        log.matches("no export of the contact list").count(),
        1,
        "{log}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_that_cannot_be_queued_says_whose_it_is() {
    let run = Run::new(World::new());
    let log = logged(LevelFilter::WARN, async {
        run.world.sqs.refuse(1);
        invoked(&run, input(json!({}))).await.unwrap_err();
        let nameless = json!({ "org": "no such name", "campaignIds": [] });
        invoked(&run, nameless).await.unwrap_err();
    })
    .await;
    let lines: Vec<_> = log.lines().collect();
    assert!(lines[0].contains("\"org\":\"acme\""), "{log}");
    assert!(!lines[1].contains("no such name"), "{log}");
}
