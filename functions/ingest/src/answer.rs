//! The statuses and bodies of docs/contract.md "Webhook". There is no 410, which would make senders
//! stop for good. Why a request is refused is decided elsewhere: in `auth`, `body` and `webhook`.

use std::fmt;

use domain::change::Fault;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use lambda_http::{Body, Response};
use serde_json::{Value, json};

/// The value of `Retry-After`, in seconds.
const RETRY_AFTER: u32 = 30;

/// Signatures are over the text as it is read, so the body must not be compressed.
const NOT_ENCODED: &str = "content-encoding: expected none, or identity";

/// The reason for which a request's changes are not all in the queue.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Status 404, 405, 413 or 415.
    Status(StatusCode),
    /// Status 415: the body is compressed.
    Encoded,
    /// Status 401. The answer is the same for signature, timestamp, token and source. The cause is
    /// for the log.
    Unauthorized(String),
    /// Status 400: the faults of the body.
    Invalid(Vec<Fault>),
    /// Status 503: the sender must send the same again later.
    Unavailable {
        /// How many changes are in the queue already.
        accepted: usize,
        /// The cause, for the log.
        detail: String,
    },
}

impl Refusal {
    pub(crate) fn unavailable(accepted: usize, detail: String) -> Refusal {
        Refusal::Unavailable { accepted, detail }
    }

    /// The status of the answer.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Refusal::Status(status) => *status,
            Refusal::Encoded => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Refusal::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Refusal::Invalid(_) => StatusCode::BAD_REQUEST,
            Refusal::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub(crate) fn response(&self) -> Response<Body> {
        let respond = |body| respond(self.status(), body);
        match self {
            Refusal::Status(status) => respond(&json!({ "error": name(*status) })),
            Refusal::Encoded => {
                let error = "unsupportedContentEncoding";
                let body = json!({ "error": error, "message": NOT_ENCODED });
                let mut response = respond(&body);
                response.headers_mut().insert(
                    header::ACCEPT_ENCODING,
                    HeaderValue::from_static("identity"),
                );
                response
            }
            Refusal::Unauthorized(_) => respond(&json!({ "error": "unauthorized" })),
            Refusal::Invalid(faults) => {
                let details: Vec<_> = faults.iter().map(detail).collect();
                respond(&json!({ "error": "invalidChange", "details": details }))
            }
            Refusal::Unavailable { accepted, .. } => {
                let body = json!({ "error": "unavailable", "accepted": accepted });
                let mut response = respond(&body);
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, RETRY_AFTER.into());
                response
            }
        }
    }
}

/// The text for the log. It holds nothing that the sender wrote.
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

/// The result of a request that is not refused.
pub(crate) struct Accepted {
    /// How many changes are in the queue.
    pub(crate) accepted: usize,
    /// How many items are in the dead-letter queue, if the source parks items.
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

/// The answer to a sender that asks by OPTIONS whether it may send (CloudEvents, "HTTP 1.1 Web
/// Hooks for Event Delivery", "Abuse protection"). Anybody may ask with any path, and the answer
/// does not tell who is let in.
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
