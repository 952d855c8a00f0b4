//! `campaign-sync status`: how many changes wait, for how long, and how many calls an org has left.
//!
//! Each queue is asked through SQS and `CloudWatch`, and each org through one call of Genesys
//! Cloud. The command changes nothing. The console shows the same numbers over time
//! (`crate::console`). `queues` asks the queues.

mod queues;

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use domain::change::OrgId;
use io::config::DlqConfig;
use io::genesys::{Org, Run};
use io::{Clock, Config};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::args;
use crate::connect::{self, ReportedBudget, Watched};
use crate::table::{counted, number, span, table};
pub(crate) use queues::{QueueStatus, oldest, queue_counts};
use queues::{queue_status, runs_status};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  campaign-sync status
  campaign-sync status --org acme-us --watch 10

The numbers of waiting and in-flight messages are SQS's approximations. Changes that will be retried count as in flight. The
queue of runs is that of reconcile: one run of an org is in flight, until it is at its end. The age of the oldest message is
CloudWatch's, some minutes old, and \"-\" if CloudWatch has none. Genesys Cloud reports what is left of a call budget: each
look takes one call of it.

It reads the environment: QUEUE_URL and DEAD_LETTER_QUEUE_URL are required; RUNS_QUEUE_URL is needed only
if QUEUE_URL does not end in changes.fifo; SECRET_PREFIX and, in local runs, GENESYS_BASE_URL may be set. AWS credentials and
region come from where the AWS SDK looks for them (AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL, …). It needs
sqs:GetQueueAttributes, cloudwatch:GetMetricStatistics and, for --org, the right to read the org's secret.

The exit status is 0 if nothing is parked and it is known how many calls each org has left, 1 if not, and 2 if the command could
not run.")]
pub(crate) struct Args {
    /// Also shows how many calls this org has left in this minute; may be given several times
    #[arg(long = "org", value_parser = args::org)]
    orgs: Vec<OrgId>,
    /// Looks again every SECONDS [default: 5] until Ctrl-C
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "5", value_parser = args::number_of::<u64>("seconds", 1..=86_400))]
    watch: Option<u64>,
    /// Prints one JSON object, with --watch one a line
    #[arg(long)]
    json: bool,
}

struct Status {
    at: Timestamp,
    queue: QueueStatus,
    dead_letters: QueueStatus,
    /// The queue of reconcile's runs. `None` means that its URL is not known.
    runs: Option<Result<QueueStatus, String>>,
    orgs: Vec<(OrgId, Result<Option<ReportedBudget>, String>)>,
}

/// Runs the command, prints its result, and returns whether nothing is parked and every org
/// answered.
pub(crate) fn run(args: &Args) -> Result<bool, String> {
    let (config, dlq) = DlqConfig::from_env_with_genesys().map_err(|error| error.to_string())?;
    crate::block_on(async {
        let (https, sdk) = connect::clients().await?;
        let mut orgs = Vec::new();
        for id in &args.orgs {
            let watched = Watched::new(https.clone());
            orgs.push((
                connect::org(config.clone(), &sdk, Arc::clone(&watched) as _, id),
                watched,
            ));
        }
        let Some(seconds) = args.watch else {
            let status = look(&config, &dlq, &sdk, &orgs).await?;
            show(args, &status)?;
            return Ok(status.is_well());
        };
        let mut is_well = true;
        loop {
            match look(&config, &dlq, &sdk, &orgs).await {
                Ok(status) => {
                    show(args, &status)?;
                    is_well = status.is_well();
                }
                Err(error) => eprintln!("campaign-sync: {error}"),
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(seconds)) => {}
                _ = tokio::signal::ctrl_c() => return Ok(is_well),
            }
        }
    })
}

/// An org, and the client that records what its answers say.
type Watching = (Arc<Org>, Arc<Watched>);

async fn look(
    config: &Config,
    dlq: &DlqConfig,
    sdk: &aws_config::SdkConfig,
    watching: &[Watching],
) -> Result<Status, String> {
    let at = Clock::system().now();
    let (queue, dead_letters, runs) = futures_util::future::join3(
        queue_status(sdk, &config.queue_url, at),
        queue_status(sdk, &dlq.dead_letter_queue_url, at),
        runs_status(sdk, &config.queue_url, at),
    )
    .await;
    let (queue, dead_letters) = (queue?, dead_letters?);
    let mut orgs = Vec::new();
    for (org, watched) in watching {
        let asked = org.ask_budget(&Run::new(at, None)).await;
        // `None` means that the service does not say.
        orgs.push((
            org.id().clone(),
            asked
                .map(|()| watched.seen().budget)
                .map_err(|failure| connect::explained(&failure)),
        ));
    }
    Ok(Status {
        at,
        queue,
        dead_letters,
        runs,
        orgs,
    })
}

fn show(args: &Args, status: &Status) -> Result<(), String> {
    if args.json {
        return crate::print(&status.json().to_string());
    }
    if args.watch.is_some() && std::io::stdout().is_terminal() {
        // Moves the cursor to the upper left, and clears the screen.
        let _ = write!(std::io::stdout(), "\x1b[2J\x1b[H");
    }
    crate::print(&status.text())
}

impl Status {
    fn is_well(&self) -> bool {
        self.parked() == 0 && self.orgs.iter().all(|(_, budget)| budget.is_ok())
    }

    /// Messages that somebody looks at are in flight, and still parked.
    fn parked(&self) -> u64 {
        self.dead_letters.waiting + self.dead_letters.in_flight
    }

    fn text(&self) -> String {
        let mut shown =
            table(["queue", "waiting", "in flight or retried", "oldest"].map(str::to_owned));
        let runs = self.runs.as_ref().and_then(|runs| runs.as_ref().ok());
        for queue in [&self.queue, &self.dead_letters].into_iter().chain(runs) {
            let oldest = queue
                .oldest
                .and_then(|seconds| self.at.checked_sub(Duration::from_secs(seconds)).ok());
            let oldest = oldest.map_or_else(|| "-".to_owned(), |then| span(then, self.at));
            shown.add_row([
                queue.name.clone(),
                number(queue.waiting),
                number(queue.in_flight),
                oldest,
            ]);
        }
        let mut lines = vec![shown.to_string()];
        match &self.runs {
            Some(Ok(_)) => {}
            Some(Err(why)) => lines.push(format!("queue of runs: {why}")),
            None => lines.push("the queue of runs is not known: set RUNS_QUEUE_URL".to_owned()),
        }
        for (id, budget) in &self.orgs {
            lines.push(match budget {
                Ok(Some(ReportedBudget {
                    allowed,
                    count: spent,
                    reset,
                })) => format!(
                    "{id}: {} of {} left, all of them again in {reset} s",
                    number(allowed.saturating_sub(*spent)),
                    counted(*allowed, "call")
                ),
                Ok(None) => format!("{id}: the service does not tell how many calls are left"),
                Err(why) => format!("{id}: {why}"),
            });
        }
        if self.parked() > 0 {
            lines.push(format!(
                "{} parked: campaign-sync dlq list",
                number(self.parked())
            ));
        }
        lines.join("\n")
    }

    fn json(&self) -> Value {
        let queue = |queue: &QueueStatus| {
            json!({
                "name": queue.name, "waiting": queue.waiting, "inFlight": queue.in_flight, "oldestSeconds": queue.oldest,
            })
        };
        let orgs = self.orgs.iter().map(|(id, budget)| {
            let budget = match budget {
                Ok(Some(ReportedBudget { allowed, count, reset })) => json!({
                    "callsAllowed": allowed, "callsLeft": allowed.saturating_sub(*count), "resetSeconds": reset,
                }),
                Ok(None) => Value::Null,
                Err(why) => json!({ "error": why }),
            };
            (id.to_string(), budget)
        });
        json!({
            "at": self.at.to_string(),
            "queue": queue(&self.queue),
            "parked": queue(&self.dead_letters),
            "runs": match &self.runs {
                Some(Ok(runs)) => queue(runs),
                Some(Err(why)) => json!({ "error": why }),
                None => Value::Null,
            },
            "orgs": orgs.collect::<serde_json::Map<_, _>>(),
        })
    }
}
