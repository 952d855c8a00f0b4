//! The presets for senders whose body is designed by the person who sets them up. Such a body holds
//! the full state. Presets of vendors with a form of their own are in `hubspot`, `salesforce`,
//! `dataverse` and `pipedrive`.

use super::*;

fn full(preset: &str, more: Value) -> Value {
    let mut config = json!({"preset": preset, "columns": {"FirstName": "firstName", "Phone": ["phone", "mobile"]},
        "optOut": {"field": "DoNotCall"}, "campaignField": "Segment"});
    let more = more.as_object().unwrap().clone();
    config.as_object_mut().unwrap().extend(more);
    config
}

#[test]
fn a_hubspot_workflow_sends_the_contact() {
    let config = json!({"preset": "hubspotWorkflow", "columns": {"firstname": "firstName", "phone": "phone", "city": "city"},
        "optOut": {"field": "do_not_call", "values": ["true"], "callable": ["false", "", null]}, "campaignField": "campaign"});
    let older = r#"{"vid": 1246965, "portal-id": 33, "is-contact": true, "properties": {
        "firstname": {"value": "Ada", "versions": [{"value": "Ada"}]}, "phone": {"value": ""},
        "do_not_call": {"value": "true"}, "campaign": {"value": "spring"}, "lastmodifieddate": {"value": "1764000000123"}}}"#;
    let mut change = changes(&config, older).remove(0);
    assert!(
        change["eventId"]
            .take()
            .as_str()
            .unwrap()
            .starts_with("map-")
    );
    let expected = json!({"eventId": null, "contactKey": "1246965", "version": 1_764_000_000_123_u64,
        "data": {"firstName": "Ada", "phone": null}, "callable": false, "campaigns": ["spring"]});
    assert_eq!(change, expected);
    let newer = r#"{"objectId": "1246965", "properties": {"firstname": "Ada", "do_not_call": null,
        "lastmodifieddate": "2025-11-24T16:00:00.123Z"}}"#;
    let change = changes(&config, newer).remove(0);
    assert_eq!(
        (&change["callable"], &change["version"]),
        (&json!(true), &json!(1_764_000_000_123_u64))
    );
    let chosen =
        r#"{"hs_object_id": "7", "do_not_call": "false", "lastmodifieddate": 1764000000123}"#;
    let change = changes(&config, chosen).remove(0);
    assert_eq!(
        (&change["contactKey"], &change["callable"], &change["data"]),
        (&json!("7"), &json!(true), &json!({}))
    );
    let mut by_email = config.clone();
    by_email["key"] = json!("email");
    let with_email = with(chosen, "/email", json!("ada@example.com"));
    assert_eq!(
        changes(&by_email, &with_email)[0]["contactKey"],
        json!("ada@example.com")
    );
    assert!(fault(&by_email, chosen).ends_with("the contact has no key"));
    assert!(
        fault(&config, &with(chosen, "/do_not_call", Value::Null))
            .ends_with("the opt-out field is missing")
    );
    assert!(
        fault(&config, &with(chosen, "/do_not_call", json!(true)))
            .ends_with("in neither of its lists")
    );
    assert!(
        fault(&config, &with(chosen, "/lastmodifieddate", Value::Null))
            .ends_with("lastmodifieddate is missing")
    );
    assert!(
        fault(&config, &with(chosen, "/hs_object_id", Value::Null))
            .ends_with("the contact has no key")
    );
}

#[test]
fn a_platform_event_is_a_full_change() {
    let config = full(
        "salesforcePlatformEvent",
        json!({"key": "Key__c", "remove": {"field": "Deleted__c"}}),
    );
    let event = json!({"detail-type": "Contact_Changed__e", "detail": {"schemaId": "x", "payload": {"Key__c": "003RM", "FirstName": "Ada",
        "Phone": null, "DoNotCall": false, "Deleted__c": false, "Segment": "", "LastModifiedDate__c": "2025-11-24T16:00:00.000Z"}}}).to_string();
    let mut change = changes(&config, &event).remove(0);
    change["eventId"].take();
    let expected = json!({"eventId": null, "contactKey": "003RM", "version": 1_764_000_000_000_u64,
        "data": {"firstName": "Ada", "phone": null, "mobile": null}, "callable": true, "campaigns": []});
    assert_eq!(change, expected);
    let bare = serde_json::from_str::<Value>(&event).unwrap()["detail"]["payload"].to_string();
    assert_eq!(changes(&config, &bare)[0]["data"], expected["data"]);
    let gone = changes(&config, &with(&bare, "/Deleted__c", json!(true))).remove(0);
    assert_eq!(
        (&gone["operation"], gone.get("data"), gone.get("callable")),
        (&json!("remove"), None, None)
    );
    for (pointer, value, expected) in [
        ("/DoNotCall", Value::Null, "the opt-out field is missing"),
        (
            "/DoNotCall",
            json!("true"),
            "the opt-out field holds a value that is in neither of its lists",
        ),
        ("/Key__c", Value::Null, "the key is missing"),
        ("/LastModifiedDate__c", Value::Null, "the stamp is missing"),
    ] {
        let fault = fault(&config, &with(&bare, pointer, value));
        assert_eq!(
            fault,
            format!("salesforcePlatformEvent: the program failed: {expected}")
        );
    }
    let null = bare.replace("\"DoNotCall\":false", "\"DoNotCall\":null");
    assert!(fault(&config, &null).ends_with("in neither of its lists"));
}

#[test]
fn a_zoho_workflow_is_a_full_change() {
    let config = full(
        "zohoWorkflow",
        json!({"optOut": {"field": "DoNotCall", "values": ["true"], "callable": ["false"]}, "remove": {"field": "event", "values": ["delete"]}}),
    );
    let body = r#"{"id": "4000000000123456789", "FirstName": "Ada", "Phone": "", "DoNotCall": "false",
        "Modified_Time": "2025-11-24T21:30:00+05:30", "event": "edit"}"#;
    let change = changes(&config, body).remove(0);
    assert_eq!(change["contactKey"], json!("4000000000123456789"));
    assert_eq!(change["version"], json!(1_764_000_000_000_u64));
    assert_eq!(
        change["data"],
        json!({"firstName": "Ada", "phone": null, "mobile": null})
    );
    assert_eq!(change["callable"], json!(true));
    let gone = changes(&config, &with(body, "/event", json!("delete"))).remove(0);
    assert_eq!(gone["operation"], json!("remove"));
    assert_eq!(
        changes(&config, &with(body, "/DoNotCall", json!("true")))[0]["callable"],
        json!(false)
    );
    for (pointer, value, expected) in [
        ("/DoNotCall", Value::Null, "the opt-out field is missing"),
        (
            "/DoNotCall",
            json!(false),
            "the opt-out field holds a value that is in neither of its lists",
        ),
        ("/id", json!(""), "the key is missing"),
        ("/Modified_Time", json!(""), "the stamp is missing"),
    ] {
        let fault = fault(&config, &with(body, pointer, value));
        assert_eq!(
            fault,
            format!("zohoWorkflow: the program failed: {expected}")
        );
    }
    assert!(fault(&config, "[1]").ends_with("expected an object"));
}

#[test]
fn a_cloud_event_is_read_in_both_modes() {
    let config = full(
        "cloudevents",
        json!({"remove": {"field": "ce-type", "values": ["com.acme.deleted"]}}),
    );
    let data = json!({"FirstName": "Ada", "Phone": "+1317", "DoNotCall": false, "ce-type": "com.acme.deleted"});
    let mut event = json!({"specversion": "1.0", "id": "A-1", "source": "/crm", "type": "com.acme.changed", "subject": "LEAD-1",
        "time": "2025-11-24T16:00:00.123Z"});
    let attributes = event.to_string();
    event["data"] = data.clone();
    let structured = changes(&config, &event.to_string());
    let headers = BTreeMap::new();
    let about = About {
        headers: &headers,
        cloud_event: Some(&attributes),
    };
    let binary = mapping(&config)
        .changes(&data.to_string(), &about, 1)
        .unwrap();
    assert_eq!(structured, [checked(&binary[0])]);
    let change = &structured[0];
    assert_eq!(change["contactKey"], json!("LEAD-1"));
    assert_eq!(change["version"], json!(1_764_000_000_123_u64));
    assert_eq!(change["callable"], json!(true));
    assert!(change["eventId"].as_str().unwrap().starts_with("ce-"));
    // The same id from another source is another event. The same source and id are the same event,
    // whatever else the event says.
    event["source"] = json!("/other");
    assert_ne!(
        changes(&config, &event.to_string())[0]["eventId"],
        change["eventId"]
    );
    event["source"] = json!("/crm");
    event["data"]["FirstName"] = json!("Eva");
    assert_eq!(
        changes(&config, &event.to_string())[0]["eventId"],
        change["eventId"]
    );
    event["type"] = json!("com.acme.deleted");
    assert_eq!(
        changes(&config, &event.to_string())[0]["operation"],
        json!("remove")
    );
    assert!(fault(&config, &data.to_string()).ends_with("no CloudEvent"));
    event["data"] = Value::Null;
    assert_eq!(
        changes(&config, &event.to_string())[0]["operation"],
        json!("remove")
    );
    event["type"] = json!("com.acme.updated");
    assert!(fault(&config, &event.to_string()).ends_with("data is no object"));
    event["data"] = json!("text");
    assert!(fault(&config, &event.to_string()).ends_with("data is no object"));
    let by_data = full("cloudevents", json!({"key": "id", "version": "stamp"}));
    event["data"] = json!({"id": 5, "stamp": 17, "DoNotCall": true});
    let change = changes(&by_data, &event.to_string()).remove(0);
    assert_eq!(
        (
            &change["contactKey"],
            &change["version"],
            &change["callable"]
        ),
        (&json!("5"), &json!(17), &json!(false))
    );
}
