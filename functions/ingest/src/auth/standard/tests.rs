//! Tests of Standard Webhooks: the published vector, the headers, the tolerance of the time, and
//! secrets that are too short. Bearer tokens of such a source are here too. Other signatures are in
//! `auth/signature/tests.rs`.

use http::{HeaderValue, Method};
use io::secrets::Auth;
use jiff::Timestamp;
use secrecy::SecretString;

use super::super::judge;
use super::*;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const BODY: &[u8] = br#"{"test": 2432232314}"#;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn standard(secrets: &[&str]) -> Auth {
    let secret = |text: &&str| SigningSecret {
        text: SecretString::from(*text),
        is_short: text.len() < 30,
    };
    Auth::StandardWebhooks(secrets.iter().map(secret).collect())
}

fn shown<'a>(headers: &'a HeaderMap, body: &'a [u8], now: Timestamp) -> Shown<'a> {
    Shown {
        method: &Method::POST,
        headers,
        query: "",
        body,
        now,
    }
}

fn is_authentic(auth: &Auth, headers: &HeaderMap, body: &[u8], now: Timestamp) -> bool {
    judge(auth, &shown(headers, body, now)) == Authenticity::Authentic
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, text)| {
            (
                http::HeaderName::from_static(name),
                HeaderValue::from_str(text).unwrap(),
            )
        })
        .collect()
}

fn signed(id: &str, at: &str, signature: &str) -> HeaderMap {
    headers(&[
        ("webhook-id", id),
        ("webhook-timestamp", at),
        ("webhook-signature", signature),
    ])
}

/// The vector of the Standard Webhooks reference libraries (their `test_sign_function`).
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const SENT_AT: i64 = 1_614_265_330;
const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

#[test]
fn the_vector_of_the_specification_passes() {
    let headers = signed(ID, "1614265330", SIGNATURE);
    assert!(is_authentic(
        &standard(&[SECRET]),
        &headers,
        BODY,
        at(SENT_AT)
    ));
    let bare = SECRET.strip_prefix("whsec_").unwrap();
    assert!(is_authentic(
        &standard(&[bare]),
        &headers,
        BODY,
        at(SENT_AT)
    ));
}

#[test]
fn any_of_several_secrets_and_of_several_signatures_will_do() {
    let several = format!("v1,AAAA v2,{} {SIGNATURE} v1a,xyz", &SIGNATURE[3..]);
    let auth = standard(&["whsec_b2xkZXI=", SECRET]);
    assert!(is_authentic(
        &auth,
        &signed(ID, "1614265330", &several),
        BODY,
        at(SENT_AT)
    ));
}

#[test]
fn a_request_that_differs_from_the_signed_one_is_refused() {
    let good = signed(ID, "1614265330", SIGNATURE);
    let refused = |auth: &Auth, headers: &HeaderMap, body: &[u8]| {
        !is_authentic(auth, headers, body, at(SENT_AT))
    };
    assert!(refused(&standard(&["whsec_b2xkZXI="]), &good, BODY));
    assert!(refused(&standard(&[]), &good, BODY));
    assert!(refused(
        &standard(&[SECRET]),
        &good,
        br#"{"test":2432232314}"#
    ));
    assert!(refused(
        &standard(&[SECRET]),
        &signed("msg_other", "1614265330", SIGNATURE),
        BODY
    ));
    assert!(refused(
        &standard(&[SECRET]),
        &signed(ID, "1614265331", SIGNATURE),
        BODY
    ));
    for signature in [
        "",
        "v1,",
        "v1",
        &SIGNATURE[3..],
        &SIGNATURE.replace("v1,", "v2,"),
        &SIGNATURE[..20],
    ] {
        assert!(
            refused(
                &standard(&[SECRET]),
                &signed(ID, "1614265330", signature),
                BODY
            ),
            "{signature:?}"
        );
    }
    for missing in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let mut headers = good.clone();
        headers.remove(missing);
        assert!(
            refused(&standard(&[SECRET]), &headers, BODY),
            "without {missing}"
        );
    }
    let bearer = Auth::Bearer(vec![SecretString::from("token")]);
    assert!(refused(&bearer, &good, BODY), "a signature is no token");
}

#[test]
fn a_signature_by_a_too_short_secret_is_recognized_and_rejected() {
    let short = "whsec_b2xkZXI=";
    let signature = Webhook::new(short)
        .unwrap()
        .sign(ID, SENT_AT, BODY)
        .unwrap();
    let verdict = |secrets: &[&str], signature: &str| {
        let headers = signed(ID, "1614265330", signature);
        judge(&standard(secrets), &shown(&headers, BODY, at(SENT_AT)))
    };
    assert_eq!(verdict(&[short], &signature), Authenticity::SignedShort);
    assert_eq!(
        verdict(&[SECRET, short], &signature),
        Authenticity::SignedShort
    );
    assert_eq!(
        verdict(&[short, SECRET], SIGNATURE),
        Authenticity::Authentic
    );
    let both = format!("{signature} {SIGNATURE}");
    assert_eq!(verdict(&[short, SECRET], &both), Authenticity::Authentic);
    assert_eq!(
        verdict(&[short], SIGNATURE),
        Authenticity::Stranger(Why::Wrong)
    );
}

#[test]
fn the_headers_of_svix_will_do_but_no_mixture() {
    let svix = [
        ("svix-id", ID),
        ("svix-timestamp", "1614265330"),
        ("svix-signature", SIGNATURE),
    ];
    let good = |headers: &HeaderMap| is_authentic(&standard(&[SECRET]), headers, BODY, at(SENT_AT));
    assert!(good(&headers(&svix)));
    for (place, name) in ["webhook-id", "webhook-timestamp", "webhook-signature"]
        .into_iter()
        .enumerate()
    {
        let mut mixed = svix;
        mixed[place].0 = name;
        assert!(!good(&headers(&mixed)), "{name}");
        // One complete set that is right is enough, whatever else the request has.
        let mut beside = headers(&svix);
        beside.insert(name, HeaderValue::from_static("v1,AAAA"));
        assert!(good(&beside), "{name}");
    }
    let mut both = signed(ID, "1614265330", "v1,AAAA");
    both.extend(headers(&svix));
    assert!(good(&both));
    // Neither set is right by itself, and together they would be.
    let mut apart = signed("msg_other", "1614265330", SIGNATURE);
    apart.extend(headers(&[
        ("svix-id", ID),
        ("svix-timestamp", "1614265330"),
        ("svix-signature", "v1,AAAA"),
    ]));
    assert!(!good(&apart));
}

#[test]
fn a_signature_is_good_for_a_minute_ahead_and_three_behind() {
    let headers = signed(ID, "1614265330", SIGNATURE);
    for (off, is_good) in [(-61, false), (-60, true), (180, true), (181, false)] {
        assert_eq!(
            is_authentic(&standard(&[SECRET]), &headers, BODY, at(SENT_AT + off)),
            is_good,
            "{off} s"
        );
    }
    for at_text in ["", "x", "9223372036854775808", "1614265330.0"] {
        assert!(
            !is_authentic(
                &standard(&[SECRET]),
                &signed(ID, at_text, SIGNATURE),
                BODY,
                at(SENT_AT)
            ),
            "{at_text:?}"
        );
    }
}

#[test]
fn a_bearer_token_is_compared_whole() {
    let auth = Auth::Bearer(vec![
        SecretString::from("first"),
        SecretString::from("second"),
    ]);
    for (authorization, is_good) in [
        ("Bearer first", true),
        ("bearer second", true),
        ("Bearer firs", false),
        ("Bearer first ", false),
        ("Bearer ", false),
        ("Bearer", false),
        ("Basic first", false),
        ("first", false),
    ] {
        assert_eq!(
            is_authentic(
                &auth,
                &headers(&[("authorization", authorization)]),
                b"",
                at(0)
            ),
            is_good,
            "{authorization:?}"
        );
    }
    assert!(!is_authentic(&auth, &HeaderMap::new(), b"", at(0)));
}
