//! Measures ingest: signed webhooks, one after the other, as Lambda hands them over.
//!
//! Everything else measures apply or the command.

use std::path::Path;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use io::Clock;
use jiff::Timestamp;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tokio::time::Instant;

use crate::backend::Backend;
use crate::candidate::Candidate;
use crate::environment::Environment;
use crate::process::{FunctionCpu, can_limit_cpu};
use crate::scenario::{MS_20, PLAIN, Scenario};
use crate::table::{ms, quantile, short};
use crate::work::{CAMPAIGNS, ORG, Work};

const SOURCE: &str = "crm";
const SIGNING_SECRET: &str = "whsec_YmVuY2ggcnVucyBvbmx5LCBubyBzZWNyZXQ=";
/// The number of webhooks after the first.
const WEBHOOKS: u32 = 500;
const HEAD: [&str; 7] = [
    "CPU as at, MB",
    "changes each",
    "init + first, ms",
    "p50 ms",
    "p95 ms",
    "webhooks/s a copy",
    "CPU ms each",
];

/// Prints the table, with an SQS that takes 20 ms a call. `warm` is the number of webhooks after
/// the first.
pub(crate) async fn run(
    ingest: &Path,
    warm: Option<u32>,
    cpu: FunctionCpu,
    logs: &Path,
) -> Result<String, String> {
    let warm = warm.unwrap_or(WEBHOOKS) as usize;
    let candidate = Candidate::ingest(ingest)?;
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(HEAD);
    // The first half measures the memory of a default deployment, the second a whole CPU.
    let small = can_limit_cpu().then_some(Some(256));
    for memory_mb in small.into_iter().chain([None]) {
        for changes in [1, 10, 100] {
            let scenario = Scenario {
                latency: MS_20,
                memory_mb,
                ..PLAIN
            };
            let log = logs.join(format!("webhooks-{changes}.log"));
            table.add_row(row(&scenario, &candidate, cpu, (changes, warm), &log).await?);
        }
    }
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    Ok(format!(
        "\n## webhooks: ingest, 20 ms a call to SQS, {warm} webhooks one after the other\n\n{table}"
    ))
}

async fn row(
    scenario: &Scenario,
    candidate: &Candidate,
    cpu: FunctionCpu,
    (changes, warm): (usize, usize),
    log: &Path,
) -> Result<Vec<String>, String> {
    let backend = Backend::start(scenario, &Work::none(scenario), None).await?;
    let secret = json!({ "signingSecrets": [SIGNING_SECRET], "org": ORG });
    backend.world.put_source(SOURCE, &secret);
    let environment = Environment::start(scenario, candidate, &backend, cpu, None, log).await?;
    let first = taken(&environment, 0, changes).await?;
    let used = environment.used();
    let began = Instant::now();
    let mut times = Vec::new();
    for n in 1..=warm {
        times.push(ms(taken(&environment, n, changes).await?));
    }
    let (took, cpu) = (began.elapsed(), environment.used().cpu - used.cpu);
    let sent = backend.world.queue.len();
    if sent != (warm + 1) * changes {
        return Err(format!("the queue holds {sent} changes: expected all"));
    }
    let each = |seconds: f64| seconds * 1_000.0 / warm as f64;
    Ok(vec![
        scenario.memory_mb.unwrap_or(1_769).to_string(),
        changes.to_string(),
        short(ms(environment.init + first)),
        short(quantile(&mut times, 0.5)),
        short(quantile(&mut times, 0.95)),
        short(warm as f64 / took.as_secs_f64()),
        short(each(cpu)),
    ])
}

/// Hands over webhook `n`, checks that it was accepted, and returns how long that took.
async fn taken(environment: &Environment, n: usize, changes: usize) -> Result<Duration, String> {
    let event = webhook(n, changes)?;
    let (answer, took) = environment.invoke(&event).await?;
    let answer = answer.unwrap_or_default();
    if answer["statusCode"] == 202 {
        Ok(took)
    } else {
        Err(format!("ingest did not take a webhook: {answer}"))
    }
}

/// The event of a signed webhook as the HTTP API hands it over (docs/webhooks.md).
fn webhook(n: usize, changes: usize) -> Result<Value, String> {
    let change = |m: usize| {
        let key = format!("LEAD-{n:05}-{m:03}");
        json!({
            "eventId": format!("evt_{n}_{m}"), "org": ORG, "campaignId": CAMPAIGNS[m % 2],
            "contactKey": key, "version": 1_790_000_000_000 + n as u64,
            "data": { "firstName": "Ada", "lastName": "Example", "phone": "+13175550150",
                      "email": "ada@example.com", "status": "open", "notes": "called on Monday" },
        })
    };
    let body = json!({ "changes": (0..changes).map(change).collect::<Vec<_>>() }).to_string();
    let (id, now) = (format!("msg_{n}"), Clock::system().now());
    let headers = signed(&id, now, &body).map_err(|error| error.to_string())?;
    Ok(json!({
        "version": "2.0", "routeKey": "POST /webhooks/{source}",
        "rawPath": format!("/webhooks/{SOURCE}"), "rawQueryString": "", "headers": headers,
        "requestContext": {
            "accountId": "123456789012", "apiId": "bench", "domainName": "bench.example",
            "domainPrefix": "bench", "requestId": "bench", "routeKey": "POST /webhooks/{source}",
            "stage": "$default", "time": "24/Nov/2026:16:00:00 +0000",
            "timeEpoch": now.as_millisecond(),
            "http": { "method": "POST", "path": format!("/webhooks/{SOURCE}"), "protocol": "HTTP/1.1",
                      "sourceIp": "127.0.0.1", "userAgent": "bench" },
        },
        "body": body, "isBase64Encoded": false,
    }))
}

fn signed(id: &str, now: Timestamp, body: &str) -> Result<Value, standardwebhooks::WebhookError> {
    let signature = Webhook::new(SIGNING_SECRET)?.sign(id, now.as_second(), body.as_bytes())?;
    Ok(json!({
        "content-type": "application/json", "webhook-id": id,
        "webhook-timestamp": now.as_second().to_string(), "webhook-signature": signature,
    }))
}
