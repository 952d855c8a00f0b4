//! Comparing both ways: reconcile also finds contacts that the campaign has and the CRM does not
//! list.

use emulator::Fault;
use io::telemetry::subscriber;
use tracing::instrument::WithSubscriber;
use tracing::level_filters::LevelFilter;

use super::*;
use crate::reconcile::faults::{error, page};
use crate::support::Lines;

fn full() -> Value {
    json!({ "full": true })
}

/// The CRM lists `LEAD-1`, and `gone` as removed. The campaign has others as well.
fn filled() -> Run {
    let run = of_lists(Exports::default());
    for key in ["LEAD-1", "gone", "stray", "taken-out", "Lead-2"] {
        run.world.put(key, 5, "5");
    }
    run.world.genesys.lower(CAMPAIGN, "taken-out");
    let hollow = [(VERSION_FIELD, "5:5-")];
    run.world
        .genesys
        .put_contact(CAMPAIGN, "hollow", &hollow, false);
    run.says("LEAD-1", 5, "5");
    run.says("lead-2", 5, "5");
    run.feed
        .put(json!({ "campaignId": CAMPAIGN, "contactKey": "gone", "operation": "remove" }));
    run
}

#[tokio::test(start_paused = true)]
async fn contacts_that_the_crm_does_not_list_are_counted_and_named_and_left_as_they_are() {
    let run = filled();
    tokio::time::sleep(Duration::from_hours(50)).await;
    let lines = Lines::default();
    let writer = lines.clone();
    let log = subscriber(move || writer.clone(), LevelFilter::INFO);
    let answer = run.run(full()).with_subscriber(log).await.unwrap();
    assert_eq!(
        (answer.checked, answer.missing),
        (3, 1),
        "whatever the window"
    );
    assert_eq!((answer.unknown_to_crm, answer.complete), (Some(2), true));
    let told = serde_json::to_value(&answer).unwrap();
    assert_eq!(told["unknownToCrm"], 2);
    let text = lines.take();
    let unknown = text
        .lines()
        .filter(|line| line.contains("contact is unknown to the CRM"));
    let group = format!("acme/{CAMPAIGN}/");
    assert_eq!(
        unknown.filter(|line| line.contains(&group)).count(),
        2,
        "{text}"
    );
    assert!(!text.contains("stray"), "{text}");
    let before = run.world.contact("stray");
    run.apply_all().await;
    assert_eq!(run.world.contact("stray"), before);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_unknown_to_a_feed_that_was_not_read_whole() {
    let run = filled();
    let faulty = json!({ "contacts": [{ "contactKey": "LEAD-1", "version": 5, "data": {} }, { "version": 5 }], "next": null });
    run.feed.add_fault(page(&faulty.to_string()));
    assert_eq!(
        run.run(full()).await.unwrap().unknown_to_crm,
        None,
        "a faulty item may be any contact"
    );
    let first = json!({ "contacts": [], "next": "1" });
    run.feed.add_fault(page(&first.to_string()));
    run.feed.add_fault(Fault::status("GET", 404));
    error(&run, full()).await;
    let none = run.run(json!({ "read": "export" })).await.unwrap();
    assert_eq!(none.unknown_to_crm, None, "the question was not asked");
    let all = json!({ "contacts": [], "next": null });
    run.feed.add_fault(page(&all.to_string()));
    assert_eq!(
        run.run(full()).await.unwrap().unknown_to_crm,
        Some(5),
        "they are only counted"
    );
}

#[tokio::test(start_paused = true)]
async fn a_full_run_needs_an_export() {
    let run = Run::new(World::new());
    let what = "org acme: read by export: expected \"api\": \"contactLists\" in its secret";
    assert_eq!(error(&run, full()).await, what);
    let what = "the input is not as expected: full: expected read to be export, or nothing";
    assert_eq!(
        error(&run, json!({ "full": true, "read": "bulk" })).await,
        what
    );
}
