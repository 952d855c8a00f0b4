//! The preset `dataverse`: what its webhooks become. Rows of the Web API are in `records`;
//! docs/crm/dynamics.md explains the preset.

use super::*;

const DATAVERSE: &str = include_str!("payloads/dataverse.json");

fn dataverse() -> Value {
    json!({"preset": "dataverse", "columns": {"firstname": "firstName", "mobilephone": "phone", "jobtitle": "title",
        "preferredcontactmethodcode": "method"}, "optOut": {"field": "donotphone"}, "campaignField": "segment"})
}

fn image(attributes: &Value) -> Value {
    let attributes = attributes.as_object().unwrap().iter();
    let attributes: Vec<Value> = attributes
        .map(|(key, value)| json!({"key": key, "value": value}))
        .collect();
    json!([{"key": "Image", "value": {"Attributes": attributes}}])
}

#[test]
fn a_dataverse_webhook_with_a_target_is_a_partial_change() {
    let expected = json!({"eventId": "4af10637-4ea2-e711-8122-000d3aa2331c", "contactKey": "6d81597f-0f9f-e711-8122-000d3aa2331c",
        "version": 1_764_000_000_000_u64, "data": {"phone": "+13175550100", "title": null, "method": "2"}, "callable": false, "ifAbsent": "skip"});
    assert_eq!(changes(&dataverse(), DATAVERSE), [expected]);
    assert_eq!(
        changes(
            &dataverse(),
            &with(DATAVERSE, "/PrimaryEntityName", json!("account"))
        ),
        Vec::<Value>::new()
    );
    let removed = with(DATAVERSE, "/MessageName", json!("Delete"));
    let removed = with(
        &removed,
        "/InputParameters",
        json!([{"key": "Target", "value": {"Id": "x", "LogicalName": "contact"}}]),
    );
    let removed = changes(&dataverse(), &removed);
    assert_eq!(
        (&removed[0]["operation"], &removed[0]["version"]),
        (&json!("remove"), &json!(1_764_000_001_000_u64))
    );
    for (pointer, value, expected) in [
        (
            "/MessageName",
            json!("Merge"),
            "a message that is none of Create, Update and Delete",
        ),
        ("/InputParameters", json!([]), "an event without values"),
        (
            "/PrimaryEntityName",
            Value::Null,
            "an event without PrimaryEntityName",
        ),
    ] {
        assert!(fault(&dataverse(), &with(DATAVERSE, pointer, value)).ends_with(expected));
    }
    for none in [Value::Null, json!("00000000-0000-0000-0000-000000000000")] {
        let made = changes(&dataverse(), &with(DATAVERSE, "/OperationId", none));
        assert!(made[0]["eventId"].as_str().unwrap().starts_with("map-"));
    }
}

#[test]
fn a_dataverse_webhook_with_an_image_is_a_full_change() {
    let values = json!({"firstname": "Ada", "donotphone": false, "modifiedon": "/Date(1764000000000)/",
        "segment": {"Value": 7}, "mobilephone": "+1317", "contactid": "x"});
    let body = with(DATAVERSE, "/PostEntityImages", image(&values));
    let mut change = changes(&dataverse(), &body).remove(0);
    let expected = json!({"eventId": null, "contactKey": "6d81597f-0f9f-e711-8122-000d3aa2331c", "version": 1_764_000_000_000_u64,
        "data": {"firstName": "Ada", "phone": "+1317", "title": null, "method": null}, "callable": true, "campaigns": ["7"]});
    change["eventId"].take();
    assert_eq!(change, expected);
    let before = with(
        &body,
        "/PreEntityImages",
        image(&json!({"segment": [{"Value": 5}, {"Value": 6}]})),
    );
    assert_eq!(
        changes(&dataverse(), &before)[0]["campaignsBefore"],
        json!(["5", "6"])
    );
    let missing = with(
        DATAVERSE,
        "/PostEntityImages",
        image(&json!({"firstname": "Ada", "modifiedon": "/Date(1)/"})),
    );
    assert!(fault(&dataverse(), &missing).ends_with("the opt-out field is missing"));
    let owned = image(
        &json!({"firstname": {"Id": "i", "Name": "Ada"}, "jobtitle": {"Id": "i"}, "donotphone": {"Value": false}, "modifiedon": "/Date(1)/"}),
    );
    let owned = changes(&dataverse(), &with(DATAVERSE, "/PostEntityImages", owned)).remove(0);
    assert_eq!(
        (
            &owned["data"]["firstName"],
            &owned["data"]["title"],
            &owned["callable"]
        ),
        (&json!("Ada"), &json!("i"), &json!(true))
    );
    let unstamped = image(&json!({"donotphone": false}));
    assert_eq!(
        changes(
            &dataverse(),
            &with(DATAVERSE, "/PostEntityImages", unstamped.clone())
        )[0]["version"],
        json!(1_764_000_000_000_u64)
    );
    let nowhere = with(
        &with(DATAVERSE, "/PostEntityImages", unstamped),
        "/InputParameters",
        json!([]),
    );
    assert!(fault(&dataverse(), &nowhere).ends_with("modifiedon is missing"));
}

#[test]
fn a_dataverse_webhook_that_was_too_large_for_its_values_is_a_fault() {
    let headers = BTreeMap::from([(
        "x-ms-dynamics-msg-size-exceeded".to_owned(),
        "true".to_owned(),
    )]);
    let fault = mapping(&dataverse())
        .changes(DATAVERSE, &about(&headers), 9)
        .unwrap_err();
    assert_eq!(
        fault.to_string(),
        "dataverse: the program failed: the event was too large for its values"
    );
}
