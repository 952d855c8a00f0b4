//! The preset `pipedrive`: what its webhooks become. Persons of the API are in `records`;
//! docs/crm/pipedrive.md explains the preset.

use super::*;

const PIPEDRIVE: &str = include_str!("payloads/pipedrive.json");

const OPTION: &str = "3d0fa3429dfa2d3dec265b4fc5dc8258ab66cdf3";

fn pipedrive() -> Value {
    json!({"preset": "pipedrive", "columns": {"first_name": "firstName", "last_name": "lastName", "phones": "phone", "emails": "email", "org_id": "org"},
        "optOut": {"field": OPTION, "values": [17], "callable": [1, 18, null]}, "campaignField": "segment"})
}

#[test]
fn a_pipedrive_webhook_is_a_full_change() {
    let expected = json!({"eventId": "7c812ffd-8f50-45ea-a597-b8fcba2da9c0", "contactKey": "8", "version": 1_795_533_515_000_u64,
        "data": {"firstName": "Ada", "lastName": "Example", "phone": "+13175550100", "email": null, "org": null}, "callable": false});
    assert_eq!(changes(&pipedrive(), PIPEDRIVE), [expected]);
    let removed = with(PIPEDRIVE, "/meta/action", json!("delete"));
    let removed = with(&removed, "/previous", json!({"segment": "spring"}));
    let removed = changes(
        &pipedrive(),
        &removed.replace("\"data\":{", "\"data\":null,\"was\":{"),
    );
    let expected = json!({"eventId": "7c812ffd-8f50-45ea-a597-b8fcba2da9c0", "contactKey": "8", "version": 1_795_533_515_616_u64,
        "operation": "remove", "campaignsBefore": ["spring"]});
    assert_eq!(removed, [expected]);
    assert_eq!(
        changes(
            &pipedrive(),
            &with(PIPEDRIVE, "/meta/entity", json!("deal"))
        ),
        Vec::<Value>::new()
    );
    for (pointer, value, expected) in [
        ("/meta/version", json!("1.0"), "no webhook of version 2"),
        ("/meta/action", json!("updated"), "an unknown action"),
        ("/meta/entity_id", Value::Null, "an event without entity_id"),
        ("/data", Value::Null, "an event without data"),
        (
            "/data/custom_fields",
            Value::Null,
            "the opt-out field is missing",
        ),
    ] {
        assert!(
            fault(&pipedrive(), &with(PIPEDRIVE, pointer, value)).ends_with(expected),
            "{pointer}"
        );
    }
}

#[test]
fn a_pipedrive_option_counts_by_its_id() {
    let option = |value: Value| with(PIPEDRIVE, "/data/custom_fields", json!({OPTION: value}));
    for (value, callable) in [
        (json!({"type": "enum", "id": 18}), true),
        (json!({"type": "enum", "id": 17}), false),
        (
            json!({"type": "set", "values": [{"id": 18}, {"id": 17}]}),
            false,
        ),
        (json!({"type": "set", "values": [{"id": 18}]}), true),
        (json!({"type": "set", "values": []}), true),
        (json!(null), true),
    ] {
        assert_eq!(
            changes(&pipedrive(), &option(value.clone()))[0]["callable"],
            json!(callable),
            "{value}"
        );
    }
    let mut strict = pipedrive();
    strict["optOut"] = json!({"field": OPTION, "values": [17], "callable": [18]});
    for value in [
        json!(null),
        json!("17"),
        json!({"type": "enum", "id": 19}),
        json!({"type": "set", "values": [{"id": 18}, {"id": 19}]}),
        json!({"type": "set", "values": []}),
        json!({"type": "text", "value": "17"}),
    ] {
        assert!(
            fault(&strict, &option(value.clone())).ends_with("in neither of its lists"),
            "{value}"
        );
    }
}

#[test]
fn a_pipedrive_webhook_names_the_campaigns_before_the_change() {
    let segments =
        json!({OPTION: {"id": 1}, "segment": {"type": "set", "values": [{"id": 3}, {"id": 4}]}});
    let body = with(PIPEDRIVE, "/data/custom_fields", segments);
    let body = with(
        &body,
        "/previous",
        json!({"custom_fields": {"segment": {"type": "set", "values": [{"id": 3}]}}}),
    );
    let change = changes(&pipedrive(), &body).remove(0);
    assert_eq!(
        (&change["campaigns"], &change["campaignsBefore"]),
        (&json!(["3", "4"]), &json!(["3"]))
    );
    let created = with(
        &with(PIPEDRIVE, "/data/update_time", Value::Null),
        "/meta/action",
        json!("create"),
    );
    assert_eq!(
        changes(&pipedrive(), &created)[0]["version"],
        json!(1_795_526_335_000_u64)
    );
    let second = with(
        PIPEDRIVE,
        "/data/phones",
        json!([{"value": "+1", "primary": false}, {"value": "+2", "primary": true}]),
    );
    assert_eq!(
        changes(&pipedrive(), &second)[0]["data"]["phone"],
        json!("+2")
    );
}
