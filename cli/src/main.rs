//! `campaign-sync`: the operator's and the developer's command.

mod dlq;
mod event;
mod local;
mod reconcile;
mod table;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Keeps the contacts of Genesys Cloud outbound campaigns in step with a CRM.
///
/// Without a command it does what `local` does.
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
    /// Runs webhooks of a made-up CRM through ingest, queue and apply into campaigns, all on this machine
    Local(local::Args),
    /// Compares campaigns with the CRM's feed and enqueues what webhooks missed
    Reconcile(reconcile::Args),
    /// Lists, shows, sends again and deletes the changes that were parked
    Dlq(dlq::Args),
    /// Prints a sample event that is valid now
    Event(event::Args),
}

/// Writes a result to standard output. A reader that has gone, as `head` does, is no error.
pub(crate) fn print(text: &str) -> Result<(), String> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(format!("standard output: {error}")),
        _ => Ok(()),
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let ran = match cli.command {
        None => local::run(&cli.local),
        Some(Command::Local(args)) => local::run(&args),
        Some(Command::Reconcile(args)) => reconcile::run(&args),
        Some(Command::Dlq(args)) => dlq::run(&args),
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
