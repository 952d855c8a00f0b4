//! Injected faults.
//!
//! Whether a fault strikes depends on the seed, on its kind, on its target, and on how often that
//! pair came up before. So the other steps meet the same faults even if a step is removed, and a
//! failing run can be shrunk.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use fastrand::Rng;

use crate::{lock, wire};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// A kind of fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum FaultKind { $($(#[$doc])* $name,)* }

        impl FaultKind {
            pub(crate) const ALL: &[FaultKind] = &[$(FaultKind::$name,)*];

            pub(crate) fn name(self) -> &'static str {
                match self { $(FaultKind::$name => $text,)* }
            }

            pub(crate) fn of(name: &str) -> Option<FaultKind> {
                FaultKind::ALL.iter().copied().find(|kind| kind.name() == name)
            }
        }
    };
}

kinds! {
    /// The copy ends before a call to Genesys Cloud is carried out.
    CrashBefore = "crash-before",
    /// The copy ends after a call was carried out.
    CrashAfter = "crash-after",
    /// The copy ends after everything but the answer to Lambda.
    CrashAtEnd = "crash-at-end",
    LostBefore = "lost-before",
    LostAfter = "lost-after",
    Hang = "hang",
    HangAfter = "hang-after",
    Slow = "slow",
    /// The call is carried out, and its answer ends in the middle.
    CutOff = "cut-off",
    Status5xx = "5xx",
    Status408 = "408",
    /// A 429 with a `Retry-After`, without one, or with an odd one.
    Status429 = "429",
    Status401 = "401",
    /// A 404 to a PATCH of columns. A PATCH of nothing still finds the contact (docs/contract.md
    /// "Predictive API").
    Status404 = "404",
    Garbage = "garbage",
    /// SQS refuses every call.
    QueueDown = "queue-down",
    /// SQS stores a message, and the answer is lost.
    QueueAnswerLost = "queue-answer-lost",
    /// SQS refuses one entry of a batch.
    EntryRefused = "entry-refused",
    VisibilityFails = "visibility-fails",
    /// The dead-letter queue refuses a message, or stores it and the answer is lost.
    ParkingFails = "parking-fails",
    SecretsDown = "secrets-down",
    IngestCrash = "ingest-crash",
    FeedFault = "feed-fault",
    /// A batch waits for its function until its messages are visible again, so two copies work on
    /// one contact.
    LatePoller = "late-poller",
    /// An agent writes to a contact of a list right before a call about it is carried out.
    AgentWrites = "agent-writes",
    /// A copy of reconcile ends before a call to its CRM, a queue or Parameter Store.
    KillBefore = "kill-before",
    /// A copy of reconcile ends after such a call was carried out.
    KillAfter = "kill-after",
}

/// Kinds with a random generator of their own, so that adding them did not change the rest of a
/// seed.
const DRAWN_SEPARATELY: [FaultKind; 3] = [
    FaultKind::AgentWrites,
    FaultKind::KillBefore,
    FaultKind::KillAfter,
];

/// The probability of each kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rates(BTreeMap<FaultKind, f64>);

impl Rates {
    /// Random rates. In one run of eight nothing fails.
    pub(crate) fn draw(rng: &mut Rng) -> Rates {
        let mut rates = BTreeMap::new();
        let calm = rng.u8(..8) == 0;
        for kind in FaultKind::ALL
            .iter()
            .filter(|kind| !DRAWN_SEPARATELY.contains(kind))
        {
            let rate = match rng.u8(..12) {
                0..6 => 0.0,
                6..9 => 0.01,
                9..11 => 0.06,
                _ => 0.25,
            };
            // This fault breaks the rule of one writer, on which other promises rest. So only some
            // runs have it.
            let rate = if *kind == FaultKind::LatePoller && rng.u8(..10) > 0 {
                0.0
            } else {
                rate
            };
            rates.insert(*kind, if calm { 0.0 } else { rate });
        }
        Rates(rates)
    }

    pub(crate) fn draw_agents(&mut self, rng: &mut Rng) {
        let rate = rng.choice([0.0, 0.05, 0.5]).unwrap_or(0.0);
        self.0.insert(FaultKind::AgentWrites, rate);
    }

    pub(crate) fn draw_kills(&mut self, rng: &mut Rng) {
        for kind in [FaultKind::KillBefore, FaultKind::KillAfter] {
            let rate = rng.choice([0.0, 0.0, 0.02, 0.1]).unwrap_or(0.0);
            self.0.insert(kind, rate);
        }
    }

    /// Takes kinds of fault away.
    pub(crate) fn clear(&mut self, kinds: &BTreeSet<FaultKind>) {
        self.0.retain(|kind, _| !kinds.contains(kind));
    }

    /// The rate of one kind.
    pub(crate) fn of(&self, kind: FaultKind) -> f64 {
        self.0.get(&kind).copied().unwrap_or(0.0)
    }

    /// The kinds that may strike.
    pub(crate) fn present(&self) -> Vec<FaultKind> {
        self.0
            .iter()
            .filter(|(_, rate)| **rate > 0.0)
            .map(|(kind, _)| *kind)
            .collect()
    }
}

/// Decides when faults strike.
pub(crate) struct Chaos {
    seed: u64,
    rates: Mutex<Rates>,
    counts: Mutex<BTreeMap<(FaultKind, String), u64>>,
}

impl Chaos {
    pub(crate) fn new(seed: u64, rates: Rates) -> Chaos {
        Chaos {
            seed,
            rates: Mutex::new(rates),
            counts: Mutex::default(),
        }
    }

    /// Stops all faults.
    pub(crate) fn heal(&self) {
        *lock(&self.rates) = Rates::default();
    }

    /// Makes faults strike at these rates from now on.
    pub(crate) fn begin(&self, rates: Rates) {
        *lock(&self.rates) = rates;
    }

    /// Whether a fault of this kind strikes now. `what` is the thing that it would strike.
    pub(crate) fn strikes(&self, kind: FaultKind, what: &str) -> bool {
        self.draw(kind, what).is_some()
    }

    /// As [`Chaos::strikes`], with a random generator for the details of the fault.
    pub(crate) fn draw(&self, kind: FaultKind, what: &str) -> Option<Rng> {
        let rate = lock(&self.rates).of(kind);
        if rate == 0.0 {
            return None;
        }
        let mut counts = lock(&self.counts);
        let count = counts.entry((kind, what.to_owned())).or_default();
        *count += 1;
        let mut rng = Rng::with_seed(wire::hash(&format!(
            "{} {} {what} {count}",
            self.seed,
            kind.name()
        )));
        (rng.f64() < rate).then_some(rng)
    }
}
