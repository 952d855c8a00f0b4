//! `campaign-sync dlq redrive`: what is sent again, in which order, and what is left.
//!
//! Items that became no change are redriven in `dlq_unmapped`.

use super::*;

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
