//! `campaign-sync reconcile`: the very code of the function, from the operator's machine and
//! without Lambda's 15 minutes.

mod report;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::change::{CampaignId, OrgId};
use indicatif::{ProgressBar, ProgressStyle};
use io::telemetry::{Event, Telemetry};
use io::{Clock, Config};
use jiff::Timestamp;
use reconcile::{Context, Cursor, Input, Progress, Until, Why};

use crate::args::{self, Since};
use report::Report;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  campaign-sync reconcile --org acme-us --campaign 5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11 --dry-run
  campaign-sync reconcile --org acme-us --campaign 5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11 --since 2h
  campaign-sync reconcile --org acme-us --campaign 5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11 --json | jq .columns

It reads the environment as the function does: QUEUE_URL is required; SECRET_PREFIX, APPLY_CONCURRENCY, TOP_UP and, in local
runs, GENESYS_BASE_URL may be set. AWS is found by the SDK's own rules (AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL, …).
Ctrl-C ends it in good order: what was found is enqueued, and it prints the cursor to go on with. Where much of a campaign differs
and too little was compared to know whether the feed is right, only opt-outs are, and the cursor goes back to find the rest again.

The exit status is 0 when all was compared and all that differs is in the queue, 1 when not so, 2 when the command could not
run.")]
pub(crate) struct Args {
    /// Whose contacts: names the secrets {prefix}/org/{org} and {prefix}/feed/{org}
    #[arg(long, value_parser = args::org)]
    org: OrgId,
    /// In which campaign; may be given several times
    #[arg(long = "campaign", value_name = "CAMPAIGN_ID", required = true, value_parser = args::campaign)]
    campaigns: Vec<CampaignId>,
    /// Asks the feed only for what changed since then: a time such as 2026-11-24T16:00:00Z, or for
    /// how long, such as 90m, 48h or 2d. Without it: for all contacts
    #[arg(long, value_parser = args::since)]
    since: Option<Since>,
    /// Compares, counts and lists, and enqueues nothing
    #[arg(long)]
    dry_run: bool,
    /// Enqueues nothing where more of a campaign's contacts differ than this, and more than 100
    #[arg(long, value_name = "PERCENT", default_value = "20%", value_parser = percent)]
    max_drift_percent: u64,
    /// Enqueues however many differ
    #[arg(long)]
    force: bool,
    /// Goes on where an earlier run stopped, with that run's --since
    #[arg(long, value_parser = cursor)]
    cursor: Option<Cursor>,
    /// Prints one JSON object instead of the tables
    #[arg(long)]
    json: bool,
}

fn cursor(text: &str) -> Result<Cursor, String> {
    Cursor::parse(text).ok_or_else(|| "expected the cursor that an earlier run printed".to_owned())
}

fn percent(text: &str) -> Result<u64, String> {
    let number = text
        .strip_suffix('%')
        .unwrap_or(text)
        .parse()
        .ok()
        .filter(|number| *number <= 100);
    number.ok_or_else(|| "expected a whole number from 0 to 100, such as 20%".to_owned())
}

/// One stretch of the run: what it found is in the queue before the next begins, so that little is
/// lost with a failure.
const STRETCH: Duration = Duration::from_mins(10);
/// Contacts that are compared before the next look at whether to end.
const AT_ONCE: usize = 50;
/// How often a line tells of progress where there is no terminal.
const LINE: Duration = Duration::from_secs(30);
/// Until a deep queue, or a service that wants no call, is asked again.
const WAIT: Duration = Duration::from_secs(15);

/// Runs, prints, and answers whether all was compared and enqueued.
pub(crate) fn run(args: &Args) -> Result<bool, String> {
    let config = Config::from_env().map_err(|error| error.to_string())?;
    check(args, Clock::system().now())?;
    let report = crate::block_on(until_stopped(args, config))?;
    let shown = if args.json {
        report.json()?
    } else {
        report.table()
    };
    crate::print(&shown)?;
    Ok(report.is_complete())
}

/// What only all arguments together tell.
fn check(args: &Args, now: Timestamp) -> Result<(), String> {
    let campaigns = &args.campaigns;
    if let Some((_, twice)) = campaigns
        .iter()
        .enumerate()
        .find(|(place, id)| campaigns[..*place].contains(id))
    {
        return Err(format!("--campaign {twice}: expected once"));
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
    if args.since.is_some_and(|since| since.time(now) > now) {
        return Err("--since: expected a time that is past".to_owned());
    }
    Ok(())
}

/// What is known while the run goes on.
struct State {
    report: Report,
    /// Up to here everything that was found is in the queue.
    reached: Option<String>,
}

/// The first Ctrl-C ends the run in good order, the second at once.
async fn until_stopped(args: &Args, config: Config) -> Result<Report, String> {
    let is_asked_to_stop = AtomicBool::new(false);
    let state = Mutex::new(State {
        report: Report::default(),
        reached: args.cursor.as_ref().map(ToString::to_string),
    });
    let interrupts = async {
        let _ = tokio::signal::ctrl_c().await;
        is_asked_to_stop.store(true, Ordering::Relaxed);
        eprintln!(
            "campaign-sync: ending in good order, at most {AT_ONCE} contacts later (up to a minute where the call budget is \
             small); Ctrl-C again ends it at once"
        );
        let _ = tokio::signal::ctrl_c().await;
    };
    let ended = tokio::select! {
        ended = stretches(args, config, &is_asked_to_stop, &state) => ended,
        () = interrupts => Err("interrupted".to_owned()),
    };
    let state = state.into_inner().unwrap_or_else(PoisonError::into_inner);
    // Of an unknown campaign the others are done.
    let ended = ended.map_err(|error| match state.report.is_empty() {
        true => error,
        false => format!("{error}\nUntil then: {}.", state.report.line()),
    });
    match (ended, state.reached) {
        (Ok(()), _) => Ok(state.report),
        (Err(error), None) => Err(error),
        (Err(error), Some(cursor)) => Err(format!(
            "{error}\nWhat was found before is in the queue. The same command goes on with: --cursor {cursor}"
        )),
    }
}

async fn stretches(
    args: &Args,
    config: Config,
    is_asked_to_stop: &AtomicBool,
    state: &Mutex<State>,
) -> Result<(), String> {
    let clock = Clock::system();
    let context = Context::connect(config, Telemetry::from_fn(tell))
        .await
        .map_err(|error| error.to_string())?;
    let bar = progress_bar();
    let told_at = Mutex::new(clock.now());
    let lock = || state.lock().unwrap_or_else(PoisonError::into_inner);
    bar.set_message(lock().report.line());
    let watch = |progress: Progress| {
        let mut state = lock();
        state.report.saw(progress);
        bar.set_message(state.report.line());
        let mut told_at = told_at.lock().unwrap_or_else(PoisonError::into_inner);
        if bar.is_hidden() && clock.now() >= *told_at + LINE {
            *told_at = clock.now();
            eprintln!("campaign-sync: {}", state.report.line());
        }
    };
    let mut pages = BTreeSet::new();
    let asked = || is_asked_to_stop.load(Ordering::Relaxed);
    let mut input = input(args, clock.now());
    loop {
        let until = Until {
            end: None,
            rest_at: Some(clock.now() + STRETCH),
            is_asked_to_stop: &asked,
        };
        let outcome = reconcile::run(&context, &input, &until, &watch)
            .await
            .map_err(|error| error.to_string())?;
        let cursor = outcome.answer.cursor.clone();
        let why = outcome.why.clone();
        if cursor
            .as_ref()
            .is_some_and(|cursor| !pages.insert(cursor.clone()))
            && why == Some(Why::OutOfTime)
        {
            return Err("the feed has no end: it came back to where it was before".to_owned());
        }
        {
            let mut state = lock();
            state.reached.clone_from(&cursor);
            state.report.add(outcome);
        }
        match why.as_ref().map(Why::cause) {
            Some(Why::OutOfTime) if !asked() => {}
            Some(Why::QueueIsDeep | Why::Throttled) if !asked() => {
                bar.set_message(format!(
                    "{}; waiting for the queue or the call budget",
                    lock().report.line()
                ));
                tokio::time::sleep(WAIT).await;
            }
            _ => break,
        }
        input.cursor = cursor.as_deref().and_then(Cursor::parse);
    }
    bar.finish_and_clear();
    Ok(())
}

fn input(args: &Args, now: Timestamp) -> Input {
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
    }
}

/// On standard error, and only where that is a terminal.
fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}, {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// What a person must know while it runs.
fn tell(event: &Event<'_>) {
    if let Event::Throttled { org } = event {
        eprintln!("campaign-sync: Genesys Cloud throttles org {org}");
    }
}
