//! Schedules of the embedded EventBridge Scheduler.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::CAMPAIGN;
use crate::support::served::Served;

/// `schedule` against the embedded parts: exit status, standard output as JSON, and all output.
async fn schedule(served: &Served, arguments: &[&str]) -> (i32, Value, String) {
    let mut command = served.prepared(&[&["schedule"], arguments].concat());
    for name in [
        "RUNS_QUEUE_ARN",
        "FAILED_RUNS_QUEUE_ARN",
        "SCHEDULE_ROLE_ARN",
    ] {
        command.env(name, served.variable(name).unwrap());
    }
    let output = command.output().await.unwrap();
    let text = [output.stdout.clone(), output.stderr].concat();
    (
        output.status.code().unwrap(),
        serde_json::from_slice(&output.stdout).unwrap_or_default(),
        String::from_utf8(text).unwrap(),
    )
}

#[tokio::test]
async fn a_schedule_can_be_tried_locally_and_brings_its_runs() {
    let served = Served::new().await;
    let none = schedule(&served, &["list"]).await;
    assert!(
        none.0 == 0 && none.2.contains("Stack campaign-sync has no schedule"),
        "{}",
        none.2
    );
    let set = [
        "set",
        "--org",
        "ranked",
        "--campaigns",
        CAMPAIGN,
        "--rate",
        "rate(1 minute)",
    ];
    for done in ["is made", "is replaced"] {
        let (status, _, text) = schedule(&served, &set).await;
        assert!(status == 0 && text.contains(done), "{text}");
    }
    let (status, listed, text) = schedule(&served, &["list", "--json"]).await;
    let expected = json!({ "schedules": [{ "name": "campaign-sync-reconcile-ranked", "org": "ranked", "campaignIds": [CAMPAIGN],
        "rate": "rate(1 minute)", "windowMinutes": 60, "on": true, "lookedAtUntil": null, "furthestBehind": CAMPAIGN, "fault": null }] });
    assert_eq!((status, listed), (0, expected), "{text}");

    let schedules = Arc::clone(&served.schedules);
    let bringing = tokio::spawn(async move { schedules.run().await });
    while served.runs.is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bringing.abort();
    let messages = served.runs.messages();
    let [run] = &messages[..] else {
        panic!("{messages:?}")
    };
    let body: Value = serde_json::from_str(&run.body).unwrap();
    assert_eq!(
        (run.group.as_str(), &body["org"]),
        ("ranked", &json!("ranked"))
    );
    let due: jiff::Timestamp = body["scheduledTime"].as_str().unwrap().parse().unwrap();
    assert!(due <= jiff::Timestamp::now());

    let remove = ["remove", "--org", "ranked"];
    assert_eq!(schedule(&served, &remove).await.0, 0);
    let (status, _, text) = schedule(&served, &remove).await;
    assert!(
        status == 1 && text.contains("there is no schedule"),
        "{text}"
    );
}
