//! Parked bodies as input, and headers that nothing reads.

use serde_json::{Value, json};

use super::{AT, bearer, tested};

#[test]
fn a_header_that_nothing_reads_does_not_authenticate() {
    let mapped = |headers: &Value| {
        let mut secret = bearer();
        secret["mapping"] = json!({ "jq": "{ eventId: .id, contactKey: .id, version: 1, data: {} }", "headers": headers });
        secret
    };
    let body = json!({ "id": "a" }).to_string();
    let with = [
        "--header",
        "X-Signature: abc",
        "--header",
        "content-type: application/json",
    ];
    let ran = tested("unread", &mapped(&json!([])), &body, &with);
    assert_eq!(ran.status, 1, "{}", ran.out);
    assert!(
        ran.out
            .contains("neither auth nor mapping reads x-signature"),
        "{}",
        ran.out
    );
    let ran = tested("read", &mapped(&json!(["x-signature"])), &body, &with);
    assert_eq!(ran.status, 0, "{}", ran.out);
    assert!(ran.out.contains("not checked"), "{}", ran.out);
}

#[test]
fn a_parked_item_is_read_as_redrive_would_read_it() {
    let mut secret = bearer();
    secret["mapping"] = json!({
        "items": "/people", "headers": ["x-region"],
        "jq": "{ eventId: \"\\($cloudevent.id)\", contactKey: .id, version: 1, data: { region: $headers[\"x-region\"] } }",
    });
    let parked = |source: &str| {
        json!({
            "unmapped": 1, "source": source, "extent": "item", "pointer": "/people/3", "arrivedAt": AT,
            "headers": { "x-region": "eu" }, "item": { "id": "a" },
            "event": { "id": "e7", "source": "crm", "specversion": "1.0", "type": "t" },
        })
        .to_string()
    };
    let ran = tested("parked", &secret, &parked("people"), &["--json"]);
    let found = ran.json();
    assert_eq!((ran.status, &found["letIn"]), (0, &Value::Null), "{found}");
    let made = &found["changes"][0];
    assert_eq!(made["pointer"], "/people/3");
    assert_eq!(
        (&made["change"]["eventId"], &made["change"]["data"]),
        (&json!("e7"), &json!({ "region": "eu" }))
    );
    let ran = tested(
        "parked-other",
        &secret,
        &parked("people"),
        &["--source", "others"],
    );
    assert_eq!(ran.status, 2);
    assert!(
        ran.err.contains("the parked item is of source people"),
        "{}",
        ran.err
    );
}
