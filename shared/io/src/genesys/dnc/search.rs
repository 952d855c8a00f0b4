//! Finds the entries at fault in a call that is refused.
//!
//! A call is refused as a whole if one of its entries is. Then it is divided in two, and again,
//! until the faulty entry is alone:
//!
//! ```text
//! [a b c d] refused  →  [a b] added   [c d] refused  →  [c] refused   [d] added
//! ```
//!
//! If entries far from each other are refused alone and none is accepted, the reason is the list
//! and not the entries. No call is made here: [`super`] makes them and says how they ended.

use std::collections::{BTreeMap, VecDeque};

use domain::failure::{Failure, Kind};

use super::body::parts;

/// If this many entries far from each other are refused alone and none is accepted, the list is the
/// reason.
const MOST_REFUSED: usize = 2;
/// The most calls that are divided to find refused entries. It is enough for three in a thousand.
const HALVINGS: usize = 40;

/// The entries of one call or several, and how far the search among them has come.
pub(super) struct Search<'a> {
    /// The number of entries.
    all: usize,
    /// The parts to send, in this order.
    left: VecDeque<&'a [&'a str]>,
    failed: BTreeMap<&'a str, Failure>,
    /// How many refused calls may still be divided.
    halvings: usize,
    /// Whether an entry was accepted.
    is_taken: bool,
    /// The number of entries that were refused alone before one was accepted.
    refused_alone: usize,
}

impl<'a> Search<'a> {
    /// A search among these entries, each of them once.
    pub(super) fn of(entries: &'a [&'a str]) -> Search<'a> {
        Search {
            all: entries.len(),
            left: VecDeque::from(parts(entries)),
            failed: BTreeMap::new(),
            halvings: HALVINGS,
            is_taken: false,
            refused_alone: 0,
        }
    }

    /// The entries of the next call.
    pub(super) fn next_part(&mut self) -> Option<&'a [&'a str]> {
        self.left.pop_front()
    }

    /// Notes that the entries of a call were accepted.
    pub(super) fn notes_accepted(&mut self) {
        self.is_taken = true;
    }

    /// Notes that a call with these entries failed. If it may be divided, its halves come next.
    pub(super) fn notes_refused(&mut self, part: &'a [&'a str], mut failure: Failure) {
        if failure.kind == Kind::Rejected && part.len() > 1 {
            // One entry that is refused must not keep the others from being added.
            if let Some(less) = self.halvings.checked_sub(1) {
                self.halvings = less;
                let (first, second) = part.split_at(part.len() / 2);
                self.left.push_front(second);
                self.left.push_front(first);
                return;
            }
            failure.kind = Kind::OutOfTime;
            failure.detail = format!(
                "refused together with others, and not tried alone yet: {}",
                failure.detail
            );
        }
        let is_alone = failure.kind == Kind::Rejected;
        let failed = part.iter().map(|entry| (*entry, failure.clone()));
        self.failed.extend(failed);
        if is_alone && !self.is_taken {
            self.notes_refused_alone(&failure);
        }
    }

    /// Notes that one entry was refused alone, and none was accepted yet.
    fn notes_refused_alone(&mut self, failure: &Failure) {
        self.refused_alone += 1;
        if self.refused_alone == MOST_REFUSED && !self.left.is_empty() {
            let all = self.left.drain(..).flatten();
            let failed = all.map(|entry| (*entry, failure.clone()));
            self.failed.extend(failed);
        }
        // The next entry to try alone is one that is far away.
        self.left.rotate_right(usize::from(!self.left.is_empty()));
        self.halvings = HALVINGS;
    }

    /// Whether the list is the reason and not the entries. It is if no entry is accepted now and
    /// none was lately, or if so many were refused alone that the others were not tried.
    pub(super) fn blames_list(&self, took_lately: bool) -> bool {
        let is_cut = self.refused_alone == MOST_REFUSED && self.all > self.refused_alone;
        self.refused_alone > 0 && !self.is_taken && (is_cut || !took_lately)
    }

    /// The entries that failed.
    pub(super) fn failed(self) -> BTreeMap<&'a str, Failure> {
        self.failed
    }
}
