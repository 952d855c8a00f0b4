//! Tests of a source's secret: the contract's example, signing secrets and tokens, and each member
//! that is wrong. `ways` has an `auth` that is an object. Requests are tested in `ingest::auth`.

use base64::Engine;

use super::auth::LONG_ENOUGH;
use super::*;

mod ways;

/// A key of 24 bytes.
const GOOD: &str = "whsec_aHVzaC1odXNoLWh1c2gtaHVzaC1odXNo";

fn parse(text: &str) -> Result<SourceSecret, String> {
    SourceSecret::parse(&SecretString::from(text)).map_err(|error| error.to_string())
}

#[test]
fn the_contracts_example_is_read() {
    let secret = parse(
        r#"{ "auth": "standardWebhooks", "signingSecrets": ["whsec_aHVzaC1odXNoLWh1c2gtaHVzaC1odXNo"], "bearerTokens": [], "org": "acme-us",
             "campaignId": "c1" }"#,
    )
    .unwrap();
    assert!(matches!(secret.auth, Auth::StandardWebhooks(secrets) if secrets.len() == 1));
    assert_eq!(secret.org.unwrap().as_str(), "acme-us");
    let bearer = parse(r#"{ "auth": "bearer", "bearerTokens": ["a", "b"] }"#).unwrap();
    assert!(matches!(bearer.auth, Auth::Bearer(tokens) if tokens.len() == 2));
}

#[test]
fn a_signing_secret_of_fewer_than_24_bytes_is_known_as_short() {
    use base64::engine::general_purpose::STANDARD;
    for (bytes, is_short) in [(1, true), (23, true), (24, false), (64, false), (80, false)] {
        let key = STANDARD.encode(vec![b'k'; bytes]);
        for key in [format!("whsec_{key}"), key] {
            let secret = parse(&format!(r#"{{"signingSecrets": ["{key}", "{GOOD}"]}}"#)).unwrap();
            assert_eq!(
                secret.auth.short_secrets(),
                usize::from(is_short),
                "{bytes}"
            );
        }
    }
}

#[test]
fn the_error_of_a_malformed_signing_secret_names_the_expected_form() {
    for (secret, expected) in [
        ("", "secrets that are not empty"),
        ("whsec_", "secrets that are not empty"),
        (
            "hush!",
            "secrets in base64, with or without whsec_ in front",
        ),
        (
            "v1,whsec_aHVzaC1odXNo",
            "whsec_ and base64, without v1, in front",
        ),
        (
            "whsk_aHVzaC1odXNo",
            "symmetric secrets (whsec_), not one of a key pair (whsk_, whpk_)",
        ),
        (
            "whsec_aHVza_-odXNo",
            "base64 of the standard alphabet, with + and / in place of - and _",
        ),
        ("whsec_aHVzaA", "base64 with its padding (=) at the end"),
        (" whsec_aHVzaC1odXNo", "secrets without white space"),
        ("whsec_aHVzaC1odXNo\\n", "secrets without white space"),
        ("whsec_aHVz\\u00a0aC1odXNo", "secrets without white space"),
    ] {
        let text = format!(r#"{{"signingSecrets": ["aHVzaA==", "{secret}"]}}"#);
        assert_eq!(
            parse(&text).unwrap_err(),
            format!("the secret is malformed: signingSecrets: expected {expected}"),
            "{secret}"
        );
    }
}

#[test]
fn a_bearer_token_that_no_header_can_carry_is_refused() {
    for token in ["", " ", " a", "a ", "a\\n", "é", "a\\tb"] {
        let text = format!(r#"{{"auth": "bearer", "bearerTokens": ["{token}"]}}"#);
        assert!(
            parse(&text).unwrap_err().ends_with(
                "bearerTokens: expected tokens of visible ASCII characters, without white space at either end"
            ),
            "{token}"
        );
    }
    let text = r#"{"auth": "bearer", "bearerTokens": ["two words", "a.b-c_d~e+f/g=="]}"#;
    assert!(parse(text).is_ok());
}

#[test]
fn a_member_that_stands_twice_is_refused_by_its_name() {
    for (text, name) in [
        (
            r#"{"signingSecrets": ["aHVzaA=="], "signingSecrets": ["aHVzaA=="]}"#,
            "signingSecrets",
        ),
        (
            r#"{"signingSecrets": ["aHVzaA=="], "org": "a", "\u006frg": "b"}"#,
            "org",
        ),
        (
            r#"{"org": null, "signingSecrets": ["aHVzaA=="], "org": null}"#,
            "org",
        ),
        (
            r#"{"signingSecrets": ["aHVzaA=="], "whsec_aHVzaA==": "", "whsec_aHVzaA==": ""}"#,
            "a member whose name is not a word of letters",
        ),
    ] {
        assert_eq!(
            parse(text).unwrap_err(),
            format!("the secret is malformed: {name}: expected once"),
            "{text}"
        );
    }
}

#[test]
fn an_empty_or_invalid_member_is_named_without_its_content() {
    for (text, expected) in [
        ("{}", "signingSecrets: expected at least one"),
        (
            r#"{"signingSecrets": []}"#,
            "signingSecrets: expected at least one",
        ),
        (
            r#"{"signingSecrets": "aHVzaA=="}"#,
            "signingSecrets: expected an array of secrets in base64",
        ),
        (
            r#"{"auth": "bearer"}"#,
            "bearerTokens: expected at least one, for auth bearer",
        ),
        (
            r#"{"auth": "hush"}"#,
            "auth: expected \"standardWebhooks\", \"bearer\" or an object",
        ),
        (
            &format!(r#"{{"signingSecrets": ["{GOOD}"], "org": "HUSH"}}"#),
            "org: expected 1 to 32 characters of a-z, 0-9 and -",
        ),
        (
            &format!(r#"{{"signingSecrets": ["{GOOD}"], "mappings": {{}}}}"#),
            "unknown member \"mappings\"",
        ),
        (
            &format!(r#"{{"signingSecrets": ["{GOOD}"], "whsec_aHVzaA==": ""}}"#),
            "a member whose name is not a word of letters",
        ),
        (
            r#"{"signingSecrets": ["aHVzaA==", "whsec_aHVzaA=="]}"#,
            &format!("signingSecrets: expected {LONG_ENOUGH}"),
        ),
    ] {
        assert_eq!(
            parse(text).unwrap_err(),
            format!("the secret is malformed: {expected}"),
            "{text}"
        );
    }
}
