//! Sends messages to a FIFO queue by several calls side by side, and keeps each message group in
//! order: a state machine without I/O.
//!
//! SQS keeps the order of arrival, and accepts or refuses each message of a call by itself. So a
//! call never holds two messages of one group, no group is in two calls at once, and a message that
//! SQS refused holds back all messages behind it in its group.
//!
//! ```text
//! push(a1 a2 b1 c1) ──▶ next() = [a1 b1 c1] ──▶ answered(a1 refused)
//!                   ──▶ next() = [] for half a second
//!                   ──▶ next() = [a1] ──▶ answered(a1 taken) ──▶ next() = [a2]
//! ```

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use jiff::Timestamp;

/// The most messages of a call.
pub const MAX_ENTRIES_PER_CALL: usize = 10;
/// The most bytes of the bodies in a call. The limit of SQS is 1 MiB, of which ids and the request
/// itself need a part.
const BYTES_OF_A_CALL: usize = 1_000_000;
/// The most messages that are held: the first that SQS does not have, and those behind it.
const HELD: usize = 1_000;
const BYTES_HELD: usize = 8 << 20;
/// The wait before the second try. Each later wait is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// How many calls are made at once, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most calls under way at once.
    pub calls: usize,
    /// How many times a message is sent before it is given up.
    pub tries: u32,
}

/// A refusal of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedEntry {
    /// The error of the queue.
    pub why: String,
    /// Whether SQS can never accept the message as it is.
    pub is_for_good: bool,
}

/// Messages on their way, each with its place. The first has place 0.
#[derive(Debug)]
pub struct Outbox<M> {
    limits: Limits,
    /// The messages from the first one that SQS does not have.
    held: VecDeque<Held<M>>,
    /// The number of messages before those.
    before: u64,
    bytes: usize,
    under_way: usize,
    /// No call begins earlier, because a whole call failed.
    pause: Timestamp,
    /// The reason for which a message was given up.
    why: Option<String>,
    /// The places of messages that SQS can never accept.
    faulty: Vec<u64>,
    /// Whether no call begins any more.
    is_over: bool,
}

#[derive(Debug)]
struct Held<M> {
    group: String,
    bytes: usize,
    /// `None` once SQS has it.
    message: Option<M>,
    stage: Stage,
    tries: u32,
    not_before: Timestamp,
    /// Whether a call with it had no answer, so that the queue may hold it.
    is_unknown: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Waiting,
    UnderWay,
    Taken,
    GivenUp,
}

impl<M: Clone> Outbox<M> {
    /// An empty outbox.
    pub fn new(limits: Limits) -> Outbox<M> {
        Outbox {
            limits,
            held: VecDeque::new(),
            before: 0,
            bytes: 0,
            under_way: 0,
            pause: Timestamp::MIN,
            why: None,
            faulty: Vec::new(),
            is_over: false,
        }
    }

    /// Whether there is room for another message.
    pub fn has_room(&self) -> bool {
        self.why.is_none()
            && !self.is_over
            && self.held.len() < HELD
            && (self.bytes < BYTES_HELD || self.held.is_empty())
    }

    /// Adds the next message in order. `bytes` is the size of its body.
    pub fn push(&mut self, group: String, bytes: usize, message: M) {
        self.bytes += bytes;
        self.put(group, bytes, Some(message), Stage::Waiting);
    }

    /// Adds a message in order that is in the queue already.
    pub fn push_taken(&mut self) {
        self.put(String::new(), 0, None, Stage::Taken);
        self.advance();
    }

    fn put(&mut self, group: String, bytes: usize, message: Option<M>, stage: Stage) {
        self.held.push_back(Held {
            group,
            bytes,
            message,
            stage,
            tries: 0,
            is_unknown: false,
            not_before: Timestamp::MIN,
        });
    }

    /// The messages of a call to begin now, with their places. It is empty if no call may begin. It
    /// holds at most `most` messages.
    pub fn next(&mut self, now: Timestamp, most: usize) -> Vec<(u64, M)> {
        if self.is_over || self.under_way >= self.limits.calls || now < self.pause {
            return Vec::new();
        }
        let (mut groups, mut bytes, mut places) = (BTreeSet::new(), 0, Vec::new());
        let most = most.min(MAX_ENTRIES_PER_CALL);
        for (place, held) in self.held.iter().enumerate() {
            if places.len() == most {
                break;
            }
            if held.stage == Stage::Taken {
                continue;
            }
            // A message that must wait keeps the turn of its group, so nothing later of the group
            // passes it.
            let is_first = groups.insert(held.group.as_str());
            let is_due = held.stage == Stage::Waiting && held.not_before <= now;
            let fits = places.is_empty() || bytes + held.bytes <= BYTES_OF_A_CALL;
            if is_first && is_due && fits {
                bytes += held.bytes;
                places.push(place);
            }
        }
        let mut call = Vec::with_capacity(places.len());
        for place in places {
            let held = &mut self.held[place];
            if let Some(message) = &held.message {
                held.stage = Stage::UnderWay;
                call.push((self.before + place as u64, message.clone()));
            }
        }
        self.under_way += usize::from(!call.is_empty());
        call
    }

    /// Records the answer of a call for these places, in their order, or a failed call, after which
    /// nothing is known about its messages. Returns the places that are in the queue now.
    pub fn answered(
        &mut self,
        places: &[u64],
        answer: Result<Vec<Result<(), FailedEntry>>, String>,
        now: Timestamp,
    ) -> Vec<u64> {
        self.under_way -= 1;
        let is_whole = answer.is_err();
        let answers = answer.unwrap_or_else(|why| {
            let refused = FailedEntry {
                why,
                is_for_good: false,
            };
            vec![Err(refused); places.len()]
        });
        let mut taken = Vec::new();
        for (place, answer) in places.iter().zip(answers) {
            let held = &mut self.held[(place - self.before) as usize];
            let Err(refused) = answer else {
                self.bytes -= held.bytes;
                (held.stage, held.message) = (Stage::Taken, None);
                taken.push(*place);
                continue;
            };
            held.tries += 1;
            held.is_unknown |= is_whole;
            let wait = FIRST_WAIT * 2u32.saturating_pow(held.tries - 1);
            held.stage = Stage::Waiting;
            held.not_before = now + wait;
            if is_whole {
                self.pause = self.pause.max(held.not_before);
            }
            if refused.is_for_good || held.tries >= self.limits.tries {
                held.stage = Stage::GivenUp;
                // After this, other groups may still be sent, except if the queue does not answer,
                // or if a message can never be sent.
                self.is_over |= refused.is_for_good || is_whole;
                if refused.is_for_good {
                    self.faulty.push(*place);
                } else {
                    self.why = Some(refused.why);
                }
            }
        }
        self.advance();
        taken
    }

    fn advance(&mut self) {
        while self
            .held
            .front()
            .is_some_and(|held| held.stage == Stage::Taken)
        {
            self.held.pop_front();
            self.before += 1;
        }
    }

    /// The number of calls under way.
    pub fn under_way(&self) -> usize {
        self.under_way
    }

    /// The time at which a call may begin for a waiting message. `None` means that only an answer
    /// can help, or that no call begins any more.
    pub fn due(&self) -> Option<Timestamp> {
        let mut groups = BTreeSet::new();
        let of_queue = self.held.iter().filter(|held| held.stage != Stage::Taken);
        let firsts = of_queue.filter(|held| groups.insert(held.group.as_str()));
        let waiting = firsts.filter(|held| held.stage == Stage::Waiting);
        let first = waiting.map(|held| held.not_before).min()?;
        (!self.is_over).then_some(first.max(self.pause))
    }

    /// Whether the queue has every message.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// How many messages from the first one on are in the queue without a gap.
    pub fn taken(&self) -> u64 {
        self.before
    }

    /// The places of the messages behind the first gap that are in the queue.
    pub fn taken_beyond(&self) -> Vec<u64> {
        let places = self.held.iter().zip(self.before..);
        let taken = places.filter(|(held, _)| held.stage == Stage::Taken);
        taken.map(|(_, place)| place).collect()
    }

    /// Whether the queue may hold a message that is not known to be there: a call with it had no
    /// answer, and no later one was accepted.
    pub fn is_unknown(&self) -> bool {
        let is_unknown = |held: &Held<M>| held.stage != Stage::Taken && held.is_unknown;
        self.held.iter().any(is_unknown)
    }

    /// The reason for which a message was given up, if it may be accepted later.
    pub fn why(&self) -> Option<&str> {
        self.why.as_deref()
    }

    /// The places of messages that can never be accepted.
    pub fn faulty(&self) -> &[u64] {
        &self.faulty
    }
}

#[cfg(test)]
mod tests;
