//! `campaign-sync send`: the rows of a file as changes, all checked before the first is sent.

mod csv;
mod feeder;
mod report;
mod rows;
mod source;
mod state;
mod text;
mod warnings;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::Change;
use domain::change::{CampaignId, OrgId, VersionFrom};
use domain::outbox::Outbox;
use domain::rules::Rules;
use io::genesys::{Campaign, Failure, Kind, Run, UNKNOWN_CAMPAIGN};
use io::queue::Sqs;
use io::secrets::{Api, OrgSecret};
use io::{Clock, Config, Https};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::table::counted;
use crate::{args, connect, one_contact};
use encoding_rs::Encoding;
use feeder::Feeder;
use report::{Expected, Report};
use rows::{Common, File, Format, Found, Mapping, RowFault};
use source::Source;
use state::{State, StateFile};
use warnings::Warnings;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  campaign-sync send --org acme-us --campaign 5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11 contacts.csv --dry-run
  campaign-sync send --org acme-us --campaign 5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11 contacts.csv \\
    --key Id --version ModStamp --callable MayCall --column phone=Phone --column firstName=FirstName
  campaign-sync send --org acme-us --campaign 5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11 changes.ndjson

A CSV has the names of its columns in its first line. A row of JSON is a change as a webhook says it
(contactKey, version, data, callable, …), or, where a flag says what its members mean, a flat object.
A file may be packed by gzip. It is UTF-8, or UTF-16 with a byte order mark, unless --encoding says
otherwise.

Every row is checked before the first one is sent: its form, the org's contactKeyPattern and
versionField, and the columns of the contact list. One row that is not right, or one quote of a CSV
that is not where it belongs, and nothing is sent. Then it tells how many lines, rows and opt-outs
the file has and what looks like a mistake, and on a terminal it asks whether to go on. A script says
what it expects by --expect-rows and --expect-opt-outs.

It keeps the queue no deeper than ten minutes of the org's call budget, by what its changes cost (docs/capacity.md), and
than 20,000 messages, so that an opt-out by webhook does not wait behind it. So it should know as TOP_UP what the stack
has as ApplyTopUp [default: 990].
Ctrl-C ends it in good order, and the same command goes on where it was: how far it came is in FILE.send-state.json. A row
that is sent again within five minutes is dropped by the queue, a later one changes nothing by its rank.

It reads the environment as reconcile does: QUEUE_URL is required; SECRET_PREFIX, APPLY_CONCURRENCY, TOP_UP and, in local
runs, GENESYS_BASE_URL may be set. AWS is found by the SDK's own rules (AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL, …).

The exit status is 0 when every row is in the queue (with --dry-run: is right), 1 when not so, 2 when the command could not
run.")]
pub(crate) struct Args {
    /// Whose contacts: names the secret {prefix}/org/{org}
    #[arg(long, value_parser = args::org)]
    org: OrgId,
    /// In which campaign
    #[arg(long, value_name = "CAMPAIGN_ID", value_parser = args::campaign)]
    campaign: CampaignId,
    /// The file: CSV, JSON lines or a JSON array
    file: PathBuf,
    /// How it is written [default: by the end of its name: .csv, .ndjson or .jsonl, .json, each
    /// also with .gz behind it]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The encoding of its text, such as windows-1252 [default: utf-8, or what its byte order mark
    /// says]
    #[arg(long, value_name = "NAME", value_parser = text::encoding)]
    encoding: Option<&'static Encoding>,
    #[command(flatten)]
    mapping: Mapping,
    /// The time of every change that says none, such as that of the export: for an org that ranks
    /// by occurredAt
    #[arg(long, value_name = "TIME", value_parser = args::time)]
    as_of: Option<Timestamp>,
    /// Also rows without a rank: nothing keeps them from overwriting what is newer
    #[arg(long)]
    unranked: bool,
    #[command(flatten)]
    expected: Expected,
    /// Checks every row and sends nothing
    #[arg(long)]
    dry_run: bool,
    /// Does not ask whether to go on
    #[arg(long)]
    yes: bool,
    /// Sends the file from its first row on, whatever was sent of it before
    #[arg(long)]
    restart: bool,
    /// Where it is kept how far the file was sent [default: FILE.send-state.json]
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Prints one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// Runs, prints, and answers whether all was done.
pub(crate) fn run(args: &Args) -> Result<bool, String> {
    let config = Config::from_env().map_err(|error| error.to_string())?;
    let of_file = |error: &dyn std::fmt::Display| format!("{}: {error}", args.file.display());
    // Whether there is such a file is told before how it may be written.
    std::fs::metadata(&args.file).map_err(|error| of_file(&error))?;
    let format = format(args)?;
    let mut hash = digest(args, format, &config.queue_url);
    let source = Source::open(&args.file, &mut hash).map_err(|error| of_file(&error))?;
    let digest = hash.finalize();
    let digest = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let state_file = StateFile::new(
        args.state
            .clone()
            .unwrap_or_else(|| StateFile::beside(&args.file)),
    );
    let state = state(args, &state_file, digest)?;
    let common = Common {
        org: args.org.clone(),
        campaign: args.campaign.clone(),
        now: Clock::system().now(),
        as_of: args.as_of,
    };
    let source = (source, args.encoding);
    let file = File::new(source, format, args.mapping.clone(), common)?;
    let report = crate::block_on(send(args, config, &file, state, &state_file))?;
    let shown = if args.json {
        report.json(args.dry_run)
    } else {
        report.text(args.dry_run, &state_file)
    };
    crate::print(&shown)?;
    Ok(report.is_complete(args.dry_run))
}

fn format(args: &Args) -> Result<Format, String> {
    let name = args.file.to_string_lossy().to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    let by_name = || match name.rsplit_once('.')?.1 {
        "csv" => Some(Format::Csv),
        "ndjson" | "jsonl" => Some(Format::Ndjson),
        "json" => Some(Format::Json),
        _ => None,
    };
    args.format.or_else(by_name).ok_or_else(|| {
        format!(
            "{}: expected a name that ends in .csv, .ndjson, .jsonl or .json, or --format",
            args.file.display()
        )
    })
}

/// Of all that decides what a row becomes, and where it goes, but the file.
fn digest(args: &Args, format: Format, queue_url: &str) -> Sha256 {
    let mut hash = Sha256::new();
    hash.update(format!(
        "{queue_url} {format:?} {:?} {:?} {:?}\n",
        args.encoding, args.mapping, args.as_of
    ));
    hash
}

/// Where an earlier run of the same stands.
fn state(args: &Args, file: &StateFile, digest: String) -> Result<State, String> {
    let (org, campaign_id) = (args.org.to_string(), args.campaign.to_string());
    let begin = State {
        digest,
        org,
        campaign_id,
        sent: 0,
        sent_beyond: Vec::new(),
    };
    if args.restart || args.dry_run {
        return Ok(begin);
    }
    let Some(known) = file.read()? else {
        return Ok(begin);
    };
    let is_same = |known: &State| {
        let of = |state: &State| [&state.digest, &state.org, &state.campaign_id].map(String::clone);
        of(known) == of(&begin)
    };
    if is_same(&known) {
        return Ok(known);
    }
    Err(format!(
        "{}: an earlier run sent {} of another file, or to another queue or campaign, or with other flags: say --restart to send {} from its \
         first row on",
        file.path(),
        counted(known.all_sent(), "row"),
        args.file.display()
    ))
}

async fn send(
    args: &Args,
    config: Config,
    file: &File,
    mut state: State,
    state_file: &StateFile,
) -> Result<Report, String> {
    let (https, sdk) = connect::clients().await?;
    let queue = Sqs::new(&sdk);
    let (queue_url, top_up) = (config.queue_url.clone(), config.apply_top_up);
    let (secret, campaign) = open(args, config, &sdk, https).await?;
    let now = Clock::system().now();
    let of_file = |error| format!("{}: {error}", args.file.display());
    let rows = || file.rows().map_err(of_file);
    let warnings = Warnings::new(secret.api == Api::ContactLists);
    let mut report = Report::new(file.lines().map_err(of_file)?, warnings);
    for row in rows()? {
        report.saw(match row.map_err(of_file)? {
            Ok(Found::Change(place, change)) => {
                match fault(&change, &secret.rules, &campaign, args.unranked, now) {
                    Some(what) => Err(RowFault { place, what }),
                    None => Ok(Found::Change(place, change)),
                }
            }
            other => other,
        });
    }
    report.compare(&args.expected);
    if report.faulty == 0 && !args.json {
        let summary = report.summary(file.guessed_delimiter().as_deref());
        eprintln!("{}: {summary}", args.file.display());
    }
    if args.dry_run || !report.is_right() {
        return Ok(report);
    }
    report.sent_before = state.all_sent().min(report.rows);
    if !may_go_on(args, &report)? {
        report.ended = Some("nothing more was to be sent".to_owned());
        return Ok(report);
    }
    // All were right a moment ago, and nobody altered the file since: else there is an error in their place.
    let changes = rows()?.filter_map(|row| match row {
        Ok(Ok(Found::Change(_, change))) => Some(Ok(change)),
        Ok(_) => None,
        Err(error) => Some(Err(of_file(error))),
    });
    let (first, beyond) = (state.sent, state.sent_beyond.clone());
    let changes = (0..)
        .zip(changes)
        .skip(first.try_into().unwrap_or(usize::MAX));
    let to_send = changes.map(|(row, change)| {
        let change: Result<_, String> = change;
        Ok(Some(change?).filter(|_| beyond.binary_search(&row).is_err()))
    });
    let is_asked_to_stop = at_ctrl_c();
    let mut feeder = Feeder::new(
        &queue,
        &queue_url,
        secret.deepest(top_up),
        (report.sent_before, report.rows),
        &is_asked_to_stop,
    );
    let saw = |outbox: &Outbox<_>, taken| {
        report.sent += taken as u64;
        state.sent = first + outbox.taken();
        state.sent_beyond = outbox.taken_beyond();
        state.sent_beyond.iter_mut().for_each(|row| *row += first);
        state_file.write(&state)
    };
    match feeder.feed(to_send, saw).await {
        Ok(()) => state_file.remove()?,
        Err(why) => report.ended = Some(why),
    }
    Ok(report)
}

/// Asks the person at the terminal; where there is none, nobody is asked.
fn may_go_on(args: &Args, report: &Report) -> Result<bool, String> {
    let is_terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if args.yes || args.json || !is_terminal || report.rows == report.sent_before {
        return Ok(true);
    }
    let rows = counted(report.rows - report.sent_before, "row");
    eprint!(
        "Send {rows} to campaign {} of org {}? [y/N] ",
        args.campaign, args.org
    );
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .map_err(|error| format!("standard input: {error}"))?;
    Ok(["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()))
}

/// The first Ctrl-C asks for the end, the second is the end.
fn at_ctrl_c() -> Arc<AtomicBool> {
    let is_asked_to_stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&is_asked_to_stop);
    tokio::spawn(async move {
        let _ = tokio::signal::ctrl_c().await;
        asked.store(true, Ordering::Relaxed);
        eprintln!(
            "campaign-sync: ending after the calls that are under way; Ctrl-C again ends it at once"
        );
        let _ = tokio::signal::ctrl_c().await;
        std::process::exit(130);
    });
    is_asked_to_stop
}

/// The org's rules, and the campaign with the columns of its list where its API tells them.
async fn open(
    args: &Args,
    config: Config,
    sdk: &aws_config::SdkConfig,
    https: Https,
) -> Result<(Arc<OrgSecret>, Campaign), String> {
    let org = connect::org(config, sdk, Arc::new(https), &args.org);
    let run = Run::patient(None);
    let rules = org
        .open(&run)
        .await
        .map_err(|failure| format!("org {}: {failure}", args.org))?;
    let failed = |failure: Failure| {
        let told = format!("org {}, campaign {}: {failure}", args.org, args.campaign);
        if failure.kind == Kind::UnknownCampaign {
            format!("{told}: {UNKNOWN_CAMPAIGN}")
        } else {
            told
        }
    };
    let campaign = Campaign::open(org, &args.campaign, &rules, run)
        .await
        .map_err(failed)?;
    if let Campaign::Predictive(predictive) = &campaign {
        // Only a call about a contact tells whether there is such a campaign. What else fails here
        // is apply's to wait for.
        if let Err(failure) = predictive.read(&one_contact::nobody()?).await
            && failure.kind == Kind::UnknownCampaign
        {
            return Err(failed(failure));
        }
    }
    Ok((rules, campaign))
}

/// Why apply would park a change that is right by itself, or overwrite what is newer with it.
fn fault(
    change: &Change,
    rules: &Rules,
    campaign: &Campaign,
    unranked: bool,
    now: Timestamp,
) -> Option<String> {
    let broken = rules.broken(change, now);
    if let Some(broken) = broken.or_else(|| campaign.broken(change)) {
        return Some(broken.to_string());
    }
    if unranked || rules.rank(change).is_some() {
        return None;
    }
    let member = match rules.ranking() {
        Some(VersionFrom::Version) => "version",
        Some(VersionFrom::OccurredAt) => "occurredAt",
        None => {
            let what = "the org has no versionField, so that nothing keeps a row from overwriting what is newer: say --unranked";
            return Some(what.to_owned());
        }
    };
    Some(format!(
        "{member}: expected, since the org ranks its changes by it; or say --unranked"
    ))
}
