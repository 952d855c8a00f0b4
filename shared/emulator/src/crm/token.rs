//! The token endpoints of OAuth 2.0. They know the grant `client_credentials` only.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::SignedDuration;
use serde_json::json;

use super::{ApiAnswer, ApiRequest, CLIENT_ID, CLIENT_SECRET, State, pairs};

/// How long a token is valid.
pub(super) const LIFE: SignedDuration = SignedDuration::from_hours(1);

/// Issues an access token, or refuses. `scope` is the scope that the request must name.
pub(super) fn give(
    state: &mut State,
    request: &ApiRequest<'_>,
    scope: Option<&str>,
) -> Result<String, ApiAnswer> {
    let refused = |status, error: &str| {
        let body =
            json!({ "error": error, "error_description": "the request for a token is refused" });
        Err(ApiAnswer::new(status, body))
    };
    let media_type = request.header("content-type").unwrap_or_default();
    if request.method != "POST" || !media_type.starts_with("application/x-www-form-urlencoded") {
        return refused(400, "invalid_request");
    }
    let mut form = pairs(std::str::from_utf8(request.body).unwrap_or_default());
    let basic = request.header("authorization").and_then(|value| {
        let user = BASE64_STANDARD.decode(value.strip_prefix("Basic ")?).ok()?;
        let user = String::from_utf8(user).ok()?;
        let (id, secret) = user.split_once(':')?;
        Some([
            ("client_id", id.to_owned()),
            ("client_secret", secret.to_owned()),
        ])
    });
    form.extend(
        basic
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.to_owned(), value)),
    );
    let get = |name: &str| {
        let mut values = form.iter().filter(|(known, _)| known == name);
        values.next().map(|(_, value)| value.as_str())
    };
    if get("grant_type") != Some("client_credentials") {
        return refused(400, "unsupported_grant_type");
    }
    if (get("client_id"), get("client_secret")) != (Some(CLIENT_ID), Some(CLIENT_SECRET)) {
        return refused(401, "invalid_client");
    }
    if scope.is_some() && get("scope") != scope {
        return refused(400, "invalid_scope");
    }
    state.made += 1;
    let token = format!("access-token-{}", state.made);
    state.tokens.insert(token.clone(), request.now + LIFE);
    Ok(token)
}

/// Whether the request shows a valid token.
pub(super) fn is_good(state: &State, request: &ApiRequest<'_>) -> bool {
    let ends = request.bearer().and_then(|token| state.tokens.get(token));
    ends.is_some_and(|ends| *ends > request.now)
}
