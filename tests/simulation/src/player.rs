//! Plays one run: carries out the story, feeds the functions, and waits until everything is quiet.
//!
//! The functions are the product's own. Everything else is emulated (`setup`), and time is the
//! logical clock of the run. `copies` feeds apply, `schedule` and `repair` run reconcile, `crm`,
//! `vendor` and `crms` play those who send changes, `actions` does what the story says, and
//! `ending` does what follows it. What must hold is checked in `crate::checks`.

mod actions;
mod copies;
mod crm;
mod crms;
mod describe;
mod ending;
mod repair;
mod schedule;
mod setup;
mod vendor;

pub(crate) use crms::PAGE;
pub(crate) use setup::dnc_list;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::{join, join_all};
use io::Clock;
use io::telemetry::Telemetry;
use tokio::time::timeout;
use tracing::level_filters::LevelFilter;

use crate::checks;
use crate::mutants::Mutant;
use crate::seams::Outside;
use crate::story::{Key, Story, start};
use crate::{lock, trouble, wire};
use copies::Slot;

/// A run that is not quiet by this time is wrong.
const LATEST: Duration = Duration::from_hours(72);
const SIGNING_SECRET: &str = "whsec_aHVzaC1odXNoLWh1c2gtaHVzaC1odXNo";
const FEED_TOKEN: &str = "hush-feed";
/// The log is read in one run out of this many, because writing it takes time.
const LOGGED: u64 = 16;

/// The result of a run.
pub struct Outcome {
    /// The violations. An empty set means that the run is right.
    pub violations: BTreeSet<String>,
    /// The trace, if it was asked for.
    pub trace: Vec<String>,
    /// The length of the run on the logical clock.
    pub simulated: Duration,
    /// A digest of everything that happened, if a trace was asked for. Runs of one seed have
    /// the same digest.
    pub digest: String,
}

/// Plays a story to its end.
pub(crate) fn play(story: Story, mutant: Option<Mutant>, trace: bool) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let Ok(runtime) = runtime else {
        unreachable!("a runtime without any resource")
    };
    let log = LogBuffer::default();
    let is_logged = story.seed.is_multiple_of(LOGGED) || mutant == Some(Mutant::LogContent);
    let writer = log.clone();
    let subscriber =
        is_logged.then(|| io::telemetry::subscriber(move || writer.clone(), LevelFilter::DEBUG));
    let mut outcome = {
        let _guard = subscriber.map(tracing::subscriber::set_default);
        runtime.block_on(run(story, mutant, trace))
    };
    let log = String::from_utf8_lossy(&lock(&log.0)).into_owned();
    outcome.violations.extend(checks::leaks("the log", &log));
    outcome
}

/// All log lines of a run.
#[derive(Clone, Default)]
struct LogBuffer(Arc<Mutex<Vec<u8>>>);

impl Write for LogBuffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn run(story: Story, mutant: Option<Mutant>, trace: bool) -> Outcome {
    let began = tokio::time::Instant::now();
    let clock = emulator::logical_clock(start());
    let outside = Arc::new(setup::outside(story, clock, mutant, trace));
    let player = Player::new(&outside);
    outside.trace(|| describe::opening(&outside.story));
    player.begin_schedule().await;
    let story = async {
        join_all(
            outside
                .story
                .steps
                .iter()
                .map(|step| player.act(step.at, &step.action)),
        )
        .await;
        outside
            .trace(|| "the story is over: no more changes, and nothing fails any more".to_owned());
        outside.chaos.heal();
        player.end_schedule().await;
        outside.queue.close();
    };
    let fed = join(player.take_runs(), player.feed());
    if timeout(LATEST, join(story, fed)).await.is_err() {
        outside.violated(format!(
            "1: {} messages never came out of the queue",
            outside.queue.len()
        ));
    }
    trouble::check(&outside);
    player.finish_schedule().await;
    player.settle().await;
    checks::check_final_state(&outside);
    player.repeat().await;
    let mut seen = std::mem::take(&mut *lock(&outside.seen));
    let digest = wire::digest(&format!(
        "{:?} {:?} {:?}",
        outside.genesys.journal(),
        seen.reported_at,
        outside.genesys.counts()
    ));
    let trace = outside
        .trace_lines
        .as_ref()
        .map(|trace| std::mem::take(&mut *lock(trace)))
        .unwrap_or_default();
    Outcome {
        violations: std::mem::take(&mut seen.violations),
        trace,
        simulated: began.elapsed(),
        digest,
    }
}

/// Plays the story of a run.
struct Player<'a> {
    outside: &'a Arc<Outside>,
    /// The copies of apply.
    copies: Vec<Slot>,
    ingest: ingest::Context,
    ingest_clock: Clock,
    telemetry: Telemetry,
    /// The last value of `callable` that the CRM sent for each contact.
    callable: RefCell<BTreeMap<Key, bool>>,
    /// How often the secret of the org at each position was replaced.
    secrets: RefCell<BTreeMap<usize, usize>>,
    /// How many messages were redriven.
    redriven: RefCell<usize>,
}

impl<'a> Player<'a> {
    fn new(outside: &'a Arc<Outside>) -> Player<'a> {
        let telemetry = setup::telemetry(outside);
        let skewed = |seconds: i64| {
            let clock = outside.clock.clone();
            let skew = jiff::SignedDuration::from_secs(seconds);
            Clock::from_fn(move || clock.now() + skew)
        };
        let skew = &outside.story.skew;
        let copy = |n: usize| {
            let clock = skewed(skew.get(n + 1).copied().unwrap_or(0));
            Slot::start(outside, n, clock, &telemetry)
        };
        let copies = (0..outside.story.copies).map(copy).collect();
        // The date of a signature may be a minute ahead at most.
        let ingest_clock = skewed(skew.first().copied().unwrap_or(0) / 2);
        let ingest = setup::start_ingest(outside, &ingest_clock, &telemetry);
        let (callable, secrets, redriven) = Default::default();
        Player {
            outside,
            copies,
            ingest,
            ingest_clock,
            telemetry,
            callable,
            secrets,
            redriven,
        }
    }
}
