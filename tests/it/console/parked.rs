//! Parked messages in the console: they are listed, shown, redriven and deleted. The same work by
//! the command `dlq` is in `dlq`.

use std::time::Duration;

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
async fn chosen_messages_are_redriven_only_after_a_dry_run_of_them() {
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
    let expected = "1 left: it has no rank: the box \"also without a rank\" sends it";
    assert!(tried.replace("&quot;", "\"").contains(expected), "{tried}");
    assert!(!tried.contains("--unranked"), "{tried}");
    assert_eq!((served.queue.len(), served.dead_letters.len()), (0, 3));

    // A change that is parked after the dry run is not sent.
    park(&served, "evt_4", "retryHorizon", Some(4));
    let number = tried_number(&tried);
    console.post("/parked/redrive", &[("tried", &number)]).await;
    let sent = console.until("/parked", "1 sent again").await;
    assert!(
        !sent.contains(">evt_1<") && sent.contains(">evt_2<"),
        "{sent}"
    );
    assert_eq!((served.queue.len(), served.dead_letters.len()), (1, 3));
    assert!(
        console
            .printed()
            .await
            .contains("sends again 1 chosen change")
    );

    let ids = [("of", "chosen"), ("rate", "100"), ("unranked", "1")];
    let second = id(&sent, "evt_2");
    let mut chosen = ids.to_vec();
    chosen.push(("id", &second));
    let (status, nothing) = console.post("/parked/try", &ids).await;
    assert!(
        status == 400 && nothing.contains("Nothing was chosen"),
        "{nothing}"
    );
    console.post("/parked/try", &chosen).await;
    let tried = console.until("/parked", "1 would be sent again").await;
    let number = tried_number(&tried);
    console.post("/parked/redrive", &[("tried", &number)]).await;
    console
        .until(
            "/parked",
            "Sent again: 1 chosen change, those without a rank too",
        )
        .await;
    assert_eq!((served.queue.len(), served.dead_letters.len()), (2, 2));
}

/// The number with which a page sends what its dry run named.
fn tried_number(page: &str) -> String {
    let number = page.split("name=\"tried\" value=\"").nth(1).unwrap();
    number.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_redrive_needs_the_newest_dry_run_and_uses_it_once() {
    let served = Served::new().await;
    park(&served, "evt_1", "retryHorizon", Some(1));
    let console = Console::of(&served, &[]).await;
    console.until("/parked", "evt_1").await;
    let all = [("of", "all"), ("rate", "100")];
    for fields in [&all[..], &[("tried", "1")], &[("tried", "x")]] {
        let (status, page) = console.post("/parked/redrive", fields).await;
        assert!(status == 400 && page.contains("Nothing was sent"), "{page}");
    }
    console.post("/parked/try", &all).await;
    let first = tried_number(&console.until("/parked", "1 would be sent again").await);
    park(&served, "evt_2", "retryHorizon", Some(2));
    console.post("/parked/try", &all).await;
    let second = tried_number(&console.until("/parked", "2 would be sent again").await);
    let (status, _) = console.post("/parked/redrive", &[("tried", &first)]).await;
    assert_eq!((status, served.queue.len()), (400, 0), "an older dry run");
    console.post("/parked/redrive", &[("tried", &second)]).await;
    console.until("/parked", "2 sent again").await;
    park(&served, "evt_3", "retryHorizon", Some(3));
    let (status, _) = console.post("/parked/redrive", &[("tried", &second)]).await;
    assert_eq!((status, served.queue.len()), (400, 2), "sent twice");
}

/// An unknown reason, org or source chooses nothing. It does not choose everything.
#[tokio::test]
async fn an_invalid_filter_chooses_nothing() {
    let served = Served::new().await;
    park(&served, "evt_1", "oddReason", Some(1));
    let console = Console::of(&served, &[]).await;
    let page = console.until("/parked", "evt_1").await;
    assert!(!page.contains("option value=\"oddReason\""), "{page}");
    for (name, value) in [("reason", "oddReason"), ("org", "Bad Org"), ("source", "?")] {
        let fields = [("of", "all"), ("rate", "100"), (name, value)];
        let (status, page) = console.post("/parked/try", &fields).await;
        assert!(
            status == 400 && page.contains("nothing was chosen"),
            "{name}: {page}"
        );
    }
    let (status, _) = console.post("/parked/try", &[("rate", "100")]).await;
    assert_eq!(status, 400, "the form names no changes");
    let own = [("cookie", console.cookie.as_str())];
    let answer = console
        .ask(Method::GET, "/parked?reason=oddReason", &own, "")
        .await;
    assert_eq!(answer.status(), 400);
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
    for path in ["/parked/drop", "/parked/redrive", "/local"] {
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
            .contains("No parked change matches the filter")
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

#[tokio::test]
async fn a_result_is_shown_even_if_the_look_after_it_fails() {
    let served = Served::new().await;
    park(&served, "evt_1", "retryHorizon", Some(1));
    park(&served, "evt_2", "rejected", Some(2));
    let console = Console::of(&served, &[]).await;
    let page = console.until("/parked", "evt_2").await;
    let reason = [("of", "all"), ("rate", "100"), ("reason", "retryHorizon")];
    console.post("/parked/try", &reason).await;
    let tried = console.until("/parked", "Send again for good").await;
    served.deny("AmazonSQS.GetQueueAttributes");
    let number = tried_number(&tried);
    console.post("/parked/redrive", &[("tried", &number)]).await;
    let sent = console.until("/parked", "1 sent again").await;
    assert!(
        sent.contains(
            "What is parked could not be looked at afterwards: the dead-letter queue: SQS: AccessDenied"
        ) && !sent.contains(">evt_1<")
            && sent.contains(">evt_2<"),
        "{sent}"
    );
    let id = id(&page, "evt_2");
    let typed = id.chars().take(8).collect::<String>();
    console
        .post("/parked/drop", &[("id", &id), ("typed", &typed)])
        .await;
    let dropped = console.until("/parked", &format!("{id} is deleted.")).await;
    assert!(
        dropped.contains("could not be looked at afterwards") && !dropped.contains(">evt_2<"),
        "{dropped}"
    );
    served.allow("AmazonSQS.GetQueueAttributes");
    console.post("/parked/look", &[]).await;
    let looked = console.until("/parked", "Nothing is parked").await;
    assert!(
        looked.contains("is deleted.") && !looked.contains("could not be looked at"),
        "{looked}"
    );
}

#[tokio::test]
async fn a_dry_run_stays_while_somebody_looks() {
    let served = Served::new().await;
    park(&served, "evt_1", "retryHorizon", Some(1));
    let console = Console::of(&served, &[]).await;
    console.until("/parked", "evt_1").await;
    let all = [("of", "all"), ("rate", "100")];
    console.post("/parked/try", &all).await;
    console.until("/parked", "Send again for good").await;
    served.sqs.set_latency(Duration::from_millis(900));
    let whom = [
        ("org", "lists"),
        ("campaign", "campaign-of-lists"),
        ("key", KEY),
        ("hours", "3"),
    ];
    console.post("/contact", &whom).await;
    let page = console.get("/parked").await;
    for wanted in [
        "A dry run of",
        "Send again for good",
        "What is parked is being looked at: ",
    ] {
        assert!(page.contains(wanted), "{wanted} of {page}");
    }
    served.sqs.set_latency(Duration::ZERO);
    console.until("/parked", "Look again").await;
    console.post("/parked/look", &[]).await;
    let page = console.until("/parked", "Look again").await;
    assert!(page.contains("Send again for good"), "{page}");
}

#[tokio::test]
async fn a_message_that_is_no_change_but_mentions_calls_may_be_an_opt_out() {
    let served = Served::new().await;
    let group = crate::dlq::group("ranked", KEY);
    for (event_id, said) in [
        ("evt_1", r#""callable":"false""#),
        ("evt_2", r#""data":{"phone":[1]}"#),
    ] {
        let body = format!(
            r#"{{"schema":1,"eventId":"{event_id}","org":"ranked","campaignId":"c","contactKey":"{KEY}",{said}}}"#
        );
        served.park_text(&body, &group, event_id, "invalidChange");
    }
    let console = Console::of(&served, &[]).await;
    let page = console.until("/parked", "evt_2").await;
    let row = |event_id: &str| {
        let mut rows = page.split("<tr>");
        rows.find(|row| row.contains(&format!(">{event_id}<")))
            .unwrap()
    };
    assert!(row("evt_1").contains("may be an opt-out"), "{page}");
    assert!(row("evt_2").contains(">change<"), "{page}");
}
