//! All scenarios, by name. docs/performance.md explains what each shows.
//!
//! `super` says what the fields mean.

use std::time::Duration;

use super::{Api, Backlog, MS_20, PLAIN, Scenario};

const MS_80: Duration = Duration::from_millis(80);

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
    // As on AWS, no visibility timeout that apply sets is shortened.
    redelivery: Duration::from_hours(1),
    ..PLAIN
};

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
