//! One window of a client's budget, as its answers describe it, and a copy's share of it. What
//! follows from it is decided in [`super`] and `admission`.

use std::time::Duration;

use jiff::Timestamp;

use super::{CALLS_OF_A_CONTACT, FIFTH, LEAST_SHARE, TENTH, WINDOW};

/// Until this long before the end of a window, wide batches leave part of what is kept for
/// opt-outs.
const LEFT_TO_OTHERS: Duration = Duration::from_secs(40);

/// The current window, or the last one that is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) allowed: u64,
    pub(super) count: u64,
    /// The calls that this copy made in it.
    pub(super) own: u64,
    /// Whether the count includes calls of others.
    pub(super) is_shared: bool,
    /// Whether the count of the window before included such calls, or is unknown.
    pub(super) was_shared: bool,
    pub(super) told_at: Timestamp,
    pub(super) ends_at: Timestamp,
}

impl Window {
    pub(super) fn left(&self) -> u64 {
        self.allowed.saturating_sub(self.count)
    }

    /// The calls that are kept for opt-outs: a tenth of the window. Late in the window it is only a
    /// tenth of what the rest of the window is worth, because an opt-out that comes then waits
    /// less. The time is that of the count and not of the clock, because other copies may have
    /// spent calls since the count.
    ///
    /// Copies that look at the same count at the same moment may together take too much, and what
    /// is kept absorbs that too. So in a small window it is at least the calls of one opt-out for
    /// each copy, up to a fifth of the window. Late in a window it is never less than one opt-out
    /// needs, if a tenth of the window is enough for one.
    fn kept(&self, copies: u64) -> u64 {
        let rest = Duration::try_from(self.ends_at.duration_since(self.told_at));
        let part = rest.unwrap_or_default().min(WINDOW).as_secs_f64() / WINDOW.as_secs_f64();
        let kept = (self.kept_of_whole(copies) * part).ceil() as u64;
        kept.max(CALLS_OF_A_CONTACT.min(self.allowed / TENTH))
    }

    fn kept_of_whole(&self, copies: u64) -> f64 {
        let tenth = self.allowed as f64 / TENTH as f64;
        let each = (CALLS_OF_A_CONTACT * copies).min(self.allowed / FIFTH) as f64;
        tenth.max(each)
    }

    /// When there is more for wide batches: when they need to leave nothing to others, or in the
    /// next window.
    pub(super) fn releases_at(&self, siblings: u64, now: Timestamp) -> Timestamp {
        let copies = self.copies(siblings);
        let has_less = self.left_to_others(copies, now).min(self.left()) > 0;
        if has_less {
            self.ends_at - LEFT_TO_OTHERS
        } else {
            self.ends_at
        }
    }

    /// The part of what is kept for opt-outs that a wide batch leaves to opt-outs that come alone:
    /// a third. So one that comes behind many others does not wait for the next window. In a small
    /// window, a wide batch may begin two opt-outs at once. The time is that of the clock, because
    /// only opt-outs spend these calls and they go one by one.
    fn left_to_others(&self, copies: u64, now: Timestamp) -> u64 {
        if now >= self.ends_at - LEFT_TO_OTHERS {
            return 0;
        }
        let kept = self.kept_of_whole(copies) as u64;
        let part = (kept / 3).min(kept.saturating_sub(2 * CALLS_OF_A_CONTACT));
        part / CALLS_OF_A_CONTACT * CALLS_OF_A_CONTACT
    }

    /// The copies that share the window.
    fn copies(&self, siblings: u64) -> u64 {
        if self.is_shared || self.was_shared {
            siblings + 1
        } else {
            1
        }
    }

    /// The share of this copy in the whole window.
    pub(super) fn allowed_each(&self, siblings: u64) -> u64 {
        self.allowed / self.copies(siblings)
    }

    /// The share of this copy in what the window has left: for opt-outs, and for other contacts.
    /// `wide_at` is the current time, if the batch is wide.
    pub(super) fn shares(
        &self,
        siblings: u64,
        draw: f64,
        wide_at: Option<Timestamp>,
    ) -> (u64, u64) {
        let left = self.left();
        let copies = self.copies(siblings);
        let at_least = |left: u64| (left / copies).max(left.min(LEAST_SHARE));
        let for_others = left.saturating_sub(self.kept(copies));
        // The smallest shares of all copies may be more than is left. If an even share is enough to
        // get work done, they must not take calls from the opt-outs.
        let others = if self.allowed / copies < LEAST_SHARE {
            at_least(for_others)
        } else {
            let even = for_others / copies;
            let is_too_little = even < CALLS_OF_A_CONTACT && for_others >= CALLS_OF_A_CONTACT;
            // On average, as many copies begin a contact as there are calls for.
            let part = for_others as f64 / (CALLS_OF_A_CONTACT * copies) as f64;
            if is_too_little && draw < part {
                CALLS_OF_A_CONTACT
            } else {
                even
            }
        };
        let less = wide_at.map_or(0, |now| self.left_to_others(copies, now));
        (at_least(left.saturating_sub(less)), others)
    }
}
