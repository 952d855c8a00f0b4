//! The pipeline page of the console: a change on its way from ingest to Genesys Cloud. The same
//! numbers in a terminal are in `check`.

use std::time::Duration;

use http::{Method, Request};
use io::Https;
use io::http::Transport;
use io::queue::Message;
use tokio::io::{AsyncBufReadExt, BufReader};

use super::{Console, text};
use crate::support::served::Served;

/// A run of reconcile that is due.
fn run() -> Message {
    Message {
        body: "{}".to_owned(),
        group: "ranked".to_owned(),
        deduplication_id: "run".to_owned(),
        attributes: Vec::new(),
    }
}

#[tokio::test]
async fn the_depths_of_the_queues_are_shown_even_without_metrics() {
    let served = Served::new().await;
    let message = Message {
        body: "{}".to_owned(),
        group: "g".to_owned(),
        deduplication_id: "1".to_owned(),
        attributes: Vec::new(),
    };
    served.queue.send(message).unwrap();
    served.runs.send(run()).unwrap();
    served.park_text("{}", "ranked/c/1", "evt_1", "rejected");
    let console = Console::of(&served, &[]).await;
    for path in ["/", "/pipeline"] {
        let page = console.get(path).await;
        assert!(
            page.contains("1<span> waiting</span>") && page.contains("1<span> parked</span>"),
            "{page}"
        );
        let to_do = "check the credentials, their rights (docs/console.md, Rights), the region (AWS_REGION) and the network";
        for what in ["CloudWatch", "CloudWatch's alarms"] {
            let why = page.split(&format!("{what}: ")).nth(1).unwrap_or_default();
            let why = why.split('<').next().unwrap_or_default();
            assert!(why.ends_with(to_do), "{what}: {page}");
        }
        // A number that nobody reports is not shown as 0.
        assert!(
            page.contains("no answer<span> accepted</span>")
                && page.contains("no answer<span> done</span>")
                && page.contains("<strong>no answer</strong>"),
            "{page}"
        );
        assert!(!page.contains("<strong>0</strong>"), "{page}");
        assert!(
            page.contains("Runs of reconcile: 1 waiting, 0 in flight; oldest not known."),
            "{page}"
        );
    }
    let of_org = console.get("/?org=ranked").await;
    assert!(of_org.contains("calls left"), "{of_org}");
    let none = console.get("/?org=none").await;
    assert!(
        none.contains("org none: secret campaign-sync/org/none: there is no such secret"),
        "{none}"
    );
    served.deny("secretsmanager.GetSecretValue");
    let denied = console.get("/?org=lists").await;
    let expected = "org lists: secret campaign-sync/org/lists: your credentials may not read it";
    assert!(denied.contains(expected), "{denied}");
}

/// `local --serve` serves the same pages, and counts the changes that pass.
#[tokio::test]
async fn serve_shows_a_change_pass() {
    let served = Served::new().await;
    let mut process = served
        .prepared(&["local", "--serve", "--port", "0"])
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut address = String::new();
    while !address.contains("/?token=") {
        address = lines.next_line().await.unwrap().unwrap();
    }
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    let (base, _) = address.split_once("/?").unwrap();
    let https = Https::new().unwrap();
    let ask = async |method: Method, path: &str, headers: &[(&str, &str)], body: &'static str| {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{base}{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let sent = https.send(request.body(body.into()).unwrap(), Duration::from_secs(20));
        sent.await.unwrap()
    };
    assert_eq!(ask(Method::GET, "/", &[], "").await.status(), 403);
    let entered = ask(Method::GET, &address[base.len()..], &[], "").await;
    let cookie = entered.headers()["set-cookie"].to_str().unwrap().to_owned();
    let cookie = ("cookie", cookie.split(';').next().unwrap());

    let body = r#"{"eventId": "evt_1", "org": "acme-us", "campaignId": "5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11", "contactKey": "LEAD-1", "data": {}}"#;
    let bearer = ("authorization", "Bearer local-bearer-token");
    let json = ("content-type", "application/json");
    assert_eq!(
        ask(Method::POST, "/webhooks/bearer", &[bearer, json], body)
            .await
            .status(),
        202
    );
    // A page of another address may not make the emulated services fail.
    let fault = r#"{"status": 503}"#;
    for (name, value) in [
        ("origin", "http://evil.test"),
        ("sec-fetch-site", "cross-site"),
    ] {
        let answer = ask(Method::POST, "/_emulator/faults", &[(name, value)], fault).await;
        assert_eq!(answer.status(), 403, "{name}");
    }
    let mut page = String::new();
    for _ in 0..200 {
        page = text(&ask(Method::GET, "/pipeline?org=acme-us", &[cookie], "").await);
        if page.contains("1<span> done</span>") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(
        page.contains("1<span> accepted</span>") && page.contains("1<span> done</span>"),
        "{page}"
    );
    assert!(
        page.contains("No run of reconcile is due.") && !page.contains("no answer"),
        "{page}"
    );
}
