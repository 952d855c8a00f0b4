//! Sends changes to the queue in order, as [`domain::outbox`] decides.
//!
//! [`enqueue`] and [`enqueue_while`] make one call after another, and [`enqueue_side_by_side`]
//! several at once. [`Sending`] is for a caller that decides itself when the next call begins, such
//! as a bulk load.

use domain::Change;
use domain::depth;
use domain::outbox::{self, Limits, Outbox};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;

use super::{Message, Queue, QueueError, RefusedEntry};

/// The most calls under way for a bulk load. Sixteen calls of 20 ms send 8,000 messages a second.
/// From far away, at 200 ms, they send 800.
pub const SIDE_BY_SIDE: usize = 16;
/// One call after another, and each message once.
const ONE_BY_ONE: Limits = Limits { calls: 1, tries: 1 };

/// How many more messages a bulk sender may send after one look at the queue's counts. `deepest` is
/// the limit for the whole queue ([`depth::deepest`]).
///
/// # Errors
/// The queue cannot be asked for its counts.
pub async fn room(queue: &dyn Queue, queue_url: &str, deepest: u64) -> Result<usize, QueueError> {
    let room = deepest.saturating_sub(queue.depth(queue_url).await?);
    Ok(usize::try_from(room.min(depth::MOST_AT_A_LOOK)).unwrap_or(usize::MAX))
}

/// As [`room`], but only the org's own messages count, until the whole queue nears
/// [`MOST_OF_ALL`](depth::MOST_OF_ALL). `sent` is how many of them may still lie there.
///
/// # Errors
/// The queue cannot be asked for its counts.
pub async fn room_of_its_own(
    queue: &dyn Queue,
    queue_url: &str,
    deepest: u64,
    sent: u64,
) -> Result<usize, QueueError> {
    let depth = queue.depth(queue_url).await?;
    let room = depth::room_of_its_own(deepest, sent, depth);
    Ok(usize::try_from(room).unwrap_or(usize::MAX))
}

/// Changes on their way to the queue, by several calls side by side.
pub struct Sending<'a> {
    queue: &'a dyn Queue,
    queue_url: &'a str,
    outbox: Outbox<Message>,
    calls: FuturesUnordered<BoxFuture<'a, Answer>>,
}

/// The places of the messages in a call, and their results.
type Answer = (Vec<u64>, Result<Vec<Result<(), RefusedEntry>>, QueueError>);

impl<'a> Sending<'a> {
    /// A sender without changes.
    pub fn new(queue: &'a dyn Queue, queue_url: &'a str, limits: Limits) -> Sending<'a> {
        Sending {
            queue,
            queue_url,
            outbox: Outbox::new(limits),
            calls: FuturesUnordered::new(),
        }
    }

    /// The state of what is being sent.
    pub fn outbox(&self) -> &Outbox<Message> {
        &self.outbox
    }

    /// Adds the next change in order. The outbox must have room. `None` is a change that is in the
    /// queue already.
    pub fn push(&mut self, change: Option<&Change>) {
        let Some(change) = change else {
            self.outbox.push_taken();
            return;
        };
        let message = message(change);
        let (group, bytes) = (message.group.clone(), message.body.len());
        self.outbox.push(group, bytes, message);
    }

    /// Begins a call, and returns how many messages it holds. 0 means that no call may begin. It
    /// holds at most `most` messages.
    pub fn begin(&mut self, now: Timestamp, most: usize) -> usize {
        let call = self.outbox.next(now, most);
        let begun = call.len();
        if begun > 0 {
            let (places, messages) = call.into_iter().unzip();
            let (queue, queue_url) = (self.queue, self.queue_url);
            let call = async move { (places, queue.send_batch(queue_url, messages).await) };
            self.calls.push(Box::pin(call));
        }
        begun
    }

    /// Waits for the next answer, and returns the places that are in the queue because of it.
    /// `None` means that no call is under way. `now` is read once the answer is there.
    pub async fn answered(&mut self, now: impl Fn() -> Timestamp) -> Option<Vec<u64>> {
        let (places, answer) = self.calls.next().await?;
        let refused = |refused: RefusedEntry| outbox::FailedEntry {
            why: format!("SQS: {}", refused.code),
            is_for_good: refused.is_senders_fault,
        };
        let answer = answer.map_err(|error| error.to_string()).map(|entries| {
            let entries = entries.into_iter();
            entries.map(|entry| entry.map_err(refused)).collect()
        });
        Some(self.outbox.answered(&places, answer, now()))
    }
}

/// The result of sending changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnqueueResult {
    /// The places of the changes that SQS has.
    pub accepted: Vec<usize>,
    /// The places of the changes that SQS can never accept.
    pub faulty: Vec<usize>,
    /// The reason for which SQS did not accept a change that it may accept later: an error code, or
    /// no time.
    pub unavailable: Option<String>,
    /// Whether the only reason is that no time was left for another call.
    pub is_late: bool,
}

/// Sends every change, one call after another. After a change that SQS can never accept nothing
/// more is sent. After an outage other groups are still sent. If it accepted as many changes as
/// there are, SQS has all of them.
pub async fn enqueue(queue: &dyn Queue, queue_url: &str, changes: &[Change]) -> EnqueueResult {
    enqueue_while(queue, queue_url, changes, || true).await
}

/// As [`enqueue`], but no call begins if `may_begin` forbids it. A call takes
/// [`crate::aws::LONGEST_CALL`] at most.
pub async fn enqueue_while(
    queue: &dyn Queue,
    queue_url: &str,
    changes: &[Change],
    may_begin: impl Fn() -> bool,
) -> EnqueueResult {
    all(queue, queue_url, changes, ONE_BY_ONE, may_begin, |_| ()).await
}

/// As [`enqueue`], with [`SIDE_BY_SIDE`] calls at once. `taken` is called with the number of
/// changes that SQS accepted in each call.
pub async fn enqueue_side_by_side(
    queue: &dyn Queue,
    queue_url: &str,
    changes: &[Change],
    may_begin: impl Fn() -> bool,
    taken: impl FnMut(usize),
) -> EnqueueResult {
    let limits = Limits {
        calls: SIDE_BY_SIDE,
        ..ONE_BY_ONE
    };
    all(queue, queue_url, changes, limits, may_begin, taken).await
}

async fn all(
    queue: &dyn Queue,
    queue_url: &str,
    changes: &[Change],
    limits: Limits,
    may_begin: impl Fn() -> bool,
    mut taken: impl FnMut(usize),
) -> EnqueueResult {
    // Each message is sent once, so nothing waits and no time is needed.
    let now = || Timestamp::UNIX_EPOCH;
    let mut sending = Sending::new(queue, queue_url, limits);
    let (mut waiting, mut done, mut is_late) = (changes.iter(), EnqueueResult::default(), false);
    loop {
        while sending.outbox.has_room()
            && let Some(change) = waiting.next()
        {
            sending.push(Some(change));
        }
        is_late |= !may_begin();
        while !is_late && sending.begin(now(), usize::MAX) > 0 {}
        let Some(places) = sending.answered(now).await else {
            break;
        };
        taken(places.len());
        done.accepted
            .extend(places.iter().map(|place| *place as usize));
    }
    let faulty = sending.outbox.faulty().iter();
    done.faulty = faulty.map(|place| *place as usize).collect();
    done.unavailable = sending.outbox.why().map(str::to_owned);
    let none = done.unavailable.is_none() && done.faulty.is_empty();
    if none && done.accepted.len() < changes.len() {
        done.is_late = true;
        done.unavailable = Some("there is no time for another call to SQS".to_owned());
    }
    done
}

fn message(change: &Change) -> Message {
    Message {
        body: change.body(),
        group: change.message_group().as_str().to_owned(),
        deduplication_id: change.deduplication_id(),
        attributes: Vec::new(),
    }
}
