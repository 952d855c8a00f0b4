//! Remembers that a DNC list fails, and says when the list may be called again.
//!
//! A list that refuses entries, is full or does not answer is left alone for a minute, and longer
//! while it does not answer. Changes that are written and wait only for the list are remembered, so
//! that they are not read again for nothing.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::batch::Evidence;
use domain::dnc::{DncList, DncListId};
use domain::failure::{Failure, Kind};
use domain::retry::{CLOSED, LONGEST};
use jiff::Timestamp;

use crate::genesys::Org;
use crate::telemetry::Event;

/// The most changes that are remembered as waiting for a list. Others are read again.
const MOST_WAITING: usize = 50_000;
/// A failure older than this proves nothing about the present, because waiting changes retry more
/// often.
const FORGOTTEN: Duration = Duration::from_hours(1);

/// The state of the org's list, as this copy has seen it.
#[derive(Default)]
pub(in crate::genesys) struct DncLists(Mutex<Known>);

impl DncLists {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Known {
    failing: Option<Failing>,
    /// The list that last accepted an entry, and when.
    taken: Option<(DncListId, Timestamp)>,
}

/// A failure of the list.
struct Failing {
    list: DncListId,
    /// The last failure.
    last: Failure,
    /// The time since which no entry was added.
    since: Timestamp,
    /// The time until which no call is made about the list.
    closed_until: Timestamp,
    /// The number of calls in a row without an answer.
    unanswered: u32,
    /// Changes that are written and wait only for the list, by a hash of the changes of a contact.
    waiting: HashSet<u64>,
    /// Whether the list accepts nothing new. It still accepts entries that it has, which proves
    /// nothing.
    is_full: bool,
}

impl Org {
    /// Remembers that the list accepted an entry. Its failure is over, unless the list is full: it
    /// still accepts entries that it has.
    pub(super) fn notes_taken(&self, list: &DncListId) {
        let now = self.shared.clock.now();
        let mut known = self.dnc.lock();
        known.taken = Some((list.clone(), now));
        let is_over =
            |failing: &mut Failing| !failing.is_full || now >= failing.closed_until + LONGEST;
        known.failing.take_if(is_over);
    }

    /// Leaves the list alone for a while, and reports that.
    pub(super) fn suspend_dnc_list(&self, list: &DncListId, failure: &Failure) {
        self.close_dnc(list, failure);
        let evidence = Evidence::from(failure);
        self.shared.telemetry.tell(&Event::DncListFailed {
            org: self.id.as_str(),
            evidence: &evidence,
        });
    }

    /// Whether this copy has lately seen the list accept entries.
    pub(super) fn takes_entries(&self, list: &DncListId) -> bool {
        let now = self.shared.clock.now();
        let known = self.dnc.lock();
        let taken = known.taken.as_ref().filter(|(of, _)| of == list);
        taken.is_some_and(|(_, at)| now < *at + FORGOTTEN)
    }

    /// Whether a call about the list may be made.
    ///
    /// # Errors
    /// [`Kind::Closed`] if the list failed a moment ago.
    pub(super) fn is_dnc_open(&self, list: &DncListId) -> Result<(), Failure> {
        let now = self.shared.clock.now();
        let known = self.dnc.lock();
        let failing = known
            .failing
            .as_ref()
            .filter(|failing| failing.list == *list);
        let Some(failing) = failing.filter(|failing| now < failing.closed_until) else {
            return Ok(());
        };
        let after = failing.closed_until.duration_since(now);
        let after = Duration::try_from(after).unwrap_or_default();
        Err(Failure {
            kind: Kind::Closed { after },
            detail: format!(
                "not called, because it failed a moment ago: {}",
                failing.last.detail
            ),
            ..failing.last.clone()
        })
    }

    /// Makes no call about the list for a minute. The time grows while the list does not answer,
    /// because every batch with an entry waits for it.
    fn close_dnc(&self, list: &DncListId, failure: &Failure) {
        let now = self.shared.clock.now();
        let mut known = self.dnc.lock();
        let before = known.failing.take();
        let before = before.filter(|before| before.is_of(list, now));
        let unanswered = match &before {
            _ if failure.kind != Kind::Unanswered => 0,
            before => before.as_ref().map_or(0, |before| before.unanswered) + 1,
        };
        let doubled = 2u32.saturating_pow(unanswered.saturating_sub(1));
        let (since, waiting) = before.map_or((now, HashSet::new()), |before| {
            (before.since, before.waiting)
        });
        known.failing = Some(Failing {
            list: list.clone(),
            last: failure.clone(),
            since,
            closed_until: now + CLOSED.saturating_mul(doubled).min(LONGEST),
            unanswered,
            waiting,
            is_full: matches!(failure.kind, Kind::Full { .. }),
        });
    }

    /// Notes changes that are written and wait only for the DNC list, which failed. `changes` is a
    /// hash that identifies them.
    pub fn note_waiting_for_dnc(&self, changes: u64) {
        if let Some(failing) = self.dnc.lock().failing.as_mut()
            && failing.waiting.len() < MOST_WAITING
        {
            failing.waiting.insert(changes);
        }
    }

    /// Whether changes that were received again must be looked at.
    ///
    /// # Errors
    /// [`Kind::Closed`]: they wait only for the list, and no call is made about it now.
    pub fn check_dnc_list(&self, list: &DncList, changes: u64) -> Result<(), Failure> {
        let waits = |failing: &Failing| failing.waiting.contains(&changes);
        let is_waiting = self.dnc.lock().failing.as_ref().is_some_and(waits);
        if is_waiting {
            self.is_dnc_open(&list.id)
        } else {
            Ok(())
        }
    }

    /// How long this copy has seen the DNC list accept nothing.
    pub fn dnc_fails_for(&self, list: &DncList) -> Duration {
        let now = self.shared.clock.now();
        let known = self.dnc.lock();
        let failing = known.failing.as_ref();
        let failing = failing.filter(|failing| failing.is_of(&list.id, now));
        let time = failing.map(|failing| now.duration_since(failing.since));
        time.and_then(|time| Duration::try_from(time).ok())
            .unwrap_or_default()
    }
}

impl Failing {
    /// Whether the failure is of this list and recent.
    fn is_of(&self, list: &DncListId, now: Timestamp) -> bool {
        self.list == *list && now < self.closed_until + FORGOTTEN
    }
}
