//! Tests of members that are not as expected: each is refused with a message that names it and what
//! was expected. Ways that are right are in [`super`].

use super::*;

/// Members that are put into GitHub's way, and the error for each.
const SIGNED: &str = r#"
{ "signed": "{timestamp}", "timestamp": { "header": "x-time", "unit": "s" } } => signed: expected {body} in it: a body that is not signed can be forged
{ "signed": "" } => signed: expected {body} in it: a body that is not signed can be forged
{ "signed": "{bodies}" } => signed: expected a text with places, each one of {method}, {url}, {body}, {timestamp}, {id} and {secret}
{ "signed": "{body" } => signed: expected a text with places, each one of {method}, {url}, {body}, {timestamp}, {id} and {secret}
{ "signed": "{body}}" } => signed: expected a text with places, each one of {method}, {url}, {body}, {timestamp}, {id} and {secret}
{ "signed": "{{body}}" } => signed: expected a text with places, each one of {method}, {url}, {body}, {timestamp}, {id} and {secret}
{ "signed": "{body}.{body}" } => signed: expected each place once
{ "signed": null } => signed: expected a text such as {timestamp}.{body}
{ "timestamp": { "header": "x-time", "unit": "s" } } => signed: expected {timestamp} in it, or no timestamp: a time that is not signed protects nothing
{ "signed": "{timestamp}.{body}" } => timestamp: expected the place of the {timestamp} that is signed
{ "idHeader": "x-id" } => signed: expected {id} in it, or no idHeader: an id that is not signed can be forged
{ "signed": "{id}.{body}" } => idHeader: expected the header of the {id} that is signed
{ "signed": "{id}{body}", "idHeader": "x-id" } => signed: expected a delimiter such as . between {id} and its neighbours: otherwise a part of one can pass as part of the other
{ "signed": "{body}{id}", "idHeader": "x-id" } => signed: expected a delimiter such as . between {id} and its neighbours: otherwise a part of one can pass as part of the other
{ "signed": "{url}{body}" } => url: expected the URL that the sender was given, as it signs it: https://, visible ASCII characters, no fragment
{ "signed": "{url}{body}", "url": "http://hooks.example.com/" } => url: expected the URL that the sender was given, as it signs it: https://, visible ASCII characters, no fragment
{ "signed": "{url}{body}", "url": "https://hooks.example.com/#a" } => url: expected the URL that the sender was given, as it signs it: https://, visible ASCII characters, no fragment
{ "url": "https://hooks.example.com/" } => unknown member "url"
{ "algorithm": "sha256" } => signed: expected {secret} in it, for sha256
{ "signed": "{secret}{body}" } => signed: expected no {secret}: to an HMAC it is the key
"#;

const OTHERS: &str = r#"
{ "header": null } => header: expected the name of a header that the sender writes
{ "header": "x hub" } => header: expected the name of a header that the sender writes
{ "header": "X-Forwarded-For" } => header: expected the name of a header that the sender writes
{ "prefix": "sha256 =" } => prefix: expected at most 32 visible ASCII characters
{ "delimiter": "=" } => delimiter: expected one visible ASCII character, or a space, that is no letter, no digit and none of + / =
{ "delimiter": "a" } => delimiter: expected one visible ASCII character, or a space, that is no letter, no digit and none of + / =
{ "delimiter": ", " } => delimiter: expected one visible ASCII character, or a space, that is no letter, no digit and none of + / =
{ "delimiter": ",", "prefix": "v1," } => prefix: expected a text without the delimiter
{ "encoding": "HEX" } => encoding: expected hex or base64
{ "encoding": null } => encoding: expected hex or base64
{ "algorithm": "md5" } => algorithm: expected hmac-sha256, hmac-sha512, hmac-sha1 or sha256
{ "algorithm": ["sha256"] } => algorithm: expected hmac-sha256, hmac-sha512, hmac-sha1 or sha256
{ "secretEncoding": "hex" } => secretEncoding: expected text or base64
{ "toleranceSeconds": 300 } => unknown member "toleranceSeconds"
{ "secret": "0123456789abcdef" } => unknown member "secret"
{ "secrets": "0123456789abcdef" } => secrets: expected an array of texts
{ "secrets": [] } => secrets: expected at least one
{ "secrets": null } => secrets: expected at least one
"#;

/// Members of the time of a signature.
const TIMES: &str = r#"
{ "unit": "s" } => timestamp: header: expected either it or prefix
{ "header": "x-time", "prefix": "t=", "unit": "s" } => timestamp: header: expected either it or prefix
{ "header": "x-time" } => timestamp: unit: expected s or ms
{ "header": "x-time", "unit": "us" } => timestamp: unit: expected s or ms
{ "header": "x-time", "unit": "s", "signed": true } => timestamp: unknown member "signed"
{ "header": "x-time", "unit": "s", "toleranceSeconds": 0 } => timestamp: toleranceSeconds: expected 1 to 180, so that SQS still drops a request that is sent again within that time
{ "header": "x-time", "unit": "s", "toleranceSeconds": 181 } => timestamp: toleranceSeconds: expected 1 to 180, so that SQS still drops a request that is sent again within that time
{ "header": "x-time", "unit": "s", "toleranceSeconds": 1.5 } => timestamp: toleranceSeconds: expected 1 to 180, so that SQS still drops a request that is sent again within that time
{ "prefix": "t=", "unit": "s" } => delimiter: expected one, since the time stands in the header of the signature
"#;

/// Whole ways, and how the error for each begins.
const WAYS: &str = r#"
{ "basic": { "passwords": ["0123456789abcdef"] } } => basic: user: expected a text
{ "basic": { "user": "a:b", "passwords": ["0123456789abcdef"] } } => basic: user: expected a text
{ "basic": { "user": "a" } } => basic: passwords: expected at least one
{ "basic": { "user": "a", "passwords": ["0123456789abcdef"], "password": "b" } } => basic: unknown member "password"
{ "header": { "name": "cookie", "values": ["0123456789abcdef"] } } => header: name: expected the name of a header
{ "header": { "name": "", "values": ["0123456789abcdef"] } } => header: name: expected the name of a header
{ "header": { "name": "x", "values": [] } } => header: values: expected at least one
{ "header": { "name": "x", "values": ["é 0123456789abcdef"] } } => header: values: expected visible
{ "query": { "name": "a b", "values": ["0123456789abcdef"] } } => query: name: expected 1 to 64
{ "query": { "name": "", "values": ["0123456789abcdef"] } } => query: name: expected 1 to 64
{ "body": { "pointer": "token", "values": ["0123456789abcdef"] } } => body: pointer: expected a JSON pointer
{ "body": { "pointer": "", "values": ["0123456789abcdef"] } } => body: pointer: expected a JSON pointer
{ "body": { "pointer": "/a~2", "values": ["0123456789abcdef"] } } => body: pointer: expected a JSON pointer
{ "body": { "pointer": "/1/2/3/4/5/6/7/8/9", "values": ["0123456789abcdef"] } } => body: pointer: expected a JSON pointer
"#;

fn rows(table: &'static str) -> impl Iterator<Item = (Value, &'static str)> {
    table.trim().lines().map(|row| {
        let (json, expected) = row.split_once(" => ").unwrap();
        (serde_json::from_str(json).unwrap(), expected)
    })
}

#[test]
fn a_signed_text_without_the_body_or_with_parts_that_do_not_match_is_refused() {
    for (altered, expected) in rows(SIGNED) {
        let auth = signature(altered);
        let told = format!("auth: signature: {expected}");
        assert_eq!(error(&auth), told, "{auth}");
    }
}

#[test]
fn a_member_of_a_signature_that_is_not_as_expected_is_named() {
    let timed = |time| json!({ "signed": "{timestamp}{body}", "timestamp": time });
    let times = rows(TIMES).map(|(time, expected)| (timed(time), expected));
    for (altered, expected) in rows(OTHERS).chain(times) {
        let auth = signature(altered);
        let told = format!("auth: signature: {expected}");
        assert_eq!(error(&auth), told, "{auth}");
    }
    let mut alike = timed(json!({ "prefix": "t=", "unit": "s" }));
    alike["delimiter"] = json!(",");
    assert!(read(&signature(alike.clone())).is_ok());
    for prefix in ["", "t", "t=", "t=v1="] {
        alike["prefix"] = json!(prefix);
        assert_eq!(
            error(&signature(alike.clone())),
            "auth: signature: prefix: expected two prefixes, neither of which begins with the other",
            "{prefix}"
        );
    }
}

#[test]
fn secrets_that_are_short_empty_or_pasted_with_white_space_are_refused_and_not_shown() {
    const SHORT: &str = "secrets of 16 bytes or more, such as $(openssl rand -hex 24)";
    let hushed = |secret: &str| {
        [
            (
                signature(json!({ "secrets": [KEY, secret] })),
                "signature: secrets",
            ),
            (
                json!({ "preset": "github", "secrets": [secret] }),
                "secrets",
            ),
            (
                json!({ "basic": { "user": "crm", "passwords": [KEY, secret] } }),
                "basic: passwords",
            ),
            (
                json!({ "header": { "name": "x-api-key", "values": [KEY, secret] } }),
                "header: values",
            ),
            (
                json!({ "query": { "name": "code", "values": [KEY, secret] } }),
                "query: values",
            ),
            (
                json!({ "body": { "pointer": "/token", "values": [KEY, secret] } }),
                "body: values",
            ),
        ]
    };
    for short in ["", "hush", "hush-hush-hush-"] {
        for (auth, member) in hushed(short) {
            assert_eq!(
                error(&auth),
                format!("auth: {member}: expected {SHORT}"),
                "{auth}"
            );
        }
    }
    for (auth, member) in hushed("hush-hush-hush-hush\n") {
        let told = error(&auth);
        assert!(
            told.starts_with(&format!("auth: {member}: expected ")) && !told.contains("hush"),
            "{told}"
        );
    }
    for (secret, expected) in [
        (
            "not base64, hush hush",
            "secrets in base64 with its padding, as secretEncoding says",
        ),
        ("aHVzaC1odXNo", SHORT),
    ] {
        let auth = signature(json!({ "secretEncoding": "base64", "secrets": [secret] }));
        assert_eq!(
            error(&auth),
            format!("auth: signature: secrets: expected {expected}")
        );
    }
}

#[test]
fn names_users_and_pointers_are_checked() {
    for (auth, expected) in rows(WAYS) {
        let told = error(&auth);
        assert!(told.starts_with(&format!("auth: {expected}")), "{told}");
    }
    let body = json!({ "pointer": "/a~1b/0/~01", "values": [KEY, KEY] });
    let body = read(&json!({ "body": body })).unwrap();
    assert_eq!(body.secrets(), 2);
    assert!(matches!(body, Auth::Body(body) if body.path == ["a/b", "0", "~1"]));
}
