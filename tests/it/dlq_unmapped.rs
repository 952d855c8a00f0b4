//! What ingest parked, sent through the mapping of its source as it is now.

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

    async fn redrive(&self, more: &[&str]) -> (i32, Value, String) {
        let arguments = [
            "dlq", "redrive", "--reason", "unmapped", "--rate", "100/s", "--json",
        ];
        self.command(&[&arguments, more].concat()).await
    }
}

#[tokio::test]
async fn to_mend_the_mapping_mends_the_past() {
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
        (&report["sent"], &report["ignored"]),
        (&json!(1), &json!(1)),
        "{text}"
    );
    assert!(served.queue.messages().is_empty());
    let (status, report, text) = served.redrive(&[]).await;
    assert_eq!(status, 1, "one stays");
    assert_eq!(
        (&report["sent"], &report["ignored"]),
        (&json!(1), &json!(1)),
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
async fn what_is_parked_shows_no_value_unless_it_is_asked_for() {
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
        let (_, _, text) = served.command(&arguments).await;
        assert_eq!(text.contains(CANARY), is_shown, "{text}");
        assert!(text.contains("\"source\": \"people\""), "{text}");
    }
}
