//! SQS FIFO queues: groups, visibility, receive counts, deduplication, dead-letter queue
//! (docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues.html).

mod sqs;

pub use sqs::Sqs;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use io::Clock;
use io::queue::{Message, QueueError, Record};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Notify;

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
    /// By sequence number.
    messages: BTreeMap<u64, Stored>,
    sent: u64,
    deduplicated: u64,
    closed: bool,
    /// When each (group, deduplication id) was last accepted.
    recent: BTreeMap<(String, String), Timestamp>,
    /// Which group comes next; none: the one with the oldest message.
    random: Option<Rng>,
}

#[derive(Clone)]
struct Stored {
    message: Message,
    id: String,
    sent_at: Timestamp,
    first_received: Option<Timestamp>,
    receives: u32,
    visible_at: Timestamp,
}

impl Stored {
    /// Another one with each receive.
    fn handle(&self) -> String {
        format!("{}#{}", self.id, self.receives)
    }

    fn record(&self, sequence: u64, handle: &str) -> Value {
        json!({
            "messageId": self.id,
            "receiptHandle": handle,
            "body": self.message.body,
            "attributes": {
                "ApproximateReceiveCount": self.receives.to_string(),
                "ApproximateFirstReceiveTimestamp":
                    self.first_received.map(|at| at.as_millisecond().to_string()),
                "SentTimestamp": self.sent_at.as_millisecond().to_string(),
                "SequenceNumber": format!("{sequence:020}"),
                "MessageGroupId": self.message.group,
                "MessageDeduplicationId": self.message.deduplication_id,
            },
            "messageAttributes": self.message.attributes.iter().map(|(name, text)| {
                ((*name).to_owned(), json!({ "dataType": "String", "stringValue": text }))
            }).collect::<serde_json::Map<_, _>>(),
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:changes.fifo",
            "awsRegion": "us-east-1",
        })
    }
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
        let id = format!("00000000-0000-4000-8000-{sequence:012x}");
        let stored = Stored {
            message,
            id,
            sent_at: now,
            first_received: None,
            receives: 0,
            visible_at: now,
        };
        state.messages.insert(sequence, stored);
        drop(state);
        self.changed.notify_waiters();
        Ok(())
    }

    /// The counts of this moment, and how the queue is configured.
    fn attributes(&self) -> Vec<(&'static str, String)> {
        let now = self.clock.now();
        let state = self.state();
        let in_flight = state
            .messages
            .values()
            .filter(|stored| stored.visible_at > now)
            .count();
        vec![
            (
                "ApproximateNumberOfMessages",
                (state.messages.len() - in_flight).to_string(),
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
        state.closed && state.messages.is_empty()
    }

    /// How many messages are there, received ones included.
    pub fn len(&self) -> usize {
        self.state().messages.len()
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
            .messages
            .values()
            .map(|stored| (stored.sent_at, stored.message.clone()))
            .collect()
    }

    /// All messages, in order.
    pub fn messages(&self) -> Vec<Message> {
        self.state()
            .messages
            .values()
            .map(|stored| stored.message.clone())
            .collect()
    }

    /// Receives up to `most`: as many as can be had of one group, then of the next. A group with an
    /// invisible message is not given.
    pub fn receive(&self, most: usize) -> Option<Batch> {
        self.receive_for(most, self.attributes.visibility_timeout)
    }

    /// Receives with another visibility timeout than the queue's.
    pub fn receive_for(&self, most: usize, visibility_timeout: Duration) -> Option<Batch> {
        let now = self.clock.now();
        let mut state = self.state();
        self.move_dead_letters(&mut state, now);
        let mut batch = Batch {
            event: Value::Null,
            received: Vec::new(),
        };
        let mut records = Vec::new();
        for sequence in available(&mut state, now).into_iter().take(most) {
            let Some(stored) = state.messages.get_mut(&sequence) else {
                continue;
            };
            stored.receives += 1;
            stored.first_received.get_or_insert(now);
            stored.visible_at = now + visibility_timeout;
            let handle = stored.handle();
            records.push(stored.record(sequence, &handle));
            batch.received.push((stored.id.clone(), handle));
        }
        batch.event = json!({ "Records": records });
        (!batch.received.is_empty()).then_some(batch)
    }

    /// Receives up to ten as a client of SQS does, for so long.
    pub fn receive_records(&self, visibility_timeout: Duration) -> Vec<Record> {
        let batch = self.receive_for(10, visibility_timeout);
        let records = batch.map(|batch| batch.event["Records"].clone());
        let record = |record: &Value| {
            let text = |name: &str| record[name].as_str().map(str::to_owned);
            let own = [text("messageId"), text("receiptHandle"), text("body")];
            Record::new(own, |name| record["attributes"][name].as_str())
        };
        let records = records.as_ref().and_then(Value::as_array);
        records.into_iter().flatten().map(record).collect()
    }

    fn move_dead_letters(&self, state: &mut State, now: Timestamp) {
        let Some(dead_letters) = &self.dead_letters else {
            return;
        };
        let is_dead = |stored: &Stored| {
            stored.visible_at <= now && stored.receives >= self.attributes.max_receives
        };
        for (_, stored) in state.messages.extract_if(.., |_, stored| is_dead(stored)) {
            let moved = dead_letters.send(stored.message);
            debug_assert!(moved.is_ok(), "what was accepted once is accepted");
        }
    }

    /// When something that is invisible now comes back.
    pub(crate) fn next_visible(&self) -> Option<Timestamp> {
        let now = self.clock.now();
        self.state()
            .messages
            .values()
            .map(|stored| stored.visible_at)
            .filter(|at| *at > now)
            .min()
    }

    /// Of the message that was received with this handle.
    pub(crate) fn group_of(&self, handle: &str) -> Option<String> {
        let state = self.state();
        let stored = state
            .messages
            .values()
            .find(|stored| stored.handle() == handle);
        stored.map(|stored| stored.message.group.clone())
    }

    /// Deletes what was received with this handle, unless it is visible again.
    pub fn delete(&self, handle: &str) {
        let now = self.clock.now();
        self.state()
            .messages
            .retain(|_, stored| stored.handle() != handle || stored.visible_at <= now);
        self.changed.notify_waiters();
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
        let in_flight = |stored: &&mut Stored| stored.handle() == handle && stored.visible_at > now;
        let stored = state
            .messages
            .values_mut()
            .find(in_flight)
            .ok_or(QueueError::new("MessageNotInflight"))?;
        stored.visible_at = now + Duration::from_secs(seconds.into());
        drop(state);
        self.changed.notify_waiters();
        Ok(())
    }

    /// In how many seconds each message that is in flight comes back, by message id.
    pub fn in_flight(&self) -> BTreeMap<String, u64> {
        let now = self.clock.now();
        let state = self.state();
        let in_flight = state
            .messages
            .values()
            .filter(|stored| stored.visible_at > now);
        let seconds = |stored: &Stored| {
            u64::try_from(stored.visible_at.duration_since(now).as_secs()).unwrap_or(0)
        };
        in_flight
            .map(|stored| (stored.id.clone(), seconds(stored)))
            .collect()
    }
}

/// The sequence numbers that may be received, group by group.
fn available(state: &mut State, now: Timestamp) -> Vec<u64> {
    let mut groups: BTreeMap<&str, (bool, Vec<u64>)> = BTreeMap::new();
    for (sequence, stored) in &state.messages {
        let (is_blocked, sequences) = groups.entry(&stored.message.group).or_default();
        *is_blocked |= stored.visible_at > now;
        sequences.push(*sequence);
    }
    let mut groups: Vec<_> = groups
        .into_values()
        .filter(|(is_blocked, _)| !is_blocked)
        .map(|(_, sequences)| sequences)
        .collect();
    match &mut state.random {
        Some(random) => random.shuffle(&mut groups),
        None => groups.sort_unstable(),
    }
    groups.concat()
}

/// docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
fn check(message: &Message) -> Result<(), QueueError> {
    let legal =
        |id: &str| (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    if !legal(&message.group) || !legal(&message.deduplication_id) {
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
