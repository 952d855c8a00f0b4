use http::{HeaderMap, Method};
use io::secrets::{Auth, SourceSecret};
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::json;

use super::super::{Authenticity, content, judge as judge_any};
use super::*;

const TOKEN: &str = "0123456789abcdef";

fn auth(pointer: &str) -> Auth {
    let auth =
        json!({ "body": { "pointer": pointer, "values": ["another-token-of-ours", TOKEN] } });
    let text = json!({ "auth": auth }).to_string();
    SourceSecret::parse(&SecretString::from(text)).unwrap().auth
}

fn is_good(pointer: &str, body: &[u8]) -> bool {
    let shown = Shown {
        method: &Method::POST,
        headers: &HeaderMap::new(),
        query: "",
        body,
        now: Timestamp::UNIX_EPOCH,
    };
    judge_any(&auth(pointer), &shown) == Authenticity::Authentic
}

#[test]
fn a_token_is_found_by_its_pointer_and_taken_out() {
    for (pointer, body, rest) in [
        (
            "/token",
            r#" {"token": "0123456789abcdef", "a":  1.0}"#,
            r#"{"a":1.0}"#,
        ),
        ("/token", r#"{"to\u006ben": "012345678\u0039abcdef"}"#, "{}"),
        (
            "/value/0/client~1State",
            r#"{"value": [{"client/State": "0123456789abcdef", "\n": []}, 7, {"client/State": "0123456789abcdef"}], "b": {}}"#,
            r#"{"value":[{"\n":[]},7,{}],"b":{}}"#,
        ),
        (
            "/a~0b/",
            r#"{"a~b": {"": "0123456789abcdef"}}"#,
            r#"{"a~b":{}}"#,
        ),
        (
            "/1/token",
            r#"[{"token": 1}, {"token": "0123456789abcdef"}]"#,
            "[{},{}]",
        ),
        (
            "/tokens/0",
            r#"{"tokens": ["0123456789abcdef", 2], "a": 1}"#,
            r#"{"tokens":[2],"a":1}"#,
        ),
    ] {
        assert!(is_good(pointer, body.as_bytes()), "{body}");
        assert_eq!(content(&auth(pointer), body), rest);
    }
}

#[test]
fn a_token_that_is_not_present_exactly_once_as_a_text_is_invalid() {
    for (pointer, body) in [
        ("/token", "{}"),
        ("/token", ""),
        ("/token", "["),
        ("/token", "\"0123456789abcdef\""),
        ("/token", r#"{"token": "0123456789abcdeF"}"#),
        ("/token", r#"{"token": ["0123456789abcdef"]}"#),
        ("/token", r#"{"token": null}"#),
        ("/token", r#"{"Token": "0123456789abcdef"}"#),
        (
            "/token",
            r#"{"token": "0123456789abcdef", "token": "0123456789abcdef"}"#,
        ),
        (
            "/token",
            r#"{"token": "0123456789abcdef", "tok\u0065n": "x"}"#,
        ),
        ("/token", r#"{"token": "0123456789abcdef"} x"#),
        ("/a/token", r#"{"token": "0123456789abcdef"}"#),
        (
            "/a/token",
            r#"{"a": {"token": "0123456789abcdef"}, "a": {}}"#,
        ),
        ("/01/token", r#"[{}, {"token": "0123456789abcdef"}]"#),
        ("/+1/token", r#"[{}, {"token": "0123456789abcdef"}]"#),
        ("/0", r#"["another", "0123456789abcdef"]"#),
    ] {
        assert!(!is_good(pointer, body.as_bytes()), "{body}");
    }
    assert!(!is_good(
        "/token",
        b"{\"token\": \"0123456789abcdef\", \"a\": \"\xFF\"}"
    ));
    let deep = "[".repeat(100_000);
    assert!(!is_good("/0/0/0/token", deep.as_bytes()));
    let deep = format!(r#"{{"token": "0123456789abcdef", "a": {deep}"#);
    assert!(!is_good("/token", deep.as_bytes()));
}
