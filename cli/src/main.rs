//! `campaign-sync`: the command of the operator and of the developer.
//!
//! Each subcommand is a module of its name, with `Args` and `run`. `run` returns whether all is as
//! it should be, which becomes exit status 0 or 1; an error becomes exit status 2. The rules
//! themselves are not here: they are in `shared/domain`, and the functions' own code runs in
//! `local` and `reconcile`.
//!
//! The first subcommand to read is [`local`], which runs everything on this machine. [`args`],
//! [`table`], [`describe`], [`one_contact`] and [`connect`] hold what several subcommands need.

mod args;
mod check;
mod connect;
mod console;
mod contact;
mod describe;
mod dlq;
mod dnc;
mod event;
mod feed;
mod local;
mod made_up;
mod one_contact;
mod reconcile;
mod schedule;
mod send;
mod source;
mod status;
mod stretches;
mod table;
mod webhook;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Keeps the contacts of Genesys Cloud outbound campaigns in step with a CRM.
///
/// Without a command it runs `local`.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    local: local::Args,
}

#[derive(Subcommand)]
enum Command {
    /// Runs a made-up CRM's webhooks through ingest, the queue and apply, all on this machine
    Local(local::Args),
    /// Sends the rows of a file as changes: a first load, or a correction
    Send(send::Args),
    /// Compares campaigns with the CRM's feed and enqueues what webhooks missed
    Reconcile(reconcile::Args),
    /// Sets, lists and removes the schedules of reconcile
    Schedule(schedule::Args),
    /// Checks an org's secret, OAuth client, campaigns and queues, and says how to fix what is
    /// wrong
    Check(check::Args),
    /// Shows how many changes wait in the queues, for how long, and how many calls an org has left
    Status(status::Args),
    /// Serves pages on this machine that show the flow of changes, show parked changes, and redrive
    /// them
    Console(console::Args),
    /// Shows why a contact is not called; repairs a stored rank that is ahead, and opt-outs without
    /// a mark
    Contact(contact::Args),
    /// Removes one entry from the DNC list of an org
    Dnc(dnc::Args),
    /// Lists, shows, redrives and drops parked changes
    Dlq(dlq::Args),
    /// Shows what a source's webhook would become; prints the programs of presets
    Source(source::Args),
    /// Shows what a page of a CRM's feed becomes, from a saved answer or from the CRM itself
    Feed(feed::Args),
    /// Prints a sample event that is valid now
    Event(event::Args),
}

/// Writes a result to standard output. A reader that closed its end, as `head` does, is no error.
pub(crate) fn print(text: &str) -> Result<(), String> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(format!("standard output: {error}"))
        }
        _ => Ok(()),
    }
}

/// Runs the asynchronous part of a subcommand to its end.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime
        .map_err(|error| format!("cannot start: {error}"))?
        .block_on(work)
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let ran = match cli.command {
        None => local::run(&cli.local),
        Some(Command::Local(args)) => local::run(&args),
        Some(Command::Send(args)) => send::run(&args),
        Some(Command::Reconcile(args)) => reconcile::run(&args),
        Some(Command::Schedule(args)) => schedule::run(&args),
        Some(Command::Check(args)) => check::run(&args),
        Some(Command::Status(args)) => status::run(&args),
        Some(Command::Console(args)) => console::run(&args),
        Some(Command::Contact(args)) => contact::run(&args),
        Some(Command::Dnc(args)) => dnc::run(&args),
        Some(Command::Dlq(args)) => dlq::run(&args),
        Some(Command::Source(args)) => source::run(&args),
        Some(Command::Feed(args)) => feed::run(&args),
        Some(Command::Event(args)) => event::run(&args).map(|()| true),
    };
    match ran {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("campaign-sync: {error}");
            ExitCode::from(2)
        }
    }
}
