//! `{prefix}/source/{source}`: how a sender of webhooks shows who it is, and what it may write.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_PAD_INDIFFERENT;
use domain::change::{CampaignId, OrgId};
use secrecy::SecretString;

use super::members::{MalformedSecret, Members};

/// The fewest bytes of a signing secret (github.com/standard-webhooks/standard-webhooks, "Signature
/// scheme": 24 to 64). A longer one than 64 is no weaker, and taken.
const FEWEST_BYTES: usize = 24;
const LONG_ENOUGH: &str = "at least one of 24 bytes or more, such as whsec_$(openssl rand -base64 24), since a shorter one \
                           lets nobody in";

/// How a sender shows who it is (docs/contract.md "Webhook"). Any one of the secrets will do.
#[derive(Clone, Debug)]
pub enum Auth {
    /// Signatures of Standard Webhooks.
    StandardWebhooks(Vec<SigningSecret>),
    /// `Authorization: Bearer`.
    Bearer(Vec<SecretString>),
}

/// One key that a sender may sign with.
#[derive(Clone, Debug)]
pub struct SigningSecret {
    /// In base64, with or without `whsec_`.
    pub text: SecretString,
    /// Shorter than 24 bytes: who signs with it is known, but not let in.
    pub is_short: bool,
}

/// The secret of a source, read and checked.
#[derive(Clone, Debug)]
pub struct SourceSecret {
    /// How its requests are let in.
    pub auth: Auth,
    /// The one org that it may write to; none: any.
    pub org: Option<OrgId>,
    /// The one campaign that it may write to; none: any.
    pub campaign: Option<CampaignId>,
}

impl SourceSecret {
    /// Reads the JSON of a secret.
    ///
    /// # Errors
    /// Names the first member that is missing, unknown, empty or not as expected.
    pub fn parse(text: &SecretString) -> Result<SourceSecret, MalformedSecret> {
        let mut members = Members::of(text)?;
        let is_bearer =
            members.text(
                "auth",
                "\"standardWebhooks\" or \"bearer\"",
                |auth| match auth {
                    "standardWebhooks" => Some(false),
                    "bearer" => Some(true),
                    _ => None,
                },
            )?;
        let signing = members.texts(
            "signingSecrets",
            "an array of secrets in base64",
            signing_secret,
        )?;
        let tokens = members.texts("bearerTokens", "an array of tokens", bearer_token)?;
        let auth = match is_bearer.unwrap_or(false) {
            true if tokens.is_empty() => {
                return Err(Members::wrong(
                    "bearerTokens",
                    "at least one, for auth bearer",
                ));
            }
            false if signing.is_empty() => {
                return Err(Members::wrong("signingSecrets", "at least one"));
            }
            false if signing.iter().all(|secret| secret.is_short) => {
                return Err(Members::wrong("signingSecrets", LONG_ENOUGH));
            }
            true => Auth::Bearer(tokens),
            false => Auth::StandardWebhooks(signing),
        };
        let secret = SourceSecret {
            auth,
            org: members.text("org", "1 to 32 characters of a-z, 0-9 and -", |org| {
                OrgId::parse(org).ok()
            })?,
            campaign: members.text(
                "campaignId",
                "1 to 48 characters of A-Z, a-z, 0-9 and -",
                |campaign| CampaignId::parse(campaign).ok(),
            )?,
        };
        members.end()?;
        Ok(secret)
    }
}

impl Auth {
    /// How many signing secrets are too short to let anybody in.
    pub fn short_secrets(&self) -> usize {
        match self {
            Auth::StandardWebhooks(secrets) => {
                secrets.iter().filter(|secret| secret.is_short).count()
            }
            Auth::Bearer(_) => 0,
        }
    }
}

/// Forms that other programs print or take are told as what they are.
fn signing_secret(text: &str) -> Result<SigningSecret, &'static str> {
    let base64 = text.strip_prefix("whsec_").unwrap_or(text);
    if text.contains(char::is_whitespace) {
        return Err("secrets without white space");
    }
    if text.starts_with("v1,") {
        return Err("whsec_ and base64, without v1, in front");
    }
    if text.starts_with("whsk_") || text.starts_with("whpk_") {
        return Err("symmetric secrets (whsec_), not one of a key pair (whsk_, whpk_)");
    }
    if base64.is_empty() {
        // It would let everybody sign.
        return Err("secrets that are not empty");
    }
    if base64.contains(['-', '_']) {
        return Err("base64 of the standard alphabet, with + and / in place of - and _");
    }
    match STANDARD_PAD_INDIFFERENT.decode(base64) {
        Err(_) => Err("secrets in base64, with or without whsec_ in front"),
        Ok(_) if !base64.len().is_multiple_of(4) => Err("base64 with its padding (=) at the end"),
        Ok(key) => Ok(SigningSecret {
            text: SecretString::from(text),
            is_short: key.len() < FEWEST_BYTES,
        }),
    }
}

/// No other text can come as the value of a header.
fn bearer_token(text: &str) -> Result<SecretString, &'static str> {
    let is_visible = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    if text.is_empty() || text.trim() != text || !text.bytes().all(is_visible) {
        return Err("tokens of visible ASCII characters, without white space at either end");
    }
    Ok(SecretString::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 24 bytes.
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
                let secret =
                    parse(&format!(r#"{{"signingSecrets": ["{key}", "{GOOD}"]}}"#)).unwrap();
                assert_eq!(
                    secret.auth.short_secrets(),
                    usize::from(is_short),
                    "{bytes}"
                );
            }
        }
    }

    #[test]
    fn a_signing_secret_of_another_form_is_told_which_form_is_expected() {
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
                "a member whose name is no word",
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
    fn what_is_empty_or_wrong_is_named_without_its_content() {
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
                "auth: expected \"standardWebhooks\" or \"bearer\"",
            ),
            (
                &format!(r#"{{"signingSecrets": ["{GOOD}"], "org": "HUSH"}}"#),
                "org: expected 1 to 32 characters of a-z, 0-9 and -",
            ),
            (
                &format!(r#"{{"signingSecrets": ["{GOOD}"], "mapping": {{}}}}"#),
                "unknown member \"mapping\"",
            ),
            (
                &format!(r#"{{"signingSecrets": ["{GOOD}"], "whsec_aHVzaA==": ""}}"#),
                "a member whose name is no word",
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
}
