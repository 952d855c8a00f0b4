//! Decides how much more a copy receives from its queue by itself, once Lambda has handed it a
//! batch: a state machine without I/O.
//!
//! Lambda hands a FIFO function ten messages at most, and the API of contact lists reads 50
//! contacts a call and writes 1,000. So a copy whose batch may have a backlog behind it receives
//! more, ten messages per call. It makes rounds of 2, 4, 8 … calls side by side, until two calls of
//! a round return nothing.
//!
//! ```text
//! TopUp::new(990) ──▶ calls() = 2 ──▶ received([10, 10])
//!                 ──▶ calls() = 4 ──▶ received([10, 3, 0, 0])
//!                 ──▶ calls() = 0: two returned nothing
//! ```

use std::time::Duration;

use jiff::Timestamp;

/// The most messages that one `ReceiveMessage` returns.
const MESSAGES_PER_CALL: usize = 10;
/// The number of calls in the first round.
const FIRST: usize = 2;
/// If this many calls of a round return nothing, the queue is empty.
const EMPTY: usize = 2;
/// The most bytes of message bodies. A copy has at least 128 MB, and it holds each body as text and
/// as a change.
const MOST_BYTES: usize = 8 << 20;
/// No round begins later than this after the first one, because the messages already received are
/// waiting.
const LONGEST: Duration = Duration::from_secs(1);

/// One top-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopUp {
    /// How many more messages may be received.
    left: usize,
    bytes: usize,
    calls: usize,
    ends_at: Timestamp,
}

impl TopUp {
    /// Begins a top-up of `most` messages at most.
    pub fn new(most: usize, now: Timestamp) -> TopUp {
        TopUp {
            left: most,
            bytes: 0,
            calls: FIRST,
            ends_at: now + LONGEST,
        }
    }

    /// How many calls to make side by side. 0 ends the top-up.
    pub fn calls(&self, now: Timestamp) -> usize {
        if now >= self.ends_at || self.bytes >= MOST_BYTES {
            return 0;
        }
        self.calls.min(self.left / MESSAGES_PER_CALL)
    }

    /// Records what each call of a round returned: the number of messages, and the bytes of their
    /// bodies.
    pub fn received(&mut self, calls: &[(usize, usize)]) {
        let messages: usize = calls.iter().map(|(messages, _)| messages).sum();
        let bytes: usize = calls.iter().map(|(_, bytes)| bytes).sum();
        self.left = self.left.saturating_sub(messages);
        self.bytes += bytes;
        let empty = calls.iter().filter(|(messages, _)| *messages == 0).count();
        self.calls = if empty >= EMPTY || messages == 0 {
            0
        } else {
            // The next round makes only as many calls as there is room for.
            let of_a_call = bytes.div_ceil(calls.len().max(1)).max(1);
            let room = MOST_BYTES.saturating_sub(self.bytes) / of_a_call;
            (self.calls * 2).min(room)
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;
    const FULL: (usize, usize) = (10, 4_000);

    #[test]
    fn rounds_double_while_they_come_back_full_up_to_the_most() {
        let mut top_up = TopUp::new(990, NOW);
        let mut rounds = Vec::new();
        while top_up.calls(NOW) > 0 {
            let calls = top_up.calls(NOW);
            rounds.push(calls);
            top_up.received(&vec![FULL; calls]);
        }
        assert_eq!(rounds, [2, 4, 8, 16, 32, 37]);
    }

    #[test]
    fn two_calls_that_bring_nothing_end_it_and_one_does_not() {
        let mut top_up = TopUp::new(990, NOW);
        top_up.received(&[FULL, (0, 0)]);
        assert_eq!(
            top_up.calls(NOW),
            4,
            "SQS may answer nothing though there is more"
        );
        top_up.received(&[FULL, (3, 900), (0, 0), (0, 0)]);
        assert_eq!(top_up.calls(NOW), 0);
    }

    #[test]
    fn an_empty_queue_costs_one_round() {
        let mut top_up = TopUp::new(990, NOW);
        top_up.received(&[(0, 0); FIRST]);
        assert_eq!(top_up.calls(NOW), 0);
    }

    #[test]
    fn a_top_up_stops_at_its_deadline_and_memory_limit() {
        let late = NOW + LONGEST;
        assert_eq!(TopUp::new(990, NOW).calls(late), 0);
        assert_eq!(TopUp::new(0, NOW).calls(NOW), 0, "switched off");
        let mut wide = TopUp::new(990, NOW);
        let (mut received, megabyte) = (0, 1 << 20);
        while wide.calls(NOW) > 0 {
            let calls = wide.calls(NOW);
            received += calls;
            wide.received(&vec![(10, megabyte); calls]);
        }
        assert!(received <= 8, "{received} MiB");
    }
}
