//! Adoptions: what an operator's command asks of the code of a run. The command itself is in
//! `adopt::command`, and what apply does with an adoption in `adopt`.

use std::sync::Mutex;

use domain::change::{CampaignId, OptedOut, OrgId};
use jiff::Timestamp;
use reconcile::{Cursor, Input, Progress, RunOutcome, Task, Until, Why};
use serde_json::json;

use super::Run;
use crate::support::{CAMPAIGN, VERSION_FIELD, World};

const END: u64 = 9_007_199_254_740_991;

/// Puts this many contacts that opted out at the CRM, as version 0.1 left them.
fn lowered(run: &Run, contacts: usize) {
    for n in 0..contacts {
        let key = format!("a{n:03}");
        run.says_more(&key, 5, "5", json!({ "callable": false }));
        held(run, &key, "5");
    }
}

fn held(run: &Run, key: &str, version: &str) {
    let data = [(VERSION_FIELD, version), ("phone", "5")];
    run.world.genesys.put_contact(CAMPAIGN, key, &data, false);
}

/// The result of an adoption, and the opted-out contacts that it saw.
async fn adopt(run: &Run, cursor: Option<&str>) -> (RunOutcome, Vec<OptedOut>) {
    let seen = Mutex::new(Vec::new());
    let watch = |progress: Progress| {
        if let Progress::OptedOut(found) = progress {
            seen.lock().unwrap().push(found);
        }
    };
    let input = Input {
        org: OrgId::parse("acme").unwrap(),
        campaigns: vec![CampaignId::parse(CAMPAIGN).unwrap()],
        since: Timestamp::UNIX_EPOCH,
        run: run.world.clock.now(),
        dry_run: false,
        max_drift_percent: 0,
        force: false,
        cursor: cursor.and_then(Cursor::parse),
        full: false,
        read: reconcile::Read::default(),
        task: Task::Adopt { also_newer: false },
    };
    let until = Until {
        end: None,
        rest_at: None,
        is_asked_to_stop: &|| false,
        looks_on_for_opt_outs: false,
    };
    let outcome = reconcile::run(&run.context, &input, &until, &watch)
        .await
        .unwrap();
    (outcome, seen.into_inner().unwrap())
}

#[tokio::test(start_paused = true)]
async fn adoptions_fill_the_queue_no_deeper_than_ten_minutes_of_calls_and_the_cursor_goes_on() {
    let run = Run::fast(70).allowing(12);
    lowered(&run, 90);
    let (first, _) = adopt(&run, None).await;
    assert_eq!(
        (first.answer.enqueued, first.why),
        (70, Some(Why::QueueIsDeep)),
        "room for 60, and the contacts that were read at once"
    );
    let (again, seen) = adopt(&run, first.answer.cursor.as_deref()).await;
    assert_eq!((again.answer.enqueued, seen), (0, Vec::new()));
    run.apply_all().await;
    let (rest, _) = adopt(&run, again.answer.cursor.as_deref()).await;
    assert_eq!((rest.answer.enqueued, rest.answer.complete), (20, true));
    run.apply_all().await;
    let (all, seen) = adopt(&run, None).await;
    assert_eq!((all.answer.checked, all.answer.enqueued), (90, 0));
    assert_eq!(seen, vec![OptedOut::Marked; 90]);
}

#[tokio::test(start_paused = true)]
async fn only_contacts_that_the_feed_opts_out_are_read_and_only_adoptions_are_enqueued() {
    let run = Run::new(World::new());
    lowered(&run, 1);
    run.says("differs", 9, "9");
    held(&run, "differs", "5");
    run.says("missing", 9, "9");
    let (outcome, seen) = adopt(&run, None).await;
    assert_eq!((outcome.answer.checked, outcome.answer.enqueued), (3, 1));
    assert_eq!(seen, [OptedOut::Unmarked { is_behind: false }]);
    let reads = run.world.genesys.calls();
    let reads = reads.iter().filter(|call| call.method == "GET");
    assert_eq!(reads.count(), 1);
    let body = &run.queued()[0];
    assert_eq!(
        (&body["operation"], &body["eventId"], &body["adopt"]),
        (
            &json!("adopt"),
            &json!("adopt-5-5"),
            &json!({ "optOut": 5, "stored": 5 })
        )
    );
}

#[tokio::test(start_paused = true)]
async fn an_adoption_names_no_rank_of_the_feed_that_is_ahead() {
    let run = Run::new(World::new());
    let unit = json!({ "versionUnit": "milliseconds" });
    run.world.put_secret("acme", &unit);
    run.says_more("a", END, "5", json!({ "callable": false }));
    held(&run, "a", "5");
    adopt(&run, None).await;
    assert_eq!(run.queued()[0]["adopt"], json!({ "stored": 5 }));
    run.apply_all().await;
    assert_eq!(run.world.column("a", VERSION_FIELD), "5:5-");
}

#[tokio::test(start_paused = true)]
async fn no_schedule_can_ask_for_an_adoption() {
    let run = Run::new(World::new());
    let error = run.run(json!({ "task": "adopt" })).await.unwrap_err();
    assert!(error.to_string().contains("\"task\" is unknown"), "{error}");
}
