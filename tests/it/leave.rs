//! A contact that left a campaign is not called there. It has not opted out, and it may come back
//! (docs/contract.md "Who left a campaign").

use std::time::Duration;

use emulator::genesys::{DncKind, Options};
use serde_json::json;

use crate::support::{CAMPAIGN, Change, VERSION_FIELD, World, by_both, change};

const LIST: &str = "dnc-1";

fn leave(key: &str, version: u64) -> Change {
    change(key, version)
        .with("operation", "leave")
        .without("data")
}

#[tokio::test(start_paused = true)]
async fn a_contact_that_left_is_not_called_until_a_newer_change_says_so() {
    by_both(async |world| {
        world.put("a", 1, "1");
        let done = world.apply([leave("a", 5)]).await;
        assert_eq!(done.records, ["updated"]);
        assert_eq!(world.column("a", VERSION_FIELD), "5:5~");
        assert_eq!(
            (world.column("a", "phone").as_str(), world.contact("a").1),
            ("1", false)
        );
        let silent = change("a", 6).phone("6");
        assert_eq!(world.apply([silent]).await.records, ["updated"]);
        assert!(!world.contact("a").1, "nobody says that they are back");
        let back = change("a", 7).phone("7").callable(true);
        assert_eq!(world.apply([back]).await.records, ["updated"]);
        assert!(world.contact("a").1);
        assert_eq!(world.apply([leave("a", 4)]).await.records, ["stale"]);
        assert!(world.contact("a").1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_absent_contact_that_leaves_creates_nothing() {
    by_both(async |world| {
        world.send([leave("a", 5)]);
        let mut records = world.invoke().await.records;
        if !world.queue.is_empty() {
            world.pass(Duration::from_mins(1)).await;
            records = world.invoke().await.records;
        }
        assert_eq!(records, ["skipped"]);
        assert!(world.genesys.contacts(CAMPAIGN).is_empty());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn leaving_a_campaign_enters_nobody_on_the_dnc_list_and_closes_no_channel() {
    let world = World::of_lists(Options::default());
    let list = json!({ "id": LIST, "by": "phone", "column": "phone" });
    world.put_secret(
        "acme",
        &json!({ "api": "contactLists", "dncList": list, "optOut": "all" }),
    );
    world
        .genesys
        .put_dnc_list("client-of-acme", LIST, DncKind::Phone);
    world.put("a", 1, "+13175550100");
    world.put("b", 1, "+13175550101");
    let done = world.apply([leave("a", 5), leave("b", 5)]).await;
    assert_eq!(done.records, ["updated"; 2]);
    // A later change of a contact that left is not an opt-out either.
    let moved = change("a", 6)
        .phone("+13175550199")
        .with("ifAbsent", "skip");
    assert_eq!(world.apply([moved]).await.records, ["updated"]);
    assert!(world.genesys.dnc_entries(LIST).is_empty());

    // If a contact that left then opts out, that counts as an opt-out.
    let out = change("b", 7).callable(false);
    assert_eq!(world.apply([out]).await.records, ["updated"]);
    assert_eq!(world.column("b", VERSION_FIELD), "7:7=");
    assert_eq!(world.genesys.dnc_entries(LIST), ["+13175550101"]);
    assert_eq!(world.apply([leave("b", 8)]).await.records, ["updated"]);
    assert_eq!(world.column("b", VERSION_FIELD), "8:8=");
}
