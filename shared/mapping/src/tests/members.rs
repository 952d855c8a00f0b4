//! Tests of the members of a mapping: what each may say, and how a wrong one is refused. `config`
//! and `condition` have the code. Programs are tested in `programs` and `refusals`, and presets in
//! modules of their own.

use super::*;

#[test]
fn members_are_checked_one_by_one() {
    for (config, expected) in [
        (json!([]), "mapping: expected a JSON object"),
        (json!({}), "mapping: expected one of `preset` and `jq`"),
        (
            json!({"preset": "hubspot", "jq": "."}),
            "mapping: expected one of `preset` and `jq`",
        ),
        (
            json!({"jq": ""}),
            "mapping.jq: expected a text that is not empty",
        ),
        (
            json!({"jq": 1}),
            "mapping.jq: expected a text that is not empty",
        ),
        (
            json!({"jq": ".", "colums": {}}),
            "mapping.colums: no such member",
        ),
        (
            json!({"jq": ".", "items": "records"}),
            "mapping.items: expected a JSON pointer such as /records",
        ),
        (
            json!({"jq": ".", "columns": []}),
            "mapping.columns: expected an object of fields and columns",
        ),
        (
            json!({"jq": ".", "columns": {"a": 1}}),
            "mapping.columns: expected names of columns, of 1 to 128 characters",
        ),
        (
            json!({"jq": ".", "columns": {"a": ""}}),
            "mapping.columns: expected names of columns, of 1 to 128 characters",
        ),
        (
            json!({"jq": ".", "columns": {"a": "x", "b": ["x"]}}),
            "mapping.columns: two fields fill the same column",
        ),
    ] {
        assert_eq!(refused(&config), expected, "{config}");
    }
}

#[test]
fn a_member_that_may_be_a_secret_is_not_shown() {
    for pasted in [
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "a1b2c3",
        "abcdefghijklmnopqrstuvwxy",
        "",
        "é",
    ] {
        let mut config = json!({"jq": "."});
        config[pasted] = json!(1);
        let expected = "mapping: unknown member, whose name is not a word";
        assert_eq!(refused(&config), expected);
    }
}

#[test]
fn conditions_and_headers_are_checked() {
    for (config, expected) in [
        (
            json!({"jq": ".", "optOut": "never"}),
            "mapping.optOut: expected an object, or \"none\"",
        ),
        (
            json!({"jq": ".", "optOut": {}}),
            "mapping.optOut.field: expected the name of a field",
        ),
        (
            json!({"jq": ".", "optOut": {"field": "f", "value": 1}}),
            "mapping.optOut: expected `field`, `values` and `callable` alone",
        ),
        (
            json!({"jq": ".", "optOut": {"field": "f", "values": []}}),
            "mapping.optOut.values: expected a list of texts, numbers, booleans or null",
        ),
        (
            json!({"jq": ".", "optOut": {"field": "f", "values": [[]]}}),
            "mapping.optOut.values: expected a list of texts, numbers, booleans or null",
        ),
        (
            json!({"jq": ".", "optOut": {"field": "f", "values": [1], "callable": [1]}}),
            "mapping.optOut.callable: a value is also in `values`",
        ),
        (
            json!({"jq": ".", "remove": {"field": "f", "callable": [1]}}),
            "mapping.remove: expected `field`, `values` and `mayBeAbsent` alone",
        ),
        (
            json!({"jq": ".", "headers": "x-a"}),
            "mapping.headers: expected a list of names of headers",
        ),
        (
            json!({"jq": ".", "headers": ["x a"]}),
            "mapping.headers: expected names of headers, such as x-acme-event",
        ),
        (
            json!({"jq": ".", "headers": ["Authorization"]}),
            "mapping.headers: a header that holds credentials cannot be part of a change",
        ),
    ] {
        assert_eq!(refused(&config), expected, "{config}");
    }
    let twice = r#"{"jq": ".", "jq": "."}"#;
    assert_eq!(
        Mapping::parse(twice).unwrap_err().to_string(),
        "mapping.jq: occurs twice"
    );
    let twice = r#"{"jq": ".", "columns": {"a": "b", "a": "c"}}"#;
    let expected = "mapping.columns: a name occurs twice in one object";
    assert_eq!(Mapping::parse(twice).unwrap_err().to_string(), expected);
    let deep = format!(r#"{{"jq": ".", "sample": {}"#, "[".repeat(100_000));
    assert_eq!(
        Mapping::parse(&deep).unwrap_err().to_string(),
        "mapping: nested deeper than 128"
    );
}

#[test]
fn a_mapping_without_what_its_preset_needs_is_refused() {
    let columns = json!({"phone": "phone"});
    for (config, expected) in [
        (
            json!({"preset": "hubspotV3"}),
            "mapping.preset: expected one of hubspot, hubspotWorkflow, salesforceCdc, salesforcePlatformEvent, dataverse, \
             pipedrive, zohoWorkflow, cloudevents, hubspotRecord, salesforceRecord, dataverseRecord, pipedrivePerson, zohoRecord",
        ),
        (
            json!({"preset": "hubspot", "optOut": "none"}),
            "mapping.columns: the preset hubspot needs it",
        ),
        (
            json!({"preset": "hubspot", "columns": columns}),
            "mapping.optOut: the preset hubspot needs it; \"none\" says that this sender sends no opt-outs",
        ),
        (
            json!({"preset": "hubspot", "columns": columns, "optOut": "none", "key": "id"}),
            "mapping.key: the preset hubspot does not read it",
        ),
        (
            json!({"preset": "salesforcePlatformEvent", "columns": columns, "optOut": "none"}),
            "mapping.key: the preset salesforcePlatformEvent needs it",
        ),
    ] {
        assert_eq!(refused(&config), expected, "{config}");
    }
}

#[test]
fn a_mapping_returns_its_members() {
    let config =
        json!({"jq": " . ", "headers": ["X-Acme-Event", "x-acme-event"], "sample": {"a": [1.50]}});
    let mapping = mapping(&config);
    assert_eq!(mapping.name(), "jq");
    assert_eq!(mapping.program(), " . ");
    assert_eq!(mapping.headers(), ["x-acme-event"]);
    assert_eq!(mapping.sample(), Some(r#"{"a":[1.5]}"#));
    assert_eq!(format!("{mapping:?}"), "Mapping { name: \"jq\", .. }");
    let dataverse =
        json!({"preset": "dataverse", "columns": {}, "optOut": "none", "headers": ["x-more"]});
    let dataverse = super::mapping(&dataverse);
    assert_eq!(dataverse.name(), "dataverse");
    assert_eq!(
        dataverse.headers(),
        ["x-ms-dynamics-msg-size-exceeded", "x-more"]
    );
    assert_eq!(dataverse.sample(), None);
    assert_eq!(preset("dataverse"), Some(dataverse.program()));
    assert_eq!(preset("other"), None);
}

#[test]
fn a_mapping_with_a_presets_program_does_the_same() {
    let hubspot = include_str!("payloads/hubspot.json");
    let members = json!({"columns": {"phone": "phone"}, "optOut": {"field": "do_not_call", "values": ["true"], "callable": ["false"]}});
    let (mut by_preset, mut by_program) = (members.clone(), members);
    by_preset["preset"] = json!("hubspot");
    by_program["jq"] = json!(preset("hubspot"));
    assert_eq!(changes(&by_preset, hubspot), changes(&by_program, hubspot));
}

#[test]
fn global_variables_hold_the_members() {
    let program = r#"{contactKey: "k", data: {
        columns: "\($columns)", optOut: "\($optOut)", remove: "\($remove)", key: $key, version: $version,
        campaignField: $campaignField, object: $object, headers: "\($headers)", event: "\($cloudevent)"}}"#;
    let plain = changes(&json!({"jq": program}), "{}");
    let nothing = json!({"columns": "{}", "optOut": "null", "remove": "null", "key": null, "version": null,
        "campaignField": null, "object": null, "headers": "{}", "event": "null"});
    assert_eq!(plain[0]["data"], nothing);
    let config = json!({"jq": program, "columns": {"a": "x", "b": ["y", "z"]}, "optOut": {"field": "f"},
        "remove": {"field": "r", "values": ["x", 1, null]}, "key": "k", "version": "v", "campaignField": "c", "object": "o",
        "headers": ["X-A", "x-b"]});
    let headers = BTreeMap::from(
        [("x-a", "1"), ("x-secret", "2")].map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let about = About {
        headers: &headers,
        cloud_event: Some(r#"{"id":"1"}"#),
    };
    let mapped = mapping(&config).changes("{}", &about, 1).unwrap();
    let all = json!({"columns": r#"{"a":["x"],"b":["y","z"]}"#, "optOut": r#"{"field":"f","values":[true],"callable":[false]}"#,
        "remove": r#"{"field":"r","values":["x",1,null],"mayBeAbsent":false}"#, "key": "k", "version": "v",
        "campaignField": "c", "object": "o", "headers": r#"{"x-a":"1"}"#, "event": r#"{"id":"1"}"#});
    assert_eq!(checked(&mapped[0])["data"], all);
    for attributes in ["[]", "{", "1", ""] {
        let about = About {
            headers: &headers,
            cloud_event: Some(attributes),
        };
        let fault = mapping(&config).changes("{}", &about, 1).unwrap_err();
        assert_eq!(
            fault.to_string(),
            "jq: the attributes of the event are no JSON object"
        );
    }
}

/// The pointer and the text of each item of a body.
fn texts(config: &Value, body: &str) -> Result<Vec<(String, String)>, String> {
    let items = mapping(config).items(body);
    let items = items.map_err(|fault| fault.to_string())?.into_iter();
    Ok(items
        .map(|item| (item.pointer, item.text.to_owned()))
        .collect())
}

#[test]
fn items_are_what_the_pointer_leads_to() {
    let pair = |pointer: &str, text: &str| (pointer.to_owned(), text.to_owned());
    let whole = json!({"jq": "."});
    assert_eq!(
        texts(&whole, r#" {"a": 1.50} "#),
        Ok(vec![pair("", r#"{"a": 1.50}"#)])
    );
    assert_eq!(
        texts(&whole, "[1, {\"a\":2} ]"),
        Ok(vec![pair("/0", "1"), pair("/1", r#"{"a":2}"#)])
    );
    assert_eq!(texts(&whole, "[]"), Ok(Vec::new()));
    let inner = json!({"jq": ".", "items": "/a~1b/1/c~0d"});
    assert_eq!(
        texts(&inner, r#"{"a/b": [0, {"c~d": [[], {}]}]}"#),
        Ok(vec![
            pair("/a~1b/1/c~0d/0", "[]"),
            pair("/a~1b/1/c~0d/1", "{}")
        ])
    );
    assert_eq!(
        texts(&inner, r#"{"a/b": [0, {"c~d": {"e": 1}}]}"#),
        Ok(vec![pair("/a~1b/1/c~0d", r#"{"e": 1}"#)])
    );
    let nowhere = Err("jq: `items` leads to neither a list nor an object".to_owned());
    for body in [
        "{}",
        "[]",
        r#"{"a/b": []}"#,
        r#"{"a/b": [0, {"c~d": "text"}]}"#,
        r#"{"a/b": 1}"#,
    ] {
        assert_eq!(texts(&inner, body), nowhere, "{body}");
    }
    for body in ["1", "null", r#""text""#] {
        assert_eq!(texts(&whole, body), nowhere, "{body}");
    }
    let twice = r#"{"a/b": [], "a/b": []}"#;
    assert_eq!(
        texts(&inner, twice),
        Err("jq: a name occurs twice in one object".to_owned())
    );
    for body in [
        "",
        "{",
        "[1,]",
        "{} {}",
        "\u{feff}{}",
        "NaN",
        r#"{"a": "\ud800"}x"#,
    ] {
        assert_eq!(
            texts(&whole, body),
            Err("jq: not JSON".to_owned()),
            "{body}"
        );
    }
}

#[test]
fn docs_mapping_names_every_function_and_preset() {
    let page = include_str!("../../../../docs/mapping.md");
    let section = |title: &str| {
        let sections = page.split("\n## ");
        let mut sections = sections.filter(|section| section.starts_with(title));
        sections.next().unwrap()
    };
    let functions = section("Functions");
    for (name, _) in natives::FUNCTIONS {
        assert!(functions.contains(&format!("`{name}`")), "{name}");
    }
    let lists = functions
        .lines()
        .filter(|line| line.starts_with("- **") || line.starts_with("  `"));
    let named = lists.flat_map(|line| line.split('`').skip(1).step_by(2));
    for name in named {
        assert!(
            natives::FUNCTIONS.iter().any(|(known, _)| *known == name),
            "{name}"
        );
    }
    for name in presets() {
        // Each preset has a table of what it reads, one of where its members come from, and one of
        // what it compares. A preset for records also has one for its clock.
        let tables = 3 + usize::from(RECORDS.contains(&name));
        assert_eq!(
            section("Presets").matches(&format!("| `{name}`")).count(),
            tables,
            "{name}"
        );
    }
    let code = functions.split("```").nth(1).unwrap();
    let config = json!({"jq": code, "columns": {"phone": "phone"}, "optOut": {"field": "dnc"}, "campaignField": "c",
        "remove": {"field": "event", "values": ["remove"]}});
    let body =
        r#"{"id": 7, "modified": 17, "event": "edit", "dnc": false, "phone": "+1", "c": "a;b"}"#;
    let mut change = changes(&config, body).remove(0);
    change["eventId"].take();
    let expected = json!({"eventId": null, "contactKey": "7", "version": 17, "data": {"phone": "+1"}, "callable": true,
        "campaigns": ["a", "b"]});
    assert_eq!(change, expected);
    let gone = with(body, "/event", json!("remove"));
    assert_eq!(changes(&config, &gone)[0]["operation"], "remove");
}
