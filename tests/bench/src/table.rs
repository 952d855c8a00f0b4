//! The measured values, as a table in Markdown.
//!
//! `crate::rep` measures the values. Backlogs have a table of their own (`crate::backlog`).

use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};

use crate::candidate::Candidate;
use crate::rep::Rep;
use crate::scenario::Scenario;

const HEAD: [&str; 16] = [
    "candidate",
    "init ms",
    "cold ms",
    "both",
    "warm p50",
    "p95",
    "p99",
    "chg/s",
    "MiB",
    "CPU s/1k",
    "calls/chg",
    "conns",
    "429",
    "budget",
    "CPU wait",
    "state",
];

/// The table of a scenario.
pub(crate) fn of(scenario: &Scenario, is_tls: bool, rows: &[(&Candidate, Vec<Rep>)]) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(HEAD);
    for (candidate, reps) in rows {
        table.add_row(row(candidate, reps));
    }
    for column in table.column_iter_mut().skip(1).take(HEAD.len() - 2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!(
        "\n## {}: {}\n\n{table}",
        scenario.name,
        scenario.describe(is_tls)
    )
}

fn row(candidate: &Candidate, reps: &[Rep]) -> Vec<String> {
    let median =
        |of: &dyn Fn(&Rep) -> f64| quantile(&mut reps.iter().map(of).collect::<Vec<_>>(), 0.5);
    let sum = |of: &dyn Fn(&Rep) -> f64| reps.iter().map(of).sum::<f64>();
    let mut warm: Vec<_> = reps
        .iter()
        .flat_map(|rep| &rep.warm)
        .map(|took| ms(*took))
        .collect();
    let wall = sum(&|rep| rep.wall.as_secs_f64());
    let budget = reps.iter().filter_map(|rep| rep.budget).reduce(f64::min);
    let failed: usize = reps.iter().map(|rep| rep.failed_items).sum();
    let state = match reps.iter().find_map(|rep| rep.wrong.as_ref()) {
        Some(wrong) => format!("WRONG: {wrong}"),
        None if failed > 0 => format!("right ({failed} tried again)"),
        None => "right".to_owned(),
    };
    vec![
        candidate.name.clone(),
        short(median(&|rep| ms(rep.init))),
        short(median(&|rep| ms(rep.cold))),
        short(median(&|rep| ms(rep.init + rep.cold))),
        short(quantile(&mut warm, 0.5)),
        short(quantile(&mut warm, 0.95)),
        short(quantile(&mut warm, 0.99)),
        short(sum(&|rep| rep.changes as f64) / wall),
        short(median(&|rep| rep.peak_mib)),
        short(sum(&|rep| rep.cpu) / sum(&|rep| rep.warm_changes as f64) * 1_000.0),
        short(sum(&|rep| rep.calls as f64) / sum(&|rep| rep.all_changes as f64)),
        reps.iter()
            .map(|rep| rep.connections)
            .max()
            .unwrap_or(0)
            .to_string(),
        reps.iter()
            .map(|rep| rep.throttled)
            .sum::<usize>()
            .to_string(),
        budget.map_or_else(|| "-".to_owned(), |part| format!("{:.0} %", part * 100.0)),
        format!("{:.0} %", sum(&|rep| rep.waited) / wall * 100.0),
        state,
    ]
}

pub(crate) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// The value below which this share of the values lies.
pub(crate) fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = (part * values.len() as f64).ceil() as usize;
    values
        .get(place.saturating_sub(1))
        .copied()
        .unwrap_or(f64::NAN)
}

pub(crate) fn short(number: f64) -> String {
    match number.abs() {
        // There was no batch to measure.
        _ if !number.is_finite() => "-".to_owned(),
        100.0.. => format!("{number:.0}"),
        10.0.. => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}
