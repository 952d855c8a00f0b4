//! The backlog scenarios. All changes wait in the queue. The event source feeds the function's
//! processes ten at a time, and the function may also receive by itself.
//!
//! Scenarios without a backlog are in `crate::rep`. Both check the result with `crate::outcome`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use futures_util::future::join_all;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use crate::backend::{Backend, Tls};
use crate::candidate::Candidate;
use crate::environment::Environment;
use crate::outcome::wrong;
use crate::process::{FunctionCpu, Used};
use crate::rep::failed;
use crate::scenario::Scenario;
use crate::table::{quantile, short};
use crate::work::Work;

/// A run that is not over by then is reported as far as it came.
const LONGEST: Duration = Duration::from_mins(4);
/// When the opt-out is sent, after the first event.
const BEFORE_OPT_OUT: Duration = Duration::from_secs(5);
/// The longest wait for the opt-out.
const FOR_OPT_OUT: Duration = Duration::from_secs(90);
/// The time between two looks at the opt-out: its age is measured this exactly.
const LOOK: Duration = Duration::from_millis(10);

const HEAD: [&str; 11] = [
    "candidate",
    "chg/s",
    "calls/chg",
    "SQS/chg",
    "inv/chg",
    "CPU s/1k",
    "MiB",
    "429",
    "CPU wait",
    "opt-out s",
    "state",
];

/// The result of one run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measurement {
    /// The time from the first event to the last answer.
    wall: Duration,
    /// All changes that the queue held, and those of them that are done.
    changes: usize,
    done: usize,
    invocations: usize,
    longest: Duration,
    calls: usize,
    throttled: usize,
    /// The calls of the event source and of the function, by operation.
    sqs_calls: BTreeMap<String, usize>,
    /// The CPU time of all processes after their inits.
    cpu: f64,
    waited: f64,
    /// The peak memory of the largest process.
    peak_mib: f64,
    /// The age of the opt-out when it was applied.
    opt_out: Option<Duration>,
    /// The first result that is wrong.
    pub(crate) wrong: Option<String>,
}

/// Plays a scenario once.
pub(crate) async fn run(
    scenario: &Scenario,
    candidate: &Candidate,
    cpu: FunctionCpu,
    tls: Option<&Tls>,
    log: &Path,
) -> Result<Measurement, String> {
    let work = Work::new(scenario);
    let backend = Backend::start(scenario, &work, tls).await?;
    let queue = &backend.world.queue;
    for message in &work.messages {
        let sent = queue.send(message.clone());
        sent.map_err(|error| error.to_string())?;
    }
    let environments = Environment::start_all(scenario, candidate, &backend, cpu, tls, log).await?;
    let before: Vec<_> = environments.iter().map(Environment::used).collect();
    let run = RefCell::new(Measurement::default());
    let (broken, began) = (Notify::new(), Instant::now());
    let feeds = environments
        .iter()
        .map(|environment| feed(environment, &backend, &run, &broken));
    tokio::select! {
        _ = join_all(feeds) => {}
        age = opt_out(&backend, &work) => run.borrow_mut().opt_out = age?,
        () = broken.notified() => {}
        () = sleep(LONGEST) => {}
    }
    let mut run = run.into_inner();
    run.wall = began.elapsed();
    run.changes = work.messages.len() + usize::from(work.opt_out.is_some());
    run.done = run.changes - queue.len();
    run.count_use(&environments, &before);
    run.count_calls(&backend);
    if run.longest > scenario.timeout {
        let took = run.longest.as_secs_f64();
        run.wrong = Some(format!("an invocation took {took:.0} s"));
    }
    // The state is checked only if the run came to its end.
    if run.wrong.is_none() && run.done == run.changes && work.opt_out.is_none() {
        run.wrong = wrong(&backend, &work, candidate);
    }
    Ok(run)
}

/// Feeds one process until the queue is empty. Notifies `broken` if the process does not answer.
async fn feed(
    environment: &Environment,
    backend: &Backend,
    run: &RefCell<Measurement>,
    broken: &Notify,
) {
    let source = backend.world.event_source();
    source
        .feed(async |event| match environment.invoke(&event).await {
            Ok((answer, took)) => {
                run.borrow_mut().invoked(&event, answer.as_ref(), took);
                backend.redeliver_failed(&event, answer.as_ref());
                answer
            }
            Err(error) => {
                run.borrow_mut().wrong = Some(error);
                broken.notify_one();
                None
            }
        })
        .await;
}

/// If the scenario has an opt-out, sends it and waits until it is applied. Returns its age then.
async fn opt_out(backend: &Backend, work: &Work) -> Result<Option<Duration>, String> {
    let queue = &backend.world.queue;
    let Some(((campaign, key), message)) = &work.opt_out else {
        queue.close();
        return std::future::pending().await;
    };
    sleep(BEFORE_OPT_OUT).await;
    let sent = queue.send(message.clone());
    sent.map_err(|error| error.to_string())?;
    let began = Instant::now();
    let applied = async {
        let contact = || backend.world.genesys.contact(campaign, key);
        while contact().is_none_or(|contact| contact.callable) {
            sleep(LOOK).await;
        }
    };
    let applied = timeout(FOR_OPT_OUT, applied).await;
    Ok(applied.is_ok().then(|| began.elapsed()))
}

impl Measurement {
    fn invoked(&mut self, event: &Value, answer: Option<&Value>, took: Duration) {
        self.invocations += 1;
        self.longest = self.longest.max(took);
        let records = event["Records"].as_array().map_or(0, Vec::len);
        let is_all_failed = answer.is_none() || failed(answer) >= records;
        let deletes = usize::from(!is_all_failed);
        for (operation, count) in [
            ("ReceiveMessage of the event source", 1),
            ("DeleteMessageBatch of the event source", deletes),
        ] {
            *self.sqs_calls.entry(operation.to_owned()).or_default() += count;
        }
    }

    /// Adds what the processes have used since their inits.
    fn count_use(&mut self, environments: &[Environment], before: &[Used]) {
        for (environment, before) in environments.iter().zip(before) {
            let used = environment.used();
            self.cpu += used.cpu - before.cpu;
            self.waited += used.waited - before.waited;
            self.peak_mib = self.peak_mib.max(used.peak_mib);
        }
    }

    /// Adds the calls of the functions to SQS and Genesys Cloud.
    fn count_calls(&mut self, backend: &Backend) {
        for (operation, count) in backend.sqs_calls() {
            *self.sqs_calls.entry(operation).or_default() += count;
        }
        let calls = backend.world.genesys.calls();
        let calls = calls.iter().filter(|call| call.path.starts_with("/api/"));
        self.calls = calls.clone().count();
        self.throttled = calls.filter(|call| call.status == 429).count();
    }

    fn sqs(&self) -> usize {
        self.sqs_calls.values().sum()
    }
}

/// The table of a scenario, and below it who made which calls to SQS.
pub(crate) fn table(
    scenario: &Scenario,
    is_tls: bool,
    rows: &[(&Candidate, Vec<Measurement>)],
) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(HEAD);
    for (candidate, runs) in rows {
        table.add_row(row(scenario, candidate, runs));
    }
    for column in table.column_iter_mut().skip(1).take(HEAD.len() - 2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let calls = rows.iter().map(|(candidate, runs)| {
        let mut all: BTreeMap<&str, usize> = BTreeMap::new();
        for (operation, count) in runs.iter().flat_map(|run| &run.sqs_calls) {
            *all.entry(operation).or_default() += count;
        }
        let all: Vec<_> = all
            .iter()
            .map(|(name, count)| format!("{count} {name}"))
            .collect();
        let invocations: usize = runs.iter().map(|run| run.invocations).sum();
        format!(
            "- {}: {invocations} invocations; calls to SQS: {}",
            candidate.name,
            all.join(", ")
        )
    });
    format!(
        "\n## {}: {}\n\n{table}\n\n{}",
        scenario.name,
        scenario.describe(is_tls),
        calls.collect::<Vec<_>>().join("\n")
    )
}

fn row(scenario: &Scenario, candidate: &Candidate, runs: &[Measurement]) -> Vec<String> {
    let sum = |of: &dyn Fn(&Measurement) -> f64| runs.iter().map(of).sum::<f64>();
    let done = sum(&|run| run.done as f64);
    let each = |count: f64| short_of_few(count / done);
    let wall = sum(&|run| run.wall.as_secs_f64());
    let has_opt_out = scenario.backlog.is_some_and(|backlog| backlog.opt_out);
    let opt_out = runs.iter().map(|run| run.opt_out).max_by_key(|age| {
        // The oldest comes last. An opt-out that was never applied is the oldest.
        age.unwrap_or(Duration::MAX)
    });
    let opt_out = match opt_out.flatten() {
        Some(age) => short(age.as_secs_f64()),
        None if has_opt_out => format!("> {}", FOR_OPT_OUT.as_secs()),
        None => "-".to_owned(),
    };
    let unfinished = runs.iter().find(|run| run.done < run.changes);
    let state = match (runs.iter().find_map(|run| run.wrong.as_ref()), unfinished) {
        (Some(wrong), _) => format!("WRONG: {wrong}"),
        (None, Some(run)) => format!("{} of {} done", run.done, run.changes),
        (None, None) if has_opt_out => "done".to_owned(),
        (None, None) => "right".to_owned(),
    };
    let mut peaks: Vec<_> = runs.iter().map(|run| run.peak_mib).collect();
    vec![
        candidate.name.clone(),
        short(done / wall),
        each(sum(&|run| run.calls as f64)),
        each(sum(&|run| run.sqs() as f64)),
        each(sum(&|run| run.invocations as f64)),
        short_of_few(sum(&|run| run.cpu) / done * 1_000.0),
        short(quantile(&mut peaks, 1.0)),
        runs.iter()
            .map(|run| run.throttled)
            .sum::<usize>()
            .to_string(),
        format!("{:.0} %", sum(&|run| run.waited) / wall * 100.0),
        opt_out,
        state,
    ]
}

/// A number with more digits if it is small.
fn short_of_few(number: f64) -> String {
    if number.is_finite() && number < 0.1 {
        format!("{number:.4}")
    } else {
        short(number)
    }
}
