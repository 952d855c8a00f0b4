//! The values that each member of a change may hold, and the fault that each other value gets
//! (docs/contract.md "Contact change", "Fault codes"). Members that depend on the sender are in
//! `senders`.

use super::*;

#[test]
fn contact_keys_are_taken_as_they_are_or_refused() {
    let longest = "é".repeat(127);
    for key in [
        "a b",
        "a/b",
        "a#b",
        "a?b",
        "a%2Fb",
        "é",
        "👩🏽‍💻",
        "LEAD",
        "lead",
        "...",
        &longest,
        "\u{FFFD}",
    ] {
        let change = parse(&body(
            &[("contactKey", &serde_json::to_string(key).unwrap())],
            &[],
        ))
        .unwrap();
        assert_eq!(change.key.as_str(), key);
    }
    let too_long = "é".repeat(128);
    for key in [
        "",
        ".",
        "..",
        " a",
        "a ",
        "a\u{2003}",
        "\u{FEFF}\u{FFFE}",
        "a\u{FFFF}b",
        "a\u{7f}b",
        "a\u{85}b",
        &too_long,
    ] {
        let key = serde_json::to_string(key).unwrap();
        assert_eq!(
            fault(&[("contactKey", &key)]),
            [("/contactKey".into(), "wrongFormat")],
            "{key}"
        );
    }
    assert_eq!(
        fault(&[("contactKey", r#""a\u0000b""#)]),
        [("/contactKey".into(), "wrongFormat")]
    );
    assert_eq!(
        fault(&[("contactKey", "7")]),
        [("/contactKey".into(), "wrongType")]
    );
}

#[test]
fn identifiers_keep_to_their_alphabets() {
    for (field, bad) in [
        ("org", r#""acme_us""#),
        ("org", r#""""#),
        ("campaignId", r#""a/b""#),
        (
            "campaignId",
            r#""0123456789012345678901234567890123456789012345678""#,
        ),
        ("eventId", r#""a b""#),
        ("source", r#""CRM""#),
    ] {
        assert_eq!(
            fault(&[(field, bad)]),
            [(format!("/{field}"), "wrongFormat")],
            "{bad}"
        );
    }
}

#[test]
fn data_is_bounded() {
    let columns = |count: usize| {
        let columns: Vec<String> = (0..count).map(|n| format!(r#""c{n}": "x""#)).collect();
        format!("{{{}}}", columns.join(","))
    };
    assert!(parse(&body(&[("data", &columns(50))], &[])).is_ok());
    assert_eq!(
        fault(&[("data", &columns(51))]),
        [("/data".into(), "tooMany")]
    );
    let long = |name: usize, value: usize| {
        format!(r#"{{"{}": "{}"}}"#, "é".repeat(name), "é".repeat(value))
    };
    assert!(parse(&body(&[("data", &long(128, 512))], &[])).is_ok());
    assert_eq!(fault(&[("data", &long(129, 1))])[0].1, "tooLong");
    assert_eq!(fault(&[("data", &long(1, 513))])[0].1, "tooLong");
    assert_eq!(
        fault(&[("data", r#"{"": "x"}"#)]),
        [("/data/".into(), "tooLong")]
    );
    assert!(parse(&body(&[("data", "{}")], &[])).is_ok());
}

#[test]
fn numbers_and_flags_are_not_guessed() {
    for (field, bad, code) in [
        ("version", "-1", "outOfRange"),
        ("version", "1.5", "outOfRange"),
        ("version", "1e-3", "outOfRange"),
        ("version", "9007199254740992.0", "outOfRange"),
        ("version", "1e400", "outOfRange"),
        ("version", r#""7""#, "wrongType"),
        ("version", "null", "wrongType"),
        ("callable", r#""false""#, "wrongType"),
        ("callable", "0", "wrongType"),
        ("callable", "null", "wrongType"),
    ] {
        assert_eq!(
            fault(&[(field, bad)]),
            [(format!("/{field}"), code)],
            "{field} {bad}"
        );
    }
    assert!(parse(&body(&[("version", "9007199254740991")], &[])).is_ok());
}

#[test]
fn a_version_that_is_whole_is_that_number_however_it_is_written() {
    for written in ["1764000000000", "1764000000000.0", "1.764E12", "1764e+9"] {
        let change = parse(&body(&[("version", written), ("schema", "1.0")], &[])).unwrap();
        assert_eq!(change.version, Rank::new(1_764_000_000_000), "{written}");
    }
    // A float would make it 9007199254740990 or ...992.
    let change = parse(&body(&[("version", "9007199254740991.0")], &[])).unwrap();
    assert_eq!(change.version, Some(Rank::MAX));
    assert_eq!(
        fault(&[("schema", "1.5")]),
        [("/schema".into(), "unsupportedSchema")]
    );
}

#[test]
fn invisible_characters_at_the_ends_of_a_key_are_refused_and_named() {
    for (key, expected) in [
        (
            "LEAD-1\u{202C}",
            "contactKey: expected not to end with a character that nobody sees (U+202C)",
        ),
        (
            "LEAD-1\u{200B}",
            "contactKey: expected not to end with a character that nobody sees (U+200B)",
        ),
        (
            "\u{FEFF}LEAD-1",
            "contactKey: expected not to begin with a character that nobody sees (U+FEFF)",
        ),
        (
            "LEAD-1\u{E0020}",
            "contactKey: expected not to end with a character that nobody sees (U+E0020)",
        ),
        (
            "LEAD-1\u{2003}",
            "contactKey: expected not to end with white space (U+2003)",
        ),
        (
            "\tLEAD-1",
            "contactKey: expected not to begin with white space (U+0009)",
        ),
    ] {
        let body = body(&[("contactKey", &serde_json::to_string(key).unwrap())], &[]);
        let told = parse(&body).unwrap_err().to_string();
        assert_eq!(told, format!("{expected} (wrongFormat)"));
    }
    assert!(
        parse(&body(&[("contactKey", "\"LEAD\u{200B}-1\"")], &[])).is_ok(),
        "in the middle"
    );
}

#[test]
fn half_of_a_surrogate_pair_is_reported_as_such_and_as_nothing_else() {
    for (set, pointer) in [
        (("contactKey", r#""\ud800""#), "/contactKey"),
        (("eventId", r#""evt\udc00""#), "/eventId"),
        (
            ("data", r#"{"firstName": "Ann \ud83d"}"#),
            "/data/firstName",
        ),
        (("data", r#"{"Ann \ud83d": "x"}"#), "/data"),
    ] {
        let invalid = parse(&body(&[set], &[])).unwrap_err();
        let told: Vec<_> = invalid
            .faults()
            .iter()
            .map(|f| (f.pointer.as_str(), f.message.as_ref()))
            .collect();
        let expected = "expected whole characters; there is half of a surrogate pair";
        assert_eq!(told, [(pointer, expected)]);
    }
    let name = parse(r#"{"A\ud83d": 1}"#).unwrap_err().to_string();
    assert_eq!(
        name,
        "body: expected whole characters; there is half of a surrogate pair (wrongFormat)"
    );
}

#[test]
fn occurred_at_is_rfc_3339_and_not_in_the_future() {
    let at = |text: &str| {
        let body = body(&[("occurredAt", &format!("{text:?}"))], &[]);
        Change::parse_from(&sender(), &body, now())
    };
    for good in [
        "2026-11-24T16:05:00Z",
        "2026-11-24t11:00:00.123456789-05:00",
        "1969-12-31T23:59:59Z",
    ] {
        assert!(at(good).is_ok(), "{good}");
    }
    for bad in [
        "2026-11-24",
        "2026-11-24T16:00Z",
        "20261124T160000Z",
        "2026-11-24T16:00:00",
        "2026-11-24T16:00:00.Z",
        "2026-11-24T16:00:00Z[UTC]",
        "2026-13-24T16:00:00Z",
        "2026-11-24 16:00:00Z",
        "é",
    ] {
        let codes: Vec<_> = at(bad)
            .unwrap_err()
            .faults()
            .iter()
            .map(|fault| fault.code.as_str())
            .collect();
        assert_eq!(codes, ["wrongFormat"], "{bad}");
    }
    assert_eq!(
        at("2026-11-24T16:05:00.001Z").unwrap_err().faults()[0].code,
        FaultCode::InFuture
    );
    let old = at("1969-12-31T23:59:59Z").unwrap();
    assert_eq!(old.rank(VersionFrom::OccurredAt).unwrap().to_string(), "0");
}

#[test]
fn a_fraction_of_any_length_is_compared_exactly() {
    let at = |text: &str| {
        let body = body(&[("occurredAt", &format!("{text:?}"))], &[]);
        parse(&body).unwrap()
    };
    let long = at("2026-11-24T16:00:00.123456789012Z");
    assert_eq!(
        long.occurred_at.unwrap().to_string(),
        "2026-11-24T16:00:00.123456789Z"
    );
    let (earlier, later) = (
        at("2026-11-24T16:00:00.1231Z"),
        at("2026-11-24T16:00:00.1239Z"),
    );
    assert!(
        earlier.occurred_at < later.occurred_at,
        "0.8 ms earlier is earlier"
    );
    // A rank has whole milliseconds: smaller parts are cut off, never rounded up.
    for change in [
        &earlier,
        &later,
        &at("2026-11-24T16:00:00.123999999999999Z"),
    ] {
        let rank = change.rank(VersionFrom::OccurredAt).unwrap();
        assert_eq!(rank.to_string(), "1795536000123");
    }
}

#[test]
fn an_offset_without_a_colon_is_named() {
    for (offset, sign) in [("+0000", '+'), ("-0500", '-'), ("+01", '+')] {
        let text = format!("\"2026-11-24T16:00:00.000{offset}\"");
        let told = parse(&body(&[("occurredAt", &text)], &[]))
            .unwrap_err()
            .to_string();
        let expected =
            format!("the offset is {sign}00:00 with a colon, not {sign}0000 (wrongFormat)");
        assert!(told.ends_with(&expected), "{told}");
    }
}

#[test]
fn only_the_decimal_text_of_a_rank_is_one() {
    assert_eq!(Rank::from_text("9007199254740991"), Some(Rank::MAX));
    for none in [
        "",
        "9007199254740992",
        "+7",
        "07",
        " 7",
        "7 ",
        "-0",
        "1e3",
        "7.0",
        "٧",
    ] {
        assert_eq!(Rank::from_text(none), None, "{none:?}");
    }
}
