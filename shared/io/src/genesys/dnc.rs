//! Adds entries to a DNC list, and removes those that an operator removes (docs/genesys-cloud.md
//! "DNC lists").
//!
//! A list that refuses entries, is full or does not answer is left alone for a minute, and longer
//! while it does not answer. Its trouble does not affect the health of the org, its campaigns or
//! its host.
//!
//! A call is refused as a whole if one of its entries is. Then it is divided in two, and again,
//! until the faulty entry is alone:
//!
//! ```text
//! [a b c d] refused  →  [a b] added   [c d] refused  →  [c] refused   [d] added
//! ```
//!
//! Which entries a contact needs is decided in [`domain::dnc`].

mod body;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::batch::Evidence;
use domain::dnc::{DncBy, DncList, DncListId};
use domain::failure::{Failure, Kind};
use domain::retry::{CLOSED, LONGEST};
use http::Method;
use jiff::Timestamp;

use super::Org;
use super::call::{Call, Effect};
use super::run::Run;
use crate::telemetry::Event;
use body::{Action, body, parts};

/// The most entries of a call (docs/genesys-cloud.md "Limits").
pub const MOST_ENTRIES: usize = 1_000;
/// If this many entries far from each other are refused alone and none is accepted, the list is the
/// reason.
const MOST_REFUSED: usize = 2;
/// The most changes that are remembered as waiting for a list. Others are read again.
const MOST_WAITING: usize = 50_000;
/// A failure older than this proves nothing about the present, because waiting changes retry more
/// often.
const FORGOTTEN: Duration = Duration::from_hours(1);
/// The most calls that are divided to find refused entries. It is enough for three in a thousand.
const HALVINGS: usize = 40;
const NUMBERS: &str = "PATCH dnclist phonenumbers";
const VALUES: &str = "PATCH dnclist customexclusioncolumns";

/// What this copy knows about the org's list.
#[derive(Default)]
pub(super) struct DncLists(Mutex<Known>);

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
    /// Adds entries to a DNC list for ever. Entries that it has already stay. Returns for each
    /// entry whether it is on the list now.
    ///
    /// - [`Kind::Rejected`]: this entry is refused whenever it is tried.
    /// - [`Kind::Refused`]: there is no such list, it has another type, or the client lacks a
    ///   permission.
    /// - [`Kind::Full`]: the list or the organisation accepts no more entries.
    /// - [`Kind::Closed`]: no call was made, because the list failed a moment ago.
    /// - [`Kind::OutOfTime`]: there was no time to add it, or to separate it from others with which
    ///   it was refused.
    /// - Any other kind has the usual meaning: the entry may have been added, and can be tried
    ///   again at once.
    pub async fn add_to_dnc(
        &self,
        run: &Run,
        list: &DncList,
        entries: &[&str],
    ) -> Vec<Result<(), Failure>> {
        self.patch_dnc(run, list, Action::Add, entries).await
    }

    /// Removes entries from a DNC list. An entry that is not on it counts as removed. Returns
    /// results as [`Org::add_to_dnc`].
    pub async fn remove_from_dnc(
        &self,
        run: &Run,
        list: &DncList,
        entries: &[&str],
    ) -> Vec<Result<(), Failure>> {
        self.patch_dnc(run, list, Action::Remove, entries).await
    }

    async fn patch_dnc(
        &self,
        run: &Run,
        list: &DncList,
        action: Action,
        entries: &[&str],
    ) -> Vec<Result<(), Failure>> {
        let mut distinct = entries.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let mut left = VecDeque::from(parts(&distinct));
        let (mut halvings, mut failed) = (HALVINGS, BTreeMap::new());
        let (mut is_taken, mut refused_alone) = (false, 0);
        while let Some(part) = left.pop_front() {
            let Err(mut failure) = self.patch_part(run, list, action, part).await else {
                is_taken = true;
                continue;
            };
            if failure.kind == Kind::Rejected && part.len() > 1 {
                // One entry that is refused must not keep the others from being added.
                if let Some(less) = halvings.checked_sub(1) {
                    halvings = less;
                    let (first, second) = part.split_at(part.len() / 2);
                    left.push_front(second);
                    left.push_front(first);
                    continue;
                }
                failure.kind = Kind::OutOfTime;
                failure.detail = format!(
                    "refused with others, and not parted from them yet: {}",
                    failure.detail
                );
            }
            let is_alone = failure.kind == Kind::Rejected;
            failed.extend(part.iter().map(|entry| (*entry, failure.clone())));
            if is_alone && !is_taken {
                refused_alone += 1;
                if refused_alone == MOST_REFUSED && !left.is_empty() {
                    let all = left.drain(..).flatten();
                    failed.extend(all.map(|entry| (*entry, failure.clone())));
                }
                // The next entry to try alone is one that is far away.
                left.rotate_right(usize::from(!left.is_empty()));
                halvings = HALVINGS;
            }
        }
        // If no entry is accepted now, and none was lately, the list is the reason and not the
        // entries.
        let is_of_list = refused_alone > 0 && !is_taken;
        let is_cut = refused_alone == MOST_REFUSED && distinct.len() > refused_alone;
        if is_of_list && (is_cut || !self.takes_entries(&list.id)) {
            let first = failed.values().next().cloned();
            if let Some(first) = first {
                self.tell_dnc_failed(&list.id, &first);
            }
            for failure in failed.values_mut() {
                failure.code = None;
            }
        }
        let of = |entry: &&str| failed.get(*entry).cloned().map_or(Ok(()), Err);
        entries.iter().map(of).collect()
    }

    async fn patch_part(
        &self,
        run: &Run,
        list: &DncList,
        action: Action,
        entries: &[&str],
    ) -> Result<(), Failure> {
        self.is_dnc_open(&list.id)?;
        let (end, what) = match list.by {
            DncBy::Phone { .. } => ("phonenumbers", NUMBERS),
            DncBy::ContactKey => ("customexclusioncolumns", VALUES),
        };
        let path = format!("/api/v2/outbound/dnclists/{}/{end}", list.id.as_str());
        let call = Call {
            method: Method::PATCH,
            path: &path,
            body: body(list, action, entries, what)?,
            effect: Effect::Aside(entries.len()),
            campaign: None,
            what,
        };
        let answer = self.call(run, &call).await;
        if answer.is_ok() {
            let now = self.shared.clock.now();
            let mut known = self.dnc.lock();
            known.taken = Some((list.id.clone(), now));
            let is_over =
                |failing: &mut Failing| !failing.is_full || now >= failing.closed_until + LONGEST;
            known.failing.take_if(is_over);
        }
        answer.map(drop).map_err(|failure| {
            let is_of_list = failure.detail.starts_with(what) && failure.http_status != Some(401);
            if !is_of_list {
                return failure;
            }
            let failure = of_list(failure);
            let may_pass = matches!(
                failure.kind,
                Kind::Rejected | Kind::Throttled { .. } | Kind::OutOfTime
            );
            if !may_pass {
                self.tell_dnc_failed(&list.id, &failure);
            }
            failure
        })
    }

    fn tell_dnc_failed(&self, list: &DncListId, failure: &Failure) {
        self.close_dnc(list, failure);
        let evidence = Evidence::from(failure);
        self.shared.telemetry.tell(&Event::DncListFailed {
            org: self.id.as_str(),
            evidence: &evidence,
        });
    }

    /// Whether this copy has lately seen the list accept entries.
    fn takes_entries(&self, list: &DncListId) -> bool {
        let now = self.shared.clock.now();
        let known = self.dnc.lock();
        let taken = known.taken.as_ref().filter(|(of, _)| of == list);
        taken.is_some_and(|(_, at)| now < *at + FORGOTTEN)
    }

    fn is_dnc_open(&self, list: &DncListId) -> Result<(), Failure> {
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
            detail: format!("left alone, since a moment ago: {}", failing.last.detail),
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
    pub fn waits_for_dnc(&self, changes: u64) {
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
    pub fn may_list(&self, list: &DncList, changes: u64) -> Result<(), Failure> {
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

/// The meaning of a failed call about a DNC list.
fn of_list(failure: Failure) -> Failure {
    let code = failure.code.as_deref().unwrap_or_default();
    let kind = match failure.kind {
        // A person must correct the secret, the list or the role of the OAuth client.
        Kind::NotFound | Kind::UnknownCampaign => Kind::Refused,
        Kind::Rejected if code == "dnc.source.operation.not.supported" => Kind::Refused,
        Kind::Rejected if code.starts_with("dnc.") && code.ends_with(".limit.exceeded") => {
            Kind::Full { after: CLOSED }
        }
        // This says nothing about an entry (docs/genesys-cloud.md "Answers and errors").
        Kind::Conflict => Kind::Unavailable,
        kind => kind,
    };
    Failure { kind, ..failure }
}
