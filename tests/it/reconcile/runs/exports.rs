//! Runs that wait for exports. They hold up neither each other's campaigns nor the org's next runs
//! for long. Exports within one run are in `reconcile::export`.

use emulator::genesys::{Exports, Options};

use super::super::brake::drifted;
use super::*;

const WAITS: &str = "the export of the contact list is not ready: the run waits for it";

/// Two campaigns. An opt-out is missing in the second.
fn two(exports: Exports) -> Run {
    let options = Options {
        exports,
        ..Options::default()
    };
    let run = Run::with(World::of_lists(options), 100, |_| ());
    run.says("a", 5, "5");
    opt_out(&run);
    run
}

/// Lets the CRM opt out a contact of the second campaign, and no webhook report it.
fn opt_out(run: &Run) {
    let data = [("crmVersion", "5"), ("phone", "5")];
    run.world
        .genesys
        .put_contact(OTHER_CAMPAIGN, "out", &data, true);
    let says = json!({ "campaignId": OTHER_CAMPAIGN, "contactKey": "out", "version": 6, "callable": false });
    run.feed.put(says);
}

/// Lets no export of the campaign's list become ready.
fn hang(run: &Run, campaign: &str) {
    let is_not_ready = Fault::status("GET", 400).times(10_000);
    let path = format!("/list-of-{campaign}/export");
    run.world.genesys.add_fault(is_not_ready.on(path));
}

/// Works on what is due to its end, and returns the campaign that each wait was for.
async fn waits(run: &Run) -> Vec<String> {
    let log = logged(LevelFilter::WARN, run_all(run)).await;
    let lines = log.lines().filter(|line| line.contains(WAITS));
    let campaigns = lines.map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(
            (&line["org"], &line["level"]),
            (&json!("acme"), &json!("WARN"))
        );
        line["campaignId"].as_str().unwrap().to_owned()
    });
    campaigns.collect()
}

#[tokio::test(start_paused = true)]
async fn a_campaign_that_waits_for_its_export_lets_the_others_go_first() {
    for read in [json!({ "read": "export" }), json!({ "full": true })] {
        for hung in [CAMPAIGN, OTHER_CAMPAIGN] {
            let run = two(Exports::default());
            hang(&run, hung);
            let mut input = json!({ "campaignIds": [CAMPAIGN, OTHER_CAMPAIGN] });
            let members = input.as_object_mut().unwrap();
            members.extend(read.as_object().unwrap().clone());
            due(&run, input).await;
            for _ in 0..2 {
                assert_eq!(take(&run, QUARTER).await, Err(5));
                run.world.pass(Duration::from_secs(5)).await;
            }
            assert_eq!(run.queued().len(), 1, "what the other campaign lacks");
            assert!(failed_runs(&run).is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_gives_up_an_export_that_hangs_and_the_next_run_begins() {
    let run = two(Exports::default());
    hang(&run, CAMPAIGN);
    let both = [CAMPAIGN, OTHER_CAMPAIGN];
    due(&run, json!({ "campaignIds": both, "read": "export" })).await;
    run.world.pass(Duration::from_secs(1)).await;
    due(&run, json!({ "campaignIds": both })).await;
    let began = run.world.clock.now();
    // The second invocation repairs the other campaign, and the wait begins anew.
    assert_eq!(waits(&run).await, [CAMPAIGN; 4], "one for each invocation");
    let took = run.world.clock.now().duration_since(began).as_mins();
    assert!((40..90).contains(&took), "{took} min");
    let failed = failed_runs(&run);
    assert_eq!(failed.len(), 1, "{failed:?}");
    let error = failed[0]["error"].as_str().unwrap();
    let expected = format!("campaign {CAMPAIGN}: the export was not ready in time");
    assert!(error.contains(&expected), "{error}");
    // The next run reads fifty contacts a call.
    assert_eq!(run.keys(), ["a", "out"]);
    assert!(record(&run)["unfinished"].is_null());
}

#[tokio::test(start_paused = true)]
async fn a_run_of_many_campaigns_gives_up_an_export_that_hangs_as_soon_as_a_run_of_one() {
    let run = two(Exports::default());
    hang(&run, CAMPAIGN);
    let others = put_campaigns(&run, "other");
    let others = others.iter().map(String::as_str);
    let campaigns: Vec<_> = others.chain([CAMPAIGN, OTHER_CAMPAIGN]).collect();
    due(&run, json!({ "campaignIds": campaigns, "read": "export" })).await;
    let began = run.world.clock.now();
    run_all(&run).await;
    let took = run.world.clock.now().duration_since(began).as_mins();
    assert!((40..75).contains(&took), "{took} min");
    assert_eq!(failed_runs(&run).len(), 1);
}

/// Puts nine more campaigns into the world. Each lacks a contact.
fn put_campaigns(run: &Run, name: &str) -> Vec<String> {
    let campaigns: Vec<_> = (0..9).map(|n| format!("{name}-{n}")).collect();
    for campaign in &campaigns {
        let says = json!({ "campaignId": campaign, "contactKey": "a", "version": 5, "data": { "phone": "5" } });
        run.feed.put(says);
        let columns = &crate::support::COLUMNS;
        run.world.put_campaign("acme", campaign, Some(columns));
    }
    campaigns
}

#[tokio::test(start_paused = true)]
async fn every_campaign_comes_first_once_before_a_run_is_given_up() {
    let run = two(Exports::default());
    let hung = put_campaigns(&run, "hung");
    for campaign in &hung {
        hang(&run, campaign);
    }
    let mut campaigns: Vec<_> = hung.iter().map(String::as_str).collect();
    campaigns.push(OTHER_CAMPAIGN);
    // This holds whichever campaign the run begins with.
    for _ in 0..3 {
        due(&run, json!({ "campaignIds": campaigns, "read": "export" })).await;
        run_all(&run).await;
        assert_eq!(run.keys(), ["out"]);
        run.apply_all().await;
        opt_out(&run);
    }
    assert_eq!(failed_runs(&run).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_export_that_takes_half_an_hour_is_waited_for_and_no_place_is_lost() {
    let run = two(Exports {
        takes: Duration::from_mins(34),
        ..Exports::default()
    });
    drifted(&run, 0, 120);
    due(&run, json!({ "read": "export" })).await;
    assert_eq!(waits(&run).await, [CAMPAIGN; 2]);
    assert!(failed_runs(&run).is_empty());
    assert_eq!(run.keys(), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_campaign_that_waits_for_a_newer_export_in_its_middle_holds_up_no_other_either() {
    let mut tried = 0;
    for second in 0..8 {
        let run = two(Exports::default());
        drifted(&run, 0, 120);
        run.world.pass(Duration::from_secs(second)).await;
        let headers = vec![("retry-after", "3600".to_owned())];
        let throttled = Fault::next("GET", Effect::Status(429, headers));
        run.feed.add_fault(throttled.on("cursor=").times(5));
        let both = [CAMPAIGN, OTHER_CAMPAIGN];
        due(&run, json!({ "campaignIds": both, "read": "export" })).await;
        let first = take(&run, QUARTER).await;
        if run.keys().contains(&"out".to_owned()) {
            // The run began with the other campaign.
            continue;
        }
        assert_eq!(first, Err(900));
        tried += 1;
        hang(&run, CAMPAIGN);
        // After an hour the export is too old.
        for _ in 0..4 {
            run.world.pass(QUARTER).await;
            assert_eq!(take(&run, QUARTER).await, Err(900));
        }
        run.world.pass(QUARTER).await;
        assert_eq!(take(&run, QUARTER).await, Err(5), "it waits for the export");
        assert!(!run.keys().contains(&"out".to_owned()));
        // One of the next two invocations begins with the other campaign.
        for _ in 0..2 {
            run.world.pass(Duration::from_secs(5)).await;
            assert_eq!(take(&run, QUARTER).await, Err(5));
        }
        assert!(run.keys().contains(&"out".to_owned()), "{:?}", run.keys());
    }
    assert!(tried > 0, "otherwise this tests nothing");
}
