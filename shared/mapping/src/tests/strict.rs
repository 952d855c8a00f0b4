//! If a guess could do harm, the item is a fault: about who may be called, who was removed, and
//! which campaigns a field names. One test is about what an event id may reveal. docs/mapping.md
//! "Opt-out" and "Removed" have the rules, and `condition` and `fields` the code.

use super::*;

/// A flat record for each preset that reads one, with these members added to the mapping.
fn flat(preset: &str, more: Value) -> Value {
    let mut config =
        json!({"preset": preset, "columns": {}, "optOut": "none", "campaignField": "Segment"});
    if preset != "hubspotWorkflow" {
        config["key"] = json!("id");
        config["version"] = json!("stamp");
    }
    let more = more.as_object().unwrap().clone();
    config.as_object_mut().unwrap().extend(more);
    config
}

/// A record in the form that a preset of flat records takes.
fn record(preset: &str, more: Value) -> String {
    let mut record = json!({"id": "LEAD-0000042", "stamp": 17});
    if preset == "hubspotWorkflow" {
        record = json!({"vid": "LEAD-0000042", "lastmodifieddate": 17});
    }
    let more = more.as_object().unwrap().clone();
    record.as_object_mut().unwrap().extend(more);
    match preset {
        "cloudevents" => {
            json!({"specversion": "1.0", "id": "1", "source": "s", "type": "t", "data": record})
        }
        _ => record,
    }
    .to_string()
}

const FLAT: [&str; 4] = [
    "hubspotWorkflow",
    "salesforcePlatformEvent",
    "zohoWorkflow",
    "cloudevents",
];

#[test]
fn a_field_of_several_campaigns_names_each_of_them() {
    for preset in FLAT {
        for (held, campaigns) in [
            (json!("spring; autumn ;"), json!(["spring", "autumn"])),
            (json!("spring"), json!(["spring"])),
            (json!(["spring", "autumn"]), json!(["spring", "autumn"])),
            (json!(["spring;1"]), json!(["spring;1"])),
            (json!(" ; "), json!([])),
            (json!(""), json!([])),
            (json!(null), json!([])),
            (json!(7), json!(["7"])),
        ] {
            let changes = changes(
                &flat(preset, json!({})),
                &record(preset, json!({"Segment": held})),
            );
            assert_eq!(changes[0]["campaigns"], campaigns, "{preset} {held}");
        }
    }
}

#[test]
fn every_preset_splits_a_field_of_several_campaigns() {
    let parts = [
        ("hubspot", include_str!("payloads/hubspot.json"), "phone"),
        (
            "salesforceCdc",
            include_str!("payloads/salesforceCdc.json"),
            "Phone",
        ),
        (
            "dataverse",
            include_str!("payloads/dataverse.json"),
            "mobilephone",
        ),
        (
            "pipedrive",
            include_str!("payloads/pipedrive.json"),
            "phones",
        ),
    ];
    for (preset, payload, field) in parts {
        let config =
            json!({"preset": preset, "columns": {}, "optOut": "none", "campaignField": field});
        let body = payload.replace("+13175550100", "spring; autumn");
        let changes = changes(&config, &body);
        assert_eq!(
            changes[0]["campaigns"],
            json!(["spring", "autumn"]),
            "{preset}"
        );
    }
    let before = with(
        include_str!("payloads/pipedrive.json"),
        "/previous",
        json!({"segment": "spring;autumn"}),
    );
    let config =
        json!({"preset": "pipedrive", "columns": {}, "optOut": "none", "campaignField": "segment"});
    assert_eq!(
        changes(&config, &before)[0]["campaignsBefore"],
        json!(["spring", "autumn"])
    );
}

const REMOVING: [&str; 3] = ["salesforcePlatformEvent", "zohoWorkflow", "cloudevents"];

#[test]
fn a_removal_field_with_an_unlisted_value_is_a_fault() {
    for preset in REMOVING {
        let ends = |remove: Value, told: Value| {
            let config = flat(preset, json!({"remove": remove}));
            mapped(&config, &record(preset, told)).remove(0)
        };
        let flag = json!({"field": "gone"});
        let word = json!({"field": "gone", "values": ["remove", "1"]});
        let either = json!({"field": "gone", "values": [true, "remove", 1]});
        for (remove, told) in [
            (&flag, json!({"gone": "true"})),
            (&flag, json!({"gone": 1})),
            (&flag, json!({"gone": null})),
            (&flag, json!({"gone": ""})),
            (&flag, json!({"gone": [true]})),
            (&flag, json!({})),
            (&word, json!({"gone": "Remove"})),
            (&word, json!({"gone": " remove"})),
            (&word, json!({"gone": "REMOVE\n"})),
            (&word, json!({"gone": ""})),
            (&word, json!({"gone": true})),
            (&word, json!({"gone": 1})),
            (&word, json!({})),
            (&either, json!({"gone": "True"})),
            (&either, json!({"gone": "1 "})),
        ] {
            let end = ends(remove.clone(), told.clone());
            assert!(end.is_err(), "{preset} {remove} {told}: {end:?}");
            assert!(end.unwrap_err().contains("the field of `remove`"));
        }
        for (remove, told) in [
            (&flag, json!({"gone": false})),
            (&word, json!({"gone": "edit"})),
            (&either, json!({"gone": 2})),
        ] {
            let end = ends(remove.clone(), told).unwrap();
            assert_eq!(end[0].get("operation"), None, "{preset} {remove}");
        }
        for (remove, told) in [
            (&flag, json!(true)),
            (&word, json!("1")),
            (&either, json!(1.0)),
        ] {
            let end = ends(remove.clone(), json!({"gone": told})).unwrap();
            assert_eq!(end[0]["operation"], "remove", "{preset} {remove}");
        }
    }
}

#[test]
fn an_absent_removal_field_is_no_removal_where_the_mapping_says_so() {
    for preset in REMOVING {
        let remove = json!({"field": "gone", "values": ["remove"], "mayBeAbsent": true});
        let config = flat(preset, json!({"remove": remove}));
        for told in [json!({}), json!({"gone": null}), json!({"gone": ""})] {
            let change = changes(&config, &record(preset, told)).remove(0);
            assert_eq!(change["data"], json!({}), "{preset}");
        }
        assert!(
            fault(&config, &record(preset, json!({"gone": true})))
                .contains("the field of `remove`")
        );
    }
    let refused = refused(&json!({"jq": ".", "remove": {"field": "f", "mayBeAbsent": "yes"}}));
    assert_eq!(refused, "mapping.remove.mayBeAbsent: expected a boolean");
}

#[test]
fn an_opt_out_field_with_an_unlisted_value_is_a_fault() {
    let opt_out = json!({"field": "dnc", "values": ["yes", 17], "callable": ["no", null, 18]});
    for preset in FLAT {
        let config = flat(preset, json!({"optOut": opt_out}));
        for (told, callable) in [
            (json!("yes"), false),
            (json!(17), false),
            (json!("no"), true),
            (json!(18), true),
            (json!(null), true),
            (json!([18, 17]), false),
            (json!([18]), true),
            (json!([]), true),
        ] {
            let changes = changes(&config, &record(preset, json!({"dnc": told})));
            assert_eq!(changes[0]["callable"], callable, "{preset} {told}");
        }
        for told in [
            json!("Yes"),
            json!(" yes"),
            json!("YES\n"),
            json!("never"),
            json!(""),
            json!(19),
            json!(true),
            json!([18, 19]),
            json!({"Id": 17}),
        ] {
            let fault = mapped(&config, &record(preset, json!({"dnc": told}))).remove(0);
            assert!(
                fault
                    .clone()
                    .is_err_and(|fault| fault.ends_with("in neither of its lists")),
                "{preset} {told}: {fault:?}"
            );
        }
        let listed = json!({"field": "dnc", "values": [true], "callable": [null]});
        let config = flat(preset, json!({"optOut": listed}));
        assert!(
            fault(&config, &record(preset, json!({"dnc": false})))
                .ends_with("in neither of its lists")
        );
    }
}

#[test]
fn only_a_condition_of_booleans_may_leave_out_the_callable_values() {
    let of = |values: Value| json!({"jq": ".", "optOut": {"field": "f", "values": values}});
    for values in [
        json!(["true"]),
        json!([17]),
        json!([true, "yes"]),
        json!([null, 1]),
    ] {
        assert_eq!(
            refused(&of(values)),
            "mapping.optOut.callable: required if `values` holds texts or numbers: list all values of the field \
             with which somebody may be called"
        );
    }
    for (values, callable) in [
        (json!([true]), "[false]"),
        (json!([false]), "[true]"),
        (json!([true, null]), "[false]"),
        (json!([true, false]), "[]"),
        (json!([null]), "[]"),
    ] {
        let mut config = of(values);
        config["jq"] = json!(r#"{contactKey: "k", data: {x: "\($optOut.callable)"}}"#);
        assert_eq!(changes(&config, "{}")[0]["data"]["x"], callable);
    }
    let near =
        json!({"jq": ".", "optOut": {"field": "f", "values": ["yes"], "callable": ["no", "Yes "]}});
    assert_eq!(
        refused(&near),
        "mapping.optOut.callable: a text differs from one in `values` only in case or spaces"
    );
}

#[test]
fn the_removal_of_a_hubspot_contact_that_is_not_in_the_campaign_leaves_nothing() {
    let config = json!({"preset": "hubspot", "columns": {"phone": "phone"}, "optOut": "none"});
    let changes = changes(&config, include_str!("payloads/hubspot.json"));
    let removed = changes
        .iter()
        .filter(|change| change["operation"] == "remove");
    let said: Vec<_> = removed.map(|change| &change["ifAbsent"]).collect();
    assert_eq!(said, ["skipOptOut"; 3]);
    for (preset, body) in [
        (
            "salesforceCdc",
            with(
                include_str!("payloads/salesforceCdc.json"),
                "/detail/payload/ChangeEventHeader/changeType",
                json!("DELETE"),
            ),
        ),
        (
            "dataverse",
            with(
                include_str!("payloads/dataverse.json"),
                "/MessageName",
                json!("Delete"),
            ),
        ),
        (
            "pipedrive",
            with(
                include_str!("payloads/pipedrive.json"),
                "/meta/action",
                json!("delete"),
            ),
        ),
    ] {
        let config = json!({"preset": preset, "columns": {}, "optOut": "none"});
        let change = super::changes(&config, &body).remove(0);
        assert_eq!(
            (&change["operation"], change.get("ifAbsent")),
            (&json!("remove"), None),
            "{preset}"
        );
    }
}

#[test]
fn no_event_id_reveals_the_contact_key() {
    const KEY: &str = "9081726354";
    let hubspot = include_str!("payloads/hubspot.json");
    let hubspot = hubspot.replace("1246965", KEY);
    let merged = with(&hubspot, "/4/newObjectId", json!(5));
    let salesforce = include_str!("payloads/salesforceCdc.json").replace("003RM000006aXyZYAU", KEY);
    let dataverse = include_str!("payloads/dataverse.json")
        .replace("6d81597f-0f9f-e711-8122-000d3aa2331c", KEY);
    let pipedrive = with(
        include_str!("payloads/pipedrive.json"),
        "/meta/entity_id",
        json!(KEY),
    );
    let mut cases = vec![
        ("hubspot", hubspot),
        ("hubspot", merged),
        ("salesforceCdc", salesforce),
        ("dataverse", dataverse),
        ("pipedrive", pipedrive),
    ];
    let flat_ones = FLAT.map(|preset| {
        (
            preset,
            record(preset, json!({})).replace("LEAD-0000042", KEY),
        )
    });
    cases.extend(flat_ones);
    let named: std::collections::BTreeSet<_> = cases.iter().map(|(preset, _)| *preset).collect();
    assert_eq!(named.len(), PRESETS.len(), "{named:?}");
    for (preset, body) in cases {
        let mut config = flat(preset, json!({}));
        if !FLAT.contains(&preset) {
            config = json!({"preset": preset, "columns": {"phone": "phone", "Phone": "mobile", "mobilephone": "other"}, "optOut": "none"});
        }
        let changes = changes(&config, &body);
        let keys = changes
            .iter()
            .map(|change| change["contactKey"].as_str().unwrap());
        assert!(keys.into_iter().any(|key| key == KEY), "{preset}");
        let mut ids: Vec<_> = changes
            .iter()
            .map(|change| change["eventId"].as_str().unwrap())
            .collect();
        assert!(ids.iter().all(|id| !id.contains(KEY)), "{preset}: {ids:?}");
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(
            ids.len(),
            changes.len(),
            "{preset}: each change has its own"
        );
    }
}
