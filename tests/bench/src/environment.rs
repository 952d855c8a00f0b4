//! One execution environment: the Lambda Runtime API, and the process that polls it
//! (docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html).
//!
//! It hands over events and measures the answers. `crate::process` starts and measures the process
//! itself, and `crate::rep` and `crate::backlog` decide which events it gets.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path as Segment, State};
use axum::http::HeaderMap;
use axum::routing::{get, post};
use bytes::Bytes;
use futures_util::future::try_join_all;
use http::StatusCode;
use io::Clock;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::backend::{Backend, Tls};
use crate::candidate::Candidate;
use crate::process::{FunctionCpu, Process, Used};
use crate::scenario::Scenario;

/// A process that has not answered by then never will.
const PATIENCE: Duration = Duration::from_secs(120);
const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:apply";

/// A report of the process.
enum Report {
    /// It asks for an event. The first time, its init is over.
    Next(Instant),
    Began(Instant),
    Answered(Instant, Result<Bytes, String>),
}

struct Runtime {
    /// The time from an event to its deadline.
    timeout: Duration,
    events: Mutex<mpsc::UnboundedReceiver<Bytes>>,
    reports: mpsc::UnboundedSender<Report>,
}

/// A process that is ready for events.
pub(crate) struct Environment {
    process: Process,
    send: mpsc::UnboundedSender<Bytes>,
    reports: Mutex<mpsc::UnboundedReceiver<Report>>,
    server: JoinHandle<std::io::Result<()>>,
    pub(crate) init: Duration,
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Environment {
    /// Starts as many processes as the scenario has, side by side, each with a log of its own.
    pub(crate) async fn start_all(
        scenario: &Scenario,
        candidate: &Candidate,
        backend: &Backend,
        cpu: FunctionCpu,
        tls: Option<&Tls>,
        log: &Path,
    ) -> Result<Vec<Environment>, String> {
        let start = |n: u32| {
            let log = log.with_extension(format!("{n}.log"));
            async move { Environment::start(scenario, candidate, backend, cpu, tls, &log).await }
        };
        try_join_all((0..scenario.environments).map(start)).await
    }

    /// Starts the process and waits until it asks for its first event.
    pub(crate) async fn start(
        scenario: &Scenario,
        candidate: &Candidate,
        backend: &Backend,
        cpu: FunctionCpu,
        tls: Option<&Tls>,
        log: &Path,
    ) -> Result<Environment, String> {
        let (send, events) = mpsc::unbounded_channel();
        let (report, reports) = mpsc::unbounded_channel();
        let runtime = Arc::new(Runtime {
            timeout: scenario.timeout,
            events: Mutex::new(events),
            reports: report,
        });
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await;
        let listener = listener.map_err(|error| format!("no loopback port: {error}"))?;
        let address = listener
            .local_addr()
            .map_err(|error| error.to_string())?
            .to_string();
        let app = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/{end}", post(ended))
            .route("/2018-06-01/runtime/init/error", post(init_failed))
            .with_state(runtime);
        let server = tokio::spawn(axum::serve(listener, app).into_future());
        let variables = variables(scenario, candidate, backend, tls, &address);
        let began = Instant::now();
        let process = Process::start(&candidate.command, &candidate.folder, &variables, cpu, log)?;
        let mut environment = Environment {
            process,
            send,
            reports: Mutex::new(reports),
            server,
            init: Duration::ZERO,
        };
        match environment.next_report().await? {
            Report::Next(at) => environment.init = at - began,
            Report::Answered(_, Err(error)) => {
                return Err(format!("{}: its init failed: {error}", candidate.name));
            }
            _ => {
                return Err(format!(
                    "{}: the process answers an invocation that it did not get",
                    candidate.name
                ));
            }
        }
        if let Some(memory) = scenario.memory_mb {
            environment.process.limit_cpu(memory)?;
        }
        Ok(environment)
    }

    /// Hands over one event. Returns the function's answer, or `None` if it failed, and how long it
    /// took.
    pub(crate) async fn invoke(&self, event: &Value) -> Result<(Option<Value>, Duration), String> {
        self.send
            .send(event.to_string().into())
            .map_err(|_| "the runtime API is gone".to_owned())?;
        let mut began = Instant::now();
        let mut reports = self.reports.lock().await;
        loop {
            match timeout(PATIENCE, reports.recv()).await {
                Ok(Some(Report::Began(at))) => began = at,
                Ok(Some(Report::Answered(at, answer))) => {
                    let answer = answer
                        .ok()
                        .and_then(|body| serde_json::from_slice(&body).ok());
                    return Ok((answer, at - began));
                }
                Ok(Some(Report::Next(_))) => {}
                _ => return Err(format!("no answer within {} s", PATIENCE.as_secs())),
            }
        }
    }

    pub(crate) fn used(&self) -> Used {
        self.process.used()
    }

    async fn next_report(&mut self) -> Result<Report, String> {
        let mut reports = self.reports.lock().await;
        for _ in 0..PATIENCE.as_secs() {
            if let Ok(Some(report)) = timeout(Duration::from_secs(1), reports.recv()).await {
                return Ok(report);
            }
            if let Some(ended) = self.process.ended() {
                return Err(ended);
            }
        }
        Err(format!(
            "it asks for no event within {} s",
            PATIENCE.as_secs()
        ))
    }
}

async fn next(State(runtime): State<Arc<Runtime>>) -> (StatusCode, HeaderMap, Bytes) {
    let _ = runtime.reports.send(Report::Next(Instant::now()));
    let Some(event) = runtime.events.lock().await.recv().await else {
        return (StatusCode::GONE, HeaderMap::new(), Bytes::new());
    };
    let deadline = (Clock::system().now() + runtime.timeout)
        .as_millisecond()
        .to_string();
    let headers = [
        ("content-type", "application/json"),
        (
            "lambda-runtime-aws-request-id",
            "00000000-0000-4000-8000-000000000000",
        ),
        ("lambda-runtime-deadline-ms", &deadline),
        ("lambda-runtime-invoked-function-arn", ARN),
        (
            "lambda-runtime-trace-id",
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0",
        ),
    ];
    let headers = headers
        .into_iter()
        .filter_map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?)));
    let _ = runtime.reports.send(Report::Began(Instant::now()));
    (StatusCode::OK, headers.collect(), event)
}

async fn ended(
    State(runtime): State<Arc<Runtime>>,
    Segment((_, end)): Segment<(String, String)>,
    body: Bytes,
) -> StatusCode {
    let answer = if end == "response" {
        Ok(body)
    } else {
        Err(String::from_utf8_lossy(&body).into_owned())
    };
    let _ = runtime
        .reports
        .send(Report::Answered(Instant::now(), answer));
    StatusCode::ACCEPTED
}

async fn init_failed(State(runtime): State<Arc<Runtime>>, body: Bytes) -> StatusCode {
    let error = String::from_utf8_lossy(&body).into_owned();
    let _ = runtime
        .reports
        .send(Report::Answered(Instant::now(), Err(error)));
    StatusCode::ACCEPTED
}

/// The variables that Lambda sets, and those of docs/contract.md "Environment".
fn variables(
    scenario: &Scenario,
    candidate: &Candidate,
    backend: &Backend,
    tls: Option<&Tls>,
    runtime_api: &str,
) -> BTreeMap<String, String> {
    let base = backend.base.as_str();
    let memory = scenario.memory_mb.unwrap_or(1_769).to_string();
    let environments = scenario.environments.to_string();
    let of_queues = ["QUEUE_URL", "DEAD_LETTER_QUEUE_URL"]
        .map(|name| Some((name, backend.world.variable(name)?)));
    let top_up = scenario.backlog.and_then(|backlog| backlog.top_up);
    let top_up = top_up.map(|most| ("TOP_UP", most.to_string()));
    let authority = tls.map(|tls| tls.authority.display().to_string());
    let variables = [
        ("AWS_LAMBDA_RUNTIME_API", runtime_api),
        ("AWS_LAMBDA_FUNCTION_NAME", candidate.function),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &memory),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/bench"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("_HANDLER", candidate.handler),
        ("LAMBDA_TASK_ROOT", candidate.folder.as_str()),
        // `taskset` is found here.
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("TZ", ":UTC"),
        ("HOME", "/tmp"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "bench"),
        ("AWS_SECRET_ACCESS_KEY", "bench"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_ENDPOINT_URL", base),
        ("GENESYS_BASE_URL", base),
        ("APPLY_CONCURRENCY", &environments),
    ];
    let names = [
        "SSL_CERT_FILE",
        "AWS_CA_BUNDLE",
        "REQUESTS_CA_BUNDLE",
        "NODE_EXTRA_CA_CERTS",
    ];
    let trust = authority
        .as_deref()
        .into_iter()
        .flat_map(|path| names.map(|name| (name, path)));
    variables
        .into_iter()
        .chain(trust)
        .map(|(name, value)| (name, value.to_owned()))
        .chain(of_queues.into_iter().flatten())
        .chain(top_up)
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
