//! Runs from their queue: no change is left out, an org has one run at a time, and every run ends.
//! `fails`, `goes_on`, `place` and `exports` have runs that are disturbed. The parts of a single
//! run are in [`super`].

mod exports;
mod fails;
mod goes_on;
mod place;

use std::time::Duration;

use emulator::{Effect, Fault};
use jiff::Timestamp;
use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use tracing::instrument::WithSubscriber;
use tracing::level_filters::LevelFilter;

use super::Run;
use super::bounds::fill;
use super::run::RunBeside;
use crate::support::{CAMPAIGN, OTHER_CAMPAIGN, World, change};

pub(crate) const QUARTER: Duration = Duration::from_mins(15);
pub(crate) const RECORD: &str = "/campaign-sync/campaign-sync/reconcile/acme";

fn lambda<C>(run: &RunBeside<C>, time: Duration) -> lambda_runtime::Context {
    let mut lambda = lambda_runtime::Context::default();
    lambda.deadline = (run.world.clock.now() + time)
        .as_millisecond()
        .unsigned_abs();
    lambda
}

/// Does something, and returns what was logged meanwhile at this level or above.
async fn logged(level: LevelFilter, does: impl Future) -> String {
    let lines = crate::support::Lines::default();
    let writer = lines.clone();
    let log = io::telemetry::subscriber(move || writer.clone(), level);
    does.with_subscriber(log).await;
    lines.take()
}

/// Sends a body to the queue of runs, as a schedule does.
fn send(run: &Run, body: &str) {
    let message = io::queue::Message {
        body: body.to_owned(),
        group: "acme".to_owned(),
        deduplication_id: body.len().to_string(),
        attributes: Vec::new(),
    };
    run.world.runs.send(message).unwrap();
}

/// The number of reads of single contacts.
fn reads(run: &Run) -> usize {
    let calls = run.world.genesys.calls();
    calls.iter().filter(|call| call.method == "GET").count()
}

/// Invokes the function by hand.
async fn invoked<C>(run: &RunBeside<C>, input: Value) -> Result<Value, String> {
    let event = LambdaEvent::new(input, lambda(run, QUARTER));
    let answer = reconcile::handle(&run.context, event).await;
    answer.map_err(|error| error.to_string())
}

fn input(more: Value) -> Value {
    let mut input = json!({ "org": "acme", "campaignIds": [CAMPAIGN] });
    let members = input.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    input
}

/// Enqueues a run that is due now.
pub(crate) async fn due<C>(run: &RunBeside<C>, more: Value) {
    let queued = invoked(run, input(more)).await.unwrap();
    assert_eq!(queued["queued"], true, "{queued}");
}

/// Hands the next message to the function. If the run is not done, the error is the number of
/// seconds until it comes again.
pub(crate) async fn take<C>(run: &RunBeside<C>, time: Duration) -> Result<(), u64> {
    let batch = run.world.runs.receive(1).expect("a run is due");
    let event = LambdaEvent::new(batch.event.clone(), lambda(run, time));
    let answer = reconcile::handle(&run.context, event).await.unwrap();
    run.world.source_of_runs().answered(&batch, Some(&answer));
    let left = run.world.runs.in_flight().into_values().next();
    assert_eq!(
        answer["batchItemFailures"].as_array().map(Vec::len),
        Some(usize::from(left.is_some()))
    );
    left.map_or(Ok(()), Err)
}

/// Receives a message as Lambda does, and lets the invocation die.
async fn killed(run: &Run) {
    run.world.runs.receive(1).expect("a run is due");
    run.world.pass(Duration::from_mins(16)).await;
}

/// Takes runs until their queue is empty, and returns the number of invocations.
pub(crate) async fn run_all<C>(run: &RunBeside<C>) -> usize {
    let mut invocations = 0;
    while !run.world.runs.is_empty() {
        invocations += 1;
        assert!(invocations < 100, "the runs have no end");
        if let Err(seconds) = take(run, QUARTER).await {
            run.world.pass(Duration::from_secs(seconds)).await;
        }
    }
    invocations
}

fn record(run: &Run) -> Value {
    let text = run.world.parameters.text(RECORD);
    text.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap())
}

/// The times up to which the campaigns were looked at.
fn looked_at(run: &Run) -> Vec<Timestamp> {
    let record = record(run);
    let looked = record["lookedAt"].as_array().into_iter().flatten();
    let at = |looked: &Value| Timestamp::from_second(looked["to"].as_i64().unwrap()).unwrap();
    looked.map(at).collect()
}

pub(crate) fn failed_runs<C>(run: &RunBeside<C>) -> Vec<Value> {
    let messages = run.world.failed_runs.messages();
    let body = |message: &io::queue::Message| serde_json::from_str(&message.body).unwrap();
    messages.iter().map(body).collect()
}

#[tokio::test(start_paused = true)]
async fn what_changed_while_runs_failed_for_three_hours_is_found_by_the_next_that_succeeds() {
    let run = Run::new(World::new());
    due(&run, json!({})).await;
    assert_eq!(run_all(&run).await, 1);
    run.says("a", 5, "5");
    run.world.put("gone", 5, "5");
    run.says_more("gone", 6, "5", json!({ "callable": false }));
    run.feed.add_fault(Fault::status("GET", 503).times(10_000));
    for _ in 0..12 {
        run.world.pass(QUARTER).await;
        due(&run, json!({})).await;
        run_all(&run).await;
    }
    assert_eq!(failed_runs(&run).len(), 12);
    assert!(run.queued().is_empty());
    run.feed.control("DELETE", "/_emulator/feed/faults", b"");
    run.world.pass(QUARTER).await;
    due(&run, json!({})).await;
    run_all(&run).await;
    run.apply_all().await;
    assert_eq!(run.world.column("a", "phone"), "5");
    assert!(
        !run.world.contact("gone").1,
        "a contact that opted out may be called"
    );
    let requests = run.feed.requests();
    run.world.pass(QUARTER).await;
    due(&run, json!({})).await;
    run_all(&run).await;
    let newest = run.feed.requests().split_off(requests.len());
    assert!(newest[0].contains("since=2026-11-24T18"), "{newest:?}");
}

#[tokio::test(start_paused = true)]
async fn a_neighbours_backlog_takes_no_room_from_an_org() {
    let run = Run::new(World::new());
    for n in 0..20 {
        run.says(&format!("new{n}"), 5, "5");
    }
    fill(&run, 20_000);
    due(&run, json!({})).await;
    assert_eq!(run_all(&run).await, 1, "it waits for nobody");
    assert_eq!(run.queued().len(), 20_020);
}

#[tokio::test(start_paused = true)]
async fn runs_of_an_org_come_one_after_the_other_and_those_of_two_orgs_side_by_side() {
    let run = Run::new(World::new());
    run.world.put_feed(
        "other",
        &json!({ "url": "https://crm.test/contacts", "bearerToken": "feed-token" }),
    );
    due(&run, json!({})).await;
    run.world.pass(Duration::from_secs(1)).await;
    due(&run, json!({})).await;
    due(
        &run,
        json!({ "org": "other", "campaignIds": ["other-campaign"] }),
    )
    .await;
    let [first, second] = [(), ()].map(|()| run.world.runs.receive(1).unwrap());
    assert!(run.world.runs.receive(1).is_none(), "two runs of one org");
    let group = |batch: &emulator::fifo::Batch| {
        batch.event["Records"][0]["attributes"]["MessageGroupId"].to_string()
    };
    assert_eq!([group(&first), group(&second)], ["\"acme\"", "\"other\""]);
    let answers = [&first, &second].map(|batch| {
        let event = LambdaEvent::new(batch.event.clone(), lambda(&run, QUARTER));
        reconcile::handle(&run.context, event)
    });
    for answer in futures_util::future::join_all(answers).await {
        assert_eq!(answer.unwrap()["batchItemFailures"], json!([]));
    }
    let names =
        ["acme", "other"].map(|org| format!("/campaign-sync/campaign-sync/reconcile/{org}"));
    assert!(
        names
            .iter()
            .all(|name| run.world.parameters.text(name).is_some())
    );
}

#[tokio::test(start_paused = true)]
async fn an_invocation_by_hand_only_queues_a_run_and_a_dry_run_is_done_at_once() {
    let run = Run::new(World::new());
    run.says("a", 5, "5");
    let dry = invoked(&run, input(json!({ "dryRun": true })))
        .await
        .unwrap();
    assert_eq!((&dry["checked"], &dry["enqueued"]), (&json!(1), &json!(0)));
    assert!(run.world.runs.is_empty() && record(&run).is_null());
    let placeholder = json!({ "scheduledTime": "<aws.scheduler.scheduled-time>" });
    let queued = invoked(&run, input(placeholder)).await.unwrap();
    let at = "2026-11-24T16:00:00";
    assert!(queued["scheduledTime"].as_str().unwrap().starts_with(at));
    assert!(run.world.queue.is_empty(), "nothing is compared yet");
    run_all(&run).await;
    assert_eq!(run.queued().len(), 1);
    for (wrong, expected) in [
        (json!({ "windowMinutes": 0 }), "windowMinutes"),
        (json!({ "cursor": "e30" }), "cursor"),
    ] {
        let error = invoked(&run, input(wrong)).await.unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    assert!(run.world.runs.is_empty());
    assert_eq!(run.queued().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn too_much_drift_ends_a_run_and_the_next_looks_since_the_same_time() {
    let run = Run::fast(1_000);
    due(&run, json!({})).await;
    run_all(&run).await;
    let before = looked_at(&run);
    super::brake::drifted(&run, 200, 0);
    run.world.pass(2 * Duration::from_hours(1)).await;
    due(&run, json!({})).await;
    assert_eq!(run_all(&run).await, 1, "it is over");
    assert!(run.queued().is_empty() && failed_runs(&run).is_empty());
    assert_eq!(looked_at(&run), before);
    assert!(run.world.told().iter().any(|told| told.contains("stopped")));
    run.world.pass(QUARTER).await;
    due(&run, json!({ "force": true })).await;
    run_all(&run).await;
    assert_eq!(
        run.queued().len(),
        200,
        "including changes before the window"
    );
}

#[tokio::test(start_paused = true)]
async fn a_faulty_contact_holds_up_no_later_run() {
    let run = Run::new(World::new());
    run.feed
        .put(json!({ "campaignId": CAMPAIGN, "contactKey": "a", "version": "x", "data": {} }));
    due(&run, json!({})).await;
    assert_eq!(run_all(&run).await, 1);
    assert_eq!(looked_at(&run).len(), 1);
    assert!(
        run.world
            .told()
            .iter()
            .any(|told| told.contains("incomplete"))
    );
}

#[tokio::test(start_paused = true)]
async fn every_invocation_reports_how_late_its_org_is() {
    let run = Run::new(World::new());
    let ages = || {
        let told = run.world.told().into_iter();
        let told = told.filter(|told| told.contains("looked at until"));
        told.collect::<Vec<_>>()
    };
    due(&run, json!({ "campaignIds": [CAMPAIGN, OTHER_CAMPAIGN] })).await;
    run_all(&run).await;
    assert!(
        ages().last().unwrap().ends_with("until 0 s ago"),
        "{:?}",
        ages()
    );
    run.feed
        .add_fault(Fault::next("GET", Effect::Status(403, Vec::new())).times(2));
    run.world.pass(Duration::from_hours(2)).await;
    due(&run, json!({ "campaignIds": [CAMPAIGN, OTHER_CAMPAIGN] })).await;
    assert_eq!(take(&run, QUARTER).await, Err(60));
    assert!(
        ages().last().unwrap().ends_with("until 7200 s ago"),
        "{:?}",
        ages()
    );
}

#[tokio::test(start_paused = true)]
async fn a_newer_change_in_the_queue_wins_over_what_a_run_enqueues() {
    let run = Run::new(World::new());
    run.world.put("a", 1, "1");
    run.says("a", 5, "5");
    run.world.send([change("a", 6).phone("6").callable(false)]);
    due(&run, json!({})).await;
    run_all(&run).await;
    run.apply_all().await;
    assert_eq!(run.world.column("a", "phone"), "6");
    assert!(!run.world.contact("a").1);
}
