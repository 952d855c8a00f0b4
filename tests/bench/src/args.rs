//! The command line, and the scenarios and candidates that it chooses.
//!
//! `main` measures them.

use std::path::PathBuf;
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

The exit status is 0 when every candidate left the contacts as its changes say, 1 otherwise."
)]
pub(crate) struct Args {
    /// The scenarios whose name contains this (may be repeated); all if none is given
    #[arg(long)]
    pub(crate) scenario: Vec<String>,
    /// The candidates whose name contains this (may be repeated); all if none is given
    #[arg(long)]
    pub(crate) only: Vec<String>,
    /// The release build of apply; if several are given, each goes by the name of its file, in
    /// turns
    #[arg(long, default_value = "target/release/apply")]
    pub(crate) apply: Vec<PathBuf>,
    /// Measures ingest instead: how many webhooks one copy handles
    #[arg(long)]
    pub(crate) webhooks: bool,
    /// The release build of ingest
    #[arg(long, default_value = "target/release/ingest")]
    pub(crate) ingest: PathBuf,
    /// Measures `campaign-sync send` instead, with a file of this many rows (may be repeated)
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u32).range(1..=5_000_000))]
    pub(crate) send: Vec<u32>,
    /// Measures `campaign-sync reconcile` instead, with a campaign of this many contacts of which
    /// one in 200 differs, by an export and by bulk reads (may be repeated)
    #[arg(long, value_name = "CONTACTS", value_parser = clap::value_parser!(u32).range(200..=1_000_000))]
    pub(crate) reconcile: Vec<u32>,
    /// The release build of the command
    #[arg(long, default_value = "target/release/campaign-sync")]
    pub(crate) command: PathBuf,
    /// The folder in which the peers are set up; without it apply runs alone
    #[arg(long)]
    pub(crate) peers: Option<PathBuf>,
    /// The program that runs the peers in Node
    #[arg(long, default_value = "/usr/bin/node")]
    pub(crate) node: String,
    /// Processes that are started for each candidate and scenario, one after the other [default:
    /// the scenario's own, 1 to 5]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) reps: Option<u32>,
    /// Batches of ten changes, or webhooks, after the first [default: the scenario's own, 6 to 59,
    /// and of backlogs 99 to 1999; 500 webhooks]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) warm: Option<u32>,
    /// Processes at once, in the scenarios that share a queue and a call budget [default: 5, and of
    /// backlogs 2]
    #[arg(long, value_parser = clap::value_parser!(u32).range(2..=100))]
    pub(crate) environments: Option<u32>,
    /// The time of a call to SQS in backlogs, in ms [default: 5]
    #[arg(long)]
    pub(crate) sqs_ms: Option<u64>,
    /// In backlogs, how many more messages apply may receive for an event, its `TOP_UP`
    #[arg(long)]
    pub(crate) top_up: Option<u32>,
    /// Genesys Cloud does not report its rate limit, and limits by the minute: these scenarios take
    /// minutes
    #[arg(long)]
    pub(crate) no_rate_headers: bool,
    /// Genesys Cloud, Secrets Manager and SQS speak TLS
    #[arg(long)]
    pub(crate) tls: bool,
    /// The folder for the log of each process
    #[arg(long, default_value = "target/bench/logs")]
    pub(crate) logs: PathBuf,
}

impl Args {
    /// The scenarios that the arguments name, changed as the arguments say.
    pub(crate) fn scenarios(&self) -> Result<Vec<Scenario>, String> {
        let is_wanted = |name: &str| {
            self.scenario.is_empty() || self.scenario.iter().any(|part| name.contains(part))
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
            scenario.reps = self.reps.unwrap_or(scenario.reps);
            scenario.warm_batches = self.warm.unwrap_or(scenario.warm_batches);
            if self.no_rate_headers {
                scenario.rate_headers = false;
                // Without rate headers a copy knows only the calls per minute of its secret.
                scenario.limit = scenario
                    .limit
                    .map(|(calls, _)| (calls, Duration::from_mins(1)));
            }
            if let Some(backlog) = &mut scenario.backlog {
                let own = backlog.sqs_latency;
                backlog.sqs_latency = self.sqs_ms.map_or(own, Duration::from_millis);
                backlog.top_up = self.top_up;
            }
            if scenario.environments > 1 {
                scenario.environments = self.environments.unwrap_or(scenario.environments);
            }
        }
        Ok(scenarios)
    }

    /// The candidates that the arguments name.
    pub(crate) fn candidates(&self) -> Result<Vec<Candidate>, String> {
        let mut candidates = match &self.apply[..] {
            [path] => vec![Candidate::apply(path, "apply")?],
            several => {
                let named = several.iter().map(|path| {
                    let name = path.file_name().unwrap_or_default().to_string_lossy();
                    Candidate::apply(path, &name)
                });
                named.collect::<Result<_, _>>()?
            }
        };
        if let Some(folder) = &self.peers {
            candidates.extend(Candidate::peers(folder, &self.node)?);
        }
        candidates.retain(|candidate| {
            self.only.is_empty() || self.only.iter().any(|part| candidate.name.contains(part))
        });
        if candidates.is_empty() {
            return Err(
                "--only: expected part of apply or of a peer's name, such as python-groups"
                    .to_owned(),
            );
        }
        Ok(candidates)
    }
}
