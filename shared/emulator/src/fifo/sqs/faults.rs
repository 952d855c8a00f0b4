//! Faults of SQS that a test injects: slow, lost, refused and hanging calls, and refused entries.
//! Faults of Genesys Cloud are in `fault`.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fastrand::Rng;
use io::queue::{Message, QueueError, RefusedEntry};

use super::{Fifo, Sqs};

/// Calls of `SendMessageBatch` that each take a random time.
pub(super) struct Unsteady {
    longest: Duration,
    rng: Rng,
}

/// Counts down, and returns whether there was something left to count.
pub(super) fn count_down(left: &AtomicUsize) -> bool {
    let less = |calls: usize| calls.checked_sub(1);
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
        .is_ok()
}

impl Sqs {
    /// Makes every call take this long from now on.
    pub fn set_latency(&self, latency: Duration) {
        *self.latency.lock().unwrap_or_else(PoisonError::into_inner) = latency;
    }

    pub(super) async fn wait(&self) {
        let latency = *self.latency.lock().unwrap_or_else(PoisonError::into_inner);
        tokio::time::sleep(latency).await;
    }

    /// Makes each `SendMessageBatch` wait a random time up to `longest` before it stores, and again
    /// before it answers. Of two concurrent calls, either may come first.
    pub fn set_unsteady(&self, longest: Duration, seed: u64) {
        let rng = Rng::with_seed(seed);
        *self.unsteady.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Unsteady { longest, rng });
    }

    /// Makes the next `calls` calls of `SendMessageBatch` store their messages and answer with an
    /// error.
    pub fn lose_answers(&self, calls: usize) {
        self.lost_answers_left.store(calls, Ordering::Relaxed);
    }

    pub(super) fn lose_answer(&self) -> bool {
        count_down(&self.lost_answers_left)
    }

    pub(super) async fn wait_by_chance(&self) {
        let wait = {
            let mut unsteady = self.unsteady.lock().unwrap_or_else(PoisonError::into_inner);
            let wait = |of: &mut Unsteady| of.longest.mul_f64(of.rng.f64());
            unsteady.as_mut().map(wait)
        };
        if let Some(wait) = wait {
            tokio::time::sleep(wait).await;
        }
    }

    /// Makes `SendMessage` hang for as long as the SDK tries. Messages are parked with that call.
    pub fn let_sends_hang(&self, hang: bool) {
        self.is_send_hanging.store(hang, Ordering::Relaxed);
    }

    /// Fails the next `calls` calls.
    pub fn refuse(&self, calls: usize) {
        self.refusals_left.store(calls, Ordering::Relaxed);
    }

    /// Refuses the next entry whose body contains this text.
    pub fn refuse_entry(&self, text: &str, is_senders_fault: bool) {
        let mut refuse = self
            .refused_entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        refuse.push((text.to_owned(), is_senders_fault));
    }

    /// Refuses the next `times` deletes of a message of this group.
    pub fn refuse_deletes_of(&self, group: &str, times: usize) {
        let mut refuse = self
            .refused_deletes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        refuse.insert(group.to_owned(), times);
    }

    /// How many receive calls the functions made themselves.
    pub fn receives(&self) -> usize {
        self.receive_calls.load(Ordering::Relaxed)
    }

    pub(super) fn delete_entry(&self, queue: &Fifo, handle: &str) -> Result<(), QueueError> {
        let mut refuse = self
            .refused_deletes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let group = queue.group_of(handle);
        if let Some(times) = group.and_then(|group| refuse.get_mut(&group))
            && *times > 0
        {
            *times -= 1;
            return Err(QueueError::new("InternalError"));
        }
        queue.delete(handle)
    }

    pub(super) fn send_entry(&self, queue: &Fifo, message: Message) -> Result<(), RefusedEntry> {
        let mut refuse = self
            .refused_entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = refuse
            .iter()
            .position(|(text, _)| message.body.contains(text))
        {
            let (_, is_senders_fault) = refuse.remove(index);
            return Err(RefusedEntry {
                code: if is_senders_fault {
                    "InvalidMessageContents"
                } else {
                    "OnPurpose"
                }
                .to_owned(),
                is_senders_fault,
            });
        }
        let refused = |error: QueueError| RefusedEntry {
            code: error.to_string(),
            is_senders_fault: true,
        };
        queue.send(message).map_err(refused)
    }
}
