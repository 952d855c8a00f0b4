//! The contents of a queue, for tests and for whoever watches a run.

use std::collections::BTreeMap;

use io::queue::Message;
use jiff::Timestamp;

use super::Fifo;
use super::line::{self, Stored};

impl Fifo {
    /// How many messages the queue holds, those in flight included.
    pub fn len(&self) -> usize {
        self.state().line.len()
    }

    /// Empties the queue as `PurgeQueue` does, and returns how many messages it held.
    pub fn purge(&self) -> usize {
        std::mem::take(&mut self.state().line).len()
    }

    /// Whether the queue holds no message.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many messages were accepted and dropped as duplicates.
    pub fn deduplicated(&self) -> u64 {
        self.state().deduplicated
    }

    /// Every message with the time at which it was sent.
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

    /// For each message in flight, by message id, the seconds until it becomes visible.
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
