//! Checks signatures against the vectors that vendors publish in their documentation and libraries.
//! `refused` has the requests that differ from what was signed. The code is in [`super`], and the
//! ways of vendors are in docs/contract.md "Secrets".

use http::{HeaderValue, Method};
use io::secrets::{Auth, SourceSecret};
use jiff::Timestamp;
use secrecy::{SecretSlice, SecretString};
use serde_json::{Value, json};

use super::super::{Authenticity, judge};
use super::*;

mod refused;

/// The secret, URL and key of published vectors.
const UUID: &str = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy";
const URL: &str = "https://www.example.com/webhook_uri";
const KEY: &str = "secret-for-tests";
const SENT_AT: i64 = 1_764_000_000;
const BODY: &[u8] = br#"{"id":"evt_1","contact":"LEAD-00042"}"#;

fn auth(auth: &Value) -> Auth {
    let text = json!({ "auth": auth }).to_string();
    SourceSecret::parse(&SecretString::from(text)).unwrap().auth
}

fn preset(name: &str, secret: &str) -> Auth {
    auth(&json!({ "preset": name, "secrets": [secret] }))
}

fn hubspot(name: &str) -> Auth {
    auth(&json!({ "preset": name, "secrets": [UUID], "url": URL }))
}

/// A secret that is too short to be configured, as some vectors have.
fn keyed(mut auth: Auth, key: &str) -> Auth {
    if let Auth::Signature(signature) = &mut auth {
        signature.secrets = vec![SecretSlice::from(key.as_bytes().to_vec())];
    }
    auth
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let header = |(name, text): &(&str, &str)| {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        (name, HeaderValue::from_str(text).unwrap())
    };
    // `append` keeps both values of a name that occurs twice.
    let mut headers = HeaderMap::new();
    for (name, text) in pairs.iter().map(header) {
        headers.append(name, text);
    }
    headers
}

/// The verdict on a POST at this time.
fn verdict(auth: &Auth, pairs: &[(&str, &str)], body: &[u8], at: i64) -> Authenticity {
    verdict_of(auth, &Method::POST, pairs, body, at)
}

fn verdict_of(
    auth: &Auth,
    method: &Method,
    pairs: &[(&str, &str)],
    body: &[u8],
    at: i64,
) -> Authenticity {
    let shown = Shown {
        method,
        headers: &headers(pairs),
        query: "",
        body,
        now: Timestamp::from_second(at).unwrap(),
    };
    judge(auth, &shown)
}

fn is_good(auth: &Auth, pairs: &[(&str, &str)], body: &[u8]) -> bool {
    verdict(auth, pairs, body, SENT_AT) == Authenticity::Authentic
}

#[test]
fn hubspots_vectors_of_its_first_versions_pass() {
    let creation = br#"[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM","changeFlag":"NEW","appId":54321}]"#;
    let v1 = preset("hubspotV1", UUID);
    let v2 = hubspot("hubspotV2");
    let header = "X-HubSpot-Signature";
    for (auth, method, body, signature) in [
        (
            &v1,
            Method::POST,
            &creation[..],
            "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de",
        ),
        (
            &v2,
            Method::GET,
            b"",
            "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e",
        ),
        (
            &v2,
            Method::POST,
            br#"{"example_field":"example_value"}"#,
            "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900",
        ),
        (
            &v1,
            Method::POST,
            b"{'example_field':'example_value'}",
            "69fc6631a867edd4f9e9e627fc5c1148e3fbdd8b21837b6d2b8901c1fa57f750",
        ),
        (
            &v2,
            Method::POST,
            b"{'example_field':'example_value'}",
            "4fe4e3a7d3cf09db53be39d0a58130e2aaba074ec123a9e355b876a689a1c383",
        ),
    ] {
        let of = |method| verdict_of(auth, method, &[(header, signature)], body, 0);
        assert_eq!(of(&method), Authenticity::Authentic, "{signature}");
        let is_of_method =
            matches!(auth, Auth::Signature(it) if it.scheme.signed.has(Part::Method));
        assert_eq!(of(&Method::PUT) == Authenticity::Authentic, !is_of_method);
    }
}

#[test]
fn hubspots_vectors_of_its_third_version_pass() {
    let v3 = hubspot("hubspotV3");
    for (body, signature) in [
        (
            &b"{'example_field':'example_value'}"[..],
            "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y=",
        ),
        (
            br#"{"example_field":"example_value"}"#,
            "oaA3M5dEtt6kFsseJD/Hv/x+JNl1vsoxFj4oxmwP6Go=",
        ),
    ] {
        let pairs = [
            ("X-HubSpot-Signature-v3", signature),
            ("X-HubSpot-Request-Timestamp", "1693657560000"),
        ];
        assert_eq!(
            verdict(&v3, &pairs, body, 1_693_657_560),
            Authenticity::Authentic
        );
        assert_ne!(
            verdict_of(&v3, &Method::PUT, &pairs, body, 1_693_657_560),
            Authenticity::Authentic
        );
    }
}

#[test]
fn the_vectors_of_github_convoy_and_slack_pass() {
    let github = preset("github", "It's a Secret to Everybody");
    let published = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    assert!(is_good(
        &github,
        &[("x-hub-signature-256", published)],
        b"Hello, World!"
    ));
    for (name, header, signature) in [
        (
            "github",
            "X-Hub-Signature-256",
            "sha256=d7a154547e7c35e31c4c820e20237650939c3d34dae136e30a7757ca61abb4cf",
        ),
        (
            "shopify",
            "X-Shopify-Hmac-Sha256",
            "16FUVH58NeMcTIIOICN2UJOcPTTa4TbjCndXymGrtM8=",
        ),
    ] {
        let convoy = keyed(preset(name, KEY), "Convoy");
        assert!(
            is_good(&convoy, &[(header, signature)], b"Test Payload Body"),
            "{name}"
        );
    }
    let command = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    let slack = preset("slack", "8f742231b10e8888abcd99yyyzzz85a5");
    let pairs = [
        (
            "X-Slack-Signature",
            "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        ),
        ("X-Slack-Request-Timestamp", "1531420618"),
    ];
    let verdict = verdict(&slack, &pairs, command, 1_531_420_618);
    assert_eq!(verdict, Authenticity::Authentic);
}

/// The headers of our own vectors: preset, header, signature, and a header of the time.
type Own = (
    &'static str,
    &'static str,
    &'static str,
    Option<&'static str>,
);
const OWN: [Own; 7] = [
    (
        "stripe",
        "Stripe-Signature",
        "t=1764000000,v1=51991b68b4606564b73776b463cad28d7ecacb57cb59c39493da978a2eaf128a",
        None,
    ),
    (
        "calendly",
        "Calendly-Webhook-Signature",
        "t=1764000000,v1=51991b68b4606564b73776b463cad28d7ecacb57cb59c39493da978a2eaf128a",
        None,
    ),
    (
        "github",
        "X-Hub-Signature-256",
        "sha256=667535c5dd316b6dc5a4f75a5c05d688e34d1e054a55ec5e89431354b224e5d0",
        None,
    ),
    (
        "shopify",
        "X-Shopify-Hmac-SHA256",
        "ZnU1xd0xa23FpPdaXAXWiONNHgVKVexeiUMTVLIk5dA=",
        None,
    ),
    (
        "typeform",
        "Typeform-Signature",
        "sha256=ZnU1xd0xa23FpPdaXAXWiONNHgVKVexeiUMTVLIk5dA=",
        None,
    ),
    (
        "intercom",
        "X-Hub-Signature",
        "sha1=9c88527065574f026e3554929f849f90acaecddd",
        None,
    ),
    (
        "slack",
        "X-Slack-Signature",
        "v0=30dd54a4597c9b291d9220edf6fa64eab1f9409d3ed689c65b9e13b5dd2c9612",
        Some("X-Slack-Request-Timestamp"),
    ),
];

fn own((name, header, signature, time): Own) -> (Auth, Vec<(&'static str, &'static str)>) {
    let time = time.map(|header| (header, "1764000000"));
    let pairs = [(header, signature)].into_iter().chain(time);
    (preset(name, KEY), pairs.collect())
}

#[test]
fn our_own_vectors_pass_and_nothing_that_was_altered() {
    for vector in OWN {
        let (auth, mut pairs) = own(vector);
        assert!(is_good(&auth, &pairs, BODY), "{vector:?}");
        let body = br#"{"id":"evt_1","contact":"LEAD-00043"}"#;
        assert!(!is_good(&auth, &pairs, body), "{vector:?}");
        assert!(!is_good(&auth, &pairs, b""), "{vector:?}");
        let other = preset(vector.0, "secret-for-test5");
        assert!(!is_good(&other, &pairs, BODY), "{vector:?}");
        let either = auth_of(vector.0, &["secret-for-test5", KEY]);
        assert!(is_good(&either, &pairs, BODY), "{vector:?}");
        let capitals: Vec<_> = pairs
            .iter()
            .map(|(name, text)| (name.to_uppercase(), *text))
            .collect();
        let capitals: Vec<_> = capitals.iter().map(|(n, t)| (n.as_str(), *t)).collect();
        assert!(is_good(&auth, &capitals, BODY), "{vector:?}");
        // A repeated header is refused, right or wrong, because nobody can say which of the two
        // counts.
        pairs.push(pairs[0]);
        assert!(!is_good(&auth, &pairs, BODY), "{vector:?}");
        pairs.drain(..1);
        assert!(is_good(&auth, &pairs, BODY), "{vector:?}");
        pairs.pop();
        assert!(!is_good(&auth, &pairs, BODY), "{vector:?}");
    }
}

fn auth_of(name: &str, secrets: &[&str]) -> Auth {
    auth(&json!({ "preset": name, "secrets": secrets }))
}

#[test]
fn webflow_airtable_and_custom_signatures_are_verified() {
    let webflow = preset("webflow", KEY);
    let millis = format!("{SENT_AT}250");
    let mac = hmac::<Sha256>(KEY.as_bytes(), [millis.as_bytes(), b":", BODY].into_iter());
    let signature = hex(&mac);
    let pairs = [
        ("x-webflow-timestamp", &*millis),
        ("x-webflow-signature", &*signature),
    ];
    assert!(is_good(&webflow, &pairs, BODY));

    let airtable = preset("airtable", &STANDARD.encode(KEY));
    let mac = hmac::<Sha256>(KEY.as_bytes(), [BODY].into_iter());
    let signature = format!("hmac-sha256={}", hex(&mac));
    assert!(is_good(
        &airtable,
        &[("x-airtable-content-mac", &signature)],
        BODY
    ));

    let sha512 = auth(
        &json!({ "signature": { "header": "x-mac", "encoding": "base64", "algorithm": "hmac-sha512",
        "signed": "{body}", "secrets": [KEY] } }),
    );
    let signature = STANDARD.encode(hmac::<Sha512>(KEY.as_bytes(), [BODY].into_iter()));
    assert!(is_good(&sha512, &[("X-MAC", &signature)], BODY));
}

fn hex(bytes: &[u8]) -> String {
    encoded(bytes, Encoding::Hex)
}

const STANDARD_WEBHOOKS: &str = r#"{ "signature": { "header": "webhook-signature", "prefix": "v1,", "delimiter": " ",
    "encoding": "base64", "algorithm": "hmac-sha256", "signed": "{id}.{timestamp}.{body}", "idHeader": "webhook-id",
    "timestamp": { "header": "webhook-timestamp", "unit": "s" }, "secretEncoding": "base64",
    "secrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] } }"#;

#[test]
fn the_vector_of_standard_webhooks_passes_as_preset_and_as_members() {
    let preset = preset("standardWebhooks", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let members = auth(&serde_json::from_str(STANDARD_WEBHOOKS).unwrap());
    let good = [
        ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("webhook-timestamp", "1614265330"),
        (
            "webhook-signature",
            "v1a,xyz v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
    ];
    for auth in [preset, members] {
        let of = |pairs: &[_]| verdict(&auth, pairs, br#"{"test": 2432232314}"#, 1_614_265_330);
        assert_eq!(of(&good), Authenticity::Authentic);
        for missing in 0..good.len() {
            let mut pairs = good.to_vec();
            pairs.remove(missing);
            assert_ne!(of(&pairs), Authenticity::Authentic);
        }
    }
}

#[test]
fn an_id_that_could_be_read_as_a_part_of_what_follows_it_is_refused() {
    let auth = auth(&serde_json::from_str(STANDARD_WEBHOOKS).unwrap());
    let Auth::Signature(signature) = &auth else {
        panic!("{auth:?}")
    };
    // The same bytes, divided at another place: {id}.{timestamp}.{body} of "a", and of
    // "a.1614265330".
    let of = |id: &str, body: &[u8]| {
        let secret = signature.secrets[0].expose_secret();
        let pieces = [b"a.1614265330.1614265330.".as_slice(), BODY].into_iter();
        let mac = format!("v1,{}", STANDARD.encode(hmac::<Sha256>(secret, pieces)));
        let pairs = [
            ("webhook-id", id),
            ("webhook-timestamp", "1614265330"),
            ("webhook-signature", &mac),
        ];
        verdict(&auth, &pairs, body, 1_614_265_330)
    };
    let body = [b"1614265330.".as_slice(), BODY].concat();
    assert_eq!(of("a", &body), Authenticity::Authentic);
    assert!(matches!(
        of("a.1614265330", BODY),
        Authenticity::Stranger(Why::Lacks(_))
    ));
}
