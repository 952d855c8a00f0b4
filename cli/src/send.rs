//! `campaign-sync send`: sends the rows of a file as changes. Every row is checked before the first
//! is sent.
//!
//! A file goes through these modules: [`source`] reads its bytes, [`text`] decodes them, [`csv`]
//! and [`rows`] make changes of them, [`target`] checks each change against the org and the
//! campaign, [`warnings`] looks for what is mostly a mistake, and [`feeder`] fills the queue.
//! [`state`] keeps how far the file was sent, and [`report`] says what came of it. What a change
//! may say is decided in `domain::change`, and what becomes of it in `functions/apply`.
//! docs/send.md explains the command.

mod csv;
mod feeder;
mod report;
mod rows;
mod source;
mod state;
mod target;
mod terminal;
mod text;
mod warnings;

use std::path::{Path, PathBuf};

use domain::change::{CampaignId, OrgId};
use domain::outbox::Outbox;
use io::genesys::Campaign;
use io::queue::Sqs;
use io::secrets::{Api, OrgSecret};
use io::{Clock, Config};
use jiff::Timestamp;
use sha2::Digest;

use crate::{args, connect};
use encoding_rs::Encoding;
use feeder::{Feeder, ToSend};
use report::{ExpectedCounts, Report};
use rows::{Common, File, Format, Mapping, ParsedRow, RowFault};
use source::Source;
use state::{SendState, StateFile};
use warnings::Warnings;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  campaign-sync send --org acme-us --campaign 5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11 contacts.csv --dry-run
  campaign-sync send --org acme-us --campaign 5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11 contacts.csv \\
    --key Id --version ModStamp --callable MayCall --column phone=Phone --column firstName=FirstName
  campaign-sync send --org acme-us --campaign 5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11 changes.ndjson

A CSV has the names of its columns in its first line. A row of JSON is a change as a webhook says it
(contactKey, version, data, callable, …), or, where a flag says what its members mean, a flat object.
A file may be compressed with gzip. It is UTF-8, or UTF-16 with a byte order mark, unless --encoding says
otherwise.

Every row is checked before the first one is sent: its form, the org's contactKeyPattern and
versionField, and the columns of the contact list. If one row is wrong, or one quote of a CSV is
misplaced, nothing is sent. Then it prints how many lines, rows and opt-outs the file has, and what
looks like a mistake. On a terminal it asks whether to go on. A script states what it expects with
--expect-rows and --expect-opt-outs.

It fills the queue with at most ten minutes of the org's call budget (docs/capacity.md) and at most 20,000 messages, so
that an opt-out by webhook does not wait behind the file. For that, TOP_UP should be the stack's parameter ApplyTopUp
[default: 990]. Ctrl-C ends it cleanly, and the same command goes on from there: FILE.send-state.json records how far it
came. If a row with a rank is sent again, the queue drops it within five minutes; later its rank makes it change
nothing. With --unranked, each run that begins at the first row counts.

It reads the environment: QUEUE_URL is required; SECRET_PREFIX, APPLY_CONCURRENCY, TOP_UP and, in local
runs, GENESYS_BASE_URL may be set. AWS credentials and region come from where the AWS SDK looks for them (AWS_PROFILE,
AWS_REGION, AWS_ENDPOINT_URL, …).

The exit status is 0 if every row is in the queue (with --dry-run: is valid), 1 if not, and 2 if the command could not run.")]
pub(crate) struct Args {
    /// The org, whose secret is {prefix}/org/{org}
    #[arg(long, value_parser = args::org)]
    org: OrgId,
    /// The campaign
    #[arg(long, value_name = "CAMPAIGN_ID", value_parser = args::campaign)]
    campaign: CampaignId,
    /// The file: CSV, JSON lines or a JSON array; - reads standard input, with --format
    file: PathBuf,
    /// The format of the file [default: from its extension: .csv, .ndjson, .jsonl or .json, each
    /// also followed by .gz]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The encoding of the file, such as windows-1252 [default: utf-8, or as its byte order mark
    /// says]
    #[arg(long, value_name = "NAME", value_parser = text::encoding)]
    encoding: Option<&'static Encoding>,
    #[command(flatten)]
    mapping: Mapping,
    /// The time of each row that has none, such as the time of the export. Only for an org that
    /// ranks by occurredAt
    #[arg(long, value_name = "TIME", value_parser = args::time)]
    as_of: Option<Timestamp>,
    /// Also sends rows without a rank, which may overwrite newer data
    #[arg(long)]
    unranked: bool,
    #[command(flatten)]
    expected: ExpectedCounts,
    /// Checks every row and sends nothing
    #[arg(long)]
    dry_run: bool,
    /// Does not ask whether to go on
    #[arg(long)]
    yes: bool,
    /// Sends the file from its first row, even if part of it was sent before
    #[arg(long)]
    restart: bool,
    /// After a run that was killed, or got no answer, also sends rows without a rank that may be in
    /// the queue already
    #[arg(long)]
    resend: bool,
    /// The file that records how much of FILE was sent [default: FILE.send-state.json]
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Prints one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// Runs and prints the report. Returns whether all rows are in the queue or, with `--dry-run`,
/// right.
pub(crate) fn run(args: &Args) -> Result<bool, String> {
    let config = Config::from_env().map_err(|error| error.to_string())?;
    // A file that does not exist is reported before a name that says no format.
    if args.file != Path::new("-") {
        let found = std::fs::metadata(&args.file).map_err(|error| in_file(args, error))?;
        if found.is_dir() {
            return Err(in_file(args, "is a directory"));
        }
    }
    let format = format(args)?;
    let mut hash = state::digest(args, format, &config.queue_url);
    let source = Source::open(&args.file, &mut hash).map_err(|error| in_file(args, error))?;
    let digest = hash.finalize();
    let digest = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let state_file = StateFile::new(
        args.state
            .clone()
            .unwrap_or_else(|| StateFile::beside(&args.file)),
    );
    let now = Clock::system().now();
    let state = state::known(args, &state_file, digest, now)?;
    if !args.dry_run {
        state_file.check_writable()?;
    }
    let common = Common {
        org: args.org.clone(),
        campaign: args.campaign.clone(),
        now,
        as_of: args.as_of,
        run: state.run.clone(),
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

/// The format that the flag or the end of the file's name says.
fn format(args: &Args) -> Result<Format, String> {
    let name = args.file.to_string_lossy().to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    let by_name = || match name.rsplit_once('.')?.1 {
        "csv" => Some(Format::Csv),
        "ndjson" | "jsonl" => Some(Format::Ndjson),
        "json" => Some(Format::Json),
        _ => None,
    };
    if args.file == Path::new("-") && args.format.is_none() {
        return Err(in_file(args, "expected --format"));
    }
    args.format.or_else(by_name).ok_or_else(|| {
        format!(
            "{}: expected a name that ends in .csv, .ndjson, .jsonl or .json, or --format",
            args::name_of(&args.file)
        )
    })
}

/// Checks every row, then sends those that are not in the queue yet, unless a row is faulty, the
/// run is dry, or the person at the terminal says no.
async fn send(
    args: &Args,
    config: Config,
    file: &File,
    mut state: SendState,
    state_file: &StateFile,
) -> Result<Report, String> {
    let (https, sdk) = connect::clients().await?;
    let queue = Sqs::new(&sdk);
    let (queue_url, top_up) = (config.queue_url.clone(), config.apply_top_up);
    let (secret, campaign) = target::open(args, config, &sdk, https).await?;
    let mut report = checked(args, file, &secret, &campaign)?;
    if report.faulty == 0 && !args.json {
        let summary = report.summary(file.guessed_delimiter().as_deref());
        eprintln!("{}: {summary}", args::name_of(&args.file));
    }
    if args.dry_run || !report.is_right() {
        return Ok(report);
    }
    report.sent_before = state.all_sent().min(report.rows);
    if !terminal::may_go_on(args, &report)? {
        report.ended = Some("the answer was no".to_owned());
        return Ok(report);
    }
    let first = state.sent;
    let to_send = to_send(args, file, first, state.sent_beyond.clone())?;
    let is_asked_to_stop = terminal::at_ctrl_c();
    state.is_under_way = true;
    state_file.write(&state)?;
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
        Err(why) => {
            // No call is under way any more, but one may have had no answer.
            state.is_under_way = feeder.is_unknown();
            state_file.write_or_remove(&state)?;
            report.ended = Some(why);
        }
    }
    Ok(report)
}

/// Reads the whole file and reports what it holds, and each row that is faulty.
fn checked(
    args: &Args,
    file: &File,
    secret: &OrgSecret,
    campaign: &Campaign,
) -> Result<Report, String> {
    let now = Clock::system().now();
    let warnings = Warnings::new(secret.api == Api::ContactLists);
    let lines = file.lines().map_err(|error| in_file(args, error))?;
    let not_sent = file.not_sent().map_err(|error| in_file(args, error))?;
    let mut report = Report::new(lines, not_sent, warnings);
    for row in file.rows().map_err(|error| in_file(args, error))? {
        report.saw(match row.map_err(|error| in_file(args, error))? {
            Ok(ParsedRow::Change(place, change)) => {
                match target::fault(&change, &secret.rules, campaign, args.unranked, now) {
                    Some(what) => Err(RowFault { place, what }),
                    None => Ok(ParsedRow::Change(place, change)),
                }
            }
            other => other,
        });
    }
    report.compare(&args.expected);
    Ok(report)
}

/// The changes of the rows from the place `first` on; `None` stands for a row that is in the queue
/// already: `beyond` has its place.
fn to_send<'a>(
    args: &'a Args,
    file: &'a File,
    first: u64,
    beyond: Vec<u64>,
) -> Result<impl Iterator<Item = Result<ToSend, String>> + 'a, String> {
    // Every row was right when it was checked. If the file was altered since, its rows end in an
    // error.
    let rows = file.rows().map_err(|error| in_file(args, error))?;
    let changes = rows.filter_map(|row| match row {
        Ok(Ok(ParsedRow::Change(_, change))) => Some(Ok(change)),
        Ok(_) => None,
        Err(error) => Some(Err(in_file(args, error))),
    });
    let changes = (0..)
        .zip(changes)
        .skip(first.try_into().unwrap_or(usize::MAX));
    Ok(changes.map(move |(row, change)| {
        let change: Result<_, String> = change;
        Ok(Some(change?).filter(|_| beyond.binary_search(&row).is_err()))
    }))
}

fn in_file(args: &Args, error: impl std::fmt::Display) -> String {
    format!("{}: {error}", args::name_of(&args.file))
}
