//! A scenario: the work, how the backend behaves, and how often it is measured.
//!
//! `all` lists the scenarios; `crate::candidate` says who plays which.

mod all;

pub(crate) use all::SCENARIOS;

use std::time::Duration;

use crate::work::BATCH;

/// The API that the org's secret names (docs/contract.md "Secrets").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    Predictive,
    ContactLists,
}

/// A scenario, which gives one table.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) api: Api,
    /// The time of every call to Genesys Cloud and AWS.
    pub(crate) latency: Duration,
    /// How many changes one contact has in each batch of ten.
    pub(crate) changes_per_contact: usize,
    /// The number of contacts, which come again and again. `None` means that each batch brings new
    /// ones.
    pub(crate) pool: Option<usize>,
    pub(crate) warm_batches: u32,
    pub(crate) reps: u32,
    /// How many processes run at once, fed from one queue.
    pub(crate) environments: u32,
    /// Limits the CPU to what Lambda gives at this memory size, once the process has started.
    pub(crate) memory_mb: Option<u64>,
    /// The calls that the OAuth client may make in each window.
    pub(crate) limit: Option<(u64, Duration)>,
    pub(crate) rate_headers: bool,
    /// Every n-th call is answered with 503.
    pub(crate) error_every: Option<usize>,
    /// The visibility timeout of a failed message, and the longest that a function may set. Both
    /// are shorter than on AWS.
    pub(crate) redelivery: Duration,
    /// The time between changes that come one by one. Each reports its own time. `None` means that
    /// all are in the queue from the start.
    pub(crate) every: Option<Duration>,
    /// Whether hundreds of changes of another org, which does not answer, come first.
    pub(crate) has_ill_neighbour: bool,
    pub(crate) orgs: usize,
    /// The number of campaigns of each org.
    pub(crate) campaigns: usize,
    /// How many of ten contacts do not exist before.
    pub(crate) new_of_ten: usize,
    /// The longest that an invocation may take.
    pub(crate) timeout: Duration,
    /// Set if all changes wait in the queue from the start and the function may receive by itself.
    pub(crate) backlog: Option<Backlog>,
}

/// A queue from which the function may receive by itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backlog {
    /// The time of every call to SQS.
    pub(crate) sqs_latency: Duration,
    /// Whether somebody opts out behind the backlog. The run ends when that opt-out is applied.
    pub(crate) opt_out: bool,
    /// How many more messages apply may receive for an event. `None` means its default.
    pub(crate) top_up: Option<u32>,
}

pub(crate) const MS_20: Duration = Duration::from_millis(20);

/// A scenario with no trouble, on which all others are built.
pub(crate) const PLAIN: Scenario = Scenario {
    name: "",
    api: Api::Predictive,
    latency: Duration::ZERO,
    changes_per_contact: 1,
    pool: None,
    warm_batches: 30,
    reps: 3,
    environments: 1,
    memory_mb: None,
    limit: None,
    rate_headers: true,
    error_every: None,
    redelivery: Duration::from_secs(30),
    every: None,
    has_ill_neighbour: false,
    orgs: 1,
    campaigns: 2,
    new_of_ten: 3,
    timeout: Duration::from_mins(2),
    backlog: None,
};

impl Scenario {
    pub(crate) fn batches(&self) -> usize {
        self.warm_batches as usize + 1
    }

    /// The calls a minute of the org's secret: the limit, or a number too large to limit anything.
    pub(crate) fn calls_per_minute(&self) -> u64 {
        self.limit.map_or(1_000_000, |(calls, window)| {
            calls * 60_000 / window.as_millis() as u64
        })
    }

    /// The scenario in words, for the heading of its table.
    pub(crate) fn describe(&self, is_tls: bool) -> String {
        let mut parts = vec![
            format!("{} ms a call", self.latency.as_millis()),
            format!("batches of 10: {} of a contact", self.changes_per_contact),
        ];
        parts.extend((self.api == Api::ContactLists).then(|| "contactLists".to_owned()));
        parts.extend(
            self.memory_mb
                .map(|memory| format!("CPU as at {memory} MB")),
        );
        parts.extend(
            self.limit
                .map(|(calls, window)| format!("{calls} calls in {} s", window.as_secs())),
        );
        parts.extend((!self.rate_headers).then(|| "no rate headers".to_owned()));
        parts.extend(
            self.error_every
                .map(|every| format!("each {every}th call is a 503")),
        );
        parts.extend(
            (self.environments > 1).then(|| format!("{} processes at once", self.environments)),
        );
        parts.extend(self.every.map(|every| {
            let every = every.as_millis();
            format!("a change each {every} ms, and the times of changes from the queue on")
        }));
        let ill = "another org has not answered for 45 s";
        parts.extend(self.has_ill_neighbour.then(|| ill.to_owned()));
        parts.extend(is_tls.then(|| "TLS".to_owned()));
        let Some(backlog) = self.backlog else {
            parts.push(format!(
                "{} x (1 cold batch, {} warm)",
                self.reps, self.warm_batches
            ));
            return parts.join(", ");
        };
        parts.push(format!(
            "{} ms a call to SQS",
            backlog.sqs_latency.as_millis()
        ));
        let count = self.batches() * BATCH;
        parts.push(format!(
            "{} x {count} changes of {} contacts, {} of ten new, {} campaigns of {} orgs",
            self.reps,
            self.pool.unwrap_or(count),
            self.new_of_ten,
            self.campaigns * self.orgs,
            self.orgs
        ));
        parts.extend(
            backlog
                .top_up
                .map(|most| format!("apply tops up to {most}")),
        );
        parts.join(", ")
    }
}
