//! What goes to a FIFO queue by several calls side by side, each message group in its order: a state
//! machine without I/O.
//!
//! SQS keeps the order of arrival, and takes or refuses each message of a call by itself. So a call
//! never holds two messages of one group, a group is never in two calls at once, and what SQS did not
//! take holds back all that is behind it in its group.
//!
//! ```text
//! push(a1 a2 b1 c1) ──▶ next() = [a1 b1 c1] ──▶ answered(a1 refused) ──▶ next() = [] for half a second,
//!                                                                    then next() = [a1], then [a2]
//! ```

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use jiff::Timestamp;

/// The most messages of a call.
pub const OF_A_CALL: usize = 10;
/// The most bytes of a call's bodies, with room for ids and the request's own text (1 MiB is the
/// limit).
const BYTES_OF_A_CALL: usize = 1_000_000;
/// What is held at most: the first message that is not taken, and those behind it.
const HELD: usize = 1_000;
const BYTES_HELD: usize = 8 << 20;
/// The wait before the second try; each is twice the last.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// How much goes on at once, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls that are under way at once.
    pub calls: usize,
    /// How often a message is sent that is not taken.
    pub tries: u32,
}

/// Why a message was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What the queue said.
    pub why: String,
    /// It can never be taken as it is.
    pub is_for_good: bool,
}

/// Messages on their way, each with its place: the first has 0.
#[derive(Debug)]
pub struct Outbox<M> {
    limits: Limits,
    /// From the first on that is not taken.
    held: VecDeque<Held<M>>,
    /// Those before.
    before: u64,
    bytes: usize,
    under_way: usize,
    /// No call begins earlier: one failed whole.
    pause: Timestamp,
    /// Why something was given up.
    why: Option<String>,
    /// What can never be taken.
    faulty: Vec<u64>,
    /// No call begins any more.
    is_over: bool,
}

#[derive(Debug)]
struct Held<M> {
    group: String,
    bytes: usize,
    /// None once it is taken.
    message: Option<M>,
    stage: Stage,
    tries: u32,
    not_before: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Waiting,
    UnderWay,
    Taken,
    GivenUp,
}

impl<M: Clone> Outbox<M> {
    /// With nothing in it.
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

    /// Whether it holds so little that the next message is welcome.
    pub fn has_room(&self) -> bool {
        self.why.is_none()
            && !self.is_over
            && self.held.len() < HELD
            && (self.bytes < BYTES_HELD || self.held.is_empty())
    }

    /// The next message in order. `bytes`: of its body.
    pub fn push(&mut self, group: String, bytes: usize, message: M) {
        self.bytes += bytes;
        self.put(group, bytes, Some(message), Stage::Waiting);
    }

    /// The next one in order is in the queue already.
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
            not_before: Timestamp::MIN,
        });
    }

    /// The messages of a call to begin now, with their places; none: there is none to begin. `most`:
    /// messages that may begin.
    pub fn next(&mut self, now: Timestamp, most: usize) -> Vec<(u64, M)> {
        if self.is_over || self.under_way >= self.limits.calls || now < self.pause {
            return Vec::new();
        }
        let (mut groups, mut bytes, mut places) = (BTreeSet::new(), 0, Vec::new());
        let most = most.min(OF_A_CALL);
        for (place, held) in self.held.iter().enumerate() {
            if places.len() == most {
                break;
            }
            if held.stage == Stage::Taken {
                continue;
            }
            // What must wait keeps its group's turn: nothing later of it may pass.
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

    /// A call about these places was answered, in their order; or it failed, and nothing is known of
    /// any of them. Answers which are in the queue by it.
    pub fn answered(
        &mut self,
        places: &[u64],
        answer: Result<Vec<Result<(), Refused>>, String>,
        now: Timestamp,
    ) -> Vec<u64> {
        self.under_way -= 1;
        let is_whole = answer.is_err();
        let answers = answer.unwrap_or_else(|why| {
            let refused = Refused {
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
            let wait = FIRST_WAIT * 2u32.saturating_pow(held.tries - 1);
            held.stage = Stage::Waiting;
            held.not_before = now + wait;
            if is_whole {
                self.pause = self.pause.max(held.not_before);
            }
            if refused.is_for_good || held.tries >= self.limits.tries {
                held.stage = Stage::GivenUp;
                // Other groups get their turn; but not of a queue that does not answer, and nothing is
                // sent beside what nobody can send.
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

    /// Calls that are under way.
    pub fn under_way(&self) -> usize {
        self.under_way
    }

    /// When a call may begin for what waits; none: nothing does but for an answer, or nothing may begin
    /// any more.
    pub fn due(&self) -> Option<Timestamp> {
        let mut groups = BTreeSet::new();
        let of_queue = self.held.iter().filter(|held| held.stage != Stage::Taken);
        let firsts = of_queue.filter(|held| groups.insert(held.group.as_str()));
        let waiting = firsts.filter(|held| held.stage == Stage::Waiting);
        let first = waiting.map(|held| held.not_before).min()?;
        (!self.is_over).then_some(first.max(self.pause))
    }

    /// Whether all that was put in is in the queue.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// How many are in the queue from the first on.
    pub fn taken(&self) -> u64 {
        self.before
    }

    /// The places of those behind them that are in the queue.
    pub fn taken_beyond(&self) -> Vec<u64> {
        let places = self.held.iter().zip(self.before..);
        let taken = places.filter(|(held, _)| held.stage == Stage::Taken);
        taken.map(|(_, place)| place).collect()
    }

    /// Why something was given up that may be taken later.
    pub fn why(&self) -> Option<&str> {
        self.why.as_deref()
    }

    /// The places of what can never be taken.
    pub fn faulty(&self) -> &[u64] {
        &self.faulty
    }
}

#[cfg(test)]
mod tests;
