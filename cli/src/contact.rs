//! `campaign-sync contact`: what is known of a contact, and what an operator may do about it.
//!
//! `show` is in `contact/show.rs` and rests on `look`, `story` and `why`. `adopt` is in
//! `contact/adopt.rs`. `reset-rank` is here: it reads a contact and enqueues one change. The change
//! itself is made and applied by `domain::change` and apply.

mod adopt;
pub(crate) mod look;
pub(crate) mod show;
pub(crate) mod story;
pub(crate) mod why;

use std::sync::Arc;

use domain::Change;
use domain::change::{
    CampaignId, ContactKey, EventId, IfAbsent, MessageGroup, Operation, OrgId, Rank, RankReset,
};
use domain::contact::Contact;
use io::genesys::{Campaign, Run};
use io::queue::{Sqs, enqueue};
use io::secrets::OrgSecret;
use io::{Clock, Config};
use serde_json::json;

use crate::{args, connect, one_contact};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Shows why a contact is not called, what Genesys Cloud holds of it, and what became of its
    /// changes
    Show(show::Args),
    /// Lowers a stored rank that is so high that every later change is stale
    ResetRank(ResetRank),
    /// Marks contacts that the CRM opted out under version 0.1, so that it may opt them in again
    Adopt(adopt::Args),
}

#[derive(clap::Args)]
#[command(after_help = "Examples:
  campaign-sync contact reset-rank LEAD-00042 --org acme-us --campaign 5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11 \\
    --reason 'the CRM sent a version of the year 2109' --to 1764000000000 --dry-run
  campaign-sync contact reset-rank - --org acme-us --campaign 5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11 \\
    --reason 'the CRM sent a version of the year 2109' < key.txt

It reads the contact and enqueues the reset in the contact's own message group. Apply carries it out in its turn, and only if
the contact still stores the rank that this command read; otherwise it ends as stale. Columns and callable stay as they are,
so bring the contact up to date afterwards: let the CRM send it again, or run campaign-sync reconcile.

A rank that is not ahead is reset only with --force: it is mostly right, and after a reset an older change applies, also an opt-in.

With --to, the version that the CRM has of the contact now, nothing older is applied and reconcile repairs the columns.
Without it no rank is stored, and the next change applies whatever its rank, even an old one that comes late.

It reads the environment: QUEUE_URL is required; SECRET_PREFIX and, in local runs, GENESYS_BASE_URL may be
set. AWS credentials and region come from where the AWS SDK looks for them (AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL, …).

The exit status is 0 when the reset is in the queue (with --dry-run: would be), 1 when there is no rank to reset, 2 when the
rank is not ahead and --force is missing, or when the command could not run.")]
struct ResetRank {
    /// The contact's key; - reads it from standard input, so that it does not appear in the shell's
    /// history
    #[arg(value_name = "KEY")]
    key: String,
    /// The contact's org; names the secret {prefix}/org/{org}
    #[arg(long, value_parser = args::org)]
    org: OrgId,
    /// The contact's campaign
    #[arg(long, value_name = "CAMPAIGN_ID", value_parser = args::campaign)]
    campaign: CampaignId,
    /// The reason, for the log of apply: 1 to 200 characters, and no personal data
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The rank to store instead, lower than the stored one [default: none]
    #[arg(long, value_name = "RANK", value_parser = rank, allow_hyphen_values = true)]
    to: Option<Rank>,
    /// Resets the rank though it is not ahead: afterwards older changes apply too
    #[arg(long)]
    force: bool,
    /// Shows what would be done, and enqueues nothing
    #[arg(long)]
    dry_run: bool,
    /// Prints one JSON object instead of text
    #[arg(long)]
    json: bool,
}

fn rank(text: &str) -> Result<Rank, String> {
    Rank::from_text(text)
        .ok_or_else(|| "expected a whole number from 0 to 9007199254740991".to_owned())
}

/// Runs the command, prints its result, and returns whether there was something to do.
pub(crate) fn run(args: &Args) -> Result<bool, String> {
    let config = || Config::from_env().map_err(|error| error.to_string());
    match &args.command {
        Command::Adopt(args) => adopt::run(args, config()?),
        Command::Show(args) => show::run(args),
        Command::ResetRank(args) => {
            args::reason(&args.reason)?;
            let config = config()?;
            let key = one_contact::one_key(&args.key)?;
            crate::block_on(reset_rank(args, &key, config))
        }
    }
}

async fn reset_rank(args: &ResetRank, key: &ContactKey, config: Config) -> Result<bool, String> {
    let (https, sdk) = connect::clients().await?;
    let queue_url = config.queue_url.clone();
    let org = connect::org(config, &sdk, Arc::new(https), &args.org);
    let run = Run::patient(None);
    let failed = |failure| connect::failed(&args.org, &args.campaign, &failure);
    let secret = org.open(&run).await.map_err(failed)?;
    if secret.rules.ranking().is_none() {
        return Err(format!(
            "org {}: its secret has no versionField, so that no ranks are stored",
            args.org
        ));
    }
    let campaign = Campaign::open(org, &args.campaign, &secret, run)
        .await
        .map_err(failed)?;
    let contact = campaign.read(key).await.map_err(failed)?;
    let contact = contact.ok_or_else(|| {
        let group = MessageGroup::of(&args.org, &args.campaign, key);
        format!(
            "contact {}: there is no such contact, or it cannot be read yet",
            group.as_str()
        )
    })?;
    let Some(stored) = contact.version.rank else {
        crate::print(&if args.json {
            json!({ "storedRank": null, "enqueued": false }).to_string()
        } else {
            "The contact stores no rank: there is nothing to reset.".to_owned()
        })?;
        return Ok(false);
    };
    let reset = reset(args, stored, &secret)?;
    let change = change(args, key, reset)?;
    if !args.dry_run {
        let done = enqueue(&Sqs::new(&sdk), &queue_url, std::slice::from_ref(&change)).await;
        if done.accepted.is_empty() {
            let why = done.unavailable;
            return Err(why.unwrap_or_else(|| "the queue does not take it".to_owned()));
        }
    }
    crate::print(&shown(args, &change, &contact, stored, &secret))?;
    Ok(true)
}

fn reset(args: &ResetRank, stored: Rank, secret: &OrgSecret) -> Result<RankReset, String> {
    let ahead = |rank| one_contact::ahead(&secret.rules, rank, Clock::system().now());
    if let Some(to) = args.to
        && let Some(what) = ahead(to)
    {
        return Err(format!(
            "--to {to}: expected a rank that is not ahead itself: it is {what}"
        ));
    }
    let reset = RankReset::new(stored, args.to, &args.reason)
        .map_err(|expected| format!("--to: {expected}, {stored}"))?;
    if ahead(stored).is_none() && !args.force {
        return Err(format!(
            "the stored rank {stored} is not ahead: look whether it is really wrong, and pass --force if it is"
        ));
    }
    Ok(reset)
}

fn change(args: &ResetRank, key: &ContactKey, reset: RankReset) -> Result<Change, String> {
    let now = Clock::system().now().as_millisecond();
    Ok(Change {
        org: args.org.clone(),
        campaign: args.campaign.clone(),
        key: key.clone(),
        // The event id differs each time: if a rank is reset again within five minutes, it
        // was spoilt again.
        event_id: EventId::parse(&format!("reset-rank-{now}-{}", reset.from()))?,
        version: None,
        occurred_at: None,
        source: None,
        if_absent: IfAbsent::Create,
        operation: Operation::ResetRank(reset),
    })
}

fn shown(
    args: &ResetRank,
    change: &Change,
    contact: &Contact,
    stored: Rank,
    secret: &OrgSecret,
) -> String {
    let ahead = one_contact::ahead(&secret.rules, stored, Clock::system().now());
    let (group, event_id) = (change.message_group(), change.event_id.as_str());
    if args.json {
        return json!({
            "group": group.as_str(), "storedRank": stored, "isAhead": ahead.is_some(), "newRank": args.to,
            "callable": contact.callable, "reason": args.reason, "eventId": event_id, "enqueued": !args.dry_run,
            "dryRun": args.dry_run,
        })
        .to_string();
    }
    let ahead = ahead.unwrap_or("not ahead");
    let mut lines = vec![
        format!("Contact {}", group.as_str()),
        format!("stored rank: {stored}, {ahead}"),
        match args.to {
            Some(to) => format!("new rank: {to}"),
            None => "new rank: none, so that the next change applies whatever its rank".to_owned(),
        },
    ];
    if args.to.is_none() && !contact.callable {
        lines.push(
            "The contact may not be called, and an older change that says otherwise would apply: better give --to the version \
             that the CRM has of it."
                .to_owned(),
        );
    }
    lines.push(if args.dry_run {
        "A dry run: nothing was enqueued.".to_owned()
    } else {
        format!("Enqueued as {event_id}: the log of apply says what became of it.")
    });
    lines.join("\n")
}
