//! `campaign-sync send`: a file's rows into the queue, by the real command.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use io::queue::Message;
use serde_json::{Value, json};

use crate::support::CAMPAIGN;
use crate::support::served::{Served, secret};

/// A file of its own for a test, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("send-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    }

    fn names(&self) -> Vec<String> {
        let names = std::fs::read_dir(&self.0)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// So many contacts, a change each.
fn csv(contacts: usize) -> String {
    let mut text = "contactKey,version,callable,phone,firstName\n".to_owned();
    for n in 0..contacts {
        writeln!(
            text,
            "LEAD-{n},{},{},+1555{n:04},Ada {n}",
            100 + n,
            n % 7 != 0
        )
        .unwrap();
    }
    text
}

async fn send(served: &Served, file: &str, more: &[&str]) -> (i32, Value, String) {
    let arguments: Vec<_> = [
        "send",
        "--org",
        "ranked",
        "--campaign",
        CAMPAIGN,
        file,
        "--json",
    ]
    .iter()
    .chain(more)
    .copied()
    .collect();
    served.command(&arguments).await
}

fn bodies(messages: &[Message]) -> Vec<Value> {
    messages
        .iter()
        .map(|message| serde_json::from_str(&message.body).unwrap())
        .collect()
}

#[tokio::test]
async fn every_row_is_in_the_queue_once_and_in_the_files_order() {
    let (served, folder) = (Served::new().await, Folder::new("all"));
    let file = folder.put("contacts.csv", csv(95));
    let (status, report, text) = send(&served, &file, &["--dry-run"]).await;
    assert_eq!(
        (status, report["rows"].as_u64(), report["sent"].as_u64()),
        (0, Some(95), Some(0)),
        "{text}"
    );
    assert!(served.queue.messages().is_empty(), "nothing is sent");
    for _ in 0..2 {
        // A second time it is all the same to the queue: SQS has these events already.
        let (status, report, text) = send(&served, &file, &[]).await;
        assert_eq!(
            (
                status,
                report["sent"].as_u64(),
                report["complete"].as_bool()
            ),
            (0, Some(95), Some(true)),
            "{text}"
        );
        let bodies = bodies(&served.queue.messages());
        let keys: Vec<_> = bodies
            .iter()
            .map(|body| body["contactKey"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(
            keys,
            (0..95).map(|n| format!("LEAD-{n}")).collect::<Vec<_>>()
        );
        let mut first = bodies[0].clone();
        assert!(
            first
                .as_object_mut()
                .unwrap()
                .remove("eventId")
                .unwrap()
                .as_str()
                .unwrap()
                .starts_with("send-")
        );
        let expected = json!({
            "schema": 1, "org": "ranked", "campaignId": CAMPAIGN, "contactKey": "LEAD-0", "version": 100, "source": "send",
            "callable": false, "data": { "phone": "+15550000", "firstName": "Ada 0" },
        });
        assert_eq!(first, expected);
        assert_eq!(
            folder.names(),
            ["contacts.csv"],
            "the state is gone with its end"
        );
    }
}

#[tokio::test]
async fn one_row_that_is_not_right_and_none_is_sent() {
    let (served, folder) = (Served::new().await, Folder::new("faults"));
    let mut rules = secret("lists", "contactLists");
    rules["contactKeyPattern"] = "^LEAD-[0-9]+$".into();
    served
        .vault
        .put("campaign-sync/org/lists", rules.to_string());
    let text = "contactKey,version,callable,phone,crmVersion,shoeSize,hatSize\n\
                LEAD-1,5,true,+1,,,\n\
                secret-key,5,true,+1,,,\n\
                LEAD-2,,true,+1,,,\n\
                LEAD-3,5,perhaps,+1,,,\n\
                LEAD-4,5,true,+1,7,,\n\
                LEAD-5,5,true,+1,,44,60\n";
    let file = folder.put("contacts.csv", text);
    let lists = [
        "send",
        "--org",
        "lists",
        "--campaign",
        "campaign-of-lists",
        &file,
    ];
    let (status, _, shown) = served.command(&lists).await;
    let expected = "line 3: contactKey: expected a match of the org's contactKeyPattern\n\
                    line 4: version: expected, since the org ranks its changes by it; or say --unranked\n\
                    line 5: callable: expected true or false, 1 or 0, yes or no\n\
                    line 6: data: expected not to name \"crmVersion\", in which the org's versionField stores the rank\n\
                    line 7: data: expected only columns of the campaign's contact list, which has no \"hatSize\", \
                    \"shoeSize\"\n\
                    5 of 6 rows are not right: nothing was sent.\n";
    assert_eq!((status, shown.as_str()), (1, expected));
    assert!(served.queue.messages().is_empty());
    for (arguments, expected) in [
        (
            vec!["send", "--org", "lists", "--campaign", "nobody", &file],
            "GET campaign: 404 resource.not.found: look at the campaign's id",
        ),
        (
            vec!["send", "--org", "ranked", "--campaign", "nobody", &file],
            "org ranked, campaign nobody: GET contact: 404 campaign.not.found: look at the campaign's id",
        ),
        (
            vec!["send", "--org", "nobody", "--campaign", "c", &file],
            "secret campaign-sync/org/nobody",
        ),
        (
            vec![
                "send",
                "--org",
                "lists",
                "--campaign",
                "campaign-of-lists",
                "/nowhere.csv",
            ],
            "/nowhere.csv: No such file",
        ),
        (
            vec![
                "send",
                "--org",
                "lists",
                "--campaign",
                "campaign-of-lists",
                "/dev/null",
            ],
            "--format",
        ),
    ] {
        let (status, _, shown) = served.command(&arguments).await;
        assert!(status == 2 && shown.contains(expected), "{status} {shown}");
    }
}

#[tokio::test]
async fn a_malformed_csv_sends_nothing_and_is_told_by_the_line_where_its_value_begins() {
    let (served, folder) = (Served::new().await, Folder::new("malformed"));
    let text = "contactKey,version,callable,phone,notes\r\n\
                K-1,1764000000001,true,+13175550101,ok\r\n\
                K-2,1764000000002,true,+13175550102,\"moved, see ticket\r\n\
                K-3,1764000000003,false,+13175550103,ok\r\n\
                K-4,1764000000004,false,+13175550104,ok\r\n";
    let file = folder.put("01.csv", text);
    let arguments = [
        "send",
        "--org",
        "ranked",
        "--campaign",
        CAMPAIGN,
        &file,
        "--column",
        "phone",
    ];
    let (status, _, shown) = served.command(&arguments).await;
    assert_eq!(
        (status, shown.as_str()),
        (
            1,
            "line 3: a quoted value begins, and never ends. What follows is not read\n\
             1 of 2 rows is not right: nothing was sent.\n"
        )
    );
    assert!(served.queue.messages().is_empty());
}

#[tokio::test]
async fn what_a_file_holds_is_told_and_compared_before_anything_is_sent() {
    let (served, folder) = (Served::new().await, Folder::new("expected"));
    let text =
        "contactKey;version;DoNotCall;phone\r\nL-1;5;1;+1\r\n;;;\r\nL-2;5;0;+1\r\nl-2;6;no;+1\r\n";
    let utf16: Vec<u8> = format!("\u{FEFF}{text}")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let file = folder.put("NAMES.CSV", utf16);
    let flags = ["--not-callable", "DoNotCall", "--expect-rows", "3"];
    let (status, report, shown) = send(
        &served,
        &file,
        &[&flags[..], &["--expect-opt-outs", "2"]].concat(),
    )
    .await;
    assert_eq!((status, &report["sent"]), (1, &json!(0)), "{shown}");
    assert_eq!(
        report["unexpected"],
        json!(["expected 2 opt-outs; the file has 1 opt-out"])
    );
    assert!(served.queue.messages().is_empty());

    let arguments = ["send", "--org", "ranked", "--campaign", CAMPAIGN, &file];
    let all = [&arguments[..], &flags, &["--expect-opt-outs", "1"]].concat();
    let (status, _, shown) = served.command(&all).await;
    let expected = format!(
        "3 of 3 rows are in the queue.\n\
         {file}: 5 lines, 3 rows, 1 row without any value left out, 1 opt-out.\n\
         Its values are separated by \";\", by its first line.\n\
         Warning: line 5: the key differs from an earlier one only in case, or by Unicode normalisation: to \
         campaign-sync they are two contacts, to Genesys Cloud perhaps one.\n"
    );
    assert_eq!((status, shown), (0, expected));
    let callable: Vec<_> = bodies(&served.queue.messages())
        .iter()
        .map(|body| body["callable"].clone())
        .collect();
    assert_eq!(callable, [json!(false), json!(true), json!(true)]);
}

#[tokio::test]
async fn it_waits_for_a_deep_queue_ends_at_ctrl_c_and_goes_on_where_it_was() {
    let (served, folder) = (Served::new().await, Folder::new("resume"));
    let mut rules = secret("ranked", "predictive");
    // Room for ten minutes of calls, at two a change.
    rules["callsPerMinute"] = 10.into();
    served
        .vault
        .put("campaign-sync/org/ranked", rules.to_string());
    let file = folder.put("contacts.csv", csv(85));
    let arguments = [
        "send",
        "--org",
        "ranked",
        "--campaign",
        CAMPAIGN,
        &file,
        "--json",
    ];
    let child = served.prepared(&arguments).spawn().unwrap();
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
    rules["callsPerMinute"] = 300.into();
    served
        .vault
        .put("campaign-sync/org/ranked", rules.to_string());
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
        "what was taken is not taken twice"
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
async fn a_budget_that_is_smaller_than_a_batch_is_no_end() {
    let (served, folder) = (Served::new().await, Folder::new("small"));
    let mut rules = secret("ranked", "predictive");
    rules["callsPerMinute"] = 1.into();
    served
        .vault
        .put("campaign-sync/org/ranked", rules.to_string());
    let file = folder.put("contacts.csv", csv(10));
    let sent = tokio::time::timeout(Duration::from_secs(20), send(&served, &file, &[])).await;
    let (status, report, shown) = sent.expect("it ends");
    assert_eq!((status, &report["sent"]), (0, &json!(10)), "{shown}");
}

#[tokio::test]
async fn rows_of_an_org_without_ranks_and_rows_that_do_not_say_who_may_be_called_are_told() {
    let (served, folder) = (Served::new().await, Folder::new("unranked"));
    let mut rules = secret("ranked", "predictive");
    rules["versionField"] = Value::Null;
    served
        .vault
        .put("campaign-sync/org/ranked", rules.to_string());
    let file = folder.put("contacts.csv", "contactKey,version,phone\nLEAD-1,5,+1\n");
    let (status, report, shown) = send(&served, &file, &[]).await;
    assert!(
        status == 1 && shown.contains("no versionField") && shown.contains("--unranked"),
        "{shown}"
    );
    assert_eq!(report["faulty"], 1);
    let (status, report, shown) = send(&served, &file, &["--unranked"]).await;
    assert_eq!(
        (status, &report["sent"], &report["saysCallable"]),
        (0, &json!(1), &json!(false)),
        "{shown}"
    );
    let arguments = [
        "send",
        "--org",
        "ranked",
        "--campaign",
        CAMPAIGN,
        &file,
        "--unranked",
        "--dry-run",
    ];
    let (_, _, shown) = served.command(&arguments).await;
    assert!(
        shown.contains("No row says whether its contact may be called"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_row_keeps_the_rules_by_which_apply_would_park_it_and_no_others() {
    let (served, folder) = (Served::new().await, Folder::new("rules"));
    served.put_org(
        "lists",
        &json!({ "api": "contactLists", "versionUnit": "milliseconds" }),
    );
    let file = folder.put(
        "one.csv",
        "contactKey,version,callable,phone,shoeSize\nLEAD-1,1764000000000,true,+1,\n",
    );
    let fixed = ["send", "--org", "lists", "--campaign", "campaign-of-lists"];
    let send = async |file: &str| {
        let more = [file, "--clear-empty", "--dry-run"];
        served.command(&[&fixed[..], &more].concat()).await
    };
    let (status, _, shown) = send(&file).await;
    let first = shown.lines().next();
    assert_eq!(
        (status, first),
        (0, Some("1 row is right; nothing was sent.")),
        "what is cleared needs no column: {shown}"
    );
    let file = folder.put(
        "ahead.csv",
        "contactKey,version,callable,phone\nLEAD-1,9007199254740991,true,+1\n",
    );
    let (status, _, shown) = send(&file).await;
    let expected = "line 2: version: expected a time at most a day ahead of the clock, in the org's versionUnit\n\
                    1 of 1 row is not right: nothing was sent.\n";
    assert_eq!((status, shown.as_str()), (1, expected));
}
