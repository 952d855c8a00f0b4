//! Removing the contacts that the CRM does not list, by an operator's command
//! (docs/reconciliation.md "Remove whom the CRM does not list"). Counting them only is in `full`.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::change::{CampaignId, OrgId};
use io::telemetry::subscriber;
use jiff::Timestamp;
use reconcile::{Input, Progress, RunOutcome, Task, Until, Why};
use tracing::instrument::WithSubscriber;
use tracing::level_filters::LevelFilter;

use super::*;
use crate::reconcile::faults::page;
use crate::support::Lines;

pub(super) fn input(run: &Run) -> Input {
    Input {
        org: OrgId::parse("acme").unwrap(),
        campaigns: vec![CampaignId::parse(CAMPAIGN).unwrap()],
        since: Timestamp::UNIX_EPOCH,
        run: run.world.clock.now(),
        dry_run: false,
        max_drift_percent: 20,
        force: false,
        cursor: None,
        full: true,
        read: reconcile::Read::Export,
        task: Task::RemoveUnknown,
    }
}

/// Runs the code of the command. `look` is called often, and returns whether to stop.
pub(super) async fn removed(
    run: &Run,
    input: Input,
    look: &(dyn Fn() -> bool + Sync),
) -> Result<(RunOutcome, Vec<Progress>), Error> {
    let until = Until {
        end: None,
        rest_at: None,
        is_asked_to_stop: look,
        looks_on_for_opt_outs: false,
    };
    let seen = Mutex::new(Vec::new());
    let watch = |progress| seen.lock().unwrap().push(progress);
    let outcome = reconcile::remove_unknown(&run.context, &input, &until, &watch).await?;
    Ok((outcome, seen.into_inner().unwrap()))
}

async fn remove(run: &Run) -> RunOutcome {
    removed(run, input(run), &|| false).await.unwrap().0
}

/// The counts of an outcome: checked, unknown, removed, enqueued.
fn counts(outcome: &RunOutcome) -> (u64, Option<u64>, Option<u64>, u64) {
    let answer = &outcome.answer;
    (
        answer.checked,
        answer.unknown_to_crm,
        answer.removed_unknown,
        answer.enqueued,
    )
}

/// Contacts that the CRM lists, and others that it does not.
pub(super) fn filled() -> Run {
    let run = of_lists(Exports::default());
    for key in ["a", "b", "c", "stray", "taken-out"] {
        run.world.put(key, 5, "5");
    }
    for key in ["a", "b", "c"] {
        run.says(key, 5, "5");
    }
    run.world.genesys.lower(CAMPAIGN, "taken-out");
    run
}

fn listed(keys: &[&str]) -> emulator::Fault {
    let contacts = keys
        .iter()
        .map(|key| json!({ "contactKey": key, "version": 5, "data": { "phone": "5" } }));
    let contacts: Vec<_> = contacts.collect();
    page(&json!({ "contacts": contacts, "next": null }).to_string())
}

#[tokio::test(start_paused = true)]
async fn a_contact_that_two_whole_feeds_lack_is_not_called_until_a_newer_change_says_so() {
    let run = filled();
    let list = json!({ "id": "dnc-1", "by": "phone", "column": "phone" });
    secret(&run, json!({ "dncList": list, "optOut": "all" }));
    let genesys = &run.world.genesys;
    genesys.put_dnc_list("client-of-acme", "dnc-1", DncKind::Phone);
    genesys.name_dnc_lists(CAMPAIGN, &["dnc-1"]);
    let taken_out = run.world.contact("taken-out");
    let lines = Lines::default();
    let writer = lines.clone();
    let log = subscriber(move || writer.clone(), LevelFilter::INFO);
    let nobody_stops = || false;
    let ran = removed(&run, input(&run), &nobody_stops).with_subscriber(log);
    let (outcome, seen) = ran.await.unwrap();
    assert_eq!(counts(&outcome), (3, Some(2), Some(1), 1));
    assert!(outcome.answer.complete && outcome.why.is_none());
    let told = serde_json::to_value(&outcome.answer).unwrap();
    assert_eq!(
        (&told["unknownToCrm"], &told["removedUnknown"]),
        (&json!(2), &json!(1))
    );
    let unknown = seen
        .iter()
        .filter(|seen| matches!(seen, Progress::Unknown { .. }));
    assert_eq!(unknown.count(), 2, "told once");
    let told = format!("{} {outcome:?} {seen:?}", lines.take());
    assert!(
        !told.contains("stray") && !told.contains("taken-out"),
        "{told}"
    );
    let (posts, _, bulk) = calls(&run);
    assert_eq!(
        (posts, bulk),
        (2, 0),
        "each of the two runs makes an export"
    );

    let queued = run.queued();
    assert_eq!(queued.len(), 1);
    for (member, expected) in [
        ("contactKey", json!("stray")),
        ("operation", json!("leave")),
        ("ifAbsent", json!("skipOptOut")),
        ("version", json!(5)),
        ("source", json!("reconcile")),
    ] {
        assert_eq!(queued[0][member], expected);
    }
    run.apply_all().await;
    assert!(!run.world.contact("stray").1);
    assert_eq!(run.world.column("stray", VERSION_FIELD), "5:5~");
    assert_eq!(run.world.column("stray", "phone"), "5");
    assert_eq!(run.world.contact("taken-out"), taken_out);
    assert!(["a", "b", "c"].iter().all(|key| run.world.contact(key).1));
    assert!(run.world.genesys.dnc_entries("dnc-1").is_empty());
    assert!(run.world.dead_letters.is_empty());

    let again = remove(&run).await;
    assert_eq!(counts(&again), (3, Some(2), Some(0), 0));
    assert!(again.answer.complete && run.world.queue.is_empty());
    run.world
        .send([change("stray", 6).phone("6").callable(true)]);
    run.apply_all().await;
    assert!(run.world.contact("stray").1);
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_ends_early_in_one_of_the_two_runs_lowers_nobody() {
    for pages in [
        [listed(&["a"]), listed(&["a", "b", "c", "stray"])],
        [listed(&["a", "b", "c", "stray"]), listed(&["a"])],
    ] {
        let run = filled();
        for page in pages {
            run.feed.add_fault(page);
        }
        let outcome = remove(&run).await;
        assert_eq!(outcome.answer.removed_unknown, Some(0), "{outcome:?}");
        assert!(run.world.queue.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_is_faulty_or_fails_in_one_of_the_two_runs_lowers_nobody() {
    let faulty = || page(&json!({ "contacts": [{ "version": 5 }], "next": null }).to_string());
    let all = || listed(&["a", "b", "c"]);
    for pages in [vec![faulty()], vec![all(), faulty()]] {
        let run = filled();
        for page in pages {
            run.feed.add_fault(page);
        }
        let outcome = remove(&run).await;
        assert_eq!(outcome.why, Some(Why::Faulty(1)));
        assert_eq!(
            (outcome.answer.removed_unknown, outcome.answer.enqueued),
            (None, 0)
        );
        assert!(!outcome.answer.complete && outcome.answer.cursor.is_none());
        assert!(run.world.queue.is_empty());
    }
    let run = filled();
    run.feed.add_fault(all());
    run.feed.add_fault(page("{"));
    assert!(removed(&run, input(&run), &|| false).await.is_err());
    assert!(run.world.queue.is_empty());
    let interrupted = || run.feed.requests().len() == 2;
    let (outcome, _) = removed(&run, input(&run), &interrupted).await.unwrap();
    assert_eq!(
        (outcome.why, outcome.answer.complete),
        (Some(Why::Interrupted), false)
    );
    assert!(run.world.queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_contact_that_is_added_between_the_runs_stays() {
    let run = filled();
    let is_added = AtomicBool::new(false);
    let look = || {
        // The feed has been read once, and the export is ready.
        if run.feed.requests().len() == 1 && !is_added.swap(true, Ordering::Relaxed) {
            run.world.put("added", 5, "5");
        }
        false
    };
    let (outcome, _) = removed(&run, input(&run), &look).await.unwrap();
    assert!(is_added.into_inner());
    assert_eq!(counts(&outcome), (3, Some(3), Some(1), 1));
    assert_eq!(run.queued()[0]["contactKey"], "stray");
}

#[tokio::test(start_paused = true)]
async fn the_brake_holds_if_too_many_contacts_that_may_be_called_are_unknown() {
    let run = of_lists(Exports::default());
    for n in 0..200 {
        let key = format!("k{n:03}");
        run.world.put(&key, 5, "5");
        run.says(&key, 5, "5");
    }
    for n in 0..201 {
        let key = format!("stray{n:03}");
        run.world.put(&key, 5, "5");
        if n >= 101 {
            run.world.genesys.lower(CAMPAIGN, &key);
        }
    }
    let why = Why::TooManyUnknown {
        campaign: CampaignId::parse(CAMPAIGN).unwrap(),
        contacts: 301,
        unknown: 101,
    };
    let outcome = remove(&run).await;
    assert_eq!(counts(&outcome), (200, Some(201), Some(0), 0));
    assert_eq!(
        (outcome.answer.complete, outcome.why),
        (false, Some(why.clone()))
    );
    assert!(run.world.queue.is_empty());
    let dry = Input {
        dry_run: true,
        ..input(&run)
    };
    let (outcome, _) = removed(&run, dry, &|| false).await.unwrap();
    assert_eq!(counts(&outcome), (200, Some(201), Some(101), 0));
    assert_eq!((outcome.answer.complete, outcome.why), (true, Some(why)));
    assert!(run.world.queue.is_empty());
    let higher = Input {
        max_drift_percent: 34,
        ..input(&run)
    };
    let (outcome, _) = removed(&run, higher, &|| false).await.unwrap();
    assert_eq!(counts(&outcome), (200, Some(201), Some(101), 101));
    run.world.queue.purge();
    let forced = Input {
        force: true,
        ..input(&run)
    };
    let (outcome, _) = removed(&run, forced, &|| false).await.unwrap();
    assert_eq!(counts(&outcome), (200, Some(201), Some(101), 101));
    assert!(outcome.answer.complete);
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_lists_nobody_of_the_campaign_lowers_nobody() {
    let run = of_lists(Exports::default());
    run.world.put("stray", 5, "5");
    run.says("elsewhere", 5, "5");
    let outcome = remove(&run).await;
    assert!(matches!(
        outcome.why,
        Some(Why::TooManyUnknown {
            contacts: 1,
            unknown: 1,
            ..
        })
    ));
    assert!(run.world.queue.is_empty() && !outcome.answer.complete);
    let forced = Input {
        force: true,
        ..input(&run)
    };
    let (outcome, _) = removed(&run, forced, &|| false).await.unwrap();
    assert_eq!(outcome.answer.removed_unknown, Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_newer_change_that_is_on_its_way_wins_before_it_and_after_it() {
    for is_before in [true, false] {
        let run = filled();
        let unranked = [("phone", "5")];
        run.world
            .genesys
            .put_contact(CAMPAIGN, "unranked", &unranked, true);
        let newer = |key| change(key, 6).phone("6").callable(true);
        if is_before {
            run.world.send([newer("stray"), newer("unranked")]);
        }
        assert_eq!(counts(&remove(&run).await), (3, Some(3), Some(2), 2));
        if !is_before {
            run.world.send([newer("stray"), newer("unranked")]);
        }
        run.apply_all().await;
        for key in ["stray", "unranked"] {
            assert!(run.world.contact(key).1, "{key}");
            assert_eq!(run.world.column(key, VERSION_FIELD), "6:6+");
        }
        assert!(run.world.dead_letters.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn removals_fill_the_queue_no_deeper_than_repairs_do_and_wait_for_room() {
    let world = World::of_lists(Options::default());
    let run = Run::with(world, 100, |config| config.apply_top_up = 0);
    secret(&run, json!({ "callsPerMinute": 12 }));
    for n in 0..400 {
        run.world.put(&format!("stray{n:03}"), 5, "5");
    }
    run.world.put("a", 5, "5");
    run.says("a", 5, "5");
    let forced = || Input {
        force: true,
        ..input(&run)
    };
    let has_some = || !run.world.queue.is_empty();
    let (outcome, _) = removed(&run, forced(), &has_some).await.unwrap();
    assert_eq!(
        counts(&outcome),
        (1, Some(400), Some(300), 300),
        "ten minutes of calls"
    );
    assert_eq!(run.world.queue.len(), 300);
    assert_eq!(
        (outcome.why, outcome.answer.complete),
        (Some(Why::Interrupted), false)
    );
    run.apply_all().await;
    let (outcome, _) = removed(&run, forced(), &|| false).await.unwrap();
    assert_eq!(outcome.answer.removed_unknown, Some(100));
    assert!(outcome.answer.complete);
}

#[tokio::test(start_paused = true)]
async fn contacts_that_apply_would_park_are_left_out_and_a_dry_run_enqueues_nothing() {
    let run = filled();
    secret(
        &run,
        json!({ "contactKeyPattern": "^[a-z-]+$", "versionUnit": "milliseconds" }),
    );
    run.world.put("STRAY-2", 5, "5");
    run.world.put("ahead", 9_007_199_254_740_991, "5");
    let dry = Input {
        dry_run: true,
        ..input(&run)
    };
    let (outcome, _) = removed(&run, dry, &|| false).await.unwrap();
    assert_eq!(counts(&outcome), (3, Some(4), Some(1), 0));
    assert!(outcome.answer.complete && outcome.answer.dry_run && run.world.queue.is_empty());
    assert_eq!(outcome.left_out.values().sum::<u64>(), 2);
    assert_eq!(counts(&remove(&run).await), (3, Some(4), Some(1), 1));
    run.apply_all().await;
    assert!(run.world.dead_letters.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_removal_needs_one_campaign_contact_lists_and_versions_and_no_schedule_can_ask_for_it() {
    let told = async |run: &Run, input| {
        let error = removed(run, input, &|| false).await.unwrap_err();
        error.to_string()
    };
    let run = Run::new(World::new());
    let what = "org acme: read by export: expected \"api\": \"contactLists\" in its secret";
    assert_eq!(told(&run, input(&run)).await, what);
    let run = filled();
    let mut two = input(&run);
    two.campaigns
        .push(CampaignId::parse(OTHER_CAMPAIGN).unwrap());
    let what = "the input is not as expected: campaignIds: expected one campaign";
    assert_eq!(told(&run, two).await, what);
    secret(&run, json!({ "versionField": null }));
    let error = told(&run, input(&run)).await;
    assert!(error.contains("has no versionField"), "{error}");
    let error = run.run(json!({ "removeUnknown": true })).await.unwrap_err();
    assert!(
        error.to_string().contains("\"removeUnknown\" is unknown"),
        "{error}"
    );
}
