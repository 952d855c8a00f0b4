//! Lets senders in. The secrets of sources are cached, and so is the fact that a name has no
//! secret.
//!
//! A stranger must not learn which names have a secret. So every refusal gets the same answer after
//! the same work. A request that the cache does not let in costs one look-up, whether or not the
//! name has a secret, unless that name was looked up a short time before. Look-ups have no limit,
//! so that guessers cannot shut others out. They are slow nevertheless: a copy handles one request
//! at a time, answers a refusal only after [`crate::SOONEST_REFUSAL`], and the HTTP API limits the
//! rate of requests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::change::SourceName;
use io::secrets::{Secrets, SecretsError, SourceSecret};
use jiff::Timestamp;
use tokio::sync::Semaphore;

use crate::answer::Refusal;
use crate::auth::{Authenticity, Shown, Why, judge};

/// The most names that are cached, so that a guesser cannot fill the memory.
const MAX_CACHED: usize = 1_000;
/// How long a name is not looked up again if its secret refuses a request. A secret that cannot be
/// read again stays in use for this long before the next look-up.
const RETRY: Duration = Duration::from_secs(30);

/// The most look-ups under way, if a copy has several requests at a time. They are served in order.
const MAX_LOOKUPS: usize = 10;

/// Reads and caches the secrets of sources.
pub(crate) struct Sources {
    secrets: Arc<dyn Secrets>,
    prefix: String,
    ttl: Duration,
    kept: Mutex<BTreeMap<SourceName, Cached>>,
    turns: Semaphore,
}

#[derive(Clone)]
struct Cached {
    known: Known,
    /// The time at which Secrets Manager was last asked.
    asked_at: Timestamp,
    /// Why it did not answer then. There may be a new secret.
    in_doubt: Option<SecretsError>,
}

#[derive(Clone)]
enum Known {
    Secret(Arc<SourceSecret>),
    /// There is no such source.
    NoSource,
    /// The secret cannot be used until a person corrects it.
    Unusable(String),
}

impl Sources {
    pub(crate) fn new(secrets: Arc<dyn Secrets>, prefix: String, ttl: Duration) -> Sources {
        Sources {
            secrets,
            prefix,
            ttl,
            kept: Mutex::default(),
            turns: Semaphore::new(MAX_LOOKUPS),
        }
    }

    /// The secret of the source, if the request is really from that source. If the secret cannot be
    /// read or used now, the answer is 503, so that the sender tries again later. A cached secret
    /// stays in use while Secrets Manager does not answer.
    pub(crate) async fn admit(
        &self,
        source: &SourceName,
        shown: &Shown<'_>,
    ) -> Result<Arc<SourceSecret>, Refusal> {
        let now = shown.now;
        let name = format!("{}/source/{source}", self.prefix);
        let answer = |kept: &Cached| kept.answer(&name, shown);
        if let Some(cached_answer) = self.cached_answer(source, answer, now) {
            return cached_answer;
        }
        let _turn = self.turns.acquire().await;
        // Another request may have asked meanwhile.
        if let Some(cached_answer) = self.cached_answer(source, answer, now) {
            return cached_answer;
        }
        let old = self.kept().get(source).and_then(|kept| match &kept.known {
            Known::Secret(secret) => Some(Arc::clone(secret)),
            Known::NoSource | Known::Unusable(_) => None,
        });
        let kept = self.ask(&name, old, now).await;
        let answer = answer(&kept);
        self.keep(source, kept);
        answer
    }

    /// The answer from the cache, or `None` if Secrets Manager must be asked first.
    fn cached_answer<T>(
        &self,
        source: &SourceName,
        answer: impl Fn(&Cached) -> Result<T, Refusal>,
        now: Timestamp,
    ) -> Option<Result<T, Refusal>> {
        let kept = self.kept().get(source).cloned()?;
        let answer = answer(&kept);
        let lasts = if answer.is_ok() && kept.in_doubt.is_none() {
            self.ttl
        } else {
            self.ttl.min(RETRY)
        };
        (now < kept.asked_at + lasts).then_some(answer)
    }

    async fn ask(&self, name: &str, old: Option<Arc<SourceSecret>>, now: Timestamp) -> Cached {
        let unusable =
            |why: &dyn std::fmt::Display| Known::Unusable(format!("secret {name}: {why}"));
        let read = self.secrets.read(name).await;
        let in_doubt = read.as_ref().err().copied();
        let in_doubt = in_doubt.filter(|error| error.is_temporary());
        let known = match (read, old) {
            (Ok(text), _) => match SourceSecret::parse(&text) {
                Ok(secret) => Known::Secret(Arc::new(secret)),
                Err(error) => unusable(&error),
            },
            (Err(SecretsError::Missing), _) => Known::NoSource,
            (Err(error), Some(old)) if error.is_temporary() => Known::Secret(old),
            (Err(error), _) => unusable(&error),
        };
        Cached {
            known,
            asked_at: now,
            in_doubt,
        }
    }

    fn keep(&self, source: &SourceName, kept: Cached) {
        let mut all = self.kept();
        if matches!(kept.known, Known::Unusable(_)) && kept.in_doubt.is_some() {
            // Nothing is known, and an outage may end at any time.
            all.remove(source);
            return;
        }
        if all.len() >= MAX_CACHED {
            all.retain(|_, kept| matches!(kept.known, Known::Secret(_)));
        }
        all.insert(source.clone(), kept);
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<SourceName, Cached>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cached {
    fn answer(&self, name: &str, shown: &Shown<'_>) -> Result<Arc<SourceSecret>, Refusal> {
        let unavailable = |detail| Err(Refusal::unavailable(0, detail));
        let secret = match &self.known {
            Known::Secret(secret) => secret,
            Known::NoSource => {
                let detail = format!("there is no secret {name}");
                return Err(Refusal::Unauthorized(detail));
            }
            Known::Unusable(detail) => return unavailable(detail.clone()),
        };
        match judge(&secret.auth, shown) {
            Authenticity::Authentic => Ok(Arc::clone(secret)),
            Authenticity::SignedShort => unavailable(format!(
                "secret {name}: the signing secret of this webhook is shorter than 24 bytes: put one of \
                 whsec_$(openssl rand -base64 24) beside it, and let the sender sign with that"
            )),
            Authenticity::Stranger(why) => match (self.in_doubt, &why) {
                (Some(error), _) => unavailable(format!(
                    "secret {name}: {error}, and the cached one does not let this webhook in"
                )),
                (None, Why::Wrong) => Err(Refusal::Unauthorized(format!(
                    "secret {name} does not let it in: {why}"
                ))),
                (None, _) => Err(Refusal::Unauthorized(why.to_string())),
            },
        }
    }
}
