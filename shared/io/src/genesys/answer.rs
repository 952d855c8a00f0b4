//! The meaning of an answer that is no success, and of a missing answer (docs/design.md "Failure
//! table").

use std::time::Duration;

use bytes::Bytes;
use domain::failure::{Failure, Kind};
use domain::retry::UNNAMED;
use http::Response;

use super::wire;
use crate::http::TransportError;

/// A failure because no time was left to make a call.
pub(super) fn out_of_time() -> Failure {
    Failure::new(Kind::OutOfTime, "the invocation is nearly out of time")
}

/// A failure because there was no answer. `is_cut_short` says that the call was given less time
/// than usual.
pub(super) fn unanswered(what: &str, error: TransportError, is_cut_short: bool) -> Failure {
    let kind = match error {
        TransportError::TimedOut if is_cut_short => Kind::OutOfTime,
        TransportError::TimedOut => Kind::Unanswered,
        TransportError::Lost => Kind::Lost,
        TransportError::TooLarge => Kind::Unavailable,
    };
    Failure::new(kind, format!("{what}: {error}"))
}

/// The meaning of an answer that is no success. `after` says how long to make no call after a 429.
pub(super) fn answer_failure(
    what: &str,
    answer: &Response<Bytes>,
    after: Option<Duration>,
) -> Failure {
    let status = answer.status();
    let body: Option<wire::ErrorBody> = serde_json::from_slice(answer.body()).ok();
    let code = body
        .and_then(|body| body.code.or(body.error))
        .filter(|code| is_plain(code));
    let kind = match status.as_u16() {
        // Both mean that there is no such contact (docs/genesys-cloud.md "One contact").
        400 if code.as_deref() == Some("contact.does.not.exist") => Kind::NotFound,
        400 | 413 => Kind::Rejected,
        401 | 403 => Kind::Refused,
        // A 404 may mean that the contact or the campaign is missing. The code says which.
        404 if code.as_deref() == Some("campaign.not.found") => Kind::UnknownCampaign,
        404 => Kind::NotFound,
        409 => Kind::Conflict,
        429 => Kind::Throttled {
            after: after.unwrap_or(UNNAMED),
        },
        // A correct client of a healthy service gets no other answer, so a retry may help.
        _ => Kind::Unavailable,
    };
    let detail = match &code {
        Some(code) => format!("{what}: {} {code}", status.as_u16()),
        None => format!("{what}: {}", status.as_u16()),
    };
    let correlation_id = answer
        .headers()
        .get("inin-correlation-id")
        .and_then(|id| id.to_str().ok());
    let correlation_id = correlation_id.filter(|id| is_plain(id)).map(str::to_owned);
    Failure {
        kind,
        detail,
        http_status: Some(status.as_u16()),
        code,
        correlation_id,
    }
}

/// Whether a text is a code or an id. Other texts may quote what was sent.
fn is_plain(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}
