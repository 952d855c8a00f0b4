//! The Lambda function that takes webhooks and puts their changes into the queue (docs/contract.md
//! "Webhook").
//!
//! A request passes these steps: the path names a source (`route`), its secret lets the sender in
//! ([`auth`]), the body becomes items and each item becomes changes ([`webhook`]), and the changes
//! go to SQS (`enqueue`). Items that become no change are refused, or parked in the dead-letter
//! queue (`park`), as the source's secret says.
//!
//! The answer is 202 only once SQS has every change. In every other case the sender can safely send
//! the same request again. Nothing here reads or writes Genesys Cloud: the function `apply` does.

mod answer;
pub mod auth;
pub mod body;
pub mod cloud_event;
mod context;
mod defect;
mod enqueue;
pub mod lambda_event;
mod park;
mod sent;
mod sources;
pub mod webhook;

pub use context::Context;
pub use defect::Defect;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::change::{Fault, FaultCode, OrgId, Sender, SourceName};
use http::{Method, StatusCode};
use io::secrets::{OnFault, SourceSecret};
use io::telemetry::Event;
use jiff::{SignedDuration, Timestamp};
use lambda_http::{Body, Request, RequestExt, Response};
use tokio::time::sleep;
use tracing::Instrument;

use answer::{Accepted, Refusal};
use auth::Shown;
use body::BodyError;
use cloud_event::Form;

/// The longest time of a request, wherever it runs. An HTTP API gives up after 30 s.
const LONGEST_SECONDS: i64 = 29;
/// How much of that time is left for the answer once the last call to SQS has ended.
const TO_ANSWER: Duration = Duration::from_millis(500);
/// The earliest time at which a refusal is answered. Almost every look-up of a secret takes less,
/// so the time does not reveal whether a secret was looked up, or which.
pub const SOONEST_REFUSAL: Duration = Duration::from_millis(100);

/// Answers one request.
pub async fn handle(context: &Context, request: Request) -> Response<Body> {
    let id = request
        .lambda_context_ref()
        .map_or("", |context| &context.request_id)
        .to_owned();
    let span = tracing::error_span!("ingest", requestId = id);
    if request.method() == Method::OPTIONS {
        return answer::may_send(request.headers());
    }
    let accepted = accept(context, &request).instrument(span).await;
    match accepted {
        Ok(accepted) => accepted.response(),
        Err(refusal) => refusal.response(),
    }
}

async fn accept(context: &Context, request: &Request) -> Result<Accepted, Refusal> {
    let now = context.clock.now();
    let source = route(context, request)?;
    let (form, text) = text_and_form(request)?;
    let refused_at = sleep(SOONEST_REFUSAL);
    let (source, secret) = match admit(context, source, request, now).await {
        Ok(admitted) => admitted,
        Err((source, refusal)) => {
            refused_at.await;
            tell(context, source.as_ref(), None, &refusal);
            return Err(refusal);
        }
    };
    let sender = secret.sender(source);
    let end = end(request, now) - TO_ANSWER;
    let accepted = take(context, &secret, &sender, request, (&form, text), end).await;
    if let Err(refusal) = &accepted {
        tell(context, Some(&sender.source), sender.org.as_ref(), refusal);
    }
    accepted
}

/// Puts the changes of a request that was let in into the queue. Items that become no change go to
/// the dead-letter queue, if the source's secret says so.
async fn take(
    context: &Context,
    secret: &SourceSecret,
    sender: &Sender,
    request: &Request,
    (form, text): (&Result<Form, Fault>, &str),
    end: Timestamp,
) -> Result<Accepted, Refusal> {
    let text = auth::content(&secret.auth, text);
    let body = webhook::Body {
        form,
        text: &text,
        headers: request.headers(),
    };
    let taken = webhook::take_apart(secret, sender, &body, context.clock.now());
    let webhook::TakenApart {
        items,
        headers,
        reading,
    } = taken.map_err(Refusal::Invalid)?;
    let parks = secret.on_fault == OnFault::Park;
    if !parks && !reading.faulty.is_empty() {
        return Err(Refusal::Invalid(reading.into_faults()));
    }
    let mut reading = reading;
    defect::spoil(context, &mut reading);
    let changes = std::mem::take(&mut reading.changes);
    let queued = enqueue::enqueue(context, changes, parks, end).await?;
    if !parks && !queued.faulty.is_empty() {
        queued.remember(context);
        let faults = queued.faulty.into_iter().map(|(_, fault)| fault);
        return Err(Refusal::Invalid(faults.collect()));
    }
    queued.tell(context, sender);
    let accepted = queued.accepted();
    if !parks {
        return Ok(Accepted {
            accepted,
            parked: None,
        });
    }
    let mut faulty: BTreeMap<usize, Vec<Fault>> = reading.faulty.into_iter().collect();
    for (item, fault) in &queued.faulty {
        faulty.entry(*item).or_default().push(fault.clone());
    }
    if !context.has(Defect::ParksNothing) {
        let parked = park::park(context, sender, (&items, &headers), &faulty, end).await;
        parked.map_err(|detail| {
            queued.remember(context);
            Refusal::unavailable(accepted, detail)
        })?;
    }
    Ok(Accepted {
        accepted,
        parked: Some(faulty.len()),
    })
}

/// Authenticates the sender of a request. Everyone who is not let in gets the same answer, whatever
/// the cause.
async fn admit(
    context: &Context,
    source: &str,
    request: &Request,
    now: Timestamp,
) -> Result<(SourceName, Arc<SourceSecret>), (Option<SourceName>, Refusal)> {
    let source = SourceName::parse(source).map_err(|expected| {
        let detail = format!("the last part of the path: {expected}");
        (None, Refusal::Unauthorized(detail))
    })?;
    let shown = Shown {
        method: request.method(),
        headers: request.headers(),
        query: request.uri().query().unwrap_or_default(),
        body: request.body(),
        now,
    };
    let admitted = context.sources.admit(&source, &shown).await;
    match admitted {
        Ok(secret) => Ok((source, secret)),
        Err(refusal) => Err((Some(source), refusal)),
    }
}

/// The time at which Lambda, or the sender, gives up. A deadline in the past counts as none (`cargo
/// lambda watch` sends one).
fn end(request: &Request, now: Timestamp) -> Timestamp {
    let deadline = request.lambda_context_ref().and_then(|lambda| {
        let deadline = i64::try_from(lambda.deadline).ok()?;
        Timestamp::from_millisecond(deadline).ok()
    });
    let latest = now + SignedDuration::from_secs(LONGEST_SECONDS);
    match deadline.filter(|deadline| *deadline > now) {
        Some(deadline) => deadline.min(latest),
        None => latest,
    }
}

fn tell(context: &Context, source: Option<&SourceName>, org: Option<&OrgId>, refusal: &Refusal) {
    let detail = &refusal.to_string();
    let (source, org) = (
        source.map_or("", SourceName::as_str),
        org.map(OrgId::as_str),
    );
    context.telemetry.tell(&match refusal {
        Refusal::Unauthorized(_) => Event::Unauthorized { source, detail },
        _ => Event::Refused {
            source,
            org,
            status: refusal.status().as_u16(),
            detail,
        },
    });
}

/// The source that the path names.
fn route<'a>(context: &Context, request: &'a Request) -> Result<&'a str, Refusal> {
    let path = request.uri().path();
    let source = path.strip_prefix("/webhooks/");
    let source = source.filter(|source| !source.is_empty() && !source.contains('/'));
    let source = source.ok_or_else(|| {
        let has_base_path = path.find("/webhooks/").is_some_and(|place| place > 0);
        if has_base_path && !context.has_told_base_path.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "webhook not found: its path has a base path before /webhooks/, as a named stage or an API mapping of a custom \
                 domain gives it; use the stage $default, and map the API to the domain without a path"
            );
        }
        Refusal::Status(StatusCode::NOT_FOUND)
    })?;
    if request.method() == Method::POST {
        Ok(source)
    } else {
        Err(Refusal::Status(StatusCode::METHOD_NOT_ALLOWED))
    }
}

/// The text of the body, and its form. Signatures are over text, and a body that is not text is not
/// JSON.
fn text_and_form(request: &Request) -> Result<(Result<Form, Fault>, &str), Refusal> {
    let body: &[u8] = request.body();
    let form = body::form(request.headers(), body).map_err(|refused| match refused {
        BodyError::TooLarge => Refusal::Status(StatusCode::PAYLOAD_TOO_LARGE),
        BodyError::Encoded => Refusal::Encoded,
        BodyError::MediaType => Refusal::Status(StatusCode::UNSUPPORTED_MEDIA_TYPE),
    })?;
    let text = std::str::from_utf8(body).map_err(|_| {
        let (pointer, code) = (String::new(), FaultCode::NotJson);
        Refusal::Invalid(vec![Fault {
            pointer,
            code,
            message: "expected JSON in UTF-8".into(),
        }])
    })?;
    Ok((form, text))
}
