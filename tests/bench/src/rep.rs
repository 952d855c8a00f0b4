//! One run of one candidate. Its processes get events until the queue is empty, and the result is
//! checked.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use emulator::world::VERSION_FIELD;
use futures_util::future::join_all;
use io::Clock;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::candidate::Candidate;
use crate::environment::Environment;
use crate::neighbour::HEAD_START;
use crate::process::FunctionCpu;
use crate::scenario::Scenario;
use crate::served::{Served, Tls};
use crate::work::{BATCH, ORG, Work};

/// A run that is not over by then never will be: its function keeps failing.
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
    /// The changes outside the first invocation of each process. CPU is measured over these.
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
    let served = Served::start(scenario, &work, tls).await?;
    let environments = Environment::start_all(scenario, candidate, &served, cpu, tls, log).await?;
    let rep = RefCell::new(Rep {
        all_changes: work.messages.len(),
        ..Rep::default()
    });
    let ended = RefCell::new(None);
    let (started, began) = (Instant::now(), RefCell::new(Instant::now()));
    let used_before = RefCell::new(BTreeMap::new());
    let (waited, all_done) = (RefCell::new(Vec::new()), Notify::new());
    let feeds = environments.iter().enumerate().map(|(n, environment)| {
        let source = served.world.event_source();
        let (rep, ended, began, used_before, served) =
            (&rep, &ended, &began, &used_before, &served);
        let (waited, all_done, work) = (&waited, &all_done, &work);
        async move {
            source
                .feed(async |event| match environment.invoke(&event).await {
                    _ if started.elapsed() > LONGEST => {
                        ended.borrow_mut().get_or_insert_with(|| {
                            format!("not done after {} s", LONGEST.as_secs())
                        });
                        Some(Value::Null)
                    }
                    Ok((answer, took)) => {
                        let is_first = !used_before.borrow().contains_key(&n);
                        let mut rep = rep.borrow_mut();
                        rep.failed_items += failed(answer.as_ref());
                        served.come_again(&event, answer.as_ref());
                        waited.borrow_mut().extend(waits(&event, answer.as_ref()));
                        if waited.borrow().len() == work.messages.len() {
                            all_done.notify_one();
                        }
                        if is_first {
                            rep.cold += took;
                            used_before.borrow_mut().insert(n, environment.used());
                        } else {
                            rep.warm.push(took);
                        }
                        let done = event["Records"].as_array().map_or(0, Vec::len)
                            - failed(answer.as_ref());
                        rep.warm_changes += if is_first { 0 } else { done };
                        if is_first && scenario.environments == 1 {
                            *began.borrow_mut() = Instant::now();
                        } else {
                            rep.changes += done;
                        }
                        answer
                    }
                    Err(error) => {
                        ended.borrow_mut().get_or_insert(error);
                        // Nothing will answer any more, so everything is taken from the queue.
                        Some(Value::Null)
                    }
                })
                .await;
        }
    });
    let send = async {
        if scenario.has_ill_neighbour {
            sleep(HEAD_START).await;
        }
        for message in &work.messages {
            if let Some(every) = scenario.every {
                sleep(every).await;
            }
            let sent = served.world.queue.send(message.clone());
            sent.map_err(|error| error.to_string())?;
        }
        served.world.queue.close();
        // The changes of an org that does not answer are never done.
        all_done.notified().await;
        Ok::<_, String>(())
    };
    tokio::select! {
        biased;
        sent = send => sent?,
        _ = join_all(feeds) => {}
    }
    let mut rep = rep.into_inner();
    if scenario.every.is_some() {
        rep.warm = waited.into_inner();
    }
    rep.wall = began.borrow().elapsed();
    let count = environments.len() as u32;
    rep.init = environments
        .iter()
        .map(|environment| environment.init)
        .sum::<Duration>()
        / count;
    rep.cold /= count;
    for (n, environment) in environments.iter().enumerate() {
        let after = environment.used();
        let before = used_before.borrow().get(&n).copied().unwrap_or(after);
        rep.cpu += after.cpu - before.cpu;
        rep.waited += after.waited - before.waited;
        rep.peak_mib = rep.peak_mib.max(after.peak_mib);
    }
    count_calls(scenario, &served, &mut rep);
    rep.connections = served.connections();
    rep.wrong = ended
        .into_inner()
        .or_else(|| wrong(&served, &work, candidate));
    Ok(rep)
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

fn count_calls(scenario: &Scenario, served: &Served, rep: &mut Rep) {
    let calls = served.world.genesys.calls();
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

/// The first result that is wrong.
pub(crate) fn wrong(served: &Served, work: &Work, candidate: &Candidate) -> Option<String> {
    if !served.world.dead_letters.messages().is_empty() {
        return Some(format!(
            "{} changes are parked",
            served.world.dead_letters.messages().len()
        ));
    }
    let mut there = 0;
    for (_, campaign) in &work.campaigns {
        let contacts = served.world.genesys.contacts(campaign);
        there += contacts.len();
        for ((_, key), expected) in work.after.iter().filter(|((of, _), _)| of == campaign) {
            let Some(actual) = contacts.get(key) else {
                return Some(format!("{key} is missing"));
            };
            // The peers store no rank.
            let is_checked = |name: &&String| candidate.is_ours || *name != VERSION_FIELD;
            let unlike = expected
                .data
                .iter()
                .find(|(name, value)| is_checked(name) && actual.data.get(*name) != Some(*value));
            if let Some((name, _)) = unlike {
                return Some(format!("{name} of {key} is wrong"));
            }
            let columns = expected.data.keys().filter(is_checked).count();
            if actual.data.keys().filter(is_checked).count() != columns {
                return Some(format!("{key} has a column too many"));
            }
            if actual.callable != expected.callable {
                return Some(format!("callable of {key} is wrong"));
            }
        }
    }
    (there != work.after.len())
        .then(|| format!("{there} contacts in place of {}", work.after.len()))
}
