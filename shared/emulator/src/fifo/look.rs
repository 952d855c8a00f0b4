//! What a queue holds, as whoever watches a test or a run sees it.

use std::collections::BTreeMap;

use io::queue::Message;
use jiff::Timestamp;

use super::Fifo;
use super::line::{self, Stored};

impl Fifo {
    /// How many messages are there, received ones included.
    pub fn len(&self) -> usize {
        self.state().line.len()
    }

    /// Empties it, as `PurgeQueue` does, and answers how many messages it held.
    pub fn purge(&self) -> usize {
        std::mem::take(&mut self.state().line).len()
    }

    /// Whether no message is there.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many messages were accepted but not stored, as sent a short time before.
    pub fn deduplicated(&self) -> u64 {
        self.state().deduplicated
    }

    /// Every message that is there: since when, and its message.
    pub fn waiting(&self) -> Vec<(Timestamp, Message)> {
        self.state()
            .line
            .all()
            .map(|(_, stored)| (stored.sent_at, stored.message.clone()))
            .collect()
    }

    /// All messages, in order.
    pub fn messages(&self) -> Vec<Message> {
        self.state()
            .line
            .all()
            .map(|(_, stored)| stored.message.clone())
            .collect()
    }

    /// In how many seconds each message that is in flight comes back, by message id.
    pub fn in_flight(&self) -> BTreeMap<String, u64> {
        let now = self.clock.now();
        let state = self.state();
        let in_flight = state
            .line
            .all()
            .filter(|(_, stored)| stored.visible_at > now);
        let seconds = |stored: &Stored| {
            u64::try_from(stored.visible_at.duration_since(now).as_secs()).unwrap_or(0)
        };
        in_flight
            .map(|(sequence, stored)| (line::id(sequence), seconds(stored)))
            .collect()
    }
}
