//! `campaign-sync reconcile`: compares campaigns with the CRM's feed from the operator's machine.
//!
//! It runs the code of the function, `functions/reconcile`, without Lambda's 15 minutes: how
//! contacts are compared is decided there. Here are the arguments, and in `report` what a run
//! prints. The loop over the stretches of a run is in `stretches.rs`. Schedules are set by
//! `campaign-sync schedule`.

mod report;

use domain::change::{CampaignId, OrgId};
use io::{Clock, Config};
use jiff::Timestamp;
use reconcile::{Cursor, Input, Read, Task};

use crate::args::{self, Since};
use crate::stretches::until_stopped;
use report::Report;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  campaign-sync reconcile --org acme-us --campaign 5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11 --dry-run
  campaign-sync reconcile --org acme-us --campaign 5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11 --since 2h
  campaign-sync reconcile --org acme-us --campaign 5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11 --json | jq .columns
  campaign-sync reconcile --org acme-us --campaign 5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11 --remove-unknown --dry-run

It reads the environment: QUEUE_URL is required; SECRET_PREFIX, APPLY_CONCURRENCY, TOP_UP and, in local
runs, GENESYS_BASE_URL may be set. AWS credentials and region come from where the AWS SDK looks for them (AWS_PROFILE,
AWS_REGION, AWS_ENDPOINT_URL, …). Ctrl-C ends it cleanly: it enqueues what it found and prints the cursor from which to go on.
If too much of a campaign differs and too little was compared to know whether the feed is right, it enqueues only opt-outs,
and the cursor goes back to the beginning of that campaign.

The exit status is 0 when all was compared and all that differs is in the queue (with --dry-run: would be), 1 when not so, 2 when
the command could not run.")]
pub(crate) struct Args {
    /// The org, whose secrets are {prefix}/org/{org} and {prefix}/feed/{org}
    #[arg(long, value_parser = args::org)]
    org: OrgId,
    /// A campaign; may be given several times
    #[arg(long = "campaign", value_name = "CAMPAIGN_ID", required = true, value_parser = args::campaign)]
    campaigns: Vec<CampaignId>,
    /// Asks the feed only for contacts that changed since this time, such as 2026-11-24T16:00:00Z,
    /// or within this time, such as 90m, 48h or 2d. Without it, asks for all contacts
    #[arg(long, value_parser = args::since, allow_hyphen_values = true)]
    since: Option<Since>,
    /// Compares, counts and lists, and enqueues nothing
    #[arg(long)]
    dry_run: bool,
    /// If more than this share of a campaign's contacts differ, and more than 100, enqueues nothing
    /// but opt-outs of the other campaigns
    #[arg(long, value_name = "PERCENT", default_value = "20%", value_parser = args::percent, allow_hyphen_values = true)]
    max_drift_percent: u64,
    /// Enqueues everything that differs, however many contacts that is
    #[arg(long)]
    force: bool,
    /// The cursor at which an earlier run stopped; uses that run's --since
    #[arg(long, value_parser = args::cursor)]
    cursor: Option<Cursor>,
    /// How to read the campaigns: bulk reads fifty contacts a call, export reads the whole contact
    /// list with a handful of calls. Without it: bulk, and export once bulk has taken 20 calls
    #[arg(long, value_name = "export|bulk", value_parser = read)]
    read: Option<Read>,
    /// Asks for all contacts, and also counts those that the campaign has and the feed does not
    /// list
    #[arg(long, conflicts_with = "since")]
    full: bool,
    /// Asks the feed for all contacts twice, and makes the campaign's contacts that it lists
    /// neither time not callable. Deletes nobody and repairs nothing else. Only for one campaign,
    /// whose contact list no other campaign uses
    #[arg(long, conflicts_with_all = ["since", "cursor"])]
    remove_unknown: bool,
    /// Prints one JSON object instead of the tables
    #[arg(long)]
    json: bool,
}

fn read(text: &str) -> Result<Read, String> {
    Read::of(text).ok_or_else(|| "expected export or bulk".to_owned())
}

/// Runs and prints the report. Returns whether all was compared and all that differs was enqueued.
pub(crate) fn run(args: &Args) -> Result<bool, String> {
    let config = Config::from_env().map_err(|error| error.to_string())?;
    let now = Clock::system().now();
    check(args, now)?;
    let report: Report = crate::block_on(until_stopped(config, input(args, now)))?;
    let shown = if args.json {
        report.json()?
    } else {
        report.table()
    };
    crate::print(&shown)?;
    Ok(report.is_complete())
}

/// Checks what only several arguments together can show.
fn check(args: &Args, now: Timestamp) -> Result<(), String> {
    let campaigns = &args.campaigns;
    if let Some((_, twice)) = campaigns
        .iter()
        .enumerate()
        .find(|(place, id)| campaigns[..*place].contains(id))
    {
        return Err(format!("--campaign {twice} is given twice"));
    }
    if args
        .cursor
        .as_ref()
        .is_some_and(|cursor| !cursor.is_of(&args.org, campaigns))
    {
        return Err(
            "--cursor: expected the cursor of a run of this org and these campaigns".to_owned(),
        );
    }
    if args.remove_unknown && campaigns.len() > 1 {
        return Err("--remove-unknown takes one --campaign".to_owned());
    }
    if args.remove_unknown && args.read == Some(Read::Bulk) {
        return Err("--remove-unknown needs --read export, or no --read".to_owned());
    }
    if args.full && args.read == Some(Read::Bulk) {
        return Err("--full needs --read export, or no --read".to_owned());
    }
    args.since.map_or(Ok(()), |since| since.past(now).map(drop))
}

fn input(args: &Args, now: Timestamp) -> Input {
    let (is_full, task) = if args.remove_unknown {
        (true, Task::RemoveUnknown)
    } else {
        (args.full, Task::Repair)
    };
    let since = args
        .since
        .map_or(Timestamp::UNIX_EPOCH, |since| since.time(now));
    Input {
        org: args.org.clone(),
        campaigns: args.campaigns.clone(),
        since,
        run: now,
        dry_run: args.dry_run,
        max_drift_percent: args.max_drift_percent,
        force: args.force,
        cursor: args.cursor.clone(),
        full: is_full,
        read: if is_full {
            Read::Export
        } else {
            args.read.unwrap_or_default()
        },
        task,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: Args,
    }

    fn parsed(more: &[&str]) -> Result<Input, String> {
        let words = ["reconcile", "--org", "acme", "--campaign", "c1"];
        let words = words.iter().chain(more);
        let parsed = Command::try_parse_from(words).map_err(|error| error.to_string())?;
        let now = Timestamp::UNIX_EPOCH;
        check(&parsed.args, now)?;
        Ok(input(&parsed.args, now))
    }

    #[test]
    fn contacts_that_the_crm_does_not_list_are_removed_by_whole_runs_of_one_campaign() {
        let input = parsed(&["--remove-unknown"]).unwrap();
        assert!(input.full && !input.force && !input.dry_run);
        assert_eq!(
            (input.read, input.task),
            (Read::Export, Task::RemoveUnknown)
        );
        assert_eq!(input.since, Timestamp::UNIX_EPOCH);
        for task in [parsed(&[]), parsed(&["--full"])] {
            assert_eq!(task.unwrap().task, Task::Repair);
        }
        for (more, expected) in [
            (
                ["--campaign", "c2"],
                "--remove-unknown takes one --campaign",
            ),
            (
                ["--read", "bulk"],
                "--remove-unknown needs --read export, or no --read",
            ),
            (["--since", "2h"], "cannot be used with"),
        ] {
            let words = [&more[..], &["--remove-unknown"]].concat();
            let error = parsed(&words).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
