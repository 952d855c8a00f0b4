//! How a file enters the queue: how deep it fills it, how fast and in which order, and what is
//! known after a failure. What is checked before that is in `rows`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Folder, arguments, bodies, csv, send};
use crate::support::CAMPAIGN;
use crate::support::served::{Served, secret};

#[tokio::test]
async fn send_waits_for_a_deep_queue_ends_at_ctrl_c_and_goes_on_where_it_was() {
    let (served, folder) = (Served::new().await, Folder::new("resume"));
    // The queue has room for ten minutes of calls, at two calls a change.
    allow(&served, "ranked", "predictive", 10);
    let file = folder.put("contacts.csv", csv(85));
    let child = served
        .prepared(&arguments(&file, &["--json"]))
        .spawn()
        .unwrap();
    let queue = Arc::clone(&served.queue);
    let filled = async {
        while queue.messages().len() < 50 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), filled)
        .await
        .expect("50 rows arrive");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(
        served.queue.messages().len(),
        50,
        "there is no room for more"
    );
    let pid = child.id().unwrap().to_string();
    assert!(
        std::process::Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    let output = tokio::time::timeout(Duration::from_secs(20), child.wait_with_output())
        .await
        .expect("it ends")
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (output.status.code(), &report["ended"], &report["sent"]),
        (Some(1), &json!("interrupted"), &json!(50))
    );
    assert_eq!(
        folder.names(),
        ["contacts.csv", "contacts.csv.send-state.json"]
    );
    let state = std::fs::read_to_string(folder.0.join("contacts.csv.send-state.json")).unwrap();
    assert!(!state.contains("LEAD") && !state.contains("Ada"), "{state}");

    let (status, _, shown) = served
        .command(&["send", "--org", "ranked", "--campaign", "another", &file])
        .await;
    assert!(
        status == 2
            && shown.contains("an earlier run sent 50 rows of another file")
            && shown.contains("--restart"),
        "{shown}"
    );
    allow(&served, "ranked", "predictive", 300);
    let (status, report, shown) = send(&served, &file, &[]).await;
    assert_eq!(
        (status, &report["sentBefore"], &report["sent"]),
        (0, &json!(50), &json!(35)),
        "{shown}"
    );
    assert_eq!(served.queue.messages().len(), 85);
    assert_eq!(folder.names(), ["contacts.csv"]);
}

#[tokio::test]
async fn a_queue_that_fails_for_a_while_costs_nothing_and_one_that_stays_away_ends_it() {
    let (served, folder) = (Served::new().await, Folder::new("outage"));
    let file = folder.put("contacts.csv", csv(30));
    served.sqs.refuse_entry("LEAD-13", false);
    let (status, report, shown) = send(&served, &file, &[]).await;
    assert_eq!((status, &report["sent"]), (0, &json!(30)), "{shown}");
    assert_eq!(
        served.queue.messages().len(),
        30,
        "an accepted row is not sent twice"
    );
    let other = folder.put("others.csv", csv(20).replace("LEAD", "OTHER"));
    served.sqs.refuse(1_000);
    let (status, report, shown) = send(&served, &other, &[]).await;
    assert!(
        status == 1
            && report["ended"]
                .as_str()
                .unwrap()
                .contains("ServiceUnavailable"),
        "{status} {shown}"
    );
}

#[tokio::test]
async fn a_budget_that_is_smaller_than_a_batch_does_not_end_the_sending() {
    let (served, folder) = (Served::new().await, Folder::new("small"));
    allow(&served, "ranked", "predictive", 1);
    let file = folder.put("contacts.csv", csv(10));
    let sent = tokio::time::timeout(Duration::from_secs(20), send(&served, &file, &[])).await;
    let (status, report, shown) = sent.expect("it ends");
    assert_eq!((status, &report["sent"]), (0, &json!(10)), "{shown}");
}

/// Sets the calls per minute of an org.
fn allow(served: &Served, org: &str, api: &str, calls_per_minute: u32) {
    let mut rules = secret(org, api);
    rules["callsPerMinute"] = calls_per_minute.into();
    let name = format!("campaign-sync/org/{org}");
    served.vault.put(&name, rules.to_string());
}

/// Changes of this many contacts, interleaved.
fn by_turns(contacts: usize, changes: usize) -> String {
    let mut text = "contactKey,version,callable,phone\n".to_owned();
    for n in 0..contacts * changes {
        let (contact, change) = (n % contacts, n / contacts);
        writeln!(text, "LEAD-{contact:04},{},true,+1", 10_000 + change).unwrap();
    }
    text
}

/// The versions of each contact in the order of the queue.
fn versions(served: &Served) -> BTreeMap<String, Vec<u64>> {
    let mut versions = BTreeMap::<_, Vec<_>>::new();
    for body in bodies(&served.queue.messages()) {
        let key = body["contactKey"].as_str().unwrap().to_owned();
        let of = versions.entry(key).or_default();
        of.push(body["version"].as_u64().unwrap());
    }
    versions
}

#[tokio::test]
async fn side_by_side_each_contacts_changes_keep_their_order_whatever_fails_and_is_slow() {
    let (served, folder) = (Served::new().await, Folder::new("order"));
    let file = folder.put("contacts.csv", by_turns(60, 12));
    served.sqs.set_unsteady(Duration::from_millis(40), 7);
    // SQS refuses a change in the middle for some contacts, and for others the first change: once,
    // twice or three times.
    for (contact, times) in [(3, 1), (14, 2), (15, 1), (31, 3), (59, 1)] {
        for _ in 0..times {
            served
                .sqs
                .refuse_entry(&format!("LEAD-{contact:04}"), false);
        }
    }
    for change in [10_002, 10_005, 10_005, 10_006, 10_011] {
        served
            .sqs
            .refuse_entry(&format!("\"version\":{change}"), false);
    }
    served.sqs.lose_answers(3);
    let (status, report, shown) = send(&served, &file, &[]).await;
    assert_eq!((status, &report["sent"]), (0, &json!(720)), "{shown}");
    let versions = versions(&served);
    assert_eq!(versions.len(), 60);
    for (key, versions) in versions {
        assert_eq!(versions, (10_000..10_012).collect::<Vec<_>>(), "{key}");
    }
    assert_eq!(folder.names(), ["contacts.csv"]);
}

#[tokio::test]
async fn a_contact_that_waits_holds_up_no_other() {
    let (served, folder) = (Served::new().await, Folder::new("beside"));
    let file = folder.put("contacts.csv", csv(300));
    for _ in 0..5 {
        served.sqs.refuse_entry("\"LEAD-13\"", false);
    }
    let child = served.prepared(&arguments(&file, &[])).spawn().unwrap();
    let others = async {
        while served.queue.messages().len() < 299 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), others)
        .await
        .expect("all others arrive while it waits");
    let sent = bodies(&served.queue.messages());
    assert!(sent.iter().all(|body| body["contactKey"] != "LEAD-13"));
    let output = tokio::time::timeout(Duration::from_secs(30), child.wait_with_output());
    let output = output.await.expect("it ends").unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(served.queue.messages().len(), 300);
}

#[tokio::test]
async fn calls_to_a_distant_queue_go_side_by_side() {
    let (served, folder) = (Served::new().await, Folder::new("far"));
    let file = folder.put("contacts.csv", csv(1_000));
    served.sqs.set_latency(Duration::from_millis(200));
    let began = Instant::now();
    let (status, _, shown) = send(&served, &file, &[]).await;
    assert_eq!(status, 0, "{shown}");
    assert_eq!(served.queue.messages().len(), 1_000);
    // One after another, these hundred calls would take twenty seconds.
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn after_a_failure_it_is_known_which_rows_behind_the_first_that_failed_are_in_the_queue() {
    let (served, folder) = (Served::new().await, Folder::new("beyond"));
    let file = folder.put("contacts.csv", csv(200));
    served.sqs.refuse_entry("\"LEAD-13\"", true);
    let (status, report, shown) = send(&served, &file, &[]).await;
    assert_eq!((status, report["complete"].as_bool()), (1, Some(false)));
    let sent = served.queue.messages().len();
    assert!(
        (14..200).contains(&sent),
        "otherwise this tests nothing: {sent}"
    );
    assert_eq!(report["sent"].as_u64(), Some(sent as u64), "{shown}");
    let text = std::fs::read_to_string(folder.0.join("contacts.csv.send-state.json")).unwrap();
    let state: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(state["sent"], 13);
    assert_eq!(state["sentBeyond"].as_array().unwrap().len(), sent - 13);
    let (status, report, shown) = send(&served, &file, &[]).await;
    assert_eq!(
        (status, &report["sentBefore"], &report["sent"]),
        (0, &json!(sent), &json!(200 - sent)),
        "{shown}"
    );
    assert_eq!(served.queue.messages().len(), 200);
    assert_eq!(served.queue.deduplicated(), 0, "no row is sent twice");
    assert_eq!(folder.names(), ["contacts.csv"]);
}

#[tokio::test]
async fn send_fills_the_queue_no_deeper_than_ten_minutes_of_the_orgs_calls() {
    let folder = Folder::new("minutes");
    let file = folder.put("contacts.csv", csv(400));
    // Each row has an org, its campaign, the size of a top-up, and the number of messages for which
    // ten minutes of three calls have room.
    for (org, campaign, top_up, room) in [
        ("ranked", CAMPAIGN, "990", 15),
        ("lists", "campaign-of-lists", "0", 75),
        ("lists", "campaign-of-lists", "90", 375),
    ] {
        let served = Served::new().await;
        let api = if org == "lists" {
            "contactLists"
        } else {
            "predictive"
        };
        allow(&served, org, api, 3);
        let arguments = [
            "send",
            "--org",
            org,
            "--campaign",
            campaign,
            &file,
            "--restart",
        ];
        let child = served.prepared(&arguments).env("TOP_UP", top_up).spawn();
        let child = child.unwrap();
        // A call sends ten rows as long as ten are left.
        let expected = room / 10 * 10;
        let filled = async {
            while served.queue.messages().len() < expected {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let filled = tokio::time::timeout(Duration::from_secs(20), filled).await;
        let sent = served.queue.messages().len();
        filled.unwrap_or_else(|_| panic!("{org} {top_up}: {sent} of {expected}"));
        tokio::time::sleep(Duration::from_millis(300)).await;
        let sent = served.queue.messages().len();
        assert_eq!(sent, expected, "{org} {top_up}");
        drop(child);
    }
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_sent_is_sent_no_further() {
    let (served, folder) = (Served::new().await, Folder::new("altered"));
    // The queue has room for a thousand rows. The command reads at most two thousand at once.
    allow(&served, "ranked", "predictive", 200);
    let mut text = "contactKey,version,callable,phone,firstName\n".to_owned();
    for n in 0..4_000 {
        let (phone, name) = ("5".repeat(500), "a".repeat(500));
        writeln!(text, "LEAD-{n:04},{n},true,{phone},{name}").unwrap();
    }
    let file = folder.put("contacts.csv", &text);
    let child = served
        .prepared(&arguments(&file, &["--json"]))
        .spawn()
        .unwrap();
    let filled = async {
        while served.queue.messages().len() < 1_000 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), filled)
        .await
        .expect("a thousand rows arrive");
    let altered = text.replace("LEAD-3999", "HEAD-3999");
    assert!(altered.len() == text.len() && altered != text);
    folder.put("contacts.csv", altered);
    let mut sent = 0;
    let ends = child.wait_with_output();
    tokio::pin!(ends);
    let output = loop {
        sent += served.queue.purge();
        tokio::select! {
            output = &mut ends => break output.unwrap(),
            () = tokio::time::sleep(Duration::from_millis(100)) => {}
        }
    };
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let ended = format!("{file}: the file changed after it was checked");
    sent += served.queue.purge();
    assert_eq!(
        (output.status.code(), &report["ended"], &report["sent"]),
        (Some(1), &json!(ended), &json!(sent))
    );
    assert!((1_000..4_000).contains(&sent), "{sent}");
}
