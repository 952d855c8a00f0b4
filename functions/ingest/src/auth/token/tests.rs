//! Tests of passwords and tokens: each is compared as a whole, and must occur exactly once. Tokens
//! in the body are in `auth/body.rs`, and whole requests in `tests/it/ingest_auth.rs`.

use http::{HeaderName, HeaderValue, Method};
use io::secrets::{Auth, SourceSecret};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::{Authenticity, judge};
use super::*;

fn auth(auth: &Value) -> Auth {
    let text = json!({ "auth": auth }).to_string();
    SourceSecret::parse(&SecretString::from(text)).unwrap().auth
}

fn verdict(auth: &Auth, headers: &[(&str, &[u8])], query: &str) -> Authenticity {
    let mut all = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        all.append(name, HeaderValue::from_bytes(value).unwrap());
    }
    let shown = Shown {
        method: &Method::POST,
        headers: &all,
        query,
        body: b"{}",
        now: Timestamp::UNIX_EPOCH,
    };
    judge(auth, &shown)
}

#[test]
fn user_and_password_are_compared_as_bytes() {
    // The password of the example is shorter than one that may be configured.
    let paess = Auth::Basic(vec![SecretString::from("campaign-sync:päss")]);
    let good = b"Basic Y2FtcGFpZ24tc3luYzpww6Rzcw==".as_slice();
    assert_eq!(
        verdict(&paess, &[("authorization", good)], ""),
        Authenticity::Authentic
    );
    let latin = format!(
        "Basic {}",
        STANDARD_PAD_INDIFFERENT.encode(b"campaign-sync:p\xE4ss")
    );
    assert_eq!(
        verdict(&paess, &[("authorization", latin.as_bytes())], ""),
        Authenticity::Stranger(Why::Wrong)
    );

    let auth = auth(
        &json!({ "basic": { "user": "crm", "passwords": ["a-password-of-old", "one:with a colon!"] } }),
    );
    let of = |text: &str| {
        let text = format!("basic {}", STANDARD_PAD_INDIFFERENT.encode(text));
        verdict(&auth, &[("Authorization", text.as_bytes())], "")
    };
    assert_eq!(of("crm:a-password-of-old"), Authenticity::Authentic);
    assert_eq!(of("crm:one:with a colon!"), Authenticity::Authentic);
    for wrong in [
        "crm:a-password-of-ol",
        "crm:a-password-of-old\n",
        "CRM:a-password-of-old",
        "a-password-of-old",
        "crm:",
        "",
    ] {
        assert_eq!(of(wrong), Authenticity::Stranger(Why::Wrong), "{wrong:?}");
    }
    for wrong in [&b"Basic"[..], b"Basic *", b"Bearer a-password-of-old", b""] {
        let verdict = verdict(&auth, &[("authorization", wrong)], "");
        assert!(matches!(verdict, Authenticity::Stranger(Why::Lacks(_))));
    }
    let right = format!(
        "Basic {}",
        STANDARD_PAD_INDIFFERENT.encode("crm:a-password-of-old")
    );
    let twice = [("authorization", right.as_bytes()); 2];
    assert_ne!(verdict(&auth, &twice, ""), Authenticity::Authentic);
    assert_eq!(verdict(&auth, &twice[..1], ""), Authenticity::Authentic);
}

#[test]
fn a_header_is_compared_whole() {
    let auth = auth(
        &json!({ "header": { "name": "X-Api-Key", "values": ["0123456789abcdef", "Token 0123456789abcdef"] } }),
    );
    let of = |value: &[u8]| verdict(&auth, &[("x-api-key", value)], "");
    assert_eq!(of(b"0123456789abcdef"), Authenticity::Authentic);
    assert_eq!(of(b"Token 0123456789abcdef"), Authenticity::Authentic);
    for wrong in [
        &b"0123456789abcde"[..],
        b"0123456789abcdef0",
        b"0123456789ABCDEF",
        b"Bearer 0123456789abcdef",
        b"0123456789abcdef, 0123456789abcdef",
        b"0123456789abcde\xE9",
        b"",
    ] {
        assert_eq!(of(wrong), Authenticity::Stranger(Why::Wrong), "{wrong:?}");
    }
    let twice = [("X-API-KEY", b"0123456789abcdef".as_slice()); 2];
    assert!(matches!(
        verdict(&auth, &twice, ""),
        Authenticity::Stranger(Why::Lacks(_))
    ));
    assert!(matches!(
        verdict(&auth, &[], ""),
        Authenticity::Stranger(Why::Lacks(_))
    ));
}

#[test]
fn a_parameter_of_the_query_is_decoded_and_stands_once() {
    let auth = auth(
        &json!({ "query": { "name": "code", "values": ["a+b/c=d é 0123456", "0123456789abcdef"] } }),
    );
    for right in [
        "code=0123456789abcdef",
        "a=1&code=0123456789abcdef&b=%zz",
        "c%6Fde=%30123456789abcdef",
        "code=a%2Bb%2Fc%3Dd%20%C3%A9%200123456",
        "code=a%2bb/c=d+%c3%a9+0123456",
        "&&code=0123456789abcdef&",
    ] {
        assert_eq!(
            verdict(&auth, &[], right),
            Authenticity::Authentic,
            "{right}"
        );
    }
    for wrong in [
        "",
        "code",
        "code=",
        "Code=0123456789abcdef",
        "code=0123456789abcdeF",
        "code=0123456789abcdef&code=0123456789abcdef",
        "code=0123456789abcdef&code=x",
        "code=0123456789abcdef;x=1",
        "code=0123456789abcdef%00",
        "code%3D0123456789abcdef",
        "x=1?code=0123456789abcdef",
    ] {
        assert_ne!(
            verdict(&auth, &[], wrong),
            Authenticity::Authentic,
            "{wrong}"
        );
    }
    let plus = auth_of_plus();
    for right in ["code=0123+456789abcdef", "code=0123%2B456789abcdef"] {
        assert_eq!(
            verdict(&plus, &[], right),
            Authenticity::Authentic,
            "{right}"
        );
    }
}

/// A token that holds a plus sign, as base64 does.
fn auth_of_plus() -> Auth {
    auth(&json!({ "query": { "name": "code", "values": ["0123+456789abcdef"] } }))
}
