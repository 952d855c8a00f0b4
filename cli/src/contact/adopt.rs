//! `campaign-sync contact adopt`: marks contacts that the CRM opted out before there were marks.
//!
//! The command reads feed and campaign by the code of reconcile (`crate::stretches`). What is
//! counted and printed is in `report`.

mod report;

use domain::change::{CampaignId, OrgId};
use io::{Clock, Config};
use jiff::Timestamp;
use reconcile::{Cursor, Input, Task};

use crate::args;
use crate::stretches::until_stopped;
use report::Report;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  campaign-sync contact adopt --org acme-us --campaign 5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11
  campaign-sync contact adopt --org acme-us --campaign 5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11 --yes

It reads the CRM's whole feed, and each contact of the campaign that the feed opts out. It adopts those that are not callable and
have no mark in their version column, as version 0.1 left contacts that it made not callable. To adopt a contact it enqueues a change
in the contact's own message group, which lets apply set the mark. The mark says that campaign-sync itself made the contact not
callable. From then on an opt-in of the CRM may make it callable again, if raise in the org's secret is own, the default. (With
always an opt-in may do so already, and with never it may not.)

It makes nobody callable and nobody not callable, and alters no column but the version column. Apply sets the mark only where the
contact is as it was read here; otherwise it ends as stale.

Nobody knows who made those contacts not callable. If an agent took somebody out whom the CRM opted out too, a later opt-in of the
CRM makes them callable. So look at the numbers first: without --yes nothing is enqueued.

It fills the queue no deeper than reconcile does, and waits for room. Ctrl-C ends it cleanly, and prints the cursor from which to go
on. If you run it again from the beginning, it finds the contacts that are marked by then.

It reads the environment: QUEUE_URL is required; SECRET_PREFIX, APPLY_CONCURRENCY, TOP_UP and, in local
runs, GENESYS_BASE_URL may be set. AWS credentials and region come from where the AWS SDK looks for them (AWS_PROFILE,
AWS_REGION, AWS_ENDPOINT_URL, …).

The exit status is 0 when everything was looked at and, with --yes, all adoptions are in the queue, 1 when not, 2 when the command
could not run.")]
pub(super) struct Args {
    /// The org; names the secrets {prefix}/org/{org} and {prefix}/feed/{org}
    #[arg(long, value_parser = args::org)]
    org: OrgId,
    /// The campaign whose contacts are looked at
    #[arg(long, value_name = "CAMPAIGN_ID", value_parser = args::campaign)]
    campaign: CampaignId,
    /// Enqueues the adoptions; without it they are only counted
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
    /// Counts and enqueues nothing, as without --yes
    #[arg(long)]
    dry_run: bool,
    /// Also adopts contacts for which the campaign holds something newer than the feed. Use it
    /// only if the feed is up to date and the newer values came from elsewhere; otherwise they
    /// may be an opt-in
    #[arg(long)]
    also_newer: bool,
    /// The cursor at which an earlier run stopped
    #[arg(long, value_parser = args::cursor)]
    cursor: Option<Cursor>,
    /// Prints one JSON object instead of the table
    #[arg(long)]
    json: bool,
}

/// Runs the command, prints its result, and returns whether everything was looked at and enqueued.
pub(super) fn run(args: &Args, config: Config) -> Result<bool, String> {
    let of_these = std::slice::from_ref(&args.campaign);
    // A cursor of reconcile looks only at what the CRM changed lately.
    let is_other = |cursor: &Cursor| {
        !cursor.is_of(&args.org, of_these) || !cursor.is_since(Timestamp::UNIX_EPOCH)
    };
    if args.cursor.as_ref().is_some_and(is_other) {
        return Err(
            "--cursor: expected the cursor of a contact adopt of this org and this campaign"
                .to_owned(),
        );
    }
    let input = input(args, Clock::system().now());
    let report: Report = crate::block_on(until_stopped(config, input))?;
    let shown = if args.json {
        report.json(args.also_newer)
    } else {
        report.table(args.also_newer)
    };
    crate::print(&shown)?;
    Ok(report.is_complete())
}

fn input(args: &Args, now: Timestamp) -> Input {
    Input {
        org: args.org.clone(),
        campaigns: vec![args.campaign.clone()],
        since: Timestamp::UNIX_EPOCH,
        run: now,
        dry_run: !args.yes,
        // The limit on drift does not apply, since no repair is enqueued.
        max_drift_percent: 100,
        force: false,
        cursor: args.cursor.clone(),
        full: false,
        read: reconcile::Read::default(),
        task: Task::Adopt {
            also_newer: args.also_newer,
        },
    }
}
