//! Tests of the preset `salesforceCdc`: the changes that events of Salesforce's Change Data Capture
//! become. The records of Salesforce's API are in `records`, and docs/crm/salesforce.md explains
//! the preset.

use super::*;

const SALESFORCE: &str = include_str!("payloads/salesforceCdc.json");

fn salesforce() -> Value {
    json!({"preset": "salesforceCdc", "columns": {"FirstName": "firstName", "LastName": "lastName", "Phone": "phone", "Title": "title"},
        "optOut": {"field": "DoNotCall"}, "campaignField": "Segment__c"})
}

const HEADER: &str = "/detail/payload/ChangeEventHeader";

fn change_type(change_type: &str) -> String {
    with(
        SALESFORCE,
        &format!("{HEADER}/changeType"),
        json!(change_type),
    )
}

#[test]
fn a_salesforce_update_changes_the_fields_that_it_names() {
    let changes = changes(&salesforce(), SALESFORCE);
    let expected = ["003RM000006aXyZYAU", "003RM000006aXyaYAE"].map(|key| {
        json!({"eventId": hashed("salesforce", &format!("0005e192-9e62-2554-3880-3c3718bd6308-1-{key}")), "contactKey": key, "version": 1_764_000_000_000_u64,
            "data": {"phone": "+13175550100", "title": null}, "callable": false, "ifAbsent": "skip"})
    });
    assert_eq!(changes, expected);
}

#[test]
fn salesforce_events_of_every_type_are_mapped_ignored_or_faults() {
    for whole in ["CREATE", "UNDELETE"] {
        let change = changes(&salesforce(), &change_type(whole)).remove(0);
        let data =
            json!({"firstName": null, "lastName": null, "phone": "+13175550100", "title": null});
        assert_eq!(
            (&change["data"], &change["callable"]),
            (&data, &json!(false)),
            "{whole}"
        );
        assert_eq!(
            (change.get("ifAbsent"), change.get("operation")),
            (None, None),
            "{whole}"
        );
        assert_eq!(change["campaigns"], json!([]), "{whole}");
        let missing = with(
            &change_type(whole),
            "/detail/payload/DoNotCall",
            Value::Null,
        );
        assert!(fault(&salesforce(), &missing).ends_with("the opt-out field is missing"));
        let null = change_type(whole).replace("\"DoNotCall\":true", "\"DoNotCall\":null");
        assert!(fault(&salesforce(), &null).ends_with("in neither of its lists"));
    }
    for gone in ["DELETE", "GAP_DELETE"] {
        let body = with(
            &change_type(gone),
            &format!("{HEADER}/commitTimestamp"),
            json!(1_764_000_001_000_u64),
        );
        let change = changes(&salesforce(), &body).remove(0);
        assert_eq!(
            (&change["operation"], &change["version"]),
            (&json!("remove"), &json!(1_764_000_001_000_u64))
        );
    }
    for gap in [
        "GAP_CREATE",
        "GAP_UPDATE",
        "GAP_UNDELETE",
        "GAP_OVERFLOW",
        "GAP_",
    ] {
        assert!(
            fault(&salesforce(), &change_type(gap))
                .ends_with("a gap event: only the feed shows what changed")
        );
    }
    for unknown in ["", "delete", "SNAPSHOT"] {
        assert!(
            fault(&salesforce(), &change_type(unknown))
                .ends_with("an event of an unknown changeType")
        );
    }
}

#[test]
fn salesforce_events_are_read_with_and_without_their_envelopes() {
    let at = |name: &str, value: Value| with(SALESFORCE, &format!("{HEADER}/{name}"), value);
    let inner = serde_json::from_str::<Value>(SALESFORCE).unwrap()["detail"]["payload"].to_string();
    assert_eq!(
        changes(&salesforce(), &inner),
        changes(&salesforce(), SALESFORCE)
    );
    for bitmap in ["changedFields", "nulledFields", "diffFields"] {
        let fault = fault(&salesforce(), &at(bitmap, json!(["0x650004E0"])));
        assert!(fault.ends_with("an undecoded bitmap"), "{fault}");
    }
    let wild = at("recordIds", json!(["001*", "003RM000006aXyZYAU"]));
    assert_eq!(changes(&salesforce(), &wild).len(), 1);
    assert_eq!(
        changes(&salesforce(), &at("entityName", json!("Account"))),
        Vec::<Value>::new()
    );
    let mut leads = salesforce();
    leads["object"] = json!("Lead");
    assert_eq!(changes(&leads, SALESFORCE), Vec::<Value>::new());
    assert_eq!(changes(&leads, &at("entityName", json!("Lead"))).len(), 2);
    // `HomePhone` contains `Phone`, but a change of `HomePhone` is no change of `Phone`.
    let other = at(
        "changedFields",
        json!(["HomePhone", "DoNotCallBefore", "LastModifiedDate"]),
    );
    let other = with(&other, &format!("{HEADER}/nulledFields"), json!([]));
    assert_eq!(changes(&salesforce(), &other), Vec::<Value>::new());
}

#[test]
fn a_changed_salesforce_field_without_a_value_is_a_fault_unless_the_event_is_an_opt_out() {
    let at = |name: &str, value: Value| with(SALESFORCE, &format!("{HEADER}/{name}"), value);
    for (told, untold) in [
        (SALESFORCE.to_owned(), at("diffFields", json!(["Phone"]))),
        (
            SALESFORCE.to_owned(),
            with(SALESFORCE, "/detail/payload/Phone", Value::Null),
        ),
    ] {
        // An opt-out takes effect although another field has no value. Any other change waits.
        let out = changes(&salesforce(), &untold).remove(0);
        assert_eq!(
            (&out["callable"], &out["data"]),
            (&json!(false), &json!({"title": null}))
        );
        assert_ne!(changes(&salesforce(), &told)[0]["data"], out["data"]);
        let may = with(&untold, "/detail/payload/DoNotCall", json!(false));
        assert!(fault(&salesforce(), &may).ends_with("a field that changed has no value"));
    }
    let diff = at("diffFields", json!(["DoNotCall"]));
    assert!(fault(&salesforce(), &diff).ends_with("the opt-out field is missing"));
}

#[test]
fn a_compound_salesforce_field_is_mapped_by_its_parts() {
    let at = |name: &str, value: Value| with(SALESFORCE, &format!("{HEADER}/{name}"), value);
    let mut parts = salesforce();
    parts["columns"]["MailingAddress.City"] = json!("city");
    let named = at(
        "changedFields",
        json!(["Name.FirstName", "MailingAddress", "LastModifiedDate"]),
    );
    let named = with(&named, "/detail/payload/Name", json!({"FirstName": "Ada"}));
    let named = with(
        &named,
        "/detail/payload/MailingAddress",
        json!({"City": "London"}),
    );
    assert_eq!(
        changes(&parts, &named)[0]["data"],
        json!({"firstName": "Ada", "title": null, "city": "London"})
    );
    let unstamped = with(
        SALESFORCE,
        "/detail/payload/LastModifiedDate",
        json!(1_764_000_000_999_u64),
    );
    assert_eq!(
        changes(&salesforce(), &unstamped)[0]["version"],
        json!(1_764_000_000_999_u64)
    );
    for nothing in [
        "{}",
        r#"{"detail": "text"}"#,
        r#"{"detail": {"payload": 1}}"#,
        r#"{"detail": []}"#,
    ] {
        assert!(
            fault(&salesforce(), nothing).ends_with("an event without ChangeEventHeader"),
            "{nothing}"
        );
    }
    assert!(
        fault(&salesforce(), &at("recordIds", json!(5))).ends_with("an event without recordIds")
    );
}
