//! The console and the terminal show what they know of a contact even if a lookup fails or takes
//! long. Pages of contacts whose facts are all known are in [`super`].

use std::time::Duration;

use emulator::genesys::Fault;
use serde_json::json;

use super::{KEY, PHONE, WHOM, group_of, logged, opted_out};
use crate::console::Console;
use crate::support::served::Served;

const SHOW: [&str; 8] = [
    "contact",
    "show",
    KEY,
    "--org",
    "lists",
    "--campaign",
    "campaign-of-lists",
    "--json",
];

/// Puts a contact that nothing keeps from being called. Returns its message group.
fn opted_in(served: &Served) -> String {
    served
        .genesys
        .put_contact("campaign-of-lists", KEY, &[("phone", PHONE)], true);
    group_of("lists", "campaign-of-lists")
}

#[tokio::test]
async fn a_failed_lookup_is_shown_as_unknown_and_not_as_empty() {
    let served = Served::new().await;
    opted_in(&served);
    let console = Console::of(&served, &[]).await;
    let (_, well) = console.post("/contact", &WHOM).await;
    assert!(
        well.contains("Nothing that is known keeps it") && well.contains("note good"),
        "{well}"
    );
    served.deny("Logs_20140328.FilterLogEvents");
    let (_, page) = console.post("/contact", &WHOM).await;
    assert!(
        page.contains("Not known: what became of its changes could not be read: log group")
            && page.contains("In the queue: not known")
            && !page.contains("note good"),
        "{page}"
    );
    let absent = [WHOM[0], WHOM[1], ("key", "LEAD-CANARY-8"), WHOM[3]];
    let (_, page) = console.post("/contact", &absent).await;
    assert!(
        page.contains("It is not called: it is not in the campaign")
            && page.contains("could not be read: log group")
            && !page.contains("CRM sent none"),
        "{page}"
    );
    served.allow("Logs_20140328.FilterLogEvents");
    served.deny("AmazonSQS.ReceiveMessage");
    let (_, page) = console.post("/contact", &WHOM).await;
    assert!(
        page.contains("Not known: what is parked of it could not be looked at: the dead-letter queue: SQS: AccessDenied")
            && page.contains("Parked: not known: the dead-letter queue")
            && !page.contains("note good")
            && !page.contains("data-refresh"),
        "{page}"
    );
    let (_, page) = console.post("/contact", &absent).await;
    assert!(
        page.contains("whether one is parked is not known") && !page.contains("CRM sent none"),
        "{page}"
    );
}

#[tokio::test]
async fn the_terminal_says_what_it_could_not_look_at() {
    let served = Served::new().await;
    opted_in(&served);
    served.deny("AmazonSQS.ReceiveMessage");
    let (status, said, text) = served.command(&SHOW).await;
    assert_eq!(status, 1, "{text}");
    assert_eq!(
        said["parkedError"],
        "the dead-letter queue: SQS: AccessDeniedException"
    );
    assert!(
        said["answer"].as_str().unwrap().starts_with("Not known: "),
        "{said}"
    );
    served.deny("Logs_20140328.FilterLogEvents");
    served.deny("secretsmanager.GetSecretValue");
    let (status, _, text) = served.command(&SHOW).await;
    assert!(
        status == 2 && text.contains("nothing could be looked at"),
        "{text}"
    );
}

#[tokio::test]
async fn a_contact_whose_change_is_parked_is_not_shown_as_never_sent() {
    let served = Served::new().await;
    let group = group_of("lists", "campaign-of-lists");
    served.park_text("{}", &group, "evt_3", "rejected");
    let console = Console::of(&served, &[]).await;
    let (_, page) = console.post("/contact", &WHOM).await;
    assert!(
        page.contains("A change of it is parked, and so not applied: ")
            && page.contains("Parked as <code>rejected</code>")
            && !page.contains("CRM sent none"),
        "{page}"
    );
}

#[tokio::test]
async fn an_unknown_campaign_is_shown_as_the_reason_for_no_call() {
    let served = Served::new().await;
    let console = Console::of(&served, &[]).await;
    for org in ["lists", "ranked"] {
        let whom = [("org", org), ("campaign", "no-such"), WHOM[2], WHOM[3]];
        let (_, page) = console.post("/contact", &whom).await;
        assert!(
            page.contains("It is not called: Genesys Cloud knows no such campaign"),
            "{org}: {page}"
        );
    }
}

#[tokio::test]
async fn if_genesys_cloud_or_the_secret_cannot_be_reached_the_rest_is_shown() {
    let served = Served::new().await;
    let group = opted_out(&served);
    served.park_text("{}", &group, "evt_3", "rejected");
    let console = Console::of(&served, &[]).await;
    let fails = |page: &str, why: &str| {
        for wanted in [
            "Not known: Genesys Cloud could not be asked: org lists: ",
            why,
            "evt_2",
            "Parked as <code>rejected</code>",
        ] {
            assert!(page.contains(wanted), "{wanted} of {page}");
        }
    };
    served.deny("secretsmanager.GetSecretValue");
    let (status, page) = console.post("/contact", &WHOM).await;
    assert_eq!(status, 303, "{page}");
    fails(&page, "your credentials may not read it");
    assert!(!page.contains("the function"), "{page}");
    let (status, said, text) = served.command(&SHOW).await;
    assert_eq!(status, 1, "{text}");
    assert_eq!(said["story"].as_array().unwrap().len(), 3);
    assert!(
        said["contactError"]
            .as_str()
            .unwrap()
            .contains("your credentials")
    );
    served.allow("secretsmanager.GetSecretValue");
    let ill = Fault::status("POST", 503).on("oauth/token").times(99);
    served.genesys.add_fault(ill);
    let (status, page) = console.post("/contact", &WHOM).await;
    assert_eq!(status, 303, "{page}");
    fails(&page, "503");
}

#[tokio::test]
async fn the_end_of_a_long_story_is_shown_and_decides_the_answer() {
    let served = Served::new().await;
    let group = opted_in(&served);
    for count in 0..5_200 {
        let (minutes, event) = (150 - count / 50, format!("evt_s{count}"));
        let line = json!({ "message": "change retried", "cause": "throttled", "eventId": event, "delaySeconds": 15 });
        logged(&served, minutes, &group, line);
    }
    let done = json!({ "message": "change done", "outcome": "updated", "eventId": "evt_last" });
    logged(&served, 1, &group, done);
    let console = Console::of(&served, &[]).await;
    let (_, page) = console.post("/contact", &WHOM).await;
    for wanted in [
        "5,000 entries",
        "evt_last",
        "Not all: the newest 5,000 entries are read, back to ",
        "Nothing that is known keeps it",
    ] {
        assert!(page.contains(wanted), "{wanted} of {page}");
    }
    assert!(!page.contains("not applied yet"), "{page}");
    let first = console.get("/contact/1?page=1").await;
    assert!(
        first.contains("evt_s201<") && !first.contains("evt_s200<"),
        "{first}"
    );
    let story = served.command(&SHOW).await.1;
    assert_eq!(story["story"].as_array().unwrap().len(), 5_000);
    assert!(
        story["storyCut"]
            .as_str()
            .unwrap()
            .starts_with("the newest 5,000")
    );
}

#[tokio::test]
async fn parked_changes_are_shown_once_they_are_seen_and_a_slow_look_is_reused_for_a_while() {
    let served = Served::new().await;
    let group = opted_in(&served);
    let console = Console::of(&served, &[]).await;
    console.until("/parked", "Nothing is parked").await;
    served.park_text("{}", &group, "evt_3", "rejected");
    served.sqs.set_latency(Duration::from_millis(900));
    let (_, page) = console.post("/contact", &WHOM).await;
    for wanted in [
        "Not known: the dead-letter queue is being looked at",
        "Parked: not known yet",
        "data-refresh=\"/contact/1/why\"",
        "data-refresh=\"/contact/1/waits\"",
    ] {
        assert!(page.contains(wanted), "{wanted} of {page}");
    }
    assert!(!page.contains("Parked: nothing"), "{page}");
    let waits = console
        .until("/contact/1/waits", "Parked as <code>rejected</code>")
        .await;
    assert!(!waits.contains("data-busy"), "{waits}");
    let why = console.get("/contact/1/why").await;
    assert!(why.contains("Parked, and so not applied"), "{why}");

    // That look was slow, so it is reused for a while.
    served.park_text("{}", &group, "evt_4", "expired");
    let (_, page) = console.post("/contact", &WHOM).await;
    assert!(
        page.contains("Parked as <code>rejected</code>") && !page.contains("data-refresh"),
        "{page}"
    );
    // The log names a change that was parked after that look, so a new look begins.
    let parked = json!({ "message": "change parked", "reason": "expired", "eventId": "evt_4" });
    logged(&served, 0, &group, parked);
    let (_, page) = console.post("/contact", &WHOM).await;
    assert!(page.contains("Parked: not known yet"), "{page}");
    console
        .until("/contact/3/waits", "Parked as <code>expired</code>")
        .await;
}
