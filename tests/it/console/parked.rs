//! Parked messages in the console: they are listed, shown, redriven and deleted.

use http::Method;
use serde_json::json;

use super::Console;
use crate::support::served::Served;

const KEY: &str = "LEAD-CANARY";
const PHONE: &str = "+13175550100";

fn park(served: &Served, event_id: &str, reason: &'static str, version: Option<u64>) {
    let key = format!("{KEY}-{event_id}");
    let mut body = json!({
        "schema": 1, "eventId": event_id, "org": "ranked", "campaignId": "c", "contactKey": key, "data": { "phone": PHONE },
        "callable": false,
    });
    if let Some(version) = version {
        body["version"] = version.into();
    }
    served.park_text(
        &body.to_string(),
        &crate::dlq::group("ranked", &key),
        event_id,
        reason,
    );
}

/// The id in the row that contains this event id.
fn id(page: &str, event_id: &str) -> String {
    let row = page
        .split("<tr>")
        .find(|row| row.contains(&format!(">{event_id}<")))
        .unwrap();
    let id = row.split("name=\"id\" value=\"").nth(1).unwrap();
    id.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn values_are_shown_on_demand_only_and_each_look_is_logged() {
    let served = Served::new().await;
    park(&served, "evt_1", "rejected", Some(1));
    let console = Console::of(&served, &[]).await;
    let page = console.until("/parked", "evt_1").await;
    assert!(
        page.contains("rejected") && page.contains("opt-out"),
        "{page}"
    );
    let id = id(&page, "evt_1");
    let item = console.get(&format!("/parked/item/{id}")).await;
    assert!(item.contains("evt_1") && item.contains("Reveal"), "{item}");
    for page in [&page, &item] {
        assert!(!page.contains(KEY) && !page.contains(PHONE), "{page}");
    }
    assert!(!console.printed().await.contains("reveals"));

    let (status, revealed) = console.post("/parked/reveal", &[("id", &id)]).await;
    assert_eq!(status, 200);
    assert!(
        revealed.contains(KEY) && revealed.contains(PHONE),
        "{revealed}"
    );
    let printed = console.printed().await;
    assert!(
        printed.contains(&format!("reveals parked {id}")),
        "{printed}"
    );
    assert!(
        !printed.contains(KEY) && !printed.contains(PHONE),
        "{printed}"
    );
}

#[tokio::test]
async fn a_chosen_message_is_tried_first_and_then_redriven_by_the_code_of_the_command() {
    let served = Served::new().await;
    park(&served, "evt_1", "retryHorizon", Some(1));
    park(&served, "evt_2", "retryHorizon", None);
    park(&served, "evt_3", "rejected", Some(3));
    let console = Console::of(&served, &[]).await;
    console.until("/parked", "evt_3").await;
    let reason = [("of", "all"), ("rate", "100"), ("reason", "retryHorizon")];
    console.post("/parked/try", &reason).await;
    let tried = console
        .until("/parked", "A dry run of what is parked as retryHorizon")
        .await;
    assert!(tried.contains("1 would be sent again"), "{tried}");
    assert!(tried.contains("1 left: it has no rank"), "{tried}");
    assert_eq!((served.queue.len(), served.dead_letters.len()), (0, 3));

    console.post("/parked/redrive", &reason).await;
    let sent = console.until("/parked", "1 sent again").await;
    assert!(
        !sent.contains(">evt_1<") && sent.contains(">evt_2<"),
        "{sent}"
    );
    assert_eq!((served.queue.len(), served.dead_letters.len()), (1, 2));
    assert!(
        console
            .printed()
            .await
            .contains("sends again what is parked as retryHorizon")
    );

    let ids = [("of", "chosen"), ("rate", "100"), ("unranked", "1")];
    let second = id(&sent, "evt_2");
    let mut chosen = ids.to_vec();
    chosen.push(("id", &second));
    let (status, nothing) = console.post("/parked/redrive", &ids).await;
    assert!(
        status == 400 && nothing.contains("Nothing was chosen"),
        "{nothing}"
    );
    console.post("/parked/redrive", &chosen).await;
    console
        .until("/parked", "Sent again: 1 chosen change")
        .await;
    assert_eq!((served.queue.len(), served.dead_letters.len()), (2, 1));
}

#[tokio::test]
async fn a_message_is_deleted_only_by_typing_the_beginning_of_its_id() {
    let served = Served::new().await;
    park(&served, "evt_1", "rejected", Some(1));
    let console = Console::of(&served, &[]).await;
    let id = id(&console.until("/parked", "evt_1").await, "evt_1");
    for typed in ["", "drop", &id[..7]] {
        let (status, page) = console
            .post("/parked/drop", &[("id", &id), ("typed", typed)])
            .await;
        assert!(
            status == 400 && page.contains("nothing was deleted"),
            "{page}"
        );
    }
    assert_eq!(served.dead_letters.len(), 1);
    let typed = id.chars().take(8).collect::<String>();
    console
        .post("/parked/drop", &[("id", &id), ("typed", &typed)])
        .await;
    console.until("/parked", "is deleted.").await;
    assert_eq!(served.dead_letters.len(), 0);
}

#[tokio::test]
async fn a_read_only_console_alters_nothing() {
    let served = Served::new().await;
    park(&served, "evt_1", "rejected", Some(1));
    let console = Console::of(&served, &["--read-only"]).await;
    let id = id(&console.until("/parked", "evt_1").await, "evt_1");
    let item = console.get(&format!("/parked/item/{id}")).await;
    assert!(
        !item.contains("Delete") && item.contains("read only"),
        "{item}"
    );
    let typed = id.chars().take(8).collect::<String>();
    let all = [
        ("id", id.as_str()),
        ("typed", &typed),
        ("of", "all"),
        ("rate", "100"),
    ];
    for path in ["/parked/drop", "/parked/redrive"] {
        let (status, page) = console.post(path, &all).await;
        assert!(
            status == 403 && page.contains("--read-only"),
            "{path}: {page}"
        );
    }
    console.post("/parked/try", &all).await;
    console.until("/parked", "1 would be sent again").await;
    assert_eq!((served.queue.len(), served.dead_letters.len()), (0, 1));
}

#[tokio::test]
async fn many_parked_messages_are_shown_a_page_at_a_time() {
    let served = Served::new().await;
    for count in 0..250 {
        park(&served, &format!("evt_{count}"), "rejected", Some(1));
    }
    let console = Console::of(&served, &[]).await;
    let first = console.until("/parked", "250 parked changes").await;
    assert_eq!(first.matches("name=\"id\" value=").count(), 100);
    let last = console.get("/parked?reason=rejected&page=3").await;
    assert_eq!(last.matches("name=\"id\" value=").count(), 50);
    assert!(
        console
            .get("/parked?reason=expired")
            .await
            .contains("Nothing is parked of what is chosen")
    );
    let answer = console
        .ask(
            Method::GET,
            "/parked?page=99999999999999999999999",
            &[("cookie", &console.cookie)],
            "",
        )
        .await;
    assert_eq!(answer.status(), 200);
}
