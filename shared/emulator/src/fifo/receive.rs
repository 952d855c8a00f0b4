//! Receiving: which messages a receive returns, and which move to the dead-letter queue instead.
//! The messages are stored in `line`, and sending and deleting are in [`super`].

use std::time::Duration;

use io::queue::{Receive, Record};
use serde_json::{Value, json};

use super::line::{self, Attempt};
use super::{Batch, Fifo, State};

impl Fifo {
    /// Receives up to `most` messages: as many as possible of one group, then of the next. A group
    /// with a message in flight is skipped.
    pub fn receive(&self, most: usize) -> Option<Batch> {
        self.receive_for(most, self.attributes.visibility_timeout)
    }

    /// As [`Fifo::receive`], with another visibility timeout.
    pub fn receive_for(&self, most: usize, visibility_timeout: Duration) -> Option<Batch> {
        self.receive_as(most, visibility_timeout, None)
    }

    /// As [`Fifo::receive_for`], as an attempt that may be repeated. Within five minutes the same
    /// attempt returns the same messages with the same handles and a new visibility timeout, unless
    /// one of them was altered meanwhile.
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

    /// Receives up to ten messages as a client of SQS does.
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
                debug_assert!(
                    moved.is_ok(),
                    "the dead-letter queue accepts what the queue accepted"
                );
            }
        }
    }
}
