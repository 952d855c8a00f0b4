//! OAuth 2.0 for a feed (RFC 6749), as pure functions: the request to the token endpoint, and what
//! its answer means.
//!
//! It supports the grants `client_credentials`, `refresh_token` and `jwt-bearer`. A refresh token
//! that changes with each use is refused, because a secret is never written. `reconcile::feed`
//! sends the request and keeps the token; `jwt` signs assertions.

mod answer;

pub use answer::{FeedToken, NoToken};

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::super::members::{MalformedSecret, Members};
use super::jwt::SigningKey;
use super::{address, auth};

/// The way in which tokens are asked for.
#[derive(Clone)]
pub struct OAuth2 {
    token_url: Url,
    grant: Grant,
    client_id: String,
    client_secret: Option<SecretString>,
    scope: Option<String>,
    audience: Option<String>,
    is_basic: bool,
    /// The text before and after the token in the header `Authorization`.
    header: (String, String),
    lifetime: Option<Duration>,
}

#[derive(Clone)]
enum Grant {
    ClientCredentials,
    RefreshToken(SecretString),
    JwtBearer {
        key: Arc<SigningKey>,
        key_id: Option<String>,
        subject: String,
    },
}

/// The members of `auth` besides its kind, for all grants.
pub(super) const MEMBERS: [&str; 13] = [
    "grant",
    "tokenUrl",
    "clientId",
    "clientSecret",
    "refreshToken",
    "privateKey",
    "keyId",
    "subject",
    "scope",
    "audience",
    "style",
    "headerFormat",
    "lifetimeSeconds",
];

const GRANTS: &str = "client_credentials, refresh_token or jwt-bearer";

impl Grant {
    fn read(
        members: &mut Members<'_>,
        grant: &str,
        client_id: &str,
        has_secret: bool,
    ) -> Result<Grant, MalformedSecret> {
        Ok(match grant {
            "client_credentials" if !has_secret => {
                return Err(Members::wrong("clientSecret", TEXT));
            }
            "client_credentials" => Grant::ClientCredentials,
            "refresh_token" => {
                Grant::RefreshToken(members.required("refreshToken", TEXT, secret)?)
            }
            "jwt-bearer" => {
                const KEY: &str =
                    "a private RSA key of 2048 bits or more in PEM, without a password";
                Grant::JwtBearer {
                    key: members.required("privateKey", KEY, SigningKey::parse)?,
                    key_id: members.text("keyId", TEXT, plain)?,
                    subject: members
                        .text("subject", TEXT, plain)?
                        .unwrap_or_else(|| client_id.to_owned()),
                }
            }
            _ => return Err(Members::wrong("grant", GRANTS)),
        })
    }
}

/// A POST to the token endpoint.
pub struct TokenRequest {
    /// The endpoint's address.
    pub url: Url,
    /// The whole value of the header `Authorization`.
    pub authorization: Option<SecretString>,
    /// The body, as a form.
    pub body: SecretString,
}

impl OAuth2 {
    pub(super) fn read(
        members: &mut Members<'_>,
        is_local: bool,
    ) -> Result<OAuth2, MalformedSecret> {
        const URL: &str = "a URL that begins with https://, without user, password or fragment";
        const STYLE: &str = "body or basic";
        const FORMAT: &str = "visible ASCII characters with {token} once";
        const SECONDS: &str = "a whole number of seconds, 60 to 86400";
        let grant = members.required("grant", GRANTS, |grant| Some(grant.to_owned()))?;
        let token_url =
            members.required("tokenUrl", URL, |text| address::address(text, is_local))?;
        let client_id = members.required("clientId", TEXT, plain)?;
        let client_secret = members.text("clientSecret", TEXT, secret)?;
        let grant = Grant::read(members, &grant, &client_id, client_secret.is_some())?;
        let is_basic = members.text("style", STYLE, |style| match style {
            "body" => Some(false),
            "basic" => Some(true),
            _ => None,
        })?;
        if is_basic == Some(true) && client_secret.is_none() {
            return Err(Members::wrong("style", "body without a clientSecret"));
        }
        Ok(OAuth2 {
            token_url,
            grant,
            client_id,
            client_secret,
            scope: members.text("scope", TEXT, plain)?,
            audience: members.text("audience", TEXT, plain)?,
            is_basic: is_basic.unwrap_or(false),
            header: members
                .text("headerFormat", FORMAT, header)?
                .unwrap_or_else(|| ("Bearer ".to_owned(), String::new())),
            lifetime: members.optional("lifetimeSeconds", SECONDS, |seconds: u64| {
                (60..=86_400)
                    .contains(&seconds)
                    .then(|| Duration::from_secs(seconds))
            })?,
        })
    }

    /// The name of the grant.
    pub fn grant(&self) -> &'static str {
        match self.grant {
            Grant::ClientCredentials => "client_credentials",
            Grant::RefreshToken(_) => "refresh_token",
            Grant::JwtBearer { .. } => "jwt-bearer",
        }
    }

    /// The request for a token.
    ///
    /// # Errors
    /// The private key does not sign.
    pub fn request(&self, now: Timestamp) -> Result<TokenRequest, NoToken> {
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        let assertion;
        match &self.grant {
            Grant::ClientCredentials => pairs.push(("grant_type", "client_credentials")),
            Grant::RefreshToken(token) => pairs.extend([
                ("grant_type", "refresh_token"),
                ("refresh_token", token.expose_secret()),
            ]),
            Grant::JwtBearer {
                key,
                key_id,
                subject,
            } => {
                assertion = key.signed(key_id.as_deref(), &self.claims(subject, now));
                pairs.extend([
                    ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
                    ("assertion", assertion.as_deref().ok_or(NoToken::Unsigned)?),
                ]);
            }
        }
        if !matches!(self.grant, Grant::JwtBearer { .. }) {
            let more = [("scope", &self.scope), ("audience", &self.audience)];
            let more = more.into_iter();
            pairs.extend(more.filter_map(|(name, value)| Some((name, value.as_deref()?))));
        }
        let mut authorization = None;
        match &self.client_secret {
            // RFC 6749 section 2.3.1: both parts are encoded before they are joined.
            Some(secret) if self.is_basic => {
                let secret = address::value(secret.expose_secret());
                authorization = Some(auth::basic(&address::value(&self.client_id), &secret));
            }
            Some(secret) => pairs.extend([
                ("client_id", self.client_id.as_str()),
                ("client_secret", secret.expose_secret()),
            ]),
            // The assertion holds the client id.
            None if matches!(self.grant, Grant::JwtBearer { .. }) => {}
            None => pairs.push(("client_id", &self.client_id)),
        }
        let pairs = pairs.into_iter();
        let pairs = pairs.map(|(name, value)| format!("{name}={}", address::value(value)));
        Ok(TokenRequest {
            url: self.token_url.clone(),
            authorization,
            body: pairs.collect::<Vec<_>>().join("&").into(),
        })
    }

    /// The claims of an assertion (RFC 7523 section 3), which is valid for two minutes.
    fn claims(&self, subject: &str, now: Timestamp) -> Value {
        let mut claims = serde_json::json!({
            "iss": self.client_id,
            "sub": subject,
            "aud": self.audience.as_deref().unwrap_or(self.token_url.as_str()),
            "iat": now.as_second(),
            "exp": now.as_second() + 120,
        });
        if let Some(scope) = &self.scope {
            claims["scope"] = scope.as_str().into();
        }
        claims
    }
}

const TEXT: &str =
    "a text that is not empty, without control characters, with the real value in place of …";

fn plain(text: &str) -> Option<String> {
    let is_plain = !text.is_empty() && !text.contains(char::is_control);
    (is_plain && !auth::is_placeholder(text)).then(|| text.to_owned())
}

fn secret(text: &str) -> Option<SecretString> {
    plain(text).map(SecretString::from)
}

fn header(text: &str) -> Option<(String, String)> {
    let is_shown = text.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    let (before, after) = text.split_once("{token}")?;
    let is_right = is_shown && text.trim() == text && !after.contains("{token}");
    is_right.then(|| (before.to_owned(), after.to_owned()))
}

#[cfg(test)]
mod tests;
