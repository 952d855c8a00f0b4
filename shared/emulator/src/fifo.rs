//! SQS FIFO queues: message groups, visibility timeouts, receive counts, deduplication and
//! dead-letter queues
//! (docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues.html).
//!
//! [`Fifo`] is one queue; [`Sqs`] is the service, which finds queues by URL and can be made to
//! fail. `line` stores the messages and decides which may be received.

mod line;
mod look;
mod quotas;
mod receive;
mod sqs;

pub(crate) use quotas::is_legal_id;
pub use sqs::Sqs;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use io::Clock;
use io::queue::{Message, QueueError};
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::Notify;

use line::{Attempt, Line, Stored};
use quotas::check;

const DEDUPLICATION: Duration = Duration::from_mins(5);
/// The retention period is reported and never applied: no run here lasts that long.
const RETENTION: Duration = Duration::from_hours(14 * 24);

/// The configuration of a queue.
#[derive(Clone, Copy, Debug)]
pub struct Attributes {
    pub visibility_timeout: Duration,
    /// How often a message is received before it moves to the dead-letter queue.
    pub max_receives: u32,
}

impl Default for Attributes {
    /// The queues of template.yaml: six times the timeout of apply, and 1,000 receives.
    fn default() -> Attributes {
        Attributes {
            visibility_timeout: Duration::from_mins(3),
            max_receives: 1_000,
        }
    }
}

/// One FIFO queue with `DeduplicationScope: messageGroup`.
pub struct Fifo {
    pub(crate) clock: Clock,
    attributes: Attributes,
    dead_letters: Option<Arc<Fifo>>,
    state: Mutex<State>,
    /// Notifies waiters when a message is sent, deleted or made visible.
    pub(crate) changed: Notify,
}

#[derive(Default)]
struct State {
    line: Line,
    sent: u64,
    deduplicated: u64,
    is_closed: bool,
    /// When each (group, deduplication id) was last accepted.
    recent: BTreeMap<(String, String), Timestamp>,
    /// Picks the next group. `None` means that the group with the oldest message comes first.
    random: Option<Rng>,
    /// The latest receives by `ReceiveRequestAttemptId`.
    attempts: BTreeMap<String, Attempt>,
}

/// The messages of one receive.
pub struct Batch {
    /// The event that Lambda hands to a function.
    pub event: Value,
    pub(crate) received: Vec<(String, String)>,
}

impl Fifo {
    /// A queue and its dead-letter queue, both empty.
    pub fn pair(clock: &Clock, attributes: Attributes) -> (Arc<Fifo>, Arc<Fifo>) {
        let dead_letters = Arc::new(Fifo::new(clock.clone(), attributes, None));
        let queue = Fifo::new(clock.clone(), attributes, Some(Arc::clone(&dead_letters)));
        (Arc::new(queue), dead_letters)
    }

    /// The queue of reconcile runs as template.yaml makes it, and the queue of failed runs.
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

    /// Hands out groups at random instead of the oldest first. SQS promises no order among groups.
    pub fn hands_out_at_random(&self, seed: u64) {
        self.state().random = Some(Rng::with_seed(seed));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a message. A copy of a message that was accepted less than five minutes ago is
    /// accepted and dropped.
    ///
    /// # Errors
    /// As SQS: an id, a body or an attribute is invalid.
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

    /// The current counts and the configuration, by their names in SQS.
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

    /// Declares that nothing more will be sent. The event source ends once the queue is empty.
    pub fn close(&self) {
        self.state().is_closed = true;
        self.changed.notify_waiters();
    }

    pub(crate) fn is_finished(&self) -> bool {
        let state = self.state();
        state.is_closed && state.line.len() == 0
    }

    /// The earliest time at which a message in flight becomes visible.
    pub(crate) fn next_visible(&self) -> Option<Timestamp> {
        let mut state = self.state();
        state.line.tick(self.clock.now());
        state.line.next_visible()
    }

    /// The group of a received message.
    pub fn group_of(&self, handle: &str) -> Option<String> {
        let (sequence, _) = line::read_handle(handle)?;
        let state = self.state();
        let stored = state.line.get(sequence)?;
        Some(stored.message.group.clone())
    }

    /// Whether no earlier message of the same group is still in the queue.
    pub fn is_first_of_group(&self, handle: &str) -> bool {
        let Some((sequence, _)) = line::read_handle(handle) else {
            return true;
        };
        let state = self.state();
        let group = state.line.get(sequence).map(|stored| &stored.message.group);
        let mut earlier = state.line.all().take_while(|(other, _)| *other < sequence);
        group.is_none() || earlier.all(|(_, stored)| Some(&stored.message.group) != group)
    }

    /// Deletes a received message. A message may be deleted twice.
    ///
    /// # Errors
    /// As SQS: the handle is invalid, or belongs to an earlier receive or to a message that is
    /// visible again.
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

    /// Sets when a received message becomes visible again.
    ///
    /// # Errors
    /// As SQS: the handle belongs to no message in flight, or the time is over 12 hours.
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
