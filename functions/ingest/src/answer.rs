//! Statuses and bodies of docs/contract.md "Webhook". Never 410: it would switch a sender off.

use std::fmt;

use domain::change::Fault;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use lambda_http::{Body, Response};
use serde_json::{Value, json};

/// When to send the same again, in seconds.
const RETRY_AFTER: u32 = 30;

/// Also what a signature is over: the text as it is read.
const NOT_ENCODED: &str = "content-encoding: expected none, or identity";

/// Why a request's changes are not all in the queue.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// 404, 405, 413, 415.
    Status(StatusCode),
    /// 415 to a body that is compressed.
    Encoded,
    /// One answer for every cause: signature, timestamp, token or source. The cause is for the log.
    Unauthorized(String),
    /// Faults of the body.
    Invalid(Vec<Fault>),
    /// The sender sends the same again later.
    Unavailable {
        /// Changes that are in the queue already.
        accepted: usize,
        /// For the log.
        detail: String,
    },
}

impl Refusal {
    pub(crate) fn unavailable(accepted: usize, detail: String) -> Refusal {
        Refusal::Unavailable { accepted, detail }
    }

    pub(crate) fn response(&self) -> Response<Body> {
        match self {
            Refusal::Status(status) => respond(*status, &json!({ "error": name(*status) })),
            Refusal::Encoded => {
                let error = "unsupportedContentEncoding";
                let body = json!({ "error": error, "message": NOT_ENCODED });
                let mut response = respond(StatusCode::UNSUPPORTED_MEDIA_TYPE, &body);
                response.headers_mut().insert(
                    header::ACCEPT_ENCODING,
                    HeaderValue::from_static("identity"),
                );
                response
            }
            Refusal::Unauthorized(_) => respond(
                StatusCode::UNAUTHORIZED,
                &json!({ "error": "unauthorized" }),
            ),
            Refusal::Invalid(faults) => {
                let details: Vec<_> = faults.iter().map(detail).collect();
                respond(
                    StatusCode::BAD_REQUEST,
                    &json!({ "error": "invalidChange", "details": details }),
                )
            }
            Refusal::Unavailable { accepted, .. } => {
                let body = json!({ "error": "unavailable", "accepted": accepted });
                let mut response = respond(StatusCode::SERVICE_UNAVAILABLE, &body);
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, RETRY_AFTER.into());
                response
            }
        }
    }
}

/// For the log: nothing that the sender wrote.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Status(status) => f.write_str(name(*status)),
            Refusal::Encoded => f.write_str(NOT_ENCODED),
            Refusal::Unauthorized(detail) => f.write_str(detail),
            Refusal::Invalid(faults) => {
                let first = faults.first().map(ToString::to_string).unwrap_or_default();
                match faults.len() {
                    1 => write!(f, "1 fault: {first}"),
                    several => write!(f, "{several} faults, the first: {first}"),
                }
            }
            Refusal::Unavailable { detail, .. } => f.write_str(detail),
        }
    }
}

/// What became of a request that is not refused.
pub(crate) struct Accepted {
    /// Changes that are in the queue.
    pub(crate) accepted: usize,
    /// Items that are in the dead-letter queue, where the source parks them.
    pub(crate) parked: Option<usize>,
}

impl Accepted {
    pub(crate) fn response(&self) -> Response<Body> {
        let mut body = json!({ "accepted": self.accepted });
        if let Some(parked) = self.parked {
            body["parked"] = parked.into();
        }
        respond(StatusCode::ACCEPTED, &body)
    }
}

/// The answer to a sender that asks by OPTIONS whether it may send (CloudEvents, "HTTP 1.1 Web Hooks for
/// Event Delivery", "Abuse protection"): anybody may ask, whatever the path, and it says nothing of who is
/// let in.
pub(crate) fn may_send(headers: &HeaderMap) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    let answer = response.headers_mut();
    answer.insert(header::ALLOW, HeaderValue::from_static("POST, OPTIONS"));
    if headers.contains_key("webhook-request-origin") {
        for name in ["webhook-allowed-origin", "webhook-allowed-rate"] {
            answer.insert(name, HeaderValue::from_static("*"));
        }
    }
    response
}

fn detail(fault: &Fault) -> Value {
    json!({ "pointer": fault.pointer, "code": fault.code.as_str(), "message": fault.message })
}

fn name(status: StatusCode) -> &'static str {
    match status {
        StatusCode::METHOD_NOT_ALLOWED => "methodNotAllowed",
        StatusCode::PAYLOAD_TOO_LARGE => "tooLarge",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupportedMediaType",
        _ => "notFound",
    }
}

fn respond(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::Text(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}
