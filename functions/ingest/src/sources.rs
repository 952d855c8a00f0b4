//! The secrets of the sources, kept for a while; so is the knowledge that there is no such source.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::change::SourceName;
use io::secrets::{Secrets, SecretsError, SourceSecret};
use jiff::Timestamp;

use crate::answer::Refusal;

/// The most names that are kept. Whoever guesses names cannot fill the memory.
const KEPT: usize = 1_000;
/// The most names without a known secret that one copy looks up in a second.
const LOOKUPS: u32 = 20;
/// How long a secret that cannot be read again serves on, and one that cannot be used is not read
/// again.
const RETRY: Duration = Duration::from_secs(30);

/// Reads and keeps the secrets of sources.
pub(crate) struct Sources {
    secrets: Arc<dyn Secrets>,
    prefix: String,
    ttl: Duration,
    kept: Mutex<BTreeMap<SourceName, Kept>>,
    /// A second, and how many names without a known secret were looked up in it.
    lookups: Mutex<(i64, u32)>,
}

#[derive(Clone)]
struct Kept {
    known: Known,
    until: Timestamp,
}

#[derive(Clone)]
enum Known {
    Secret(Arc<SourceSecret>),
    /// There is no such source.
    NoSource,
    /// A person must mend it.
    Unusable(String),
}

impl Known {
    fn answer(self) -> Result<Arc<SourceSecret>, Refusal> {
        match self {
            Known::Secret(secret) => Ok(secret),
            Known::NoSource => Err(Refusal::Unauthorized),
            Known::Unusable(detail) => Err(Refusal::Unavailable {
                accepted: 0,
                detail,
            }),
        }
    }
}

impl Sources {
    pub(crate) fn new(secrets: Arc<dyn Secrets>, prefix: String, ttl: Duration) -> Sources {
        Sources {
            secrets,
            prefix,
            ttl,
            kept: Mutex::default(),
            lookups: Mutex::default(),
        }
    }

    /// The source's secret. An unknown source is unauthorized; a secret that cannot be read or used
    /// now is a reason to come again. A known one serves on while Secrets Manager does not answer.
    pub(crate) async fn secret(
        &self,
        source: &SourceName,
        now: Timestamp,
    ) -> Result<Arc<SourceSecret>, Refusal> {
        let kept = self
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(source)
            .cloned();
        if let Some(kept) = kept.as_ref().filter(|kept| now < kept.until) {
            return kept.known.clone().answer();
        }
        let name = format!("{}/source/{source}", self.prefix);
        let old = kept
            .map(|kept| kept.known)
            .filter(|known| matches!(known, Known::Secret(_)));
        if old.is_none() && !self.may_look_up(now) {
            return Err(Refusal::Unavailable {
                accepted: 0,
                detail: "too many unknown sources are named".to_owned(),
            });
        }
        let unusable =
            |why: &dyn std::fmt::Display| Known::Unusable(format!("secret {name}: {why}"));
        let (known, ttl) = match (self.secrets.read(&name).await, old) {
            (Ok(text), _) => match SourceSecret::parse(&text) {
                Ok(secret) => (Known::Secret(Arc::new(secret)), self.ttl),
                Err(error) => (unusable(&error), RETRY),
            },
            (Err(SecretsError::Missing), _) => (Known::NoSource, self.ttl),
            (Err(SecretsError::Unavailable), Some(old)) => (old, RETRY),
            (Err(error), _) => (
                unusable(&error),
                if error == SecretsError::Denied {
                    RETRY
                } else {
                    Duration::ZERO
                },
            ),
        };
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= KEPT {
            all.retain(|_, kept| matches!(kept.known, Known::Secret(_)));
        }
        all.insert(
            source.clone(),
            Kept {
                known: known.clone(),
                until: now + ttl,
            },
        );
        known.answer()
    }

    /// Whoever guesses names gets Secrets Manager asked only so often.
    fn may_look_up(&self, now: Timestamp) -> bool {
        let mut lookups = self.lookups.lock().unwrap_or_else(PoisonError::into_inner);
        if now.as_second() != lookups.0 {
            *lookups = (now.as_second(), 0);
        }
        lookups.1 += 1;
        lookups.1 <= LOOKUPS
    }
}
