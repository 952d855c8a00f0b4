//! One window of a client's budget, as its answers tell of it, and a copy's share of it.

use std::time::Duration;

use jiff::Timestamp;

use super::{CALLS_OF_A_CONTACT, FIFTH, LEAST_SHARE, TENTH, WINDOW};

/// Until so long before a window's end wide batches leave a part of what is kept for opt-outs.
const LEFT_TO_OTHERS: Duration = Duration::from_secs(40);

/// What is known of the window that is now, or of the last one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) allowed: u64,
    pub(super) count: u64,
    /// Calls that this copy made in it.
    pub(super) own: u64,
    /// Whether the count held calls of others.
    pub(super) is_shared: bool,
    /// Whether that of the window before did, or is not known.
    pub(super) was_shared: bool,
    pub(super) told_at: Timestamp,
    pub(super) ends_at: Timestamp,
}

impl Window {
    pub(super) fn left(&self) -> u64 {
        self.allowed.saturating_sub(self.count)
    }

    /// What is kept for opt-outs: a tenth of the window's calls; late in a window only the tenth of
    /// what its rest is worth, since whoever comes then waits less. It goes by when the count was
    /// told, not by the clock: with an older count nobody knows what other copies took since. Where
    /// a tenth is enough for one opt-out, so is what is kept.
    ///
    /// What is kept is also what copies that look at one count at the same moment overshoot by: of a
    /// small window at least an opt-out's calls for each of them are kept, up to a fifth.
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

    /// When there is more for wide batches: what they leave to others now, or the next window.
    pub(super) fn releases_at(&self, siblings: u64, now: Timestamp) -> Timestamp {
        let copies = self.copies(siblings);
        let has_less = self.left_to_others(copies, now).min(self.left()) > 0;
        if has_less {
            self.ends_at - LEFT_TO_OTHERS
        } else {
            self.ends_at
        }
    }

    /// What the opt-outs of a wide batch leave of what is kept for those that come alone: a third of it,
    /// so that whoever comes behind many others does not wait for the next window. Of a small window
    /// two opt-outs may take what they need at once. It goes by the clock: nothing but opt-outs takes of
    /// it, and they find out one by one.
    fn left_to_others(&self, copies: u64, now: Timestamp) -> u64 {
        if now >= self.ends_at - LEFT_TO_OTHERS {
            return 0;
        }
        let kept = self.kept_of_whole(copies) as u64;
        let part = (kept / 3).min(kept.saturating_sub(2 * CALLS_OF_A_CONTACT));
        part / CALLS_OF_A_CONTACT * CALLS_OF_A_CONTACT
    }

    /// Copies that share the window.
    fn copies(&self, siblings: u64) -> u64 {
        if self.is_shared || self.was_shared {
            siblings + 1
        } else {
            1
        }
    }

    /// This copy's share of what a window has left: for opt-outs, and without what is kept for
    /// them. `wide_at`: the time now, for a wide batch.
    pub(super) fn shares(
        &self,
        siblings: u64,
        luck: f64,
        wide_at: Option<Timestamp>,
    ) -> (u64, u64) {
        let left = self.left();
        let copies = self.copies(siblings);
        let at_least = |left: u64| (left / copies).max(left.min(LEAST_SHARE));
        let for_others = left.saturating_sub(self.kept(copies));
        // All copies' least shares together may be more than is left. Where an even share of the
        // window is enough to get somewhere, they would be taken from the opt-outs.
        let others = if self.allowed / copies < LEAST_SHARE {
            at_least(for_others)
        } else {
            let even = for_others / copies;
            let is_too_little = even < CALLS_OF_A_CONTACT && for_others >= CALLS_OF_A_CONTACT;
            // As many copies begin a contact, on average, as there are calls for.
            let part = for_others as f64 / (CALLS_OF_A_CONTACT * copies) as f64;
            if is_too_little && luck < part {
                CALLS_OF_A_CONTACT
            } else {
                even
            }
        };
        let less = wide_at.map_or(0, |now| self.left_to_others(copies, now));
        (at_least(left.saturating_sub(less)), others)
    }
}
