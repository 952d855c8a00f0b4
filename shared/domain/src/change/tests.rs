//! Tests of reading and writing a change: the contract's example, ids, and faults. `values` goes
//! through the members, `lowered` through channels and numbers, and `senders` through what each
//! origin may leave out. What a change does to a contact is tested in `plan`.

mod lowered;
mod senders;
mod values;

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

/// The contract's example with one member replaced, or (if the value is null) removed.
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

/// The body of a change that only an operator puts into the queue.
pub(super) fn of_operator(operation: &str, member: &str, said: &str) -> String {
    format!(
        r#"{{"schema": 1, "eventId": "e", "org": "acme", "campaignId": "c", "contactKey": "k",
            "operation": "{operation}", "{member}": {said}}}"#
    )
}

fn sender() -> Sender {
    Sender {
        source: SourceName::parse("crm").unwrap(),
        org: Some(OrgId::parse("acme-us").unwrap()),
        campaign: Some(CampaignId::parse("5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11").unwrap()),
    }
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
fn all_faults_are_reported_at_once() {
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
fn a_fault_text_contains_nothing_the_sender_wrote() {
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
fn another_schema_is_recognized_and_not_judged_by_our_rules() {
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
fn a_body_that_is_not_an_object_is_refused() {
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
fn a_slow_clock_does_not_refuse_an_accepted_change() {
    let body = body(&[("occurredAt", "\"2026-11-24T16:05:00Z\"")], &[]);
    let taken = Change::parse_from(&sender(), &body, now()).unwrap();
    let behind = now() - SignedDuration::from_secs(1);
    assert!(Change::parse_from(&sender(), &body, behind).is_err());
    assert_eq!(Change::parse(&taken.body()), Ok(taken));
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

    /// The border between two parts counts: "ab" and "c" are not "a" and "bc".
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
