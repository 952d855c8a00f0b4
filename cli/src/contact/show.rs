//! `campaign-sync contact show`: prints what is known of one contact, and why it is not called.
//!
//! `look` gathers the facts and `why` explains them; this file reads arguments and prints.

use domain::change::{CampaignId, OrgId};
use futures_util::future::join;
use io::Clock;
use io::config::{DlqConfig, checked_stack_name};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::look::{ContactId, Looked, NotSeen, ParkedChange, ParkedOf, look};
use super::story::{CloudWatchLogs, Cut, Entry};
use super::why::{Finding, Says, answer, why};
use crate::args::Since;
use crate::dlq::parked::Parked;
use crate::dlq::queue::DeadLetters;
use crate::table::{left, table};
use crate::{args, connect, one_contact};

/// How far back the log is searched by default.
pub(crate) const SINCE: SignedDuration = SignedDuration::from_hours(48);

#[derive(clap::Args)]
#[command(after_help = "Examples:
  campaign-sync contact show LEAD-00042 --org acme-us --campaign 5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11
  campaign-sync contact show - --org acme-us --campaign 5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11 --since 7d < key.txt

It shows why the contact is not called, what Genesys Cloud holds of it now, which of its changes are parked, and what the log
of apply says about its changes, in order. It changes nothing, and takes four calls of the org's budget. The log knows the
contact only by its message group. Parked messages are looked at as by dlq list: they are invisible to others for two minutes
at most.

It reads the environment: QUEUE_URL and DEAD_LETTER_QUEUE_URL are required; SECRET_PREFIX and, in local runs,
GENESYS_BASE_URL may be set. AWS credentials and region come from where the AWS SDK looks for them (AWS_PROFILE, AWS_REGION,
AWS_ENDPOINT_URL, …). It needs logs:FilterLogEvents on the log group of apply.

The exit status is 0 when everything was looked at and nothing keeps the contact from being called, 1 when something does or may, or could
not be looked at, 2 when the command could not run, or nothing at all could be looked at.")]
pub(super) struct Args {
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
    /// How far back the log is searched: a time, or how long ago [default: 2d]
    #[arg(long, value_parser = args::since, allow_hyphen_values = true)]
    since: Option<Since>,
    /// The stack's name, which is part of the name of its log group [default: `STACK_NAME`, or
    /// campaign-sync]
    #[arg(long, value_name = "NAME", value_parser = args::stack)]
    stack: Option<String>,
    /// Prints one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// Runs the command, prints its result, and returns whether everything was looked at and nothing
/// keeps the contact from being called.
pub(super) fn run(args: &Args) -> Result<bool, String> {
    let (config, dlq) = DlqConfig::from_env_with_genesys().map_err(|error| error.to_string())?;
    let stack = match &args.stack {
        Some(stack) => stack.clone(),
        None => checked_stack_name().map_err(|error| error.to_string())?,
    };
    let now = Clock::system().now();
    let since = args.since.unwrap_or(Since::For(SINCE)).past(now)?;
    let key = one_contact::one_key(&args.key)?;
    let whom = ContactId {
        org: args.org.clone(),
        campaign: args.campaign.clone(),
        key,
    };
    let (looked, parked) = crate::block_on(async {
        let (https, sdk) = connect::clients().await?;
        let logs = CloudWatchLogs::new(&sdk, &stack);
        let of = (&config, &sdk, &https);
        let dead_letters = DeadLetters::new(&sdk, &dlq);
        let parked = dead_letters.look(&|_| ());
        let (looked, parked) = join(look(of, &logs, &whom, (now, since)), parked).await;
        let parked = parked.map(|all| of_group(all.iter(), &looked.group));
        Ok((looked, parked.map_err(NotSeen::Failed)))
    })?;
    if let (Err(genesys), Err(log), Err(NotSeen::Failed(parked))) =
        (&looked.genesys, &looked.story, &parked)
    {
        return Err(format!(
            "nothing could be looked at: {genesys}; {log}; {parked}"
        ));
    }
    let found = why(&looked, &parked);
    crate::print(&match args.json {
        true => json(&looked, &parked, &found).to_string(),
        false => text(&looked, &parked, &found),
    })?;
    Ok(found.iter().all(|one| one.says == Says::Passes))
}

/// The parked changes of one message group, the oldest first.
pub(crate) fn of_group<'a>(
    all: impl Iterator<Item = &'a Parked>,
    group: &str,
) -> Vec<ParkedChange> {
    let parked = |parked: &Parked| ParkedChange {
        id: parked.id.clone(),
        reason: parked.reason.clone(),
        detail: parked.detail.clone(),
        at: parked.parked_at,
        opt_out: parked.opt_out(),
    };
    let own = all.filter(|parked| parked.group == group);
    let mut all: Vec<_> = own.map(parked).collect();
    all.sort_by_key(|one| one.at);
    all
}

/// Each switch and column, by name.
pub(crate) fn holds(looked: &Looked) -> Vec<(String, String)> {
    let Some(contact) = looked.contact() else {
        return Vec::new();
    };
    let mut all = vec![("callable".to_owned(), contact.callable.to_string())];
    let statuses = contact.statuses.contactable().iter();
    all.extend(statuses.map(|(name, of)| (format!("channel {name}"), open(of, "contactable"))));
    let numbers = contact.statuses.phones().iter();
    all.extend(numbers.map(|(name, of)| (format!("number {name}"), open(of, "callable"))));
    let columns = contact.data.iter();
    all.extend(columns.map(|(name, value)| (name.clone(), value.clone())));
    all
}

fn open(status: &Value, switch: &str) -> String {
    match status[switch].as_bool() {
        Some(false) => "closed",
        _ => "open",
    }
    .to_owned()
}

fn text(looked: &Looked, parked: &ParkedOf, found: &[Finding]) -> String {
    let mut lines = vec![
        format!("Contact {}", looked.group),
        answer(found),
        String::new(),
    ];
    lines.extend(
        found
            .iter()
            .map(|one| format!("{:<9} {}: {}", one.says.as_str(), one.what, one.words)),
    );
    lines.push(String::new());
    match looked.genesys.as_ref().map(|now| &now.contact) {
        Ok(Ok(Some(_))) => {
            let mut shown = table(["in Genesys Cloud", "now"].map(str::to_owned));
            for (name, value) in holds(looked) {
                shown.add_row([name, value]);
            }
            lines.push(left(shown));
        }
        Ok(Ok(None)) => {
            lines.push("Genesys Cloud has no such contact, or it cannot be read yet.".to_owned())
        }
        Ok(Err(error)) | Err(error) => lines.push(format!("Genesys Cloud: {error}")),
    }
    lines.push(match parked {
        Ok(parked) if parked.is_empty() => "None of its changes is parked.".to_owned(),
        Ok(parked) => parked
            .iter()
            .map(|one| format!("Parked: {} as {}: {}", one.id, one.reason, one.detail))
            .collect::<Vec<_>>()
            .join("\n"),
        Err(_) => format!(
            "What is parked of it is not known: {}",
            parked_error(parked).unwrap_or_default()
        ),
    });
    lines.push(story(looked));
    lines.join("\n")
}

fn story(looked: &Looked) -> String {
    let since: Timestamp = looked.since;
    let story = match &looked.story {
        Ok(story) => story,
        Err(error) => return format!("What became of its changes is not known: {error}"),
    };
    if story.entries.is_empty() {
        return format!(
            "The log has no change of it since {since:.0}.{}",
            not_all(story.cut.as_ref())
        );
    }
    let mut shown =
        table(["at", "event", "what became of it", "correlation id"].map(str::to_owned));
    for entry in &story.entries {
        let none = || "-".to_owned();
        shown.add_row([
            format!("{:.0}", entry.at),
            entry.event_id.clone().unwrap_or_else(none),
            entry.words(),
            entry.correlation_id.clone().unwrap_or_else(none),
        ]);
    }
    format!("{}{}", left(shown), not_all(story.cut.as_ref()))
}

fn not_all(cut: Option<&Cut>) -> String {
    cut.map(|cut| format!("\nNot all: {}", cut.why()))
        .unwrap_or_default()
}

fn parked_error(parked: &ParkedOf) -> Option<&str> {
    match parked {
        Ok(_) => None,
        Err(NotSeen::Failed(error)) => Some(error),
        Err(NotSeen::Yet) => Some("the dead-letter queue is being looked at"),
    }
}

fn json(looked: &Looked, parked: &ParkedOf, found: &[Finding]) -> Value {
    let finding =
        |one: &Finding| json!({ "what": one.what, "says": one.says.as_str(), "words": one.words });
    let holds = holds(looked)
        .into_iter()
        .map(|(name, value)| (name, value.into()));
    let contact_error = match &looked.genesys {
        Ok(now) => now.contact.as_ref().err(),
        Err(error) => Some(error),
    };
    let story = looked.story.as_ref();
    let one = |one: &ParkedChange| json!({ "id": one.id, "reason": one.reason, "detail": one.detail, "parkedAt": one.at.map(|at| at.to_string()) });
    json!({
        "group": looked.group, "answer": answer(found), "why": found.iter().map(finding).collect::<Vec<_>>(),
        "contact": looked.contact().map(|_| holds.collect::<Map<_, _>>()), "contactError": contact_error,
        "parked": parked.iter().flatten().map(one).collect::<Vec<_>>(), "parkedError": parked_error(parked),
        "story": story.map(|story| story.entries.iter().map(Entry::json).collect::<Vec<_>>()).unwrap_or_default(),
        "storyCut": story.ok().and_then(|story| story.cut.as_ref()).map(Cut::why), "storyError": story.err(),
    })
}
