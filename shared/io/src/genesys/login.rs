//! The secret and the token of one org. One caller fetches them, and the others wait for it.
//!
//! A call gets a [`Session`]. If the service answers it with 401, the call asks again: the first
//! time for a new token, then with the secret read afresh, and then it fails. An org that is
//! refused is closed for a while, so that it costs no more calls.

mod token;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::failure::{Failure, Kind};
use domain::retry::{CLOSED, Throttle};
use jiff::Timestamp;
use secrecy::SecretString;
use tokio::sync::{Mutex, MutexGuard};

use super::Org;
use super::answer::out_of_time;
use super::run::Run;
use crate::secrets::{OrgSecret, SecretsError};
use token::Token;

/// How long an old secret stays in use before the next try to read it, if it could not be read.
const STALE_SECRET_FOR: Duration = Duration::from_secs(30);

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

/// The token and the secret that a call uses.
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
            self.record_silence(None, false, failure);
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
        self.emit_org_refused(failure);
    }

    async fn renewed(
        &self,
        state: &mut State,
        run: &Run,
        after: Option<Unauthorized<'_>>,
    ) -> Result<Session, Failure> {
        let has_host = self.health.has_host();
        let mut secret = self.secret(state, run).await?;
        if !has_host {
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
                state.secret = Some((Arc::clone(&old), self.shared.clock.now() + STALE_SECRET_FOR));
                return Ok(old);
            }
            (read, _) => read?,
        };
        if old.is_some_and(|old| !old.logs_in_as(&read)) {
            state.token = None;
        }
        self.set_host(&read);
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
        self.set_host(&read);
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
            matches!(&read, Ok(read) if !read.as_ref().is_err_and(|error| error.is_temporary()));
        self.asked_for_secret(began, is_answered);
        let cut_short = if Run::is_short(timeout) {
            Err(out_of_time())
        } else {
            Ok(Err(SecretsError::Unavailable))
        };
        let text = read.or(cut_short)?.map_err(|error| {
            let kind = if error.is_temporary() {
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
}
