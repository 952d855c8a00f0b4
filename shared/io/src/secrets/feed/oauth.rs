//! OAuth 2.0 for a feed (RFC 6749), as pure functions: the request to the token endpoint, and what
//! its answer means.
//!
//! It supports the grants `client_credentials`, `refresh_token` and `jwt-bearer`. A refresh token
//! that changes with each use is refused, because a secret is never written. `reconcile::feed`
//! sends the request and keeps the token; `jwt` signs assertions.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::super::members::{MalformedSecret, Members};
use super::jwt::SigningKey;
use super::{auth, request};

/// How long a token is valid if neither the answer nor the secret says so.
const LIFETIME: Duration = Duration::from_mins(15);
/// A token is not used any more this long before it expires.
const BEFORE_END: Duration = Duration::from_mins(1);
/// The longest token, in characters.
const MOST_TOKEN: usize = 16_384;

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

/// A token that the endpoint gave.
pub struct FeedToken {
    /// The whole value of the header `Authorization`.
    pub authorization: SecretString,
    /// How long it may be used.
    pub good_for: Duration,
}

/// Why there is no token. Of what the endpoint wrote, it holds nothing but a standard error code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoToken {
    /// The endpoint refuses.
    #[error("it answered {status}{}: expected that it takes the secret's auth", .code.map(|code| format!(" ({code})")).unwrap_or_default())]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The error code, if it is one of RFC 6749.
        code: Option<&'static str>,
    },
    /// The answer is not that of a token endpoint.
    #[error("expected JSON with an access_token of visible ASCII characters")]
    Malformed,
    /// The endpoint replaced the refresh token, so the one in the secret is spent.
    #[error(
        "it gives another refresh_token with each use, and nothing here can store one: expected a grant that leaves the \
         secret as it is (client_credentials or jwt-bearer, or a refresh token that stays)"
    )]
    Rotates,
    /// The private key does not sign.
    #[error("the secret's privateKey does not sign")]
    Unsigned,
}

/// The standard error codes (RFC 6749 section 5.2).
const CODES: [&str; 6] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
];

#[derive(Deserialize)]
struct Answer {
    access_token: Option<String>,
    refresh_token: Option<String>,
    expires_in: Option<Value>,
    error: Option<Value>,
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
            members.required("tokenUrl", URL, |text| request::address(text, is_local))?;
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
                let secret = request::value(secret.expose_secret());
                authorization = Some(auth::basic(&request::value(&self.client_id), &secret));
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
        let pairs = pairs.map(|(name, value)| format!("{name}={}", request::value(value)));
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

    /// The token in an answer of the endpoint.
    ///
    /// # Errors
    /// There is no token, or none that could be renewed.
    pub fn token(&self, status: StatusCode, body: &[u8]) -> Result<FeedToken, NoToken> {
        let answer = serde_json::from_slice(body).ok();
        let code = |answer: &Answer| {
            let code = answer.error.as_ref()?.as_str()?;
            CODES.into_iter().find(|known| *known == code)
        };
        let answer = match answer {
            // Some endpoints refuse with status 200.
            Some(answer @ Answer { error: None, .. }) if status.is_success() => answer,
            None if status.is_success() => return Err(NoToken::Malformed),
            answer => {
                return Err(NoToken::Refused {
                    status: status.as_u16(),
                    code: answer.as_ref().and_then(code),
                });
            }
        };
        if let (Grant::RefreshToken(ours), Some(theirs)) = (&self.grant, &answer.refresh_token)
            && ours.expose_secret() != theirs
        {
            return Err(NoToken::Rotates);
        }
        let is_token = |token: &String| {
            (1..=MOST_TOKEN).contains(&token.len())
                && token.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let token = answer.access_token.filter(is_token);
        let token = token.ok_or(NoToken::Malformed)?;
        let told = answer.expires_in.as_ref().and_then(seconds);
        let life = told.or(self.lifetime).unwrap_or(LIFETIME);
        let (before, after) = &self.header;
        Ok(FeedToken {
            authorization: format!("{before}{token}{after}").into(),
            good_for: life.saturating_sub(BEFORE_END.min(life / 2)),
        })
    }
}

const TEXT: &str =
    "a text that is not empty, without control characters, and the value itself in place of …";

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

/// Reads a number, or a number that is written as a text.
fn seconds(value: &Value) -> Option<Duration> {
    let seconds = value
        .as_u64()
        .or_else(|| value.as_str()?.parse::<u64>().ok());
    seconds
        .filter(|seconds| *seconds > 0)
        .map(|seconds| Duration::from_secs(seconds.min(86_400)))
}

#[cfg(test)]
mod tests;
