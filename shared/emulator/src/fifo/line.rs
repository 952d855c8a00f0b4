//! The messages of a queue, indexed by message group and by the time at which they become visible.
//! The time of a receive depends on the messages that it returns, and not on the length of the
//! queue. What a receive may return is decided in `receive`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fastrand::Rng;
use io::queue::Message;
use jiff::Timestamp;
use serde_json::{Value, json};

const ID_PREFIX: &str = "00000000-0000-4000-8000-";

#[derive(Clone)]
pub(super) struct Stored {
    pub(super) message: Message,
    pub(super) sent_at: Timestamp,
    first_received: Option<Timestamp>,
    pub(super) receives: u32,
    pub(super) visible_at: Timestamp,
}

impl Stored {
    pub(super) fn new(message: Message, now: Timestamp) -> Stored {
        Stored {
            message,
            sent_at: now,
            first_received: None,
            receives: 0,
            visible_at: now,
        }
    }

    /// The record that Lambda hands to a function.
    pub(super) fn record(&self, sequence: u64) -> Value {
        json!({
            "messageId": id(sequence),
            "receiptHandle": self.handle(sequence),
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

    /// The receipt handle. Each receive makes another.
    pub(super) fn handle(&self, sequence: u64) -> String {
        format!("{}#{}", id(sequence), self.receives)
    }
}

/// The message id.
pub(super) fn id(sequence: u64) -> String {
    format!("{ID_PREFIX}{sequence:012x}")
}

/// The sequence number and the receive count of a handle.
pub(super) fn read_handle(handle: &str) -> Option<(u64, u32)> {
    let (sequence, receives) = handle.strip_prefix(ID_PREFIX)?.split_once('#')?;
    Some((
        u64::from_str_radix(sequence, 16).ok()?,
        receives.parse().ok()?,
    ))
}

#[derive(Default)]
struct Group {
    sequences: BTreeSet<u64>,
    in_flight: usize,
}

#[derive(Default)]
pub(super) struct Line {
    /// All messages by sequence number.
    messages: BTreeMap<u64, Stored>,
    groups: BTreeMap<String, Group>,
    /// The groups without a message in flight, by the first message of each.
    ready: BTreeMap<u64, String>,
    /// The messages in flight, by the time at which they become visible.
    back: BTreeSet<(Timestamp, u64)>,
    /// The messages that became visible since [`Line::returned`] was last called.
    returned: BTreeSet<u64>,
}

impl Line {
    pub(super) fn all(&self) -> impl Iterator<Item = (u64, &Stored)> {
        self.messages
            .iter()
            .map(|(sequence, stored)| (*sequence, stored))
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn get(&self, sequence: u64) -> Option<&Stored> {
        self.messages.get(&sequence)
    }

    pub(super) fn push(&mut self, sequence: u64, stored: Stored) {
        let name = stored.message.group.clone();
        self.messages.insert(sequence, stored);
        self.in_group(&name, |group| {
            group.sequences.insert(sequence);
        });
    }

    /// Makes messages visible whose timeout is over.
    pub(super) fn tick(&mut self, now: Timestamp) {
        while let Some(&(at, sequence)) = self.back.first() {
            if at > now {
                break;
            }
            self.land(sequence);
            self.returned.insert(sequence);
        }
    }

    /// The messages that became visible since the last call.
    pub(super) fn returned(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.returned).into_iter().collect()
    }

    pub(super) fn in_flight(&self) -> usize {
        self.back.len()
    }

    pub(super) fn next_visible(&self) -> Option<Timestamp> {
        self.back.first().map(|(at, _)| *at)
    }

    /// Receives up to `most` messages: as many as possible of one group, then of the next.
    pub(super) fn receive(
        &mut self,
        most: usize,
        now: Timestamp,
        until: Timestamp,
        random: Option<&mut Rng>,
    ) -> Vec<u64> {
        let mut received = Vec::new();
        // The names are sorted before the shuffle, so that a seed always gives the same order.
        let mut shuffled = random.map(|random| {
            let mut names: Vec<_> = self.ready.values().cloned().collect();
            names.sort_unstable();
            random.shuffle(&mut names);
            names.into_iter()
        });
        while received.len() < most {
            let next = match &mut shuffled {
                Some(names) => names.next(),
                None => self.ready.first_key_value().map(|(_, name)| name.clone()),
            };
            let Some(group) = next.and_then(|name| self.groups.get(&name)) else {
                break;
            };
            let left = most - received.len();
            let taken: Vec<_> = group.sequences.iter().copied().take(left).collect();
            for sequence in &taken {
                if let Some(stored) = self.messages.get_mut(sequence) {
                    stored.receives += 1;
                    stored.first_received.get_or_insert(now);
                }
                self.hide(*sequence, until);
            }
            received.extend(taken);
        }
        received
    }

    /// Hides a message until a time.
    pub(super) fn hide(&mut self, sequence: u64, until: Timestamp) {
        self.land(sequence);
        let Some(stored) = self.messages.get_mut(&sequence) else {
            return;
        };
        stored.visible_at = until;
        let name = stored.message.group.clone();
        self.back.insert((until, sequence));
        self.in_group(&name, |group| group.in_flight += 1);
    }

    pub(super) fn remove(&mut self, sequence: u64) -> Option<Stored> {
        self.land(sequence);
        self.returned.remove(&sequence);
        let stored = self.messages.remove(&sequence)?;
        self.in_group(&stored.message.group, |group| {
            group.sequences.remove(&sequence);
        });
        Some(stored)
    }

    /// Ends the flight of a message that is in flight.
    fn land(&mut self, sequence: u64) {
        let Some(stored) = self.messages.get(&sequence) else {
            return;
        };
        if self.back.remove(&(stored.visible_at, sequence)) {
            let name = stored.message.group.clone();
            self.in_group(&name, |group| group.in_flight -= 1);
        }
    }

    /// Alters a group, and updates whether it may be received.
    fn in_group(&mut self, name: &str, alter: impl FnOnce(&mut Group)) {
        let group = self.groups.entry(name.to_owned()).or_default();
        if let Some(first) = group.sequences.first() {
            self.ready.remove(first);
        }
        alter(group);
        match group.sequences.first() {
            Some(first) if group.in_flight == 0 => {
                self.ready.insert(*first, name.to_owned());
            }
            Some(_) => {}
            None => {
                self.groups.remove(name);
            }
        }
    }
}

/// A receive that may be repeated.
pub(super) struct Attempt {
    pub(super) at: Timestamp,
    /// The sequence number and the receive count of each message.
    received: Vec<(u64, u32)>,
    until: Timestamp,
}

/// How long a receive may be repeated.
const ATTEMPT: Duration = Duration::from_mins(5);

impl Attempt {
    pub(super) fn new(line: &Line, received: &[u64], at: Timestamp, until: Timestamp) -> Attempt {
        let receives = |sequence: u64| line.get(sequence).map_or(0, |stored| stored.receives);
        Attempt {
            at,
            received: received.iter().map(|n| (*n, receives(*n))).collect(),
            until,
        }
    }

    /// The messages of the attempt, if each is still in flight as this receive left it. AWS does
    /// not document what happens if one was altered; here the attempt counts as a new receive.
    pub(super) fn again(&self, line: &Line, now: Timestamp) -> Option<Vec<u64>> {
        let is_as_left = |(sequence, receives): &(u64, u32)| {
            line.get(*sequence).is_some_and(|stored| {
                stored.receives == *receives && stored.visible_at == self.until
            })
        };
        let is_good = now < self.at + ATTEMPT
            && self.until > now
            && !self.received.is_empty()
            && self.received.iter().all(is_as_left);
        is_good.then(|| self.received.iter().map(|(n, _)| *n).collect())
    }

    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        now >= self.at + ATTEMPT
    }
}
