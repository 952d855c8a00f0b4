//! `campaign-sync dlq` on the emulated SQS and Secrets Manager, over HTTP: listing, showing,
//! redriving and dropping parked changes. Items that ingest parked are in `dlq_ingest` and
//! `dlq_unmapped`.

use io::queue::Message;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::process::Command;

use crate::support::served::Served;

const SECRET_VALUE: &str = "+13175550100";

impl Served {
    pub(crate) fn park(
        &self,
        org: &str,
        key: &str,
        event_id: &str,
        version: Option<u64>,
        reason: &'static str,
    ) {
        let mut body = json!({
            "schema": 1, "eventId": event_id, "org": org, "campaignId": "c", "contactKey": key, "operation": "upsert",
            "data": { "phone": SECRET_VALUE, "note": null },
        });
        if let Some(version) = version {
            body["version"] = version.into();
        }
        self.park_text(&body.to_string(), &group(org, key), event_id, reason);
    }

    pub(crate) fn park_text(&self, body: &str, group: &str, id: &str, reason: &'static str) {
        let attributes = vec![
            ("reason", reason.to_owned()),
            ("detail", "GET contact: 503".to_owned()),
        ];
        let message = Message {
            body: body.to_owned(),
            group: group.to_owned(),
            deduplication_id: format!("parked-{id}"),
            attributes,
        };
        self.dead_letters.send(message).unwrap();
    }

    async fn dlq(&self, arguments: &[&str]) -> (i32, Value, String) {
        let arguments: Vec<_> = ["dlq"].iter().chain(arguments).copied().collect();
        self.command(&arguments).await
    }

    async fn ids(&self) -> Vec<(String, String)> {
        let (_, listed, text) = self.dlq(&["list", "--json"]).await;
        let listed = listed["parked"]
            .as_array()
            .unwrap_or_else(|| panic!("{text}"))
            .clone();
        let id = |parked: &Value| parked["id"].as_str().unwrap().to_owned();
        listed
            .iter()
            .map(|parked| {
                (
                    parked["change"]["eventId"]
                        .as_str()
                        .unwrap_or("-")
                        .to_owned(),
                    id(parked),
                )
            })
            .collect()
    }

    fn sent(&self) -> Vec<Message> {
        self.queue.messages()
    }
}

/// The message group of a contact (docs/contract.md "Message group and deduplication ids").
pub(crate) fn group(org: &str, key: &str) -> String {
    let hash: String = Sha256::digest(key)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{org}/c/{}", &hash[..32])
}

fn event_ids(messages: &[Message]) -> Vec<String> {
    let body = |message: &Message| serde_json::from_str::<Value>(&message.body).unwrap();
    messages
        .iter()
        .map(|message| body(message)["eventId"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn parked_messages_are_listed_without_personal_data_and_stay_visible() {
    let served = Served::new().await;
    served.park("ranked", "LEAD-1", "evt_1", Some(1), "retryHorizon");
    served.park("ranked", "LEAD-2", "evt_2", Some(2), "rejected");
    served.park_text("{not json", "other/c/3", "evt_3", "invalidChange");
    for _ in 0..2 {
        let (status, _, text) = served.dlq(&["list"]).await;
        assert_eq!(status, 0, "{text}");
        for wanted in [
            "evt_1",
            "evt_2",
            "retryHorizon",
            "rejected",
            "invalidChange",
            "3 parked",
            "GET contact: 503",
        ] {
            assert!(text.contains(wanted), "{wanted} of {text}");
        }
        assert!(
            !text.contains("LEAD") && !text.contains(SECRET_VALUE),
            "{text}"
        );
    }
    let (_, one, _) = served
        .dlq(&["list", "--json", "--reason", "rejected"])
        .await;
    assert_eq!(one["parked"].as_array().unwrap().len(), 1);
    let (_, other, _) = served.dlq(&["list", "--json", "--org", "other"]).await;
    assert_eq!(other["parked"][0]["reason"], "invalidChange");
    let empty = Served::new().await;
    for (arguments, expected) in [
        (
            &["list"][..],
            "Nothing is parked, or somebody else is looking at what is parked (for two minutes at most).\n",
        ),
        (
            &["redrive"],
            "Nothing is parked, or somebody else is looking at what is parked (for two minutes at most).\n",
        ),
        (
            &[
                "redrive",
                "--reason",
                "rejected",
                "--org",
                "other",
                "--dry-run",
            ],
            "No parked change that can be seen now matches --reason rejected --org other.\n",
        ),
    ] {
        assert_eq!(empty.dlq(arguments).await.2, expected);
    }
    let (status, _, text) = served.dlq(&["redrive", "--source", "no-such"]).await;
    assert_eq!(
        (status, text.as_str()),
        (
            0,
            "No parked change that can be seen now matches --source no-such.\n"
        )
    );
}

#[tokio::test]
async fn a_parked_message_shows_its_values_only_on_request_and_can_be_dropped() {
    let served = Served::new().await;
    served.park("ranked", "LEAD-1", "evt_1", Some(1), "retryHorizon");
    served.park_text("{LEAD-2", "ranked/c/x", "evt_2", "invalidChange");
    let ids = served.ids().await;
    for (_, id) in &ids {
        let (status, shown, text) = served.dlq(&["show", id, "--json"]).await;
        assert_eq!((status, &shown["id"]), (0, &id.as_str().into()), "{text}");
        assert!(
            !text.contains("LEAD") && !text.contains(SECRET_VALUE),
            "{text}"
        );
        let (_, _, text) = served.dlq(&["show", id, "--reveal"]).await;
        assert!(text.contains("LEAD"), "{text}");
    }
    let id = &ids.iter().find(|(event, _)| event == "evt_1").unwrap().1;
    let (_, shown, _) = served.dlq(&["show", id, "--json"]).await;
    assert_eq!(
        shown["change"]["data"],
        json!({ "phone": "…", "note": null }),
        "names and nulls stay"
    );
    assert_eq!(served.dlq(&["drop", id]).await.0, 0);
    assert_eq!(served.ids().await.len(), 1);
    let (status, _, text) = served.dlq(&["drop", id]).await;
    assert!(
        status == 2 && text.contains("no parked change has this id"),
        "{text}"
    );
}

#[tokio::test]
async fn redriven_changes_keep_their_group_and_order_and_are_sent_once() {
    let served = Served::new().await;
    for n in 0..25 {
        served.park(
            "ranked",
            if n < 13 { "LEAD-1" } else { "LEAD-2" },
            &format!("evt_{n}"),
            Some(n),
            "retryHorizon",
        );
    }
    let (status, report, text) = served.dlq(&["redrive", "--dry-run", "--json"]).await;
    assert_eq!(
        (status, report["sent"].as_u64()),
        (0, Some(20)),
        "ten of each group can be seen: {text}"
    );
    assert_eq!(
        (served.sent().len(), served.dead_letters.messages().len()),
        (0, 25)
    );
    let (status, report, text) = served.dlq(&["redrive", "--rate", "100/s", "--json"]).await;
    assert_eq!((status, report["sent"].as_u64()), (0, Some(25)), "{text}");
    assert!(served.dead_letters.messages().is_empty());
    let sent = served.sent();
    for group in [group("ranked", "LEAD-1"), group("ranked", "LEAD-2")] {
        let of_group: Vec<_> = sent
            .iter()
            .filter(|message| message.group == group)
            .cloned()
            .collect();
        let numbers: Vec<u32> = event_ids(&of_group)
            .iter()
            .map(|id| id[4..].parse().unwrap())
            .collect();
        assert!(numbers.is_sorted() && numbers.len() >= 12, "{numbers:?}");
    }
    assert!(
        sent.iter()
            .all(|message| message.attributes.is_empty() && message.deduplication_id.len() == 64)
    );
}

#[tokio::test]
async fn a_message_without_a_rank_is_redriven_only_on_request() {
    let served = Served::new().await;
    served.park("ranked", "LEAD-1", "evt_1", Some(1), "retryHorizon");
    served.park("ranked", "LEAD-2", "evt_2", None, "retryHorizon");
    served.park("unknown", "LEAD-3", "evt_3", Some(3), "retryHorizon");
    served.park("ranked", "LEAD-4", "evt_4", Some(4), "rejected");
    served.park_text("{", "ranked/c/x", "evt_5", "retryHorizon");
    let arguments = [
        "redrive",
        "--reason",
        "retryHorizon",
        "--rate",
        "100/s",
        "--json",
    ];
    let (status, report, text) = served.dlq(&arguments).await;
    assert_eq!((status, report["sent"].as_u64()), (1, Some(1)), "{text}");
    assert_eq!(event_ids(&served.sent()), ["evt_1"]);
    let left = report["left"].as_object().unwrap();
    let counted = |text: &str| {
        left.iter()
            .filter(|(why, _)| why.contains(text))
            .map(|(_, n)| n.as_u64().unwrap())
            .sum::<u64>()
    };
    assert_eq!(
        (
            counted("no rank"),
            counted("campaign-sync/org/unknown"),
            counted("refuse it")
        ),
        (1, 1, 1),
        "{text}"
    );
    served.park("ranked", "LEAD-4", "evt_6", None, "retryHorizon");
    let (_, report, text) = served
        .dlq(&[&arguments[..], &["--unranked"]].concat())
        .await;
    assert!(
        text.contains("an earlier change of its contact stays"),
        "{text}"
    );
    assert_eq!(report["sent"].as_u64(), Some(1), "{text}");
    assert_eq!(event_ids(&served.sent()), ["evt_1", "evt_2"]);
    assert_eq!(
        served.ids().await.len(),
        4,
        "one is rejected, one stands behind it, one is of an unknown org, one is unreadable"
    );
}

#[tokio::test]
async fn a_message_that_cannot_be_applied_is_not_redriven_in_circles_and_shows_nothing() {
    let served = Served::new().await;
    served.park("ranked", "LEAD-1", "evt_1", Some(1), "keyPattern");
    served.park("ranked", "LEAD-1", "evt_1b", Some(2), "keyPattern");
    // The same message as if apply had parked it a second time.
    let body = served.dead_letters.messages()[0].body.clone();
    served.park_text(&body, &group("ranked", "LEAD-1"), "again", "keyPattern");
    served.park_text(&body, "LEAD-1", "mismatch", "groupMismatch");
    served.park_text(
        r#"{"source": {"phone": "LEAD-9"}, "eventId": "LEAD 9", "LEAD 9": 1}"#,
        "x",
        "odd",
        "invalidChange",
    );
    let (_, _, listed) = served.dlq(&["list"]).await;
    assert!(!listed.contains("LEAD"), "{listed}");
    for (_, id) in served.ids().await {
        let (_, _, shown) = served.dlq(&["show", &id]).await;
        assert!(!shown.contains("LEAD"), "{shown}");
    }
    let (status, report, text) = served.dlq(&["redrive", "--rate", "100/s", "--json"]).await;
    assert_eq!((status, report["sent"].as_u64()), (1, Some(1)), "{text}");
    let left = report["left"].as_object().unwrap();
    let counts: Vec<_> = left.values().map(|count| count.as_u64().unwrap()).collect();
    assert_eq!(
        counts,
        [1, 1, 1],
        "each change counts once, sent or left: {text}"
    );
    assert!(
        text.contains("parked again") && text.contains("not that of its contact"),
        "{text}"
    );
    assert_eq!(event_ids(&served.sent()), ["evt_1", "evt_1b"]);
}

#[tokio::test]
async fn dlq_says_what_it_needs() {
    let served = Served::new().await;
    for (arguments, wanted) in [
        (&["redrive", "--rate", "5"][..], "expected changes a second"),
        (&["redrive", "--rate", "0/s"], "expected changes a second"),
        (&["show"], "<ID>"),
        (&["show", "none"], "no parked change has this id"),
    ] {
        let (status, _, text) = served.dlq(arguments).await;
        assert!(
            status == 2 && text.contains(wanted),
            "{arguments:?}: {text}"
        );
    }
    let mut gone = Served::new().await;
    gone.base = "http://127.0.0.1:9".to_owned();
    let (status, report, text) = gone.dlq(&["redrive", "--json"]).await;
    assert_eq!((status, &report["left"]), (1, &json!({})), "{text}");
    assert!(
        report["ended"]
            .as_str()
            .unwrap()
            .contains("the dead-letter queue"),
        "{text}"
    );
    let output = Command::new(env!("CARGO_BIN_EXE_campaign-sync"))
        .args(["dlq", "redrive"])
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        text.contains("DEAD_LETTER_QUEUE_URL") && text.contains("QUEUE_URL"),
        "{text}"
    );
}

#[tokio::test]
async fn messages_that_cannot_be_seen_are_counted() {
    let served = Served::new().await;
    for n in 0..13 {
        served.park("ranked", "LEAD-1", &format!("evt_{n}"), Some(n), "rejected");
    }
    // SQS hands out ten messages of a group. The message of another group is being looked at by
    // somebody else.
    served.park("ranked", "LEAD-2", "evt_other", Some(1), "rejected");
    let (_, listed, text) = served.dlq(&["list", "--json"]).await;
    let (seen, hidden) = (
        listed["parked"].as_array().unwrap().len() as u64,
        listed["hidden"].as_u64().unwrap(),
    );
    assert_eq!(seen + hidden, 14, "{text}");
    assert!(hidden > 0, "{text}");
    let (_, _, text) = served.dlq(&["list"]).await;
    assert!(
        text.contains(&format!("About {hidden} more cannot be seen now")),
        "{text}"
    );
    let (status, _, text) = served.dlq(&["redrive", "--dry-run"]).await;
    assert!(
        status == 0 && text.contains(&format!("About {hidden} more cannot be seen now")),
        "{text}"
    );
    // Another look holds the first messages of a group, and with them all that are behind.
    let held = served.dead_letters.receive(10);
    assert!(held.is_some());
    let (status, report, text) = served.dlq(&["redrive", "--json"]).await;
    assert_eq!(
        (status, report["sent"].as_u64(), report["hidden"].as_u64()),
        (1, Some(1), Some(13)),
        "{text}"
    );
    let (_, _, text) = served.dlq(&["redrive"]).await;
    assert!(text.contains("About 13 more cannot be seen now"), "{text}");
}

#[tokio::test]
async fn a_redrive_that_saw_every_parked_message_is_complete() {
    let served = Served::new().await;
    for n in 0..13 {
        served.park("ranked", "LEAD-1", &format!("evt_{n}"), Some(n), "rejected");
    }
    let (status, report, text) = served.dlq(&["redrive", "--rate", "100/s", "--json"]).await;
    assert_eq!(
        (status, report["sent"].as_u64(), report["hidden"].as_u64()),
        (0, Some(13), Some(0)),
        "{text}"
    );
}
