//! The page of a contact in the console, and the same facts in the terminal: why it is not called,
//! what is parked, and its story. `known` has lookups that fail.

mod known;

use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Console;
use crate::dlq::group;
use crate::support::CAMPAIGN;
use crate::support::served::Served;

const KEY: &str = "LEAD-CANARY-7";
const PHONE: &str = "+13175550107";

fn group_of(org: &str, campaign: &str) -> String {
    group(org, KEY).replace("/c/", &format!("/{campaign}/"))
}

fn logged(served: &Served, minutes_ago: i64, group: &str, mut line: Value) {
    line["group"] = group.into();
    let at = Timestamp::now() - SignedDuration::from_mins(minutes_ago);
    served.logs.put(at, line);
}

fn opted_out(served: &Served) -> String {
    let data = [("phone", PHONE), ("crmVersion", "10:10-")];
    served
        .genesys
        .put_contact("campaign-of-lists", KEY, &data, false);
    let group = group_of("lists", "campaign-of-lists");
    logged(
        served,
        9,
        &group,
        json!({ "message": "change done", "outcome": "created", "eventId": "evt_1" }),
    );
    logged(
        served,
        5,
        &group,
        json!({ "message": "change retried", "cause": "throttled", "eventId": "evt_2", "delaySeconds": 15, "correlationId": "corr-1" }),
    );
    logged(
        served,
        2,
        &group,
        json!({ "message": "change done", "outcome": "updated", "eventId": "evt_2" }),
    );
    logged(
        served,
        2,
        "lists/campaign-of-lists/0",
        json!({ "message": "change done", "outcome": "updated", "eventId": "evt_other" }),
    );
    group
}

const WHOM: [(&str, &str); 4] = [
    ("org", "lists"),
    ("campaign", "campaign-of-lists"),
    ("key", KEY),
    ("hours", "3"),
];

#[tokio::test]
async fn the_page_of_a_contact_shows_its_story_and_why_it_is_not_called() {
    let served = Served::new().await;
    let group = opted_out(&served);
    let console = Console::of(&served, &[]).await;
    let form = console.get("/contact").await;
    let wait = "A look takes up to 20 seconds where the log is long, or does not answer.";
    assert!(form.contains(wait), "{form}");
    let (status, page) = console.post("/contact", &WHOM).await;
    assert_eq!(status, 303);
    for wanted in [
        "It is not called: the CRM opted it out",
        PHONE,
        "evt_1",
        "evt_2",
        "waits 15 s (throttled)",
        "corr-1",
        "The campaign is on.",
        "3 entries",
    ] {
        assert!(page.contains(wanted), "{wanted} of {page}");
    }
    assert!(!page.contains("evt_other"), "{page}");
    let printed = console.printed().await;
    assert!(
        printed.contains(&format!("looks at contact {group}")),
        "{printed}"
    );
    assert!(
        !printed.contains(KEY) && !printed.contains(PHONE),
        "{printed}"
    );
}

#[tokio::test]
async fn no_address_contains_a_contact_key() {
    let served = Served::new().await;
    opted_out(&served);
    let console = Console::of(&served, &[]).await;
    let whom = WHOM.to_vec();
    let body = super::form([("csrf", console.form.as_str())].iter().chain(&whom));
    let answer = console
        .ask(Method::POST, "/contact", &console.own(), &body)
        .await;
    assert_eq!(answer.headers()["location"], "/contact/1");
    let page = console.get("/contact/1").await;
    let addresses = page
        .split(['"'])
        .filter(|text| text.starts_with('/') || text.starts_with("http"));
    for address in addresses {
        assert!(!address.contains("CANARY"), "{address}");
    }
    assert!(console.get("/contact/99").await.contains("no longer kept"));
}

#[tokio::test]
async fn a_message_that_was_parked_after_the_last_look_is_shown() {
    let served = Served::new().await;
    let group = opted_out(&served);
    let console = Console::of(&served, &[]).await;
    console.until("/parked", "Nothing is parked").await;
    served.park_text("{}", &group, "evt_3", "rejected");
    let (_, page) = console.post("/contact", &WHOM).await;
    assert!(page.contains("Parked as <code>rejected</code>"), "{page}");
    assert!(page.contains("Parked, and so not applied"), "{page}");
}

#[tokio::test]
async fn a_campaign_that_is_off_and_an_absent_contact_are_reported() {
    let served = Served::new().await;
    served.genesys.turn("campaign-of-lists", "off");
    let console = Console::of(&served, &[]).await;
    let (_, page) = console.post("/contact", &WHOM).await;
    assert!(
        page.contains("for 2 reasons")
            && page.contains("The campaign is off")
            && page.contains("has no change of it"),
        "{page}"
    );
    for (name, wrong, told) in [
        ("org", "A B", "Org: expected"),
        ("campaign", "", "Campaign: expected"),
        ("key", " x", "contact key: expected"),
    ] {
        let mut whom = WHOM;
        whom.iter_mut()
            .filter(|(of, _)| *of == name)
            .for_each(|one| one.1 = wrong);
        let (status, page) = console.post("/contact", &whom).await;
        assert!(status == 400 && page.contains(told), "{told} of {page}");
    }
    let all = [("org", "A B"), ("campaign", ""), ("key", " x")];
    let (_, page) = console.post("/contact", &all).await;
    assert_eq!(page.matches("aria-invalid=\"true\"").count(), 3, "{page}");
    let (status, page) = console
        .post("/contact", &[("org", "none"), WHOM[1], WHOM[2]])
        .await;
    assert!(
        status == 303 && page.contains("org none: secret campaign-sync/org/none"),
        "{page}"
    );
}

#[tokio::test]
async fn a_story_of_five_thousand_events_is_shown_a_page_at_a_time() {
    let served = Served::new().await;
    let group = opted_out(&served);
    for count in 0..4_997 {
        logged(
            &served,
            1,
            &group,
            json!({ "message": "change done", "outcome": "stale", "eventId": format!("evt_s{count}") }),
        );
    }
    let console = Console::of(&served, &[]).await;
    let (_, last) = console.post("/contact", &WHOM).await;
    assert!(
        last.contains("5,000 entries") && last.contains("evt_s4996") && !last.contains("evt_1<"),
        "{last}"
    );
    let first = console.get("/contact/1?page=1").await;
    assert!(
        first.contains("evt_1<") && first.contains("page 1 of 50"),
        "{first}"
    );
}

#[tokio::test]
async fn the_terminal_shows_the_same_as_the_page() {
    let served = Served::new().await;
    let group = opted_out(&served);
    served.park_text("{}", &group, "evt_3", "rejected");
    let whom = [
        "contact",
        "show",
        KEY,
        "--org",
        "lists",
        "--campaign",
        "campaign-of-lists",
    ];
    let (status, _, text) = served.command(&whom).await;
    assert_eq!(status, 1, "{text}");
    for wanted in [
        "It is not called: the CRM opted it out",
        PHONE,
        "evt_2",
        "Parked: ",
        "rejected",
    ] {
        assert!(text.contains(wanted), "{wanted} of {text}");
    }
    let json: Vec<_> = whom.into_iter().chain(["--json"]).collect();
    let (_, said, _) = served.command(&json).await;
    assert_eq!(said["group"], group.as_str());
    assert_eq!(said["story"].as_array().unwrap().len(), 3);
    assert_eq!(said["contact"]["phone"], PHONE);
    assert_eq!(said["why"][1]["says"], "stops");

    served
        .genesys
        .put_contact(CAMPAIGN, KEY, &[("phone", PHONE)], true);
    let (status, said, text) = served
        .command(&[
            "contact",
            "show",
            KEY,
            "--org",
            "ranked",
            "--campaign",
            CAMPAIGN,
            "--json",
        ])
        .await;
    assert_eq!(status, 0, "{text}");
    assert!(
        said["answer"]
            .as_str()
            .unwrap()
            .starts_with("Nothing that is known")
    );
}

#[tokio::test]
async fn an_unknown_campaign_is_shown_first() {
    let served = Served::new().await;
    for org in ["ranked", "lists"] {
        let arguments = [
            "contact",
            "show",
            KEY,
            "--org",
            org,
            "--campaign",
            "no-such",
        ];
        let (status, _, text) = served.command(&arguments).await;
        assert_eq!(status, 1, "{text}");
        let answer = text.lines().nth(1).unwrap();
        assert!(
            answer.starts_with("It is not called: Genesys Cloud knows no such campaign"),
            "{text}"
        );
    }
}
