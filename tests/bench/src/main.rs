//! `bench`: measures `apply` beside peers in Python and Node.
//!
//! Each runs as on Lambda: a process that polls the Runtime API gets events from an SQS FIFO queue
//! and calls the emulated Genesys Cloud. Everything is on loopback, and every candidate gets the
//! same seeded work. Other modes measure ingest, `campaign-sync send` and `campaign-sync
//! reconcile`. docs/performance.md explains the tables. [`scenario`] lists what is measured,
//! [`candidate`] who is, and [`rep`] runs one of them once.

mod backlog;
mod candidate;
mod environment;
mod neighbour;
mod process;
mod reconcile;
mod rep;
mod scenario;
mod send;
mod served;
mod table;
mod webhooks;
mod work;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use crate::candidate::Candidate;
use crate::scenario::{SCENARIOS, Scenario};

#[derive(Parser)]
#[command(
    version,
    bin_name = "tests/bench/run",
    about = "A Lambda function measured as AWS would run it",
    after_help = "Examples (tests/bench/run sets up the peers and builds apply first):
  tests/bench/run                                       every scenario, apply beside its peers: the table of docs/performance.md
  tests/bench/run --scenario shared-budget --reps 3
  tests/bench/run --tls --scenario distinct-20ms
  tests/bench/run --only apply --apply apply-before --apply target/release/apply --reps 12
  tests/bench/run --scenario backlog --scenario new-predictive --scenario opt-out
  tests/bench/run --only apply --scenario backlog-lists --top-up 0
  tests/bench/run --webhooks
  tests/bench/run --send 5000 --send 100000 --send 1000000
  tests/bench/run --reconcile 200000
  tests/bench/run --only apply --environments 10 --no-rate-headers --scenario shared-budget

The exit status is 0 when every candidate left the contacts as its changes say, 1 when not so."
)]
struct Args {
    /// The scenarios whose name contains this (may be repeated); all if none is given
    #[arg(long)]
    scenario: Vec<String>,
    /// The candidates whose name contains this (may be repeated); all if none is given
    #[arg(long)]
    only: Vec<String>,
    /// The release build of apply; if several are given, each goes by the name of its file, in
    /// turns
    #[arg(long, default_value = "target/release/apply")]
    apply: Vec<PathBuf>,
    /// Measures ingest instead: how many webhooks one copy handles
    #[arg(long)]
    webhooks: bool,
    /// The release build of ingest
    #[arg(long, default_value = "target/release/ingest")]
    ingest: PathBuf,
    /// Measures `campaign-sync send` instead, with a file of this many rows (may be repeated)
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u32).range(1..=5_000_000))]
    send: Vec<u32>,
    /// Measures `campaign-sync reconcile` instead, with a campaign of this many contacts of which
    /// one in 200 differs, by an export and by bulk reads (may be repeated)
    #[arg(long, value_name = "CONTACTS", value_parser = clap::value_parser!(u32).range(200..=1_000_000))]
    reconcile: Vec<u32>,
    /// The release build of the command
    #[arg(long, default_value = "target/release/campaign-sync")]
    command: PathBuf,
    /// The folder in which the peers are set up; without it apply runs alone
    #[arg(long)]
    peers: Option<PathBuf>,
    /// The program that runs the peers in Node
    #[arg(long, default_value = "/usr/bin/node")]
    node: String,
    /// Processes that are started for each candidate and scenario, one after the other [default:
    /// the scenario's own, 1 to 5]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100))]
    reps: Option<u32>,
    /// Batches of ten changes, or webhooks, after the first [default: the scenario's own, 6 to 59,
    /// and of backlogs 99 to 1999; 500 webhooks]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    warm: Option<u32>,
    /// Processes at once, in the scenarios that share a queue and a call budget [default: 5, and of
    /// backlogs 2]
    #[arg(long, value_parser = clap::value_parser!(u32).range(2..=100))]
    environments: Option<u32>,
    /// The time of a call to SQS in backlogs, in ms [default: 5]
    #[arg(long)]
    sqs_ms: Option<u64>,
    /// In backlogs, how many more messages apply may receive for an event, its `TOP_UP`
    #[arg(long)]
    top_up: Option<u32>,
    /// Genesys Cloud does not report its rate limit, and limits by the minute: these scenarios take
    /// minutes
    #[arg(long)]
    no_rate_headers: bool,
    /// Genesys Cloud, Secrets Manager and SQS speak TLS
    #[arg(long)]
    tls: bool,
    /// The folder for the log of each process
    #[arg(long, default_value = "target/bench/logs")]
    logs: PathBuf,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let ended = runtime
        .map_err(|error| error.to_string())
        .and_then(|runtime| runtime.block_on(run(&args)));
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("tests/bench/run: {error}");
            ExitCode::from(2)
        }
    }
}

async fn run(args: &Args) -> Result<bool, String> {
    let cpus = process::pin_harness()?;
    std::fs::create_dir_all(&args.logs)
        .map_err(|error| format!("--logs {}: {error}", args.logs.display()))?;
    if args.webhooks {
        println(&webhooks::run(&args.ingest, args.warm, cpus, &args.logs).await?);
        return Ok(true);
    }
    if !args.send.is_empty() {
        let files: Vec<_> = args.send.iter().map(|rows| *rows as usize).collect();
        println(&send::run(&args.command, &files, cpus, &args.logs).await?);
        return Ok(true);
    }
    if !args.reconcile.is_empty() {
        let campaigns: Vec<_> = args.reconcile.iter().map(|of| *of as usize).collect();
        println(&reconcile::run(&args.command, &campaigns, cpus, &args.logs).await?);
        return Ok(true);
    }
    let scenarios = chosen(args)?;
    let candidates = candidates(args)?;
    let tls = if args.tls {
        Some(served::Tls::new(&args.logs)?)
    } else {
        None
    };
    let mut all_right = true;
    for scenario in &scenarios {
        if scenario.memory_mb.is_some() && !process::can_limit_cpu() {
            println(&format!(
                "\n## {}: left out, the CPU of a process can be limited by root alone",
                scenario.name
            ));
            continue;
        }
        let candidates: Vec<_> = candidates
            .iter()
            .filter(|candidate| (candidate.plays)(scenario))
            .collect();
        if scenario.backlog.is_some() {
            all_right &= backlog(args, scenario, &candidates, cpus, tls.as_ref()).await?;
            continue;
        }
        let mut reps = vec![Vec::new(); candidates.len()];
        // The candidates take turns, so that a busy moment of the machine does not hit only one of
        // them.
        for n in 0..scenario.reps {
            for (candidate, reps) in candidates.iter().zip(&mut reps) {
                let log = args
                    .logs
                    .join(format!("{}-{}-{n}.log", scenario.name, candidate.name));
                reps.push(rep::run(scenario, candidate, cpus, tls.as_ref(), &log).await?);
            }
        }
        let rows: Vec<_> = candidates.into_iter().zip(reps).collect();
        println(&table::of(scenario, args.tls, &rows));
        all_right &= rows
            .iter()
            .flat_map(|(_, reps)| reps)
            .all(|rep| rep.wrong.is_none());
    }
    Ok(all_right)
}

/// Measures a backlog, and returns whether every result was right.
async fn backlog(
    args: &Args,
    scenario: &Scenario,
    candidates: &[&Candidate],
    cpu: process::FunctionCpu,
    tls: Option<&served::Tls>,
) -> Result<bool, String> {
    let mut runs = vec![Vec::new(); candidates.len()];
    for n in 0..scenario.reps {
        for (candidate, runs) in candidates.iter().zip(&mut runs) {
            let log = format!("{}-{}-{n}.log", scenario.name, candidate.name);
            let log = args.logs.join(log);
            runs.push(backlog::run(scenario, candidate, cpu, tls, &log).await?);
        }
    }
    let rows: Vec<_> = candidates.iter().copied().zip(runs).collect();
    println(&backlog::table(scenario, args.tls, &rows));
    let mut runs = rows.iter().flat_map(|(_, runs)| runs);
    Ok(runs.all(|run| run.wrong.is_none()))
}

fn chosen(args: &Args) -> Result<Vec<Scenario>, String> {
    let is_wanted = |name: &str| {
        args.scenario.is_empty() || args.scenario.iter().any(|part| name.contains(part))
    };
    let mut scenarios: Vec<_> = SCENARIOS
        .iter()
        .filter(|scenario| is_wanted(scenario.name))
        .cloned()
        .collect();
    if scenarios.is_empty() {
        let names: Vec<_> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        return Err(format!(
            "--scenario: expected part of one of {}",
            names.join(", ")
        ));
    }
    for scenario in &mut scenarios {
        scenario.reps = args.reps.unwrap_or(scenario.reps);
        scenario.warm_batches = args.warm.unwrap_or(scenario.warm_batches);
        if args.no_rate_headers {
            scenario.rate_headers = false;
            // All that a copy knows then is the calls a minute from its secret.
            scenario.limit = scenario
                .limit
                .map(|(calls, _)| (calls, Duration::from_mins(1)));
        }
        if let Some(backlog) = &mut scenario.backlog {
            let own = backlog.sqs_latency;
            backlog.sqs_latency = args.sqs_ms.map_or(own, Duration::from_millis);
            backlog.top_up = args.top_up;
        }
        if scenario.environments > 1 {
            scenario.environments = args.environments.unwrap_or(scenario.environments);
        }
    }
    Ok(scenarios)
}

fn candidates(args: &Args) -> Result<Vec<Candidate>, String> {
    let mut candidates = match &args.apply[..] {
        [path] => vec![Candidate::apply(path, "apply")?],
        several => {
            let named = several.iter().map(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                Candidate::apply(path, &name)
            });
            named.collect::<Result<_, _>>()?
        }
    };
    if let Some(folder) = &args.peers {
        candidates.extend(Candidate::peers(folder, &args.node)?);
    }
    candidates.retain(|candidate| {
        args.only.is_empty() || args.only.iter().any(|part| candidate.name.contains(part))
    });
    if candidates.is_empty() {
        return Err(
            "--only: expected part of apply or of a peer's name, such as python-groups".to_owned(),
        );
    }
    Ok(candidates)
}

fn println(text: &str) {
    use std::io::Write;
    // A reader that closes the pipe does not end a measurement.
    let _ = writeln!(std::io::stdout(), "{text}");
}
