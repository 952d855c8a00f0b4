//! Tests of the preset `hubspot`: the changes that the webhooks of a `HubSpot` app become. The
//! records of HubSpot's API are in `records`, and docs/crm/hubspot.md explains the preset.

use super::*;

const HUBSPOT: &str = include_str!("payloads/hubspot.json");

fn hubspot() -> Value {
    json!({"preset": "hubspot", "columns": {"firstname": "firstName", "lastname": "lastName", "phone": ["phone", "mobile"]},
        "optOut": {"field": "do_not_call", "values": ["true"], "callable": ["false", ""]}, "campaignField": "campaign"})
}

/// A request with one event that has these members.
fn event(more: Value) -> String {
    let mut event = json!({"eventId": 1, "subscriptionId": 2, "portalId": 33, "occurredAt": 1_764_000_000_000_u64, "objectId": 7,
        "attemptNumber": 0, "propertyName": "phone", "propertyValue": "+1317"});
    let more = more.as_object().unwrap().clone();
    event.as_object_mut().unwrap().extend(more);
    json!([event]).to_string()
}

fn kinds(more: Value) -> Vec<Value> {
    changes(&hubspot(), &event(more))
}

#[test]
fn a_hubspot_event_changes_one_property() {
    let mapped = mapped(&hubspot(), HUBSPOT);
    let plain = |event: u64, subscription: u32, object: u32, at: u64| {
        format!("33-{subscription}-{event}-{object}-{at}")
    };
    let id = |event, subscription, object, at| {
        hashed("hubspot", &plain(event, subscription, object, at))
    };
    let expected = [
        Ok(vec![json!({"eventId": id(3_816_279_340, 25, 1_246_965, 1_764_000_000_123), "version": 1_764_000_000_123_u64, "contactKey": "1246965",
            "data": {"phone": "+13175550100", "mobile": "+13175550100"}, "ifAbsent": "skip"})]),
        Ok(vec![json!({"eventId": id(3_816_279_341, 26, 1_246_965, 1_764_000_000_124), "version": 1_764_000_000_124_u64, "contactKey": "1246965",
            "data": {}, "callable": false, "ifAbsent": "skip"})]),
        Ok(vec![json!({"eventId": id(3_816_279_342, 26, 1_246_965, 1_764_000_000_125), "version": 1_764_000_000_125_u64, "contactKey": "1246965",
            "data": {"firstName": null}, "ifAbsent": "skip"})]),
        Ok(vec![json!({"eventId": id(3_816_279_343, 27, 1_246_966, 1_764_000_000_126), "version": 1_764_000_000_126_u64, "contactKey": "1246966",
            "operation": "remove", "ifAbsent": "skipOptOut"})]),
        Ok([1_246_970, 1_246_965].map(|key| json!({"eventId": hashed("hubspot", &format!("{}-{key}", plain(3_816_279_344, 28, 1_246_999, 1_764_000_000_127))),
            "version": 1_764_000_000_127_u64, "contactKey": key.to_string(), "operation": "remove", "ifAbsent": "skipOptOut"})).to_vec()),
        Ok(Vec::new()),
    ];
    assert_eq!(mapped, expected);
}

#[test]
fn hubspot_events_of_every_kind_are_mapped_or_ignored() {
    assert_eq!(
        kinds(json!({"eventType": "contact.propertyChange"})).len(),
        1
    );
    let one = kinds(json!({"subscriptionType": "contact.propertyChange"}));
    // HubSpot retries an event with the same ids.
    assert_eq!(
        kinds(json!({"subscriptionType": "contact.propertyChange", "attemptNumber": 3})),
        one
    );
    assert_eq!(
        kinds(json!({"subscriptionType": "object.propertyChange", "objectTypeId": "0-1"})),
        one
    );
    assert_eq!(
        kinds(json!({"subscriptionType": "object.deletion", "objectTypeId": "0-1"}))[0]["operation"],
        "remove"
    );
    for ignored in [
        json!({"subscriptionType": "object.propertyChange", "objectTypeId": "0-2"}),
        json!({"subscriptionType": "object.propertyChange"}),
        json!({"subscriptionType": "company.deletion"}),
        json!({"subscriptionType": "contact.restore"}),
        json!({"subscriptionType": "contact.creation"}),
        json!({"subscriptionType": "contact.associationChange"}),
        json!({"subscriptionType": "contact.propertyChange", "propertyName": "jobtitle"}),
    ] {
        assert_eq!(kinds(ignored.clone()), Vec::<Value>::new(), "{ignored}");
    }
}

#[test]
fn a_hubspot_event_of_the_opt_out_property_sets_callable() {
    let opt_out = |value: Value| {
        event(
            json!({"subscriptionType": "contact.propertyChange", "propertyName": "do_not_call", "propertyValue": value}),
        )
    };
    for (value, callable) in [
        (json!("true"), false),
        (json!("false"), true),
        (json!(""), true),
    ] {
        assert_eq!(
            changes(&hubspot(), &opt_out(value))[0]["callable"],
            json!(callable)
        );
    }
    for value in [
        json!(true),
        json!(null),
        json!(1),
        json!([]),
        json!("True"),
        json!("later"),
    ] {
        assert!(
            fault(&hubspot(), &opt_out(value))
                .ends_with("the opt-out field holds a value that is in neither of its lists")
        );
    }
    // Without `values`, no text would ever equal `true`, and everybody would be callable.
    let mut booleans = hubspot();
    booleans["optOut"] = json!({"field": "do_not_call"});
    assert!(fault(&booleans, &opt_out(json!("true"))).ends_with("in neither of its lists"));
}

#[test]
fn a_hubspot_event_names_campaigns_and_a_merge_removes_the_merged_contact() {
    let campaign = kinds(
        json!({"subscriptionType": "contact.propertyChange", "propertyName": "campaign", "propertyValue": "spring"}),
    );
    assert_eq!(
        (&campaign[0]["campaigns"], &campaign[0]["data"]),
        (&json!(["spring"]), &json!({}))
    );
    // A merge into a record that existed before keeps that record.
    let merge = json!({"subscriptionType": "contact.merge", "primaryObjectId": 5, "mergedObjectIds": [6, 7], "newObjectId": 5});
    let keys: Vec<Value> = kinds(merge)
        .iter()
        .map(|change| change["contactKey"].clone())
        .collect();
    assert_eq!(keys, ["6", "7"]);
}

#[test]
fn hubspot_events_that_lack_a_member_are_faults() {
    for (broken, expected) in [
        (json!({}), "an event without subscriptionType"),
        (
            json!({"subscriptionType": 5}),
            "an event without subscriptionType",
        ),
        (
            json!({"subscriptionType": "contact.propertyChange", "objectId": null}),
            "an event without objectId",
        ),
        (
            json!({"subscriptionType": "contact.deletion", "objectId": null}),
            "an event without objectId",
        ),
        (
            json!({"subscriptionType": "contact.propertyChange", "propertyName": null}),
            "an event without propertyName",
        ),
        (
            json!({"subscriptionType": "contact.merge"}),
            "a merge without mergedObjectIds",
        ),
    ] {
        assert_eq!(
            fault(&hubspot(), &event(broken)),
            format!("hubspot: the program failed: {expected}")
        );
    }
}
