//! The seams between the product and the outside. Everything that passes them is watched, and fails
//! on purpose.
//!
//! Each way out of the product has a file: `genesys` (Genesys Cloud), `feed` (the CRMs), `sqs`, and
//! `stores` (Secrets Manager and Parameter Store). `crash` and `killable` end a copy in the middle
//! of its work. [`Seen`] is what the checks know of a run.

mod crash;
mod feed;
mod genesys;
mod killable;
mod sqs;
mod stores;

pub(crate) use crash::Crash;
pub(crate) use feed::{FeedTransport, OWN_FORM_HOST, VENDOR_HOST};
pub(crate) use genesys::GenesysTransport;
pub(crate) use killable::KillSwitch;
pub(crate) use sqs::Sqs;
pub(crate) use stores::{ParameterStore, SecretsManager};

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use emulator::{Crm, Feed, World};
use io::queue::{Message, QueueError};
use jiff::Timestamp;

use crate::change::{key_of, rank_of};
use crate::chaos::{Chaos, Rates};
use crate::checks::schedule::CrmChange;
use crate::mutants::Mutant;
use crate::story::{Part, Story};
use crate::trouble::Trouble;
use crate::{lock, wire};

/// Everything outside of the product, and what was seen of it.
pub(crate) struct Outside {
    pub(crate) story: Story,
    world: World,
    pub(crate) feed: Feed,
    /// The CRMs of the orgs whose CRM is a vendor's, by org.
    pub(crate) crms: BTreeMap<String, Crm>,
    pub(crate) chaos: Chaos,
    /// The trouble of the run, while it lasts.
    pub(crate) trouble: Mutex<Option<Trouble>>,
    /// The parts that do not work now, and of which org.
    pub(crate) down: Mutex<BTreeSet<(Part, String)>>,
    pub(crate) mutant: Option<Mutant>,
    pub(crate) seen: Mutex<Seen>,
    /// The lines of the trace, if one is wanted.
    pub(crate) trace_lines: Option<Mutex<Vec<String>>>,
    instances: AtomicUsize,
}

/// A running copy, whether it calls the token endpoint, and the OAuth client with which it calls.
pub(crate) type Throttled = (usize, bool, String);

/// The events that were seen in a run.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) violations: BTreeSet<String>,
    /// The event ids of valid changes that a webhook answered with 202 contained.
    pub(crate) acknowledged: BTreeSet<String>,
    /// When the queue first stored each event id.
    pub(crate) stored_at: BTreeMap<String, Timestamp>,
    /// The most receives of any message.
    pub(crate) receives: u64,
    /// How often it was reported that an org or a host does not answer.
    pub(crate) ill_reports: usize,
    /// When each event id was reported as done or parked.
    pub(crate) reported_at: BTreeMap<String, Timestamp>,
    /// When each event id was reported as done.
    pub(crate) done_at: BTreeMap<String, Timestamp>,
    /// The event ids whose last report said that they were skipped.
    pub(crate) skipped: BTreeSet<String>,
    /// The event ids of which some report said that they were done, and not skipped.
    counted: BTreeSet<String>,
    /// Each call of the dialler: when, in which campaign, and which contact.
    pub(crate) dialled: Vec<(Timestamp, String, String)>,
    /// Every parked message, and when it was parked.
    pub(crate) parked: Vec<(Timestamp, Message)>,
    /// The contacts that were written, each with the copy that got the answer, in order.
    pub(crate) written: Vec<(usize, String, String)>,
    /// Every message that the queue stored, in order.
    pub(crate) stored: Vec<Message>,
    /// The highest rank among all messages of a contact, by campaign and key.
    pub(crate) highest_rank: BTreeMap<(String, String), u64>,
    /// Every change that a CRM made, in runs of a schedule.
    pub(crate) crm_changes: Vec<CrmChange>,
    /// When an alarm reported an org as late.
    pub(crate) alarms: Vec<(Timestamp, String)>,
    /// The campaign and key of each contact that some message opts in.
    opted_in: BTreeSet<(String, String)>,
    /// For each contact, the copy of apply that has a call about it under way.
    under_way: BTreeMap<(String, String), usize>,
    /// The OAuth client that each token was issued to.
    tokens: BTreeMap<String, String>,
    /// For each running copy and client, the end of the rate-limit window that refused its last
    /// call.
    refused_until: BTreeMap<(usize, String), Timestamp>,
    /// For each [`Throttled`], the end of the wait after its last refusal.
    throttled: BTreeMap<Throttled, Timestamp>,
    /// The contacts whose last write by a copy had no answer, and which it has not read since.
    unknown: BTreeSet<(usize, String, String)>,
}

impl Seen {
    /// Notes that a change was reported as done.
    pub(crate) fn is_done(&mut self, id: &str, outcome: &str, now: Timestamp) {
        self.done_at.entry(id.to_owned()).or_insert(now);
        if outcome == "skipped" {
            self.skipped.insert(id.to_owned());
        } else {
            self.skipped.remove(id);
            self.counted.insert(id.to_owned());
        }
    }

    /// Whether a change was skipped whenever it came. A change that counted may come again after an
    /// opt-out left nothing of its contact but a rank. It is skipped then, but has counted all the
    /// same.
    pub(crate) fn never_counted(&self, id: &str) -> bool {
        self.skipped.contains(id) && !self.counted.contains(id)
    }
}

impl Deref for Outside {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl Outside {
    pub(crate) fn new(
        story: Story,
        world: World,
        (feed, crms): (Feed, BTreeMap<String, Crm>),
        mutant: Option<Mutant>,
        trace: bool,
    ) -> Outside {
        // In a run of a schedule, faults begin later: see `Chaos::begin`.
        let rates = match story.schedule {
            Some(_) => Rates::default(),
            None => story.rates.clone(),
        };
        let chaos = Chaos::new(story.seed, rates);
        Outside {
            story,
            world,
            feed,
            crms,
            chaos,
            trouble: Mutex::default(),
            down: Mutex::default(),
            mutant,
            seen: Mutex::default(),
            trace_lines: trace.then(Mutex::default),
            instances: AtomicUsize::new(0),
        }
    }

    /// A new number for each copy that begins.
    fn next_instance(&self) -> usize {
        self.instances.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether the run has this mutant.
    pub(crate) fn has_defect(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// Adds a line to the trace.
    pub(crate) fn trace(&self, line: impl FnOnce() -> String) {
        if let Some(trace) = &self.trace_lines {
            let at = self
                .clock
                .now()
                .duration_since(crate::story::start())
                .as_secs_f64();
            lock(trace).push(format!("{at:>10.3} s  {}", line()));
        }
    }

    /// Whether this part of the org does not answer now.
    pub(crate) fn is_down(&self, what: Part, org: &str) -> bool {
        let down = lock(&self.down);
        down.iter().any(|(of, name)| *of == what && name == org)
    }

    /// Records a violation, which begins with the number of the promise or a word.
    pub(crate) fn violated(&self, what: String) {
        self.trace(|| format!("VIOLATION  {what}"));
        lock(&self.seen).violations.insert(what);
    }

    pub(crate) fn violated_all(&self, violations: impl IntoIterator<Item = String>) {
        for what in violations {
            self.violated(what);
        }
    }

    /// Stores a message as SQS does.
    pub(crate) fn store(&self, message: Message) -> Result<(), QueueError> {
        let before = self.queue.deduplicated();
        self.queue.send(message.clone())?;
        if self.queue.deduplicated() == before {
            self.trace(|| {
                format!(
                    "queue      stores {} in {}",
                    wire::event_id(&message.body),
                    short(&message.group)
                )
            });
            let mut seen = lock(&self.seen);
            let body: serde_json::Value = serde_json::from_str(&message.body).unwrap_or_default();
            let (_, campaign, key) = key_of(&body);
            if let Some(rank) = self
                .story
                .org_of(&campaign)
                .and_then(|org| rank_of(org, &body))
            {
                let best = seen
                    .highest_rank
                    .entry((campaign.clone(), key.clone()))
                    .or_insert(rank);
                *best = rank.max(*best);
            }
            if body["callable"] == true && body["operation"] != "remove" {
                seen.opted_in.insert((campaign, key));
            }
            let id = wire::event_id(&message.body);
            seen.stored_at.entry(id).or_insert(self.clock.now());
            seen.stored.push(message);
        } else {
            self.trace(|| {
                format!(
                    "queue      drops {} as sent before",
                    wire::event_id(&message.body)
                )
            });
        }
        Ok(())
    }
}

impl Outside {
    /// Stores what ingest parks, as SQS does.
    pub(crate) fn store_parked(&self, message: Message) -> Result<(), QueueError> {
        let before = self.dead_letters.deduplicated();
        self.dead_letters.send(message.clone())?;
        if self.dead_letters.deduplicated() == before {
            self.trace(|| format!("parked     an item: {}", message.body));
            lock(&self.seen).parked.push((self.clock.now(), message));
        }
        Ok(())
    }
}

/// A message group without most of the digest of its contact key.
pub(crate) fn short(group: &str) -> &str {
    group.get(..group.len().saturating_sub(26)).unwrap_or(group)
}

#[cfg(test)]
mod tests {
    use super::Seen;

    #[test]
    fn a_change_that_counted_has_counted_though_it_is_skipped_when_it_comes_again() {
        let never_counted = |outcomes: &[&str]| {
            let mut seen = Seen::default();
            for outcome in outcomes {
                seen.is_done("evt-1", outcome, crate::story::start());
            }
            seen.never_counted("evt-1")
        };
        assert!(never_counted(&["skipped"]));
        assert!(never_counted(&["skipped", "skipped"]));
        assert!(!never_counted(&["updated", "skipped"]));
        assert!(!never_counted(&["skipped", "updated", "skipped"]));
        assert!(!never_counted(&["skipped", "superseded"]));
        assert!(!never_counted(&[]));
    }
}
