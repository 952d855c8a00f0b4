use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;

const NOW: &str = "2026-11-24T16:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn parse(body: &str) -> Result<Change, Invalid> {
    Change::parse(body)
}

/// The contract's example with one member set anew, or (null) with `without` left out.
fn body(set: &[(&str, &str)], without: &[&str]) -> String {
    let mut members = vec![
        ("schema", "1"),
        ("eventId", r#""evt_2f9c0d""#),
        ("org", r#""acme-us""#),
        ("campaignId", r#""5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11""#),
        ("contactKey", r#""LEAD-00042""#),
        ("version", "1764000000000"),
        ("data", r#"{"phone": "+13175550100", "nickname": null}"#),
        ("callable", "true"),
    ];
    members
        .retain(|(name, _)| !without.contains(name) && !set.iter().any(|(other, _)| other == name));
    members.extend_from_slice(set);
    let members: Vec<String> = members
        .iter()
        .map(|(name, value)| format!("{name:?}: {value}"))
        .collect();
    format!("{{{}}}", members.join(", "))
}

fn faults(body: &str) -> Vec<(String, &'static str)> {
    let invalid = parse(body).unwrap_err();
    invalid
        .faults()
        .iter()
        .map(|fault| (fault.pointer.clone(), fault.code.as_str()))
        .collect()
}

fn fault(set: &[(&str, &str)]) -> Vec<(String, &'static str)> {
    faults(&body(set, &[]))
}

#[test]
fn the_contracts_example_is_read() {
    let change = parse(
        r#"{"schema": 1, "eventId": "evt_2f9c0d", "org": "acme-us", "campaignId": "5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11",
            "contactKey": "LEAD-00042", "operation": "upsert", "version": 1764000000000,
            "occurredAt": "2026-11-24T16:00:00Z", "source": "crm",
            "data": {"phone": "+13175550100", "firstName": "Ada", "nickname": null}, "callable": true}"#,
    )
    .unwrap();
    let data = change.operation.data().unwrap();
    assert_eq!(data["phone"].as_deref(), Some("+13175550100"));
    assert_eq!(data["nickname"], None);
    assert_eq!(change.operation.callable(), Some(true));
    assert_eq!(
        change.rank(VersionFrom::Version).unwrap().to_string(),
        "1764000000000"
    );
    assert_eq!(
        change.rank(VersionFrom::OccurredAt).unwrap().to_string(),
        "1795536000000"
    );
    assert_eq!(change.source.unwrap().as_str(), "crm");
}

#[test]
fn group_and_deduplication_ids_are_those_that_other_programs_compute() {
    // printf LEAD-00042 | sha256sum; in Python: json.dumps of the body without source, with
    // sort_keys, ensure_ascii=False and separators (",", ":"), and its hashlib.sha256.
    let change = parse(&body(&[], &[])).unwrap();
    assert_eq!(
        change.message_group().as_str(),
        "acme-us/5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11/99e3ef2fb3417bd7645f882ccd0cab6a"
    );
    assert_eq!(
        change.deduplication_id(),
        "8c8725da8006258d300d033ad96abcb254b403308498a1504ce53240d5f189f1"
    );
}

#[test]
fn a_change_is_the_same_when_it_says_the_same_under_the_same_event_id() {
    let id = |members: &[(&str, &str)]| parse(&body(members, &[])).unwrap().deduplication_id();
    let same = id(&[]);
    assert_eq!(id(&[("source", r#""another""#)]), same, "whoever sends it");
    for (name, other) in [
        ("eventId", r#""evt_other""#),
        ("callable", "false"),
        ("version", "1"),
        ("data", "{}"),
    ] {
        assert_ne!(id(&[(name, other)]), same, "{name}");
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let body = body(
        &[
            ("org", r#""Acme""#),
            ("version", "9007199254740992"),
            ("calable", "false"),
            ("data", r#"{"a": 1, "b/c": "x", "b~d": true}"#),
        ],
        &["eventId"],
    );
    assert_eq!(
        faults(&body),
        [
            ("/calable".into(), "unknownField"),
            ("/org".into(), "wrongFormat"),
            ("/eventId".into(), "required"),
            ("/version".into(), "outOfRange"),
            ("/data/a".into(), "wrongType"),
            ("/data/b~0d".into(), "wrongType"),
        ]
    );
}

#[test]
fn what_is_shown_of_a_fault_holds_nothing_that_the_sender_wrote() {
    let body = body(
        &[
            ("+13175550100", "1"),
            ("data", r#"{"Ada": 7}"#),
            ("contactKey", r#"" Ada ""#),
        ],
        &[],
    );
    let shown = parse(&body).unwrap_err();
    for text in [shown.to_string(), format!("{shown:?}")] {
        assert!(!text.contains("Ada") && !text.contains("317"), "{text}");
        assert!(
            text.contains("contactKey: expected not to begin with white space (U+0020)"),
            "{text}"
        );
    }
}

#[test]
fn debug_output_of_a_change_holds_no_personal_data() {
    let change = parse(&body(&[("contactKey", r#""ada@example.com""#)], &[])).unwrap();
    let shown = format!("{change:?}");
    assert!(
        !shown.contains("ada@") && !shown.contains("+1317"),
        "{shown}"
    );
}

#[test]
fn unknown_and_repeated_fields_are_refused() {
    assert_eq!(
        fault(&[("Callable", "false")]),
        [("/Callable".into(), "unknownField")]
    );
    let twice = body(&[], &[]).replacen('{', r#"{"callable": false, "#, 1);
    assert_eq!(faults(&twice), [("/callable".into(), "duplicateField")]);
    let escaped = body(&[], &[]).replacen('{', r#"{"c\u0061llable": false, "#, 1);
    assert_eq!(faults(&escaped), [("/callable".into(), "duplicateField")]);
    let column = [("data", r#"{"a": "1", "a": "2"}"#)];
    assert_eq!(fault(&column), [("/data/a".into(), "duplicateField")]);
}

#[test]
fn another_schema_is_told_apart_and_not_judged_by_our_rules() {
    let invalid = parse(&body(&[("schema", "2"), ("later", "[]")], &["data"])).unwrap_err();
    assert!(invalid.is_unsupported_schema());
    assert_eq!(invalid.faults().len(), 1);
    assert_eq!(
        fault(&[("schema", "\"1\"")]),
        [("/schema".into(), "wrongType")]
    );
    assert_eq!(
        faults(&body(&[], &["schema"])),
        [("/schema".into(), "required")]
    );
}

#[test]
fn what_is_no_object_is_refused() {
    for (text, code) in [
        ("", "notJson"),
        ("{", "notJson"),
        ("{} {}", "notJson"),
        ("[]", "wrongType"),
        ("null", "wrongType"),
    ] {
        assert_eq!(faults(text), [(String::new(), code)], "{text}");
    }
}

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
fn remove_has_neither_data_nor_callable() {
    let remove = [("operation", r#""remove""#)];
    assert_eq!(
        fault(&remove),
        [
            ("/data".into(), "notAllowed"),
            ("/callable".into(), "notAllowed")
        ]
    );
    let change = parse(&body(&remove, &["data", "callable"])).unwrap();
    assert_eq!(
        (change.operation.data(), change.operation.callable()),
        (None, Some(false))
    );
    assert_eq!(
        faults(&body(&[], &["data"])),
        [("/data".into(), "required")]
    );
    assert_eq!(
        fault(&[("operation", r#""delete""#)]),
        [("/operation".into(), "wrongFormat")]
    );
    assert_eq!(
        fault(&[("operation", "null")]),
        [("/operation".into(), "wrongType")]
    );
    let neither = body(&[("operation", "null")], &["data", "callable"]);
    assert_eq!(
        faults(&neither),
        [("/operation".into(), "wrongType")],
        "which fields go with it is not known"
    );
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
fn what_nobody_sees_at_the_ends_of_a_key_is_refused_and_named() {
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
fn half_of_a_surrogate_pair_is_told_as_that_and_nothing_else() {
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
    // A rank has whole milliseconds: what is less is cut off, never rounded up.
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
fn what_ingest_took_in_is_not_refused_by_a_clock_that_is_behind() {
    let body = body(&[("occurredAt", "\"2026-11-24T16:05:00Z\"")], &[]);
    let taken = Change::parse_from(&sender(), &body, now()).unwrap();
    let behind = now() - SignedDuration::from_secs(1);
    assert!(Change::parse_from(&sender(), &body, behind).is_err());
    assert_eq!(Change::parse(&taken.body()), Ok(taken));
}

#[test]
fn a_row_of_a_file_gets_what_it_does_not_say() {
    let sender = sender();
    let event_id = EventId::parse("send-1").unwrap();
    let occurred_at = Some(now());
    let row = Row {
        sender: &sender,
        event_id,
        occurred_at,
    };
    let read = |body: &str| Change::parse_row(&row, body, now()).unwrap();
    let bare = read(r#"{"contactKey": "k", "data": {}}"#);
    assert_eq!(
        (bare.event_id.as_str(), bare.occurred_at),
        ("send-1", Some(now()))
    );
    let own = read(
        r#"{"contactKey": "k", "data": {}, "eventId": "e", "occurredAt": "2026-11-24T15:00:00Z"}"#,
    );
    assert_eq!(own.event_id.as_str(), "e");
    assert!(own.occurred_at < bare.occurred_at);
    let null = Change::parse_row(
        &row,
        r#"{"contactKey": "k", "data": {}, "eventId": null}"#,
        now(),
    );
    assert_eq!(
        null.unwrap_err().faults()[0].pointer,
        "/eventId",
        "null is something that it says"
    );
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

fn sender() -> Sender {
    Sender {
        source: SourceName::parse("crm").unwrap(),
        org: Some(OrgId::parse("acme-us").unwrap()),
        campaign: Some(CampaignId::parse("5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11").unwrap()),
    }
}

#[test]
fn a_sender_fills_what_is_left_out() {
    let full = Change::parse_from(&sender(), &body(&[], &[]), now()).unwrap();
    let short = Change::parse_from(
        &sender(),
        &body(&[], &["schema", "org", "campaignId"]),
        now(),
    )
    .unwrap();
    assert_eq!(full, short);
    assert_eq!(short.source.unwrap().as_str(), "crm");
    let free = Sender {
        org: None,
        campaign: None,
        ..sender()
    };
    assert_eq!(Change::parse_from(&free, &body(&[], &[]), now()), Ok(full));
    let invalid = Change::parse_from(&free, &body(&[], &["org", "campaignId"]), now()).unwrap_err();
    let codes: Vec<_> = invalid
        .faults()
        .iter()
        .map(|fault| (fault.pointer.as_str(), fault.code))
        .collect();
    assert_eq!(
        codes,
        [
            ("/org", FaultCode::Required),
            ("/campaignId", FaultCode::Required)
        ]
    );
}

#[test]
fn a_sender_cannot_write_to_another_org_campaign_or_source() {
    for (name, value) in [
        ("org", r#""other""#),
        ("campaignId", r#""other""#),
        ("source", r#""other""#),
    ] {
        let invalid =
            Change::parse_from(&sender(), &body(&[(name, value)], &[]), now()).unwrap_err();
        assert_eq!(
            (invalid.faults().len(), invalid.faults()[0].code),
            (1, FaultCode::NotAllowed),
            "{name}"
        );
        assert_eq!(invalid.faults()[0].pointer, format!("/{name}"));
    }
    let schema = Change::parse_from(&sender(), &body(&[("schema", "2")], &[]), now()).unwrap_err();
    assert!(schema.is_unsupported_schema());
}

#[test]
fn a_body_that_was_written_is_read_back() {
    let remove = [
        ("operation", r#""remove""#),
        ("occurredAt", r#""2026-11-24T16:00:00.123456789-05:00""#),
    ];
    for body in [
        body(&[], &[]),
        body(
            &[("source", r#""crm""#), ("contactKey", r#""é \" x""#)],
            &["version", "callable"],
        ),
        body(&[("data", "{}"), ("callable", "false")], &[]),
        body(&[("data", "{\"a\u{FFFF}\": \"\u{FFFE}\"}")], &[]),
        body(&remove[..1], &["data", "callable"]),
    ] {
        let change = parse(&body).unwrap();
        assert!(
            !change.body().contains(['\u{FFFE}', '\u{FFFF}']),
            "SQS takes neither"
        );
        assert_eq!(parse(&change.body()), Ok(change));
    }
    let late = Change::parse(&body(&remove, &["data", "callable"])).unwrap();
    assert_eq!(Change::parse(&late.body()), Ok(late));
}

proptest! {
    #[test]
    fn every_message_group_and_deduplication_id_is_legal_in_sqs(key in "\\PC{1,60}") {
        prop_assume!(ContactKey::parse(&key).is_ok());
        let change = parse(&body(&[("contactKey", &serde_json::to_string(&key).unwrap())], &[])).unwrap();
        prop_assert_eq!(change.key.as_str(), key);
        for id in [change.message_group().as_str(), &change.deduplication_id()] {
            prop_assert!((1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()), "{}", id);
        }
    }

    /// Where one part ends and the next begins counts: "ab" and "c" are not "a" and "bc".
    #[test]
    fn no_two_changes_share_a_deduplication_id_and_no_two_contacts_a_group(
        a in ("[a-z]{1,3}", "[a-zA-Z0-9]{1,3}", "[a-z/ ]{1,3}", "[a-z]{1,3}"), b in ("[a-z]{1,3}", "[a-zA-Z0-9]{1,3}", "[a-z/ ]{1,3}", "[a-z]{1,3}")
    ) {
        prop_assume!(a != b && [&a, &b].iter().all(|(_, _, key, _)| ContactKey::parse(key).is_ok()));
        let change = |(org, campaign, key, id): &(String, String, String, String)| {
            let texts = [("org", org), ("campaignId", campaign), ("contactKey", key), ("eventId", id)];
            let texts = texts.map(|(name, text)| (name, serde_json::to_string(text).unwrap()));
            let texts: Vec<_> = texts.iter().map(|(name, text)| (*name, text.as_str())).collect();
            parse(&body(&texts, &[])).unwrap()
        };
        let (first, second) = (change(&a), change(&b));
        prop_assert_ne!(first.deduplication_id(), second.deduplication_id());
        let is_one_contact = (&a.0, &a.1, &a.2) == (&b.0, &b.1, &b.2);
        prop_assert_eq!(first.message_group() == second.message_group(), is_one_contact);
    }

    #[test]
    fn no_body_makes_the_parser_panic(text in ".{0,200}", cut in 0usize..300) {
        let _ = parse(&text);
        let good = body(&[], &[]);
        let end = (0..=cut.min(good.len())).rfind(|&end| good.is_char_boundary(end)).unwrap();
        prop_assert_eq!(parse(&good[..end]).is_ok(), end == good.len());
    }
}

#[test]
fn a_feed_fills_what_its_changes_leave_out_and_names_their_run() {
    let feed = Feed {
        org: OrgId::parse("acme").unwrap(),
        campaign: CampaignId::parse("c1").unwrap(),
        run: "2026-11-24T16:00:00Z".parse().unwrap(),
    };
    let read = |body: &str| {
        Change::parse_from_feed(&feed, body, feed.run).map_err(|invalid| invalid.to_string())
    };
    let change = read(
        r#"{"contactKey": "k", "version": 7, "data": {}, "source": "crm", "eventId": "evt_1"}"#,
    )
    .unwrap();
    assert_eq!(change.event_id.as_str(), "reconcile-2026-11-24T16:00:00Z-7");
    assert_eq!(
        change.source.as_ref().map(SourceName::as_str),
        Some("reconcile")
    );
    assert_eq!(
        (change.org.as_str(), change.campaign.as_str()),
        ("acme", "c1")
    );
    assert_eq!(
        Change::parse(&change.body()),
        Ok(change),
        "the queue takes it"
    );
    let dated =
        read(r#"{"contactKey": "k", "occurredAt": "2026-11-24T15:00:00Z", "operation": "remove"}"#)
            .unwrap();
    assert_eq!(
        dated.event_id.as_str(),
        "reconcile-2026-11-24T16:00:00Z-1795532400000"
    );
    assert!(
        read(r#"{"contactKey": "k", "data": {}, "org": "other"}"#)
            .unwrap_err()
            .starts_with("org: expected what")
    );
    assert!(read(r#"{"contactKey": "k", "data": {}, "calable": false}"#).is_err());
    assert!(
        read(r#"{"data": {}}"#)
            .unwrap_err()
            .starts_with("contactKey: expected this field")
    );
}
