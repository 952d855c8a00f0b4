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

/// Reads and keeps the secrets of sources.
pub(crate) struct Sources {
    secrets: Arc<dyn Secrets>,
    prefix: String,
    ttl: Duration,
    kept: Mutex<BTreeMap<SourceName, Kept>>,
}

/// `None`: there is no such source.
#[derive(Clone)]
struct Kept {
    secret: Option<Arc<SourceSecret>>,
    until: Timestamp,
}

impl Sources {
    pub(crate) fn new(secrets: Arc<dyn Secrets>, prefix: String, ttl: Duration) -> Sources {
        Sources { secrets, prefix, ttl, kept: Mutex::default() }
    }

    /// The source's secret. An unknown source is unauthorized; a secret that cannot be read or used now is a reason to
    /// come again. A known one serves on while Secrets Manager does not answer.
    pub(crate) async fn secret(&self, source: &SourceName, now: Timestamp) -> Result<Arc<SourceSecret>, Refusal> {
        let known = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(source).cloned();
        if let Some(known) = known.as_ref().filter(|known| now < known.until) {
            return known.secret.clone().ok_or(Refusal::Unauthorized);
        }
        let name = format!("{}/source/{source}", self.prefix);
        let unavailable =
            |why: &dyn std::fmt::Display| Refusal::Unavailable { accepted: 0, detail: format!("secret {name}: {why}") };
        let secret = match self.secrets.read(&name).await {
            Ok(text) => Some(Arc::new(SourceSecret::parse(&text).map_err(|error| unavailable(&error))?)),
            Err(SecretsError::Missing) => None,
            Err(error) => match known.and_then(|known| known.secret) {
                Some(known) if error == SecretsError::Unavailable => return Ok(known),
                _ => return Err(unavailable(&error)),
            },
        };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.retain(|_, kept| kept.secret.is_some());
        }
        kept.insert(source.clone(), Kept { secret: secret.clone(), until: now + self.ttl });
        secret.ok_or(Refusal::Unauthorized)
    }
}
