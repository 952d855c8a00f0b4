//! The sources page of the console: what a webhook would become.

use serde_json::json;

use super::Console;
use crate::support::served::Served;

#[tokio::test]
async fn every_preset_comes_with_a_secret_and_a_payload_that_become_changes() {
    let served = Served::new().await;
    let console = Console::of(&served, &[]).await;
    let page = console.get("/sources").await;
    let choices = page.split("<option value=\"").skip(1);
    let names: Vec<_> = choices
        .filter_map(|rest| rest.split('"').next())
        .filter(|name| !name.is_empty())
        .collect();
    assert_eq!(names.len(), mapping_presets());
    for name in names {
        let page = console.get(&format!("/sources?preset={name}")).await;
        assert!(page.contains("1 change, 0 faults"), "{name}: {page}");
    }
}

fn mapping_presets() -> usize {
    mapping::PRESETS.len()
}

#[tokio::test]
async fn editing_a_mapping_shows_its_changes_faults_and_ignored_items() {
    let served = Served::new().await;
    let console = Console::of(&served, &[]).await;
    let secret = json!({ "auth": "bearer", "bearerTokens": ["token-of-24-bytes-or-more"], "org": "ranked", "campaignId": "c" });
    let body = r#"{"changes": [{"eventId": "e1", "contactKey": "LEAD-CANARY", "data": {"phone": "+13175550100"}}, {"eventId": "e2", "data": {}}]}"#;
    let fields = [
        ("secret", secret.to_string()),
        ("body", body.to_owned()),
        ("headers", String::new()),
        ("part", "1".to_owned()),
    ];
    let fields = fields
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let (status, part) = console.post("/sources", &fields).await;
    assert_eq!(status, 200);
    assert!(!part.contains("<html"), "{part}");
    for wanted in [
        "1 change, 1 fault",
        "LEAD-CANARY",
        "/changes/1/contactKey",
        "+13175550100",
        "column phone",
    ] {
        assert!(part.contains(wanted), "{wanted} of {part}");
    }
    let (_, whole) = console.post("/sources", &fields[..3]).await;
    assert!(
        whole.contains("<html") && whole.contains("1 change, 1 fault"),
        "{whole}"
    );

    for (name, wrong, told) in [
        ("secret", "{", "The secret: "),
        ("headers", "none", "Headers: expected"),
    ] {
        let mut fields = fields;
        fields
            .iter_mut()
            .filter(|(of, _)| *of == name)
            .for_each(|one| one.1 = wrong);
        let (_, part) = console.post("/sources", &fields).await;
        assert!(part.contains(told), "{told} of {part}");
    }
    assert_eq!(console.printed().await, "", "no value of it is shown");
}

#[tokio::test]
async fn markup_in_a_payload_stays_text() {
    let served = Served::new().await;
    let console = Console::of(&served, &[]).await;
    let secret = json!({ "auth": "bearer", "bearerTokens": ["token-of-24-bytes-or-more"], "org": "ranked", "campaignId": "c" }).to_string();
    let body =
        r#"{"eventId": "e1", "contactKey": "<script src=x>", "data": {"a": "</textarea><b>"}}"#;
    let fields = [("secret", secret.as_str()), ("body", body), ("headers", "")];
    let (_, page) = console.post("/sources", &fields).await;
    assert!(
        page.contains("1 change") && !page.contains("<script src=x>") && !page.contains("<b>"),
        "{page}"
    );
}
