//! The page on which somebody edits a source's mapping and sees what a webhook becomes, by the code
//! of `campaign-sync source test`.
//!
//! `send` signs the payload and sends it to an endpoint, and `view` renders the page.

mod send;
mod view;

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, Uri};
use axum::response::Response;
use ingest::webhook::Unmapped;
use io::Clock;
use io::secrets::SourceSecret;
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::Value;

use super::App;
use super::fields::Fields;
use super::page::{self, Place};
use crate::args;
use crate::local::samples;
use crate::source::{SourceTest, TestRequest, examine, examine_parked};

/// The fields of the form.
#[derive(Default)]
struct Draft {
    preset: String,
    secret: String,
    body: String,
    headers: String,
    endpoint: String,
}

impl Draft {
    fn of(fields: &Fields) -> Draft {
        let whole = |name| fields.whole(name).unwrap_or_default().to_owned();
        Draft {
            preset: whole("preset"),
            secret: whole("secret"),
            body: whole("body"),
            headers: whole("headers"),
            endpoint: whole("endpoint"),
        }
    }

    fn source_secret(&self) -> Result<SourceSecret, String> {
        let secret = SourceSecret::parse(&SecretString::from(self.secret.as_str()));
        secret.map_err(|error| format!("The secret: {error}"))
    }

    /// The request that the payload comes in, with these headers.
    fn asked<'a>(
        &'a self,
        given: &'a [(HeaderName, HeaderValue)],
        now: Timestamp,
    ) -> Result<TestRequest<'a>, String> {
        Ok(TestRequest {
            source: args::source("test")?,
            given,
            query: "",
            body: &self.body,
            now,
        })
    }
}

/// The form. If the address names a preset, the form holds a sample of what its sender sends.
pub(crate) async fn form(State(app): State<Arc<App>>, uri: Uri) -> Response {
    let preset = uri.query().and_then(|query| query.strip_prefix("preset="));
    let mut draft = preset.and_then(sample).unwrap_or_default();
    draft.endpoint = match &app.webhooks {
        Some(webhooks) if !draft.preset.is_empty() => format!("{webhooks}{}", draft.preset),
        _ => String::new(),
    };
    let tried = (!draft.secret.is_empty()).then(|| tried(&draft));
    let content = view::whole(&app, &draft, tried.as_ref());
    std::future::ready(page::page(&app, Place::Sources, &content)).await
}

/// Tests the fields of the form.
pub(crate) async fn try_out(
    State(app): State<Arc<App>>,
    Extension(fields): Extension<Fields>,
) -> Response {
    let draft = Draft::of(&fields);
    let tried = tried(&draft);
    let answer = match fields.has("part") {
        true => page::html(view::result(&draft, Some(&tried))),
        false => page::page(
            &app,
            Place::Sources,
            &view::whole(&app, &draft, Some(&tried)),
        ),
    };
    std::future::ready(answer).await
}

/// Signs the payload as its source would, and sends it.
pub(crate) async fn sign_and_send(
    State(app): State<Arc<App>>,
    Extension(fields): Extension<Fields>,
) -> Response {
    let draft = Draft::of(&fields);
    let sent = send::send(&app.https, &draft, Clock::system().now()).await;
    if let Ok(answer) = &sent {
        let status = answer.status.as_u16();
        super::note(&format!(
            "a webhook was signed and sent by hand: it was answered {status}"
        ));
    }
    let content = view::sent(&app, &draft, &tried(&draft), &sent);
    page::page(&app, Place::Sources, &content)
}

/// A sample of what a sender of this preset sends now.
fn sample(name: &str) -> Option<Draft> {
    let samples = samples();
    let sample = samples.iter().find(|sample| sample.source == name)?;
    let body = sample.body(Clock::system().now().as_millisecond());
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default();
    let body: Value = serde_json::from_str(&body).unwrap_or_default();
    let headers = match sample.media_type {
        "application/json" => String::new(),
        media_type => format!("content-type: {media_type}"),
    };
    Some(Draft {
        preset: name.to_owned(),
        secret: pretty(&sample.secret),
        body: pretty(&body),
        headers,
        endpoint: String::new(),
    })
}

/// The result for the payload, as `source test --json` prints it, or why it cannot be tested.
fn tried(draft: &Draft) -> Result<Value, String> {
    let secret = draft.source_secret()?;
    let now = Clock::system().now();
    let json = |found: &SourceTest<'_>| found.json();
    if let Ok(parked) = Unmapped::parse(&draft.body) {
        let source = parked.source();
        let source = source.map_err(|expected| format!("The parked item's source: {expected}"))?;
        return Ok(examine_parked(&parked, &secret, &source, now, json));
    }
    let given = headers(&draft.headers)?;
    Ok(examine(&secret, &draft.asked(&given, now)?, json))
}

/// Reads one header from each line.
fn headers(text: &str) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
        Some((name, HeaderValue::from_str(value.trim()).ok()?))
    };
    lines
        .map(|line| {
            header(line).ok_or_else(|| {
                "Headers: expected a name, a colon and a value in each line.".to_owned()
            })
        })
        .collect()
}
