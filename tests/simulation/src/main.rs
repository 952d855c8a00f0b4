//! `simulation`: plays many seeds on every core, one seed with its trace, or every mutant.
//! docs/simulation.md describes the options.
//!
//! The library plays and checks the seeds; this file reads the command line and prints the results.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use clap::Parser;
use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use simulation::{Less, Mutant, finds, gravity, is_fault, of_promise, play, shrink, size};

#[derive(Parser)]
#[command(
    version,
    about = "The promises of campaign-sync under chaos",
    after_help = "Examples:
  cargo run -p simulation -- --seeds 10000
  cargo run -p simulation -- --seed 4711 --trace
  cargo run -p simulation -- --mutants

A violation begins with the number of the promise (docs/simulation.md). The exit status is 0 when nothing was violated (with
--mutants: when each was found), 1 otherwise, 2 when the command line is wrong."
)]
struct Args {
    /// The number of seeds
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000), conflicts_with = "seed")]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=u64::MAX - 1_000_000_000), conflicts_with = "seed")]
    first: u64,
    /// Plays only this seed
    #[arg(long)]
    seed: Option<u64>,
    /// Prints everything that happens in the one seed
    #[arg(long, requires = "seed", conflicts_with = "seeds")]
    trace: bool,
    /// Leaves these steps out of the one seed
    #[arg(long, value_delimiter = ',', requires = "seed")]
    without_steps: Vec<usize>,
    /// Leaves these kinds of fault out of the one seed (a failing seed's report names them)
    #[arg(long, value_delimiter = ',', requires = "seed", value_parser = fault)]
    without_faults: Vec<String>,
    /// Puts this defect in (--mutants lists them)
    #[arg(long, value_parser = mutant)]
    mutant: Option<Mutant>,
    /// Injects each defect in turn, until a seed finds it
    #[arg(long, conflicts_with_all = ["seed", "mutant"])]
    mutants: bool,
}

fn mutant(name: &str) -> Result<Mutant, String> {
    Mutant::of(name).ok_or_else(|| {
        let names: Vec<_> = Mutant::ALL.iter().map(|mutant| mutant.name()).collect();
        format!("expected one of {}", names.join(", "))
    })
}

fn fault(name: &str) -> Result<String, String> {
    is_fault(name)
        .then(|| name.to_owned())
        .ok_or_else(|| "expected a kind of fault, as a failing seed names them".into())
}

/// The number of seeds within which each mutant must be found.
const WITHIN: u64 = 1_000;

fn main() -> ExitCode {
    let args = Args::parse();
    let wanted: Vec<_> = if args.mutants {
        Mutant::ALL.to_vec()
    } else {
        args.mutant.into_iter().collect()
    };
    if let Some(mutant) = wanted.iter().find(|mutant| !mutant.is_here()) {
        eprintln!(
            "A release build cannot have the defect {}: run it without --release",
            mutant.name()
        );
        return ExitCode::from(2);
    }
    let is_well = match args.seed {
        _ if args.mutants => mutants(),
        Some(seed) => one(seed, &args),
        None => many(&args),
    };
    if is_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn print(text: &str) {
    // A reader that closes the pipe does not make a run wrong.
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn one(seed: u64, args: &Args) -> bool {
    let less = Less {
        steps: args.without_steps.iter().copied().collect(),
        faults: args.without_faults.iter().cloned().collect(),
    };
    let outcome = play(seed, &less, args.mutant, args.trace);
    outcome.trace.iter().for_each(|line| print(line));
    outcome
        .violations
        .iter()
        .for_each(|violation| print(&format!("VIOLATED  {violation}")));
    if outcome.violations.is_empty() {
        print(&format!(
            "seed {seed}: nothing is violated in {} of simulated time",
            long(outcome.simulated)
        ));
    }
    outcome.violations.is_empty()
}

fn long(time: Duration) -> String {
    let hours = time.as_secs_f64() / 3_600.0;
    if hours < 48.0 {
        format!("{hours:.1} h")
    } else {
        format!("{:.1} days", hours / 24.0)
    }
}

fn on_every_core(work: impl Fn() + Sync) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(&work);
        }
    });
}

/// Plays seeds on every core until all are played or `is_enough` accepts the failures.
fn play_many(
    first: u64,
    seeds: u64,
    mutant: Option<Mutant>,
    is_enough: usize,
    bar: &ProgressBar,
) -> (Vec<u64>, u64, Duration) {
    let next = AtomicU64::new(first);
    let simulated = AtomicU64::new(0);
    let played = AtomicU64::new(0);
    let failed = Mutex::new(BTreeSet::new());
    on_every_core(|| {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            let is_done = || failed.lock().is_ok_and(|failed| failed.len() >= is_enough);
            if seed >= first + seeds || is_done() {
                return;
            }
            let outcome = play(seed, &Less::default(), mutant, false);
            simulated.fetch_add(outcome.simulated.as_secs(), Ordering::Relaxed);
            played.fetch_add(1, Ordering::Relaxed);
            if let (false, Ok(mut failed)) = (outcome.violations.is_empty(), failed.lock()) {
                failed.insert(seed);
            }
            bar.inc(1);
        }
    });
    let failed = failed
        .into_inner()
        .map(|failed| failed.into_iter().collect())
        .unwrap_or_default();
    (
        failed,
        played.into_inner(),
        Duration::from_secs(simulated.into_inner()),
    )
}

fn many(args: &Args) -> bool {
    let bar = ProgressBar::new(args.seeds);
    if let Ok(style) =
        ProgressStyle::with_template("{bar:40} {pos}/{len} seeds, {per_sec}, {eta} left")
    {
        bar.set_style(style);
    }
    let began = wall_clock();
    let (failed, played, simulated) = play_many(args.first, args.seeds, args.mutant, 3, &bar);
    let took = began.elapsed().as_secs_f64();
    bar.finish_and_clear();
    if played < args.seeds {
        print(&format!("stopped at {} failing seeds", failed.len()));
    }
    print(&format!(
        "{played} seeds in {took:.1} s: {:.0} seeds a second, {:.0} simulated days a minute",
        played as f64 / took,
        simulated.as_secs_f64() / 86_400.0 / took * 60.0,
    ));
    for seed in &failed {
        explain(*seed, args.mutant);
    }
    if failed.is_empty() {
        print("Nothing is violated.");
    }
    failed.is_empty()
}

/// Prints what is violated, and one command that reproduces it with the fewest events.
fn explain(seed: u64, mutant: Option<Mutant>) {
    let violations = play(seed, &Less::default(), mutant, false).violations;
    for violation in &violations {
        print(&format!("VIOLATED by seed {seed}  {violation}"));
    }
    let gravest = violations
        .iter()
        .map(|violation| of_promise(violation))
        .min_by_key(|promise| gravity(promise));
    let Some(promise) = gravest else { return };
    let less = shrink(seed, mutant, promise);
    let (steps, faults) = size(seed);
    let left: Vec<_> = faults
        .into_iter()
        .filter(|fault| !less.faults.contains(*fault))
        .collect();
    let without = |name: &str, what: Vec<String>| {
        if what.is_empty() {
            String::new()
        } else {
            format!(" --without-{name} {}", what.join(","))
        }
    };
    let defect = mutant.map_or_else(String::new, |mutant| format!(" --mutant {}", mutant.name()));
    // A release build checks neither `debug_assert!` nor overflow.
    let profile = if cfg!(debug_assertions) {
        ""
    } else {
        "--release "
    };
    print(&format!(
        "For {promise} it needs {} of {steps} steps and the faults [{}]:\n  cargo run {profile}-p simulation -- --seed {seed}{defect}{}{} --trace",
        steps - less.steps.len(),
        left.join(", "),
        without(
            "steps",
            less.steps.iter().map(ToString::to_string).collect()
        ),
        without("faults", less.faults.iter().cloned().collect()),
    ));
}

fn mutants() -> bool {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header([
        "mutant",
        "what is done wrong",
        "found by seed",
        "as",
    ]);
    let (next, found) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    on_every_core(|| {
        while let Some(mutant) = Mutant::ALL.get(next.fetch_add(1, Ordering::Relaxed)) {
            let seeds = (0..WITHIN).filter(|seed| mutant.may_show_in(*seed));
            let by = seeds
                .into_iter()
                .find_map(|seed| Some((seed, finds(seed, *mutant)?)));
            if let (Some(by), Ok(mut found)) = (by, found.lock()) {
                found.insert(mutant.name(), by);
            }
        }
    });
    let found = found.into_inner().unwrap_or_default();
    let mut all_found = true;
    for mutant in Mutant::ALL {
        let found = found.get(mutant.name());
        all_found &= found.is_some();
        let (seed, what) = found.map_or_else(
            || ("NOT FOUND".to_owned(), String::new()),
            |(n, what)| (n.to_string(), what.clone()),
        );
        table.add_row([mutant.name(), mutant.what(), &seed, &what]);
    }
    print(&table.to_string());
    all_found
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long the user waited is no part of the simulation"
)]
fn wall_clock() -> std::time::Instant {
    std::time::Instant::now()
}
