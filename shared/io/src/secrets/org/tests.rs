//! Tests of an org's secret: the contract's example, defaults, and each member that is wrong. No
//! error or debug output shows a value. What the rules do to a change is tested in `domain::rules`.

use serde_json::{Map, Value};

use super::*;

fn parse(text: &str) -> Result<OrgSecret, String> {
    OrgSecret::parse(&SecretString::from(text)).map_err(|error| error.to_string())
}

fn with(name: &str, value: &str) -> Result<OrgSecret, String> {
    let mut members: Map<String, Value> = serde_json::from_str(
        r#"{"clientId": "id", "clientSecret": "hush", "region": "us-east-1", "api": "predictive"}"#,
    )
    .unwrap();
    members.insert(name.into(), serde_json::from_str(value).unwrap());
    parse(&Value::Object(members).to_string())
}

#[test]
fn the_contracts_example_is_read() {
    let secret = parse(
        r#"{ "clientId": "id", "clientSecret": "hush", "region": "us-east-1", "api": "predictive",
             "versionField": "crmVersion", "versionFrom": "version", "versionUnit": "milliseconds",
             "contactKeyPattern": "^LEAD-[0-9]{5}$", "raise": "never",
             "callsPerMinute": 300, "readLagSeconds": 60,
             "dncList": { "id": "6f9c0e2a-1b7d-4a55-9c30-8e2f7d1a4b60", "by": "phone", "column": "phone" } }"#,
    )
    .unwrap();
    let rules = secret.rules;
    assert_eq!(rules.version_field.as_deref(), Some("crmVersion"));
    assert_eq!(rules.version_unit, Some(VersionUnit::Milliseconds));
    assert_eq!(rules.raise(), Some(Raise::Never));
    let pattern = rules.contact_key_pattern.as_ref().unwrap();
    assert_eq!(rules.read_lag, Duration::from_mins(1));
    let list = rules.dnc_list.as_ref().unwrap();
    let column = "phone".to_owned();
    assert_eq!(list.id.as_str(), "6f9c0e2a-1b7d-4a55-9c30-8e2f7d1a4b60");
    assert_eq!(list.by, DncBy::Phone { column });
    assert!(pattern.is_match("LEAD-00042") && !pattern.is_match("xLEAD-00042"));
}

#[test]
fn optional_members_have_their_defaults() {
    let rules = with("versionField", "\"crmVersion\"").unwrap().rules;
    assert_eq!(rules.raise(), Some(Raise::Own));
    let secret = with("versionField", "null").unwrap();
    assert_eq!(
        (
            secret.rules.version_field.clone(),
            secret.rules.version_from,
            secret.rules.version_unit,
            secret.calls_per_minute,
            secret.rules.read_lag,
            secret.rules.raise()
        ),
        (None, VersionFrom::Version, None, 300, Duration::ZERO, None)
    );
}

#[test]
fn a_dnc_list_is_read_with_its_kind_of_entries_and_each_invalid_member_is_named() {
    let of = |list: &str| with("dncList", list);
    let by = |list: &str| of(list).unwrap().rules.dnc_list.clone().map(|list| list.by);
    assert_eq!(by("null"), None);
    let by_key = Some(DncBy::ContactKey);
    assert_eq!(by(r#"{"id": "l-1", "by": "contactKey"}"#), by_key);
    assert_eq!(
        by(r#"{"id": "l-1", "by": "contactKey", "column": null}"#),
        by_key
    );
    for (list, expected) in [
        ("\"hush\"", "expected a JSON object"),
        (
            "{}",
            "id: expected 1 to 64 characters of A-Z, a-z, 0-9 and -",
        ),
        (
            r#"{"id": "../hush", "by": "contactKey"}"#,
            "id: expected 1 to 64 characters of A-Z, a-z, 0-9 and -",
        ),
        (
            r#"{"id": "l-1"}"#,
            "by: expected \"contactKey\" or \"phone\"",
        ),
        (
            r#"{"id": "l-1", "by": "hush"}"#,
            "by: expected \"contactKey\" or \"phone\"",
        ),
        (
            r#"{"id": "l-1", "by": "phone"}"#,
            "column: expected a column name of 1 to 128 characters",
        ),
        (
            r#"{"id": "l-1", "by": "phone", "column": ""}"#,
            "column: expected a column name of 1 to 128 characters",
        ),
        (
            r#"{"id": "l-1", "by": "contactKey", "column": "phone"}"#,
            "column: expected only where by is \"phone\"",
        ),
        (
            r#"{"id": "l-1", "by": "contactKey", "by": "phone"}"#,
            "by: expected once",
        ),
        (
            r#"{"id": "l-1", "by": "contactKey", "colum": "phone"}"#,
            "unknown member \"colum\"",
        ),
    ] {
        let text = r#"{"clientId": "id", "clientSecret": "hush", "region": "us-east-1", "api": "predictive", "dncList": "#;
        let error = parse(&format!("{text}{list}}}")).unwrap_err();
        assert_eq!(
            error,
            format!("the secret is malformed: dncList: {expected}")
        );
    }
    let of_versions = parse(
        r#"{"clientId": "id", "clientSecret": "hush", "region": "us-east-1", "api": "predictive", "versionField": "rank",
            "dncList": {"id": "l-1", "by": "phone", "column": "rank"}}"#,
    );
    assert_eq!(
        of_versions.unwrap_err(),
        "the secret is malformed: dncList: expected a column of phone numbers, not versionField"
    );
}

#[test]
fn a_member_that_is_wrong_is_named_without_its_content() {
    for (name, value, expected) in [
        (
            "clientId",
            "\"\"",
            "clientId: expected a string that is not empty",
        ),
        (
            "clientSecret",
            "[\"hush\"]",
            "clientSecret: expected a string that is not empty",
        ),
        (
            "region",
            "\"evil.example.com\"",
            "region: expected an AWS region of Genesys Cloud",
        ),
        (
            "api",
            "\"hush\"",
            "api: expected \"predictive\" or \"contactLists\"",
        ),
        (
            "versionField",
            "\"\"",
            "versionField: expected a column name of 1 to 128 characters, or null",
        ),
        (
            "versionFrom",
            "\"hush\"",
            "versionFrom: expected \"version\" or \"occurredAt\"",
        ),
        (
            "versionUnit",
            "\"days\"",
            "versionUnit: expected \"seconds\", \"milliseconds\" or \"microseconds\"",
        ),
        (
            "versionUnit",
            "\"seconds\"",
            "versionUnit: expected only where versions are ranks",
        ),
        (
            "raise",
            "\"hush\"",
            "raise: expected \"own\", \"always\" or \"never\"",
        ),
        (
            "raise",
            "\"never\"",
            "raise: expected only where versions are stored",
        ),
        (
            "contactKeyPattern",
            "\"(hush\"",
            "contactKeyPattern: expected a regular expression",
        ),
        (
            "callsPerMinute",
            "0",
            "callsPerMinute: expected a whole number from 1 to 4294967295",
        ),
        (
            "readLagSeconds",
            "61",
            "readLagSeconds: expected a whole number from 0 to 60",
        ),
        (
            "readLagSeconds",
            "-1",
            "readLagSeconds: expected a whole number from 0 to 60",
        ),
        (
            "readLagSeconds",
            "\"hush\"",
            "readLagSeconds: expected a whole number from 0 to 60",
        ),
        ("callPerMinute", "1", "unknown member \"callPerMinute\""),
    ] {
        let error = with(name, value).unwrap_err();
        assert_eq!(error, format!("the secret is malformed: {expected}"));
    }
    assert_eq!(
        parse("hush").unwrap_err(),
        "the secret is malformed: expected a JSON object"
    );
    assert_eq!(
        parse("{}").unwrap_err(),
        "the secret is malformed: clientId: expected a string that is not empty"
    );
}

#[test]
fn an_opt_out_may_lower_all_channels_only_if_the_api_supports_them() {
    let opt_out = |api: &str, opt_out: &str| {
        let text = format!(
            r#"{{"clientId": "id", "clientSecret": "hush", "region": "us-east-1", "api": "{api}", "optOut": {opt_out}}}"#
        );
        parse(&text).map(|secret| secret.rules.wishes().opt_out)
    };
    for api in ["predictive", "contactLists"] {
        assert_eq!(opt_out(api, "null"), Ok(OptOut::Voice));
        assert_eq!(opt_out(api, "\"voice\""), Ok(OptOut::Voice));
        for wrong in ["\"hush\"", "true", "[\"all\"]"] {
            let error = opt_out(api, wrong).unwrap_err();
            assert_eq!(
                error,
                "the secret is malformed: optOut: expected \"voice\" or \"all\""
            );
        }
    }
    assert_eq!(opt_out("contactLists", "\"all\""), Ok(OptOut::All));
    assert_eq!(
        opt_out("predictive", "\"all\"").unwrap_err(),
        "the secret is malformed: optOut: expected \"voice\" where api is \"predictive\""
    );
}

#[test]
fn debug_output_shows_no_credential() {
    let shown = format!("{:?}", with("clientSecret", "\"hush-hush\"").unwrap());
    assert!(!shown.contains("hush"), "{shown}");
}
