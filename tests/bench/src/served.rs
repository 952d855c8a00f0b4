//! Genesys Cloud, Secrets Manager and SQS on a loopback port, over TLS if requested.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::serve::Listener;
use bytes::Bytes;
use emulator::world::VERSION_FIELD;
use emulator::{Fault, World, genesys};
use http::StatusCode;
use io::Clock;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::neighbour;
use crate::scenario::{Api, Scenario};
use crate::work::{COLUMNS, Work};

const MAX_BODY: usize = 8 << 20;
/// The time by which tokio's timer, and the loop that it wakes, round up.
const ROUNDING: Duration = Duration::from_millis(1);

/// Everything outside of the function.
pub(crate) struct Served {
    pub(crate) world: World,
    pub(crate) base: String,
    latency: Duration,
    sqs_latency: Duration,
    redelivery: Duration,
    /// The function's own calls to SQS, by operation.
    sqs_calls: Mutex<BTreeMap<String, usize>>,
    /// The receipt handles for which a function has set the time of return itself.
    asked: Mutex<BTreeSet<String>>,
    connections: AtomicUsize,
}

impl Served {
    /// Sets up everything as it is before the first change, and serves it until the task ends.
    pub(crate) async fn start(
        scenario: &Scenario,
        work: &Work,
        tls: Option<&Tls>,
    ) -> Result<Arc<Served>, String> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await;
        let listener = listener.map_err(|error| format!("no loopback port: {error}"))?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let base = match tls {
            Some(_) => format!("https://localhost:{}", address.port()),
            None => format!("http://{address}"),
        };
        let latency = scenario.latency.saturating_sub(ROUNDING);
        let options = genesys::Options {
            latency,
            calls_per_minute: scenario.limit.map(|(calls, _)| calls),
            window: scenario
                .limit
                .map_or(Duration::from_mins(1), |(_, window)| window),
            rate_headers: scenario.rate_headers,
            ..genesys::Options::default()
        };
        let world = World::new(Clock::system(), options, &base);
        let api = match scenario.api {
            Api::Predictive => "predictive",
            Api::ContactLists => "contactLists",
        };
        let calls_per_minute = scenario.calls_per_minute();
        let columns: Vec<_> = COLUMNS.into_iter().chain([VERSION_FIELD]).collect();
        for (org, campaign) in &work.campaigns {
            world.put_org(
                org,
                &json!({ "api": api, "callsPerMinute": calls_per_minute }),
            );
            world.put_campaign(org, campaign, Some(&columns));
        }
        for ((campaign, key), stored) in &work.before {
            let data: Vec<_> = stored
                .data
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            world
                .genesys
                .put_contact(campaign, key, &data, stored.callable);
        }
        for n in 1..=scenario.error_every.map_or(0, |_| 200) {
            // The number of calls that succeed before the first fault and between the others.
            let well = scenario.error_every.map_or(0, |every| every - 1);
            world.genesys.add_fault(
                Fault {
                    after: n * well,
                    ..Fault::status("GET", 503)
                }
                .any_method()
                .on("/api/"),
            );
        }
        if scenario.has_ill_neighbour {
            neighbour::add(&world)?;
        }
        let connections = AtomicUsize::new(0);
        let redelivery = scenario.redelivery;
        let sqs_latency = scenario
            .backlog
            .map_or(latency, |of| of.sqs_latency.saturating_sub(ROUNDING));
        let served = Served {
            world,
            base,
            latency,
            sqs_latency,
            redelivery,
            sqs_calls: Mutex::default(),
            asked: Mutex::default(),
            connections,
        };
        let served = Arc::new(served);
        let app = axum::Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&served));
        match tls {
            Some(tls) => tokio::spawn(
                axum::serve(
                    TlsListener {
                        listener,
                        acceptor: tls.acceptor.clone(),
                        served: Arc::clone(&served),
                    },
                    app,
                )
                .into_future(),
            ),
            None => tokio::spawn(
                axum::serve(
                    Plain {
                        listener,
                        served: Arc::clone(&served),
                    },
                    app,
                )
                .into_future(),
            ),
        };
        Ok(served)
    }

    /// Makes failed messages come again, when the function said or after the scenario's time.
    pub(crate) fn come_again(&self, event: &Value, answer: Option<&Value>) {
        let failed = answer.map(|answer| {
            answer["batchItemFailures"]
                .as_array()
                .cloned()
                .unwrap_or_default()
        });
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        for record in event["Records"].as_array().into_iter().flatten() {
            let is_failed = failed.as_ref().is_none_or(|failed| {
                failed
                    .iter()
                    .any(|item| item["itemIdentifier"] == record["messageId"])
            });
            let handle = record["receiptHandle"].as_str().unwrap_or_default();
            if is_failed && !asked.contains(handle) {
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

async fn answer(State(served): State<Arc<Served>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let mut request = http::Request::from_parts(parts, body);
    if let Some(target) = request.headers().get("x-amz-target") {
        let target = String::from_utf8_lossy(target.as_bytes()).into_owned();
        let latency = served.count(&target);
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        served.shorten(&target, &mut request);
    }
    if neighbour::hangs(request.uri()) {
        std::future::pending::<()>().await;
    }
    served.world.answer(request).await.map(Into::into)
}

impl Served {
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
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let mut shorten = |entry: &mut Value| {
            let seconds = entry["VisibilityTimeout"]
                .as_u64()
                .map(|seconds| seconds.min(self.redelivery.as_secs()));
            entry["VisibilityTimeout"] = seconds.into();
            asked.extend(entry["ReceiptHandle"].as_str().map(str::to_owned));
        };
        match body["Entries"].as_array_mut() {
            Some(entries) => entries.iter_mut().for_each(shorten),
            None => shorten(&mut body),
        }
        *request.body_mut() = body.to_string().into();
    }
}

/// A throw-away certificate authority, and a certificate for localhost.
pub(crate) struct Tls {
    acceptor: TlsAcceptor,
    pub(crate) authority: PathBuf,
}

impl Tls {
    pub(crate) fn new(folder: &Path) -> Result<Tls, String> {
        let text = |error: rcgen::Error| format!("--tls: {error}");
        let mut authority = rcgen::CertificateParams::new(Vec::new()).map_err(text)?;
        authority
            .distinguished_name
            .push(rcgen::DnType::CommonName, "bench: throw-away authority");
        authority.key_usages = vec![
            rcgen::KeyUsagePurpose::KeyCertSign,
            rcgen::KeyUsagePurpose::CrlSign,
        ];
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority_key = rcgen::KeyPair::generate().map_err(text)?;
        let pem = authority.self_signed(&authority_key).map_err(text)?.pem();
        let issuer = rcgen::Issuer::new(authority, authority_key);
        let key = rcgen::KeyPair::generate().map_err(text)?;
        let mut leaf = rcgen::CertificateParams::new(["localhost".to_owned()]).map_err(text)?;
        leaf.distinguished_name
            .push(rcgen::DnType::CommonName, "localhost");
        // OpenSSL requires it, and also a name other than that of the authority.
        leaf.use_authority_key_identifier_extension = true;
        let leaf = leaf.signed_by(&key, &issuer).map_err(text)?;
        let path = folder
            .canonicalize()
            .map_err(|error| error.to_string())?
            .join("authority.pem");
        std::fs::write(&path, pem).map_err(|error| format!("{}: {error}", path.display()))?;
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(ToOwned::to_owned)?;
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key);
        let config = config.map_err(|error| format!("--tls: {error}"))?;
        Ok(Tls {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            authority: path,
        })
    }
}

/// A listener without Nagle's algorithm: an answer is sent as soon as it is complete.
struct Plain {
    listener: TcpListener,
    served: Arc<Served>,
}

impl Listener for Plain {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            if let Ok((stream, address)) = self.listener.accept().await {
                self.served.connections.fetch_add(1, Ordering::Relaxed);
                let _ = stream.set_nodelay(true);
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    served: Arc<Served>,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TlsStream<TcpStream>, SocketAddr) {
        loop {
            let Ok((stream, address)) = self.listener.accept().await else {
                continue;
            };
            let _ = stream.set_nodelay(true);
            // One handshake after the other, since they share one CPU anyway.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                self.served.connections.fetch_add(1, Ordering::Relaxed);
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
