//! The token endpoint (docs/genesys-cloud.md "OAuth client credentials").

use base64::Engine;
use bytes::Bytes;
use http::Request;
use serde_json::json;

use super::Genesys;
use super::answer::Answer;
use super::http_api::header;

pub(super) const TOKEN_PATH: &str = "/oauth/token";

impl Genesys {
    /// Issues an access token, or refuses the request.
    pub(super) fn token(&self, request: &Request<Bytes>) -> Answer {
        let refused = |status, text: &str| {
            (
                status,
                json!({ "error": "invalid_client", "description": text, "error_description": text }),
            )
        };
        let form = String::from_utf8_lossy(request.body());
        if !form
            .split('&')
            .any(|pair| pair == "grant_type=client_credentials")
        {
            return (400, json!({ "error": "unsupported_grant_type" }));
        }
        let credentials =
            header(request, "authorization").and_then(|text| text.strip_prefix("Basic "));
        let credentials = credentials
            .and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok());
        let credentials = credentials
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .unwrap_or_default();
        let (id, secret) = credentials.split_once(':').unwrap_or_default();
        let mut state = self.state();
        match state.clients.get(id) {
            None => refused(400, "client not found"),
            Some(client) if client.secret != secret => refused(401, "authentication failed"),
            Some(_) => {
                state.issued += 1;
                let token = format!("token-{}", state.issued);
                state.tokens.insert(
                    token.clone(),
                    (id.to_owned(), self.clock.now() + self.options.token_life),
                );
                let life = self.options.token_life.as_secs();
                (
                    200,
                    json!({ "access_token": token, "token_type": "bearer", "expires_in": life }),
                )
            }
        }
    }
}
