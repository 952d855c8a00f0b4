//! The result of a run as text, for a person.
//!
//! It prints the [`Report`] and computes nothing: the counts and the verdict are in `report.rs`.

use std::fmt::Write;

use clap::ValueEnum;
use comfy_table::Table;

use super::Api;
use super::report::{OUTCOMES, Report};
use crate::table::{counted, number, table};

/// The most wrong contacts that are named.
const NAMED: usize = 10;

pub(crate) fn show(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write(report, &mut text);
    text.trim_end().to_owned()
}

fn write(report: &Report, out: &mut String) -> std::fmt::Result {
    write_head(report, out)?;
    writeln!(out, "What became of the changes\n{}\n", outcomes(report))?;
    if !report.parked.is_empty() {
        writeln!(
            out,
            "Parked in the dead-letter queue, by reason, with the detail of the first"
        )?;
        for (reason, (count, detail)) in &report.parked {
            writeln!(out, "{count:>5} {reason}: {detail}")?;
        }
        writeln!(out)?;
    }
    writeln!(out, "Calls to Genesys Cloud\n{}\n", calls(report))?;
    writeln!(out, "What came of it\n{}\n", results(report))?;
    let sent = match report.traffic {
        Some(_) => "The same changes as whole contacts in",
        None => "The same deliveries sent as",
    };
    let posts = match report.api {
        Api::Predictive => "plain batch POSTs",
        Api::ContactLists => "plain batch POSTs to the predictive API",
    };
    writeln!(
        out,
        "{sent} {posts}, for comparison\n{}\n",
        compared(report)
    )?;
    write_verdict(report, out)
}

fn write_head(report: &Report, out: &mut String) -> std::fmt::Result {
    let seed = report
        .seed
        .map(|seed| format!(", seed {seed}"))
        .unwrap_or_default();
    let by = report
        .traffic
        .as_ref()
        .map(|traffic| format!(", by webhooks of {}", traffic.crm.name()))
        .unwrap_or_default();
    writeln!(
        out,
        "{} to {} of {} in {}{by}{seed}:\n{:.1} s for {} of simulated time.\n",
        counted(report.changes as u64, "change"),
        counted(report.contacts as u64, "contact"),
        counted(report.campaigns as u64, "campaign"),
        counted(report.orgs as u64, "org"),
        report.seconds,
        duration(report.simulated_seconds),
    )?;
    let defect = report.defect.and_then(|defect| defect.to_possible_value());
    if let Some(defect) = defect {
        writeln!(out, "With a defect on purpose: {}.\n", defect.get_name())?;
    }
    Ok(())
}

/// Writes what is wrong, or that nothing is.
fn write_verdict(report: &Report, out: &mut String) -> std::fmt::Result {
    for wrong in report.wrong.iter().take(NAMED) {
        let (org, campaign, key) = &wrong.key;
        writeln!(
            out,
            "WRONG  {org} {campaign} {key}: {}",
            wrong.what.join(", ")
        )?;
    }
    let faults = report.ingest_faults();
    for what in &faults {
        writeln!(out, "WRONG  {what}")?;
    }
    let again = report.reconciled.as_ref();
    let again = again.map_or(0, |reconciled| reconciled.second_run_changes);
    if again > 0 {
        writeln!(
            out,
            "WRONG  reconcile enqueued {} when it ran once more",
            counted(again, "change")
        )?;
    }
    if report.left_in_queue > 0 {
        writeln!(
            out,
            "WRONG  {} never came out of the queue",
            counted(report.left_in_queue as u64, "change")
        )?;
    } else if report.wrong_contacts == 0 {
        let since = if faults.is_empty() {
            "Every"
        } else {
            "Now that reconcile ran, every"
        };
        writeln!(out, "{since} contact is as the CRM last said.")?;
    }
    if report.wrong.len() > NAMED {
        writeln!(
            out,
            "WRONG  and {} more",
            number((report.wrong.len() - NAMED) as u64)
        )?;
    }
    Ok(())
}

fn outcomes(report: &Report) -> Table {
    let mut table = table(
        ["outcome".to_owned()]
            .into_iter()
            .chain(report.by_org.keys().cloned())
            .chain(["all".to_owned()]),
    );
    for outcome in OUTCOMES {
        let of_orgs = report
            .by_org
            .values()
            .map(|outcomes| outcomes.get(outcome).copied().unwrap_or(0));
        let all = report.outcomes.get(outcome).copied().unwrap_or(0);
        table.add_row(
            [outcome.to_owned()]
                .into_iter()
                .chain(of_orgs.chain([all]).map(number)),
        );
    }
    table
}

fn calls(report: &Report) -> Table {
    let mut table = table(["method", "status", "calls"].map(str::to_owned));
    for (name, calls) in &report.api_calls {
        let (method, status) = name.split_once(' ').unwrap_or((name, ""));
        table.add_row([method.to_owned(), status.to_owned(), number(*calls)]);
    }
    table
}

/// The requests that are left with a 409: none by campaign-sync, and many by plain batch POSTs.
fn compared(report: &Report) -> Table {
    let refused = &report.batch_posts;
    let of = |part: usize, all: usize| format!("{} of {}", number(part as u64), number(all as u64));
    let mut table = table(["", "campaign-sync", "batch POSTs of 100"].map(str::to_owned));
    let ours = number(report.conflicts_left as u64);
    table.add_row([
        "requests left with a 409".to_owned(),
        ours.clone(),
        of(refused.requests_refused, refused.requests),
    ]);
    table.add_row([
        "upserts in them, copies included".to_owned(),
        ours,
        of(refused.contacts_refused, refused.contacts),
    ]);
    table
}

fn results(report: &Report) -> Table {
    let mut table = table(["result", "number"].map(str::to_owned));
    let mut row = |what: &str, number: String| {
        table.add_row([what.to_owned(), number]);
    };
    let calls = format!("{:.2}", report.calls_per_change);
    row("calls per change", calls);
    let mut count = |what: &str, of: u64| row(what, number(of));
    if let Some(traffic) = &report.traffic {
        count("webhooks that arrived", traffic.webhooks as u64);
        let ignored = traffic.ignored as u64;
        count("events in them about something else", ignored);
        count("changes in them, copies included", traffic.said);
        count("changes that ingest made of them", traffic.accepted);
        count("webhooks that ingest refused", report.refused as u64);
    } else {
        let refused = report.refused as u64;
        count("changes that ingest refused as invalid", refused);
    }
    count("re-sent changes that the queue dropped", report.re_sent);
    count("changes still in the queue", report.left_in_queue as u64);
    if let Some(reconciled) = &report.reconciled {
        if report.traffic.is_none() || reconciled.dropped > 0 {
            count("webhooks dropped on purpose", reconciled.dropped as u64);
        }
        let wrong = reconciled.wrong_before as u64;
        count("contacts wrong before reconcile ran", wrong);
        if report.traffic.is_some() {
            let callable = reconciled.callable_before as u64;
            count("those of them that opted out and could be called", callable);
        }
        count("changes that reconcile enqueued", reconciled.repaired);
        let again = reconciled.second_run_changes;
        count("changes that its second run enqueued", again);
    }
    let wrong = report.wrong_contacts as u64;
    count("contacts not as the CRM last said", wrong);
    table
}

fn duration(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 120.0 => format!("{seconds:.1} s"),
        seconds if seconds < 7_200.0 => format!("{:.0} min", seconds / 60.0),
        seconds => format!("{:.1} h", seconds / 3_600.0),
    }
}
