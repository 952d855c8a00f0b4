//! Unmapped items, redriven through the current mapping of their source: which changes are sent,
//! which items stay, and what the report says. Parked changes are in `dlq`.

use std::time::Duration;

use io::queue::Message;
use serde_json::{Value, json};

use crate::support::served::Served;

const CANARY: &str = "+13175550100-canary";

impl Served {
    /// Parks an item as ingest does.
    fn park_item(&self, n: u64, item: &Value) {
        let body = json!({
            "unmapped": 1, "source": "people", "org": "ranked", "extent": "item", "pointer": format!("/{n}"),
            "arrivedAt": "2026-11-24T16:00:00Z", "item": item,
        });
        let attributes = vec![
            ("reason", "unmapped".to_owned()),
            (
                "detail",
                format!("of people, the item /{n}: jq: the program failed"),
            ),
        ];
        let message = Message {
            body: body.to_string(),
            group: format!("unmapped/people/{n:032x}"),
            deduplication_id: format!("item-{n}"),
            attributes,
        };
        self.dead_letters.send(message).unwrap();
    }

    fn put_program(&self, program: &str) {
        let secret = json!({
            "auth": "bearer", "bearerTokens": ["a-token-of-the-crm"], "org": "ranked", "campaignId": "c",
            "mapping": { "jq": program },
        });
        self.put_source("people", &secret);
    }

    /// Parks this body with this id.
    fn park_body(&self, body: &Value, id: &str) {
        self.park_whole(&body.to_string(), id);
    }

    fn park_whole(&self, body: &str, id: &str) {
        let message = Message {
            body: body.to_owned(),
            group: format!("unmapped/people/{}", "0".repeat(32)),
            deduplication_id: id.to_owned(),
            attributes: vec![("reason", "unmapped".to_owned())],
        };
        self.dead_letters.send(message).unwrap();
    }

    /// Puts a source that may write to every org. Its items name the org.
    fn put_of_all_orgs(&self) {
        let program = "if .deal then empty else . as $item | .orgs[] | { eventId: \"e-\\(.)\", org: ., campaignId: \"c\", contactKey: $item.id, version: 7, data: {} } end";
        let secret = json!({ "auth": "bearer", "bearerTokens": ["a-token-of-the-crm"], "mapping": { "jq": program } });
        self.put_source("people", &secret);
    }

    async fn redrive(&self, more: &[&str]) -> (i32, Value, String) {
        let arguments = [
            "dlq", "redrive", "--reason", "unmapped", "--rate", "100/s", "--json",
        ];
        self.command(&[&arguments, more].concat()).await
    }
}

#[tokio::test]
async fn mending_the_mapping_mends_what_was_parked() {
    let served = Served::new().await;
    served.park_item(
        1,
        &json!({ "id": "a", "people": ["x", "y"], "at": 7, "off": true, "phone": CANARY }),
    );
    served.park_item(2, &json!({ "id": "b", "deal": true }));
    served.park_item(3, &json!({ "id": "c" }));

    let (status, report, text) = served.redrive(&[]).await;
    assert_eq!((status, report["sent"].as_u64()), (1, Some(0)), "{text}");
    assert!(
        text.contains("campaign-sync/source/people: there is no such secret"),
        "{text}"
    );

    served.put_program("error(\"not yet\")");
    let (_, report, text) = served.redrive(&[]).await;
    let left = report["left"].as_object().unwrap();
    assert!(
        left.keys().any(
            |why| why.contains("source people: it still becomes no change")
                && why.contains("not yet")
        ),
        "{text}"
    );
    assert!(!text.contains(CANARY), "{text}");

    served.put_program(
        "if .deal then empty else . as $item | (.people // [null])[] | { eventId: \"e-\\(.)\", contactKey: ., version: $item.at, data: {}, callable: ($item.off | not) } end",
    );
    let (_, report, text) = served.redrive(&["--dry-run"]).await;
    assert_eq!(
        (&report["sent"], &report["items"], &report["ignored"]),
        (&json!(2), &json!(1), &json!(1)),
        "{text}"
    );
    assert!(served.queue.messages().is_empty());
    let (status, report, text) = served.redrive(&[]).await;
    assert_eq!(status, 1, "one stays");
    assert_eq!(
        (&report["sent"], &report["items"], &report["ignored"]),
        (&json!(2), &json!(1), &json!(1)),
        "{text}"
    );
    let sent = served.queue.messages();
    let bodies: Vec<Value> = sent
        .iter()
        .map(|sent| serde_json::from_str(&sent.body).unwrap())
        .collect();
    let keys: Vec<_> = bodies.iter().map(|body| &body["contactKey"]).collect();
    assert_eq!(keys, ["x", "y"]);
    assert!(
        bodies
            .iter()
            .all(|body| body["callable"] == false && body["source"] == "people")
    );
    assert!(sent.iter().all(|sent| sent.group.starts_with("ranked/c/")));
    assert_eq!(served.dead_letters.messages().len(), 1);
}

#[tokio::test]
async fn a_parked_item_shows_its_values_only_on_request() {
    let served = Served::new().await;
    served.park_item(1, &json!({ "phone": CANARY }));
    let (_, listed, text) = served.command(&["dlq", "list", "--json"]).await;
    assert!(
        !text.contains(CANARY) && text.contains("of people, the item /1"),
        "{text}"
    );
    let id = listed["parked"][0]["id"].as_str().unwrap().to_owned();
    for (arguments, is_shown) in [
        (vec!["dlq", "show", &id], false),
        (vec!["dlq", "show", &id, "--reveal"], true),
    ] {
        let (_, shown, text) = served.command(&arguments).await;
        assert_eq!(text.contains(CANARY), is_shown, "{text}");
        assert_eq!(shown["change"]["source"], "people", "{text}");
    }
}

#[tokio::test]
async fn a_revealed_item_is_what_was_sent_to_the_letter() {
    let served = Served::new().await;
    let item = r#"{"id": "a", "Do_Not_Call":"true", "Do_Not_Call" : "false"}"#;
    let body = format!(
        r#"{{"unmapped":1,"source":"people","org":"ranked","extent":"item","pointer":"/0","arrivedAt":"2026-11-24T16:00:00Z","item":{item}}}"#
    );
    served.park_whole(&body, "twice");
    served.park_whole("no JSON, of a person", "text");
    let (_, listed, _) = served.command(&["dlq", "list", "--json"]).await;
    for parked in listed["parked"].as_array().unwrap() {
        let id = parked["id"].as_str().unwrap();
        let (_, _, shown) = served.command(&["dlq", "show", id, "--body"]).await;
        let sent = shown.trim_end();
        let (_, _, revealed) = served.command(&["dlq", "show", id, "--reveal"]).await;
        match sent {
            "no JSON, of a person" => {
                assert!(revealed.contains("\"no JSON, of a person\""), "{revealed}")
            }
            sent => {
                assert_eq!(sent, body);
                assert!(revealed.contains(item), "{revealed}");
            }
        }
    }
}

#[tokio::test]
async fn one_item_or_those_of_one_source_can_be_redriven_alone() {
    let served = Served::new().await;
    served.put_of_all_orgs();
    served.park_body(&of_orgs("a", &["ranked"]), "1");
    served.park_body(&of_orgs("b", &["ranked"]), "2");
    let (_, listed, _) = served.command(&["dlq", "list", "--json"]).await;
    let id = listed["parked"][0]["id"].as_str().unwrap().to_owned();
    let (status, report, text) = served.redrive(&["--source", "others"]).await;
    assert_eq!((status, &report["sent"]), (0, &json!(0)), "{text}");
    let (_, report, text) = served.redrive(&["--id", &id]).await;
    assert_eq!(report["sent"], 1, "{text}");
    let (_, report, text) = served.redrive(&["--source", "people"]).await;
    assert_eq!(report["sent"], 1, "{text}");
}

fn of_orgs(id: &str, orgs: &[&str]) -> Value {
    let item = json!({ "id": id, "orgs": orgs });
    json!({ "unmapped": 1, "source": "people", "extent": "item", "pointer": "", "arrivedAt": "2026-11-24T16:00:00Z", "item": item })
}

#[tokio::test]
async fn an_item_of_a_source_without_an_org_belongs_to_the_org_of_its_changes() {
    let served = Served::new().await;
    served.put_of_all_orgs();
    served.park_body(&of_orgs("a", &["ranked"]), "1");
    served.park_body(&of_orgs("b", &["lists"]), "2");
    served.park_body(&of_orgs("c", &["lists", "ranked"]), "3");
    served.park_body(&of_orgs("d", &["nobody"]), "4");
    let (_, listed, text) = served
        .command(&["dlq", "list", "--json", "--org", "unmapped"])
        .await;
    assert_eq!(listed["parked"], json!([]), "{text}");
    let (status, report, text) = served.redrive(&["--org", "ranked"]).await;
    assert_eq!(
        (status, &report["sent"], &report["items"]),
        (1, &json!(1), &json!(1)),
        "{text}"
    );
    let left = report["left"].as_object().unwrap();
    assert_eq!(left.len(), 1, "items of other orgs stay: {text}");
    assert!(text.contains("changes of other orgs too"), "{text}");
    let sent = served.queue.messages();
    assert!(
        sent.len() == 1 && sent[0].group.starts_with("ranked/c/"),
        "{}",
        sent.len()
    );
    assert_eq!(served.dead_letters.messages().len(), 3);
}

#[tokio::test]
async fn an_ignored_item_that_is_parked_twice_is_deleted_twice() {
    let served = Served::new().await;
    served.put_of_all_orgs();
    let mut ignored = of_orgs("a", &[]);
    ignored["item"]["deal"] = json!(true);
    served.park_body(&ignored, "1");
    served.park_body(&ignored, "2");
    let (status, report, text) = served.redrive(&[]).await;
    assert_eq!(
        (status, &report["sent"], &report["ignored"]),
        (0, &json!(0), &json!(2)),
        "{text}"
    );
    assert!(served.dead_letters.messages().is_empty());
}

#[tokio::test]
async fn the_rate_of_a_redrive_counts_each_change_of_an_item() {
    let served = Served::new().await;
    served.put_program(
        "[.people[]] as $all | $all[] | { eventId: \"e-\\(.)\", contactKey: ., version: 7, data: {} }",
    );
    let people: Vec<_> = (0..20).map(|n| format!("p{n}")).collect();
    served.park_item(1, &json!({ "people": people }));
    let began = tokio::time::Instant::now();
    let arguments = [
        "dlq", "redrive", "--reason", "unmapped", "--rate", "5/s", "--json",
    ];
    let (status, report, text) = served.command(&arguments).await;
    assert_eq!((status, &report["sent"]), (0, &json!(20)), "{text}");
    assert!(
        began.elapsed() >= Duration::from_millis(3_800),
        "20 changes, 5 a second: {:?}",
        began.elapsed()
    );
}

/// If the message became visible meanwhile, another receiver could get it, and it could not be
/// deleted.
#[tokio::test]
async fn an_item_of_many_changes_stays_invisible_to_others_while_it_is_redriven() {
    let served = Served::new().await;
    served.put_program(
        "(\"a\", \"b\", \"c\", \"d\", \"e\", \"f\", \"g\", \"h\") | { eventId: \"e\", contactKey: ., version: 7, data: {} }",
    );
    served.park_item(1, &json!({}));
    served.park_item(2, &json!({}));
    let mut command = served.prepared(&["dlq", "redrive", "--rate", "1/s"]);
    let mut running = command.spawn().unwrap();
    // Both messages were received seven pauses of a second ago.
    while served.queue.messages().len() < 8 {
        assert!(running.try_wait().unwrap().is_none(), "it has ended");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let left: Vec<_> = served.dead_letters.in_flight().into_values().collect();
    running.kill().await.unwrap();
    // One message may be deleted by now.
    assert!(
        !left.is_empty() && left.iter().all(|left| *left > 114),
        "{left:?}"
    );
}

#[tokio::test]
async fn the_report_of_redriven_items_is_in_plain_words() {
    let served = Served::new().await;
    served.put_program("{ eventId: \"e\", contactKey: (\"x\", \"y\"), version: 7, data: {} }");
    served.park_item(1, &json!({ "id": "a" }));
    let (_, _, text) = served.command(&["dlq", "redrive", "--rate", "100/s"]).await;
    assert_eq!(text, "2 sent again, among them those of 1 unmapped item\n");
}

#[tokio::test]
async fn a_change_of_an_item_that_is_parked_again_is_not_redriven_in_circles() {
    let served = Served::new().await;
    served.put_of_all_orgs();
    served.park_body(&of_orgs("a", &["ranked"]), "1");
    let all = ["dlq", "redrive", "--rate", "100/s", "--json"];
    let (_, report, text) = served.command(&all).await;
    assert_eq!(report["sent"], 1, "{text}");
    // The same body is parked once more, and so is the change that it became, as apply parks it.
    served.park_body(&of_orgs("a", &["ranked"]), "2");
    let again = Message {
        deduplication_id: "again".to_owned(),
        attributes: vec![("reason", "keyPattern".to_owned())],
        ..served.queue.messages().remove(0)
    };
    served.dead_letters.send(again).unwrap();
    let (status, report, text) = served.command(&all).await;
    assert_eq!((status, &report["sent"]), (1, &json!(0)), "{text}");
    assert!(
        text.contains("it was sent again, and is parked again"),
        "{text}"
    );
    assert_eq!(served.dead_letters.messages().len(), 1);
}

#[tokio::test]
async fn an_item_that_cannot_be_deleted_is_reported() {
    let served = Served::new().await;
    served.put_of_all_orgs();
    served.park_body(&of_orgs("a", &["ranked", "lists"]), "1");
    let group = served.dead_letters.messages()[0].group.clone();
    served.sqs.refuse_deletes_of(&group, 2);
    let (status, report, text) = served.redrive(&[]).await;
    assert_eq!((status, &report["sent"]), (1, &json!(0)), "{text}");
    assert!(
        text.contains("was sent, and is still parked: drop it"),
        "{text}"
    );
    assert_eq!(
        (
            served.queue.messages().len(),
            served.dead_letters.messages().len()
        ),
        (2, 1)
    );
}
