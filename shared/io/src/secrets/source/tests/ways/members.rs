//! Members that are not as expected.

use super::*;

#[test]
fn what_is_signed_holds_the_body_and_all_that_is_configured() {
    let time = json!({ "header": "x-time", "unit": "s" });
    for (altered, expected) in [
        (
            json!({ "signed": "{timestamp}", "timestamp": time }),
            "signed: expected {body} in it: who signs no body lets anybody write one",
        ),
        (
            json!({ "signed": "" }),
            "signed: expected {body} in it: who signs no body lets anybody write one",
        ),
        (
            json!({ "signed": "{bodies}" }),
            "signed: expected a text with places, each one of {method}, {url}, {body}, {timestamp}, {id} and {secret}",
        ),
        (
            json!({ "signed": "{body" }),
            "signed: expected a text with places, each one of {method}, {url}, {body}, {timestamp}, {id} and {secret}",
        ),
        (
            json!({ "signed": "{body}}" }),
            "signed: expected a text with places, each one of {method}, {url}, {body}, {timestamp}, {id} and {secret}",
        ),
        (
            json!({ "signed": "{{body}}" }),
            "signed: expected a text with places, each one of {method}, {url}, {body}, {timestamp}, {id} and {secret}",
        ),
        (
            json!({ "signed": "{body}.{body}" }),
            "signed: expected each place once",
        ),
        (
            json!({ "signed": null }),
            "signed: expected a text such as {timestamp}.{body}",
        ),
        (
            json!({ "timestamp": time }),
            "signed: expected {timestamp} in it, or no timestamp: a time that is not signed protects nothing",
        ),
        (
            json!({ "signed": "{timestamp}.{body}" }),
            "timestamp: expected where the {timestamp} stands that is signed",
        ),
        (
            json!({ "idHeader": "x-id" }),
            "signed: expected {id} in it, or no idHeader: an id that is not signed is anybody's",
        ),
        (
            json!({ "signed": "{id}.{body}" }),
            "idHeader: expected the header of the {id} that is signed",
        ),
        (
            json!({ "signed": "{id}{body}", "idHeader": "x-id" }),
            "signed: expected a text such as . between {id} and what is beside it: else a part of the one can be told as the other's",
        ),
        (
            json!({ "signed": "{body}{id}", "idHeader": "x-id" }),
            "signed: expected a text such as . between {id} and what is beside it: else a part of the one can be told as the other's",
        ),
        (
            json!({ "signed": "{url}{body}" }),
            "url: expected the URL that the sender was given, as it signs it: https://, visible ASCII characters, no fragment",
        ),
        (
            json!({ "signed": "{url}{body}", "url": "http://hooks.example.com/" }),
            "url: expected the URL that the sender was given, as it signs it: https://, visible ASCII characters, no fragment",
        ),
        (
            json!({ "url": "https://hooks.example.com/" }),
            "unknown member \"url\"",
        ),
        (
            json!({ "algorithm": "sha256" }),
            "signed: expected {secret} in it, for sha256",
        ),
        (
            json!({ "signed": "{secret}{body}" }),
            "signed: expected no {secret}: to an HMAC it is the key",
        ),
    ] {
        let auth = signature(altered);
        assert_eq!(
            error(&auth),
            format!("auth: signature: {expected}"),
            "{auth}"
        );
    }
}

#[test]
fn a_member_of_a_signature_that_is_not_as_expected_is_named() {
    const HEADER: &str = "the name of a header that the sender writes";
    const DELIMITER: &str =
        "one visible ASCII character, or a space, that is no letter, no digit and none of + / =";
    const TOLERANCE: &str = "1 to 180: by then SQS has not forgotten what it has, so that who sends it again stores nothing";
    let timed = |time: Value| json!({ "signed": "{timestamp}{body}", "timestamp": time });
    let tolerance = |seconds: Value| {
        timed(json!({ "header": "x-time", "unit": "s", "toleranceSeconds": seconds }))
    };
    for (altered, expected) in [
        (
            json!({ "header": null }),
            format!("header: expected {HEADER}"),
        ),
        (
            json!({ "header": "x hub" }),
            format!("header: expected {HEADER}"),
        ),
        (
            json!({ "header": "X-Forwarded-For" }),
            format!("header: expected {HEADER}"),
        ),
        (
            json!({ "prefix": "sha256 =" }),
            "prefix: expected at most 32 visible ASCII characters".to_owned(),
        ),
        (
            json!({ "delimiter": "=" }),
            format!("delimiter: expected {DELIMITER}"),
        ),
        (
            json!({ "delimiter": "a" }),
            format!("delimiter: expected {DELIMITER}"),
        ),
        (
            json!({ "delimiter": ", " }),
            format!("delimiter: expected {DELIMITER}"),
        ),
        (
            json!({ "delimiter": ",", "prefix": "v1," }),
            "prefix: expected a text without the delimiter".to_owned(),
        ),
        (
            json!({ "encoding": "HEX" }),
            "encoding: expected hex or base64".to_owned(),
        ),
        (
            json!({ "encoding": null }),
            "encoding: expected hex or base64".to_owned(),
        ),
        (
            json!({ "algorithm": "md5" }),
            "algorithm: expected hmac-sha256, hmac-sha512, hmac-sha1 or sha256".to_owned(),
        ),
        (
            json!({ "algorithm": ["sha256"] }),
            "algorithm: expected hmac-sha256, hmac-sha512, hmac-sha1 or sha256".to_owned(),
        ),
        (
            json!({ "secretEncoding": "hex" }),
            "secretEncoding: expected text or base64".to_owned(),
        ),
        (
            json!({ "toleranceSeconds": 300 }),
            "unknown member \"toleranceSeconds\"".to_owned(),
        ),
        (
            json!({ "secret": KEY }),
            "unknown member \"secret\"".to_owned(),
        ),
        (
            json!({ "secrets": KEY }),
            "secrets: expected an array of texts".to_owned(),
        ),
        (
            json!({ "secrets": [] }),
            "secrets: expected at least one".to_owned(),
        ),
        (
            json!({ "secrets": null }),
            "secrets: expected at least one".to_owned(),
        ),
        (
            timed(json!({ "unit": "s" })),
            "timestamp: header: expected either it or prefix".to_owned(),
        ),
        (
            timed(json!({ "header": "x-time", "prefix": "t=", "unit": "s" })),
            "timestamp: header: expected either it or prefix".to_owned(),
        ),
        (
            timed(json!({ "header": "x-time" })),
            "timestamp: unit: expected s or ms".to_owned(),
        ),
        (
            timed(json!({ "header": "x-time", "unit": "us" })),
            "timestamp: unit: expected s or ms".to_owned(),
        ),
        (
            tolerance(json!(0)),
            format!("timestamp: toleranceSeconds: expected {TOLERANCE}"),
        ),
        (
            tolerance(json!(181)),
            format!("timestamp: toleranceSeconds: expected {TOLERANCE}"),
        ),
        (
            tolerance(json!(1.5)),
            format!("timestamp: toleranceSeconds: expected {TOLERANCE}"),
        ),
        (
            timed(json!({ "prefix": "t=", "unit": "s" })),
            "delimiter: expected one, since the time stands in the header of the signature"
                .to_owned(),
        ),
        (
            json!({ "signed": "{timestamp}{body}", "delimiter": ",", "prefix": "", "timestamp": { "prefix": "t=", "unit": "s" } }),
            "prefix: expected two prefixes that tell time and signature apart".to_owned(),
        ),
    ] {
        let auth = signature(altered);
        assert_eq!(
            error(&auth),
            format!("auth: signature: {expected}"),
            "{auth}"
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
    for (auth, expected) in [
        (
            json!({ "basic": { "passwords": [KEY] } }),
            "basic: user: expected a text",
        ),
        (
            json!({ "basic": { "user": "a:b", "passwords": [KEY] } }),
            "basic: user: expected a text",
        ),
        (
            json!({ "basic": { "user": "a" } }),
            "basic: passwords: expected at least one",
        ),
        (
            json!({ "basic": { "user": "a", "passwords": [KEY], "password": KEY } }),
            "basic: unknown member \"password\"",
        ),
        (
            json!({ "header": { "name": "cookie", "values": [KEY] } }),
            "header: name: expected the name of a header",
        ),
        (
            json!({ "header": { "name": "", "values": [KEY] } }),
            "header: name: expected the name of a header",
        ),
        (
            json!({ "header": { "name": "x", "values": [] } }),
            "header: values: expected at least one",
        ),
        (
            json!({ "header": { "name": "x", "values": ["é 0123456789abcdef"] } }),
            "header: values: expected visible",
        ),
        (
            json!({ "query": { "name": "a b", "values": [KEY] } }),
            "query: name: expected 1 to 64",
        ),
        (
            json!({ "query": { "name": "", "values": [KEY] } }),
            "query: name: expected 1 to 64",
        ),
        (
            json!({ "body": { "pointer": "token", "values": [KEY] } }),
            "body: pointer: expected a JSON pointer",
        ),
        (
            json!({ "body": { "pointer": "", "values": [KEY] } }),
            "body: pointer: expected a JSON pointer",
        ),
        (
            json!({ "body": { "pointer": "/a~2", "values": [KEY] } }),
            "body: pointer: expected a JSON pointer",
        ),
        (
            json!({ "body": { "pointer": "/1/2/3/4/5/6/7/8/9", "values": [KEY] } }),
            "body: pointer: expected a JSON pointer",
        ),
    ] {
        let told = error(&auth);
        assert!(told.starts_with(&format!("auth: {expected}")), "{told}");
    }
    let body =
        read(&json!({ "body": { "pointer": "/a~1b/0/~01", "values": [KEY, KEY] } })).unwrap();
    assert_eq!(body.secrets(), 2);
    assert!(matches!(body, Auth::Body(body) if body.path == ["a/b", "0", "~1"]));
}
