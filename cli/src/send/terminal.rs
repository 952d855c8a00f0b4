//! The person at the terminal: the question before rows are sent, and Ctrl-C.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Args;
use super::report::Report;
use crate::table::counted;

/// Asks the person at the terminal whether to send the rows. If there is no terminal, they are
/// sent.
pub(super) fn may_go_on(args: &Args, report: &Report) -> Result<bool, String> {
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

/// A flag that the first Ctrl-C sets. The second ends the process.
pub(super) fn at_ctrl_c() -> Arc<AtomicBool> {
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
