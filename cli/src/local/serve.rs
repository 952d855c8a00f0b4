//! `--serve`: the embedded parts on one loopback port, in real time, to develop against.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use emulator::feed;
use emulator::genesys::CONTROL_PREFIX;
use emulator::world::{client_id, client_secret};
use http::{HeaderMap, HeaderValue, StatusCode};
use io::Clock;
use io::telemetry::{Event, Telemetry};
use lambda_http::Body;

use super::crm::Story;
use super::world::{self, World};
use super::{Api, Error};
use crate::{made_up, webhook};

/// The largest request that is read.
const MAX_BODY: usize = 8 << 20;

/// Serves until Ctrl-C.
pub(crate) fn run(port: u16, api: Api, calls_per_minute: u64) -> Result<bool, Error> {
    crate::block_on(serve(port, api, calls_per_minute)).map(|()| true)
}

async fn serve(port: u16, api: Api, calls_per_minute: u64) -> Result<(), Error> {
    let listener =
        tokio::net::TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await;
    let listener = listener.map_err(|error| format!("--port {port}: {error}"))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let base = format!("http://{address}");
    let world = World::build(
        &Story::empty(api),
        Clock::system(),
        &base,
        calls_per_minute,
        None,
        Telemetry::from_fn(show),
    )?;
    world.outside.put_source(
        "bearer",
        &serde_json::json!({ "auth": "bearer", "bearerTokens": [world::BEARER_TOKEN] }),
    );
    crate::print(&greeting(&world.outside, &base, api))?;
    let world = Arc::new(world);
    let app = axum::Router::new()
        .fallback(answer)
        .with_state(Arc::clone(&world));
    let server = axum::serve(listener, app).into_future();
    tokio::select! {
        ended = server => ended.map_err(|error| error.to_string()),
        () = world.feed() => Ok(()),
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

async fn answer(State(world): State<Arc<World>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let path = parts.uri.path();
    if path.starts_with("/webhooks/") {
        let request = http::Request::from_parts(parts, Body::Binary(body.to_vec()));
        let answer = ingest::handle(&world.ingest, request).await;
        let (parts, body) = answer.into_parts();
        return Response::from_parts(parts, axum::body::Body::from(body.to_vec()));
    }
    if path.starts_with(feed::CONTROL_PREFIX) {
        let (status, body) = world.feed.control(parts.method.as_str(), path, &body);
        return respond_json(status, &body);
    }
    if path.starts_with(CONTROL_PREFIX) {
        let genesys = &world.outside.genesys;
        let (status, body) = genesys.control(parts.method.as_str(), path, &body);
        return respond_json(status, &body);
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

/// A line for each change as it is applied.
fn show(event: &Event<'_>) {
    let line = match event {
        Event::Done {
            about,
            outcome,
            is_kept,
        } => {
            let kept = if *is_kept { ", not made callable" } else { "" };
            format!(
                "{:<11} {} {}{kept}",
                outcome.as_str(),
                about.group,
                about.event_id.unwrap_or_default()
            )
        }
        Event::RankReset { about, reset } => {
            format!("rank reset  {}: {}", about.group, reset.reason())
        }
        Event::Parked {
            about,
            reason,
            evidence,
        } => {
            format!("parked      {} {reason}: {}", about.group, evidence.detail)
        }
        Event::Written {
            about,
            outcome,
            delay,
        } => {
            let (outcome, seconds) = (outcome.as_str(), delay.as_secs());
            format!("written     {} {outcome}, read in {seconds} s", about.group)
        }
        Event::Retried { about, delay, why } => {
            let why = why.map_or("behind another", |(_, evidence)| &evidence.detail);
            format!(
                "retried     {} in {} s: {why}",
                about.group,
                delay.as_secs()
            )
        }
        Event::OrgRefused { org, evidence } => format!("refused     {org}: {}", evidence.detail),
        Event::CampaignRefused {
            org,
            campaign,
            evidence,
        } => format!("refused     {org}/{campaign}: {}", evidence.detail),
        Event::DncListFailed { org, evidence } => format!("DNC list    {org}: {}", evidence.detail),
        Event::OrgIll { org, detail, .. } => format!("ill         {org}: {detail}"),
        Event::Conflict { org, campaign } => {
            format!("conflict    {org}/{campaign}, to be resolved")
        }
        Event::Throttled { org } => format!("throttled   {org}"),
        Event::Called { .. } | Event::TookIn { .. } => return,
        Event::Accepted {
            source,
            org,
            changes,
        } => format!("accepted    {changes} for {org} from {source}"),
        Event::Refused { source, detail, .. } => format!("invalid     from {source}: {detail}"),
        Event::Unmapped {
            source,
            items,
            detail,
            ..
        } => format!("unmapped    {items} from {source}: {detail}"),
        Event::Unauthorized { source, detail } => format!("unauthorized, as {source}: {detail}"),
        Event::Reconciled {
            org,
            checked,
            drifted,
            kept,
            enqueued,
        } => {
            format!(
                "reconciled  {org}: {checked} checked, {drifted} differ, {kept} kept, {enqueued} enqueued"
            )
        }
        Event::Incomplete { org, detail, .. } => {
            format!("incomplete  reconcile of {org}: {detail}")
        }
        Event::Stopped {
            org,
            campaign,
            checked,
            drifted,
        } => {
            format!("stopped     reconcile of {org}/{campaign}: {drifted} of {checked} differ")
        }
    };
    // Who no longer reads does not end the service.
    let _ = crate::print(&line);
}

fn greeting(outside: &emulator::World, base: &str, api: Api) -> String {
    let (org, campaign) = made_up::CAMPAIGNS[0];
    let source = made_up::source_of(org);
    let queues = ["QUEUE_URL", "DEAD_LETTER_QUEUE_URL"]
        .map(|name| format!("{name}={}", outside.variable(name).unwrap_or_default()))
        .join(" ");
    let now = Clock::system().now();
    let body = serde_json::json!({
        "eventId": format!("evt_{}", now.as_millisecond()),
        "campaignId": campaign,
        "contactKey": "LEAD-00042",
        "version": now.as_millisecond(),
        "data": { "phone": "+13175550100", "firstName": "Ada" },
        "callable": true,
    })
    .to_string();
    let headers = webhook::headers(&body, made_up::SIGNING_SECRET, now);
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!(" \\\n  -H '{name}: {value}'"))
        .collect();
    let (id, secret) = (client_id(org), client_secret(org));
    let (failing, method) = match api {
        Api::Predictive => ("update a contact", "PATCH"),
        Api::ContactLists => ("read or write contacts", "POST"),
    };
    let contact = match api {
        Api::Predictive => {
            format!("{base}/api/v2/predictivedialing/campaigns/{campaign}/contacts/LEAD-00042")
        }
        Api::ContactLists => {
            format!("{base}/api/v2/outbound/contactlists/list-of-{campaign}/contacts/LEAD-00042")
        }
    };
    format!(
        "campaign-sync on {base}, in memory; Ctrl-C ends it and all it holds.

Send a webhook of source {source} (its signing secret is {signing}; this signature is good for 3 minutes):
curl -i {base}/webhooks/{source}{headers} \\
  -d '{body}'

Or without a signature, by the source named bearer:
curl -i {base}/webhooks/bearer -H 'content-type: application/json' \\
  -H 'authorization: Bearer {bearer}' \\
  -d '{{\"eventId\": \"evt_1\", \"org\": \"{org}\", \"campaignId\": \"{campaign}\", \"contactKey\": \"LEAD-00043\", \"data\": {{}}}}'

Read the contact, as OAuth client {id} with secret {secret} {when}:
TOKEN=$(curl -s -u {id}:{secret} -d grant_type=client_credentials {base}/oauth/token | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')
curl -s -H \"Authorization: Bearer $TOKEN\" {contact}

Make the next 5 calls that {failing} fail, and see all contacts of a campaign:
curl -s {base}/_emulator/faults -d '{{\"method\": \"{method}\", \"path\": \"contacts\", \"status\": 503, \"times\": 5}}'
curl -s {base}/_emulator/campaigns/{campaign}/contacts

Let the CRM's feed list a contact, for reconcile to find:
curl -s -X PUT {base}/_emulator/feed/contacts \\
  -d '{{\"campaignId\": \"{campaign}\", \"contactKey\": \"LEAD-00044\", \"version\": 1, \"data\": {{}}}}'

For functions that run elsewhere, such as under cargo lambda watch:
export AWS_ENDPOINT_URL={base} AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local
export {queues} GENESYS_BASE_URL={base}

Every change, as it is applied:",
        signing = made_up::SIGNING_SECRET,
        bearer = world::BEARER_TOKEN,
        when = if api == Api::Predictive { "(a new one can be read after 2 s)" } else { "(both APIs are served)" },
    )
}
