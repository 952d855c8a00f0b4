//! The state of each org's feed that outlasts a request: the time of the last request, and the
//! token.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::change::OrgId;
use jiff::Timestamp;

use super::NoPage;
use super::token::CachedToken;
use crate::Context;

/// The turns of all feeds that were asked, by org.
#[derive(Default)]
pub(crate) struct Feeds(Mutex<BTreeMap<String, Arc<Turn>>>);

/// The state of one org's feed.
#[derive(Default)]
pub(super) struct Turn {
    /// The time of the last request.
    last: tokio::sync::Mutex<Option<Timestamp>>,
    /// The token of the last request. A task that waits for the lock finds it here and asks for
    /// none itself.
    pub(super) token: tokio::sync::Mutex<Option<CachedToken>>,
}

impl Feeds {
    pub(super) fn of(&self, org: &OrgId) -> Arc<Turn> {
        let mut feeds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(feeds.entry(org.as_str().to_owned()).or_default())
    }
}

impl Context {
    /// Waits until the org's feed may be asked again.
    pub(super) async fn take_turn(
        &self,
        turn: &Turn,
        min_interval: Duration,
        end: Option<Timestamp>,
    ) -> Result<(), NoPage> {
        let mut last = turn.last.lock().await;
        let now = self.shared.clock.now();
        let since = last.and_then(|last| Duration::try_from(now.duration_since(last)).ok());
        let wait = since.map_or(Duration::ZERO, |since| min_interval.saturating_sub(since));
        if !wait.is_zero() {
            if self.left(end).is_some_and(|left| left <= wait) {
                return Err(NoPage::OutOfTime);
            }
            tokio::time::sleep(wait).await;
        }
        *last = Some(self.shared.clock.now());
        Ok(())
    }
}
