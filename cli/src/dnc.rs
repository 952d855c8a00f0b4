//! `campaign-sync dnc remove`: takes one entry from the DNC list of an org.
//!
//! An entry has neither a rank nor an owner: nothing says whether an opt-in is newer than it, or
//! whether another program added it. So apply only adds entries (`functions/apply`), and this
//! command lets a person remove one. It changes no contact: `campaign-sync contact` does.
//! `check/dnc.rs` says whether the list is of the right kind.

use std::sync::Arc;

use domain::change::{ContactKey, OrgId};
use domain::dnc::{self, DncBy, DncList};
use io::Config;
use io::genesys::{Failure, Kind, Org, Run};
use serde_json::json;

use crate::{args, connect, one_contact};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Removes one entry from the DNC list that the org's secret names
    Remove(Remove),
}

#[derive(clap::Args)]
#[command(after_help = "Examples:
  campaign-sync dnc remove LEAD-00042 --org acme-us --reason 'asked in writing to be called again' --dry-run
  campaign-sync dnc remove - --org acme-us --reason 'asked in writing to be called again' < key.txt

The entry is the contact's key or its phone number, exactly as the contact holds it; \"by\" in the secret's dncList says
which. Genesys Cloud does not say whether an entry is on a list, so removing an absent one is not an error.

Let the CRM opt the person in first: as long as the CRM opts the person out, the next opt-out or reconcile adds the entry
again. Removing an entry makes no contact callable. Neither key nor number is printed. Keep the output: it is the only record
of which entry was removed and why.

It needs the permission outbound:dnc:edit, and outbound:dncList:view with --dry-run. It reads SECRET_PREFIX and, in local runs,
GENESYS_BASE_URL from the environment. AWS credentials and region come from where the AWS SDK looks for them (AWS_PROFILE,
AWS_REGION, AWS_ENDPOINT_URL, …).

The exit status is 0 when the entry is not on the list any more (with --dry-run: when it could be taken from it), 2 when the
command could not run.")]
struct Remove {
    /// The contact's key, or its phone number; - reads it from standard input, so that it does not
    /// appear in the shell's history
    #[arg(value_name = "KEY")]
    key: String,
    /// The org, whose secret is {prefix}/org/{org}
    #[arg(long, value_parser = args::org)]
    org: OrgId,
    /// The reason, which is printed too: 1 to 200 characters, and no personal data
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Shows what would be done, and removes nothing
    #[arg(long)]
    dry_run: bool,
    /// Prints one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// Removes the entry and prints what was done. Returns `true`, or an error.
pub(crate) fn run(args: &Args) -> Result<bool, String> {
    let Command::Remove(args) = &args.command;
    args::reason(&args.reason)?;
    let config = Config::from_env_without_queue().map_err(|error| error.to_string())?;
    let line = one_contact::one_line(&args.key, "contact key or phone number")?;
    crate::block_on(remove(args, &line, config))
}

async fn remove(args: &Remove, line: &str, config: Config) -> Result<bool, String> {
    let (https, sdk) = connect::clients().await?;
    let org = connect::org(config, &sdk, Arc::new(https), &args.org);
    let run = Run::patient(None);
    let secret = org.open(&run).await;
    let secret =
        secret.map_err(|failure| format!("org {}: {}", args.org, connect::explained(&failure)))?;
    let Some(list) = &secret.rules.dnc_list else {
        return Err(format!(
            "org {}: its secret names no dncList (docs/deploy.md \"Add an org\")",
            args.org
        ));
    };
    let entry = Entry::of(line, list)?;
    let done = if args.dry_run {
        check_kind(&org, &run, list).await
    } else {
        let mut done = org.remove_from_dnc(&run, list, &[entry.text]).await;
        done.pop().unwrap_or(Ok(()))
    };
    done.map_err(|failure| failed(args, list, &failure))?;
    crate::print(&shown(args, list, &entry))?;
    Ok(true)
}

/// An entry of the list.
struct Entry<'a> {
    text: &'a str,
    /// The hash of a contact key. A phone number has none: whoever tries all numbers would find it.
    hash: Option<String>,
}

impl<'a> Entry<'a> {
    fn of(line: &'a str, list: &DncList) -> Result<Entry<'a>, String> {
        match list.by {
            DncBy::ContactKey => {
                let key: ContactKey = one_contact::key(line)?;
                Ok(Entry {
                    text: line,
                    hash: Some(key.hash()),
                })
            }
            DncBy::Phone { .. } => {
                let number = dnc::number(line);
                let text = number.ok_or("phone number: expected a digit")?;
                Ok(Entry { text, hash: None })
            }
        }
    }
}

/// Checks that the list exists and is of the right kind.
async fn check_kind(org: &Org, run: &Run, list: &DncList) -> Result<(), Failure> {
    let facts = org.dnc_facts(run, &list.id).await?;
    if facts.holds(&list.by) {
        return Ok(());
    }
    let detail = format!("it is of the kind {}", facts.kind);
    Err(Failure::new(Kind::Refused, detail))
}

fn failed(args: &Remove, list: &DncList, failure: &Failure) -> String {
    let to_do = match failure.kind {
        Kind::Refused | Kind::NotFound => format!(
            "run campaign-sync check --org {}: the list must be there and of the right kind, and the OAuth client's role needs \
             outbound:dnc:edit in its division",
            args.org
        ),
        Kind::Rejected => "Genesys Cloud does not take this as an entry".to_owned(),
        _ => "try again: an entry that was removed already does no harm".to_owned(),
    };
    let (org, list, told) = (&args.org, list.id.as_str(), connect::explained(failure));
    format!("org {org}, DNC list {list}: {told}: {to_do}")
}

fn shown(args: &Remove, list: &DncList, entry: &Entry<'_>) -> String {
    let id = list.id.as_str();
    let by = match list.by {
        DncBy::ContactKey => "contactKey",
        DncBy::Phone { .. } => "phone",
    };
    if args.json {
        return json!({
            "org": args.org.as_str(), "dncList": id, "by": by, "entryHash": entry.hash, "reason": args.reason,
            "removed": !args.dry_run, "dryRun": args.dry_run,
        })
        .to_string();
    }
    let what = match &entry.hash {
        Some(hash) => format!("contact {hash}"),
        None => "a phone number".to_owned(),
    };
    let done = if args.dry_run {
        "A dry run: nothing was removed. Genesys Cloud does not say whether the entry is on the list."
    } else {
        "The entry is not on it any more."
    };
    format!(
        "Org {}, DNC list {id}: {what}\nreason: {}\n{done}\nNo contact was made callable. While the CRM says \
         that the contact opted out, the next opt-out or reconcile adds the entry again.",
        args.org, args.reason
    )
}
