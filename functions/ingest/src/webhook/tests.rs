//! Tests of bodies that become changes: their forms, their limits, and the faults that are
//! reported. Mappings are tested in the crate `mapping`, and what becomes of the changes in
//! tests/it.

use domain::change::SourceName;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn secret() -> SourceSecret {
    let secret = r#"{"auth": "bearer", "bearerTokens": ["a-token-of-16-bytes"], "org": "acme", "campaignId": "c1"}"#;
    SourceSecret::parse(&secret.to_owned().into()).unwrap()
}

/// Pointer and code of each fault.
type Told = Vec<(String, &'static str)>;

fn parse(body: &str) -> Result<Vec<(String, Change)>, Told> {
    let secret = secret();
    let sender = secret.sender(SourceName::parse("crm").unwrap());
    let items = items(None, &Form::Plain, body);
    let reading = read(
        usize::MAX,
        &secret,
        &sender,
        &items,
        &BTreeMap::new(),
        at(1_800_000_000),
    );
    if reading.faulty.is_empty() {
        let placed = reading.changes.into_iter();
        return Ok(placed.map(|made| (made.pointer, made.change)).collect());
    }
    let told = |fault: &Fault| (fault.pointer.clone(), fault.code.as_str());
    Err(reading.into_faults().iter().map(told).collect())
}

#[test]
fn two_changes_of_one_contact_never_have_one_event_id() {
    let change = |id: &str, key: &str, data: &str| {
        format!(r#"{{"eventId": "{id}", "contactKey": "{key}", "data": {{{data}}}}}"#)
    };
    let (first, again) = (
        change("e", "k", r#""a": "1", "b": null"#),
        change("e", "k", r#""b": null, "a": "1""#),
    );
    let opt_out = r#"{"eventId": "e", "contactKey": "k", "operation": "remove"}"#;
    let list = |changes: &[&str]| parse(&format!(r#"{{"changes": [{}]}}"#, changes.join(",")));
    let told = |place: usize| (format!("/changes/{place}/eventId"), "notAllowed");
    assert_eq!(list(&[&first, opt_out]).unwrap_err(), [told(1)]);
    assert_eq!(
        list(&[&first, &change("f", "k", ""), opt_out, "7"]).unwrap_err(),
        [told(2), ("/changes/3".to_owned(), "wrongType")]
    );
    assert_eq!(list(&[opt_out, &first, opt_out]).unwrap_err(), [told(1)]);
    assert!(
        list(&[&first, &again]).is_ok(),
        "the same change twice is one that is sent again"
    );
    assert!(
        list(&[&first, &change("e", "l", "")]).is_ok(),
        "another contact"
    );
    assert!(
        list(&[&first, &change("f", "k", "")]).is_ok(),
        "another event"
    );
}

const CHANGE: &str = r#"{"eventId": "e", "contactKey": "k", "data": {}}"#;

#[test]
fn a_body_is_one_change_or_a_list() {
    assert_eq!(parse(CHANGE).unwrap()[0].0, "");
    let places: Vec<_> = parse(&format!(r#"{{"changes": [{CHANGE}, {CHANGE}]}}"#))
        .unwrap()
        .into_iter()
        .map(|c| c.0)
        .collect();
    assert_eq!(places, ["/changes/0", "/changes/1"]);
}

#[test]
fn all_faults_of_all_changes_are_reported_with_pointers() {
    let bad = r#"{"eventId": "", "contactKey": "k", "data": {"a/b": 1}, "org": "other"}"#;
    let faults = parse(&format!(r#"{{"changes": [{CHANGE}, {bad}, 7]}}"#)).unwrap_err();
    let expected = [
        ("/changes/1/org", "notAllowed"),
        ("/changes/1/eventId", "wrongFormat"),
        ("/changes/1/data/a~1b", "wrongType"),
        ("/changes/2", "wrongType"),
    ];
    assert_eq!(
        faults,
        expected.map(|(pointer, code)| (pointer.to_owned(), code))
    );
}

#[test]
fn a_list_is_bounded_and_has_nothing_beside_it() {
    let list = |count: usize| format!(r#"{{"changes": [{}]}}"#, vec![CHANGE; count].join(","));
    assert_eq!(parse(&list(100)).unwrap().len(), 100);
    for (body, pointer, code) in [
        (list(101), "/changes", "tooMany"),
        (list(0), "/changes", "required"),
        (r#"{"changes": {}}"#.to_owned(), "/changes", "wrongType"),
        (r#"{"changes": null}"#.to_owned(), "/changes", "wrongType"),
        (
            format!(r#"{{"changes": [{CHANGE}], "org": "acme"}}"#),
            "/org",
            "unknownField",
        ),
        (
            format!(r#"{{"changes": [{CHANGE}], "changes": [{CHANGE}]}}"#),
            "/changes",
            "duplicateField",
        ),
        (
            format!(r#"{{"changes": [{CHANGE}], "ch\u0061nges": []}}"#),
            "/changes",
            "duplicateField",
        ),
        ("[]".to_owned(), "", "wrongType"),
        ("{".to_owned(), "", "notJson"),
        (String::new(), "", "notJson"),
    ] {
        assert_eq!(
            parse(&body).unwrap_err(),
            [(pointer.to_owned(), code)],
            "{body}"
        );
    }
}

#[test]
fn the_number_of_faults_of_a_hostile_body_is_bounded() {
    let columns = "\"\":0,".repeat(40_000);
    assert_eq!(
        parse(&format!("{{{}\"eventId\": 1}}", columns))
            .unwrap_err()
            .len(),
        100
    );
    let one = format!("{{{}\"a\": 1}}", "\"\":0,".repeat(200));
    let many = format!(r#"{{"changes": [{}]}}"#, vec![one; 50].join(","));
    assert_eq!(parse(&many).unwrap_err().len(), 1_000);
}

#[test]
fn a_deeply_nested_body_is_refused() {
    for open in ["[", "{\"a\":"] {
        let deep = open.repeat(40_000);
        for body in [
            deep.clone(),
            format!(r#"{{"changes": {deep}"#),
            format!(r#"{{"eventId": {deep}"#),
        ] {
            assert!(parse(&body).is_err());
        }
        let closed = format!(
            r#"{{"eventId": {}{}, "contactKey": "k", "data": {{}}}}"#,
            "[".repeat(40_000),
            "]".repeat(40_000)
        );
        assert_eq!(
            parse(&closed).unwrap_err(),
            [("/eventId".to_owned(), "wrongType")]
        );
    }
}
