//! The ways of an `auth` that is an object. `members` has members that are wrong. Ways that are
//! named are in [`super`].

use serde_json::{Value, json};

use super::super::preset::{EXPECTED, PRESETS, STANDARD};
use super::*;

mod members;

const KEY: &str = "0123456789abcdef";

fn read(auth: &Value) -> Result<Auth, String> {
    let text = json!({ "auth": auth, "org": "acme-us" }).to_string();
    parse(&text).map(|secret| secret.auth)
}

/// The error, without the words with which all errors begin.
fn error(auth: &Value) -> String {
    let error = read(auth).unwrap_err();
    let told = error.strip_prefix("the secret is malformed: ");
    told.unwrap_or(&error).to_owned()
}

/// GitHub's way, with these members put in place of its own, or removed if they are null.
fn signature(altered: Value) -> Value {
    let mut signature = json!({ "header": "x-hub-signature-256", "prefix": "sha256=", "encoding": "hex",
        "algorithm": "hmac-sha256", "signed": "{body}", "secrets": [KEY] });
    let Value::Object(altered) = altered else {
        panic!("{altered}")
    };
    for (name, value) in altered {
        signature[name] = value;
    }
    json!({ "signature": signature })
}

#[test]
fn every_preset_is_read_and_is_the_members_that_it_stands_for() {
    for (name, members) in PRESETS {
        let mut members: Value = serde_json::from_str(members).unwrap();
        let mut preset = json!({ "preset": name, "secrets": ["MDEyMzQ1Njc4OWFiY2RlZg=="] });
        members["secrets"] = preset["secrets"].clone();
        if members["signed"].as_str().unwrap().contains("{url}") {
            let expected = "auth: url: expected the URL that the sender was given";
            assert!(error(&preset).starts_with(expected), "{name}");
            preset["url"] = json!("https://hooks.example.com/webhooks/crm?token=hush");
            members["url"] = preset["url"].clone();
        } else {
            let mut with_url = preset.clone();
            with_url["url"] = json!("https://hooks.example.com/");
            assert_eq!(error(&with_url), "auth: unknown member \"url\"", "{name}");
        }
        let Ok(Auth::Signature(preset)) = read(&preset) else {
            panic!("{name}: {:?}", read(&preset))
        };
        let Ok(Auth::Signature(told)) = read(&json!({ "signature": members })) else {
            panic!("{name}: {members}")
        };
        assert_eq!(preset.scheme, told.scheme, "{name}");
        assert!(!format!("{preset:?}").contains("hush"));
        let mut expected = EXPECTED.split([',', ' ']);
        assert!(expected.any(|word| word == name), "{name}");
    }
    assert_eq!(EXPECTED.matches(',').count(), PRESETS.len() - 1);
    let standard = read(&json!({ "preset": STANDARD, "secrets": [GOOD, "whsec_aHVzaA=="] }));
    assert!(
        matches!(standard, Ok(Auth::StandardWebhooks(secrets)) if secrets.len() == 2 && secrets[1].is_short)
    );
}

const ONE: &str = "auth: expected exactly one of preset, signature, basic, header, query and body";
const LIST: &str = "auth: expected one way to authenticate and not a list, since the weakest of several would be enough";

#[test]
fn auth_names_exactly_one_method() {
    let basic = json!({ "user": "crm", "passwords": [KEY] });
    let header = json!({ "name": "x-api-key", "values": [KEY] });
    let v1 = json!({ "preset": "hubspotV1", "secrets": [KEY] });
    let mut both = v1.clone();
    both["basic"] = basic.clone();
    for (auth, expected) in [
        (json!({}), ONE),
        (json!({ "basic": null }), ONE),
        (json!({ "hmac": {} }), ONE),
        (json!({ "basic": basic, "header": header }), ONE),
        (both, ONE),
        (json!([v1, v1]), LIST),
        (json!(["bearer"]), LIST),
    ] {
        assert_eq!(error(&auth), expected, "{auth}");
    }
}

#[test]
fn an_invalid_auth_method_or_a_member_beside_it_is_refused_and_named() {
    let preset = |name: Value| json!({ "preset": name, "secrets": [KEY] });
    let unknown = format!("auth: preset: expected {EXPECTED}");
    let mut beside = preset(json!("github"));
    beside["algorithm"] = json!("sha256");
    let basic = json!({ "user": "crm", "passwords": [KEY] });
    for (auth, expected) in [
        (
            json!(7),
            "auth: expected \"standardWebhooks\", \"bearer\" or an object",
        ),
        (
            json!({ "basic": basic, "secrets": [KEY] }),
            "auth: unknown member \"secrets\"",
        ),
        (
            json!({ "signature": [] }),
            "auth: signature: expected a JSON object",
        ),
        (preset(json!("hubspot")), &*unknown),
        (preset(json!(["github", "slack"])), &*unknown),
        (
            json!({ "preset": "github" }),
            "auth: secrets: expected at least one",
        ),
        (
            json!({ "preset": "standardWebhooks" }),
            "auth: secrets: expected at least one",
        ),
        (beside, "auth: unknown member \"algorithm\""),
    ] {
        assert_eq!(error(&auth), expected, "{auth}");
    }
    for of_name in ["signingSecrets", "bearerTokens"] {
        let auth = |beside: Value| {
            let auth = json!({ "preset": "github", "secrets": [KEY] });
            parse(&json!({ "auth": auth, of_name: beside }).to_string())
        };
        assert!(auth(json!([])).is_ok());
        assert_eq!(
            auth(json!([GOOD])).unwrap_err(),
            format!(
                "the secret is malformed: {of_name}: expected none beside an auth that is an object"
            )
        );
    }
}
