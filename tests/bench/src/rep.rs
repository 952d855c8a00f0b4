//! One run of one candidate: its processes get events until the queue is empty, and the contacts
//! are checked.
//!
//! Backlogs have runs of their own (`crate::backlog`), and `crate::table` shows the results.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;
use io::Clock;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::backend::{Backend, Tls};
use crate::candidate::Candidate;
use crate::environment::Environment;
use crate::neighbour::HEAD_START;
use crate::outcome::wrong;
use crate::process::{FunctionCpu, Used};
use crate::scenario::Scenario;
use crate::work::{BATCH, ORG, Work};

/// A run that is not over by then never ends: its function keeps failing.
const LONGEST: Duration = Duration::from_mins(4);

/// The measured values. With several processes, times are averages and CPU is a sum.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rep {
    pub(crate) init: Duration,
    pub(crate) cold: Duration,
    pub(crate) warm: Vec<Duration>,
    /// The time from the first event to the last answer. With one process, its first invocation
    /// does not count.
    pub(crate) wall: Duration,
    pub(crate) changes: usize,
    /// The changes after the first invocation of each process. CPU is measured over these.
    pub(crate) warm_changes: usize,
    /// All changes, those of the first invocations included.
    pub(crate) all_changes: usize,
    pub(crate) cpu: f64,
    pub(crate) waited: f64,
    pub(crate) peak_mib: f64,
    pub(crate) calls: usize,
    pub(crate) throttled: usize,
    /// The share of the allowed calls that was used, over the whole windows without the last.
    pub(crate) budget: Option<f64>,
    pub(crate) connections: usize,
    pub(crate) failed_items: usize,
    /// The first result that differs from what the changes say.
    pub(crate) wrong: Option<String>,
}

/// Plays a scenario once.
pub(crate) async fn run(
    scenario: &Scenario,
    candidate: &Candidate,
    cpu: FunctionCpu,
    tls: Option<&Tls>,
    log: &Path,
) -> Result<Rep, String> {
    let work = Work::new(scenario);
    let backend = Backend::start(scenario, &work, tls).await?;
    let environments = Environment::start_all(scenario, candidate, &backend, cpu, tls, log).await?;
    let recorder = Recorder::new(scenario, &work, &backend);
    let feeds = environments
        .iter()
        .enumerate()
        .map(|(n, environment)| recorder.feed(n, environment));
    tokio::select! {
        biased;
        sent = recorder.send_changes() => sent?,
        _ = join_all(feeds) => {}
    }
    Ok(recorder.result(candidate, &environments))
}

/// Feeds the processes of one run, and records what they answer.
struct Recorder<'a> {
    scenario: &'a Scenario,
    work: &'a Work,
    backend: &'a Backend,
    started: Instant,
    /// The beginning of [`Rep::wall`].
    measured_from: Cell<Instant>,
    rep: RefCell<Rep>,
    /// The resources that each process had used after its first invocation.
    used_before: RefCell<BTreeMap<usize, Used>>,
    /// How long each change that is done had waited in the queue.
    waits: RefCell<Vec<Duration>>,
    all_done: Notify,
    /// Why the run was given up.
    failure: RefCell<Option<String>>,
}

impl<'a> Recorder<'a> {
    fn new(scenario: &'a Scenario, work: &'a Work, backend: &'a Backend) -> Recorder<'a> {
        let rep = Rep {
            all_changes: work.messages.len(),
            ..Rep::default()
        };
        Recorder {
            scenario,
            work,
            backend,
            started: Instant::now(),
            measured_from: Cell::new(Instant::now()),
            rep: RefCell::new(rep),
            used_before: RefCell::default(),
            waits: RefCell::default(),
            all_done: Notify::new(),
            failure: RefCell::default(),
        }
    }

    /// Sends the changes, and waits until the measured ones are done.
    async fn send_changes(&self) -> Result<(), String> {
        let queue = &self.backend.world.queue;
        if self.scenario.has_ill_neighbour {
            sleep(HEAD_START).await;
        }
        for message in &self.work.messages {
            if let Some(every) = self.scenario.every {
                sleep(every).await;
            }
            let sent = queue.send(message.clone());
            sent.map_err(|error| error.to_string())?;
        }
        queue.close();
        // The changes of an org that does not answer are never done.
        self.all_done.notified().await;
        Ok(())
    }

    /// Feeds the nth process until the queue is empty.
    async fn feed(&self, n: usize, environment: &Environment) {
        let source = self.backend.world.event_source();
        source
            .feed(async |event| {
                let invoked = environment.invoke(&event).await;
                if self.started.elapsed() > LONGEST {
                    return self.give_up(format!("not done after {} s", LONGEST.as_secs()));
                }
                match invoked {
                    Ok((answer, took)) => {
                        let is_first = self.record_time(n, environment, took);
                        self.record_answer(&event, answer.as_ref(), is_first);
                        answer
                    }
                    Err(error) => self.give_up(error),
                }
            })
            .await;
    }

    /// Keeps the first reason. The returned answer takes everything from the queue, since nothing
    /// will answer any more.
    fn give_up(&self, reason: String) -> Option<Value> {
        self.failure.borrow_mut().get_or_insert(reason);
        Some(Value::Null)
    }

    /// Records how long an invocation took. Returns whether it was the first of its process.
    fn record_time(&self, n: usize, environment: &Environment, took: Duration) -> bool {
        let is_first = !self.used_before.borrow().contains_key(&n);
        let mut rep = self.rep.borrow_mut();
        if is_first {
            rep.cold += took;
            let used = environment.used();
            self.used_before.borrow_mut().insert(n, used);
        } else {
            rep.warm.push(took);
        }
        is_first
    }

    /// Records what an invocation got done, and redelivers what failed.
    fn record_answer(&self, event: &Value, answer: Option<&Value>, is_first: bool) {
        let failed = failed(answer);
        self.backend.redeliver_failed(event, answer);
        self.waits.borrow_mut().extend(waits(event, answer));
        if self.waits.borrow().len() == self.work.messages.len() {
            self.all_done.notify_one();
        }
        let done = event["Records"].as_array().map_or(0, Vec::len) - failed;
        let mut rep = self.rep.borrow_mut();
        rep.failed_items += failed;
        rep.warm_changes += if is_first { 0 } else { done };
        if is_first && self.scenario.environments == 1 {
            self.measured_from.set(Instant::now());
        } else {
            rep.changes += done;
        }
    }

    /// The measured values of the run that is over.
    fn result(self, candidate: &Candidate, environments: &[Environment]) -> Rep {
        let mut rep = self.rep.into_inner();
        if self.scenario.every.is_some() {
            rep.warm = self.waits.into_inner();
        }
        rep.wall = self.measured_from.get().elapsed();
        let count = environments.len() as u32;
        let inits = environments.iter().map(|environment| environment.init);
        rep.init = inits.sum::<Duration>() / count;
        rep.cold /= count;
        let used_before = self.used_before.into_inner();
        for (n, environment) in environments.iter().enumerate() {
            let after = environment.used();
            let before = used_before.get(&n).copied().unwrap_or(after);
            rep.cpu += after.cpu - before.cpu;
            rep.waited += after.waited - before.waited;
            rep.peak_mib = rep.peak_mib.max(after.peak_mib);
        }
        count_calls(self.scenario, self.backend, &mut rep);
        rep.connections = self.backend.connections();
        let failure = self.failure.into_inner();
        rep.wrong = failure.or_else(|| wrong(self.backend, self.work, candidate));
        rep
    }
}

/// How long the org's changes that an answer calls done had waited in the queue.
fn waits(event: &Value, answer: Option<&Value>) -> Vec<Duration> {
    let failures = answer.and_then(|answer| answer["batchItemFailures"].as_array());
    let (Some(records), Some(failures)) = (event["Records"].as_array(), failures) else {
        return Vec::new();
    };
    let is_done = |record: &&Value| {
        let is_it = |item: &Value| item["itemIdentifier"] == record["messageId"];
        !failures.iter().any(is_it)
    };
    let now = Clock::system().now().as_millisecond();
    let wait = |record: &Value| {
        let attributes = &record["attributes"];
        let group = attributes["MessageGroupId"].as_str()?;
        let sent: i64 = attributes["SentTimestamp"].as_str()?.parse().ok()?;
        let is_measured = group.starts_with(&format!("{ORG}/"));
        is_measured.then(|| Duration::from_millis(now.abs_diff(sent)))
    };
    records.iter().filter(is_done).filter_map(wait).collect()
}

pub(crate) fn failed(answer: Option<&Value>) -> usize {
    answer.map_or(BATCH, |answer| {
        answer["batchItemFailures"].as_array().map_or(0, Vec::len)
    })
}

fn count_calls(scenario: &Scenario, backend: &Backend, rep: &mut Rep) {
    let calls = backend.world.genesys.calls();
    let calls: Vec<_> = calls
        .iter()
        .filter(|call| call.path.starts_with("/api/"))
        .collect();
    rep.calls = calls.len();
    rep.throttled = calls.iter().filter(|call| call.status == 429).count();
    let (Some((allowed, window)), Some(first)) = (scenario.limit, calls.first()) else {
        return;
    };
    let mut windows: BTreeMap<i128, u64> = BTreeMap::new();
    for call in calls.iter().filter(|call| call.status != 429) {
        let since = call.at.duration_since(first.at).as_nanos();
        *windows
            .entry(since / window.as_nanos() as i128)
            .or_default() += 1;
    }
    let whole = windows.keys().last().copied().unwrap_or(0);
    let used: u64 = windows
        .iter()
        .filter(|(n, _)| **n < whole)
        .map(|(_, calls)| calls)
        .sum();
    rep.budget = (whole > 0).then(|| used as f64 / (allowed as i128 * whole) as f64);
}
