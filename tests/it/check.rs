//! `campaign-sync check` and `status`, run as real commands: what they report about an org and
//! about the queues. `secrets` and `dnc` have more of `check`; `check --probe` is in `probe`.

mod dnc;
mod secrets;

use std::time::Duration;

use emulator::{Fault, fifo};
use io::queue::Message;
use io::secrets::SecretsError;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::CAMPAIGN;
use crate::support::served::{Served, secret};

async fn check(served: &Served, more: &[&str]) -> (i32, Vec<(String, bool, String)>, String) {
    let arguments: Vec<_> = ["check", "--json"].iter().chain(more).copied().collect();
    let (status, report, shown) = served.command(&arguments).await;
    let line = |line: &Value| {
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        (text("check"), line["status"] != "fail", text("detail"))
    };
    let lines: Vec<_> = report["checks"]
        .as_array()
        .into_iter()
        .flatten()
        .map(line)
        .collect();
    assert_eq!(status == 0, report["ok"] == json!(true), "{shown}");
    (status, lines, shown)
}

/// The names of the failed checks. Every one of them says what to do.
fn wrong(lines: &[(String, bool, String)]) -> Vec<&str> {
    lines
        .iter()
        .filter(|(_, is_ok, _)| !is_ok)
        .map(|(what, ..)| what.as_str())
        .collect()
}

#[tokio::test]
async fn check_reports_a_line_for_everything_that_is_right() {
    let served = Served::new().await;
    let (status, _, shown) = served
        .command(&["check", "--org", "lists", "--campaign", "campaign-of-lists"])
        .await;
    let expected = [
        "ok    secret campaign-sync/org/lists: api contactLists, version is stored in crmVersion, raise own, 300 calls a minute",
        "ok    token: the OAuth client can log in",
        "ok    clock: ",
        "ok    campaign campaign-of-lists: found: its contact list list-of-campaign-of-lists has 3 columns",
        "ok    campaign campaign-of-lists: version column: the list has crmVersion",
        "ok    campaign campaign-of-lists: list of its own: no other campaign draws on it",
        "ok    campaign campaign-of-lists: contacts may be added: a call that adds nobody is accepted",
        "ok    campaign campaign-of-lists: contacts may be read: tried with a key that nobody has",
        "skip  secret campaign-sync/feed/lists: the secret does not exist, so reconcile cannot run for this org",
        "ok    queue: FIFO, keeps messages for 14 days",
        "ok    queue: high throughput: on",
        "ok    queue: visibility timeout: 180 s, at least six times apply's 30 s",
        "ok    queue: redrive policy: after 1000 receives, to the dead-letter queue",
        "ok    dead-letter queue: FIFO, keeps messages for 14 days",
    ];
    assert_eq!(shown.lines().count(), expected.len(), "{shown}");
    for (line, expected) in shown.lines().zip(expected) {
        assert!(line.starts_with(expected), "{line}\nis not\n{expected}");
    }
    assert_eq!(status, 0);
    let (status, lines, shown) = check(&served, &["--org", "ranked", "--campaign", CAMPAIGN]).await;
    assert_eq!((status, wrong(&lines)), (0, vec![]), "{shown}");
    assert!(
        lines
            .iter()
            .any(|(what, ..)| what.ends_with("predictive answers")),
        "{shown}"
    );
    assert!(
        served.genesys.contacts(CAMPAIGN).is_empty()
            && served.genesys.contacts("campaign-of-lists").is_empty()
    );
}

#[tokio::test]
async fn check_reports_missing_tls_roots() {
    let served = Served::new().await;
    let mut command = served.prepared(&["check", "--org", "ranked", "--campaign", CAMPAIGN]);
    let output = command
        .env("SSL_CERT_FILE", "/dev/null")
        .env_remove("SSL_CERT_DIR")
        .output()
        .await
        .unwrap();
    let expected = "campaign-sync: no TLS root: expected the system's CA certificates (package ca-certificates), or \
                    SSL_CERT_FILE to name a file of them\n";
    assert_eq!(
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).as_ref()
        ),
        (Some(2), expected)
    );
}

/// Neither calls to Genesys Cloud nor signed calls to AWS go to a proxy from the environment.
#[tokio::test]
async fn no_call_goes_to_a_proxy_from_the_environment() {
    let served = Served::new().await;
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let mut command = served.prepared(&["check", "--org", "ranked", "--campaign", CAMPAIGN]);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env(name, &address);
        command.env(name.to_ascii_lowercase(), &address);
    }
    command.env_remove("NO_PROXY").env_remove("no_proxy");
    let checked = async {
        let output = command.output().await.unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    tokio::select! {
        biased;
        _ = proxy.accept() => panic!("somebody came to the proxy"),
        () = checked => {}
    }
}

#[tokio::test]
async fn check_reports_whatever_is_wrong_and_what_to_do() {
    let served = Served::new().await;
    let org = |org| ["--org", org];
    for (name, text) in [
        ("broken", "{\"clientSecret\": \"canary\"".to_owned()),
        ("elsewhere", secret("nobody", "predictive").to_string()),
        ("shut", secret("shut", "contactLists").to_string()),
        (
            "mistaken",
            json!({ "clientId": "ranked", "clientSecret": "canary", "region": "mars", "api": "predictive" })
                .to_string(),
        ),
    ] {
        served.vault.put(&format!("campaign-sync/org/{name}"), text);
    }
    let (_, lines, shown) = check(&served, &org("missing")).await;
    assert_eq!(
        wrong(&lines),
        ["secret campaign-sync/org/missing"],
        "{shown}"
    );
    assert!(shown.contains("create it"), "{shown}");
    for name in ["broken", "mistaken"] {
        let (_, lines, shown) = check(&served, &org(name)).await;
        assert_eq!(
            wrong(&lines),
            [format!("secret campaign-sync/org/{name}")],
            "{shown}"
        );
        assert!(!shown.contains("canary"), "{shown}");
    }
    let (_, lines, shown) = check(&served, &org("elsewhere")).await;
    assert_eq!(wrong(&lines), ["token"], "{shown}");
    assert!(shown.contains("client credentials"), "{shown}");
    let (_, lines, shown) = check(&served, &["--org", "ranked"]).await;
    assert_eq!(wrong(&lines), [""; 0], "{shown}");
    assert!(
        shown.contains("\"status\":\"skip\""),
        "a skipped check is reported: {shown}"
    );

    // The first list lacks the version column. The others have version columns of several types.
    served.put_campaign("lists", "bare", Some(&["phone"]));
    let (_, lines, shown) = check(&served, &["--org", "lists", "--campaign", "bare"]).await;
    assert_eq!(wrong(&lines), ["campaign bare: version column"], "{shown}");
    for (column, kind, most, is_wrong) in [
        ("crmVersion", "NUMERIC", None, true),
        ("crmVersion", "TEXT", Some(33), true),
        ("crmVersion", "TEXT", Some(34), false),
        ("phone", "NUMERIC", None, false),
    ] {
        served.put_campaign("lists", "typed", Some(&["phone", "crmVersion"]));
        let of = json!({ "columnName": column, "columnDataType": kind, "maxLength": most });
        served.genesys.type_column("typed", of);
        let (_, lines, shown) = check(&served, &["--org", "lists", "--campaign", "typed"]).await;
        let expected = ["campaign typed: version column"];
        assert_eq!(wrong(&lines), &expected[..usize::from(is_wrong)], "{shown}");
    }
    served.put_campaign("lists", "twin", Some(&["phone", "crmVersion"]));
    served
        .genesys
        .change_list("twin", "list-of-campaign-of-lists");
    let (_, lines, shown) = check(
        &served,
        &["--org", "lists", "--campaign", "campaign-of-lists"],
    )
    .await;
    assert_eq!(
        wrong(&lines),
        ["campaign campaign-of-lists: list of its own"],
        "{shown}"
    );
    assert!(shown.contains("twin"), "{shown}");
    let (_, lines, _) = check(&served, &["--org", "lists", "--campaign", "nobody"]).await;
    assert_eq!(wrong(&lines), ["campaign nobody: found"]);
    let (_, lines, shown) = check(&served, &["--org", "ranked", "--campaign", "nobody"]).await;
    assert_eq!(
        wrong(&lines),
        ["campaign nobody: predictive answers"],
        "{shown}"
    );
    assert!(
        shown.contains("check the campaign's id and the divisions")
            && !shown.contains("contactLists"),
        "{shown}"
    );
    served
        .genesys
        .add_fault(Fault::status("POST", 404).on("predictivedialing"));
    let (_, lines, shown) = check(&served, &["--org", "ranked", "--campaign", CAMPAIGN]).await;
    assert_eq!(
        wrong(&lines),
        [format!("campaign {CAMPAIGN}: predictive answers")],
        "{shown}"
    );
    assert!(
        shown.contains("\\\"api\\\": \\\"contactLists\\\""),
        "{shown}"
    );
    served.put_org("shut", &json!({ "api": "contactLists" }));
    served.put_campaign("shut", "closed", None);
    served.genesys.forbid("client-of-shut", true);
    let (_, lines, shown) = check(&served, &["--org", "shut", "--campaign", "closed"]).await;
    assert_eq!(wrong(&lines), ["campaign closed: found"], "{shown}");
    assert!(shown.contains("outbound:campaign:view"), "{shown}");
}

const SIGNING: &str = "whsec_bm9ib2R5IGtub3dzIHRoaXMgb25lLCBub2JvZHk=";

#[tokio::test]
async fn check_reports_queues_that_differ_from_the_template() {
    let attributes = fifo::Attributes {
        visibility_timeout: Duration::from_secs(30),
        max_receives: 5,
    };
    let served = Served::with(attributes).await;
    let (status, lines, shown) = check(&served, &["--org", "ranked", "--campaign", CAMPAIGN]).await;
    assert_eq!(
        (status, wrong(&lines)),
        (
            1,
            vec!["queue: visibility timeout", "queue: redrive policy"]
        ),
        "{shown}"
    );
    let (_, lines, _) = check(
        &served,
        &[
            "--org",
            "ranked",
            "--campaign",
            CAMPAIGN,
            "--apply-timeout",
            "5",
        ],
    )
    .await;
    assert_eq!(wrong(&lines), ["queue: redrive policy"]);
    let mut command = served.prepared(&["check", "--org", "ranked", "--json"]);
    let url = "http://127.0.0.1:1/000000000000/none.fifo";
    let output = command
        .env("DEAD_LETTER_QUEUE_URL", url)
        .output()
        .await
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(
        shown.contains("DEAD_LETTER_QUEUE_URL must be the stack's output"),
        "{shown}"
    );
}

#[tokio::test]
async fn status_counts_what_waits_what_is_in_flight_and_what_is_left_of_a_budget() {
    let served = Served::new().await;
    let put = |to: &fifo::Fifo, n: usize| {
        let text = n.to_string();
        let (group, deduplication_id) = (text.clone(), text);
        to.send(Message {
            body: "{}".into(),
            group,
            deduplication_id,
            attributes: Vec::new(),
        })
        .unwrap();
    };
    (0..7).for_each(|n| put(&served.queue, n));
    served.queue.receive(3).unwrap();
    put(&served.runs, 8);
    put(&served.runs, 9);
    served.runs.receive(1).unwrap();
    let (status, report, shown) = served
        .command(&["status", "--json", "--org", "ranked", "--org", "nobody"])
        .await;
    assert_eq!(status, 1, "an org did not answer: {shown}");
    assert_eq!(
        (&report["queue"]["waiting"], &report["queue"]["inFlight"]),
        (&json!(4), &json!(3)),
        "{shown}"
    );
    assert_eq!(report["queue"]["name"], "changes.fifo");
    // The command derives the URL of the queue of runs from that of the queue of changes.
    let runs = json!({ "name": "runs.fifo", "waiting": 1, "inFlight": 1, "oldestSeconds": null });
    assert_eq!(report["runs"], runs);
    assert_eq!(
        (
            &report["parked"]["waiting"],
            &report["parked"]["oldestSeconds"]
        ),
        (&json!(0), &Value::Null)
    );
    assert_eq!(
        (
            &report["orgs"]["ranked"]["callsAllowed"],
            &report["orgs"]["ranked"]["callsLeft"]
        ),
        (&json!(300), &json!(299))
    );
    assert!(
        report["orgs"]["nobody"]["error"]
            .as_str()
            .unwrap()
            .contains("campaign-sync/org/nobody"),
        "{shown}"
    );
    let (status, _, shown) = served.command(&["status", "--org", "ranked"]).await;
    assert_eq!(status, 0, "{shown}");
    assert!(shown.contains("runs.fifo"), "{shown}");
    put(&served.dead_letters, 0);
    let (status, _, shown) = served.command(&["status"]).await;
    assert!(
        status == 1 && shown.contains("1 parked: campaign-sync dlq list"),
        "{status} {shown}"
    );
}

#[tokio::test]
async fn a_queue_of_runs_that_does_not_answer_is_reported_and_stops_nothing() {
    let served = Served::new().await;
    let told = async |url: &str| {
        let mut command = served.prepared(&["status"]);
        let output = command.env("RUNS_QUEUE_URL", url).output().await.unwrap();
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stdout).unwrap()
    };
    let none = told(&format!("{}/000000000000/no-such.fifo", served.base)).await;
    assert!(
        none.contains(
            "queue of runs: no-such.fifo: SQS: there is no such queue in this account and region"
        ),
        "{none}"
    );
    // An empty variable counts as unset.
    assert!(told("").await.contains("runs.fifo"));
}

#[tokio::test]
async fn a_feed_that_asks_for_no_campaign_is_noted_and_no_fault() {
    let served = Served::new().await;
    let mut feed = json!({
        "auth": { "kind": "bearer", "token": "hush" },
        "request": { "url": "https://crm.example.com/contacts", "query": { "since": "{since}" } },
    });
    let arguments = ["check", "--org", "lists", "--campaign", "campaign-of-lists"];
    served.put_feed("lists", &feed);
    let (status, _, shown) = served.command(&arguments).await;
    let note = "note  secret campaign-sync/feed/lists: request names no campaign ({campaignId} or {campaign.NAME})";
    assert!(status == 0 && shown.contains(note), "{shown}");
    assert!(!shown.contains("and there are"), "{shown}");
    feed["campaigns"] = json!({ "a": { "name": "a" }, "b": { "name": "b" } });
    served.put_feed("lists", &feed);
    let (status, _, shown) = served.command(&arguments).await;
    assert!(
        status == 0 && shown.contains("and there are 2: give the request a placeholder"),
        "{shown}"
    );
    feed["request"]["query"]["list"] = json!("{campaign.name}");
    served.put_feed("lists", &feed);
    let (status, _, shown) = served.command(&arguments).await;
    assert!(status == 0 && !shown.contains("note  "), "{shown}");
    feed["mapping"] =
        json!({ "preset": "hubspotRecord", "columns": {}, "optOut": "none", "campaignField": "c" });
    served.put_feed("lists", &feed);
    let (status, _, shown) = served.command(&arguments).await;
    assert!(
        status == 1 && shown.contains("mapping.campaignField: expected none"),
        "{shown}"
    );
}
