//! Measures `campaign-sync send` for a file: the real command, with a queue that somebody empties.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use serde_json::Value;
use tokio::time::Instant;

use crate::process::{FunctionCpu, Process, Used};
use crate::scenario::{Api, MS_20, PLAIN, Scenario};
use crate::served::Served;
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
pub(crate) async fn run(
    command: &Path,
    files: &[usize],
    cpu: FunctionCpu,
    logs: &Path,
) -> Result<String, String> {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(HEAD);
    for rows in files {
        table.add_row(row(command, *rows, cpu, logs).await?);
    }
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    Ok(format!(
        "\n## send: contactLists, 20 ms a call to SQS, a queue that is emptied at once\n\n{table}"
    ))
}

async fn row(
    command: &Path,
    rows: usize,
    cpu: FunctionCpu,
    logs: &Path,
) -> Result<Vec<String>, String> {
    let scenario = Scenario {
        latency: MS_20,
        api: Api::ContactLists,
        ..PLAIN
    };
    let served = Served::start(&scenario, &Work::none(&scenario), None).await?;
    let logs = logs.canonicalize().map_err(|error| error.to_string())?;
    let file = logs.join(format!("send-{rows}.csv"));
    let bytes = write(&file, rows).map_err(|error| format!("{}: {error}", file.display()))?;
    let command = command
        .canonicalize()
        .map_err(|error| format!("--command {}: {error}", command.display()))?;
    let path = |path: &Path| path.display().to_string();
    let arguments = [
        "send",
        "--org",
        ORG,
        "--campaign",
        CAMPAIGNS[0],
        "--json",
        "--restart",
    ];
    let words = [path(&command)].into_iter();
    let words = words
        .chain(arguments.map(str::to_owned))
        .chain([path(&file)]);
    let log = logs.join(format!("send-{rows}.log"));
    let began = Instant::now();
    let mut process = Process::start(
        &words.collect::<Vec<_>>(),
        &path(&logs),
        &environment(&served),
        cpu,
        &log,
    )?;
    let (mut used, mut taken) = (Used::default(), 0);
    let ended = loop {
        // Measured while the process still runs.
        let now = process.used();
        if now.peak_mib > 0.0 {
            used = now;
        }
        taken += served.world.queue.purge();
        if let Some(ended) = process.ended() {
            break ended;
        }
        tokio::time::sleep(EMPTIED).await;
    };
    let took = began.elapsed();
    taken += served.world.queue.purge();
    let text = std::fs::read_to_string(&log).unwrap_or_default();
    let report = text
        .lines()
        .find_map(|line| serde_json::from_str::<Value>(line).ok());
    let report = report.unwrap_or_default();
    if taken != rows || report["complete"] != true {
        return Err(format!(
            "{taken} of {rows} rows came: {ended}, {report}, {text}"
        ));
    }
    let _ = std::fs::remove_file(&file);
    Ok(vec![
        rows.to_string(),
        short(bytes as f64 / f64::from(1 << 20)),
        short(took.as_secs_f64()),
        short(rows as f64 / took.as_secs_f64()),
        short(used.cpu * 1_000.0 / rows as f64),
        short(used.peak_mib),
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

pub(crate) fn environment(served: &Served) -> BTreeMap<String, String> {
    let own = [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_ENDPOINT_URL", &served.base),
        ("GENESYS_BASE_URL", &served.base),
    ];
    let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let queue = served.world.variable("QUEUE_URL").unwrap_or_default();
    let queue = ("QUEUE_URL".to_owned(), queue);
    own.into_iter().chain([queue]).collect()
}
