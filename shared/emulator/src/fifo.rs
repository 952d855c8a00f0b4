//! SQS FIFO queues: groups, visibility, receive counts, deduplication, dead-letter queue
//! (docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues.html).

mod line;
mod look;
mod sqs;

pub use sqs::Sqs;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use io::Clock;
use io::queue::{Message, QueueError, Receive, Record};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Notify;

use line::{Attempt, Line, Stored};

const DEDUPLICATION: Duration = Duration::from_mins(5);
const MAX_BODY: usize = 1 << 20;
/// Only told: no run here lasts as long.
const RETENTION: Duration = Duration::from_hours(14 * 24);

/// How a queue is configured.
#[derive(Clone, Copy, Debug)]
pub struct Attributes {
    pub visibility_timeout: Duration,
    /// Receives before a message goes to the dead-letter queue.
    pub max_receives: u32,
}

impl Default for Attributes {
    /// As template.yaml makes the queues: six times the timeout of apply, and 1,000 receives.
    fn default() -> Attributes {
        Attributes {
            visibility_timeout: Duration::from_mins(3),
            max_receives: 1_000,
        }
    }
}

/// One FIFO queue, with `DeduplicationScope: messageGroup`.
pub struct Fifo {
    pub(crate) clock: Clock,
    attributes: Attributes,
    dead_letters: Option<Arc<Fifo>>,
    state: Mutex<State>,
    /// Something was sent or given back.
    pub(crate) changed: Notify,
}

#[derive(Default)]
struct State {
    line: Line,
    sent: u64,
    deduplicated: u64,
    closed: bool,
    /// When each (group, deduplication id) was last accepted.
    recent: BTreeMap<(String, String), Timestamp>,
    /// Which group comes next; none: the one with the oldest message.
    random: Option<Rng>,
    /// By `ReceiveRequestAttemptId`.
    attempts: BTreeMap<String, Attempt>,
}

/// Messages as they were received.
pub struct Batch {
    /// As Lambda hands it over.
    pub event: Value,
    pub(crate) received: Vec<(String, String)>,
}

impl Fifo {
    /// An empty queue, and its dead-letter queue.
    pub fn pair(clock: &Clock, attributes: Attributes) -> (Arc<Fifo>, Arc<Fifo>) {
        let dead_letters = Arc::new(Fifo::new(clock.clone(), attributes, None));
        let queue = Fifo::new(clock.clone(), attributes, Some(Arc::clone(&dead_letters)));
        (Arc::new(queue), dead_letters)
    }

    /// The queue of runs as template.yaml makes it, and that of runs that failed.
    pub fn of_runs(clock: &Clock) -> (Arc<Fifo>, Arc<Fifo>) {
        let attributes = Attributes {
            visibility_timeout: Duration::from_mins(16),
            ..Attributes::default()
        };
        let queue = || Arc::new(Fifo::new(clock.clone(), attributes, None));
        (queue(), queue())
    }

    fn new(clock: Clock, attributes: Attributes, dead_letters: Option<Arc<Fifo>>) -> Fifo {
        Fifo {
            clock,
            attributes,
            dead_letters,
            state: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Hands groups out at random, and not the oldest first: SQS promises no order among them.
    pub fn hands_out_at_random(&self, seed: u64) {
        self.state().random = Some(Rng::with_seed(seed));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a message, and answers its id. What was sent within five minutes is accepted and not
    /// stored again.
    ///
    /// # Errors
    /// What SQS says of ids, bodies and attributes that it does not take.
    pub fn send(&self, message: Message) -> Result<(), QueueError> {
        check(&message)?;
        let now = self.clock.now();
        let mut state = self.state();
        let key = (message.group.clone(), message.deduplication_id.clone());
        if state
            .recent
            .get(&key)
            .is_some_and(|at| now < *at + DEDUPLICATION)
        {
            state.deduplicated += 1;
            return Ok(());
        }
        state.recent.insert(key, now);
        state.sent += 1;
        let sequence = state.sent;
        state.line.push(sequence, Stored::new(message, now));
        drop(state);
        self.changed.notify_waiters();
        Ok(())
    }

    /// The counts of this moment, and how the queue is configured.
    fn attributes(&self) -> Vec<(&'static str, String)> {
        let now = self.clock.now();
        let mut state = self.state();
        state.line.tick(now);
        let in_flight = state.line.in_flight();
        vec![
            (
                "ApproximateNumberOfMessages",
                (state.line.len() - in_flight).to_string(),
            ),
            (
                "ApproximateNumberOfMessagesNotVisible",
                in_flight.to_string(),
            ),
            ("ApproximateNumberOfMessagesDelayed", "0".to_owned()),
            ("FifoQueue", "true".to_owned()),
            ("DeduplicationScope", "messageGroup".to_owned()),
            ("FifoThroughputLimit", "perMessageGroupId".to_owned()),
            ("MessageRetentionPeriod", RETENTION.as_secs().to_string()),
            (
                "VisibilityTimeout",
                self.attributes.visibility_timeout.as_secs().to_string(),
            ),
        ]
    }

    /// No more will be sent: the event source ends when the queue is empty.
    pub fn close(&self) {
        self.state().closed = true;
        self.changed.notify_waiters();
    }

    pub(crate) fn is_finished(&self) -> bool {
        let state = self.state();
        state.closed && state.line.len() == 0
    }

    /// Receives up to `most`: as many as can be had of one group, then of the next. A group with an
    /// invisible message is not given.
    pub fn receive(&self, most: usize) -> Option<Batch> {
        self.receive_for(most, self.attributes.visibility_timeout)
    }

    /// Receives with another visibility timeout than the queue's.
    pub fn receive_for(&self, most: usize, visibility_timeout: Duration) -> Option<Batch> {
        self.receive_as(most, visibility_timeout, None)
    }

    /// The same, as an attempt that may be asked for again: within five minutes it gives the same
    /// messages with the same handles, hidden anew, as long as nobody altered one of them.
    pub fn receive_as(
        &self,
        most: usize,
        visibility_timeout: Duration,
        attempt: Option<&str>,
    ) -> Option<Batch> {
        let now = self.clock.now();
        let until = now + visibility_timeout;
        let mut state = self.state();
        let state = &mut *state;
        state.line.tick(now);
        self.move_dead_letters(state);
        state.attempts.retain(|_, attempt| !attempt.is_over(now));
        let known = attempt.and_then(|id| state.attempts.get(id));
        let again = known.and_then(|attempt| Some((attempt.at, attempt.again(&state.line, now)?)));
        let (at, received) = match again {
            Some((at, received)) => {
                received.iter().for_each(|n| state.line.hide(*n, until));
                (at, received)
            }
            None => {
                let received = state.line.receive(most, now, until, state.random.as_mut());
                (now, received)
            }
        };
        if let Some(id) = attempt {
            let attempt = Attempt::new(&state.line, &received, at, until);
            state.attempts.insert(id.to_owned(), attempt);
        }
        let mut batch = Batch {
            event: Value::Null,
            received: Vec::new(),
        };
        let mut records = Vec::new();
        for sequence in received {
            if let Some(stored) = state.line.get(sequence) {
                records.push(stored.record(sequence));
                let handle = stored.handle(sequence);
                batch.received.push((line::id(sequence), handle));
            }
        }
        batch.event = json!({ "Records": records });
        (!batch.received.is_empty()).then_some(batch)
    }

    /// Receives up to ten as a client of SQS does, as this attempt.
    pub fn receive_records(&self, receive: &Receive) -> Vec<Record> {
        let visibility_timeout = Duration::from_secs(receive.visibility.into());
        let batch = self.receive_as(10, visibility_timeout, Some(&receive.attempt));
        let records = batch.map(|batch| batch.event["Records"].clone());
        let record = |record: &Value| {
            let text = |name: &str| record[name].as_str().map(str::to_owned);
            let own = [text("messageId"), text("receiptHandle"), text("body")];
            Record::new(own, |name| record["attributes"][name].as_str())
        };
        let records = records.as_ref().and_then(Value::as_array);
        records.into_iter().flatten().map(record).collect()
    }

    fn move_dead_letters(&self, state: &mut State) {
        let Some(dead_letters) = &self.dead_letters else {
            return;
        };
        for sequence in state.line.returned() {
            let stored = state.line.get(sequence);
            if stored.is_none_or(|stored| stored.receives < self.attributes.max_receives) {
                continue;
            }
            if let Some(stored) = state.line.remove(sequence) {
                let moved = dead_letters.send(stored.message);
                debug_assert!(moved.is_ok(), "what was accepted once is accepted");
            }
        }
    }

    /// When something that is invisible now comes back.
    pub(crate) fn next_visible(&self) -> Option<Timestamp> {
        let mut state = self.state();
        state.line.tick(self.clock.now());
        state.line.next_visible()
    }

    /// Of the message that was received with this handle.
    pub fn group_of(&self, handle: &str) -> Option<String> {
        let (sequence, _) = line::read_handle(handle)?;
        let state = self.state();
        let stored = state.line.get(sequence)?;
        Some(stored.message.group.clone())
    }

    /// Whether nothing of its group was sent before what was received with this handle, and is still
    /// there.
    pub fn is_first_of_group(&self, handle: &str) -> bool {
        let Some((sequence, _)) = line::read_handle(handle) else {
            return true;
        };
        let state = self.state();
        let group = state.line.get(sequence).map(|stored| &stored.message.group);
        let mut earlier = state.line.all().take_while(|(other, _)| *other < sequence);
        group.is_none() || earlier.all(|(_, stored)| Some(&stored.message.group) != group)
    }

    /// Deletes what was received with this handle. What is deleted already may be deleted again.
    ///
    /// # Errors
    /// What SQS says of a handle that is none, or that is of an earlier receive or of a message that
    /// is visible again.
    pub fn delete(&self, handle: &str) -> Result<(), QueueError> {
        let now = self.clock.now();
        let mut state = self.state();
        state.line.tick(now);
        let known = line::read_handle(handle).filter(|(sequence, _)| *sequence <= state.sent);
        let (sequence, receives) = known.ok_or(QueueError::new("ReceiptHandleIsInvalid"))?;
        let Some(stored) = state.line.get(sequence) else {
            return Ok(());
        };
        if stored.receives != receives || stored.visible_at <= now {
            return Err(QueueError::new("InvalidParameterValue"));
        }
        state.line.remove(sequence);
        drop(state);
        self.changed.notify_waiters();
        Ok(())
    }

    /// Sets when what was received with this handle is visible again.
    ///
    /// # Errors
    /// What SQS says of a handle that is not of a message in flight, or of a time over 12 hours.
    pub fn set_visibility(&self, handle: &str, seconds: u32) -> Result<(), QueueError> {
        if seconds > 43_200 {
            return Err(QueueError::new("InvalidParameterValue"));
        }
        let now = self.clock.now();
        let mut state = self.state();
        state.line.tick(now);
        let in_flight = |(sequence, receives): &(u64, u32)| {
            let stored = state.line.get(*sequence);
            stored.is_some_and(|stored| stored.receives == *receives && stored.visible_at > now)
        };
        let known = line::read_handle(handle).filter(in_flight);
        let (sequence, _) = known.ok_or(QueueError::new("MessageNotInflight"))?;
        let until = now + Duration::from_secs(seconds.into());
        state.line.hide(sequence, until);
        drop(state);
        self.changed.notify_waiters();
        Ok(())
    }
}

/// Of a message group, a deduplication or an attempt to receive.
pub(crate) fn is_legal_id(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

/// docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
fn check(message: &Message) -> Result<(), QueueError> {
    if !is_legal_id(&message.group) || !is_legal_id(&message.deduplication_id) {
        return Err(QueueError::new("InvalidParameterValue"));
    }
    let attributes: usize = message
        .attributes
        .iter()
        .map(|(name, text)| name.len() + "String".len() + text.len())
        .sum();
    let is_legal = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..);
    if !message.body.chars().all(is_legal) {
        return Err(QueueError::new("InvalidMessageContents"));
    }
    if message.body.is_empty() || message.body.len() + attributes > MAX_BODY {
        return Err(QueueError::new("InvalidMessageContents"));
    }
    if message.attributes.len() > 10 || message.attributes.iter().any(|(_, text)| text.is_empty()) {
        return Err(QueueError::new("InvalidParameterValue"));
    }
    Ok(())
}
