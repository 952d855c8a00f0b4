//! `--serve`: the embedded parts on one loopback port, in real time, to develop against.
//!
//! This file binds the port and routes each request to the emulated services, to ingest or to the
//! console. It decides nothing that the product decides. `greeting` prints what to try, `actions`
//! makes the parts fail, `crms` and `senders` play the outside, and `lines`, `log` and `metrics`
//! show what happens.

mod actions;
mod crms;
mod greeting;
mod lines;
mod log;
mod metrics;
mod pages;
mod senders;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use emulator::genesys::CONTROL_PREFIX;
use emulator::{Logs, feed};
use http::{HeaderMap, HeaderValue, StatusCode};
use io::Clock;
use io::telemetry::Telemetry;
use lambda_http::Body;

use super::crm::Story;
use super::vendor::{self, Sample};
use super::world::{self, World};
use super::{Api, Error};
use crate::args;
use crate::console::Local;
use actions::Actions;
use crms::Crms;
use greeting::greeting;
use lines::line;
use metrics::Recorder;

/// The largest request that is read.
const MAX_BODY: usize = 8 << 20;

/// Serves until Ctrl-C.
pub(crate) fn run(port: u16, api: Api, calls_per_minute: u64) -> Result<bool, Error> {
    crate::block_on(serve(port, api, calls_per_minute)).map(|()| true)
}

async fn serve(port: u16, api: Api, calls_per_minute: u64) -> Result<(), Error> {
    let listener =
        tokio::net::TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await;
    let listener = listener.map_err(|error| args::no_port(port, &error))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let base = format!("http://{address}");
    let salvaged = Heard::default();
    let samples = vendor::samples();
    let world = world_of(api, &base, calls_per_minute, &salvaged, &samples)?;
    let crms = Crms::new(api, &base)?;
    let Heard {
        recorder, actions, ..
    } = salvaged;
    let of = (recorder, Arc::clone(&actions));
    let console = pages::console(&world.outside, of, address.port(), &base).await?;
    crate::print(&greeting(
        &world.outside,
        &base,
        api,
        &samples,
        &console.address(),
    ))?;
    let world = Arc::new(world);
    let samples: Arc<[_]> = samples.into();
    actions.act_on(&world, &samples);
    let served = Served {
        world: Arc::clone(&world),
        samples,
        crms: Arc::new(crms),
        base: base.into(),
        actions,
    };
    let app = axum::Router::new()
        .route("/", post(answer))
        .fallback(answer)
        .with_state(served)
        .merge(console.pages());
    let server = axum::serve(listener, app).into_future();
    tokio::select! {
        ended = server => ended.map_err(|error| error.to_string()),
        () = world.feed() => Ok(()),
        () = world.take_runs() => Ok(()),
        () = world.outside.schedules.run() => Ok(()),
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

/// The embedded parts, with a source for each sample.
fn world_of(
    api: Api,
    base: &str,
    calls_per_minute: u64,
    salvaged: &Heard,
    samples: &[Sample],
) -> Result<World, Error> {
    let mut world = World::build(
        &Story::empty(api),
        Clock::system(),
        base,
        calls_per_minute,
        None,
        salvaged.telemetry(),
    )?;
    world.outside.logs = Arc::clone(&salvaged.logs);
    salvaged.recorder.watches(&world.outside.queue);
    world.outside.put_source(
        "bearer",
        &serde_json::json!({ "auth": "bearer", "bearerTokens": [world::BEARER_TOKEN] }),
    );
    for sample in samples {
        senders::put(&world.outside, sample);
    }
    Ok(world)
}

/// The listeners to events, beside the terminal.
#[derive(Default)]
struct Heard {
    logs: Arc<Logs>,
    recorder: Arc<Recorder>,
    actions: Arc<Actions>,
}

impl Heard {
    fn telemetry(&self) -> Telemetry {
        let logs = Arc::clone(&self.logs);
        let recorder = Arc::clone(&self.recorder);
        let actions = Arc::clone(&self.actions);
        Telemetry::from_fn(move |event| {
            let now = Clock::system().now();
            if let Some(line) = line(event) {
                // A closed standard output does not end the service.
                let _ = crate::print(&line);
                actions.record(now, &line);
            }
            log::put(&logs, now, event);
            recorder.record(now, event);
        })
    }
}

/// The parts that answer a request.
#[derive(Clone)]
struct Served {
    world: Arc<World>,
    samples: Arc<[Sample]>,
    crms: Arc<Crms>,
    base: Arc<str>,
    actions: Arc<Actions>,
}

/// Whether the request comes from a page of another address in somebody's browser. Programs send no
/// `Origin`.
fn is_of_a_foreign_page(headers: &HeaderMap, base: &str) -> bool {
    let origin = headers.get(http::header::ORIGIN);
    origin.is_some_and(|origin| origin != base)
        || headers
            .get("sec-fetch-site")
            .is_some_and(|site| site == "cross-site" || site == "same-site")
}

async fn answer(State(served): State<Served>, request: Request) -> Response {
    let world = &served.world;
    let (parts, body) = request.into_parts();
    if is_of_a_foreign_page(&parts.headers, &served.base) {
        let error = "a page of another address may ask nothing here";
        return respond_json(403, &serde_json::json!({ "error": error }));
    }
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let path = parts.uri.path();
    if path.starts_with("/webhooks/") {
        if served.actions.drops() {
            // The webhook gets lost: its sender waits in vain.
            return StatusCode::GATEWAY_TIMEOUT.into_response();
        }
        let request = http::Request::from_parts(parts, Body::Binary(body.to_vec()));
        let answer = ingest::handle(&world.ingest, request).await;
        let (parts, body) = answer.into_parts();
        return Response::from_parts(parts, axum::body::Body::from(body.to_vec()));
    }
    if path.starts_with(feed::CONTROL_PREFIX) {
        let (status, body) = world.feed.control(parts.method.as_str(), path, &body);
        return respond_json(status, &body);
    }
    if let Some(wanted) = path.strip_prefix(senders::PREFIX) {
        let now = world.outside.clock.now();
        return match senders::answer(&served.samples, &served.base, wanted, now) {
            Some(text) => respond(200, text.into()),
            None => respond_json(404, &serde_json::json!({ "error": "no such sender" })),
        };
    }
    if path.starts_with(CONTROL_PREFIX) {
        let genesys = &world.outside.genesys;
        let (status, body) = genesys.control(parts.method.as_str(), path, &body);
        return respond_json(status, &body);
    }
    if path.starts_with(crms::PREFIX) {
        return served.crms.answer(parts, body).await;
    }
    let of_the_feed = path == world::FEED_PATH;
    let request = http::Request::from_parts(parts, body);
    let answer = if of_the_feed {
        emulator::world::sent(&*world.feed, request).await
    } else {
        world.outside.answer(request).await
    };
    answer.map(Into::into)
}

fn respond_json(status: u16, body: &serde_json::Value) -> Response {
    let mut response = respond(status, body.to_string().into());
    response.headers_mut().insert(
        http::header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

fn respond(status: u16, body: Bytes) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, HeaderMap::new(), body).into_response()
}
