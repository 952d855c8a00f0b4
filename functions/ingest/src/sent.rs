//! Remembers which changes SQS accepted from requests that it did not accept completely, so that
//! the next try begins where the last one ended. Without this, a request with 100 changes of one
//! contact would never get through while SQS is slow.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::Change;
use jiff::Timestamp;

/// How long a change is remembered. It is shorter than the five minutes for which SQS drops
/// duplicates, so nothing is left out that SQS would accept.
const REMEMBERED: Duration = Duration::from_mins(4);
/// The most changes that are remembered.
const MOST: usize = 1_000;

/// Deduplication ids, each with a time shortly before SQS got it.
#[derive(Default)]
pub(crate) struct RecentlySent(Mutex<BTreeMap<String, Timestamp>>);

impl RecentlySent {
    /// Whether SQS has this change and would drop it.
    pub(crate) fn has(&self, change: &Change, now: Timestamp) -> bool {
        let sent = self.lock();
        let since = (!sent.is_empty()).then(|| sent.get(&change.deduplication_id()));
        since
            .flatten()
            .is_some_and(|since| now < *since + REMEMBERED)
    }

    /// Remembers changes. `since` is a time before the first of them was sent.
    pub(crate) fn add<'a>(&self, changes: impl Iterator<Item = &'a Change>, since: Timestamp) {
        let mut sent = self.lock();
        sent.retain(|_, at| since < *at + REMEMBERED);
        if sent.len() < MOST {
            sent.extend(changes.map(|change| (change.deduplication_id(), since)));
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
