//! The backend of a measured function: Genesys Cloud, Secrets Manager and SQS on a loopback port.
//!
//! The emulator answers. This module sets it up for a scenario, counts the calls to SQS, and makes
//! each call take the scenario's time. `port` serves it, over TLS if requested.

mod port;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use emulator::world::VERSION_FIELD;
use emulator::{Fault, World, genesys};
use http::StatusCode;
use io::Clock;
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub(crate) use port::Tls;

use crate::neighbour;
use crate::scenario::{Api, Scenario};
use crate::work::{COLUMNS, Work};

const MAX_BODY: usize = 8 << 20;
/// How much tokio's timer, and the loop that it wakes, add to a wait by rounding up.
const ROUNDING: Duration = Duration::from_millis(1);

/// Everything outside of the function.
pub(crate) struct Backend {
    pub(crate) world: World,
    pub(crate) base: String,
    latency: Duration,
    sqs_latency: Duration,
    redelivery: Duration,
    /// The function's own calls to SQS, by operation.
    sqs_calls: Mutex<BTreeMap<String, usize>>,
    /// The receipt handles of messages whose visibility timeout the function has set itself.
    with_own_visibility: Mutex<BTreeSet<String>>,
    connections: AtomicUsize,
}

impl Backend {
    /// Sets up everything as it is before the first change, and serves it until the task ends.
    pub(crate) async fn start(
        scenario: &Scenario,
        work: &Work,
        tls: Option<&Tls>,
    ) -> Result<Arc<Backend>, String> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await;
        let listener = listener.map_err(|error| format!("no loopback port: {error}"))?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let base = match tls {
            Some(_) => format!("https://localhost:{}", address.port()),
            None => format!("http://{address}"),
        };
        let world = World::new(Clock::system(), options(scenario), &base);
        put_orgs_and_contacts(&world, scenario, work);
        if let Some(every) = scenario.error_every {
            fail_every(&world, every);
        }
        if scenario.has_ill_neighbour {
            neighbour::add(&world)?;
        }
        let latency = latency_without_rounding(scenario.latency);
        let sqs_latency = scenario.backlog.map_or(latency, |backlog| {
            latency_without_rounding(backlog.sqs_latency)
        });
        let backend = Arc::new(Backend {
            world,
            base,
            latency,
            sqs_latency,
            redelivery: scenario.redelivery,
            sqs_calls: Mutex::default(),
            with_own_visibility: Mutex::default(),
            connections: AtomicUsize::new(0),
        });
        let app = axum::Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&backend));
        port::serve(app, listener, tls, Arc::clone(&backend));
        Ok(backend)
    }

    /// Redelivers failed messages: when the function set their visibility timeout, at that time,
    /// and otherwise after the scenario's time.
    pub(crate) fn redeliver_failed(&self, event: &Value, answer: Option<&Value>) {
        let failed = answer.map(|answer| {
            answer["batchItemFailures"]
                .as_array()
                .cloned()
                .unwrap_or_default()
        });
        let with_own_visibility = self
            .with_own_visibility
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for record in event["Records"].as_array().into_iter().flatten() {
            let is_failed = failed.as_ref().is_none_or(|failed| {
                failed
                    .iter()
                    .any(|item| item["itemIdentifier"] == record["messageId"])
            });
            let handle = record["receiptHandle"].as_str().unwrap_or_default();
            if is_failed && !with_own_visibility.contains(handle) {
                let _ = self
                    .world
                    .queue
                    .set_visibility(handle, self.redelivery.as_secs() as u32);
            }
        }
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

fn latency_without_rounding(latency: Duration) -> Duration {
    latency.saturating_sub(ROUNDING)
}

/// How the emulated Genesys Cloud behaves in this scenario.
fn options(scenario: &Scenario) -> genesys::Options {
    genesys::Options {
        latency: latency_without_rounding(scenario.latency),
        calls_per_minute: scenario.limit.map(|(calls, _)| calls),
        window: scenario
            .limit
            .map_or(Duration::from_mins(1), |(_, window)| window),
        rate_headers: scenario.rate_headers,
        ..genesys::Options::default()
    }
}

/// Puts the orgs, their campaigns, and the contacts that exist before the first change.
fn put_orgs_and_contacts(world: &World, scenario: &Scenario, work: &Work) {
    let api = match scenario.api {
        Api::Predictive => "predictive",
        Api::ContactLists => "contactLists",
    };
    let calls_per_minute = scenario.calls_per_minute();
    let columns: Vec<_> = COLUMNS.into_iter().chain([VERSION_FIELD]).collect();
    for (org, campaign) in &work.campaigns {
        let secret = json!({ "api": api, "callsPerMinute": calls_per_minute });
        world.put_org(org, &secret);
        world.put_campaign(org, campaign, Some(&columns));
    }
    for ((campaign, key), stored) in &work.before {
        let columns = stored.data.iter();
        let data: Vec<_> = columns
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        world
            .genesys
            .put_contact(campaign, key, &data, stored.callable);
    }
}

/// Makes every call of this number fail with 503, up to 200 times.
fn fail_every(world: &World, every: usize) {
    for n in 1..=200 {
        let fault = Fault {
            // The calls that succeed before the first fault and between two.
            after: n * (every - 1),
            ..Fault::status("GET", 503)
        };
        world.genesys.add_fault(fault.any_method().on("/api/"));
    }
}

async fn answer(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let mut request = http::Request::from_parts(parts, body);
    if let Some(target) = request.headers().get("x-amz-target") {
        let target = String::from_utf8_lossy(target.as_bytes()).into_owned();
        let latency = backend.count(&target);
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        backend.shorten(&target, &mut request);
    }
    if neighbour::hangs(request.uri()) {
        std::future::pending::<()>().await;
    }
    backend.world.answer(request).await.map(Into::into)
}

impl Backend {
    /// Counts a call to AWS, and returns how long it takes.
    fn count(&self, target: &str) -> Duration {
        let Some(operation) = target.strip_prefix("AmazonSQS.") else {
            return self.latency;
        };
        let mut calls = self
            .sqs_calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *calls.entry(operation.to_owned()).or_default() += 1;
        self.sqs_latency
    }

    /// The function's own calls to SQS, by operation.
    pub(crate) fn sqs_calls(&self) -> BTreeMap<String, usize> {
        let calls = self.sqs_calls.lock();
        calls.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shortens a visibility timeout to what the scenario allows.
    fn shorten(&self, target: &str, request: &mut http::Request<Bytes>) {
        if !target.starts_with("AmazonSQS.ChangeMessageVisibility") {
            return;
        }
        let Ok(mut body) = serde_json::from_slice::<Value>(request.body()) else {
            return;
        };
        let mut with_own_visibility = self
            .with_own_visibility
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut shorten = |entry: &mut Value| {
            let seconds = entry["VisibilityTimeout"]
                .as_u64()
                .map(|seconds| seconds.min(self.redelivery.as_secs()));
            entry["VisibilityTimeout"] = seconds.into();
            with_own_visibility.extend(entry["ReceiptHandle"].as_str().map(str::to_owned));
        };
        match body["Entries"].as_array_mut() {
            Some(entries) => entries.iter_mut().for_each(shorten),
            None => shorten(&mut body),
        }
        *request.body_mut() = body.to_string().into();
    }
}
