//! A change only ever lowers channels and numbers. What that does to a contact is tested in `plan`.

use super::*;
use crate::channel::Channel;

const BOTH: [(&str, &str); 2] = [
    ("contactable", r#"{"Sms": false, "WhatsApp": false}"#),
    ("phones", r#"{"cell": false}"#),
];

#[test]
fn lowered_channels_round_trip_and_empty_objects_have_no_effect() {
    let change = parse(&body(&BOTH, &["callable"])).unwrap();
    let lowers = change.operation.lowers().unwrap();
    assert_eq!(lowers.channels, [Channel::Sms, Channel::WhatsApp].into());
    assert_eq!(lowers.phones, ["cell".to_owned()].into());
    assert!(change.operation.opts_out());
    assert_eq!(change.operation.callable(), None);
    assert!(
        change
            .body()
            .contains(r#""contactable":{"Sms":false,"WhatsApp":false}"#)
    );
    assert!(change.body().contains(r#""phones":{"cell":false}"#));
    assert_eq!(parse(&change.body()), Ok(change));
    let plain = parse(&body(&[], &[])).unwrap();
    let empty = parse(&body(&[("contactable", "{}"), ("phones", "{}")], &[])).unwrap();
    assert_eq!(empty, plain);
    assert_eq!(empty.deduplication_id(), plain.deduplication_id());
    assert!(plain.operation.lowers().is_none() && !plain.operation.opts_out());
}

#[test]
fn lowered_channels_enter_the_deduplication_id() {
    let id = |set: &[(&str, &str)]| parse(&body(set, &[])).unwrap().deduplication_id();
    let ids = [
        id(&[]),
        id(&BOTH[..1]),
        id(&BOTH[1..]),
        id(&BOTH),
        id(&[("contactable", r#"{"Sms": false}"#)]),
    ];
    for (n, one) in ids.iter().enumerate() {
        assert!(!ids[..n].contains(one), "{n}");
    }
}

#[test]
fn nothing_is_raised_and_every_other_name_and_value_is_refused() {
    for (value, pointer, code) in [
        (r#"{"Sms": true}"#, "/contactable/Sms", "notAllowed"),
        (r#"{"Sms": null}"#, "/contactable/Sms", "wrongType"),
        (r#"{"Sms": "false"}"#, "/contactable/Sms", "wrongType"),
        (
            r#"{"Sms": {"contactable": false}}"#,
            "/contactable/Sms",
            "wrongType",
        ),
        (r#"{"sms": false}"#, "/contactable/sms", "unknownField"),
        (r#"{"Fax": false}"#, "/contactable/Fax", "unknownField"),
        (
            r#"{"Sms": false, "Sms": false}"#,
            "/contactable/Sms",
            "duplicateField",
        ),
        (r#"["Sms"]"#, "/contactable", "wrongType"),
        ("false", "/contactable", "wrongType"),
        ("null", "/contactable", "wrongType"),
    ] {
        assert_eq!(
            fault(&[("contactable", value)]),
            [(pointer.into(), code)],
            "{value}"
        );
    }
    let long = format!(r#"{{"{}": false}}"#, "é".repeat(129));
    for (value, pointer, code) in [
        (r#"{"a/b": true}"#, "/phones/a~1b".to_owned(), "notAllowed"),
        (r#"{"cell": 0}"#, "/phones/cell".to_owned(), "wrongType"),
        (r#"{"": false}"#, "/phones/".to_owned(), "tooLong"),
        (&long, format!("/phones/{}", "é".repeat(129)), "tooLong"),
        (
            r#"{"cell": false, "cell": true}"#,
            "/phones/cell".to_owned(),
            "notAllowed",
        ),
    ] {
        assert_eq!(fault(&[("phones", value)]), [(pointer, code)], "{value}");
    }
    let columns: Vec<_> = (0..51).map(|n| format!(r#""c{n}": false"#)).collect();
    let many = format!("{{{}}}", columns.join(","));
    assert_eq!(fault(&[("phones", &many)]), [("/phones".into(), "tooMany")]);
}

#[test]
fn a_refusal_is_reported_with_its_reason_and_without_what_the_sender_wrote() {
    let set = [
        ("contactable", r#"{"Sms": true}"#),
        ("phones", r#"{"Ada": true}"#),
    ];
    let told = parse(&body(&set, &[])).unwrap_err().to_string();
    let why = "expected false: channels and numbers are only lowered here, since no rank is stored for \
               each of them; raise it in Genesys Cloud (notAllowed)";
    assert_eq!(told, format!("contactable/*: {why}; phones/*: {why}"));
}

#[test]
fn neither_goes_with_another_operation() {
    let neither = [
        ("/contactable".into(), "notAllowed"),
        ("/phones".into(), "notAllowed"),
    ];
    let mut remove = BOTH.to_vec();
    remove.push(("operation", r#""remove""#));
    assert_eq!(faults(&body(&remove, &["data", "callable"])), neither);
    let mut reset = BOTH.to_vec();
    reset.push(("operation", r#""resetRank""#));
    reset.push(("reset", r#"{"from": 9, "reason": "the CRM's clock"}"#));
    assert_eq!(
        faults(&body(&reset, &["data", "callable", "version"])),
        neither
    );
}
