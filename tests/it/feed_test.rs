//! `campaign-sync feed test`: what a page of a feed becomes, from a saved answer and from a CRM on
//! loopback. `refusals` has CRMs that refuse. Whole runs over such feeds are in `reconcile`.

mod refusals;

use std::path::Path;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use emulator::crm::{TOKEN, Vendor};
use emulator::world::sent;
use emulator::{Crm, Fault};
use io::Clock;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::served::Served;

const CAMPAIGN: &str = "5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11";

/// A feed's secret for HubSpot's search with two contacts on a page.
fn hubspot() -> Value {
    json!({
        "auth": { "kind": "bearer", "token": "hush-hush" },
        "request": { "method": "POST", "url": "https://api.hubapi.com/crm/v3/objects/contacts/search?api_key=hush",
            "headers": { "x-tenant": "hush", "prefer": "much" },
            "body": { "limit": 2, "filterGroups": [{ "filters": [
                { "propertyName": "lastmodifieddate", "operator": "GTE", "value": "{since:ms}" },
                { "propertyName": "campaign", "operator": "EQ", "value": "{campaign.name}" },
                { "propertyName": "hs_object_id", "operator": "GT", "value": "{cursor|0}" } ] }] } },
        "campaigns": { CAMPAIGN: { "name": "spring" } },
        "items": "/results", "next": { "keyset": "/id" },
        "mapping": { "preset": "hubspotRecord", "columns": { "firstname": "firstName", "phone": "phone" },
            "optOut": { "field": "do_not_call", "values": ["true"], "callable": ["false", null] } },
    })
}

fn contact(id: &str, more: Value) -> Value {
    let mut contact = json!({ "id": id, "archived": false,
        "properties": { "firstname": "Ada", "phone": "", "do_not_call": "true", "lastmodifieddate": "2026-11-24T16:00:00.123Z" } });
    let properties = contact["properties"].as_object_mut().unwrap();
    properties.extend(more.as_object().unwrap().clone());
    contact
}

fn file(name: &str, content: &Value) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("feed-test-{name}.json"));
    std::fs::write(&path, content.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Runs `feed test` on a saved answer. The command can reach no service.
async fn tested(name: &str, secret: &Value, answer: &Value, more: &[&str]) -> (i32, Value, String) {
    let served = Served::new().await;
    let (secret, answer) = (
        file(&format!("{name}-secret"), secret),
        file(&format!("{name}-answer"), answer),
    );
    let told = served
        .command(&[&["feed", "test", "--secret", &secret, &answer], more].concat())
        .await;
    assert!(!told.2.contains("hush"), "{}", told.2);
    told
}

#[tokio::test]
async fn feed_test_reads_a_saved_answer_as_a_run_would() {
    let page = json!({ "results": [contact("7", json!({})), contact("9", json!({ "do_not_call": null, "phone": "+13175550100" }))] });
    let since = ["--since", "2026-11-24T16:00:00Z"];
    let (status, told, text) = tested(
        "json",
        &hubspot(),
        &page,
        &[&since[..], &["--json"]].concat(),
    )
    .await;
    assert_eq!(status, 0, "{text}");
    let request = |cursor: &str| {
        json!({
            "method": "POST", "url": "https://api.hubapi.com/crm/v3/objects/contacts/search?api_key=…",
            "auth": "a token or password", "headers": { "x-tenant": "…", "prefer": "much" },
            "body": { "limit": 2, "filterGroups": [{ "filters": [
                { "propertyName": "lastmodifieddate", "operator": "GTE", "value": "1795536000000" },
                { "propertyName": "campaign", "operator": "EQ", "value": "spring" },
                { "propertyName": "hs_object_id", "operator": "GT", "value": cursor } ] }] },
        })
    };
    let expected = json!({
        "campaignId": CAMPAIGN, "page": 1, "request": request("0"), "notes": [],
        "changes": [
            { "contactKey": "7", "version": 1_795_536_000_123_u64, "data": { "firstName": "Ada", "phone": null }, "callable": false },
            { "contactKey": "9", "version": 1_795_536_000_123_u64, "data": { "firstName": "Ada", "phone": "+13175550100" }, "callable": true } ],
        "ignored": 0, "faults": [], "next": "9", "nextRequest": request("9"),
    });
    assert_eq!(told, expected);
    let (status, _, text) = tested("text", &hubspot(), &page, &since).await;
    assert_eq!(status, 0);
    for line in [
        "page 1 of campaign 5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11:",
        "POST https://api.hubapi.com/crm/v3/objects/contacts/search?api_key=…",
        "x-tenant: …",
        "phone is cleared",
        "callable: false",
        "2 changes, and 0 items ignored",
        "The next page, by the cursor 9:",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let one = json!({ "results": [] });
    let (status, _, text) = tested("last", &hubspot(), &one, &[]).await;
    assert!(
        status == 0 && text.contains("This is the last page."),
        "{text}"
    );
}

#[tokio::test]
async fn feed_test_reports_a_fault_with_its_place_and_without_values() {
    let mut faulty = contact("9", json!({}));
    faulty["properties"]
        .as_object_mut()
        .unwrap()
        .remove("do_not_call");
    let page = json!({ "results": [contact("7", json!({})), faulty] });
    let (status, told, text) = tested("fault", &hubspot(), &page, &["--json"]).await;
    assert_eq!(status, 1, "{text}");
    assert_eq!(told["changes"].as_array().unwrap().len(), 1);
    let expected = json!([{ "what": "/results/1: hubspotRecord: the program failed: the opt-out field is missing", "optOutsHeard": [] }]);
    assert_eq!(told["faults"], expected);
    // An opt-out is honoured even if another member of the item is invalid.
    let page = json!({ "results": [contact("7", json!({ "firstname": { "a": "canary" } }))] });
    let (status, _, text) = tested("heard", &hubspot(), &page, &[]).await;
    assert_eq!(status, 1, "{text}");
    assert!(
        text.contains("fault at /results/0: hubspotRecord: "),
        "{text}"
    );
    assert!(
        text.contains("its opt-out takes effect: test/") && !text.contains("canary"),
        "{text}"
    );
}

#[tokio::test]
async fn feed_test_says_that_a_campaign_is_made_up() {
    let page = json!({ "results": [] });
    let mut secret = hubspot();
    let members = secret.as_object_mut().unwrap();
    members.remove("campaigns");
    let body = &mut members["request"]["body"]["filterGroups"][0]["filters"];
    body[1]["value"] = "{campaignId}".into();
    let (status, _, text) = tested("made-up", &secret, &page, &[]).await;
    assert_eq!(status, 0, "{text}");
    assert!(
        text.contains("page 1 of campaign test (made up):"),
        "{text}"
    );
    assert!(
        text.contains(
            "note: the campaign id is made up, since neither --campaign nor the secret names one"
        ),
        "{text}"
    );
    let named = ["--campaign", "c"];
    let (_, _, text) = tested("named", &secret, &page, &named).await;
    assert!(!text.contains("made up"), "{text}");
}

#[tokio::test]
async fn feed_test_reports_an_invalid_page_and_an_invalid_secret() {
    let (status, told, text) =
        tested("none", &hubspot(), &json!({ "data": [] }), &["--json"]).await;
    assert_eq!(
        (status, &told["error"]),
        (1, &json!("items: expected a pointer to a list")),
        "{text}"
    );
    let (status, _, text) = tested("none-text", &hubspot(), &json!([]), &[]).await;
    assert!(
        status == 1 && text.contains("There is no page: items"),
        "{text}"
    );
    // The secret has no request for this other campaign.
    let page = json!({ "results": [] });
    let (status, _, text) = tested("campaign", &hubspot(), &page, &["--campaign", "other"]).await;
    assert!(
        status == 1 && text.starts_with("There is no page: ") && text.lines().count() == 1,
        "{text}"
    );
    let mut malformed = hubspot();
    malformed["next"] = json!({ "keyset": "hush" });
    let (status, _, text) = tested("malformed", &malformed, &page, &[]).await;
    assert!(
        status == 2 && text.contains("next") && text.contains("malformed-secret.json"),
        "{text}"
    );
    let served = Served::new().await;
    for (arguments, expected) in [
        (vec!["feed", "test"], "expected --org or --secret"),
        (
            vec![
                "feed",
                "test",
                "--org",
                "ranked",
                "--since",
                "2999-01-01T00:00:00Z",
            ],
            "--since: expected a time in the past",
        ),
        (
            vec!["feed", "test", "--secret", "-", "-"],
            "only one of them",
        ),
        (
            vec!["feed", "test", "--org", "ranked"],
            "there is no such secret",
        ),
        (
            vec!["feed", "test", "--org", "ranked", "a.json", "--page", "2"],
            "cannot be used with",
        ),
    ] {
        let (status, _, text) = served.command(&arguments).await;
        assert!(
            status == 2 && text.contains(expected),
            "{arguments:?}: {text}"
        );
    }
}

async fn answer(State(crm): State<Arc<Crm>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let request = http::Request::from_parts(parts, body);
    sent(&*crm, request).await.map(Into::into)
}

/// A Pipedrive company with five persons on loopback, and the secret of its feed.
async fn pipedrive() -> (Arc<Crm>, Value) {
    let crm = Arc::new(Crm::new(Vendor::Pipedrive, Clock::system()));
    for id in 1..=5 {
        crm.put(json!({ "id": id, "first_name": format!("Ada {id}"), "phones": [], "custom_fields": { "off": id % 2 },
            "add_time": "2026-11-24T16:00:00Z", "update_time": "2026-11-24T16:00:01Z" }));
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/api/v2/persons", listener.local_addr().unwrap());
    let app = axum::Router::new()
        .fallback(answer)
        .with_state(Arc::clone(&crm));
    tokio::spawn(axum::serve(listener, app).into_future());
    let secret = json!({
        "auth": { "kind": "header", "name": "x-api-token", "value": TOKEN },
        "request": { "url": url, "query": { "updated_since": "{since}", "limit": 2, "cursor": "{cursor}" } },
        "items": "/data", "next": { "cursor": "/additional_data/next_cursor" },
        "mapping": { "preset": "pipedrivePerson", "columns": { "first_name": "firstName" },
            "optOut": { "field": "off", "values": [1], "callable": [0] } },
    });
    (crm, secret)
}

#[tokio::test]
async fn feed_test_requests_pages_up_to_the_wanted_one() {
    let served = Served::new().await;
    let (crm, secret) = pipedrive().await;
    served.put_feed("ranked", &secret);
    let test = async |more: &[&str]| {
        let told = served
            .command(
                &[
                    &[
                        "feed",
                        "test",
                        "--org",
                        "ranked",
                        "--campaign",
                        "c",
                        "--json",
                    ],
                    more,
                ]
                .concat(),
            )
            .await;
        assert!(!told.2.contains(TOKEN), "{}", told.2);
        told
    };
    let (status, _, text) = served.command(&["feed", "test", "--org", "ranked"]).await;
    assert!(
        status == 2 && text.contains("--campaign: expected one"),
        "{text}"
    );
    let (status, first, text) = test(&[]).await;
    assert_eq!(status, 0, "{text}");
    let keys = |told: &Value| {
        let changes = told["changes"].as_array().unwrap().iter();
        changes
            .map(|change| change["contactKey"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(&first), ["1", "2"]);
    let (status, last, _) = test(&["--page", "3"]).await;
    assert_eq!(
        (status, keys(&last), &last["page"], &last["next"]),
        (0, vec!["5".to_owned()], &json!(3), &Value::Null)
    );
    let asked = last["request"]["url"].as_str().unwrap();
    assert!(
        asked.contains("cursor=") && !asked.contains("cursor=…"),
        "{asked}"
    );
    assert_eq!(crm.requests().len(), 4);
    let (status, _, text) = test(&["--page", "4"]).await;
    assert!(
        status == 2 && text.contains("there is no page 4: the feed ends with page 3"),
        "{text}"
    );
    let (status, none, _) = test(&["--since", "2026-11-24T16:00:02Z"]).await;
    assert_eq!((status, keys(&none).len()), (0, 0));
    // A secret in a file needs no stored one.
    let path = file("live", &secret);
    let (status, told, text) = served
        .command(&[
            "feed",
            "test",
            "--secret",
            &path,
            "--campaign",
            "c",
            "--json",
            "--page",
            "2",
        ])
        .await;
    assert_eq!((status, keys(&told).len()), (0, 2), "{text}");
    // Nothing reached the queue.
    assert!(served.queue.is_empty());
    crm.add_fault(Fault::status("GET", 401).times(9));
    let (status, told, text) = test(&[]).await;
    assert_eq!(status, 1, "{text}");
    assert!(
        told["error"].as_str().unwrap().contains("it answered 401"),
        "{text}"
    );
}
