//! Tests of the values that a program may yield, and of the message when it fails. Programs that
//! may not run at all are in `refusals`, and the functions that a program may call in `times`.

use super::*;

#[test]
fn a_failure_shows_no_text_but_a_literal_of_the_program() {
    for (program, expected) in [
        (r#"error("DoNotCall is missing")"#, "DoNotCall is missing"),
        (r#"error("no \"name\"")"#, "no \"name\""),
        (
            "error(.secret)",
            "its message may hold a value, so it is not shown",
        ),
        (
            r#"error("it is \(.secret)")"#,
            "its message may hold a value, so it is not shown",
        ),
        (
            r#"error({a: "text", b: .secret})"#,
            "its message may hold a value, so it is not shown",
        ),
        (
            r#""text" | error"#,
            "its message may hold a value, so it is not shown",
        ),
        ("error", "its message may hold a value, so it is not shown"),
        (
            ".secret.a",
            "a value that is no object or list has no members",
        ),
        (
            ".secret[]",
            "a value is not of the type that a function needs",
        ),
        (
            ".secret | map(.)",
            "a value is not of the type that a function needs",
        ),
        (
            ".secret - 1",
            "values of these types cannot be calculated with",
        ),
        (
            "(.secret | tostring) |= 1",
            "the left side of an assignment is not a path",
        ),
        (
            ".secret | tonumber",
            "tonumber: expected a number, or a text that is one",
        ),
    ] {
        let fault = fault(&json!({"jq": program}), r#"{"secret": "+13175550100"}"#);
        assert_eq!(
            fault,
            format!("jq: the program failed: {expected}"),
            "{program}"
        );
    }
}

#[test]
fn a_yielded_value_of_the_wrong_type_is_a_fault() {
    let body = r#"{"+13175550100": "+13175550101"}"#;
    for (program, expected) in [
        ("1", "at \"\": expected an object"),
        ("[]", "at \"\": expected an object"),
        ("null", "at \"\": expected an object"),
        ("{(1): 2}", "at \"\": expected names that are texts"),
        ("{data: 1}", "at \"/data\": expected an object"),
        ("{data: null}", "at \"/data\": expected an object"),
        (
            "{data: {(null): 2}}",
            "at \"/data\": expected names that are texts",
        ),
        (
            "{data: {phone: [1]}}",
            "at \"/data/phone\": expected a text, a number, a boolean or null",
        ),
        (
            "{data: {\"a/b\": [1]}}",
            "at \"/data/a~1b\": expected a text, a number, a boolean or null",
        ),
        (
            "{data: map_values([.])}",
            "at \"/data/*\": expected a text, a number, a boolean or null",
        ),
        (
            "{phones: {(keys[0]): {(1): 2}}}",
            "at \"/phones/*\": expected names that are texts",
        ),
        (
            "{campaigns: {}}",
            "at \"/campaigns\": expected a text, a number, a boolean or null",
        ),
        (
            "{campaignsBefore: [[]]}",
            "at \"/campaignsBefore\": expected a text, a number, a boolean or null",
        ),
        (
            "{version: (1 / 0)}",
            "at \"/version\": expected a finite number of at most 300 digits",
        ),
    ] {
        let fault = fault(&json!({"jq": program}), body);
        assert_eq!(
            fault,
            format!("jq: what the program yields, {expected}"),
            "{program}"
        );
    }
    let nested = format!("{{phones: {}1{}}}", "[".repeat(20), "]".repeat(20));
    assert!(fault(&json!({"jq": nested}), "{}").ends_with(
        "expected lists and objects that are nested at most \
        16 deep"
    ));
}

#[test]
fn an_item_that_yields_more_changes_than_allowed_is_a_fault() {
    let mapping = mapping(&json!({"jq": ".[] | {contactKey: ., data: {}}"}));
    let headers = BTreeMap::new();
    let run = |most| mapping.changes(r#"["a","b","c"]"#, &about(&headers), most);
    let ids: Vec<Value> = run(3)
        .unwrap()
        .iter()
        .map(|mapped| checked(mapped)["eventId"].clone())
        .collect();
    assert_eq!(ids.len(), 3);
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
    assert_eq!(ids[0], checked(&run(3).unwrap()[0])["eventId"]);
    let fault = run(2).unwrap_err();
    assert_eq!(
        (fault.code(), fault.to_string().as_str()),
        ("tooMany", "jq: more than 2 changes from one item")
    );
    assert_eq!(run(0).unwrap_err().code(), "tooMany");
    assert_eq!(
        mapping.changes("[]", &about(&headers), 0).unwrap(),
        Vec::new()
    );
}

#[test]
fn an_event_id_that_the_program_sets_is_kept() {
    let said = |program: &str| changes(&json!({"jq": program}), "{}")[0]["eventId"].clone();
    assert_eq!(
        said(r#"{contactKey: "k", data: {}, eventId: "e-1"}"#),
        json!("e-1")
    );
    let made = said(r#"{contactKey: "k", data: {}}"#);
    assert_eq!(made.as_str().unwrap().len(), "map-".len() + 40);
    // A null id is not a member of the wrong type here. The schema of changes refuses it later.
    let mapping = mapping(&json!({"jq": r#"{contactKey: "k", data: {}, eventId: .none}"#}));
    let mapped = mapping.changes("{}", &about(&BTreeMap::new()), 1).unwrap();
    assert!(mapped[0].text.contains(r#""eventId":null"#));
}

#[test]
fn versions_of_any_size_keep_every_digit() {
    let config = json!({"jq": "{contactKey: \"k\", data: {}, version: .v}"});
    let mapping = mapping(&config);
    for (version, expected) in [
        ("1764000000000", "1764000000000"),
        ("1.764e12", "1764000000000"),
        ("99999999999999999999999999", "99999999999999999999999999"),
        ("-1", "-1"),
        ("1.5", "1.5"),
        (&"9".repeat(300), &"9".repeat(300)),
    ] {
        let mapped = mapping
            .changes(&format!("{{\"v\":{version}}}"), &about(&BTreeMap::new()), 1)
            .unwrap();
        assert!(
            mapped[0].text.contains(&format!("\"version\":{expected},")),
            "{}",
            mapped[0].text
        );
    }
}
