//! Requests that differ from what was signed are refused: another body, header, time or key. The
//! vectors that must pass are in [`super`].

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;

#[test]
fn a_timestamp_is_valid_within_its_tolerance_and_at_most_a_minute_ahead() {
    let stripe = |tolerance: Value| {
        let time = json!({ "prefix": "t=", "unit": "s", "toleranceSeconds": tolerance });
        auth(
            &json!({ "signature": { "header": "stripe-signature", "prefix": "v1=", "delimiter": ",", "encoding": "hex",
            "algorithm": "hmac-sha256", "signed": "{timestamp}.{body}", "timestamp": time, "secrets": [KEY] } }),
        )
    };
    let pairs = own(OWN[0]).1;
    for (tolerance, ahead, behind) in [
        (Value::Null, 60, 180),
        (json!(180), 60, 180),
        (json!(90), 60, 90),
        (json!(30), 30, 30),
        (json!(1), 1, 1),
    ] {
        let auth = stripe(tolerance);
        let of = |now| verdict(&auth, &pairs, BODY, now);
        assert_eq!(of(SENT_AT - ahead), Authenticity::Authentic);
        assert_eq!(of(SENT_AT + behind), Authenticity::Authentic);
        let off = |ahead| Authenticity::Stranger(Why::Off { ahead, behind });
        assert_eq!(of(SENT_AT - ahead - 1), off(ahead + 1));
        assert_eq!(of(SENT_AT + behind + 1), off(-behind - 1));
    }
}

/// A published vector. Its time is 1,693,657,560,000 ms.
const HUBSPOT_BODY: &[u8] = br#"{"example_field":"example_value"}"#;
const HUBSPOT_AT: &str = "1693657560000";

fn of_hubspot(at: &str) -> [(&'static str, String); 2] {
    let signature = "oaA3M5dEtt6kFsseJD/Hv/x+JNl1vsoxFj4oxmwP6Go=";
    [
        ("x-hubspot-signature-v3", signature.to_owned()),
        ("x-hubspot-request-timestamp", at.to_owned()),
    ]
}

fn judged_of_hubspot(url: &str, at: &str, body: &[u8], off: SignedDuration) -> Authenticity {
    let auth = auth(&json!({ "preset": "hubspotV3", "secrets": [UUID], "url": url }));
    let pairs = of_hubspot(at);
    let pairs: Vec<_> = pairs.iter().map(|(name, text)| (*name, &**text)).collect();
    let shown = Shown {
        method: &Method::POST,
        headers: &headers(&pairs),
        query: "",
        body,
        now: Timestamp::from_second(1_693_657_560).unwrap() + off,
    };
    judge(&auth, &shown)
}

#[test]
fn milliseconds_are_counted_as_such() {
    let of = |off| {
        judged_of_hubspot(
            URL,
            HUBSPOT_AT,
            HUBSPOT_BODY,
            SignedDuration::from_millis(off),
        )
    };
    for good in [-60_000, 0, 180_000] {
        assert_eq!(of(good), Authenticity::Authentic, "{good}");
    }
    let off = |ahead| Authenticity::Stranger(Why::Off { ahead, behind: 180 });
    assert_eq!(of(180_001), off(-181));
    assert_eq!(of(-61_000), off(61));
    assert!(matches!(
        of(-60_001),
        Authenticity::Stranger(Why::Off { .. })
    ));
    assert_eq!(of(86_400_000), off(-86_400));
}

#[test]
fn another_time_another_url_and_another_body_are_not_what_was_signed() {
    let of = |url, at, body| judged_of_hubspot(url, at, body, SignedDuration::ZERO);
    assert_eq!(of(URL, HUBSPOT_AT, HUBSPOT_BODY), Authenticity::Authentic);
    for (url, at, body) in [
        (
            "https://www.example.com/webhook_uri/",
            HUBSPOT_AT,
            HUBSPOT_BODY,
        ),
        (
            "https://www.example.com/webhook_uri?",
            HUBSPOT_AT,
            HUBSPOT_BODY,
        ),
        (
            "https://www.example.com:443/webhook_uri",
            HUBSPOT_AT,
            HUBSPOT_BODY,
        ),
        (
            "https://www.example.org/webhook_uri",
            HUBSPOT_AT,
            HUBSPOT_BODY,
        ),
        (URL, "1693657560001", HUBSPOT_BODY),
        (URL, HUBSPOT_AT, br#"{"example_field": "example_value"}"#),
    ] {
        let verdict = of(url, at, body);
        assert_eq!(verdict, Authenticity::Stranger(Why::Wrong), "{url} {at}");
    }
    // Other notations of the same number, or no number.
    for at in [
        "",
        "+1693657560000",
        "-1",
        "1693657560000 ",
        "1693657560000.0",
        "0x18a55d",
        "1693657560",
        "99999999999999999999",
    ] {
        assert_ne!(of(URL, at, HUBSPOT_BODY), Authenticity::Authentic, "{at:?}");
    }
}

#[test]
fn a_timestamp_that_is_not_digits_alone_is_invalid_even_if_it_is_signed() {
    let auth = preset("slack", KEY);
    let of = |at: &str| {
        let pieces = [b"v0:".as_slice(), at.as_bytes(), b":", BODY].into_iter();
        let mac = format!("v0={}", hex(&hmac::<Sha256>(KEY.as_bytes(), pieces)));
        let pairs = [
            ("x-slack-signature", &*mac),
            ("x-slack-request-timestamp", at),
        ];
        verdict(&auth, &pairs, BODY, SENT_AT)
    };
    assert_eq!(of("1764000000"), Authenticity::Authentic);
    for at in [
        "+1764000000",
        "1764000000.0",
        "1.764e9",
        "",
        "1764000000 ",
        "x",
    ] {
        let is_lacking = matches!(of(at), Authenticity::Stranger(Why::Lacks(_)));
        assert!(is_lacking, "{at:?}: {:?}", of(at));
    }
}

#[test]
fn any_of_several_signatures_in_a_header_will_do_and_one_time_alone() {
    let auth = preset("stripe", KEY);
    let right = OWN[0].2.strip_prefix("t=1764000000,").unwrap();
    let wrong = format!("v1={}", "0".repeat(64));
    for (header, is_right) in [
        (format!("t=1764000000,{wrong},{right}"), true),
        (format!("t=1764000000,{right},{wrong},v0=abc"), true),
        (format!("{right},t=1764000000"), true),
        (format!("t=1764000000, {right}"), true),
        (format!("t=1764000000,{wrong}"), false),
        (
            format!("t=1764000000,{}", right.replace("v1=", "v0=")),
            false,
        ),
        (format!("t=1764000000,{}", right.replace("v1=", "")), false),
        (format!("t=1764000000;{right}"), false),
        (format!("t=1764000000,t=1764000000,{right}"), false),
        (format!("t=1764000000,t=1,{right}"), false),
        (right.to_owned(), false),
        ("t=1764000000".to_owned(), false),
        (format!("t=1764000000,{}", &right[..right.len() - 2]), false),
        (format!("t=1764000000,{}", &right[..right.len() - 1]), false),
        (format!("t=1764000000,{right}00"), false),
        ("t=1764000000,v1=".to_owned(), false),
        (String::new(), false),
    ] {
        let pairs = [("stripe-signature", &*header)];
        assert_eq!(is_good(&auth, &pairs, BODY), is_right, "{header}");
    }
}

#[test]
fn hex_has_either_case_and_base64_its_padding_or_none() {
    let signature = OWN[2].2.strip_prefix("sha256=").unwrap();
    let github = preset("github", KEY);
    for (shown, is_right) in [
        (format!("sha256={}", signature.to_uppercase()), true),
        (format!("sha256={signature} "), false),
        (format!("sha256= {signature}"), false),
        (format!("sha256=0x{signature}"), false),
        (format!("SHA256={signature}"), false),
        (signature.to_owned(), false),
    ] {
        let pairs = [("x-hub-signature-256", &*shown)];
        assert_eq!(is_good(&github, &pairs, BODY), is_right, "{shown:?}");
    }
    let shown = format!("sha256={}é", &signature[..62]);
    let mut pairs = HeaderMap::new();
    let name = HeaderName::from_static("x-hub-signature-256");
    pairs.insert(name, HeaderValue::from_bytes(shown.as_bytes()).unwrap());
    let shown = Shown {
        method: &Method::POST,
        headers: &pairs,
        query: "",
        body: BODY,
        now: Timestamp::UNIX_EPOCH,
    };
    assert!(matches!(judge(&github, &shown), Authenticity::Stranger(_)));

    let shopify = preset("shopify", KEY);
    let signature = OWN[3].2;
    for (shown, is_right) in [
        (signature[..43].to_owned(), true),
        (signature.to_lowercase(), false),
        (format!("{signature}="), false),
        // The same bytes in base64, with other unused bits at the end.
        (signature.replace("dA=", "dB="), false),
    ] {
        let pairs = [("x-shopify-hmac-sha256", &*shown)];
        assert_eq!(is_good(&shopify, &pairs, BODY), is_right, "{shown}");
    }
}

#[test]
fn a_body_that_is_no_text_is_signed_as_its_bytes() {
    let auth = preset("github", KEY);
    let body = [0xFF, 0, b'{', 0x80, 0xFE];
    let mac = hex(&hmac::<Sha256>(KEY.as_bytes(), [&body[..]].into_iter()));
    let signature = format!("sha256={mac}");
    let pairs = [("x-hub-signature-256", &*signature)];
    assert!(is_good(&auth, &pairs, &body));
    assert!(!is_good(&auth, &pairs, &[0xFE, 0, b'{', 0x80, 0xFE]));
}

/// The headers of a signature, as its sender writes them.
fn written(scheme: &Scheme, mac: &[u8], sent_at: i64) -> HeaderMap {
    let mut text = format!("{}{}", scheme.prefix, encoded(mac, scheme.encoding));
    let mut headers = HeaderMap::new();
    match scheme.time.as_ref().map(|time| &time.place) {
        Some(TimePlace::Beside(prefix)) => text = format!("{prefix}{sent_at},{text}"),
        Some(TimePlace::Header(name)) => {
            headers.insert(name, sent_at.into());
        }
        None => {}
    }
    headers.insert(&scheme.header, text.parse().unwrap());
    headers
}

proptest! {
    #[test]
    fn arbitrary_headers_are_refused_without_harm(
        vector in 0..OWN.len(),
        text in "(t=|v1=|v0=|sha256=|sha1=|,| |=|[0-9a-f]{0,70}|1764000000|\\PC){0,8}",
        time in "[0-9+. -]{0,25}",
    ) {
        let (auth, pairs) = own(OWN[vector]);
        let mut headers = HeaderMap::new();
        for ((name, _), text) in pairs.iter().zip([text, time]) {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            if let Ok(value) = HeaderValue::from_bytes(text.as_bytes()) {
                headers.append(name, value);
            }
        }
        let now = Timestamp::from_second(SENT_AT).unwrap();
        let shown = Shown { method: &Method::POST, headers: &headers, query: "", body: BODY, now };
        prop_assert_ne!(judge(&auth, &shown), Authenticity::Authentic);
    }

    #[test]
    fn whichever_bit_of_body_signature_time_or_secret_is_flipped_it_is_refused(
        body in prop::collection::vec(any::<u8>(), 1..200),
        // A key that is longer than a block is hashed first.
        key in prop::collection::vec(any::<u8>(), 16..200),
        vector in 0..OWN.len(),
        place in any::<prop::sample::Index>(),
        bit in 0..8_u32,
    ) {
        let Auth::Signature(mut signature) = own(OWN[vector]).0 else { unreachable!() };
        let scheme = signature.scheme.clone();
        let flip = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            let place = place.index(bytes.len());
            bytes[place] ^= 1 << bit;
            bytes
        };
        let sent_at = SENT_AT.to_string();
        let mac = sign(&scheme, &key, |part| match part {
            Part::Body => &body,
            Part::Timestamp => sent_at.as_bytes(),
            _ => b"",
        });
        let is_good = |signature: &Signature, headers: &HeaderMap, body: &[u8]| {
            let now = Timestamp::from_second(SENT_AT).unwrap();
            let shown = Shown { method: &Method::POST, headers, query: "", body, now };
            judge(&Auth::Signature(signature.clone()), &shown) == Authenticity::Authentic
        };
        signature.secrets = vec![SecretSlice::from(key.clone())];
        let right = written(&scheme, &mac, SENT_AT);
        prop_assert!(is_good(&signature, &right, &body));
        prop_assert!(!is_good(&signature, &right, &flip(&body)));
        prop_assert!(!is_good(&signature, &written(&scheme, &flip(&mac), SENT_AT), &body));
        let other = written(&scheme, &mac, SENT_AT ^ (1 << bit.min(4)));
        prop_assert_eq!(is_good(&signature, &other, &body), scheme.time.is_none());
        signature.secrets = vec![SecretSlice::from(flip(&key))];
        prop_assert!(!is_good(&signature, &right, &body));
    }
}
