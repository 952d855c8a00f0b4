//! Fetches the token of an OAuth client and says when to renew it. Which callers share a token is
//! decided in [`super`]. Tokens of feeds are in `secrets::feed::oauth`.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use bytes::Bytes;
use domain::failure::{Failure, Kind};
use domain::retry::TRIES;
use http::{Method, Request, header};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::State;
use crate::genesys::answer::{answer_failure, out_of_time, unanswered};
use crate::genesys::run::Run;
use crate::genesys::{Org, wire};
use crate::secrets::OrgSecret;
use crate::throttled;

pub(super) struct Token {
    pub(super) text: Arc<SecretString>,
    pub(super) renew_at: Timestamp,
}

impl Org {
    /// Fetches a token (docs/genesys-cloud.md "OAuth client credentials"). It is tried up to three
    /// times, because a retry does no harm.
    pub(super) async fn fetch_token(
        &self,
        state: &mut State,
        run: &Run,
        secret: &OrgSecret,
    ) -> Result<Token, Failure> {
        let now = self.shared.clock.now();
        if let Some(until) = state.throttle.until(now) {
            let after = Duration::try_from(until.duration_since(now)).unwrap_or_default();
            return Err(Failure::new(
                Kind::Throttled { after },
                "the token endpoint answered 429, and its wait is not over",
            ));
        }
        let base = self
            .shared
            .config
            .genesys_base_url
            .clone()
            .unwrap_or_else(|| secret.region.login_url());
        let mut tries = 0;
        loop {
            tries += 1;
            let failure = match self.ask_for_token(state, run, secret, &base).await {
                Ok(token) => return Ok(token),
                Err(failure) => failure,
            };
            let now = self.shared.clock.now();
            match failure.kind {
                Kind::Throttled { after } if tries < TRIES && run.may_wait(now, after) => {
                    tokio::time::sleep(after).await;
                }
                Kind::Unanswered if !run.retries_unanswered() => return Err(failure),
                Kind::Unavailable | Kind::Lost | Kind::Unanswered
                    if self.pause(run, tries).await => {}
                _ => return Err(failure),
            }
        }
    }

    async fn ask_for_token(
        &self,
        state: &mut State,
        run: &Run,
        secret: &OrgSecret,
        base: &str,
    ) -> Result<Token, Failure> {
        const WHAT: &str = "POST /oauth/token";
        let request = token_request(secret, base)?;
        let asked_at = self.shared.clock.now();
        let timeout = run.read_timeout(asked_at).ok_or_else(out_of_time)?;
        let answer = self.shared.transport.send(request, timeout).await;
        let answer = answer.map_err(|error| unanswered(WHAT, error, Run::is_short(timeout)))?;
        let now = self.shared.clock.now();
        let latency = Duration::try_from(now.duration_since(asked_at)).unwrap_or_default();
        self.record_answer(None, false, latency);
        let after = throttled(&mut state.throttle, now, answer.status(), answer.headers());
        if answer.status().is_success() {
            return token(answer.body(), asked_at).ok_or_else(|| {
                Failure::new(
                    Kind::Unavailable,
                    format!("{WHAT}: the answer holds no token"),
                )
            });
        }
        let failure = answer_failure(WHAT, &answer, after);
        let is_client_error =
            answer.status().is_client_error() && !matches!(failure.kind, Kind::Throttled { .. });
        // Like every other 4xx, a 408 means that this client is not let in (docs/design.md "Failure
        // table").
        Err(if is_client_error {
            let (prefix, org) = (&self.shared.config.secret_prefix, &self.id);
            let detail = format!(
                "{}: check clientId, clientSecret and region in the secret {prefix}/org/{org}",
                failure.detail
            );
            Failure {
                kind: Kind::Refused,
                detail,
                ..failure
            }
        } else {
            failure
        })
    }
}

/// The request for a token, with the credentials of the org's OAuth client.
fn token_request(secret: &OrgSecret, base: &str) -> Result<Request<Bytes>, Failure> {
    let (id, client_secret) = (
        secret.client_id.expose_secret(),
        secret.client_secret.expose_secret(),
    );
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{id}:{client_secret}"));
    Request::builder()
        .method(Method::POST)
        .uri(format!("{base}/oauth/token"))
        .header(header::AUTHORIZATION, format!("Basic {basic}"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Bytes::from_static(b"grant_type=client_credentials"))
        .map_err(|_| {
            Failure::new(
                Kind::Refused,
                "the OAuth client cannot be written in a header",
            )
        })
}

/// Reads a token. It is renewed a minute, or a tenth of its lifetime, before it expires.
fn token(body: &[u8], asked_at: Timestamp) -> Option<Token> {
    let token: wire::Token = serde_json::from_slice(body).ok()?;
    // Every call with such a token would fail for as long as the token lives.
    let text = token.access_token.expose_secret();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let life = Duration::from_secs(token.expires_in.min(48 * 3600));
    let early = (life / 10).min(Duration::from_secs(60));
    Some(Token {
        text: Arc::new(token.access_token),
        renew_at: asked_at + (life - early),
    })
}
