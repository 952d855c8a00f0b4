//! `{prefix}/source/{source}`: how a sender of webhooks shows who it is, and what it may write.

use base64::Engine;
use domain::change::{CampaignId, OrgId};
use secrecy::SecretString;

use super::members::{MalformedSecret, Members};

/// How a sender shows who it is (docs/contract.md "Webhook"). Any one of the secrets will do.
#[derive(Clone, Debug)]
pub enum Auth {
    /// Signatures of Standard Webhooks: secrets in base64, with or without `whsec_`.
    StandardWebhooks(Vec<SecretString>),
    /// `Authorization: Bearer`.
    Bearer(Vec<SecretString>),
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
        const SIGNING: &str = "an array of secrets in base64, none of them empty";
        const BEARER: &str = "an array of tokens, none of them empty";
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
        let signing = members.texts("signingSecrets", SIGNING, signing_secret)?;
        let tokens = members.texts("bearerTokens", BEARER, |token| {
            (!token.trim().is_empty()).then(|| SecretString::from(token))
        })?;
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

/// An empty key would let everybody sign.
fn signing_secret(text: &str) -> Option<SecretString> {
    let key = text.strip_prefix("whsec_").unwrap_or(text);
    let bytes = base64::engine::general_purpose::STANDARD.decode(key).ok()?;
    (!bytes.is_empty()).then(|| SecretString::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<SourceSecret, String> {
        SourceSecret::parse(&SecretString::from(text)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_contracts_example_is_read() {
        let secret = parse(
            r#"{ "auth": "standardWebhooks", "signingSecrets": ["whsec_aHVzaA=="], "bearerTokens": [], "org": "acme-us",
                 "campaignId": "c1" }"#,
        )
        .unwrap();
        assert!(matches!(secret.auth, Auth::StandardWebhooks(secrets) if secrets.len() == 1));
        assert_eq!(secret.org.unwrap().as_str(), "acme-us");
        let bearer = parse(r#"{ "auth": "bearer", "bearerTokens": ["a", "b"] }"#).unwrap();
        assert!(matches!(bearer.auth, Auth::Bearer(tokens) if tokens.len() == 2));
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
                r#"{"signingSecrets": ["whsec_"]}"#,
                "signingSecrets: expected an array of secrets in base64, none of them empty",
            ),
            (
                r#"{"signingSecrets": [""]}"#,
                "signingSecrets: expected an array of secrets in base64, none of them empty",
            ),
            (
                r#"{"signingSecrets": ["hush!"]}"#,
                "signingSecrets: expected an array of secrets in base64, none of them empty",
            ),
            (
                r#"{"signingSecrets": "aHVzaA=="}"#,
                "signingSecrets: expected an array of secrets in base64, none of them empty",
            ),
            (
                r#"{"auth": "bearer"}"#,
                "bearerTokens: expected at least one, for auth bearer",
            ),
            (
                r#"{"auth": "bearer", "bearerTokens": [" "]}"#,
                "bearerTokens: expected an array of tokens, none of them empty",
            ),
            (
                r#"{"auth": "hush"}"#,
                "auth: expected \"standardWebhooks\" or \"bearer\"",
            ),
            (
                r#"{"signingSecrets": ["aHVzaA=="], "org": "HUSH"}"#,
                "org: expected 1 to 32 characters of a-z, 0-9 and -",
            ),
            (
                r#"{"signingSecrets": ["aHVzaA=="], "mapping": {}}"#,
                "unknown member \"mapping\"",
            ),
            (
                r#"{"signingSecrets": ["aHVzaA=="], "whsec_aHVzaA==": ""}"#,
                "a member whose name is no word",
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
