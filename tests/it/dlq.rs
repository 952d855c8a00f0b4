//! `campaign-sync dlq` on the emulated SQS and Secrets Manager, over HTTP: listing, showing,
//! redriving and dropping parked changes. Items that ingest parked are in `dlq_ingest` and
//! `dlq_unmapped`.

mod redrive;

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
