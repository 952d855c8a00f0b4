//! Measures `campaign-sync send` for a file: the real command, with a queue that somebody empties.
//!
//! `crate::command` runs it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use serde_json::Value;

use crate::backend::Backend;
use crate::command::Command;
use crate::scenario::{Api, MS_20, PLAIN, Scenario};
use crate::table::short;
use crate::work::{CAMPAIGNS, ORG, Work};

const HEAD: [&str; 6] = [
    "rows",
    "file, MiB",
    "wall, s",
    "rows/s",
    "CPU s per 1,000 rows",
    "peak MiB",
];
/// How often the queue is emptied.
const EMPTIED: Duration = Duration::from_millis(50);

/// Prints a table with a row for each number of rows. A call to SQS takes 20 ms.
pub(crate) async fn run(command: Command<'_>, files: &[usize]) -> Result<String, String> {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(HEAD);
    for rows in files {
        table.add_row(row(command, *rows).await?);
    }
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    Ok(format!(
        "\n## send: contactLists, 20 ms a call to SQS, a queue that is emptied at once\n\n{table}"
    ))
}

/// The measurement of one file.
async fn row(command: Command<'_>, rows: usize) -> Result<Vec<String>, String> {
    let scenario = Scenario {
        latency: MS_20,
        api: Api::ContactLists,
        ..PLAIN
    };
    let backend = Backend::start(&scenario, &Work::none(&scenario), None).await?;
    let file = command.logs.join(format!("send-{rows}.csv"));
    let path = file.display().to_string();
    let bytes = write(&file, rows).map_err(|error| format!("{path}: {error}"))?;
    let arguments = [
        "send",
        "--org",
        ORG,
        "--campaign",
        CAMPAIGNS[0],
        "--json",
        "--restart",
        &path,
    ];
    let mut taken = 0;
    let empty_queue = || taken += backend.world.queue.purge();
    let name = format!("send-{rows}");
    let finished = command
        .run(&arguments, &backend, &name, EMPTIED, empty_queue)
        .await?;
    taken += backend.world.queue.purge();
    let text = &finished.output;
    let report = text
        .lines()
        .find_map(|line| serde_json::from_str::<Value>(line).ok());
    let report = report.unwrap_or_default();
    if taken != rows || report["complete"] != true {
        return Err(format!(
            "{taken} of {rows} rows came: {}, {report}, {text}",
            finished.status
        ));
    }
    let _ = std::fs::remove_file(&file);
    let seconds = finished.took.as_secs_f64();
    Ok(vec![
        rows.to_string(),
        short(bytes as f64 / f64::from(1 << 20)),
        short(seconds),
        short(rows as f64 / seconds),
        short(finished.used.cpu * 1_000.0 / rows as f64),
        short(finished.used.peak_mib),
    ])
}

/// Writes a first load as a CRM exports it: each row is another contact.
fn write(file: &Path, rows: usize) -> std::io::Result<usize> {
    let mut out = std::io::BufWriter::new(std::fs::File::create(file)?);
    let (mut text, mut bytes) = (String::new(), 0);
    text.push_str("contactKey,version,callable,firstName,lastName,phone,email,status,notes\n");
    for n in 0..rows {
        let _ = writeln!(
            text,
            "LEAD-{n:07},{},{},Ada {n},Example,+1317{n:07},ada.{n}@example.com,open,\"called on Monday, {n}\"",
            1_790_000_000_000 + n as u64,
            n % 50 != 0
        );
        out.write_all(text.as_bytes())?;
        bytes += text.len();
        text.clear();
    }
    out.flush()?;
    Ok(bytes)
}
