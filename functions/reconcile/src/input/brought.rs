//! A sample of what the pages of a campaign's feed have brought, over all invocations of a run. It
//! detects a feed that repeats its contacts under ever new cursors, and so has no end.
//!
//! The sample is part of the run's cursor, so it is small. `scan/pages.rs` detects other feeds
//! without an end within one invocation: those that repeat a cursor, or return no new page for
//! long.

use serde::{Deserialize, Serialize};

/// How many of the least hashes are kept.
const LEAST: usize = 16;
/// A feed is endless if it has brought this many times as many items as when it last brought a new
/// member of the sample.
const ROUNDS: u64 = 5;
/// Below this number of items nothing is decided.
const FEW: u64 = 1_000;

/// The sample. A hash stands for each item, and the least hashes are kept.
///
/// Example: a feed has brought 2,000 items, and the hash of the 400th was the last to enter the
/// sample. If all items are different, each of the 16 least hashes belongs to the first fifth of
/// the items with a chance of 1 in 5. All 16 do with a chance of 1 in 5^16, about 1 in 150 billion.
/// So a feed that gets this far repeats its items. A sound feed may list each of its items up to
/// four times.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Brought {
    items: u64,
    /// How many items there had been when the sample last changed.
    newest: u64,
    /// The least hashes, in ascending order.
    least: Vec<u32>,
}

impl Brought {
    pub(crate) fn is_nothing(&self) -> bool {
        self.items == 0
    }

    /// The sample with the items of one more page.
    #[must_use]
    pub(crate) fn and(mut self, items: impl Iterator<Item = u64>) -> Brought {
        for item in items {
            self.items += 1;
            let number = u32::try_from(item >> 32).unwrap_or(u32::MAX);
            if let Err(place) = self.least.binary_search(&number)
                && place < LEAST
            {
                self.least.insert(place, number);
                self.least.truncate(LEAST);
                self.newest = self.items;
            }
        }
        self
    }

    /// Whether the feed repeats the same items again and again.
    pub(crate) fn goes_round(&self) -> bool {
        self.items >= FEW && self.items >= ROUNDS * self.newest
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{DefaultHasher, Hash, Hasher};

    use super::*;

    fn numbers(from: u64, to: u64) -> impl Iterator<Item = u64> {
        (from..to).map(|n| {
            let mut hasher = DefaultHasher::new();
            n.hash(&mut hasher);
            hasher.finish()
        })
    }

    #[test]
    fn a_cyclic_feed_is_detected_soon_and_a_finite_one_never_is() {
        for contacts in [1, 10, 300, 870, 5_000] {
            let mut brought = Brought::default();
            let mut rounds = 0;
            while !brought.goes_round() {
                brought = brought.and(numbers(0, contacts));
                rounds += 1;
                assert!(rounds < 8 || brought.items < FEW + contacts, "{contacts}");
            }
            assert!(rounds > 1, "{contacts}");
        }
        for first in 0..100 {
            let mut brought = Brought::default();
            for page in 0..1_000 {
                let from = first * 1_000_000 + page * 100;
                // Some feeds list each contact more than once.
                brought = brought.and(numbers(from, from + 100).flat_map(|n| [n, n, n]));
                assert!(!brought.goes_round(), "{first} {page} {brought:?}");
            }
        }
    }

    #[test]
    fn it_takes_little_room() {
        let text = serde_json::to_string(&Brought::default().and(numbers(0, 100_000))).unwrap();
        assert!(text.len() < 230, "{text}");
    }
}
