//! `campaign-sync schedule`: sets, lists and removes the schedules of reconcile, one for each org.
//!
//! This file lists and removes them, and `set` makes them. `stored` reads schedules and finds what
//! is wrong with them, `known` asks whether the campaigns exist, and `late` finds out whether the
//! runs come. A run itself is made by `functions/reconcile`.

mod known;
mod late;
mod set;
mod stored;

use aws_config::SdkConfig;
use aws_sdk_scheduler::Client;
use aws_sdk_scheduler::error::{ProvideErrorMetadata, SdkError};
use domain::change::OrgId;
use io::Clock;
use io::aws::code_or_reason;
use io::config::checked_stack_name;
use io::records::ParameterStore;
use serde_json::json;

use crate::args;
use crate::table::table;
use set::Set;
use stored::StoredSchedule;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  campaign-sync schedule set --org acme-eu --campaigns c3d9f7e6-1b2a-4c5d-9e8f-7a6b5c4d3e33 --rate 'rate(15 minutes)'
  campaign-sync schedule list
  campaign-sync schedule remove --org acme-eu

The schedule of an org is {stack}-reconcile-{org} in EventBridge Scheduler. {stack}-reconcile is the stack's own schedule,
from the parameters ReconcileOrg and ReconcileCampaignIds; list shows it, and set and remove do not change it.

set reads RUNS_QUEUE_ARN, SCHEDULE_ROLE_ARN and FAILED_RUNS_QUEUE_ARN from the environment: the outputs RunsQueueArn,
ScheduleRoleArn and FailedRunsQueueArn of the stack. Before it sets anything, it asks Genesys Cloud for each campaign, with
the secret {prefix}/org/{org} (SECRET_PREFIX). If your credentials may not read that secret, it warns and goes on. STACK_NAME
names the stack, campaign-sync if it is not set. AWS credentials and region come from where the AWS SDK looks for them
(AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL, …). It needs scheduler:ListSchedules, and on schedule/default/{stack}-reconcile*
scheduler:GetSchedule, CreateSchedule, UpdateSchedule and DeleteSchedule; set also iam:PassRole on the role, and list
ssm:GetParameter on parameter/campaign-sync/{stack}/reconcile/*.

\"looked at\" says how long ago all changes of the org's campaigns had been looked at, by the record of its runs.

set ends with 0 when it is done. remove ends with 0 when it is done, and with 1 when there is none to remove. list ends with 0 when
every schedule is on, brings its runs one after the other, and each of its campaigns was looked at within twice its rate (within 8
days, if it is no rate). It ends with 1 when that is not so, or when the record of an org cannot be read. Each ends with 2 when the
command could not run.")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Creates or replaces the schedule of an org
    Set(Set),
    /// Lists the schedules of the stack
    List {
        /// Prints one JSON object instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Removes the schedule of an org; runs that wait or are under way go on
    Remove {
        /// The org whose schedule is removed
        #[arg(long, value_parser = args::org)]
        org: OrgId,
    },
}

/// Runs the command, prints its result, and returns whether everything is right.
pub(crate) fn run(args: &Args) -> Result<bool, String> {
    crate::block_on(async {
        let sdk = io::aws::sdk_config().await;
        let stack = checked_stack_name().map_err(|error| error.to_string())?;
        let client = Client::new(&sdk);
        match &args.command {
            Command::Set(args) => set::set(&sdk, &client, &stack, args).await,
            Command::List { json } => list(&sdk, &client, &stack, *json).await,
            Command::Remove { org } => remove(&client, &name(&stack, org)).await,
        }
    })
}

fn name(stack: &str, org: &OrgId) -> String {
    format!("{}-{org}", of_stack(stack))
}

fn of_stack(stack: &str) -> String {
    format!("{stack}-reconcile")
}

async fn list(
    sdk: &SdkConfig,
    client: &Client,
    stack: &str,
    as_json: bool,
) -> Result<bool, String> {
    let (records, now) = (ParameterStore::new(sdk), Clock::system().now());
    let mut all = Vec::new();
    for found in StoredSchedule::all(client, &of_stack(stack)).await? {
        let seen = late::seen(&records, stack, &found, now).await;
        all.push((found, seen));
    }
    let is_well = all.iter().all(|(found, seen)| found.is_well(seen.as_ref()));
    if as_json {
        let schedules = all.iter().map(|(found, seen)| found.json(seen.as_ref()));
        let schedules: Vec<_> = schedules.collect();
        crate::print(&json!({ "schedules": schedules }).to_string())?;
        return Ok(is_well);
    }
    if all.is_empty() {
        let own = of_stack(stack);
        crate::print(&format!(
            "Stack {stack} has no schedule: none in this account and region is called {own} or {own}-ORG. STACK_NAME names the stack."
        ))?;
        return Ok(is_well);
    }
    let header = ["schedule", "org", "rate", "campaigns", "looked at", ""];
    let mut rows = table(header.map(str::to_owned));
    for (found, seen) in &all {
        rows.add_row(found.row(seen.as_ref()));
    }
    crate::print(&rows.to_string())?;
    Ok(is_well)
}

async fn remove(client: &Client, name: &str) -> Result<bool, String> {
    match client.delete_schedule().name(name).send().await {
        Ok(_) => {
            crate::print(&format!("{name} is removed"))?;
            Ok(true)
        }
        Err(error) if is_missing(&error) => {
            crate::print(&format!("there is no schedule {name}"))?;
            Ok(false)
        }
        Err(error) => Err(failed(&error)),
    }
}

fn is_missing<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.code() == Some("ResourceNotFoundException")
}

fn failed<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    let code = code_or_reason(error);
    let message = error.message().map(|message| format!(": {message}"));
    format!(
        "EventBridge Scheduler: {code}{}",
        message.unwrap_or_default()
    )
}
