//! `bench`: measures `apply` beside peers in Python and Node.
//!
//! Each runs as on Lambda: a process that polls the Runtime API gets events from an SQS FIFO queue
//! and calls the emulated Genesys Cloud. Everything is on loopback, and every candidate gets the
//! same seeded work. Other modes measure ingest, `campaign-sync send` and `campaign-sync
//! reconcile`. docs/performance.md explains the tables. [`scenario`] lists the work, [`candidate`]
//! the programs that do it, and [`rep`] runs one of them once.

mod args;
mod backend;
mod backlog;
mod candidate;
mod command;
mod environment;
mod neighbour;
mod outcome;
mod process;
mod reconcile;
mod rep;
mod scenario;
mod send;
mod table;
mod webhooks;
mod work;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::args::Args;
use crate::backend::Tls;
use crate::candidate::Candidate;
use crate::command::Command;
use crate::scenario::Scenario;

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

/// Measures what the arguments ask for, and returns whether every result was right.
async fn run(args: &Args) -> Result<bool, String> {
    let cpu = process::pin_harness()?;
    let logs = std::fs::create_dir_all(&args.logs).and_then(|()| args.logs.canonicalize());
    let logs = &logs.map_err(|error| format!("--logs {}: {error}", args.logs.display()))?;
    let command = Command {
        program: &args.command,
        cpu,
        logs,
    };
    if args.webhooks {
        println(&webhooks::run(&args.ingest, args.warm, cpu, logs).await?);
        return Ok(true);
    }
    if !args.send.is_empty() {
        let files: Vec<_> = args.send.iter().map(|rows| *rows as usize).collect();
        println(&send::run(command, &files).await?);
        return Ok(true);
    }
    if !args.reconcile.is_empty() {
        let campaigns: Vec<_> = args.reconcile.iter().map(|of| *of as usize).collect();
        println(&reconcile::run(command, &campaigns).await?);
        return Ok(true);
    }
    let scenarios = args.scenarios()?;
    let candidates = args.candidates()?;
    let tls = if args.tls {
        Some(Tls::new(logs)?)
    } else {
        None
    };
    let mut all_right = true;
    for scenario in &scenarios {
        if scenario.memory_mb.is_some() && !process::can_limit_cpu() {
            println(&format!(
                "\n## {}: left out: only root can limit the CPU of a process",
                scenario.name
            ));
            continue;
        }
        let candidates = candidates.iter();
        let candidates: Vec<_> = candidates
            .filter(|candidate| (candidate.plays)(scenario))
            .collect();
        all_right &= if scenario.backlog.is_some() {
            backlog(args, scenario, &candidates, cpu, tls.as_ref()).await?
        } else {
            batches(args, scenario, &candidates, cpu, tls.as_ref()).await?
        };
    }
    Ok(all_right)
}

/// Measures a scenario without a backlog, and returns whether every result was right.
async fn batches(
    args: &Args,
    scenario: &Scenario,
    candidates: &[&Candidate],
    cpu: process::FunctionCpu,
    tls: Option<&Tls>,
) -> Result<bool, String> {
    let run = async |candidate: &Candidate, log: PathBuf| {
        rep::run(scenario, candidate, cpu, tls, &log).await
    };
    let rows = in_turns(args, scenario, candidates, run).await?;
    println(&table::of(scenario, args.tls, &rows));
    let mut reps = rows.iter().flat_map(|(_, reps)| reps);
    Ok(reps.all(|rep| rep.wrong.is_none()))
}

/// Measures a backlog, and returns whether every result was right.
async fn backlog(
    args: &Args,
    scenario: &Scenario,
    candidates: &[&Candidate],
    cpu: process::FunctionCpu,
    tls: Option<&Tls>,
) -> Result<bool, String> {
    let run = async |candidate: &Candidate, log: PathBuf| {
        backlog::run(scenario, candidate, cpu, tls, &log).await
    };
    let rows = in_turns(args, scenario, candidates, run).await?;
    println(&backlog::table(scenario, args.tls, &rows));
    let mut runs = rows.iter().flat_map(|(_, runs)| runs);
    Ok(runs.all(|run| run.wrong.is_none()))
}

/// Runs each candidate as often as the scenario asks for. The candidates take turns, so that a busy
/// moment of the machine does not hit only one of them.
async fn in_turns<'c, T>(
    args: &Args,
    scenario: &Scenario,
    candidates: &[&'c Candidate],
    run: impl AsyncFn(&'c Candidate, PathBuf) -> Result<T, String>,
) -> Result<Vec<(&'c Candidate, Vec<T>)>, String> {
    let mut rows: Vec<_> = candidates.iter().map(|it| (*it, Vec::new())).collect();
    for n in 0..scenario.reps {
        for (candidate, results) in &mut rows {
            let log = log_of(args, scenario, candidate, n);
            results.push(run(candidate, log).await?);
        }
    }
    Ok(rows)
}

/// The log of the nth run of a candidate.
fn log_of(args: &Args, scenario: &Scenario, candidate: &Candidate, n: u32) -> PathBuf {
    let name = format!("{}-{}-{n}.log", scenario.name, candidate.name);
    args.logs.join(name)
}

fn println(text: &str) {
    use std::io::Write;
    // A reader that closes the pipe does not end a measurement.
    let _ = writeln!(std::io::stdout(), "{text}");
}
