//! Senders whose body is the vendor's: the payloads of their documentation.

use super::*;

const HUBSPOT: &str = include_str!("payloads/hubspot.json");
const SALESFORCE: &str = include_str!("payloads/salesforceCdc.json");
const DATAVERSE: &str = include_str!("payloads/dataverse.json");
const PIPEDRIVE: &str = include_str!("payloads/pipedrive.json");

fn hubspot() -> Value {
    json!({"preset": "hubspot", "columns": {"firstname": "firstName", "lastname": "lastName", "phone": ["phone", "mobile"]},
        "optOut": {"field": "do_not_call", "values": ["true"]}, "campaignField": "campaign"})
}

#[test]
fn hubspot_tells_one_property_at_a_time() {
    let mapped = mapped(&hubspot(), HUBSPOT);
    let id = |event: u64, subscription: u32, object: u32, at: u64| {
        format!("33-{subscription}-{event}-{object}-{at}")
    };
    let expected = [
        Ok(vec![json!({"eventId": id(3_816_279_340, 25, 1_246_965, 1_764_000_000_123), "version": 1_764_000_000_123_u64, "contactKey": "1246965",
            "data": {"phone": "+13175550100", "mobile": "+13175550100"}, "ifAbsent": "skip"})]),
        Ok(vec![json!({"eventId": id(3_816_279_341, 26, 1_246_965, 1_764_000_000_124), "version": 1_764_000_000_124_u64, "contactKey": "1246965",
            "data": {}, "callable": false, "ifAbsent": "skip"})]),
        Ok(vec![json!({"eventId": id(3_816_279_342, 26, 1_246_965, 1_764_000_000_125), "version": 1_764_000_000_125_u64, "contactKey": "1246965",
            "data": {"firstName": null}, "ifAbsent": "skip"})]),
        Ok(vec![json!({"eventId": id(3_816_279_343, 27, 1_246_966, 1_764_000_000_126), "version": 1_764_000_000_126_u64, "contactKey": "1246966",
            "operation": "remove"})]),
        Ok([1_246_970, 1_246_965].map(|key| json!({"eventId": format!("{}-{key}", id(3_816_279_344, 28, 1_246_999, 1_764_000_000_127)),
            "version": 1_764_000_000_127_u64, "contactKey": key.to_string(), "operation": "remove"})).to_vec()),
        Ok(Vec::new()),
    ];
    assert_eq!(mapped, expected);
}

#[test]
fn hubspot_events_of_every_kind() {
    let event = |more: Value| {
        let mut event = json!({"eventId": 1, "subscriptionId": 2, "portalId": 33, "occurredAt": 1_764_000_000_000_u64, "objectId": 7,
            "attemptNumber": 0, "propertyName": "phone", "propertyValue": "+1317"});
        event
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!([event]).to_string()
    };
    let kinds = |more: Value| changes(&hubspot(), &event(more));
    assert_eq!(
        kinds(json!({"eventType": "contact.propertyChange"})).len(),
        1
    );
    let one = kinds(json!({"subscriptionType": "contact.propertyChange"}));
    // A retry is the same event.
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
    for value in [json!(true), json!(null), json!(1), json!([])] {
        assert!(
            fault(&hubspot(), &opt_out(value))
                .ends_with("the opt-out field holds what is in neither of its lists")
        );
    }
    // Without `values` a text would never be `true`, and everybody callable.
    let mut booleans = hubspot();
    booleans["optOut"] = json!({"field": "do_not_call"});
    assert!(fault(&booleans, &opt_out(json!("true"))).ends_with("in neither of its lists"));
    let campaign = kinds(
        json!({"subscriptionType": "contact.propertyChange", "propertyName": "campaign", "propertyValue": "spring"}),
    );
    assert_eq!(
        (&campaign[0]["campaigns"], &campaign[0]["data"]),
        (&json!(["spring"]), &json!({}))
    );
    // A merge into a record that was there before keeps it.
    let merge = json!({"subscriptionType": "contact.merge", "primaryObjectId": 5, "mergedObjectIds": [6, 7], "newObjectId": 5});
    let keys: Vec<Value> = kinds(merge)
        .iter()
        .map(|change| change["contactKey"].clone())
        .collect();
    assert_eq!(keys, ["6", "7"]);
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
fn salesforce_tells_fields_that_changed() {
    let changes = changes(&salesforce(), SALESFORCE);
    let expected = ["003RM000006aXyZYAU", "003RM000006aXyaYAE"].map(|key| {
        json!({"eventId": format!("0005e192-9e62-2554-3880-3c3718bd6308-1-{key}"), "contactKey": key, "version": 1_764_000_000_000_u64,
            "data": {"phone": "+13175550100", "title": null}, "callable": false, "ifAbsent": "skip"})
    });
    assert_eq!(changes, expected);
}

#[test]
fn salesforce_events_of_every_type() {
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
                .ends_with("a gap event: what changed is told by the feed alone")
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
fn salesforce_events_in_other_forms() {
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
    // A name that is part of another's is another's: Phone has not changed with HomePhone.
    let other = at(
        "changedFields",
        json!(["HomePhone", "DoNotCallBefore", "LastModifiedDate"]),
    );
    let other = with(&other, &format!("{HEADER}/nulledFields"), json!([]));
    assert_eq!(changes(&salesforce(), &other), Vec::<Value>::new());
    let diff = at("diffFields", json!(["Title"]));
    assert!(fault(&salesforce(), &diff).ends_with("a field is told by its difference alone"));
    let without = with(SALESFORCE, "/detail/payload/Phone", Value::Null);
    assert!(fault(&salesforce(), &without).ends_with("a field that changed has no value"));
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
fn dataverse_tells_a_target() {
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
fn dataverse_tells_the_whole_by_an_image() {
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
fn dataverse_leaves_values_out_of_what_is_too_large() {
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

const OPTION: &str = "3d0fa3429dfa2d3dec265b4fc5dc8258ab66cdf3";

fn pipedrive() -> Value {
    json!({"preset": "pipedrive", "columns": {"first_name": "firstName", "last_name": "lastName", "phones": "phone", "emails": "email", "org_id": "org"},
        "optOut": {"field": OPTION, "values": [17], "callable": [null]}, "campaignField": "segment"})
}

#[test]
fn pipedrive_tells_the_whole() {
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
fn pipedrive_options_are_their_ids() {
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
    strict["optOut"] = json!({"field": OPTION, "values": [17]});
    for value in [
        json!(null),
        json!("17"),
        json!({"type": "set", "values": []}),
        json!({"type": "text", "value": "17"}),
    ] {
        assert!(
            fault(&strict, &option(value.clone())).ends_with("in neither of its lists"),
            "{value}"
        );
    }
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
