//! Plays one run: tells the story, feeds the functions, and waits until everything is quiet.
//!
//! The functions are the product's own. Everything else is emulated (`setup`), and time is the
//! logical clock of the run. This file feeds apply; the other parts are in `crm`, `vendor`,
//! `deeds`, `repair` and `schedule`. What must hold is checked in `crate::checks`.

mod crm;
mod deeds;
mod feeds;
mod repair;
mod schedule;
mod setup;
mod shown;
mod vendor;

pub(crate) use crm::{deduplication_id_of, group_of, key_of, rank_of};
pub(crate) use feeds::PAGE;
pub(crate) use setup::dnc_list;
use shown::{shown, told};

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::{join, join_all};
use io::Clock;
use io::queue::Message;
use io::telemetry::Telemetry;
use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use tracing::level_filters::LevelFilter;

use crate::chaos::Kind;
use crate::checks::{self, is_heard_now};
use crate::mutants::Mutant;
use crate::seams::{Crash, Outside};
use crate::story::{Key, Ranking, Story, start};
use crate::{lock, trouble, wire};

/// The timeout of a function. The queue's visibility timeout is six times as long.
const TIMEOUT: Duration = Duration::from_secs(30);
const RECONCILE_TIMEOUT: Duration = Duration::from_mins(15);
/// A run that is not quiet by this time is wrong.
const LATEST: Duration = Duration::from_hours(72);
const SIGNING_SECRET: &str = "whsec_aHVzaC1odXNoLWh1c2gtaHVzaC1odXNo";
const FEED_TOKEN: &str = "hush-feed";
/// The log is read in one run out of this many, because writing it takes time.
const LOGGED: u64 = 16;

/// The end of a run.
pub struct Ended {
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
pub(crate) fn play(story: Story, mutant: Option<Mutant>, trace: bool) -> Ended {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let Ok(runtime) = runtime else {
        unreachable!("a runtime without any resource")
    };
    let lines = Lines::default();
    let is_logged = story.seed.is_multiple_of(LOGGED) || mutant == Some(Mutant::LogContent);
    let writer = lines.clone();
    let subscriber =
        is_logged.then(|| io::telemetry::subscriber(move || writer.clone(), LevelFilter::DEBUG));
    let ended = {
        let _log = subscriber.map(tracing::subscriber::set_default);
        runtime.block_on(run(story, mutant, trace))
    };
    let mut ended = ended;
    let log = String::from_utf8_lossy(&lock(&lines.0)).into_owned();
    ended.violations.extend(checks::is_silent("the log", &log));
    ended
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn run(story: Story, mutant: Option<Mutant>, trace: bool) -> Ended {
    let began = tokio::time::Instant::now();
    let clock = emulator::logical_clock(start());
    let outside = Arc::new(setup::outside(story, clock, mutant, trace));
    let world = World::new(&outside);
    outside.say(|| shown::opening(&outside.story));
    world.begin_schedule().await;
    let told = async {
        join_all(
            outside
                .story
                .steps
                .iter()
                .map(|step| world.step(step.at, &step.deed)),
        )
        .await;
        outside.say(|| "the story is told: no more changes, and nothing fails any more".to_owned());
        outside.chaos.heal();
        world.end_schedule().await;
        outside.queue.close();
    };
    let fed = join(world.take_runs(), world.feed());
    if timeout(LATEST, join(told, fed)).await.is_err() {
        outside.violated(format!(
            "1: {} messages never came out of the queue",
            outside.queue.len()
        ));
    }
    trouble::check(&outside);
    world.finish_schedule().await;
    world.settle().await;
    checks::at_rest(&outside);
    world.repeat().await;
    let mut seen = std::mem::take(&mut *lock(&outside.seen));
    let digest = wire::digest(&format!(
        "{:?} {:?} {:?}",
        outside.genesys.journal(),
        seen.told,
        outside.genesys.counts()
    ));
    let trace = outside
        .trace
        .as_ref()
        .map(|trace| std::mem::take(&mut *lock(trace)))
        .unwrap_or_default();
    Ended {
        violations: std::mem::take(&mut seen.violations),
        trace,
        simulated: began.elapsed(),
        digest,
    }
}

/// A running copy of apply: its context, what crashes it, and its number among all copies ever.
type Running = (apply::Context, Arc<Crash>, usize);

/// A place for a running copy of apply. A crash starts another copy in it.
struct Copy {
    name: String,
    clock: Clock,
    running: RefCell<Rc<Running>>,
}

struct World<'a> {
    outside: &'a Arc<Outside>,
    copies: Vec<Copy>,
    ingest: ingest::Context,
    ingest_clock: Clock,
    telemetry: Telemetry,
    /// The last value of `callable` that the CRM sent for each contact.
    callable: RefCell<BTreeMap<Key, bool>>,
    secrets: RefCell<BTreeMap<usize, usize>>,
    redriven: RefCell<usize>,
}

impl<'a> World<'a> {
    fn new(outside: &'a Arc<Outside>) -> World<'a> {
        let telemetry = setup::telemetry(outside);
        let skewed = |seconds: i64| {
            let clock = outside.clock.clone();
            let skew = jiff::SignedDuration::from_secs(seconds);
            Clock::from_fn(move || clock.now() + skew)
        };
        let skew = &outside.story.skew;
        let copy = |n: usize| {
            let (name, clock) = (
                format!("apply {n:<3}"),
                skewed(skew.get(n + 1).copied().unwrap_or(0)),
            );
            let running = RefCell::new(Rc::new(setup::start_apply(
                outside, &name, &clock, &telemetry,
            )));
            Copy {
                name,
                clock,
                running,
            }
        };
        let copies = (0..outside.story.copies).map(copy).collect();
        // The date of a signature may be a minute ahead at most.
        let ingest_clock = skewed(skew.first().copied().unwrap_or(0) / 2);
        let ingest = setup::start_ingest(outside, &ingest_clock, &telemetry);
        let (callable, secrets, redriven) = Default::default();
        World {
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

    /// Feeds every copy of apply until the queue is closed and empty.
    async fn feed(&self) {
        let outside = self.outside;
        let source = outside.event_source();
        join_all(
            self.copies
                .iter()
                .map(|copy| source.feed(async |event| self.invoke(copy, event).await)),
        )
        .await;
    }

    async fn feed_until_quiet(&self) {
        if timeout(LATEST, self.feed()).await.is_err() {
            self.outside.violated(format!(
                "1: {} messages never came out of the queue",
                self.outside.queue.len()
            ));
        }
    }

    async fn invoke(&self, copy: &Copy, event: Value) -> Option<Value> {
        let outside = self.outside;
        let records = event["Records"].as_array().cloned().unwrap_or_default();
        if let Some(mut rng) = outside.chaos.draw(Kind::LatePoller, &copy.name) {
            sleep(Duration::from_secs(rng.u64(150..200))).await;
        }
        outside.say(|| {
            let ids = records
                .iter()
                .map(|record| wire::event_id(record["body"].as_str().unwrap_or_default()));
            format!(
                "{}  receives {}",
                copy.name,
                ids.collect::<Vec<_>>().join(", ")
            )
        });
        let mut groups: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        for record in &records {
            let receives = record["attributes"]["ApproximateReceiveCount"].as_str();
            let receives = receives
                .and_then(|receives| receives.parse().ok())
                .unwrap_or(0);
            let mut seen = lock(&outside.seen);
            seen.receives = seen.receives.max(receives);
            drop(seen);
            groups
                .entry(
                    record["attributes"]["MessageGroupId"]
                        .as_str()
                        .unwrap_or_default(),
                )
                .or_default()
                .push(record);
        }
        let before = checks::Before::now(outside);
        let running = Rc::clone(&copy.running.borrow());
        let (context, crash, instance) = &*running;
        let before = (before, *instance);
        let mut lambda = lambda_runtime::Context::default();
        // The machine's clock and Lambda's deadline are wrong by the same amount.
        lambda.deadline = (copy.clock.now() + TIMEOUT).as_millisecond().unsigned_abs();
        let payload = serde_json::from_value(event.clone()).ok()?;
        let ended = tokio::select! {
            biased;
            () = crash.wait() => None,
            ended = timeout(TIMEOUT, apply::handle(context, LambdaEvent::new(payload, lambda))) => Some(ended),
        };
        let crashes = outside.chaos.strikes(Kind::CrashAtEnd, &copy.name);
        let mut answer = match ended {
            Some(Ok(Ok(answer))) if !crashes => serde_json::to_value(answer).ok()?,
            ended => {
                if matches!(ended, Some(Err(_))) {
                    outside.violated("late: apply was ended by Lambda's timeout".to_owned());
                }
                checks::parked(outside, before, None, &groups);
                outside.say(|| format!("{}  is gone before its answer; another begins", copy.name));
                *copy.running.borrow_mut() = Rc::new(setup::start_apply(
                    outside,
                    &copy.name,
                    &copy.clock,
                    &self.telemetry,
                ));
                return None;
            }
        };
        checks::parked(outside, before, Some(&answer), &groups);
        if outside.is(Mutant::AnswerAllDone) {
            answer = json!({ "batchItemFailures": [] });
        }
        if outside.is(Mutant::IgnoreFollowers) {
            ignore_followers(&mut answer, &groups);
        }
        checks::answer(outside, &answer, &groups);
        Some(answer)
    }

    /// Redrives what is parked, and reconciles what was dropped.
    async fn settle(&self) {
        // A parked message that stays holds back those behind it in its group for a moment.
        for _ in 0..5 {
            self.redrive();
            self.feed_until_quiet().await;
            sleep(Duration::from_secs(2)).await;
        }
        // By then everything new can be read.
        sleep(Duration::from_mins(15)).await;
        checks::before_reconcile(self.outside);
        self.run_all().await;
        self.reconcile_all().await;
        // Mended items create nobody, because every contact that belongs there exists by
        // now.
        self.redrive_unmapped();
        self.feed_until_quiet().await;
        sleep(Duration::from_mins(15)).await;
    }

    /// Sends everything again. Nothing may change, except that a late opt-out makes a contact
    /// not callable.
    async fn repeat(&self) {
        let outside = self.outside;
        outside.say(|| "every change is sent again, which may change nothing".to_owned());
        let skipped = lock(&outside.seen).skipped.clone();
        let ranked = |message: &&Message| {
            let body: Value = serde_json::from_str(&message.body).unwrap_or(Value::Null);
            // An operator's reset names the rank that was seen. That rank may be stored
            // again.
            if body["operation"] == "resetRank" || is_heard_now(outside, &skipped, &body) {
                return false;
            }
            let org = outside
                .story
                .orgs
                .iter()
                .find(|org| body["org"] == org.name.as_str());
            org.is_some_and(|org| org.ranking != Ranking::None)
        };
        let stored: Vec<_> = lock(&outside.seen)
            .stored
            .iter()
            .filter(ranked)
            .cloned()
            .collect();
        let before = outside.genesys.journal().len();
        let held = checks::ties::held(outside);
        for (n, message) in stored.iter().enumerate() {
            let _ = outside.store(Message {
                deduplication_id: format!("again-{n}"),
                ..message.clone()
            });
        }
        self.feed_until_quiet().await;
        let enqueued = self.reconcile_all().await;
        checks::nothing_changed(outside, before, &enqueued);
        checks::ties::unchanged(outside, &held);
    }
}

fn ignore_followers(answer: &mut Value, groups: &BTreeMap<&str, Vec<&Value>>) {
    let failed: Vec<_> = answer["batchItemFailures"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let is_failed = |record: &&&Value| {
        failed
            .iter()
            .any(|item| item["itemIdentifier"] == record["messageId"])
    };
    let first = groups
        .values()
        .filter_map(|of_group| of_group.iter().find(is_failed));
    let first: Vec<_> = first
        .map(|record| json!({ "itemIdentifier": record["messageId"] }))
        .collect();
    answer["batchItemFailures"] = first.into();
}
