//! The secret and the token of one org. One caller fetches them, and the others wait for it.
//!
//! A call gets a [`Session`]. If the service answers it with 401, the call asks again: the first
//! time for a new token, then with the secret read afresh, and then it fails. An org that is
//! refused is closed for a while, so that it costs no more calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine;
use bytes::Bytes;
use domain::failure::{Failure, Kind};
use domain::retry::{CLOSED, TRIES, Throttle};
use http::{Method, Request, header};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Mutex, MutexGuard};

use super::answer::{answer_failure, out_of_time, unanswered};
use super::run::Run;
use super::{Org, wire};
use crate::secrets::{OrgSecret, SecretsError};
use crate::throttled;

/// How long an old secret stays in use before the next try to read it, if it could not be read.
const SERVES_ON: Duration = Duration::from_secs(30);

/// The login of one org.
#[derive(Default)]
pub(super) struct Login {
    state: Mutex<State>,
    /// A number that grows when earlier sessions are known to be refused. It changes only while the
    /// state is locked.
    generation: AtomicU64,
}

#[derive(Default)]
struct State {
    /// The secret, and until when it is not read again.
    secret: Option<(Arc<OrgSecret>, Timestamp)>,
    token: Option<Token>,
    /// The refusals of the token endpoint.
    throttle: Throttle,
    /// The time until which no call is made, and why.
    closed: Option<(Timestamp, Failure)>,
    /// The time and result of the last failed fetch. Callers that waited for it share its result.
    failed: Option<(Timestamp, Failure)>,
}

impl Login {
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The secret, if it is known together with a token and nobody is fetching another one.
    pub(super) fn known(&self, now: Timestamp) -> Option<Arc<OrgSecret>> {
        let state = self.state.try_lock().ok()?;
        let is_closed = state.closed.as_ref().is_some_and(|(until, _)| now < *until);
        let has_token = state
            .token
            .as_ref()
            .is_some_and(|token| now < token.renew_at);
        let (secret, _) = state.secret.as_ref().filter(|(_, until)| now < *until)?;
        (has_token && !is_closed).then(|| Arc::clone(secret))
    }

    /// Makes earlier sessions invalid.
    fn outdate(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }
}

struct Token {
    text: Arc<SecretString>,
    renew_at: Timestamp,
}

/// The token and secret with which a call goes.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) secret: Arc<OrgSecret>,
    pub(super) token: Arc<SecretString>,
    pub(super) generation: u64,
}

/// A session that the service answered with 401.
pub(super) struct Unauthorized<'a> {
    pub(super) generation: u64,
    /// How many times this call got a 401, including this one.
    pub(super) times: u32,
    pub(super) failure: &'a Failure,
}

impl Org {
    /// A session for a call. After a 401 it is another one: first with a new token, then with the
    /// secret read afresh, and then none.
    pub(super) async fn session(
        &self,
        run: &Run,
        after: Option<Unauthorized<'_>>,
    ) -> Result<Session, Failure> {
        let asked_at = self.shared.clock.now();
        let mut state = self.login.state.lock().await;
        let now = self.shared.clock.now();
        if let Some((until, failure)) = &state.closed {
            if now < *until {
                let after = Duration::try_from(until.duration_since(now)).unwrap_or_default();
                let kind = Kind::Closed { after };
                return Err(Failure {
                    kind,
                    ..failure.clone()
                });
            }
            // A person may have corrected the secret.
            *state = State {
                throttle: state.throttle,
                ..State::default()
            };
        }
        if let Some((_, failure)) = state
            .failed
            .as_ref()
            .filter(|(failed_at, _)| *failed_at > asked_at)
        {
            return Err(failure.clone());
        }
        let session = self.renewed(&mut state, run, after).await;
        if let Err(failure) = &session {
            self.notes_silence(None, false, failure);
            let now = self.shared.clock.now();
            state.failed = Some((now, failure.clone()));
            if failure.kind == Kind::Refused {
                self.close(&mut state, failure);
            }
        }
        session
    }

    /// Makes no call for a while.
    fn close(&self, state: &mut MutexGuard<'_, State>, failure: &Failure) {
        state.closed = Some((self.shared.clock.now() + CLOSED, failure.clone()));
        self.login.outdate();
        self.tell_refused(failure);
    }

    async fn renewed(
        &self,
        state: &mut State,
        run: &Run,
        after: Option<Unauthorized<'_>>,
    ) -> Result<Session, Failure> {
        let is_placed = self.health.is_placed();
        let mut secret = self.secret(state, run).await?;
        if !is_placed {
            // The host that the secret names may be known to be ill.
            self.may_log_in()?;
        }
        let refused = after.filter(|after| after.generation == self.login.generation());
        if let Some(refused) = refused {
            state.token = None;
            self.login.outdate();
            let is_hopeless = match refused.times {
                1 => false,
                2 => !self.secret_changed(state, run, &mut secret).await?,
                _ => true,
            };
            if is_hopeless {
                return Err(Failure {
                    kind: Kind::Refused,
                    ..refused.failure.clone()
                });
            }
        }
        let now = self.shared.clock.now();
        if state
            .token
            .as_ref()
            .is_none_or(|token| token.renew_at <= now)
        {
            state.token = Some(match self.fetch_token(state, run, &secret).await {
                // The cached secret may have been rotated.
                Err(failure) if failure.kind == Kind::Refused => {
                    if !self.secret_changed(state, run, &mut secret).await? {
                        return Err(failure);
                    }
                    self.fetch_token(state, run, &secret).await?
                }
                fetched => fetched?,
            });
        }
        let token = state.token.as_ref().map(|token| Arc::clone(&token.text));
        let token = token.ok_or_else(|| Failure::new(Kind::Unavailable, "no token"))?;
        Ok(Session {
            secret,
            token,
            generation: self.login.generation(),
        })
    }

    /// The secret, from the cache while it is young. An old one stays in use while Secrets Manager
    /// does not answer.
    async fn secret(&self, state: &mut State, run: &Run) -> Result<Arc<OrgSecret>, Failure> {
        let now = self.shared.clock.now();
        let old = match &state.secret {
            Some((secret, until)) if now < *until => return Ok(Arc::clone(secret)),
            old => old.as_ref().map(|(secret, _)| Arc::clone(secret)),
        };
        let read = match (self.read_secret(run).await, old.clone()) {
            (Err(failure), Some(old))
                if matches!(failure.kind, Kind::Unavailable | Kind::OutOfTime) =>
            {
                state.secret = Some((Arc::clone(&old), self.shared.clock.now() + SERVES_ON));
                return Ok(old);
            }
            (read, _) => read?,
        };
        if old.is_some_and(|old| !old.logs_in_as(&read)) {
            state.token = None;
        }
        self.is_at(&read);
        state.secret = Some((Arc::clone(&read), now + self.shared.config.secret_ttl));
        Ok(read)
    }

    /// Reads the secret afresh, and stores it. Returns whether it logs in differently from
    /// `secret`.
    async fn secret_changed(
        &self,
        state: &mut State,
        run: &Run,
        secret: &mut Arc<OrgSecret>,
    ) -> Result<bool, Failure> {
        let read = self.read_secret(run).await?;
        let changed = !read.logs_in_as(secret);
        self.is_at(&read);
        state.secret = Some((
            Arc::clone(&read),
            self.shared.clock.now() + self.shared.config.secret_ttl,
        ));
        *secret = read;
        Ok(changed)
    }

    async fn read_secret(&self, run: &Run) -> Result<Arc<OrgSecret>, Failure> {
        let name = format!("{}/org/{}", self.shared.config.secret_prefix, self.id);
        let began = self.shared.clock.now();
        let timeout = run.read_timeout(began).ok_or_else(out_of_time)?;
        self.may_read_secret(began)?;
        let read = tokio::time::timeout(timeout, self.shared.secrets.read(&name)).await;
        let is_answered =
            matches!(&read, Ok(read) if !matches!(read, Err(SecretsError::Unavailable)));
        self.asked_for_secret(began, is_answered);
        let cut_short = if Run::is_short(timeout) {
            Err(out_of_time())
        } else {
            Ok(Err(SecretsError::Unavailable))
        };
        let text = read.or(cut_short)?.map_err(|error| {
            let kind = if error == SecretsError::Unavailable {
                Kind::Unavailable
            } else {
                Kind::Refused
            };
            Failure::new(kind, format!("secret {name}: {error}"))
        })?;
        let secret = OrgSecret::parse(&text);
        secret
            .map(Arc::new)
            .map_err(|error| Failure::new(Kind::Refused, format!("secret {name}: {error}")))
    }

    /// Fetches a token (docs/genesys-cloud.md "OAuth client credentials"). It is tried up to three
    /// times, because that may be repeated.
    async fn fetch_token(
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
                "the token endpoint wants no call yet",
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
                Kind::Unanswered if !run.repeats_what_hangs() => return Err(failure),
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
        let (id, hush) = (
            secret.client_id.expose_secret(),
            secret.client_secret.expose_secret(),
        );
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("{id}:{hush}"));
        let request = Request::builder()
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
            })?;
        let asked_at = self.shared.clock.now();
        let timeout = run.read_timeout(asked_at).ok_or_else(out_of_time)?;
        let answer = self.shared.transport.send(request, timeout).await;
        let answer = answer.map_err(|error| unanswered(WHAT, error, Run::is_short(timeout)))?;
        let now = self.shared.clock.now();
        let latency = Duration::try_from(now.duration_since(asked_at)).unwrap_or_default();
        self.is_answered(None, false, latency);
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
            Failure {
                kind: Kind::Refused,
                ..failure
            }
        } else {
            failure
        })
    }
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
