//! Measures `campaign-sync reconcile` for a campaign by `contactLists`: the real command, once by
//! an export of the list and once by bulk reads.
//!
//! `crate::command` runs it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use comfy_table::{CellAlignment, Table, presets};
use emulator::Feed;
use emulator::world::{VERSION_FIELD, sent};
use http::StatusCode;
use io::Clock;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::backend::Backend;
use crate::command::Command;
use crate::scenario::{Api, PLAIN, Scenario};
use crate::table::short;
use crate::work::{CAMPAIGNS, COLUMNS, ORG, Work};

const HEAD: [&str; 8] = [
    "contacts",
    "differ",
    "read",
    "calls",
    "minutes of calls at 300 a minute",
    "wall, s",
    "CPU, s",
    "peak MiB",
];
const TOKEN: &str = "token-of-the-feed";
/// One contact in this many differs.
const DIFFERS: usize = 200;
const LOOKED: Duration = Duration::from_millis(20);
/// A fifth of 300 calls.
const CALLS_A_MINUTE: f64 = 60.0;

/// Prints a table with two rows for each number of contacts.
pub(crate) async fn run(command: Command<'_>, campaigns: &[usize]) -> Result<String, String> {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(HEAD);
    for contacts in campaigns {
        for read in ["export", "bulk"] {
            table.add_row(row(command, *contacts, read).await?);
        }
    }
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    Ok(format!(
        "\n## reconcile: contactLists, no rate limit, an export that is ready after 20 s\n\n{table}"
    ))
}

/// The measurement of one campaign, whose list is read in this way.
async fn row(command: Command<'_>, contacts: usize, read: &str) -> Result<Vec<String>, String> {
    let scenario = Scenario {
        api: Api::ContactLists,
        ..PLAIN
    };
    let backend = Backend::start(&scenario, &Work::none(&scenario), None).await?;
    let feed = serve_feed(&backend).await?;
    for n in 0..contacts {
        put(&backend, &feed, n);
    }
    let arguments = [
        "reconcile",
        "--org",
        ORG,
        "--campaign",
        CAMPAIGNS[0],
        "--json",
        "--read",
        read,
    ];
    let name = format!("reconcile-{contacts}-{read}");
    let finished = command
        .run(&arguments, &backend, &name, LOOKED, || {})
        .await?;
    let text = &finished.output;
    let differ = contacts / DIFFERS;
    // The command prints its progress before the report.
    let report = text
        .find("{\n")
        .and_then(|at| serde_json::from_str(&text[at..]).ok());
    let report: Value = report.unwrap_or_default();
    let is_right =
        report["complete"] == true && report["checked"] == contacts && report["enqueued"] == differ;
    if !is_right {
        let status = finished.status;
        return Err(format!("not what was to be found: {status}, {text}"));
    }
    let calls = backend.world.genesys.calls();
    let calls = calls
        .iter()
        .filter(|call| call.path.starts_with("/api/"))
        .count();
    Ok(vec![
        contacts.to_string(),
        differ.to_string(),
        read.to_owned(),
        calls.to_string(),
        short(calls as f64 / CALLS_A_MINUTE),
        short(finished.took.as_secs_f64()),
        short(finished.used.cpu),
        short(finished.used.peak_mib),
    ])
}

/// Serves a CRM's feed on a port of its own.
async fn serve_feed(backend: &Backend) -> Result<Arc<Feed>, String> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await;
    let listener = listener.map_err(|error| format!("no loopback port: {error}"))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let feed = Arc::new(Feed::new(Clock::system(), TOKEN, 1_000));
    let secret = json!({ "url": format!("http://{address}/contacts"), "bearerToken": TOKEN });
    backend.world.put_feed(ORG, &secret);
    let app = axum::Router::new()
        .fallback(answer)
        .with_state(Arc::clone(&feed));
    tokio::spawn(axum::serve(listener, app).into_future());
    Ok(feed)
}

async fn answer(State(feed): State<Arc<Feed>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    match axum::body::to_bytes(body, 0).await {
        Ok(body) => sent(&*feed, Request::from_parts(parts, body))
            .await
            .map(Into::into),
        Err(_) => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
    }
}

/// Puts a contact into the campaign and into the CRM.
fn put(backend: &Backend, feed: &Feed, n: usize) {
    let key = format!("LEAD-{n:07}");
    let value = |column: &str| format!("{column} of {n}, \"as it is\"");
    let mut data: Vec<_> = COLUMNS
        .iter()
        .map(|column| (*column, value(column)))
        .collect();
    let version = 1_790_000_000_000 + n;
    feed.put(json!({
        "campaignId": CAMPAIGNS[0], "contactKey": key, "version": version,
        "data": data.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
    }));
    if n.is_multiple_of(DIFFERS) {
        data[0].1 = "another name".to_owned();
    }
    data.push((VERSION_FIELD, version.to_string()));
    let data: Vec<_> = data
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    backend
        .world
        .genesys
        .put_contact(CAMPAIGNS[0], &key, &data, true);
}
