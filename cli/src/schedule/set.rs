//! `campaign-sync schedule set`: makes or replaces the schedule of an org.
//!
//! The target is the same as the one that template.yaml gives the stack's own schedule. `super`
//! lists and removes schedules.

use aws_config::SdkConfig;
use aws_sdk_scheduler::Client;
use aws_sdk_scheduler::types::{
    DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode, RetryPolicy, ScheduleState,
    SqsParameters, Target,
};
use domain::change::{CampaignId, OrgId};
use io::Clock;
use io::config::ScheduleConfig;
use io::genesys::UNKNOWN_CAMPAIGN;
use reconcile::Input;
use serde_json::{Value, json};

use super::stored::StoredSchedule;
use super::{failed, is_missing, known, late, name, of_stack};
use crate::args;
use crate::table::counted;

#[derive(clap::Args)]
pub(super) struct Set {
    /// The org whose campaigns are compared
    #[arg(long, value_parser = args::org)]
    org: OrgId,
    /// The campaigns: 1 to 100 ids, separated by commas
    #[arg(long, value_name = "IDS", value_delimiter = ',', required = true, value_parser = args::campaign)]
    campaigns: Vec<CampaignId>,
    /// How often reconcile runs, in the syntax of EventBridge Scheduler
    #[arg(long, default_value = "rate(15 minutes)", value_parser = rate)]
    rate: String,
    /// Each run asks the feed for what changed in this many minutes before it, and for everything
    /// since the last run. Choose the longest time after which the CRM may show a change. A
    /// campaign's first run looks back only this far
    #[arg(long, value_name = "MINUTES", default_value_t = 60, value_parser = args::number_of::<u64>("minutes", 1..=5_256_000), allow_hyphen_values = true)]
    window: u64,
    /// If more than this share of a campaign's contacts differ, and more than 100, a run
    /// enqueues nothing but opt-outs of its other campaigns
    #[arg(long, value_name = "PERCENT", default_value = "20%", value_parser = args::percent, allow_hyphen_values = true)]
    max_drift_percent: u64,
}

fn rate(text: &str) -> Result<String, String> {
    let is_rate = late::every(text).is_some_and(|every| !every.is_zero());
    let is_cron = text.starts_with("cron(") && text.ends_with(')');
    match is_rate || is_cron {
        true => Ok(text.to_owned()),
        false => Err("expected rate(N minutes), rate(N hours), rate(N days) or cron(…)".to_owned()),
    }
}

/// Makes the schedule, or replaces it, unless a campaign is unknown.
pub(super) async fn set(
    sdk: &SdkConfig,
    client: &Client,
    stack: &str,
    args: &Set,
) -> Result<bool, String> {
    let config = ScheduleConfig::from_env().map_err(|error| error.to_string())?;
    let name = name(stack, &args.org);
    check_campaigns(&args.campaigns)?;
    let mut input = json!({
        "org": args.org.as_str(),
        "campaignIds": args.campaigns.iter().map(CampaignId::as_str).collect::<Vec<_>>(),
        "windowMinutes": args.window,
        "maxDriftPercent": args.max_drift_percent,
    });
    Input::parse(&input, Clock::system().now()).map_err(|error| error.to_string())?;
    input["scheduledTime"] = "<aws.scheduler.scheduled-time>".into();
    let own = StoredSchedule::get(client, &of_stack(stack)).await?;
    if own.is_some_and(|own| own.is_on && own.group.as_deref() == Some(args.org.as_str())) {
        return Err(format!(
            "{} has this org already, by the parameter ReconcileOrg: change its campaigns by ReconcileCampaignIds, or deploy \
             without ReconcileOrg first",
            of_stack(stack)
        ));
    }
    look_for_campaigns(sdk, args).await?;
    let target = target(&config, &args.org, &input)?;
    let done = put(client, &name, args, target).await?;
    let campaigns = counted(args.campaigns.len() as u64, "campaign");
    let first = first_run(args).map(|note| format!("\n{note}"));
    crate::print(&format!(
        "{name} is {done}: {campaigns} of {}, {}{}",
        args.org,
        args.rate,
        first.unwrap_or_default()
    ))?;
    Ok(true)
}

/// Refuses more campaigns than a run may have, and a campaign that is named twice.
fn check_campaigns(campaigns: &[CampaignId]) -> Result<(), String> {
    let is_new = |(place, id): (usize, &CampaignId)| !campaigns[..place].contains(id);
    match campaigns.len() <= 100 && campaigns.iter().enumerate().all(is_new) {
        true => Ok(()),
        false => Err("--campaigns: expected 1 to 100 different ids".to_owned()),
    }
}

/// Refuses campaigns that Genesys Cloud does not have, and warns if it does not answer.
async fn look_for_campaigns(sdk: &SdkConfig, args: &Set) -> Result<(), String> {
    let asked = known::ask(sdk, &args.org, &args.campaigns).await;
    if let Some(why) = asked.unusable_secret {
        return Err(format!("org {}: {why}; nothing is set", args.org));
    }
    if !asked.unknown.is_empty() {
        let unknown: Vec<_> = asked.unknown.iter().map(CampaignId::as_str).collect();
        return Err(format!(
            "org {} has no such campaign in Genesys Cloud: {}: {UNKNOWN_CAMPAIGN}; nothing is set",
            args.org,
            unknown.join(", ")
        ));
    }
    if let Some(why) = asked.untold {
        eprintln!(
            "campaign-sync: whether Genesys Cloud has these campaigns is not known ({why}); campaign-sync check tells"
        );
    }
    Ok(())
}

/// A warning about what the first run leaves out if the window is shorter than the rate. Each later
/// run also covers the time since the last one.
fn first_run(args: &Set) -> Option<String> {
    let rate = late::every(&args.rate)?.as_secs() / 60;
    (args.window < rate).then(|| {
        format!(
            "The window is shorter than the rate: each run covers all changes since the run before, but a \
             campaign's first run looks back only {}",
            counted(args.window, "minute")
        )
    })
}

/// Makes the schedule or replaces it, and returns which of the two.
async fn put(
    client: &Client,
    name: &str,
    args: &Set,
    target: Target,
) -> Result<&'static str, String> {
    let window = FlexibleTimeWindow::builder()
        .mode(FlexibleTimeWindowMode::Off)
        .build()
        .map_err(|error| error.to_string())?;
    let description = format!("Runs reconcile for {}", args.org);
    let call = client
        .update_schedule()
        .name(name)
        .description(&description)
        .schedule_expression(&args.rate)
        .state(ScheduleState::Enabled)
        .flexible_time_window(window.clone())
        .target(target.clone());
    match call.send().await {
        Ok(_) => Ok("replaced"),
        Err(error) if is_missing(&error) => {
            let call = client
                .create_schedule()
                .name(name)
                .description(&description)
                .schedule_expression(&args.rate)
                .state(ScheduleState::Enabled)
                .flexible_time_window(window)
                .target(target);
            call.send().await.map_err(|error| failed(&error))?;
            Ok("made")
        }
        Err(error) => Err(failed(&error)),
    }
}

fn target(config: &ScheduleConfig, org: &OrgId, input: &Value) -> Result<Target, String> {
    let group = SqsParameters::builder().message_group_id(org.as_str());
    let dead = DeadLetterConfig::builder().arn(&config.failed_runs_queue_arn);
    // The same values as template.yaml has for the stack's own schedule.
    let retry = RetryPolicy::builder()
        .maximum_retry_attempts(2)
        .maximum_event_age_in_seconds(900);
    Target::builder()
        .arn(&config.runs_queue_arn)
        .role_arn(&config.schedule_role_arn)
        .sqs_parameters(group.build())
        .dead_letter_config(dead.build())
        .retry_policy(retry.build())
        .input(input.to_string())
        .build()
        .map_err(|error| error.to_string())
}
