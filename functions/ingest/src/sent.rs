//! What SQS has of requests that it did not take whole, so that the next try of one begins where
//! the last one ended: with 100 changes of one contact and a slow SQS no try would ever get
//! further.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::Change;
use jiff::Timestamp;

/// Less than the five minutes for which SQS itself would drop what it has already: nothing is left
/// out that it would take.
const REMEMBERED: Duration = Duration::from_mins(4);
/// The most that is kept.
const MOST: usize = 1_000;

/// Deduplication ids, and since when at least SQS has them.
#[derive(Default)]
pub(crate) struct Sent(Mutex<BTreeMap<String, Timestamp>>);

impl Sent {
    /// Whether SQS has this change, and would drop it.
    pub(crate) fn has(&self, change: &Change, now: Timestamp) -> bool {
        let sent = self.lock();
        let since = (!sent.is_empty()).then(|| sent.get(&change.deduplication_id()));
        since
            .flatten()
            .is_some_and(|since| now < *since + REMEMBERED)
    }

    /// `since`: a time before the first of them was sent.
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
