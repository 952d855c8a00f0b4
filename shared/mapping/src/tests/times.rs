//! Tests of the functions that this crate adds to jq, and of the rule that turns values into texts.
//! docs/mapping.md "Values" states the rule, and `natives` has the code.

use super::*;

/// The value that a program yields for an input as the one column `x`, or the fault.
fn value(program: &str, input: &str) -> Result<Value, String> {
    let config = json!({"jq": format!("{{contactKey: \"k\", data: {{x: ({program})}}}}")});
    let mut mapped = mapped(&config, &format!("[{input}]"));
    let mut changes = mapped.remove(0)?;
    Ok(changes.remove(0)["data"]["x"].take())
}

#[test]
fn times_are_read_in_every_form() {
    for (text, expected) in [
        (r#""2026-11-24T16:00:00Z""#, "1795536000000"),
        (r#""2026-11-24t16:00:00z""#, "1795536000000"),
        (r#""2026-11-24T16:00:00.123Z""#, "1795536000123"),
        (r#""2026-11-24T16:00:00.1239999999999Z""#, "1795536000123"),
        (r#""2026-11-24T21:30:00+05:30""#, "1795536000000"),
        (r#""2026-11-24T21:30:00+0530""#, "1795536000000"),
        (r#""2026-11-24T16:00:00.000+0000""#, "1795536000000"),
        (r#""2026-11-24T09:00:00-07:00""#, "1795536000000"),
        (r#""/Date(1764000000000)/""#, "1764000000000"),
        (r#""/Date(1764000000000-0700)/""#, "1764000000000"),
        (r#""/Date(1764000000000+0530)/""#, "1764000000000"),
        (r#""/Date(-5)/""#, "-5"),
        ("1764000000123", "1764000000123"),
        ("1764000000123.9", "1764000000123"),
        ("1.764e12", "1764000000000"),
        ("9007199254740993", "9007199254740993"),
    ] {
        assert_eq!(value("ms", text), Ok(json!(expected)), "{text}");
    }
    assert_eq!(
        value(". * 1000 | ms", "1764000000"),
        Ok(json!("1764000000000"))
    );
    assert_eq!(
        value(". * 1000 | ms", "1764000000.1239"),
        Ok(json!("1764000000123"))
    );
}

#[test]
fn a_value_that_is_not_a_time_is_refused() {
    let expected = "jq: the program failed: ms: expected an RFC 3339 time with an offset, /Date(n)/, \
        or milliseconds as a number";
    for text in [
        r#""2026-11-24T16:00:00""#,
        r#""2026-11-24""#,
        r#""2026-11-24 16:00:00Z""#,
        r#""2026-13-24T16:00:00Z""#,
        r#""2026-11-24T16:00:00.Z""#,
        r#""2026-11-24T16:00:00+05""#,
        r#""2026-11-24T16:00:00+05:3""#,
        r#""2026-11-24T16:00:00+0530[Asia/Kolkata]""#,
        r#""1764000000000""#,
        r#""/Date()/""#,
        r#""/Date(x)/""#,
        r#""/Date(1764000000000+05)/""#,
        r#""/Date(99999999999999999999)/""#,
        r#""é/Date(1)/""#,
        r#""+é0526-11-24T16:00:00Z""#,
        r#""2026-11-24T16:00:00+é:30""#,
        "1e400",
        "1e17",
        "null",
        "true",
        "[]",
        "{}",
    ] {
        assert_eq!(value("ms", text), Err(expected.to_owned()), "{text}");
    }
}

#[test]
fn values_become_texts_by_one_rule() {
    for (input, expected) in [
        (r#""+1317""#, json!("+1317")),
        (r#""""#, json!("")),
        ("null", json!(null)),
        ("true", json!("true")),
        ("false", json!("false")),
        ("1.50", json!("1.5")),
        ("1e3", json!("1000")),
        ("-0", json!("0")),
        ("-0.0", json!("0")),
        ("0.1000000000000000055", json!("0.1000000000000000055")),
        (
            "123456789012345678901234567890",
            json!("123456789012345678901234567890"),
        ),
        ("18446744073709551616.0", json!("18446744073709551616")),
        (r#""\u0000\ud83d\ude00""#, json!("\u{0}😀")),
    ] {
        assert_eq!(value(".", input), Ok(expected), "{input}");
    }
    for input in ["[]", "{}", "[1]"] {
        let expected = "jq: what the program yields, at \"/data/x\": expected a text, a number, a boolean or null";
        assert_eq!(value(".", input), Err(expected.to_owned()));
    }
    let digits = "9".repeat(100_000);
    for input in [
        "1e400",
        "1e999999",
        "1e-999999",
        "1e99999999999999999999",
        &digits,
    ] {
        let expected = "jq: what the program yields, at \"/data/x\": expected a finite number of at most 300 digits";
        assert_eq!(value(".", input), Err(expected.to_owned()));
    }
}

#[test]
fn non_finite_numbers_are_faults() {
    for program in [
        "1 / 0",
        "0 / 0",
        "-1 / 0",
        "1e308 * 10",
        ". * 1e300 * 1e300",
    ] {
        let fault = value(program, "5").unwrap_err();
        assert!(
            fault.ends_with("expected a finite number of at most 300 digits"),
            "{program}: {fault}"
        );
        let config =
            json!({"jq": format!("{{contactKey: \"k\", data: {{}}, version: ({program})}}")});
        let fault = super::fault(&config, "[5]");
        assert!(fault.contains("at \"/version\""), "{fault}");
    }
    assert!(value("1 % 0", "5").is_err());
    assert!(value(". % (. - .)", "123456789012345678901234567890").is_err());
}

#[test]
fn a_product_takes_two_numbers_or_two_objects() {
    assert_eq!(
        value(". * 7", "123456789012345678901"),
        Ok(json!("864197523086419752307"))
    );
    assert_eq!(
        value("({a: {b: 1}} * {a: {c: .}}).a.c", "2"),
        Ok(json!("2"))
    );
    for (program, input) in [
        ("\"x\" * .", "2000000000000"),
        (". * 1000000000000", r#""x""#),
        (". * 99999999999999999999", r#""x""#),
    ] {
        let fault = value(program, input).unwrap_err();
        assert_eq!(
            fault,
            "jq: the program failed: *: expected two numbers, or two objects"
        );
    }
    // Repeated squaring would make a number that fills the memory.
    let squares = format!("{} .", ". as $x | $x * $x | ".repeat(30));
    assert!(value(&squares, "123456789012345678901234567890").is_err());
}

#[test]
fn the_other_added_functions_do_as_the_page_says() {
    let sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    assert_eq!(value("sha256", r#""hello""#), Ok(json!(sha256)));
    assert_eq!(
        value(r#"test("^\\+[0-9]+$")"#, r#""+1317""#),
        Ok(json!("true"))
    );
    assert_eq!(
        value(r#"test("^[0-9]+$")"#, r#""+1317""#),
        Ok(json!("false"))
    );
    assert_eq!(value("tonumber", r#""12.50""#), Ok(json!("12.5")));
    assert_eq!(
        value("tonumber + 1", r#""9007199254740993""#),
        Ok(json!("9007199254740994"))
    );
    assert_eq!(value("toboolean | not", r#""true""#), Ok(json!("false")));
    assert_eq!(
        value(r#"keys | join(",")"#, r#"{"b":1,"a":2}"#),
        Ok(json!("a,b"))
    );
    assert_eq!(
        value(r#"keys | join(",")"#, r#"["b","a"]"#),
        Ok(json!("0,1"))
    );
    for (program, input) in [
        ("tonumber", r#"" 1""#),
        ("tonumber", r#""1 ""#),
        ("tonumber", r#""0x1""#),
        ("tonumber", r#""NaN""#),
        ("tonumber", r#""[1,2]""#),
        ("tonumber", r#""-""#),
        ("tonumber", r#""""#),
        ("toboolean", r#""yes""#),
        ("toboolean", "1"),
        ("sha256", "1"),
        (r#"test("a")"#, "1"),
    ] {
        assert!(
            value(program, input).unwrap_err().contains("expected a"),
            "{program}"
        );
    }
}
