//! `campaign-sync dlq`: lists, shows, redrives and drops the parked changes (docs/contract.md
//! "Parked messages").
//!
//! This file reads arguments and prints. The queue itself is in `queue`, one message in `parked`,
//! whether it may be an opt-out in `opt_out`, the choice of messages in `which`, sending again in
//! `redrive`, and its result in `report`. The console uses the same code.

mod opt_out;
pub(crate) mod parked;
pub(crate) mod queue;
pub(crate) mod redrive;
pub(crate) mod report;
pub(crate) mod rules;
mod which;

use std::time::Duration;

use io::Clock;
use io::config::DlqConfig;
use io::secrets::SecretsManager;
use serde_json::json;

use crate::connect;
use crate::table::{left, number, span, table};
use parked::Parked;
use queue::DeadLetters;
use redrive::{RedriveOptions, redrive};
use rules::Rules;
pub(crate) use which::Selection;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  campaign-sync dlq list
  campaign-sync dlq show 5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11
  campaign-sync dlq redrive --reason retryHorizon --dry-run
  campaign-sync dlq show 5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11 --body > item.json
  campaign-sync dlq redrive --org acme-us --rate 5/s
  campaign-sync dlq drop 5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11

It reads DEAD_LETTER_QUEUE_URL and, for redrive, QUEUE_URL and SECRET_PREFIX from the environment, as the functions do. AWS
credentials and region come from where the AWS SDK looks for them (AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL, …). Messages
that it looks at are invisible to others for two minutes at most. It sees only the first ten messages of a message group; the
others appear when these are gone.

The exit status is 0 when everything was done, 1 when something was left, 2 when the command could not run.")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
    /// Prints JSON instead of tables
    #[arg(long, global = true)]
    json: bool,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Lists parked changes, the oldest first, without any contact key or value
    List(Selection),
    /// Shows one parked change, without its contact key and values
    Show {
        /// The id, as `list` prints it
        id: String,
        /// Also shows the contact key and the values, as they were sent
        #[arg(long)]
        reveal: bool,
        /// Prints only what was sent, unchanged, with contact key and values. For an
        /// unmapped item this is what `source test` reads
        #[arg(long, conflicts_with = "reveal")]
        body: bool,
    },
    /// Redrives parked changes: sends them again in their message groups and in order, and deletes
    /// them from the dead-letter queue
    Redrive {
        #[command(flatten)]
        which: Selection,
        /// The most changes a second; an unmapped item may become several. With predictive, 300
        /// calls a minute are enough for two and a half changes a second
        #[arg(long, value_name = "N/s", default_value = "2/s", value_parser = rate, allow_hyphen_values = true)]
        rate: u32,
        /// Also sends changes without a rank, which may overwrite newer data
        #[arg(long)]
        unranked: bool,
        /// Shows what would be sent, and sends nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Deletes one parked change for good
    Drop {
        /// The id, as `list` prints it
        id: String,
    },
}

fn rate(text: &str) -> Result<u32, String> {
    let number = text
        .strip_suffix("/s")
        .and_then(|number| number.parse().ok())
        .filter(|n| (1..=100).contains(n));
    number.ok_or_else(|| "expected changes a second, from 1/s to 100/s, such as 2/s".to_owned())
}

/// Runs the command, prints its result, and returns whether everything was done.
pub(crate) fn run(args: &Args) -> Result<bool, String> {
    let config = DlqConfig::from_env(matches!(args.command, Command::Redrive { .. }))
        .map_err(|error| error.to_string())?;
    crate::block_on(async {
        let (_, sdk) = connect::clients().await?;
        let queue = DeadLetters::new(&sdk, &config);
        match &args.command {
            Command::List(which) => list(&queue, which, args.json).await,
            Command::Show { id, body: true, .. } => show_body(&queue, id).await,
            Command::Show { id, reveal, .. } => show(&queue, id, *reveal, args.json).await,
            Command::Drop { id } => drop_one(&queue, id, args.json).await,
            Command::Redrive {
                which,
                rate,
                unranked,
                dry_run,
            } => {
                let secrets = SecretsManager::new(&sdk);
                let rules = Rules::new(secrets, config.secret_prefix.clone());
                let how = RedriveOptions {
                    which,
                    pause: Duration::from_secs(1) / *rate,
                    unranked: *unranked,
                    unranked_by: "--unranked",
                    dry_run: *dry_run,
                    told: &|| (),
                };
                let report = redrive(&queue, rules, &how).await;
                crate::print(&match (args.json, report.is_nothing()) {
                    (true, _) => report.json(),
                    (false, true) => which.nothing(),
                    (false, false) => report.text(*dry_run),
                })?;
                Ok(report.is_complete(*dry_run))
            }
        }
    })
}

async fn list(queue: &DeadLetters, which: &Selection, is_json: bool) -> Result<bool, String> {
    let mut all = queue.look(&|_| ()).await?;
    let hidden = queue.depth().await?.saturating_sub(all.len() as u64);
    let choice = which.choice();
    all.retain(|parked| choice.is_meant(parked));
    all.sort_by_key(|parked| parked.parked_at);
    let now = Clock::system().now();
    if is_json {
        let all: Vec<_> = all.iter().map(|parked| parked.shown(false)).collect();
        crate::print(&json!({ "parked": all, "hidden": hidden }).to_string())?;
        return Ok(true);
    }
    let hidden = match hidden {
        0 => String::new(),
        hidden => format!("\n{}", report::not_seen(hidden)),
    };
    if all.is_empty() {
        crate::print(&format!("{}{hidden}", which.nothing()))?;
        return Ok(true);
    }
    let mut shown = table(
        [
            "id", "parked", "reason", "org", "campaign", "event", "detail",
        ]
        .map(str::to_owned),
    );
    for parked in &all {
        let text = |member: &str| {
            parked::plain(&parked.body[member])
                .as_str()
                .unwrap_or("-")
                .to_owned()
        };
        shown.add_row([
            parked.id.clone(),
            parked
                .parked_at
                .map_or_else(|| "-".to_owned(), |at| format!("{} ago", span(at, now))),
            parked.reason.clone(),
            text("org"),
            text("campaignId"),
            text("eventId"),
            parked.detail.clone(),
        ]);
    }
    crate::print(&format!(
        "{}\n{} parked{hidden}",
        left(shown),
        number(all.len() as u64)
    ))?;
    Ok(true)
}

fn unknown(id: &str) -> String {
    format!(
        "{id}: no parked change has this id, or it is behind ten others of its message group (dlq list)"
    )
}

async fn find(queue: &DeadLetters, id: &str) -> Result<Parked, String> {
    let all = queue.look(&|_| ()).await?;
    let found = all.into_iter().find(|parked| parked.id == id);
    found.ok_or_else(|| unknown(id))
}

async fn show(queue: &DeadLetters, id: &str, reveal: bool, is_json: bool) -> Result<bool, String> {
    let shown = find(queue, id).await?.shown(reveal);
    let text = match is_json {
        true => serde_json::to_string(&shown),
        false => serde_json::to_string_pretty(&shown),
    };
    let text = text.map_err(|_| format!("{id}: it cannot be written as JSON: show its --body"))?;
    crate::print(&text)?;
    Ok(true)
}

async fn show_body(queue: &DeadLetters, id: &str) -> Result<bool, String> {
    crate::print(&find(queue, id).await?.text)?;
    Ok(true)
}

/// Deletes one parked message for good. `told` is called with the number of messages that were
/// looked at.
pub(crate) async fn delete(
    queue: &DeadLetters,
    id: &str,
    told: &(dyn Fn(usize) + Sync),
) -> Result<(), String> {
    let (mut all, ended) = queue.hold(told).await;
    // SQS deletes a message only while it is invisible under the handle with which it was
    // received.
    let deleted = match all.iter().position(|parked| parked.id == id) {
        Some(place) => queue.delete(&all.remove(place)).await,
        None => Err(ended.err().unwrap_or_else(|| unknown(id))),
    };
    queue.give_back(&all).await;
    deleted
}

async fn drop_one(queue: &DeadLetters, id: &str, is_json: bool) -> Result<bool, String> {
    delete(queue, id, &|_| ()).await?;
    crate::print(&if is_json {
        json!({ "dropped": id }).to_string()
    } else {
        format!("{id} is deleted.")
    })?;
    Ok(true)
}
