//! Feeds, records and schedules that behave badly. No change is left out, and nobody is called who
//! opted out. `apart` has runs of several campaigns. Feeds that behave well are in `reconcile`.

mod apart;

use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};

use crate::reconcile::by_config::Run;
use crate::reconcile::runs::{QUARTER, RECORD, due, failed_runs, run_all, take};
use crate::support::{CAMPAIGN, OTHER_CAMPAIGN};

/// A feed in the neutral form. Its answer may depend on how often the same address was requested
/// before.
fn run(answers: impl Fn(&str, usize) -> (u16, Value) + Send + Sync + 'static) -> Run {
    let secret = json!({ "url": "https://crm.test/contacts", "bearerToken": "hush" });
    run_with(&secret, answers)
}

fn run_with(
    secret: &Value,
    answers: impl Fn(&str, usize) -> (u16, Value) + Send + Sync + 'static,
) -> Run {
    Run::new(secret, move |asked, before| {
        let (status, page) = answers(&asked.url, before);
        (status, Vec::new(), page.to_string())
    })
}

/// The errors of the failed runs that were reported.
fn errors(run: &Run) -> Vec<String> {
    let failed = failed_runs(run).into_iter();
    failed
        .map(|run| run["error"].as_str().unwrap().to_owned())
        .collect()
}

fn sent_nothing_but(run: &Run, key: &str) {
    let keys = run.keys();
    assert!(!keys.is_empty(), "{:?}", errors(run).first());
    assert!(keys.iter().all(|sent| sent == key), "{keys:?}");
}

fn page(contacts: &[Value], next: Option<&str>) -> (u16, Value) {
    (200, json!({ "contacts": contacts, "next": next }))
}

/// A contact that is not in the campaign yet.
fn ordinary() -> Value {
    json!({ "contactKey": "new", "version": 6, "data": { "phone": "6" } })
}

fn opted_out(key: &str) -> Value {
    json!({ "contactKey": key, "version": 6, "data": { "phone": "5" }, "callable": false })
}

/// The `since` of an address, in seconds.
fn since(url: &str) -> i64 {
    let text = url.split("since=").nth(1).unwrap();
    let text = text.split('&').next().unwrap().replace("%3A", ":");
    text.parse::<jiff::Timestamp>().unwrap().as_second()
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_from_the_queue_of_runs_does_not_count_as_looked_at() {
    let opted = "2026-11-24T16:30:00Z".parse::<jiff::Timestamp>().unwrap();
    let run = run(
        move |url, before| match before > 0 && since(url) <= opted.as_second() {
            true => page(&[opted_out("gone")], None),
            false => page(&[], None),
        },
    );
    run.world.put("gone", 5, "5");
    due(&run, json!({})).await;
    run_all(&run).await;
    run.world.pass(Duration::from_hours(1)).await;
    let dry = json!({ "org": "acme", "campaignIds": [CAMPAIGN], "dryRun": true });
    let message = io::queue::Message {
        body: dry.to_string(),
        group: "acme".to_owned(),
        deduplication_id: "dry".to_owned(),
        attributes: Vec::new(),
    };
    run.world.runs.send(message).unwrap();
    run_all(&run).await;
    assert!(run.keys().is_empty());
    // The next run is late. It must ask for every change since 16:00.
    run.world.pass(Duration::from_hours(2)).await;
    due(&run, json!({})).await;
    run_all(&run).await;
    let looked = run.world.parameters.text(RECORD);
    assert_eq!(run.keys(), ["gone"], "asked {:?}; {looked:?}", run.urls());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_due_a_little_ahead_does_not_look_into_the_future() {
    // Nobody has opted out at 16:00 or at 16:01.
    let opted = "2026-11-24T16:03:00Z".parse::<jiff::Timestamp>().unwrap();
    let run = run(
        move |url, before| match before > 1 && since(url) <= opted.as_second() {
            true => page(&[opted_out("gone")], None),
            false => page(&[], None),
        },
    );
    run.world.put("gone", 5, "5");
    due(&run, json!({})).await;
    run_all(&run).await;
    run.world.pass(Duration::from_mins(1)).await;
    due(&run, json!({ "scheduledTime": "2026-11-24T16:10:00Z" })).await;
    run_all(&run).await;
    // Whatever its window, the run must ask for every change since 16:01.
    run.world.pass(Duration::from_mins(75)).await;
    due(&run, json!({})).await;
    run_all(&run).await;
    let looked = run.world.parameters.text(RECORD);
    assert_eq!(run.keys(), ["gone"], "asked {:?}; {looked:?}", run.urls());
}

#[tokio::test(start_paused = true)]
async fn campaigns_that_come_and_go_fill_no_record() {
    let run = run(|_, _| page(&[], None));
    for day in 0..120 {
        let campaign = format!("{day:08}-0000-4000-8000-000000000000");
        run.world.put_campaign("acme", &campaign, None);
        due(&run, json!({ "campaignIds": [campaign] })).await;
        run_all(&run).await;
        let size = run
            .world
            .parameters
            .text(RECORD)
            .map_or(0, |text| text.len());
        assert!(
            errors(&run).is_empty(),
            "day {day}, {size} bytes: {:?}",
            errors(&run)
        );
        run.world.pass(Duration::from_hours(18)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_campaigns_each_of_which_takes_an_invocation_fit_into_a_record() {
    let run = run(|_, _| page(&[], None));
    let ids: Vec<_> = (0..100)
        .map(|n| format!("{n:08}-0000-4000-8000-000000000000"))
        .collect();
    for id in &ids {
        run.world.put_campaign("acme", id, None);
    }
    // Each campaign has a run of its own. That fills the record as one long run over all hundred
    // campaigns would.
    for id in &ids {
        due(&run, json!({ "campaignIds": [id] })).await;
        run_all(&run).await;
        run.world.pass(Duration::from_secs(61)).await;
    }
    assert!(errors(&run).is_empty(), "{:?}", errors(&run).first());
}

#[tokio::test(start_paused = true)]
async fn a_run_with_a_wide_window_does_not_go_on_where_a_narrow_one_of_the_same_time_failed() {
    let opted = "2026-11-24T10:00:00Z".parse::<jiff::Timestamp>().unwrap();
    let opted = opted.as_second();
    // The second page is missing for both tries of the run of the first schedule.
    let failures = Mutex::new(0);
    let run = run(move |url, _| {
        let mut failures = failures.lock().unwrap();
        if url.contains("cursor=") && *failures < 2 {
            *failures += 1;
            return (403, Value::Null);
        }
        let many: Vec<_> = (0..200)
            .map(|n| json!({ "contactKey": format!("k{n}"), "version": 5, "data": { "phone": "5" } }))
            .collect();
        match (url.contains("cursor="), since(url) <= opted) {
            (true, _) => page(&[], None),
            (false, true) => page(&[opted_out("gone")], None),
            (false, false) => page(&many, Some("2")),
        }
    });
    run.world.put("gone", 5, "5");
    let at = run.world.clock.now().to_string();
    due(&run, json!({ "scheduledTime": at, "force": true })).await;
    // The time is too short for its 200 contacts, so the run records where it stopped.
    let first = take(&run, Duration::from_mins(3)).await.unwrap_err();
    let noted = run.world.parameters.text(RECORD);
    run.world.pass(Duration::from_secs(first)).await;
    due(
        &run,
        json!({ "scheduledTime": at, "windowMinutes": 1440, "force": true }),
    )
    .await;
    run_all(&run).await;
    assert_eq!(errors(&run).len(), 1, "the narrow one failed");
    assert!(run.keys().contains(&"gone".to_owned()));
    let wide = run.urls().iter().any(|url| since(url) <= opted);
    assert!(wide, "{:?} {noted:?} {:?}", run.urls(), errors(&run));
}

#[tokio::test(start_paused = true)]
async fn an_opt_out_in_the_same_second_as_an_opt_in_is_not_dropped_as_its_copy() {
    // A run comes twice, because its record was not written. Both answers of the CRM are changes
    // within the same second.
    let run = run(|_, before| match before {
        0 => page(&[], None),
        1 => page(
            &[
                json!({ "contactKey": "gone", "version": 6, "data": { "phone": "5" }, "callable": true }),
            ],
            None,
        ),
        _ => page(&[opted_out("gone")], None),
    });
    run.world.put("gone", 5, "4");
    due(&run, json!({})).await;
    run_all(&run).await;
    run.world.pass(QUARTER).await;
    due(&run, json!({})).await;
    run.world.parameters.refuse_writes_after_one(3);
    run_all(&run).await;
    while !run.world.queue.is_empty() {
        run.world.invoke().await;
    }
    assert!(
        !run.world.contact("gone").1,
        "a contact that opted out may be called"
    );
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_goes_round_by_ever_new_cursors_is_found_out_over_several_invocations() {
    // The feed returns the same 300 contacts on ten pages, again and again.
    let run = run(|_, before| {
        let some = (0..30).map(|n| (before * 30 + n) % 300);
        let some: Vec<_> = some
            .map(|n| json!({ "contactKey": format!("k{n}"), "version": 5, "data": { "phone": "5" } }))
            .collect();
        page(&some, Some(&before.to_string()))
    });
    for n in 0..300 {
        run.world.put(&format!("k{n}"), 5, "5");
    }
    due(&run, json!({})).await;
    // At 60 contacts a minute an invocation sees some three rounds, too few to find it out.
    for _ in 0..6 {
        match take(&run, QUARTER).await {
            Err(seconds) => run.world.pass(Duration::from_secs(seconds)).await,
            Ok(()) => break,
        }
    }
    let errors = errors(&run);
    assert!(
        errors.iter().any(|error| error.contains("it has no end")),
        "{errors:?}"
    );
}
