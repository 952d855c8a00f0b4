//! Takes webhooks and puts their changes into the queue (docs/contract.md "Webhook").
//!
//! 202 is said only once SQS has every change; whatever else happens, a sender that sends the same
//! again does no harm.

mod answer;
mod context;
mod enqueue;
mod sources;
pub mod webhook;

pub use context::Context;

use domain::change::{Fault, FaultCode, OrgId, Sender, SourceName};
use http::{Method, StatusCode, header};
use io::telemetry::Event;
use lambda_http::{Body, Request, RequestExt, Response};
use tracing::Instrument;

use answer::Refusal;

/// The largest body: 256 KiB.
const MAX_BODY: usize = 256 << 10;

/// Answers one request.
pub async fn handle(context: &Context, request: Request) -> Response<Body> {
    let id = request
        .lambda_context_ref()
        .map_or("", |context| &context.request_id)
        .to_owned();
    let span = tracing::error_span!("ingest", requestId = id);
    let accepted = accept(context, &request).instrument(span).await;
    match accepted {
        Ok(count) => answer::accepted(count),
        Err(refusal) => refusal.response(),
    }
}

async fn accept(context: &Context, request: &Request) -> Result<usize, Refusal> {
    let source = route(request)?;
    let body: &[u8] = request.body();
    if body.len() > MAX_BODY {
        return Err(Refusal::Status(StatusCode::PAYLOAD_TOO_LARGE));
    }
    if !is_json(request) {
        return Err(Refusal::Status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    // A signature is over text, and what is no text is no JSON, whoever sends it.
    let text = std::str::from_utf8(body).map_err(|_| {
        let (pointer, code) = (String::new(), FaultCode::NotJson);
        Refusal::Invalid(vec![Fault {
            pointer,
            code,
            message: "expected JSON in UTF-8".into(),
        }])
    })?;
    let now = context.clock.now();
    // Who sends a name that no source can have is told what everybody is told who is not let in.
    let source = SourceName::parse(source).map_err(|_| Refusal::Unauthorized)?;
    let secret = context
        .sources
        .secret(&source, now)
        .await
        .inspect_err(|refusal| tell(context, &source, None, refusal))?;
    if !webhook::is_authentic(&secret.auth, request.headers(), body, now) {
        tell(context, &source, None, &Refusal::Unauthorized);
        return Err(Refusal::Unauthorized);
    }
    let sender = Sender {
        source,
        org: secret.org.clone(),
        campaign: secret.campaign.clone(),
    };
    let accepted = match webhook::changes(text, &sender, now) {
        Ok(changes) => enqueue::enqueue(context, changes).await,
        Err(faults) => Err(Refusal::Invalid(faults)),
    };
    match &accepted {
        Ok(orgs) => {
            for (org, &changes) in orgs {
                let (source, org) = (sender.source.as_str(), org.as_str());
                context.telemetry.tell(&Event::Accepted {
                    source,
                    org,
                    changes,
                });
            }
        }
        Err(refusal) => tell(context, &sender.source, sender.org.as_ref(), refusal),
    }
    accepted.map(|orgs| orgs.into_values().sum())
}

fn tell(context: &Context, source: &SourceName, org: Option<&OrgId>, refusal: &Refusal) {
    let (source, org, detail) = (source.as_str(), org.map(OrgId::as_str), refusal.to_string());
    context.telemetry.tell(&match refusal {
        Refusal::Unauthorized => Event::Unauthorized { source },
        _ => Event::Refused {
            source,
            org,
            detail: &detail,
        },
    });
}

/// The source that the path names.
fn route(request: &Request) -> Result<&str, Refusal> {
    let source = request.uri().path().strip_prefix("/webhooks/");
    let source = source.filter(|source| !source.is_empty() && !source.contains('/'));
    let source = source.ok_or(Refusal::Status(StatusCode::NOT_FOUND))?;
    if request.method() == Method::POST {
        Ok(source)
    } else {
        Err(Refusal::Status(StatusCode::METHOD_NOT_ALLOWED))
    }
}

fn is_json(request: &Request) -> bool {
    let media_type = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|text| text.to_str().ok())
        .unwrap_or("");
    media_type
        .split(';')
        .next()
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}
