//! `campaign-sync local`: runs the main job on embedded parts, all in this process.
//!
//! A made-up CRM changes its contacts and sends signed webhooks. They go through `ingest::handle`
//! and `apply::handle`, the code that is deployed, with a FIFO queue between them, into an emulated
//! Genesys Cloud. In the end the contacts of the campaigns are compared with the last state of the
//! CRM.
//!
//! The CRM's deliveries are a `Story` (`crm.rs`, `vendor.rs`, `file.rs`), and `world.rs` plays it.
//! `report.rs` and `table.rs` say what came of it, `problem.rs` makes the comparison with plain
//! batch POSTs, and `serve` serves the same parts in real time. The emulated services are in
//! `shared/emulator`.

mod crm;
mod defect;
mod file;
mod problem;
mod report;
mod serve;
mod table;
mod vendor;
mod world;

use std::path::PathBuf;
use std::time::Duration;

use apply::Defect;
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use io::telemetry::{Event, Telemetry};

use crate::args;
use crm::Story;
use defect::Break;
use report::{Reconciled, Report};
use vendor::Crm;
use world::World;

pub(crate) use vendor::samples;

/// The message of an error that the user can repair.
pub(crate) type Error = String;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  campaign-sync local
  campaign-sync local --contacts 5000 --changes 50000 --seed 7
  campaign-sync local --file events/rapid-updates.json
  campaign-sync local --json | jq .callsPerChange
  campaign-sync local --drop 10%        # what webhooks miss, reconcile repairs
  campaign-sync local --api contactLists
  campaign-sync local --crm hubspot     # a vendor's webhooks, mapped by its preset, and reconcile
  campaign-sync local --serve
  campaign-sync local --break rank      # a defect on purpose: exit status 1

The exit status is 0 if every contact is as the CRM last said and nothing is left in the queue, 1 if not, and 2 if the
command could not run.")]
pub(crate) struct Args {
    /// How many contacts the CRM has
    #[arg(long, default_value_t = 200, value_parser = args::number::<u32>(1..=1_000_000), allow_hyphen_values = true)]
    contacts: u32,
    /// How many changes the CRM sends
    #[arg(long, default_value_t = 1_000, value_parser = args::number::<u32>(1..=10_000_000), allow_hyphen_values = true)]
    changes: u32,
    /// The same seed gives the same run
    #[arg(long, default_value_t = 42, value_parser = args::number::<u64>(0..=u64::MAX), allow_hyphen_values = true)]
    seed: u64,
    /// The vendor whose webhooks the made-up CRM sends. The vendor's preset turns them into
    /// changes, and reconcile repairs what is missing
    #[arg(long, value_enum, default_value_t = Crm::Own, conflicts_with_all = ["file", "serve"])]
    crm: Crm,
    /// Applies the records of this SQS event instead of made-up changes
    #[arg(long, value_name = "EVENT.json", conflicts_with_all = ["contacts", "changes", "seed"])]
    file: Option<PathBuf>,
    /// Prints one JSON object instead of the tables
    #[arg(long)]
    json: bool,
    /// Serves the embedded parts on loopback, in real time, until Ctrl-C
    #[arg(long, conflicts_with_all = ["contacts", "changes", "seed", "file", "json", "defect"])]
    serve: bool,
    /// The port to serve on; 0 takes any free port
    #[arg(long, default_value_t = 8787, value_parser = args::number::<u16>(0..=65_535), allow_hyphen_values = true, requires = "serve")]
    port: u16,
    /// How many calls a minute Genesys Cloud allows each OAuth client
    #[arg(long, default_value_t = 300, value_parser = args::number::<u64>(1..=1_000_000), allow_hyphen_values = true)]
    calls_per_minute: u64,
    /// Drops this share of the webhooks, then lets reconcile repair what they would have changed
    #[arg(long, value_name = "PERCENT%", value_parser = percent, allow_hyphen_values = true, conflicts_with_all = ["serve", "file"])]
    drop: Option<f64>,
    /// Which contact API the orgs have
    #[arg(long, value_enum, default_value_t = Api::Predictive)]
    api: Api,
    /// Puts a defect in, to see that it is found (debug builds only)
    #[arg(long = "break", value_name = "DEFECT")]
    defect: Option<Break>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Api {
    /// The campaign contacts API, which answers an existing key with 409
    #[default]
    Predictive,
    /// The contact list API that Genesys Cloud publishes
    #[value(name = "contactLists")]
    ContactLists,
}

/// Reads a percentage, such as `10%`, as a share from 0 to 1.
fn percent(text: &str) -> Result<f64, String> {
    let number = text
        .strip_suffix('%')
        .and_then(|number| number.parse::<f64>().ok());
    let number = number.filter(|number| (0.0..=100.0).contains(number));
    number
        .map(|number| number / 100.0)
        .ok_or_else(|| "expected a percentage from 0% to 100%, such as 10%".to_owned())
}

/// Runs and prints the result. Returns whether every contact is right and nothing is left to do.
pub(crate) fn run(args: &Args) -> Result<bool, Error> {
    defect::check(args)?;
    if args.serve {
        return serve::run(args.port, args.api, args.calls_per_minute);
    }
    let story = match &args.file {
        Some(path) => file::read(path, args.api)?,
        None => make_up(args),
    };
    // Time is paused and jumps from wait to wait: most of an hour passes in a moment, and each run
    // is like the last.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let runtime = runtime.map_err(|error| format!("cannot start: {error}"))?;
    let began = wall_clock();
    let played = play(
        &story,
        args.calls_per_minute,
        args.defect.and_then(Break::in_apply),
        args.drop.is_some() || story.told.is_some(),
    );
    let mut report = runtime.block_on(played)?;
    report.seconds = began.elapsed().as_secs_f64();
    report.seed = args.file.is_none().then_some(args.seed);
    report.defect = args.defect;
    let shown = if args.json {
        serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?
    } else {
        table::show(&report)
    };
    crate::print(&shown)?;
    Ok(report.is_well())
}

/// Makes up the story that the arguments ask for.
fn make_up(args: &Args) -> Story {
    let (contacts, changes) = (args.contacts as usize, args.changes as usize);
    let of_vendor = vendor::make_up(args.crm, args.seed, args.api, contacts, changes);
    let mut story =
        of_vendor.unwrap_or_else(|| Story::make_up(args.seed, args.api, contacts, changes));
    story.drop_webhooks(args.seed, args.drop.unwrap_or(0.0));
    match (&mut story.told, args.defect) {
        (Some(told), Some(Break::OptOut)) => told.forget_opt_outs(),
        (Some(told), Some(Break::Clock)) => told.rank_by_another_clock(),
        _ => {}
    }
    story
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long the user waited is no part of the simulation"
)]
fn wall_clock() -> std::time::Instant {
    std::time::Instant::now()
}

/// Plays the story, and collects what came of it.
async fn play(
    story: &Story,
    calls_per_minute: u64,
    defect: Option<Defect>,
    reconciles: bool,
) -> Result<Report, Error> {
    let bar = ProgressBar::new(story.changes as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} changes, {elapsed}") {
        bar.set_style(style);
    }
    let began = tokio::time::Instant::now();
    let clock = emulator::logical_clock(crm::start());
    let world = World::build(
        story,
        clock,
        "https://local",
        calls_per_minute,
        defect,
        progress(bar.clone()),
    )?;
    world.run(&story.deliveries).await;
    let reconciled = if reconciles {
        Some(reconcile(story, &world).await?)
    } else {
        None
    };
    let simulated = began.elapsed();
    bar.finish_and_clear();

    let batch_posts = problem::push(story).await;
    let mut report = Report::of(story, &world, batch_posts, reconciled);
    report.simulated_seconds = report::round(simulated.as_secs_f64());
    Ok(report)
}

/// Lets reconcile repair what the dropped webhooks would have changed, and runs it once more.
async fn reconcile(story: &Story, world: &World) -> Result<Reconciled, Error> {
    let (dropped, wrong) = (story.dropped(), world.wrong_contacts(story));
    let callable = wrong.iter().filter(|wrong| wrong.is_callable());
    let (wrong_before, callable_before) = (wrong.len(), callable.count());
    world.put_latest(story);
    let repaired = world.reconcile(story).await?;
    // A schedule starts the next run later, when new contacts can be read.
    tokio::time::sleep(Duration::from_mins(15)).await;
    let second_run_changes = world.reconcile(story).await?;
    Ok(Reconciled {
        dropped,
        wrong_before,
        callable_before,
        repaired,
        second_run_changes,
    })
}

/// Moves the bar by each change that is done or parked.
fn progress(bar: ProgressBar) -> Telemetry {
    Telemetry::from_fn(move |event| {
        if matches!(event, Event::Done { .. } | Event::Parked { .. }) {
            bar.inc(1);
        }
    })
}

/// The longest simulated time after the last delivery. A run that is not done by then is at fault.
pub(crate) const LATEST: Duration = Duration::from_hours(48);
