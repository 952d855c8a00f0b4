//! Items of a feed that break a rule. Pages that cannot be read at all are in `feed`.

use io::telemetry::subscriber;
use serde_json::{Value, json};
use tracing::instrument::WithSubscriber;
use tracing::level_filters::LevelFilter;

use super::faults::{error, of_feed, page};
use super::{Run, by_both};
use crate::support::{Lines, World};

fn of(contacts: &[Value]) -> String {
    json!({ "contacts": contacts, "next": null }).to_string()
}

#[tokio::test(start_paused = true)]
async fn a_faulty_contact_costs_only_itself_and_its_opt_out_goes_first() {
    by_both(async |run| {
        for key in ["late", "same"] {
            run.world.put(key, 5, "5");
        }
        let contacts = [
            json!({ "contactKey": "good", "version": 5, "data": { "phone": "5" } }),
            json!({ "contactKey": "hush", "version": 5, "data": {}, "calable": false }),
            json!({ "contactKey": "same", "version": 5, "data": { "phone": "5" } }),
            json!({ "contactKey": "hush ", "version": 5, "data": {}, "org": "other" }),
            json!({ "contactKey": "late", "version": 6, "callable": false, "data": { "phone": ["hush"] } }),
        ];
        run.feed.add_fault(page(&of(&contacts)).times(2));
        let lines = Lines::default();
        let writer = lines.clone();
        let log = subscriber(move || writer.clone(), LevelFilter::INFO);
        let answer = run.run(json!({})).with_subscriber(log).await.unwrap();
        assert_eq!((answer.checked, answer.enqueued), (3, 2));
        assert_eq!((answer.complete, answer.cursor), (false, None));
        let queued = run.queued();
        let keys: Vec<_> = queued.iter().map(|change| change["contactKey"].as_str().unwrap()).collect();
        assert_eq!(keys, ["late", "good"]);
        assert_eq!((&queued[0]["callable"], &queued[0]["data"]), (&json!(false), &json!({})));

        let told = lines.take();
        assert!(!told.contains("hush"), "{told}");
        let told: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let with = |message: &str| -> Vec<&Value> { told.iter().filter(|line| line["message"] == message).collect() };
        let faulty = with("contact of the feed is faulty and left out");
        let details: Vec<_> = faulty.iter().map(|line| line["detail"].as_str().unwrap()).collect();
        assert_eq!(details[..2], [
            "page 1, contacts[1]: an unknown member: expected only the fields of schema 1 (unknownField)",
            "page 1, contacts[3]: org: expected the org and campaign of the feed, or no such field \
             (notAllowed); contactKey: expected \
             not to end with white space (U+0020) (wrongFormat)",
        ]);
        assert!(details[2].starts_with("page 1, contacts[4]: "), "{details:?}");
        for (line, is_heard) in faulty.iter().zip([false, false, true]) {
            // A key that ends with a space is invalid, so the line has no message group.
            let group = line.get("group").map(|group| group.as_str().unwrap());
            assert_eq!(group.is_some(), line["detail"] != details[1], "{line}");
            assert!(group.is_none_or(|group| group.starts_with("acme/")));
            assert_eq!(line["optOutHeard"], is_heard);
        }
        let incomplete = with("reconcile is not complete");
        let detail = incomplete[0]["detail"].as_str().unwrap();
        assert!(detail.starts_with("3 of the feed's contacts break a rule"), "{detail}");

        run.apply_all().await;
        let again = run.run(json!({})).await.unwrap();
        assert_eq!((again.checked, again.enqueued, again.complete), (3, 0, false));
        assert!(run.run(json!({})).await.unwrap().complete, "once the feed is valid");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn more_than_a_hundred_and_more_than_one_percent_stop_the_run_before_it_enqueues() {
    for (faulty, stops) in [(100, false), (101, true)] {
        let run = Run::fast(1_000);
        let bad = (0..faulty).map(|_| json!({ "contactKey": 7 }));
        let good = (0..50).map(
            |n| json!({ "contactKey": format!("k{n}"), "version": 5, "data": { "phone": "5" } }),
        );
        let contacts: Vec<_> = bad.chain(good).collect();
        run.feed.add_fault(page(&of(&contacts)));
        if stops {
            let told = error(&run, json!({})).await;
            let expected = of_feed(
                "101 of 151 contacts are faulty: expected at most 100, or one in 100; the first: page 1, contacts[0]: ",
            );
            assert!(told.starts_with(&expected), "{told}");
        } else {
            assert_eq!(run.run(json!({})).await.unwrap().enqueued, 50);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_feed_of_faulty_contacts_only_is_reported_as_such() {
    let run = Run::new(World::new());
    for n in 0..100 {
        let contacts = [
            json!({ "contactKey": 7 }),
            json!({ "contactKey": 8 }),
            json!({}),
        ];
        let text = json!({ "contacts": contacts, "next": n.to_string() });
        run.feed.add_fault(page(&text.to_string()));
    }
    let told = error(&run, json!({})).await;
    assert!(
        told.starts_with(&of_feed("252 of 252 contacts are faulty: ")),
        "{told}"
    );
}

#[tokio::test(start_paused = true)]
async fn faulty_contacts_are_reported_even_if_time_ends_the_run_within_their_page() {
    // A run may make 60 reads a minute, a fifth of 300.
    let run = Run::new(World::new());
    let faulty = (0..101)
        .map(|_| json!({ "contactKey": "late", "version": -1, "callable": false, "data": {} }));
    let good = (0..200)
        .map(|n| json!({ "contactKey": format!("k{n}"), "version": 5, "data": { "phone": "5" } }));
    let contacts: Vec<_> = good.chain(faulty).collect();
    run.feed.add_fault(page(&of(&contacts)));
    let soon = std::time::Duration::from_mins(2);
    let told = run
        .run_for(soon, json!({ "force": true }))
        .await
        .unwrap_err()
        .to_string();
    assert!(told.contains("101 of "), "{told}");
    assert!(run.world.queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_faulty_contact_on_each_page_does_not_count_as_a_feed_without_an_end() {
    let run = Run::fast(1_000);
    for n in 0..100 {
        let text = json!({ "contacts": [{ "contactKey": 7 }], "next": n.to_string() });
        run.feed.add_fault(page(&text.to_string()));
    }
    let last = json!({ "contactKey": "late", "version": 5, "data": { "phone": "5" } });
    run.feed.add_fault(page(&of(&[last])));
    let answer = run.run(json!({})).await.unwrap();
    assert_eq!((answer.checked, answer.enqueued), (1, 1));
}
