//! `campaign-sync dnc remove`, run as a real command. Adding entries, which apply and reconcile do,
//! is in [`super`].

use std::process::Stdio;

use serde_json::json;
use tokio::io::AsyncWriteExt;

use super::*;
use crate::support::served::Served;

const OF_LISTS: &str = "client-of-lists";

/// The org `lists` with this DNC list, which holds these entries.
async fn served(list: &DncList, entries: &[&str]) -> Served {
    let served = Served::new().await;
    let (by, column, kind) = match &list.by {
        DncBy::ContactKey => ("contactKey", None, DncKind::Column("leadId".to_owned())),
        DncBy::Phone { column } => ("phone", Some(column), DncKind::Phone),
    };
    let id = list.id.as_str();
    let named = json!({ "id": id, "by": by, "column": column });
    served.put_org("lists", &json!({ "api": "contactLists", "dncList": named }));
    served.genesys.put_dnc_list(OF_LISTS, id, kind);
    for entry in entries {
        served.genesys.put_dnc_entry(id, entry);
    }
    served
}

fn arguments<'a>(key: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let fixed = ["dnc", "remove", key, "--org", "lists"];
    [&fixed[..], &["--reason", "asked to be called"], more].concat()
}

#[tokio::test]
async fn dnc_remove_takes_one_key_from_the_list_and_prints_its_hash_and_the_reason() {
    let served = served(&values(), &["LEAD-1", "LEAD-2"]).await;
    let entries = || served.genesys.dnc_entries("values");
    let hash = ContactKey::parse("LEAD-1").unwrap().hash();
    let dry = arguments("LEAD-1", &["--dry-run", "--json"]);
    let (status, report, text) = served.command(&dry).await;
    assert_eq!(status, 0, "{text}");
    let expected = json!({
        "org": "lists", "dncList": "values", "by": "contactKey", "entryHash": hash, "reason": "asked to be called",
        "removed": false, "dryRun": true,
    });
    assert_eq!((report, entries().len()), (expected, 2));
    for _ in 0..2 {
        let (status, _, text) = served.command(&arguments("LEAD-1", &[])).await;
        assert_eq!((status, entries()), (0, vec!["LEAD-2".to_owned()]));
        assert!(
            text.contains(&hash) && text.contains("asked to be called"),
            "{text}"
        );
        assert!(!text.contains("LEAD-1"), "{text}");
    }
}

#[tokio::test]
async fn dnc_remove_takes_a_phone_number_also_from_standard_input_and_does_not_show_it() {
    let served = served(&numbers(), &["+1 317 555 0100", "+2"]).await;
    let mut command = served.prepared(&arguments("-", &[]));
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b" +1 317 555 0100 \n").await.unwrap();
    drop(stdin);
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("a phone number") && !text.contains("555"),
        "{text}"
    );
    assert_eq!(served.genesys.dnc_entries("numbers"), ["+2"]);
    let (_, report, _) = served.command(&arguments("+2", &["--json"])).await;
    assert_eq!(
        (&report["entryHash"], &report["removed"]),
        (&json!(null), &json!(true))
    );
    assert_eq!(served.genesys.dnc_entries("numbers"), [""; 0]);
}

#[tokio::test]
async fn the_errors_of_dnc_remove_show_neither_key_nor_number() {
    let by_phone = served(&numbers(), &["+1"]).await;
    for (key, expected) in [
        ("hush", "phone number: expected a digit"),
        (
            "+1\n+2",
            "KEY: expected one contact key or phone number, on one line",
        ),
        (
            "",
            "KEY: expected one contact key or phone number, on one line",
        ),
    ] {
        let (status, _, text) = by_phone.command(&arguments(key, &[])).await;
        assert!(status == 2 && text.contains(expected), "{key}: {text}");
        assert!(!text.contains("hush"), "{text}");
    }
    by_phone.genesys.forbid_dnc_list("numbers", true);
    for more in [&[][..], &["--dry-run"]] {
        let (status, _, text) = by_phone.command(&arguments("+1", more)).await;
        assert!(status == 2 && text.contains("outbound:dnc:edit"), "{text}");
        assert!(!text.contains("+1"), "{text}");
    }
    assert_eq!(by_phone.genesys.dnc_entries("numbers"), ["+1"]);
    by_phone.put_org("lists", &json!({ "api": "contactLists" }));
    let (status, _, text) = by_phone.command(&arguments("+1", &[])).await;
    assert!(
        status == 2 && text.contains("names no dncList (docs/deploy.md"),
        "{text}"
    );
    let by_key = served(&values(), &[]).await;
    let (status, _, text) = by_key.command(&arguments(" hush", &[])).await;
    assert!(
        status == 2 && text.contains("contact key: expected"),
        "{text}"
    );
    let without = ["dnc", "remove", "LEAD-1", "--org", "lists"];
    let (status, _, text) = by_key.command(&without).await;
    assert!(status == 2 && text.contains("--reason"), "{text}");
}
