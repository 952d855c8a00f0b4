//! The scenarios: what is measured.

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
    /// When a failed message comes again, and the longest that a function may put it off. Both are
    /// shorter than on AWS.
    pub(crate) redelivery: Duration,
    /// The time between changes that come one by one. Each reports its own time. `None` means that
    /// all are in the queue from the start.
    pub(crate) every: Option<Duration>,
    /// Hundreds of changes of another org, which does not answer, come first.
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
    /// Somebody opts out behind the backlog. The run ends when that is applied.
    pub(crate) opt_out: bool,
    /// How many more messages apply may receive for an event. `None` means its default.
    pub(crate) top_up: Option<u32>,
}

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

/// One campaign of 5,000 contacts, as on AWS but with a shorter window.
const BACKLOG: Scenario = Scenario {
    api: Api::ContactLists,
    latency: MS_20,
    campaigns: 1,
    warm_batches: 499,
    reps: 1,
    environments: 2,
    limit: Some((300, Duration::from_secs(10))),
    redelivery: Duration::from_mins(1),
    timeout: Duration::from_secs(30),
    backlog: Some(Backlog {
        sqs_latency: Duration::from_millis(5),
        opt_out: false,
        top_up: None,
    }),
    ..PLAIN
};

const PACED: Scenario = Scenario {
    latency: MS_20,
    pool: Some(400),
    warm_batches: 399,
    reps: 1,
    environments: 5,
    every: Some(MS_20),
    // The same as on AWS.
    redelivery: Duration::from_hours(1),
    ..PLAIN
};

pub(crate) const MS_20: Duration = Duration::from_millis(20);
const MS_80: Duration = Duration::from_millis(80);

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "distinct-0ms",
        warm_batches: 40,
        reps: 5,
        ..PLAIN
    },
    Scenario {
        name: "distinct-20ms",
        latency: MS_20,
        ..PLAIN
    },
    Scenario {
        name: "distinct-80ms",
        latency: MS_80,
        warm_batches: 15,
        reps: 2,
        ..PLAIN
    },
    Scenario {
        name: "rapid-0ms",
        changes_per_contact: 5,
        warm_batches: 40,
        reps: 5,
        ..PLAIN
    },
    Scenario {
        name: "rapid-20ms",
        latency: MS_20,
        changes_per_contact: 5,
        ..PLAIN
    },
    Scenario {
        name: "rapid-80ms",
        latency: MS_80,
        changes_per_contact: 5,
        warm_batches: 15,
        reps: 2,
        ..PLAIN
    },
    Scenario {
        name: "small-20ms",
        latency: MS_20,
        warm_batches: 15,
        memory_mb: Some(256),
        ..PLAIN
    },
    Scenario {
        name: "limited-20ms",
        latency: MS_20,
        changes_per_contact: 5,
        warm_batches: 6,
        reps: 1,
        limit: Some((25, Duration::from_secs(5))),
        redelivery: Duration::from_secs(5),
        ..PLAIN
    },
    Scenario {
        name: "errors-20ms",
        latency: MS_20,
        changes_per_contact: 5,
        warm_batches: 10,
        reps: 1,
        error_every: Some(7),
        redelivery: Duration::from_secs(1),
        ..PLAIN
    },
    Scenario {
        name: "shared-budget",
        latency: MS_20,
        pool: Some(400),
        warm_batches: 59,
        reps: 1,
        environments: 5,
        limit: Some((300, Duration::from_secs(10))),
        redelivery: Duration::from_secs(10),
        ..PLAIN
    },
    Scenario {
        name: "distinct-20ms-lists",
        api: Api::ContactLists,
        latency: MS_20,
        ..PLAIN
    },
    Scenario {
        name: "rapid-20ms-lists",
        api: Api::ContactLists,
        latency: MS_20,
        changes_per_contact: 5,
        ..PLAIN
    },
    Scenario {
        name: "backlog-lists",
        ..BACKLOG
    },
    Scenario {
        name: "backlog-lists-mixed",
        orgs: 2,
        campaigns: 3,
        // Each contact has two changes.
        pool: Some(2_500),
        ..BACKLOG
    },
    Scenario {
        name: "new-predictive",
        api: Api::Predictive,
        new_of_ten: 10,
        warm_batches: 99,
        ..BACKLOG
    },
    Scenario {
        name: "opt-out-behind",
        warm_batches: 1_999,
        limit: Some((300, Duration::from_mins(1))),
        backlog: Some(Backlog {
            sqs_latency: Duration::from_millis(5),
            opt_out: true,
            top_up: None,
        }),
        ..BACKLOG
    },
    Scenario {
        name: "neighbour-well",
        ..PACED
    },
    Scenario {
        name: "neighbour-ill",
        has_ill_neighbour: true,
        ..PACED
    },
];

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

    pub(crate) fn says(&self, is_tls: bool) -> String {
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
