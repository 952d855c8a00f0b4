//! The presets for records, as the vendors' APIs return them. They give the same contacts, values
//! and ranks as the presets for webhooks. `vendors` has a record for each preset. docs/mapping.md
//! "Records" explains them.

mod vendors;

use super::*;
use vendors::{OPTION, Vendor, vendors};

/// A record in which a member is null. [`with`] would take the member out.
fn null(record: &str, pointer: &str) -> String {
    let mut record: Value = serde_json::from_str(record).unwrap();
    *record.pointer_mut(pointer).unwrap() = Value::Null;
    record.to_string()
}

impl Vendor {
    fn change(&self, record: &str) -> Value {
        let mut changes = changes(&self.config, record);
        assert_eq!(changes.len(), 1, "{}", self.preset);
        let mut change = changes.remove(0);
        let id = change.as_object_mut().unwrap().remove("eventId").unwrap();
        assert!(id.as_str().unwrap().starts_with("map-"), "{id}");
        change
    }

    fn fails(&self, record: &str, expected: &str) {
        let fault = fault(&self.config, record);
        let whole = format!("{}: the program failed: {expected}", self.preset);
        assert_eq!(fault, whole);
    }
}

#[test]
fn a_record_is_a_full_change() {
    let vendors = vendors();
    let presets: Vec<_> = vendors.iter().map(|vendor| vendor.preset).collect();
    assert_eq!(presets, RECORDS);
    for vendor in vendors {
        assert_eq!(
            vendor.change(vendor.record),
            vendor.expected,
            "{}",
            vendor.preset
        );
        // Each element of a list of records is an item.
        let two = format!("[{}, {}]", vendor.record.trim(), vendor.record.trim());
        assert_eq!(changes(&vendor.config, &two).len(), 2, "{}", vendor.preset);
    }
}

#[test]
fn only_the_record_says_whether_its_contact_may_be_called() {
    for vendor in vendors() {
        let told = |value: &Value| with(vendor.record, vendor.opt_out, value.clone());
        assert_eq!(vendor.change(&told(&vendor.no))["callable"], json!(false));
        assert_eq!(vendor.change(&told(&vendor.yes))["callable"], json!(true));
        // If the field was not requested it is absent, and that makes nobody callable.
        vendor.fails(&told(&Value::Null), "the opt-out field is missing");
        for other in [json!("True"), json!("later"), json!(99), json!({"a": 1})] {
            vendor.fails(
                &told(&other),
                "the opt-out field holds a value that is in neither of its lists",
            );
        }
        let null = null(vendor.record, vendor.opt_out);
        match vendor.config["optOut"].get("callable") {
            Some(_) => assert_eq!(vendor.change(&null)["callable"], json!(true)),
            None => vendor.fails(
                &null,
                "the opt-out field holds a value that is in neither of its lists",
            ),
        }
    }
}

#[test]
fn cleared_values_are_null() {
    for vendor in vendors() {
        let column = vendor.config["columns"][vendor.phone.rsplit('/').next().unwrap()].clone();
        let columns: Vec<_> = match &column {
            Value::Array(columns) => columns.clone(),
            column => vec![column.clone()],
        };
        for (is_text, cleared) in [
            (false, null(vendor.record, vendor.phone)),
            (true, with(vendor.record, vendor.phone, json!(""))),
        ] {
            let change = vendor.change(&cleared);
            for column in &columns {
                let value = &change["data"][column.as_str().unwrap()];
                // Salesforce and Dataverse store no empty texts.
                let as_it_is = ["salesforceRecord", "dataverseRecord"].contains(&vendor.preset);
                match is_text && as_it_is {
                    true => assert_eq!(value, "", "{}", vendor.preset),
                    false => assert_eq!(*value, Value::Null, "{}", vendor.preset),
                }
            }
        }
        let number = with(vendor.record, vendor.phone, json!(1.50));
        let change = vendor.change(&number);
        assert_eq!(change["data"][columns[0].as_str().unwrap()], "1.5");
        // A field that the request does not name stays as it is.
        let absent = vendor.change(&with(vendor.record, vendor.phone, Value::Null));
        assert_eq!(absent["data"].get(columns[0].as_str().unwrap()), None);
    }
}

#[test]
fn a_record_ranks_by_its_own_stamp() {
    for vendor in vendors() {
        for (stamp, version) in [
            ("2026-11-24T15:18:35Z", 1_795_533_515_000_u64),
            ("2026-11-24T20:48:35+05:30", 1_795_533_515_000),
            ("2026-11-24T15:18:35.000+0000", 1_795_533_515_000),
            ("2026-11-24T15:18:35.616Z", 1_795_533_515_616),
        ] {
            let change = vendor.change(&with(vendor.record, vendor.stamp, json!(stamp)));
            assert_eq!(
                change["version"],
                json!(version),
                "{} {stamp}",
                vendor.preset
            );
        }
        let zoneless = with(vendor.record, vendor.stamp, json!("2026-11-24 15:18:35"));
        assert!(fault(&vendor.config, &zoneless).contains("expected an RFC 3339 time"));
        let expected = match vendor.preset {
            "hubspotRecord" => "lastmodifieddate is missing",
            "dataverseRecord" => "modifiedon is missing",
            "pipedrivePerson" => "update_time and add_time are missing",
            _ => "the stamp is missing",
        };
        let mut unstamped = null(vendor.record, vendor.stamp);
        if vendor.preset == "pipedrivePerson" {
            // A record that nobody has changed yet has no such stamp.
            assert_eq!(
                vendor.change(&unstamped)["version"],
                json!(1_795_526_335_000_u64)
            );
            unstamped = null(&unstamped, "/add_time");
        }
        vendor.fails(&unstamped, expected);
    }
}

#[test]
fn a_deleted_record_is_removed_and_never_created() {
    let gone = |vendor: &Vendor, record: &str, key: &str, version: Option<u64>| {
        let mut expected =
            json!({"contactKey": key, "operation": "remove", "ifAbsent": "skipOptOut"});
        if let Some(version) = version {
            expected["version"] = json!(version);
        }
        assert_eq!(vendor.change(record), expected, "{}", vendor.preset);
    };
    let [hubspot, salesforce, dataverse, pipedrive, zoho] = vendors();
    let archived = with(hubspot.record, "/archived", json!(true));
    gone(&hubspot, &archived, "1246965", Some(1_764_000_000_123));
    let archived = with(&archived, "/archivedAt", json!("2025-11-24T16:00:09.500Z"));
    gone(&hubspot, &archived, "1246965", Some(1_764_000_009_500));
    hubspot.fails(
        &with(hubspot.record, "/archived", json!("true")),
        "archived is no boolean",
    );
    let untold = with(hubspot.record, "/archived", Value::Null);
    assert_eq!(hubspot.change(&untold), hubspot.expected);

    // A deletion may move another stamp than that of the record.
    let deleted = with(salesforce.record, "/IsDeleted", json!(true));
    let key = "003RM000006aXyZYAU";
    gone(&salesforce, &deleted, key, Some(1_764_000_007_000));
    let unselected = with(&deleted, "/SystemModstamp", Value::Null);
    gone(&salesforce, &unselected, key, Some(1_764_000_000_000));
    // A missing opt-out no longer matters once the record is deleted.
    let bare = with(&unselected, "/DoNotCall", Value::Null);
    gone(&salesforce, &bare, key, Some(1_764_000_000_000));
    salesforce.fails(
        &with(salesforce.record, "/IsDeleted", Value::Null),
        "IsDeleted is missing: the query must select it",
    );
    for other in [json!("true"), json!(1)] {
        salesforce.fails(
            &with(salesforce.record, "/IsDeleted", other),
            "IsDeleted is no boolean",
        );
    }
    salesforce.fails(
        &null(salesforce.record, "/IsDeleted"),
        "IsDeleted is no boolean",
    );

    let key = "6d81597f-0f9f-e711-8122-000d3aa2331c";
    let address = format!("https://acme.crm.dynamics.com/api/data/v9.2/contacts({key})");
    for id in [key, &address] {
        let tracked = json!({"@odata.context": "https://acme.crm.dynamics.com/api/data/v9.2/$metadata#contacts/$deletedEntity", "id": id, "reason": "deleted"});
        gone(&dataverse, &tracked.to_string(), key, None);
        let untold = with(&tracked.to_string(), "/@odata.context", Value::Null);
        gone(&dataverse, &untold, key, None);
        dataverse.fails(
            &with(&tracked.to_string(), "/reason", json!("changed")),
            "a row that is gone and was not deleted",
        );
        dataverse.fails(
            &with(&tracked.to_string(), "/id", Value::Null),
            "a deleted row without id",
        );
    }

    let deleted = with(pipedrive.record, "/is_deleted", json!(true));
    gone(&pipedrive, &deleted, "8", Some(1_795_533_515_000));
    pipedrive.fails(
        &with(pipedrive.record, "/is_deleted", json!("no")),
        "is_deleted is no boolean",
    );
    let untold = with(pipedrive.record, "/is_deleted", Value::Null);
    assert_eq!(pipedrive.change(&untold), pipedrive.expected);

    let deleted = json!({"deleted_by": {"name": "Eva", "id": "4000000000000000001"}, "id": "4000000000123456789", "display_name": "Ada Example",
        "type": "recycle", "created_by": null, "deleted_time": "2025-11-24T21:30:00+05:30"}).to_string();
    gone(
        &zoho,
        &deleted,
        "4000000000123456789",
        Some(1_764_000_000_000),
    );
    zoho.fails(&null(&deleted, "/deleted_time"), "deleted_time is missing");
}

#[test]
fn a_mapping_may_take_the_key_from_another_field() {
    for vendor in vendors() {
        let (pointer, missing) = match vendor.preset {
            "hubspotRecord" => ("/id", "the record has no key"),
            "salesforceRecord" => ("/Id", "the key is missing"),
            "dataverseRecord" => ("/contactid", "the key is missing"),
            "pipedrivePerson" => ("/id", "a person without id"),
            _ => ("/id", "the key is missing"),
        };
        vendor.fails(&null(vendor.record, pointer), missing);
        if vendor.preset == "pipedrivePerson" {
            continue;
        }
        let mut by_other = vendor.config.clone();
        let field = vendor.phone.rsplit('/').next().unwrap();
        by_other["key"] = json!(field);
        let change = changes(&by_other, vendor.record).remove(0);
        assert_eq!(change["contactKey"], "+13175550100", "{}", vendor.preset);
        assert!(fault(&by_other, &null(vendor.record, vendor.phone)).ends_with(missing));
    }
    let [_, salesforce, dataverse, _, zoho] = vendors();
    for (vendor, field) in [(salesforce, "SystemModstamp"), (zoho, "Created_Time")] {
        let mut by_other = vendor.config.clone();
        by_other["version"] = json!(field);
        let record = with(
            vendor.record,
            &format!("/{field}"),
            json!("2025-11-24T16:00:01Z"),
        );
        assert_eq!(
            changes(&by_other, &record)[0]["version"],
            json!(1_764_000_001_000_u64)
        );
    }
    // A deleted row shows its id only.
    let mut by_other = dataverse.config.clone();
    by_other["key"] = json!("emailaddress1");
    let tracked = json!({"id": "6d81597f", "reason": "deleted"}).to_string();
    assert!(fault(&by_other, &tracked).ends_with("the key is another column"));
    let mut of_leads = dataverse.config;
    of_leads["object"] = json!("lead");
    let lead = dataverse.record.replace("contactid", "leadid");
    assert_eq!(
        changes(&of_leads, &lead)[0]["contactKey"],
        "6d81597f-0f9f-e711-8122-000d3aa2331c"
    );
}

#[test]
fn an_item_that_is_not_a_record_is_a_fault() {
    for vendor in vendors() {
        for other in ["{}", "[1]", r#"["text"]"#, "[[]]", r#"{"properties": 5}"#] {
            assert!(
                mapped(&vendor.config, other).remove(0).is_err(),
                "{} {other}",
                vendor.preset
            );
        }
    }
    // If a compound field is null, its parts are null.
    let [_, salesforce, ..] = vendors();
    let homeless = null(&null(salesforce.record, "/MailingAddress"), "/Owner");
    let change = salesforce.change(&homeless);
    assert_eq!(
        (&change["data"]["city"], &change["data"]["owner"]),
        (&Value::Null, &Value::Null)
    );
    let [.., pipedrive, _] = vendors();
    let of_many = |value: Value| {
        let record = with(pipedrive.record, "/custom_fields", json!({OPTION: value}));
        mapped(&pipedrive.config, &record).remove(0)
    };
    for (value, callable) in [
        (json!([17, 18]), false),
        (json!([18]), true),
        (json!([]), true),
        (json!({"id": 17, "label": "No calls"}), false),
        (json!({"value": 18}), true),
    ] {
        assert_eq!(of_many(value).unwrap()[0]["callable"], json!(callable));
    }
    assert!(of_many(json!([19])).is_err());
}

/// The webhook of a change and the record that the change left behind share one clock: both have
/// the same rank, contact and values.
#[test]
fn a_record_and_the_webhook_of_its_last_change_agree() {
    let both = |webhook: &str, body: &str, vendor: &Vendor, record: &str| {
        let mut config = vendor.config.clone();
        config["preset"] = json!(webhook);
        config.as_object_mut().unwrap().remove("campaignField");
        let by_webhook = changes(&config, body);
        let by_record = vendor.change(record);
        let told = by_webhook
            .iter()
            .find(|change| change["contactKey"] == by_record["contactKey"]);
        let told = told.unwrap();
        assert_eq!(told["version"], by_record["version"], "{webhook}");
        for (column, value) in told["data"].as_object().unwrap() {
            assert_eq!(*value, by_record["data"][column], "{webhook} {column}");
        }
        assert_eq!(told["callable"], by_record["callable"], "{webhook}");
    };
    let [hubspot, salesforce, dataverse, pipedrive, zoho] = vendors();
    let workflow = json!({"hs_object_id": "1246965", "firstname": "Ada", "lastname": "", "phone": "+13175550100", "do_not_call": "true",
        "lastmodifieddate": "1764000000123"});
    both(
        "hubspotWorkflow",
        &workflow.to_string(),
        &hubspot,
        hubspot.record,
    );
    let cdc = with(
        include_str!("payloads/salesforceCdc.json"),
        "/detail/payload/ChangeEventHeader/commitTimestamp",
        json!(1_764_000_001_000_u64),
    );
    both("salesforceCdc", &cdc, &salesforce, salesforce.record);
    both(
        "dataverse",
        include_str!("payloads/dataverse.json"),
        &dataverse,
        dataverse.record,
    );
    both(
        "pipedrive",
        include_str!("payloads/pipedrive.json"),
        &pipedrive,
        pipedrive.record,
    );
    // A workflow of Zoho sends texts only.
    let sent = json!({"id": "4000000000123456789", "First_Name": "Ada", "Phone": "+13175550100", "Title": "", "Account_Name": "Example Ltd",
        "Do_Not_Call": true, "Modified_Time": "2025-11-24T21:30:00+05:30"});
    both("zohoWorkflow", &sent.to_string(), &zoho, zoho.record);
    // A HubSpot app sends one property, with the time of the change.
    let event = json!([{"eventId": 1, "subscriptionId": 2, "portalId": 33, "occurredAt": 1_764_000_000_123_u64, "objectId": 1_246_965,
        "subscriptionType": "contact.propertyChange", "propertyName": "do_not_call", "propertyValue": "true"}]);
    let config = json!({"preset": "hubspot", "columns": {}, "optOut": hubspot.config["optOut"]});
    let told = changes(&config, &event.to_string()).remove(0);
    let record = hubspot.change(hubspot.record);
    for member in ["contactKey", "version", "callable"] {
        assert_eq!(told[member], record[member], "{member}");
    }
}
