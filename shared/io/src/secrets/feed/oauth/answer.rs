//! The answer of a token endpoint: a token, or why there is none.
//!
//! Only the token and a standard error code are taken from the answer. `reconcile::feed` keeps the
//! token until it expires, and decides when another is asked for.

use std::time::Duration;

use http::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::{Grant, OAuth2};

/// How long a token is valid if neither the answer nor the secret says so.
const LIFETIME: Duration = Duration::from_mins(15);
/// A token is not used any more this long before it expires.
const BEFORE_END: Duration = Duration::from_mins(1);
/// The longest token, in characters.
const MOST_TOKEN: usize = 16_384;

/// A token that the endpoint issued.
pub struct FeedToken {
    /// The whole value of the header `Authorization`.
    pub authorization: SecretString,
    /// How long it may be used.
    pub good_for: Duration,
}

/// Why there is no token. All that it holds of the endpoint's answer is a standard error code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoToken {
    /// The endpoint refuses.
    #[error("it answered {status}{}: expected it to accept the secret's auth", .code.map(|code| format!(" \
        ({code})")).unwrap_or_default())]
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
        "it issues another refresh_token with each use, and campaign-sync cannot store it: expected a grant \
         that leaves the \
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

/// Reads a number, or a number that is written as a text.
fn seconds(value: &Value) -> Option<Duration> {
    let seconds = value
        .as_u64()
        .or_else(|| value.as_str()?.parse::<u64>().ok());
    seconds
        .filter(|seconds| *seconds > 0)
        .map(|seconds| Duration::from_secs(seconds.min(86_400)))
}
